//! Records: everything that the store knows of pull requests, of many by a handful of statements.
//!
//! A row that says what no code of ours writes spoils the record that it belongs to and no other.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::db::Db;
use super::rows::{AskRow, AttemptRow, CaseRow, PullRow, inconsistent};
use super::steps::{given, text};
use super::{sql, unavailable};
use crate::domain::ask::Ask;
use crate::domain::attempt::{Attempt, AttemptRecord, RunnerReport};
use crate::domain::effect::{EffectResult, commit_key, dispatch_key};
use crate::ports::store::{PullRecord, StoreError};

/// A pull request: its repository's number and its own.
pub(super) type Key = (i64, i64);

/// What there is of each; a pull request that is not known is left out.
type Found<K, T> = HashMap<K, Result<T, StoreError>>;

pub(super) fn key_row((repo, pull): Key) -> Value {
    json!({ "repo_id": repo, "number": pull })
}

/// What is known of pull requests.
pub(super) async fn of_pulls(db: &Db, keys: &[Key]) -> Result<Found<Key, PullRecord>, StoreError> {
    let keys: Vec<Value> = keys.iter().copied().map(key_row).collect();
    let heads: Vec<PullRow> = rows(db, sql::pulls::PULLS, keys.clone()).await?;
    let cases: Vec<CaseRow> = rows(db, sql::cases::LAST_CASES, keys.clone()).await?;
    let mut attempts = of_cases(db, cases.iter().map(|row| row.id().to_owned()).collect()).await?;
    let mut cases: HashMap<Key, CaseRow> = cases.into_iter().map(|row| (row.key(), row)).collect();
    let mut asks: HashMap<Key, Vec<AskRow>> = HashMap::new();
    for row in rows::<AskRow>(db, sql::pulls::ASKS, keys).await? {
        asks.entry(row.key()).or_default().push(row);
    }
    let mut undone = undone(db, &cases).await?;
    let record = |row: PullRow| {
        let key = row.key();
        let undone = undone.remove(&key);
        let case = cases.remove(&key);
        let attempts = case.as_ref().and_then(|row| attempts.remove(row.id()));
        let asks = asks.remove(&key).unwrap_or_default();
        let record = record(row, case, attempts, asks);
        (key, record.and_then(|record| Ok(PullRecord { undone: undone.transpose()?, ..record })))
    };
    Ok(heads.into_iter().map(record).collect())
}

fn record(
    head: PullRow,
    case: Option<CaseRow>,
    attempts: Option<Result<Vec<AttemptRecord>, StoreError>>,
    asks: Vec<AskRow>,
) -> Result<PullRecord, StoreError> {
    let (open, answered): (Vec<_>, Vec<_>) = asks.into_iter().partition(AskRow::is_open);
    Ok(PullRecord {
        head: head.into_head()?,
        case: case.map(CaseRow::into_case).transpose()?,
        attempts: attempts.transpose()?.unwrap_or_default(),
        asks: in_order(open)?,
        heeded: in_order(answered)?,
        undone: None,
        tries: 0,
    })
}

/// What came of taking commits of ours back, of the cases of which that is wanted.
async fn undone(
    db: &Db,
    cases: &HashMap<Key, CaseRow>,
) -> Result<Found<Key, EffectResult>, StoreError> {
    let wanted: HashMap<String, Key> =
        cases.iter().filter_map(|(key, row)| Some((row.undo_key()?, *key))).collect();
    let keys = wanted.keys().map(|key| json!({ "effect_key": text(key.as_str()) })).collect();
    let results: Vec<(String, String)> = rows(db, sql::effects::EFFECT_RESULTS, keys).await?;
    let read = |(key, text): (String, String)| {
        let result =
            serde_json::from_str(&text).map_err(|error| inconsistent("effects", &key, error));
        wanted.get(&key).map(|of| (*of, result))
    };
    Ok(results.into_iter().filter_map(read).collect())
}

/// Asks in the order in which they were asked; no engine's order of texts is another's.
fn in_order(rows: Vec<AskRow>) -> Result<Vec<Ask>, StoreError> {
    let mut asks: Vec<Ask> = rows.into_iter().map(AskRow::into_ask).collect::<Result<_, _>>()?;
    asks.sort_by(|one, other| one.order().cmp(&other.order()));
    Ok(asks)
}

/// The attempts of cases, by number; a case without any is left out.
pub(super) async fn of_cases(
    db: &Db,
    cases: Vec<String>,
) -> Result<Found<String, Vec<AttemptRecord>>, StoreError> {
    let cases = cases.into_iter().map(|case| json!({ "case_id": case })).collect();
    let attempts: Vec<AttemptRow> = rows(db, sql::cases::ATTEMPTS, cases).await?;
    let mut parts: Found<String, Vec<(Attempt, RunnerReport)>> = HashMap::new();
    for row in attempts {
        let of_case = parts.entry(row.case_id().to_owned()).or_insert_with(|| Ok(Vec::new()));
        match (row.into_parts(), &mut *of_case) {
            (Ok(attempt), Ok(attempts)) => attempts.push(attempt),
            (Err(error), _) => *of_case = Err(error),
            (Ok(_), Err(_)) => {}
        }
    }
    let known = parts.values().flatten().flatten();
    let keys = known.flat_map(|(attempt, _)| {
        [dispatch_key(attempt.id, attempt.dispatches), commit_key(attempt.id)]
    });
    let keys = keys.map(|key| json!({ "effect_key": text(key) })).collect();
    let results: Vec<(String, String)> = rows(db, sql::effects::EFFECT_RESULTS, keys).await?;
    let results: HashMap<String, String> = results.into_iter().collect();
    let with_results = |attempts: Vec<_>| {
        attempts.into_iter().map(|(attempt, report)| known_of(attempt, report, &results)).collect()
    };
    Ok(parts.into_iter().map(|(case, parts)| (case, parts.and_then(with_results))).collect())
}

fn known_of(
    attempt: Attempt,
    report: RunnerReport,
    results: &HashMap<String, String>,
) -> Result<AttemptRecord, StoreError> {
    let under = |key: String| -> Result<Option<EffectResult>, StoreError> {
        let text = results.get(&key);
        text.map(|text| serde_json::from_str(text))
            .transpose()
            .map_err(|error| inconsistent("effects", key, error))
    };
    let dispatched = under(dispatch_key(attempt.id, attempt.dispatches))?;
    let committed = under(commit_key(attempt.id))?;
    Ok(AttemptRecord { attempt, report, dispatched, committed })
}

/// Every row about what is given; nothing is asked about nothing.
pub(super) async fn rows<T: super::db::Row>(
    db: &Db,
    statement: super::Statement,
    about: Vec<Value>,
) -> Result<Vec<T>, StoreError> {
    if about.is_empty() {
        return Ok(Vec::new());
    }
    db.rows(statement, given(about)).await.map_err(unavailable)
}
