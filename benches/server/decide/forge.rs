//! A forge that answers at once: pull requests with one failed run each, and counts of what was done.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use selfheal::domain::event::CommentRef;
use selfheal::domain::ids::{
    ArtifactId, Branch, CheckRunId, CommentId, InstallationId, JobId, Label, Login, PrNumber,
    RepoId, RepoPath, RepoSlug, RunId, Sha, Timestamp, UserId,
};
use selfheal::domain::mending::Proposed;
use selfheal::domain::pull::{
    Actor, Artifact, AutoMerge, BaseFile, BranchRules, Ci, CiAnnotation, CiRun, FailedJob, Head,
    Permission, Pull, PullCommit, PullHead, PullState, Queue, Readiness, Repo,
};
use selfheal::domain::undo::{Touched, Tree};
use selfheal::domain::view::{CheckView, CommentView, Reaction};
use selfheal::ports::forge::{
    AppIdentity, ForgeError, ForgeReader, ForgeWriter, JobLog, JobNames, LogEnd, NewCommit,
    Proposal, PublishedCheck, RunState, WorkflowDispatch,
};
use selfheal::ports::history::{ForgeHistory, LoggedDelivery, LoggedPage};
use selfheal::ports::mending::{ForgeMending, NewBranch, NewPull};
use selfheal::ports::undo::{ForgeUndo, NewUndo};
use tokio::sync::Notify;

/// What the failed job of every case says: the machine's fault, so it runs once more.
const LOG: &[u8] = b"##[error]No space left on device\n";

/// What was done.
#[derive(Debug, Default)]
struct Done {
    checks: u64,
    reruns: u64,
    others: u64,
    /// What the check runs say last, by their commits.
    titles: HashMap<Sha, String>,
}

/// The forge.
#[derive(Debug)]
pub(crate) struct InstantForge {
    app_id: u64,
    /// Over how many repositories cases are spread.
    repos: u64,
    done: Mutex<Done>,
    news: Notify,
}

/// The repository that a case is in.
pub(crate) fn repo_of(case: u64, repos: u64) -> Repo {
    let id = 1 + case % repos;
    Repo {
        id: RepoId::new(id),
        slug: RepoSlug::parse(&format!("acme/shop-{id}")).expect("a name"),
        installation: InstallationId::new(1 + id % 20),
    }
}

/// The head of a case's pull request.
pub(crate) fn head_of(case: u64) -> Sha {
    Sha::parse(&format!("{:040x}", case + 1)).expect("a commit")
}

/// The case whose head a commit is.
fn case_of(sha: &Sha) -> u64 {
    u64::from_str_radix(&sha.as_str()[24..], 16).map_or(0, |number| number - 1)
}

fn somebody(login: &str, id: u64) -> Actor {
    Actor { id: UserId::new(id), login: Login::parse(login).expect("a login"), is_bot: false }
}

impl InstantForge {
    pub(crate) fn new(app_id: u64, repos: u64) -> Self {
        Self { app_id, repos, done: Mutex::default(), news: Notify::new() }
    }

    fn pull_of(&self, case: u64) -> Pull {
        let repo = repo_of(case, self.repos);
        let branch = |name: &str| Branch::parse(name).expect("a branch");
        Pull {
            number: PrNumber::new(case + 1),
            node_id: format!("PR_{case}"),
            author: somebody("mona", 77),
            state: PullState::Open,
            readiness: Readiness::Ready,
            head: Head {
                sha: head_of(case),
                branch: branch(&format!("change-{case}")),
                repo: Some(repo.id),
            },
            base: branch("main"),
            base_sha: Sha::parse(&"b".repeat(40)).expect("a commit"),
            labels: Vec::new(),
            auto_merge: None,
            conflicts: None,
            updated_at: Timestamp::from_millis(1_700_000_000_000),
            repo,
        }
    }

