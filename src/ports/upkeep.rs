//! Upkeep: what the store knows about itself and about what may be missing from it.
//!
//! Beside the work that [`super::store`] holds: how far the forge's log was compared, which
//! repositories are to be looked through again, which deliveries operators should see. Nothing of it
//! decides a case.
//!
//! Races: two replicas reconcile at once: one gets the lease, and a late one cannot write; a webhook
//! arrives while its payload is being fetched: one of the two is a duplicate.

use async_trait::async_trait;
use bytes::Bytes;

use super::store::{Claim, StoreError};
use crate::domain::ids::{DeliveryId, Timestamp};
use crate::domain::pull::{PullHead, Repo};

/// How far comparing the forge's log with the inbox has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Everything that the forge delivered up to then was compared; `None` before the first time.
    pub mark: Option<Timestamp>,
    /// A pass through the log that is not through yet.
    pub pass: Option<Pass>,
}

/// A pass through the log that goes on in another turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// What the mark becomes when the pass is through.
    pub to: Timestamp,
    /// Where in the log it goes on.
    pub cursor: String,
}

/// The right to say how far reconciling has come; used up by [`Upkeep::end_reconcile`].
#[derive(Debug)]
pub struct ReconcileLease {
    /// Raised with every claim; a write with an older epoch is refused.
    pub epoch: i64,
}

/// A turn of reconciling that is due.
#[derive(Debug)]
pub struct Reconcile {
    /// The right to write what came of it.
    pub lease: ReconcileLease,
    /// How far it had come.
    pub progress: Progress,
}

/// A repository whose open pull requests are to be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToSweep {
    /// The repository.
    pub repo: Repo,
    /// Up to when it was swept; `None` when it never was.
    pub swept_at: Option<Timestamp>,
    /// When the database was last put back from a backup.
    pub restored_at: Option<Timestamp>,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It waits to be read, perhaps again.
    Waiting,
    /// It was read.
    Done,
    /// It failed for good and waits for an operator.
    Parked,
}

/// Which deliveries are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Those that wait for an operator.
    Parked,
    /// Those that failed and are tried again.
    Failing,
    /// All that wait to be read.
    Waiting,
}

/// A delivery as operators see it, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// The forge's id of it.
    pub id: DeliveryId,
    /// The event's name.
    pub event: String,
    /// When it arrived.
    pub received_at: Timestamp,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it failed.
    pub tries: u32,
    /// When it is read again; when it was parked or read, if it was.
    pub due: Timestamp,
    /// How long its body is.
    pub bytes: u64,
    /// The last failure, for operators.
    pub error: Option<String>,
}

/// What became of the wish to read a delivery again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayed {
    /// It is read as if it had just come.
    Yes,
    /// It waits to be read anyway.
    Waits,
    /// There is none of that id.
    Unknown,
}

/// Keeps the store whole.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Claims the next turn of reconciling, when it is due and nobody has it.
    async fn claim_reconcile(&self, claim: Claim) -> Result<Option<Reconcile>, StoreError>;

    /// Says how far a turn has come and when the next is due, and ends the lease.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when somebody else took the duty over; nothing was written.
    async fn end_reconcile(
        &self,
        lease: ReconcileLease,
        progress: &Progress,
        due: Timestamp,
    ) -> Result<(), StoreError>;

    /// Those of `ids` that the inbox does not know, each once.
    async fn unknown_deliveries(&self, ids: &[DeliveryId]) -> Result<Vec<DeliveryId>, StoreError>;

    /// Repositories that can be reached and are due to be swept, the longest due first.
    async fn repos_to_sweep(&self, now: Timestamp, max: u32) -> Result<Vec<ToSweep>, StoreError>;

    /// A repository was swept: these pull requests are news and are woken; when it is due again.
    async fn swept(
        &self,
        repo: &Repo,
        news: &[PullHead],
        at: Timestamp,
        due: Timestamp,
    ) -> Result<(), StoreError>;

    /// A repository could not be swept; when it is tried again.
    async fn not_swept(&self, repo: &Repo, due: Timestamp) -> Result<(), StoreError>;

    /// Deliveries for operators to see, newest first.
    async fn deliveries(&self, which: Listed, max: u32) -> Result<Vec<DeliveryRecord>, StoreError>;

    /// One delivery, wherever it stands.
    async fn delivery(&self, id: &DeliveryId) -> Result<Option<DeliveryRecord>, StoreError>;

    /// The body of a delivery, as it was signed.
    async fn delivery_body(&self, id: &DeliveryId) -> Result<Option<Bytes>, StoreError>;

    /// Has a delivery read again that was parked or read.
    async fn replay(&self, id: &DeliveryId, now: Timestamp) -> Result<Replayed, StoreError>;
}
