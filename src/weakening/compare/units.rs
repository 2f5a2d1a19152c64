//! One test as it was and as it is: skips, focus, cases, waits, second tries, doubles, assertions.

use std::collections::HashMap;

use super::literals::{Part, columns};
use super::rows::Takers;
use super::{asserted, known, rewritten, taken};
use crate::domain::gate::Finding;
use crate::domain::ids::RepoPath;
use crate::weakening::model::{Amount, Assertion, Mark, Reading, Unit, UnitKind};
use crate::weakening::tokens::tight;
use crate::weakening::{finding, habits, shown};

/// What stands around a unit.
#[derive(Debug)]
pub struct Sides<'a> {
    /// The file that it is in now.
    pub path: &'a RepoPath,
    /// The file as it was, with the helpers that the unit calls; `None` to leave them out.
    pub old: Option<&'a Reading>,
    /// The file as it is.
    pub new: Option<&'a Reading>,
    /// New tests, into which this one may have been split.
    pub pieces: Option<&'a Pieces<'a>>,
    /// Assertions over tables, by a row of which this one's may be said now.
    pub takers: Option<&'a Takers<'a>>,
}

/// What new tests assert, by what it says.
#[derive(Debug, Default)]
pub struct Pieces<'a> {
    by_key: HashMap<String, Vec<&'a Unit>>,
}

impl<'a> Pieces<'a> {
    /// The assertions of these tests.
    pub fn of(tests: impl Iterator<Item = &'a Unit>) -> Self {
        let mut by_key: HashMap<String, Vec<&Unit>> = HashMap::new();
        for test in tests {
            for assertion in &test.assertions {
                by_key.entry(rewritten::key(assertion)).or_default().push(test);
            }
        }
        Self { by_key }
    }

    /// Whether a test that was split off makes an assertion now.
    fn take_up(&self, assertion: &Assertion, old: &Unit) -> bool {
        let tests = self.by_key.get(&rewritten::key(assertion));
        let mut first = tests.into_iter().flatten().take(PIECES_MAX);
        first.any(|test| rewritten::is_piece_of(test, old))
    }
}

/// The most new tests that are looked at for one assertion.
const PIECES_MAX: usize = 20;

/// How deep helpers that call helpers are followed.
const HELPERS_DEPTH_MAX: usize = 3;

/// The fewest tokens of a body that does something.
const BODY_TOKENS_MIN: usize = 6;

/// What a unit says less than it did.
pub fn compare(sides: &Sides<'_>, old: &Unit, new: &Unit, found: &mut Vec<Finding>) {
    let mut tell = |rule, line, message| found.push(finding(rule, sides.path, Some(line), message));
    let name = match new.kind {
        UnitKind::File => "the file".to_owned(),
        UnitKind::Test | UnitKind::Helper => format!("`{}`", shown(&new.name)),
    };
    if let Some(skip) = more(&old.skips, &new.skips).or_else(|| wider(&old.skips, &new.skips)) {
        tell(
            "test-skipped",
            skip.line,
            format!("{name} is skipped or not believed: `{}`", shown(&tight(&skip.text))),
        );
    }
    if let Some(focus) = more(&old.focus, &new.focus) {
        tell("test-focused", focus.line, format!("{name} is focused, so that others do not run"));
    }
    cases(&name, old, new, &mut tell);
    loops(&name, old, new, &mut tell);
    unjoined(&name, old, new, &mut tell);
    exits(&name, old, new, &mut tell);
    tolerances(&name, old, new, &mut tell);
    let (was, is) = (total(&old.waits), total(&new.waits));
    if is > was && !is_bounded(sides.path, old, new) {
        let line = new.waits.first().map_or(new.line, |wait| wait.line);
        tell("timeout-raised", line, format!("{name} waits longer: {was} became {is}"));
    }
    let (was, is) = (total(&old.retries), total(&new.retries));
    if is > was {
        let line = new.retries.first().map_or(new.line, |retry| retry.line);
        tell("retry-added", line, format!("{name} is tried more often: {was} became {is}"));
    }
    if let Some(mock) = more(&old.mocks, &new.mocks) {
        tell(
            "mock-added",
            mock.line,
            format!("{name} puts a double in place: `{}`", shown(&tight(&mock.text))),
        );
    }
    let mut was = effective(old, sides.old);
    let mut is = effective(new, sides.new);
    let is_test = new.kind != UnitKind::File;
    let says_nothing =
        old.tokens >= BODY_TOKENS_MIN && new.tokens < BODY_TOKENS_MIN && new.tokens < old.tokens;
    let is_emptied =
        is_test && is.is_empty() && (!was.is_empty() || new.kind == UnitKind::Test && says_nothing);
    if is_emptied {
        tell("test-emptied", new.line, format!("{name} asserts nothing any more"));
        return;
    }
    if let (Some(line), None) = (new.returns, old.returns)
        && !was.is_empty()
    {
        tell("test-emptied", line, format!("{name} returns before its end"));
    }
    was.retain(|before| !is_elsewhere(sides, old, (*before, &is)));
    known::edited((&name, sides), (old, new), &is, &mut tell);
    known::made((&name, sides), &is, &mut tell);
    taken::take((old, &mut was), (new, &mut is), sides.takers);
    let mut handed = old.errors.saturating_sub(new.errors);
    was.retain(|before| {
        let is_over = handed > 0
            && rewritten::is_guard(before)
            && !is.iter().any(|now| asserted::says_same(before, now));
        handed -= usize::from(is_over);
        !is_over
    });
    let (path, lost) = (sides.path.as_str(), asserted::lost(old, new));
    let about = asserted::About { name: &name, line: new.line, path, lost };
    asserted::compare(&about, (&was, &is), &mut tell);
}

