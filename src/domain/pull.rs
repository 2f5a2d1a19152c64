//! Pull requests and their CI as the forge shows them at one moment.
//!
//! These are facts, read from the forge or a webhook; nothing in here decides.

use serde::{Deserialize, Serialize};

use super::ids::{
    ArtifactId, Branch, CheckRunId, InstallationId, JobId, Label, Login, PrNumber, RepoId,
    RepoPath, RepoSlug, RunId, Sha, Timestamp, UserId,
};

/// A repository that the App is installed on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Repo {
    /// The forge's number: the key.
    pub id: RepoId,
    /// The name at the time of the last event, for URLs.
    pub slug: RepoSlug,
    /// The installation through which it is reached.
    pub installation: InstallationId,
}

/// Somebody who did something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// The forge's number.
    pub id: UserId,
    /// The name, for people.
    pub login: Login,
    /// Whether it is a bot account.
    pub is_bot: bool,
}

/// Whether a pull request can still change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullState {
    /// Open.
    Open,
    /// Closed without being merged.
    Closed,
    /// Merged.
    Merged,
}

/// Whether its author calls it finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// Ready for review.
    Ready,
    /// A draft.
    Draft,
}

/// The head of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The commit.
    pub sha: Sha,
    /// The branch.
    pub branch: Branch,
    /// The repository that the branch lives in; `None` when the fork was deleted.
    pub repo: Option<RepoId>,
}

/// Auto-merge as somebody switched it on; kept so that it can be restored exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoMerge {
    /// Who switched it on.
    pub enabled_by: Login,
    /// `merge`, `squash` or `rebase`, as the forge writes it.
    pub method: String,
    /// The title of the merge commit, if given.
    pub commit_title: Option<String>,
    /// The message of the merge commit, if given.
    pub commit_message: Option<String>,
}

/// A pull request as the forge shows it at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// The repository that it wants to go into.
    pub repo: Repo,
    /// Its number there.
    pub number: PrNumber,
    /// The forge's node id, for GraphQL.
    pub node_id: String,
    /// Who opened it.
    pub author: Actor,
    /// Whether it can still change.
    pub state: PullState,
    /// Whether its author calls it finished.
    pub readiness: Readiness,
    /// Its head.
    pub head: Head,
    /// The branch that it wants to go into.
    pub base: Branch,
    /// That branch's commit at this moment.
    pub base_sha: Sha,
    /// Its labels.
    pub labels: Vec<Label>,
    /// Auto-merge, when switched on.
    pub auto_merge: Option<AutoMerge>,
    /// Whether merging it would conflict; `None` while the forge has not computed it.
    pub conflicts: Option<bool>,
    /// When the forge last changed it.
    pub updated_at: Timestamp,
}

impl Pull {
    /// Whether the head lives outside the repository, or in a fork that is gone.
    pub fn is_from_fork(&self) -> bool {
        self.head.repo != Some(self.repo.id)
    }

    /// Whether it has a label of that name.
    pub fn has_label(&self, label: &Label) -> bool {
        self.labels.iter().any(|have| have.is(label.as_str()))
    }
}

/// The last known facts that connect commits with pull requests; kept from every webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullHead {
    /// The repository of the pull request.
    pub repo: Repo,
    /// Its number.
    pub number: PrNumber,
    /// Its head.
    pub head: Head,
    /// The branch that it wants to go into.
    pub base: Branch,
    /// Whether it can still change.
    pub state: PullState,
    /// When the forge last changed it; an older fact never replaces a newer one.
    pub updated_at: Timestamp,
}

impl From<Pull> for PullHead {
    fn from(pull: Pull) -> Self {
        Self {
            repo: pull.repo,
            number: pull.number,
            head: pull.head,
            base: pull.base,
            state: pull.state,
            updated_at: pull.updated_at,
        }
    }
}

