//! Apply: everything that one step decided, in one transaction, under its lease.
//!
//! The lease is checked first, by ending it: when the epoch is not ours any more, no row changes
//! and the whole transaction is rolled back. Steps that are written at the same time share a
//! transaction (`steps`).

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::db::{Db, Tx, args};
use super::reads::used_in;
use super::rows::{attempt_columns, inconsistent, number, place, pull_state, state_columns};
use super::steps::{self, Step};
use super::telling::{Leaves, Telling};
use super::{SqlStore, sql, unavailable};
use crate::domain::ask::{Ask, Heed};
use crate::domain::attempt::{Attempt, AttemptState};
use crate::domain::case::{Asked, Case};
use crate::domain::effect::{Class, Effect, EffectResult};
use crate::domain::evidence::Evidence;
use crate::domain::ids::{CaseId, EffectId, Timestamp};
use crate::domain::pull::{PullHead, Repo};
use crate::ports::store::{
    Ceiling, Changes, Finish, InstallationFact, InstallationState, Learned, Lease, StoreError, Work,
};

/// Steps that are written at the same time, and what each leaves.
pub(super) type Steps = super::together::Together<(Arc<Step>, Leaves), Result<(), StoreError>>;

impl SqlStore {
    pub(super) async fn applied(&self, lease: Lease, changes: Changes) -> Result<(), StoreError> {
        let now = changes.now;
        let leaves = if changes.effects.is_empty() && changes.wake.iter().all(|(.., at)| *at > now)
        {
            Leaves::Nothing
        } else {
            Leaves::Work
        };
        if !steps::fits(&changes) {
            let telling = self.told.telling(leaves, now);
            return alone(&self.db, &lease, &changes, telling).await;
        }
        let (db, told) = (self.db.clone(), Arc::clone(&self.told));
        let write = move |group: Vec<(Arc<Step>, Leaves)>| {
            let db = db.clone();
            let leave_work = group.iter().any(|(_, leaves)| *leaves == Leaves::Work);
            let leaves = if leave_work { Leaves::Work } else { Leaves::Nothing };
            let telling = told.telling(leaves, now);
            let group = group.into_iter().map(|(step, _)| step).collect();
            async move { steps::write(&db, group, telling).await }
        };
        let step = Arc::new(Step { lease, changes });
        self.steps.call((step, leaves), write).await?
    }
}

/// Writes one step in a transaction of its own.
pub(super) async fn alone(
    db: &Db,
    lease: &Lease,
    changes: &Changes,
    telling: Telling,
) -> Result<(), StoreError> {
    let mut tx = db.begin().await.map_err(unavailable)?;
    write(&mut tx, lease, changes).await?;
    if telling == Telling::Now {
        tx.tell().await.map_err(unavailable)?;
    }
    tx.commit().await.map_err(unavailable)
}

async fn write(tx: &mut Tx, lease: &Lease, changes: &Changes) -> Result<(), StoreError> {
    let now = changes.now;
    // Everybody takes locks in one order, so that no two steps wait for each other: repositories,
    // the leased row, pull requests.
    let mut repos: Vec<&Repo> = changes.pulls.iter().map(|pull| &pull.repo).collect();
    repos.sort_unstable_by_key(|repo| repo.id);
    repos.dedup_by_key(|repo| repo.id);
    for repo in repos {
        set_repo(tx, repo).await?;
    }
    if !finish(tx, lease, changes).await? {
        return Err(StoreError::LeaseLost(format!("{:?}", lease.work)));
    }
    for fact in &changes.installations {
        installation(tx, fact).await?;
    }
    for pull in &changes.pulls {
        set_pull(tx, pull).await?;
    }
    for (repo, pull, ask) in &changes.asks {
        set_ask(tx, (number(repo.get()), number(pull.get())), ask, now).await?;
    }
    for (key, heed) in &changes.answered {
        let heeded = i64::from(*heed == Heed::Lasting);
        run(tx, sql::pulls::ANSWER_ASK, args![key.as_str(), now.millis(), heeded]).await?;
    }
    for case in changes.case.iter().chain(&changes.successor) {
        set_case(tx, case).await?;
    }
    if let Some(ceiling) = &changes.begins {
        has_room(tx, ceiling, now).await?;
    }
    for attempt in &changes.attempts {
        set_attempt(tx, attempt).await?;
    }
    if let Some((case, evidence)) = &changes.evidence {
        set_evidence(tx, *case, evidence, now).await?;
    }
    super::flakes::add(tx, changes.tried.as_ref(), now).await?;
    for (id, effect) in &changes.effects {
        want(tx, *id, effect, now).await?;
    }
    super::figures::note(tx, std::iter::once(changes)).await.map_err(unavailable)?;
    super::remedies::file(tx, &changes.remedies, now).await?;
    learned(tx, &changes.learned).await?;
    wake_after_result(tx, lease, changes).await?;
    for (repo, pull, at) in &changes.wake {
        wake(tx, number(repo.get()), number(pull.get()), *at).await?;
    }
    Ok(())
}

