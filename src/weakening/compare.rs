//! The comparison of two readings: which test became which, and what it says less.
//!
//! Tests are matched over the whole change, so that a test that moved or got another name is not a
//! test that is gone. What cannot be matched counts against the change.

mod asserted;
mod facts;
mod hooks;
mod known;
mod laid;
mod literals;
mod rewritten;
mod rows;
mod silenced;
mod slack;
mod taken;
mod units;
mod whole;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::model::{Assertion, Include, Reading, Unit, UnitKind};
use super::subjects::Gone;
use super::{finding, paths, shown};
use crate::domain::gate::{Finding, Weight};
use crate::domain::ids::RepoPath;

/// A file that both sides of were read; a side that is absent is `None`.
#[derive(Debug)]
pub struct Pair<'a> {
    /// Its path.
    pub path: &'a RepoPath,
    /// What it said.
    pub old: Option<Reading>,
    /// What it says now.
    pub new: Option<Reading>,
}

/// A unit and the file that it is in.
#[derive(Debug, Clone, Copy)]
struct Placed<'a> {
    file: usize,
    unit: &'a Unit,
}

/// The most tests that are gone and looked for in others: more are told of by the first.
const GONE_MAX: usize = 100;

/// Everything that the files say less than they did.
pub fn look(pairs: &[Pair<'_>], subjects: &Gone, found: &mut Vec<Finding>) {
    let old = units_of(pairs.iter().map(|pair| pair.old.as_ref()));
    let new = units_of(pairs.iter().map(|pair| pair.new.as_ref()));
    let tests = |units: &[Placed<'_>]| -> Vec<usize> {
        (0..units.len()).filter(|at| units[*at].unit.kind == UnitKind::Test).collect()
    };
    let (old_tests, new_tests) = (tests(&old), tests(&new));
    let matched = matched((&old, &old_tests), (&new, &new_tests));
    let known: BTreeSet<usize> = matched.values().copied().collect();
    let fresh: Vec<Placed<'_>> =
        new_tests.iter().filter(|at| !known.contains(at)).map(|at| new[*at]).collect();
    let pieces = units::Pieces::of(fresh.iter().map(|now| now.unit));
    let hosts = new_tests.iter().filter_map(|at| {
        let Placed { file, unit } = new[*at];
        Some(rows::Host { test: unit, file: pairs[file].new.as_ref()? })
    });
    let takers = rows::Takers::of(hosts);
    let mut gone = 0;
    for at in &old_tests {
        let was = old[*at];
        match matched.get(at) {
            Some(now) => {
                let now = new[*now];
                let path = pairs[now.file].path;
                moved_out(pairs, was, now, found);
                let context = units::Sides {
                    path,
                    old: pairs[was.file].old.as_ref(),
                    new: pairs[now.file].new.as_ref(),
                    pieces: Some(&pieces),
                    takers: Some(&takers),
                };
                units::compare(&context, was.unit, now.unit, found);
            }
            // Of many that are gone not every one is looked for.
            None if gone < GONE_MAX => {
                gone += 1;
                match subjects.subject_of(was.unit) {
                    Some(subject) => without_subject(pairs, was, subject, found),
                    None if is_in_rows(pairs, was, &takers) => {}
                    None => removed(pairs, was, (&old, &new, &new_tests), found),
                }
            }
            None => {}
        }
    }
    for now in fresh {
        units::fresh(pairs[now.file].path, now.unit, found);
    }
    shadowed(pairs, (&old, &new), found);
    hooks::skips(pairs, (&old, &new), found);
    hooks::doubles(pairs, (&old, &new), found);
    for pair in pairs {
        beside_tests(pairs, pair, found);
    }
    silenced::look(pairs, found);
}

fn units_of<'a>(readings: impl Iterator<Item = Option<&'a Reading>>) -> Vec<Placed<'a>> {
    let mut units = Vec::new();
    for (file, reading) in readings.enumerate() {
        let inside = reading.into_iter().flat_map(|reading| reading.units.iter());
        units.extend(inside.map(|unit| Placed { file, unit }));
    }
    units
}

/// The last part of a name: without the groups that it is in.
fn own_name(name: &str) -> &str {
    name.rsplit(" > ").next().unwrap_or(name)
}

type Side<'a, 'u> = (&'a [Placed<'u>], &'a [usize]);

