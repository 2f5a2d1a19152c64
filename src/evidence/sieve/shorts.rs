//! A few dozen short texts searched for at once, as many bytes at a time as one instruction takes.
//!
//! Of each text only a head of [`HEAD_BYTES`] is searched for. The heads are put into
//! [`BOXES`] boxes, such as are alike into the same; for every place in a head and every half of a
//! byte, a table of sixteen entries says in which boxes it may stand there, and one instruction
//! looks up all of a vector's bytes at once; where vectors have 64 bytes, one table of 64 entries
//! does for a whole byte. Where all tables agree on a box, the texts themselves are compared. Not
//! for hundreds of texts: boxes would agree nearly everywhere. The invariant: no occurrence is
//! missed, and none is told that is not one, on machines with and without such instructions alike.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch};

use super::{Met, ones};

/// How many bytes of a text are searched for.
pub(super) const HEAD_BYTES: usize = 4;

/// How many boxes one table has room for: one bit of a byte each.
const TABLE_BOXES: usize = 8;

/// How many tables there are for each half of a byte at each place.
const TABLES: usize = 2;

/// How many boxes there are. With half as many, two in a hundred positions look like a text.
const BOXES: usize = TABLES * TABLE_BOXES;

/// The longest vector of any machine.
const VECTOR_BYTES_MAX: usize = 64;

/// How many bytes are looked at before what looks like a text is compared: to go on without asking
/// every time is what makes it fast.
const ROUND_BYTES: usize = 512;

/// How many words have a bit for each byte of a round.
const ROUND_WORDS: usize = ROUND_BYTES / 64;

/// How many positions of a word are noted without asking whether there are so many.
const NOTED_AT_ONCE: usize = 4;

/// How many pairs of bytes there are.
const PAIRS: usize = 1 << 16;

/// How many lists the texts are kept in, told apart by their first two bytes.
const LISTS: usize = 256;

/// Which half-bytes stand at each place of a box's heads: a bit for each value, of the low halves
/// first, then of the high ones.
type Halves = [u16; 2 * HEAD_BYTES];

/// Which bytes do: a bit for the low six bits of each.
type Wholes = [u64; HEAD_BYTES];

/// For each half of a byte at each place, in the order of [`Halves`]: in which boxes it may stand;
/// sixteen entries, as often as the longest vector has room for them.
type Tables = [[u8; VECTOR_BYTES_MAX]; 2 * HEAD_BYTES];

/// For each byte at each place, known by its low six bits: in which boxes it may stand. Longest
/// vectors have room for all of them, and such a table says more than two of halves.
type WholeTables = [[u8; VECTOR_BYTES_MAX]; HEAD_BYTES];

/// A text, and its head as a word.
#[derive(Debug, Clone)]
struct Short {
    head: u32,
    mask: u32,
    number: usize,
    /// Whether the head is the whole text.
    is_head: bool,
    text: Box<[u8]>,
}

/// Texts, prepared for the search.
#[derive(Debug)]
pub(super) struct Shorts {
    level: Level,
    tables: Box<[Tables; TABLES]>,
    wholes: Box<[WholeTables; TABLES]>,
    /// A bit for each pair of bytes that some text begins with.
    pairs: Box<[u64; PAIRS / 64]>,
    lists: Vec<Vec<Short>>,
}

