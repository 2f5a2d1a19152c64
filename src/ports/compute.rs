//! Where attempts run: GitHub Actions in the target repository; later a sandbox on this machine, a
//! container, a Kubernetes Job.

use async_trait::async_trait;

use crate::domain::ids::{AttemptId, PrNumber, RunId, Sha};
use crate::domain::pull::Repo;
use crate::ports::forge::ForgeError;

/// A runner to be started for an attempt. It carries no secret: the runner shows who it is itself.
#[derive(Debug, Clone)]
pub struct Job {
    /// The repository.
    pub repo: Repo,
    /// The pull request.
    pub number: PrNumber,
    /// The attempt.
    pub attempt: AttemptId,
    /// The commit to heal.
    pub head: Sha,
    /// The attempt's runner before this one, if there was one: what was started up to then is not
    /// the answer.
    pub after: Option<RunId>,
}

/// Starts and ends runners.
#[async_trait]
pub trait Compute: Send + Sync {
    /// Starts a runner; one that was started for the attempt already is the answer, even when it
    /// has ended since. `None` when it cannot be told which run it is.
    async fn start(&self, job: &Job) -> Result<Option<RunId>, ForgeError>;

    /// Ends a runner; fine when it has ended.
    async fn cancel(&self, repo: &Repo, run: RunId) -> Result<(), ForgeError>;

    /// Whether a runner has ended, however.
    async fn has_ended(&self, repo: &Repo, run: RunId) -> Result<bool, ForgeError>;
}
