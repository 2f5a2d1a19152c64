//! Any number of texts searched for at once, each of at least [`WINDOW_BYTES`].
//!
//! Seven bytes hold a whole group of five wherever one begins at every third byte, so it is enough
//! to look at every third position of the text: one multiplication and one bit for three bytes,
//! whatever the number of texts, and no instruction that only some machines have. The invariant: no
//! occurrence is missed; what the bit says is checked byte by byte.

/// How long a text must be.
pub(super) const WINDOW_BYTES: usize = STEP_BYTES + GRAM_BYTES - 1;

/// How many bytes are looked at together: of four, ordinary words have too many in common.
const GRAM_BYTES: usize = 5;

/// How far apart the looks are.
const STEP_BYTES: usize = 3;

/// How many looks are taken before asking whether one of them saw something.
const LOOKS: usize = 4;

/// How many bytes a turn of the search reads: the last look takes a whole word.
const TURN_BYTES: usize = (LOOKS - 1) * STEP_BYTES + 8;

/// How many bits of a hash tell whether a group may be of a text: a few hundred texts fill one in a
/// hundred, and they fit the nearest cache.
const HASH_BITS: u32 = 17;

/// How many words of bits that makes; each has a bucket for its groups.
const WORDS: usize = 1 << (HASH_BITS - 6);

/// Bytes of ordinary text, the most common first; a window without them is rarely met.
const COMMON: &[u8] = b" etaoinsrlcdupmhgfbvy0123456789-_./:wkxTSCAEPRI";

/// What stands on every page of most logs; a group of it tells nothing.
const COMMON_WORDS: &str = " building tests with running testing packages downloading commands \
    version installing compiling plugin information for file docker changes resolved default \
    should would not warning dependency executing compose working directory configuration module \
    group checking completed using from this that into github actions node_modules started \
    updating repository library target project failed error tasks source ";

/// A group of bytes, where it stands in a text, and in which.
#[derive(Debug, Clone, Copy)]
struct Gram {
    /// The group and what follows it in the text, as far as one word reaches.
    bytes: u64,
    /// Which bits of a word that is.
    mask: u64,
    offset: usize,
    text: &'static [u8],
    number: usize,
}

/// Texts, prepared for the search.
#[derive(Debug)]
pub(super) struct Grams {
    words: Box<[u64; WORDS]>,
    buckets: Vec<Vec<Gram>>,
}

impl Grams {
    /// Prepares texts; shorter ones than [`WINDOW_BYTES`] are not found.
    pub(super) fn of(texts: impl IntoIterator<Item = &'static str>) -> Self {
        let mut prepared = Self { words: Box::new([0; WORDS]), buckets: vec![Vec::new(); WORDS] };
        let ordinary = Ordinary::new();
        for (number, text) in texts.into_iter().map(str::as_bytes).enumerate() {
            let rarest = ordinary.rarest_window(text);
            let window = text.windows(GRAM_BYTES).enumerate().skip(rarest).take(STEP_BYTES);
            for (offset, bytes) in window {
                let hash = hash(word_of(bytes));
                prepared.words[hash / 64] |= 1 << (hash % 64);
                let rest = &text[offset..text.len().min(offset + 8)];
                let (bytes, mask) = (word_of(rest), u64::MAX >> (64 - 8 * rest.len()));
                prepared.buckets[hash / 64].push(Gram { bytes, mask, offset, text, number });
            }
        }
        prepared
    }

