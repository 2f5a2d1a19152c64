//! The one check that every format's table uses, and what all readers promise.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::failure::MESSAGE_BYTES_MAX;

/// Reads a report and compares what was understood, one line a failure.
#[track_caller]
pub(super) fn check(format: ReportFormat, report: &str, expected: &str) {
    let reading = read_report(report.as_bytes(), &Hints::default());
    let reading = reading.unwrap_or_else(|| panic!("no report: {report}"));
    let got: Vec<String> = reading.failures.iter().map(line_of).collect();
    assert_eq!(got.join("\n"), expected, "\n{report}");
    assert_eq!(reading.format, format, "{report}");
}

/// What is no report is a log.
#[track_caller]
pub(super) fn check_log(text: &str) {
    let reading = read_report(text.as_bytes(), &Hints::default());
    assert!(reading.is_none(), "{text:?}: {reading:?}");
}

pub(super) fn notes_of(report: &str) -> Vec<String> {
    read_report(report.as_bytes(), &Hints::default()).unwrap_or_default().notes
}

fn line_of(failure: &Failure) -> String {
    let mut line = String::new();
    if failure.severity != Severity::Error {
        let _ = write!(line, "{} ", failure.severity.as_str());
    }
    line.push_str(failure.kind.as_str());
    if let Some(file) = &failure.file {
        let _ = write!(line, " {file}");
        for number in [failure.line, failure.column].into_iter().flatten() {
            let _ = write!(line, ":{number}");
        }
    }
    for (open, text, close) in
        [("[", &failure.code, "]"), ("(", &failure.task, ")"), ("{", &failure.test, "}")]
    {
        if let Some(text) = text {
            let _ = write!(line, " {open}{text}{close}");
        }
    }
    let message = failure.message.lines().next().unwrap_or("");
    let _ = write!(line, " {message}");
    if let Some(suggestion) = &failure.suggestion {
        let _ = write!(line, "\n  suggested: {suggestion}");
    }
    line
}

#[test]
fn a_log_is_no_report() {
    for log in [
        "",
        "\n\n",
        "[INFO] Scanning for projects...\n[ERROR] no\n",
        "{not json\n",
        "<html><body>502</body></html>",
        "2026-11-21T07:00:00.0000000Z {\"kind\":\"lint\",\"message\":\"m\"}\n",
        "{\"level\":\"error\",\"message\":\"an application's own log\"}\n",
        "{\"type\":\"error\",\"message\":\"an application's own log\"}\n",
        "[1, 2, 3]",
        "make: *** [all] Error 1\n",
        "{\"name\":\"shop\",\"version\":\"1.0.0\"}",
    ] {
        check_log(log);
    }
}

#[test]
fn a_report_is_found_below_what_a_package_manager_says() {
    check(
        ReportFormat::Linter,
        concat!(
            "\n> shop@1.0.0 lint\n> eslint -f json .\n\n[{\"filePath\":\"a.js\",\"messages\":[{\"ru",
            "leId\":\"x\",\"severity\":2,\"message\":\"m\",\"line\":1}]}]\nnpm ERR! code 1\n",
        ),
        "lint a.js:1 [x] m",
    );
}

#[test]
fn reports_of_windows_are_read() {
    let report = "<testsuite><testcase name=\"ä\"><failure message=\"no\"/></testcase></testsuite>";
    let mut wide = vec![0xff, 0xfe];
    wide.extend(report.encode_utf16().flat_map(u16::to_le_bytes));
    let reading = read_report(&wide, &Hints::default()).unwrap();
    assert_eq!(reading.failures[0].test.as_deref(), Some("ä"));
}

#[test]
fn hints_take_roots_and_secrets_out() {
    let report =
        "[{\"kind\":\"lint\",\"file\":\"/srv/x/src/a.c\",\"message\":\"has correct-horse\"}]";
    let hints = Hints {
        workspace_roots: vec!["/srv/x".to_owned()],
        known_secrets: &["correct-horse"],
        ..Hints::default()
    };
    let reading = read_report(report.as_bytes(), &hints).unwrap();
    assert_eq!(line_of(&reading.failures[0]), "lint src/a.c has [redacted]");
    assert_eq!(reading.excerpt(1000), "src/a.c\n  has [redacted]\n");
    assert_eq!(reading.excerpt(5).len(), 5);
}

#[test]
fn repeats_are_one_and_many_are_bounded() {
    let same = "{\"kind\":\"lint\",\"file\":\"a.c\",\"line\":1,\"message\":\"the same words\"}\n";
    check(ReportFormat::Selfheal, &same.repeat(3), "lint a.c:1 the same words");
    let one = |n: usize| json!({ "kind": "lint", "file": format!("a{n}.c"), "message": "m" });
    let many: Vec<String> = (0..25_000).map(|n| one(n).to_string()).collect();
    let many = many.join("\n");
    let reading = read_report(many.as_bytes(), &Hints::default()).unwrap();
    assert_eq!(reading.failures.len(), FAILURES_MAX);
    assert_eq!(reading.notes, ["24500 more failures left out"]);
}