impl Shorts {
    /// Prepares texts of at least two bytes; an occurrence tells a text's number in this order.
    pub(super) fn of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut lists = vec![Vec::new(); LISTS];
        let mut pairs = Box::new([0; PAIRS / 64]);
        let mut boxes = Vec::new();
        for (number, text) in texts.into_iter().enumerate() {
            let bytes = text.as_bytes();
            let head = &bytes[..bytes.len().min(HEAD_BYTES)];
            boxes.push((halves(head), wholes(head)));
            let word = word_of(head);
            let pair = pair_of(word);
            pairs[pair / 64] |= 1 << (pair % 64);
            let mask = u32::MAX >> (32 - 8 * head.len());
            let is_head = head.len() == bytes.len();
            let short = Short { head: word, mask, number, is_head, text: bytes.into() };
            lists[list_of(word)].push(short);
        }
        let mut tables = Box::new([[[0; VECTOR_BYTES_MAX]; 2 * HEAD_BYTES]; TABLES]);
        let mut whole_tables = Box::new([[[0; VECTOR_BYTES_MAX]; HEAD_BYTES]; TABLES]);
        for (number, (halves, wholes)) in together(boxes).into_iter().enumerate() {
            let bit = 1 << (number % TABLE_BOXES);
            for (table, values) in tables[number / TABLE_BOXES].iter_mut().zip(halves) {
                for (value, boxes) in table.iter_mut().enumerate() {
                    *boxes |= if values >> (value % 16) & 1 == 1 { bit } else { 0 };
                }
            }
            for (table, values) in whole_tables[number / TABLE_BOXES].iter_mut().zip(wholes) {
                for (value, boxes) in table.iter_mut().enumerate() {
                    *boxes |= if values >> value & 1 == 1 { bit } else { 0 };
                }
            }
        }
        Self { level: Level::new(), tables, wholes: whole_tables, pairs, lists }
    }

    /// Every occurrence: the number of the text, `first` added, and where it begins, in order.
    pub(super) fn each(&self, bytes: &[u8], first: usize, met: &mut Vec<Met>) {
        let told = |number, start| met.push((first + number, start));
        dispatch!(self.level, simd => self.search(simd, bytes, told));
    }

    #[expect(clippy::inline_always, reason = "made of the machine's own instructions only so")]
    #[inline(always)]
    fn search<S: Simd>(&self, simd: S, bytes: &[u8], mut told: impl FnMut(usize, usize)) {
        simd.vectorize(
            #[inline(always)]
            || {
                let loaded =
                    |number| Loaded::<S>::of(simd, &self.tables[number], &self.wholes[number]);
                let tables = [loaded(0), loaded(1)];
                let mut noted = [0; ROUND_BYTES + NOTED_AT_ONCE];
                for at in (0..bytes.len()).step_by(ROUND_BYTES) {
                    let rest = &bytes[at..];
                    let marks = mark(simd, &tables, rest);
                    let count = note(&marks, &mut noted);
                    let count = self.begin_a_text(rest, &mut noted[..count]);
                    for offset in &noted[..count] {
                        let offset = usize::from(*offset);
                        self.compare(&rest[offset..], |number| told(number, at + offset));
                    }
                }
            },
        );
    }

    /// Moves those of the noted positions to the front where some text's first two bytes stand, and
    /// tells how many they are.
    #[expect(clippy::inline_always, reason = "made of the machine's own instructions only so")]
    #[inline(always)]
    fn begin_a_text(&self, bytes: &[u8], noted: &mut [u16]) -> usize {
        let mut count = 0;
        for at in 0..noted.len() {
            let offset = noted[at];
            noted[count] = offset;
            let pair = pair_of(word_at(bytes, usize::from(offset)));
            count += usize::from(self.pairs[pair / 64] >> (pair % 64) & 1 == 1);
        }
        count
    }

    /// The texts that a rest begins with.
    fn compare(&self, rest: &[u8], mut told: impl FnMut(usize)) {
        let word = word_at(rest, 0);
        for short in &self.lists[list_of(word)] {
            let has_head = word & short.mask == short.head;
            if has_head && (short.is_head || rest.starts_with(&short.text)) {
                told(short.number);
            }
        }
    }
}

/// Marks the positions of a round that look like a text.
#[expect(clippy::inline_always, reason = "made of the machine's own instructions only so")]
#[inline(always)]
fn mark<S: Simd>(simd: S, tables: &[Loaded<S>; TABLES], bytes: &[u8]) -> [u64; ROUND_WORDS] {
    let size = S::u8s::LEN;
    let mut marks = [0; ROUND_WORDS];
    for at in (0..bytes.len().min(ROUND_BYTES)).step_by(size) {
        let bits = match bytes.get(at..at + size + HEAD_BYTES - 1) {
            Some(turn) => candidates(simd, tables, turn),
            // What is left is shorter; no text has the zeros behind it.
            None => {
                let rest = &bytes[at..];
                let mut last = [0; VECTOR_BYTES_MAX + HEAD_BYTES];
                last[..rest.len()].copy_from_slice(rest);
                let bits = candidates(simd, tables, &last[..size + HEAD_BYTES - 1]);
                bits & (u64::MAX >> (64 - rest.len().min(size)))
            }
        };
        marks[at / 64] |= bits << (at % 64);
    }
    marks
}

/// Notes the positions of all marks, and tells how many they are.
#[expect(clippy::inline_always, reason = "made of the machine's own instructions only so")]
#[inline(always)]
fn note(marks: &[u64; ROUND_WORDS], noted: &mut [u16; ROUND_BYTES + NOTED_AT_ONCE]) -> usize {
    let mut count = 0;
    for (start, marks) in (0..).step_by(64).zip(marks) {
        let all = marks.count_ones() as usize;
        let mut left = *marks;
        // Few have more, so that this is nearly always all; what is noted too much is noted again.
        for place in &mut noted[count..count + NOTED_AT_ONCE] {
            *place = start | low(left.trailing_zeros() % 64);
            left &= left.wrapping_sub(1);
        }
        if left != 0 {
            for place in &mut noted[count + NOTED_AT_ONCE..count + all] {
                *place = start | low(left.trailing_zeros());
                left &= left.wrapping_sub(1);
            }
        }
        count += all;
    }
    count
}

