//! The sieve: which lines of a log may say something, found at nearly the speed of memory.
//!
//! Every rule has literals, and every literal stems, one of which stands whole in any line that the
//! literal is in, colours and all. Three searches run over the raw bytes, one for long stems, one
//! for the few short ones and one for symbols, and only the lines that they hit are cleaned and
//! looked at; on these, the same searches say which rules' literals stand there. The invariant: no
//! rule ever sees fewer lines than it would without the sieve; a test reads every log of the corpus
//! with it and without.

use std::sync::LazyLock;

use aho_corasick::packed::{self, Searcher};
use aho_corasick::{AhoCorasick, Input, Span};
use memchr::{memchr, memrchr};

use super::grams::{Grams, WINDOW_BYTES};
use super::tools::TOOLS;

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
const SHORT: &[&str] = &["rror", "RROR", "fail", "Fail", "FAIL", "atal"];

/// File names that RuboCop, ruff and pytest colour without the colon behind.
const COLOURED: &[&str] = &[".rb\u{1b}", ".py\u{1b}", ".pyi\u{1b}", "file\u{1b}"];

/// With what the colours of a label in brackets begin.
const LABEL_COLOURS: [&str; 4] = ["[\u{1b}[0", "[\u{1b}[1", "[\u{1b}[3", "[\u{1b}[9"];

/// With what the symbols begin that tools print before failures: ✗, ✖, ●, ×.
const SYMBOL_BYTES: [u8; 2] = [0xE2, 0xC3];

/// How many short stems one vectorised search takes.
const SEARCH_STEMS_MAX: usize = 64;

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
    if longest.len() >= WINDOW_BYTES {
        return Stem::Long(longest);
    }
    if let Some(word) = SHORT.iter().find(|word| literal.contains(*word)) {
        return Stem::Word(word);
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
}

