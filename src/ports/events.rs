//! Live events of attempts, kept for a while so that whoever comes late, or falls behind, reads on.
//!
//! A convenience and never a source: nothing is decided by what is kept here.

use async_trait::async_trait;

use super::store::{Seat, StoreError};
use crate::domain::ids::{AttemptId, Timestamp};

/// Events to be kept.
#[derive(Debug, Clone)]
pub struct NewEvents {
    /// Whose, and which runner tells them.
    pub seat: Seat,
    /// The number of the first one.
    pub first: u64,
    /// Each as one line.
    pub lines: Vec<String>,
    /// The most bytes that all lines of the attempt may have together.
    pub bytes_max: u64,
    /// Now.
    pub now: Timestamp,
}

/// What became of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptEvents {
    /// All of them are there now; those before that number were before.
    From {
        /// The first that is new; the next one after all when none is.
        new: u64,
        /// The number that the next event has.
        next: u64,
    },
    /// They begin after the next one that is wanted, so none was kept.
    Gap {
        /// The number that the next event has.
        next: u64,
    },
    /// There would be more than may be, so none was kept.
    Full,
}

/// Events that were kept together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRun {
    /// The number of the first one.
    pub first: u64,
    /// When they came.
    pub at: Timestamp,
    /// Each as one line.
    pub lines: Vec<String>,
}

impl EventRun {
    /// The number after the last one.
    pub fn end(&self) -> u64 {
        self.first + self.lines.len() as u64
    }
}

/// How far an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The attempt.
    pub attempt: AttemptId,
    /// The number that its next event has.
    pub next: u64,
    /// Whether nothing will come any more.
    pub is_over: bool,
}

/// Keeps events, packed.
#[async_trait]
pub trait EventStore: Send + Sync {
    /// Keeps events of an attempt that is known, each once, whatever is sent again.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such attempt.
    async fn keep_events(&self, new: NewEvents) -> Result<KeptEvents, StoreError>;

    /// Events from that number on, as they were kept: the first run is the one that it stands in, and
    /// no run begins that far behind the first one that `bytes_max` lie between.
    async fn events(
        &self,
        attempt: AttemptId,
        from: u64,
        bytes_max: usize,
    ) -> Result<Vec<EventRun>, StoreError>;

    /// How far attempts are; those that nobody knows are left out.
    async fn standings(&self, attempts: &[AttemptId]) -> Result<Vec<Standing>, StoreError>;

    /// Forgets the events of attempts of which none came since that time, and those of the longest
    /// silent ones until the rest takes no more than `packed_bytes_max`; of how many attempts.
    async fn forget_events(
        &self,
        before: Timestamp,
        packed_bytes_max: u64,
    ) -> Result<u64, StoreError>;
}
