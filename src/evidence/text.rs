//! From bytes to clean lines: encodings, terminal sequences, carriage returns, time stamps,
//! columns.
//!
//! Not for meaning: what a line says is the rules' business. The invariant: every line of the log
//! becomes exactly one [`Line`] with its number in the raw log, whatever the bytes are, and its
//! text is valid UTF-8 of at most [`LINE_BYTES_MAX`] bytes without terminal sequences.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memrchr};

/// How much of one line is kept: longer ones are minified bundles and progress bars, and the faults
/// that annotations escape into one line fit.
pub(super) const LINE_BYTES_MAX: usize = 8 * 1024;

/// How many lines are kept: ten times the longest real log seen, and fits the index in memory.
pub(super) const LINES_MAX: usize = 4_000_000;

/// What the CI system itself wrote before the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Mark {
    /// Nothing: the program's own line.
    #[default]
    None,
    /// `##[error]`.
    Error,
    /// `##[warning]`, `##[notice]`, `##[debug]`.
    Aside,
    /// `##[group]`, `##[section]Starting: `, `section_start:…`: something begins.
    Open,
    /// `##[endgroup]`, `section_end:…`.
    Close,
}

/// One line's place in [`Text`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// Where its clean text begins in the arena.
    pub(super) start: usize,
    /// Where its clean text ends.
    pub(super) end: usize,
    /// What stood before it.
    pub(super) mark: Mark,
    /// Which column (job and step) it is of, as an index into [`Text::columns`].
    pub(super) column: u32,
    /// Whether it had a terminal sequence: the runner echoes scripts in colour.
    pub(super) coloured: bool,
    /// Whether it carried the runner's own time stamp.
    pub(super) stamped: bool,
}

/// The clean text of a log.
#[derive(Debug, Default)]
pub(super) struct Text {
    /// All clean lines, each followed by a line feed.
    pub(super) arena: String,
    /// The lines, in order; line `n` of the log is `lines[n - 1]`.
    pub(super) lines: Vec<Line>,
    /// The job and step columns met, in order of appearance; the first is the empty one.
    pub(super) columns: Vec<(String, String)>,
}

impl Text {
    /// Reads a log of any encoding.
    pub(super) fn of(log: &[u8]) -> Self {
        let decoded = decode(log);
        let mut text = Self {
            arena: String::with_capacity(decoded.len()),
            lines: Vec::new(),
            columns: vec![(String::new(), String::new())],
        };
        let mut column = 0;
        let mut rest = decoded.as_bytes();
        while !rest.is_empty() && text.lines.len() < LINES_MAX {
            let end = memchr(b'\n', rest).unwrap_or(rest.len());
            let line = &decoded[decoded.len() - rest.len()..][..end];
            rest = rest.get(end + 1..).unwrap_or_default();
            text.push(line, &mut column);
        }
        text
    }

    /// The clean text of a line, by its index.
    pub(super) fn line(&self, index: usize) -> &str {
        self.lines.get(index).map_or("", |line| &self.arena[line.start..line.end])
    }

    fn push(&mut self, raw: &str, column: &mut u32) {
        let raw = raw.strip_suffix('\r').unwrap_or(raw);
        let (columns, raw) = split_columns(raw);
        if let Some((job, step)) = columns {
            *column = self.column_of(job, step, *column);
        }
        let (stamped, raw) = strip_stamp(raw);
        let raw = after_carriage_return(raw);
        let (mark, raw) = split_mark(raw);
        let coloured = memchr(0x1b, raw.as_bytes()).is_some();
        let start = self.arena.len();
        push_clean(&mut self.arena, floor(raw, LINE_BYTES_MAX));
        let mark = self.late_mark(start, mark);
        let end = self.arena.len();
        self.arena.push('\n');
        self.lines.push(Line { start, end, mark, column: *column, coloured, stamped });
    }

    /// Marks that colour codes had hidden; takes them off the line that starts at `start`.
    fn late_mark(&mut self, start: usize, mark: Mark) -> Mark {
        if mark != Mark::None || !self.arena[start..].starts_with("##[") {
            return mark;
        }
        let (found, rest) = split_mark(&self.arena[start..]);
        let rest = rest.to_owned();
        self.arena.truncate(start);
        self.arena.push_str(&rest);
        found
    }

    fn column_of(&mut self, job: &str, step: &str, last: u32) -> u32 {
        let same = |(j, s): &(String, String)| j == job && s == step;
        if self.columns.get(last as usize).is_some_and(same) {
            return last;
        }
        if self.columns.len() >= COLUMNS_MAX {
            return last;
        }
        self.columns.push((job.to_owned(), step.to_owned()));
        u32::try_from(self.columns.len() - 1).unwrap_or(last)
    }
}

/// How many changes of job or step are told apart: a run has at most 256 jobs of some ten steps.
const COLUMNS_MAX: usize = 20_000;

