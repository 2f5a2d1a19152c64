//! Keys, secrets and tokens: made at start, never committed, worthless outside this process.

use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;

/// The App's key: the private half as GitHub hands it out, the public half to check JWTs.
pub(crate) struct AppKey {
    pub(crate) pem: String,
    pub(crate) public: DecodingKey,
}

/// The App's key. All worlds of a process share one, because making one takes long.
pub(crate) fn app_key() -> &'static AppKey {
    static KEY: OnceLock<AppKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("invariant: RSA keys can be made");
        let der = pair.as_der().expect("invariant: a made key can be written");
        AppKey {
            pem: pem("PRIVATE KEY", der.as_ref()),
            public: DecodingKey::from_rsa_der(pair.public_key().as_ref()),
        }
    })
}

/// The key that OIDC tokens are signed with, and its public half as a JSON web key.
pub(crate) struct IssuerKey {
    pub(crate) signing: jsonwebtoken::EncodingKey,
    pub(crate) public: serde_json::Value,
}

/// The key of the issuer of OIDC tokens, shared as the App's is.
pub(crate) fn issuer_key() -> &'static IssuerKey {
    static KEY: OnceLock<IssuerKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("invariant: RSA keys can be made");
        let der = pair.as_der().expect("invariant: a made key can be written");
        let public = pair.public_key();
        let word = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        IssuerKey {
            signing: jsonwebtoken::EncodingKey::from_rsa_pem(
                pem("PRIVATE KEY", der.as_ref()).as_bytes(),
            )
            .expect("invariant: a made key can be read"),
            public: serde_json::json!({
                "kty": "RSA",
                "kid": ISSUER_KEY_ID,
                "use": "sig",
                "alg": "RS256",
                "n": word(public.modulus().big_endian_without_leading_zero()),
                "e": word(public.exponent().big_endian_without_leading_zero()),
            }),
        }
    })
}

/// What the issuer's one key is called.
pub(crate) const ISSUER_KEY_ID: &str = "one";

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut lines = vec![format!("-----BEGIN {label}-----")];
    lines.extend(text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()));
    lines.push(format!("-----END {label}-----\n"));
    lines.join("\n")
}

/// Forty random hexadecimal digits.
pub(crate) fn random_hex() -> String {
    hex::encode(rand::random::<[u8; 20]>())
}

/// An installation token. Its length varies, as GitHub's stateless tokens do.
pub(crate) fn installation_token() -> String {
    let length = 20 + usize::from(rand::random::<u8>() % 64);
    let random: [u8; 84] = rand::random();
    format!("ghs_{}", hex::encode(&random[..length]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_that_the_app_gets_is_the_one_that_its_jwts_are_checked_with() {
        let key = app_key();
        let signing = jsonwebtoken::EncodingKey::from_rsa_pem(key.pem.as_bytes()).unwrap();
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
        let claims = serde_json::json!({"iss": "1", "exp": 1});
        let jwt = jsonwebtoken::encode(&header, &claims, &signing).unwrap();
        let mut checks = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
        checks.validate_exp = false;
        assert!(jsonwebtoken::decode::<serde_json::Value>(&jwt, &key.public, &checks).is_ok());
    }
}
