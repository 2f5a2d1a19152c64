//! The inbound port for GitHub: its signatures and its events.

use bytes::Bytes;
use secrecy::SecretString;

use super::signature;
use super::webhook::{self, Context};
use crate::domain::event::Reading;
use crate::ports::inbound::{Inbound, NotAuthentic, Sorted, Unreadable};

/// Verifies and reads GitHub's deliveries.
#[derive(Debug)]
pub struct GithubInbound {
    secrets: Vec<SecretString>,
    context: Context,
}

impl GithubInbound {
    /// Deliveries are signed by one of `secrets`; two are valid while one is being replaced.
    pub fn new(app_id: u64, secrets: Vec<SecretString>) -> Self {
        Self { secrets, context: Context { app_id } }
    }
}

impl Inbound for GithubInbound {
    fn is_signed(&self, signature: Option<&str>) -> Result<(), NotAuthentic> {
        signature::digest_in(signature).map(|_| ())
    }

    fn verify(&self, body: &[u8], signature: Option<&str>) -> Result<(), NotAuthentic> {
        signature::verify(&[body], signature, &self.secrets)
    }

    fn verify_pieces(&self, pieces: &[Bytes], signature: Option<&str>) -> Result<(), NotAuthentic> {
        signature::verify(pieces, signature, &self.secrets)
    }

    fn read(&self, event: &str, body: &[u8]) -> Result<Reading, Unreadable> {
        webhook::read(event, body, self.context).map_err(|error| Unreadable(error.to_string()))
    }

    fn sort(&self, event: &str, body: &Bytes) -> Result<Sorted, Unreadable> {
        webhook::sort(event, body, self.context).map_err(|error| Unreadable(error.to_string()))
    }

    fn kept(&self, body: Bytes) -> Bytes {
        webhook::kept(&body).unwrap_or(body)
    }

    fn concerns(&self, event: &str, action: Option<&str>) -> bool {
        webhook::concerns(event, action.unwrap_or_default())
    }
}
