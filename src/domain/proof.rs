//! What a proof says besides red and green: which tests ran with the patch and which without it, and
//! how much of the touched files they covered.
//!
//! A runner compares and reports; the gate judges ([`super::gate::behaviour`]). A runner is not
//! trusted, so all of this can only make a verdict stricter: what is left out opens nothing. Lists
//! of tests are long, so a proof has counts, a digest, and the names that matter.

use serde::{Deserialize, Serialize};

use super::ids::RepoPath;

/// The most often that anybody may want the failing command green: with every run in a fresh
/// checkout, more would take longer than an attempt has.
pub const RUNS_MAX: u8 = 10;

/// How often the failing command is run where nothing is known against it.
pub const RUNS_USUAL: u8 = 1;

/// The usual number of runs, for briefs of servers that do not say.
pub(super) const fn runs_usual() -> u8 {
    RUNS_USUAL
}

/// The most names of tests in one list; people read no more, and a document holds all of them.
pub const NAMES_MAX: usize = 10;

/// How much of a test's name is kept.
pub const NAME_BYTES_MAX: usize = 160;

/// The most pairs of a command and a test runner in one proof.
pub const TEST_CHANGES_MAX: usize = 16;

/// How many tests a test runner says that it ran.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TestCount {
    /// Tests that ran, whether they passed or failed.
    pub ran: u32,
    /// Tests that it knows of and did not run, or that may fail.
    pub skipped: u32,
    /// The SHA-256 of the sorted names of those that ran; none where it names not all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// Some tests: how many, and the first of their names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tests {
    /// How many.
    pub count: u32,
    /// The first [`NAMES_MAX`] names; a stranger's text.
    pub names: Vec<String>,
}

/// What one test runner in one command said without the patch, and with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestChange {
    /// The command.
    pub command: String,
    /// The test runner, or the form of its report.
    pub tool: String,
    /// At the head, without the patch.
    pub before: TestCount,
    /// With the patch.
    pub after: TestCount,
    /// Tests that ran without the patch and are not there with it.
    #[serde(default)]
    pub vanished: Tests,
    /// Tests that ran without the patch and are skipped with it.
    #[serde(default)]
    pub skipped: Tests,
}

/// How much of a file tests covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// Lines that count.
    pub lines: u32,
    /// Those of them that were run.
    pub hit: u32,
}

impl Covered {
    /// Whether less is covered than before: a smaller share, and more lines that nothing runs. A patch
    /// that takes covered lines away makes the share smaller and nothing worse.
    pub const fn is_less_than(self, before: Self) -> bool {
        let share_fell =
            (self.hit as u64) * (before.lines as u64) < (before.hit as u64) * (self.lines as u64);
        share_fell && self.missed() > before.missed()
    }

    const fn missed(self) -> u32 {
        self.lines.saturating_sub(self.hit)
    }
}

/// How the coverage of a file that the patch touches changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageChange {
    /// The file.
    pub file: RepoPath,
    /// Without the patch.
    pub before: Covered,
    /// With the patch; none when the report does not know the file any more.
    pub after: Option<Covered>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn falls(before: (u32, u32), after: (u32, u32), expected: bool) {
        let of = |(hit, lines)| Covered { lines, hit };
        assert_eq!(of(after).is_less_than(of(before)), expected, "{before:?} to {after:?}");
    }

    #[test]
    fn coverage_falls_when_more_lines_are_missed_and_not_when_covered_ones_go() {
        falls((9, 10), (9, 11), true);
        falls((9, 10), (0, 10), true);
        falls((9, 10), (7, 8), false);
        falls((9, 10), (10, 11), false);
        falls((0, 0), (0, 5), false);
        falls((5, 5), (5, 6), true);
        falls((u32::MAX, u32::MAX), (u32::MAX - 1, u32::MAX), true);
    }
}