/// What a new test does to the others.
pub fn fresh(path: &RepoPath, unit: &Unit, found: &mut Vec<Finding>) {
    if let Some(focus) = unit.focus.first() {
        let message = format!("`{}` is focused, so that others do not run", shown(&unit.name));
        found.push(finding("test-focused", path, Some(focus.line), message));
    }
}

/// The first mark beyond what there was, when there are more of them.
fn more<'a>(old: &[Mark], new: &'a [Mark]) -> Option<&'a Mark> {
    if new.len() <= old.len() {
        return None;
    }
    let mut left: Vec<&str> = old.iter().map(|mark| mark.text.as_str()).collect();
    new.iter().find(|mark| match left.iter().position(|text| *text == mark.text) {
        Some(at) => {
            left.swap_remove(at);
            false
        }
        None => true,
    })
}

/// A mark of another kind than there was: a condition that became none.
fn wider<'a>(old: &[Mark], new: &'a [Mark]) -> Option<&'a Mark> {
    let is_always = |mark: &Mark| {
        let text = mark.text.split('(').next().unwrap_or_default().to_lowercase();
        !["if", "unless", "cfg", "enabled", "assum", "xfail", "expect"]
            .iter()
            .any(|part| text.contains(part))
    };
    // What never ran cannot run less.
    if old.iter().any(is_always) {
        return None;
    }
    let kind = |mark: &Mark| mark.text.split('(').next().unwrap_or_default().trim().to_owned();
    new.iter().find(|mark| !old.iter().any(|was| kind(was) == kind(mark)))
}

/// Whether an assertion that is no longer in a test is in one that was split off.
fn is_elsewhere(sides: &Sides<'_>, old: &Unit, (before, is): (&Assertion, &[&Assertion])) -> bool {
    let is_there = is.iter().any(|now| asserted::says_same(before, now));
    !is_there && sides.pieces.is_some_and(|pieces| pieces.take_up(before, old))
}

