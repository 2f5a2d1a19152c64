//! Structured reports of the project's own form, which say more than any log.
//!
//! Accepted: JSON lines of failures, a JSON array of them, or an object with `failures`. A failure
//! is a superset of `{type, task, file, line, message, suggestion}`; `type` is an alias of `kind`.
//! What is no failure is skipped and counted in the notes: a report is written by strangers too.

use serde_json::{Map, Value};

use super::paths::{self, Roots};
use super::redact::{Redactor, harmless};
use super::text::floor;
use super::{Reading, Stats};
use crate::domain::failure::{
    FAILURES_MAX, Failure, FailureKind, MESSAGE_BYTES_MAX, Severity, Source,
};

/// The longest code, test, task or suggestion kept.
const FIELD_BYTES_MAX: usize = 1024;

/// Reads a structured report.
pub fn from_report_lines(bytes: &[u8]) -> Reading {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}').trim();
    let (values, mut skipped) = values_in(text);
    let mut reading = Reading {
        stats: Stats { bytes: bytes.len(), lines: text.lines().count() },
        ..Reading::default()
    };
    let mut left_out = 0usize;
    for value in &values {
        match value.as_object().and_then(failure_in) {
            Some(_) if reading.failures.len() >= FAILURES_MAX => left_out += 1,
            Some(failure) => reading.failures.push(failure),
            None => skipped += 1,
        }
    }
    if skipped > 0 {
        reading.notes.push(format!("{skipped} entries of the report are not failures"));
    }
    if left_out > 0 {
        reading.notes.push(format!("{left_out} more failures left out"));
    }
    reading
}

/// The entries of a report, and how many lines were no JSON.
fn values_in(text: &str) -> (Vec<Value>, usize) {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(entries)) => return (entries, 0),
        Ok(Value::Object(mut report)) => {
            return match report.remove("failures") {
                Some(Value::Array(entries)) => (entries, 0),
                Some(_) => (Vec::new(), 1),
                None => (vec![Value::Object(report)], 0),
            };
        }
        Ok(_) | Err(_) => {}
    }
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let values: Vec<Value> =
        lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let skipped = lines.len() - values.len();
    (values, skipped)
}

fn failure_in(entry: &Map<String, Value>) -> Option<Failure> {
    let redactor = Redactor::default();
    let clean = |text: &Value, bytes_max: usize| {
        let text = text.as_str()?.trim();
        let text = floor(&harmless(&redactor.redact(text)), bytes_max).to_owned();
        Some(text).filter(|text| !text.is_empty())
    };
    let text = |name: &str, bytes_max: usize| clean(entry.get(name)?, bytes_max);
    let number = |name: &str| {
        let number = entry.get(name)?.as_u64()?;
        u32::try_from(number).ok().filter(|number| *number > 0)
    };
    let kind = text("kind", FIELD_BYTES_MAX).or_else(|| text("type", FIELD_BYTES_MAX))?;
    let mut failure = Failure::new(kind_named(&kind), text("message", MESSAGE_BYTES_MAX)?);
    failure.tool = text("tool", FIELD_BYTES_MAX);
    failure.task = text("task", FIELD_BYTES_MAX);
    failure.file =
        text("file", MESSAGE_BYTES_MAX).and_then(|file| paths::relative(&file, &Roots::default()));
    failure.line = number("line");
    failure.column = number("column");
    failure.end_line = number("end_line");
    failure.code = text("code", FIELD_BYTES_MAX);
    failure.test = text("test", FIELD_BYTES_MAX);
    failure.suggestion = text("suggestion", FIELD_BYTES_MAX);
    failure.severity = match text("severity", FIELD_BYTES_MAX).as_deref() {
        Some("warning") => Severity::Warning,
        Some("note" | "info") => Severity::Note,
        Some(_) | None => Severity::Error,
    };
    let source = entry.get("source");
    let step = source.and_then(|source| clean(source.get("step")?, FIELD_BYTES_MAX));
    failure.source = source_in(source, step.or_else(|| text("step", FIELD_BYTES_MAX)));
    Some(failure)
}

fn source_in(source: Option<&Value>, step: Option<String>) -> Source {
    let line = |name: &str| {
        let number = source.and_then(|source| source.get(name)?.as_u64()).unwrap_or(0);
        u32::try_from(number).unwrap_or(0)
    };
    Source { step, first_line: line("first_line"), last_line: line("last_line") }
}

/// A kind by our name, or by the names that other reporters use.
fn kind_named(name: &str) -> FailureKind {
    FailureKind::parse(name).unwrap_or(match name {
        "build_failure" | "build_error" | "build" | "compile" => FailureKind::CompileError,
        "type" | "typecheck" | "type_check" | "typecheck_failure" => FailureKind::TypeError,
        "lint_failure" | "lint_error" => FailureKind::Lint,
        "format_failure" | "formatting" | "format_error" => FailureKind::Format,
        "test" | "test_error" => FailureKind::TestFailure,
        "dependency_failure" | "dependency_error" => FailureKind::Dependency,
        "infra" | "infrastructure_failure" => FailureKind::Infrastructure,
        "out_of_memory" => FailureKind::Oom,
        _ => FailureKind::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::RepoPath;

    #[track_caller]
    fn check(report: &str, expected: &[(FailureKind, Option<&str>, &str)], notes: usize) {
        let reading = from_report_lines(report.as_bytes());
        let got: Vec<_> = reading
            .failures
            .iter()
            .map(|f| (f.kind, f.file.as_ref().map(RepoPath::as_str), f.message.as_str()))
            .collect();
        assert_eq!(got, expected, "{report}");
        assert_eq!(reading.notes.len(), notes, "{:?}", reading.notes);
    }

    #[test]
    fn every_form_of_a_report_is_read() {
        let one = concat!(
            r#"{"type":"build_failure","task":"core:build","file":"./src/a.ts","line":4,"me"#,
            r#"ssage":"no","suggestion":"try"}"#,
        );
        let two = r#"{"kind":"lint","message":"bad"}"#;
        let first = (FailureKind::CompileError, Some("src/a.ts"), "no");
        let second = (FailureKind::Lint, None, "bad");
        check(&format!("{one}\n{two}\n"), &[first, second], 0);
        check(&format!("[{one},{two}]"), &[first, second], 0);
        check(&format!("{{\"failures\":[{one},{two}]}}"), &[first, second], 0);
        check(one, &[first], 0);
        check(&format!("{one}\nnot json\n{{\"a\":1}}"), &[first], 1);
        check("", &[], 0);
    }

    #[test]
    fn a_step_is_as_short_and_harmless_as_any_other_field() {
        let long = "s".repeat(2 * FIELD_BYTES_MAX);
        let report =
            format!(r#"{{"kind":"lint","message":"m","source":{{"step":"\u001b{long}"}}}}"#);
        let step = from_report_lines(report.as_bytes()).failures[0].source.step.clone().unwrap();
        assert!(step.len() <= FIELD_BYTES_MAX && step.starts_with("\u{fffd}s"), "{step}");
    }

    #[test]
    fn a_report_is_hostile_text_too() {
        check(
            r#"{"kind":"mystery","file":"/etc/passwd","message":"a\u0000b \u202e"}"#,
            &[(FailureKind::Unknown, None, "a\u{fffd}b \u{fffd}")],
            0,
        );
        check(
            r#"{"kind":"lint","file":"../../x","message":"m"}"#,
            &[(FailureKind::Lint, Some("x"), "m")],
            0,
        );
    }
}
