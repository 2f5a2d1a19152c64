//! Checkpoints that are kept: one an attempt, the last, while the stage goes on that it belongs to.

use async_trait::async_trait;

use super::store::{Seat, StoreError};
use crate::domain::checkpoint::Checkpoint;
use crate::domain::ids::{AttemptId, Timestamp};

/// Whether a checkpoint was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was.
    Yes,
    /// It came too late: another runner was let in, the stage is finished, or the attempt is over.
    TooLate,
}

/// A checkpoint that a runner sends.
#[derive(Debug, Clone)]
pub struct NewCheckpoint {
    /// The attempt, and which runner sends it.
    pub seat: Seat,
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Now.
    pub now: Timestamp,
}

/// Keeps checkpoints.
#[async_trait]
pub trait CheckpointStore: Send + Sync {
    /// Keeps a checkpoint in the place of the one before, unless it comes too late; which of the two
    /// is decided in the store, so that no runner that was replaced overwrites anything.
    async fn keep_checkpoint(&self, new: NewCheckpoint) -> Result<Taken, StoreError>;

    /// The checkpoint of an attempt, if there is one.
    async fn checkpoint(&self, attempt: AttemptId) -> Result<Option<Checkpoint>, StoreError>;
}
