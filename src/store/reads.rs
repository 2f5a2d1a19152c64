//! Reads: what is known, without a lease.

use sqlx::FromRow;

use super::db::args;
use super::rows::{AskRow, AttemptRow, CaseRow, DocumentRow, PullRow, inconsistent, number};
use super::{SqlStore, sql, unavailable};
use crate::domain::ask::Ask;
use crate::domain::attempt::AttemptRecord;
use crate::domain::case::Case;
use crate::domain::effect::{EffectResult, commit_key, dispatch_key};
use crate::domain::evidence::Evidence;
use crate::domain::ids::{
    AttemptId, Branch, CaseId, CheckRunId, CommentId, PrNumber, RepoId, RunId, Sha, Timestamp,
};
use crate::domain::pull::PullHead;
use crate::ports::forge::PublishedCheck;
use crate::ports::store::{Backlog, PullRecord, RunnerView, StoreError, Usage};

/// The window of the daily budget.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Attempts today, at work, for the installation, in all; cases that go on.
type UsageRow = (i64, i64, i64, i64, i64);

pub(super) fn usage_args(repo: RepoId, now: Timestamp) -> Vec<super::db::Arg> {
    args![number(repo.get()), now.plus_ms(-DAY_MS).millis()]
}

pub(super) fn usage(rows: Vec<UsageRow>) -> Usage {
    let (today, running, installation, all, cases) = rows.into_iter().next().unwrap_or_default();
    let count = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
    Usage {
        attempts_today: count(today),
        attempts_running: count(running),
        installation_running: count(installation),
        all_running: count(all),
        cases_open: count(cases),
    }
}

/// Asks in the order in which they were asked; no engine's order of texts is another's.
fn in_order(rows: Vec<AskRow>) -> Result<Vec<Ask>, StoreError> {
    let mut asks: Vec<Ask> = rows.into_iter().map(AskRow::into_ask).collect::<Result<_, _>>()?;
    asks.sort_by(|one, other| one.order().cmp(&other.order()));
    Ok(asks)
}

impl SqlStore {
    async fn first<T: super::db::Row>(
        &self,
        statement: super::Statement,
        args: Vec<super::db::Arg>,
    ) -> Result<Option<T>, StoreError> {
        let rows: Vec<T> = self.db.rows(statement, args).await.map_err(unavailable)?;
        Ok(rows.into_iter().next())
    }

    async fn heads(
        &self,
        statement: super::Statement,
        args: Vec<super::db::Arg>,
    ) -> Result<Vec<PullHead>, StoreError> {
        let rows: Vec<PullRow> = self.db.rows(statement, args).await.map_err(unavailable)?;
        rows.into_iter().map(PullRow::into_head).collect()
    }

    pub(super) async fn heads_at(
        &self,
        repo: RepoId,
        sha: &Sha,
    ) -> Result<Vec<PullHead>, StoreError> {
        self.heads(sql::pulls::PULLS_AT, args![number(repo.get()), sha.as_str()]).await
    }

    pub(super) async fn heads_onto(
        &self,
        repo: RepoId,
        base: &Branch,
    ) -> Result<Vec<PullHead>, StoreError> {
        self.heads(sql::pulls::PULLS_ONTO, args![number(repo.get()), base.as_str()]).await
    }

    pub(super) async fn pull_record(
        &self,
        repo: RepoId,
        pull: PrNumber,
    ) -> Result<Option<PullRecord>, StoreError> {
        let key = || args![number(repo.get()), number(pull.get())];
        let row: Option<PullRow> = self.first(sql::pulls::PULL, key()).await?;
        let Some(row) = row else { return Ok(None) };
        let case: Option<CaseRow> = self.first(sql::cases::LAST_CASE, key()).await?;
        let case = case.map(CaseRow::into_case).transpose()?;
        let attempts = match &case {
            Some(case) => self.attempts_of(case.id).await?,
            None => Vec::new(),
        };
        let asks: Vec<AskRow> = self.db.rows(sql::pulls::ASKS, key()).await.map_err(unavailable)?;
        let (open, answered): (Vec<_>, Vec<_>) = asks.into_iter().partition(AskRow::is_open);
        let (asks, heeded) = (in_order(open)?, in_order(answered)?);
        Ok(Some(PullRecord { head: row.into_head()?, case, attempts, asks, heeded, tries: 0 }))
    }

    async fn attempts_of(&self, case: CaseId) -> Result<Vec<AttemptRecord>, StoreError> {
        let rows: Vec<AttemptRow> = self
            .db
            .rows(sql::cases::ATTEMPTS, args![case.to_string()])
            .await
            .map_err(unavailable)?;
        let mut records = Vec::with_capacity(rows.len());
        for row in rows {
            let (attempt, report) = row.into_parts()?;
            let dispatch = dispatch_key(attempt.id, attempt.dispatches);
            let dispatched = self.result_under(&dispatch).await?;
            let committed = self.result_under(&commit_key(attempt.id)).await?;
            records.push(AttemptRecord { attempt, report, dispatched, committed });
        }
        Ok(records)
    }

    async fn result_under(&self, key: &str) -> Result<Option<EffectResult>, StoreError> {
        let row: Option<(Option<String>,)> =
            self.first(sql::effects::EFFECT_RESULT, args![key]).await?;
        row.and_then(|(text,)| text)
            .map(|text| {
                serde_json::from_str(&text).map_err(|error| inconsistent("effects", key, error))
            })
            .transpose()
    }

