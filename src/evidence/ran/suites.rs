//! What one test runner said: names, counts, or both.
//!
//! The names are complete when they are as many as the runner counted. A runner that prints no sum
//! names every test, or its reader would not name any.

use std::collections::{BTreeMap, HashSet};

use sha2::{Digest as _, Sha256};

use super::{Fate, NAMES_MAX};
use crate::domain::proof::TestCount;

/// What one test runner said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Suite {
    /// Tests by the shape of their names, because parts of a name may be new in every run.
    named: BTreeMap<String, Vec<(String, Fate)>>,
    names: usize,
    once: HashSet<String>,
    counted: Option<(u32, u32)>,
    is_cut: bool,
}

impl Suite {
    pub(super) fn name(&mut self, name: &str, fate: Fate) {
        if self.names >= NAMES_MAX {
            self.is_cut = true;
            return;
        }
        self.names += 1;
        self.named.entry(shape(name)).or_default().push((name.to_owned(), fate));
    }

    pub(super) fn name_once(&mut self, name: &str, fate: Fate) {
        if self.once.insert(name.to_owned()) {
            self.name(name, fate);
            return;
        }
        let known = self.named.get_mut(&shape(name)).into_iter().flatten();
        if let Some((_, kept)) = known.into_iter().find(|(known, _)| known == name) {
            *kept = (*kept).max(fate);
        }
    }

    pub(super) fn count(&mut self, ran: u32, skipped: u32) {
        let (all_ran, all_skipped) = self.counted.get_or_insert_default();
        *all_ran = all_ran.saturating_add(ran);
        *all_skipped = all_skipped.saturating_add(skipped);
    }

    /// How many ran and how many were skipped, whichever way it said so.
    pub(super) fn numbers(&self) -> (u32, u32) {
        self.counted.unwrap_or_else(|| (self.named_with(Fate::Ran), self.named_with(Fate::Skipped)))
    }

    /// Whether every test that it counted is known by name.
    pub(super) fn is_complete(&self) -> bool {
        let (ran, skipped) = self.counted.unwrap_or_default();
        let counted = usize::try_from(ran.saturating_add(skipped)).unwrap_or(usize::MAX);
        !self.is_cut && self.names >= counted
    }

    /// The tests of every shape.
    pub(super) fn shapes(&self) -> impl Iterator<Item = (&str, &[(String, Fate)])> {
        self.named.iter().map(|(shape, tests)| (shape.as_str(), tests.as_slice()))
    }

    /// The tests of one shape.
    pub(super) fn of_shape(&self, shape: &str) -> &[(String, Fate)] {
        self.named.get(shape).map_or(&[], Vec::as_slice)
    }

    /// For the proof.
    pub(super) fn summary(&self) -> TestCount {
        let (ran, skipped) = self.numbers();
        TestCount { ran, skipped, digest: (self.is_complete() && ran > 0).then(|| self.digest()) }
    }

    fn digest(&self) -> String {
        let mut names: Vec<&str> = self
            .named
            .iter()
            .flat_map(|(shape, tests)| tests.iter().map(move |(_, fate)| (shape, fate)))
            .filter(|(_, fate)| **fate == Fate::Ran)
            .map(|(shape, _)| shape.as_str())
            .collect();
        names.sort_unstable();
        hex::encode(Sha256::digest(names.join("\n").as_bytes()))
    }

    fn named_with(&self, wanted: Fate) -> u32 {
        let all = self.named.values().flatten();
        u32::try_from(all.filter(|(_, fate)| *fate == wanted).count()).unwrap_or(u32::MAX)
    }
}

/// How long a run of hexadecimal digits has to be to be no part of a name but an id, an address or a
/// time that is new in every run.
const VOLATILE_CHARS_MIN: usize = 8;

/// A name without what is new in every run: long numbers and ids, and the lines at which doc tests
/// stand.
fn shape(name: &str) -> String {
    let mut shape = String::with_capacity(name.len());
    let mut word = String::new();
    for c in name.chars().chain(std::iter::once('\n')) {
        if c.is_ascii_alphanumeric() {
            word.push(c);
            continue;
        }
        let hex = word.strip_prefix("0x").unwrap_or(&word);
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_volatile = hex.len() >= VOLATILE_CHARS_MIN
            && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
            && hex.bytes().any(|byte| byte.is_ascii_digit());
        let is_line = !word.is_empty() && is_number(&word) && shape.ends_with("(line ");
        shape.push_str(if is_volatile || is_line { "#" } else { &word });
        word.clear();
        if c != '\n' {
            shape.push(c);
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::shape;

    #[track_caller]
    fn alike(one: &str, other: &str, expected: bool) {
        assert_eq!(shape(one) == shape(other), expected, "{one} and {other}");
    }

    #[test]
    fn names_are_alike_but_for_what_is_new_in_every_run() {
        alike("at 0x7f3a12bc9d10", "at 0x7ffe12bc9d11", true);
        alike("id 3f2504e0-4f89", "id 3f2504e1-4f89", true);
        alike("src/lib.rs - add (line 3)", "src/lib.rs - add (line 12)", true);
        alike("test_1", "test_2", false);
        alike("adds[1-2]", "adds[1-3]", false);
        alike("deadbeef", "feedface", false);
        alike("year 2024", "year 2025", false);
    }
}
