//! Workflow runs: started on the default branch, cancelled, run again; and branches brought up to date.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::GithubForge;
use super::super::client::As;
use super::super::reader::segment;
use super::super::types::WorkflowRunJson;
use crate::domain::ids::{PrNumber, RunId, Sha};
use crate::domain::pull::Repo;
use crate::ports::forge::{ForgeError, ForgeReader, WorkflowDispatch};

#[derive(Deserialize)]
struct DispatchAnswer {
    workflow_run_id: u64,
}

#[derive(Deserialize)]
struct Runs {
    #[serde(default)]
    workflow_runs: Vec<WorkflowRunJson>,
}

#[derive(Deserialize)]
struct RunAnswer {
    #[serde(default)]
    run_attempt: Option<u32>,
    #[serde(default)]
    status: Option<String>,
}

impl GithubForge {
    pub(super) async fn dispatched(
        &self,
        wish: &WorkflowDispatch,
    ) -> Result<Option<RunId>, ForgeError> {
        if let Some(run) = self.run_of_attempt(wish).await? {
            return Ok(Some(run));
        }
        let repo = &wish.repo;
        let default = self.default_branch(repo).await?;
        let inputs: Map<String, Value> =
            wish.inputs.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let body = json!({
            "ref": default.as_str(),
            "inputs": inputs,
            "return_run_details": true,
        });
        let path = format!("/actions/workflows/{}/dispatches", segment(&wish.workflow));
        let who = As::dispatcher(repo);
        let answer = self.client.call(who, Method::POST, &path, Some(&body)).await?;
        if answer.status == StatusCode::OK {
            let started: DispatchAnswer = answer.json()?;
            return Ok(Some(RunId::new(started.workflow_run_id)));
        }
        self.run_of_attempt(wish).await
    }

    /// A run of that attempt that is later than the one before: its title carries the attempt's id.
    ///
    /// It may have ended: what was started and lost its answer must not be started again.
    async fn run_of_attempt(&self, wish: &WorkflowDispatch) -> Result<Option<RunId>, ForgeError> {
        let path = format!(
            "/actions/workflows/{}/runs?event=workflow_dispatch&per_page=30",
            segment(&wish.workflow)
        );
        let runs: Runs = self.client.get(&wish.repo, &path).await?;
        let attempt = wish.attempt.to_string();
        Ok(runs
            .workflow_runs
            .into_iter()
            .find(|run| {
                let titled =
                    run.display_title.as_deref().is_some_and(|title| title.contains(&attempt));
                titled && wish.after.is_none_or(|before| run.id > before.get())
            })
            .map(|run| RunId::new(run.id)))
    }

    pub(super) async fn cancelled(&self, repo: &Repo, run: RunId) -> Result<(), ForgeError> {
        let path = format!("/actions/runs/{run}/cancel");
        match self.client.call(As::dispatcher(repo), Method::POST, &path, None).await {
            Ok(_) | Err(ForgeError::NotFound(_) | ForgeError::Refused { status: 409, .. }) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn run_again(
        &self,
        repo: &Repo,
        run: RunId,
        attempt: u32,
    ) -> Result<(), ForgeError> {
        let path = format!("/actions/runs/{run}");
        let now: RunAnswer = self.client.get(repo, &path).await?;
        let ended = now.status.as_deref() == Some("completed");
        if now.run_attempt.unwrap_or(1) > attempt || !ended {
            return Ok(());
        }
        let path = format!("{path}/rerun-failed-jobs");
        self.client.call(As::dispatcher(repo), Method::POST, &path, None).await?;
        Ok(())
    }

    /// GitHub answers 202 and merges later; 422 when the head has moved or there is nothing to merge.
    /// <https://docs.github.com/rest/pulls/pulls#update-a-pull-request-branch>
    pub(super) async fn brought_up_to_date(
        &self,
        repo: &Repo,
        number: PrNumber,
        head: &Sha,
    ) -> Result<(), ForgeError> {
        let path = format!("/pulls/{number}/update-branch");
        let body = json!({ "expected_head_sha": head.as_str() });
        match self.client.call(As::writer(repo).content(), Method::PUT, &path, Some(&body)).await {
            Ok(_) | Err(ForgeError::Refused { status: 422, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
