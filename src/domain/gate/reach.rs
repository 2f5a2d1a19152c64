//! Reach: whether a patch stays with what failed, in place and in size.
//!
//! In doubt nothing is said: a fault often lies where no log points, so a file is beyond the failure's
//! reach only where places are known and nothing leads from them to it, which is advice; and a patch
//! that is out of proportion waits for a person, but is so only by a wide margin. What the log says can make these rules say less, never more;
//! no other rule listens to it. Names and weights stand in the table of [`super::content`].

use super::content::{BEYOND, OUT_OF_PROPORTION, rule_of};
use super::{Finding, Weight};
use crate::domain::evidence::Evidence;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::ids::RepoPath;
use crate::domain::patch::FileChange;
use crate::domain::pull::BaseFile;
use crate::domain::subject::subject;

/// The most files that are told of one by one; a person who has read of five looks at all.
const TOLD_MAX: usize = 5;

/// Files that any patch may touch: what is wrong, who uses it, what tests it, and what names it.
const FILES_FREE: usize = 4;

/// Files more for each in which something failed: itself, and what it rests on.
const FILES_EACH: usize = 2;

/// Lines that any patch may change: a function written anew, and a test of it.
const LINES_FREE: u64 = 120;

/// Lines more for each failure: another such function, half of it.
const LINES_EACH: u64 = 40;

/// The fewest letters of a file's name by which a log names it.
const NAME_BYTES_MIN: usize = 4;

/// What failed, as far as these rules look at it.
#[derive(Debug, Clone, Copy)]
pub struct Failed<'a> {
    /// What failed.
    pub failures: &'a [Failure],
    /// The lines that matter; hostile text.
    pub excerpt: &'a str,
    /// Files that the pull request changes.
    pub changed_files: &'a [RepoPath],
}

impl<'a> Failed<'a> {
    /// What was read.
    pub fn of(evidence: &'a Evidence) -> Self {
        let Evidence { failures, excerpt, changed_files, .. } = evidence;
        Self { failures, excerpt, changed_files }
    }

    /// Files in which something failed, each once.
    fn places(&self) -> Vec<&'a RepoPath> {
        let mut places: Vec<&RepoPath> = Vec::new();
        for file in self.failures.iter().filter_map(|failure| failure.file.as_ref()) {
            if !places.contains(&file) {
                places.push(file);
            }
        }
        places
    }
}

/// What is found in how far a patch goes from what failed.
pub fn of_reach(failed: &Failed<'_>, changes: &[FileChange], base: &[BaseFile]) -> Vec<Finding> {
    let mut findings = beyond(failed, changes, base);
    findings.extend(out_of_proportion(failed, changes, base));
    findings
}

fn finding(rule: &'static str, message: String) -> Finding {
    let weight = rule_of(rule).map_or(Weight::Note, |rule| rule.weight);
    Finding::new(rule, weight, message)
}

/// Files to which nothing leads from what failed.
fn beyond(failed: &Failed<'_>, changes: &[FileChange], base: &[BaseFile]) -> Vec<Finding> {
    let is_placed = |failure: &Failure| {
        failure.file.is_some() && failure.counts_as() != FailureKind::Dependency
    };
    // Whose place is not known may be anywhere.
    if failed.failures.is_empty() || !failed.failures.iter().all(is_placed) {
        return Vec::new();
    }
    let places = failed.places();
    let known: Vec<&RepoPath> = places.iter().copied().chain(failed.changed_files).collect();
    let is_led_to = |path: &RepoPath| {
        known.contains(&path)
            || places.iter().any(|place| is_beside(place, path))
            || known.iter().any(|known| subject(known) == subject(path))
            || is_named(failed, path)
    };
    let far: Vec<&FileChange> = changes.iter().filter(|change| !is_led_to(&change.path)).collect();
    let told = far.iter().take(TOLD_MAX).map(|change| {
        let path = &change.path;
        let message = format!(
            "`{path}` is not where it failed nor beside it, no line of the log that matters names \
             it, and the pull request does not change it"
        );
        Finding { line: first_line(change, base), ..finding(BEYOND, message).at(path) }
    });
    let mut found: Vec<Finding> = told.collect();
    if let Some(more) = far.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
        found.push(finding(BEYOND, format!("and {more} more files to which nothing leads")));
    }
    found
}

/// Whether two files lie in one folder.
fn is_beside(one: &RepoPath, other: &RepoPath) -> bool {
    folder(one.as_str()) == folder(other.as_str())
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether a message or a line that matters names the file.
fn is_named(failed: &Failed<'_>, path: &RepoPath) -> bool {
    let name = name(path.as_str());
    let words = if name.len() < NAME_BYTES_MIN { path.as_str() } else { name };
    let says = |text: &str| text.contains(words);
    says(failed.excerpt)
        || failed.failures.iter().any(|failure| {
            says(&failure.message) || failure.suggestion.as_deref().is_some_and(says)
        })
}

/// A patch that is far larger than what failed.
fn out_of_proportion(
    failed: &Failed<'_>,
    changes: &[FileChange],
    base: &[BaseFile],
) -> Option<Finding> {
    let is_small = |failure: &Failure| {
        let is_of_code = match failure.counts_as() {
            FailureKind::CompileError
            | FailureKind::TypeError
            | FailureKind::Lint
            | FailureKind::Format
            | FailureKind::TestFailure => true,
            FailureKind::Dependency
            | FailureKind::Infrastructure
            | FailureKind::Timeout
            | FailureKind::Oom
            | FailureKind::Config
            | FailureKind::Unknown => false,
        };
        is_of_code && failure.file.is_some()
    };
    // How large the fault is that nobody has placed, nobody knows.
    if failed.failures.is_empty() || !failed.failures.iter().all(is_small) {
        return None;
    }
    let (places, failures) = (failed.places().len(), failed.failures.len());
    let (files, lines) = (changes.len(), changed_lines(failed, changes, base));
    let files_max = FILES_FREE + FILES_EACH * places;
    let lines_max = LINES_FREE + LINES_EACH * u64::try_from(failures).unwrap_or(u64::MAX);
    if files <= files_max && lines <= lines_max {
        return None;
    }
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    Some(finding(
        OUT_OF_PROPORTION,
        format!(
            "{failures} failure{} in {places} file{}, and {lines} changed lines in {files} files; \
             {lines_max} lines in {files_max} files are in proportion to that",
            plural(failures),
            plural(places)
        ),
    ))
}

/// Lines added and removed together, without files that a formatter writes anew.
fn changed_lines(failed: &Failed<'_>, changes: &[FileChange], base: &[BaseFile]) -> u64 {
    let is_formatted = |path: &RepoPath| {
        failed.failures.iter().any(|failure| {
            failure.kind == FailureKind::Format && failure.file.as_ref() == Some(path)
        })
    };
    let counted = changes.iter().filter(|change| !is_formatted(&change.path));
    counted.map(|change| super::patch::lines_of(change, base)).sum()
}

/// The first line that a patch changes in a file, counted as the file will be.
fn first_line(change: &FileChange, base: &[BaseFile]) -> Option<u32> {
    let new = change.new.as_ref()?.content.text()?;
    let old = base.iter().find(|file| file.path == change.path);
    let old = old.and_then(|file| file.text.as_deref()).unwrap_or("");
    if old == new {
        return None;
    }
    let kept = old.lines().zip(new.lines()).take_while(|(old, new)| old == new).count();
    u32::try_from(kept + 1).ok()
}
