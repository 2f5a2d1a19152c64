//! Rows become domain values, whole or not at all.
//!
//! Every column of a row is looked at; a combination that no code of ours writes is
//! [`StoreError::Inconsistent`], never a guess.

mod attempts;

use sqlx::FromRow;

pub(super) use attempts::{AttemptRow, DocumentRow, attempt_columns};

use crate::domain::ask::{Ask, AskKind};
use crate::domain::case::{Asked, Case, CaseState, Escalation, Excuse, Healed, StoppedBy};
use crate::domain::effect::undo_key;
use crate::domain::event::{CommentPlace, CommentRef};
use crate::domain::ids::{
    AttemptId, Branch, CaseId, CommentId, InstallationId, Label, Login, Malformed, PrNumber,
    RepoId, RepoSlug, Sha, Timestamp, UserId,
};
use crate::domain::pull::{Actor, Head, PullHead, PullState, Repo};
use crate::ports::store::StoreError;

/// A column that says what no code of ours writes.
pub(super) fn inconsistent(
    table: &'static str,
    id: impl std::fmt::Display,
    what: impl std::fmt::Display,
) -> StoreError {
    StoreError::Inconsistent { table, id: id.to_string(), what: what.to_string() }
}

/// Reads a value, blaming table and row when it cannot be read.
struct Reader<'a> {
    table: &'static str,
    id: &'a str,
}

impl Reader<'_> {
    fn is<T>(&self, parsed: Result<T, Malformed>) -> Result<T, StoreError> {
        parsed.map_err(|error| inconsistent(self.table, self.id, error))
    }

    fn some<T>(&self, value: Option<T>, what: &str) -> Result<T, StoreError> {
        value.ok_or_else(|| inconsistent(self.table, self.id, what))
    }

    fn count(&self, value: i64) -> Result<u8, StoreError> {
        u8::try_from(value).map_err(|error| inconsistent(self.table, self.id, error))
    }

    fn json<T: serde::de::DeserializeOwned>(&self, text: &str) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|error| inconsistent(self.table, self.id, error))
    }
}

/// The forge's numbers are below 2^63; the database has signed integers.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

#[derive(Debug, Clone, FromRow)]
pub(super) struct PullRow {
    repo_id: i64,
    slug: String,
    installation_id: i64,
    number: i64,
    head_sha: String,
    head_branch: String,
    head_repo_id: Option<i64>,
    base: String,
    state: String,
    updated_at_ms: i64,
}

/// The name of a pull request's state in tables.
pub(super) const fn pull_state(state: PullState) -> &'static str {
    match state {
        PullState::Open => "open",
        PullState::Closed => "closed",
        PullState::Merged => "merged",
    }
}

impl PullRow {
    pub const fn key(&self) -> (i64, i64) {
        (self.repo_id, self.number)
    }

    /// Its repository and its head.
    pub fn head_key(&self) -> (i64, String) {
        (self.repo_id, self.head_sha.clone())
    }

    pub fn into_head(self) -> Result<PullHead, StoreError> {
        let id = format!("{}#{}", self.repo_id, self.number);
        let read = Reader { table: "pulls", id: &id };
        let states = [PullState::Open, PullState::Closed, PullState::Merged];
        let state = states.into_iter().find(|state| pull_state(*state) == self.state);
        Ok(PullHead {
            repo: Repo {
                id: RepoId::new(unsigned(self.repo_id)),
                slug: read.is(RepoSlug::parse(&self.slug))?,
                installation: InstallationId::new(unsigned(self.installation_id)),
            },
            number: PrNumber::new(unsigned(self.number)),
            head: Head {
                sha: read.is(Sha::parse(&self.head_sha))?,
                branch: read.is(Branch::parse(&self.head_branch))?,
                repo: self.head_repo_id.map(|id| RepoId::new(unsigned(id))),
            },
            base: read.is(Branch::parse(&self.base))?,
            state: read.some(state, "an unknown state")?,
            updated_at: Timestamp::from_millis(self.updated_at_ms),
        })
    }
}

