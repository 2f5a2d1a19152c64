//! What documents say about tests and coverage, in a form of their own, as with runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::ids::RepoPath;
use crate::domain::proof::{CoverageChange, Covered, TestChange, TestCount, Tests};

/// How many tests ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestCountNote {
    /// Tests that ran.
    pub ran: u32,
    /// Tests that were skipped, or may fail.
    pub skipped: u32,
    /// The SHA-256 of the sorted names of those that ran, where all are named.
    pub digest: Option<String>,
}

/// Some tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestsNote {
    /// How many.
    pub count: u32,
    /// The first of their names; hostile text.
    pub names: Vec<String>,
}

/// What one test runner said without the change, and with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestChangeNote {
    /// The command.
    pub command: String,
    /// The test runner, or the form of its report.
    pub tool: String,
    /// Without the change.
    pub before: TestCountNote,
    /// With the change.
    pub after: TestCountNote,
    /// Tests that are gone.
    pub vanished: TestsNote,
    /// Tests that no longer run.
    pub skipped: TestsNote,
}

/// How the coverage of a file changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CoverageNote {
    /// The file.
    pub file: String,
    /// Lines that counted and lines that ran, without the change.
    pub before: (u32, u32),
    /// The same with the change; none when the file is no longer measured.
    pub after: Option<(u32, u32)>,
}

impl From<&TestChange> for TestChangeNote {
    fn from(change: &TestChange) -> Self {
        let count = |count: &TestCount| TestCountNote {
            ran: count.ran,
            skipped: count.skipped,
            digest: count.digest.clone(),
        };
        let tests = |tests: &Tests| TestsNote { count: tests.count, names: tests.names.clone() };
        Self {
            command: change.command.clone(),
            tool: change.tool.clone(),
            before: count(&change.before),
            after: count(&change.after),
            vanished: tests(&change.vanished),
            skipped: tests(&change.skipped),
        }
    }
}

impl From<&TestChangeNote> for TestChange {
    fn from(note: &TestChangeNote) -> Self {
        let count = |note: &TestCountNote| TestCount {
            ran: note.ran,
            skipped: note.skipped,
            digest: note.digest.clone(),
        };
        let tests = |note: &TestsNote| Tests { count: note.count, names: note.names.clone() };
        Self {
            command: note.command.clone(),
            tool: note.tool.clone(),
            before: count(&note.before),
            after: count(&note.after),
            vanished: tests(&note.vanished),
            skipped: tests(&note.skipped),
        }
    }
}

impl From<&CoverageChange> for CoverageNote {
    fn from(change: &CoverageChange) -> Self {
        let pair = |covered: Covered| (covered.lines, covered.hit);
        Self {
            file: change.file.to_string(),
            before: pair(change.before),
            after: change.after.map(pair),
        }
    }
}

impl CoverageNote {
    /// The change that it notes; none when it names no path of a repository.
    pub fn change(&self) -> Option<CoverageChange> {
        let covered = |(lines, hit)| Covered { lines, hit };
        let file = RepoPath::parse(&self.file).ok()?;
        let (before, after) = (covered(self.before), self.after.map(covered));
        Some(CoverageChange { file, before, after })
    }
}
