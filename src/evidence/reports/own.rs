//! The project's own form of a report: failures as this program writes them.
//!
//! JSON lines, a JSON array, or an object with `failures`. A failure is a superset of `{type, task,
//! file, line, message, suggestion}`; `type` is an alias of `kind`. What is no failure is skipped
//! and counted in the notes: a report is written by strangers too.

use serde_json::Value;

use super::json::{number, text};
use super::{Found, draft, severity_of};
use crate::domain::failure::{FailureKind, Severity, Source};

/// Whether a document is of this form: its first entry has a kind that we know and a message.
pub(super) fn knows(value: &Value) -> bool {
    let is_ours = |entry: &Value| kind_of(entry).is_some() && text(entry, "/message").is_some();
    match value {
        Value::Array(entries) => entries.iter().any(is_ours),
        Value::Object(report) => match report.get("failures") {
            Some(Value::Array(entries)) => {
                entries.iter().any(is_ours) || report.contains_key("schema_version")
            }
            Some(_) => false,
            None => is_ours(value),
        },
        _ => false,
    }
}

/// Reads a document that stands at a line.
pub(super) fn read(value: &Value, line: usize, found: &mut Found<'_>) {
    let inside = value.get("failures").unwrap_or(value);
    match inside {
        Value::Array(entries) => entries.iter().for_each(|entry| read_entry(entry, 0, found)),
        entry => read_entry(entry, line, found),
    }
}

fn read_entry(entry: &Value, line: usize, found: &mut Found<'_>) {
    let named = text(entry, "/kind").or_else(|| text(entry, "/type"));
    let (Some(_), Some(message)) = (named, text(entry, "/message")) else {
        found.skipped += 1;
        return;
    };
    let field = |name: &str| text(entry, name).map(str::to_owned);
    let kind = kind_of(entry).unwrap_or(FailureKind::Unknown);
    let mut draft = draft(kind, text(entry, "/tool").unwrap_or(""));
    draft.path = field("/file");
    let failure = &mut draft.failure;
    message.trim().clone_into(&mut failure.message);
    failure.task = field("/task");
    failure.line = number(entry, "/line");
    failure.column = number(entry, "/column");
    failure.end_line = number(entry, "/end_line");
    failure.code = field("/code");
    failure.test = field("/test");
    failure.suggestion = field("/suggestion");
    failure.severity = text(entry, "/severity").map_or(Severity::Error, severity_of);
    failure.source = Source {
        step: field("/source/step").or_else(|| field("/step")),
        first_line: number(entry, "/source/first_line").unwrap_or(0),
        last_line: number(entry, "/source/last_line").unwrap_or(0),
        jobs: Vec::new(), // a report may not say where it was seen
    };
    found.push(draft, line);
}

fn kind_of(entry: &Value) -> Option<FailureKind> {
    kind_named(text(entry, "/kind").or_else(|| text(entry, "/type"))?)
}

/// A kind by our name, or by the names that other reporters use.
fn kind_named(name: &str) -> Option<FailureKind> {
    FailureKind::parse(name).or(match name {
        "build_failure" | "build_error" | "build" | "compile" => Some(FailureKind::CompileError),
        "type" | "typecheck" | "type_check" | "typecheck_failure" => Some(FailureKind::TypeError),
        "lint_failure" | "lint_error" => Some(FailureKind::Lint),
        "format_failure" | "formatting" | "format_error" => Some(FailureKind::Format),
        "test" | "test_error" => Some(FailureKind::TestFailure),
        "dependency_failure" | "dependency_error" => Some(FailureKind::Dependency),
        "infra" | "infrastructure_failure" => Some(FailureKind::Infrastructure),
        "out_of_memory" => Some(FailureKind::Oom),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use crate::evidence::reports::ReportFormat::Selfheal;
    use crate::evidence::reports::tests::{check, notes_of};

    #[test]
    fn every_form_of_a_report_is_read() {
        let one = concat!(
            r#"{"type":"build_failure","task":"core:build","file":"./src/a.ts","line":4,"me"#,
            r#"ssage":"no","suggestion":"try"}"#,
        );
        let two = r#"{"kind":"lint","message":"bad"}"#;
        let first = "compile_error src/a.ts:4 (core:build) no\n  suggested: try";
        let both = format!("{first}\nlint bad");
        check(Selfheal, &format!("{one}\n{two}\n"), &both);
        check(Selfheal, &format!("[{one},{two}]"), &both);
        check(Selfheal, &format!("{{\"failures\":[{one},{two}]}}"), &both);
        check(Selfheal, one, first);
        check(Selfheal, &format!("{one}\nnot json\n{{\"a\":1}}"), first);
        check(Selfheal, r#"{"schema_version":1,"failures":[]}"#, "");
        assert_eq!(notes_of(&format!("{one}\n{{\"a\":1}}")).len(), 1);
    }

    #[test]
    fn a_report_is_hostile_text_too() {
        check(
            Selfheal,
            r#"{"kind":"lint","file":"/etc/passwd","message":"a\u0000b \u202e"}"#,
            "lint a\u{fffd}b \u{fffd} (in /etc/passwd)",
        );
        let above = r#"{"kind":"lint","file":"../../x","message":"m"}"#;
        check(Selfheal, above, "lint x m");
    }
}