#[derive(Debug, FromRow)]
pub(super) struct AskRow {
    ask_key: String,
    kind: String,
    body: String,
    actor_id: i64,
    actor_login: String,
    comment_id: Option<i64>,
    comment_place: Option<String>,
    asked_at_ms: i64,
    answered_at_ms: Option<i64>,
    repo_id: i64,
    number: i64,
}

/// The name of a comment's place in tables.
pub(super) const fn place(place: CommentPlace) -> &'static str {
    match place {
        CommentPlace::Conversation => "conversation",
        CommentPlace::Review => "review",
    }
}

impl AskRow {
    /// Whose it is.
    pub const fn key(&self) -> (i64, i64) {
        (self.repo_id, self.number)
    }

    pub const fn is_open(&self) -> bool {
        self.answered_at_ms.is_none()
    }

    pub fn into_ask(self) -> Result<Ask, StoreError> {
        let read = Reader { table: "asks", id: &self.ask_key };
        let login = read.is(Login::parse(&self.actor_login))?;
        let comment = match (self.comment_id, self.comment_place.as_deref()) {
            (None, None) => None,
            (Some(id), Some(text)) => {
                let places = [CommentPlace::Conversation, CommentPlace::Review];
                let found = places.into_iter().find(|known| place(*known) == text);
                let place = read.some(found, "an unknown place")?;
                Some(CommentRef { id: CommentId::new(unsigned(id)), place })
            }
            (Some(_), None) | (None, Some(_)) => {
                return Err(inconsistent("asks", &self.ask_key, "half a comment"));
            }
        };
        Ok(Ask {
            kind: read.some(AskKind::parse(&self.kind), "an unknown kind")?,
            text: self.body,
            actor: Actor {
                id: UserId::new(unsigned(self.actor_id)),
                is_bot: login.is_bot(),
                login,
            },
            comment,
            at: Timestamp::from_millis(self.asked_at_ms),
            key: self.ask_key,
        })
    }
}

#[derive(Debug, FromRow)]
pub(super) struct CaseRow {
    id: String,
    repo_id: i64,
    slug: String,
    installation_id: i64,
    number: i64,
    opened_head: String,
    head: String,
    opened_at_ms: i64,
    since_ms: i64,
    state: String,
    attempt_id: Option<String>,
    reason: Option<String>,
    note: Option<String>,
    attempts: i64,
    reruns: i64,
    asked: i64,
    labels: String,
    auto_merge: Option<String>,
}

/// The tables' check knows one state for all that waits for a person; the note tells for what.
const WAITS: &str = "awaiting_approval";

/// The note of a case that waits for answers.
const ANSWER: &str = "answer";

/// The columns that a case's state fills: its name, attempt, reason, note.
pub(super) fn state_columns(
    state: &CaseState,
) -> (&'static str, Option<String>, Option<&'static str>, Option<String>) {
    let name = if matches!(state, CaseState::AwaitingAnswer(_)) { WAITS } else { state.as_str() };
    let (attempt, reason, note) = details(state);
    (name, attempt, reason, note)
}

fn details(state: &CaseState) -> (Option<String>, Option<&'static str>, Option<String>) {
    match state {
        CaseState::Watching | CaseState::Diagnosing | CaseState::Rerunning | CaseState::Closed => {
            (None, None, None)
        }
        CaseState::Excused(why) => (None, Some(why.as_str()), None),
        CaseState::Healing(id) | CaseState::AwaitingApproval(id) | CaseState::Proving(id) => {
            (Some(id.to_string()), None, None)
        }
        CaseState::AwaitingAnswer(id) => (Some(id.to_string()), None, Some(ANSWER.to_owned())),
        CaseState::Healed(how) => (None, Some(how.as_str()), None),
        CaseState::Escalated(why) => (None, Some(why.as_str()), None),
        CaseState::Stopped(StoppedBy::Person(login)) => {
            (None, Some("person"), Some(login.to_string()))
        }
        CaseState::Stopped(StoppedBy::Label(label)) => {
            (None, Some("label"), Some(label.to_string()))
        }
        CaseState::Stopped(StoppedBy::Undo(undoing)) => {
            let said = serde_json::json!(undoing).to_string();
            (None, Some("undo"), Some(said))
        }
        CaseState::Superseded(by) => (None, None, Some(by.to_string())),
    }
}

