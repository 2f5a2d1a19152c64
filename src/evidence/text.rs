//! From the bytes of one line to its clean text: encodings, terminal sequences, carriage returns,
//! time stamps, columns.
//!
//! Not for meaning: what a line says is the rules' business. The invariant: whatever the bytes are,
//! the text is valid UTF-8 of at most [`LINE_BYTES_MAX`] bytes without terminal sequences, borrowed
//! from the log where nothing had to be taken out, and costs time linear in the line.

use bumpalo::Bump;
use memchr::{memchr, memchr_iter, memchr2, memchr3, memrchr};

mod prefixes;

use prefixes::{split_clock, split_section};

/// How much of one clean line is kept: longer ones are minified bundles and progress bars, and the
/// faults that annotations escape into one line fit.
pub(super) const LINE_BYTES_MAX: usize = 8 * 1024;

/// How much of one raw line is looked at: thousands of redrawn progress bars fit.
pub(super) const RAW_BYTES_MAX: usize = 64 * 1024;

/// What the CI system itself wrote before the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Mark {
    /// Nothing: the program's own line.
    #[default]
    None,
    /// `##[error]`, Buildkite's `🚨 Error: `.
    Error,
    /// `##[warning]`, `##[notice]`, `##[debug]`.
    Aside,
    /// `##[section]Starting: `, `section_start:…`: a step begins.
    Begin,
    /// `##[section]Finishing: `: the step ended.
    End,
    /// `##[group]`: a group of lines opens.
    Open,
    /// `##[endgroup]`, `section_end:…`.
    Close,
}

impl Mark {
    /// Whether the line is the CI system's own and says nothing else.
    pub(super) const fn is_fold(self) -> bool {
        matches!(self, Self::Begin | Self::End | Self::Open | Self::Close)
    }
}

/// One line as people see it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clean<'a> {
    /// The text, without what the CI system and the terminal added.
    pub(super) text: &'a str,
    /// What stood before it.
    pub(super) mark: Mark,
    /// The job and the step that `gh run view --log` prints before each line; `TeamCity` names a
    /// step only.
    pub(super) columns: Option<(&'a str, &'a str)>,
    /// Whether it had a terminal sequence: the runner echoes scripts in colour.
    pub(super) coloured: bool,
    /// Whether it carried the runner's own time stamp.
    pub(super) stamped: bool,
}

/// Cleans a line, given without its line feed; what cannot be borrowed is put into `space`.
pub(super) fn clean<'a>(raw: &'a [u8], space: &'a Bump) -> Clean<'a> {
    let raw = &raw[..raw.len().min(RAW_BYTES_MAX)];
    let raw = match std::str::from_utf8(raw) {
        Ok(raw) => raw,
        Err(_) => space.alloc_str(&String::from_utf8_lossy(raw)),
    };
    let raw = raw.strip_suffix('\r').unwrap_or(raw);
    let (columns, raw) = split_columns(raw);
    let (stamped, raw) = strip_stamp(raw);
    let (step, raw) = split_clock(raw);
    let columns = columns.or(step.map(|step| ("", step)));
    let (section, raw) = split_section(raw);
    let is_plain = memchr3(0x1b, b'\r', b'^', raw.as_bytes()).is_none();
    let raw = if is_plain { raw } else { after_carriage_return(raw) };
    let (mark, raw) = if section == Mark::None { split_mark(raw) } else { (section, raw) };
    let raw = floor(raw, LINE_BYTES_MAX);
    let coloured = !is_plain && memchr(0x1b, raw.as_bytes()).is_some();
    if is_plain || !coloured && memchr(b'^', raw.as_bytes()).is_none() {
        return Clean { text: raw, mark, columns, coloured, stamped };
    }
    let text = without_sequences(raw, space);
    // Marks that colour codes had hidden.
    let (mark, text) = if mark == Mark::None { split_mark(text) } else { (mark, text) };
    Clean { text, mark, columns, coloured, stamped }
}

