//! What the rules make of a line.
//!
//! One automaton of every rule's literals runs over the clean line; only the rules whose literal
//! stands there look at it. A line has one reading: the first rule in the registry's order that
//! makes something of it, of the line as it is or without its stacked prefixes.

use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, MatchKind};
use regex::bytes::Regex;

use super::draft::Draft;
use super::lines::{At, Near};
use super::peel::{PEELS_MAX, is_prefixed, peel};
use super::rule::{Rule, Tool};
use super::tools::TOOLS;
use crate::domain::failure::Severity;

/// How many rules look at one line; a line that calls more is noise.
const RULES_PER_LINE_MAX: usize = 48;

struct Scanner {
    automaton: Option<AhoCorasick>,
    /// For each literal, the rules that it calls, as indices into `rules`.
    calls: Vec<Vec<u16>>,
    rules: Vec<Called>,
}

/// A rule with its pattern, which is compiled when a line first calls it: most logs call few.
struct Called {
    tool: &'static Tool,
    rule: &'static Rule,
    regex: OnceLock<Option<Regex>>,
}

static SCANNER: LazyLock<Scanner> = LazyLock::new(|| {
    let called = |tool, rule| Called { tool, rule, regex: OnceLock::new() };
    let rules: Vec<Called> = TOOLS
        .iter()
        .flat_map(|tool| tool.rules.iter().map(move |rule| called(*tool, rule)))
        .collect();
    let mut literals: Vec<&'static str> = Vec::new();
    let mut calls: Vec<Vec<u16>> = Vec::new();
    for (index, called) in (0u16..).zip(&rules) {
        for literal in called.rule.literals {
            if let Some(at) = literals.iter().position(|known| known == literal) {
                calls[at].push(index);
            } else {
                literals.push(literal);
                calls.push(vec![index]);
            }
        }
    }
    let automaton = AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .kind(Some(aho_corasick::AhoCorasickKind::DFA))
        .build(&literals)
        .ok();
    Scanner { automaton, calls, rules }
});

/// Which rules the literals of a line call, in the registry's order.
pub(super) fn called(text: &str, rules: &mut Vec<u16>) {
    rules.clear();
    let scanner = &*SCANNER;
    let Some(automaton) = &scanner.automaton else { return };
    for hit in automaton.find_overlapping_iter(text.as_bytes()) {
        if rules.len() >= RULES_PER_LINE_MAX {
            break;
        }
        for rule in &scanner.calls[hit.pattern().as_usize()] {
            if !rules.contains(rule) {
                rules.push(*rule);
            }
        }
    }
    rules.sort_unstable();
}

/// What the called rules make of a line, first as it is, then without its stacked prefixes.
pub(super) fn read<'f>(
    near: &'f Near<'f>,
    step: (usize, usize),
    called: &[u16],
    found: &mut Vec<Draft>,
) {
    let mut text = near.line().text;
    for peels in 0..=PEELS_MAX {
        // A path may hold spaces, so what surely is a prefix must go before any rule looks.
        if !is_prefixed(text) && read_peeled(&At::of(near, step, peels), text, called, found) {
            break;
        }
        match peel(text) {
            Some(rest) => text = rest,
            None => break,
        }
    }
}

fn read_peeled(at: &At<'_>, text: &str, called: &[u16], found: &mut Vec<Draft>) -> bool {
    for rule in called {
        let Called { tool, rule, regex } = &SCANNER.rules[usize::from(*rule)];
        let Some(regex) = regex.get_or_init(|| rule.compile()) else { continue };
        let Some(mut draft) = rule.draft(regex, tool.name, text) else { continue };
        draft.first = at.index;
        draft.last = at.index;
        let before = found.len();
        match rule.reader {
            Some(reader) => reader(at, draft, found),
            None => found.push(draft),
        }
        if found.len() > before {
            // A warning takes its line, so that no other rule calls it an error.
            let mut kept = found.split_off(before);
            kept.retain(|draft| draft.failure.severity == Severity::Error);
            found.append(&mut kept);
            return true;
        }
    }
    false
}
