//! What stands around tests and decides what they say: code that knows it is being tested, equality
//! that looks away, and hooks of what runs and judges tests.
//!
//! Lines, not syntax: these things are told by names that the libraries and CI systems gave them.
//! The invariant: a line that only moved, or that stands in the place of one alike, is nothing.

use std::sync::LazyLock;

use regex::Regex;

use super::text::OfFile;
use super::{Change, finding, paths, patterns, shown};
use crate::domain::gate::Finding;

static AWARE: LazyLock<Regex> = LazyLock::new(|| patterns::joined("aware"));
static AWARE_PRODUCT: LazyLock<Regex> = LazyLock::new(|| patterns::joined("aware-product"));
static ASSUMES: LazyLock<Regex> = LazyLock::new(|| patterns::joined("assumes"));
static JUDGES: LazyLock<Regex> = LazyLock::new(|| patterns::joined("judges"));
static EQUALITY: LazyLock<Regex> = LazyLock::new(|| patterns::joined("equality"));
static EQUALS: LazyLock<Regex> = LazyLock::new(|| patterns::joined("equals"));
static DERIVED: LazyLock<Regex> = LazyLock::new(|| patterns::joined("derived"));
static HARNESS: LazyLock<Regex> = LazyLock::new(|| patterns::joined("harness"));

/// Tells what a file of code does to what its tests say.
pub fn look(change: &Change<'_>, lines: &OfFile<'_>, found: &mut Vec<Finding>) {
    let path = change.path.as_str();
    if !paths::is_code(path) {
        return;
    }
    let is_test = paths::is_test(path) || paths::has_test_name(path);
    if is_test {
        beyond(lines, &HARNESS, |line, text| {
            let message = format!("what runs or judges tests is changed: `{text}`");
            found.push(finding("harness-changed", change.path, Some(line), message));
        });
    }
    if is_test {
        beyond(lines, &ASSUMES, |line, text| {
            let message = format!("a property holds only for what is assumed: `{text}`");
            found.push(finding("assertion-conditional", change.path, Some(line), message));
        });
        let was_there = lines.removed.iter().any(|(_, line)| JUDGES.is_match(line));
        let judges = |(_, line): &&(u32, &str)| JUDGES.is_match(code(line));
        if let Some((line, text)) = lines.added.iter().find(judges).filter(|_| was_there) {
            let message = format!("how a matcher judges is changed: `{}`", shown(text.trim()));
            found.push(finding("harness-changed", change.path, Some(*line), message));
        }
    }
    if !paths::is_settings(path) && !is_script(path) {
        let shapes: &[&LazyLock<Regex>] =
            if is_test { &[&AWARE] } else { &[&AWARE, &AWARE_PRODUCT] };
        for shape in shapes {
            beyond(lines, shape, |line, text| {
                let message = format!("the code asks where it runs: `{text}`");
                found.push(finding("test-aware", change.path, Some(line), message));
            });
        }
    }
    if !is_test {
        equality(change, lines, found);
    }
}

/// Whether a file is a script of the shell, which asks for CI for many good reasons.
fn is_script(path: &str) -> bool {
    [".sh", ".bash", ".ps1", ".bats"].iter().any(|end| path.ends_with(end))
}

/// Lines of that shape beyond those that went.
fn beyond(lines: &OfFile<'_>, shape: &Regex, mut tell: impl FnMut(u32, String)) {
    let hits = |(_, line): &&(u32, &str)| shape.is_match(code(line));
    let went = lines.removed.iter().filter(hits).count();
    for (number, line) in lines.added.iter().filter(hits).skip(went) {
        tell(*number, shown(line.trim()));
    }
}

/// A line that is not a comment.
fn code(line: &str) -> &str {
    let start = line.trim_start();
    let is_comment = start.starts_with("//")
        || start.starts_with("/*")
        || start.starts_with("* ")
        || start.starts_with("# ");
    if is_comment { "" } else { line }
}

/// Equality that leaves something out: what a test compares is equal then, whatever it is.
fn equality(change: &Change<'_>, lines: &OfFile<'_>, found: &mut Vec<Finding>) {
    let mut tell = |line: u32, text: &str| {
        let message = format!("what is compared is told to be equal: `{}`", shown(text.trim()));
        found.push(finding("assertion-loosened", change.path, Some(line), message));
    };
    let was_derived = lines.removed.iter().any(|(_, line)| DERIVED.is_match(line));
    let is_derived = lines.added.iter().any(|(_, line)| DERIVED.is_match(line));
    let all: Vec<&str> = change.new.text().lines().collect();
    for (number, line) in &lines.added {
        let line = code(line);
        let next = all.get(*number as usize..).unwrap_or_default().iter().map(|line| line.trim());
        let first = next.into_iter().find(|line| !matches!(*line, "" | "{")).unwrap_or_default();
        let is_always = |text: &str| {
            let text = text.trim_end_matches([';', '}', ' ']);
            matches!(text, "true" | "True" | "return true" | "return True")
                || text.ends_with("{ true")
                || text.ends_with("{ return true")
                || text.ends_with("=> true")
                || text.ends_with("= true")
        };
        let is_constant = EQUALS.is_match(line) && (is_always(line.trim()) || is_always(first));
        let is_by_hand = was_derived && !is_derived && EQUALS.is_match(line);
        if EQUALITY.is_match(line) || is_constant || is_by_hand {
            tell(*number, line);
        }
    }
    // A body that became constant, below a head that stayed.
    let mut last_added = 0;
    for (number, line) in &lines.added {
        let is_head_new = last_added + 1 == *number;
        last_added = *number;
        let before = (*number as usize).checked_sub(2).and_then(|at| all.get(at));
        let text = line.trim().trim_end_matches(';');
        let is_constant = matches!(text, "true" | "return true" | "return True");
        if is_constant && !is_head_new && before.is_some_and(|head| EQUALS.is_match(head)) {
            tell(*number, line);
        }
    }
}
