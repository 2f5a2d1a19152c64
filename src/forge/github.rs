//! GitHub: github.com, GitHub Enterprise Server and GHE.com, by three base URLs.
//!
//! octocrab is the transport and nothing more: its retries, caches and typed models are not used,
//! because they repeat writes, mix installations and refuse values that GitHub added later. Every
//! type that we read has only the fields we use, every enum has room for the unknown. Retrying is
//! the outbox's business; a write is sent once.

mod answer;
pub mod app;
mod auth;
mod budget;
mod client;
mod history;
pub mod inbound;
mod mending;
pub mod oidc;
mod reader;
pub mod signature;
mod types;
mod undo;
pub mod webhook;
mod writer;

use std::sync::Arc;

use secrecy::SecretString;
use thiserror::Error;
use tokio::sync::OnceCell;
use url::Url;

pub use client::Client;
pub use reader::ci::of_words as ci_of_words;

use crate::ports::clock::Clock;
use crate::ports::forge::AppIdentity;

/// How GitHub is reached, and as which App.
#[derive(Debug, Clone)]
pub struct GithubSettings {
    /// The App's number.
    pub app_id: u64,
    /// The App's private key, PEM.
    pub private_key: SecretString,
    /// REST: `https://api.github.com`.
    pub api_url: Url,
    /// GraphQL: `https://api.github.com/graphql`; elsewhere on Enterprise Server.
    pub graphql_url: Url,
}

/// Why the adapter could not be made.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The private key is not an RSA key in PEM.
    #[error("the App's private key is not an RSA key in PEM")]
    Key(#[source] jsonwebtoken::errors::Error),
    /// The HTTP client could not be made.
    #[error("the HTTP client could not be made: {0}")]
    Http(String),
}

/// GitHub behind the forge port.
pub struct GithubForge {
    client: Client,
    identity: OnceCell<AppIdentity>,
    /// The path of the workflow whose runs are attempts and not CI is given per call; the name of
    /// our check run is this.
    check_name: &'static str,
}

impl std::fmt::Debug for GithubForge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GithubForge").field("client", &self.client).finish_non_exhaustive()
    }
}

/// The name of our check run.
const CHECK_NAME: &str = "selfheal";

impl GithubForge {
    /// The adapter for an App.
    ///
    /// # Errors
    /// [`SetupError`] when the key cannot be read.
    pub fn new(settings: &GithubSettings, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let client = Client::new(settings, clock)?;
        Ok(Self { client, identity: OnceCell::new(), check_name: CHECK_NAME })
    }

    /// The client, for set-up and diagnosis.
    pub fn client(&self) -> &Client {
        &self.client
    }
}
