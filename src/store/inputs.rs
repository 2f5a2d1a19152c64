//! Inputs of attempts: what runners were given, as JSON; what fixers were told, packed.
//!
//! Races: a runner that was replaced tells a prompt (its token is not the one that is known any more), one
//! arrives after the attempt's end: the statement that writes it decides. The same is told again, because
//! its answer was lost: it is there already. Two are told at once: one of them is asked to come again.

use async_trait::async_trait;

use super::db::{Arg, args};
use super::packing::{pack, unpack};
use super::rows::{inconsistent, number};
use super::runners::{refusal, sat_on};
use super::{SqlStore, sql, unavailable};
use crate::domain::ids::{AttemptId, Timestamp};
use crate::domain::inputs::{GIVEN_MAX, Given, PROMPTS_MAX, Prompt, digest};
use crate::ports::inputs::{GivenAt, InputStore, PromptAt};
use crate::ports::store::{Seat, StoreError};

/// A row of prompts: digest, round, fixer, length, bytes, time.
type PromptRow = (String, i64, String, Option<i64>, Vec<u8>, i64);

#[async_trait]
impl InputStore for SqlStore {
    async fn keep_given(
        &self,
        attempt: AttemptId,
        given: &Given,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let json = serde_json::to_string(given)
            .map_err(|error| inconsistent("inputs_given", attempt, error))?;
        let most = number(GIVEN_MAX as u64);
        let args = args![attempt.to_string(), digest(&json), json, now.millis(), most];
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        tx.run(sql::inputs::KEEP_GIVEN, args).await.map_err(unavailable)?;
        tx.commit().await.map_err(unavailable)
    }

    async fn keep_prompt(
        &self,
        seat: &Seat,
        prompt: &Prompt,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let packed = pack(prompt.text.as_bytes());
        let mut args = sat_on(seat);
        let round = i64::from(prompt.round);
        args.extend(args![digest(&prompt.text), round, prompt.fixer.as_str(), packed.length]);
        args.push(Arg::Bytes(packed.bytes));
        args.extend(args![now.millis(), number(PROMPTS_MAX as u64)]);
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        if tx.run(sql::inputs::KEEP_PROMPT, args).await.map_err(unavailable)? == 0
            && let Some(refused) = refusal(&mut tx, seat).await?
        {
            return Err(refused);
        }
        tx.commit().await.map_err(unavailable)
    }

    async fn given(&self, attempt: AttemptId) -> Result<Vec<GivenAt>, StoreError> {
        let args = args![attempt.to_string()];
        let rows: Vec<(String, i64)> =
            self.db.rows(sql::inputs::GIVEN, args).await.map_err(unavailable)?;
        let read = |(json, at): (String, i64)| {
            let given = serde_json::from_str(&json)
                .map_err(|error| inconsistent("inputs_given", attempt, error))?;
            Ok(GivenAt { given, at: Timestamp::from_millis(at) })
        };
        rows.into_iter().map(read).collect()
    }

    async fn prompts(&self, attempt: AttemptId) -> Result<Vec<PromptAt>, StoreError> {
        let id = attempt.to_string();
        let rows: Vec<PromptRow> =
            self.db.rows(sql::inputs::PROMPTS, args![id.clone()]).await.map_err(unavailable)?;
        let wrong = |error: &dyn std::fmt::Display| inconsistent("inputs_prompts", &id, error);
        let read = |(sha256, round, fixer, length, bytes, at): PromptRow| {
            let text = unpack(("inputs_prompts", &id), bytes, length)?;
            let text = String::from_utf8(text.to_vec()).map_err(|error| wrong(&error))?;
            let round = u8::try_from(round).map_err(|error| wrong(&error))?;
            let prompt = Prompt { round, fixer, text };
            Ok(PromptAt { prompt, sha256, at: Timestamp::from_millis(at) })
        };
        rows.into_iter().map(read).collect()
    }
}