    fn did(&self, what: impl FnOnce(&mut Done)) {
        what(&mut self.done.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        self.news.notify_waiters();
    }

    /// Returns when every case has its check run and its second run.
    pub(crate) async fn all_done(&self, cases: u64) {
        loop {
            let news = self.news.notified();
            {
                let done = self.done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if done.reruns >= cases && done.checks >= cases {
                    return;
                }
            }
            news.await;
        }
    }

    /// What was done so far.
    pub(crate) fn told(&self) -> String {
        let done = self.done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Done { checks, reruns, others, titles } = &*done;
        let mut said: BTreeMap<&str, usize> = BTreeMap::new();
        for title in titles.values() {
            *said.entry(title).or_default() += 1;
        }
        format!("{checks} checks, {reruns} second runs, {others} other writes; checks say {said:?}")
    }
}

#[async_trait]
impl ForgeReader for InstantForge {
    async fn app(&self) -> Result<AppIdentity, ForgeError> {
        Ok(AppIdentity {
            app_id: self.app_id,
            slug: "selfheal".to_owned(),
            bot: UserId::new(9),
            login: Login::parse("selfheal-bot").expect("a login"),
        })
    }

    async fn pull(&self, _repo: &Repo, number: PrNumber) -> Result<Pull, ForgeError> {
        Ok(self.pull_of(number.get() - 1))
    }

    async fn pulls_from(
        &self,
        _repo: &Repo,
        _owner: &Login,
        branch: &Branch,
    ) -> Result<Vec<Pull>, ForgeError> {
        Ok(branch
            .as_str()
            .strip_prefix("change-")
            .and_then(|case| case.parse().ok())
            .map(|case| self.pull_of(case))
            .into_iter()
            .collect())
    }

    async fn pulls_with_commit(&self, _repo: &Repo, sha: &Sha) -> Result<Vec<Pull>, ForgeError> {
        Ok(vec![self.pull_of(case_of(sha))])
    }

    async fn ci(&self, _repo: &Repo, sha: &Sha, _own_workflow: &str) -> Result<Ci, ForgeError> {
        Ok(Ci::Red(vec![CiRun::Workflow {
            run: RunId::new(1_000_000 + case_of(sha)),
            attempt: 1,
            name: "ci".to_owned(),
        }]))
    }

    async fn failed_jobs(
        &self,
        _repo: &Repo,
        run: RunId,
        _attempt: u32,
    ) -> Result<Vec<FailedJob>, ForgeError> {
        Ok(vec![FailedJob {
            id: JobId::new(run.get() * 10),
            name: "check".to_owned(),
            failed_steps: vec!["Run cargo check".to_owned()],
            check: CheckRunId::new(run.get() * 10),
            started_at: None,
            url: None,
        }])
    }