    async fn case(&self, id: &str) -> Result<Option<Case>, StoreError> {
        let row: Option<CaseRow> = self.first(sql::cases::CASE, args![id]).await?;
        row.map(CaseRow::into_case).transpose()
    }

    pub(super) async fn pull_of(
        &self,
        repo: RepoId,
        run: RunId,
    ) -> Result<Option<PrNumber>, StoreError> {
        let args = args![number(repo.get()), number(run.get())];
        let row: Option<(i64, i64)> = self.first(sql::runners::PULL_OF_RUN, args).await?;
        Ok(row.and_then(|(_, pull)| u64::try_from(pull).ok()).map(PrNumber::new))
    }

    pub(super) async fn evidence_of(
        &self,
        case: CaseId,
        head: &Sha,
    ) -> Result<Option<Evidence>, StoreError> {
        let args = args![case.to_string(), head.as_str()];
        let row: Option<(String,)> = self.first(sql::cases::EVIDENCE, args).await?;
        row.map(|(text,)| {
            serde_json::from_str(&text).map_err(|error| inconsistent("evidence", case, error))
        })
        .transpose()
    }

    pub(super) async fn check_on(
        &self,
        repo: RepoId,
        pull: PrNumber,
        head: &Sha,
    ) -> Result<Option<PublishedCheck>, StoreError> {
        let args = args![number(repo.get()), number(pull.get()), head.as_str()];
        let row: Option<(i64, i64)> = self.first(sql::effects::CHECK, args).await?;
        Ok(row.map(|(id, sent)| PublishedCheck {
            id: CheckRunId::new(u64::try_from(id).unwrap_or(0)),
            annotations_sent: u32::try_from(sent).unwrap_or(0),
        }))
    }

    pub(super) async fn comment_on(
        &self,
        repo: RepoId,
        pull: PrNumber,
    ) -> Result<Option<CommentId>, StoreError> {
        let args = args![number(repo.get()), number(pull.get())];
        let row: Option<(i64,)> = self.first(sql::effects::COMMENT, args).await?;
        Ok(row.and_then(|(id,)| u64::try_from(id).ok()).map(CommentId::new))
    }

    pub(super) async fn usage_of(&self, repo: RepoId, now: Timestamp) -> Result<Usage, StoreError> {
        let args = usage_args(repo, now);
        Ok(usage(self.db.rows(sql::cases::USAGE, args).await.map_err(unavailable)?))
    }

    pub(super) async fn view_of(
        &self,
        attempt: AttemptId,
    ) -> Result<Option<RunnerView>, StoreError> {
        let id = attempt.to_string();
        let row: Option<(String,)> =
            self.first(sql::cases::CASE_OF_ATTEMPT, args![id.clone()]).await?;
        let Some((case_id,)) = row else { return Ok(None) };
        let gone = || inconsistent("attempts", attempt, "its case is not there");
        let case = self.case(&case_id).await?.ok_or_else(gone)?;
        let mut earlier = self.attempts_of(case.id).await?;
        let at = earlier
            .iter()
            .position(|record| record.attempt.id == attempt)
            .ok_or_else(|| inconsistent("attempts", attempt, "not among its case's"))?;
        let record = earlier.remove(at);
        earlier.truncate(at);
        let documents: Vec<DocumentRow> =
            self.db.rows(sql::runners::DOCUMENTS, args![id.clone()]).await.map_err(unavailable)?;
        let documents =
            documents.into_iter().map(DocumentRow::into_document).collect::<Result<_, _>>()?;
        let runner: Option<(Option<String>, Option<i64>, Option<String>)> =
            self.first(sql::runners::RUNNER, args![id]).await?;
        let (hash, until, work) = runner.unwrap_or_default();
        let work_in_progress = work
            .map(|text| {
                serde_json::from_str(&text)
                    .map_err(|error| inconsistent("runner_reports", attempt, error))
            })
            .transpose()?;
        let evidence = self.evidence_of(case.id, &record.attempt.head).await?;
        let token = hash.zip(until.map(Timestamp::from_millis));
        Ok(Some(RunnerView { record, case, earlier, evidence, documents, work_in_progress, token }))
    }

    pub(super) async fn due_next(&self) -> Result<Option<Timestamp>, StoreError> {
        let row: Option<(Option<i64>,)> = self.first(sql::pulls::NEXT_DUE, args![]).await?;
        Ok(row.and_then(|(due,)| due).map(Timestamp::from_millis))
    }

    /// Whether something can be written again: a disk that is full can still be read.
    async fn probe(&self) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        tx.run(sql::upkeep::PROBE, args![]).await.map_err(unavailable)?;
        tx.commit().await.map_err(unavailable)?;
        self.inbox.works();
        Ok(())
    }

    pub(super) async fn waiting(&self) -> Result<Backlog, StoreError> {
        #[derive(FromRow)]
        struct Waiting {
            deliveries: i64,
            pulls: i64,
            effects: i64,
            parked: i64,
        }
        if self.inbox.is_failing() {
            self.probe().await?;
        }
        let row: Option<Waiting> = self.first(sql::pulls::BACKLOG, args![]).await?;
        let count = |value: i64| u64::try_from(value).unwrap_or(0);
        Ok(row.map_or_else(Backlog::default, |row| Backlog {
            deliveries: count(row.deliveries),
            pulls: count(row.pulls),
            effects: count(row.effects),
            parked: count(row.parked),
        }))
    }
}
