//! Steps: what several workers have decided at the same time, written in one transaction.
//!
//! Exactly as if each wrote alone (`apply`): every lease is ended under its epoch, and a group in which
//! one was lost, or that the database refuses, is undone and written one by one. So no step sees that
//! others were written with it, except that one flush and a dozen statements serve all of them. Steps
//! that are seldom, or that have to see what others have just written, are never part of a group.
//!
//! Races: those of `apply`; locks are taken in one order (repositories, pull requests, what is leased),
//! and if two replicas wait for each other all the same, the one that is refused goes on one by one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::apply::{self, End, waits_for};
use super::db::{Arg, Db, Tx, storable};
use super::rows::{number, pull_state, state_columns};
use super::telling::Telling;
use super::{Statement, sql, unavailable};
use crate::domain::case::{Asked, Case};
use crate::domain::effect::Class;
use crate::domain::pull::PullHead;
use crate::ports::store::{Changes, Lease, StoreError, Work};

/// What a worker decided, and its right to write it.
#[derive(Debug)]
pub(super) struct Step {
    pub lease: Lease,
    pub changes: Changes,
}

/// What an effect is about, as its row says it: id, kind, repository, pull request.
type Target = (String, String, i64, Option<i64>);

/// Why a group was not written as one.
enum Apart {
    /// Not all leases were still held.
    Lost,
    /// The database refused a statement; of which step is not known.
    Refused,
    /// The database could not be used at all.
    Store(StoreError),
}

impl From<sqlx::Error> for Apart {
    fn from(error: sqlx::Error) -> Self {
        if error.as_database_error().is_some() {
            Self::Refused
        } else {
            Self::Store(unavailable(error))
        }
    }
}

impl From<StoreError> for Apart {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Whether a step may be part of a group.
pub(super) fn fits(changes: &Changes) -> bool {
    changes.asks.is_empty()
        && changes.answered.is_empty()
        && changes.installations.is_empty()
        && changes.successor.is_none()
        && changes.attempts.is_empty()
        && changes.begins.is_none()
        && changes.tried.is_none()
        && changes.remedies.is_empty()
        && changes.learned.comment.is_none()
        && changes.learned.run.is_none()
}

/// Writes steps; each hears what came of its own.
pub(super) async fn write(
    db: &Db,
    steps: Vec<Arc<Step>>,
    telling: Telling,
) -> Result<Vec<Result<(), StoreError>>, StoreError> {
    if steps.len() > 1 {
        match in_one(db, &steps, telling).await {
            Ok(()) => return Ok(steps.iter().map(|_| Ok(())).collect()),
            Err(Apart::Store(error)) => return Err(error),
            Err(Apart::Lost | Apart::Refused) => {}
        }
    }
    let mut answers = Vec::with_capacity(steps.len());
    for step in steps {
        answers.push(apply::alone(db, &step.lease, &step.changes, telling).await);
    }
    Ok(answers)
}

async fn in_one(db: &Db, steps: &[Arc<Step>], telling: Telling) -> Result<(), Apart> {
    let changes = || steps.iter().map(|step| &step.changes);
    let mut tx = db.begin().await?;
    let pulls = newest(changes().flat_map(|changes| &changes.pulls));
    see_repos(&mut tx, &pulls).await?;
    lock_pulls(&mut tx, steps, &pulls).await?;
    let targets = finish(&mut tx, steps).await?;
    let wakes = wakes(steps, &targets);
    set_pulls(&mut tx, &pulls, &wakes).await?;
    wake_others(&mut tx, &pulls, wakes).await?;
    let cases: Vec<Value> = changes()
        .filter_map(|changes| changes.case.as_ref())
        .map(case_row)
        .collect::<Result<_, _>>()?;
    write_all(&mut tx, sql::steps::SET_CASES, cases).await?;
    set_evidence(&mut tx, steps).await?;
    super::figures::note(&mut tx, changes()).await?;
    want(&mut tx, steps).await?;
    set_checks(&mut tx, steps).await?;
    if telling == Telling::Now {
        tx.tell().await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Writes rows by one statement, when there are any; how many were written.
async fn write_all(tx: &mut Tx, set: Statement, rows: Vec<Value>) -> Result<u64, sqlx::Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    tx.run(set, given(rows)).await
}

/// Rows as the one argument of a statement.
pub(super) fn given(rows: Vec<Value>) -> Vec<Arg> {
    vec![Arg::from(Value::Array(rows).to_string())]
}

/// A text as the engines store it.
pub(super) fn text(text: impl Into<String>) -> Value {
    Value::String(storable(text.into()))
}

/// The newest facts about each pull request, in the order of their keys.
fn newest<'a>(all: impl Iterator<Item = &'a PullHead>) -> BTreeMap<(i64, i64), &'a PullHead> {
    let mut newest: BTreeMap<(i64, i64), &PullHead> = BTreeMap::new();
    for pull in all {
        let known = newest.entry(key_of(pull)).or_insert(pull);
        if known.updated_at <= pull.updated_at {
            *known = pull;
        }
    }
    newest
}

