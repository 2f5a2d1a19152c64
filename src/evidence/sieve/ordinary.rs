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

/// What stands in some lines of most logs; a group of it is looked for where nothing rarer is.
const FREQUENT_WORDS: &str = " test  checkout Checkout service Service package Package Gradle \
    sign- request subprocess return validate validation invalid branch checks process system \
    required provided --local [endgroup] known found value section_ ing script nothing pr able \
    version Version Post  resolve submodule contained stack is not  took skipped toolchain google \
    vendor exception Exception artifact handler record File format recommend Change Changes spec \
    .properties Work Line shed was t for ng - ry ' Git  d fi n fi ";

/// How rare a group is that stands in [`FREQUENT_WORDS`].
const FREQUENT: usize = 1 << 9;

/// How rare one is that stands in neither.
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
    /// The same of [`FREQUENT_WORDS`].
    frequent: [Vec<u64>; 2],
}

impl Ordinary {
    pub(super) fn new() -> Self {
        let mut ranks = [COMMON.len(); 256];
        for (rank, byte) in COMMON.iter().enumerate() {
            ranks[usize::from(*byte)] = rank;
        }
        let [common, frequent] = [COMMON_WORDS, FREQUENT_WORDS].map(|words| {
            GROUP_BYTES.map(|bytes| {
                let groups = words.as_bytes().windows(bytes);
                let mut groups: Vec<u64> = groups.map(word_of).collect();
                groups.sort_unstable();
                groups
            })
        });
        Self { ranks, common, frequent }
    }

    /// How rare a group of one of [`GROUP_BYTES`] is.
    pub(super) fn rarity(&self, group: &[u8]) -> usize {
        let stands_in = |groups: &[Vec<u64>; 2]| {
            let groups = &groups[usize::from(group.len() == GRAM_BYTES)];
            groups.binary_search(&word_of(group)).is_ok()
        };
        let rarity = group.iter().map(|byte| self.ranks[usize::from(*byte)]).sum::<usize>();
        if stands_in(&self.common) {
            rarity / 4
        } else if stands_in(&self.frequent) {
            FREQUENT + rarity
        } else {
            UNCOMMON + rarity
        }
    }

    /// Where in a text the window begins whose groups are met least; `None` if all windows have a
    /// group that tells nothing.
    pub(super) fn rarest_window(&self, text: &[u8]) -> Option<usize> {
        let groups: Vec<usize> = text.windows(GRAM_BYTES).map(|group| self.rarity(group)).collect();
        let windows = groups.windows(WINDOW_BYTES - GRAM_BYTES + 1);
        let rarities = windows.map(|window| window.iter().min()).enumerate();
        let rarest = rarities.max_by_key(|(at, rarity)| (*rarity, usize::MAX - at));
        rarest.filter(|(_, rarity)| *rarity >= Some(&FREQUENT)).map(|(at, _)| at)
    }
}