/// Loops that go over less of what they went over, or are left before they assert.
fn loops(name: &str, old: &Unit, new: &Unit, tell: &mut impl FnMut(&'static str, u32, String)) {
    let is_new = |now: &&Mark| !old.loops.iter().any(|was| was.text == now.text);
    let is_gone = |was: &&Mark| !new.loops.iter().any(|now| now.text == was.text);
    for now in new.loops.iter().filter(is_new) {
        let mut gone = old.loops.iter().filter(is_gone);
        if gone.any(|was| rewritten::is_narrowed(&was.text, &now.text)) {
            let message = format!("{name} goes over less: `{}`", shown(&now.text));
            tell("test-cases-fewer", now.line, message);
        }
    }
    let early = |unit: &Unit| -> Vec<u32> {
        let skips = |(line, until): &&(u32, u32)| {
            unit.assertions.iter().any(|it| it.line > *line && it.line <= *until)
        };
        unit.leaves.iter().filter(skips).map(|(line, _)| *line).collect()
    };
    let (was, is) = (early(old), early(new));
    if let Some(line) = is.get(was.len()) {
        tell("test-cases-fewer", *line, format!("{name} leaves its loop before it asserts"));
    }
}

/// Whether a pause became a wait that ends when what is waited for is there, within a bound.
fn is_bounded(path: &RepoPath, old: &Unit, new: &Unit) -> bool {
    /// Longer than that nobody waits for what a pause was long enough for.
    const SECONDS_MAX: f64 = 30.0;
    let is_in_seconds = [".rb", ".py"].iter().any(|end| path.as_str().ends_with(end));
    let most = if is_in_seconds { SECONDS_MAX } else { SECONDS_MAX * 1_000.0 };
    let pauses = |unit: &Unit| -> f64 {
        let pauses = unit.waits.iter().filter(|wait| habits::is_pause(&wait.of));
        pauses.map(|wait| wait.value).sum()
    };
    let bounds = |unit: &Unit| -> f64 { total(&unit.waits) - pauses(unit) };
    pauses(new) < pauses(old) && bounds(old) <= 0.0 && bounds(new) <= most
}

/// Conditions on which a test ends before it asserts.
fn exits(name: &str, old: &Unit, new: &Unit, tell: &mut impl FnMut(&'static str, u32, String)) {
    let early = |unit: &Unit| -> Vec<Mark> {
        let is_before =
            |exit: &&Mark| unit.assertions.last().is_none_or(|last| last.line > exit.line);
        unit.exits.iter().filter(is_before).cloned().collect()
    };
    let is_asserting = new.kind == UnitKind::Test || !old.assertions.is_empty();
    let (was, is) = (early(old), early(new));
    if let Some(exit) = more(&was, &is).filter(|_| is_asserting) {
        let message = format!("{name} may end before it asserts: `{}`", shown(&exit.text));
        tell("assertion-conditional", exit.line, message);
    }
}

/// What is set going beside a test, asserts, and is no longer waited for.
fn unjoined(name: &str, old: &Unit, new: &Unit, tell: &mut impl FnMut(&'static str, u32, String)) {
    let conditional = new.assertions.iter().find(|it| it.conditions > 0);
    if let Some(lost) = conditional.filter(|_| new.set_going > 0 && new.joins < old.joins) {
        let message = format!("{name} no longer waits for what asserts `{}`", shown(&lost.said));
        tell("assertion-conditional", lost.line, message);
    }
}

/// Constants that let more pass than they did.
fn tolerances(
    name: &str,
    old: &Unit,
    new: &Unit,
    tell: &mut impl FnMut(&'static str, u32, String),
) {
    for is in &new.tolerances {
        let Some(was) = old.tolerances.iter().find(|was| was.of == is.of) else { continue };
        let is_wider =
            if habits::is_of_digits(&is.of) { is.value < was.value } else { is.value > was.value };
        if is_wider {
            let message = format!(
                "in {name} `{}` lets more pass: {} became {}",
                shown(&is.of),
                was.value,
                is.value
            );
            tell("tolerance-raised", is.line, message);
        }
    }
}

fn total(amounts: &[Amount]) -> f64 {
    amounts.iter().map(|amount| amount.value).sum()
}

fn cases(name: &str, old: &Unit, new: &Unit, tell: &mut impl FnMut(&'static str, u32, String)) {
    let mut left: Vec<(&Mark, String)> = old.cases.iter().map(|case| (case, row(case))).collect();
    let mut edited: Vec<&Mark> = Vec::new();
    for case in &new.cases {
        let is = row(case);
        match left.iter().position(|(was, row)| was.text == case.text || *row == is) {
            Some(at) => {
                left.remove(at);
            }
            None => edited.push(case),
        }
    }
    if left.is_empty() {
        return;
    }
    if new.cases.len() < old.cases.len() {
        let line = new.cases.first().map_or(new.line, |case| case.line);
        let message = format!(
            "{name} runs on {} cases, it was {}: `{}` is gone",
            new.cases.len(),
            old.cases.len(),
            shown(&tight(&left[0].0.text))
        );
        tell("test-cases-fewer", line, message);
    } else if let Some(case) = edited.first() {
        tell(
            "expected-edited",
            case.line,
            format!("a case of {name} is edited: `{}`", shown(&tight(&case.text))),
        );
    }
}

/// What a row says, whatever library it is written for: its values in their order.
fn row(case: &Mark) -> String {
    let columns = columns(&case.text);
    // The row as a whole, and lists in it, are said by their parts.
    let is_said =
        |part: &&Part| !part.value.ends_with([')', ']', '}']) && part.key.as_deref() != Some("");
    let parts = columns.iter().filter(is_said);
    parts.map(|part| part.value.as_str()).collect::<Vec<_>>().join("\n")
}

/// The assertions of a unit and of the helpers that it calls in its own file.
pub fn effective<'a>(unit: &'a Unit, file: Option<&'a Reading>) -> Vec<&'a Assertion> {
    let mut all: Vec<&Assertion> = unit.assertions.iter().collect();
    let Some(file) = file else { return all };
    let mut called: Vec<&Unit> = Vec::new();
    let mut next: Vec<&Unit> = vec![unit];
    for _ in 0..HELPERS_DEPTH_MAX {
        let calls: Vec<&str> =
            next.iter().flat_map(|unit| unit.calls.iter().map(String::as_str)).collect();
        next = file
            .units
            .iter()
            .filter(|helper| {
                helper.kind == UnitKind::Helper && calls.contains(&super::own_name(&helper.name))
            })
            .filter(|helper| !called.iter().any(|known| std::ptr::eq(*known, *helper)))
            .collect();
        called.extend(next.iter().copied());
    }
    all.extend(called.iter().flat_map(|helper| helper.assertions.iter()));
    all
}