fn key_of(pull: &PullHead) -> (i64, i64) {
    (number(pull.repo.id.get()), number(pull.number.get()))
}

type Pulls<'a> = BTreeMap<(i64, i64), &'a PullHead>;

async fn see_repos(tx: &mut Tx, pulls: &Pulls<'_>) -> Result<(), sqlx::Error> {
    let repos: BTreeMap<i64, Value> = pulls
        .iter()
        .map(|((id, _), pull)| {
            let installation = number(pull.repo.installation.get());
            let slug = text(pull.repo.slug.to_string());
            let row = serde_json::json!({
                "id": id, "slug": slug, "installation_id": installation,
            });
            (*id, row)
        })
        .collect();
    let repos: Vec<Value> = repos.into_values().collect();
    write_all(tx, sql::steps::SEE_INSTALLATIONS, repos.clone()).await?;
    write_all(tx, sql::steps::SET_REPOS, repos).await?;
    Ok(())
}

/// Locks every pull request that the group writes to.
async fn lock_pulls(
    tx: &mut Tx,
    steps: &[Arc<Step>],
    pulls: &Pulls<'_>,
) -> Result<(), sqlx::Error> {
    if !tx.locks_rows() {
        return Ok(());
    }
    let mut keys: Vec<(i64, i64)> = pulls.keys().copied().collect();
    for step in steps {
        if let Work::Pull(repo, pull) = &step.lease.work {
            keys.push((number(repo.get()), number(pull.get())));
        }
        let woken = step.changes.wake.iter();
        keys.extend(woken.map(|(repo, pull, _)| (number(repo.get()), number(pull.get()))));
    }
    keys.sort_unstable();
    keys.dedup();
    let row = |(repo, pull)| serde_json::json!({ "repo_id": repo, "number": pull });
    let keys: Vec<Value> = keys.into_iter().map(row).collect();
    write_all(tx, sql::steps::LOCK_PULLS, keys).await?;
    Ok(())
}

/// Ends every lease; what the effects among them are about.
async fn finish(tx: &mut Tx, steps: &[Arc<Step>]) -> Result<Vec<Target>, Apart> {
    let (mut deliveries, mut pulls, mut effects) = (Vec::new(), Vec::new(), Vec::new());
    for step in steps {
        let End { state, at, failures, error } = End::of(&step.changes.finish);
        let (epoch, now) = (step.lease.epoch, step.changes.now.millis());
        let (error, due) = (error.map(text), at.unwrap_or(now));
        match &step.lease.work {
            Work::Delivery(id) => deliveries.push(serde_json::json!({
                "id": id.as_str(), "epoch": epoch, "state": state, "due_at_ms": due,
                "failures": failures, "error": error, "now_ms": now,
            })),
            Work::Pull(repo, pull) => pulls.push(serde_json::json!({
                "repo_id": number(repo.get()), "number": number(pull.get()), "epoch": epoch,
                "wake_at_ms": at, "failures": failures, "error": error,
            })),
            Work::Effect(id) => effects.push(serde_json::json!({
                "id": id.to_string(), "epoch": epoch, "state": state, "due_at_ms": due,
                "failures": failures, "error": error, "now_ms": now,
                "result": step.changes.result.as_ref().map(json).transpose()?,
            })),
        }
    }
    for (statement, rows) in
        [(sql::steps::FINISH_DELIVERIES, deliveries), (sql::steps::FINISH_PULLS, pulls)]
    {
        let count = rows.len() as u64;
        if write_all(tx, statement, rows).await? != count {
            return Err(Apart::Lost);
        }
    }
    if effects.is_empty() {
        return Ok(Vec::new());
    }
    let count = effects.len();
    let targets: Vec<Target> = tx.rows(sql::steps::FINISH_EFFECTS, given(effects)).await?;
    if targets.len() == count { Ok(targets) } else { Err(Apart::Lost) }
}

fn json<T: Serialize>(value: &T) -> Result<Value, StoreError> {
    apply::json(value).map(text)
}

/// Writes facts, and with them when their pull requests are to be looked at: a row is written once.
async fn set_pulls(tx: &mut Tx, pulls: &Pulls<'_>, wakes: &Wakes) -> Result<(), sqlx::Error> {
    let row = |((repo, number_of), pull): (&(i64, i64), &&PullHead)| {
        serde_json::json!({
            "repo_id": repo,
            "number": number_of,
            "head_sha": pull.head.sha.as_str(),
            "head_branch": text(pull.head.branch.as_str()),
            "head_repo_id": pull.head.repo.map(|repo| number(repo.get())),
            "base": text(pull.base.as_str()),
            "state": pull_state(pull.state),
            "updated_at_ms": pull.updated_at.millis(),
            "wake_at_ms": wakes.get(&(*repo, *number_of)),
        })
    };
    write_all(tx, sql::steps::SET_PULLS, pulls.iter().map(row).collect()).await?;
    Ok(())
}

