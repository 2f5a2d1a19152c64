//! The mark of one log: what was expected and found, held against each other.
//!
//! Each report takes the expectation that it matches best and that nobody took before. One that
//! matches only what is taken says it again, which is not counted against it; one that matches a
//! follow-up is neither asked nor wrong; the rest is false. Pure.

use std::collections::HashSet;

use super::alike::{self, Level};
use super::answer::{Answer, Found};
use super::label::{Expected, Label};

/// How far from the annotated lines a report may stand.
const CHUNK_NEAR_LINES: usize = 1;
/// So much of a message is looked for in the annotated text.
const CHUNK_MESSAGE_CHARS_MAX: usize = 60;
/// A shorter message is found everywhere.
const CHUNK_MESSAGE_CHARS_MIN: usize = 12;
/// A shorter test name is found everywhere.
const CHUNK_TEST_CHARS_MIN: usize = 6;
/// A log has no more lines that are counted.
const LINES_MAX: usize = 100_000;

/// The mark of one log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mark {
    /// The log's name.
    pub(crate) id: String,
    /// What it is grouped by.
    pub(crate) ecosystem: String,
    /// How many failures were expected.
    pub(crate) expected: usize,
    /// How many were reported.
    pub(crate) reported: usize,
    /// How many of the expected were found.
    pub(crate) matched: usize,
    /// How many of these with the right kind.
    pub(crate) kind_right: usize,
    /// How many of these have a code.
    pub(crate) code_asked: usize,
    /// How many of these with the right code.
    pub(crate) code_right: usize,
    /// Reports of what was reported already.
    pub(crate) repeated: usize,
    /// Reports of follow-ups.
    pub(crate) optional: usize,
    /// Expected, and not found.
    pub(crate) missed: Vec<Expected>,
    /// Reported, and not there.
    pub(crate) wrong: Vec<Found>,
    /// Whether roots are reported; none when the label has no root.
    pub(crate) roots: Option<Hit>,
    /// Whether what is reported lies in the annotated part; only in a log of `LogChunks`.
    pub(crate) chunk: Option<Hit>,
    /// The lines that were given, against those that a person needs.
    pub(crate) lines: Option<Lines>,
}

/// Whether the first report hits, and whether any does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    /// The first.
    pub(crate) first: bool,
    /// Any.
    pub(crate) any: bool,
}

/// Lines given and lines needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lines {
    /// Lines that were given.
    pub(crate) given: usize,
    /// Of these, needed ones.
    pub(crate) given_needed: usize,
    /// Lines that must be seen.
    pub(crate) needed: usize,
    /// Of these, given ones.
    pub(crate) needed_given: usize,
}

impl Mark {
    /// The share of the expected failures that were found; none when none was expected.
    pub(crate) fn recall(&self) -> Option<f64> {
        (self.expected > 0).then(|| alike::share(self.matched, self.expected))
    }

    /// The share of the reports that are right; who says nothing where something was, is not.
    pub(crate) fn precision(&self) -> f64 {
        let judged = self.matched + self.wrong.len();
        match (judged, self.expected) {
            (0, 0) => 1.0,
            (0, _) => 0.0,
            (judged, _) => alike::share(self.matched, judged),
        }
    }
}

/// Hold an answer against a label.
pub(crate) fn mark(label: &Label, answer: &Answer) -> Mark {
    let expected = once_a_file(&label.expected);
    let optional = once_a_file(&label.optional);
    let reports: Vec<&Found> = answer.failures().collect();
    let mut mark = Mark {
        id: label.id.clone(),
        ecosystem: label.ecosystem.clone(),
        expected: expected.len(),
        reported: reports.len(),
        ..Mark::default()
    };
    let mut taken = vec![false; expected.len()];
    for report in &reports {
        let levels: Vec<Level> =
            expected.iter().map(|expected| alike::level(expected, report)).collect();
        if let Some(at) = best(&levels, &taken) {
            taken[at] = true;
            count_match(&mut mark, expected[at], report);
        } else if levels.iter().any(|level| *level != alike::NONE) {
            mark.repeated += 1;
        } else if optional.iter().any(|optional| alike::level(optional, report) != alike::NONE) {
            mark.optional += 1;
        } else {
            mark.wrong.push((*report).clone());
        }
    }
    let missed = expected.iter().zip(&taken).filter(|(_, taken)| !**taken);
    mark.missed = missed.map(|(expected, _)| (*expected).clone()).collect();
    mark.roots = roots(&expected, &reports);
    mark.chunk = label.chunk.as_ref().map(|chunk| {
        let chunk = plain_chunk(chunk);
        hit(&reports, |report| lies_in(report, &chunk, &label.excerpt))
    });
    mark.lines = lines(label, &reports, answer);
    mark
}

