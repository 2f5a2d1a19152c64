//! Rust: what cargo and rustc write with `--message-format=json`, and libtest with `--format json`.
//!
//! A compiler's message is placed at its primary span, outside of macros of others. Warnings keep
//! their severity; what only counts errors is skipped.

use serde_json::Value;

use super::frames;
use super::json::{array, number, text};
use super::{Found, draft, severity_of};
use crate::domain::failure::FailureKind;
use crate::evidence::paths::{self, Roots};

/// How many macro expansions are walked to reach the repository's own code.
const EXPANSIONS_MAX: usize = 32;

/// How many suggestions of one message are kept.
const SUGGESTIONS_MAX: usize = 4;

/// Whether a document is a message of cargo, rustc or libtest.
pub(super) fn knows(value: &Value) -> bool {
    let is_rustc = value.get("level").is_some() && value.get("spans").is_some_and(Value::is_array);
    let is_cargo = text(value, "/reason").is_some_and(|reason| {
        reason.starts_with("compiler-") || reason.starts_with("build-") || reason == "timing-info"
    });
    is_cargo || is_rustc || value.get("$message_type").is_some() || is_libtest(value)
}

fn is_libtest(value: &Value) -> bool {
    matches!(text(value, "/type"), Some("test" | "suite")) && value.get("event").is_some()
}

/// Reads one message.
pub(super) fn read(value: &Value, line: usize, found: &mut Found<'_>) {
    if is_libtest(value) {
        read_test(value, line, found);
    } else if text(value, "/reason") == Some("compiler-message") {
        let target = text(value, "/target/name");
        read_message(value.get("message").unwrap_or(&Value::Null), target, line, found);
    } else if value.get("spans").is_some() {
        read_message(value, None, line, found);
    }
}

fn read_message(message: &Value, target: Option<&str>, line: usize, found: &mut Found<'_>) {
    let level = text(message, "/level").unwrap_or("");
    let Some(said) = text(message, "/message") else { return };
    let spans = array(message, "/spans");
    let is_fault = level.starts_with("error") || level == "warning";
    let is_summary = spans.is_empty()
        && (said.starts_with("aborting due to")
            || said.starts_with("could not compile")
            || said.ends_with("emitted"));
    if !is_fault || is_summary {
        return;
    }
    let code = text(message, "/code/code");
    let is_lint = code.is_some_and(|code| code.starts_with(|c: char| c.is_ascii_lowercase()));
    let is_clippy = code.is_some_and(|code| code.starts_with("clippy::"));
    let kind = if is_lint { FailureKind::Lint } else { FailureKind::CompileError };
    let mut draft = draft(kind, if is_clippy { "clippy" } else { "rustc" });
    draft.failure.code = code.map(str::to_owned);
    draft.failure.severity = severity_of(level);
    draft.failure.task = target.map(str::to_owned);
    draft.say(said);
    let primary = spans.iter().find(|span| span.get("is_primary") == Some(&Value::Bool(true)));
    if let Some(span) = primary.and_then(|span| own_span(span, found)) {
        let path = text(span, "/file_name").unwrap_or("");
        draft.place(path, number(span, "/line_start"), number(span, "/column_start"));
        let end = number(span, "/line_end");
        draft.failure.end_line = end.filter(|end| Some(*end) > draft.failure.line);
    }
    if let Some(label) = primary.and_then(|span| text(span, "/label")) {
        draft.say(label);
    }
    let mut suggestions = Vec::new();
    for child in array(message, "/children") {
        let said = text(child, "/message").unwrap_or("");
        let replaced = array(child, "/spans").iter().find_map(replacement);
        match replaced {
            Some("") => suggestions.push(said.to_owned()),
            Some(text) => suggestions.push(format!("{said}: `{}`", text.trim())),
            None => draft.say(said),
        }
    }
    suggestions.truncate(SUGGESTIONS_MAX);
    draft.failure.suggestion = Some(suggestions.join("\n")).filter(|text| !text.is_empty());
    found.push(draft, line);
}

fn replacement(span: &Value) -> Option<&str> {
    span.get("suggested_replacement")?.as_str()
}

/// The span in code of the repository: where a macro was called, not where it is defined.
fn own_span<'v>(span: &'v Value, found: &Found<'_>) -> Option<&'v Value> {
    let roots = Roots { given: found.roots, learned: &[] };
    let mut at = span;
    for _ in 0..EXPANSIONS_MAX {
        let name = text(at, "/file_name")?;
        if paths::relative(name, &roots).is_some() {
            return Some(at);
        }
        match at.pointer("/expansion/span") {
            Some(outer) => at = outer,
            None => break,
        }
    }
    Some(span)
}

