//! Workflow runs: how they start, what they come out as, and what follows.
//!
//! A push or a dispatch queues a run at once, so that the App sees it pending. It stays queued until
//! a script for its workflow plays it (`World::run_ci`), or a test finishes it by hand. A run that
//! was cancelled while its script played keeps its conclusion; the script's word comes too late.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::Shared;
use crate::branches::Moved;
use crate::git::Repo as Git;
use crate::hooks::Telling;
use crate::script::{JobScript, RunScript};
use crate::state::check::{CheckRun, CheckSuite};
use crate::state::run::{Artifact, Attempt, Job, Log, Run, Step};
use crate::state::{ACTIONS_APP, State};

/// Plays the runs of one workflow.
pub type CiScript = Arc<dyn Fn(StartedRun) -> Playing + Send + Sync>;

/// A run being played; what it resolves to is how the run ends.
pub type Playing = Pin<Box<dyn Future<Output = RunScript> + Send>>;

/// A run that waits to be played.
#[derive(Clone)]
pub struct StartedRun {
    /// `owner/name`.
    pub repository: String,
    /// The repository's number.
    pub repository_id: u64,
    /// The run.
    pub run_id: u64,
    /// Its attempt, from 1.
    pub run_attempt: u64,
    /// The workflow's file.
    pub workflow: String,
    /// `pull_request`, `push` or `workflow_dispatch`.
    pub event: String,
    /// The branch, without `refs/heads/`.
    pub branch: String,
    /// The commit.
    pub sha: String,
    /// Who started it.
    pub actor: String,
    /// Inputs of a dispatch.
    pub inputs: Map<String, Value>,
    pub(crate) git: Git,
}

impl fmt::Debug for StartedRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartedRun")
            .field("run_id", &self.run_id)
            .field("workflow", &self.workflow)
            .field("event", &self.event)
            .field("inputs", &self.inputs)
            .finish_non_exhaustive()
    }
}

