//! Where the lines of a block end, and which hold what cleaning takes out: a bit for each byte.
//!
//! Every line with a stem asks for its ends, so they are worked out for a block at once. The
//! invariant: the answers are those that looking byte by byte would give, on machines with and
//! without long vectors alike.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch};

/// How many bytes have their bits in one word.
const WORD: usize = 64;

/// The layout of a block.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Where line feeds stand.
    feeds: Vec<u64>,
    /// Where escapes, carriage returns and carets do.
    odd: Vec<u64>,
    /// How many line feeds stand before each word, and in all.
    counts: Vec<usize>,
}

impl Layout {
    /// Works out a block's layout.
    pub(super) fn read(&mut self, block: &[u8]) {
        self.read_at(Level::new(), block);
    }

    fn read_at(&mut self, level: Level, block: &[u8]) {
        let words = block.len().div_ceil(WORD);
        self.feeds.resize(words, 0);
        self.odd.resize(words, 0);
        self.counts.resize(words + 1, 0);
        dispatch!(level, simd => self.read_with(simd, block));
    }

    #[expect(clippy::inline_always, reason = "made of the machine's own instructions only so")]
    #[inline(always)]
    fn read_with<S: Simd>(&mut self, simd: S, block: &[u8]) {
        simd.vectorize(
            #[inline(always)]
            || {
                let (words, rest) = block.as_chunks::<WORD>();
                let mut last = [0; WORD];
                last[..rest.len()].copy_from_slice(rest);
                let words = words.iter().chain(std::iter::once(&last));
                let bits_of_words = self.feeds.iter_mut().zip(&mut self.odd);
                for ((feeds, odd), word) in bits_of_words.zip(words) {
                    (*feeds, *odd) = bits(simd, word);
                }
                let mut count = 0;
                for (before, feeds) in self.counts[1..].iter_mut().zip(&self.feeds) {
                    count += feeds.count_ones() as usize;
                    *before = count;
                }
            },
        );
    }

    /// How many line feeds the block has.
    pub(super) fn feeds(&self) -> usize {
        self.counts.last().copied().unwrap_or(0)
    }

    /// How many line feeds stand before a position.
    pub(super) fn feeds_before(&self, at: usize) -> usize {
        let here = self.feeds.get(at / WORD).map_or(0, |feeds| feeds & below(at));
        self.counts.get(at / WORD).map_or(0, |count| count + here.count_ones() as usize)
    }

    /// Where the line begins that a position is in.
    pub(super) fn start(&self, at: usize) -> usize {
        let mut word = at / WORD;
        let mut feeds = self.feeds.get(word).map_or(0, |feeds| feeds & below(at));
        while feeds == 0 && word > 0 {
            word -= 1;
            feeds = self.feeds[word];
        }
        word * WORD + (WORD - feeds.leading_zeros() as usize)
    }

    /// Where the line ends that a position is in, if it ends in the block.
    pub(super) fn end(&self, at: usize) -> Option<usize> {
        first(&self.feeds, at, self.feeds.len() * WORD)
    }

    /// Whether a stretch may hold what cleaning takes out.
    pub(super) fn is_odd(&self, start: usize, end: usize) -> bool {
        first(&self.odd, start, end).is_some_and(|at| at < end)
    }
}

/// The first bit from a position on that is set; none past the word that holds `end`.
fn first(bits: &[u64], at: usize, end: usize) -> Option<usize> {
    let mut word = at / WORD;
    let mut here = bits.get(word)? & !below(at);
    while here == 0 {
        word += 1;
        if word * WORD >= end {
            return None;
        }
        here = *bits.get(word)?;
    }
    Some(word * WORD + here.trailing_zeros() as usize)
}

/// The bits of a position's word that are before it.
fn below(at: usize) -> u64 {
    (1 << (at % WORD)) - 1
}

/// Where in a word's bytes line feeds stand, and where what cleaning takes out may begin.
#[expect(clippy::inline_always, reason = "made of the machine's own instructions only so")]
#[inline(always)]
fn bits<S: Simd>(simd: S, word: &[u8; WORD]) -> (u64, u64) {
    let (mut feeds, mut odd) = (0, 0);
    for at in (0..WORD).step_by(S::u8s::LEN) {
        let bytes = S::u8s::from_slice(simd, &word[at..at + S::u8s::LEN]);
        let is = |byte| bytes.simd_eq(S::u8s::splat(simd, byte)).to_bitmask();
        feeds |= is(b'\n') << at;
        odd |= (is(0x1b) | is(b'\r') | is(b'^')) << at;
    }
    (feeds, odd)
}

#[cfg(test)]
mod tests {
    use memchr::memchr_iter;

    use super::*;

    #[test]
    fn lines_are_where_they_are_byte_by_byte() {
        let text = "a\n\nbcd\u{1b}[1m\n\r\n^x\n".to_owned() + &"y".repeat(200) + "\r\nz\n\u{1b}end";
        for (level, gone) in [Level::new(), Level::baseline()].into_iter().zip([0, 3]) {
            let block = &text.as_bytes()[gone..];
            let mut layout = Layout::default();
            layout.read_at(level, b"\n\n\n");
            layout.read_at(level, block);
            for at in 0..block.len() {
                let (above, rest) = block.split_at(at);
                let feeds = memchr_iter(b'\n', above).count();
                let start = above.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                let end = rest.iter().position(|byte| *byte == b'\n').map(|end| at + end);
                assert_eq!(layout.feeds_before(at), feeds, "{at}");
                assert_eq!(layout.start(at), start, "{at}");
                assert_eq!(layout.end(at), end, "{at}");
                for end in at..block.len() {
                    let odd = block[at..end].iter().any(|byte| b"\x1b\r^".contains(byte));
                    assert_eq!(layout.is_odd(at, end), odd, "{at} {end}");
                }
            }
            assert_eq!(layout.feeds(), memchr_iter(b'\n', block).count());
        }
    }
}
