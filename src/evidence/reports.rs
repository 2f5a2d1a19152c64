//! Structured reports: what tools write for programs, which says more than any log.
//!
//! A report is recognised by its content, never by its name. Each format has a file under
//! `reports/` that makes drafts of its entries; what is common is here: places, redaction, folding,
//! limits. The invariant is that of a log: no error, no panic, no quadratic work, always bounded. A
//! report that ends early yields what was read of it, and a note.
//!
//! It is not for logs: what is no report that we know is `None`, and the caller reads it as a log.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::draft::{Draft, Weight};
use super::excerpt::{Pieces, SHOWN_FAILURES_MAX};
use super::finish::Finisher;
use super::judgement::fold;
use super::paths::Roots;
use super::redact::Redactor;
use super::shelf::Shelf;
use super::{Hints, Piece, Reading, Stats, decode, severity};
use crate::domain::failure::{FAILURES_MAX, Failure, FailureKind, Severity};

mod annotations;
mod cargo;
mod checkstyle;
mod elements;
pub(super) mod frames;
mod go;
mod json;
mod junit;
mod linters;
mod lsp;
mod nunit;
mod own;
mod sarif;
mod tap;
mod tests_json;
mod trx;
mod xml;

pub(super) use elements::Element;

/// The longest report read: a suite of a hundred thousand tests with their output fits.
const REPORT_BYTES_MAX: usize = 256 << 20;

/// How many entries are kept before folding; the rest is counted.
const DRAFTS_MAX: usize = 20_000;

/// The most lines shown of one failure.
const SHOWN_LINES_MAX: usize = 40;

/// What a reading was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ReportFormat {
    /// No report: the log of a job.
    #[default]
    Log,
    /// The project's own form, as JSON lines, an array, or an object with `failures`.
    Selfheal,
    /// GitHub's workflow commands, or annotations as its API gives them.
    Github,
    /// JUnit XML, in the dialect of any tool.
    Junit,
    /// SARIF 2.1.0.
    Sarif,
    /// What cargo and rustc write with `--message-format=json`, and libtest.
    Cargo,
    /// What `go test -json` and test2json write.
    GoTest,
    /// The Test Anything Protocol, 12 to 14.
    Tap,
    /// Checkstyle's XML, which many linters write.
    Checkstyle,
    /// Visual Studio's test results.
    Trx,
    /// NUnit's own XML, versions 2 and 3.
    Nunit,
    /// Diagnostics as language servers publish them, and pyright's.
    Lsp,
    /// What a linter writes with its JSON reporter.
    Linter,
    /// What a test runner writes with its JSON reporter.
    Tests,
}

impl ReportFormat {
    /// Every format, logs first.
    pub const ALL: [Self; 14] = [
        Self::Log,
        Self::Selfheal,
        Self::Github,
        Self::Junit,
        Self::Sarif,
        Self::Cargo,
        Self::GoTest,
        Self::Tap,
        Self::Checkstyle,
        Self::Trx,
        Self::Nunit,
        Self::Lsp,
        Self::Linter,
        Self::Tests,
    ];

    /// The name in JSON and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Selfheal => "selfheal",
            Self::Github => "github",
            Self::Junit => "junit",
            Self::Sarif => "sarif",
            Self::Cargo => "cargo",
            Self::GoTest => "go_test",
            Self::Tap => "tap",
            Self::Checkstyle => "checkstyle",
            Self::Trx => "trx",
            Self::Nunit => "nunit",
            Self::Lsp => "lsp",
            Self::Linter => "linter",
            Self::Tests => "tests",
        }
    }
}

/// Reads a structured report; `None` when it is none that is known.
///
/// What a tool calls a warning is kept with that severity, behind the errors. A report whose tests
/// all passed is a reading without failures.
pub fn read_report(bytes: &[u8], hints: &Hints<'_>) -> Option<Reading> {
    if bytes.len() > REPORT_BYTES_MAX {
        return None;
    }
    let text = text_of(bytes);
    let mut found = Found { roots: &hints.workspace_roots, ..Found::default() };
    let format = recognise(&text, &mut found)?;
    let redactor = Redactor::of(hints.known_secrets);
    let stats = Stats { bytes: bytes.len(), lines: text.lines().count() };
    let (failures, notes) = finish(found, hints, &redactor);
    let (commands, shelf, ends) = (Vec::new(), Shelf::default(), Vec::new());
    let green_commands = Vec::new();
    Some(Reading {
        failures,
        notes,
        commands,
        green_commands,
        stats,
        format,
        redactor,
        shelf,
        ends,
    })
}

/// What a line of a log says that is an entry of a report: a document that a tool wrote for programs.
/// `above` are the lines above it that may belong to it, in their order.
pub(super) fn entry(line: &str, above: &[&str]) -> Vec<Draft> {
    json::entry(line, above)
}

/// Whether what begins like this may be a report; the rest of a log need not be kept to find out.
pub fn may_be_report(start: &[u8]) -> bool {
    let text = text_of(start);
    let body = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let list = body.strip_prefix('[').map(str::trim_start);
    body.starts_with(['<', '{'])
        || list.is_some_and(|list| list.starts_with(['{', ']', '"']))
        || recognise(&text, &mut Found::default()).is_some()
}

fn recognise(text: &str, found: &mut Found<'_>) -> Option<ReportFormat> {
    let body = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    if body.starts_with('<') {
        return xml::read(text, found);
    }
    json::read(text, found)
        .or_else(|| tap::read(text, found))
        .or_else(|| annotations::read(text, found))
}

/// The text of a report, whatever its encoding.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    match decode::decoded(bytes) {
        Cow::Borrowed(text) => String::from_utf8_lossy(text),
        Cow::Owned(text) => Cow::Owned(String::from_utf8_lossy(&text).into_owned()),
    }
}

