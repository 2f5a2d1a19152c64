//! Any number of texts searched for at once, each of at least [`WINDOW_BYTES`].
//!
//! Eight bytes hold a whole group of five wherever one begins at every fourth byte, so it is enough
//! to look at every fourth position of the text: one multiplication and one bit for four bytes,
//! whatever the number of texts. The invariant: no occurrence is missed; what the bit says is
//! checked byte by byte.

use fearless_simd::{Level, Simd, dispatch};

use super::ordinary::Ordinary;
use super::{Met, ones};

/// How long a text must be.
pub(super) const WINDOW_BYTES: usize = STEP_BYTES + GRAM_BYTES - 1;

/// How many bytes are looked at together: of four, ordinary words have too many in common.
pub(super) const GRAM_BYTES: usize = 5;

/// How far apart the looks are.
const STEP_BYTES: usize = 4;

/// How many looks are taken before asking whether one of them saw something: so many words a vector
/// has.
const LOOKS: usize = 8;

/// How many bytes a turn goes on.
const TURN_BYTES: usize = LOOKS * STEP_BYTES;

/// How many bytes a turn reads: the last look takes a whole word.
const TURN_READS: usize = TURN_BYTES - STEP_BYTES + 8;

/// How many turns are taken before what they saw is looked into, a bit of a word each: to go on
/// without asking every time is what makes them fast.
const TURNS: usize = 64;

/// How many bytes a round of turns reads.
const ROUND_READS: usize = (TURNS - 1) * TURN_BYTES + TURN_READS;

/// How many bits of a hash tell whether a group may be of a text: a few hundred texts fill one in a
/// hundred, and they fit the nearest cache.
const HASH_BITS: u32 = 17;

/// How many words of bits that makes.
const WORDS: usize = 1 << (HASH_BITS - 6);

/// A group of bytes, where it stands in a text, and in which.
#[derive(Debug, Clone, Copy)]
struct Gram {
    /// The group and what follows it in the text, as far as one word reaches.
    bytes: u64,
    /// Which bits of a word that is.
    mask: u64,
    offset: u16,
    number: u16,
}

/// Texts, prepared for the search.
#[derive(Debug)]
pub(super) struct Grams {
    level: Level,
    words: Box<[u64; WORDS]>,
    texts: Vec<&'static [u8]>,
    /// How many bits are set before each word.
    ranks: Vec<usize>,
    /// The groups of each set bit, in order, and where those of each bit begin.
    groups: Vec<Gram>,
    begins: Vec<u16>,
}

impl Grams {
    /// Prepares texts; shorter ones than [`WINDOW_BYTES`] are not found.
    pub(super) fn of(texts: impl IntoIterator<Item = &'static str>, ordinary: &Ordinary) -> Self {
        let texts: Vec<&[u8]> = texts.into_iter().map(str::as_bytes).collect();
        let mut words: Box<[u64; WORDS]> = Box::new([0; WORDS]);
        let mut grams: Vec<(usize, Gram)> = Vec::new();
        for (number, text) in (0..).zip(&texts) {
            let rarest = ordinary.rarest_window(text).unwrap_or(0);
            let window = (0..).zip(text.windows(GRAM_BYTES)).skip(rarest).take(STEP_BYTES);
            for (offset, bytes) in window {
                let hash = hash(word_of(bytes));
                words[hash / 64] |= 1 << (hash % 64);
                let rest = &text[usize::from(offset)..];
                let rest = &rest[..rest.len().min(8)];
                let (bytes, mask) = (word_of(rest), u64::MAX >> (64 - 8 * rest.len()));
                grams.push((hash, Gram { bytes, mask, offset, number }));
            }
        }
        grams.sort_by_key(|(hash, _)| *hash);
        let mut begins: Vec<u16> = Vec::new();
        for (at, (hash, _)) in (0..).zip(&grams) {
            if at == 0 || grams[usize::from(at) - 1].0 != *hash {
                begins.push(at);
            }
        }
        // As many bits are set before a word as other hashes stand before its own.
        let hashes: Vec<usize> = begins.iter().map(|at| grams[usize::from(*at)].0).collect();
        let before = |word: usize| hashes.partition_point(|hash| *hash < word * 64);
        let ranks = (0..WORDS).map(before).collect();
        begins.push(u16::try_from(grams.len()).unwrap_or(u16::MAX));
        let groups = grams.iter().map(|(_, gram)| *gram).collect();
        Self { level: Level::new(), words, texts, ranks, groups, begins }
    }

    /// Every occurrence: the number of the text and where it begins, in no order.
    pub(super) fn each(&self, bytes: &[u8], met: &mut Vec<Met>) {
        dispatch!(self.level, simd => self.search(simd, bytes, met));
    }