/// What two tests have in common, by one way to look at them.
type Key = dyn Fn(Placed<'_>) -> Option<String>;

/// More pairs of tests than this are not compared one by one: each of them counts as gone.
const PAIRS_MAX: usize = 1_000_000;

/// Which old test became which new one: by place, then by body, by name, and by what is asserted.
fn matched(old: Side<'_, '_>, new: Side<'_, '_>) -> BTreeMap<usize, usize> {
    let place = |at: Placed<'_>| Some(format!("{} {}", at.file, at.unit.name));
    let body = |at: Placed<'_>| {
        let Unit { tokens, digest, .. } = at.unit;
        (*tokens > 2).then(|| format!("{tokens} {digest}"))
    };
    let name = |at: Placed<'_>| Some(own_name(&at.unit.name).to_owned());
    let ways: [&Key; 3] = [&place, &body, &name];
    let mut matched = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for way in ways {
        let mut free: HashMap<String, VecDeque<usize>> = HashMap::new();
        for now in new.1.iter().filter(|now| !taken.contains(*now)) {
            if let Some(key) = way(new.0[*now]) {
                free.entry(key).or_default().push_back(*now);
            }
        }
        for was in old.1 {
            let key = if matched.contains_key(was) { None } else { way(old.0[*was]) };
            let now = key.and_then(|key| free.get_mut(&key)?.pop_front());
            if let Some(now) = now {
                taken.insert(now);
                matched.insert(*was, now);
            }
        }
    }
    let left: Vec<usize> = old.1.iter().filter(|was| !matched.contains_key(was)).copied().collect();
    let free: Vec<usize> = new.1.iter().filter(|now| !taken.contains(*now)).copied().collect();
    if left.len() * free.len() <= PAIRS_MAX {
        for was in left {
            let alike = |now: &&usize| {
                !taken.contains(*now) && asserted::are_alike(old.0[was].unit, new.0[**now].unit)
            };
            let expects = |now: &&usize| {
                !taken.contains(*now)
                    && rewritten::expect_the_same(old.0[was].unit, new.0[**now].unit)
            };
            let mut found = free.iter().find(alike);
            found = found.or_else(|| free.iter().find(expects));
            if let Some(now) = found.copied() {
                taken.insert(now);
                matched.insert(was, now);
            }
        }
    }
    matched
}

