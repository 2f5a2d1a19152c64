//! Lines of a log that a tool wrote for programs: entries of structured reports, one JSON document
//! a line, between whatever else the step prints.
//!
//! What an entry says is the business of [`reports`]; here they are found, and go's events are
//! given the outputs above them. A document over several lines is no entry. One that is longer than
//! a line that is kept is read as far as it is kept.

use super::extent::BLOCK_LINES_MAX;
use super::{At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, Weight, between};
use crate::evidence::reports;

pub(super) static TOOL: Tool = Tool {
    name: "JSON lines",
    about: "Entries of structured reports among a log's lines: selfheal's own form, `go test \
            -json`, cargo, rustc and libtest with JSON messages, reports of linters and test \
            runners that stand on one line ([structured reports](reports.md)).",
    example: r#"{"kind":"lint","task":"web:lint","file":"src/cart.ts","line":3,"message":"unused"}"#,
    rules: &[
        Rule::new(
            K::TestFailure,
            &[r#""Action":"fail""#, r#""Action":"build-fail""#],
            r#"^\{.*"Action":"(?:build-)?fail".*\}$"#,
        )
        .reading(go),
        Rule::new(
            K::CompileError,
            &[r#""reason":"compiler-message""#, r#""$message_type":"diagnostic""#],
            r#"^\{.*(?:"reason":"compiler-message"|"\$message_type":"diagnostic")"#,
        )
        .reading(entry),
        Rule::new(
            K::TestFailure,
            &[
                r#""event": "failed""#,
                r#""event":"failed""#,
                r#""event": "timeout""#,
                r#""event":"timeout""#,
            ],
            r#"^\{.*"event": ?"(?:failed|timeout)".*\}$"#,
        )
        .reading(entry),
        Rule::new(
            K::Lint,
            &[r#"[{"filePath":"#, r#"{"Issues":["#, r#""rubocop_version":"#],
            r#"^(?:\[\{"filePath":|\{"Issues":\[|\{"metadata":\{.*"rubocop_version":)"#,
        )
        .reading(entry),
        Rule::new(K::TestFailure, &[r#""numFailedTestSuites":"#], r#"^\{.*"numFailedTestSuites":"#)
            .reading(entry),
        Rule::new(
            K::Unknown,
            KINDS,
            concat!(
                r#"^\{.*"(?:kind|type)": ?"(?:compile_error|type_error|lint|format|test_failure"#,
                r#"|dependency|infrastructure|timeout|oom|config|unknown|build_failure"#,
                r#"|build_error|lint_failure|lint_error|format_failure|format_error"#,
                r#"|typecheck_failure|test_error|dependency_failure|infrastructure_failure)".*\}$"#,
            ),
        )
        .reading(own),
    ],
};

/// The kinds of our own form and its other names, as they stand in JSON; short ones with their key,
/// because the search for short literals costs every log.
const KINDS: &[&str] = &[
    r#""compile_error""#,
    r#""type_error""#,
    r#""kind":"lint""#,
    r#""kind": "lint""#,
    r#""type":"lint""#,
    r#""type": "lint""#,
    r#""format""#,
    r#""test_failure""#,
    r#""dependency""#,
    r#""infrastructure""#,
    r#""timeout""#,
    r#""kind":"oom""#,
    r#""kind": "oom""#,
    r#""type":"oom""#,
    r#""type": "oom""#,
    r#""config""#,
    r#""unknown""#,
    r#""build_failure""#,
    r#""build_error""#,
    r#""lint_failure""#,
    r#""lint_error""#,
    r#""format_failure""#,
    r#""format_error""#,
    r#""typecheck_failure""#,
    r#""test_error""#,
    r#""dependency_failure""#,
    r#""infrastructure_failure""#,
];

/// An entry that says everything itself.
fn entry(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    found.extend(standing(draft, reports::entry(at.text(), &[])));
}

/// An entry of our own form. What names neither a file nor a task may as well be a program's own
/// log, which it writes when it goes on, too.
fn own(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    let mut entries = reports::entry(at.text(), &[]);
    for entry in &mut entries {
        let is_placed = entry.path.is_some() || entry.failure.task.is_some();
        entry.weight = if is_placed { Weight::Cause } else { Weight::Sign };
    }
    found.extend(standing(draft, entries));
}

/// An event of go: what failed stands in the outputs above.
fn go(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let line = at.text();
    let name = |key: &str| between(line, &format!("\"{key}\":\""), "\"");
    let Some(package) = name("Package").or_else(|| name("ImportPath")) else { return };
    let mut above: Vec<(usize, &str)> = at
        .lines_above(LOOK_LINES_MAX)
        .filter(|(_, line)| line.starts_with('{') && line.contains(package))
        .collect();
    above.reverse();
    let test = name("Test").map(|test| format!("\"Test\":\"{test}\""));
    let is_of = |line: &str| test.as_ref().is_none_or(|test| line.contains(test));
    let near = above.iter().find(|(distance, line)| *distance < BLOCK_LINES_MAX && is_of(line));
    draft.first = near.map_or(draft.first, |(distance, _)| at.index - distance);
    let above: Vec<&str> = above.into_iter().map(|(_, line)| line).collect();
    let mut entries = reports::entry(line, &above);
    let is_of_package = test.is_none() && line.contains("\"Action\":\"fail\"");
    for entry in &mut entries {
        // A package fails with its tests, which may stand further up than anybody looks.
        let is_own = entry.path.is_some() || entry.failure.message.starts_with("panic: ");
        if is_of_package && !is_own {
            entry.weight = Weight::Consequence;
        }
    }
    found.extend(standing(draft, entries));
}

/// What entries say, where the draft of their line stands in the log.
fn standing(draft: Draft, entries: Vec<Draft>) -> impl Iterator<Item = Draft> {
    entries.into_iter().map(move |mut entry| {
        (entry.first, entry.last) = (draft.first, draft.last);
        if entry.failure.tool.is_none() {
            entry.failure.tool.clone_from(&draft.failure.tool);
        }
        entry
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::tests::{check, check_failed, check_lines};

    const STAMP: &str = "2026-11-21T07:00:00.0000000Z ";

    /// The lines as a job's log holds them.
    fn stamped(lines: &[&str]) -> String {
        lines.iter().flat_map(|line| [STAMP, *line, "\n"]).collect()
    }

    #[test]
    fn every_kind_of_ours_calls_the_rule() {
        for kind in K::ALL {
            let line =
                format!(r#"{{"kind": "{}", "file": "a.c", "message": "it is so"}}"#, kind.as_str());
            let got = crate::evidence::read(
                line.as_bytes(),
                &crate::evidence::Hints { exit_code: Some(1), ..Default::default() },
            );
            assert_eq!(got.failures[0].kind, kind, "{line}");
            assert_eq!(got.failures[0].message, "it is so", "{line}");
        }
    }

    #[test]
    fn our_own_lines_between_others_are_failures_with_their_lines() {
        let log = stamped(&[
            "> turbo run lint",
            r#"{"type":"build_failure","task":"core:build","file":"./src/a.ts","line":4,"message":"no"}"#,
            "error: something that only looks like it",
            r#"{"kind":"lint","file":"src/b.ts","line":9,"severity":"warning","message":"mild"}"#,
            r#"{"level":"info","message":"an application's own log"}"#,
            "##[error]Process completed with exit code 1.",
        ]);
        check(&log, "compile_error src/a.ts:4 no");
        check_lines(&log, &[(2, 2)]);
        let prefixed =
            r#"web:lint: {"kind": "lint", "file": "src/b.ts", "line": 9, "message": "m"}"#;
        check_failed(prefixed, "lint src/b.ts:9 m");
    }

    #[test]
    fn a_programs_own_log_is_weaker_than_what_a_tool_says() {
        let log = concat!(
            r#"{"type":"timeout","message":"a client went away"}"#,
            "\nsrc/a.ts(1,5): error TS2339: no such thing\n",
        );
        check_failed(log, "type_error src/a.ts:1:5 [TS2339] no such thing");
    }

    #[test]
    fn a_test_of_go_is_read_out_of_its_events() {
        let log = stamped(&[
            r#"{"Action":"start","Package":"x.org/shop"}"#,
            r#"{"Action":"run","Package":"x.org/shop","Test":"TestA"}"#,
            r#"{"Action":"run","Package":"x.org/shop","Test":"TestA/two"}"#,
            r#"{"Action":"output","Package":"x.org/shop","Test":"TestA/two","Output":"    cart_test.go:12: got 3\n"}"#,
            r#"{"Action":"output","Package":"x.org/shop","Test":"TestA/two","Output":"    --- FAIL: TestA/two (0.00s)\n"}"#,
            r#"{"Action":"fail","Package":"x.org/shop","Test":"TestA/two","Elapsed":0}"#,
            r#"{"Action":"output","Package":"x.org/shop","Test":"TestA","Output":"--- FAIL: TestA (0.00s)\n"}"#,
            r#"{"Action":"fail","Package":"x.org/shop","Test":"TestA","Elapsed":0}"#,
            r#"{"Action":"output","Package":"x.org/shop","Output":"FAIL\tx.org/shop\t0.1s\n"}"#,
            r#"{"Action":"fail","Package":"x.org/shop","Elapsed":0.1}"#,
            "##[error]Process completed with exit code 1.",
        ]);
        check(&log, "test_failure cart_test.go:12 {TestA/two} got 3");
        check_lines(&log, &[(3, 6)]);
    }

    #[test]
    fn a_package_of_go_that_does_not_build_is_a_compile_error() {
        let built = r##"{"ImportPath":"x.org/a","Action":"build-output","Output":"# x.org/a\n"}
{"ImportPath":"x.org/a","Action":"build-output","Output":"./cart.go:5:9: undefined: totl\n"}
{"ImportPath":"x.org/a","Action":"build-fail"}
{"Action":"output","Package":"x.org/a","Output":"FAIL\tx.org/a [build failed]\n"}
{"Action":"fail","Package":"x.org/a","Elapsed":0,"FailedBuild":"x.org/a"}"##;
        check_failed(built, "compile_error cart.go:5:9 undefined: totl");
        let alone = r#"{"Action":"fail","Package":"x.org/a","Elapsed":0}"#;
        check_failed(alone, "test_failure the tests of x.org/a failed without a failing test");
    }

    #[test]
    fn messages_of_rust_are_read() {
        let log = concat!(
            "   Compiling shop v0.1.0\n",
            r#"{"reason":"compiler-message","target":{"name":"shop"},"message":{"rendered":"error[E0"#,
            r#"425]: x\n --> src/a.rs:3:5\n","$message_type":"diagnostic","level":"error","message":"#,
            r#""cannot find value `totl`","code":{"code":"E0425"},"spans":[{"file_name":"src/a.rs","#,
            r#""line_start":3,"line_end":3,"column_start":5,"is_primary":true}],"children":[]}}"#,
            "\n",
            r#"{"reason":"compiler-message","message":{"level":"warning","message":"unused","code":n"#,
            r#"ull,"spans":[{"file_name":"src/b.rs","line_start":1,"is_primary":true}]}}"#,
            "\n{\"reason\":\"build-finished\",\"success\":false}\n",
            "error: could not compile `shop` (lib) due to 1 previous error\n",
        );
        check_failed(log, "compile_error src/a.rs:3:5 [E0425] cannot find value `totl`");
        let test = concat!(
            r#"{ "type": "test", "name": "a::c", "event": "failed", "stdout": "thread 'a::c' panick"#,
            r#"ed at src/a.rs:9:5:\nassertion failed: x\n" }"#,
        );
        check_failed(test, "test_failure src/a.rs:9:5 {a::c} assertion failed: x");
    }

    #[test]
    fn a_linters_report_on_one_line_is_read_as_far_as_it_is_kept() {
        let one = |n: usize| {
            format!(
                concat!(
                    r#"{{"filePath":"/home/runner/work/a/a/s{}.js","messages":[{{"ruleId":"no-undef","#,
                    r#""severity":2,"message":"x is not defined","line":1,"column":2}}]}}"#,
                ),
                n
            )
        };
        check_failed(
            &format!("> eslint -f json .\n[{}]\n", one(1)),
            "lint s1.js:1:2 [no-undef] x is not defined",
        );
        let many: Vec<String> = (0..200).map(one).collect();
        let log = format!("[{}]\n", many.join(","));
        let hints = crate::evidence::Hints { exit_code: Some(1), ..Default::default() };
        let read = crate::evidence::read(log.as_bytes(), &hints);
        assert!((20..100).contains(&read.failures.len()), "{}", read.failures.len());
        assert!(read.failures.iter().all(|failure| failure.kind == K::Lint));
    }
}
