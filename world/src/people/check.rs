//! Check runs and statuses of others, and buttons that people press.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::pull::Pull;
use super::repo::Repository;
use crate::World;
use crate::hooks::Telling;
use crate::state::State;
use crate::state::check::{CheckRun, CommitStatus};

/// A commit status to be set.
#[derive(Debug)]
pub(crate) struct NewStatus {
    pub(crate) sha: String,
    pub(crate) context: String,
    pub(crate) state: String,
    pub(crate) description: Option<String>,
    pub(crate) target_url: Option<String>,
}

impl World {
    /// A CI system other than Actions concludes a check run on a commit; the check run's number.
    pub fn third_party_check(
        &self,
        repository: &Repository,
        sha: &str,
        (app, name): (&str, &str),
        conclusion: &str,
    ) -> u64 {
        let now_ms = self.now_ms();
        let mut state = self.state();
        let app = state.other_app(app).id;
        let bot = format!("{}[bot]", state.app_ref(app).slug);
        state.user(&bot);
        let suite = state.suite_for((repository.id, app), sha, None, now_ms);
        let id = state.fresh_id();
        let check = CheckRun {
            id,
            suite,
            app,
            name: name.to_owned(),
            head_sha: sha.to_owned(),
            status: "completed".into(),
            conclusion: Some(conclusion.to_owned()),
            external_id: String::new(),
            details_url: Some(format!("https://ci.example.com/builds/{id}")),
            started_ms: now_ms,
            completed_ms: Some(now_ms),
            title: None,
            summary: None,
            text: None,
            annotations: Vec::new(),
            actions: Vec::new(),
        };
        state.repo_mut(repository.id).checks.insert(id, check);
        state.tell_check((repository.id, id), "created", (&bot, None), now_ms);
        state.tell_check((repository.id, id), "completed", (&bot, None), now_ms);
        id
    }

    /// What somebody's check run says: a summary and a longer text.
    pub fn explain(&self, repository: &Repository, check: u64, (summary, text): (&str, &str)) {
        let mut state = self.state();
        if let Some(kept) = state.repo_mut(repository.id).checks.get_mut(&check) {
            kept.title = Some("Failed".to_owned());
            (kept.summary, kept.text) = (Some(summary.to_owned()), Some(text.to_owned()));
        }
    }

    /// Annotations of somebody's check run, as the API shows them.
    pub fn annotate(&self, repository: &Repository, check: u64, annotations: Vec<Value>) {
        let mut state = self.state();
        if let Some(kept) = state.repo_mut(repository.id).checks.get_mut(&check) {
            kept.annotations.extend(annotations);
        }
    }

    /// A CI system sets a commit status: `error`, `failure`, `pending` or `success`.
    pub fn status(&self, repository: &Repository, sha: &str, (context, to): (&str, &str)) {
        let now_ms = self.now_ms();
        let new = NewStatus {
            sha: sha.to_owned(),
            context: context.to_owned(),
            state: to.to_owned(),
            description: Some(format!("{context}: {to}")),
            target_url: Some(format!("https://ci.example.com/{context}")),
        };
        self.state().set_status(repository.id, &new, "ci-user", now_ms);
    }

    /// Somebody presses a button of the App's newest check run on a pull request's head.
    ///
    /// # Errors
    /// When there is no such button, or it is not shown yet: GitHub shows buttons of completed
    /// check runs only.
    pub fn click(&self, pull: &Pull, by: &str, identifier: &str) -> Result<()> {
        let now_ms = self.now_ms();
        let mut state = self.state();
        state.user(by);
        let check = state.own_check(pull).context("the App has no check run there")?;
        ensure!(check.status == "completed", "buttons show when the check run is completed");
        let mut buttons = check.actions.iter().map(|action| &action["identifier"]);
        ensure!(
            buttons.any(|known| known == identifier),
            "there is no button {identifier} among {:?}",
            check.actions
        );
        let at = (pull.repo.id, check.id);
        state.repo_mut(pull.repo.id).note(pull.number, format!("{by} clicked {identifier}"));
        state.tell_check(at, "requested_action", (by, Some(identifier)), now_ms);
        Ok(())
    }

