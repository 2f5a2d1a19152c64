//! Attempts: one try inside a case, at most three.
//!
//! What an attempt *is* changes only by decisions ([`Attempt`]); what its runner *says* arrives at
//! any time and is kept apart ([`RunnerReport`]), so that a report never races a decision.

use super::document::Stage;
use super::effect::EffectResult;
use super::feedback::{self, Exchange};
use super::gate::kept::KeptVerdict;
use super::ids::{AttemptId, CaseId, Login, RunId, Sha, Timestamp};
use super::outcome::{GaveUp, Outcome};

/// One try inside a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// The case.
    pub case: CaseId,
    /// Its number within the case, counted from 1.
    pub number: u8,
    /// The commit that it starts from.
    pub head: Sha,
    /// When it was planned.
    pub planned_at: Timestamp,
    /// How often a runner was started for it; a lost runner resumes the same attempt.
    pub dispatches: u8,
    /// When the last runner was asked for.
    pub dispatched_at: Timestamp,
    /// Where it stands.
    pub state: AttemptState,
    /// Why it stands there, for people: the gate's findings, the forge's words.
    pub note: Option<String>,
    /// What the gate said about its patch, once it was asked.
    pub verdict: Option<KeptVerdict>,
    /// What it has asked people and was answered.
    pub feedback: Vec<Exchange>,
}

/// Where an attempt stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptState {
    /// A runner was asked for; it may be at work.
    Running,
    /// It waits for people: for a word about its patch, or for answers.
    Held,
    /// The gate allowed its patch; the commit is on its way.
    Committing,
    /// Its commit is on the branch.
    Committed(Sha),
    /// It is over.
    Ended(AttemptEnd),
}

impl AttemptState {
    /// The name in tables.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Held => "held",
            Self::Committing => "committing",
            Self::Committed(_) => "committed",
            Self::Ended(_) => "ended",
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptEnd {
    /// CI is green on its commit.
    Healed(Sha),
    /// CI is red on its commit.
    Disproved(Sha),
    /// The runner brought no patch.
    GaveUp(GaveUp),
    /// The failure did not happen at the very commit.
    NotReproduced,
    /// The gate refused its patch.
    Refused,
    /// A person rejected its patch.
    Rejected(Login),
    /// The branch's rules, or the platform, refused the commit.
    CommitRefused,
    /// No runner could be started, or it was lost too often.
    RunnerLost,
    /// It was cut short: the head moved, a person stopped it, the pull request was closed.
    Abandoned,
}

impl AttemptEnd {
    /// The commit that it made, where it made one.
    pub const fn commit(&self) -> Option<&Sha> {
        match self {
            Self::Healed(sha) | Self::Disproved(sha) => Some(sha),
            Self::GaveUp(_)
            | Self::NotReproduced
            | Self::Refused
            | Self::Rejected(_)
            | Self::CommitRefused
            | Self::RunnerLost
            | Self::Abandoned => None,
        }
    }

    /// The name in tables.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Healed(_) => "healed",
            Self::Disproved(_) => "disproved",
            Self::GaveUp(_) => "gave_up",
            Self::NotReproduced => "not_reproduced",
            Self::Refused => "refused",
            Self::Rejected(_) => "rejected",
            Self::CommitRefused => "commit_refused",
            Self::RunnerLost => "runner_lost",
            Self::Abandoned => "abandoned",
        }
    }
}

/// How often a runner is started for one attempt before a person is asked.
pub const DISPATCHES_MAX: u8 = 3;

/// A runner that was silent for this long is lost. It sends a heartbeat every 30 seconds.
pub const HEARTBEAT_SILENCE_MS_MAX: i64 = 3 * 60 * 1000;

/// How long a started run may wait for a machine before we call it lost: hosted queues are short,
/// and GitHub itself gives up after a day.
pub const QUEUE_MS_MAX: i64 = 30 * 60 * 1000;

/// An attempt with what its runner has said and what came of its effects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// The attempt.
    pub attempt: Attempt,
    /// What its runner has said.
    pub report: RunnerReport,
    /// What came of its last dispatch.
    pub dispatched: Option<EffectResult>,
    /// What came of its commit.
    pub committed: Option<EffectResult>,
}

impl AttemptRecord {
    /// Whether it waits, for its model's provider or for answers, and no runner is at work.
    pub fn is_waiting(&self) -> bool {
        match &self.report.outcome {
            Some(Outcome::Waits { until, .. }) => self.attempt.dispatched_at < *until,
            Some(Outcome::Asks { questions, time, .. }) => {
                !feedback::is_answered(questions, *time, &self.attempt.feedback)
            }
            Some(_) | None => false,
        }
    }
}

/// What the runner of an attempt has said so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunnerReport {
    /// The run that works on it, when the forge told.
    pub run: Option<RunId>,
    /// When the runner showed who it is.
    pub admitted_at: Option<Timestamp>,
    /// When it was last heard of.
    pub heard_at: Option<Timestamp>,
    /// The last finished stage and its round.
    pub stage: Option<(Stage, u8)>,
    /// What it reported at the end.
    pub outcome: Option<Outcome>,
}
