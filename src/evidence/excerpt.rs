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
use crate::domain::failure::Failure;

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
    /// Why they matter: the failure that they tell of, or how the step ended.
    pub why: String,
    /// The lines with their numbers; redacted, harmless, still a stranger's text.
    pub text: String,
}

/// What stands between two pieces.
const GAP: &str = "   …\n";

/// Why the last lines of a step are shown.
const END: &str = "how the step ended";

/// Builds the excerpt of a reading, in at most `bytes_max` bytes with the gaps.
pub(super) fn pieces(reading: &Reading, bytes_max: usize) -> Vec<Piece> {
    let mut excerpt = Excerpt { reading, shown: HashSet::new(), pieces: Vec::new(), bytes_max };
    for failure in reading.failures.iter().take(SHOWN_FAILURES_MAX) {
        let first = (failure.source.first_line as usize).saturating_sub(1);
        let last = (failure.source.last_line as usize).clamp(first + 1, first + FAILURE_LINES_MAX);
        let around = (first.saturating_sub(BEFORE_LINES), last - 1 + AFTER_LINES);
        if !excerpt.show(around, why(failure)) {
            return excerpt.pieces;
        }
    }
    let ends = reading.ends.iter().filter(|_| !reading.failures.is_empty());
    for (first, last) in ends.take(SHOWN_FAILURES_MAX) {
        if !excerpt.show((*first, *last), END.to_owned()) {
            break;
        }
    }
    excerpt.pieces
}

/// What the failure is, in one word, and where.
fn why(failure: &Failure) -> String {
    let mut why = failure.kind.as_str().to_owned();
    if let Some(code) = &failure.code {
        let _ = write!(why, " {code}");
    }
    if let Some(file) = &failure.file {
        let _ = write!(why, " in {file}");
    }
    why
}

/// An excerpt in the making.
struct Excerpt<'r> {
    reading: &'r Reading,
    shown: HashSet<usize>,
    pieces: Vec<Piece>,
    bytes_max: usize,
}

impl Excerpt<'_> {
    /// Adds the lines that are not shown yet; whether there is room for more.
    fn show(&mut self, (first, last): (usize, usize), why: String) -> bool {
        let lines = self.reading.shelf.between(first, last);
        let fresh: Vec<(usize, &str)> =
            lines.filter(|(index, _)| self.shown.insert(*index)).collect();
        let (Some((first, _)), Some((last, _))) = (fresh.first(), fresh.last()) else {
            return true;
        };
        let mut block = String::new();
        for (index, text) in &fresh {
            let _ = writeln!(block, "{:>6} {text}", index + 1);
        }
        // A secret may span lines and be longer than what is shown, so it goes before the cut.
        let block = harmless(&self.reading.redactor.redact(&block));
        let mut block: String =
            block.lines().flat_map(|line| [floor(line, SHOWN_BYTES_MAX), "\n"]).collect();
        let gap = if self.pieces.is_empty() { 0 } else { GAP.len() };
        let has_room = gap + block.len() <= self.bytes_max;
        if !has_room && !self.pieces.is_empty() {
            return false;
        }
        if !has_room {
            block.truncate(floor(&block, self.bytes_max).len());
        }
        self.bytes_max -= (gap + block.len()).min(self.bytes_max);
        self.pieces.push(Piece { first_line: first + 1, last_line: last + 1, why, text: block });
        has_room
    }
}

/// The pieces one after the other.
pub fn joined(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(GAP)
}
