//! Evidence: what a failed run says, read from its log. Bytes in, failures out.
//!
//! Pure: no I/O, no clock, never an error, never a panic, always bounded, because everything in a
//! log was written by strangers. The road of a log: [`text`] makes clean lines of any bytes,
//! [`frame`] tells steps, echoes and verdicts apart, [`scan`] lets the rules of the [`tools`] look
//! at the lines that may say something, [`judgement`] keeps causes, drops consequences and folds
//! repeats, [`paths`] makes places relative to the repository, [`mod@redact`] takes secrets out of
//! every output.
//!
//! Where a tool wrote a structured report, [`reports`] reads that instead: it says more, and says it
//! without guessing. [`matchers`] are a repository's own rules for its logs. Both end in the same
//! last step, [`finish`].
//!
//! It reads; it never decides: what to do about a failure is the domain's business. To teach it a
//! tool, add one file under `tools/` with its rules and cases and name it in the registry.

use crate::domain::failure::Failure;

mod commands;
pub mod coverage;
mod decode;
mod differing;
mod docs;
mod draft;
mod excerpt;
mod finish;
mod frame;
mod green;
mod json;
mod judgement;
mod lines;
mod located;
mod matchers;
mod pass;
mod paths;
mod peel;
pub mod places;
pub mod ran;
mod redact;
mod reports;
mod rule;
mod scan;
mod severity;
mod shelf;
mod sieve;
mod stream;
mod text;
mod tools;
mod unknown;
mod unset;

pub use docs::docs;
pub use excerpt::{Piece, joined};
pub use json::{SCHEMA_VERSION, failures_json, failures_schema};
pub use matchers::{Matcher, MatcherError};
pub use redact::{harmless, redact};
pub use reports::{ReportFormat, may_be_report, read_report};
pub use stream::{BUFFER_BYTES_MAX, LogStream};

use redact::Redactor;

/// What the caller knows about a log besides its bytes.
#[derive(Debug, Clone, Default)]
pub struct Hints<'a> {
    /// Names of the steps that failed, as the CI system gives them; empty when not known.
    pub failed_steps: Vec<String>,
    /// Directories that stand for the repository's root, to be taken off paths.
    pub workspace_roots: Vec<String>,
    /// Values that must not appear in any output, in no encoding.
    pub known_secrets: &'a [&'a str],
    /// The exit code of the command that wrote the log, when it is known.
    pub exit_code: Option<i32>,
    /// The repository's own rules for its own tools.
    pub matchers: &'a [Matcher],
    /// The log of the same job when it was last green, where it is at hand: lines that are new since
    /// then weigh more.
    pub green: Option<&'a [u8]>,
}

/// What was read from one job's log.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The faults, what to fix first at the front; at most
    /// [`FAILURES_MAX`](crate::domain::failure::FAILURES_MAX).
    pub failures: Vec<Failure>,
    /// What a reader should know about how the log was read.
    pub notes: Vec<String>,
    /// Commands that CI ran and that failed, as the log echoes them; hostile text.
    pub commands: Vec<String>,
    /// Checks that CI ran in the jobs that failed and that were green; hostile text.
    pub green_commands: Vec<String>,
    /// How much was read.
    pub stats: Stats,
    /// What it was read from: a log, or a report of some format.
    pub format: ReportFormat,
    redactor: Redactor,
    shelf: shelf::Shelf,
    /// The first and the last kept line of the ends of failed steps, counted from 0.
    ends: Vec<(usize, usize)>,
}

/// How much was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Bytes of the raw log.
    pub bytes: usize,
    /// Lines of the raw log.
    pub lines: usize,
}

/// Reads the log of one job, or of several jobs one after the other.
///
/// A log that says that it passed has no failures. One that failed and is not understood has one of
/// kind `unknown` with the lines that most likely say why.
pub fn read(log: &[u8], hints: &Hints<'_>) -> Reading {
    pass::read_whole(log, hints)
}

/// The patterns of all rules, for those who compare; over bytes, without Unicode classes.
pub fn patterns() -> impl Iterator<Item = &'static str> {
    tools::TOOLS.iter().flat_map(|tool| tool.rules).map(|rule| rule.pattern)
}

/// A text without terminal sequences, of as many lines.
pub fn plain(text: &str) -> String {
    text::plain(text)
}

impl Reading {
    /// The lines that matter, cause first, with their numbers, in at most `bytes_max` bytes.
    ///
    /// Secrets are redacted and characters that could
    /// mislead a reader or a terminal made harmless; what remains is still hostile text.
    pub fn excerpt(&self, bytes_max: usize) -> String {
        joined(&self.pieces(bytes_max))
    }

    /// The same, piece by piece with the lines that they are.
    pub fn pieces(&self, bytes_max: usize) -> Vec<Piece> {
        if self.format == ReportFormat::Log {
            excerpt::pieces(self, bytes_max)
        } else {
            reports::pieces(&self.failures, bytes_max)
        }
    }
}

#[cfg(test)]
mod tests;
