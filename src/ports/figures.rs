//! What figures are made of, and what a new failure is held against; reads only. What is recorded
//! for them is part of the step that it happened in ([`Changes`](super::store::Changes)).

use async_trait::async_trait;

use super::store::StoreError;
use crate::domain::autonomy::{Change, Record};
use crate::domain::failure::Fingerprint;
use crate::domain::false_fix::Fix;
use crate::domain::figures::CaseRecord;
use crate::domain::ids::{AttemptId, Branch, CaseId, PrNumber, RepoId, RepoSlug, Sha, Timestamp};
use crate::domain::patch::Patch;

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

/// Fixes that somebody asks after.
#[derive(Debug, Clone, Copy)]
pub struct LandedOn<'a> {
    /// In this repository.
    pub repo: RepoId,
    /// Whose pull request was merged into this branch.
    pub branch: &'a Branch,
    /// CI was green on them since then.
    pub green_since: Timestamp,
    /// Merged before then.
    pub merged_before: Timestamp,
}

/// A fix whose pull request is merged, and against which there is no sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// The attempt.
    pub attempt: AttemptId,
    /// The commit that it was made on.
    pub head: Sha,
    /// What it changed.
    pub patch: Patch,
}

/// The most such fixes that are told at once, the newest: each comes with its patch.
pub const LANDED_MAX: usize = 10;

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

    /// What is kept of a class in a repository: the last change of its autonomy, and its fixes.
    async fn class_record(&self, repo: RepoId, class: &str) -> Result<Record, StoreError>;

    /// Changes of autonomy that a case was the first to be met by.
    async fn changes_told(&self, case: CaseId) -> Result<Vec<Change>, StoreError>;

    /// Changes of autonomy since then, the newest first, each with its repository and class.
    async fn changes_since(
        &self,
        asked: &Asked,
    ) -> Result<Vec<(RepoSlug, String, Change)>, StoreError>;

    /// Fixes whose pull requests are merged, the newest first; at most [`LANDED_MAX`].
    async fn landed(&self, on: LandedOn<'_>) -> Result<Vec<Landed>, StoreError>;

    /// The attempts of a repository whose commits these are.
    async fn attempts_of(
        &self,
        repo: RepoId,
        commits: &[Sha],
    ) -> Result<Vec<(AttemptId, Sha)>, StoreError>;
}
