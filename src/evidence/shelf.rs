//! The lines around what the rules read, kept while the log passes by, for the excerpt.
//!
//! The invariant: at most [`SHELF_BYTES_MAX`] bytes, whatever the log is.

use std::collections::BTreeMap;
use std::fmt;

use super::draft::Draft;
use super::lines::Near;

/// How much is kept: the excerpts of thousands of failures.
const SHELF_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What one kept line costs besides its text.
const LINE_COST_BYTES: usize = 48;

/// Lines kept before a failure's first: what the tool was doing.
pub(super) const BEFORE_LINES: usize = 12;

/// Lines kept after a failure's last: what the tool made of it.
pub(super) const AFTER_LINES: usize = 16;

/// The most lines kept of one failure: a panic's backtrace says little past that.
pub(super) const FAILURE_LINES_MAX: usize = 40;

/// Clean lines by their number, counted from 0; shows their amount, for nothing is redacted yet.
#[derive(Clone, Default)]
pub(super) struct Shelf {
    lines: BTreeMap<usize, Box<str>>,
    bytes: usize,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Shelf {
    /// Keeps the lines around a draft that was read near a line, from its step's first on.
    pub(super) fn keep(&mut self, near: &Near<'_>, draft: &Draft, step_first: usize) {
        let first = draft.first.saturating_sub(BEFORE_LINES).max(step_first.min(draft.first));
        let last = draft.last.clamp(draft.first, draft.first + FAILURE_LINES_MAX);
        for index in first..=last + AFTER_LINES {
            if !self.lines.contains_key(&index)
                && let Some(text) = near.numbered(index)
            {
                self.put(index, text);
            }
        }
    }

    /// Keeps a line, if there is room.
    pub(super) fn put(&mut self, index: usize, text: &str) {
        if self.bytes < SHELF_BYTES_MAX && !self.lines.contains_key(&index) {
            self.bytes += text.len() + LINE_COST_BYTES;
            self.lines.insert(index, text.into());
        }
    }

    /// The kept lines from one number to another, in order.
    pub(super) fn between(&self, first: usize, last: usize) -> impl Iterator<Item = (usize, &str)> {
        self.lines.range(first..=last.max(first)).map(|(index, text)| (*index, &**text))
    }
}
