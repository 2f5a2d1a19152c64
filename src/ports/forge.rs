//! The forge as the product needs it, in domain words.
//!
//! Reads may be repeated at will. Writes are called by the effect worker alone, one effect at a
//! time; each is safe to repeat, because it looks up what is there before it creates
//! (check runs by `external_id`, comments by their hidden marker, commits by their parent and
//! trailer, dispatches by the attempt's id). An adapter retries nothing that was sent and may have
//! been done; retrying is the outbox's business.

mod error;

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::event::CommentRef;
use crate::domain::ids::{
    ArtifactId, AttemptId, Branch, CheckRunId, CommentId, Label, Login, PrNumber, RepoPath, RunId,
    Sha, UserId,
};
use crate::domain::patch::Patch;
use crate::domain::pull::{
    Artifact, AutoMerge, BaseFile, BranchRules, Ci, CiAnnotation, FailedJob, Permission, Pull,
    PullCommit, Queue, Repo,
};
use crate::domain::view::{CheckView, CommentView, Reaction};

pub use error::ForgeError;

/// A commit to be made on a pull request's branch.
#[derive(Debug, Clone)]
pub struct NewCommit {
    /// The repository that the branch lives in.
    pub repo: Repo,
    /// The branch.
    pub branch: Branch,
    /// The commit that the branch must still be at: the only parent.
    pub parent: Sha,
    /// What to change.
    pub patch: Patch,
    /// The whole message, sanitised, with the attempt's trailer.
    pub message: String,
    /// The attempt, whose trailer tells whether this very commit was made already.
    pub attempt: AttemptId,
}

/// A run to be started in the target repository.
#[derive(Debug, Clone)]
pub struct WorkflowDispatch {
    /// The repository.
    pub repo: Repo,
    /// The workflow file's name.
    pub workflow: String,
    /// Inputs; no secret among them.
    pub inputs: Vec<(String, String)>,
    /// The attempt, by whose `run-name` a started run is found again.
    pub attempt: AttemptId,
    /// The run that was started for the attempt before this one; only later ones are the answer.
    pub after: Option<RunId>,
}

/// How a workflow run stands, as far as noticing a lost runner needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// Queued, waiting or running.
    Running,
    /// Ended, however.
    Ended,
}

/// A log, perhaps cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobLog {
    /// The bytes: the head and the tail when it is longer than the cap.
    pub bytes: Vec<u8>,
    /// Bytes that were left out between head and tail.
    pub omitted: u64,
    /// Whether the tail is the log's own.
    pub end: LogEnd,
}

/// Whether a log's end was come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogEnd {
    /// It was.
    Reached,
    /// The log is longer than is fetched: what follows was not asked for.
    TooFar,
}

/// What a job is called, the same in every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobNames<'a> {
    /// Its workflow's name.
    pub workflow: &'a str,
    /// Its own, matrix values included.
    pub job: &'a str,
}

/// The App itself, as the forge knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppIdentity {
    /// The App's number.
    pub app_id: u64,
    /// Its name in URLs.
    pub slug: String,
    /// Its bot user.
    pub bot: UserId,
    /// The bot user's login.
    pub login: Login,
}

/// A file to be proposed by a pull request of our own.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The repository.
    pub repo: Repo,
    /// The branch to create.
    pub branch: Branch,
    /// The file to add.
    pub path: RepoPath,
    /// Its content.
    pub content: String,
    /// Title of commit and pull request.
    pub title: String,
    /// Text of the pull request.
    pub body: String,
}

/// The forge, reading side.
#[async_trait]
pub trait ForgeReader: Send + Sync {
    /// The App itself; cached by the adapter.
    async fn app(&self) -> Result<AppIdentity, ForgeError>;

    /// A pull request as it is now.
    async fn pull(&self, repo: &Repo, number: PrNumber) -> Result<Pull, ForgeError>;

    /// Open pull requests whose head is that branch of that account (`owner:branch`).
    async fn pulls_from(
        &self,
        repo: &Repo,
        owner: &Login,
        branch: &Branch,
    ) -> Result<Vec<Pull>, ForgeError>;

    /// Open pull requests that contain a commit; always empty for heads in forks.
    async fn pulls_with_commit(&self, repo: &Repo, sha: &Sha) -> Result<Vec<Pull>, ForgeError>;

