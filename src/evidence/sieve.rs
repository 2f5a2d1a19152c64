//! The sieve: which lines of a log may say something, found at nearly the speed of memory.
//!
//! Every rule has literals, and every literal stems, one of which stands whole in any line that the
//! literal is in, colours and all. Three searches run over the raw bytes, one for long stems, one
//! for the few short ones and one for symbols. Where no colours hide it, the literal itself is
//! looked for around its stem at once; only lines that call a rule so, that a CI system marks, or
//! that have colours, are cleaned and looked at. The invariant: no rule ever sees fewer lines than
//! it would without the sieve; a test reads every log of the corpus with it and without.

use std::sync::LazyLock;

use aho_corasick::packed::{self, Searcher};
use aho_corasick::{AhoCorasick, Input, Span};

use super::grams::{Grams, WINDOW_BYTES};
use super::tools::TOOLS;

mod sift;

pub(super) use sift::{Calls, sift};

/// What CI systems' own lines hold.
const MARKERS: &[&str] = &[
    "##[command]",
    "##[debug]",
    "##[endgroup]",
    "##[error]",
    "##[group]",
    "##[notice]",
    "##[section]",
    "##[warning]",
    "section_start",
    "section_end",
    "travis_time",
    "travis_fold",
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

/// Stems that many short literals share: few, because the search for them slows down with each.
const SHORT: &[&str] = &["rror", "RROR", "fail", "Fail", "FAIL", "atal", "FATAL"];

/// What of a literal stands whole where colours break it: RuboCop, ruff and pytest colour file names
/// without the colon behind, sbt and Prettier labels without their brackets.
const COLOURED: &[&str] = &[".rb\u{1b}", ".py\u{1b}", ".pyi\u{1b}", "file\u{1b}", "mwarn\u{1b}["];

/// With what the symbols begin that tools print before failures: ✗, ✖, ●, ×.
const SYMBOL_BYTES: [u8; 2] = [0xE2, 0xC3];

/// How many short stems one vectorised search takes: with more it is half as fast.
const SEARCH_STEMS_MAX: usize = 32;

static SIEVE: LazyLock<Sieve> = LazyLock::new(|| {
    let rules = TOOLS.iter().flat_map(|tool| tool.rules);
    let literals: Vec<(u16, &'static str)> =
        (0..).zip(rules).flat_map(|(n, rule)| rule.literals.iter().map(move |l| (n, *l))).collect();
    Sieve::of(&literals)
});

/// What stands whole in every line that a literal is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stem {
    /// A word that many literals have.
    Word(&'static str),
    /// The longest part that no colour code stands in: tools colour labels, words and names, but
    /// not parts of them.
    Long(&'static str),
    /// The first symbol.
    Symbol(&'static str),
    /// The literal as it is.
    Whole(&'static str),
}

/// The stem of a literal.
fn stem(literal: &'static str) -> Stem {
    let parts = literal.split(|c: char| c.is_control() || ":[]|•".contains(c));
    let longest = parts.max_by_key(|part| part.len()).unwrap_or_default();
    // Blanks at the ends of a literal are part of it; beside a colon a colour may stand.
    let longest = if longest == literal { literal } else { longest.trim() };
    if let Some(word) = SHORT.iter().find(|word| literal.contains(*word)) {
        return Stem::Word(word);
    }
    if longest.len() >= WINDOW_BYTES {
        return Stem::Long(longest);
    }
    if literal.len() >= WINDOW_BYTES && !literal.ends_with('\n') {
        return Stem::Long(literal);
    }
    match literal.find(|c: char| !c.is_ascii()) {
        Some(at) => Stem::Symbol(literal[at..].split_at(symbol_bytes(&literal[at..])).0),
        None => Stem::Whole(literal),
    }
}

/// How many bytes the first character takes.
fn symbol_bytes(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

/// A literal of a rule, and where in it its stem stands.
#[derive(Debug, Clone, Copy)]
struct Call {
    rule: u16,
    literal: &'static str,
    offset: usize,
    /// The byte that stands behind the stem, counted from where the stem begins: it tells most
    /// literals of a common stem apart.
    behind: Option<(usize, u8)>,
}

impl Call {
    /// Whether the literal stands in a text where its stem begins at `start`.
    fn stands_in(&self, text: &[u8], start: usize) -> bool {
        self.behind.is_none_or(|(distance, byte)| text.get(start + distance) == Some(&byte))
            && start
                .checked_sub(self.offset)
                .and_then(|start| text.get(start..))
                .is_some_and(|rest| rest.starts_with(self.literal.as_bytes()))
    }
}

/// Stands for a marker where rules are called.
const MARKER: u16 = u16::MAX;

/// A stem's number among all, and where it begins.
pub(super) type Met = (usize, usize);

/// The prepared searches.
#[derive(Debug)]
struct Sieve {
    long: Grams,
    short: Vec<Searcher>,
    /// For short stems on machines without vector instructions.
    plain: Option<AhoCorasick>,
    symbols: Vec<&'static str>,
    /// With what lines end, and the rules that are called by it.
    endings: Vec<(u16, &'static str)>,
    /// What each stem calls: the long ones first, then the short ones, then the symbols.
    calls: Vec<Vec<Call>>,
    /// Which stems may stand in a line for a literal that colours break.
    hints: Vec<bool>,
    long_stems: usize,
    short_stems: usize,
}

impl Sieve {
    fn of(literals: &[(u16, &'static str)]) -> Self {
        let whole = MARKERS.iter().chain(COLOURED).copied();
        let (mut long, short): (Vec<&str>, Vec<&str>) =
            whole.partition(|stem| stem.len() >= WINDOW_BYTES);
        let mut short: Vec<String> = short.into_iter().map(str::to_owned).collect();
        let mut symbols = Vec::new();
        for (_, literal) in literals {
            match stem(literal) {
                Stem::Long(stem) => long.push(stem),
                Stem::Word(stem) => short.push(stem.to_owned()),
                Stem::Symbol(stem) => symbols.push(stem),
                Stem::Whole(literal) => {
                    short.push(literal.to_owned());
                    if let Some(name) = literal.strip_suffix('\n') {
                        short.extend(['\r', '\u{1b}'].map(|end| format!("{name}{end}")));
                    }
                }
            }
        }
        let mut short = least(short);
        // What begins alike is told apart together.
        short.sort_unstable();
        for stems in [&mut long, &mut symbols] {
            stems.sort_unstable();
            stems.dedup();
        }
        let search = |stems: &[String]| packed::Config::new().builder().extend(stems).build();
        let packed: Option<Vec<Searcher>> = short.chunks(SEARCH_STEMS_MAX).map(search).collect();
        let plain = packed.is_none().then(|| AhoCorasick::new(&short).ok()).flatten();
        let mut sieve = Self {
            long: Grams::of(long.iter().copied()),
            short: packed.unwrap_or_default(),
            plain,
            calls: vec![Vec::new(); long.len() + short.len() + symbols.len()],
            hints: Vec::new(),
            long_stems: long.len(),
            short_stems: short.len(),
            symbols,
            endings: Vec::new(),
        };
        for (rule, literal) in literals.iter().copied() {
            let stem = stem(literal);
            sieve.learn(&long, &short, stem, (rule, literal));
        }
        for literal in MARKERS.iter().copied() {
            let is_long = literal.len() >= WINDOW_BYTES;
            let stem = if is_long { Stem::Long(literal) } else { Stem::Whole(literal) };
            sieve.learn(&long, &short, stem, (MARKER, literal));
        }
        let is_word = |stem: usize| {
            let word = stem.checked_sub(long.len()).and_then(|stem| short.get(stem));
            word.is_some_and(|word| SHORT.contains(&word.as_str()))
        };
        let hints = sieve.calls.iter().enumerate().map(|(n, calls)| calls.is_empty() || is_word(n));
        sieve.hints = hints.collect();
        sieve
    }

    /// Notes which stem calls a rule for one of its literals.
    fn learn(
        &mut self,
        long: &[&'static str],
        short: &[String],
        stem: Stem,
        (rule, literal): (u16, &'static str),
    ) {
        if let Some(end) = literal.strip_suffix('\n') {
            return self.endings.push((rule, end));
        }
        let found = match stem {
            Stem::Long(stem) => long.binary_search(&stem).ok().map(|number| (number, stem)),
            Stem::Symbol(stem) => {
                let number = self.symbols.binary_search(&stem).ok();
                number.map(|number| (self.long_stems + self.short_stems + number, stem))
            }
            Stem::Word(_) | Stem::Whole(_) => {
                let held = short.iter().enumerate().find(|(_, stem)| literal.contains(*stem));
                held.map(|(number, stem)| {
                    let at = literal.find(stem).unwrap_or_default();
                    (self.long_stems + number, &literal[at..at + stem.len()])
                })
            }
        };
        if let Some((number, stem)) = found {
            let offset = literal.find(stem).unwrap_or_default();
            let behind = literal.as_bytes().get(offset + stem.len());
            let behind = behind.map(|byte| (stem.len(), *byte));
            self.calls[number].push(Call { rule, literal, offset, behind });
        }
    }

    /// Every stem in the bytes, in the order of where they begin.
    fn meet(&self, bytes: &[u8], met: &mut Vec<Met>) {
        met.clear();
        self.long.each(bytes, |stem, start| met.push((stem, start)));
        let span = |from| Span { start: from, end: bytes.len() };
        for (search, packed) in self.short.iter().enumerate() {
            let first = self.long_stems + search * SEARCH_STEMS_MAX;
            let mut from = 0;
            while let Some(found) = packed.find_in(bytes, span(from)) {
                met.push((first + found.pattern().as_usize(), found.start()));
                from = found.start() + 1;
            }
        }
        if let Some(plain) = &self.plain {
            let mut from = 0;
            while let Some(found) = plain.find(Input::new(bytes).span(span(from))) {
                met.push((self.long_stems + found.pattern().as_usize(), found.start()));
                from = found.start() + 1;
            }
        }
        let [one, other] = SYMBOL_BYTES;
        for at in memchr::memchr2_iter(one, other, bytes) {
            // Several stems may begin with one symbol.
            for (number, symbol) in self.symbols.iter().enumerate() {
                if bytes[at..].starts_with(symbol.as_bytes()) {
                    met.push((self.long_stems + self.short_stems + number, at));
                }
            }
        }
        met.sort_unstable_by_key(|(_, start)| *start);
    }

    /// Whether a line may hold literals that colours break, or that are known by a word in them.
    fn may_be_broken(&self, met: &[Met]) -> bool {
        met.iter().any(|(stem, _)| self.hints[*stem])
    }

    /// The rules whose literal stands in a text where its stem was met; whether a marker does.
    fn call(&self, text: &[u8], met: &[Met], rules: &mut Vec<u16>) -> bool {
        let mut marked = false;
        for (stem, start) in met {
            for call in &self.calls[*stem] {
                if !call.stands_in(text, *start) {
                    continue;
                }
                if call.rule == MARKER {
                    marked = true;
                } else if rules.len() < RULES_PER_LINE_MAX && !rules.contains(&call.rule) {
                    rules.push(call.rule);
                }
            }
        }
        let ended = self.endings.iter().filter(|(_, end)| text.ends_with(end.as_bytes()));
        rules.extend(ended.map(|(rule, _)| rule));
        rules.sort_unstable();
        rules.dedup();
        marked
    }
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
