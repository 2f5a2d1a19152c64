//! Receipts of attempts, signed with the App's key.

use anyhow::Context as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::ExposeSecret as _;
use serde::Serialize;

use super::database;
use crate::config::server::ServerSettings;
use crate::domain::ids::AttemptId;
use crate::service::receipts::{self, Receipt};

/// The type that a signature's header names, so that it is taken for nothing else.
const TYPE: &str = "selfheal-receipt";

/// A receipt and its signature.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Signed {
    /// The receipt.
    pub receipt: Receipt,
    /// The same, signed: a compact JSON Web Signature (RS256, RFC 7515) whose payload is the receipt;
    /// none where the App's key is not set.
    pub signature: Option<String>,
}

/// The receipt of an attempt, if there is such an attempt.
///
/// # Errors
/// When the store cannot be read, or the App's key is none.
pub async fn signed(
    settings: &ServerSettings,
    attempt: AttemptId,
) -> anyhow::Result<Option<Signed>> {
    let store = database::opened(settings).await?;
    let Some(receipt) = receipts::receipt(store.as_ref(), store.as_ref(), attempt).await? else {
        return Ok(None);
    };
    let signature = match &settings.app {
        Some(app) => Some(sign(&receipt, app.private_key.expose_secret())?),
        None => None,
    };
    Ok(Some(Signed { receipt, signature }))
}

fn sign(receipt: &Receipt, pem: &str) -> anyhow::Result<String> {
    // An App's own tokens are RS256 as well; the type tells them apart.
    let header = Header { typ: Some(TYPE.to_owned()), ..Header::new(Algorithm::RS256) };
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).context("the App's key cannot be used")?;
    jsonwebtoken::encode(&header, receipt, &key).context("the receipt cannot be signed")
}
