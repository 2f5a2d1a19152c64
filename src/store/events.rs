//! Live events on both engines: runs of lines, packed; beside them a row that says how far they are.
//!
//! Invariant: the runs of an attempt follow each other without a gap, from whatever was forgotten to
//! the number before `next_seq`.
//!
//! Races: the same events come twice at the same moment, because an answer was lost: who keeps events
//! of an attempt waits for its row, and what is there already is not kept again. Another runner is let
//! in meanwhile: whose token is not the last one's keeps none.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::db::{Arg, Tx, args};
use super::packing::{pack, unpack};
use super::rows::{inconsistent, number};
use super::runners::{not_heard, sat_on};
use super::{SqlStore, sql, unavailable};
use crate::domain::ids::{AttemptId, Timestamp};
use crate::ports::events::{EventRun, EventStore, KeptEvents, NewEvents, Standing};
use crate::ports::store::StoreError;

/// Runs that one question looks at: a reader that has fallen behind asks again.
const RUNS_READ_MAX: i64 = 64;

/// Attempts whose events are forgotten before others may write again.
const FORGOTTEN_AT_ONCE: i64 = 20;

/// First number, how many, bytes, when, packed lines.
type RunRow = (i64, i64, i64, i64, Vec<u8>);

fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// How far the events of an attempt are, for whoever keeps more of them.
async fn stream(tx: &mut Tx, new: &NewEvents) -> Result<(u64, u64), StoreError> {
    let id = new.seat.attempt.to_string();
    // The second look finds what the first one began, or what somebody else began meanwhile.
    for _ in 0..2 {
        let rows: Vec<(i64, i64)> =
            tx.rows(sql::events::EVENT_STREAM, sat_on(&new.seat)).await.map_err(unavailable)?;
        if let Some((next, bytes)) = rows.into_iter().next() {
            return Ok((count(next), count(bytes)));
        }
        let args = args![id.as_str(), new.now.millis()];
        tx.run(sql::events::BEGIN_EVENTS, args).await.map_err(unavailable)?;
    }
    Err(not_heard(tx, &new.seat).await)
}

#[async_trait]
impl EventStore for SqlStore {
    async fn keep_events(&self, new: NewEvents) -> Result<KeptEvents, StoreError> {
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        let (next, bytes) = stream(&mut tx, &new).await?;
        if new.first > next {
            return Ok(KeptEvents::Gap { next });
        }
        let known = usize::try_from(next - new.first).unwrap_or(usize::MAX);
        let Some(lines) = new.lines.get(known..).filter(|lines| !lines.is_empty()) else {
            return Ok(KeptEvents::From { new: next, next });
        };
        let body = lines.join("\n");
        let more = body.len() as u64;
        if bytes + more > new.bytes_max {
            return Ok(KeptEvents::Full);
        }
        let packed = pack(body.as_bytes()).bytes;
        let (id, packed_bytes) = (new.seat.attempt.to_string(), number(packed.len() as u64));
        let mut args = args![
            id.as_str(),
            number(next),
            number(lines.len() as u64),
            number(more),
            new.now.millis(),
        ];
        args.push(Arg::Bytes(packed));
        tx.run(sql::events::KEEP_EVENTS, args).await.map_err(unavailable)?;
        let after = next + lines.len() as u64;
        let args = args![id, number(after), number(more), packed_bytes, new.now.millis()];
        tx.run(sql::events::EVENTS_KEPT, args).await.map_err(unavailable)?;
        tx.commit().await.map_err(unavailable)?;
        Ok(KeptEvents::From { new: next, next: after })
    }

    async fn events(
        &self,
        attempt: AttemptId,
        from: u64,
        bytes_max: usize,
    ) -> Result<Vec<EventRun>, StoreError> {
        let bytes_max = number(bytes_max as u64);
        let args = args![attempt.to_string(), number(from), bytes_max, RUNS_READ_MAX];
        let rows: Vec<RunRow> =
            self.db.rows(sql::events::EVENTS, args).await.map_err(unavailable)?;
        let runs: Result<Vec<EventRun>, StoreError> =
            rows.into_iter().map(|row| run(attempt, row)).collect();
        Ok(runs?.into_iter().filter(|run| run.end() > from).collect())
    }

    async fn standings(&self, attempts: &[AttemptId]) -> Result<Vec<Standing>, StoreError> {
        let named: BTreeMap<String, AttemptId> =
            attempts.iter().map(|attempt| (attempt.to_string(), *attempt)).collect();
        let listed = named.keys().cloned().collect::<serde_json::Value>().to_string();
        let rows: Vec<(String, i64, i64)> =
            self.db.rows(sql::events::STANDINGS, args![listed]).await.map_err(unavailable)?;
        let standing = |(id, next, is_over): (String, i64, i64)| {
            let attempt = *named.get(&id)?;
            Some(Standing { attempt, next: count(next), is_over: is_over == 1 })
        };
        Ok(rows.into_iter().filter_map(standing).collect())
    }

    async fn forget_events(
        &self,
        before: Timestamp,
        packed_bytes_max: u64,
    ) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            let args = args![before.millis(), number(packed_bytes_max), FORGOTTEN_AT_ONCE];
            let old: Vec<(String,)> =
                self.db.rows(sql::events::OLD_EVENT_STREAMS, args).await.map_err(unavailable)?;
            let mut tx = self.db.begin().await.map_err(unavailable)?;
            for (attempt,) in &old {
                // Its row first: whoever keeps more of them meanwhile waits for it.
                for statement in [sql::events::EMPTY_EVENT_STREAM, sql::events::FORGET_EVENTS] {
                    tx.run(statement, args![attempt.as_str()]).await.map_err(unavailable)?;
                }
            }
            tx.commit().await.map_err(unavailable)?;
            gone += old.len() as u64;
            if number(old.len() as u64) < FORGOTTEN_AT_ONCE {
                return Ok(gone);
            }
        }
    }
}

fn run(
    attempt: AttemptId,
    (first, lines, bytes, at, packed): RunRow,
) -> Result<EventRun, StoreError> {
    let id = format!("{attempt}/{first}");
    // What does not get smaller is kept as it is.
    let is_packed = number(packed.len() as u64) != bytes;
    let body = unpack(("event_runs", &id), packed, is_packed.then_some(bytes))?;
    let text =
        std::str::from_utf8(&body).map_err(|error| inconsistent("event_runs", &id, error))?;
    let run = EventRun {
        first: count(first),
        at: Timestamp::from_millis(at),
        lines: text.split('\n').map(str::to_owned).collect(),
    };
    if run.lines.len() as u64 == count(lines) {
        Ok(run)
    } else {
        Err(inconsistent("event_runs", &id, "another number of lines than it says"))
    }
}