/// The longest prefix of at most `bytes` bytes that is whole characters.
pub(super) fn floor(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// A text without terminal sequences; one that is not ended takes no other line with it.
pub(super) fn plain(text: &str) -> String {
    let space = Bump::new();
    text.split_inclusive('\n').map(|line| without_sequences(line, &space)).collect()
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
    // What stands before it is a mark's remains, never the beginning of a program's JSON.
    let is_mark = |before: &[u8]| !before.iter().any(|byte| matches!(byte, b'{' | b'"'));
    let is_stamp = |at: &usize| {
        window.get(at - 9..).is_some_and(is_stamp) && is_mark(&window[..at.saturating_sub(10)])
    };
    let marked = || memchr_iter(b'T', window).filter(|at| *at >= 9).find(is_stamp);
    let t = Some(10).filter(is_stamp).or_else(marked)?;
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
    // Jenkins and Buildkite put theirs in brackets.
    end += usize::from(bytes[0] == b'[' && bytes.get(end) == Some(&b']'));
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

/// Whether bytes begin with a day but for its year's first digit, and a clock.
fn is_stamp(bytes: &[u8]) -> bool {
    const SHAPE: &[u8; 18] = b"000-00-00T00:00:00";
    let has_shape = |bytes: &[u8; 18]| {
        let differ = |(byte, shape): (&u8, &u8)| match shape {
            b'0' => !byte.is_ascii_digit(),
            other => byte != other,
        };
        // All at once: most lines of a log have a stamp, or none of them.
        !bytes.iter().zip(SHAPE).fold(false, |differs, pair| differs | differ(pair))
    };
    bytes.get(9) == Some(&b'T') && bytes.first_chunk().is_some_and(has_shape)
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
    const BUILDKITE: &str = "🚨 Error: ";
    const MARKS: [(&str, Mark); 9] = [
        ("##[error]", Mark::Error),
        ("##[warning]", Mark::Aside),
        ("##[notice]", Mark::Aside),
        ("##[debug]", Mark::Aside),
        ("##[group]", Mark::Open),
        ("##[section]Starting: ", Mark::Begin),
        ("##[section]Finishing: ", Mark::End),
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
    match raw.strip_prefix(BUILDKITE) {
        Some(rest) => (Mark::Error, rest),
        None => (Mark::None, raw),
    }
}

/// A line without terminal sequences, real ones and ones spelled `^[[1m`.
fn without_sequences<'a>(raw: &'a str, space: &'a Bump) -> &'a str {
    let mut clean = bumpalo::collections::String::with_capacity_in(raw.len(), space);
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
        clean.push_str(&rest[..at]);
        rest = &rest[body + sequence_bytes(&rest.as_bytes()[body..])..];
        from = 0;
    }
    clean.push_str(rest);
    clean.into_bump_str()
}

/// With what Jenkins begins a hidden note: what follows is for its own pages.
const JENKINS_NOTE: &[u8] = b"[8mha:";

/// How many bytes a terminal sequence takes after its escape character.
pub(super) fn sequence_bytes(body: &[u8]) -> usize {
    match body.first() {
        // Jenkins hides its notes between two colours, as a text of their own.
        Some(b'[') if body.starts_with(JENKINS_NOTE) => memchr(0x1b, body).unwrap_or(body.len()),
        Some(b'[') => {
            let end = body[1..].iter().position(|b| !matches!(b, 0x20..=0x3f));
            // The final byte belongs to it if it is one; never eat part of a character.
            end.map_or(body.len(), |at| if body[at + 1].is_ascii() { at + 2 } else { at + 1 })
        }
        // Buildkite's times without what was in them.
        Some(b'_') if !body.starts_with(b"_bk;") => 1,
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
        let space = Bump::new();
        let lines: Vec<&str> =
            raw.split_terminator('\n').map(|line| clean(line.as_bytes(), &space).text).collect();
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
        let json = r#"{"Time":"2026-08-07T06:03:50.123456Z","Action":"run"}"#;
        check(json, json);
        check("2026-08-07T06:03:50.1234567Z ##[error]src/a.ts(1,2): error", "src/a.ts(1,2): error");
        check("section_start:1700000000:build[collapsed=true]\r\u{1b}[0KBuild", "Build");
    }

    #[test]
    fn a_text_of_several_lines_loses_its_sequences_and_no_lines() {
        assert_eq!(
            plain("\u{1b}[31ma\u{1b}[0m\n\u{1b}]0;title\nb\u{1b}[1m!\n"),
            "a\n0;title\nb!\n"
        );
        assert_eq!(plain("a"), "a");
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
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(clean(b"a\xFFb", &Bump::new()).text, "a\u{fffd}b");
    }

    #[test]
    fn a_line_has_a_limit() {
        let line = "é".repeat(LINE_BYTES_MAX);
        assert_eq!(clean(line.as_bytes(), &Bump::new()).text.len(), LINE_BYTES_MAX);
    }
}
