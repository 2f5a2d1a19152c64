//! The lines of the same job when it was last green: what stands there too failed nothing.
//!
//! A tool that complained before and was tolerated complains again; what is new since then is more
//! likely the cause. Lines are told apart by their words, not by their numbers, which are times,
//! counts and addresses. The invariant: at most [`LINES_MAX`] lines are known, in bounded memory.

use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hasher as _};

use bumpalo::Bump;

use super::decode::decoded;
use super::text::clean;

/// How many lines are known: far more than a log of the size that is fetched has.
const LINES_MAX: usize = 1_000_000;

/// How much scratch space is used before it is cleared.
const SPACE_BYTES: usize = 1024 * 1024;

/// The known lines; shows their number, for they are a stranger's.
#[derive(Default)]
pub(super) struct Green(HashSet<u64>);

impl fmt::Debug for Green {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Green").field(&self.0.len()).finish()
    }
}

impl Green {
    /// The lines of a log.
    pub(super) fn of(log: &[u8]) -> Self {
        let mut known = HashSet::new();
        let mut space = Bump::new();
        for line in decoded(log).split(|byte| *byte == b'\n').take(LINES_MAX) {
            if space.allocated_bytes() > SPACE_BYTES {
                space.reset();
            }
            known.insert(shape(clean(line, &space).text));
        }
        Self(known)
    }

    /// Whether a clean line stood there, whatever its numbers.
    pub(super) fn knows(&self, line: &str) -> bool {
        !self.0.is_empty() && self.0.contains(&shape(line))
    }
}

/// A line without its numbers, as a number.
fn shape(line: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut in_number = false;
    for byte in line.trim().bytes() {
        let is_digit = byte.is_ascii_digit();
        if !is_digit || !in_number {
            hasher.write_u8(if is_digit { b'0' } else { byte });
        }
        in_number = is_digit;
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Hints, read};

    #[test]
    fn a_line_is_known_whatever_its_numbers_and_colours() {
        let green =
            Green::of(b"2026-08-07T06:03:50.1Z \x1b[31mwarning: 12 tests\x1b[0m took 3 s\n");
        assert!(green.knows("warning: 7 tests took 12 s"));
        assert!(!green.knows("warning: 7 tests took long"));
        assert!(!Green::default().knows(""));
    }

    #[track_caller]
    fn first_with_green(log: &str, green: &str, expected: &str) {
        let hints = Hints { green: Some(green.as_bytes()), exit_code: Some(1), ..Hints::default() };
        let reading = read(log.as_bytes(), &hints);
        assert_eq!(reading.failures[0].message.lines().next(), Some(expected), "{reading:?}");
    }

    #[test]
    fn what_the_green_log_says_too_is_not_the_cause() {
        let old = "curl: (6) Could not resolve host: mirror-1\n";
        let new = "curl: (7) Failed to connect to db port 5432";
        first_with_green(&format!("{old}{new}\n"), old, new);
        let odd = "checking 3 names: could not match one";
        first_with_green(
            &format!("could not read 5 hints\n{odd}\n"),
            "could not read 7 hints",
            odd,
        );
        // Where nothing is new, what is there is still said.
        first_with_green(old, old, old.trim());
    }
}
