//! Signatures of receipts: compact JSON Web Signatures (RS256, RFC 7515) by the App's key, whose
//! public half everybody can ask the operator for. An App's own tokens are RS256 as well; the type
//! in the header tells them apart, so neither is taken for the other.

use std::fmt;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use thiserror::Error;

use super::Receipt;

/// The type that a signature's header names.
const TYPE: &str = "selfheal-receipt";

/// A receipt and its signature.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Signed {
    /// The receipt.
    pub receipt: Receipt,
    /// The same, signed: a compact JSON Web Signature whose payload is the receipt; none where the
    /// App's key is not set.
    pub signature: Option<String>,
}

/// Why nothing can be signed.
#[derive(Debug, Error)]
pub enum SignError {
    /// The key is no RSA key in PEM.
    #[error("the App's key cannot be used")]
    Key(#[source] jsonwebtoken::errors::Error),
    /// The signature could not be made.
    #[error("the receipt cannot be signed")]
    Signing(#[source] jsonwebtoken::errors::Error),
}

/// Who signs.
pub struct Signer(EncodingKey);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").finish_non_exhaustive()
    }
}

impl Signer {
    /// The owner of that key, in PEM.
    ///
    /// # Errors
    /// [`SignError::Key`] when it is no RSA key.
    pub fn of(pem: &SecretString) -> Result<Self, SignError> {
        let key = EncodingKey::from_rsa_pem(pem.expose_secret().as_bytes());
        key.map(Self).map_err(SignError::Key)
    }

    fn signature(&self, receipt: &Receipt) -> Result<String, SignError> {
        let header = Header { typ: Some(TYPE.to_owned()), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, receipt, &self.0).map_err(SignError::Signing)
    }
}

impl Signed {
    /// The receipt with that one's signature; without one it has none.
    ///
    /// # Errors
    /// [`SignError::Signing`] when the key does not do it.
    pub fn by(signer: Option<&Signer>, receipt: Receipt) -> Result<Self, SignError> {
        let signature = signer.map(|signer| signer.signature(&receipt)).transpose()?;
        Ok(Self { receipt, signature })
    }
}