/// Which CI system and run something failed in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CiRun {
    /// A workflow run of GitHub Actions.
    Workflow {
        /// The run.
        run: RunId,
        /// Its attempt, counted from 1.
        attempt: u32,
        /// The workflow's name.
        name: String,
    },
    /// A check run of another App.
    Check {
        /// The check run.
        check: CheckRunId,
        /// Its name.
        name: String,
        /// The App that made it.
        app: String,
    },
    /// A classic commit status.
    Status {
        /// Its context.
        context: String,
        /// Where it points.
        url: Option<String>,
    },
}

impl CiRun {
    /// What people call it.
    pub fn name(&self) -> &str {
        match self {
            Self::Workflow { name, .. } | Self::Check { name, .. } => name,
            Self::Status { context, .. } => context,
        }
    }
}

/// How CI stands on one commit, own check runs left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ci {
    /// Nothing ran, nothing is queued.
    Nothing,
    /// Something still runs or waits; `red` has failed already.
    Pending {
        /// What has failed already.
        red: Vec<CiRun>,
    },
    /// Everything ended, nothing failed.
    Green,
    /// Everything ended, these failed.
    Red(Vec<CiRun>),
    /// Runs wait for a person to approve them (first-time contributors, policies).
    NeedsApproval(Vec<CiRun>),
    /// Everything ended; nothing failed, but these were cancelled.
    Cancelled(Vec<CiRun>),
}

/// How one job of a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedJob {
    /// The job.
    pub id: JobId,
    /// Its name, matrix values included.
    pub name: String,
    /// The steps that failed, in order.
    pub failed_steps: Vec<String>,
    /// The check run that it is, too.
    pub check: CheckRunId,
    /// When it began; `None` when the forge does not tell.
    pub started_at: Option<Timestamp>,
    /// Where people look at it.
    pub url: Option<String>,
}

/// Something that a workflow run uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The artifact.
    pub id: ArtifactId,
    /// Its name, which the run gave it.
    pub name: String,
    /// Its archive's size in bytes.
    pub bytes: u64,
    /// When it was uploaded; `None` when the forge does not tell.
    pub created_at: Option<Timestamp>,
    /// Whether its retention is over.
    pub is_expired: bool,
}

/// An annotation that somebody's check run carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CiAnnotation {
    /// The file; `.github` and the like for annotations of the run itself.
    pub path: String,
    /// First line, counted from 1.
    pub start_line: u32,
    /// Last line, counted from 1.
    pub end_line: u32,
    /// First column, counted from 1, where it is known.
    pub start_column: Option<u32>,
    /// `notice`, `warning` or `failure`.
    pub level: String,
    /// What it says.
    pub message: String,
    /// Its title.
    pub title: Option<String>,
}

/// A commit of a pull request, as far as counting attempts needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullCommit {
    /// The commit.
    pub sha: Sha,
    /// Who authored it; `None` when the forge cannot tell.
    pub author: Option<UserId>,
    /// Its whole message.
    pub message: String,
}

/// One entry of a commit's tree, as far as judging a patch needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseFile {
    /// Its path.
    pub path: RepoPath,
    /// Its mode.
    pub mode: super::patch::FileMode,
    /// Its text; `None` when it is binary or too large to show.
    pub text: Option<String>,
    /// Its size in bytes.
    pub size: u64,
}

/// Whether a pull request waits in a merge queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// It does; a push would throw it out.
    Waiting,
    /// It does not.
    Outside,
}

/// Rules of a branch that matter before work begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BranchRules {
    /// Names of required status checks.
    pub required_checks: Vec<String>,
    /// Whether changes go through a merge queue.
    pub merge_queue: bool,
    /// Whether only signed commits are accepted.
    pub signed_commits: bool,
    /// Rules that would refuse any push to the branch, by the forge's own names.
    pub blocks_pushes: Vec<String>,
}

/// What somebody may do in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Nothing.
    None,
    /// Look.
    Read,
    /// Push.
    Write,
    /// Everything.
    Admin,
}
