//! Where a failure's block ends: the lines around its first that a person needs to understand it.
//!
//! Not for meaning: readers take fields out of lines, this only widens a draft's range. The
//! invariant: a range grows to [`BLOCK_LINES_MAX`] lines at most, never leaves its step and never
//! ends in blank lines.

use super::{At, Draft};

/// The most lines of one failure's block: a code frame, a difference and the first own frames of
/// a stack fit; what is longer is output.
pub(super) const BLOCK_LINES_MAX: usize = 40;

/// Widens the range over the lines below it for as long as they belong to it.
///
/// Blank lines are given to `belongs` too; those at the end stay outside.
pub(super) fn extend_while(at: &At<'_>, draft: &mut Draft, mut belongs: impl FnMut(&str) -> bool) {
    let room = (draft.first + BLOCK_LINES_MAX - 1).saturating_sub(at.index);
    for (distance, line) in at.lines_below(room) {
        if at.index + distance <= draft.last {
            continue;
        }
        if !belongs(line) {
            break;
        }
        if !line.trim().is_empty() {
            draft.last = at.index + distance;
        }
    }
}

/// Widens the range to the line before the next blank one.
pub(super) fn extend_to_blank(at: &At<'_>, draft: &mut Draft) {
    extend_while(at, draft, |line| !line.trim().is_empty());
}

/// Widens the range over what is indented more than its first line, blank lines between included.
pub(super) fn extend_over_indented(at: &At<'_>, draft: &mut Draft) {
    let margin = indent(at.text());
    extend_while(at, draft, |line| line.trim().is_empty() || indent(line) > margin);
}

/// Widens the range over the rest of its paragraph and the code frame that may follow it.
pub(super) fn extend_over_frame(at: &At<'_>, draft: &mut Draft) {
    extend_to_blank(at, draft);
    extend_while(at, draft, |line| line.trim().is_empty() || is_code_frame(line));
}

/// Whether a line is of a code frame: `> 12 | let x`, `12   let x`, `   |  ^^^`, `   ~~~`.
pub(super) fn is_code_frame(line: &str) -> bool {
    let told = line.trim().trim_start_matches(['>', '✖', '→']).trim_start();
    let code = told.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_numbered = code.len() < told.len() && (code.is_empty() || code.starts_with(' '));
    let is_marked = !told.is_empty() && told.chars().all(|c| matches!(c, '^' | '~' | '-' | ' '));
    is_numbered
        || is_marked
        || code.trim_start().starts_with(['|', '│', '╷', '╵', '╭', '╰', '├', '·', '┃'])
}

/// A reader for rules whose failure goes on to the next blank line.
pub(super) fn to_blank(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extend_to_blank(at, &mut draft);
    found.push(draft);
}

/// A reader for rules whose failure goes on in a paragraph and a code frame.
pub(super) fn over_frame(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extend_over_frame(at, &mut draft);
    found.push(draft);
}

/// A reader for rules whose failure goes on in indented lines.
pub(super) fn over_indented(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extend_over_indented(at, &mut draft);
    found.push(draft);
}

/// How many blanks and tabs stand before a line's text.
pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
pub(super) mod tests {
    use crate::evidence::{Hints, read};

    /// Compares the line ranges, counted from 1, of what was understood of a log.
    #[track_caller]
    pub(in crate::evidence::tools) fn check_lines(log: &str, expected: &[(u32, u32)]) {
        let reading = read(log.as_bytes(), &Hints::default());
        let got: Vec<(u32, u32)> =
            reading.failures.iter().map(|f| (f.source.first_line, f.source.last_line)).collect();
        assert_eq!(got, expected, "\n{log}");
    }

    #[test]
    fn a_block_ends_at_its_margin_and_never_in_blank_lines() {
        check_lines(
            "error: failed to parse manifest at `/w/Cargo.toml`\n\nCaused by:\n\
             \x20 no targets specified\n\n\nnext",
            &[(1, 4)],
        );
    }

    #[test]
    fn a_block_has_a_limit() {
        let frame = "  |\n".repeat(100);
        check_lines(&format!("error[E0308]: no\n --> src/a.rs:1:2\n{frame}"), &[(1, 40)]);
    }
}
