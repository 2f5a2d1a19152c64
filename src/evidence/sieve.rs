//! The sieve: which lines of a log may say something, found at nearly the speed of memory.
//!
//! Every rule has literals, and every literal a stem, which stands whole in any line that the
//! literal is in, colours and all. Two searches for all stems run over the raw bytes, one for long
//! stems and one for the few short ones, and only the lines that they hit are cleaned and looked
//! at. The invariant: no rule ever sees fewer lines than it would without the sieve; a test reads
//! every log of the corpus with it and without.

use std::sync::LazyLock;

use aho_corasick::packed::{self, Searcher};
use aho_corasick::{AhoCorasick, Input, Span};
use memchr::{memchr, memrchr};

use super::grams::{Grams, WINDOW_BYTES};
use super::tools::TOOLS;

/// What CI systems' own lines hold.
const MARKERS: &[&str] = &[
    "##[",
    "section_start",
    "section_end",
    "travis_time",
    "travis_fold",
    "exited with",
    "Post job",
    "Job failed",
    "Cleaning up orphan",
    "Job succeeded",
    "Finished: SUCCESS",
    "Git repository in",
    "Working directory is",
    "rootdir: ",
];

/// Stems that many short literals share: few, because the search for them slows down with each.
const SHORT: &[&str] = &["rror", "RROR", "ail", "FAIL", "atal"];

/// A shorter stem would be met everywhere.
const SHORT_BYTES_MIN: usize = 3;

/// How many short stems one vectorised search takes.
const SEARCH_STEMS_MAX: usize = 64;

static SIEVE: LazyLock<Sieve> = LazyLock::new(|| {
    let literals = TOOLS.iter().flat_map(|tool| tool.rules).flat_map(|rule| rule.literals);
    let (long, short): (Vec<_>, Vec<_>) = MARKERS
        .iter()
        .chain(literals)
        .map(|literal| stem(literal))
        .partition(|stem| stem.len() >= WINDOW_BYTES);
    Sieve::of(&least(long), &least(short))
});

/// What stands whole in every line that holds a literal: the longest part of it that no colour code
/// stands in, for tools colour labels, words and names, but not parts of them.
fn stem(literal: &'static str) -> &'static str {
    let parts = literal.split(|c: char| c.is_control() || ":[]|•".contains(c));
    let longest = parts.map(str::trim).max_by_key(|part| part.len()).unwrap_or_default();
    if longest.len() >= WINDOW_BYTES {
        return longest;
    }
    let known = SHORT.iter().find(|stem| literal.contains(*stem));
    known.copied().unwrap_or(if longest.len() >= SHORT_BYTES_MIN { longest } else { literal })
}

/// The stems without those that hold another one.
fn least(mut stems: Vec<&'static str>) -> Vec<&'static str> {
    stems.sort_unstable_by_key(|stem| (stem.len(), *stem));
    let mut least: Vec<&'static str> = Vec::new();
    for stem in stems {
        if !least.iter().any(|shorter| stem.contains(shorter)) {
            least.push(stem);
        }
    }
    least
}

/// The prepared searches.
#[derive(Debug)]
struct Sieve {
    long: Grams,
    short: Vec<Searcher>,
    /// For short stems on machines without vector instructions.
    plain: Option<AhoCorasick>,
}

impl Sieve {
    fn of(long: &[&'static str], short: &[&'static str]) -> Self {
        let search = |stems: &[&str]| packed::Config::new().builder().extend(stems).build();
        let packed: Option<Vec<Searcher>> = short.chunks(SEARCH_STEMS_MAX).map(search).collect();
        let plain = packed.is_none().then(|| AhoCorasick::new(short).ok()).flatten();
        let long = Grams::of(long.iter().copied());
        Self { long, short: packed.unwrap_or_default(), plain }
    }

    /// Where the next hit of one of the searches stands; the first is the one for long stems.
    fn find(&self, search: usize, bytes: &[u8], from: usize) -> Option<usize> {
        let span = Span { start: from, end: bytes.len() };
        let Some(short) = search.checked_sub(1) else { return self.long.find(bytes, from) };
        match self.short.get(short) {
            Some(packed) => packed.find_in(bytes, span).map(|found| found.start()),
            None => self.plain.as_ref()?.find(Input::new(bytes).span(span)).map(|m| m.start()),
        }
    }
}

/// The places of a text's lines that hold a stem, in order.
#[derive(Debug)]
pub(super) struct Sifted<'t> {
    bytes: &'t [u8],
    from: usize,
    /// The next hit of each search.
    hits: Vec<Hit>,
}

/// How far one search has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hit {
    /// It has not looked from here on.
    Unknown,
    /// Its next hit.
    At(usize),
    /// There is none.
    Nowhere,
}

/// Sifts the lines of `bytes` from a line's beginning on.
pub(super) fn sift(bytes: &[u8], from: usize) -> Sifted<'_> {
    let searches = 1 + SIEVE.short.len() + usize::from(SIEVE.plain.is_some());
    Sifted { bytes, from, hits: vec![Hit::Unknown; searches] }
}

impl Sifted<'_> {
    /// Where the next stem stands.
    fn hit(&mut self) -> Option<usize> {
        let mut first = None;
        for (search, hit) in self.hits.iter_mut().enumerate() {
            if matches!(hit, Hit::At(at) if *at < self.from) || *hit == Hit::Unknown {
                let found = SIEVE.find(search, self.bytes, self.from);
                *hit = found.map_or(Hit::Nowhere, Hit::At);
            }
            if let Hit::At(at) = *hit {
                first = Some(first.map_or(at, |first: usize| first.min(at)));
            }
        }
        first
    }
}

impl Iterator for Sifted<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        if self.from >= self.bytes.len() {
            return None;
        }
        let hit = self.hit()?;
        let above = self.bytes.get(self.from..hit)?;
        let start = memrchr(b'\n', above).map_or(self.from, |at| self.from + at + 1);
        let end = memchr(b'\n', &self.bytes[hit..]).map_or(self.bytes.len(), |at| hit + at);
        self.from = end + 1;
        Some((start, end))
    }
}
