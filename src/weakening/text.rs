//! Rules for text: files in languages without a grammar here, and files that do not parse.
//!
//! Conservative: lines are counted, not understood, so a test file that is read this way is always
//! held, whatever the lines say. The lines that a change adds and takes away are found here for all
//! rules, once: a line that only moved, in a file or between files, is neither.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::{Change, Side, finding, paths, patterns, shown, silencers};
use crate::domain::gate::Finding;

/// The most lines of other files that are looked at for a command that moved there.
const BESIDE_LINES_MAX: usize = 2_000;

/// A line and its number, counted from 1.
pub type Line<'a> = (u32, &'a str);

/// What a change adds and takes away, file by file.
#[derive(Debug)]
pub struct Lines<'a> {
    /// Lines that are new in each file.
    pub added: Vec<Vec<Line<'a>>>,
    removed: Vec<Vec<Line<'a>>>,
    /// Lines that are gone from any file, counted.
    gone: HashMap<&'a str, usize>,
}

/// What a change adds to a file and takes from it.
#[derive(Debug)]
pub struct OfFile<'a> {
    /// Lines that are new.
    pub added: Vec<Line<'a>>,
    /// Lines that are gone.
    pub removed: Vec<Line<'a>>,
}

/// What a change adds to other files than the one that is looked at, with their paths.
#[derive(Debug)]
pub struct Others<'a> {
    /// Paths and lines.
    pub added: Vec<(&'a str, Line<'a>)>,
}

impl<'a> Lines<'a> {
    /// What is added to settings and scripts but for one file.
    pub fn beside(&self, at: usize, changes: &[&Change<'a>]) -> Others<'a> {
        let others = changes.iter().zip(&self.added).enumerate().filter(|(other, _)| *other != at);
        let lines =
            others.filter(|(_, (change, _))| paths::may_run(change.path.as_str())).flat_map(
                |(_, (change, lines))| lines.iter().map(|line| (change.path.as_str(), *line)),
            );
        Others { added: lines.take(BESIDE_LINES_MAX).collect() }
    }

    /// The lines of every file.
    pub fn of(changes: &[&Change<'a>]) -> Self {
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        for change in changes {
            added.push(beyond(change.new.text(), change.old.text()));
            removed.push(beyond(change.old.text(), change.new.text()));
        }
        let gone = counted(removed.iter().flatten());
        Self { added, removed, gone }
    }

    /// The lines of one file; those that came from another file of the change are not new.
    pub fn of_file(&self, at: usize) -> OfFile<'a> {
        let own = counted(&self.removed[at]);
        let mut elsewhere: HashMap<&str, usize> = HashMap::new();
        let mut is_new = |line: &&Line<'a>| {
            let text = line.1.trim();
            let left = elsewhere.entry(text).or_insert_with(|| {
                let all = self.gone.get(text).copied().unwrap_or(0);
                all.saturating_sub(own.get(text).copied().unwrap_or(0))
            });
            let is_moved = *left > 0;
            *left = left.saturating_sub(1);
            !is_moved
        };
        let added = self.added[at].iter().filter(|line| is_new(line)).copied().collect();
        OfFile { added, removed: self.removed[at].clone() }
    }
}

/// How often each line is there.
fn counted<'a, 'l>(lines: impl IntoIterator<Item = &'l Line<'a>>) -> HashMap<&'a str, usize>
where
    'a: 'l,
{
    let mut counts = HashMap::new();
    for (_, line) in lines {
        *counts.entry(line.trim()).or_default() += 1;
    }
    counts
}

/// Lines of one text that another has not, counted: twice here and once there is once.
fn beyond<'a>(text: &'a str, other: &str) -> Vec<Line<'a>> {
    let mut left: HashMap<&str, usize> = HashMap::new();
    for line in other.lines() {
        *left.entry(line.trim()).or_default() += 1;
    }
    let is_beyond = |(_, line): &Line<'a>| match left.get_mut(line.trim()) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => !line.trim().is_empty(),
    };
    (1..).zip(text.lines()).filter(is_beyond).collect()
}

