//! Diagnostics as language servers publish them, and pyright's `--outputjson`, which is alike.
//!
//! Lines and columns are counted from 0 there and from 1 here.

use serde_json::Value;

use super::json::{array, text};
use super::{Found, draft, kind_of_tool, path_of_uri, severity_of};
use crate::domain::failure::Severity;

/// Whether a document is one file's diagnostics, a message that publishes them, a list of either,
/// or pyright's summary of all files.
pub(super) fn knows(value: &Value) -> bool {
    match value {
        Value::Array(entries) => {
            entries.iter().any(is_file) && entries.iter().all(|entry| inside(entry).is_some())
        }
        value => is_file(value) || is_pyright(value),
    }
}

fn is_pyright(value: &Value) -> bool {
    value.get("generalDiagnostics").is_some_and(Value::is_array)
}

fn is_file(value: &Value) -> bool {
    inside(value).is_some_and(|file| text(file, "/uri").is_some())
}

/// The diagnostics of one file, out of the message around them.
fn inside(value: &Value) -> Option<&Value> {
    let file = value.get("params").unwrap_or(value);
    file.get("diagnostics").is_some_and(Value::is_array).then_some(file)
}

/// Reads a document that stands at a line.
pub(super) fn read(value: &Value, line: usize, found: &mut Found<'_>) {
    if is_pyright(value) {
        for diagnostic in array(value, "/generalDiagnostics") {
            let path = text(diagnostic, "/file").or_else(|| text(diagnostic, "/uri"));
            read_one(diagnostic, path.unwrap_or(""), "pyright", found);
        }
        return;
    }
    let files = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    for file in files.iter().filter_map(inside) {
        let before = found.drafts.len();
        for diagnostic in array(file, "/diagnostics") {
            read_one(diagnostic, text(file, "/uri").unwrap_or(""), "", found);
        }
        for draft in &mut found.drafts[before..] {
            draft.failure.source.first_line = u32::try_from(line).unwrap_or(0);
            draft.failure.source.last_line = draft.failure.source.first_line;
        }
    }
}

fn read_one(diagnostic: &Value, uri: &str, tool: &str, found: &mut Found<'_>) {
    let Some(message) = text(diagnostic, "/message") else {
        found.skipped += 1;
        return;
    };
    let tool = text(diagnostic, "/source").unwrap_or(tool);
    let mut draft = draft(kind_of_tool(tool), tool);
    draft.path = Some(path_of_uri(uri));
    let at = |pointer: &str| one_based(diagnostic, pointer);
    let failure = &mut draft.failure;
    message.trim().clone_into(&mut failure.message);
    failure.line = at("/range/start/line");
    failure.column = at("/range/start/character");
    failure.end_line = at("/range/end/line").filter(|end| Some(*end) > failure.line);
    failure.code = ["/code/value", "/code", "/rule"].iter().find_map(|name| word(diagnostic, name));
    failure.severity = match diagnostic.get("severity") {
        Some(Value::Number(number)) => match number.as_u64() {
            Some(2) => Severity::Warning,
            Some(3 | 4) => Severity::Note,
            _ => Severity::Error,
        },
        Some(Value::String(word)) => severity_of(word),
        _ => Severity::Error,
    };
    found.push(draft, 0);
}

fn one_based(value: &Value, pointer: &str) -> Option<u32> {
    let number = value.pointer(pointer)?.as_u64()?;
    u32::try_from(number).ok()?.checked_add(1)
}

/// A code, which may be a number.
fn word(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::String(word) => Some(word.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::reports::ReportFormat::Lsp;
    use crate::evidence::reports::tests::check;

    #[test]
    fn places_are_counted_from_one() {
        let file = concat!(
            r#"{"uri":"file:///d%3A/a/shop/shop/src/a.ts","diagnostics":[{"range":{"start":{"line"#,
            r#"":4,"character":0},"end":{"line":4,"character":3}},"severity":1,"code":2339,"source"#,
            r#"":"ts","message":"no such property"},{"range":{"start":{"line":0,"character":1}},"#,
            r#""severity":2,"code":{"value":"x"},"source":"eslint","message":"hm"}]}"#,
        );
        let expected = concat!(
            "type_error src/a.ts:5:1 [2339] no such property\n",
            "warning lint src/a.ts:1:2 [x] hm",
        );
        check(Lsp, file, expected);
        check(Lsp, &format!("[{file}]"), expected);
        let method = r#"{"jsonrpc":"2.0","method":"textDocument/publishDiagnostics","params":"#;
        check(Lsp, &format!("{method}{file}}}"), expected);
    }

    #[test]
    fn pyright_is_read() {
        check(
            Lsp,
            concat!(
                r#"{"version":"1.1","generalDiagnostics":[{"file":"/home/runner/work/s/s/a.py","se"#,
                r#"verity":"error","message":"not assignable","range":{"start":{"line":1,"charact"#,
                r#"er":8},"end":{"line":2,"character":9}},"rule":"reportArgumentType"}],"summary":"#,
                r#"{"errorCount":1}}"#,
            ),
            "type_error a.py:2:9 [reportArgumentType] not assignable",
        );
    }
}
