//! Test runners' JSON reporters: Jest and Vitest, Playwright, RSpec.
//!
//! A test that passed on a retry is no failure.

use serde_json::Value;

use super::json::{array, number, text};
use super::{Found, draft, frames};
use crate::domain::failure::FailureKind;
use crate::evidence::draft::Draft;
use crate::evidence::plain;

/// How deep suites may lie in each other; serde reads no deeper than that either.
const SUITES_MAX: usize = 100;

/// How many lines of an error become the message.
const MESSAGE_LINES_MAX: usize = 40;

/// Whether a document is a report of a test runner that is known.
pub(super) fn knows(value: &Value) -> bool {
    is_jest(value) || is_playwright(value) || is_rspec(value)
}

fn is_jest(value: &Value) -> bool {
    value.get("testResults").is_some_and(Value::is_array) && value.get("numTotalTests").is_some()
}

fn is_playwright(value: &Value) -> bool {
    value.get("suites").is_some_and(Value::is_array) && value.pointer("/config/projects").is_some()
}

fn is_rspec(value: &Value) -> bool {
    value.get("examples").is_some_and(Value::is_array) && value.get("summary_line").is_some()
}

/// Reads a document.
pub(super) fn read(value: &Value, found: &mut Found<'_>) {
    if is_jest(value) {
        // Vitest writes the same and calls the runner nowhere.
        for file in array(value, "/testResults") {
            jest_file(file, found);
        }
    } else if is_playwright(value) {
        for error in array(value, "/errors") {
            let mut draft = draft(FailureKind::TestFailure, "playwright");
            playwright_error(&mut draft, error, found.roots);
            found.push(draft, 0);
        }
        let mut title = Vec::new();
        for suite in array(value, "/suites") {
            playwright(suite, &mut title, found);
        }
    } else {
        rspec(value, found);
    }
}

fn jest_file(file: &Value, found: &mut Found<'_>) {
    let path = text(file, "/name").or_else(|| text(file, "/testFilePath"));
    let mut failed = 0;
    for test in array(file, "/assertionResults") {
        if text(test, "/status") != Some("failed") {
            continue;
        }
        failed += 1;
        let mut draft = draft(FailureKind::TestFailure, "jest");
        draft.failure.test =
            text(test, "/fullName").or_else(|| text(test, "/title")).map(str::to_owned);
        draft.path = path.map(str::to_owned);
        let said = array(test, "/failureMessages").iter().find_map(Value::as_str).unwrap_or("");
        say(&mut draft, said, found.roots);
        if draft.failure.line.is_none() {
            draft.failure.line = number(test, "/location/line");
        }
        found.push(draft, 0);
    }
    let said = text(file, "/message").unwrap_or("");
    if failed == 0 && text(file, "/status") == Some("failed") {
        let mut draft = draft(FailureKind::TestFailure, "jest");
        draft.path = path.map(str::to_owned);
        say(
            &mut draft,
            if said.is_empty() { "the test suite failed to run" } else { said },
            found.roots,
        );
        found.push(draft, 0);
    }
}

fn playwright<'v>(suite: &'v Value, title: &mut Vec<&'v str>, found: &mut Found<'_>) {
    if title.len() > SUITES_MAX {
        return;
    }
    title.push(text(suite, "/title").unwrap_or(""));
    for spec in array(suite, "/specs") {
        let failed =
            array(spec, "/tests").iter().find(|test| text(test, "/status") == Some("unexpected"));
        let Some(test) = failed else { continue };
        let mut draft = draft(FailureKind::TestFailure, "playwright");
        // The outermost suite is the file.
        let names = title.iter().skip(1).copied().chain(text(spec, "/title"));
        let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
        draft.failure.test = Some(names.join(" › ")).filter(|name| !name.is_empty());
        draft.place(text(spec, "/file").unwrap_or(""), number(spec, "/line"), None);
        let last = array(test, "/results").iter().rev();
        let error = last.clone().find_map(|run| run.get("error").filter(|e| e.is_object()));
        match error {
            Some(error) => playwright_error(&mut draft, error, found.roots),
            None => draft.say("the test failed"),
        }
        if last.clone().any(|run| text(run, "/status") == Some("timedOut")) {
            draft.failure.kind = FailureKind::Timeout;
        }
        found.push(draft, 0);
    }
    for inner in array(suite, "/suites") {
        playwright(inner, title, found);
    }
    title.pop();
}

fn playwright_error(draft: &mut Draft, error: &Value, roots: &[String]) {
    say(draft, text(error, "/message").unwrap_or("the test failed"), roots);
    if let Some(path) = text(error, "/location/file") {
        draft.place(path, number(error, "/location/line"), number(error, "/location/column"));
    }
}

