//! What a stem calls: the literals that it may be a part of, told apart without comparing each.
//!
//! A stem that many words share has hundreds of literals. The byte on one side of it picks a few of
//! them, and a word of bytes on either side nearly always the right ones. The invariant: no literal
//! that stands in the text is passed over.

use super::grams::{word_at, word_of};
use super::literal;

/// A literal of a rule, and where in it its stem stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) rule: u16,
    literal: &'static str,
    offset: usize,
    key: Key,
    /// What of it stands before the stem and behind it, as far as a word reaches.
    before: Bytes,
    behind: Bytes,
    /// Whether that is all of it.
    is_whole: bool,
}

/// Up to eight bytes as a word, and which bits of it they are.
#[derive(Debug, Clone, Copy)]
struct Bytes {
    word: u64,
    mask: u64,
}

impl Bytes {
    /// The first bytes of some, in a word's low bits.
    fn first(bytes: &[u8]) -> Self {
        Self { word: word_of(bytes), mask: word_of(&[u8::MAX; 8][..bytes.len().min(8)]) }
    }

    /// The last bytes of some, in a word's high bits.
    fn last(bytes: &[u8]) -> Self {
        let bytes = &bytes[bytes.len().saturating_sub(8)..];
        let (word, mask) = (word_before(bytes, bytes.len()), !0 << (64 - 8 * bytes.len()).min(63));
        Self { word, mask: if bytes.is_empty() { 0 } else { mask } }
    }

    /// Whether they stand in a text's word.
    fn stand_in(self, word: u64) -> bool {
        word & self.mask == self.word
    }
}

/// The word that ends at a position; before the beginning are zeros.
fn word_before(bytes: &[u8], end: usize) -> u64 {
    let before = bytes.get(..end).unwrap_or_default();
    match before.last_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => before.iter().fold(0, |word, byte| word >> 8 | u64::from(*byte) << 56),
    }
}

/// By which byte of a text a literal is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// By none: it is its stem.
    None,
    /// It ends with its stem, and this is the byte before.
    Before(u8),
    /// The byte behind the stem.
    Behind(u8),
}

impl Call {
    /// The call of a literal whose stem begins at `offset`.
    pub(super) fn of(rule: u16, literal: &'static str, offset: usize, stem_bytes: usize) -> Self {
        let head = literal::head(literal);
        let (before, rest) = head.as_bytes().split_at(offset);
        let behind = &rest[stem_bytes..];
        let is_whole = head == literal && before.len() <= 8 && behind.len() <= 8;
        let key = match (before.last(), behind.first()) {
            (_, Some(first)) => Key::Behind(*first),
            (Some(last), None) => Key::Before(*last),
            (None, None) => Key::None,
        };
        let (before, behind) = (Bytes::last(before), Bytes::first(behind));
        Self { rule, literal, offset, key, before, behind, is_whole }
    }

    /// Whether the literal stands in a text where its stem begins at `start`, between two words.
    fn stands_in(&self, text: &[u8], start: usize, before: u64, behind: u64) -> bool {
        let begins = |start| text.get(start..).is_some_and(|t| literal::begins(t, self.literal));
        self.behind.stand_in(behind)
            && self.before.stand_in(before)
            && (self.is_whole || start.checked_sub(self.offset).is_some_and(begins))
    }
}

/// What a stem calls.
#[derive(Debug, Clone)]
pub(super) struct Called {
    stem_bytes: usize,
    /// In the order of their keys.
    calls: Vec<Call>,
    /// Whether it may stand in a line for a literal that colours break.
    pub(super) is_hint: bool,
}

/// So many calls are not worth to be picked from.
const FEW: usize = 8;

impl Called {
    /// A stem that calls nothing yet.
    pub(super) fn of(stem_bytes: usize) -> Self {
        Self { stem_bytes, calls: Vec::new(), is_hint: false }
    }

    pub(super) fn push(&mut self, call: Call) {
        self.calls.push(call);
    }

    /// Puts the calls in their order.
    pub(super) fn sort(&mut self) {
        self.calls.sort_by_key(|call| call.key);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The rules whose literal stands in the text where the stem begins at `start`.
    pub(super) fn at<'c>(&'c self, text: &'c [u8], start: usize) -> impl Iterator<Item = u16> + 'c {
        let before = word_before(text, start);
        let behind = word_at(text, start + self.stem_bytes);
        let picked = if self.calls.len() <= FEW {
            [&self.calls, &[][..], &[]]
        } else {
            let (last, first) = (before.to_le_bytes()[7], behind.to_le_bytes()[0]);
            [Key::None, Key::Before(last), Key::Behind(first)].map(|key| self.with(key))
        };
        let stand = move |call: &&Call| call.stands_in(text, start, before, behind);
        picked.into_iter().flatten().filter(stand).map(|call| call.rule)
    }

    /// The calls that a byte picks.
    fn with(&self, key: Key) -> &[Call] {
        let first = self.calls.partition_point(|call| call.key < key);
        let rest = &self.calls[first..];
        &rest[..rest.iter().take_while(|call| call.key == key).count()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEM: &str = "rror";

    const LITERALS: [&str; 10] = [
        "rror",
        "Error",
        "rror:",
        "Syntax Error",
        "an unhandled error",
        "error: could not find the file",
        "rror: \0 in",
        "rror E",
        "1 error",
        "error\n: x",
    ];

    #[test]
    fn a_literal_is_called_exactly_where_it_stands() {
        let text = "error: could not find the file\tSyntax Error: 12 in an unhandled error Error";
        for literals in [&LITERALS[..], &LITERALS[..3]] {
            let mut called = Called::of(STEM.len());
            for (rule, literal) in (0..).zip(literals) {
                let offset = literal.find(STEM).unwrap();
                called.push(Call::of(rule, literal, offset, STEM.len()));
            }
            called.sort();
            for (start, _) in text.match_indices(STEM) {
                let mut rules: Vec<u16> = called.at(text.as_bytes(), start).collect();
                rules.sort_unstable();
                let stands = |literal: &str| {
                    let from = literal.find(STEM).and_then(|offset| start.checked_sub(offset));
                    from.is_some_and(|from| literal::begins(&text.as_bytes()[from..], literal))
                };
                let expected = (0..).zip(literals).filter(|(_, literal)| stands(literal));
                assert_eq!(rules, expected.map(|(rule, _)| rule).collect::<Vec<u16>>(), "{start}");
            }
        }
    }
}
