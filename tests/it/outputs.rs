//! How well outputs are read that no rule was made after: a ratchet over what real tools printed.
//!
//! `tests/fixtures/outputs` tells where they are from. A failure counts as read when its file and line
//! were told, or, where the output names none, its test or what it says.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;

use flate2::read::GzDecoder;
use selfheal::domain::failure::Failure;
use selfheal::evidence::{self, Hints};
use serde::Deserialize;

/// Of the labelled failures, those that are not read; lower it when it is less.
const MISSED: usize = 110;

/// Of the failures that are told, those that no label has.
const EXTRA: usize = 69;

/// Of the outputs, those whose first failure is not the root cause.
const FIRST_MISSED: usize = 49;

/// Fewer outputs than this say nothing.
const OUTPUTS_MIN: usize = 430;

/// With what the runner begins each line.
const STAMP: &str = "2026-11-20T10:11:12.1234567Z ";

#[derive(Debug, Deserialize)]
struct Output {
    name: String,
    exit: i32,
    framed: bool,
    failures: Vec<Label>,
}

#[derive(Debug, Deserialize)]
struct Label {
    file: Option<String>,
    line: Option<u32>,
    test: Option<String>,
    says: Option<String>,
}

/// How the outputs were read.
#[derive(Debug, Default, PartialEq, Eq)]
struct Score {
    missed: usize,
    extra: usize,
    first_missed: usize,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/outputs")
}

fn outputs() -> Vec<Output> {
    let labels = fs::read_to_string(folder().join("labels.jsonl")).unwrap();
    labels.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

impl Output {
    /// The log of a job in which a step printed it.
    fn log(&self) -> Vec<u8> {
        let file = fs::File::open(folder().join(format!("{}.log.gz", self.name))).unwrap();
        let mut log = Vec::new();
        GzDecoder::new(file).read_to_end(&mut log).unwrap();
        if self.framed {
            return log;
        }
        let printed = String::from_utf8_lossy(&log);
        let head = ["##[group]Run ./ci.sh", "./ci.sh", "##[endgroup]"];
        let verdict = format!("##[error]Process completed with exit code {}.", self.exit);
        let end = (self.exit != 0).then_some(verdict.as_str());
        let lines = head.into_iter().chain(printed.lines()).chain(end).chain(["Post job cleanup."]);
        lines.flat_map(|line| format!("{STAMP}{line}\n").into_bytes()).collect()
    }

    fn read(&self) -> Vec<Failure> {
        evidence::read(&self.log(), &Hints::default()).failures
    }
}

impl Label {
    fn is_told_by(&self, failure: &Failure) -> bool {
        let said = plain(&format!(
            "{}{}{}",
            failure.message,
            failure.code.as_deref().unwrap_or_default(),
            failure.test.as_deref().unwrap_or_default()
        ));
        let says = self.says.as_deref().map(plain).unwrap_or_default();
        let is_said = !says.is_empty() && said.contains(says.get(..60).unwrap_or(&says));
        let is_test = match (&self.test, &failure.test) {
            (Some(one), Some(other)) => {
                let (one, other) = (plain(one), plain(other));
                one.contains(&other) || other.contains(&one)
            }
            _ => false,
        };
        let Some(file) = &self.file else { return is_said || is_test };
        let file = file.trim_start_matches("./");
        match &failure.file {
            Some(told) if told.as_str() == file => match self.line {
                Some(line) => failure.line == Some(line) || is_said || is_test,
                None => is_said || is_test || self.test.is_none(),
            },
            Some(_) => false,
            None => is_test,
        }
    }
}

/// What a text says, whatever its case, blanks and signs.
fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[test]
fn outputs_that_no_rule_was_made_after_are_read_no_worse_than_before() {
    let outputs = outputs();
    assert!(outputs.len() >= OUTPUTS_MIN, "{}", outputs.len());
    let mut score = Score::default();
    let mut mistakes = Vec::new();
    for output in outputs.iter().filter(|output| !output.failures.is_empty()) {
        let mut told = output.read();
        let is_first = told.first().is_some_and(|first| output.failures[0].is_told_by(first));
        let mut missed = 0;
        for label in &output.failures {
            match told.iter().position(|failure| label.is_told_by(failure)) {
                Some(at) => drop(told.remove(at)),
                None => missed += 1,
            }
        }
        score.missed += missed;
        score.extra += told.len();
        score.first_missed += usize::from(!is_first);
        if missed + told.len() > 0 || !is_first {
            mistakes.push(format!("{}: missed {missed}, extra {}", output.name, told.len()));
        }
    }
    let best = Score { missed: MISSED, extra: EXTRA, first_missed: FIRST_MISSED };
    let labels: usize = outputs.iter().map(|output| output.failures.len()).sum();
    assert_eq!(score, best, "of {labels} failures\n{}", mistakes.join("\n"));
}

#[test]
fn outputs_of_runs_that_passed_have_no_failures() {
    for output in outputs().iter().filter(|output| output.failures.is_empty()) {
        assert_eq!(output.read(), [], "{}", output.name);
    }
}
