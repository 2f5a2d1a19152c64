//! Trials of failures that may be flaky: one row for each failure on each commit.
//!
//! Races: two steps count on the same commit at once: the row adds up. A step that lost its lease
//! counts nothing, because it writes nothing.

use async_trait::async_trait;

use super::apply::run;
use super::db::{Tx, args};
use super::rows::{inconsistent, number};
use super::{SqlStore, sql, unavailable};
use crate::domain::failure::Fingerprint;
use crate::domain::flakes::{Past, Shown};
use crate::domain::ids::{RepoId, RepoSlug, Timestamp};
use crate::ports::flakes::{FlakeStore, PASTS_MAX};
use crate::ports::store::{StoreError, Tried};

/// Fingerprint, test, title, times gone, times there again, the last trial.
type PastRow = (String, Option<String>, String, i64, i64, i64);

#[async_trait]
impl FlakeStore for SqlStore {
    async fn pasts(&self, repo: RepoId, since: Timestamp) -> Result<Vec<Past>, StoreError> {
        let most = i64::try_from(PASTS_MAX).unwrap_or(i64::MAX);
        let args = args![number(repo.get()), since.millis(), most];
        let rows: Vec<PastRow> =
            self.db.rows(sql::flakes::PASTS, args).await.map_err(unavailable)?;
        let count = |times: i64| u32::try_from(times).unwrap_or(u32::MAX);
        let past = |(fingerprint, test, title, gone, again, last): PastRow| Past {
            fingerprint: Fingerprint::from_stored(fingerprint),
            test,
            title,
            gone: count(gone),
            again: count(again),
            last: Timestamp::from_millis(last),
        };
        Ok(rows.into_iter().map(past).collect())
    }

    async fn tried(&self, since: Timestamp) -> Result<Vec<(RepoId, RepoSlug)>, StoreError> {
        let rows: Vec<(i64, String)> = self
            .db
            .rows(sql::flakes::TRIED_REPOS, args![since.millis()])
            .await
            .map_err(unavailable)?;
        let read = |(id, slug): (i64, String)| {
            let wrong = |error: &dyn std::fmt::Display| inconsistent("repos", id, error);
            let slug = RepoSlug::parse(&slug).map_err(|error| wrong(&error))?;
            let id = u64::try_from(id).map_err(|error| wrong(&error))?;
            Ok((RepoId::new(id), slug))
        };
        rows.into_iter().map(read).collect()
    }

    async fn forget_trials(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        let rows = run(&mut tx, sql::flakes::FORGET_TRIALS, args![before.millis()]).await?;
        tx.commit().await.map_err(unavailable)?;
        Ok(rows)
    }
}

/// Counts trials, if there are any, in the transaction of the step that saw them.
pub(super) async fn add(
    tx: &mut Tx,
    tried: Option<&Tried>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(tried) = tried else { return Ok(()) };
    for trial in &tried.trials {
        let args = args![
            number(tried.repo.get()),
            trial.fingerprint.as_str(),
            tried.head.as_str(),
            number(tried.number.get()),
            trial.test.clone(),
            trial.title.as_str(),
            i64::from(trial.shown == Shown::Gone),
            i64::from(trial.shown == Shown::Again),
            now.millis(),
        ];
        run(tx, sql::flakes::ADD_TRIAL, args).await?;
    }
    Ok(())
}