impl CaseRow {
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whose it is.
    pub const fn key(&self) -> (i64, i64) {
        (self.repo_id, self.number)
    }

    /// The effect whose answer it waits for, when commits of ours are taken back.
    pub fn undo_key(&self) -> Option<String> {
        (self.state == "stopped" && self.reason.as_deref() == Some("undo"))
            .then(|| CaseId::parse(&self.id).ok())
            .flatten()
            .map(|case| undo_key(case, Timestamp::from_millis(self.since_ms)))
    }

    fn state(&self, read: &Reader<'_>) -> Result<CaseState, StoreError> {
        let columns = (self.attempt_id.as_deref(), self.reason.as_deref(), self.note.as_deref());
        let attempt = |id: &str| read.is(AttemptId::parse(id));
        match (self.state.as_str(), columns) {
            ("watching", (None, None, None)) => Ok(CaseState::Watching),
            ("diagnosing", (None, None, None)) => Ok(CaseState::Diagnosing),
            ("rerunning", (None, None, None)) => Ok(CaseState::Rerunning),
            ("closed", (None, None, None)) => Ok(CaseState::Closed),
            ("healing", (Some(id), None, None)) => attempt(id).map(CaseState::Healing),
            (WAITS, (Some(id), None, None)) => attempt(id).map(CaseState::AwaitingApproval),
            (WAITS, (Some(id), None, Some(ANSWER))) => attempt(id).map(CaseState::AwaitingAnswer),
            ("proving", (Some(id), None, None)) => attempt(id).map(CaseState::Proving),
            ("excused", (None, Some(why), None)) => {
                let why = Excuse::ALL.into_iter().find(|known| known.as_str() == why);
                read.some(why, "an unknown excuse").map(CaseState::Excused)
            }
            ("healed", (None, Some(how), None)) => {
                let how = Healed::ALL.into_iter().find(|known| known.as_str() == how);
                read.some(how, "an unknown way of healing").map(CaseState::Healed)
            }
            ("escalated", (None, Some(why), None)) => {
                let why = Escalation::ALL.into_iter().find(|known| known.as_str() == why);
                read.some(why, "an unknown escalation").map(CaseState::Escalated)
            }
            ("stopped", (None, Some("person"), Some(who))) => {
                let by = StoppedBy::Person(read.is(Login::parse(who))?);
                Ok(CaseState::Stopped(by))
            }
            ("stopped", (None, Some("label"), Some(label))) => {
                let by = StoppedBy::Label(read.is(Label::parse(label))?);
                Ok(CaseState::Stopped(by))
            }
            ("stopped", (None, Some("undo"), Some(said))) => {
                Ok(CaseState::Stopped(StoppedBy::Undo(read.json(said)?)))
            }
            ("superseded", (None, None, Some(by))) => {
                read.is(Sha::parse(by)).map(CaseState::Superseded)
            }
            (state, _) => Err(inconsistent("cases", &self.id, format!("state {state}"))),
        }
    }

    pub fn into_case(self) -> Result<Case, StoreError> {
        let read = Reader { table: "cases", id: &self.id };
        let state = self.state(&read)?;
        let auto_merge = self.auto_merge.as_deref().map(|text| read.json(text)).transpose()?;
        Ok(Case {
            id: read.is(CaseId::parse(&self.id))?,
            repo: Repo {
                id: RepoId::new(unsigned(self.repo_id)),
                slug: read.is(RepoSlug::parse(&self.slug))?,
                installation: InstallationId::new(unsigned(self.installation_id)),
            },
            number: PrNumber::new(unsigned(self.number)),
            opened_head: read.is(Sha::parse(&self.opened_head))?,
            head: read.is(Sha::parse(&self.head))?,
            opened_at: Timestamp::from_millis(self.opened_at_ms),
            since: Timestamp::from_millis(self.since_ms),
            state,
            attempts: read.count(self.attempts)?,
            reruns: read.count(self.reruns)?,
            asked: if self.asked == 1 { Asked::ByPerson } else { Asked::No },
            labels: read.json(&self.labels)?,
            auto_merge,
        })
    }
}