fn read_test(value: &Value, line: usize, found: &mut Found<'_>) {
    let event = text(value, "/event").unwrap_or("");
    let is_test = text(value, "/type") == Some("test");
    if !is_test || !matches!(event, "failed" | "timeout") {
        return;
    }
    let mut draft = draft(FailureKind::TestFailure, "cargo test");
    if event == "timeout" {
        draft.failure.kind = FailureKind::Timeout;
    }
    draft.failure.test = text(value, "/name").map(str::to_owned);
    let output = text(value, "/stdout").unwrap_or("");
    if let Some(place) = frames::place_in(output, None, found.roots) {
        place.put(&mut draft);
    }
    let told = output.lines().skip_while(|line| !line.contains("panicked at")).skip(1);
    for line in told.take_while(|line| !line.starts_with("note: run with")) {
        draft.say(line);
    }
    if draft.failure.message.is_empty() {
        let reason = text(value, "/message").or_else(|| text(value, "/reason"));
        draft.say(reason.unwrap_or("the test failed"));
    }
    found.push(draft, line);
}

#[cfg(test)]
mod tests {
    use crate::evidence::reports::ReportFormat::Cargo;
    use crate::evidence::reports::tests::check;

    #[test]
    fn a_compilers_message_has_its_place_code_and_suggestion() {
        check(
            Cargo,
            concat!(
                r#"{"reason":"compiler-artifact","target":{"name":"dep"}}"#,
                "\n",
                r#"{"reason":"compiler-message","target":{"name":"shop"},"message":{"level":"error""#,
                r#","message":"cannot find value `totl`","code":{"code":"E0425"},"spans":[{"file_n"#,
                r#"ame":"src/a.rs","line_start":3,"line_end":3,"column_start":5,"is_primary":true,"#,
                r#""label":"not found"}],"children":[{"level":"help","message":"a local exists","#,
                r#""spans":[{"suggested_replacement":"total"}]}]}}"#,
                "\n",
                r#"{"reason":"compiler-message","message":{"level":"error","message":"aborting due"#,
                r#" to 1 previous error","code":null,"spans":[],"children":[]}}"#,
                "\n",
                r#"{"reason":"build-finished","success":false}"#,
            ),
            concat!(
                "compile_error src/a.rs:3:5 [E0425] (shop) cannot find value `totl`\n",
                "  suggested: a local exists: `total`",
            ),
        );
    }

    #[test]
    fn lints_are_lints_and_warnings_stand_behind_errors() {
        check(
            Cargo,
            concat!(
                r#"{"$message_type":"diagnostic","level":"warning","message":"unused variable: `x`","#,
                r#""code":{"code":"unused_variables"},"spans":[{"file_name":"src/a.rs","line_start""#,
                r#":1,"column_start":2,"is_primary":true}],"children":[]}"#,
                "\n   Compiling shop v0.1.0\n",
                r#"{"$message_type":"diagnostic","level":"error","message":"needless borrow","code":"#,
                r#"{"code":"clippy::needless_borrow"},"spans":[{"file_name":"/rustc/abc/library/m.rs""#,
                r#","line_start":9,"is_primary":true,"expansion":{"span":{"file_name":"src/b.rs","#,
                r#""line_start":7,"column_start":1}}}],"children":[]}"#,
            ),
            concat!(
                "lint src/b.rs:7:1 [clippy::needless_borrow] needless borrow\n",
                "warning lint src/a.rs:1:2 [unused_variables] unused variable: `x`",
            ),
        );
    }

    #[test]
    fn a_test_of_libtest_says_where_it_panicked() {
        check(
            Cargo,
            concat!(
                r#"{"type":"suite","event":"started","test_count":2}"#,
                "\n",
                r#"{"type":"test","event":"ok","name":"a::b"}"#,
                "\n",
                r#"{"type":"test","name":"a::c","event":"failed","stdout":"thread 'a::c' panicked a"#,
                r#"t src/a.rs:9:5:\nassertion failed: x\nnote: run with `RUST_BACKTRACE=1`\n"}"#,
                "\n",
                r#"{"type":"suite","event":"failed","passed":1,"failed":1}"#,
            ),
            "test_failure src/a.rs:9:5 {a::c} assertion failed: x",
        );
    }
}
