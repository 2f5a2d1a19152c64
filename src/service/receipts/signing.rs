//! Signatures of receipts: compact JSON Web Signatures (RS256, RFC 7515) by the App's key, whose
//! public half the server shows to everybody as a set of JSON Web Keys (RFC 7517). A signature names
//! its key by the key's thumbprint (RFC 7638), so a receipt that was signed before the App got another
//! key says so. An App's own tokens are RS256 as well; the type in the header tells them apart, so
//! neither is taken for the other.

use std::fmt;

use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
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

/// Why a receipt that somebody has is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CheckError {
    /// It is not what a server prints.
    #[error("this is no signed receipt: {0}")]
    Form(String),
    /// It has none.
    #[error("the receipt is not signed")]
    Unsigned,
    /// Its key is not among those given.
    #[error("it was signed with the key {0}, which is not among those given")]
    OtherKey(String),
    /// The signature is not of this text by this key.
    #[error("the signature is not this key's")]
    Forged,
    /// What stands beside the signature is not what was signed.
    #[error("the receipt is not the one that was signed")]
    Altered,
}

/// A receipt as somebody has it: read again, whatever its version.
#[derive(Debug, Deserialize)]
struct Had {
    receipt: Value,
    signature: Option<String>,
}

/// Checks a receipt, as `selfheal receipt` prints it, with the keys of a server, and gives what was
/// signed.
///
/// # Errors
/// [`CheckError`] when it is not to be believed.
pub fn checked(printed: &str, keys: &JwkSet) -> Result<Value, CheckError> {
    let form = |error: &dyn fmt::Display| CheckError::Form(error.to_string());
    let had: Had = serde_json::from_str(printed).map_err(|error| form(&error))?;
    let signature = had.signature.ok_or(CheckError::Unsigned)?;
    let header = jsonwebtoken::decode_header(&signature).map_err(|error| form(&error))?;
    if header.typ.as_deref() != Some(TYPE) {
        return Err(CheckError::Form(format!("its signature is not of the type {TYPE}")));
    }
    let id = header.kid.ok_or_else(|| CheckError::Form("it does not name its key".to_owned()))?;
    let key = keys.keys.iter().find(|key| thumbprint(key) == id);
    let key = key.ok_or(CheckError::OtherKey(id))?;
    let key = DecodingKey::from_jwk(key).map_err(|error| form(&error))?;
    let mut rules = Validation::new(Algorithm::RS256);
    // A receipt is no token: it does not end.
    rules.validate_exp = false;
    rules.required_spec_claims.clear();
    let signed = jsonwebtoken::decode::<Value>(&signature, &key, &rules);
    let signed = signed.map_err(|_| CheckError::Forged)?.claims;
    if signed == had.receipt { Ok(signed) } else { Err(CheckError::Altered) }
}

fn thumbprint(key: &Jwk) -> String {
    key.thumbprint(ThumbprintHash::SHA256)
}

/// Who signs.
pub struct Signer {
    key: EncodingKey,
    /// Its public half, with its thumbprint as its id.
    public: Jwk,
}

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
        let key = key.map_err(SignError::Key)?;
        let mut public = Jwk::from_encoding_key(&key, Algorithm::RS256).map_err(SignError::Key)?;
        public.common.key_id = Some(thumbprint(&public));
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { key, public })
    }

    /// The public half of the key, for whoever checks what it signed.
    pub fn keys(&self) -> JwkSet {
        JwkSet { keys: vec![self.public.clone()] }
    }

    fn signature(&self, receipt: &Receipt) -> Result<String, SignError> {
        let header = Header {
            typ: Some(TYPE.to_owned()),
            kid: self.public.common.key_id.clone(),
            ..Header::new(Algorithm::RS256)
        };
        jsonwebtoken::encode(&header, receipt, &self.key).map_err(SignError::Signing)
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
