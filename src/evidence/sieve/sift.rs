//! The lines of a text that the sieve lets through, in order.
//!
//! The text is searched block by block, so that all searches find it in the nearest caches. The
//! invariant: every line with a stem is let through, unless it shows without cleaning that none of
//! its literals stands in it; each byte is searched once, whatever the lines are.

use memchr::{memchr, memchr_iter, memchr2, memchr3_iter, memrchr};

use super::layout::Layout;
use super::{Met, SIEVE};
use crate::evidence::lines::Place;
use crate::evidence::text::{RAW_BYTES_MAX, sequence_bytes};

/// How many bytes are searched at once; of a line that is longer, only so many are looked at.
const BLOCK_BYTES: usize = RAW_BYTES_MAX;

/// What is known of a line before it is cleaned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::evidence) enum Calls {
    /// All the rules that it calls: [`Sifted::rules`].
    Known,
    /// Redrawn text may hide some: its clean text must be asked.
    Hidden,
}

/// The places of a text's lines that may say something, in order.
#[derive(Debug, Default)]
pub(in crate::evidence) struct Sifted<'t> {
    bytes: &'t [u8],
    /// Where the block begins, and where its last line has ended.
    block_start: usize,
    block_end: usize,
    layout: Layout,
    /// The number of the block's first line, and of the first one behind it.
    first: usize,
    next: usize,
    /// Whether the last line, which no line feed ends, was let through.
    has_last: bool,
    /// The stems in the block, and how many of them were passed.
    met: Vec<Met>,
    passed: usize,
    rules: Vec<u16>,
    /// A line without colours, and the stems in it.
    text: Vec<u8>,
    met_again: Vec<Met>,
}

/// Sifts the lines of `bytes` from a line's beginning on, which has the number `first`.
pub(in crate::evidence) fn sift(bytes: &[u8], from: usize, first: usize) -> Sifted<'_> {
    Sifted { bytes, block_start: from, block_end: from, first, next: first, ..Sifted::default() }
}

impl Sifted<'_> {
    /// The rules that the line calls which was let through last, in the registry's order.
    pub(in crate::evidence) fn rules(&self) -> &[u16] {
        &self.rules
    }

    /// How far lines are counted: the number of one and where it begins.
    pub(in crate::evidence) fn counted(&self) -> (usize, usize) {
        (self.next, self.block_end)
    }

    /// Searches the next block, which ends with a line.
    fn search(&mut self) {
        self.first = self.next;
        self.block_start = self.block_end;
        let rest = &self.bytes[self.block_start..];
        let mut block = &rest[..rest.len().min(BLOCK_BYTES)];
        let mut ended = block.len();
        if block.len() < rest.len() {
            match memrchr(b'\n', block) {
                Some(at) => ended = at + 1,
                None => ended = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1),
            }
            block = &rest[..ended.min(BLOCK_BYTES)];
        }
        SIEVE.meet(block, &mut self.met);
        self.layout.read(block);
        self.passed = 0;
        self.block_end = self.block_start + ended;
        // The end of a line that is longer than a block is not in it.
        let is_cut = block.len() < ended && rest[..ended].ends_with(b"\n");
        self.next = self.first + self.layout.feeds() + usize::from(is_cut);
    }

    /// The next line of the block with a stem in it.
    fn line_of_block(&mut self) -> Option<(Place, Calls)> {
        loop {
            let (_, at) = *self.met.get(self.passed)?;
            let start = self.layout.start(at);
            let end = self.layout.end(at);
            let first = self.passed;
            let last = end.map_or(self.met.len(), |end| {
                let rest = &self.met[first..];
                first + rest.iter().position(|(_, at)| *at > end).unwrap_or(rest.len())
            });
            self.passed = last;
            let index = self.first + self.layout.feeds_before(start);
            let is_ended = self.bytes[..self.block_end].ends_with(b"\n");
            let block_end = self.block_end - usize::from(is_ended);
            let place = Place {
                index,
                start: self.block_start + start,
                end: end.map_or(block_end, |end| self.block_start + end),
            };
            // What a line feed would have told of the last line is not known.
            if place.end == self.bytes.len() {
                return Some((place, Calls::Hidden));
            }
            let line = &self.bytes[place.start..place.end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            // No more of it is ever cleaned.
            let line = &line[..line.len().min(RAW_BYTES_MAX)];
            let is_odd = self.layout.is_odd(start, start + line.len());
            let met = &mut self.met[first..last];
            for (_, at) in met.iter_mut() {
                *at -= start;
            }
            self.rules.clear();
            let marked = match if is_odd { look(line) } else { Look::Plain } {
                Look::Plain => SIEVE.call(line, met, &mut self.rules),
                Look::Coloured => {
                    strip(line, met, &mut self.text);
                    let mut met = &*met;
                    if SIEVE.may_be_broken(met) {
                        SIEVE.meet(&self.text, &mut self.met_again);
                        met = &self.met_again;
                    }
                    SIEVE.call(&self.text, met, &mut self.rules)
                }
                Look::Redrawn => {
                    let (text, again) = (&mut self.text, &mut self.met_again);
                    if calls_redrawn(line, met, text, again, &mut self.rules) {
                        return Some((place, Calls::Hidden));
                    }
                    continue;
                }
            };
            if marked || !self.rules.is_empty() {
                return Some((place, Calls::Known));
            }
        }
    }
}

