//! Setting up: a forge's one-time code becomes stored credentials.

use async_trait::async_trait;
use thiserror::Error;

/// Why setting up failed.
#[derive(Debug, Error)]
pub enum RegisterError {
    /// The code was used or is too old.
    #[error("the code was used already or is older than an hour; begin again")]
    CodeSpent,
    /// The forge could not be asked.
    #[error("the forge could not be asked: {0}")]
    Forge(String),
    /// The credentials could not be kept.
    #[error("the credentials could not be stored: {0}")]
    Store(String),
}

/// An App that was registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its name in URLs.
    pub slug: String,
    /// Its page, where it is installed from.
    pub page: String,
}

/// Registers the App.
#[async_trait]
pub trait Registrar: Send + Sync {
    /// Exchanges the code, stores the credentials.
    async fn register(&self, code: &str) -> Result<Registered, RegisterError>;
}
