//! Webhook signatures: HMAC-SHA256 over the raw bytes, compared in constant time.
//!
//! Only `X-Hub-Signature-256` counts; the old SHA-1 header is never looked at. Two secrets may be
//! valid at once, so that one can be replaced without losing a delivery.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::ports::inbound::NotAuthentic;

/// Whether one of the secrets signed these bytes.
///
/// # Errors
/// [`NotAuthentic`] when the header is missing, malformed, or of no secret of ours.
pub fn verify(
    body: &[u8],
    header: Option<&str>,
    secrets: &[SecretString],
) -> Result<(), NotAuthentic> {
    let header = header.ok_or(NotAuthentic("the header X-Hub-Signature-256 is missing"))?;
    let hex_digest = header
        .strip_prefix("sha256=")
        .ok_or(NotAuthentic("the signature does not begin with sha256="))?;
    let digest = hex::decode(hex_digest)
        .ok()
        .filter(|digest| digest.len() == 32)
        .ok_or(NotAuthentic("the signature is not 64 hexadecimal digits"))?;
    let mut authentic = false;
    for secret in secrets {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
            .map_err(|_| NotAuthentic("the secret cannot be used as a key"))?;
        mac.update(body);
        // Every secret is tried, so that the time does not tell which one it was.
        authentic |= mac.verify_slice(&digest).is_ok();
    }
    if authentic { Ok(()) } else { Err(NotAuthentic("the signature is not of our secret")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"Hello, World!";
    /// GitHub's own documented example.
    const SIGNED: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn secrets(texts: &[&str]) -> Vec<SecretString> {
        texts.iter().map(|text| SecretString::from(*text)).collect()
    }

    #[track_caller]
    fn check(body: &[u8], header: Option<&str>, known: &[&str], authentic: bool) {
        assert_eq!(verify(body, header, &secrets(known)).is_ok(), authentic);
    }

    #[test]
    fn only_the_secrets_own_signature_over_the_very_bytes_is_authentic() {
        let secret = "It's a Secret to Everybody";
        check(BODY, Some(SIGNED), &[secret], true);
        check(BODY, Some(SIGNED), &["new", secret], true);
        check(b"Hello, World?", Some(SIGNED), &[secret], false);
        check(BODY, Some(SIGNED), &["other"], false);
        check(BODY, Some(SIGNED), &[], false);
        check(BODY, None, &[secret], false);
        check(BODY, Some(&SIGNED.replace("sha256", "sha1")), &[secret], false);
        check(BODY, Some(&SIGNED[..70]), &[secret], false);
        check(BODY, Some("sha256="), &[secret], false);
        check(BODY, Some("sha256=zz"), &[secret], false);
    }
}