/// The tables in vectors, as often as there is room for them.
#[derive(Clone, Copy)]
struct Loaded<S: Simd> {
    low: [S::u8s; HEAD_BYTES],
    high: [S::u8s; HEAD_BYTES],
    whole: [S::u8s; HEAD_BYTES],
}

impl<S: Simd> Loaded<S> {
    #[expect(clippy::inline_always, reason = "made of the machine's own instructions only so")]
    #[inline(always)]
    fn of(simd: S, tables: &Tables, wholes: &WholeTables) -> Self {
        let (low, high) = tables.split_at(HEAD_BYTES);
        Self { low: load(simd, low), high: load(simd, high), whole: load(simd, wholes) }
    }
}

#[expect(clippy::inline_always, reason = "made of the machine's own instructions only so")]
#[inline(always)]
fn load<S: Simd>(simd: S, tables: &[[u8; VECTOR_BYTES_MAX]]) -> [S::u8s; HEAD_BYTES] {
    std::array::from_fn(
        #[inline(always)]
        |place| S::u8s::from_slice(simd, &tables[place][..S::u8s::LEN]),
    )
}

/// At which offsets of a turn all tables agree on some box: a bit for each.
#[expect(clippy::inline_always, reason = "made of the machine's own instructions only so")]
#[inline(always)]
fn candidates<S: Simd>(simd: S, tables: &[Loaded<S>; TABLES], turn: &[u8]) -> u64 {
    let half = S::u8s::splat(simd, 0x0f);
    let six = S::u8s::splat(simd, SIX_BITS);
    let mut agreed = [S::u8s::splat(simd, u8::MAX); TABLES];
    for place in 0..HEAD_BYTES {
        let bytes = S::u8s::from_slice(simd, &turn[place..place + S::u8s::LEN]);
        if S::u8s::LEN == VECTOR_BYTES_MAX {
            let bytes = bytes & six;
            for (agreed, tables) in agreed.iter_mut().zip(tables) {
                *agreed &= tables.whole[place].swizzle_dyn(bytes);
            }
            continue;
        }
        let (low, high) = (bytes & half, (bytes >> 4) & half);
        for (agreed, tables) in agreed.iter_mut().zip(tables) {
            let low = tables.low[place].swizzle_dyn_within_blocks(low);
            let high = tables.high[place].swizzle_dyn_within_blocks(high);
            *agreed = *agreed & low & high;
        }
    }
    let [one, other] = agreed;
    let none = (one | other).simd_eq(S::u8s::splat(simd, 0)).to_bitmask();
    !none & (u64::MAX >> (64 - S::u8s::LEN))
}

