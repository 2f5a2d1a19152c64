//! Webhook signatures: HMAC-SHA256 over the raw bytes, compared in constant time.
//!
//! Only `X-Hub-Signature-256` counts; the old SHA-1 header is never looked at. Two secrets may be
//! valid at once, so that one can be replaced without losing a delivery.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::ports::inbound::NotAuthentic;

/// Bytes of a SHA-256.
const DIGEST_BYTES: usize = 32;

/// The digest in a header's value.
///
/// # Errors
/// [`NotAuthentic`] when there is none.
pub fn digest_in(header: Option<&str>) -> Result<[u8; DIGEST_BYTES], NotAuthentic> {
    let header = header.ok_or(NotAuthentic("the header X-Hub-Signature-256 is missing"))?;
    let digits = header
        .strip_prefix("sha256=")
        .ok_or(NotAuthentic("the signature does not begin with sha256="))?;
    let mut digest = [0; DIGEST_BYTES];
    hex::decode_to_slice(digits, &mut digest)
        .map_err(|_| NotAuthentic("the signature is not 64 hexadecimal digits"))?;
    Ok(digest)
}

/// Whether one of the secrets signed these bytes, which may lie in pieces.
///
/// # Errors
/// [`NotAuthentic`] when the header is missing, malformed, or of no secret of ours.
pub fn verify(
    pieces: &[impl AsRef<[u8]>],
    header: Option<&str>,
    secrets: &[SecretString],
) -> Result<(), NotAuthentic> {
    let digest = digest_in(header)?;
    let mut authentic = false;
    for secret in secrets {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
            .map_err(|_| NotAuthentic("the secret cannot be used as a key"))?;
        for piece in pieces {
            mac.update(piece.as_ref());
        }
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
        let (first, rest) = body.split_at(body.len() / 2);
        for pieces in [&[body][..], &[first, &[], rest]] {
            assert_eq!(verify(pieces, header, &secrets(known)).is_ok(), authentic);
        }
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