/// The longest prefix of at most `bytes` bytes that is whole characters.
pub(super) fn floor(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

fn decode(log: &[u8]) -> Cow<'_, str> {
    let utf16 = |bytes: &[u8], read: fn([u8; 2]) -> u16| -> String {
        let units = bytes.chunks_exact(2).map(|pair| read([pair[0], pair[1]]));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match log {
        [0xFF, 0xFE, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes)),
        [0xFE, 0xFF, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes)),
        // Without a mark: ASCII text in UTF-16 has a zero in every second byte.
        [a, 0, b, 0, c, 0, ..] if *a != 0 && *b != 0 && *c != 0 => {
            Cow::Owned(utf16(log, u16::from_le_bytes))
        }
        [0, a, 0, b, 0, c, ..] if *a != 0 && *b != 0 && *c != 0 => {
            Cow::Owned(utf16(log, u16::from_be_bytes))
        }
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest),
        _ => String::from_utf8_lossy(log),
    }
}

/// `JOB<TAB>STEP<TAB>STAMP text`, as `gh run view --log` prints it.
fn split_columns(raw: &str) -> (Option<(&str, &str)>, &str) {
    let Some(first) = memchr(b'\t', raw.as_bytes()) else { return (None, raw) };
    let Some(second) = memchr(b'\t', &raw.as_bytes()[first + 1..]) else { return (None, raw) };
    let rest = &raw[first + second + 2..];
    // A byte-order mark stands inside the line where a step begins, often mangled; its last byte
    // may have eaten the year's first digit.
    if stamp_in(rest).is_none() {
        return (None, raw);
    }
    (Some((&raw[..first], &raw[first + 1..first + 1 + second])), rest)
}

/// Takes off the runner's time stamp and what byte-order marks left before it.
fn strip_stamp(raw: &str) -> (bool, &str) {
    match stamp_in(raw) {
        Some(end) => (true, &raw[end..]),
        None => (false, raw.trim_start_matches('\u{feff}')),
    }
}

/// Where the text after `2026-08-07T06:03:50.1234567Z ` begins, if that stands first but for a
/// mark.
fn stamp_in(raw: &str) -> Option<usize> {
    let bytes = raw.as_bytes();
    let window = &bytes[..bytes.len().min(MARK_BYTES_MAX + 20)];
    let t = (9..window.len()).find(|&at| window[at] == b'T' && is_stamp_around(window, at))?;
    let mut end = t + 9;
    if bytes.get(end) == Some(&b'.') {
        end += 1;
        while bytes.get(end).is_some_and(u8::is_ascii_digit) {
            end += 1;
        }
    }
    if bytes.get(end) != Some(&b'Z') {
        return None;
    }
    end += 1;
    // GitLab adds a stream mark: `00O `, `01E+`.
    if let Some([a, b, c @ (b'O' | b'E'), _]) = bytes.get(end + 1..end + 5)
        && a.is_ascii_digit()
        && b.is_ascii_hexdigit()
        && *c != 0
    {
        return Some(end + 5);
    }
    Some(if bytes.get(end) == Some(&b' ') { end + 1 } else { end })
}

/// How many bytes a mangled byte-order mark may take before the stamp.
const MARK_BYTES_MAX: usize = 12;

fn is_stamp_around(bytes: &[u8], t: usize) -> bool {
    let shape = |at: usize, pattern: &[u8]| {
        bytes.get(at..at + pattern.len()).is_some_and(|found| {
            found.iter().zip(pattern).all(|(b, p)| match p {
                b'0' => b.is_ascii_digit(),
                other => b == other,
            })
        })
    };
    shape(t - 9, b"000-00-00") && shape(t + 1, b"00:00:00")
}

/// What a terminal would show last: the part after the last carriage return that is not blank.
fn after_carriage_return(raw: &str) -> &str {
    let mut rest = raw;
    while let Some(at) = memrchr(b'\r', rest.as_bytes()) {
        let tail = &rest[at + 1..];
        if !tail.trim_matches(|c: char| c.is_whitespace() || c == '\u{1b}').is_empty()
            && !matches!(tail, "\u{1b}[0K" | "\u{1b}[K")
        {
            return tail;
        }
        rest = &rest[..at];
    }
    rest
}

fn split_mark(raw: &str) -> (Mark, &str) {
    const MARKS: [(&str, Mark); 9] = [
        ("##[error]", Mark::Error),
        ("##[warning]", Mark::Aside),
        ("##[notice]", Mark::Aside),
        ("##[debug]", Mark::Aside),
        ("##[group]", Mark::Open),
        ("##[section]Starting: ", Mark::Open),
        ("##[section]Finishing: ", Mark::Close),
        ("##[endgroup]", Mark::Close),
        ("##[command]", Mark::None),
    ];
    if raw.starts_with("##[") {
        for (prefix, mark) in MARKS {
            if let Some(rest) = raw.strip_prefix(prefix) {
                return (mark, rest);
            }
        }
    }
    for (prefix, mark) in [("section_start:", Mark::Open), ("section_end:", Mark::Close)] {
        if let Some((stamp, name)) = raw.strip_prefix(prefix).and_then(|r| r.split_once(':'))
            && stamp.bytes().all(|b| b.is_ascii_digit())
        {
            return (mark, name.split('[').next().unwrap_or(name));
        }
    }
    (Mark::None, raw)
}

