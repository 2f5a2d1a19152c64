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

/// How many of them name the bucket that the group is in, if it is.
const BUCKET_BITS: u32 = 11;

/// Bytes of ordinary text, the most common first; a window without them is rarely met.
const COMMON: &[u8] = b" etaoinsrlcdupmhgfbvy0123456789-_./:wkxTSCAEPRI";

/// A group of bytes, where it stands in a text, and in which.
#[derive(Debug, Clone, Copy)]
struct Gram {
    bytes: u64,
    offset: usize,
    text: &'static [u8],
    number: usize,
}

/// Texts, prepared for the search.
#[derive(Debug)]
pub(super) struct Grams {
    bits: Box<[u64; 1 << (HASH_BITS - 6)]>,
    buckets: Vec<Vec<Gram>>,
}

impl Grams {
    /// Prepares texts; shorter ones than [`WINDOW_BYTES`] are not found.
    pub(super) fn of(texts: impl IntoIterator<Item = &'static str>) -> Self {
        let bits = Box::new([0; 1 << (HASH_BITS - 6)]);
        let mut prepared = Self { bits, buckets: vec![Vec::new(); 1 << BUCKET_BITS] };
        for (number, text) in texts.into_iter().map(str::as_bytes).enumerate() {
            let rarest = rarest_window(text);
            let window = text.windows(GRAM_BYTES).enumerate().skip(rarest).take(STEP_BYTES);
            for (offset, bytes) in window {
                let bytes = bytes.iter().rfold(0, |gram, byte| gram << 8 | u64::from(*byte));
                let hash = hash(bytes);
                prepared.bits[hash / 64] |= 1 << (hash % 64);
                prepared.buckets[bucket(hash)].push(Gram { bytes, offset, text, number });
            }
        }
        prepared
    }

    /// Where some text stands whose group is the first to be seen from `from` on.
    ///
    /// Of occurrences that stand near each other it may be any; none is seen that begins earlier.
    pub(super) fn find(&self, bytes: &[u8], from: usize) -> Option<usize> {
        self.search(bytes, from, |_, start| (start >= from).then_some(start))
    }

    /// Every occurrence: the number of the text and where it begins, in no order.
    pub(super) fn each(&self, bytes: &[u8], mut met: impl FnMut(usize, usize)) {
        self.search(bytes, 0, |number, start| {
            met(number, start);
            None::<()>
        });
    }

    /// Goes on until `met` has an answer.
    #[inline]
    fn search<A>(
        &self,
        bytes: &[u8],
        from: usize,
        mut met: impl FnMut(usize, usize) -> Option<A>,
    ) -> Option<A> {
        let mut at = from;
        while let Some(turn) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
            let answer = self
                .turn(turn, |look, gram| self.check(bytes, gram, at + look * STEP_BYTES, &mut met));
            if answer.is_some() {
                return answer;
            }
            at += LOOKS * STEP_BYTES;
        }
        // What is left is shorter than a turn; zeros behind it match nothing.
        let rest = bytes.get(at..).unwrap_or_default();
        let mut last = [0; 2 * TURN_BYTES];
        last[..rest.len()].copy_from_slice(rest);
        [0, LOOKS * STEP_BYTES].into_iter().find_map(|offset| {
            self.turn(last[offset..].first_chunk()?, |look, gram| {
                self.check(bytes, gram, at + offset + look * STEP_BYTES, &mut met)
            })
        })
    }

    /// Asks about the groups that may be of a text.
    #[inline]
    fn turn<A>(
        &self,
        turn: &[u8; TURN_BYTES],
        mut ask: impl FnMut(usize, u64) -> Option<A>,
    ) -> Option<A> {
        let mut seen = 0;
        let mut grams = [0; LOOKS];
        for (look, gram) in grams.iter_mut().enumerate() {
            let word = turn[look * STEP_BYTES..].first_chunk().copied().unwrap_or_default();
            *gram = u64::from_le_bytes(word) & ((1 << (8 * GRAM_BYTES)) - 1);
            let hash = hash(*gram);
            seen |= (self.bits[hash / 64] >> (hash % 64) & 1) << look;
        }
        if seen == 0 {
            return None;
        }
        let looks = grams.into_iter().enumerate().filter(|(look, _)| seen >> look & 1 == 1);
        looks.into_iter().find_map(|(look, gram)| ask(look, gram))
    }

    /// The occurrences that a group at a position belongs to.
    fn check<A>(
        &self,
        bytes: &[u8],
        gram: u64,
        at: usize,
        met: &mut impl FnMut(usize, usize) -> Option<A>,
    ) -> Option<A> {
        let bucket = self.buckets.get(bucket(hash(gram)))?;
        bucket.iter().filter(|known| known.bytes == gram).find_map(|known| {
            let start = at.checked_sub(known.offset)?;
            let found = bytes.get(start..)?.starts_with(known.text);
            found.then(|| met(known.number, start)).flatten()
        })
    }
}

/// Where in a text the window begins whose groups are met least.
fn rarest_window(text: &[u8]) -> usize {
    let rank = |byte: &u8| COMMON.iter().position(|common| common == byte).unwrap_or(COMMON.len());
    let rarity = |window: &[u8]| -> usize {
        window.windows(GRAM_BYTES).map(|gram| gram.iter().map(rank).sum()).min().unwrap_or(0)
    };
    let windows = text.windows(WINDOW_BYTES).map(rarity).enumerate();
    windows.max_by_key(|(at, rarity)| (*rarity, usize::MAX - at)).map_or(0, |(at, _)| at)
}

/// The bit that stands for a group; the multiplier spreads them (of the golden ratio, as Knuth has
/// it), and the shift leaves no bit that a group does not change.
#[inline]
fn hash(gram: u64) -> usize {
    usize::try_from(gram.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - HASH_BITS)).unwrap_or(0)
}

fn bucket(hash: usize) -> usize {
    hash >> (HASH_BITS - BUCKET_BITS)
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
                for from in 0..=before {
                    assert_eq!(grams.find(hay.as_bytes(), from), Some(before), "{hay} {from}");
                }
                assert_eq!(grams.find(hay.as_bytes(), before + 1), None, "{hay}");
            }
        }
        let mut met = Vec::new();
        grams.each(b"not found packages not found", |number, start| met.push((number, start)));
        assert_eq!(met, [(0, 0), (1, 10), (0, 19)]);
        assert_eq!(grams.find(b"not foun", 0), None);
        assert_eq!(grams.find(b"", 0), None);
        assert_eq!(grams.find(b"", 9), None);
    }
}
