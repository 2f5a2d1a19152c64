//! What running again has shown, kept by repository and failure.
//!
//! Trials are written with the step that saw them ([`Changes::tried`](super::store::Changes::tried)),
//! so that a step that is repeated counts none twice.

use async_trait::async_trait;

use super::store::StoreError;
use crate::domain::flakes::Past;
use crate::domain::ids::{RepoId, RepoSlug, Timestamp};

/// The most failures that are told of one repository: those that came and went most often.
pub const PASTS_MAX: usize = 1_000;

/// Reads what trials have shown.
#[async_trait]
pub trait FlakeStore: Send + Sync {
    /// What trials of a repository have shown since then, by failure; at most [`PASTS_MAX`].
    async fn pasts(&self, repo: RepoId, since: Timestamp) -> Result<Vec<Past>, StoreError>;

    /// Repositories with trials since then, by name.
    async fn tried(&self, since: Timestamp) -> Result<Vec<(RepoId, RepoSlug)>, StoreError>;

    /// Forgets trials that are older; how many.
    async fn forget_trials(&self, before: Timestamp) -> Result<u64, StoreError>;
}
