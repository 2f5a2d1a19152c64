//! The pass over a log's bytes.
//!
//! Two heads: the first sifts lines, hears where steps begin and end, and holds patterns against
//! the lines; the second follows at a distance and lets the rules whose patterns matched look at
//! their lines, whose neighbourhood is known by then. The invariant: time is linear in the log and
//! what is kept of it is bounded, whatever it holds.

use std::collections::VecDeque;

use bumpalo::Bump;
use memchr::{memchr, memchr_iter, memrchr};

use super::draft::{Draft, Weight};
use super::frame::{Frame, Verdict, Window};
use super::lines::{LOOK_BYTES_MAX, LOOK_LINES_MAX, Lines, Near, Place, Run};
use super::matchers::Matching;
use super::redact::Redactor;
use super::shelf::Shelf;
use super::sieve::Calls;
use super::{Hints, Reading, ReportFormat, Stats, commands, decode, judgement, scan, sieve};
use crate::domain::failure::Severity;

/// How many drafts are kept: judgement folds them, and the thousandth error of a kind adds nothing.
const DRAFTS_MAX: usize = 20_000;

/// How many of one step, so that one loud step leaves room for those that fail after it.
const STEP_DRAFTS_MAX: usize = 2_000;

/// What their messages may take together.
const DRAFT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How much scratch space is used before it is cleared.
const SPACE_BYTES: usize = 1024 * 1024;

/// How much of it is kept for the next use.
const SPACE_KEPT_BYTES: usize = 4 * SPACE_BYTES;

/// How many bytes the second head reads on at once, so that lines near each other are cleaned once.
const READ_BYTES: usize = 256 * 1024;

/// How many lines may be looked at around others, for each line of the log: past that, rules see
/// only [`SHORT_LOOK_LINES`], so that a log made of nothing but headers stays cheap.
const LOOKS_PER_LINE: usize = 8;

/// How many lines may be looked at in any log.
const LOOKS_MIN: usize = 200_000;

/// How far a rule sees once the log has used up its looks.
const SHORT_LOOK_LINES: usize = 8;

/// Reads a log that is in memory.
pub(super) fn read_whole(log: &[u8], hints: &Hints<'_>) -> Reading {
    let text = decode::decoded(log);
    let mut pass = Pass::new(hints);
    pass.count_bytes(log.len());
    pass.advance(&text, Rest::None);
    pass.finish(&text, hints)
}

/// Whether more bytes follow those in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// They do.
    ToCome,
    /// They do not.
    None,
}

/// A line that calls rules.
#[derive(Debug, Clone, Copy)]
struct Call {
    place: Place,
    window: usize,
    /// How many rules, at the front of the queue of rules.
    rules: usize,
}

/// Room that the first head works in.
#[derive(Debug, Default)]
struct Ear {
    space: Bump,
    met: Vec<sieve::Met>,
    called: Vec<u16>,
}

/// Room that the second head works in.
#[derive(Debug, Default)]
struct Room {
    space: Bump,
    found: Vec<Draft>,
    rules: Vec<u16>,
}

/// The state between two advances; places are relative to the bytes in memory.
#[derive(Debug)]
pub(super) struct Pass<'h> {
    /// The repository's own matchers, which look at every line.
    matching: Option<Matching<'h>>,
    /// Where the first head stands; a line's beginning.
    sifted: usize,
    /// A line's number and where it begins: how far lines were counted.
    counted: (usize, usize),
    frame: Frame,
    calls: VecDeque<Call>,
    rules: VecDeque<u16>,
    drafts: Vec<Draft>,
    draft_bytes: usize,
    /// The step that drafts were read from last, and how many.
    step_drafts: (usize, usize),
    left_out: usize,
    looks: usize,
    room: Room,
    shelf: Shelf,
    stats: Stats,
}

impl<'h> Pass<'h> {
    /// A pass over nothing yet.
    pub(super) fn new(hints: &Hints<'h>) -> Self {
        let matchers = Some(hints.matchers).filter(|matchers| !matchers.is_empty());
        Self {
            matching: matchers.map(Matching::new),
            sifted: 0,
            counted: (0, 0),
            frame: Frame::new(hints),
            calls: VecDeque::new(),
            rules: VecDeque::new(),
            drafts: Vec::new(),
            draft_bytes: 0,
            step_drafts: (0, 0),
            left_out: 0,
            looks: 0,
            room: Room::default(),
            shelf: Shelf::default(),
            stats: Stats::default(),
        }
    }

    /// Counts bytes of the raw log.
    pub(super) fn count_bytes(&mut self, bytes: usize) {
        self.stats.bytes += bytes;
    }

