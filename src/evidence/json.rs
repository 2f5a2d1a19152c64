//! The JSON form of a reading: what `selfheal parse` prints and reports carry.
//!
//! The form is these types: what is printed and what `docs/schemas/failures.json` promises are both
//! made of them, so that neither can drift from the other.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

use serde::Serialize;
use serde_json::Value;

use super::{Piece, Reading};
use crate::domain::failure::Failure;

/// Version of the JSON form; it grows when a field changes its meaning, not when one is added.
pub const SCHEMA_VERSION: u32 = 1;

/// The failures that were read of one log or report.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "selfheal failures")]
struct FailuresNote<'r> {
    /// The version of this form.
    #[schemars(extend("const" = SCHEMA_VERSION))]
    schema_version: u32,
    /// What was read: `log`, or the format of a structured report.
    format: &'r str,
    /// The faults, what to fix first at the front. What a report calls a warning stands behind.
    failures: Vec<FailureNote<'r>>,
    /// The lines that matter; redacted, but still a stranger's text.
    excerpts: Vec<PieceNote<'r>>,
    /// What a reader should know about how it was read.
    notes: &'r [String],
    /// How much was read.
    stats: StatsNote,
}

/// One fault. A field that is null is not known.
#[derive(Debug, Serialize, JsonSchema)]
struct FailureNote<'r> {
    /// What sort of fault it is: `compile_error`, `test_failure`, ….
    kind: &'r str,
    /// The tool that reported it.
    tool: Option<&'r str>,
    /// The task or target within the build.
    task: Option<&'r str>,
    /// The file at fault, relative to the repository, with forward slashes.
    file: Option<&'r str>,
    /// The first line, counted from 1.
    line: Option<u32>,
    /// The column, counted from 1.
    column: Option<u32>,
    /// The last line, when the fault spans several.
    end_line: Option<u32>,
    /// The tool's own code.
    code: Option<&'r str>,
    /// The test's full name.
    test: Option<&'r str>,
    /// What the tool said.
    message: &'r str,
    /// What the tool suggests to do.
    suggestion: Option<&'r str>,
    /// `error`, `warning` or `note`, as the tool itself called it.
    severity: &'r str,
    /// Where it stands in what was read.
    source: SourceNote<'r>,
    /// The first and the last line of it, counted from 1; 0 where it is not known.
    log_range: [u32; 2],
    /// The same for the same fault in every run, on every machine: 24 hexadecimal digits.
    fingerprint: String,
}

/// Where a fault stands in what was read.
#[derive(Debug, Serialize, JsonSchema)]
struct SourceNote<'r> {
    /// The step of CI that printed it.
    step: Option<&'r str>,
    /// The first line, counted from 1; 0 where it is not known.
    first_line: u32,
    /// The last line.
    last_line: u32,
}

/// Lines that stand together.
#[derive(Debug, Serialize, JsonSchema)]
struct PieceNote<'r> {
    /// The first line, counted from 1.
    start: usize,
    /// The last line.
    end: usize,
    /// Why they matter.
    why: &'r str,
    /// The lines with their numbers.
    text: &'r str,
}

/// How much was read.
#[derive(Debug, Serialize, JsonSchema)]
struct StatsNote {
    /// Bytes of the log or report.
    bytes: usize,
    /// Lines of it.
    lines: usize,
}

/// A reading as JSON, in the form of [`failures_schema`].
pub fn failures_json(reading: &Reading, excerpts: &[Piece]) -> Value {
    let note = FailuresNote {
        schema_version: SCHEMA_VERSION,
        format: reading.format.as_str(),
        failures: reading.failures.iter().map(failure_note).collect(),
        excerpts: excerpts.iter().map(piece_note).collect(),
        notes: &reading.notes,
        stats: StatsNote { bytes: reading.stats.bytes, lines: reading.stats.lines },
    };
    serde_json::to_value(note).expect("invariant: the note is texts, numbers and lists of them")
}

/// The JSON Schema of what [`failures_json`] makes.
pub fn failures_schema() -> Value {
    let settings = SchemaSettings::draft07().for_serialize();
    settings.into_generator().into_root_schema_for::<FailuresNote<'static>>().to_value()
}

fn piece_note(piece: &Piece) -> PieceNote<'_> {
    PieceNote { start: piece.first_line, end: piece.last_line, why: &piece.why, text: &piece.text }
}

fn failure_note(failure: &Failure) -> FailureNote<'_> {
    let source = &failure.source;
    FailureNote {
        kind: failure.kind.as_str(),
        tool: failure.tool.as_deref(),
        task: failure.task.as_deref(),
        file: failure.file.as_ref().map(crate::domain::ids::RepoPath::as_str),
        line: failure.line,
        column: failure.column,
        end_line: failure.end_line,
        code: failure.code.as_deref(),
        test: failure.test.as_deref(),
        message: &failure.message,
        suggestion: failure.suggestion.as_deref(),
        severity: failure.severity.as_str(),
        source: SourceNote {
            step: source.step.as_deref(),
            first_line: source.first_line,
            last_line: source.last_line,
        },
        log_range: [source.first_line, source.last_line],
        fingerprint: failure.fingerprint().as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Hints, read, read_report};

    /// Every property that an object has must be known, and every required one must be there.
    #[track_caller]
    fn check(value: &Value, schema: &Value, root: &Value) {
        // A reference with a description of its own is wrapped.
        let reference = schema.pointer("/allOf/0/$ref").or_else(|| schema.get("$ref"));
        let schema = match reference.and_then(Value::as_str) {
            Some(name) => root.pointer(name.trim_start_matches('#')).unwrap(),
            None => schema,
        };
        match value {
            Value::Object(object) => {
                let known = schema["properties"].as_object().unwrap();
                assert!(object.keys().eq(known.keys()), "{object:?} {known:?}");
                for name in schema["required"].as_array().into_iter().flatten() {
                    assert!(object.contains_key(name.as_str().unwrap()), "{name}");
                }
                for (name, value) in object {
                    check(value, &known[name], root);
                }
            }
            Value::Array(entries) => {
                for entry in entries {
                    check(entry, &schema["items"], root);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn what_is_printed_is_of_the_published_schema() {
        let schema = failures_schema();
        let log = b"src/a.ts(1,2): error TS1: no\n##[error]Process completed with exit code 1.\n";
        let reading = read(log, &Hints::default());
        assert_eq!(reading.failures.len(), 1);
        let json = failures_json(&reading, &reading.pieces(1000));
        check(&json, &schema, &schema);
        let printed = json.to_string();
        // What is printed can be read back.
        let again = read_report(printed.as_bytes(), &Hints::default()).unwrap();
        assert_eq!(again.failures, reading.failures);
    }

    #[test]
    fn the_published_schema_is_current() {
        let published = include_str!("../../docs/schemas/failures.json");
        let published: Value = serde_json::from_str(published).unwrap();
        assert!(
            published == failures_schema(),
            "docs/schemas/failures.json: run `cargo xtask docs`"
        );
    }
}
