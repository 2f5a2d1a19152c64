//! Time and ids, from outside, so that tests can state both.
//!
//! Nothing else in the product asks the machine for the time or makes up an id.

use uuid::Uuid;

use crate::domain::ids::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The time now, UTC. Clocks are set, forth and back.
    fn now(&self) -> Timestamp;

    /// Milliseconds on a clock that nobody sets: only differences mean anything. It may stand still
    /// while the machine sleeps.
    fn ticks_ms(&self) -> i64;
}

/// Makes ids up.
pub trait Ids: Send + Sync {
    /// A new UUID, version 7 outside tests: ordered by time.
    fn uuid(&self) -> Uuid;

    /// Unguessable bytes for one-time codes and tokens.
    fn secret(&self) -> [u8; 32];
}
