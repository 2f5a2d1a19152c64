//! What the whole reader promises, and the one check that every tool's table of cases uses.

use std::fmt::Write as _;

use super::*;
use crate::domain::failure::Failure;

mod corpus;
mod framings;

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

/// Which lines of a failed command's log, counted from 1, the failures stand on.
#[track_caller]
pub(super) fn check_lines(log: &str, expected: &[(u32, u32)]) {
    let hints = Hints { exit_code: Some(1), ..Hints::default() };
    let failures = read(log.as_bytes(), &hints).failures;
    let got: Vec<(u32, u32)> =
        failures.iter().map(|f| (f.source.first_line, f.source.last_line)).collect();
    assert_eq!(got, expected, "\n{log}");
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
        let _ = write!(line, " {file}");
        for number in [failure.line, failure.column].into_iter().flatten() {
            let _ = write!(line, ":{number}");
        }
    }
    for (open, text, close) in [("[", &failure.code, "]"), ("{", &failure.test, "}")] {
        if let Some(text) = text {
            let _ = write!(line, " {open}{text}{close}");
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
            let mut all = rule.literals.iter().chain(rule.beside);
            assert!(
                all.all(|l| l.len() >= 2 && !l.starts_with('\0')),
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

#[test]
fn the_page_of_tools_is_current() {
    let page = include_str!("../../docs/evidence.md");
    assert!(page == docs(), "docs/evidence.md: write what evidence::docs() says");
}

const STAMP: &str = "2026-11-21T07:00:00.0000000Z ";

fn stamped(lines: &[&str]) -> String {
    lines.iter().map(|line| [STAMP, line, "\n"].concat()).collect()
}

#[test]
fn a_job_that_passed_has_no_failures_whatever_it_printed() {
    for tool in tools::TOOLS {
        let mut lines = vec!["##[group]Run make", "make", "##[endgroup]"];
        lines.extend(tool.example.lines().filter(|line| !line.starts_with("##[error]")));
        lines.extend(["Post job cleanup.", "Cleaning up orphan processes"]);
        check(&stamped(&lines), "");
    }
}

#[test]
fn only_the_step_that_failed_is_blamed() {
    check(
        &stamped(&[
            "##[group]Run tolerant",
            "##[endgroup]",
            "src/a.ts(1,2): error TS1: tolerated",
            "##[group]Run strict",
            "##[endgroup]",
            "src/b.ts(1,2): error TS1: fatal",
            "##[error]Process completed with exit code 1.",
            "##[group]Run after",
            "##[endgroup]",
            "src/c.ts(1,2): error TS1: never",
        ]),
        "type_error src/b.ts:1:2 [TS1] fatal",
    );
}

#[test]
fn a_repositorys_own_matchers_read_its_own_tools() {
    let file = concat!(
        r#"{"problemMatcher":[{"owner":"our-lint","pattern":[{"regexp":"^(\\S+) @(\\d+) (.+)$""#,
        r#","file":1,"line":2,"message":3}]}]}"#,
    );
    let matchers = Matcher::parse_file(file).unwrap();
    let log = stamped(&[
        "##[group]Run ./lint",
        "a.x @1 an echoed script is quiet",
        "##[endgroup]",
        "src/cart.x @4 totals differ",
        "##[error]Process completed with exit code 1.",
    ]);
    let hints = Hints { matchers: &matchers, ..Hints::default() };
    check_with(&log, &hints, "lint src/cart.x:4 totals differ");
}

#[test]
fn a_failed_step_that_is_not_understood_says_so_in_its_own_words() {
    check(
        &stamped(&[
            "##[group]Run ./check",
            "./check",
            "##[endgroup]",
            "comparing",
            "The two lists differ: could not match 3 names",
            "##[error]Process completed with exit code 1.",
        ]),
        "unknown The two lists differ: could not match 3 names",
    );
}

#[test]
fn an_excerpt_begins_with_the_cause_and_keeps_no_secret() {
    let log = stamped(&[
        "##[group]Run make",
        "##[endgroup]",
        "curl -H 'x: correct-horse-battery'",
        "src/a.ts(1,2): error TS1: no \u{202e}correct-horse-battery",
        "##[error]Process completed with exit code 1.",
    ]);
    let secrets = ["correct-horse-battery"];
    let reading = read(log.as_bytes(), &Hints { known_secrets: &secrets, ..Hints::default() });
    let excerpt = reading.excerpt(4096);
    assert!(excerpt.contains("     4 src/a.ts(1,2): error TS1: no"), "{excerpt}");
    assert!(!excerpt.contains("horse") && !excerpt.contains('\u{202e}'), "{excerpt}");
    assert!(!format!("{reading:?}").contains("horse"));
    assert!(reading.excerpt(20).len() <= 20);
}

/// What makes runs comparable: the fingerprints in their order.
fn fingerprints(log: &str) -> Vec<String> {
    let hints = Hints { exit_code: Some(1), ..Hints::default() };
    let failures = read(log.as_bytes(), &hints).failures;
    failures.iter().map(|failure| failure.fingerprint().as_str().to_owned()).collect()
}

#[test]
fn fingerprints_survive_another_machine_another_time_and_moved_lines() {
    for tool in tools::TOOLS {
        let here = fingerprints(tool.example);
        let elsewhere = tool.example.replace("/home/runner/work/shop/shop", "/builds/acme/shop");
        assert_eq!(fingerprints(&elsewhere), here, "{}: re-rooted", tool.name);
        let shifted = format!("{}{}", "all is well\n".repeat(7), tool.example);
        assert_eq!(fingerprints(&shifted), here, "{}: shifted", tool.name);
        let timed: String = tool
            .example
            .lines()
            .map(|line| ["2031-01-02T03:04:05.6Z ", line, "\n"].concat())
            .collect();
        assert_eq!(fingerprints(&timed), here, "{}: re-timed", tool.name);
        let coloured: String = tool
            .example
            .lines()
            .map(|line| ["\u{1b}[31m", line, "\u{1b}[0m\r\n"].concat())
            .collect();
        assert_eq!(fingerprints(&coloured), here, "{}: coloured", tool.name);
    }
}

#[test]
fn examples_of_different_tools_are_different_faults() {
    let mut seen = std::collections::HashMap::new();
    for tool in tools::TOOLS {
        for fingerprint in fingerprints(tool.example) {
            let before = seen.insert(fingerprint, tool.name);
            assert!(before.is_none_or(|name| name == tool.name), "{before:?} {}", tool.name);
        }
    }
}

mod properties {
    use proptest::prelude::*;
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    use super::super::*;
    use crate::domain::failure::{FAILURES_MAX, MESSAGE_BYTES_MAX};

    /// What no log may make the reader do.
    fn holds_its_limits(log: &[u8]) {
        let hints = Hints { exit_code: Some(1), ..Hints::default() };
        let reading = read(log, &hints);
        assert!(reading.failures.len() <= FAILURES_MAX);
        for failure in &reading.failures {
            assert!(failure.message.len() <= MESSAGE_BYTES_MAX);
            assert!(failure.source.first_line <= failure.source.last_line);
            assert!(failure.source.last_line as usize <= reading.stats.lines.max(1));
        }
        assert!(reading.excerpt(2000).len() <= 2000);
    }

    #[test]
    fn an_unended_command_before_a_wide_character_is_no_trap() {
        holds_its_limits("\u{1b}_\u{1b}¡".as_bytes());
        holds_its_limits(&[27, 95, 27, 128]);
    }

    /// Lines that rules know, to be put in any order between noise.
    fn known_line() -> impl Strategy<Value = String> {
        let lines: Vec<&str> = tools::TOOLS.iter().flat_map(|tool| tool.example.lines()).collect();
        let known = (0..lines.len()).prop_map(move |at| lines[at].to_owned());
        let prefix =
            prop_oneof![Just(""), Just("#19 11.02 "), Just("[x] "), Just("  "), Just(super::STAMP)];
        let noise = prop_oneof![
            Just("##[error]Process completed with exit code 1.".to_owned()),
            Just("##[group]Run x".to_owned()),
            Just("##[endgroup]".to_owned()),
            Just("E".to_owned()),
            Just("\u{1b}[".to_owned()),
            ".{0,40}",
        ];
        (prefix, prop_oneof![3 => known, 1 => noise]).prop_map(|(a, b)| format!("{a}{b}"))
    }

    /// A pattern without its anchors, which a generator of texts does not know.
    fn unanchored(pattern: &str) -> String {
        let mut out = String::new();
        let mut escaped = false;
        let mut in_class = false;
        for c in pattern.chars() {
            match c {
                'b' if escaped => {
                    out.pop();
                }
                '^' | '$' if !escaped && !in_class => {}
                c => out.push(c),
            }
            in_class = !escaped && (c == '[' || in_class && c != ']') || escaped && in_class;
            escaped = c == '\\' && !escaped;
        }
        out
    }

    #[test]
    fn whatever_a_rule_matches_holds_one_of_its_literals() {
        let mut runner = TestRunner::deterministic();
        let mut missed: Vec<String> = Vec::new();
        for tool in tools::TOOLS {
            for rule in tool.rules {
                // A line's white space is blanks and tabs.
                let pattern = unanchored(rule.pattern).replace("\\s", "[ \t]");
                let pattern = format!("(?-u){pattern}");
                let texts = proptest::string::bytes_regex(&pattern).unwrap();
                for _ in 0..24 {
                    let text = texts.new_tree(&mut runner).unwrap().current();
                    let text = String::from_utf8_lossy(&text);
                    let held = |literal: &&str| {
                        let literal = literal.trim_end_matches('\n');
                        sieve::literal::stands_in(text.as_bytes(), literal)
                    };
                    let beside = rule.beside.is_empty() || rule.beside.iter().any(held);
                    if !rule.literals.iter().any(held) || !beside {
                        missed.push(format!("{}: {:?} makes {text:?}", tool.name, rule.pattern));
                        break;
                    }
                }
            }
        }
        assert!(missed.is_empty(), "{}", missed.join("\n"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_bytes_are_read_within_the_limits(
            log in proptest::collection::vec(any::<u8>(), 0..2000),
        ) {
            holds_its_limits(&log);
        }

        #[test]
        fn any_order_of_known_lines_is_read_within_the_limits(
            lines in proptest::collection::vec(known_line(), 0..80),
        ) {
            holds_its_limits(lines.join("\n").as_bytes());
        }
    }
}
