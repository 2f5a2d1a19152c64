//! What the whole reader promises, and the one check that every tool's table of cases uses.

use super::*;
use crate::domain::failure::Failure;

/// Reads a log and compares what was understood, one line a failure.
#[track_caller]
pub(super) fn check(log: &str, expected: &str) {
    check_with(log, &Hints::default(), expected);
}

/// The same for the log of a command that is known to have failed.
#[track_caller]
pub(super) fn check_failed(log: &str, expected: &str) {
    check_with(log, &Hints { exit_code: Some(1), ..Hints::default() }, expected);
}

#[track_caller]
fn check_with(log: &str, hints: &Hints<'_>, expected: &str) {
    let reading = read(log.as_bytes(), hints);
    let got: Vec<String> = reading.failures.iter().map(line_of).collect();
    assert_eq!(got.join("\n"), expected, "\n{log}");
}

fn line_of(failure: &Failure) -> String {
    let mut line = failure.kind.as_str().to_owned();
    if let Some(file) = &failure.file {
        line.push_str(&format!(" {file}"));
        for number in [failure.line, failure.column].into_iter().flatten() {
            line.push_str(&format!(":{number}"));
        }
    }
    for (open, text, close) in [("[", &failure.code, "]"), ("{", &failure.test, "}")] {
        if let Some(text) = text {
            line.push_str(&format!(" {open}{text}{close}"));
        }
    }
    let message = failure.message.lines().next().unwrap_or("");
    format!("{line} {message}").trim().to_owned()
}

#[test]
fn every_rule_compiles_and_every_example_is_read_by_its_tool() {
    for tool in tools::TOOLS {
        for rule in tool.rules {
            assert!(rule.compile().is_some(), "{}: {}", tool.name, rule.pattern);
            assert!(
                rule.literals.iter().all(|l| l.len() >= 2),
                "{}: {:?}",
                tool.name,
                rule.literals
            );
        }
        let hints = Hints { exit_code: Some(1), ..Hints::default() };
        let reading = read(tool.example.as_bytes(), &hints);
        let named = |f: &Failure| f.tool.as_deref() == Some(tool.name);
        assert!(reading.failures.iter().any(named), "{}: {:?}", tool.name, reading.failures);
    }
}
