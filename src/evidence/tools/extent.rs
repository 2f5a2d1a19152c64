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

/// Takes the lines below while they belong to the failure.
pub(super) fn while_below(at: &At<'_>, draft: &mut Draft, belongs: impl Fn(&str) -> bool) {
    let last = at
        .lines_below(BLOCK_LINES_MAX)
        .take_while(|(_, line)| belongs(line))
        .filter(|(_, line)| !line.trim().is_empty())
        .last();
    if let Some((distance, _)) = last {
        draft.last = draft.last.max(at.index + distance);
    }
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

/// Takes what stands below and is indented, over single blank lines.
pub(super) fn section(at: &At<'_>, draft: &mut Draft) {
    while_below(at, draft, |line| line.trim().is_empty() || is_indented(line));
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
}
