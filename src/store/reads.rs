//! Reads: what is known, without a lease.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use sqlx::FromRow;

use super::db::{Db, Tx, args};
use super::records::{self, rows};
use super::rows::{CaseRow, DocumentRow, PullRow, inconsistent, number};
use super::steps::given;
use super::together::Together;
use super::{SqlStore, autonomy, figures, sql, unavailable};
use crate::domain::attempt::AttemptRecord;
use crate::domain::case::Case;
use crate::domain::evidence::Evidence;
use crate::domain::ids::{
    AttemptId, Branch, CaseId, CheckRunId, CommentId, PrNumber, RepoId, RunId, Sha, Timestamp,
};
use crate::domain::pull::{PullHead, PullState};
use crate::ports::forge::PublishedCheck;
use crate::ports::store::{Backlog, PullRecord, RunnerView, StoreError, Usage};

/// The window of the daily budget.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Attempts today, at work, for the installation, in all; cases that go on; the repository.
type UsageRow = (i64, i64, i64, i64, i64, i64);

/// A repository, and since when attempts are counted.
type Budget = (i64, i64);

/// A pull request, and one of its heads.
type Headed = (i64, i64, String);

fn usage(row: &UsageRow) -> Usage {
    let (today, running, installation, all, cases, _) = *row;
    let count = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
    Usage {
        attempts_today: count(today),
        attempts_running: count(running),
        installation_running: count(installation),
        all_running: count(all),
        cases_open: count(cases),
    }
}

fn budget(repo: RepoId, now: Timestamp) -> Budget {
    (number(repo.get()), now.plus_ms(-DAY_MS).millis())
}

/// How much of a repository's budget is used, as a transaction sees it.
pub(super) async fn used_in(
    tx: &mut Tx,
    repo: RepoId,
    now: Timestamp,
) -> Result<Usage, StoreError> {
    let (repo, since) = budget(repo, now);
    let given = given(vec![json!({ "repo_id": repo, "since_ms": since })]);
    let rows = tx.rows(sql::cases::USAGE, given).await.map_err(unavailable)?;
    Ok(rows.first().map(usage).unwrap_or_default())
}

/// Reads that are asked for at the same time, each kind by one statement.
#[derive(Debug, Default)]
pub(super) struct Reads {
    heads_at: Together<(i64, String), Vec<PullRow>>,
    pulls_of: Together<(i64, i64), Option<i64>>,
    usage: Together<Budget, Usage>,
    checks: Together<Headed, Option<PublishedCheck>>,
    pub(super) records: Together<autonomy::Class, autonomy::RecordRows>,
    pub(super) fixes: Together<figures::Failed, Vec<figures::FixRow>>,
}

async fn heads_at(db: Db, about: Vec<(i64, String)>) -> Result<Vec<Vec<PullRow>>, StoreError> {
    let given = about.iter().map(|(repo, sha)| json!({ "repo_id": repo, "sha": sha }));
    let mut found: HashMap<(i64, String), Vec<PullRow>> = HashMap::new();
    for row in rows::<PullRow>(&db, sql::pulls::PULLS_AT, once(given)).await? {
        found.entry(row.head_key()).or_default().push(row);
    }
    Ok(about.iter().map(|key| found.get(key).cloned().unwrap_or_default()).collect())
}

async fn pulls_of(db: Db, about: Vec<(i64, i64)>) -> Result<Vec<Option<i64>>, StoreError> {
    let given = about.iter().map(|(repo, run)| json!({ "repo_id": repo, "run_id": run }));
    let found = rows::<(i64, i64, i64)>(&db, sql::runners::PULLS_OF_RUNS, once(given)).await?;
    let found: HashMap<_, _> = found.into_iter().map(|(repo, run, of)| ((repo, run), of)).collect();
    Ok(about.iter().map(|key| found.get(key).copied()).collect())
}

async fn usages(db: Db, about: Vec<Budget>) -> Result<Vec<Usage>, StoreError> {
    let given = about.iter().map(|(repo, since)| json!({ "repo_id": repo, "since_ms": since }));
    // Since when hardly differs: of two for one repository either answer will do.
    let found = rows::<UsageRow>(&db, sql::cases::USAGE, once(given)).await?;
    let found: HashMap<i64, Usage> = found.iter().map(|row| (row.5, usage(row))).collect();
    Ok(about.iter().map(|(repo, _)| found.get(repo).copied().unwrap_or_default()).collect())
}