    /// Every occurrence: the number of the text and where it begins, in no order.
    pub(super) fn each(&self, bytes: &[u8], mut met: impl FnMut(usize, usize)) {
        let mut at = 0;
        while let Some(turn) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
            self.turn(turn, |look, word| self.check(bytes, word, at + look * STEP_BYTES, &mut met));
            at += LOOKS * STEP_BYTES;
        }
        // What is left is shorter than a turn; zeros behind it match nothing.
        let rest = bytes.get(at..).unwrap_or_default();
        let mut last = [0; 2 * TURN_BYTES];
        last[..rest.len()].copy_from_slice(rest);
        for offset in [0, LOOKS * STEP_BYTES] {
            if let Some(turn) = last[offset..].first_chunk() {
                self.turn(turn, |look, word| {
                    self.check(bytes, word, at + offset + look * STEP_BYTES, &mut met);
                });
            }
        }
    }

    /// Asks about the words that may begin with a group of a text.
    #[inline]
    fn turn(&self, turn: &[u8; TURN_BYTES], mut ask: impl FnMut(usize, u64)) {
        // The lowest bit of each; the others are not looked at.
        let mut seen = 0;
        for look in 0..LOOKS {
            let hash = hash(word_at(turn, look));
            seen |= self.words[hash / 64] >> (hash % 64);
        }
        if seen & 1 == 1 {
            for (look, word) in (0..LOOKS).map(|look| (look, word_at(turn, look))) {
                let hash = hash(word);
                if self.words[hash / 64] >> (hash % 64) & 1 == 1 {
                    ask(look, word);
                }
            }
        }
    }

    /// The occurrences that a word at a position belongs to.
    fn check(&self, bytes: &[u8], word: u64, at: usize, met: &mut impl FnMut(usize, usize)) {
        let bucket = &self.buckets[hash(word) / 64];
        for known in bucket.iter().filter(|known| word & known.mask == known.bytes) {
            let start = at.checked_sub(known.offset);
            let rest = start.and_then(|start| Some((start, bytes.get(start..)?)));
            if let Some((start, _)) = rest.filter(|(_, rest)| rest.starts_with(known.text)) {
                met(known.number, start);
            }
        }
    }
}

/// The word that a look sees.
#[inline]
fn word_at(turn: &[u8; TURN_BYTES], look: usize) -> u64 {
    u64::from_le_bytes(turn[look * STEP_BYTES..].first_chunk().copied().unwrap_or_default())
}

/// The first bytes of a text as a word.
fn word_of(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).rfold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// What is known of ordinary text, to choose windows by.
struct Ordinary {
    /// How rare each byte is.
    ranks: [usize; 256],
    /// The groups of [`COMMON_WORDS`], sorted.
    common: Vec<u64>,
}

impl Ordinary {
    fn new() -> Self {
        let mut ranks = [COMMON.len(); 256];
        for (rank, byte) in COMMON.iter().enumerate() {
            ranks[usize::from(*byte)] = rank;
        }
        let mut common: Vec<u64> =
            COMMON_WORDS.as_bytes().windows(GRAM_BYTES).map(word_of).collect();
        common.sort_unstable();
        Self { ranks, common }
    }

    /// Where in a text the window begins whose groups are met least.
    fn rarest_window(&self, text: &[u8]) -> usize {
        let windows = text.windows(WINDOW_BYTES).map(|window| self.rarity(window)).enumerate();
        windows.max_by_key(|(at, rarity)| (*rarity, usize::MAX - at)).map_or(0, |(at, _)| at)
    }

    /// How rare the most common group of a window is.
    fn rarity(&self, window: &[u8]) -> usize {
        let rarity = |gram: &[u8]| match self.common.binary_search(&word_of(gram)) {
            Ok(_) => 0,
            Err(_) => 1 + gram.iter().map(|byte| self.ranks[usize::from(*byte)]).sum::<usize>(),
        };
        window.windows(GRAM_BYTES).map(rarity).min().unwrap_or(0)
    }
}

/// The bit that stands for the group which a word begins with; the multiplier spreads them (of the
/// golden ratio, as Knuth has it), and the shift leaves no bit that the group does not change.
#[inline]
fn hash(word: u64) -> usize {
    let hash = (word << (64 - 8 * GRAM_BYTES)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::try_from(hash >> (64 - HASH_BITS)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_occurrence_is_found_wherever_it_stands() {
        let texts = ["not found", "packages", "a rather long sentence"];
        let grams = Grams::of(texts);
        for before in 0..70 {
            for text in texts {
                let hay = format!("{}{text}{}", "x".repeat(before), "y".repeat(before % 7));
                let mut met = Vec::new();
                grams.each(hay.as_bytes(), |_, start| met.push(start));
                assert_eq!(met, [before], "{hay}");
            }
        }
        let mut met = Vec::new();
        grams.each(b"not found packages not found", |number, start| met.push((number, start)));
        assert_eq!(met, [(0, 0), (1, 10), (0, 19)]);
        for short in ["not foun", ""] {
            grams.each(short.as_bytes(), |number, start| panic!("{number} at {start}"));
        }
    }
}
