//! Effects: what shall happen outside, each under a key that makes it happen once.
//!
//! Two classes. A *once* effect keeps its key for ever: a second one under the same key is the
//! same one. A *latest* effect says how something shall look: a newer one replaces an older one
//! that has not been performed, and one that looks like what was performed last is dropped.

use serde::{Deserialize, Serialize};

use super::event::CommentRef;
use super::ids::{
    AttemptId, Branch, CaseId, CommentId, EffectId, Label, PrNumber, RunId, Sha, Timestamp,
};
use super::pull::{AutoMerge, Repo};
use super::undo::Restored;
use super::view::{CheckView, CommentView, Reaction};

/// Something to do outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// The repository that it concerns.
    pub repo: Repo,
    /// The pull request that it concerns; `None` for the repository as a whole.
    pub number: Option<PrNumber>,
    /// What to do.
    pub act: Act,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// Make the check run of a head look like this.
    PublishCheck {
        /// How it shall look.
        view: CheckView,
    },
    /// Make the sticky comment look like this.
    UpsertComment {
        /// How it shall look.
        view: CommentView,
    },
    /// Answer a comment in words.
    Reply {
        /// The comment that is answered.
        to: CommentId,
        /// Markdown.
        body: String,
    },
    /// Answer a comment without words.
    React {
        /// The comment.
        to: CommentRef,
        /// How.
        reaction: Reaction,
    },
    /// Remind people, in a comment of its own, of what an attempt waits for.
    Remind {
        /// The attempt.
        attempt: AttemptId,
        /// How often it has asked, this time included.
        time: u8,
        /// Which reminder of that time it is, counted from 1.
        nth: u8,
        /// Markdown.
        body: String,
    },
    /// Make a label be there or not.
    SetLabel {
        /// The label.
        label: Label,
        /// Whether it shall be there.
        wanted: Wanted,
    },
    /// Make auto-merge be off, or on as it was.
    SetAutoMerge {
        /// The head that it is restored for.
        head: Sha,
        /// How it was; `None` switches it off.
        restore: Option<AutoMerge>,
    },
    /// Start a runner for an attempt.
    Dispatch {
        /// The attempt.
        attempt: AttemptId,
        /// Which start it is, counted from 1.
        dispatch: u8,
        /// The commit to heal.
        head: Sha,
        /// The runner before it, if there was one and the forge told which.
        #[serde(default)]
        after: Option<RunId>,
    },
    /// Cancel a run.
    Cancel {
        /// The run.
        run: RunId,
    },
    /// Run the failed jobs of a run again.
    Rerun {
        /// The run.
        run: RunId,
        /// The attempt of the run whose jobs failed.
        attempt: u32,
    },
    /// Merge the base branch into the pull request's.
    UpdateBranch {
        /// The head that it must still have.
        head: Sha,
    },
    /// Open a pull request that mends a broken base branch, unless there is one.
    Mend {
        /// The base branch.
        base: Branch,
        /// Its commit on which the failure was seen; when it has moved, nothing is opened.
        broken_at: Sha,
        /// The case that was set aside because of it.
        case: CaseId,
        /// The head whose evidence says what failed.
        head: Sha,
    },
    /// Make the text of a pull request of our own look like this, while it is open.
    Describe {
        /// Markdown.
        body: String,
    },
    /// Mark a pull request of our own as ready for review.
    MarkReady {
        /// The head that is ready.
        head: Sha,
    },
    /// Close a pull request of our own, and delete its branch when it is still there.
    Withdraw {
        /// The head that it must still have.
        head: Sha,
        /// Why, for people: a comment.
        comment: String,
        /// Its text from then on.
        body: String,
    },
    /// Commit an attempt's patch, by compare-and-swap.
    Commit {
        /// The attempt, whose recorded outcome holds the patch.
        attempt: AttemptId,
        /// The digest that the recorded patch must have: the one that was judged.
        patch_digest: String,
        /// The branch.
        branch: Branch,
        /// The commit that the branch must still be at.
        parent: Sha,
        /// The whole message.
        message: String,
    },
    /// Take commits of ours back, by compare-and-swap.
    Undo {
        /// The case that somebody wants that of.
        case: CaseId,
        /// Since when.
        wanted_at: Timestamp,
        /// The branch.
        branch: Branch,
        /// The commit that the branch must still be at.
        parent: Sha,
        /// The commits, oldest first.
        commits: Vec<Sha>,
        /// What becomes of their files.
        restored: Vec<Restored>,
        /// The whole message.
        message: String,
    },
    /// Propose a policy file to a repository that has none.
    Onboard,
}

/// Whether something shall be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// It shall.
    Present,
    /// It shall not.
    Absent,
}

/// How effects under the same key relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The second is the same as the first.
    Once,
    /// The second replaces the first.
    Latest,
}

impl Effect {
    /// The attempt that it is about, if it is about one.
    pub const fn attempt(&self) -> Option<AttemptId> {
        match &self.act {
            Act::Dispatch { attempt, .. }
            | Act::Commit { attempt, .. }
            | Act::Remind { attempt, .. } => Some(*attempt),
            Act::PublishCheck { .. }
            | Act::UpsertComment { .. }
            | Act::Reply { .. }
            | Act::React { .. }
            | Act::SetLabel { .. }
            | Act::SetAutoMerge { .. }
            | Act::Cancel { .. }
            | Act::Rerun { .. }
            | Act::UpdateBranch { .. }
            | Act::Mend { .. }
            | Act::Describe { .. }
            | Act::MarkReady { .. }
            | Act::Withdraw { .. }
            | Act::Undo { .. }
            | Act::Onboard => None,
        }
    }

