//! Functions beside the tests that their runner calls for them: what they do, they do to every test.
//!
//! Not helpers that tests call by name, which are read with the tests that do.

use super::{Pair, Placed, own_name};
use crate::domain::gate::Finding;
use crate::weakening::model::{Mark, UnitKind};
use crate::weakening::tokens::tight;
use crate::weakening::{finding, paths, shown};

/// Functions beside the tests that are new and skip whatever calls them, as hooks do.
pub fn skips(
    pairs: &[Pair<'_>],
    (old, new): (&[Placed<'_>], &[Placed<'_>]),
    found: &mut Vec<Finding>,
) {
    let helpers = |units: &[Placed<'_>]| -> Vec<(usize, String, Mark)> {
        let helpers = units.iter().filter(|at| at.unit.kind == UnitKind::Helper);
        let in_tests = helpers.filter(|at| paths::is_test(pairs[at.file].path.as_str()));
        let each = in_tests.flat_map(|at| {
            at.unit.skips.iter().map(|skip| (at.file, at.unit.name.clone(), skip.clone()))
        });
        each.collect()
    };
    let mut before = helpers(old);
    for (file, name, skip) in helpers(new) {
        if let Some(at) = before.iter().position(|(_, _, was)| was.text == skip.text) {
            before.swap_remove(at);
            continue;
        }
        // One that was there is compared with what it was.
        let was_there = old
            .iter()
            .any(|at| at.file == file && at.unit.kind == UnitKind::Helper && at.unit.name == name);
        if !was_there {
            let message =
                format!("`{}` skips tests: `{}`", shown(&name), shown(&tight(&skip.text)));
            found.push(finding("test-skipped", pairs[file].path, Some(skip.line), message));
        }
    }
}

/// Names of functions that a runner calls before tests.
const HOOKS: &[&str] = &[
    "setUp",
    "setup",
    "set_up",
    "setUpClass",
    "setup_method",
    "setup_class",
    "setup_module",
    "setup_function",
];

/// Hooks that are new and put a double in the place of what tests of this file ask, where none of
/// them had it.
pub fn doubles(
    pairs: &[Pair<'_>],
    (old, new): (&[Placed<'_>], &[Placed<'_>]),
    found: &mut Vec<Finding>,
) {
    let is_hook = |at: &&Placed<'_>| {
        at.unit.kind == UnitKind::Helper
            && !at.unit.mocks.is_empty()
            && (at.unit.is_hook || HOOKS.contains(&own_name(&at.unit.name)))
    };
    for now in new.iter().filter(is_hook) {
        let of_file = || old.iter().filter(|was| was.file == now.file);
        let was_tested = of_file().any(|was| was.unit.kind == UnitKind::Test);
        let was_there = of_file().any(|was| was.unit.name == now.unit.name);
        let is_new = |mock: &&Mark| {
            !of_file().any(|was| was.unit.mocks.iter().any(|it| it.text == mock.text))
        };
        if let Some(mock) = now.unit.mocks.iter().find(is_new).filter(|_| was_tested && !was_there)
        {
            let message = format!(
                "`{}` puts a double in place for every test: `{}`",
                shown(&now.unit.name),
                shown(&tight(&mock.text))
            );
            found.push(finding("mock-added", pairs[now.file].path, Some(mock.line), message));
        }
    }
}