/// The prepared searches.
#[derive(Debug)]
struct Sieve {
    /// The long stems of literals that hold no word which is searched for anyway.
    sifted: Grams,
    long: Grams,
    short: Vec<Searcher>,
    /// For short stems on machines without vector instructions.
    plain: Option<AhoCorasick>,
    symbols: Vec<&'static str>,
    /// With what lines end, and the rules that are called by it.
    endings: Vec<(u16, &'static str)>,
    /// What each stem calls: the long ones first, then the short ones, then the symbols.
    calls: Vec<Vec<Call>>,
    long_stems: usize,
    short_stems: usize,
}

impl Sieve {
    fn of(literals: &[(u16, &'static str)]) -> Self {
        let (long, short): (Vec<&str>, Vec<&str>) =
            MARKERS.iter().copied().partition(|marker| marker.len() >= WINDOW_BYTES);
        let (mut sifted, mut short): (Vec<&str>, Vec<String>) =
            (long, short.into_iter().map(str::to_owned).collect());
        short.extend(COLOURED.iter().map(|name| (*name).to_owned()));
        let (mut long, mut symbols) = (Vec::new(), Vec::new());
        for (_, literal) in literals {
            match stem(literal) {
                Stem::Long(stem) => {
                    long.push(stem);
                    match SHORT.iter().find(|word| literal.contains(*word)) {
                        Some(word) => short.push((*word).to_owned()),
                        None => sifted.push(stem),
                    }
                }
                Stem::Word(stem) => short.push(stem.to_owned()),
                Stem::Symbol(stem) => symbols.push(stem),
                Stem::Whole(literal) => {
                    short.push(literal.to_owned());
                    if let Some(name) = literal.strip_suffix('\n') {
                        short.extend(['\r', '\u{1b}'].map(|end| format!("{name}{end}")));
                    }
                    if literal.starts_with('[') {
                        short.extend(LABEL_COLOURS.map(str::to_owned));
                    }
                }
            }
        }
        let short = least(short);
        for stems in [&mut sifted, &mut long, &mut symbols] {
            stems.sort_unstable();
            stems.dedup();
        }
        let search = |stems: &[String]| packed::Config::new().builder().extend(stems).build();
        let packed: Option<Vec<Searcher>> = short.chunks(SEARCH_STEMS_MAX).map(search).collect();
        let plain = packed.is_none().then(|| AhoCorasick::new(&short).ok()).flatten();
        let mut sieve = Self {
            sifted: Grams::of(sifted),
            long: Grams::of(long.iter().copied()),
            short: packed.unwrap_or_default(),
            plain,
            calls: vec![Vec::new(); long.len() + short.len() + symbols.len()],
            long_stems: long.len(),
            short_stems: short.len(),
            symbols,
            endings: Vec::new(),
        };
        for (rule, literal) in literals.iter().copied() {
            sieve.learn(&long, &short, (rule, literal));
        }
        sieve
    }

    /// Notes which stem calls a rule for one of its literals.
    fn learn(&mut self, long: &[&'static str], short: &[String], call: (u16, &'static str)) {
        let (rule, literal) = call;
        if let Some(end) = literal.strip_suffix('\n') {
            return self.endings.push((rule, end));
        }
        let found = match stem(literal) {
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
            self.calls[number].push(Call { rule, literal, offset });
        }
    }

    /// Where the next symbol stands that is a stem.
    fn find_symbol(&self, bytes: &[u8], from: usize) -> Option<(usize, usize)> {
        let [one, other] = SYMBOL_BYTES;
        let rest = bytes.get(from..)?;
        memchr::memchr2_iter(one, other, rest).find_map(|at| {
            let here = &rest[at..];
            let number = self.symbols.iter().position(|s| here.starts_with(s.as_bytes()))?;
            Some((self.long_stems + self.short_stems + number, from + at))
        })
    }

    /// Where the next hit of one of the searches stands: for long stems, symbols, short stems.
    fn find(&self, search: usize, bytes: &[u8], from: usize) -> Option<usize> {
        match search {
            0 => self.sifted.find(bytes, from),
            1 => Some(self.find_symbol(bytes, from)?.1),
            short => Some(self.find_short(short - 2, bytes, from)?.1),
        }
    }

    /// The next short stem's number among all stems, and where it stands.
    fn find_short(&self, search: usize, bytes: &[u8], from: usize) -> Option<(usize, usize)> {
        let span = Span { start: from, end: bytes.len() };
        let (stem, start) = match self.short.get(search) {
            Some(packed) => {
                let found = packed.find_in(bytes, span)?;
                (found.pattern().as_usize() + search * SEARCH_STEMS_MAX, found.start())
            }
            None => {
                let found = self.plain.as_ref()?.find(Input::new(bytes).span(span))?;
                (found.pattern().as_usize(), found.start())
            }
        };
        Some((self.long_stems + stem, start))
    }

    /// How many searches there are for short stems.
    fn shorts(&self) -> usize {
        self.short.len() + usize::from(self.plain.is_some())
    }

    /// The rules whose literal stands where a stem was met.
    fn call(&self, text: &[u8], (stem, start): (usize, usize), rules: &mut Vec<u16>) {
        for call in &self.calls[stem] {
            let rest = start.checked_sub(call.offset).and_then(|start| text.get(start..));
            if rest.is_some_and(|rest| rest.starts_with(call.literal.as_bytes()))
                && rules.len() < RULES_PER_LINE_MAX
                && !rules.contains(&call.rule)
            {
                rules.push(call.rule);
            }
        }
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

/// Which rules the literals of a clean line call, in the registry's order.
pub(super) fn called(text: &str, rules: &mut Vec<u16>) {
    rules.clear();
    let (sieve, text) = (&*SIEVE, text.as_bytes());
    sieve.long.each(text, |stem, start| sieve.call(text, (stem, start), rules));
    for search in 0..sieve.shorts() {
        let mut from = 0;
        while from < text.len()
            && let Some(met) = sieve.find_short(search, text, from)
        {
            sieve.call(text, met, rules);
            from = met.1 + 1;
        }
    }
    let mut from = 0;
    while let Some(met) = sieve.find_symbol(text, from) {
        // Several stems may begin with one symbol.
        for stem in sieve.long_stems + sieve.short_stems..sieve.calls.len() {
            sieve.call(text, (stem, met.1), rules);
        }
        from = met.1 + 1;
    }
    let ended = sieve.endings.iter().filter(|(_, end)| text.ends_with(end.as_bytes()));
    rules.extend(ended.map(|(rule, _)| rule));
    rules.sort_unstable();
    rules.dedup();
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
    Sifted { bytes, from, hits: vec![Hit::Unknown; 2 + SIEVE.shorts()] }
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
        // What a line feed would have told of the last line is not known.
        let last = || memrchr(b'\n', self.bytes).map_or(0, |at| at + 1).max(self.from);
        let last = Some(last()).filter(|last| *last < self.bytes.len());
        let hit = self.hit().or(last)?;
        let above = self.bytes.get(self.from..hit)?;
        let start = memrchr(b'\n', above).map_or(self.from, |at| self.from + at + 1);
        let end = memchr(b'\n', &self.bytes[hit..]).map_or(self.bytes.len(), |at| hit + at);
        self.from = end + 1;
        Some((start, end))
    }
}
