//! What is different between the tests that ran without a patch and those that ran with it.
//!
//! By name, where the run with the patch names all of its tests: one that ran before and has no
//! counterpart of its shape any more has vanished, or is skipped. By number otherwise. More tests
//! than before are never a difference.

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
    for (shape, before) in old.shapes() {
        let after = new.of_shape(shape);
        let ran = |tests: &[(String, Fate)]| tests.iter().filter(|t| t.1 == Fate::Ran).count();
        let missing = ran(before).saturating_sub(ran(after));
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

fn put<'n>(tests: &mut Tests, names: impl Iterator<Item = &'n String>) {
    for name in names {
        tests.count = tests.count.saturating_add(1);
        if tests.names.len() < NAMES_MAX {
            tests.names.push(floor(name, NAME_BYTES_MAX).to_owned());
        }
    }
}
