//! Lines around a place in the log's bytes, cleaned when somebody looks at them.
//!
//! Not an index: most lines of a log are never looked at, so none is kept. The invariant: a look
//! reaches at most [`LOOK_LINES_MAX`] lines and [`LOOK_BYTES_MAX`] bytes in either direction,
//! whatever piece of the log happens to be in memory, so that a log read in pieces and one read at
//! once give the same failures.

use std::cell::{Cell, RefCell};

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;
use memchr::{memchr, memrchr};

use super::peel::peel;
use super::text::{Clean, Mark, clean};

/// How far a reader may look in either direction: a file header above 200 findings, captured output
/// between a failed test and its panic.
pub(super) const LOOK_LINES_MAX: usize = 400;

/// The same in bytes: what a stream keeps in memory on either side of the line that it reads.
pub(super) const LOOK_BYTES_MAX: usize = 512 * 1024;

/// Where a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Its number, counted from 0 at the log's beginning.
    pub(super) index: usize,
    /// Where its bytes begin, in what is in memory.
    pub(super) start: usize,
    /// Where they end, without the line feed.
    pub(super) end: usize,
}

impl Place {
    /// The same place after so many bytes were let go; `None` when it is gone with them.
    pub(super) fn slid(self, bytes: usize) -> Option<Self> {
        let start = self.start.checked_sub(bytes)?;
        Some(Self { index: self.index, start, end: self.end - bytes })
    }
}

/// The part of a log that is in memory, whole lines only.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines<'f> {
    /// The bytes.
    pub(super) bytes: &'f [u8],
    /// Where clean lines live that cannot be borrowed.
    pub(super) space: &'f Bump,
}

impl<'f> Lines<'f> {
    /// The clean line of a place.
    pub(super) fn clean(self, place: Place) -> Clean<'f> {
        clean(self.bytes.get(place.start..place.end).unwrap_or_default(), self.space)
    }

    /// The line above, if it is in memory.
    pub(super) fn above(self, place: Place) -> Option<Place> {
        let end = place.start.checked_sub(1)?;
        let start = memrchr(b'\n', &self.bytes[..end]).map_or(0, |at| at + 1);
        Some(Place { index: place.index.checked_sub(1)?, start, end })
    }

    /// The line below, if it is in memory.
    pub(super) fn below(self, place: Place) -> Option<Place> {
        let start = place.end + 1;
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let end = start + memchr(b'\n', rest).unwrap_or(rest.len());
        Some(Place { index: place.index + 1, start, end })
    }
}

/// A line and what was looked at around it.
#[derive(Debug)]
pub(super) struct Near<'f> {
    lines: Lines<'f>,
    /// The line.
    pub(super) place: Place,
    line: Clean<'f>,
    /// How many lines a look may reach.
    reach: usize,
    above: RefCell<BumpVec<'f, &'f str>>,
    highest: Cell<Place>,
    below: RefCell<BumpVec<'f, &'f str>>,
    lowest: Cell<Place>,
}

impl<'f> Near<'f> {
    /// The neighbourhood of a line of which at most `reach` lines on either side are seen.
    pub(super) fn of(lines: Lines<'f>, place: Place, reach: usize) -> &'f Self {
        lines.space.alloc(Self {
            lines,
            place,
            line: lines.clean(place),
            reach: reach.min(LOOK_LINES_MAX),
            above: RefCell::new(BumpVec::new_in(lines.space)),
            highest: Cell::new(place),
            below: RefCell::new(BumpVec::new_in(lines.space)),
            lowest: Cell::new(place),
        })
    }

    /// The line itself.
    pub(super) fn line(&self) -> Clean<'f> {
        self.line
    }

    /// How many lines were looked at.
    pub(super) fn looked(&self) -> usize {
        self.above.borrow().len() + self.below.borrow().len()
    }

    /// The line with that number, whatever step it is of.
    pub(super) fn numbered(&self, index: usize) -> Option<&'f str> {
        match index.checked_sub(self.place.index) {
            Some(0) => Some(self.line.text),
            Some(distance) => self.below(distance),
            None => self.above(self.place.index - index),
        }
    }

    /// The text of a line, unless its columns say that it is of another step.
    fn in_step(&self, place: Place) -> Option<&'f str> {
        let line = self.lines.clean(place);
        let is_other = line.columns.is_some() && line.columns != self.line.columns;
        (!is_other).then_some(line.text)
    }

    fn below(&self, distance: usize) -> Option<&'f str> {
        let mut seen = self.below.borrow_mut();
        while seen.len() < distance.min(self.reach) {
            let place = self.lines.below(self.lowest.get())?;
            if place.end > self.place.end + LOOK_BYTES_MAX {
                return None;
            }
            seen.push(self.in_step(place)?);
            self.lowest.set(place);
        }
        seen.get(distance.checked_sub(1)?).copied()
    }

    fn above(&self, distance: usize) -> Option<&'f str> {
        let mut seen = self.above.borrow_mut();
        while seen.len() < distance.min(self.reach) {
            let place = self.lines.above(self.highest.get())?;
            if place.start + LOOK_BYTES_MAX < self.place.start {
                return None;
            }
            seen.push(self.in_step(place)?);
            self.highest.set(place);
        }
        seen.get(distance.checked_sub(1)?).copied()
    }
}

/// A line in its step: what a rule's reader may look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'f> {
    near: &'f Near<'f>,
    /// The numbers of the lines of its step.
    step: (usize, usize),
    /// The line's number, counted from 0.
    pub(super) index: usize,
    /// How many stacked prefixes were taken off before the pattern matched.
    peels: u8,
}

impl<'f> At<'f> {
    /// A line in a step that has the lines from `step.0` to before `step.1`.
    pub(super) fn of(near: &'f Near<'f>, step: (usize, usize), peels: u8) -> Self {
        Self { near, step, index: near.place.index, peels }
    }

    /// The line so far below, which is in the same step.
    pub(super) fn down(self, distance: usize) -> Self {
        Self { index: self.index + distance, ..self }
    }

    /// The line itself, as the pattern saw it.
    pub(super) fn text(&self) -> &'f str {
        self.numbered(self.index).unwrap_or("")
    }

    /// What the CI system put before the line.
    pub(super) fn mark(&self) -> Mark {
        self.near.line.mark
    }

    /// The line `distance` below, while it is in the same step.
    pub(super) fn below(&self, distance: usize) -> Option<&'f str> {
        self.numbered(self.index + distance)
    }

    /// The line `distance` above, while it is in the same step.
    pub(super) fn above(&self, distance: usize) -> Option<&'f str> {
        self.numbered(self.index.checked_sub(distance)?)
    }

    /// The lines below, at most `lines`.
    pub(super) fn lines_below(self, lines: usize) -> impl Iterator<Item = (usize, &'f str)> {
        (1..=lines).map_while(move |distance| Some((distance, self.below(distance)?)))
    }

    /// The lines above, nearest first, at most `lines`.
    pub(super) fn lines_above(self, lines: usize) -> impl Iterator<Item = (usize, &'f str)> {
        (1..=lines).map_while(move |distance| Some((distance, self.above(distance)?)))
    }

    /// The line with that number, while it is in the same step.
    pub(super) fn numbered(&self, index: usize) -> Option<&'f str> {
        if index != self.near.place.index && !(self.step.0..self.step.1).contains(&index) {
            return None;
        }
        let mut text = self.near.numbered(index)?;
        for _ in 0..self.peels {
            match peel(text) {
                Some(rest) => text = rest,
                None => break,
            }
        }
        Some(text)
    }
}
