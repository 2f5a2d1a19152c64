//! The sieve: which lines of a log may say something, found at nearly the speed of memory.
//!
//! Every rule has literals, and every literal stems, one of which stands whole in any line that the
//! literal is in, colours and all. Two searches run over the raw bytes, one for long stems and one
//! for the few short ones. The literal itself is looked for around its stem at once, in the line
//! without its colours; only lines that call a rule so, or that a CI system marks, are cleaned and
//! looked at. The invariant: no rule ever sees fewer lines than it would without the sieve; a test
//! reads every log of the corpus with it and without.

use std::sync::LazyLock;

use super::tools::TOOLS;

mod called;
mod grams;
mod layout;
pub(super) mod literal;
mod ordinary;
mod shorts;
mod sift;

use called::{Call, Called};
use grams::Grams;
use ordinary::Ordinary;
use shorts::{HEAD_BYTES, Shorts};
pub(super) use sift::{Calls, sift};

/// What CI systems' own lines hold that tell where steps begin and end, and where the repository
/// is; lines that only fold or time are not looked at.
const MARKERS: &[&str] = &[
    "##[endgroup]",
    "##[error]",
    "##[group]",
    "##[section]",
    "section_start",
    "section_end",
    "-eo pipefail",
    "/tmp/jenkins",
    "Building in workspace",
    "Checkout directory",
    "CircleCI received",
    "End of Pipeline",
    "Exited with code exit",
    "[Pipeline]",
    "cmd /c call",
    "exited with",
    "marked build as failure",
    "skipped due to earlier",
    "script returned exit",
    "~~~ Preparing",
    "~~~ Running",
    "~~~ Uploading",
    "🚨 Error",
    "Post job",
    "Job failed",
    "Cleaning up orphan",
    "Job succeeded",
    "Finished: SUCCESS",
    "Finished: FAILURE",
    "Git repository in",
    "Working directory is",
    "rootdir: ",
];

/// Stems that many short literals share: the fewer there are, the less looks like one of them.
const SHORT: &[&str] = &["rror", "RROR", "fail", "Fail", "FAIL", "atal", "FATAL"];

/// What of a literal stands whole where colours break it: RuboCop, ruff and pytest colour file names
/// without the colon behind, sbt and Prettier labels without their brackets.
const COLOURED: &[&str] = &[".rb\u{1b}", ".py\u{1b}", "pyi\u{1b}", "ile\u{1b}", "arn\u{1b}"];

