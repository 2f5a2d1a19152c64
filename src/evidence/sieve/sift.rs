//! The lines of a text that the sieve lets through, in order.
//!
//! The text is searched block by block, so that all searches find it in the nearest caches. The
//! invariant: every line with a stem is let through, unless it shows without cleaning that none of
//! its literals stands in it; each byte is searched once, whatever the lines are.

use memchr::{memchr, memchr_iter, memchr2, memchr3_iter, memrchr};

use super::{Met, SIEVE};
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
    /// Where the next line begins, and where the block's last one ends.
    from: usize,
    block_end: usize,
    /// The stems in the block, and how many of them were passed.
    met: Vec<Met>,
    passed: usize,
    rules: Vec<u16>,
    /// A line without colours, and the stems in it.
    text: Vec<u8>,
    met_again: Vec<Met>,
}

/// Sifts the lines of `bytes` from a line's beginning on.
pub(in crate::evidence) fn sift(bytes: &[u8], from: usize) -> Sifted<'_> {
    let block_end = from;
    Sifted { bytes, from, block_end, ..Sifted::default() }
}

impl Sifted<'_> {
    /// The rules that the line calls which was let through last, in the registry's order.
    pub(in crate::evidence) fn rules(&self) -> &[u16] {
        &self.rules
    }

    /// Searches the next block, which ends with a line.
    fn search(&mut self) {
        let start = self.block_end;
        let rest = &self.bytes[start..];
        let block = &rest[..rest.len().min(BLOCK_BYTES)];
        let ended = memrchr(b'\n', block).map(|at| at + 1);
        let block = &block[..ended.filter(|_| block.len() < rest.len()).unwrap_or(block.len())];
        SIEVE.meet(block, &mut self.met);
        self.met.iter_mut().for_each(|(_, at)| *at += start);
        self.passed = 0;
        self.from = start;
        self.block_end = match ended {
            None => memchr(b'\n', rest).map_or(self.bytes.len(), |at| start + at + 1),
            Some(_) => start + block.len(),
        };
    }

    /// The next line of the block with a stem in it.
    fn line_of_block(&mut self) -> Option<(usize, usize, Calls)> {
        loop {
            let (_, at) = *self.met.get(self.passed)?;
            let above = &self.bytes[self.from..at];
            let start = memrchr(b'\n', above).map_or(self.from, |at| self.from + at + 1);
            let end = memchr(b'\n', &self.bytes[at..]).map_or(self.bytes.len(), |end| at + end);
            let rest = &self.met[self.passed..];
            let count = rest.iter().position(|(_, at)| *at > end).unwrap_or(rest.len());
            let (first, last) = (self.passed, self.passed + count);
            self.passed = last;
            self.from = end + 1;
            // What a line feed would have told of the last line is not known.
            if end == self.bytes.len() {
                return Some((start, end, Calls::Hidden));
            }
            let line = &self.bytes[start..end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            // No more of it is ever cleaned.
            let line = &line[..line.len().min(RAW_BYTES_MAX)];
            let met = &mut self.met[first..last];
            for (_, at) in met.iter_mut() {
                *at -= start;
            }
            self.rules.clear();
            let marked = match look(line) {
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
                        return Some((start, end, Calls::Hidden));
                    }
                    continue;
                }
            };
            if marked || !self.rules.is_empty() {
                return Some((start, end, Calls::Known));
            }
        }
    }
}

impl Iterator for Sifted<'_> {
    type Item = (usize, usize, Calls);

    fn next(&mut self) -> Option<(usize, usize, Calls)> {
        loop {
            if let Some(line) = self.line_of_block() {
                return Some(line);
            }
            if self.block_end >= self.bytes.len() {
                break;
            }
            self.search();
        }
        let end = self.bytes.len();
        let start = self.from.max(memrchr(b'\n', self.bytes).map_or(0, |at| at + 1));
        self.from = end;
        (start < end).then_some((start, end, Calls::Hidden))
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
