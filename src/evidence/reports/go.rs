//! Go: the events that `go test -json` and test2json write, one JSON document each.
//!
//! Outputs are gathered until a test ends. The innermost failing test is the fault: its parents
//! fail with it, and so does its package. A package that fails without a test did not build, or
//! its program ended by itself.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::json::text;
use super::{Found, draft, frames};
use crate::domain::failure::FailureKind;
use crate::evidence::draft::Draft;
use crate::evidence::text::floor;

/// How much of one test's output is kept: the cause stands at its front.
const OUTPUT_BYTES_MAX: usize = 32 * 1024;

/// How many lines of it are looked at.
const OUTPUT_LINES_MAX: usize = 2_000;

/// How many tests' outputs are gathered at once.
const OPEN_MAX: usize = 50_000;

/// How deep subtests are followed.
const SUBTESTS_MAX: usize = 16;

/// How many lines of a test's output become its message.
const MESSAGE_LINES_MAX: usize = 30;

/// How many faults are read of one package that did not build.
const BUILD_FAULTS_MAX: usize = 100;

/// Whether a document is an event.
pub(super) fn knows(value: &Value) -> bool {
    let is_named = text(value, "/Package").is_some() || text(value, "/ImportPath").is_some();
    is_named && text(value, "/Action").is_some()
}

/// What the events so far say.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// Outputs by package and test; a package's own has no test.
    open: HashMap<(String, String), String>,
    /// Tests with failed subtests, and packages with faults.
    explained: HashSet<(String, String)>,
}

impl Events {
    /// Takes one event.
    pub(super) fn event(&mut self, value: &Value, line: usize, found: &mut Found<'_>) {
        let package = text(value, "/Package").or_else(|| text(value, "/ImportPath"));
        let test = text(value, "/Test").unwrap_or("");
        let key = (package.unwrap_or("").to_owned(), test.to_owned());
        match text(value, "/Action").unwrap_or("") {
            "output" | "build-output" => {
                // Line feeds are outputs too, so no look at what is blank.
                let said = value.get("Output").and_then(Value::as_str).unwrap_or("");
                if self.open.len() < OPEN_MAX || self.open.contains_key(&key) {
                    let output = self.open.entry(key).or_default();
                    let room = OUTPUT_BYTES_MAX.saturating_sub(output.len());
                    output.push_str(floor(said, room));
                }
            }
            "pass" | "skip" => {
                self.open.remove(&key);
            }
            "build-fail" => {
                let output = self.open.remove(&key).unwrap_or_default();
                self.build(&key.0, &output, line, found);
            }
            "fail" if test.is_empty() => {
                if let Some(build) = text(value, "/FailedBuild") {
                    self.explained.insert((build.to_owned(), String::new()));
                    self.explained.insert(key.clone());
                }
                self.package(&key, line, found);
            }
            "fail" => self.test(&key, line, found),
            _ => {}
        }
    }

    /// What is still open ended with the report: a panic takes its test along.
    pub(super) fn end(self, found: &mut Found<'_>) {
        let mut left: Vec<_> = self.open.into_iter().collect();
        left.sort_unstable();
        for ((package, test), output) in left {
            let is_explained = self.explained.contains(&(package.clone(), test.clone()));
            if !is_explained && !test.is_empty() && output.contains("--- FAIL: ") {
                found.push(test_draft(&test, &output, found.roots), 0);
            } else if !is_explained && (output.contains("panic: ") || output.contains("\nFAIL")) {
                found.push(package_draft(&package, &output, found.roots), 0);
            }
        }
    }

    fn test(&mut self, key: &(String, String), line: usize, found: &mut Found<'_>) {
        let output = self.open.remove(key).unwrap_or_default();
        let (package, test) = key;
        self.explained.insert((package.clone(), String::new()));
        let parents = test.match_indices('/').take(SUBTESTS_MAX);
        for (at, _) in parents {
            self.explained.insert((package.clone(), test[..at].to_owned()));
        }
        if !self.explained.contains(key) {
            found.push(test_draft(test, &output, found.roots), line);
        }
    }

    fn build(&mut self, package: &str, output: &str, line: usize, found: &mut Found<'_>) {
        let before = found.drafts.len();
        for said in output.lines().take(BUILD_FAULTS_MAX) {
            let Some((path, row, column, message)) = placed(said) else { continue };
            let mut draft = draft(FailureKind::CompileError, "go");
            draft.place(path, Some(row), column);
            draft.say(message);
            found.push(draft, line);
        }
        if found.drafts.len() == before {
            let mut draft = draft(FailureKind::CompileError, "go");
            let told = output.lines().filter(|said| !said.starts_with("# "));
            told.take(MESSAGE_LINES_MAX).for_each(|said| draft.say(said));
            if draft.failure.message.is_empty() {
                draft.say(&format!("{package} does not build"));
            }
            found.push(draft, line);
        }
        self.explained.insert((package.to_owned(), String::new()));
    }