async fn checks(db: Db, about: Vec<Headed>) -> Result<Vec<Option<PublishedCheck>>, StoreError> {
    let given = about
        .iter()
        .map(|(repo, pull, head)| json!({ "repo_id": repo, "number": pull, "head": head }));
    let found =
        rows::<(i64, i64, String, i64, i64)>(&db, sql::effects::CHECKS, once(given)).await?;
    let found: HashMap<Headed, PublishedCheck> = found
        .into_iter()
        .map(|(repo, pull, head, id, sent)| {
            let id = CheckRunId::new(u64::try_from(id).unwrap_or(0));
            let annotations_sent = u32::try_from(sent).unwrap_or(0);
            ((repo, pull, head), PublishedCheck { id, annotations_sent })
        })
        .collect();
    Ok(about.iter().map(|key| found.get(key).copied()).collect())
}

/// Each of these once: a row that is asked about twice would come twice.
pub(super) fn once(about: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut seen = HashSet::new();
    about.filter(|row| seen.insert(row.to_string())).collect()
}

/// How many pages find a place before the disk counts as having room: as many as a delivery takes.
const PROBES: usize = 32;

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

    /// What a read comes to that may be asked for by several at the same time.
    pub(super) async fn together<I, O, F>(
        &self,
        calls: &Together<I, O>,
        about: I,
        read: impl Fn(Db, Vec<I>) -> F + Send + 'static,
    ) -> Result<O, StoreError>
    where
        I: Clone + Send + 'static,
        O: Send + 'static,
        F: Future<Output = Result<Vec<O>, StoreError>> + Send + 'static,
    {
        let db = self.db.clone();
        calls.call(about, move |about| read(db.clone(), about)).await
    }

    pub(super) async fn heads_at(
        &self,
        repo: RepoId,
        sha: &Sha,
    ) -> Result<Vec<PullHead>, StoreError> {
        let about = (number(repo.get()), sha.as_str().to_owned());
        let rows = self.together(&self.reads.heads_at, about, heads_at).await?;
        let heads: Result<Vec<PullHead>, _> = rows.into_iter().map(PullRow::into_head).collect();
        let mut heads = heads?;
        heads.sort_by_key(|pull| (pull.state != PullState::Open, pull.number));
        Ok(heads)
    }

    pub(super) async fn heads_onto(
        &self,
        repo: RepoId,
        base: &Branch,
    ) -> Result<Vec<PullHead>, StoreError> {
        self.heads(sql::pulls::PULLS_ONTO, args![number(repo.get()), base.as_str()]).await
    }

    pub(super) async fn heads_waiting_for(
        &self,
        repo: RepoId,
        base: &Branch,
    ) -> Result<Vec<PullHead>, StoreError> {
        self.heads(sql::pulls::WAITING_FOR_BASE, args![number(repo.get()), base.as_str()]).await
    }

    pub(super) async fn pull_record(
        &self,
        repo: RepoId,
        pull: PrNumber,
    ) -> Result<Option<PullRecord>, StoreError> {
        let key = (number(repo.get()), number(pull.get()));
        records::of_pulls(&self.db, &[key]).await?.remove(&key).transpose()
    }

    async fn attempts_of(&self, case: CaseId) -> Result<Vec<AttemptRecord>, StoreError> {
        let case = case.to_string();
        let found = records::of_cases(&self.db, vec![case.clone()]).await?.remove(&case);
        Ok(found.transpose()?.unwrap_or_default())
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
        let about = (number(repo.get()), number(run.get()));
        let pull = self.together(&self.reads.pulls_of, about, pulls_of).await?;
        Ok(pull.and_then(|pull| u64::try_from(pull).ok()).map(PrNumber::new))
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
        let about = (number(repo.get()), number(pull.get()), head.as_str().to_owned());
        self.together(&self.reads.checks, about, checks).await
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
        self.together(&self.reads.usage, budget(repo, now), usages).await
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

    /// Whether something can be written again: a disk that is full can still be read, and a page or two
    /// still find a place in what a larger write has left.
    async fn probe(&self) -> Result<(), StoreError> {
        for _ in 0..PROBES {
            let mut tx = self.db.begin().await.map_err(unavailable)?;
            tx.run(sql::upkeep::PROBE, args![]).await.map_err(unavailable)?;
            tx.commit().await.map_err(unavailable)?;
        }
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
