//! GitHub Actions: who plays the runs of a workflow, and runs played by hand.

use std::future::Future;
use std::sync::Arc;

use super::pull::Pull;
use super::repo::Repository;
use crate::ci::{NewRun, StartedRun};
use crate::script::RunScript;
use crate::state::State;
use crate::state::run::Attempt;
use crate::{Shared, World};

/// What runs of the repository's own CI are called when a test starts them by hand.
const CI_WORKFLOW: &str = ".github/workflows/ci.yml";

/// Which jobs the next attempt of a run runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// Those that were not green; the green ones are carried over.
    Failed,
    /// All of them.
    All,
}

impl World {
    /// From now on `event` (`pull_request`, `push`, `workflow_dispatch`) starts that workflow, and
    /// `script` plays its runs.
    pub fn ci<F, P>(&self, repository: &Repository, (workflow, event): (&str, &str), script: F)
    where
        F: Fn(StartedRun) -> P + Send + Sync + 'static,
        P: Future<Output = RunScript> + Send + 'static,
    {
        let mut state = self.state();
        let scripts = &mut state.repo_mut(repository.id).ci;
        scripts.retain(|(known, on, _)| known != workflow || on != event);
        let script = Arc::new(move |run| Box::pin(script(run)) as crate::ci::Playing);
        scripts.push((workflow.to_owned(), event.to_owned(), script));
    }

    /// A run of `.github/workflows/ci.yml` on a pull request's head comes out as the script says;
    /// the run's number.
    pub fn ci_run(&self, pull: &Pull, script: &RunScript) -> u64 {
        let now_ms = self.now_ms();
        let id = self.start_ci_run(pull, CI_WORKFLOW);
        let mut state = self.state();
        state.begin_run((pull.repo.id, id), now_ms);
        state.conclude_run((pull.repo.id, id), script, now_ms);
        id
    }

    /// A run of a workflow is queued for a pull request's head; the run's number.
    pub fn start_ci_run(&self, pull: &Pull, workflow: &str) -> u64 {
        let now_ms = self.now_ms();
        let mut state = self.state();
        let kept = state.pull_mut(pull.at()).clone();
        let new = NewRun {
            event: "pull_request".into(),
            title: kept.title,
            head_repo: kept.head.repo.unwrap_or(0),
            branch: kept.head.branch,
            sha: kept.head.sha,
            actor: kept.author,
            inputs: serde_json::Map::new(),
        };
        state.start_run((pull.repo.id, workflow), &new, now_ms)
    }

    /// A run of a workflow on a branch comes out as the script says; the run's number.
    pub fn branch_run(
        &self,
        repo: &Repository,
        (branch, sha): (&str, &str),
        script: &RunScript,
    ) -> u64 {
        let now_ms = self.now_ms();
        let mut state = self.state();
        let actor = state.repo_mut(repo.id).owner.clone();
        let new = NewRun {
            event: "push".into(),
            title: format!("Push to {branch}"),
            head_repo: repo.id,
            branch: branch.to_owned(),
            sha: sha.to_owned(),
            actor,
            inputs: serde_json::Map::new(),
        };
        let id = state.start_run((repo.id, CI_WORKFLOW), &new, now_ms);
        state.begin_run((repo.id, id), now_ms);
        state.conclude_run((repo.id, id), script, now_ms);
        id
    }

    /// Plays every queued run that has a script, one after the other; how many.
    pub async fn run_ci(&self) -> usize {
        let mut played = 0;
        while let Some((run, script)) = self.next_queued() {
            played += 1;
            self.shared().play(run, script).await;
        }
        played
    }

    /// The next queued run that has a script, begun.
    pub(super) fn next_queued(&self) -> Option<(StartedRun, crate::CiScript)> {
        let now_ms = self.now_ms();
        let mut state = self.state();
        let all = state.repos.values().flat_map(|repo| {
            let queued = repo.runs.values().filter(|run| run.status == "queued");
            queued.filter_map(|run| {
                let mut scripts = repo.ci.iter();
                let script = scripts
                    .find(|(path, event, _)| *path == run.workflow_path && *event == run.event)?;
                Some((repo.id, run.id, Arc::clone(&script.2)))
            })
        });
        let (repo, run, script) = all.min_by_key(|(_, run, _)| *run)?;
        let started = state.started((repo, run))?;
        state.begin_run((repo, run), now_ms);
        Some((started, script))
    }