/// What a reader found, and what it could not use.
#[derive(Debug, Default)]
struct Found<'h> {
    drafts: Vec<Draft>,
    notes: Vec<&'static str>,
    /// Entries that are no failures of the format.
    skipped: usize,
    /// Drafts past [`DRAFTS_MAX`].
    left_out: usize,
    roots: &'h [String],
}

impl Found<'_> {
    /// Takes an entry, read at a line of the report; 0 when that is not known.
    fn push(&mut self, mut draft: Draft, line: usize) {
        if self.drafts.len() >= DRAFTS_MAX {
            self.left_out += 1;
            return;
        }
        let source = &mut draft.failure.source;
        if source.first_line == 0 {
            source.first_line = u32::try_from(line).unwrap_or(0);
            source.last_line = source.first_line;
        }
        self.drafts.push(draft);
    }

    /// Says once what a reader of the result should know.
    fn note(&mut self, note: &'static str) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// An entry of a report: a tool's own statement.
fn draft(kind: FailureKind, tool: &str) -> Draft {
    let mut draft = Draft::new(kind, "", Weight::Cause);
    draft.failure.tool = Some(tool.to_owned()).filter(|tool| !tool.is_empty());
    draft
}

fn finish(found: Found<'_>, hints: &Hints<'_>, redactor: &Redactor) -> (Vec<Failure>, Vec<String>) {
    let roots = Roots { given: &hints.workspace_roots, learned: &[] };
    let mut finisher = Finisher::new(roots, redactor);
    let mut notes: Vec<String> = found.notes.into_iter().map(str::to_owned).collect();
    if found.skipped > 0 {
        notes.push(format!("{} entries of the report are not failures", found.skipped));
    }
    let mut drafts = found.drafts;
    drafts.sort_by_key(|draft| draft.failure.severity);
    let finished = drafts.into_iter().map(|draft| finisher.finish(draft)).collect();
    let mut failures = fold::fold(finished);
    let left_out = found.left_out + failures.len().saturating_sub(FAILURES_MAX);
    if left_out > 0 {
        notes.push(format!("{left_out} more failures left out"));
        failures.truncate(FAILURES_MAX);
    }
    (failures, notes)
}

/// The excerpt of a report: what its failures say, for a report's own lines say nothing to people.
pub(super) fn pieces(failures: &[Failure], bytes_max: usize) -> Vec<Piece> {
    let mut pieces = Pieces::of_bytes(bytes_max);
    for failure in failures.iter().take(SHOWN_FAILURES_MAX) {
        let (first, last) = (failure.source.first_line, failure.source.last_line);
        let why = failure.kind.as_str().to_owned();
        if !pieces.push((first as usize, last as usize), why, text_of_failure(failure)) {
            break;
        }
    }
    pieces.into_vec()
}

/// A failure in words: where, which test, what.
fn text_of_failure(failure: &Failure) -> String {
    let mut text = String::new();
    let file = failure.file.as_ref().map(ToString::to_string);
    let line = failure.line.map(|line| line.to_string());
    let place = [file, line].into_iter().flatten().collect::<Vec<_>>().join(":");
    for head in [Some(&place), failure.test.as_ref()].into_iter().flatten() {
        if !head.is_empty() {
            let _ = writeln!(text, "{head}");
        }
    }
    for line in failure.message.lines().take(SHOWN_LINES_MAX) {
        let _ = writeln!(text, "  {line}");
    }
    text
}

/// The severity that a tool's word or ESLint's number means; an error where it is none.
fn severity_of(word: &str) -> Severity {
    match word.trim() {
        "0" => Severity::Note,
        "1" => Severity::Warning,
        word => severity::of_word(word).unwrap_or(Severity::Error),
    }
}

/// What sort of fault a tool's findings are; a linter's where the tool is not known.
fn kind_of_tool(tool: &str) -> FailureKind {
    let tool = tool.to_ascii_lowercase();
    let name = tool.split([' ', '(', '/', '.']).next().unwrap_or("");
    match name {
        "rustc" | "rust-analyzer" | "gcc" | "g++" | "clang" | "clang++" | "clangd" | "msvc"
        | "javac" | "java" | "kotlinc" | "kotlin" | "scalac" | "swiftc" | "compiler" | "gopls"
        | "go" | "csc" | "roslyn" | "ghc" | "elm" => FailureKind::CompileError,
        "ts" | "tsc" | "typescript" | "mypy" | "pyright" | "basedpyright" | "pylance" | "flow"
        | "sorbet" | "steep" | "phpstan" | "psalm" | "pyre" | "ty" | "dialyzer" | "pytype" => {
            FailureKind::TypeError
        }
        "prettier" | "rustfmt" | "gofmt" | "black" | "clang-format" | "shfmt" => {
            FailureKind::Format
        }
        _ => FailureKind::Lint,
    }
}

/// The path in a URI or path: schemes are taken off later, percent signs and drives here.
fn path_of_uri(uri: &str) -> String {
    let Some(rest) = uri.strip_prefix("file://") else {
        return if uri.contains('%') { percent_decoded(uri) } else { uri.to_owned() };
    };
    let path = percent_decoded(rest.strip_prefix("localhost").unwrap_or(rest));
    let is_drive = path.starts_with('/') && path.as_bytes().get(2) == Some(&b':');
    path.get(usize::from(is_drive)..).unwrap_or("").to_owned()
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let decoded = bytes.get(at + 1..at + 3).and_then(|pair| hex::decode(pair).ok());
        match decoded.as_deref() {
            Some([decoded]) if *byte == b'%' => {
                out.push(*decoded);
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests;