    /// What makes it one and the same.
    pub fn key(&self) -> String {
        let repo = self.repo.id;
        let number = self.number.map_or(0, PrNumber::get);
        match &self.act {
            Act::PublishCheck { view } => format!("check:{repo}:{}:{}", number, view.head),
            Act::UpsertComment { .. } => format!("comment:{repo}:{number}"),
            Act::Reply { to, .. } => format!("reply:{repo}:{to}"),
            Act::Remind { attempt, time, nth, .. } => format!("remind:{attempt}:{time}:{nth}"),
            Act::React { to, reaction } => {
                format!("react:{repo}:{:?}:{}:{reaction:?}", to.place, to.id)
            }
            Act::SetLabel { label, .. } => {
                format!("label:{repo}:{number}:{}", label.as_str().to_lowercase())
            }
            Act::SetAutoMerge { .. } => format!("auto-merge:{repo}:{number}"),
            Act::Dispatch { attempt, dispatch, .. } => dispatch_key(*attempt, *dispatch),
            Act::Cancel { run } => format!("cancel:{repo}:{run}"),
            Act::Rerun { run, attempt } => format!("rerun:{repo}:{run}:{attempt}"),
            Act::UpdateBranch { head } => format!("update-branch:{repo}:{number}:{head}"),
            Act::Mend { base, broken_at, .. } => format!("mend:{repo}:{base}:{broken_at}"),
            Act::Describe { .. } => format!("describe:{repo}:{number}"),
            Act::MarkReady { head } => format!("ready:{repo}:{number}:{head}"),
            Act::Withdraw { head, .. } => format!("withdraw:{repo}:{number}:{head}"),
            Act::Commit { attempt, .. } => commit_key(*attempt),
            Act::Undo { case, wanted_at, .. } => undo_key(*case, *wanted_at),
            Act::Onboard => format!("onboard:{repo}"),
        }
    }

    /// How it relates to others under its key.
    pub const fn class(&self) -> Class {
        match self.act {
            Act::PublishCheck { .. }
            | Act::UpsertComment { .. }
            | Act::Describe { .. }
            | Act::SetLabel { .. }
            | Act::SetAutoMerge { .. } => Class::Latest,
            Act::Reply { .. }
            | Act::Remind { .. }
            | Act::React { .. }
            | Act::Dispatch { .. }
            | Act::Cancel { .. }
            | Act::Rerun { .. }
            | Act::UpdateBranch { .. }
            | Act::Mend { .. }
            | Act::MarkReady { .. }
            | Act::Withdraw { .. }
            | Act::Commit { .. }
            | Act::Undo { .. }
            | Act::Onboard => Class::Once,
        }
    }

    /// The kind's name, for tables, logs and metrics.
    pub const fn kind(&self) -> &'static str {
        match self.act {
            Act::PublishCheck { .. } => "publish_check",
            Act::UpsertComment { .. } => "upsert_comment",
            Act::Reply { .. } => "reply",
            Act::Remind { .. } => "remind",
            Act::React { .. } => "react",
            Act::SetLabel { .. } => "set_label",
            Act::SetAutoMerge { .. } => "set_auto_merge",
            Act::Dispatch { .. } => "dispatch",
            Act::Cancel { .. } => "cancel",
            Act::Rerun { .. } => "rerun",
            Act::UpdateBranch { .. } => "update_branch",
            Act::Mend { .. } => "mend",
            Act::Describe { .. } => "describe",
            Act::MarkReady { .. } => "mark_ready",
            Act::Withdraw { .. } => "withdraw",
            Act::Commit { .. } => "commit",
            Act::Undo { .. } => "undo",
            Act::Onboard => "onboard",
        }
    }
}

/// The key under which an attempt's commit is made.
pub fn commit_key(attempt: AttemptId) -> String {
    format!("commit:{attempt}")
}

/// The key under which a case's commits are taken back that somebody has wanted back since then.
pub fn undo_key(case: CaseId, wanted_at: Timestamp) -> String {
    format!("undo:{case}:{}", wanted_at.millis())
}

/// The key under which an attempt's n-th runner is started.
pub fn dispatch_key(attempt: AttemptId, dispatch: u8) -> String {
    format!("dispatch:{attempt}:{dispatch}")
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum EffectResult {
    /// It is done.
    Done {
        /// The commit, when it made one.
        commit: Option<Sha>,
        /// The run, when it started one and the forge told which.
        run: Option<RunId>,
    },
    /// It cannot be done; trying again will not help.
    Refused {
        /// The forge's words, bounded and redacted.
        message: String,
    },
    /// The branch was not where it had to be; nothing was written.
    Moved,
}

/// An effect as it waits in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingEffect {
    /// Its id.
    pub id: EffectId,
    /// What to do.
    pub effect: Effect,
    /// Which version under its key; a newer one may replace it while it is performed.
    pub revision: i64,
    /// How often it was tried.
    pub tries: u32,
    /// When it was first wanted.
    pub wanted_at: Timestamp,
}