/// Copies a line without terminal sequences, real ones and ones spelled `^[[1m`.
fn push_clean(arena: &mut String, raw: &str) {
    let mut rest = raw;
    let mut from = 0;
    while let Some(found) = memchr2(0x1b, b'^', &rest.as_bytes()[from..]) {
        let at = from + found;
        let spelled = rest.as_bytes()[at] == b'^';
        if spelled && !rest[at..].starts_with("^[[") {
            from = at + 1;
            continue;
        }
        let body = at + if spelled { 2 } else { 1 };
        arena.push_str(&rest[..at]);
        rest = &rest[body + sequence_bytes(&rest.as_bytes()[body..])..];
        from = 0;
    }
    arena.push_str(rest);
}

/// How many bytes a terminal sequence takes after its escape character.
fn sequence_bytes(body: &[u8]) -> usize {
    match body.first() {
        Some(b'[') => {
            let end = body[1..].iter().position(|b| !matches!(b, 0x20..=0x3f));
            // The final byte belongs to it if it is one; never eat part of a character.
            end.map_or(body.len(), |at| if body[at + 1].is_ascii() { at + 2 } else { at + 1 })
        }
        // Operating-system and application commands end with a bell or an escaped backslash.
        Some(b']' | b'_') => match body.iter().position(|b| matches!(b, 0x07 | 0x1b)) {
            Some(at) if body[at..].starts_with(b"\x1b\\") => at + 2,
            // Another sequence begins: what comes before it was never ended.
            Some(at) if body[at] == 0x1b => at,
            Some(at) => at + 1,
            None => 1,
        },
        Some(b'(' | b')') if body.get(1).is_some_and(u8::is_ascii) => 2,
        Some(b'=' | b'>' | b'7' | b'8' | b'c' | b'M') => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, expected: &str) {
        check_bytes(raw.as_bytes(), expected);
    }

    #[track_caller]
    fn check_bytes(raw: &[u8], expected: &str) {
        let text = Text::of(raw);
        let lines: Vec<&str> = (0..text.lines.len()).map(|at| text.line(at)).collect();
        assert_eq!(lines.join("\n"), expected, "{raw:?}");
    }

    #[test]
    fn what_a_ci_system_puts_before_a_line_is_taken_off() {
        check("2026-08-07T06:03:50.1234567Z error: x", "error: x");
        check("\u{feff}2026-08-07T06:03:50.1234567Z a\n2026-08-07T06:03:50.1Z b", "a\nb");
        check("build\tRun tests\t2026-08-07T06:03:50.1234567Z a", "a");
        check("build\tRun tests\t\u{feff}2026-08-07T06:03:50.1234567Z a", "a");
        check("build\tRun tests\t´╗┐2026-08-07T06:03:50.1234567Z a", "a");
        check("build\tRun tests\t锘?026-08-07T06:03:50.1234567Z a", "a");
        check("2026-08-07T06:03:50.123456Z 01E+text", "text");
        check("a\tb\tc", "a\tb\tc");
        check("2026-08-07T06:03:50.1234567Z ##[error]src/a.ts(1,2): error", "src/a.ts(1,2): error");
        check("section_start:1700000000:build[collapsed=true]\r\u{1b}[0KBuild", "Build");
    }

    #[test]
    fn colours_and_progress_bars_leave_their_last_text() {
        check("\u{1b}[31merror\u{1b}[0m: x", "error: x");
        check("^[[1merror^[[0m: x", "error: x");
        check("10%\r50%\r100% done\r\n", "100% done");
        check("travis_fold:start:a\r\u{1b}[0K$ make", "$ make");
        check("\u{1b}]0;title\u{7}text\u{1b}_bk;t=1\u{7}", "text");
        check("\u{1b}[31é", "é");
    }

    #[test]
    fn any_encoding_is_read() {
        let utf16: Vec<u8> =
            [0xFF, 0xFE].into_iter().chain("a\r\nb".bytes().flat_map(|b| [b, 0])).collect();
        check_bytes(&utf16, "a\nb");
        check_bytes(&utf16[2..], "a\nb");
        check_bytes(b"a\xFFb", "a\u{fffd}b");
        check_bytes(b"", "");
    }

    #[test]
    fn a_line_has_a_limit() {
        let text = Text::of("é".repeat(LINE_BYTES_MAX).as_bytes());
        assert_eq!(text.line(0).len(), LINE_BYTES_MAX);
    }
}
