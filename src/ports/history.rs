//! What a forge remembers: the log of what it told us, and which pull requests moved.
//!
//! Webhooks are lost; here is what can be asked afterwards. A hint like every webhook and never the
//! truth of a decision: what is found makes us look, nothing more. Reads only.

use async_trait::async_trait;
use bytes::Bytes;

use super::forge::ForgeError;
use crate::domain::ids::{DeliveryId, RepoId, Timestamp};
use crate::domain::pull::{PullHead, Repo};

/// One entry of the forge's log: an attempt to deliver. A redelivery is an entry of its own with the
/// same id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedDelivery {
    /// The entry's number in the log, by which its payload is asked for.
    pub entry: u64,
    /// The delivery's id, as its header says it.
    pub id: DeliveryId,
    /// The event's name.
    pub event: String,
    /// The action within the event, where the event has such.
    pub action: Option<String>,
    /// The repository that it is about, if any.
    pub repo: Option<RepoId>,
    /// When the forge tried.
    pub at: Timestamp,
    /// The HTTP status that we answered; `None` when no answer came.
    pub answer: Option<u16>,
}

/// A page of the log, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoggedPage {
    /// The entries.
    pub deliveries: Vec<LoggedDelivery>,
    /// Where the next, older page begins; `None` when this is the last.
    pub next: Option<String>,
}

/// What a forge remembers.
#[async_trait]
pub trait ForgeHistory: Send + Sync {
    /// A page of the log of deliveries: the newest, or the one that begins at the cursor of another
    /// page. Always empty where the forge keeps no log.
    async fn deliveries(&self, cursor: Option<&str>) -> Result<LoggedPage, ForgeError>;

    /// The payload of an entry: the very object that was signed, perhaps in another spelling.
    async fn payload(&self, logged: &LoggedDelivery) -> Result<Bytes, ForgeError>;

    /// Open pull requests of a repository that changed since then, newest change first; at most the
    /// newest 300.
    async fn pulls_changed(
        &self,
        repo: &Repo,
        since: Timestamp,
    ) -> Result<Vec<PullHead>, ForgeError>;
}
