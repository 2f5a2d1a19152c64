//! Rules for files that say what is checked and how: workflows, scripts, manifests, configurations.
//!
//! Not parsers: there are too many forms. Lines are looked at with the key that they stand under,
//! and against the lines that they replace, so that moving or tightening a setting is nothing.

mod coverage;
mod keyed;
mod narrowed;
mod workflow;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::text::{OfFile, Others};
use super::{Change, finding, paths, patterns, shown};
use crate::domain::gate::Finding;

const DISABLED: &str = "check-disabled";
const EXCLUDED: &str = "tests-excluded";

/// Lines that say something bad by themselves: the rule that they break, what they do, their shape.
static SHAPES: LazyLock<Vec<(&'static str, &'static str, Regex)>> = LazyLock::new(|| {
    let of_rules = patterns::sections().filter(|section| !section.name.starts_with('@'));
    of_rules.map(|section| (section.name, section.what, section.joined())).collect()
});

/// What a file's lines say about checks.
pub fn look(
    change: &Change<'_>,
    (lines, others): (&OfFile<'_>, &Others<'_>),
    found: &mut Vec<Finding>,
) {
    let path = change.path.as_str();
    if paths::is_prose(path) || paths::is_fixture(path) {
        return;
    }
    for (rule, what, shape) in SHAPES.iter() {
        let hits = |(_, line): &&(u32, &str)| shape.is_match(code(line));
        let went = lines.removed.iter().filter(hits).count();
        let newly = lines.added.iter().filter(hits).skip(went);
        for (number, line) in
            newly.filter(|line| *rule != EXCLUDED || !is_of_new_section(change, lines, line.0))
        {
            let message = format!("{what}: `{}`", shown(line.trim()));
            found.push(finding(rule, change.path, Some(*number), message));
        }
    }
    keyed::look(change, (lines, others), found);
    dropped(change, (lines, others), found);
    narrowed::look(change, lines, found);
    coverage::look(change, found);
    workflow::look(change, found);
    unflagged(change, lines, found);
}

/// Whether the section that a line is in is new: what is in it leaves out nothing that was in
/// before.
fn is_of_new_section(change: &Change<'_>, lines: &OfFile<'_>, number: u32) -> bool {
    if !change.path.as_str().ends_with(".toml") {
        return false;
    }
    let until = change.new.text().lines().take(number as usize);
    let header = (1_u32..).zip(until).filter(|(_, line)| line.starts_with("[[")).last();
    let plain = (1_u32..).zip(change.new.text().lines().take(number as usize));
    let last = plain.filter(|(_, line)| line.starts_with('[')).last();
    header.is_some_and(|header| last == Some(header) && lines.added.contains(&header))
}

/// A line without a comment that begins it.
fn code(line: &str) -> &str {
    let trimmed = line.trim_start();
    if trimmed.starts_with('#') || trimmed.starts_with("//") { "" } else { line }
}

static CHECKS: LazyLock<Regex> = LazyLock::new(|| patterns::joined("command"));
static STRICT: LazyLock<Regex> = LazyLock::new(|| patterns::joined("strict"));

static FLAGS: LazyLock<Regex> = LazyLock::new(|| patterns::joined("flag"));

/// Checks that were switched on by a key that is gone.
fn unflagged(change: &Change<'_>, lines: &OfFile<'_>, found: &mut Vec<Finding>) {
    if change.new == super::Side::Absent {
        return;
    }
    let key = |line: &str| {
        let hit = FLAGS.captures(code(line))?;
        hit.get(1).or_else(|| hit.get(2)).map(|key| key.as_str().to_owned())
    };
    let now: BTreeSet<String> = change.new.text().lines().filter_map(key).collect();
    // The one that stands for all of its kind.
    let is_all = now.contains("strict");
    for (_, line) in &lines.removed {
        let Some(gone) = key(line) else { continue };
        let is_within = is_all && !gone.starts_with("noUn") && !gone.starts_with("noFall");
        if !now.contains(&gone) && !is_within {
            let line = lines.added.first().map(|(line, _)| *line);
            let message = format!("the check `{}` is no longer switched on", shown(&gone));
            found.push(finding(DISABLED, change.path, line, message));
        }
    }
}

/// Commands that checked, and what made them strict, when nothing takes their place.
fn dropped(
    change: &Change<'_>,
    (lines, others): (&OfFile<'_>, &Others<'_>),
    found: &mut Vec<Finding>,
) {
    if !paths::may_run(change.path.as_str()) || change.old == super::Side::Absent {
        return;
    }
    for (shape, what) in
        [(&CHECKS, "a command that checks is gone"), (&STRICT, "a check is less strict")]
    {
        let all = |lines: &[(u32, &str)]| -> Vec<String> {
            lines
                .iter()
                .flat_map(|(_, line)| {
                    shape
                        .find_iter(code(line))
                        .map(|hit| hit.as_str().split_whitespace().collect::<Vec<_>>().join(" "))
                        .collect::<Vec<_>>()
                })
                .collect()
        };
        let mut now = all(&lines.added);
        for gone in all(&lines.removed) {
            if let Some(at) = now.iter().position(|one| *one == gone) {
                now.swap_remove(at);
                continue;
            }
            // A number of warnings that falls is stricter.
            let is_tighter = gone.starts_with("--max-warnings")
                && now
                    .iter()
                    .any(|one| one.starts_with("--max-warnings") && value(one) <= value(&gone));
            // A command may be exchanged for another one that checks.
            let is_exchanged = std::ptr::eq(shape, &raw const CHECKS) && now.pop().is_some();
            let is_moved = || narrowed::is_called(&gone, lines, others);
            if !is_tighter && !is_exchanged && !is_moved() {
                let line = lines.added.first().map(|(line, _)| *line);
                found.push(finding(
                    DISABLED,
                    change.path,
                    line,
                    format!("{what}: `{}`", shown(&gone)),
                ));
            }
        }
    }
}

fn value(text: &str) -> Option<u64> {
    text.rsplit(['=', ' ']).next()?.parse().ok()
}
