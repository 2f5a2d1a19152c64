//! JSON reports: documents found one after the other, each handed to the reader of its shape.
//!
//! One document, several, or JSON lines, with other lines between them, as when a tool's standard
//! error is in the same file. A document that ends in the middle is closed where it was last whole.
//! The invariant: every byte is parsed at most twice.

use serde_json::{Deserializer, Value};

use super::{Draft, Found, ReportFormat, cargo, go, linters, lsp, own, sarif, tests_json};

/// How many lines may stand before the first document: what package managers and compilers say.
const LINES_BEFORE_MAX: usize = 400;

/// Whether a reader knows a document.
type Knows = fn(&Value) -> bool;

/// Which reader knows a document, the most certain first.
fn format_of(value: &Value) -> Option<ReportFormat> {
    let known: [(Knows, ReportFormat); 8] = [
        (sarif::knows, ReportFormat::Sarif),
        (go::knows, ReportFormat::GoTest),
        (cargo::knows, ReportFormat::Cargo),
        (lsp::knows, ReportFormat::Lsp),
        (tests_json::knows, ReportFormat::Tests),
        (linters::is_annotations, ReportFormat::Github),
        (linters::knows, ReportFormat::Linter),
        (own::knows, ReportFormat::Selfheal),
    ];
    known.into_iter().find(|(knows, _)| knows(value)).map(|(_, format)| format)
}

/// Reads every document that is known; `None` when there is none.
pub(super) fn read(text: &str, found: &mut Found<'_>) -> Option<ReportFormat> {
    let mut format = None;
    let mut go = go::Events::default();
    let mut documents = Documents::of(text);
    // While nothing is known yet, not past the first lines.
    while let Some((value, line)) =
        documents.next(if format.is_none() { LINES_BEFORE_MAX } else { usize::MAX })
    {
        let Some(known) = format_of(&value) else {
            if format.is_none() && documents.other_lines == 0 {
                // A report says what it is at once.
                return None;
            }
            found.skipped += usize::from(format.is_some());
            continue;
        };
        format.get_or_insert(known);
        read_document(known, (&value, line), &mut go, found);
    }
    go.end(found);
    if documents.was_cut {
        found.note("the report ends in the middle of an entry");
    }
    if documents.other_lines > 0 && format.is_some() {
        found.note("lines between the entries of the report were not read");
        if found.drafts.is_empty() {
            // What failed may stand in the other lines: that is a log's matter.
            return None;
        }
    }
    format
}

/// Reads a document that stands at a line.
fn read_document(
    format: ReportFormat,
    (value, line): (&Value, usize),
    go: &mut go::Events,
    found: &mut Found<'_>,
) {
    match format {
        ReportFormat::Sarif => sarif::read(value, found),
        ReportFormat::GoTest => go.event(value, line, found),
        ReportFormat::Cargo => cargo::read(value, line, found),
        ReportFormat::Lsp => lsp::read(value, line, found),
        ReportFormat::Tests => tests_json::read(value, found),
        ReportFormat::Github | ReportFormat::Linter => linters::read(value, line, found),
        _ => own::read(value, line, found),
    }
}

/// What one line says that is a document; what go's events above it say is only taken as told.
pub(super) fn entry(line: &str, above: &[&str]) -> Vec<Draft> {
    let parsed = |line: &str| serde_json::from_str::<Value>(line).ok();
    let Some(value) = parsed(line).or_else(|| parsed(&closed(line)?)) else { return Vec::new() };
    let Some(format) = format_of(&value) else { return Vec::new() };
    let (mut go, mut found) = (go::Events::default(), Found::default());
    for event in above.iter().filter_map(|line| parsed(line)).filter(go::knows) {
        go.event(&event, 0, &mut found);
    }
    found.drafts.clear();
    read_document(format, (&value, 0), &mut go, &mut found);
    found.drafts
}

/// The documents of a text.
struct Documents<'t> {
    rest: &'t str,
    /// The line at which `rest` begins, counted from 1.
    line: usize,
    /// Lines that were no JSON.
    other_lines: usize,
    /// Whether the last document had to be closed.
    was_cut: bool,
}

