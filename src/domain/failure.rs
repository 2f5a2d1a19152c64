//! Failures: what a failed run says, one fault each, in a form that decisions can use.
//!
//! Everything in here was written by strangers: a log is hostile text. A [`Failure`] never decides
//! anything by its message; the decisions look at kinds, places and fingerprints.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ids::RepoPath;

/// What stands for a tool in a failure of kind [`FailureKind::Config`] that says that a credential is
/// missing.
pub const CREDENTIALS: &str = "credentials";

/// What sort of fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The compiler refused the code.
    CompileError,
    /// A type checker refused the code.
    TypeError,
    /// A linter's finding that is an error in this run.
    Lint,
    /// The code is not formatted as the formatter wants it.
    Format,
    /// A test ran and failed.
    TestFailure,
    /// A dependency could not be resolved, or a lock file is out of step.
    Dependency,
    /// The machine, the network or a service failed, not the code.
    Infrastructure,
    /// Something ran longer than it may.
    Timeout,
    /// Memory ran out.
    Oom,
    /// CI itself or a tool is configured wrongly.
    Config,
    /// Read, but not understood.
    Unknown,
}

impl FailureKind {
    /// Every kind, in the order of the design.
    pub const ALL: [Self; 11] = [
        Self::CompileError,
        Self::TypeError,
        Self::Lint,
        Self::Format,
        Self::TestFailure,
        Self::Dependency,
        Self::Infrastructure,
        Self::Timeout,
        Self::Oom,
        Self::Config,
        Self::Unknown,
    ];

    /// The name in JSON, tables and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CompileError => "compile_error",
            Self::TypeError => "type_error",
            Self::Lint => "lint",
            Self::Format => "format",
            Self::TestFailure => "test_failure",
            Self::Dependency => "dependency",
            Self::Infrastructure => "infrastructure",
            Self::Timeout => "timeout",
            Self::Oom => "oom",
            Self::Config => "config",
            Self::Unknown => "unknown",
        }
    }

    /// Whether machines, their limits or services failed, and not the code.
    pub const fn is_of_machines(self) -> bool {
        match self {
            Self::Infrastructure | Self::Timeout | Self::Oom => true,
            Self::CompileError
            | Self::TypeError
            | Self::Lint
            | Self::Format
            | Self::TestFailure
            | Self::Dependency
            | Self::Config
            | Self::Unknown => false,
        }
    }

    /// Reads a name; `None` for one that is not ours.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How bad the tool itself called it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It failed the run.
    Error,
    /// The tool only warned.
    Warning,
    /// The tool only informed.
    Note,
}

impl Severity {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Where in the log a failure was read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// The CI step that printed it, when known.
    pub step: Option<String>,
    /// First line of the log that belongs to it, counted from 1.
    pub first_line: u32,
    /// Last line of the log that belongs to it, counted from 1.
    pub last_line: u32,
    /// Jobs that it was seen in, `workflow / job`; empty outside CI.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<String>,
}

/// One fault, as read from a failed run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What sort of fault it is.
    pub kind: FailureKind,
    /// The tool that reported it: `rustc`, `tsc`, `pytest`, ….
    pub tool: Option<String>,
    /// The task or target within the build: `packages/core:build`.
    pub task: Option<String>,
    /// The file at fault, relative to the repository.
    pub file: Option<RepoPath>,
    /// First line, counted from 1.
    pub line: Option<u32>,
    /// Column, counted from 1.
    pub column: Option<u32>,
    /// Last line, when the fault spans several.
    pub end_line: Option<u32>,
    /// The tool's own code: `E0308`, `TS2339`, `no-unused-vars`.
    pub code: Option<String>,
    /// The test's full name.
    pub test: Option<String>,
    /// What the tool said; at most [`MESSAGE_BYTES_MAX`] bytes.
    pub message: String,
    /// What the tool suggests to do.
    pub suggestion: Option<String>,
    /// How bad the tool called it.
    pub severity: Severity,
    /// Where in the log it stands.
    pub source: Source,
}

/// The longest message kept: annotations hold 64 KB, prompts far less.
pub const MESSAGE_BYTES_MAX: usize = 4096;

/// How many failures of one run are kept; past that a person reads the log anyway.
pub const FAILURES_MAX: usize = 500;

