//! The reading side of the forge port.

mod blobs;
pub(super) mod ci;
mod content;
mod pulls;

use async_trait::async_trait;
use bytes::Bytes;

use super::GithubForge;
use crate::domain::ids::{ArtifactId, Branch, CheckRunId, Login, PrNumber, RepoPath, RunId, Sha};
use crate::domain::pull::{
    Artifact, BaseFile, BranchRules, Ci, CiAnnotation, FailedJob, Permission, Pull, PullCommit,
    Queue, Repo,
};
use crate::ports::forge::{AppIdentity, ForgeError, ForgeReader, JobLog, JobNames, RunState};

#[async_trait]
impl ForgeReader for GithubForge {
    async fn app(&self) -> Result<AppIdentity, ForgeError> {
        self.identity.get_or_try_init(|| self.app_identity()).await.cloned()
    }

    async fn pull(&self, repo: &Repo, number: PrNumber) -> Result<Pull, ForgeError> {
        self.one_pull(repo, number).await
    }

    async fn pulls_from(
        &self,
        repo: &Repo,
        owner: &Login,
        branch: &Branch,
    ) -> Result<Vec<Pull>, ForgeError> {
        self.open_pulls_from(repo, owner, branch).await
    }

    async fn pulls_with_commit(&self, repo: &Repo, sha: &Sha) -> Result<Vec<Pull>, ForgeError> {
        self.open_pulls_with(repo, sha).await
    }

    async fn ci(&self, repo: &Repo, sha: &Sha, own_workflow: &str) -> Result<Ci, ForgeError> {
        self.ci_of(repo, sha, own_workflow).await
    }

    async fn failed_jobs(
        &self,
        repo: &Repo,
        run: RunId,
        attempt: u32,
    ) -> Result<Vec<FailedJob>, ForgeError> {
        self.jobs_that_failed(repo, run, attempt).await
    }

    async fn job_log(
        &self,
        repo: &Repo,
        job: &FailedJob,
        bytes_max: usize,
    ) -> Result<JobLog, ForgeError> {
        self.log_of(repo, job.id, bytes_max).await
    }

    async fn green_log(
        &self,
        repo: &Repo,
        branch: &Branch,
        names: JobNames<'_>,
        bytes_max: usize,
    ) -> Result<Option<JobLog>, ForgeError> {
        match self.green_job(repo, branch, names).await? {
            Some(job) => self.log_of(repo, job, bytes_max).await.map(Some),
            None => Ok(None),
        }
    }

    async fn artifacts(&self, repo: &Repo, run: RunId) -> Result<Vec<Artifact>, ForgeError> {
        self.artifacts_of(repo, run).await
    }

    async fn archive(
        &self,
        repo: &Repo,
        artifact: ArtifactId,
        bytes_max: usize,
    ) -> Result<Option<Bytes>, ForgeError> {
        self.archive_of(repo, artifact, bytes_max).await
    }

    async fn annotations(
        &self,
        repo: &Repo,
        check: CheckRunId,
    ) -> Result<Vec<CiAnnotation>, ForgeError> {
        self.annotations_of(repo, check).await
    }

    async fn check_output(&self, repo: &Repo, check: CheckRunId) -> Result<String, ForgeError> {
        self.output_of(repo, check).await
    }

    async fn permission(&self, repo: &Repo, login: &Login) -> Result<Permission, ForgeError> {
        self.permission_of(repo, login).await
    }

    async fn file(
        &self,
        repo: &Repo,
        at: &str,
        path: &RepoPath,
    ) -> Result<Option<String>, ForgeError> {
        self.text_file(repo, at, path).await
    }

    async fn texts(
        &self,
        repo: &Repo,
        sha: &Sha,
        paths: &[RepoPath],
    ) -> Result<Vec<Option<String>>, ForgeError> {
        self.texts_at(repo, sha, paths).await
    }

    async fn paths_below(
        &self,
        repo: &Repo,
        sha: &Sha,
        folder: &RepoPath,
    ) -> Result<Vec<RepoPath>, ForgeError> {
        self.paths_in(repo, sha, folder).await
    }

    async fn paths(&self, repo: &Repo, sha: &Sha) -> Result<Option<Vec<RepoPath>>, ForgeError> {
        self.paths_at(repo, sha).await
    }

    async fn base_files(
        &self,
        repo: &Repo,
        sha: &Sha,
        paths: &[RepoPath],
    ) -> Result<Vec<BaseFile>, ForgeError> {
        self.files_at(repo, sha, paths).await
    }

    async fn pull_commits(
        &self,
        repo: &Repo,
        number: PrNumber,
    ) -> Result<Vec<PullCommit>, ForgeError> {
        self.commits_of(repo, number).await
    }

    async fn changed_files(
        &self,
        repo: &Repo,
        number: PrNumber,
    ) -> Result<Vec<RepoPath>, ForgeError> {
        self.files_of(repo, number).await
    }

    async fn branch_rules(&self, repo: &Repo, branch: &Branch) -> Result<BranchRules, ForgeError> {
        self.rules_of(repo, branch).await
    }

    async fn queue(&self, repo: &Repo, number: PrNumber) -> Result<Queue, ForgeError> {
        self.queue_of(repo, number).await
    }

    async fn run_state(&self, repo: &Repo, run: RunId) -> Result<RunState, ForgeError> {
        self.state_of_run(repo, run).await
    }

    async fn tip(&self, repo: &Repo, branch: &Branch) -> Result<Option<Sha>, ForgeError> {
        match self.branch_head(repo, branch).await {
            Ok(sha) => Ok(Some(sha)),
            Err(ForgeError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn merge_base(
        &self,
        repo: &Repo,
        one: &Sha,
        other: &Sha,
    ) -> Result<Option<Sha>, ForgeError> {
        self.common(repo, one, other).await
    }

    async fn default_branch(&self, repo: &Repo) -> Result<Branch, ForgeError> {
        self.default_branch_of(repo).await
    }
}

/// A text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A text with slashes as several segments of a path.
pub(super) fn segments(text: &str) -> String {
    text.split('/').map(segment).collect::<Vec<_>>().join("/")
}
