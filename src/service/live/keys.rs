//! Keys of live events: whoever has the link may watch, for as long as it says.
//!
//! A key is a capability, because nobody logs in here: it names an attempt and an end, and is signed
//! with a secret that is derived from the App's private key. All replicas know that, and so does an
//! operator's command line; nothing has to be stored. A key opens one attempt's events for reading
//! and nothing else; who gives the link away gives that away. A new private key ends all links.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use crate::domain::ids::{AttemptId, Timestamp};

/// What the derived secret is for, so that it is never one of another use.
const DERIVED_FOR: &[u8] = b"selfheal: secret of keys of live events, version 1";

/// What a signature is of.
const SIGNED_FOR: &str = "selfheal: key of live events, version 1";

/// A key is an end of at most 16 digits, a point and 64 digits; what is longer is not looked at.
const KEY_CHARS_MAX: usize = 16 + 1 + 64;

type Sha = Hmac<Sha256>;

/// Makes keys and knows them again.
#[derive(Clone)]
pub struct Keys(Sha);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

fn mac(secret: &[u8]) -> Sha {
    Sha::new_from_slice(secret).expect("invariant: HMAC takes a secret of any length")
}

impl Keys {
    /// Keys by a secret that others of the same instance know.
    pub fn of(secret: &SecretString) -> Self {
        let mut derived = mac(secret.expose_secret().trim().as_bytes());
        derived.update(DERIVED_FOR);
        Self(mac(&derived.finalize().into_bytes()))
    }

    fn signed(&self, attempt: AttemptId, until: i64) -> Sha {
        let mut mac = self.0.clone();
        mac.update(format!("{SIGNED_FOR}\n{attempt}\n{until}").as_bytes());
        mac
    }

    /// The key of an attempt that opens until then, to the second.
    pub fn key(&self, attempt: AttemptId, until: Timestamp) -> String {
        let until = until.millis().div_euclid(1000);
        let signature = self.signed(attempt, until).finalize().into_bytes();
        format!("{until}.{}", hex::encode(signature))
    }

    /// Whether a text is a key of that attempt, and its end has not come.
    pub fn opens(&self, attempt: AttemptId, key: &str, now: Timestamp) -> bool {
        let Some((until, signature)) =
            Some(key).filter(|key| key.len() <= KEY_CHARS_MAX).and_then(|key| key.split_once('.'))
        else {
            return false;
        };
        if !until.bytes().all(|digit| digit.is_ascii_digit()) {
            return false;
        }
        let (Ok(until), Ok(signature)) = (until.parse::<i64>(), hex::decode(signature)) else {
            return false;
        };
        // The comparison takes the same time wherever a signature differs.
        let is_ours = self.signed(attempt, until).verify_slice(&signature).is_ok();
        is_ours && now.millis().div_euclid(1000) < until
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn keys(secret: &str) -> Keys {
        Keys::of(&SecretString::from(secret.to_owned()))
    }

    fn attempt(number: u128) -> AttemptId {
        AttemptId::new(Uuid::from_u128(number))
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn a_key_opens_its_attempt_until_its_end() {
        let key = keys("secret").key(attempt(1), at(10_000));
        for (now, expected) in [(0, true), (9_999, true), (10_000, false), (99_999, false)] {
            assert_eq!(keys("secret").opens(attempt(1), &key, at(now)), expected, "{now}");
        }
        assert!(keys("secret\n").opens(attempt(1), &key, at(0)), "as an editor saves it");
    }

    #[test]
    fn nothing_else_opens() {
        let key = keys("secret").key(attempt(1), at(10_000));
        let (until, signature) = key.split_once('.').unwrap();
        for wrong in [
            String::new(),
            ".".to_owned(),
            until.to_owned(),
            format!("{until}."),
            format!("99.{signature}"),
            format!("+{key}"),
            format!("{until}.{}", &signature[2..]),
            format!("{until}.{}", "0".repeat(64)),
            format!("{key}00"),
            "9".repeat(100_000),
        ] {
            assert!(!keys("secret").opens(attempt(1), &wrong, at(0)), "{wrong:.99}");
        }
        assert!(!keys("secret").opens(attempt(2), &key, at(0)), "another attempt");
        assert!(!keys("other").opens(attempt(1), &key, at(0)), "another instance");
    }
}