pub(super) async fn run(
    tx: &mut Tx,
    statement: super::Statement,
    args: Vec<super::db::Arg>,
) -> Result<u64, StoreError> {
    tx.run(statement, args).await.map_err(unavailable)
}

/// What ending a lease writes into the leased row.
pub(super) struct End {
    pub state: &'static str,
    pub at: Option<i64>,
    pub failures: i64,
    pub error: Option<String>,
}

impl End {
    pub fn of(finish: &Finish) -> Self {
        let (state, at, failures, error) = match finish {
            Finish::Done => ("done", None, 0, None),
            Finish::At(at) => ("pending", Some(*at), 0, None),
            Finish::Retry { at, error } => ("pending", Some(*at), 1, Some(error.clone())),
            Finish::Park { error } => ("parked", None, 1, Some(error.clone())),
        };
        Self { state, at: at.map(Timestamp::millis), failures, error }
    }
}

/// Ends the lease; whether it was still ours.
async fn finish(tx: &mut Tx, lease: &Lease, changes: &Changes) -> Result<bool, StoreError> {
    let End { state, at, failures, error } = End::of(&changes.finish);
    let now = changes.now.millis();
    let due = at.unwrap_or(now);
    let rows = match &lease.work {
        Work::Delivery(id) => {
            let args = args![id.as_str(), lease.epoch, state, due, failures, error, now];
            run(tx, sql::inbox::FINISH_DELIVERY, args).await?
        }
        Work::Pull(repo, pull) => {
            let key = (number(repo.get()), number(pull.get()));
            let args = args![key.0, key.1, at, failures, error, lease.epoch];
            run(tx, sql::pulls::FINISH_PULL, args).await?
        }
        Work::Effect(id) => {
            let result = changes.result.as_ref().map(json).transpose()?;
            let args = args![id.to_string(), lease.epoch, state, due, failures, error, result, now];
            run(tx, sql::effects::FINISH_EFFECT, args).await?
        }
    };
    Ok(rows == 1)
}

pub(super) fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| inconsistent("none", "new", error))
}

async fn installation(tx: &mut Tx, fact: &InstallationFact) -> Result<(), StoreError> {
    let state = match fact.state {
        InstallationState::Active => "active",
        InstallationState::Suspended => "suspended",
        InstallationState::Deleted => "deleted",
    };
    let id = number(fact.id.get());
    run(tx, sql::pulls::SET_INSTALLATION, args![id, state]).await?;
    for repo in &fact.added {
        set_repo(tx, repo).await?;
    }
    for repo in &fact.removed {
        let repo = number(repo.get());
        if run(tx, sql::pulls::TAKE_REPO, args![repo, id]).await? == 1 {
            run(tx, sql::effects::PARK_REPO, args![repo]).await?;
        }
    }
    if fact.state == InstallationState::Deleted {
        run(tx, sql::effects::PARK_INSTALLATION, args![id]).await?;
    }
    Ok(())
}

async fn set_repo(tx: &mut Tx, repo: &Repo) -> Result<(), StoreError> {
    let installation = number(repo.installation.get());
    run(tx, sql::pulls::SEE_INSTALLATION, args![installation]).await?;
    let args = args![number(repo.id.get()), repo.slug.to_string(), installation];
    run(tx, sql::pulls::SET_REPO, args).await?;
    Ok(())
}

pub(super) async fn set_pull(tx: &mut Tx, pull: &PullHead) -> Result<(), StoreError> {
    let args = args![
        number(pull.repo.id.get()),
        number(pull.number.get()),
        pull.head.sha.as_str(),
        pull.head.branch.as_str(),
        pull.head.repo.map(|repo| number(repo.get())),
        pull.base.as_str(),
        pull_state(pull.state),
        pull.updated_at.millis(),
    ];
    run(tx, sql::pulls::SET_PULL, args).await?;
    Ok(())
}

/// Records an ask; one that is new wakes its pull request.
async fn set_ask(
    tx: &mut Tx,
    (repo, pull): (i64, i64),
    ask: &Ask,
    now: Timestamp,
) -> Result<(), StoreError> {
    let args = args![
        ask.key.as_str(),
        repo,
        pull,
        ask.kind.as_str(),
        ask.text.as_str(),
        number(ask.actor.id.get()),
        ask.actor.login.as_str(),
        ask.comment.map(|comment| number(comment.id.get())),
        ask.comment.map(|comment| place(comment.place).to_owned()),
        ask.at.millis(),
    ];
    if run(tx, sql::pulls::INSERT_ASK, args).await? == 1 {
        wake(tx, repo, pull, now).await?;
    }
    Ok(())
}