    async fn job_log(
        &self,
        _repo: &Repo,
        _job: &FailedJob,
        _bytes_max: usize,
    ) -> Result<JobLog, ForgeError> {
        Ok(JobLog { bytes: LOG.to_vec(), omitted: 0, end: LogEnd::Reached })
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

    async fn permission(&self, _repo: &Repo, _login: &Login) -> Result<Permission, ForgeError> {
        Ok(Permission::Write)
    }

    async fn file(
        &self,
        _repo: &Repo,
        _at: &str,
        _path: &RepoPath,
    ) -> Result<Option<String>, ForgeError> {
        Ok(None)
    }

    async fn texts(
        &self,
        _repo: &Repo,
        _sha: &Sha,
        paths: &[RepoPath],
    ) -> Result<Vec<Option<String>>, ForgeError> {
        Ok(vec![None; paths.len()])
    }

    async fn paths_below(
        &self,
        _repo: &Repo,
        _sha: &Sha,
        _folder: &RepoPath,
    ) -> Result<Vec<RepoPath>, ForgeError> {
        Ok(Vec::new())
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
        Ok(Vec::new())
    }

    async fn pull_commits(
        &self,
        _repo: &Repo,
        number: PrNumber,
    ) -> Result<Vec<PullCommit>, ForgeError> {
        Ok(vec![PullCommit {
            sha: head_of(number.get() - 1),
            author: Some(UserId::new(77)),
            message: "Count in words".to_owned(),
        }])
    }

    async fn changed_files(
        &self,
        _repo: &Repo,
        _number: PrNumber,
    ) -> Result<Vec<RepoPath>, ForgeError> {
        Ok(vec![RepoPath::parse("src/lib.rs").expect("a path")])
    }

    async fn branch_rules(
        &self,
        _repo: &Repo,
        _branch: &Branch,
    ) -> Result<BranchRules, ForgeError> {
        Ok(BranchRules::default())
    }

    async fn queue(&self, _repo: &Repo, _number: PrNumber) -> Result<Queue, ForgeError> {
        Ok(Queue::Outside)
    }

    async fn run_state(&self, _repo: &Repo, _run: RunId) -> Result<RunState, ForgeError> {
        Ok(RunState::Running)
    }

    async fn tip(&self, _repo: &Repo, _branch: &Branch) -> Result<Option<Sha>, ForgeError> {
        Ok(Sha::parse(&"0".repeat(40)).ok())
    }

    async fn merge_base(
        &self,
        _repo: &Repo,
        _one: &Sha,
        _other: &Sha,
    ) -> Result<Option<Sha>, ForgeError> {
        Ok(None)
    }

    async fn default_branch(&self, _repo: &Repo) -> Result<Branch, ForgeError> {
        Ok(Branch::parse("main").expect("a branch"))
    }
}

#[async_trait]
impl ForgeWriter for InstantForge {
    async fn publish_check(
        &self,
        _repo: &Repo,
        view: &CheckView,
        known: Option<PublishedCheck>,
    ) -> Result<PublishedCheck, ForgeError> {
        self.did(|done| {
            done.checks += u64::from(known.is_none());
            done.titles.insert(view.head.clone(), view.title.clone());
        });
        Ok(PublishedCheck { id: CheckRunId::new(1 + case_of(&view.head)), annotations_sent: 0 })
    }

    async fn upsert_comment(
        &self,
        _repo: &Repo,
        number: PrNumber,
        _view: &CommentView,
        _known: Option<CommentId>,
    ) -> Result<CommentId, ForgeError> {
        self.did(|done| done.others += 1);
        Ok(CommentId::new(number.get()))
    }

    async fn reply(
        &self,
        _repo: &Repo,
        number: PrNumber,
        _marker: &str,
        _body: &str,
    ) -> Result<CommentId, ForgeError> {
        self.did(|done| done.others += 1);
        Ok(CommentId::new(number.get()))
    }

    async fn react(
        &self,
        _repo: &Repo,
        _comment: CommentRef,
        _reaction: Reaction,
    ) -> Result<(), ForgeError> {
        self.did(|done| done.others += 1);
        Ok(())
    }

    async fn add_label(
        &self,
        _repo: &Repo,
        _number: PrNumber,
        _label: &Label,
    ) -> Result<(), ForgeError> {
        self.did(|done| done.others += 1);
        Ok(())
    }

    async fn remove_label(
        &self,
        _repo: &Repo,
        _number: PrNumber,
        _label: &Label,
    ) -> Result<(), ForgeError> {
        self.did(|done| done.others += 1);
        Ok(())
    }

    async fn disable_auto_merge(&self, _repo: &Repo, _number: PrNumber) -> Result<(), ForgeError> {
        self.did(|done| done.others += 1);
        Ok(())
    }

    async fn enable_auto_merge(
        &self,
        _repo: &Repo,
        _number: PrNumber,
        _head: &Sha,
        _held: &AutoMerge,
    ) -> Result<(), ForgeError> {
        self.did(|done| done.others += 1);
        Ok(())
    }

    async fn commit(&self, commit: &NewCommit) -> Result<Sha, ForgeError> {
        Err(ForgeError::NotFound(format!("nothing is committed here: {}", commit.branch)))
    }

