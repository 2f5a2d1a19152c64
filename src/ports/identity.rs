//! Who a runner is: what its signed token proves.

use async_trait::async_trait;
use thiserror::Error;

use crate::domain::ids::{RepoId, RunId};

/// What a verified token says about the run that asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerClaims {
    /// The repository that the run belongs to.
    pub repo: RepoId,
    /// The run.
    pub run: RunId,
    /// What started it: `workflow_dispatch` for ours.
    pub event: String,
    /// The workflow file and the ref that it was taken from:
    /// `acme/widget/.github/workflows/selfheal.yml@refs/heads/main`.
    pub workflow: String,
    /// The ref that the run is on.
    pub git_ref: String,
    /// The token's own id; it may be used once.
    pub token_id: String,
}

/// Why a token is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// It is not what it should be: signature, issuer, audience, time.
    #[error("the token is not valid: {0}")]
    Invalid(String),
    /// The issuer's keys cannot be fetched now.
    #[error("the issuer's keys cannot be read: {0}")]
    Unavailable(String),
}

/// Verifies tokens.
#[async_trait]
pub trait IdentityVerifier: Send + Sync {
    /// What the token proves.
    async fn verify(&self, token: &str) -> Result<RunnerClaims, IdentityError>;
}