/// Formatters' findings count once a file.
fn once_a_file(all: &[Expected]) -> Vec<&Expected> {
    let mut seen = HashSet::new();
    all.iter()
        .filter(|one| match &one.file {
            Some(file) if one.kind == "format" => seen.insert(alike::plain_path(file)),
            _ => true,
        })
        .collect()
}

/// The first of the best that nobody has taken.
fn best(levels: &[Level], taken: &[bool]) -> Option<usize> {
    let free = levels.iter().zip(taken).enumerate().rev();
    free.filter(|(_, (level, taken))| **level != alike::NONE && !**taken)
        .max_by_key(|(_, (level, _))| **level)
        .map(|(at, _)| at)
}

fn count_match(mark: &mut Mark, expected: &Expected, report: &Found) {
    mark.matched += 1;
    if report.kind == expected.kind || expected.kind_alt.contains(&report.kind) {
        mark.kind_right += 1;
    }
    if let Some(code) = expected.code.as_ref().filter(|code| !code.is_empty()) {
        mark.code_asked += 1;
        let told = report.code.as_deref().unwrap_or("");
        mark.code_right += usize::from(told.to_lowercase() == code.to_lowercase());
    }
}

fn roots(expected: &[&Expected], reports: &[&Found]) -> Option<Hit> {
    let roots: Vec<&&Expected> = expected.iter().filter(|expected| expected.root).collect();
    let is_root =
        |report: &Found| roots.iter().any(|root| alike::level(root, report) != alike::NONE);
    (!roots.is_empty()).then(|| hit(reports, is_root))
}

fn hit(reports: &[&Found], hits: impl Fn(&Found) -> bool) -> Hit {
    Hit {
        first: reports.first().is_some_and(|report| hits(report)),
        any: reports.iter().any(|report| hits(report)),
    }
}

/// The annotated text in the spelling in which it is compared: the data set has lost the escape
/// character of colours.
fn plain_chunk(chunk: &str) -> String {
    let mut plain = String::with_capacity(chunk.len());
    let mut rest = chunk;
    while let Some((before, after)) = rest.split_once('[') {
        let end = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        let colour = end.strip_prefix(['m', 'K']);
        plain.push_str(if colour.is_some() {
            before.strip_suffix('\u{1b}').unwrap_or(before)
        } else {
            &rest[..=before.len()]
        });
        rest = colour.unwrap_or(after);
    }
    plain.push_str(rest);
    plain_text(&plain)
}

/// Small letters, single spaces, no angle brackets.
fn plain_text(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !matches!(c, '<' | '>')) {
        if !c.is_whitespace() {
            plain.extend(c.to_lowercase());
        } else if !plain.ends_with(' ') {
            plain.push(' ');
        }
    }
    plain
}

fn lies_in(report: &Found, chunk: &str, spans: &[(usize, usize)]) -> bool {
    let near = report.log_range.is_some_and(|(first, last)| {
        spans.iter().any(|(from, to)| {
            from.saturating_sub(CHUNK_NEAR_LINES) <= last && first <= to + CHUNK_NEAR_LINES
        })
    });
    let message = plain_text(report.message.as_deref().unwrap_or(""));
    let message: String = message.trim().chars().take(CHUNK_MESSAGE_CHARS_MAX).collect();
    let test = report.test.as_deref().unwrap_or("").to_lowercase();
    let stands = |text: &str, chars_min| text.chars().count() >= chars_min && chunk.contains(text);
    near || stands(&message, CHUNK_MESSAGE_CHARS_MIN) || stands(&test, CHUNK_TEST_CHARS_MIN)
}

fn lines(label: &Label, reports: &[&Found], answer: &Answer) -> Option<Lines> {
    let of_reports = reports.iter().filter_map(|report| report.log_range);
    let of_excerpts = answer.excerpts.iter().map(|lines| (lines.start, lines.end));
    let given = all_lines(of_reports.chain(of_excerpts));
    // The same text may stand in a log of LogChunks several times; to see it once is enough.
    let must = if label.chunk.is_some() { 1 } else { label.excerpt.len() };
    let needed = all_lines(label.excerpt.iter().take(must).copied());
    let welcome = all_lines(label.excerpt.iter().copied());
    (!given.is_empty() && !needed.is_empty()).then(|| Lines {
        given: given.len(),
        given_needed: given.intersection(&welcome).count(),
        needed: needed.len(),
        needed_given: needed.intersection(&given).count(),
    })
}

