//! Figures: written in the very step that they are about, read when somebody asks.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use serde_json::{Value, json};
use sqlx::FromRow;

use super::db::{Db, Tx, args};
use super::records::rows;
use super::rows::{inconsistent, number, state_columns};
use super::steps::{given, text};
use super::{SqlStore, autonomy, sql, unavailable};
use crate::domain::autonomy::{Change, Record};
use crate::domain::failure::Fingerprint;
use crate::domain::false_fix::{Fix, Sign};
use crate::domain::figures::{CaseRecord, Mark, Place, class_of};
use crate::domain::ids::{AttemptId, CaseId, PrNumber, RepoId, RepoSlug, Sha, Timestamp};
use crate::domain::outcome::Outcome;
use crate::ports::figures::{Asked, FigureStore, LANDED_MAX, Landed, LandedOn};
use crate::ports::store::{Changes, StoreError};

/// Cases whose rows are asked for by one statement.
const CASES_AT_ONCE: usize = 500;

/// Writes what steps say for figures; nothing is asked of the database when they say nothing.
pub(super) async fn note<'a>(
    tx: &mut Tx,
    steps: impl Iterator<Item = &'a Changes>,
) -> Result<(), sqlx::Error> {
    let (mut moves, mut classes, mut fixes, mut wrong) = (vec![], vec![], vec![], vec![]);
    let mut changed = vec![];
    for changes in steps {
        let at = changes.now.millis();
        let mut counted: HashMap<String, i64> = HashMap::new();
        for (case, state) in &changes.moves {
            let nth = counted.entry(case.to_string()).or_default();
            *nth += 1;
            let (name, _, reason, _) = state_columns(state);
            moves.push(json!({
                "case_id": case.to_string(), "nth": nth, "at_ms": at, "state": name,
                "reason": reason,
            }));
        }
        if let Some((case, evidence)) = &changes.evidence {
            classes.push(json!({ "case_id": case.to_string(), "class": class_of(evidence) }));
        }
        for (attempt, fingerprint) in &changes.fixes {
            fixes.push(json!({
                "attempt_id": attempt.to_string(), "fingerprint": fingerprint.as_str(),
                "at_ms": at,
            }));
        }
        changed.extend(autonomy::rows_of(changes));
        for found in &changes.false_fixes {
            wrong.push(json!({
                "attempt_id": found.attempt.to_string(), "sign": found.sign.as_str(),
                "at_ms": at, "evidence": text(found.evidence.as_str()),
            }));
        }
    }
    for (statement, rows) in [
        (sql::figures::ENTER, moves),
        (sql::figures::CLASSIFY, classes),
        (sql::figures::KEEP_FIXES, fixes),
        (sql::figures::CALL_FALSE, wrong),
        (sql::autonomy::CHANGE, changed),
    ] {
        if !rows.is_empty() {
            tx.run(statement, given(rows)).await?;
        }
    }
    Ok(())
}

/// Notes what a runner was heard of.
pub(super) async fn mark(
    tx: &mut Tx,
    attempt: AttemptId,
    mark: Mark,
    now: Timestamp,
) -> Result<(), StoreError> {
    let args = args![attempt.to_string(), now.millis(), mark.as_str()];
    tx.run(sql::figures::MARK, args).await.map_err(unavailable)?;
    Ok(())
}

/// Failures of a pull request whose fixes are asked for.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    pull: (i64, i64),
    prints: Vec<String>,
    since: i64,
}

/// Repository, attempt, pull request, failure, when it was green, whether it was taken back.
pub(super) type FixRow = (i64, String, i64, String, i64, i64);

