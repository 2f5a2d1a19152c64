//! The lines around what the rules read, kept while the log passes by, for the excerpt.
//!
//! The invariant: at most [`SHELF_BYTES_MAX`] bytes, whatever the log is.

use std::fmt;

use super::draft::Draft;
use super::lines::Near;

/// How much is kept: the excerpts of thousands of failures.
const SHELF_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What one kept line costs besides its text.
const LINE_COST_BYTES: usize = 48;

/// Lines kept before a failure's first: what the tool was doing.
const BEFORE_LINES: usize = 12;

/// Lines kept after a failure's last: what the tool made of it.
const AFTER_LINES: usize = 16;

/// The most lines kept of one failure; of a longer one its head, which names it, and its end, where
/// a panic stands below all that a test printed.
const FAILURE_LINES_MAX: usize = 40;

/// Two stretches with no more lines between them are one: a reader loses more by the gap.
pub(super) const GAP_LINES_MAX: usize = 16;

/// The lines that are shown for a block, with a little around it: all of them, or its head and its
/// end; both ends included.
pub(super) fn stretches(first: usize, last: usize) -> impl Iterator<Item = (usize, usize)> {
    let last = last.max(first);
    let (above, below) = (first.saturating_sub(BEFORE_LINES), last.saturating_add(AFTER_LINES));
    let half = FAILURE_LINES_MAX / 2;
    let is_long = last - first >= FAILURE_LINES_MAX + GAP_LINES_MAX;
    let head = (above, if is_long { first + half - 1 } else { below });
    std::iter::once(head).chain(is_long.then(|| (last + 1 - half, below)))
}

/// Clean lines by their number, counted from 0; shows their amount, for nothing is redacted yet.
#[derive(Clone, Default)]
pub(super) struct Shelf {
    /// The lines in order: their numbers and where they end in the text, for few are ever put
    /// between others.
    lines: Vec<Kept>,
    text: String,
    bytes: usize,
}

/// A kept line and where it stands in the text.
#[derive(Debug, Clone, Copy)]
struct Kept {
    index: usize,
    start: usize,
    end: usize,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Shelf {
    /// Keeps the lines around a draft that was read near a line, in a step that has the lines from
    /// `step.0` to before `step.1`.
    pub(super) fn keep(&mut self, near: &Near<'_>, draft: &Draft, step: (usize, usize)) {
        let (top, end) = (step.0.min(draft.first), step.1.max(draft.last + 1));
        for (first, last) in stretches(draft.first, draft.last) {
            let mut first = first.max(top);
            let mut at = self.place_of(first);
            let above = at.checked_sub(1).map(|above| self.lines[above].index + 1);
            if let Some(above) =
                above.filter(|above| *above > top && first - above <= GAP_LINES_MAX)
            {
                first = above;
            }
            for index in first..end.min(last + 1) {
                if self.lines.get(at).is_some_and(|kept| kept.index == index) {
                    at += 1;
                } else if self.bytes < SHELF_BYTES_MAX
                    && let Some(text) = near.numbered(index)
                {
                    let kept = self.copied(index, text);
                    self.lines.insert(at, kept);
                    at += 1;
                }
            }
        }
    }

    /// Keeps lines, as far as there is room.
    pub(super) fn put<'t>(&mut self, lines: impl Iterator<Item = (usize, &'t str)>) {
        let before = self.lines.len();
        for (index, text) in lines {
            let kept = &self.lines[..before];
            if self.bytes < SHELF_BYTES_MAX
                && kept.binary_search_by_key(&index, |kept| kept.index).is_err()
            {
                let kept = self.copied(index, text);
                self.lines.push(kept);
            }
        }
        self.lines.sort_by_key(|kept| kept.index);
        self.lines.dedup_by_key(|kept| kept.index);
    }

    fn copied(&mut self, index: usize, text: &str) -> Kept {
        let start = self.text.len();
        self.text.push_str(text);
        self.bytes += text.len() + LINE_COST_BYTES;
        Kept { index, start, end: self.text.len() }
    }

    /// Where the first kept line stands whose number is not lower.
    fn place_of(&self, index: usize) -> usize {
        self.lines.partition_point(|kept| kept.index < index)
    }

    /// The kept lines from one number to another, in order.
    pub(super) fn between(&self, first: usize, last: usize) -> impl Iterator<Item = (usize, &str)> {
        let kept = self.lines[self.place_of(first)..].iter();
        let kept = kept.take_while(move |kept| kept.index <= last.max(first));
        kept.map(|kept| (kept.index, &self.text[kept.start..kept.end]))
    }
}
