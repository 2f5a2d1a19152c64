//! What arrives from a forge, read into domain words.

use bytes::Bytes;
use thiserror::Error;

use crate::domain::event::Reading;
use crate::domain::ids::RepoId;

/// A delivery that cannot be read at all; reading it again will not help.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the delivery cannot be read: {0}")]
pub struct Unreadable(pub String);

/// A delivery that nobody who knows the secret has sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the delivery is not authentic: {0}")]
pub struct NotAuthentic(pub &'static str);

/// Whether a delivery is kept, told at the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sorted {
    /// It is not, and why.
    NoInterest(&'static str),
    /// It is.
    Kept {
        /// The repository that it is about, if it is about one.
        repo: Option<RepoId>,
        /// What is kept of its body, as [`Inbound::kept`] says.
        body: Bytes,
    },
}

/// Verifies and reads deliveries.
pub trait Inbound: Send + Sync {
    /// Whether a signature is there at all and of the right form, told without the body: what has none
    /// need not be read. In doubt it is there.
    fn is_signed(&self, _signature: Option<&str>) -> Result<(), NotAuthentic> {
        Ok(())
    }

    /// Whether the forge sent these very bytes: `signature` is the header's value. The comparison
    /// takes the same time whatever is wrong.
    fn verify(&self, body: &[u8], signature: Option<&str>) -> Result<(), NotAuthentic>;

    /// The same of bytes that lie in pieces.
    fn verify_pieces(&self, pieces: &[Bytes], signature: Option<&str>) -> Result<(), NotAuthentic> {
        self.verify(&pieces.concat(), signature)
    }

    /// What a delivery means: `event` is the header's value, `body` the verified bytes.
    fn read(&self, event: &str, body: &[u8]) -> Result<Reading, Unreadable>;

    /// Whether a delivery is kept, and what of it; it never says no to what [`Inbound::read`] makes an
    /// event of, and may say yes to what is of no interest when it is read.
    fn sort(&self, event: &str, body: &Bytes) -> Result<Sorted, Unreadable> {
        Ok(match self.read(event, body)? {
            Reading::NoInterest(why) => Sorted::NoInterest(why),
            Reading::Event(event) => Sorted::Kept { repo: event.repo(), body: body.clone() },
        })
    }

    /// What is kept of a body: all that [`Inbound::read`] reads of it, so that it says of both the same,
    /// and of one that cannot be read all of it.
    fn kept(&self, body: Bytes) -> Bytes {
        body
    }

    /// Whether a delivery of that name may be of interest, told without its body; in doubt it may.
    fn concerns(&self, _event: &str, _action: Option<&str>) -> bool {
        true
    }
}
