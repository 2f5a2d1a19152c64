//! Folding: the same fault said again (a summary, an annotation, a retry, another matrix leg) is
//! one.
//!
//! The first mention stays where it stands and learns what the others know. The invariant: folding
//! never invents a place that no mention had, and costs linear time (each group is compared with at
//! most [`RIVALS_MAX`] others).

use std::collections::HashMap;

use crate::domain::failure::{Failure, FailureKind};

/// With how many earlier failures of one place or one test a failure is compared.
const RIVALS_MAX: usize = 32;

/// How far apart two differences of one file stand that are shown together.
const HUNK_LINES_MAX: u32 = 40;

/// Folds repeats.
pub(in crate::evidence) fn fold(failures: Vec<Failure>) -> Vec<Failure> {
    let mut kept: Vec<Failure> = Vec::new();
    let mut groups: HashMap<String, Vec<usize>> = HashMap::new();
    for failure in failures {
        let keys = keys_of(&failure);
        let rival = keys.iter().find_map(|key| {
            let group = groups.get(key)?;
            group.iter().take(RIVALS_MAX).copied().find(|at| same(&kept[*at], &failure))
        });
        let at = if let Some(at) = rival {
            learn(&mut kept[at], failure);
            at
        } else {
            kept.push(failure);
            kept.len() - 1
        };
        for key in keys {
            let group = groups.entry(key).or_default();
            if !group.contains(&at) {
                group.push(at);
            }
        }
    }
    kept
}

/// Under which names a failure's repeats may be found.
fn keys_of(failure: &Failure) -> Vec<String> {
    let mut keys = Vec::new();
    if let Some(test) = &failure.test {
        keys.push(format!("test {}", test_tail(test)));
    }
    match (&failure.file, failure.kind) {
        (Some(file), FailureKind::Format) => keys.push(format!("format {}", file.as_str())),
        (Some(file), _) => keys.push(format!("place {} {:?}", file.as_str(), failure.line)),
        (None, _) => keys.push(format!("said {}", first_line(&failure.message))),
    }
    keys
}

fn same(a: &Failure, b: &Failure) -> bool {
    if let (Some(one), Some(other)) = (&a.test, &b.test) {
        // Two assertions of one test are two faults only where their places differ.
        let apart = a.line.is_some() && b.line.is_some() && (a.line != b.line || a.file != b.file);
        return same_test(one, other) && !(apart && a.tool == b.tool && several_per_test(a));
    }
    if a.kind == FailureKind::Format && b.kind == FailureKind::Format && a.file.is_some() {
        return a.file == b.file;
    }
    if a.test.is_some() != b.test.is_some() {
        // An annotation of a test's place.
        return a.file.is_some() && a.file == b.file && a.line.is_some() && a.line == b.line;
    }
    let agree =
        |one: Option<u32>, other: Option<u32>| one.is_none() || other.is_none() || one == other;
    let codes_agree = a.code.is_none() || b.code.is_none() || a.code == b.code;
    a.file == b.file
        && a.line == b.line
        && agree(a.column, b.column)
        && codes_agree
        && alike(&a.message, &b.message)
}

/// XCTest goes on after a failed assertion and reports each, Python's doctest after an example.
fn several_per_test(failure: &Failure) -> bool {
    matches!(failure.tool.as_deref(), Some("xctest" | "doctest"))
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or("").trim()
}

fn alike(a: &str, b: &str) -> bool {
    let (a, b) = (first_line(a), first_line(b));
    a == b || (a.len() > 8 && b.contains(a)) || (b.len() > 8 && a.contains(b))
}

/// Whether two spellings name one test: a summary names it by file and class, a block by itself.
fn same_test(a: &str, b: &str) -> bool {
    let (a, b) = (words(a), words(b));
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    !short.is_empty() && long.ends_with(&short)
}

fn words(test: &str) -> Vec<String> {
    test.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn test_tail(test: &str) -> String {
    words(test).pop().unwrap_or_default()
}

/// Fills in what the first mention did not know.
fn learn(known: &mut Failure, other: Failure) {
    if known.file.is_none() || (known.file == other.file && known.line.is_none()) {
        let named = known.file.is_some();
        known.file = other.file.or(known.file.take());
        if other.line.is_some() {
            known.line = other.line;
            known.column = other.column;
            known.end_line = other.end_line;
        } else if !named {
            known.line = None;
        }
    }
    if known.test.is_none() || is_longer(known.test.as_ref(), other.test.as_ref()) {
        known.test = other.test.or(known.test.take());
    }
    known.code = known.code.take().or(other.code);
    known.task = known.task.take().or(other.task);
    known.suggestion = known.suggestion.take().or(other.suggestion);
    if is_vague(known) && !other.message.trim().is_empty() {
        known.message = other.message;
        known.source = other.source;
    } else if known.kind == FailureKind::Format {
        let near = known.source.last_line..=known.source.last_line.saturating_add(HUNK_LINES_MAX);
        if near.contains(&other.source.first_line) {
            known.source.last_line = known.source.last_line.max(other.source.last_line);
        }
    }
}

fn is_longer(known: Option<&String>, other: Option<&String>) -> bool {
    known.map_or(0, String::len) < other.map_or(0, String::len)
}

/// A message that says no more than that the test failed.
fn is_vague(failure: &Failure) -> bool {
    let message = failure.message.trim();
    message.is_empty()
        || failure
            .test
            .as_deref()
            .is_some_and(|test| message.contains(test) && message.len() < test.len() + 24)
}
