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

/// Every rule, in the registry's order.
static RULES: LazyLock<Vec<Called>> = LazyLock::new(|| {
    let called = |tool, rule| Called { tool, rule, regex: OnceLock::new() };
    TOOLS.iter().flat_map(|tool| tool.rules.iter().map(move |rule| called(*tool, rule))).collect()
});

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
        let Called { tool, rule, regex } = &RULES[usize::from(*rule)];
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
