//! Commands that check less than they did, and where a command went that stands here no more.
//!
//! Lines are compared by what they ask for, so the same words on another line count as well.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::{CHECKS, EXCLUDED, code};
use crate::domain::gate::Finding;
use crate::weakening::text::{OfFile, Others};
use crate::weakening::{Change, finding, paths, patterns, shown};

static BROAD: LazyLock<Regex> = LazyLock::new(|| patterns::joined("broad"));
static KEY: LazyLock<Regex> = LazyLock::new(|| patterns::joined("key"));

/// What starts a workflow by itself when somebody changes code.
const EVENTS: [&str; 4] = ["push", "pull_request", "pull_request_target", "merge_group"];

/// Tells of commands that ask for fewer tests, and of workflows that wait to be called.
pub fn look(change: &Change<'_>, lines: &OfFile<'_>, found: &mut Vec<Finding>) {
    if paths::may_run(change.path.as_str()) {
        commands(change, lines, found);
        events(change, found);
    }
}

fn commands(change: &Change<'_>, lines: &OfFile<'_>, found: &mut Vec<Finding>) {
    let breadth = |line: &str| -> usize {
        if CHECKS.is_match(line) { BROAD.find_iter(line).count() } else { 0 }
    };
    let total = |lines: &[(u32, &str)]| -> usize {
        lines.iter().map(|(_, line)| breadth(code(line))).sum()
    };
    let checks = |lines: &[(u32, &str)]| -> usize {
        lines.iter().filter(|(_, line)| CHECKS.is_match(code(line))).count()
    };
    // A command that is gone as a whole is told of by another rule.
    let is_kept = checks(&lines.added) >= checks(&lines.removed);
    if !is_kept || total(&lines.added) >= total(&lines.removed) {
        return;
    }
    let narrow = lines.added.iter().find(|(_, line)| CHECKS.is_match(code(line)));
    if let Some((number, line)) = narrow {
        let message = format!("fewer tests are asked for: `{}`", shown(line.trim()));
        found.push(finding(EXCLUDED, change.path, Some(*number), message));
    }
}

/// The events that start a workflow when code changes.
fn started_by(text: &str) -> BTreeSet<&'static str> {
    let mut events = BTreeSet::new();
    let mut is_inside = false;
    for line in text.lines() {
        let line = code(line);
        let is_top = line.starts_with(|c: char| !c.is_whitespace());
        if is_top {
            is_inside = ["on:", "\"on\":", "'on':"].iter().any(|on| line.starts_with(on));
        }
        if is_inside {
            let words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            events.extend(words.filter_map(|word| EVENTS.into_iter().find(|it| *it == word)));
        }
    }
    events
}

fn events(change: &Change<'_>, found: &mut Vec<Finding>) {
    let path = change.path.as_str();
    let is_workflow = path.contains("workflows/") && change.new != crate::weakening::Side::Absent;
    let (was, is) = (started_by(change.old.text()), started_by(change.new.text()));
    if is_workflow && !was.is_empty() && is.is_empty() {
        let message = "the workflow no longer runs when code changes".to_owned();
        found.push(finding("failure-ignored", change.path, None, message));
    }
}

/// Whether a command that is gone from here is in a script, a target or a file that is called here.
pub fn is_called(command: &str, lines: &OfFile<'_>, others: &Others<'_>) -> bool {
    let calls = |name: &str| {
        let is_word = |line: &str| {
            line.split(|c: char| !(c.is_alphanumeric() || "_-.:".contains(c)))
                .any(|word| word.trim_matches('.') == name)
        };
        name.len() > 1 && lines.added.iter().any(|(_, line)| is_word(code(line)))
    };
    others.added.iter().any(|(path, (_, line))| {
        let has_it = code(line).split_whitespace().collect::<Vec<_>>().join(" ").contains(command);
        let key = KEY.captures(line).and_then(|it| it.get(1)).map_or("", |key| key.as_str());
        let file = path.rsplit('/').next().unwrap_or(path);
        has_it && (calls(key) || calls(file))
    })
}
