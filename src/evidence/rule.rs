//! What a rule is: the literals that call it, the pattern that recognises it, what it makes of it.
//!
//! A tool is a table of rules. Most rules are data alone; those that must look at neighbouring
//! lines carry a reader. The invariant: a pattern can match only where one of its literals stands,
//! so that the scan may skip every other line (a test holds each rule's examples against it), and
//! patterns know no Unicode classes, so that they stay linear and fast on hostile text.

use regex::bytes::{Captures, Regex, RegexBuilder};

use super::draft::{Draft, Weight};
use super::lines::At;
use super::severity;
use crate::domain::failure::{FailureKind, Severity};

/// One tool whose output is understood.
#[derive(Debug)]
pub(super) struct Tool {
    /// The name that failures carry.
    pub(super) name: &'static str,
    /// What is read of it, for people.
    pub(super) about: &'static str,
    /// Output of a failing run from which its rules read a failure; the documentation shows it.
    pub(super) example: &'static str,
    /// Its rules, the most certain first.
    pub(super) rules: &'static [Rule],
}

/// What reads the neighbourhood of a recognised line: it adds what it found, or nothing.
pub(super) type Reader = fn(&At<'_>, Draft, &mut Vec<Draft>);

/// How one sort of line is recognised.
///
/// The pattern's named groups become the failure's fields: `file`, `line`, `column`, `end_line`,
/// `code`, `test`, `message`, `suggestion`, `task`, and `severity` (`warning`, `note`, `info` are
/// not errors).
#[derive(Debug)]
pub(super) struct Rule {
    /// What sort of fault it is.
    pub(super) kind: FailureKind,
    /// One of these stands in every line that the pattern matches; a line feed is the line's end,
    /// a zero any number.
    pub(super) literals: &'static [&'static str],
    /// One of these stands in every such line, too, if there are any; they are only looked for
    /// where a literal was found, so they may be as common as they like.
    pub(super) beside: &'static [&'static str],
    /// The regular expression, over bytes, without Unicode classes.
    pub(super) pattern: &'static str,
    /// How much it says about the cause.
    pub(super) weight: Weight,
    /// Looks at the lines around.
    pub(super) reader: Option<Reader>,
}

impl Rule {
    /// A rule that makes a certain cause of one line.
    pub(super) const fn new(
        kind: FailureKind,
        literals: &'static [&'static str],
        pattern: &'static str,
    ) -> Self {
        Self { kind, literals, beside: &[], pattern, weight: Weight::Cause, reader: None }
    }

    /// The same rule, whose lines also hold one of these.
    pub(super) const fn beside(mut self, beside: &'static [&'static str]) -> Self {
        self.beside = beside;
        self
    }

    /// The same rule with another weight.
    pub(super) const fn weighing(mut self, weight: Weight) -> Self {
        self.weight = weight;
        self
    }

    /// The same rule, with a look at the neighbourhood.
    pub(super) const fn reading(mut self, reader: Reader) -> Self {
        self.reader = Some(reader);
        self
    }

    /// The pattern, ready to match; `None` would be a bug, which a test excludes for every rule.
    pub(super) fn compile(&self) -> Option<Regex> {
        RegexBuilder::new(self.pattern).unicode(false).size_limit(PATTERN_BYTES_MAX).build().ok()
    }

    /// What the compiled pattern makes of a text, if it matches.
    pub(super) fn draft(&self, regex: &Regex, tool: &'static str, text: &str) -> Option<Draft> {
        let captures = regex.captures(text.as_bytes())?;
        let mut draft = Draft::new(self.kind, tool, self.weight);
        let group = |name: &str| group(&captures, name);
        let number = |name: &str| group(name).and_then(|n| n.parse().ok()).filter(|n| *n > 0);
        draft.path = group("file").map(str::to_owned);
        let failure = &mut draft.failure;
        failure.line = number("line");
        failure.column = number("column");
        failure.end_line = number("end_line");
        failure.code = group("code").map(str::to_owned);
        failure.test = group("test").map(|test| test.trim().to_owned());
        failure.task = group("task").map(str::to_owned);
        failure.suggestion = group("suggestion").map(str::to_owned);
        group("message").unwrap_or(text).trim().clone_into(&mut failure.message);
        if let Some(severity) = group("severity") {
            failure.severity = severity::of_word(severity).unwrap_or(Severity::Error);
        }
        Some(draft)
    }
}

/// How large one compiled pattern may grow; the largest of ours is a tenth of it.
const PATTERN_BYTES_MAX: usize = 4 << 20;

fn group<'t>(captures: &Captures<'t>, name: &str) -> Option<&'t str> {
    let found = captures.name(name)?.as_bytes();
    std::str::from_utf8(found).ok().filter(|text| !text.is_empty())
}