fn all_lines(spans: impl Iterator<Item = (usize, usize)>) -> HashSet<usize> {
    spans.flat_map(|(first, last)| first..=last.min(first + LINES_MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABEL: &str = r#"{"id": "a", "log": "a.log", "ecosystem": "rust", "excerpt": [[5, 8]],
        "expected": [
            {"kind": "lint", "file": "a.rs", "line": 1, "code": "L1", "root": true},
            {"kind": "test_failure", "test": "adds up", "kind_alt": ["timeout"]},
            {"kind": "format", "file": "b.rs", "line": 1},
            {"kind": "format", "file": "./b.rs", "line": 9}],
        "optional": [{"kind": "unknown", "message": "could not compile a"}]}"#;

    #[test]
    fn each_expected_failure_is_found_once() {
        let mark = marked(LABEL, &[LINT, TEST, LINT, r#"{"kind": "format", "file": "b.rs"}"#]);
        assert_eq!((mark.expected, mark.matched, mark.repeated), (3, 3, 1));
        assert_eq!((mark.recall(), mark.precision()), (Some(1.0), 1.0));
        assert_eq!((mark.kind_right, mark.code_asked, mark.code_right), (3, 1, 1));
    }

    #[test]
    fn what_is_not_there_is_wrong_and_what_follows_is_neither() {
        let follows = r#"{"kind": "unknown", "message": "could not compile"}"#;
        let wrong = r#"{"kind": "lint", "file": "c.rs", "line": 1}"#;
        let mark = marked(LABEL, &[follows, wrong, LINT]);
        assert_eq!((mark.matched, mark.optional, mark.wrong.len()), (1, 1, 1));
        assert_eq!((mark.missed.len(), mark.precision()), (2, 0.5));
        assert_eq!(mark.roots, Some(Hit { first: false, any: true }));
    }

    #[test]
    fn to_say_nothing_is_right_only_of_a_clean_log() {
        let clean = r#"{"id": "a", "log": "a.log", "ecosystem": "rust"}"#;
        assert_eq!((marked(clean, &[]).recall(), marked(clean, &[]).precision()), (None, 1.0));
        assert_eq!((marked(LABEL, &[]).recall(), marked(LABEL, &[]).precision()), (Some(0.0), 0.0));
    }

    #[test]
    fn the_surest_match_is_taken_first() {
        assert_eq!(best(&[2, 4, 4], &[false, false, false]), Some(1));
        assert_eq!(best(&[2, 4, 4], &[false, true, false]), Some(2));
        assert_eq!(best(&[2, 0, 4], &[false, false, true]), Some(0));
        assert_eq!(best(&[0], &[false]), None);
    }

    #[test]
    fn lines_that_are_given_count_once_wherever_they_stand() {
        let answer = r#"{"failures": [{"kind": "lint", "log_range": [5, 6]}],
            "excerpts": [{"start": 4, "end": 6}]}"#;
        let label = serde_json::from_str(LABEL).unwrap();
        let lines = mark(&label, &serde_json::from_str(answer).unwrap()).lines;
        let expected = Lines { given: 3, given_needed: 2, needed: 4, needed_given: 2 };
        assert_eq!(lines, Some(expected));
    }

    #[test]
    fn a_report_lies_in_the_annotated_part_by_its_lines_or_its_words() {
        chunk(r#"{"kind": "lint", "log_range": [9, 9]}"#, true);
        chunk(r#"{"kind": "lint", "log_range": [10, 10]}"#, false);
        chunk(r#"{"kind": "lint", "message": "No such  FILE a.rs"}"#, true);
        chunk(r#"{"kind": "lint", "message": "such file"}"#, false);
        chunk(r#"{"kind": "lint", "test": "test_a"}"#, true);
    }

    const LINT: &str = r#"{"kind": "lint", "file": "a.rs", "line": 1, "code": "l1"}"#;
    const TEST: &str = r#"{"kind": "timeout", "test": "it::adds up"}"#;

    #[track_caller]
    fn chunk(failure: &str, expected: bool) {
        let label = r#"{"id": "a", "log": "a.log", "ecosystem": "rust", "excerpt": [[5, 8]],
            "chunk": "[31merror[0m: no such <file> a.rs in test_a"}"#;
        let hit = Hit { first: expected, any: expected };
        assert_eq!(marked(label, &[failure]).chunk, Some(hit));
    }

    fn marked(label: &str, failures: &[&str]) -> Mark {
        let answer = format!(r#"{{"failures": [{}]}}"#, failures.join(", "));
        mark(&serde_json::from_str(label).unwrap(), &serde_json::from_str(&answer).unwrap())
    }
}