static SIEVE: LazyLock<Sieve> = LazyLock::new(|| {
    let rules = TOOLS.iter().flat_map(|tool| tool.rules);
    let literals: Vec<(u16, &'static str)> = (0..)
        .zip(rules.clone())
        .flat_map(|(n, rule)| rule.literals.iter().map(move |l| (n, *l)))
        .collect();
    Sieve::of(&literals, rules.map(|rule| rule.beside).collect())
});

/// What stands whole in every line that a literal is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stem {
    /// A word that many literals have.
    Word(&'static str),
    /// The longest part that no colour code stands in: tools colour labels, words and names, but
    /// not parts of them.
    Long(&'static str),
    /// The first symbol, or the part of a short literal that is met least.
    Part(&'static str),
    /// The literal with the line's end.
    Ending(&'static str),
}

/// The stem of a literal.
fn stem(literal: &'static str, ordinary: &Ordinary) -> Stem {
    if let Some(end) = literal.strip_suffix('\n') {
        return Stem::Ending(end);
    }
    let literal = literal::head(literal);
    let parts = literal.split(|c: char| c.is_control() || ":[]|•".contains(c));
    let longest = parts.max_by_key(|part| part.len()).unwrap_or_default();
    // Blanks at the ends of a literal are part of it; beside a colon a colour may stand.
    let longest = if longest == literal { literal } else { longest.trim() };
    if let Some(word) = SHORT.iter().find(|word| literal.contains(*word)) {
        return Stem::Word(word);
    }
    let mut long = [longest, literal].into_iter();
    if let Some(long) = long.find(|part| ordinary.rarest_window(part.as_bytes()).is_some()) {
        return Stem::Long(long);
    }
    match literal.find(|c: char| !c.is_ascii()) {
        Some(at) => Stem::Part(literal[at..].split_at(symbol_bytes(&literal[at..])).0),
        None => Stem::Part(rarest_head(literal, ordinary)),
    }
}

/// The part of an ASCII literal that is met least, not longer than what is searched for.
fn rarest_head(literal: &'static str, ordinary: &Ordinary) -> &'static str {
    let heads = (0..literal.len()).map_while(|at| literal.get(at..at + HEAD_BYTES));
    heads.max_by_key(|head| ordinary.rarity(head.as_bytes())).unwrap_or(literal)
}

/// How many bytes the first character takes.
fn symbol_bytes(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

/// Stands for a marker where rules are called.
const MARKER: u16 = u16::MAX;

/// A stem's number among all, and where it begins.
pub(super) type Met = (usize, usize);

/// The prepared searches.
#[derive(Debug)]
struct Sieve {
    long: Grams,
    short: Shorts,
    /// What else stands in the lines of each rule.
    beside: Vec<&'static [&'static str]>,
    /// With what lines end, and the rules that are called by it.
    endings: Vec<(u16, &'static str)>,
    /// What each stem calls: the long ones first, then the short ones.
    called: Vec<Called>,
    long_stems: usize,
}

impl Sieve {
    fn of(literals: &[(u16, &'static str)], beside: Vec<&'static [&'static str]>) -> Self {
        let ordinary = Ordinary::new();
        let mut long = Vec::new();
        let mut short: Vec<String> = COLOURED.iter().map(|stem| (*stem).to_owned()).collect();
        let mut endings = Vec::new();
        let markers = MARKERS.iter().map(|literal| (MARKER, *literal));
        let stems = literals.iter().copied().chain(markers);
        let stems: Vec<(u16, &'static str, Stem)> =
            stems.map(|(rule, literal)| (rule, literal, stem(literal, &ordinary))).collect();
        for (rule, _, stem) in &stems {
            match *stem {
                Stem::Long(stem) => long.push(stem),
                Stem::Word(stem) | Stem::Part(stem) => short.push(stem.to_owned()),
                Stem::Ending(end) => {
                    endings.push((*rule, end));
                    short.extend(['\n', '\r', '\u{1b}'].map(|behind| format!("{end}{behind}")));
                }
            }
        }
        let short = least(short);
        long.sort_unstable();
        long.dedup();
        let all = long.iter().copied().chain(short.iter().map(String::as_str));
        let called = all.map(|stem| Called::of(stem.len()));
        let mut called: Vec<Called> = called.collect();
        for (rule, literal, stem) in stems {
            let head = literal::head(literal);
            let number = match stem {
                Stem::Long(stem) => long.binary_search(&stem).ok(),
                Stem::Word(_) | Stem::Part(_) => {
                    let held = short.iter().position(|stem| head.contains(stem));
                    held.map(|number| long.len() + number)
                }
                Stem::Ending(_) => None,
            };
            let Some(number) = number else { continue };
            let stem = match number.checked_sub(long.len()) {
                None => long[number],
                Some(number) => &short[number],
            };
            let offset = head.find(stem).unwrap_or_default();
            called[number].push(Call::of(rule, literal, offset, stem.len()));
        }
        for (number, called) in called.iter_mut().enumerate() {
            called.sort();
            let short = number.checked_sub(long.len()).and_then(|number| short.get(number));
            let is_word = short.is_some_and(|stem| SHORT.contains(&stem.as_str()));
            called.is_hint = is_word || called.is_empty();
        }
        Self {
            long: Grams::of(long.iter().copied(), &ordinary),
            short: Shorts::of(short.iter().map(String::as_str)),
            beside,
            endings,
            called,
            long_stems: long.len(),
        }
    }

    /// Every stem in the bytes, in the order of where they begin.
    fn meet(&self, bytes: &[u8], met: &mut Vec<Met>) {
        met.clear();
        self.long.each(bytes, met);
        self.short.each(bytes, self.long_stems, met);
        // Two searches' finds, each nearly in order already: that is what this sort is quick at.
        met.sort_by_key(|(_, start)| *start);
    }

    /// Whether a line may hold literals that colours break, or that are known by a word in them.
    fn may_be_broken(&self, met: &[Met]) -> bool {
        met.iter().any(|(stem, _)| self.called[*stem].is_hint)
    }

    /// The rules whose literal stands in a text where its stem was met; whether a marker does.
    fn call(&self, text: &[u8], met: &[Met], rules: &mut Vec<u16>) -> bool {
        let mut marked = false;
        for (stem, start) in met {
            for rule in self.called[*stem].at(text, *start) {
                if rule == MARKER {
                    marked = true;
                } else if rules.len() < RULES_PER_LINE_MAX && !rules.contains(&rule) {
                    rules.push(rule);
                }
            }
        }
        let ends = |end: &[u8]| text.last() == end.last() && text.ends_with(end);
        let ended = self.endings.iter().filter(|(_, end)| ends(end.as_bytes()));
        rules.extend(ended.map(|(rule, _)| rule));
        if rules.is_empty() {
            return marked;
        }
        rules.sort_unstable();
        rules.dedup();
        rules.retain(|rule| {
            let beside = self.beside[usize::from(*rule)];
            beside.is_empty() || beside.iter().any(|literal| literal::stands_in(text, literal))
        });
        marked
    }
}

/// The places of a word's set bits.
fn ones(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(place)
    })
}

/// The stems without those that hold another one: a search tells only one of two at one place.
fn least(mut stems: Vec<String>) -> Vec<String> {
    stems.sort_unstable_by_key(String::len);
    let mut least: Vec<String> = Vec::new();
    for stem in stems {
        if !least.iter().any(|shorter| stem.contains(shorter)) {
            least.push(stem);
        }
    }
    least
}

/// How many rules look at one line; a line that calls more is noise.
const RULES_PER_LINE_MAX: usize = 48;

/// Which rules the literals of a clean line call, in the registry's order; `met` is room to work in.
pub(super) fn called(text: &str, met: &mut Vec<Met>, rules: &mut Vec<u16>) {
    rules.clear();
    SIEVE.meet(text.as_bytes(), met);
    SIEVE.call(text.as_bytes(), met, rules);
}