    /// How CI stands on a commit. Our own check runs, and runs of the workflow named in
    /// `own_workflow`, are left out.
    async fn ci(&self, repo: &Repo, sha: &Sha, own_workflow: &str) -> Result<Ci, ForgeError>;

    /// The failed jobs of one attempt of a workflow run.
    async fn failed_jobs(
        &self,
        repo: &Repo,
        run: RunId,
        attempt: u32,
    ) -> Result<Vec<FailedJob>, ForgeError>;

    /// The log of a job, cut to `bytes_max`. [`ForgeError::NotFound`] means "not yet".
    async fn job_log(
        &self,
        repo: &Repo,
        job: &FailedJob,
        bytes_max: usize,
    ) -> Result<JobLog, ForgeError>;

    /// The log of a job when its workflow was last green on a branch; `None` when it was not lately.
    async fn green_log(
        &self,
        repo: &Repo,
        branch: &Branch,
        names: JobNames<'_>,
        bytes_max: usize,
    ) -> Result<Option<JobLog>, ForgeError>;

    /// What a workflow run uploaded, of all its attempts; at most the newest 100.
    async fn artifacts(&self, repo: &Repo, run: RunId) -> Result<Vec<Artifact>, ForgeError>;

    /// The archive of an artifact; `None` when it is larger than `bytes_max`.
    async fn archive(
        &self,
        repo: &Repo,
        artifact: ArtifactId,
        bytes_max: usize,
    ) -> Result<Option<Bytes>, ForgeError>;

    /// Annotations of a check run; a job of GitHub Actions is one, too.
    async fn annotations(
        &self,
        repo: &Repo,
        check: CheckRunId,
    ) -> Result<Vec<CiAnnotation>, ForgeError>;

    /// What a check run says about itself, in words; empty when it says nothing.
    async fn check_output(&self, repo: &Repo, check: CheckRunId) -> Result<String, ForgeError>;

    /// What somebody may do in a repository.
    async fn permission(&self, repo: &Repo, login: &Login) -> Result<Permission, ForgeError>;

    /// A text file at a commit or branch; `None` when it is not there.
    async fn file(
        &self,
        repo: &Repo,
        at: &str,
        path: &RepoPath,
    ) -> Result<Option<String>, ForgeError>;

    /// The texts of these paths at a commit, in their order, in one request; `None` for what is not
    /// there, is binary or is too large for one answer.
    async fn texts(
        &self,
        repo: &Repo,
        sha: &Sha,
        paths: &[RepoPath],
    ) -> Result<Vec<Option<String>>, ForgeError>;

    /// Paths of files below a folder of a commit, at most one answer's; none without the folder.
    async fn paths_below(
        &self,
        repo: &Repo,
        sha: &Sha,
        folder: &RepoPath,
    ) -> Result<Vec<RepoPath>, ForgeError>;

    /// Every path of a commit's tree; `None` when there are too many for one answer.
    async fn paths(&self, repo: &Repo, sha: &Sha) -> Result<Option<Vec<RepoPath>>, ForgeError>;

    /// Those of `paths` that exist in a commit's tree, with mode, size and text.
    async fn base_files(
        &self,
        repo: &Repo,
        sha: &Sha,
        paths: &[RepoPath],
    ) -> Result<Vec<BaseFile>, ForgeError>;

    /// Commits of a pull request, oldest first; at most the last 250.
    async fn pull_commits(
        &self,
        repo: &Repo,
        number: PrNumber,
    ) -> Result<Vec<PullCommit>, ForgeError>;

    /// Paths that a pull request changes, old and new names; at most 3,000.
    async fn changed_files(
        &self,
        repo: &Repo,
        number: PrNumber,
    ) -> Result<Vec<RepoPath>, ForgeError>;

    /// Rules of a branch.
    async fn branch_rules(&self, repo: &Repo, branch: &Branch) -> Result<BranchRules, ForgeError>;

    /// Whether a pull request waits in the merge queue.
    async fn queue(&self, repo: &Repo, number: PrNumber) -> Result<Queue, ForgeError>;

    /// How a workflow run stands.
    async fn run_state(&self, repo: &Repo, run: RunId) -> Result<RunState, ForgeError>;

    /// The newest commit of a branch; `None` when there is no such branch.
    async fn tip(&self, repo: &Repo, branch: &Branch) -> Result<Option<Sha>, ForgeError>;

