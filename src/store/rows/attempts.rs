//! Rows of attempts, runners' reports and documents.

use sqlx::FromRow;

use super::{Reader, inconsistent, unsigned};
use crate::domain::attempt::{Attempt, AttemptEnd, AttemptState, RunnerReport};
use crate::domain::document::{Document, DocumentName, Stage};
use crate::domain::ids::{AttemptId, CaseId, Login, RunId, Sha, Timestamp};
use crate::domain::outcome::GaveUp;
use crate::ports::store::StoreError;

#[derive(Debug, FromRow)]
pub(in crate::store) struct AttemptRow {
    id: String,
    case_id: String,
    number: i64,
    head: String,
    planned_at_ms: i64,
    dispatches: i64,
    dispatched_at_ms: i64,
    state: String,
    end_reason: Option<String>,
    end_detail: Option<String>,
    note: Option<String>,
    feedback: String,
    verdict: Option<String>,
    run_id: Option<i64>,
    admitted_at_ms: Option<i64>,
    heard_at_ms: Option<i64>,
    stage: Option<String>,
    round: Option<i64>,
    outcome: Option<String>,
}

/// The columns that an attempt's state fills: how it ended, and the detail.
pub(in crate::store) fn attempt_columns(
    state: &AttemptState,
) -> (Option<&'static str>, Option<String>) {
    match state {
        AttemptState::Running | AttemptState::Held | AttemptState::Committing => (None, None),
        AttemptState::Committed(sha) => (None, Some(sha.to_string())),
        AttemptState::Ended(end) => {
            let detail = match end {
                AttemptEnd::Healed(sha) | AttemptEnd::Disproved(sha) => Some(sha.to_string()),
                AttemptEnd::GaveUp(why) => Some(why.as_str().to_owned()),
                AttemptEnd::Rejected(by) => Some(by.to_string()),
                AttemptEnd::NotReproduced
                | AttemptEnd::Refused
                | AttemptEnd::CommitRefused
                | AttemptEnd::RunnerLost
                | AttemptEnd::Abandoned => None,
            };
            (Some(end.as_str()), detail)
        }
    }
}

impl AttemptRow {
    pub fn case_id(&self) -> &str {
        &self.case_id
    }

    fn state(&self, read: &Reader<'_>) -> Result<AttemptState, StoreError> {
        let columns = (self.end_reason.as_deref(), self.end_detail.as_deref());
        let sha = |text: &str| read.is(Sha::parse(text));
        let end = match (self.state.as_str(), columns) {
            ("running", (None, None)) => return Ok(AttemptState::Running),
            ("held", (None, None)) => return Ok(AttemptState::Held),
            ("committing", (None, None)) => return Ok(AttemptState::Committing),
            ("committed", (None, Some(text))) => return sha(text).map(AttemptState::Committed),
            ("ended", (Some("healed"), Some(text))) => AttemptEnd::Healed(sha(text)?),
            ("ended", (Some("disproved"), Some(text))) => AttemptEnd::Disproved(sha(text)?),
            ("ended", (Some("gave_up"), Some(text))) => {
                let why = GaveUp::ALL.into_iter().find(|known| known.as_str() == text);
                AttemptEnd::GaveUp(read.some(why, "an unknown reason")?)
            }
            ("ended", (Some("rejected"), Some(by))) => {
                AttemptEnd::Rejected(read.is(Login::parse(by))?)
            }
            ("ended", (Some("not_reproduced"), None)) => AttemptEnd::NotReproduced,
            ("ended", (Some("refused"), None)) => AttemptEnd::Refused,
            ("ended", (Some("commit_refused"), None)) => AttemptEnd::CommitRefused,
            ("ended", (Some("runner_lost"), None)) => AttemptEnd::RunnerLost,
            ("ended", (Some("abandoned"), None)) => AttemptEnd::Abandoned,
            (state, _) => {
                return Err(inconsistent("attempts", &self.id, format!("state {state}")));
            }
        };
        Ok(AttemptState::Ended(end))
    }

    pub(in crate::store) fn into_parts(self) -> Result<(Attempt, RunnerReport), StoreError> {
        let read = Reader { table: "attempts", id: &self.id };
        let attempt = Attempt {
            id: read.is(AttemptId::parse(&self.id))?,
            case: read.is(CaseId::parse(&self.case_id))?,
            number: read.count(self.number)?,
            head: read.is(Sha::parse(&self.head))?,
            planned_at: Timestamp::from_millis(self.planned_at_ms),
            dispatches: read.count(self.dispatches)?,
            dispatched_at: Timestamp::from_millis(self.dispatched_at_ms),
            state: self.state(&read)?,
            note: self.note.clone(),
            verdict: self.verdict.as_deref().map(|text| read.json(text)).transpose()?,
            feedback: read.json(&self.feedback)?,
        };
        let stage = match (self.stage.as_deref(), self.round) {
            (None, None) => None,
            (Some(name), Some(round)) => {
                let stage = read.some(Stage::parse(name), "an unknown stage")?;
                Some((stage, read.count(round)?))
            }
            (Some(_), None) | (None, Some(_)) => {
                return Err(inconsistent("runner_reports", &self.id, "half a stage"));
            }
        };
        let report = RunnerReport {
            run: self.run_id.map(|id| RunId::new(unsigned(id))),
            admitted_at: self.admitted_at_ms.map(Timestamp::from_millis),
            heard_at: self.heard_at_ms.map(Timestamp::from_millis),
            stage,
            outcome: self.outcome.as_deref().map(|text| read.json(text)).transpose()?,
        };
        Ok((attempt, report))
    }
}

#[derive(Debug, FromRow)]
pub(in crate::store) struct DocumentRow {
    name: String,
    round: i64,
    body: String,
}

impl DocumentRow {
    pub(in crate::store) fn into_document(self) -> Result<Document, StoreError> {
        let read = Reader { table: "documents", id: &self.name };
        Ok(Document {
            name: read.some(DocumentName::parse(&self.name), "an unknown document")?,
            round: read.count(self.round)?,
            body: self.body.clone(),
        })
    }
}
