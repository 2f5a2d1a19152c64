//! Check runs, check suites and statuses.

use serde_json::{Value, json};

use crate::state::State;
use crate::state::check::{CheckRun, CheckSuite, CommitStatus};
use crate::time::iso;

impl State {
    pub(crate) fn check_json(&self, repo_id: u64, check: &CheckRun) -> Value {
        let Some(repo) = self.repo(repo_id) else { return Value::Null };
        let url = format!("{}/repos/{}/check-runs/{}", self.api_url, repo.slug(), check.id);
        let web = format!("{}/{}/runs/{}", self.web_url, repo.slug(), check.id);
        let suite = repo.suites.get(&check.suite);
        json!({
            "id": check.id,
            "name": check.name,
            "node_id": format!("CR_{}", check.id),
            "head_sha": check.head_sha,
            "external_id": check.external_id,
            "url": url,
            "html_url": web,
            "details_url": check.details_url.clone().unwrap_or(web),
            "status": check.status,
            "conclusion": check.conclusion,
            "started_at": iso(check.started_ms),
            "completed_at": check.completed_ms.map(iso),
            "output": {
                "title": check.title,
                "summary": check.summary,
                "text": check.text,
                "annotations_count": check.annotations.len(),
                "annotations_url": format!("{url}/annotations"),
            },
            "check_suite": suite.map(|suite| self.suite_json(repo_id, suite)),
            "app": self.app_json(&self.app_ref(check.app)),
            "pull_requests": self.pull_links(repo_id, &check.head_sha),
        })
    }

    pub(crate) fn suite_json(&self, repo_id: u64, suite: &CheckSuite) -> Value {
        let Some(repo) = self.repo(repo_id) else { return Value::Null };
        let url = format!("{}/repos/{}/check-suites/{}", self.api_url, repo.slug(), suite.id);
        let runs: Vec<&CheckRun> =
            repo.checks.values().filter(|check| check.suite == suite.id).collect();
        let ended = !runs.is_empty() && runs.iter().all(|check| check.status == "completed");
        let status = match (ended, runs.is_empty()) {
            (true, _) => "completed",
            (false, true) => "queued",
            (false, false) => "in_progress",
        };
        json!({
            "id": suite.id,
            "node_id": format!("CS_{}", suite.id),
            "head_branch": suite.head_branch,
            "head_sha": suite.head_sha,
            "status": status,
            "conclusion": ended.then(|| worst(&runs)),
            "url": url,
            "before": null,
            "after": suite.head_sha,
            "pull_requests": self.pull_links(repo_id, &suite.head_sha),
            "app": self.app_json(&self.app_ref(suite.app)),
            "created_at": iso(suite.created_ms),
            "updated_at": iso(suite.created_ms),
            "latest_check_runs_count": runs.len(),
            "check_runs_url": format!("{url}/check-runs"),
        })
    }

    pub(crate) fn status_json(&self, repo_id: u64, status: &CommitStatus) -> Value {
        let slug = self.repo(repo_id).map_or(String::new(), crate::state::repo::Repo::slug);
        json!({
            "url": format!("{}/repos/{slug}/statuses/{}", self.api_url, status.sha),
            "id": status.id,
            "node_id": format!("SC_{}", status.id),
            "avatar_url": null,
            "state": status.state,
            "description": status.description,
            "target_url": status.target_url,
            "context": status.context,
            "created_at": iso(status.created_ms),
            "updated_at": iso(status.created_ms),
            "creator": self.user_json(&status.creator),
        })
    }
}

/// What a suite of ended check runs comes to.
fn worst(runs: &[&CheckRun]) -> &'static str {
    const ORDER: &[&str] = &[
        "failure",
        "timed_out",
        "startup_failure",
        "action_required",
        "cancelled",
        "success",
        "neutral",
        "skipped",
    ];
    let concluded =
        |wanted: &str| runs.iter().any(|check| check.conclusion.as_deref() == Some(wanted));
    ORDER.iter().find(|wanted| concluded(wanted)).unwrap_or(&"neutral")
}
