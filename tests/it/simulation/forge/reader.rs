//! What readers are shown: the truth, or for a moment after a push what was so before it.

use async_trait::async_trait;
use bytes::Bytes;
use selfheal::domain::ids::{
    ArtifactId, Branch, CheckRunId, JobId, Login, PrNumber, RepoPath, RunId, Sha, Timestamp,
};
use selfheal::domain::pull::{
    Artifact, BaseFile, BranchRules, Ci, CiAnnotation, FailedJob, Permission, Pull, PullCommit,
    PullState, Queue, Readiness, Repo,
};
use selfheal::ports::forge::{
    AppIdentity, ForgeError, ForgeReader, JobLog, JobNames, LogEnd, RunState,
};

use super::{SimForge, ci_of};
use crate::simulation::truth::{
    BOT, By, Commit, Nature, Progress, Truth, WRITER, actor, base_sha, branch, head_of, repo,
};

/// A pull request as a reader is shown it.
pub(super) fn shown(truth: &Truth, number: PrNumber) -> Result<Pull, ForgeError> {
    let missing = || ForgeError::NotFound(format!("pull request {number}"));
    let pull = truth.pull(number).ok_or_else(missing)?;
    let (stale_until, stale_since) = pull.stale;
    let is_stale = stale_until > truth.now && pull.commits.len() > 1;
    let commit = &pull.commits[pull.commits.len() - 1 - usize::from(is_stale)];
    let updated_at = if is_stale { stale_since } else { pull.updated_at };
    Ok(Pull {
        repo: repo(),
        number,
        node_id: format!("PR_{number}"),
        author: actor("mona"),
        state: pull.state,
        readiness: Readiness::Ready,
        head: head_of(pull, commit),
        base: branch("main"),
        base_sha: base_sha(),
        labels: pull.labels.clone(),
        auto_merge: pull.auto_merge.clone(),
        conflicts: None,
        updated_at: Timestamp::from_millis(updated_at),
    })
}

#[async_trait]
impl ForgeReader for SimForge {
    async fn app(&self) -> Result<AppIdentity, ForgeError> {
        let bot = actor(BOT);
        let slug = "selfheal".to_owned();
        Ok(AppIdentity { app_id: 5, slug, bot: bot.id, login: bot.login })
    }

    async fn pull(&self, _repo: &Repo, number: PrNumber) -> Result<Pull, ForgeError> {
        self.read(|truth| shown(truth, number)).await
    }

    async fn pulls_from(
        &self,
        _repo: &Repo,
        _owner: &Login,
        branch: &Branch,
    ) -> Result<Vec<Pull>, ForgeError> {
        self.read(|truth| {
            let open = truth.pulls.iter().filter(|pull| pull.state == PullState::Open);
            let found = open.filter(|pull| head_of(pull, pull.head()).branch == *branch);
            found.map(|pull| shown(truth, pull.number)).collect()
        })
        .await
    }

    async fn pulls_with_commit(&self, _repo: &Repo, sha: &Sha) -> Result<Vec<Pull>, ForgeError> {
        self.read(|truth| {
            let open = truth.pulls.iter().filter(|pull| pull.state == PullState::Open);
            let found = open.filter(|pull| pull.commits.iter().any(|commit| commit.sha == *sha));
            found.map(|pull| shown(truth, pull.number)).collect()
        })
        .await
    }

    async fn ci(&self, _repo: &Repo, sha: &Sha, _own: &str) -> Result<Ci, ForgeError> {
        self.read(|truth| Ok(ci_of(truth, sha))).await
    }

    async fn failed_jobs(
        &self,
        _repo: &Repo,
        run: RunId,
        attempt: u32,
    ) -> Result<Vec<FailedJob>, ForgeError> {
        let id = run.get() * 100 + u64::from(attempt);
        self.read(|_| {
            Ok(vec![FailedJob {
                id: JobId::new(id),
                name: "test".to_owned(),
                failed_steps: vec!["Run make".to_owned()],
                check: CheckRunId::new(id),
                started_at: None,
                url: None,
            }])
        })
        .await
    }

    async fn job_log(
        &self,
        _repo: &Repo,
        job: &FailedJob,
        _bytes_max: usize,
    ) -> Result<JobLog, ForgeError> {
        let run = RunId::new(job.id.get() / 100);
        self.read(|truth| {
            let run = truth.runs.iter().find(|known| known.id == run);
            let commits = truth.pulls.iter().flat_map(|pull| &pull.commits);
            let of = |commit: &&Commit| run.is_some_and(|run| run.sha == commit.sha);
            match commits.into_iter().find(of).map(|commit| commit.nature) {
                // Only the machine's failures have words of their own; the others are left unread,
                // because what a log says is tested elsewhere and takes its time.
                Some(Nature::Flaky | Nature::Outage) => {
                    let bytes = b"##[error]No space left on device\n".to_vec();
                    Ok(JobLog { bytes, omitted: 0, end: LogEnd::Reached })
                }
                _ => Err(ForgeError::Expired("the log".to_owned())),
            }
        })
        .await
    }