impl Failure {
    /// A failure of that kind and message, with nothing else known.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            tool: None,
            task: None,
            file: None,
            line: None,
            column: None,
            end_line: None,
            code: None,
            test: None,
            message: message.into(),
            suggestion: None,
            severity: Severity::Error,
            source: Source::default(),
        }
    }

    /// A run of that workflow that failed before any job began: CI refused its file, or one that it
    /// uses.
    pub fn of_run_without_jobs(workflow: &str) -> Self {
        let message = format!(
            "{workflow}: the run failed before any job began; its workflow file, or one that it \
             uses, is not valid"
        );
        let mut failure = Self::new(FailureKind::Config, message);
        failure.source.jobs = vec![workflow.to_owned()];
        failure
    }

    /// What it is to be treated as: a test that ran into its runner's own limit is a test that failed,
    /// because no machine was at its end.
    pub const fn counts_as(&self) -> FailureKind {
        match (self.kind, &self.test) {
            (FailureKind::Timeout, Some(_)) => FailureKind::TestFailure,
            (kind, _) => kind,
        }
    }

    /// What makes two failures the same fault, whatever run, machine or line they were seen on.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(self.digest_in(self.file.as_ref().map_or("", RepoPath::as_str)))
    }

    /// The same without the file: what makes two faults of one sort, wherever they are.
    pub fn shape(&self) -> Shape {
        Shape(self.digest_in(ANYWHERE))
    }

    fn digest_in(&self, file: &str) -> String {
        let mut hash = Sha256::new();
        let parts = [
            self.kind.as_str(),
            self.tool.as_deref().unwrap_or(""),
            file,
            self.code.as_deref().unwrap_or(""),
            self.test.as_deref().unwrap_or(""),
        ];
        for part in parts {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.update(shape_of(&self.message).as_bytes());
        hex::encode(&hash.finalize()[..FINGERPRINT_BYTES])
    }
}

/// Stands for any file in a shape; no file's name is like it.
const ANYWHERE: &str = "\n";

/// 96 bits: far beyond accidental collision in one repository, short enough to read aloud.
const FINGERPRINT_BYTES: usize = 12;

/// A stable name of a fault: the same across runs, machines and line shifts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Reads back what was stored.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text form: 24 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A stable name of a sort of fault: the same in whatever file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shape(String);

impl Shape {
    /// The text form: 24 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The message's first line without what changes from run to run.
///
/// Digits, long hexadecimal words and absolute paths become one placeholder each; quoted names stay,
/// because they tell faults apart.
fn shape_of(message: &str) -> String {
    let first = message.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    let mut shape = String::with_capacity(first.len());
    for word in first.split_whitespace() {
        if !shape.is_empty() {
            shape.push(' ');
        }
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '/');
        if bare.starts_with('/') && bare.matches('/').count() > 1 {
            shape.push_str(bare.rsplit('/').next().unwrap_or("/"));
        } else if is_volatile_hex(bare) {
            shape.push('#');
        } else {
            push_without_digits(&mut shape, word);
        }
    }
    shape
}

/// Whether a word is an address, a hash or an id rather than a name.
fn is_volatile_hex(word: &str) -> bool {
    let digits = word.strip_prefix("0x").unwrap_or(word);
    digits.len() >= 7
        && digits.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
        && digits.bytes().any(|b| b.is_ascii_digit())
}

fn push_without_digits(shape: &mut String, word: &str) {
    let mut in_number = false;
    for c in word.chars() {
        if c.is_ascii_digit() {
            if !in_number {
                shape.push('#');
            }
            in_number = true;
        } else {
            shape.push(c);
            in_number = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(message: &str) -> Failure {
        Failure::new(FailureKind::TestFailure, message)
    }

    #[track_caller]
    fn same(a: &str, b: &str) {
        assert_eq!(fault(a).fingerprint(), fault(b).fingerprint(), "{a:?} {b:?}");
    }

    #[track_caller]
    fn differ(a: &str, b: &str) {
        assert_ne!(fault(a).fingerprint(), fault(b).fingerprint(), "{a:?} {b:?}");
    }

    #[test]
    fn a_fingerprint_ignores_what_changes_from_run_to_run() {
        same("took 12 ms", "took 3541 ms");
        same("at 0x7ffe12ab90", "at 0x55d0c8a1b2");
        same("cannot open /home/a/x/data.txt", "cannot open /tmp/b/data.txt");
        same("job 0193a1b2-c3d4-7e5f", "job 88f3a1b2-c3d4-1111");
        same("first line\nsecond", "first line\nother");
    }

    #[test]
    fn different_faults_have_different_fingerprints() {
        differ("cannot find value `a`", "cannot find value `b`");
        differ("mismatched types", "unused variable");
        let mut other = fault("x");
        other.kind = FailureKind::Lint;
        assert_ne!(fault("x").fingerprint(), other.fingerprint());
        let mut placed = fault("x");
        placed.line = Some(4);
        assert_eq!(fault("x").fingerprint(), placed.fingerprint());
    }

    #[test]
    fn a_shape_is_the_same_in_every_file_and_nothing_else() {
        let mut here = fault("cannot find value `a`");
        here.file = RepoPath::parse("src/a.rs").ok();
        let mut there = here.clone();
        there.file = RepoPath::parse("src/b.rs").ok();
        assert_eq!(here.shape(), there.shape());
        assert_ne!(here.fingerprint(), there.fingerprint());
        there.code = Some("E0425".into());
        assert_ne!(here.shape(), there.shape());
        assert_ne!(here.shape(), fault("cannot find value `b`").shape());
    }

    #[test]
    fn every_kind_reads_back_its_name() {
        for kind in FailureKind::ALL {
            assert_eq!(FailureKind::parse(kind.as_str()), Some(kind));
        }
    }
}