impl Iterator for Sifted<'_> {
    type Item = (Place, Calls);

    fn next(&mut self) -> Option<(Place, Calls)> {
        loop {
            if let Some(line) = self.line_of_block() {
                self.has_last |= line.0.end == self.bytes.len();
                return Some(line);
            }
            if self.block_end >= self.bytes.len() {
                break;
            }
            self.search();
        }
        // The last line, if no line feed ended it.
        let is_open = !self.has_last && !self.bytes.is_empty() && !self.bytes.ends_with(b"\n");
        self.has_last = true;
        let end = self.bytes.len();
        let start = memrchr(b'\n', self.bytes).map_or(0, |at| at + 1);
        is_open.then_some((Place { index: self.next, start, end }, Calls::Hidden))
    }
}

/// How a raw line relates to its clean text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Its text stands in it as it is.
    Plain,
    /// Terminal sequences stand in the text.
    Coloured,
    /// Parts of it replaced others, or sequences are spelled out.
    Redrawn,
}

fn look(line: &[u8]) -> Look {
    let mut look = Look::Plain;
    for at in memchr3_iter(0x1b, b'\r', b'^', line) {
        match line[at] {
            0x1b => look = Look::Coloured,
            b'^' if !line[at..].starts_with(b"^[[") => {}
            _ => return Look::Redrawn,
        }
    }
    look
}

/// Whether any of the parts between carriage returns, each without its sequences, calls something;
/// the last one that shows is the line's text.
fn calls_redrawn(
    line: &[u8],
    met: &[Met],
    text: &mut Vec<u8>,
    met_again: &mut Vec<Met>,
    rules: &mut Vec<u16>,
) -> bool {
    let ends = memchr_iter(b'\r', line).chain([line.len()]);
    let mut met = met.iter().peekable();
    let mut start = 0;
    for end in ends {
        let mut has_stem = false;
        while met.next_if(|(_, at)| *at < end).is_some() {
            has_stem = true;
        }
        if has_stem {
            without_sequences(&line[start..end], text);
            SIEVE.meet(text, met_again);
            if SIEVE.call(text, met_again, rules) || !rules.is_empty() {
                return true;
            }
        }
        start = end + 1;
    }
    false
}

/// A part of a line without its terminal sequences, real ones and ones that are spelled out.
fn without_sequences(part: &[u8], text: &mut Vec<u8>) {
    text.clear();
    let mut from = 0;
    while let Some(at) = memchr2(0x1b, b'^', &part[from..]).map(|at| from + at) {
        let body = match part[at] {
            0x1b => at + 1,
            _ if part[at..].starts_with(b"^[[") => at + 2,
            _ => {
                text.extend_from_slice(&part[from..=at]);
                from = at + 1;
                continue;
            }
        };
        text.extend_from_slice(&part[from..at]);
        from = body + sequence_bytes(&part[body..]);
    }
    text.extend_from_slice(&part[from..]);
}

/// Takes the terminal sequences out of a line; the stems move along with the text.
fn strip(line: &[u8], met: &mut [Met], text: &mut Vec<u8>) {
    text.clear();
    let (mut from, mut gone, mut moved) = (0, 0, 0);
    while let Some(at) = memchr(0x1b, &line[from..]).map(|at| from + at) {
        text.extend_from_slice(&line[from..at]);
        from = at + 1 + sequence_bytes(&line[at + 1..]);
        while let Some((_, met)) = met.get_mut(moved).filter(|(_, met)| *met < from) {
            *met -= gone.min(*met);
            moved += 1;
        }
        gone += from - at;
    }
    text.extend_from_slice(&line[from..]);
    met[moved..].iter_mut().for_each(|(_, at)| *at -= gone);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_with_their_numbers_and_ends_however_long_they_are() {
        let long = "x".repeat(2 * BLOCK_BYTES + 7);
        let short = "y\n".repeat(BLOCK_BYTES / 3);
        let fault = "error: one\r";
        let lines = ["", fault, &long, fault, &short, &long[..BLOCK_BYTES], fault, &long, fault];
        let text = lines.join("\n");
        let expected: Vec<Place> = text
            .split('\n')
            .enumerate()
            .filter(|(_, line)| *line == fault)
            .map(|(index, line)| (index, line.as_ptr() as usize - text.as_ptr() as usize))
            .map(|(index, start)| Place { index, start, end: start + fault.len() })
            .collect();
        for (ending, lines) in [("", 4), ("\n", 4), ("\nlast", 5)] {
            let text = format!("{text}{ending}");
            let mut sifted = sift(text.as_bytes(), 0, 0);
            let places: Vec<Place> = sifted.by_ref().map(|(place, _)| place).collect();
            assert_eq!(places.len(), lines, "{ending:?}");
            assert_eq!(places[..4], expected, "{ending:?}");
            let feeds = text.matches('\n').count();
            let counted = if text.ends_with('\n') { text.len() } else { places[lines - 1].start };
            assert!(sifted.counted().0 == feeds && sifted.counted().1 >= counted);
        }
    }
}