impl<'t> Documents<'t> {
    fn of(text: &'t str) -> Self {
        Self { rest: text.trim_start_matches('\u{feff}'), line: 1, other_lines: 0, was_cut: false }
    }

    /// The next document and its line, past at most so many other lines in all.
    fn next(&mut self, other_lines_max: usize) -> Option<(Value, usize)> {
        loop {
            let blank = self.rest.len() - self.rest.trim_start().len();
            self.skip(blank);
            if self.rest.is_empty() || self.other_lines > other_lines_max {
                return None;
            }
            let at = self.line;
            if !self.rest.starts_with(['{', '[']) {
                self.skip_line();
                continue;
            }
            let mut stream = Deserializer::from_str(self.rest).into_iter::<Value>();
            match stream.next() {
                Some(Ok(value)) => {
                    let bytes = stream.byte_offset();
                    self.skip(bytes);
                    return Some((value, at));
                }
                Some(Err(error)) if error.is_eof() => {
                    let closed = closed(self.rest);
                    self.skip(self.rest.len());
                    self.was_cut = true;
                    return serde_json::from_str(&closed?).ok().map(|value| (value, at));
                }
                Some(Err(error)) => (0..error.line().max(1)).for_each(|_| self.skip_line()),
                None => return None,
            }
        }
    }

    fn skip(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        self.line += memchr::memchr_iter(b'\n', passed.as_bytes()).count();
        self.rest = rest;
    }

    fn skip_line(&mut self) {
        self.other_lines += 1;
        let bytes =
            memchr::memchr(b'\n', self.rest.as_bytes()).map_or(self.rest.len(), |at| at + 1);
        self.skip(bytes);
    }
}

/// A cut document up to its last whole object or array, with what is open closed.
fn closed(text: &str) -> Option<String> {
    let mut open: Vec<u8> = Vec::new();
    let mut whole: Option<(usize, usize)> = None;
    let mut in_string = false;
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        if in_string {
            in_string = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            b'}' | b']' => {
                open.pop();
                whole = Some((at + 1, open.len()));
            }
            _ => {}
        }
    }
    let (end, depth) = whole?;
    let mut closed = text.get(..end)?.to_owned();
    closed.extend(open.iter().take(depth).rev().map(|byte| char::from(*byte)));
    Some(closed)
}

/// A text in a document, by JSON pointer.
pub(super) fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer)?.as_str().filter(|text| !text.trim().is_empty())
}

/// A number counted from 1, by JSON pointer; numbers in quotes count too.
pub(super) fn number(value: &Value, pointer: &str) -> Option<u32> {
    let value = value.pointer(pointer)?;
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u32::try_from(number).ok().filter(|number| *number > 0)
}

/// The entries of an array, by JSON pointer; none where there is no array.
pub(super) fn array<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_document_is_closed_where_it_was_last_whole() {
        for (cut, whole) in [
            (r#"[{"a":1},{"b":"#, r#"[{"a":1}]"#),
            (r#"{"x":[{"a":"}"},{"b":"c"#, r#"{"x":[{"a":"}"}]}"#),
            (r#"{"x":[1,2],"y":{"z":[]"#, r#"{"x":[1,2],"y":{"z":[]}}"#),
        ] {
            assert_eq!(closed(cut).as_deref(), Some(whole), "{cut}");
        }
        assert_eq!(closed(r#"{"a":"b"#), None);
    }

    #[test]
    fn documents_are_found_between_other_lines() {
        let mut documents =
            Documents::of("> lint\n\n{\"a\":1}\n{\"b\":\n2}{\"c\":3}\n[INFO] x\n{\"d\"");
        let mut lines = Vec::new();
        while let Some((_, line)) = documents.next(usize::MAX) {
            lines.push(line);
        }
        assert_eq!(lines, [3, 4, 5]);
        assert!(documents.was_cut);
        assert_eq!(documents.other_lines, 2);
    }
}
