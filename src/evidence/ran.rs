//! Which tests ran: what test runners say of themselves in what they print and in their reports.
//!
//! Not what failed, which is a [`Reading`](super::Reading): here a test that passed counts as much as
//! one that failed, because the question is whether it ran at all. Where a runner names every test
//! there are names, where it prints counts there are counts; a runner that says neither is not
//! there. The invariant: any bytes are read in linear time, and no more than [`NAMES_MAX`] names are
//! kept of one runner; past that only its counts are known.

mod compare;
mod go;
mod javascript;
mod python;
mod rust;
mod suites;
mod sums;
mod written;

use std::collections::BTreeMap;

use bumpalo::Bump;

use super::decode::decoded;
use super::text::{clean, floor};
use suites::Suite;

pub use compare::changes;

/// How many names of one test runner are kept: the largest suites we know of have fewer.
const NAMES_MAX: usize = 100_000;

/// How much of one name is kept; names of parametrised tests are long.
const NAME_BYTES_MAX: usize = 512;

/// Names that test runners make up for files and classes whose tests could not be loaded: they are no
/// tests, and are gone when the tests are there.
const STAND_INS: [&str; 5] = [
    "_FailedTest",
    "initializationError",
    "Test suite failed to run",
    "collection failure",
    "classMethod",
];

/// How much scratch space is used before it is cleared.
const SPACE_BYTES: usize = 1024 * 1024;

/// What became of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// It is known and did not run, or it may fail.
    Skipped,
    /// It ran.
    Ran,
}

/// What test runners said, by their names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TestsRan(BTreeMap<&'static str, Suite>);

impl TestsRan {
    /// What a command printed.
    pub fn in_output(output: &[u8]) -> Self {
        let mut ran = Self::default();
        let mut readers = Readers::default();
        let mut space = Bump::new();
        for line in decoded(output).split(|byte| *byte == b'\n') {
            if space.allocated_bytes() > SPACE_BYTES {
                space.reset();
            }
            readers.line(clean(line, &space).text, &mut ran);
        }
        readers.end(&mut ran);
        ran
    }

    /// Adds a report that a command left behind; one that is none of tests adds nothing.
    pub fn add_report(&mut self, report: &[u8]) {
        written::read(report, self);
    }

    /// Whether no test runner said anything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A test by its name.
    fn name(&mut self, tool: &'static str, name: &str, fate: Fate) {
        if STAND_INS.iter().any(|stand_in| name.contains(stand_in)) {
            return;
        }
        self.suite(tool).name(floor(name.trim(), NAME_BYTES_MAX), fate);
    }

    /// A test by its name, whose fate may be told more than once.
    fn name_once(&mut self, tool: &'static str, name: &str, fate: Fate) {
        self.suite(tool).name_once(floor(name.trim(), NAME_BYTES_MAX), fate);
    }

    /// Numbers of tests that ran and that were skipped.
    fn count(&mut self, tool: &'static str, ran: u32, skipped: u32) {
        self.suite(tool).count(ran, skipped);
    }

    fn suite(&mut self, tool: &'static str) -> &mut Suite {
        self.0.entry(tool).or_default()
    }
}

/// One reader a family, each with what it remembers between lines.
#[derive(Debug, Default)]
struct Readers {
    rust: rust::Reader,
    python: python::Reader,
    javascript: javascript::Reader,
    go: go::Reader,
    sums: sums::Reader,
}

impl Readers {
    fn line(&mut self, line: &str, ran: &mut TestsRan) {
        self.rust.line(line, ran);
        self.python.line(line, ran);
        self.javascript.line(line, ran);
        self.go.line(line, ran);
        self.sums.line(line, ran);
    }

    fn end(&mut self, ran: &mut TestsRan) {
        self.go.end(ran);
    }
}

/// The number before a word, as in `3 passed`; its plural counts as well.
fn number_of(part: &str, words: &[&str]) -> Option<u32> {
    let (number, word) = part.trim().split_once(' ')?;
    let word = word.trim();
    words.contains(&word).then(|| number.parse().ok()).flatten()
}

/// A list like `3 passed, 1 failed`: each number with its word; `None` when a part is none.
fn listed<'l>(list: &'l str, separator: &str) -> Option<Vec<(u32, &'l str)>> {
    let one = |part: &'l str| {
        let (number, word) = part.trim().split_once(' ')?;
        Some((number.parse().ok()?, word.trim()))
    };
    list.split(separator).filter(|part| !part.trim().is_empty()).map(one).collect()
}

/// The sum of the numbers in a list whose words are these.
fn sum(list: &[(u32, &str)], words: &[&str]) -> u32 {
    let numbers = list.iter().filter(|(_, word)| words.contains(word)).map(|(number, _)| *number);
    numbers.fold(0, u32::saturating_add)
}

#[cfg(test)]
mod tests;