    /// Reads on; `bytes` are whole lines, and what was in memory before stands at its beginning.
    pub(super) fn advance(&mut self, bytes: &[u8], rest: Rest) {
        match self.matching {
            None => self.hear_sifted(bytes),
            Some(_) => self.hear_all(bytes),
        }
        self.sifted = bytes.len().max(self.sifted);
        self.read(bytes, if rest == Rest::None { usize::MAX } else { self.sifted });
    }

    /// From where on bytes are still needed to read on, besides what rules may look back at.
    pub(super) fn reading_from(&self) -> usize {
        self.calls.front().map_or(self.sifted, |call| call.place.start)
    }

    /// The first so many bytes in memory are let go.
    pub(super) fn slide(&mut self, bytes: &[u8], gone: usize) {
        let space = Bump::new();
        self.number(bytes, gone);
        self.frame.slide(Lines { bytes, space: &space }, gone);
        self.sifted -= gone;
        self.counted.1 -= gone;
        for call in &mut self.calls {
            if let Some(place) = call.place.slid(gone) {
                call.place = place;
            }
        }
    }

    /// Judges what was read.
    pub(super) fn finish(mut self, bytes: &[u8], hints: &Hints<'_>) -> Reading {
        let space = Bump::new();
        let lines = Lines { bytes, space: &space };
        let last = self.last_place(bytes);
        self.stats.lines = last.map_or(0, |last| last.index + 1);
        self.frame.finish(lines, last);
        let ends = self.keep_ends();
        let redactor = Redactor::of(hints.known_secrets);
        let judged = judgement::judge(&self.frame, self.drafts, hints, &redactor);
        let (failures, mut notes) = judged;
        if self.left_out > 0 {
            notes.push(format!("{} more findings were not judged", self.left_out));
        }
        let mut commands = commands::failed_scripts(&self.frame.windows);
        commands.retain(|command| !redactor.knows(command));
        let mut green_commands = commands::green_checks(&self.frame.windows);
        green_commands.retain(|command| !redactor.knows(command) && !commands.contains(command));
        Reading {
            failures,
            notes,
            commands,
            green_commands,
            stats: self.stats,
            format: ReportFormat::Log,
            redactor,
            shelf: self.shelf,
            ends,
        }
    }

    /// Keeps the last words of the steps that failed.
    fn keep_ends(&mut self) -> Vec<(usize, usize)> {
        let failed = |window: &&Window| window.verdict != Verdict::Passed;
        let mut ends = Vec::new();
        let failed = || self.frame.windows.iter().filter(failed);
        let tails = failed().flat_map(|window| window.tail.iter());
        self.shelf.put(tails.map(|(index, text)| (*index, &**text)));
        for window in failed() {
            if let (Some((first, _)), Some((last, _))) = (window.tail.first(), window.tail.last()) {
                ends.push((*first, *last));
            }
        }
        ends
    }

    /// The first head: hears the lines that the sieve lets through.
    fn hear_sifted(&mut self, bytes: &[u8]) {
        let mut ear = Ear::default();
        self.hear_first(bytes);
        let first = self.number(bytes, self.sifted);
        let mut sifted = sieve::sift(bytes, self.sifted.min(bytes.len()), first);
        while let Some((place, calls)) = sifted.next() {
            let known = (calls == Calls::Known).then(|| sifted.rules());
            self.hear(bytes, place, known, &mut ear);
        }
        self.counted = sifted.counted();
    }

    /// The first head where a repository's own matchers want every line.
    fn hear_all(&mut self, bytes: &[u8]) {
        let mut ear = Ear::default();
        self.hear_first(bytes);
        let first = self.number(bytes, self.sifted);
        for (index, (start, end)) in (first..).zip(all_lines(bytes, self.sifted)) {
            self.hear(bytes, Place { index, start, end }, None, &mut ear);
        }
    }

    fn hear_first(&mut self, bytes: &[u8]) {
        if self.counted == (0, 0) && self.sifted == 0 && !bytes.is_empty() {
            let end = memchr(b'\n', bytes).unwrap_or(bytes.len());
            let space = Bump::new();
            let lines = Lines { bytes, space: &space };
            self.frame.begin(&lines.clean(Place { index: 0, start: 0, end }));
        }
    }

    /// Hears a line and notes which rules it calls.
    fn hear(&mut self, bytes: &[u8], place: Place, known: Option<&[u16]>, ear: &mut Ear) {
        if ear.space.allocated_bytes() > SPACE_BYTES {
            empty(&mut ear.space);
        }
        let lines = Lines { bytes, space: &ear.space };
        let line = lines.clean(place);
        if !self.frame.hear(lines, place, &line) {
            match known {
                Some(known) => known.clone_into(&mut ear.called),
                None => sieve::called(line.text, &mut ear.met, &mut ear.called),
            }
            scan::keep_matching(line.text, &mut ear.called);
            if !ear.called.is_empty() || self.matching.is_some() {
                let window = self.frame.current();
                self.calls.push_back(Call { place, window, rules: ear.called.len() });
                self.rules.extend(&ear.called);
            }
        }
        self.sifted = place.end + 1;
        let ready = self.sifted.saturating_sub(READ_BYTES);
        if self.calls.front().is_some_and(|call| is_ready(call, ready)) {
            self.read(bytes, self.sifted);
        }
    }

