//! Why the forge did not do what was asked, as far as callers act on it; never its raw answer.

use thiserror::Error;

use crate::domain::ids::{Branch, Sha, Timestamp};

/// Why the forge did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ForgeError {
    /// It may work later: 5xx, connection trouble, time-outs.
    #[error("the forge did not answer properly: {0}")]
    Unavailable(String),
    /// A rate limit, primary or secondary, or our own budget; nothing was done.
    #[error("a rate limit holds until {}", until.millis())]
    RateLimited {
        /// When to come back.
        until: Timestamp,
    },
    /// It does not exist, or we may not see it.
    #[error("not found: {0}")]
    NotFound(String),
    /// It exists no more: logs and artifacts after their retention.
    #[error("{0} has expired")]
    Expired(String),
    /// It is refused for good: permissions, rules of the branch, policies.
    #[error("the forge refused it ({status}): {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The forge's words, bounded and redacted.
        message: String,
    },
    /// The branch is not where it was expected to be; nothing was written.
    #[error("{branch} moved, it is no longer at {expected}")]
    Moved {
        /// The branch.
        branch: Branch,
        /// The commit that was expected.
        expected: Sha,
    },
    /// The App was uninstalled or suspended, or its credentials are wrong.
    #[error("the App has no access: {0}")]
    NoAccess(String),
    /// The answer was not what the forge documents.
    #[error("an answer of the forge could not be read: {0}")]
    Unreadable(String),
}

impl ForgeError {
    /// Whether trying again later can help.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::RateLimited { .. } | Self::Unreadable(_) => true,
            Self::NotFound(_)
            | Self::Expired(_)
            | Self::Refused { .. }
            | Self::Moved { .. }
            | Self::NoAccess(_) => false,
        }
    }
}
