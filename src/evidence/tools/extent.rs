//! How far a failure reaches in the log: the block that a person reads to understand it.
//!
//! Not for meaning: what a line says is the tools' business. The invariant: an extent only grows a
//! draft's lines, by at most [`BLOCK_LINES_MAX`], never ends on a blank line, and never leaves the
//! step.

use super::{At, Draft};

/// How many lines below its first a failure takes: messages, code frames and the first own stack
/// frames fit, and longer dumps say little more.
pub(super) const BLOCK_LINES_MAX: usize = 40;

/// How many lines above it introduce a diagnostic: include chains and "in function" lines.
const HEAD_LINES_MAX: usize = 6;

/// Takes the lines below its last while they belong to the failure; blank ones are asked about, too,
/// but none ends it.
pub(super) fn while_below(at: &At<'_>, draft: &mut Draft, mut belongs: impl FnMut(&str) -> bool) {
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

/// The same for what begins where a draft ends now, far below its first line: a panic under all
/// that a test printed.
pub(super) fn while_after(at: &At<'_>, draft: &mut Draft, belongs: impl FnMut(&str) -> bool) {
    let first = std::mem::replace(&mut draft.first, draft.last);
    while_below(at, draft, belongs);
    draft.first = first;
}

/// Takes the lines above while they introduce the failure.
pub(super) fn while_above(at: &At<'_>, draft: &mut Draft, belongs: impl Fn(&str) -> bool) {
    let head = at.lines_above(HEAD_LINES_MAX).take_while(|(_, line)| belongs(line)).last();
    if let Some((distance, _)) = head {
        draft.first = draft.first.min(at.index - distance);
    }
}

/// Whether a line is indented and says something.
pub(super) fn is_indented(line: &str) -> bool {
    line.starts_with([' ', '\t']) && !line.trim().is_empty()
}

/// Whether a line only points at the one above: carets, tildes, bars.
pub(super) fn is_pointer(line: &str) -> bool {
    let told = line.trim();
    told.contains(['^', '~']) && told.bytes().all(|b| b" \t^~|-+".contains(&b))
}

/// Takes the indented lines below.
pub(super) fn indented(at: &At<'_>, draft: &mut Draft) {
    while_below(at, draft, is_indented);
}

/// Takes the lines to the next blank one.
pub(super) fn paragraph(at: &At<'_>, draft: &mut Draft) {
    while_below(at, draft, |line| !line.trim().is_empty());
}

/// A compiler's code frame: the code, which stands as it is written, then a line that points.
pub(super) fn code_frame(at: &At<'_>, draft: &mut Draft) {
    const FRAME_LINES_MAX: usize = 4;
    let pointer = at.lines_below(FRAME_LINES_MAX).find(|(_, line)| is_pointer(line));
    if let Some((distance, _)) = pointer {
        draft.last = draft.last.max(at.index + distance);
    }
}

/// Stack frames as the JVM, .NET and JavaScript print them.
pub(super) fn stack(at: &At<'_>, draft: &mut Draft) {
    while_below(at, draft, |line| {
        let told = line.trim_start();
        told.starts_with("at ") || told.starts_with("... ") || told.starts_with("Caused by: ")
    });
}

/// Takes what is indented more than the line itself, over blank lines.
pub(super) fn deeper(at: &At<'_>, draft: &mut Draft) {
    let margin = indent(at.text());
    while_below(at, draft, |line| line.trim().is_empty() || indent(line) > margin);
}

/// Takes the rest of the paragraph and the code frame that may follow it.
pub(super) fn paragraph_and_frame(at: &At<'_>, draft: &mut Draft) {
    paragraph(at, draft);
    while_below(at, draft, |line| line.trim().is_empty() || is_in_frame(line));
}

/// Whether a line is of a code frame: `> 12 | let x`, `12   let x`, `   |  ^^^`, `   ~~~`.
pub(super) fn is_in_frame(line: &str) -> bool {
    let told = line.trim().trim_start_matches(['>', '✖', '→']).trim_start();
    let code = told.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_numbered = code.len() < told.len() && (code.is_empty() || code.starts_with(' '));
    let is_marked = !told.is_empty() && told.chars().all(|c| matches!(c, '^' | '~' | '-' | ' '));
    is_numbered
        || is_marked
        || code.trim_start().starts_with(['|', '│', '╷', '╵', '╭', '╰', '├', '·', '┃'])
}

/// How many blanks and tabs stand before a line's text.
pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// A reader that takes what is indented more and changes nothing else.
pub(super) fn with_deeper(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    deeper(at, &mut draft);
    found.push(draft);
}

/// A reader that takes the indented lines below and changes nothing else.
pub(super) fn with_indented(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    indented(at, &mut draft);
    found.push(draft);
}

/// A reader that takes the lines to the next blank one and changes nothing else.
pub(super) fn with_paragraph(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    paragraph(at, &mut draft);
    found.push(draft);
}

/// A reader that takes the code frame below and what is indented under it.
pub(super) fn with_frame(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    code_frame(at, &mut draft);
    indented(at, &mut draft);
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::tests::check_lines;

    #[test]
    fn a_pointer_is_no_code() {
        assert!(is_pointer("      |   ^~~~~") && is_pointer("   ^"));
        assert!(!is_pointer("  a ^ b") && !is_pointer("----") && !is_pointer(""));
    }

    #[test]
    fn a_failure_takes_its_block_and_no_blank_end() {
        check_lines("src/a.c:1:2: error: no\n  int x\n      ^\n\nnext\n", &[(1, 3)]);
    }

    #[test]
    fn a_failure_ends_at_its_margin() {
        check_lines(
            "error: failed to parse manifest at `/w/Cargo.toml`\n\nCaused by:\n\
             \x20 no targets specified\n\n\nnext",
            &[(1, 4)],
        );
    }

    #[test]
    fn a_failure_has_a_limit() {
        let frame = "  |\n".repeat(100);
        check_lines(&format!("error[E0308]: no\n --> src/a.rs:1:2\n{frame}"), &[(1, 40)]);
    }
}