/// A small number in half as many bits.
#[inline]
fn low(number: u32) -> u16 {
    let [low, high, ..] = number.to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// The first bytes of a text as a word.
fn word_of(bytes: &[u8]) -> u32 {
    bytes.iter().take(HEAD_BYTES).rfold(0, |word, byte| word << 8 | u32::from(*byte))
}

/// The word at a position; behind the end are zeros.
#[inline]
fn word_at(bytes: &[u8], at: usize) -> u32 {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.first_chunk().map_or_else(|| word_of(rest), |word| u32::from_le_bytes(*word))
}

/// The first two bytes of a word.
fn pair_of(word: u32) -> usize {
    let [first, second, ..] = word.to_le_bytes();
    usize::from(u16::from_le_bytes([first, second]))
}

/// In which list the texts are that begin as a word does.
fn list_of(word: u32) -> usize {
    let [first, second, ..] = word.to_le_bytes();
    usize::from(first.wrapping_mul(LIST_FACTOR) ^ second)
}

/// Spreads the first bytes, most of which are lower-case letters.
const LIST_FACTOR: u8 = 0x3b;

/// What of a byte tells where it stands in a whole table.
const SIX_BITS: u8 = 0x3f;

/// The bytes of one head; where it has ended, any may stand.
fn wholes(head: &[u8]) -> Wholes {
    let mut wholes = [u64::MAX; HEAD_BYTES];
    for (place, byte) in head.iter().enumerate() {
        wholes[place] = 1 << (byte & SIX_BITS);
    }
    wholes
}

/// The half-bytes of one head; where it has ended, any may stand.
fn halves(head: &[u8]) -> Halves {
    let mut halves = [u16::MAX; 2 * HEAD_BYTES];
    for (place, byte) in head.iter().enumerate() {
        halves[place] = 1 << (byte & 0x0f);
        halves[HEAD_BYTES + place] = 1 << (byte >> 4);
    }
    halves
}

/// Puts heads together until there are no more than [`BOXES`]: always the two with which positions
/// that only look like a text grow least.
fn together(mut boxes: Vec<(Halves, Wholes)>) -> Vec<(Halves, Wholes)> {
    let mut weights: Vec<f32> = boxes.iter().map(|(_, wholes)| weight(wholes)).collect();
    let cost = |boxes: &[(Halves, Wholes)], weights: &[f32], one: usize, other: usize| {
        weight(&joined(&boxes[one], &boxes[other]).1) - weights[one] - weights[other]
    };
    // What it costs to put each together with each one before it.
    let mut costs: Vec<Vec<f32>> = (0..boxes.len())
        .map(|one| (0..one).map(|other| cost(&boxes, &weights, one, other)).collect())
        .collect();
    while boxes.len() > BOXES {
        let pairs = costs.iter().enumerate().flat_map(|(one, costs)| {
            costs.iter().enumerate().map(move |(other, cost)| (one, other, *cost))
        });
        let Some((one, other, _)) = pairs.min_by(|a, b| a.2.total_cmp(&b.2)) else { break };
        boxes[other] = joined(&boxes[one], &boxes[other]);
        weights[other] = weight(&boxes[other].1);
        // The last takes the place of the one that went.
        let last = boxes.len() - 1;
        boxes.swap_remove(one);
        weights.swap_remove(one);
        costs.pop();
        for moved in [other, one].into_iter().filter(|moved| *moved < last) {
            for before in 0..last {
                let (high, low) = (moved.max(before), moved.min(before));
                if high != low {
                    costs[high][low] = cost(&boxes, &weights, high, low);
                }
            }
        }
    }
    boxes
}

fn joined(one: &(Halves, Wholes), other: &(Halves, Wholes)) -> (Halves, Wholes) {
    let halves = std::array::from_fn(|half| one.0[half] | other.0[half]);
    (halves, std::array::from_fn(|place| one.1[place] | other.1[place]))
}

/// How many of ten thousand bytes of real logs have each value in their low six bits.
const SHARES: [u16; 64] = [
    310, 21, 29, 46, 19, 26, 26, 10, 11, 76, 95, 22, 13, 99, 44, 31, 29, 1, 41, 42, 75, 23, 10, 17,
    3, 3, 36, 235, 16, 36, 1, 52, 983, 316, 121, 224, 160, 527, 73, 141, 145, 352, 35, 64, 214,
    533, 632, 499, 439, 203, 537, 521, 512, 311, 206, 138, 127, 155, 170, 22, 9, 116, 13, 5,
];

/// How often positions look like one of a box, as if bytes had nothing to do with each other.
fn weight(wholes: &Wholes) -> f32 {
    let place = |values: &u64| f32::from(ones(*values).map(|value| SHARES[value]).sum::<u16>());
    wholes.iter().map(place).map(|share| share / 1e4).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 24] = [
        "rror",
        "fail",
        ".rb:",
        ".py:",
        "●",
        "×",
        "[-] ",
        "CVE-",
        "Line |",
        "TRY ",
        "YN00",
        " DL3",
        ".java:",
        ".go\n",
        "##[e",
        "spec",
        "shed",
        "fig\"",
        "ile\u{1b}",
        "ot m",
        "nic:",
        "x ru",
        "har:",
        "(plu",
    ];

    fn met(shorts: &Shorts, hay: &str) -> Vec<Met> {
        let mut met = Vec::new();
        shorts.each(hay.as_bytes(), 100, &mut met);
        met
    }

    #[test]
    fn every_occurrence_is_found_wherever_it_stands_on_every_machine() {
        for level in [Level::new(), Level::baseline()] {
            let shorts = Shorts { level, ..Shorts::of(TEXTS) };
            for before in 0..150 {
                for (number, text) in TEXTS.into_iter().enumerate() {
                    let hay = format!("{}{text}{}", "z".repeat(before), "y".repeat(before % 7));
                    assert_eq!(met(&shorts, &hay), [(100 + number, before)], "{level:?} {hay}");
                }
            }
        }
    }

    #[test]
    fn what_only_looks_like_a_text_is_none() {
        let shorts = Shorts::of(TEXTS);
        for hay in ["", "r", "rro", "Line", "Line:|", ".rb", "\u{2192}", "\0\0\0\0"] {
            assert_eq!(met(&shorts, hay), [], "{hay:?}");
        }
        assert_eq!(met(&shorts, "rrrorerrorfail"), [(100, 1), (100, 6), (101, 10)]);
    }

    #[test]
    fn heads_that_are_alike_share_a_box() {
        let boxed = |head: &[u8]| (halves(head), wholes(head));
        let heads = [".rb:", ".py:", ".kt:", "CVE-"].map(|head| boxed(head.as_bytes()));
        let many = heads.into_iter().chain((0..16).map(|n| boxed(&[n, 0xff, 0xfe, 1])));
        assert_eq!(together(many.collect()).len(), BOXES);
        let alike = joined(&heads[0], &heads[1]);
        assert!(weight(&alike.1) < weight(&joined(&heads[0], &heads[3]).1));
    }
}
