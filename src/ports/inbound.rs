//! What arrives from a forge, read into domain words.

use thiserror::Error;

use crate::domain::event::Reading;

/// A delivery that cannot be read at all; reading it again will not help.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the delivery cannot be read: {0}")]
pub struct Unreadable(pub String);

/// Reads deliveries.
pub trait Inbound: Send + Sync {
    /// What a delivery means: `event` is the header's value, `body` the verified bytes.
    fn read(&self, event: &str, body: &[u8]) -> Result<Reading, Unreadable>;
}
