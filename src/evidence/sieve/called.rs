//! What a stem calls: the literals that it may be a part of, told apart without comparing each.
//!
//! A stem that many words share has hundreds of literals. The byte behind it picks a few of them,
//! and a word of bytes on either side nearly always the right ones. The invariant: no literal that
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

    /// Literals that end with their stem come first, then by the byte behind it.
    fn order(&self) -> (bool, u64) {
        (self.behind.mask != 0, self.behind.word & 0xff)
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
    calls: Vec<Call>,
    /// Whether it may stand in a line for a literal that colours break.
    pub(super) is_hint: bool,
}

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
        self.calls.sort_by_key(Call::order);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The calls whose literal may stand where the stem begins at `start`.
    pub(super) fn at<'c>(&'c self, text: &[u8], start: usize) -> impl Iterator<Item = &'c Call> {
        let behind = word_at(text, start + self.stem_bytes);
        let ended = self.calls.iter().take_while(|call| call.behind.mask == 0);
        let byte = behind & 0xff;
        let first = self.calls.partition_point(|call| call.order() < (true, byte));
        let rest = self.calls[first..].iter();
        let rest = rest.take_while(move |call| call.behind.word & 0xff == byte);
        ended.chain(rest.filter(move |call| call.behind.begin(behind)))
    }
}
