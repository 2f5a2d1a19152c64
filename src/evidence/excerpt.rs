//! The excerpt: the lines that matter, for people and prompts.
//!
//! Cause first, then the other failures in their order, each with a little context, numbered as in
//! the raw log, within a byte budget. The invariant: what leaves here is redacted and harmless, and
//! never longer than asked.

use std::fmt::Write as _;

use super::Reading;
use super::redact::harmless;
use super::text::{Text, floor};

/// Lines shown before a failure's first.
const BEFORE_LINES: usize = 2;

/// Lines shown after a failure's last.
const AFTER_LINES: usize = 6;

/// The longest line shown: bundles are minified, people's lines are not.
const SHOWN_BYTES_MAX: usize = 400;

/// The most lines shown of one failure: a panic's backtrace says little past that.
const FAILURE_LINES_MAX: usize = 40;

/// The most failures shown; the budget usually ends before.
const SHOWN_FAILURES_MAX: usize = 40;

/// Lines that stand together in an excerpt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The first line of the raw log, counted from 1.
    pub first_line: usize,
    /// The last.
    pub last_line: usize,
    /// The lines with their numbers; redacted, harmless, still a stranger's text.
    pub text: String,
}

/// What stands between two pieces.
const GAP: &str = "   …\n";

/// Builds the excerpt of a reading of `log`, in at most `bytes_max` bytes with the gaps.
pub(super) fn pieces(reading: &Reading, log: &[u8], bytes_max: usize) -> Vec<Piece> {
    let text = Text::of(log);
    let mut shown = vec![false; text.lines.len()];
    let mut pieces: Vec<Piece> = Vec::new();
    let mut bytes = 0;
    for failure in reading.failures.iter().take(SHOWN_FAILURES_MAX) {
        let first = (failure.source.first_line as usize).saturating_sub(1);
        let last = (failure.source.last_line as usize).clamp(first, first + FAILURE_LINES_MAX);
        let from = first.saturating_sub(BEFORE_LINES);
        let to = (last + AFTER_LINES).min(text.lines.len());
        let fresh: Vec<usize> =
            (from..to).filter(|index| !std::mem::replace(&mut shown[*index], true)).collect();
        let (Some(first), Some(last)) = (fresh.first(), fresh.last()) else { continue };
        let mut block = String::new();
        for index in &fresh {
            let _ = writeln!(block, "{:>6} {}", index + 1, text.line(*index));
        }
        // A secret may span lines and be longer than what is shown, so it goes before the cut.
        let block = harmless(&reading.redactor.redact(&block));
        let mut block: String =
            block.lines().flat_map(|line| [floor(line, SHOWN_BYTES_MAX), "\n"]).collect();
        let gap = if pieces.is_empty() { 0 } else { GAP.len() };
        let is_too_much = bytes + gap + block.len() > bytes_max;
        if is_too_much && !pieces.is_empty() {
            break;
        }
        if is_too_much {
            block.truncate(floor(&block, bytes_max).len());
        }
        bytes += gap + block.len();
        pieces.push(Piece { first_line: first + 1, last_line: last + 1, text: block });
        if is_too_much {
            break;
        }
    }
    pieces
}

/// The pieces one after the other.
pub fn joined(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(GAP)
}