static SKIPS: LazyLock<Regex> = LazyLock::new(|| patterns::joined("skip"));
static FOCUS: LazyLock<Regex> = LazyLock::new(|| patterns::joined("focus"));
static ASSERTS: LazyLock<Regex> = LazyLock::new(|| patterns::joined("assertion"));
static TESTS: LazyLock<Regex> = LazyLock::new(|| patterns::joined("test"));

/// What can be told of a file by its lines alone.
pub fn look(change: &Change<'_>, lines: &OfFile<'_>, found: &mut Vec<Finding>) {
    let path = change.path.as_str();
    if paths::is_fixture(path) && !paths::has_test_name(path) {
        // A new recording belongs to a new test.
        if change.old != Side::Absent {
            let what = if change.new == Side::Absent { "is gone" } else { "is edited" };
            let line = lines.added.first().map(|(line, _)| *line);
            found.push(finding(
                "fixture-edited",
                change.path,
                line,
                format!("`{path}`, which tests go by, {what}"),
            ));
        }
        return;
    }
    suppressions(change, lines, found);
    if !paths::is_test(path) && !holds_tests(change) {
        return;
    }
    let message = format!("`{path}` holds tests, and cannot be read by its syntax here");
    found.push(finding("unread-test", change.path, None, message));
    if change.new == Side::Absent {
        found.push(finding(
            "test-removed",
            change.path,
            None,
            format!("`{path}` is gone, and its tests with it"),
        ));
        return;
    }
    let tell = |rule, line: Option<u32>, message| finding(rule, change.path, line, message);
    for (rule, shape, what) in [
        ("test-skipped", &SKIPS, "a test is skipped"),
        ("test-focused", &FOCUS, "a test is focused"),
    ] {
        if let Some((line, text)) = added_beyond(lines, shape) {
            found.push(tell(rule, Some(line), format!("{what}: `{}`", shown(text.trim()))));
        }
    }
    for (rule, shape, what) in
        [("test-removed", &TESTS, "tests"), ("assertion-removed", &ASSERTS, "assertions")]
    {
        let (was, is) = (count(change.old.text(), shape), count(change.new.text(), shape));
        if is < was {
            let message = format!("`{path}` has {is} lines with {what}, it had {was}");
            found.push(tell(rule, None, message));
        }
    }
}

/// Whether a file that could not be parsed has tests all the same.
fn holds_tests(change: &Change<'_>) -> bool {
    paths::is_code(change.path.as_str())
        && (TESTS.is_match(change.old.text()) || change.old.text().contains("#[test]"))
}

fn count(text: &str, shape: &Regex) -> usize {
    let is_code = |line: &&str| {
        let line = line.trim_start();
        !(line.starts_with("//")
            || line.starts_with('#') && !line.starts_with("#[") && !line.starts_with("#e")
            || line.starts_with("--")
            || line.starts_with('*'))
    };
    text.lines().filter(is_code).filter(|line| shape.is_match(line)).count()
}

/// The first added line of that shape, when more of them came than went.
fn added_beyond<'a>(lines: &OfFile<'a>, shape: &Regex) -> Option<Line<'a>> {
    let mut came = lines.added.iter().filter(|(_, line)| shape.is_match(line));
    let went = lines.removed.iter().filter(|(_, line)| shape.is_match(line)).count();
    came.nth(went).copied()
}

/// Comments that silence a tool, in files that are not parsed.
fn suppressions(change: &Change<'_>, lines: &OfFile<'_>, found: &mut Vec<Finding>) {
    if paths::is_prose(change.path.as_str()) {
        return;
    }
    let family = |line: &str| silencers::suppression(line).map(|(family, _)| family);
    let mut went: Vec<&str> = lines.removed.iter().filter_map(|(_, line)| family(line)).collect();
    for (number, line) in &lines.added {
        let Some((family, text)) = silencers::suppression(line) else { continue };
        if let Some(at) = went.iter().position(|gone| *gone == family) {
            went.swap_remove(at);
            continue;
        }
        let message = format!("a check is told to be silent: `{}`", shown(&text));
        found.push(finding("suppression-added", change.path, Some(*number), message));
    }
}