/// A case as a row.
fn case_row(case: &Case) -> Result<Value, StoreError> {
    let (state, attempt, reason, note) = state_columns(&case.state);
    Ok(serde_json::json!({
        "id": case.id.to_string(),
        "repo_id": number(case.repo.id.get()),
        "number": number(case.number.get()),
        "opened_head": case.opened_head.as_str(),
        "head": case.head.as_str(),
        "opened_at_ms": case.opened_at.millis(),
        "since_ms": case.since.millis(),
        "state": state,
        "attempt_id": attempt,
        "reason": reason,
        "note": note.map(text),
        "attempts": case.attempts,
        "reruns": case.reruns,
        "asked": i64::from(case.asked == Asked::ByPerson),
        "labels": json(&case.labels)?,
        "auto_merge": case.auto_merge.as_ref().map(json).transpose()?,
    }))
}

async fn set_evidence(tx: &mut Tx, steps: &[Arc<Step>]) -> Result<(), Apart> {
    let mut rows = Vec::new();
    for changes in steps.iter().map(|step| &step.changes) {
        let Some((case, evidence)) = &changes.evidence else { continue };
        rows.push(serde_json::json!({
            "case_id": case.to_string(),
            "head": evidence.head.as_str(),
            "body": json(evidence)?,
            "read_at_ms": changes.now.millis(),
        }));
    }
    write_all(tx, sql::steps::SET_EVIDENCES, rows).await?;
    Ok(())
}

/// Wants what shall happen outside; of two wishes about the same the later one counts.
async fn want(tx: &mut Tx, steps: &[Arc<Step>]) -> Result<(), Apart> {
    let (mut once, mut latest) = (Vec::new(), BTreeMap::new());
    for changes in steps.iter().map(|step| &step.changes) {
        for (id, effect) in &changes.effects {
            let payload = apply::json(effect)?;
            let (key, digest) = (effect.key(), hex::encode(Sha256::digest(payload.as_bytes())));
            let row = serde_json::json!({
                "id": id.to_string(),
                "effect_key": text(key.clone()),
                "kind": effect.kind(),
                "repo_id": number(effect.repo.id.get()),
                "number": effect.number.map(|pull| number(pull.get())),
                "payload": text(payload),
                "digest": digest,
                "wanted_at_ms": changes.now.millis(),
            });
            match effect.class() {
                Class::Once => once.push(row),
                Class::Latest => drop(latest.insert(key, row)),
            }
        }
    }
    write_all(tx, sql::steps::WANT_EACH_ONCE, once).await?;
    write_all(tx, sql::steps::WANT_EACH_LATEST, latest.into_values().collect()).await?;
    Ok(())
}

async fn set_checks(tx: &mut Tx, steps: &[Arc<Step>]) -> Result<(), sqlx::Error> {
    let learned = steps.iter().filter_map(|step| step.changes.learned.check.as_ref());
    let rows: BTreeMap<_, Value> = learned
        .map(|(repo, pull, head, check)| {
            let row = serde_json::json!({
                "repo_id": number(repo.get()),
                "number": number(pull.get()),
                "head": head.as_str(),
                "check_run_id": number(check.id.get()),
                "annotations_sent": check.annotations_sent,
            });
            ((repo.get(), pull.get(), head.as_str()), row)
        })
        .collect();
    write_all(tx, sql::steps::SET_CHECKS, rows.into_values().collect()).await?;
    Ok(())
}

/// When pull requests are to be looked at.
type Wakes = BTreeMap<(i64, i64), i64>;

/// Which pull requests are woken: those that are to be, and those that wait for an effect's answer.
fn wakes(steps: &[Arc<Step>], targets: &[Target]) -> Wakes {
    let targets: HashMap<&str, &Target> =
        targets.iter().map(|target| (target.0.as_str(), target)).collect();
    let mut wakes = Wakes::new();
    let mut wake = |key: (i64, i64), at: i64| {
        let earliest = wakes.entry(key).or_insert(at);
        *earliest = at.min(*earliest);
    };
    for Step { lease, changes } in steps.iter().map(AsRef::as_ref) {
        for (repo, pull, at) in &changes.wake {
            wake((number(repo.get()), number(pull.get())), at.millis());
        }
        let (Work::Effect(id), Some(result)) = (&lease.work, &changes.result) else { continue };
        let Some((_, kind, repo, pull)) = targets.get(id.to_string().as_str()) else { continue };
        if let Some(pull) = pull.filter(|_| waits_for(kind, result)) {
            wake((*repo, pull), changes.now.millis());
        }
    }
    wakes
}

/// Wakes those of which no facts are written.
async fn wake_others(tx: &mut Tx, pulls: &Pulls<'_>, wakes: Wakes) -> Result<(), sqlx::Error> {
    let row = |((repo, pull), at)| serde_json::json!({ "repo_id": repo, "number": pull, "wake_at_ms": at });
    let others = wakes.into_iter().filter(|(key, _)| !pulls.contains_key(key));
    write_all(tx, sql::steps::WAKE_PULLS, others.map(row).collect()).await?;
    Ok(())
}
