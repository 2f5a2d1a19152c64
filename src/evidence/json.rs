//! The JSON form of a reading: what `selfheal parse` prints and reports carry.

use serde_json::{Value, json};

use super::{Piece, Reading};
use crate::domain::failure::Failure;

/// Version of the JSON form; it grows when a field changes its meaning, not when one is added.
pub const SCHEMA_VERSION: u32 = 1;

/// A reading as JSON: `{"schema_version", "failures": […], "excerpts": […], "notes": […],
/// "stats": {…}}`.
pub fn failures_json(reading: &Reading, excerpts: &[Piece]) -> Value {
    json!({
        "schema_version": SCHEMA_VERSION,
        "failures": reading.failures.iter().map(failure_json).collect::<Vec<_>>(),
        "excerpts": excerpts.iter().map(piece_json).collect::<Vec<_>>(),
        "notes": reading.notes,
        "stats": { "bytes": reading.stats.bytes, "lines": reading.stats.lines },
    })
}

fn piece_json(piece: &Piece) -> Value {
    json!({ "start": piece.first_line, "end": piece.last_line, "text": piece.text })
}

fn failure_json(failure: &Failure) -> Value {
    json!({
        "kind": failure.kind.as_str(),
        "tool": failure.tool,
        "task": failure.task,
        "file": failure.file.as_ref().map(ToString::to_string),
        "line": failure.line,
        "column": failure.column,
        "end_line": failure.end_line,
        "code": failure.code,
        "test": failure.test,
        "message": failure.message,
        "suggestion": failure.suggestion,
        "severity": failure.severity.as_str(),
        "source": {
            "step": failure.source.step,
            "first_line": failure.source.first_line,
            "last_line": failure.source.last_line,
        },
        "log_range": [failure.source.first_line, failure.source.last_line],
        "fingerprint": failure.fingerprint().as_str(),
    })
}
