//! What healed, kept by owner, repository and failure.
//!
//! Remedies are filed with the step that saw CI turn green ([`Changes::remedies`]). One against whose
//! fix there is a sign ([`Changes::false_fixes`]), or against a fix that applied it, is read no more.
//!
//! [`Changes::remedies`]: super::store::Changes::remedies
//! [`Changes::false_fixes`]: super::store::Changes::false_fixes

use async_trait::async_trait;

use super::store::StoreError;
use crate::domain::failure::Shape;
use crate::domain::ids::{AttemptId, InstallationId, RepoId, RepoSlug, Timestamp};
use crate::domain::remedy::Remedy;

/// The most remedies that are read at once, the newest.
pub const REMEDIES_READ_MAX: usize = 30;

/// Which remedies somebody wants.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Of this owner and of nobody else.
    pub owner: InstallationId,
    /// Of this repository, and those that others of its owner share.
    pub repo: RepoId,
    /// For this attempt: what its case has tried is of no use to it.
    pub attempt: AttemptId,
    /// For failures of one of these shapes.
    pub shapes: &'a [Shape],
}

/// A remedy as it is kept, with what speaks against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The remedy.
    pub remedy: Remedy,
    /// The class of what it healed first.
    pub class: Option<String>,
    /// The name of a sign against the very fix.
    pub against: Option<String>,
    /// The name of one against a fix that applied it.
    pub against_use: Option<String>,
}

/// Keeps what healed.
#[async_trait]
pub trait RemedyStore: Send + Sync {
    /// Remedies against which there is no sign, the newest first; at most [`REMEDIES_READ_MAX`].
    async fn remedies(&self, wanted: Wanted<'_>) -> Result<Vec<Remedy>, StoreError>;

    /// Everything that is kept, of one repository or of all, the newest first; at most so many.
    async fn kept_remedies(
        &self,
        repo: Option<&RepoSlug>,
        most: u32,
    ) -> Result<Vec<Kept>, StoreError>;

    /// Notes that an attempt's runner is given these; what it says of others counts for nothing.
    async fn offer_remedies(
        &self,
        attempt: AttemptId,
        remedies: &[AttemptId],
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Forgets what was neither filed nor healed anything since then, and of each repository all but
    /// the newest so many; how many.
    async fn forget_remedies(&self, before: Timestamp, most: u32) -> Result<u64, StoreError>;
}