    #[expect(clippy::inline_always, reason = "made of the machine's own instructions only so")]
    #[inline(always)]
    fn search<S: Simd>(&self, simd: S, bytes: &[u8], met: &mut Vec<Met>) {
        simd.vectorize(
            #[inline(always)]
            || {
                let mut at = 0;
                while let Some(round) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
                    let (turns, seen) = self.round(round);
                    for turn in ones(turns) {
                        for bit in ones(u64::from_le_bytes(seen[turn])) {
                            let look = turn * LOOKS + bit / 8;
                            self.check(bytes, at + look * STEP_BYTES, met);
                        }
                    }
                    at += TURNS * TURN_BYTES;
                }
                // What is left is shorter.
                for at in (at..bytes.len()).step_by(STEP_BYTES) {
                    if self.bit(word_at(bytes, at)) == 1 {
                        self.check(bytes, at, met);
                    }
                }
            },
        );
    }

    /// Which turns of a round saw something, a bit for each, and which looks of them, a byte for
    /// each. Nothing in here names an instruction, but the compiler knows which ones it may choose.
    #[expect(clippy::inline_always, reason = "made of the machine's own instructions only so")]
    #[inline(always)]
    fn round(&self, round: &[u8; ROUND_READS]) -> (u64, [[u8; LOOKS]; TURNS]) {
        let mut turns = 0;
        let mut all = [[0; LOOKS]; TURNS];
        for (turn, seen) in all.iter_mut().enumerate() {
            if let Some(bytes) = round[turn * TURN_BYTES..].first_chunk::<TURN_READS>() {
                for (look, seen) in seen.iter_mut().enumerate() {
                    let word = bytes[look * STEP_BYTES..].first_chunk().copied();
                    *seen = self.bit(u64::from_le_bytes(word.unwrap_or_default()));
                }
            }
            turns |= u64::from(u64::from_le_bytes(*seen) != 0) << turn;
        }
        (turns, all)
    }

    /// Whether a word may begin with a group of a text: 1, or else 0.
    #[expect(clippy::inline_always, reason = "made of the machine's own instructions only so")]
    #[inline(always)]
    fn bit(&self, word: u64) -> u8 {
        let hash = hash(word);
        u8::from(self.words[hash / 64] >> (hash % 64) & 1 == 1)
    }

    /// The occurrences that the word at a position belongs to.
    #[expect(clippy::inline_always, reason = "made of the machine's own instructions only so")]
    #[inline(always)]
    fn check(&self, bytes: &[u8], at: usize, met: &mut Vec<Met>) {
        let word = word_at(bytes, at);
        let hash = hash(word);
        let before = self.words[hash / 64] & !(u64::MAX << (hash % 64));
        let rank = self.ranks[hash / 64] + before.count_ones() as usize;
        let (first, end) = (usize::from(self.begins[rank]), usize::from(self.begins[rank + 1]));
        for known in self.groups[first..end].iter().filter(|known| word & known.mask == known.bytes)
        {
            let start = at.checked_sub(usize::from(known.offset));
            let rest = start.and_then(|start| Some((start, bytes.get(start..)?)));
            let number = usize::from(known.number);
            if let Some((start, _)) = rest.filter(|(_, rest)| rest.starts_with(self.texts[number]))
            {
                met.push((number, start));
            }
        }
    }
}

/// The word at a position; behind the end are zeros.
#[inline]
pub(super) fn word_at(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.first_chunk().map_or_else(|| word_of(rest), |word| u64::from_le_bytes(*word))
}

/// The first bytes of a text as a word.
pub(super) fn word_of(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).rfold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// The bit that stands for the group which a word begins with; the multiplier spreads them (of the
/// golden ratio, as Knuth has it), and the shift leaves no bit that the group does not change.
#[expect(clippy::inline_always, reason = "made of the machine's own instructions only so")]
#[inline(always)]
fn hash(word: u64) -> usize {
    let hash = (word << (64 - 8 * GRAM_BYTES)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::try_from(hash >> (64 - HASH_BITS)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(texts: &[&'static str], hay: &str) -> Vec<Met> {
        let mut met = Vec::new();
        Grams::of(texts.iter().copied(), &Ordinary::new()).each(hay.as_bytes(), &mut met);
        met.sort_unstable_by_key(|(_, start)| *start);
        met
    }

    #[test]
    fn every_occurrence_is_found_wherever_it_stands() {
        let texts = ["not found", "packages", "a rather long sentence"];
        for before in 0..150 {
            for (number, text) in texts.into_iter().enumerate() {
                let hay = format!("{}{text}{}", "x".repeat(before), "y".repeat(before % 7));
                assert_eq!(met(&texts, &hay), [(number, before)], "{hay}");
            }
        }
        let hay = "not found packages not found";
        assert_eq!(met(&texts, hay), [(0, 0), (1, 10), (0, 19)]);
        for short in ["not foun", ""] {
            assert_eq!(met(&texts, short), []);
        }
    }
}