    /// The newest commit that two commits have in common; `None` when they have none.
    async fn merge_base(
        &self,
        repo: &Repo,
        one: &Sha,
        other: &Sha,
    ) -> Result<Option<Sha>, ForgeError>;

    /// The repository's default branch.
    async fn default_branch(&self, repo: &Repo) -> Result<Branch, ForgeError>;
}

/// The forge, writing side. See the module's header for what makes each call safe to repeat.
#[async_trait]
pub trait ForgeWriter: Send + Sync {
    /// Makes the check run look like the view; finds it by `known`, else by its `external_id`,
    /// else creates it. Annotations already sent (`annotations_sent`) are not sent again.
    async fn publish_check(
        &self,
        repo: &Repo,
        view: &CheckView,
        known: Option<PublishedCheck>,
    ) -> Result<PublishedCheck, ForgeError>;

    /// Makes the sticky comment look like the view; finds it by `known`, else by its marker.
    async fn upsert_comment(
        &self,
        repo: &Repo,
        number: PrNumber,
        view: &CommentView,
        known: Option<CommentId>,
    ) -> Result<CommentId, ForgeError>;

    /// Answers a comment with a comment of its own; the body's marker keeps it from being doubled.
    async fn reply(
        &self,
        repo: &Repo,
        number: PrNumber,
        marker: &str,
        body: &str,
    ) -> Result<CommentId, ForgeError>;

    /// Reacts to a comment.
    async fn react(
        &self,
        repo: &Repo,
        comment: CommentRef,
        reaction: Reaction,
    ) -> Result<(), ForgeError>;

    /// Adds a label; fine when it is there.
    async fn add_label(
        &self,
        repo: &Repo,
        number: PrNumber,
        label: &Label,
    ) -> Result<(), ForgeError>;

    /// Removes a label; fine when it is not there.
    async fn remove_label(
        &self,
        repo: &Repo,
        number: PrNumber,
        label: &Label,
    ) -> Result<(), ForgeError>;

    /// Switches auto-merge off; fine when it is off.
    async fn disable_auto_merge(&self, repo: &Repo, number: PrNumber) -> Result<(), ForgeError>;

    /// Switches auto-merge on as it was, for exactly this head; fine when it is on.
    async fn enable_auto_merge(
        &self,
        repo: &Repo,
        number: PrNumber,
        head: &Sha,
        held: &AutoMerge,
    ) -> Result<(), ForgeError>;

    /// Commits by compare-and-swap on the branch. When the branch is already at a commit with the
    /// attempt's trailer and the expected parent, that commit is the answer.
    async fn commit(&self, commit: &NewCommit) -> Result<Sha, ForgeError>;

    /// Starts a workflow on the default branch. A run of that attempt that was started already is
    /// the answer, even when it has ended since; `None` when the forge does not tell which run it is
    /// (older GHES).
    async fn dispatch(&self, dispatch: &WorkflowDispatch) -> Result<Option<RunId>, ForgeError>;

    /// Cancels a run; fine when it has ended.
    async fn cancel(&self, repo: &Repo, run: RunId) -> Result<(), ForgeError>;

    /// Runs the failed jobs of a run again; fine when that attempt is running already.
    async fn rerun_failed(&self, repo: &Repo, run: RunId, attempt: u32) -> Result<(), ForgeError>;

    /// Merges the base branch into a pull request's branch, which must still be at that head; fine
    /// when there is nothing to merge or somebody was faster.
    async fn update_branch(
        &self,
        repo: &Repo,
        number: PrNumber,
        head: &Sha,
    ) -> Result<(), ForgeError>;

    /// Opens a pull request that adds a file; fine when branch, file or pull request are there.
    async fn propose(&self, proposal: &Proposal) -> Result<Option<PrNumber>, ForgeError>;
}

/// A check run that exists, and how much of it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PublishedCheck {
    /// The forge's number.
    pub id: CheckRunId,
    /// How many annotations of the view were sent; they can only be appended.
    pub annotations_sent: u32,
}

/// Both sides, what it remembers, what takes commits back, and what mends base branches.
pub trait Forge:
    ForgeReader
    + ForgeWriter
    + super::history::ForgeHistory
    + super::undo::ForgeUndo
    + super::mending::ForgeMending
{
}

impl<T> Forge for T where
    T: ForgeReader
        + ForgeWriter
        + super::history::ForgeHistory
        + super::undo::ForgeUndo
        + super::mending::ForgeMending
{
}
