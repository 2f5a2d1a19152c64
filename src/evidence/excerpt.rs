//! The excerpt: the lines that matter, for people and prompts.
//!
//! Cause first, then the other failures in their order, each with a little context, numbered as in
//! the raw log, within a byte budget. The invariant: what leaves here is redacted and harmless, and
//! never longer than asked.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Reading;
use super::redact::harmless;
use super::shelf::{GAP_LINES_MAX, stretches};
use super::text::floor;
use crate::domain::failure::Failure;

/// The longest line shown: bundles are minified, people's lines are not.
const SHOWN_BYTES_MAX: usize = 400;

/// The most failures shown; the budget usually ends before.
pub(super) const SHOWN_FAILURES_MAX: usize = 40;

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
    let pieces = Pieces::of_bytes(bytes_max);
    let mut excerpt = Excerpt { reading, shown: BTreeSet::new(), pieces };
    for failure in reading.failures.iter().take(SHOWN_FAILURES_MAX) {
        let first = (failure.source.first_line as usize).saturating_sub(1);
        let last = (failure.source.last_line as usize).saturating_sub(1);
        for lines in stretches(first, last) {
            if !excerpt.show(lines, why(failure)) {
                return excerpt.pieces.into_vec();
            }
        }
    }
    let ends = reading.ends.iter().filter(|_| !reading.failures.is_empty());
    for (first, last) in ends.take(SHOWN_FAILURES_MAX) {
        if !excerpt.show((*first, *last), END.to_owned()) {
            break;
        }
    }
    excerpt.pieces.into_vec()
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
    shown: BTreeSet<usize>,
    pieces: Pieces,
}

impl Excerpt<'_> {
    /// Adds the lines that are not shown yet; whether there is room for more.
    fn show(&mut self, (first, last): (usize, usize), why: String) -> bool {
        let (first, last) = self.bridged(first, last);
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
        let block = block.lines().flat_map(|line| [floor(line, SHOWN_BYTES_MAX), "\n"]).collect();
        self.pieces.push((first + 1, last + 1), why, block)
    }

    /// The same lines and those of the small gaps between them and what is shown already.
    fn bridged(&self, first: usize, last: usize) -> (usize, usize) {
        let above = self.shown.range(..first).next_back().map(|above| above + 1);
        let below = self.shown.range(last + 1..).next().map(|below| below - 1);
        let above = above.filter(|above| first - above <= GAP_LINES_MAX);
        let below = below.filter(|below| below - last <= GAP_LINES_MAX);
        (above.unwrap_or(first), below.unwrap_or(last))
    }
}

/// Pieces in at most so many bytes, with what stands between them.
#[derive(Debug)]
pub(super) struct Pieces {
    pieces: Vec<Piece>,
    /// How many bytes are left.
    room: usize,
}

impl Pieces {
    /// No pieces yet.
    pub(super) fn of_bytes(bytes_max: usize) -> Self {
        Self { pieces: Vec::new(), room: bytes_max }
    }

    /// Adds a piece, cut if it is the first and too long; whether there is room for more.
    pub(super) fn push(&mut self, lines: (usize, usize), why: String, mut text: String) -> bool {
        let gap = if self.pieces.is_empty() { 0 } else { GAP.len() };
        let has_room = gap + text.len() <= self.room;
        if !has_room && !self.pieces.is_empty() {
            return false;
        }
        text.truncate(floor(&text, self.room).len());
        self.room -= (gap + text.len()).min(self.room);
        let (first_line, last_line) = lines;
        self.pieces.push(Piece { first_line, last_line, why, text });
        has_room
    }

    /// The pieces, in the order in which they were added.
    pub(super) fn into_vec(self) -> Vec<Piece> {
        self.pieces
    }
}

/// The pieces one after the other.
pub fn joined(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(GAP)
}

#[cfg(test)]
mod tests {
    use crate::evidence::{Hints, read};

    #[track_caller]
    fn check(log: &str, expected: &[(usize, usize)]) {
        let hints = Hints { exit_code: Some(1), ..Hints::default() };
        let pieces = read(log.as_bytes(), &hints).pieces(64 * 1024);
        let got: Vec<(usize, usize)> =
            pieces.iter().map(|piece| (piece.first_line, piece.last_line)).collect();
        assert_eq!(got, expected, "\n{log}");
        for piece in pieces {
            assert_eq!(piece.text.lines().count(), piece.last_line + 1 - piece.first_line);
        }
    }

    #[test]
    fn a_long_block_is_shown_by_its_head_and_its_end() {
        let before = "test x ... ok\n".repeat(50);
        let printed = "printed\n".repeat(200);
        let panic =
            "thread 'a::b' panicked at src/a.rs:3:9:\nno\n\ntest result: FAILED. 1 failed\n";
        let log = format!("{before}---- a::b stdout ----\n{printed}{panic}");
        check(&log, &[(39, 70), (234, 255), (226, 233)]);
    }

    #[test]
    fn a_small_gap_between_failures_is_shown_and_a_large_one_is_not() {
        let error = "src/a.ts(1,2): error TS1: no\n";
        let other = "src/b.ts(3,4): error TS2: no\n";
        let bridged = [(29, 57), (58, 98), (99, 122)];
        let apart = [(49, 77), (110, 138), (153, 182)];
        for (between, expected) in [(40, &bridged), (60, &apart)] {
            let words = "compiling\n".repeat(between);
            check(&format!("{words}{error}{words}{other}{words}"), expected);
        }
    }
}