/// The fixes of failures.
async fn fixes_of(db: Db, about: Vec<Failed>) -> Result<Vec<Vec<FixRow>>, StoreError> {
    let mut since: BTreeMap<((i64, i64), &str), i64> = BTreeMap::new();
    for failed in &about {
        for print in &failed.prints {
            let earliest = since.entry((failed.pull, print)).or_insert(failed.since);
            *earliest = failed.since.min(*earliest);
        }
    }
    let given = since.into_iter().map(|(((repo, pull), print), since)| {
        json!({ "repo_id": repo, "number": pull, "fingerprint": print, "since_ms": since })
    });
    let found: Vec<FixRow> = rows(&db, sql::figures::FIXES, given.collect()).await?;
    let mut of_pulls: HashMap<(i64, i64), Vec<FixRow>> = HashMap::new();
    for row in found {
        of_pulls.entry((row.0, row.2)).or_default().push(row);
    }
    let of = |failed: &Failed| {
        let all = of_pulls.get(&failed.pull).into_iter().flatten();
        let is_of = |row: &&FixRow| row.4 >= failed.since && failed.prints.contains(&row.3);
        all.filter(is_of).cloned().collect()
    };
    Ok(about.iter().map(of).collect())
}

#[derive(Debug, FromRow)]
struct CaseRow {
    id: String,
    slug: String,
    opened_at_ms: i64,
    state: String,
    reason: Option<String>,
    class: Option<String>,
    attempts: i64,
    cost_nanos: i64,
}

impl CaseRow {
    fn into_record(self) -> Result<(String, CaseRecord), StoreError> {
        let wrong = |what: &str| inconsistent("cases", &self.id, what);
        let now = Place::parse(&self.state, self.reason.as_deref())
            .ok_or_else(|| wrong("an unknown state"))?;
        let record = CaseRecord {
            repo: RepoSlug::parse(&self.slug).map_err(|error| wrong(&error.to_string()))?,
            class: self.class,
            opened_at: Timestamp::from_millis(self.opened_at_ms),
            places: Vec::new(),
            now,
            marks: Vec::new(),
            attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX),
            cost_nanos: u64::try_from(self.cost_nanos).unwrap_or(0),
            signs: Vec::new(),
        };
        Ok((self.id, record))
    }
}