fn rspec(value: &Value, found: &mut Found<'_>) {
    for example in array(value, "/examples") {
        if text(example, "/status") != Some("failed") {
            continue;
        }
        let mut draft = draft(FailureKind::TestFailure, "rspec");
        draft.failure.test = text(example, "/full_description").map(str::to_owned);
        draft.place(
            text(example, "/file_path").unwrap_or(""),
            number(example, "/line_number"),
            None,
        );
        draft.failure.code = text(example, "/exception/class").map(str::to_owned);
        draft.say(text(example, "/exception/message").unwrap_or("the example failed").trim());
        let trace: Vec<&str> =
            array(example, "/exception/backtrace").iter().filter_map(Value::as_str).collect();
        if let Some(place) = frames::place_in(&trace.join("\n"), None, found.roots) {
            place.put(&mut draft);
        }
        found.push(draft, 0);
    }
    let outside = number(value, "/summary/errors_outside_of_examples_count");
    if outside.is_some() && found.drafts.is_empty() {
        let mut draft = draft(FailureKind::TestFailure, "rspec");
        let said: Vec<&str> = array(value, "/messages").iter().filter_map(Value::as_str).collect();
        draft.say(&said.join("\n"));
        draft.say(text(value, "/summary_line").unwrap_or(""));
        found.push(draft, 0);
    }
}

/// The error's own words without its stack, and the place of its frame.
fn say(draft: &mut Draft, said: &str, roots: &[String]) {
    let clean = plain(said);
    let told = clean.lines().take_while(|line| !line.trim_start().starts_with("at "));
    for line in told.take(MESSAGE_LINES_MAX) {
        draft.say(line);
    }
    if let Some(place) = frames::place_in(&clean, None, roots) {
        place.put(draft);
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::reports::ReportFormat::Tests;
    use crate::evidence::reports::tests::check;

    #[test]
    fn jest_names_the_test_and_its_frame() {
        check(
            Tests,
            concat!(
                r#"{"numTotalTests":2,"testResults":[{"name":"/home/runner/work/s/s/a.test.js","st"#,
                r#"atus":"failed","message":"x","assertionResults":[{"status":"passed","fullName":"#,
                r#""a b"},{"status":"failed","fullName":"cart adds","failureMessages":["Error: \u0"#,
                r#"01b[31mexpected 5\u001b[39m\n    at add (/home/runner/work/s/s/a.test.js:4:7)\n"#,
                r#"    at run (/home/runner/work/s/s/node_modules/jest/x.js:1:1)"]}]},{"name":"/app/"#,
                r#"b.test.js","status":"failed","message":"Cannot find module 'y'","assertionResul"#,
                r#"ts":[]}]}"#,
            ),
            concat!(
                "test_failure a.test.js:4:7 {cart adds} Error: expected 5\n",
                "test_failure b.test.js Cannot find module 'y'",
            ),
        );
    }

    #[test]
    fn playwright_counts_what_no_retry_cured() {
        check(
            Tests,
            concat!(
                r#"{"config":{"projects":[]},"suites":[{"title":"a.spec.ts","specs":[],"suites":[{"#,
                r#""title":"cart","specs":[{"title":"adds","file":"a.spec.ts","line":3,"tests":[{"#,
                r#""status":"unexpected","results":[{"status":"failed","error":{"message":"Error: "#,
                r#"no","location":{"file":"/builds/g/s/e2e/a.spec.ts","line":5,"column":2}}}]}]},{"#,
                r#""title":"flaky","file":"a.spec.ts","line":9,"tests":[{"status":"flaky","results"#,
                r#"":[]}]}]}]}],"errors":[]}"#,
            ),
            "test_failure e2e/a.spec.ts:5:2 {cart › adds} Error: no",
        );
    }

    #[test]
    fn rspec_names_the_example_and_its_exception() {
        check(
            Tests,
            concat!(
                r#"{"version":"3","examples":[{"full_description":"Cart adds","status":"failed","f"#,
                r#"ile_path":"./spec/cart_spec.rb","line_number":3,"exception":{"class":"RSpec::Ex"#,
                r#"pectations::ExpectationNotMetError","message":"\nexpected: 5\n     got: 4\n","b"#,
                r#"acktrace":["/usr/lib/ruby/gems/x.rb:1:in `y'","./spec/cart_spec.rb:5:in `block'"#,
                r#""]}},{"full_description":"ok","status":"passed"}],"summary":{},"summary_line":"#,
                r#""2 examples, 1 failure"}"#,
            ),
            concat!(
                "test_failure spec/cart_spec.rb:5 [RSpec::Expectations::ExpectationNotMetError] ",
                "{Cart adds} expected: 5",
            ),
        );
    }
}
