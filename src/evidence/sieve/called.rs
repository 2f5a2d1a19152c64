//! What a stem calls: the literals that it may be a part of, told apart without comparing each.
//!
//! A stem that many words share has hundreds of literals. A search for the bytes behind it, as many
//! as a word has, finds nearly always the right ones; a word before it settles the rest. The invariant: no literal that
//! stands in the text is passed over.

use super::grams::{word_at, word_of};
use super::literal;

/// A literal of a rule, and where in it its stem stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) rule: u16,
    literal: &'static str,
    offset: usize,
    /// What of it stands before the stem, and what behind, as far as a word reaches.
    before: Bytes,
    behind: Bytes,
}

/// Up to eight bytes as a word, and which bits of it they are.
#[derive(Debug, Clone, Copy)]
struct Bytes {
    word: u64,
    mask: u64,
}

impl Bytes {
    fn of(bytes: &[u8]) -> Self {
        Self { word: word_of(bytes), mask: word_of(&[u8::MAX; 8][..bytes.len().min(8)]) }
    }

    /// Whether a text's word begins with them.
    fn begin(self, word: u64) -> bool {
        word & self.mask == self.word
    }
}

impl Call {
    /// The call of a literal whose stem begins at `offset`.
    pub(super) fn of(rule: u16, literal: &'static str, offset: usize, stem_bytes: usize) -> Self {
        let bytes = literal::head(literal).as_bytes();
        let before = Bytes::of(&bytes[..offset]);
        let behind = Bytes::of(&bytes[offset + stem_bytes..]);
        Self { rule, literal, offset, before, behind }
    }

    /// Whether the literal stands in a text where its stem begins at `start`.
    pub(super) fn stands_in(&self, text: &[u8], start: usize) -> bool {
        let Some(start) = start.checked_sub(self.offset) else { return false };
        self.before.begin(word_at(text, start))
            && text.get(start..).is_some_and(|rest| literal::begins(rest, self.literal))
    }
}

/// What a stem calls.
#[derive(Debug, Clone)]
pub(super) struct Called {
    stem_bytes: usize,
    /// By which bytes behind the stem they are known, then in the order of those bytes.
    groups: Vec<(u64, Vec<Call>)>,
    /// Whether it may stand in a line for a literal that colours break.
    pub(super) is_hint: bool,
}

impl Called {
    /// A stem that calls nothing yet.
    pub(super) fn of(stem_bytes: usize) -> Self {
        Self { stem_bytes, groups: Vec::new(), is_hint: false }
    }

    /// Calls one more.
    pub(super) fn push(&mut self, call: Call) {
        let mask = call.behind.mask;
        let known = self.groups.iter().position(|(known, _)| *known == mask);
        let at = known.unwrap_or_else(|| {
            self.groups.push((mask, Vec::new()));
            self.groups.len() - 1
        });
        let calls = &mut self.groups[at].1;
        calls.insert(calls.partition_point(|known| known.behind.word <= call.behind.word), call);
    }

    /// Whether it calls nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The calls whose literal may stand where the stem begins at `start`.
    pub(super) fn at<'c>(&'c self, text: &[u8], start: usize) -> impl Iterator<Item = &'c Call> {
        let behind = word_at(text, start + self.stem_bytes);
        self.groups.iter().flat_map(move |(mask, calls)| {
            let word = behind & mask;
            let first = calls.partition_point(|call| call.behind.word < word);
            calls[first..].iter().take_while(move |call| call.behind.word == word)
        })
    }
}
