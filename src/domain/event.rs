//! Events: what a delivery means to us, in words of no forge in particular.
//!
//! An event is a hint, never the truth: deliveries are lost, doubled, late and out of order. It says
//! where to look; what is so is read from the forge when a decision is made.

use super::ids::{
    Branch, CheckRunId, CommentId, InstallationId, Login, PrNumber, RepoId, RepoPath, RunId, Sha,
    Timestamp,
};
use super::pull::{Actor, Head, PullHead, Repo};

/// What a delivery means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A pull request changed in a way that may matter.
    PullChanged {
        /// The facts that came with it.
        pull: PullHead,
        /// What changed.
        change: PullChange,
        /// Who did it.
        actor: Option<Actor>,
    },
    /// CI of a commit moved: a run, a check or a status of somebody else.
    CiMoved {
        /// The repository.
        repo: Repo,
        /// The commit.
        sha: Sha,
        /// The head branch and the repository it lives in, when the forge says so.
        head: Option<Head>,
        /// The account that owns the head's repository, by which a fork's pull request is found.
        head_owner: Option<Login>,
        /// Pull requests that the forge itself named; empty for forks.
        pulls: Vec<PrNumber>,
        /// The workflow run, when it was one; lets a runner's end be noticed.
        run: Option<RunId>,
    },
    /// A person asks to look again at one of our check runs.
    Rerequested {
        /// The repository.
        repo: Repo,
        /// The commit that the check run is on.
        sha: Sha,
        /// Which check run; `None` when all of the commit are meant.
        check: Option<CheckRunId>,
        /// Who asks.
        actor: Actor,
    },
    /// A person pressed one of our buttons.
    Pressed {
        /// The repository.
        repo: Repo,
        /// The check run that carries the button.
        check: CheckRunId,
        /// The commit that the check run is on.
        sha: Sha,
        /// Which button.
        button: String,
        /// Who pressed it.
        actor: Actor,
    },
    /// Somebody wrote a comment on a pull request.
    Commented {
        /// The repository.
        repo: Repo,
        /// The pull request.
        number: PrNumber,
        /// The comment and where it stands.
        comment: CommentRef,
        /// Its text: hostile.
        body: String,
        /// Who wrote it.
        actor: Actor,
        /// When it was written, where the forge says so.
        at: Option<Timestamp>,
    },
    /// A branch moved.
    Pushed {
        /// The repository.
        repo: Repo,
        /// The branch.
        branch: Branch,
        /// Its new commit; `None` when it was deleted.
        after: Option<Sha>,
        /// Commits that its new commits say they revert.
        reverted: Vec<Sha>,
        /// Files that its new commits touch, as far as the forge tells.
        touched: Vec<RepoPath>,
    },
    /// A merge queue wants checks on a commit of its own making.
    MergeGroup {
        /// The repository.
        repo: Repo,
        /// The queue's commit.
        sha: Sha,
        /// Whether checks are wanted or the group is gone.
        stage: MergeGroupStage,
    },
    /// The App's access changed.
    Installation {
        /// The installation.
        installation: InstallationId,
        /// How.
        change: InstallationChange,
        /// Repositories that came, when the forge names them.
        added: Vec<Repo>,
        /// Repositories that went, when the forge names them.
        removed: Vec<Repo>,
    },
    /// The forge tries whether the webhook works.
    Ping,
}

impl Event {
    /// The repository that it is about; `None` when it is about several or none.
    pub const fn repo(&self) -> Option<RepoId> {
        match self {
            Self::PullChanged { pull, .. } => Some(pull.repo.id),
            Self::CiMoved { repo, .. }
            | Self::Rerequested { repo, .. }
            | Self::Pressed { repo, .. }
            | Self::Commented { repo, .. }
            | Self::Pushed { repo, .. }
            | Self::MergeGroup { repo, .. } => Some(repo.id),
            Self::Installation { .. } | Self::Ping => None,
        }
    }
}

/// How a pull request changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PullChange {
    /// Opened.
    Opened,
    /// Opened again.
    Reopened,
    /// Its head moved.
    Synchronized,
    /// No longer a draft.
    ReadyForReview,
    /// A draft again.
    ConvertedToDraft,
    /// Title, text or base changed.
    Edited,
    /// A label came.
    Labeled,
    /// A label went.
    Unlabeled,
    /// Closed or merged.
    Closed,
    /// Auto-merge was switched on.
    AutoMergeEnabled,
    /// Auto-merge was switched off.
    AutoMergeDisabled,
    /// It entered the merge queue.
    Enqueued,
    /// It left the merge queue.
    Dequeued,
}

/// What a merge queue wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeGroupStage {
    /// Checks are wanted.
    ChecksRequested,
    /// The group is gone.
    Destroyed,
}

/// How the App's access changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallationChange {
    /// Installed.
    Created,
    /// Uninstalled.
    Deleted,
    /// Suspended.
    Suspended,
    /// No longer suspended.
    Unsuspended,
    /// New permissions were accepted.
    PermissionsAccepted,
    /// Repositories came or went.
    RepositoriesChanged,
}

/// A comment, and the list it stands in: the forge has separate routes for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct CommentRef {
    /// The comment.
    pub id: CommentId,
    /// Where it stands.
    pub place: CommentPlace,
}

/// Where a comment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommentPlace {
    /// In the conversation.
    Conversation,
    /// At a line of the diff.
    Review,
}

/// What reading a delivery yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// Something to look at.
    Event(Box<Event>),
    /// Understood, and of no interest; says why.
    NoInterest(&'static str),
}