    /// The buttons of the App's newest check run on a pull request's head; none before it is completed.
    pub fn buttons(&self, pull: &Pull) -> Vec<String> {
        let check = self.state().own_check(pull).filter(|check| check.status == "completed");
        let actions = check.map(|check| check.actions).unwrap_or_default();
        actions.iter().filter_map(|one| one["identifier"].as_str()).map(str::to_owned).collect()
    }

    /// Somebody presses "Re-run" on the App's newest check run.
    ///
    /// # Errors
    /// When the App has no check run on the pull request's head.
    pub fn rerequest_check(&self, pull: &Pull, by: &str) -> Result<()> {
        let now_ms = self.now_ms();
        let mut state = self.state();
        state.user(by);
        let check = state.own_check(pull).context("the App has no check run there")?;
        state.tell_check((pull.repo.id, check.id), "rerequested", (by, None), now_ms);
        Ok(())
    }

    /// Somebody presses "Re-run all checks" on the App's check suite.
    ///
    /// # Errors
    /// When the App has no check suite on the pull request's head.
    pub fn rerequest_suite(&self, pull: &Pull, by: &str) -> Result<()> {
        let now_ms = self.now_ms();
        let mut state = self.state();
        state.user(by);
        let (app, sha) = (state.app.id, state.pull_mut(pull.at()).head.sha.clone());
        let repo = state.repo_mut(pull.repo.id);
        let mut suites = repo.suites.values();
        let suite = suites.find(|suite| suite.app == app && suite.head_sha == sha).cloned();
        let suite = suite.context("the App has no check suite there")?;
        let body = json!({ "check_suite": state.suite_json(pull.repo.id, &suite) });
        let telling = Telling {
            event: "check_suite",
            action: Some("rerequested"),
            repo: pull.repo.id,
            sender: by,
        };
        state.tell(now_ms, telling, body);
        Ok(())
    }
}

impl State {
    /// The App's newest check run on a pull request's head.
    pub(crate) fn own_check(&mut self, pull: &Pull) -> Option<CheckRun> {
        let sha = self.pull_mut(pull.at()).head.sha.clone();
        let app = self.app.id;
        let checks = self.repo_mut(pull.repo.id).checks.values();
        checks.rev().find(|check| check.app == app && check.head_sha == sha).cloned()
    }

    pub(crate) fn set_status(
        &mut self,
        repo: u64,
        new: &NewStatus,
        by: &str,
        now_ms: i64,
    ) -> CommitStatus {
        self.user(by);
        let status = CommitStatus {
            id: self.fresh_id(),
            sha: new.sha.clone(),
            context: new.context.clone(),
            state: new.state.clone(),
            description: new.description.clone(),
            target_url: new.target_url.clone(),
            creator: by.to_owned(),
            created_ms: now_ms,
        };
        self.repo_mut(repo).statuses.push(status.clone());
        let slug = self.repo_mut(repo).slug();
        let heads = self.repo_mut(repo).pulls.values();
        let branches: Vec<Value> = heads
            .filter(|pull| pull.head.repo == Some(repo) && pull.head.sha == new.sha)
            .map(|pull| json!({ "name": pull.head.branch, "commit": { "sha": new.sha } }))
            .collect();
        let shape = self.status_json(repo, &status);
        let body = json!({
            "id": status.id, "sha": status.sha, "name": slug, "context": status.context,
            "state": status.state, "description": status.description,
            "target_url": status.target_url, "branches": branches,
            "commit": { "sha": status.sha, "node_id": format!("C_{}", status.sha) },
            "created_at": shape["created_at"], "updated_at": shape["updated_at"],
        });
        let telling = Telling { event: "status", action: None, repo, sender: by };
        self.tell(now_ms, telling, body);
        status
    }
}
