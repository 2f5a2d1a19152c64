//! What figures are made of, and what a new failure is held against; reads only. What is recorded
//! for them is part of the step that it happened in ([`Changes`](super::store::Changes)).

use async_trait::async_trait;

use super::store::StoreError;
use crate::domain::failure::Fingerprint;
use crate::domain::false_fix::Fix;
use crate::domain::figures::CaseRecord;
use crate::domain::ids::{AttemptId, PrNumber, RepoId, RepoSlug, Sha, Timestamp};

/// Which cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Opened since then.
    pub since: Timestamp,
    /// Of this repository alone.
    pub repo: Option<RepoSlug>,
    /// At most so many, the newest.
    pub cases_max: u32,
}

/// What was recorded.
#[async_trait]
pub trait FigureStore: Send + Sync {
    /// What was recorded of cases, the newest first.
    async fn records(&self, asked: &Asked) -> Result<Vec<CaseRecord>, StoreError>;

    /// Fixes of these failures on a pull request that CI has called green since then.
    async fn fixes(
        &self,
        pull: (RepoId, PrNumber),
        fingerprints: &[Fingerprint],
        since: Timestamp,
    ) -> Result<Vec<Fix>, StoreError>;

    /// The attempts of a repository whose commits these are.
    async fn attempts_of(
        &self,
        repo: RepoId,
        commits: &[Sha],
    ) -> Result<Vec<(AttemptId, Sha)>, StoreError>;
}
