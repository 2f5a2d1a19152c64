//! The pass: which lines may say something, and what the rules make of them.
//!
//! One automaton of every rule's literals runs over the clean text once; only lines that it hits
//! are looked at, and only by the rules whose literal stands there. A line has one reading: the
//! first rule in the registry's order that makes something of it.

use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, MatchKind};
use regex::bytes::Regex;

use super::draft::Draft;
use super::frame::{Frame, PEELS_MAX, is_prefixed, peel};
use super::rule::{Rule, Tool};
use super::tools::TOOLS;
use crate::domain::failure::Severity;

/// How many drafts are kept: judgement folds them, and the hundredth error of a kind adds nothing.
const DRAFTS_MAX: usize = 20_000;

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
    let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&literals).ok();
    Scanner { automaton, calls, rules }
});

/// Everything that the rules read, in the log's order.
pub(super) fn scan(frame: &Frame) -> Vec<Draft> {
    let scanner = &*SCANNER;
    let mut drafts = Vec::new();
    let Some(automaton) = &scanner.automaton else { return drafts };
    let lines = &frame.text.lines;
    let mut line = 0;
    let mut called: Vec<u16> = Vec::new();
    for hit in automaton.find_overlapping_iter(frame.text.arena.as_bytes()) {
        while lines.get(line).is_some_and(|at| at.end < hit.end()) {
            look(scanner, frame, line, &mut called, &mut drafts);
            line += 1;
        }
        if called.len() < RULES_PER_LINE_MAX {
            for rule in &scanner.calls[hit.pattern().as_usize()] {
                if !called.contains(rule) {
                    called.push(*rule);
                }
            }
        }
        if drafts.len() >= DRAFTS_MAX {
            return drafts;
        }
    }
    look(scanner, frame, line, &mut called, &mut drafts);
    drafts.truncate(DRAFTS_MAX);
    drafts
}

/// Lets the called rules look at a line, first as it is, then without its stacked prefixes.
fn look(
    scanner: &Scanner,
    frame: &Frame,
    index: usize,
    called: &mut Vec<u16>,
    drafts: &mut Vec<Draft>,
) {
    if called.is_empty() {
        return;
    }
    if !frame.is_quiet(index) {
        called.sort_unstable();
        let mut text = frame.text.line(index);
        for peels in 0..=PEELS_MAX {
            // A path may hold spaces, so what surely is a prefix must go before any rule looks.
            if !is_prefixed(text) && read_line(scanner, frame, (index, peels, text), called, drafts)
            {
                break;
            }
            match peel(text) {
                Some(rest) => text = rest,
                None => break,
            }
        }
    }
    called.clear();
}

fn read_line(
    scanner: &Scanner,
    frame: &Frame,
    (index, peels, text): (usize, u8, &str),
    called: &[u16],
    drafts: &mut Vec<Draft>,
) -> bool {
    for rule in called {
        let Called { tool, rule, regex } = &scanner.rules[usize::from(*rule)];
        let Some(regex) = regex.get_or_init(|| rule.compile()) else { continue };
        let Some(mut draft) = rule.draft(regex, tool.name, text) else { continue };
        draft.first = index;
        draft.last = index;
        let before = drafts.len();
        match rule.reader {
            Some(reader) => reader(&frame.at(index, peels), draft, drafts),
            None => drafts.push(draft),
        }
        if drafts.len() > before {
            // A warning takes its line, so that no other rule calls it an error.
            let mut kept = drafts.split_off(before);
            kept.retain(|draft| draft.failure.severity == Severity::Error);
            drafts.append(&mut kept);
            return true;
        }
    }
    false
}