    async fn dispatch(&self, _dispatch: &WorkflowDispatch) -> Result<Option<RunId>, ForgeError> {
        self.did(|done| done.others += 1);
        Ok(Some(RunId::new(1)))
    }

    async fn cancel(&self, _repo: &Repo, _run: RunId) -> Result<(), ForgeError> {
        self.did(|done| done.others += 1);
        Ok(())
    }

    async fn rerun_failed(
        &self,
        _repo: &Repo,
        _run: RunId,
        _attempt: u32,
    ) -> Result<(), ForgeError> {
        self.did(|done| done.reruns += 1);
        Ok(())
    }

    async fn update_branch(
        &self,
        _repo: &Repo,
        _number: PrNumber,
        _head: &Sha,
    ) -> Result<(), ForgeError> {
        self.did(|done| done.others += 1);
        Ok(())
    }

    async fn propose(&self, _proposal: &Proposal) -> Result<Option<PrNumber>, ForgeError> {
        Ok(None)
    }
}

/// Nothing is broken on any base branch, so nothing is mended there.
#[async_trait]
impl ForgeMending for InstantForge {
    async fn proposed(&self, _: &Repo, _: &Branch) -> Result<Vec<Proposed>, ForgeError> {
        Ok(Vec::new())
    }

    async fn ahead(
        &self,
        _: &Repo,
        _: &Sha,
        _: &Sha,
    ) -> Result<Option<Vec<PullCommit>>, ForgeError> {
        Ok(None)
    }

    async fn begin_branch(&self, new: &NewBranch) -> Result<Sha, ForgeError> {
        self.did(|done| done.others += 1);
        Ok(new.parent.clone())
    }

    async fn open_pull(&self, _: &NewPull) -> Result<PrNumber, ForgeError> {
        self.did(|done| done.others += 1);
        Ok(PrNumber::new(1))
    }

    async fn describe(&self, _: &Repo, _: PrNumber, _: &str) -> Result<(), ForgeError> {
        self.did(|done| done.others += 1);
        Ok(())
    }

    async fn mark_ready(&self, _: &Pull) -> Result<(), ForgeError> {
        self.did(|done| done.others += 1);
        Ok(())
    }

    async fn close(&self, _: &Repo, _: PrNumber, _: &str) -> Result<(), ForgeError> {
        self.did(|done| done.others += 1);
        Ok(())
    }

    async fn delete_branch(&self, _: &Repo, _: &Branch, _: &Sha) -> Result<(), ForgeError> {
        self.did(|done| done.others += 1);
        Ok(())
    }
}

#[async_trait]
impl ForgeUndo for InstantForge {
    async fn touched(&self, _repo: &Repo, _commit: &Sha) -> Result<Vec<Touched>, ForgeError> {
        Ok(Vec::new())
    }

    async fn standing(
        &self,
        _repo: &Repo,
        _commit: &Sha,
        _paths: &[RepoPath],
    ) -> Result<Tree, ForgeError> {
        Ok(Tree::new())
    }

    async fn take_back(&self, undo: &NewUndo) -> Result<Sha, ForgeError> {
        Err(ForgeError::NotFound(format!("nothing is committed here: {}", undo.branch)))
    }
}

#[async_trait]
impl ForgeHistory for InstantForge {
    async fn deliveries(&self, _cursor: Option<&str>) -> Result<LoggedPage, ForgeError> {
        Ok(LoggedPage::default())
    }

    async fn payload(&self, logged: &LoggedDelivery) -> Result<Bytes, ForgeError> {
        Err(ForgeError::NotFound(format!("the entry {}", logged.entry)))
    }

    async fn pulls_changed(
        &self,
        _repo: &Repo,
        _since: Timestamp,
    ) -> Result<Vec<PullHead>, ForgeError> {
        Ok(Vec::new())
    }
}