    fn package(&mut self, key: &(String, String), line: usize, found: &mut Found<'_>) {
        let output = self.open.remove(key).unwrap_or_default();
        if self.explained.contains(key) {
            return;
        }
        let does_not_build =
            ["[build failed]", "[setup failed]"].iter().any(|mark| output.contains(mark));
        if does_not_build {
            let told: String = output
                .lines()
                .filter(|said| !said.starts_with("FAIL"))
                .collect::<Vec<_>>()
                .join("\n");
            self.build(&key.0, &told, line, found);
        } else {
            found.push(package_draft(&key.0, &output, found.roots), line);
        }
    }
}

/// `path:line[:column]: message`, as the compiler and vet print it.
fn placed(said: &str) -> Option<(&str, u32, Option<u32>, &str)> {
    let said = said.strip_prefix("vet: ").unwrap_or(said);
    let (path, rest) = said.split_once(".go:")?;
    let path = said.get(..path.len() + ".go".len())?.trim();
    let (row, rest) = rest.split_once(':')?;
    let (column, message) = match rest.split_once(':') {
        Some((column, message)) if column.parse::<u32>().is_ok() => (column.parse().ok(), message),
        _ => (None, rest),
    };
    let is_path = !path.is_empty() && !path.contains([' ', '\t']);
    is_path.then_some((path, row.parse().ok().filter(|row| *row > 0)?, column, message.trim()))
}

fn package_draft(package: &str, output: &str, roots: &[String]) -> Draft {
    let kind = if output.contains("panic: test timed out after") {
        FailureKind::Timeout
    } else {
        FailureKind::TestFailure
    };
    let mut draft = draft(kind, "go test");
    draft.failure.task = Some(package.to_owned());
    explain(&mut draft, output, roots);
    if draft.failure.message.is_empty() {
        draft.say(&format!("the tests of {package} failed without a failing test"));
    }
    draft
}

fn test_draft(test: &str, output: &str, roots: &[String]) -> Draft {
    let mut draft = draft(FailureKind::TestFailure, "go test");
    draft.failure.test = Some(test.to_owned());
    if output.contains("panic: test timed out after") {
        draft.failure.kind = FailureKind::Timeout;
    }
    explain(&mut draft, output, roots);
    if draft.failure.message.is_empty() {
        draft.say("the test failed");
    }
    draft
}

