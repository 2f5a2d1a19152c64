//! Who we are to GitHub: the App by a signed token, an installation by a narrowed one.
//!
//! A token is asked for with the smallest permissions that its purpose needs, for one repository.
//! It is kept until ten minutes before its end; of several callers that need the same one, one asks
//! and the others wait. Tokens are opaque, never logged, never sent to a runner.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Value, json};

use super::{GithubSettings, SetupError};
use crate::domain::ids::{InstallationId, RepoId, Timestamp};

/// GitHub refuses tokens that live longer than ten minutes; nine leave room for skewed clocks.
const APP_TOKEN_SECS: i64 = 540;

/// GitHub's own advice against clocks that run ahead.
const BACKDATED_SECS: i64 = 60;

/// A token that ends sooner is not used any more: a long push would outlive it.
const TOKEN_LEFT_MS_MIN: i64 = 10 * 60 * 1000;

/// What a token is for; decides its permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Purpose {
    /// Look at code, pull requests, checks, runs and logs.
    Read,
    /// Write check runs, comments and labels.
    Report,
    /// Commit, propose, switch auto-merge.
    Write,
    /// Start, cancel and repeat runs.
    Dispatch,
}

impl Purpose {
    /// The permissions that the purpose needs and no more.
    pub fn permissions(self) -> Value {
        match self {
            Self::Read => json!({
                "metadata": "read", "contents": "read", "pull_requests": "read",
                "checks": "read", "actions": "read", "statuses": "read",
            }),
            Self::Report => {
                json!({ "metadata": "read", "checks": "write", "pull_requests": "write" })
            }
            Self::Write => {
                json!({ "metadata": "read", "contents": "write", "pull_requests": "write" })
            }
            Self::Dispatch => json!({ "metadata": "read", "actions": "write" }),
        }
    }
}

/// The App's key.
pub(super) struct AppKey {
    app_id: u64,
    key: EncodingKey,
}

#[derive(Serialize)]
struct AppClaims {
    iat: i64,
    exp: i64,
    iss: String,
}

impl AppKey {
    pub fn new(settings: &GithubSettings) -> Result<Self, SetupError> {
        let pem = settings.private_key.expose_secret().as_bytes();
        let key = EncodingKey::from_rsa_pem(pem).map_err(SetupError::Key)?;
        Ok(Self { app_id: settings.app_id, key })
    }

    /// The App's number.
    pub const fn app_id(&self) -> u64 {
        self.app_id
    }

    /// A token that says we are the App.
    pub fn token(&self, now: Timestamp) -> Result<SecretString, String> {
        let secs = now.millis() / 1000;
        let claims = AppClaims {
            iat: secs - BACKDATED_SECS,
            exp: secs + APP_TOKEN_SECS,
            iss: self.app_id.to_string(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.key)
            .map(SecretString::from)
            .map_err(|error| error.to_string())
    }
}

/// Which installation token is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TokenKey {
    pub installation: InstallationId,
    pub repo: RepoId,
    pub purpose: Purpose,
}

/// A token and its end.
#[derive(Clone)]
pub(super) struct Token {
    pub secret: SecretString,
    pub until: Timestamp,
}

/// A place for one token; its lock makes callers wait for the one who asks.
pub(super) type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

/// Tokens that were given out.
#[derive(Default)]
pub(super) struct Tokens {
    slots: Mutex<HashMap<TokenKey, Slot>>,
}

/// Repositories times purposes whose tokens are kept; past it the oldest are simply asked again.
const SLOTS_MAX: usize = 10_000;

impl Tokens {
    pub fn slot(&self, key: TokenKey) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= SLOTS_MAX && !slots.contains_key(&key) {
            slots.clear();
        }
        Arc::clone(slots.entry(key).or_default())
    }
}

impl Token {
    /// Whether it can still be used for a while.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.until.millis() - now.millis() > TOKEN_LEFT_MS_MIN
    }
}