    /// Dispatched runs that wait or work, oldest first.
    pub fn dispatched(&self, repository: &Repository) -> Vec<StartedRun> {
        let mut state = self.state();
        let ids: Vec<u64> = state
            .repo_mut(repository.id)
            .runs
            .values()
            .filter(|run| run.event == "workflow_dispatch" && !run.is_completed())
            .map(|run| run.id)
            .collect();
        ids.into_iter().filter_map(|id| state.started((repository.id, id))).collect()
    }

    /// A queued run begins to work, when somebody plays it by hand.
    pub fn begin_run(&self, repository: &Repository, run: u64) {
        let now_ms = self.now_ms();
        self.state().begin_run((repository.id, run), now_ms);
    }

    /// A run ends, when somebody plays it by hand.
    pub fn finish_run(&self, repository: &Repository, run: u64, script: &RunScript) {
        let now_ms = self.now_ms();
        self.state().conclude_run((repository.id, run), script, now_ms);
    }

    /// Somebody runs the failed jobs of a run again.
    pub fn rerun_failed(&self, repository: &Repository, run: u64, by: &str) {
        let now_ms = self.now_ms();
        let mut state = self.state();
        state.user(by);
        state.rerun((repository.id, run), Again::Failed, by, now_ms);
    }

    /// Somebody cancels a run.
    pub fn cancel_run(&self, repository: &Repository, run: u64) {
        let now_ms = self.now_ms();
        let script = RunScript::concluded("cancelled");
        self.state().conclude_run((repository.id, run), &script, now_ms);
        self.shared().runs_changed.notify_waiters();
    }

    /// The runs on a pull request's head, in the order in which they were started.
    pub fn runs_of(&self, pull: &Pull) -> Vec<u64> {
        let mut state = self.state();
        let head = state.pull_mut(pull.at()).head.sha.clone();
        let runs = &state.repo_mut(pull.repo.id).runs;
        let of_head = runs.iter().filter(|(_, run)| run.head_sha == head);
        of_head.map(|(id, _)| *id).collect()
    }

    /// How a run stands: its status and, when it has ended, its conclusion.
    pub fn run_state(&self, repository: &Repository, run: u64) -> Option<(String, Option<String>)> {
        let mut state = self.state();
        let kept = state.repo_mut(repository.id).runs.get(&run)?;
        Some((kept.status.clone(), kept.conclusion.clone()))
    }
}

impl Shared {
    /// Plays a run to its end, or until somebody cancels it.
    pub(crate) async fn play(&self, run: StartedRun, script: crate::CiScript) {
        let at = (run.repository_id, run.run_id);
        let ended = tokio::select! {
            script = script(run) => script,
            () = self.ended_otherwise(at) => return,
        };
        self.state().conclude_run(at, &ended, self.now_ms());
    }

    async fn ended_otherwise(&self, (repo, run): (u64, u64)) {
        loop {
            let changed = self.runs_changed.notified();
            let ended = {
                let mut state = self.state();
                let kept = state.repo_mut(repo).runs.get(&run);
                kept.is_none_or(crate::state::run::Run::is_completed)
            };
            if ended {
                return;
            }
            changed.await;
        }
    }
}

impl State {
    fn started(&self, (repo, run): (u64, u64)) -> Option<StartedRun> {
        let repo = self.repo(repo)?;
        let run = repo.runs.get(&run)?;
        Some(StartedRun {
            repository: repo.slug(),
            repository_id: repo.id,
            run_id: run.id,
            run_attempt: run.attempt().number,
            workflow: run.workflow_path.clone(),
            event: run.event.clone(),
            branch: run.head_branch.clone().unwrap_or_default(),
            sha: run.head_sha.clone(),
            actor: run.triggering_actor.clone(),
            inputs: run.inputs.clone(),
            git: repo.git.clone(),
        })
    }

    /// Queues the next attempt of an ended run. No webhook says so, as on GitHub.
    pub(crate) fn rerun(&mut self, at: (u64, u64), again: Again, by: &str, now_ms: i64) {
        let Some(run) = self.repo_mut(at.0).runs.get_mut(&at.1) else { return };
        let last = run.attempt();
        let number = last.number + 1;
        let green = last.jobs.iter().filter(|job| job.conclusion.as_deref() == Some("success"));
        let jobs = match again {
            Again::Failed => green.cloned().collect(),
            Again::All => Vec::new(),
        };
        run.attempts.push(Attempt { number, jobs, started_ms: now_ms });
        run.status = "queued".into();
        run.conclusion = None;
        by.clone_into(&mut run.triggering_actor);
        run.updated_ms = now_ms;
    }
}
