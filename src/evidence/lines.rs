//! Lines around a place in the log's bytes, cleaned when somebody looks at them.
//!
//! Not an index: most lines of a log are never looked at, so none is kept. The invariant: a look
//! reaches at most [`LOOK_LINES_MAX`] lines and [`LOOK_BYTES_MAX`] bytes in either direction,
//! whatever piece of the log happens to be in memory, so that a log read in pieces and one read at
//! once give the same failures.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use bumpalo::Bump;
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

/// Lines that follow each other, each cleaned once however many look at it.
#[derive(Debug)]
pub(super) struct Run<'f> {
    lines: Lines<'f>,
    seen: RefCell<VecDeque<Seen<'f>>>,
}

/// A line of a run.
#[derive(Debug, Clone, Copy)]
struct Seen<'f> {
    place: Place,
    line: Option<Clean<'f>>,
}

impl<'f> Run<'f> {
    /// A run that nobody has looked at.
    pub(super) fn of(lines: Lines<'f>) -> Self {
        Self { lines, seen: RefCell::new(VecDeque::new()) }
    }

    /// The neighbourhood of a line, below the last one asked for, of which at most `reach` lines on
    /// either side are seen.
    pub(super) fn near(&'f self, place: Place, reach: usize) -> &'f Near<'f> {
        self.go_to(place);
        self.lines.space.alloc(Near {
            run: self,
            place,
            line: self.line(place.index).map_or_else(Clean::default, |(_, line)| line),
            reach: reach.min(LOOK_LINES_MAX),
            above: Cell::new(0),
            below: Cell::new(0),
        })
    }

    /// Makes the run hold a place: goes on to it, or begins there if it is far away.
    fn go_to(&self, place: Place) {
        let mut seen = self.seen.borrow_mut();
        while let Some(last) = seen.back().copied()
            && last.place.index < place.index
            && place.index - last.place.index <= LOOK_LINES_MAX
            && let Some(next) = self.lines.below(last.place)
        {
            seen.push_back(Seen { place: next, line: None });
        }
        if let (Some(first), Some(last)) = (seen.front(), seen.back())
            && (first.place.index..=last.place.index).contains(&place.index)
        {
            // Nobody looks further up from here on.
            while seen[0].place.index + 2 * LOOK_LINES_MAX < place.index {
                seen.pop_front();
            }
            return;
        }
        seen.clear();
        seen.push_back(Seen { place, line: None });
    }

    /// The line with that number, which is in the run or beside it.
    fn line(&self, index: usize) -> Option<(Place, Clean<'f>)> {
        let mut seen = self.seen.borrow_mut();
        let first = seen.front()?.place;
        if index < first.index {
            seen.push_front(Seen { place: self.lines.above(first)?, line: None });
        }
        let at = index.saturating_sub(first.index);
        if at >= seen.len() {
            let last = seen.back()?.place;
            seen.push_back(Seen { place: self.lines.below(last)?, line: None });
        }
        let seen = seen.get_mut(at)?;
        let line = *seen.line.get_or_insert_with(|| self.lines.clean(seen.place));
        Some((seen.place, line))
    }
}

/// A line and how far was looked around it.
#[derive(Debug)]
pub(super) struct Near<'f> {
    run: &'f Run<'f>,
    /// The line.
    pub(super) place: Place,
    line: Clean<'f>,
    /// How many lines a look may reach.
    reach: usize,
    /// How many lines above are of the same step and not too far, as far as was looked.
    above: Cell<usize>,
    below: Cell<usize>,
}

impl<'f> Near<'f> {
    /// The line itself.
    pub(super) fn line(&self) -> Clean<'f> {
        self.line
    }

    /// How many lines were looked at.
    pub(super) fn looked(&self) -> usize {
        self.above.get() + self.below.get()
    }

    /// The line with that number, whatever step it is of.
    pub(super) fn numbered(&self, index: usize) -> Option<&'f str> {
        let (distance, seen) = match index.checked_sub(self.place.index) {
            Some(0) => return Some(self.line.text),
            Some(distance) => (distance, &self.below),
            None => (self.place.index - index, &self.above),
        };
        while seen.get() < distance.min(self.reach) {
            let next = seen.get() + 1;
            let is_above = index < self.place.index;
            let index = if is_above { self.place.index - next } else { self.place.index + next };
            let (place, line) = self.run.line(index)?;
            // Not more bytes than a stream keeps, and no line whose columns name another step.
            let is_far = place.end > self.place.end + LOOK_BYTES_MAX
                || place.start + LOOK_BYTES_MAX < self.place.start;
            let is_other = line.columns.is_some() && line.columns != self.line.columns;
            if is_far || is_other {
                return None;
            }
            seen.set(next);
        }
        (distance <= seen.get()).then(|| self.run.line(index).map(|(_, line)| line.text))?
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
