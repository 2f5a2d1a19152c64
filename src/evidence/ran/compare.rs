//! What is different between the tests that ran without a patch and those that ran with it.
//!
//! By name, where the run with the patch names all of its tests: one that ran before and has no
//! counterpart of its shape any more has vanished, or is skipped. One that runs under its own name in
//! another file, module or package has moved; whether it says less there is seen in its source. By
//! number otherwise. More tests than before are never a difference.

use std::collections::BTreeMap;

use super::suites::Suite;
use super::{Fate, TestsRan};
use crate::domain::proof::{NAME_BYTES_MAX, NAMES_MAX, TEST_CHANGES_MAX, TestChange, Tests};
use crate::evidence::text::floor;

/// What became of the tests of one command, an entry for each test runner that spoke before or after.
pub fn changes(command: &str, before: &TestsRan, after: &TestsRan) -> Vec<TestChange> {
    let nothing = Suite::default();
    let tools = before.0.keys().chain(after.0.keys().filter(|tool| !before.0.contains_key(*tool)));
    let change = |tool: &&'static str| {
        let old = before.0.get(*tool).unwrap_or(&nothing);
        let new = after.0.get(*tool).unwrap_or(&nothing);
        let (vanished, skipped) = gone(old, new);
        TestChange {
            command: command.to_owned(),
            tool: (*tool).to_owned(),
            before: old.summary(),
            after: new.summary(),
            vanished,
            skipped,
        }
    };
    tools.take(TEST_CHANGES_MAX).map(change).collect()
}

/// Tests that are not there any more, and tests that are skipped now.
fn gone(old: &Suite, new: &Suite) -> (Tests, Tests) {
    let (mut vanished, mut skipped) = (Tests::default(), Tests::default());
    if !new.is_complete() {
        return (vanished, skipped);
    }
    let mut arrived = arrived(old, new);
    for (shape, before) in old.shapes() {
        let after = new.of_shape(shape);
        let mut missing = ran(before).saturating_sub(ran(after));
        if let (true, Some(count)) = (after.is_empty(), arrived.get_mut(own_name(shape))) {
            let moved = missing.min(*count);
            *count -= moved;
            missing -= moved;
        }
        let idle = after.len() - ran(after);
        let idle_before = before.len() - ran(before);
        let now_skipped = missing.min(idle.saturating_sub(idle_before));
        let is_missing = |name: &&String| !after.iter().any(|(known, _)| known == *name);
        let names = || before.iter().filter(|t| t.1 == Fate::Ran).map(|(name, _)| name);
        // Of several alike those whose very name is gone are named first.
        let mut lost = names().filter(is_missing).chain(names().filter(|name| !is_missing(name)));
        put(&mut skipped, lost.by_ref().take(now_skipped));
        put(&mut vanished, lost.take(missing - now_skipped));
    }
    (vanished, skipped)
}

fn ran(tests: &[(String, Fate)]) -> usize {
    tests.iter().filter(|test| test.1 == Fate::Ran).count()
}

/// How many tests run that were not there before, by their own names.
fn arrived<'s>(old: &Suite, new: &'s Suite) -> BTreeMap<&'s str, usize> {
    let mut arrived = BTreeMap::new();
    for (shape, tests) in new.shapes().filter(|(shape, _)| old.of_shape(shape).is_empty()) {
        // A test that has no place beside its name cannot have moved.
        let own = own_name(shape);
        if own != shape {
            *arrived.entry(own).or_default() += ran(tests);
        }
    }
    arrived
}

/// The name of a test without the file, module or package that it is in: `slug::tests::trims`,
/// `tests/test_a.py::test_one[7]`, `shop.TaxTest none`.
fn own_name(shape: &str) -> &str {
    let name = shape.split('[').next().unwrap_or(shape);
    if let Some(at) = name.rfind("::") {
        return shape.get(at + 2..).unwrap_or(shape);
    }
    // A class with its package, before the name of its method.
    let class = name.split(' ').next().unwrap_or(name);
    let place = if name.len() > class.len() { class.rfind('.') } else { None };
    place.and_then(|at| shape.get(at + 1..)).unwrap_or(shape)
}

fn put<'n>(tests: &mut Tests, names: impl Iterator<Item = &'n String>) {
    for name in names {
        tests.count = tests.count.saturating_add(1);
        if tests.names.len() < NAMES_MAX {
            tests.names.push(floor(name, NAME_BYTES_MAX).to_owned());
        }
    }
}