#[test]
fn every_format_has_a_name_of_its_own() {
    let mut names: Vec<_> = ReportFormat::ALL.iter().map(|format| format.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ReportFormat::ALL.len());
}

/// Reports that hostile ones are made of.
const SEEDS: [&str; 12] = [
    "<testsuites><testsuite name='a'><testcase name='t' classname='c'><failure message='m'>\
     at a.b(c.js:1:2)</failure></testcase></testsuite></testsuites>",
    "<checkstyle><file name='a.c'><error line='1' message='m' source='s'/></file></checkstyle>",
    "<TestRun><Results><UnitTestResult testId='i' testName='t' outcome='Failed'><Output><ErrorInfo>\
     <Message>m</Message></ErrorInfo></Output></UnitTestResult></Results></TestRun>",
    "<test-run><test-case fullname='t' result='Failed'><failure><message>m</message></failure>\
     </test-case></test-run>",
    "{\"runs\":[{\"tool\":{\"driver\":{\"name\":\"t\"}},\"results\":[{\"ruleId\":\"r\",\"level\":\
     \"error\",\"message\":{\"text\":\"m\"}}]}]}",
    "{\"reason\":\"compiler-message\",\"message\":{\"level\":\"error\",\"message\":\"m\",\"spans\":\
     [{\"file_name\":\"a.rs\",\"line_start\":1,\"is_primary\":true}]}}\n",
    "{\"Action\":\"output\",\"Package\":\"p\",\"Test\":\"T/a\",\"Output\":\"a.go:1: m\\n\"}\n\
     {\"Action\":\"fail\",\"Package\":\"p\",\"Test\":\"T/a\"}\n",
    "TAP version 14\nnot ok 1 - a\n  ---\n  at:\n    file: a.js\n  error: |-\n    m\n  ...\n1..2\n",
    "{\"uri\":\"file:///app/a.c\",\"diagnostics\":[{\"range\":{\"start\":{\"line\":1}},\"message\":\
     \"m\"}]}\n",
    "[{\"filePath\":\"a.js\",\"messages\":[{\"ruleId\":\"r\",\"severity\":2,\"message\":\"m\"}]}]",
    "{\"numTotalTests\":1,\"testResults\":[{\"name\":\"a.js\",\"status\":\"failed\",\"message\":\
     \"m\",\"assertionResults\":[]}]}",
    "::error file=a.c,line=1::m\n",
];

fn holds_its_limits(bytes: &[u8]) {
    let hints = Hints::default();
    let Some(reading) = read_report(bytes, &hints) else { return };
    assert!(reading.failures.len() <= FAILURES_MAX);
    for failure in &reading.failures {
        assert!(failure.message.len() <= MESSAGE_BYTES_MAX);
        assert!(failure.source.first_line <= failure.source.last_line);
    }
    assert!(reading.excerpt(2000).len() <= 2000);
}

#[test]
fn every_beginning_of_a_report_is_read_without_harm() {
    for seed in SEEDS {
        assert!(read_report(seed.as_bytes(), &Hints::default()).is_some(), "{seed}");
        for end in 0..seed.len() {
            holds_its_limits(&seed.as_bytes()[..end]);
        }
    }
}

/// Long hostile reports, each a way to be slow; a quadratic reader would not come back.
#[test]
fn hostile_reports_cost_linear_time() {
    let times = 200_000;
    for hostile in [
        "<testsuite>".repeat(times),
        format!("<testsuite><testcase>{}", "<failure>".repeat(times)),
        format!("<testsuite><testcase {}", "a='b' ".repeat(times)),
        format!("<testsuite name='{}'>", "&amp;".repeat(times)),
        format!("<testsuite>{}", "&a;".repeat(times)),
        "{\"failures\":[".repeat(times),
        "[".repeat(times),
        format!("{{\"kind\":\"lint\",\"message\":\"m\"}}\n{}", "{\n".repeat(times)),
        format!("{{\"kind\":\"lint\",\"message\":\"m\"}}\n{}", "{\"a\":\n".repeat(times)),
        format!("TAP version 13\n{}", "    not ok 1 - a\n  not ok 2 - b\nok 3\n".repeat(times / 9)),
        format!("TAP version 13\nnot ok 1 {}", "#".repeat(times)),
        format!("::error {}::m", ",file=a".repeat(times)),
        format!("{{\"Action\":\"fail\",\"Package\":\"p\",\"Test\":\"{}\"}}\n", "a/".repeat(times)),
    ] {
        holds_its_limits(hostile.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_read_within_the_limits(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        holds_its_limits(&bytes);
    }

    #[test]
    fn any_mixture_of_reports_is_read_within_the_limits(
        parts in proptest::collection::vec((0..SEEDS.len(), 0..300usize, 0..300usize), 1..6),
        junk in ".{0,20}",
    ) {
        let mut mixed = String::new();
        for (seed, from, to) in parts {
            let seed = SEEDS[seed];
            let (from, to) = (from.min(seed.len()), to.min(seed.len()));
            mixed.push_str(&seed[from.min(to)..from.max(to)]);
            mixed.push_str(&junk);
        }
        holds_its_limits(mixed.as_bytes());
    }
}
