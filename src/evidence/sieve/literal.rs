//! What a literal of a rule is: bytes that stand in a line as they are, but for [`DIGITS`].
//!
//! The invariant: what a literal says is said the same way to the sieve, which looks for its first
//! part in raw bytes, and to the tests that hold rules against their literals.

use memchr::{memchr, memchr_iter};

/// Stands in a literal for one digit or more: `.py:\0: ` is in `a.py:12: x`.
const DIGITS: u8 = b'\0';

/// The part of a literal before its first digits; stems are made of it.
pub(super) fn head(literal: &'static str) -> &'static str {
    literal.split(char::from(DIGITS)).next().unwrap_or(literal)
}

/// Whether a text begins with a literal.
pub(super) fn begins(text: &[u8], literal: &str) -> bool {
    let literal = literal.as_bytes();
    let Some(digits) = memchr(DIGITS, literal) else { return text.starts_with(literal) };
    let Some(mut rest) = text.strip_prefix(&literal[..digits]) else { return false };
    for part in literal[digits + 1..].split(|byte| *byte == DIGITS) {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        match rest[digits..].strip_prefix(part) {
            Some(after) if digits > 0 => rest = after,
            _ => return false,
        }
    }
    true
}

/// Whether a literal, which does not begin with digits, stands anywhere in a text.
pub(in crate::evidence) fn stands_in(text: &[u8], literal: &str) -> bool {
    let Some(first) = literal.bytes().next() else { return true };
    memchr_iter(first, text).any(|at| begins(&text[at..], literal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_one_or_more() {
        for (text, literal, expected) in [
            ("a.py:12: in x", ".py:\0: in ", true),
            ("a.py:12:3", ".py:\0:\0", true),
            ("a.py:12:", ".py:\0:\0", false),
            ("a.py::x", ".py:\0", false),
            ("a.py:", ".py:", true),
            ("a.py", ".py:", false),
        ] {
            assert_eq!(stands_in(text.as_bytes(), literal), expected, "{literal:?} in {text:?}");
        }
    }
}