async fn set_case(tx: &mut Tx, case: &Case) -> Result<(), StoreError> {
    let (state, attempt, reason, note) = state_columns(&case.state);
    let auto_merge = case.auto_merge.as_ref().map(json).transpose()?;
    let args = args![
        case.id.to_string(),
        number(case.repo.id.get()),
        number(case.number.get()),
        case.opened_head.as_str(),
        case.head.as_str(),
        case.opened_at.millis(),
        case.since.millis(),
        state,
        attempt,
        reason.map(str::to_owned),
        note,
        i64::from(case.attempts),
        i64::from(case.reruns),
        i64::from(case.asked == Asked::ByPerson),
        json(&case.labels)?,
        auto_merge,
    ];
    run(tx, sql::cases::SET_CASE, args).await.map(drop)
}

async fn set_attempt(tx: &mut Tx, attempt: &Attempt) -> Result<(), StoreError> {
    let (reason, detail) = attempt_columns(&attempt.state);
    let args = args![
        attempt.id.to_string(),
        attempt.case.to_string(),
        i64::from(attempt.number),
        attempt.head.as_str(),
        attempt.planned_at.millis(),
        i64::from(attempt.dispatches),
        attempt.dispatched_at.millis(),
        attempt.state.as_str(),
        reason.map(str::to_owned),
        detail,
        attempt.note.clone(),
        json(&attempt.feedback)?,
        attempt.verdict.as_ref().map(json).transpose()?,
    ];
    run(tx, sql::cases::SET_ATTEMPT, args).await?;
    match attempt.state {
        AttemptState::Running => Ok(()),
        AttemptState::Held
        | AttemptState::Committing
        | AttemptState::Committed(_)
        | AttemptState::Ended(_) => super::checkpoints::forget(tx, attempt.id).await,
    }
}

/// Sees that one attempt more passes no limit. Who comes here at the same time waits, so none is passed.
async fn has_room(tx: &mut Tx, ceiling: &Ceiling, now: Timestamp) -> Result<(), StoreError> {
    run(tx, sql::cases::ONE_BY_ONE, args![]).await?;
    let used = used_in(tx, ceiling.repo, now).await?;
    if ceiling.admits(&used) { Ok(()) } else { Err(StoreError::NoRoom) }
}

async fn set_evidence(
    tx: &mut Tx,
    case: CaseId,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<(), StoreError> {
    let args = args![case.to_string(), evidence.head.as_str(), json(evidence)?, now.millis()];
    run(tx, sql::cases::SET_EVIDENCE, args).await.map(drop)
}

async fn want(
    tx: &mut Tx,
    id: EffectId,
    effect: &Effect,
    now: Timestamp,
) -> Result<(), StoreError> {
    let payload = json(effect)?;
    let digest = hex::encode(Sha256::digest(payload.as_bytes()));
    let statement = match effect.class() {
        Class::Once => sql::effects::WANT_ONCE,
        Class::Latest => sql::effects::WANT_LATEST,
    };
    let args = args![
        id.to_string(),
        effect.key(),
        effect.kind(),
        number(effect.repo.id.get()),
        effect.number.map(|pull| number(pull.get())),
        payload,
        digest,
        now.millis(),
    ];
    run(tx, statement, args).await?;
    Ok(())
}

async fn learned(tx: &mut Tx, learned: &Learned) -> Result<(), StoreError> {
    if let Some((repo, pull, head, check)) = &learned.check {
        let args = args![
            number(repo.get()),
            number(pull.get()),
            head.as_str(),
            number(check.id.get()),
            i64::from(check.annotations_sent),
        ];
        run(tx, sql::effects::SET_CHECK, args).await?;
    }
    if let Some((repo, pull, comment)) = &learned.comment {
        let args = args![number(repo.get()), number(pull.get()), number(comment.get())];
        run(tx, sql::effects::SET_COMMENT, args).await?;
    }
    if let Some((attempt, run_id)) = &learned.run {
        let args = args![attempt.to_string(), number(run_id.get())];
        run(tx, sql::runners::SET_RUN, args).await?;
    }
    Ok(())
}

pub(super) async fn wake(
    tx: &mut Tx,
    repo: i64,
    pull: i64,
    at: Timestamp,
) -> Result<(), StoreError> {
    run(tx, sql::pulls::WAKE_PULL, args![repo, pull, at.millis()]).await?;
    Ok(())
}

/// A case that waits for an effect's answer is looked at as soon as the answer is there.
async fn wake_after_result(
    tx: &mut Tx,
    lease: &Lease,
    changes: &Changes,
) -> Result<(), StoreError> {
    let (Work::Effect(id), Some(result)) = (&lease.work, &changes.result) else {
        return Ok(());
    };
    let rows: Vec<(String, i64, Option<i64>)> =
        tx.rows(sql::effects::EFFECT_TARGET, args![id.to_string()]).await.map_err(unavailable)?;
    let Some((kind, repo, Some(pull))) = rows.into_iter().next() else { return Ok(()) };
    if waits_for(&kind, result) {
        wake(tx, repo, pull, changes.now).await?;
    }
    Ok(())
}

/// Whether a case waits for that answer of an effect of that kind.
pub(super) fn waits_for(kind: &str, result: &EffectResult) -> bool {
    let done = matches!(result, EffectResult::Done { .. });
    matches!(kind, "commit" | "undo") || (kind == "dispatch" && !done)
}