/// A test that is still written down, where its runner does not look.
fn moved_out(pairs: &[Pair<'_>], was: Placed<'_>, now: Placed<'_>, found: &mut Vec<Finding>) {
    let (from, to) = (pairs[was.file].path, pairs[now.file].path);
    let is_lost = paths::is_found_by_name(from.as_str()) && !paths::is_found_by_name(to.as_str());
    if was.file != now.file && is_lost {
        let message = format!(
            "`{}` moved to `{to}`, where its runner does not look for tests",
            shown(&was.unit.name)
        );
        found.push(finding("test-removed", to, Some(now.unit.line), message));
    }
}

/// Tests that another of the same name, further down, is written over.
fn shadowed(
    pairs: &[Pair<'_>],
    (old, new): (&[Placed<'_>], &[Placed<'_>]),
    found: &mut Vec<Finding>,
) {
    let is_def = |at: &&Placed<'_>| {
        let path = pairs[at.file].path.as_str();
        let is_written_over = path.ends_with(".py")
            || path.ends_with(".rb") && own_name(&at.unit.name).starts_with("test_");
        is_written_over && at.unit.kind == UnitKind::Test
    };
    let count = |units: &[Placed<'_>]| {
        let mut counts: BTreeMap<(usize, String), usize> = BTreeMap::new();
        for at in units.iter().filter(is_def) {
            *counts.entry((at.file, at.unit.name.clone())).or_default() += 1;
        }
        counts
    };
    let before = count(old);
    for ((file, name), count) in count(new) {
        let was = before.get(&(file, name.clone())).copied().unwrap_or(1).max(1);
        if count > was {
            let first = new.iter().find(|at| at.file == file && at.unit.name == name);
            let message =
                format!("another test is called `{}` as well, and takes its place", shown(&name));
            let line = first.map(|at| at.unit.line);
            found.push(finding("test-removed", pairs[file].path, line, message));
        }
    }
}

/// A test whose subject is gone as well: it could not go on.
fn without_subject(pairs: &[Pair<'_>], was: Placed<'_>, subject: &str, found: &mut Vec<Finding>) {
    let message = format!(
        "the test `{}` is gone with `{}`, which it tested",
        shown(&was.unit.name),
        shown(subject)
    );
    let told = finding("test-removed", pairs[was.file].path, None, message);
    found.push(Finding { weight: Weight::Note, ..told });
}

/// Whether all that a test asserted is said by rows of tables now.
fn is_in_rows(pairs: &[Pair<'_>], was: Placed<'_>, takers: &rows::Takers<'_>) -> bool {
    let mut asserted = units::effective(was.unit, pairs[was.file].old.as_ref());
    let count = asserted.len();
    // That there was no error is said beside what is compared, once for all rows.
    let is_guard = |it: &&Assertion| rewritten::is_guard(it);
    let had_guard = asserted.iter().any(is_guard);
    asserted.retain(|it| !rewritten::is_guard(it));
    let mut is_guarded = false;
    let is_taken = |before: &&Assertion| {
        let taker = takers.taker(before, was.unit);
        taker.filter(|(now, _)| taken::may_stand_for(now, before)).is_some_and(|(_, test)| {
            is_guarded |= test.assertions.iter().any(rewritten::is_guard);
            true
        })
    };
    !asserted.is_empty()
        && asserted.iter().all(is_taken)
        && (!had_guard || is_guarded || asserted.len() == count)
}

type Rest<'a, 'u> = (&'a [Placed<'u>], &'a [Placed<'u>], &'a [usize]);

/// A test that became none, unless another took up what it said.
fn removed(
    pairs: &[Pair<'_>],
    was: Placed<'_>,
    (old, new, tests): Rest<'_, '_>,
    found: &mut Vec<Finding>,
) {
    let values = asserted::values_of(was.unit);
    let takes_up = |at: &&usize| {
        let now = new[**at];
        let is_held = asserted::holds(now.unit, &values) && asserted::takes_up(was.unit, now.unit);
        let before = || {
            let is_it = |it: &&Placed<'_>| it.file == now.file && it.unit.name == now.unit.name;
            old.iter().find(is_it)
        };
        is_held && !before().is_some_and(|before| asserted::holds(before.unit, &values))
    };
    if !values.is_empty() && tests.iter().any(|at| takes_up(&at)) {
        return;
    }
    let path = pairs[was.file].path;
    let helper = new.iter().find(|now| {
        now.unit.kind == UnitKind::Helper
            && now.unit.digest == was.unit.digest
            && was.unit.tokens > 2
    });
    let (line, why) = match helper {
        Some(now) => {
            (Some(now.unit.line), "is still there, and no runner finds it as a test any more")
        }
        None => (None, "is gone"),
    };
    let message = format!("the test `{}` {why}", shown(&was.unit.name));
    found.push(finding("test-removed", path, line, message));
}

/// Functions beside the tests, and what stands outside of all functions.
fn beside_tests(pairs: &[Pair<'_>], pair: &Pair<'_>, found: &mut Vec<Finding>) {
    let (Some(old), Some(new)) = (&pair.old, &pair.new) else { return };
    let is_test_file = paths::is_test(pair.path.as_str());
    for include in &old.includes {
        let Include { mark, name, is_of_tests } = include;
        let is_there = new.includes.iter().any(|now| now.mark.text == mark.text)
            || new.units.iter().any(|unit| unit.name.starts_with(&format!("{name} > ")));
        if (*is_of_tests || is_test_file) && !is_there && !is_gone(pairs, name) {
            let message = format!("`{}` is no longer taken in, so its tests do not run", mark.text);
            found.push(finding("tests-excluded", pair.path, None, message));
        }
    }
    for was in &old.units {
        let in_tests = is_test_file || was.name.starts_with("test");
        let is_file = was.kind == UnitKind::File;
        let now = new.units.iter().find(|now| now.kind == was.kind && now.name == was.name);
        let Some(now) = now.filter(|_| was.kind != UnitKind::Test) else { continue };
        if in_tests || is_file {
            let sides =
                units::Sides { path: pair.path, old: None, new: None, pieces: None, takers: None };
            let mut about = Vec::new();
            units::compare(&sides, was, now, &mut about);
            about.retain(|finding| is_test_file || in_tests || finding.rule == "test-skipped");
            found.extend(about);
        }
    }
}

/// Whether the file of a module is gone as well, and with it its tests, which are looked for.
fn is_gone(pairs: &[Pair<'_>], name: &str) -> bool {
    let is_its = |path: &str| {
        let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
        stem.trim_end_matches("/mod").rsplit('/').next() == Some(name)
    };
    pairs.iter().any(|pair| pair.new.is_none() && is_its(pair.path.as_str()))
}
