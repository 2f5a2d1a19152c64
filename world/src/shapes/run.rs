//! Workflows, runs, jobs.

use serde_json::{Value, json};

use crate::state::State;
use crate::state::run::{Artifact, Job, Run};
use crate::time::iso;

impl State {
    pub(crate) fn workflow_json(&self, repo_id: u64, path: &str, name: &str) -> Value {
        let Some(repo) = self.repo(repo_id) else { return Value::Null };
        let id = repo.workflow_ids.get(path).copied().unwrap_or(0);
        let api = format!("{}/repos/{}", self.api_url, repo.slug());
        let web = format!("{}/{}", self.web_url, repo.slug());
        json!({
            "id": id,
            "node_id": format!("W_{id}"),
            "name": name,
            "path": path,
            "state": "active",
            "created_at": iso(repo.created_ms),
            "updated_at": iso(repo.created_ms),
            "url": format!("{api}/actions/workflows/{id}"),
            "html_url": format!("{web}/blob/{}/{path}", repo.default_branch),
            "badge_url": format!("{web}/workflows/{name}/badge.svg"),
        })
    }

    pub(crate) fn run_json(&self, repo_id: u64, run: &Run) -> Value {
        let Some(repo) = self.repo(repo_id) else { return Value::Null };
        let api = format!("{}/repos/{}", self.api_url, repo.slug());
        let url = format!("{api}/actions/runs/{}", run.id);
        let workflow = repo.workflow_ids.get(&run.workflow_path).copied().unwrap_or(0);
        let pulls = if run.event == "workflow_dispatch" {
            json!([])
        } else {
            self.pull_links(repo_id, &run.head_sha)
        };
        let attempt = run.attempt();
        json!({
            "id": run.id,
            "name": run.name,
            "node_id": format!("WFR_{}", run.id),
            "head_branch": run.head_branch,
            "head_sha": run.head_sha,
            "path": run.workflow_path,
            "display_title": run.title,
            "run_number": run.serial,
            "event": run.event,
            "status": run.status,
            "conclusion": run.conclusion,
            "workflow_id": workflow,
            "check_suite_id": run.suite,
            "check_suite_node_id": format!("CS_{}", run.suite),
            "url": url,
            "html_url": format!("{}/{}/actions/runs/{}", self.web_url, repo.slug(), run.id),
            "pull_requests": pulls,
            "created_at": iso(run.created_ms),
            "updated_at": iso(run.updated_ms),
            "actor": self.user_json(&run.actor),
            "run_attempt": attempt.number,
            "referenced_workflows": [],
            "run_started_at": iso(attempt.started_ms),
            "triggering_actor": self.user_json(&run.triggering_actor),
            "jobs_url": format!("{url}/jobs"),
            "logs_url": format!("{url}/logs"),
            "check_suite_url": format!("{api}/check-suites/{}", run.suite),
            "artifacts_url": format!("{url}/artifacts"),
            "cancel_url": format!("{url}/cancel"),
            "rerun_url": format!("{url}/rerun"),
            "previous_attempt_url":
                (attempt.number > 1).then(|| format!("{url}/attempts/{}", attempt.number - 1)),
            "workflow_url": format!("{api}/actions/workflows/{workflow}"),
            "head_commit": { "id": run.head_sha, "tree_id": run.head_sha, "message": run.title,
                             "timestamp": iso(run.created_ms),
                             "author": { "name": run.actor, "email": "" },
                             "committer": { "name": run.actor, "email": "" } },
            "repository": self.repo_json(repo_id),
            "head_repository": run.head_repo.map(|id| self.repo_json(id)),
        })
    }

    pub(crate) fn artifact_json(&self, repo_id: u64, run: &Run, artifact: &Artifact) -> Value {
        let Some(repo) = self.repo(repo_id) else { return Value::Null };
        let id = artifact.id;
        let url = format!("{}/repos/{}/actions/artifacts/{id}", self.api_url, repo.slug());
        json!({
            "id": id,
            "node_id": format!("MDg6QXJ0aWZhY3Q{id}"),
            "name": artifact.name,
            "size_in_bytes": artifact.zip.len(),
            "url": url,
            "archive_download_url": format!("{url}/zip"),
            "expired": artifact.is_expired,
            "created_at": iso(artifact.created_ms),
            "expires_at": iso(artifact.created_ms + 90 * 24 * 60 * 60 * 1000),
            "updated_at": iso(artifact.created_ms),
            "workflow_run": {
                "id": run.id, "repository_id": repo_id, "head_repository_id": run.head_repo,
                "head_branch": run.head_branch, "head_sha": run.head_sha,
            },
        })
    }

    pub(crate) fn job_json(&self, repo_id: u64, (run, attempt): (&Run, u64), job: &Job) -> Value {
        let Some(repo) = self.repo(repo_id) else { return Value::Null };
        let api = format!("{}/repos/{}", self.api_url, repo.slug());
        let steps: Vec<Value> = job
            .steps
            .iter()
            .map(|step| {
                json!({
                    "name": step.name, "status": "completed", "conclusion": step.conclusion,
                    "number": step.number, "started_at": iso(job.started_ms),
                    "completed_at": job.completed_ms.map(iso),
                })
            })
            .collect();
        let web =
            format!("{}/{}/actions/runs/{}/job/{}", self.web_url, repo.slug(), run.id, job.id);
        json!({
            "id": job.id,
            "run_id": run.id,
            "workflow_name": run.name,
            "head_branch": run.head_branch,
            "run_url": format!("{api}/actions/runs/{}", run.id),
            "run_attempt": attempt,
            "node_id": format!("CR_{}", job.id),
            "head_sha": run.head_sha,
            "url": format!("{api}/actions/jobs/{}", job.id),
            "html_url": web,
            "status": job.status,
            "conclusion": job.conclusion,
            "created_at": iso(job.started_ms),
            "started_at": iso(job.started_ms),
            "completed_at": job.completed_ms.map(iso),
            "name": job.name,
            "steps": steps,
            "check_run_url": format!("{api}/check-runs/{}", job.id),
            "labels": ["ubuntu-latest"],
            "runner_id": 1,
            "runner_name": "GitHub Actions 1",
            "runner_group_id": 0,
            "runner_group_name": "GitHub Actions",
        })
    }
}