impl SqlStore {
    /// Adds what cases went through to their records.
    async fn filled(&self, cases: &mut [(String, CaseRecord)]) -> Result<(), StoreError> {
        let of: Vec<Value> = cases.iter().map(|(id, _)| json!({ "case_id": id })).collect();
        let moves: Vec<(String, i64, String, Option<String>)> =
            rows(&self.db, sql::figures::MOVES, of.clone()).await?;
        let marks: Vec<(String, i64, String)> =
            rows(&self.db, sql::figures::MARKS, of.clone()).await?;
        let signs: Vec<(String, String, String)> = rows(&self.db, sql::figures::SIGNS, of).await?;
        let mut known: HashMap<&str, &mut CaseRecord> =
            cases.iter_mut().map(|(id, record)| (id.as_str(), record)).collect();
        for (case, at, state, reason) in moves {
            let place = Place::parse(&state, reason.as_deref())
                .ok_or_else(|| inconsistent("case_moves", &case, "an unknown state"))?;
            if let Some(record) = known.get_mut(case.as_str()) {
                record.places.push((Timestamp::from_millis(at), place));
            }
        }
        for (case, at, mark) in marks {
            let mark = Mark::parse(&mark)
                .ok_or_else(|| inconsistent("attempt_marks", &case, "an unknown mark"))?;
            if let Some(record) = known.get_mut(case.as_str()) {
                record.marks.push((Timestamp::from_millis(at), mark));
            }
        }
        for (case, attempt, sign) in signs {
            // A sign of a newer release is none that this one can tell of.
            let Some(sign) = Sign::parse(&sign) else { continue };
            let attempt = AttemptId::parse(&attempt)
                .map_err(|error| inconsistent("false_fixes", &attempt, error))?;
            if let Some(record) = known.get_mut(case.as_str()) {
                record.signs.push((attempt, sign));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl FigureStore for SqlStore {
    async fn records(&self, asked: &Asked) -> Result<Vec<CaseRecord>, StoreError> {
        let repo = asked.repo.as_ref().map(ToString::to_string).unwrap_or_default();
        let args = args![asked.since.millis(), repo, i64::from(asked.cases_max)];
        let found: Vec<CaseRow> =
            self.db.rows(sql::figures::CASES_SINCE, args).await.map_err(unavailable)?;
        let mut cases: Vec<(String, CaseRecord)> =
            found.into_iter().map(CaseRow::into_record).collect::<Result<_, _>>()?;
        for some in cases.chunks_mut(CASES_AT_ONCE) {
            self.filled(some).await?;
        }
        Ok(cases.into_iter().map(|(_, record)| record).collect())
    }

    async fn fixes(
        &self,
        (repo, pull): (RepoId, PrNumber),
        fingerprints: &[Fingerprint],
        since: Timestamp,
    ) -> Result<Vec<Fix>, StoreError> {
        if fingerprints.is_empty() {
            return Ok(Vec::new());
        }
        let prints = fingerprints.iter().map(|print| print.as_str().to_owned()).collect();
        let pull = (number(repo.get()), number(pull.get()));
        let about = Failed { pull, prints, since: since.millis() };
        let found = self.together(&self.reads.fixes, about, fixes_of).await?;
        let fix = |(_, attempt, of, print, at, taken): FixRow| {
            let id = AttemptId::parse(&attempt);
            Ok(Fix {
                attempt: id.map_err(|error| inconsistent("fixes", &attempt, error))?,
                number: PrNumber::new(u64::try_from(of).unwrap_or(0)),
                fingerprint: Fingerprint::from_stored(print),
                at: Timestamp::from_millis(at),
                is_taken_back: taken == 1,
            })
        };
        found.into_iter().map(fix).collect()
    }

    async fn class_record(&self, repo: RepoId, class: &str) -> Result<Record, StoreError> {
        self.record_of_class(repo, class).await
    }

    async fn changes_told(&self, case: CaseId) -> Result<Vec<Change>, StoreError> {
        self.told_with(case).await
    }

    async fn changes_since(
        &self,
        asked: &Asked,
    ) -> Result<Vec<(RepoSlug, String, Change)>, StoreError> {
        self.changed_since(asked).await
    }

    async fn landed(&self, on: LandedOn<'_>) -> Result<Vec<Landed>, StoreError> {
        let args = args![
            number(on.repo.get()),
            on.branch.as_str(),
            on.green_since.millis(),
            on.merged_before.millis(),
            i64::try_from(LANDED_MAX).unwrap_or(i64::MAX),
        ];
        let found: Vec<(String, String, String)> =
            self.db.rows(sql::figures::LANDED, args).await.map_err(unavailable)?;
        let landed = |(id, head, outcome): (String, String, String)| {
            let attempt = AttemptId::parse(&id).ok()?;
            // What another release wrote and this one cannot read is not looked at.
            match serde_json::from_str(&outcome).ok()? {
                Outcome::Proposed { patch, .. } => {
                    Some(Landed { attempt, head: Sha::parse(&head).ok()?, patch })
                }
                Outcome::GaveUp { .. }
                | Outcome::Waits { .. }
                | Outcome::Asks { .. }
                | Outcome::NotReproduced { .. } => None,
            }
        };
        Ok(found.into_iter().filter_map(landed).collect())
    }

    async fn attempts_of(
        &self,
        repo: RepoId,
        commits: &[Sha],
    ) -> Result<Vec<(AttemptId, Sha)>, StoreError> {
        let about =
            commits.iter().map(|sha| json!({ "repo_id": number(repo.get()), "sha": sha.as_str() }));
        let found: Vec<(String, String)> =
            rows(&self.db, sql::figures::ATTEMPTS_OF, about.collect()).await?;
        let parsed = |(id, sha): (String, String)| {
            let attempt = AttemptId::parse(&id).ok()?;
            Some((attempt, Sha::parse(&sha).ok()?))
        };
        Ok(found.into_iter().filter_map(parsed).collect())
    }
}