    async fn green_log(
        &self,
        _repo: &Repo,
        _branch: &Branch,
        _names: JobNames<'_>,
        _bytes_max: usize,
    ) -> Result<Option<JobLog>, ForgeError> {
        Ok(None)
    }

    async fn artifacts(&self, _repo: &Repo, _run: RunId) -> Result<Vec<Artifact>, ForgeError> {
        Ok(Vec::new())
    }

    async fn archive(
        &self,
        _repo: &Repo,
        _artifact: ArtifactId,
        _bytes_max: usize,
    ) -> Result<Option<Bytes>, ForgeError> {
        Ok(None)
    }

    async fn annotations(
        &self,
        _repo: &Repo,
        _check: CheckRunId,
    ) -> Result<Vec<CiAnnotation>, ForgeError> {
        Ok(Vec::new())
    }

    async fn check_output(&self, _repo: &Repo, _check: CheckRunId) -> Result<String, ForgeError> {
        Ok(String::new())
    }

    async fn permission(&self, _repo: &Repo, login: &Login) -> Result<Permission, ForgeError> {
        let may_write = login.as_str() == WRITER;
        self.read(|_| Ok(if may_write { Permission::Write } else { Permission::Read })).await
    }

    async fn file(
        &self,
        _repo: &Repo,
        _at: &str,
        _path: &RepoPath,
    ) -> Result<Option<String>, ForgeError> {
        self.read(|_| Ok(None)).await
    }

    async fn texts(
        &self,
        _repo: &Repo,
        _sha: &Sha,
        paths: &[RepoPath],
    ) -> Result<Vec<Option<String>>, ForgeError> {
        let count = paths.len();
        self.read(|_| Ok(vec![None; count])).await
    }

    async fn paths_below(
        &self,
        _repo: &Repo,
        _sha: &Sha,
        _folder: &RepoPath,
    ) -> Result<Vec<RepoPath>, ForgeError> {
        self.read(|_| Ok(Vec::new())).await
    }

    async fn paths(&self, _repo: &Repo, _sha: &Sha) -> Result<Option<Vec<RepoPath>>, ForgeError> {
        Ok(None)
    }

    async fn base_files(
        &self,
        _repo: &Repo,
        _sha: &Sha,
        _paths: &[RepoPath],
    ) -> Result<Vec<BaseFile>, ForgeError> {
        self.read(|_| Ok(Vec::new())).await
    }

    async fn pull_commits(
        &self,
        _repo: &Repo,
        number: PrNumber,
    ) -> Result<Vec<PullCommit>, ForgeError> {
        self.read(|truth| {
            let commits = truth.pull(number).map(|pull| pull.commits.as_slice());
            let shown = commits.unwrap_or_default().iter().map(|commit| PullCommit {
                sha: commit.sha.clone(),
                author: Some(match commit.by {
                    By::Person => actor("mona").id,
                    By::Us(_) | By::Undo => actor(BOT).id,
                }),
                message: commit.message.clone(),
            });
            Ok(shown.collect())
        })
        .await
    }

    async fn changed_files(
        &self,
        _repo: &Repo,
        _number: PrNumber,
    ) -> Result<Vec<RepoPath>, ForgeError> {
        self.read(|_| Ok(Vec::new())).await
    }

    async fn branch_rules(
        &self,
        _repo: &Repo,
        _branch: &Branch,
    ) -> Result<BranchRules, ForgeError> {
        self.read(|_| Ok(BranchRules::default())).await
    }

    async fn queue(&self, _repo: &Repo, _number: PrNumber) -> Result<Queue, ForgeError> {
        Ok(Queue::Outside)
    }

    async fn run_state(&self, _repo: &Repo, run: RunId) -> Result<RunState, ForgeError> {
        self.read(|truth| {
            let missing = || ForgeError::NotFound(format!("run {run}"));
            let run = truth.run_mut(run).ok_or_else(missing)?;
            let is_queued = run.progress == Progress::Queued;
            Ok(if is_queued { RunState::Running } else { RunState::Ended })
        })
        .await
    }

    async fn tip(&self, _repo: &Repo, _branch: &Branch) -> Result<Option<Sha>, ForgeError> {
        self.read(|_| Ok(Some(base_sha()))).await
    }

    async fn merge_base(
        &self,
        _repo: &Repo,
        _one: &Sha,
        _other: &Sha,
    ) -> Result<Option<Sha>, ForgeError> {
        self.read(|_| Ok(Some(base_sha()))).await
    }

    async fn default_branch(&self, _repo: &Repo) -> Result<Branch, ForgeError> {
        self.read(|_| Ok(branch("main"))).await
    }
}
