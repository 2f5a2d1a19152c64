//! Autonomy: the record of a class is read from what attempts came to; changes are kept by the step
//! that finds them, each once.
//!
//! Races: two steps find the same change: its time is that of what made it, so it is the same row, and
//! the first one tells it.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::db::{Db, args};
use super::reads::once;
use super::rows::{inconsistent, number};
use super::steps::{given, text};
use super::{SqlStore, sql, unavailable};
use crate::domain::autonomy::{Change, FIXES_READ_MAX, Fix, Level, Record};
use crate::domain::false_fix::Sign;
use crate::domain::ids::{AttemptId, CaseId, PrNumber, RepoId, RepoSlug, Sha, Timestamp};
use crate::ports::figures::Asked;
use crate::ports::store::{Changes, StoreError};

/// A class in a repository.
pub(super) type Class = (i64, String);

/// Repository, class, attempt, pull request, the commit if it made one, when it was green, a sign and
/// its time.
type FixRow = (i64, String, String, i64, Option<String>, Option<i64>, Option<String>, Option<i64>);

/// When, from, to, because.
type ChangeRow = (i64, String, String, String);

/// What is kept of a class, as rows say it: its last change, and its fixes.
pub(super) type RecordRows = (Option<ChangeRow>, Vec<FixRow>);

/// Repository, class, and the change.
type ToldRow = (String, String, i64, String, String, String);

fn change((at, from, to, because): ChangeRow) -> Result<Change, StoreError> {
    let wrong = |text: &str| inconsistent("autonomy_changes", at, format!("no level: {text}"));
    let level = |text: &str| Level::parse(text).ok_or_else(|| wrong(text));
    let (from, to) = (level(&from)?, level(&to)?);
    Ok(Change { at: Timestamp::from_millis(at), from, to, because })
}

/// Fixes of which each sign has a row, in the order of attempts.
fn fixes(rows: Vec<FixRow>) -> Result<Vec<Fix>, StoreError> {
    let mut fixes: Vec<Fix> = Vec::new();
    for (_, _, id, of, detail, green, sign, sign_at) in rows {
        let attempt =
            AttemptId::parse(&id).map_err(|error| inconsistent("attempts", &id, error))?;
        // A sign of a newer release is none that this one can tell of.
        let sign = sign.as_deref().and_then(Sign::parse);
        let sign = sign.zip(sign_at.map(Timestamp::from_millis));
        match fixes.last_mut().filter(|known| known.attempt == attempt) {
            Some(known) => known.signs.extend(sign),
            None => fixes.push(Fix {
                attempt,
                number: PrNumber::new(u64::try_from(of).unwrap_or(0)),
                commit: detail.and_then(|text| Sha::parse(&text).ok()),
                green_at: green.map(Timestamp::from_millis),
                signs: sign.into_iter().collect(),
            }),
        }
    }
    Ok(fixes)
}

/// What is kept of classes.
async fn records(db: Db, about: Vec<Class>) -> Result<Vec<RecordRows>, StoreError> {
    let of = about.iter().map(|(repo, class)| json!({ "repo_id": repo, "class": class }));
    let of = given(once(of));
    let lasts: Vec<(i64, String, i64, String, String, String)> =
        db.rows(sql::autonomy::LASTS, of.clone()).await.map_err(unavailable)?;
    let mut args = of;
    args.extend(args![i64::from(FIXES_READ_MAX)]);
    let fixes: Vec<FixRow> = db.rows(sql::autonomy::RECORDS, args).await.map_err(unavailable)?;
    let mut found: HashMap<Class, RecordRows> = HashMap::new();
    for (repo, class, at, from, to, because) in lasts {
        found.entry((repo, class)).or_default().0 = Some((at, from, to, because));
    }
    for row in fixes {
        found.entry((row.0, row.1.clone())).or_default().1.push(row);
    }
    Ok(about.iter().map(|key| found.get(key).cloned().unwrap_or_default()).collect())
}

/// The rows of what steps have found.
pub(super) fn rows_of(changes: &Changes) -> impl Iterator<Item = Value> {
    let found = changes.autonomy.iter();
    found.flat_map(|(case, of)| of.changes.iter().map(move |change| (case, of, change))).map(
        |(case, of, change)| {
            json!({
                "repo_id": number(of.repo.get()), "class": of.class, "at_ms": change.at.millis(),
                "level_from": change.from.as_str(), "level_to": change.to.as_str(),
                "because": text(change.because.as_str()), "case_id": case.to_string(),
            })
        },
    )
}

impl SqlStore {
    pub(super) async fn record_of_class(
        &self,
        repo: RepoId,
        class: &str,
    ) -> Result<Record, StoreError> {
        let about = (number(repo.get()), class.to_owned());
        let (last, rows) = self.together(&self.reads.records, about, records).await?;
        Ok(Record { last: last.map(change).transpose()?, fixes: fixes(rows)? })
    }

    pub(super) async fn told_with(&self, case: CaseId) -> Result<Vec<Change>, StoreError> {
        let args = args![case.to_string()];
        let rows: Vec<ChangeRow> =
            self.db.rows(sql::autonomy::TOLD, args).await.map_err(unavailable)?;
        rows.into_iter().map(change).collect()
    }

    pub(super) async fn changed_since(
        &self,
        asked: &Asked,
    ) -> Result<Vec<(RepoSlug, String, Change)>, StoreError> {
        let repo = asked.repo.as_ref().map(ToString::to_string).unwrap_or_default();
        let args = args![asked.since.millis(), repo, i64::from(asked.cases_max)];
        let rows: Vec<ToldRow> =
            self.db.rows(sql::autonomy::CHANGES_SINCE, args).await.map_err(unavailable)?;
        let read = |(slug, class, at, from, to, because): ToldRow| {
            let repo = RepoSlug::parse(&slug)
                .map_err(|error| inconsistent("repos", &slug, error.to_string()))?;
            Ok((repo, class, change((at, from, to, because))?))
        };
        rows.into_iter().map(read).collect()
    }
}
