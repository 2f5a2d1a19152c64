//! What ordinary lines are made of: by it, the parts of a literal are chosen that are met least.
//!
//! Not a statistic of any log: a rough order is enough, because what is met is compared anyway.

use super::grams::{GRAM_BYTES, WINDOW_BYTES, word_of};
use super::shorts::HEAD_BYTES;

/// Bytes of ordinary text, the most common first; a window without them is rarely met.
const COMMON: &[u8] = b" etaoinsrlcdupmhgfbvy0123456789-_./:wkxTSCAEPRI";

/// What stands on every page of most logs; a group of it tells nothing.
const COMMON_WORDS: &str = " building tests with running testing packages downloading commands \
    version installing compiling plugin information for file docker changes resolved default \
    should would not warning dependency executing compose working directory configuration module \
    group checking completed using from this that into github actions node_modules started \
    updating repository library target project failed error tasks source receiving workspace \
    workflows builder  version '  package ' (plugin git config formatted runner/work ";

/// How much rarer a group is than one that stands in [`COMMON_WORDS`].
const UNCOMMON: usize = 1 << 10;

/// How many bytes the shortest and the longest groups have that are asked about.
const GROUP_BYTES: [usize; 2] = [HEAD_BYTES, GRAM_BYTES];

/// What is known of ordinary text.
#[derive(Debug)]
pub(super) struct Ordinary {
    /// How rare each byte is.
    ranks: [usize; 256],
    /// The groups of [`COMMON_WORDS`] of each of [`GROUP_BYTES`], sorted.
    common: [Vec<u64>; 2],
}

impl Ordinary {
    pub(super) fn new() -> Self {
        let mut ranks = [COMMON.len(); 256];
        for (rank, byte) in COMMON.iter().enumerate() {
            ranks[usize::from(*byte)] = rank;
        }
        let common = GROUP_BYTES.map(|bytes| {
            let groups = COMMON_WORDS.as_bytes().windows(bytes);
            let mut groups: Vec<u64> = groups.map(word_of).collect();
            groups.sort_unstable();
            groups
        });
        Self { ranks, common }
    }

    /// How rare a group of one of [`GROUP_BYTES`] is.
    pub(super) fn rarity(&self, group: &[u8]) -> usize {
        let common = &self.common[usize::from(group.len() == GRAM_BYTES)];
        let rarity = group.iter().map(|byte| self.ranks[usize::from(*byte)]).sum::<usize>();
        match common.binary_search(&word_of(group)) {
            Ok(_) => rarity / 4,
            Err(_) => UNCOMMON + rarity,
        }
    }

    /// Where in a text the window begins whose groups are met least; `None` if all windows have a
    /// group that tells nothing.
    pub(super) fn rarest_window(&self, text: &[u8]) -> Option<usize> {
        let groups: Vec<usize> = text.windows(GRAM_BYTES).map(|group| self.rarity(group)).collect();
        let windows = groups.windows(WINDOW_BYTES - GRAM_BYTES + 1);
        let rarities = windows.map(|window| window.iter().min()).enumerate();
        let rarest = rarities.max_by_key(|(at, rarity)| (*rarity, usize::MAX - at));
        rarest.filter(|(_, rarity)| *rarity >= Some(&UNCOMMON)).map(|(at, _)| at)
    }
}
