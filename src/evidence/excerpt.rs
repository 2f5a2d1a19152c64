//! The excerpt: the lines that matter, for people and prompts.
//!
//! Cause first, then the other failures in their order, each with a little context, numbered as in
//! the raw log, within a byte budget. The invariant: what leaves here is redacted and harmless, and
//! never longer than asked.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::Reading;
use super::redact::harmless;
use super::shelf::{AFTER_LINES, BEFORE_LINES, FAILURE_LINES_MAX};
use super::text::floor;

/// The longest line shown: bundles are minified, people's lines are not.
const SHOWN_BYTES_MAX: usize = 400;

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

/// Builds the excerpt of a reading, in at most `bytes_max` bytes with the gaps.
pub(super) fn pieces(reading: &Reading, bytes_max: usize) -> Vec<Piece> {
    let mut shown: HashSet<usize> = HashSet::new();
    let mut pieces: Vec<Piece> = Vec::new();
    let mut bytes = 0;
    for failure in reading.failures.iter().take(SHOWN_FAILURES_MAX) {
        let first = (failure.source.first_line as usize).saturating_sub(1);
        let last = (failure.source.last_line as usize).clamp(first + 1, first + FAILURE_LINES_MAX);
        let around = (first.saturating_sub(BEFORE_LINES), last - 1 + AFTER_LINES);
        let lines = reading.shelf.between(around.0, around.1);
        let fresh: Vec<(usize, &str)> = lines.filter(|(index, _)| shown.insert(*index)).collect();
        let (Some((first, _)), Some((last, _))) = (fresh.first(), fresh.last()) else { continue };
        let mut block = String::new();
        for (index, text) in &fresh {
            let _ = writeln!(block, "{:>6} {text}", index + 1);
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
