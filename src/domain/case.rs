//! Cases: one red head to bring to green, and where that stands.
//!
//! A case belongs to one pull request and lives until a person pushes. At most one case of a pull
//! request is alive. Its state changes only in [`super::decide`], under the pull request's lease.

use serde::{Deserialize, Serialize};

use super::ids::{AttemptId, CaseId, Label, Login, PrNumber, Sha, Timestamp};
use super::pull::{AutoMerge, Repo};

/// One thing to bring to green.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its id.
    pub id: CaseId,
    /// The repository.
    pub repo: Repo,
    /// The pull request.
    pub number: PrNumber,
    /// The head that a person pushed and that went red; after an undo, which they had us push, that.
    pub opened_head: Sha,
    /// The head now: moves only by commits of our own.
    pub head: Sha,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it entered its state.
    pub since: Timestamp,
    /// Where it stands.
    pub state: CaseState,
    /// Attempts used so far, lost databases included (re-derived from trailers).
    pub attempts: u8,
    /// Times that failed jobs were run again on our word.
    pub reruns: u8,
    /// Whether a person asked for this very pull request, so that drafts and required labels
    /// do not hold us back.
    pub asked: Asked,
    /// Labels that we added and shall remove.
    pub labels: Vec<Label>,
    /// Auto-merge that we switched off and shall restore.
    pub auto_merge: Option<AutoMerge>,
}

/// Whether a person asked for this very pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asked {
    /// Somebody with write access did: drafts and required labels do not matter.
    ByPerson,
    /// Nobody did.
    No,
}

/// Where a case stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseState {
    /// CI of the head has not settled.
    Watching,
    /// CI is red; the evidence is being read and judged.
    Diagnosing,
    /// Failed jobs run again, because the failure looks like none of the code's.
    Rerunning,
    /// There is nothing for us to do.
    Excused(Excuse),
    /// An attempt is at work.
    Healing(AttemptId),
    /// A patch waits for a person's word.
    AwaitingApproval(AttemptId),
    /// An attempt waits for answers to its questions.
    AwaitingAnswer(AttemptId),
    /// Our commit is on the branch; CI has to say.
    Proving(AttemptId),
    /// CI is green.
    Healed(Healed),
    /// A person has to take over.
    Escalated(Escalation),
    /// A person said hands off.
    Stopped(StoppedBy),
    /// A person pushed.
    Superseded(Sha),
    /// The pull request was closed or merged.
    Closed,
}

/// Why there is nothing for us to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Excuse {
    /// Runs wait for somebody to approve them.
    RunsNeedApproval,
    /// Only machines, networks or services failed, and running again did not help.
    Infrastructure,
    /// The repository's policy leaves such pull requests or failures alone.
    Policy,
    /// The policy file cannot be used as it is.
    BrokenPolicy,
    /// The runs were cancelled; nothing failed.
    Cancelled,
    /// The base branch is broken in the same way.
    BaseBroken,
    /// The base branch was broken in the same way and is mended; the branch has to be brought up to
    /// date.
    BaseMended,
    /// What failed comes and goes on the same commit, and running again did not help this time.
    Flaky,
    /// CI itself has to be mended, by a person.
    CiConfig,
}

impl Excuse {
    /// Every excuse.
    pub const ALL: [Self; 9] = [
        Self::RunsNeedApproval,
        Self::Infrastructure,
        Self::Policy,
        Self::BrokenPolicy,
        Self::Cancelled,
        Self::BaseBroken,
        Self::BaseMended,
        Self::Flaky,
        Self::CiConfig,
    ];

    /// The name in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RunsNeedApproval => "runs_need_approval",
            Self::Infrastructure => "infrastructure",
            Self::Policy => "policy",
            Self::BrokenPolicy => "broken_policy",
            Self::Cancelled => "cancelled",
            Self::BaseBroken => "base_broken",
            Self::BaseMended => "base_mended",
            Self::Flaky => "flaky",
            Self::CiConfig => "ci_config",
        }
    }
}

/// What made it green.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Healed {
    /// A commit of ours.
    ByUs,
    /// Running the failed jobs again.
    ByRerun,
    /// Something else; we did nothing.
    ByItself,
}

impl Healed {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::ByUs, Self::ByRerun, Self::ByItself];

    /// The name in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ByUs => "by_us",
            Self::ByRerun => "by_rerun",
            Self::ByItself => "by_itself",
        }
    }
}

/// Why a person has to take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Escalation {
    /// All attempts are used.
    AttemptsUsed,
    /// The gate refuses to begin, for a reason that a person can lift.
    GateRefused,
    /// A person rejected the patch.
    Rejected,
    /// The branch's rules, or the platform, refused our commit.
    CommitRefused,
    /// The runner could not be started.
    DispatchRefused,
    /// The runner was lost again and again.
    RunnerLost,
    /// CI never ran on our commit.
    NoCiOnCommit,
    /// The failure could not be reproduced, and running again did not help.
    NotReproduced,
    /// No fixer can answer, so further attempts would be the same.
    NothingToTry,
    /// A fixer asked, and nobody answered in time.
    Unanswered,
}