impl StartedRun {
    /// A file at the run's commit, as text.
    pub async fn file(&self, path: &str) -> Option<String> {
        let found = self.git.read_file(&self.sha, path).await.ok().flatten();
        found.map(|(bytes, _)| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The bare repository on disk, to check the commit out of.
    pub fn git_dir(&self) -> &std::path::Path {
        self.git.dir()
    }

    /// A text input of a dispatch; empty when it was not given.
    pub fn input(&self, name: &str) -> &str {
        self.inputs.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// A run to be queued.
#[derive(Debug, Clone)]
pub(crate) struct NewRun {
    pub(crate) event: String,
    pub(crate) title: String,
    pub(crate) head_repo: u64,
    pub(crate) branch: String,
    pub(crate) sha: String,
    pub(crate) actor: String,
    pub(crate) inputs: Map<String, Value>,
}

impl NewRun {
    pub(crate) fn of_push(event: &str, moved: &Moved, sha: &str, title: &str) -> Self {
        Self {
            event: event.into(),
            title: title.into(),
            head_repo: moved.repo,
            branch: moved.branch.clone(),
            sha: sha.into(),
            actor: moved.by.clone(),
            inputs: Map::new(),
        }
    }
}

impl Shared {
    /// Queues a run of every workflow that has a script for that event.
    pub(crate) fn start_all(&self, repo: u64, new: &NewRun) {
        let scripts = self.state().repo_mut(repo).ci.clone();
        for (path, event, _) in scripts.iter().filter(|(_, event, _)| *event == new.event) {
            tracing::debug!(%path, %event, sha = %new.sha, "a run is queued");
            self.state().start_run((repo, path), new, self.now_ms());
        }
    }
}

impl State {
    /// The check suite of an App for a commit, made when it is missing.
    pub(crate) fn suite_for(
        &mut self,
        (repo, app): (u64, u64),
        sha: &str,
        branch: Option<&str>,
        now_ms: i64,
    ) -> u64 {
        let known = self
            .repo_mut(repo)
            .suites
            .values()
            .find(|suite| suite.app == app && suite.head_sha == sha && app != ACTIONS_APP);
        if let Some(suite) = known {
            return suite.id;
        }
        let suite = CheckSuite {
            id: self.fresh_id(),
            app,
            head_sha: sha.into(),
            head_branch: branch.map(Into::into),
            created_ms: now_ms,
        };
        let id = suite.id;
        self.repo_mut(repo).suites.insert(id, suite);
        id
    }

    /// Queues a run.
    pub(crate) fn start_run(&mut self, (repo, path): (u64, &str), new: &NewRun, now: i64) -> u64 {
        let is_fork = new.head_repo != repo;
        let branch = (!is_fork).then_some(new.branch.as_str());
        let suite = self.suite_for((repo, ACTIONS_APP), &new.sha, branch, now);
        self.user(&new.actor);
        let id = self.fresh_id();
        let fresh = self.fresh_id();
        let name = path.rsplit('/').next().unwrap_or(path).split('.').next().unwrap_or(path);
        let kept = self.repo_mut(repo);
        kept.workflow_ids.entry(path.to_owned()).or_insert(fresh);
        let earlier = kept.runs.values().filter(|run| run.workflow_path == path).count();
        let run = Run {
            id,
            workflow_path: path.into(),
            name: kept.workflow_names.get(path).cloned().unwrap_or_else(|| name.into()),
            title: new.title.clone(),
            event: new.event.clone(),
            status: "queued".into(),
            conclusion: None,
            head_branch: Some(new.branch.clone()),
            head_sha: new.sha.clone(),
            head_repo: Some(new.head_repo),
            suite,
            actor: new.actor.clone(),
            triggering_actor: new.actor.clone(),
            inputs: new.inputs.clone(),
            attempts: vec![Attempt { number: 1, jobs: Vec::new(), started_ms: now }],
            artifacts: Vec::new(),
            serial: earlier as u64 + 1,
            created_ms: now,
            updated_ms: now,
        };
        kept.runs.insert(id, run);
        self.tell_run((repo, id), "requested", now);
        id
    }

    /// The run starts to work; nothing happens when it does already or has ended.
    pub(crate) fn begin_run(&mut self, (repo, id): (u64, u64), now: i64) -> bool {
        let Some(run) = self.repo_mut(repo).runs.get_mut(&id) else { return false };
        if run.status != "queued" {
            return false;
        }
        run.status = "in_progress".into();
        run.updated_ms = now;
        self.tell_run((repo, id), "in_progress", now);
        true
    }

    /// Ends a run as a script says; one that has ended stays as it is.
    pub(crate) fn conclude_run(&mut self, (repo, id): (u64, u64), script: &RunScript, now: i64) {
        let Some(run) = self.repo_mut(repo).runs.get(&id).cloned() else { return };
        let Some(conclusion) = script.conclusion.clone().filter(|_| !run.is_completed()) else {
            return;
        };
        let carried = &run.attempt().jobs;
        let fresh = script.jobs.iter().filter(|job| carried.iter().all(|old| old.name != job.name));
        let mut jobs = carried.clone();
        for job in fresh {
            jobs.push(self.job_of((repo, &run), job, now));
        }
        let uploads = script.artifacts.iter().map(|upload| Artifact {
            id: self.fresh_id(),
            name: upload.name.clone(),
            zip: upload.zip.clone(),
            is_expired: upload.is_expired,
            created_ms: now,
        });
        let uploads: Vec<Artifact> = uploads.collect();
        if let Some(kept) = self.repo_mut(repo).runs.get_mut(&id) {
            kept.artifacts.extend(uploads);
            kept.status = "completed".into();
            kept.conclusion = Some(conclusion);
            kept.updated_ms = now;
            kept.attempt_mut().jobs = jobs;
        }
        self.tell_run((repo, id), "completed", now);
        let suite = self.repo_mut(repo).suites.get(&run.suite).cloned();
        if let Some(suite) = suite {
            let body = json!({ "check_suite": self.suite_json(repo, &suite) });
            let telling = Telling {
                event: "check_suite",
                action: Some("completed"),
                repo,
                sender: &run.triggering_actor,
            };
            self.tell(now, telling, body);
        }
    }

    fn job_of(&mut self, (repo, run): (u64, &Run), script: &JobScript, now: i64) -> Job {
        let id = self.fresh_id();
        let log = match &script.log {
            Some(_) if script.is_log_expired => Log::Expired,
            Some(bytes) => Log::Kept(bytes.clone()),
            None => Log::NotYet,
        };
        let steps = script.steps.iter().zip(1..).map(|((name, end), number)| Step {
            number,
            name: name.clone(),
            conclusion: end.clone(),
        });
        self.job_check((repo, run), script, id, now);
        Job {
            id,
            name: script.name.clone(),
            status: "completed".into(),
            conclusion: Some(script.conclusion.clone()),
            steps: steps.collect(),
            log,
            started_ms: now,
            completed_ms: Some(now),
        }
    }

    /// A job is a check run of the App "GitHub Actions", too.
    fn job_check(&mut self, (repo, run): (u64, &Run), script: &JobScript, id: u64, now: i64) {
        let check = CheckRun {
            id,
            suite: run.suite,
            app: ACTIONS_APP,
            name: script.name.clone(),
            head_sha: run.head_sha.clone(),
            status: "completed".into(),
            conclusion: Some(script.conclusion.clone()),
            external_id: String::new(),
            details_url: None,
            started_ms: now,
            completed_ms: Some(now),
            title: None,
            summary: None,
            text: None,
            annotations: annotations_of(script),
            actions: Vec::new(),
        };
        self.repo_mut(repo).checks.insert(id, check);
        self.tell_check((repo, id), "created", (&run.triggering_actor, None), now);
        self.tell_check((repo, id), "completed", (&run.triggering_actor, None), now);
    }

    /// Tells of a check run; `button` is what was clicked.
    pub(crate) fn tell_check(
        &mut self,
        (repo, id): (u64, u64),
        action: &str,
        (sender, button): (&str, Option<&str>),
        now: i64,
    ) {
        let Some(check) = self.repo_mut(repo).checks.get(&id).cloned() else { return };
        let mut body = json!({ "check_run": self.check_json(repo, &check) });
        if let (Some(button), Value::Object(fields)) = (button, &mut body) {
            fields.insert("requested_action".into(), json!({ "identifier": button }));
        }
        let telling = Telling { event: "check_run", action: Some(action), repo, sender };
        self.tell(now, telling, body);
    }

    pub(crate) fn tell_run(&mut self, (repo, id): (u64, u64), action: &str, now: i64) {
        let Some(run) = self.repo_mut(repo).runs.get(&id).cloned() else { return };
        let shape = self.run_json(repo, &run);
        let workflow = self.workflow_json(repo, &run.workflow_path, &run.name);
        let body = json!({ "workflow_run": shape, "workflow": workflow });
        let sender = &run.triggering_actor;
        let telling = Telling { event: "workflow_run", action: Some(action), repo, sender };
        self.tell(now, telling, body);
    }
}

/// What problem matchers saw, and behind it the runner's own last word about a job that failed.
fn annotations_of(script: &JobScript) -> Vec<Value> {
    let failed = script.conclusion == "failure";
    let last = (".github".to_owned(), 1, "Process completed with exit code 1.".to_owned());
    let said = script.remarks.iter().cloned().chain(failed.then_some(last));
    let annotation = |(path, line, message)| {
        json!({
            "path": path, "start_line": line, "end_line": line, "start_column": null,
            "end_column": null, "annotation_level": "failure", "title": "", "raw_details": "",
            "message": message, "blob_href": "",
        })
    };
    said.map(annotation).collect()
}