    /// The second head: reads the lines whose neighbourhood was heard.
    fn read(&mut self, bytes: &[u8], heard: usize) {
        let mut room = std::mem::take(&mut self.room);
        while self.calls.front().is_some_and(|call| is_ready(call, heard)) {
            self.read_stretch(bytes, heard, &mut room);
            empty(&mut room.space);
        }
        self.room = room;
    }

    /// Reads as many lines as there is scratch space for.
    fn read_stretch(&mut self, bytes: &[u8], heard: usize, room: &mut Room) {
        let Room { space, found, rules } = room;
        let space = &*space;
        let full = SPACE_BYTES.max(space.allocated_bytes());
        let run = Run::of(Lines { bytes, space });
        while space.allocated_bytes() <= full
            && let Some(call) = self.calls.pop_front_if(|call| is_ready(call, heard))
        {
            rules.clear();
            rules.extend(self.rules.drain(..call.rules));
            self.answer(call, &run, rules, found);
        }
    }

    /// Lets the rules that a line calls look at it.
    fn answer<'f>(&mut self, call: Call, run: &'f Run<'f>, rules: &[u16], found: &mut Vec<Draft>) {
        let spent = self.looks > LOOKS_MIN + call.place.index * LOOKS_PER_LINE;
        let reach = if spent { SHORT_LOOK_LINES } else { LOOK_LINES_MAX };
        let near = run.near(call.place, reach);
        let step = self.frame.lines_of(call.window);
        if let Some(matching) = &mut self.matching {
            matching.line(call.place.index, near.line().text, found);
            found.retain(|draft| draft.failure.severity == Severity::Error);
        }
        // A team's own words about its own tool are better than ours.
        if found.is_empty() && !rules.is_empty() {
            scan::read(near, step, rules, found);
        }
        for mut draft in found.drain(..) {
            draft.window = call.window;
            if self.frame.green.knows(near.line().text) {
                draft.weight = draft.weight.max(Weight::Consequence);
            }
            self.keep(near, draft);
        }
        self.looks += near.looked();
    }

    fn keep(&mut self, near: &Near<'_>, draft: Draft) {
        if self.step_drafts.0 != draft.window {
            self.step_drafts = (draft.window, 0);
        }
        let full = self.drafts.len() >= DRAFTS_MAX
            || self.draft_bytes >= DRAFT_BYTES_MAX
            || self.step_drafts.1 >= STEP_DRAFTS_MAX;
        if full {
            self.left_out += 1;
            return;
        }
        self.step_drafts.1 += 1;
        self.draft_bytes += draft.failure.message.len();
        let step = self.frame.lines_of(draft.window);
        self.shelf.keep(near, &draft, step);
        self.drafts.push(draft);
    }

    /// The number of the line that begins at `start`, which is not before the last one asked for.
    fn number(&mut self, bytes: &[u8], start: usize) -> usize {
        let (number, from) = self.counted;
        let start = start.min(bytes.len());
        if let Some(passed) = bytes.get(from..start) {
            self.counted = (number + memchr_iter(b'\n', passed).count(), start);
        }
        self.counted.0
    }

    /// The last line.
    fn last_place(&mut self, bytes: &[u8]) -> Option<Place> {
        let ended = bytes.last() == Some(&b'\n');
        let end = bytes.len() - usize::from(ended);
        let start = memrchr(b'\n', &bytes[..end]).map_or(0, |at| at + 1);
        let lines = self.number(bytes, bytes.len()) + usize::from(!ended && !bytes.is_empty());
        Some(Place { index: lines.checked_sub(1)?, start, end })
    }
}

/// Empties scratch space; what is larger than usual is given back.
fn empty(space: &mut Bump) {
    space.reset();
    if space.allocated_bytes() > SPACE_KEPT_BYTES {
        *space = Bump::new();
    }
}

/// Whether everything was heard that the rules may see below a line.
fn is_ready(call: &Call, heard: usize) -> bool {
    heard.checked_sub(LOOK_BYTES_MAX).is_some_and(|heard| call.place.end <= heard)
}

fn all_lines(bytes: &[u8], from: usize) -> impl Iterator<Item = (usize, usize)> {
    let next = move |start: usize| {
        let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
        Some((start, start + memchr(b'\n', rest).unwrap_or(rest.len())))
    };
    std::iter::successors(next(from), move |(_, end)| next(end + 1))
}
