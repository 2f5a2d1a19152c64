//! What the rules make of a line.
//!
//! Only the rules that a line's literals call look at it. A line has one reading: the first rule in
//! the registry's order that makes something of it, of the line as it is or without its stacked
//! prefixes.

use std::sync::{LazyLock, OnceLock};

use regex::bytes::Regex;

use super::draft::Draft;
use super::lines::{At, Near};
use super::peel::{PEELS_MAX, is_prefixed, peel};
use super::rule::{Rule, Tool};
use super::tools::TOOLS;
use crate::domain::failure::Severity;

/// A rule with its pattern, which is compiled when a line first calls it: most logs call few.
struct Called {
    tool: &'static Tool,
    rule: &'static Rule,
    regex: OnceLock<Option<Regex>>,
}

impl Called {
    fn compiled(&self) -> Option<&Regex> {
        self.regex.get_or_init(|| self.rule.compile()).as_ref()
    }
}

/// Every rule, in the registry's order.
static RULES: LazyLock<Vec<Called>> = LazyLock::new(|| {
    let called = |tool, rule| Called { tool, rule, regex: OnceLock::new() };
    TOOLS.iter().flat_map(|tool| tool.rules.iter().map(move |rule| called(*tool, rule))).collect()
});

/// Takes away the rules whose pattern does not match a line, in any of its readings: nearly all of
/// them, so that nobody looks at its neighbourhood.
pub(super) fn keep_matching(line: &str, called: &mut Vec<u16>) {
    let mut texts = [""; 1 + PEELS_MAX as usize];
    let mut count = 0;
    let mut next = Some(line);
    while let Some(text) = next.filter(|_| count < texts.len()) {
        texts[count] = text;
        count += 1;
        next = peel(text);
    }
    let texts = texts[..count].iter().filter(|text| !is_prefixed(text));
    called.retain(|rule| {
        let Some(regex) = RULES[usize::from(*rule)].compiled() else { return false };
        texts.clone().any(|text| regex.is_match(text.as_bytes()))
    });
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
        let called = &RULES[usize::from(*rule)];
        let Called { tool, rule, .. } = called;
        let Some(regex) = called.compiled() else { continue };
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