/// Reads place and message out of a test's output; also of what gotestsum puts into JUnit.
pub(super) fn explain(draft: &mut Draft, output: &str, roots: &[String]) {
    let is_frame_word = |line: &str| {
        ["=== ", "--- ", "PASS", "FAIL", "ok  \t", "exit status", "coverage:"]
            .iter()
            .any(|word| line.starts_with(word))
    };
    let told = output.lines().map(str::trim).filter(|line| !is_frame_word(line));
    let told: Vec<&str> = told.take(OUTPUT_LINES_MAX).collect();
    let panic = told.iter().position(|line| line.starts_with("panic: "));
    if let Some(at) = panic {
        draft.say(told[at]);
        let trace = told[at..].join("\n");
        if let Some(place) = frames::place_in(&trace, None, roots) {
            place.put(draft);
        }
        return;
    }
    let placed_at = told.iter().position(|line| placed(line).is_some());
    if let Some((path, row, column, _)) = placed_at.and_then(|at| placed(told[at])) {
        draft.place(path, Some(row), column);
    }
    for line in told.iter().skip(placed_at.unwrap_or(0)).take(MESSAGE_LINES_MAX) {
        match line.split_once(':') {
            // testify's own lines.
            Some(("Error Trace", trace)) => {
                if let Some(place) = frames::place_in(trace.trim(), None, roots) {
                    place.put(draft);
                }
            }
            Some(("Test", _)) => {}
            Some(("Error", said)) => draft.say(said.trim()),
            _ => draft.say(placed(line).map_or(line, |(_, _, _, said)| said)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::reports::ReportFormat::GoTest;
    use crate::evidence::reports::tests::check;

    fn events(events: &[(&str, &str, &str)]) -> String {
        let one = |(action, test, output): &(&str, &str, &str)| {
            let mut event = serde_json::json!({ "Action": action, "Package": "x.org/shop" });
            for (name, value) in [("Test", test), ("Output", output)] {
                if !value.is_empty() {
                    event[name] = (*value).into();
                }
            }
            format!("{event}\n")
        };
        events.iter().map(one).collect()
    }

    #[test]
    fn the_innermost_failing_test_is_the_fault() {
        let report = events(&[
            ("run", "TestA", ""),
            ("output", "TestA", "=== RUN   TestA\n"),
            ("run", "TestA/two", ""),
            ("output", "TestA/two", "=== RUN   TestA/two\n"),
            ("output", "TestA/two", "    cart_test.go:12: got 3, want 4\n"),
            ("output", "TestA/two", "        and more\n"),
            ("output", "TestA/two", "    --- FAIL: TestA/two (0.00s)\n"),
            ("fail", "TestA/two", ""),
            ("output", "TestA", "--- FAIL: TestA (0.00s)\n"),
            ("fail", "TestA", ""),
            ("output", "TestB", "    b_test.go:1: fine\n"),
            ("pass", "TestB", ""),
            ("output", "", "FAIL\tx.org/shop\t0.1s\n"),
            ("fail", "", ""),
        ]);
        check(GoTest, &report, "test_failure cart_test.go:12 {TestA/two} got 3, want 4");
    }

    #[test]
    fn a_package_that_does_not_build_is_a_compile_error() {
        let built = concat!(
            r##"{"ImportPath":"x.org/shop [x.org/shop.test]","Action":"build-output","Output":"# x"##,
            r#".org/shop\n"}"#,
            "\n",
            r#"{"ImportPath":"x.org/shop [x.org/shop.test]","Action":"build-output","Output":"./ca"#,
            r#"rt.go:5:9: undefined: totl\n"}"#,
            "\n",
            r#"{"ImportPath":"x.org/shop [x.org/shop.test]","Action":"build-fail"}"#,
            "\n",
            r#"{"Action":"output","Package":"x.org/shop","Output":"FAIL\tx.org/shop [build failed]"#,
            r#"\n"}"#,
            "\n",
            r#"{"Action":"fail","Package":"x.org/shop","FailedBuild":"x.org/shop [x.org/shop.test]"}"#,
        );
        check(GoTest, built, "compile_error cart.go:5:9 undefined: totl");
        let older =
            events(&[("output", "", "FAIL\tx.org/shop [build failed]\n"), ("fail", "", "")]);
        check(GoTest, &older, "compile_error x.org/shop does not build");
    }

    #[test]
    fn a_panic_and_testify_say_where() {
        let panic = events(&[
            ("output", "TestP", "panic: boom [recovered]\n"),
            ("output", "TestP", "goroutine 7 [running]:\ntesting.tRunner()\n"),
            ("output", "TestP", "\t/usr/local/go/src/testing/testing.go:1 +0x1\n"),
            ("output", "TestP", "\t/home/runner/work/shop/shop/a/p_test.go:8 +0x1\n"),
            ("fail", "TestP", ""),
        ]);
        check(GoTest, &panic, "test_failure a/p_test.go:8 {TestP} panic: boom [recovered]");
        let testify = events(&[
            ("output", "TestT", "    t_test.go:9: \n"),
            ("output", "TestT", "        \tError Trace:\t/builds/a/shop/t/t_test.go:9\n"),
            ("output", "TestT", "        \tError:      \tNot equal: \n"),
            ("output", "TestT", "        \tTest:       \tTestT\n"),
            ("fail", "TestT", ""),
        ]);
        check(GoTest, &testify, "test_failure t/t_test.go:9 {TestT} Not equal:");
    }

    #[test]
    fn a_package_that_ends_by_itself_or_runs_too_long_is_a_fault() {
        let timed = events(&[
            ("output", "", "panic: test timed out after 1s\n"),
            ("output", "", "FAIL\tx.org/shop\t1s\n"),
            ("fail", "", ""),
        ]);
        check(GoTest, &timed, "timeout (x.org/shop) panic: test timed out after 1s");
        let silent = events(&[("output", "", "FAIL\tx.org/shop\t1s\n"), ("fail", "", "")]);
        let said = "the tests of x.org/shop failed without a failing test";
        check(GoTest, &silent, &format!("test_failure (x.org/shop) {said}"));
        check(GoTest, &events(&[("pass", "TestA", ""), ("pass", "", "")]), "");
    }
}