impl Escalation {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::AttemptsUsed,
        Self::GateRefused,
        Self::Rejected,
        Self::CommitRefused,
        Self::DispatchRefused,
        Self::RunnerLost,
        Self::NoCiOnCommit,
        Self::NotReproduced,
        Self::NothingToTry,
        Self::Unanswered,
    ];

    /// The name in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AttemptsUsed => "attempts_used",
            Self::GateRefused => "gate_refused",
            Self::Rejected => "rejected",
            Self::CommitRefused => "commit_refused",
            Self::DispatchRefused => "dispatch_refused",
            Self::RunnerLost => "runner_lost",
            Self::NoCiOnCommit => "no_ci_on_commit",
            Self::NotReproduced => "not_reproduced",
            Self::NothingToTry => "nothing_to_try",
            Self::Unanswered => "unanswered",
        }
    }
}

/// Who said hands off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoppedBy {
    /// Somebody by command or button.
    Person(Login),
    /// A label that somebody set.
    Label(Label),
    /// Somebody who wants our commits taken back.
    Undo(Undoing),
}

/// Our commits are taken back, because somebody wants that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undoing {
    /// Who.
    pub by: Login,
    /// The head that the commit which takes them back is made on.
    pub parent: Sha,
    /// How far that is.
    pub stage: UndoStage,
}

/// How far it is that our commits are taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum UndoStage {
    /// The commit is on its way.
    Wanted,
    /// It is on the branch: the case's head.
    Done,
    /// It was not made; why, in words.
    Failed {
        /// The reason.
        why: String,
    },
}

impl StoppedBy {
    /// Whether it is a person's word, which outlives pushes, and not a label's.
    pub const fn is_a_word(&self) -> bool {
        match self {
            Self::Person(_) | Self::Undo(_) => true,
            Self::Label(_) => false,
        }
    }
}

impl CaseState {
    /// The name in tables, reports and the transition matrix.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Watching => "watching",
            Self::Diagnosing => "diagnosing",
            Self::Rerunning => "rerunning",
            Self::Excused(_) => "excused",
            Self::Healing(_) => "healing",
            Self::AwaitingApproval(_) => "awaiting_approval",
            Self::AwaitingAnswer(_) => "awaiting_answer",
            Self::Proving(_) => "proving",
            Self::Healed(_) => "healed",
            Self::Escalated(_) => "escalated",
            Self::Stopped(_) => "stopped",
            Self::Superseded(_) => "superseded",
            Self::Closed => "closed",
        }
    }

    /// What is being taken back, while the commit is on its way.
    pub const fn undoing(&self) -> Option<&Undoing> {
        if let Self::Stopped(StoppedBy::Undo(undoing)) = self
            && matches!(undoing.stage, UndoStage::Wanted)
        {
            return Some(undoing);
        }
        None
    }

    /// Whether the case is over for good: another head or no head at all took its place.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Superseded(_) | Self::Closed)
    }

    /// Whether the case goes on by itself, so that people wait for us.
    pub const fn goes_on(&self) -> bool {
        match self {
            Self::Watching
            | Self::Diagnosing
            | Self::Rerunning
            | Self::Healing(_)
            | Self::Proving(_) => true,
            Self::Excused(_)
            | Self::AwaitingApproval(_)
            | Self::AwaitingAnswer(_)
            | Self::Healed(_)
            | Self::Escalated(_)
            | Self::Stopped(_)
            | Self::Superseded(_)
            | Self::Closed => false,
        }
    }

    /// Whether we are at work, so that labels and auto-merge are held.
    pub const fn is_working(&self) -> bool {
        match self {
            Self::Healing(_)
            | Self::AwaitingApproval(_)
            | Self::AwaitingAnswer(_)
            | Self::Proving(_) => true,
            Self::Watching
            | Self::Diagnosing
            | Self::Rerunning
            | Self::Excused(_)
            | Self::Healed(_)
            | Self::Escalated(_)
            | Self::Stopped(_)
            | Self::Superseded(_)
            | Self::Closed => false,
        }
    }

    /// The attempt that the state is about.
    pub const fn attempt(&self) -> Option<AttemptId> {
        match self {
            Self::Healing(id)
            | Self::AwaitingApproval(id)
            | Self::AwaitingAnswer(id)
            | Self::Proving(id) => Some(*id),
            Self::Watching
            | Self::Diagnosing
            | Self::Rerunning
            | Self::Excused(_)
            | Self::Healed(_)
            | Self::Escalated(_)
            | Self::Stopped(_)
            | Self::Superseded(_)
            | Self::Closed => None,
        }
    }
}
