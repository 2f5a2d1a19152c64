//! GitHub Actions in the target repository.
//!
//! The workflow file is always taken from the default branch, so that a pull request cannot change
//! what runs; the commit to heal is an input. Nothing secret is among the inputs: the run shows who
//! it is by its OIDC token.

use std::sync::Arc;

use async_trait::async_trait;
use url::Url;

use crate::domain::ids::RunId;
use crate::domain::pull::Repo;
use crate::ports::compute::{Compute, Job};
use crate::ports::forge::{Forge, ForgeError, RunState, WorkflowDispatch};

/// The workflow's file name in every target repository.
pub const WORKFLOW: &str = "selfheal.yml";

/// What is not there when a start is answered "not found", and what to do.
const MISSING: &str = "the workflow .github/workflows/selfheal.yml on the default branch; add it \
                       there (selfheal doctor says how), then ask again";

/// Starts runs of the target repository's own workflow.
pub struct ActionsCompute {
    forge: Arc<dyn Forge>,
    server: Url,
}

impl std::fmt::Debug for ActionsCompute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ActionsCompute")
            .field("server", &self.server.as_str())
            .finish_non_exhaustive()
    }
}

impl ActionsCompute {
    /// Runs report to `server`, which is also the audience of their tokens.
    pub fn new(forge: Arc<dyn Forge>, server: Url) -> Self {
        Self { forge, server }
    }
}

#[async_trait]
impl Compute for ActionsCompute {
    async fn start(&self, job: &Job) -> Result<Option<RunId>, ForgeError> {
        let inputs = [
            ("attempt", job.attempt.to_string()),
            ("server", self.server.as_str().trim_end_matches('/').to_owned()),
            ("head_sha", job.head.to_string()),
            ("pull_request", job.number.to_string()),
        ];
        let dispatch = WorkflowDispatch {
            repo: job.repo.clone(),
            workflow: WORKFLOW.to_owned(),
            inputs: inputs.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            attempt: job.attempt,
            after: job.after,
        };
        self.forge.dispatch(&dispatch).await.map_err(|error| match error {
            ForgeError::NotFound(_) => ForgeError::NotFound(MISSING.to_owned()),
            error => error,
        })
    }

    async fn cancel(&self, repo: &Repo, run: RunId) -> Result<(), ForgeError> {
        self.forge.cancel(repo, run).await
    }

    async fn has_ended(&self, repo: &Repo, run: RunId) -> Result<bool, ForgeError> {
        match self.forge.run_state(repo, run).await {
            Ok(state) => Ok(state == RunState::Ended),
            Err(ForgeError::NotFound(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }
}
