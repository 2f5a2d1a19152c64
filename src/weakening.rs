//! The gate against weakened tests and silenced checks: what a change does to them, by syntax.
//!
//! Not a judgement of whether a change is right, and nothing that a text in it can talk to: both
//! sides of every file are read into one model of what tests say ([`model`]), and the models are
//! compared ([`compare`]). Pure: no file is opened, no clock is asked, nothing is random; the same
//! input gives the same findings on every machine.
//!
//! The invariant: nothing passes because it could not be read. A test file without a grammar, with
//! syntax errors or beyond the limits is held, and the rules for text look at it all the same.
//! Names and weights of the rules are in [`domain::gate::content`](crate::domain::gate::content).

mod around;
mod assertions;
mod compare;
mod habits;
mod hidden;
mod languages;
mod model;
mod paths;
mod patterns;
mod reader;
mod recorded;
mod settings;
mod silencers;
mod subjects;
mod text;
mod tokens;

use std::collections::BTreeMap;

use crate::domain::gate::content::rule_of;
use crate::domain::gate::{Finding, Weight};
use crate::domain::ids::RepoPath;
use crate::domain::invisible::is_hiding;
use crate::domain::patch::FileChange;
use crate::domain::pull::BaseFile;

/// One side of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side<'a> {
    /// The file is not there.
    Absent,
    /// Its text.
    Text(&'a str),
    /// It is there and cannot be read: binary, or larger than anybody shows.
    Unread,
}

impl<'a> Side<'a> {
    /// The text; nothing of a file that is absent or cannot be read.
    pub fn text(self) -> &'a str {
        if let Self::Text(text) = self { text } else { "" }
    }
}

/// A file as it was and as it shall be.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// Its path.
    pub path: &'a RepoPath,
    /// As it was.
    pub old: Side<'a>,
    /// As it shall be.
    pub new: Side<'a>,
}

/// The most findings of one rule that are told; more say nothing new.
const FINDINGS_OF_RULE_MAX: usize = 20;

/// The most text of one change that is read, both sides together: a second of work.
pub const BYTES_MAX: usize = 6 * 1024 * 1024;

/// The most characters of a name or text of the file that a message repeats.
const SHOWN_CHARS_MAX: usize = 80;

/// Everything that the rules about content have to say about a change.
pub fn findings(changes: &[Change<'_>]) -> Vec<Finding> {
    let changed: Vec<&Change<'_>> =
        changes.iter().filter(|change| change.old != change.new).collect();
    let bytes: usize =
        changed.iter().map(|change| change.old.text().len() + change.new.text().len()).sum();
    let mut found = Vec::new();
    if bytes > BYTES_MAX {
        let message =
            format!("{bytes} bytes of change are too many to be read; the limit is {BYTES_MAX}");
        found.push(Finding::new("unread-test", Weight::Hold, message));
        return found;
    }
    let lines = text::Lines::of(&changed);
    let mut pairs = Vec::new();
    let rewritten = recorded::rewritten(&changed);
    for (at, change) in changed.iter().enumerate() {
        hidden::look(change, &lines.added[at], &mut found);
        let is_settings = paths::is_settings(change.path.as_str());
        let language = languages::of_path(change.path.as_str());
        let reads = |side: Side<'_>| match (side, language) {
            (Side::Absent, _) => Some(None),
            (Side::Text(text), Some(language)) => reader::read(language, text).map(Some),
            (Side::Text(_), None) | (Side::Unread, _) => None,
        };
        if is_settings || language.is_none() {
            let around = (&lines.of_file(at), &lines.beside(at, &changed));
            settings::look(change, around, &mut found);
        }
        around::look(change, &lines.of_file(at), &mut found);
        match (reads(change.old), reads(change.new)) {
            (Some(old), Some(new)) => pairs.push(compare::Pair { path: change.path, old, new }),
            _ if rewritten.contains(&at) => {}
            _ => text::look(change, &lines.of_file(at), &mut found),
        }
    }
    let gone = subjects::Gone::of(&changed, &lines);
    compare::look(&pairs, &gone, &mut found);
    hidden::generated(&changed, &mut found);
    bounded(found)
}

/// The sides of every file that is changed; the base is the forge's own.
pub fn changes<'a>(changed: &'a [FileChange], base: &'a [BaseFile]) -> Vec<Change<'a>> {
    let one = |change: &'a FileChange| {
        let old = base.iter().find(|file| file.path == change.path);
        let old = match old.map(|file| file.text.as_deref()) {
            None => Side::Absent,
            Some(Some(text)) => Side::Text(text),
            Some(None) => Side::Unread,
        };
        let new = match change.new.as_ref().map(|file| file.content.text()) {
            None => Side::Absent,
            Some(Some(text)) => Side::Text(text),
            Some(None) => Side::Unread,
        };
        Change { path: &change.path, old, new }
    };
    changed.iter().map(one).collect()
}

/// Each thing once, and of each rule no more than people read.
fn bounded(found: Vec<Finding>) -> Vec<Finding> {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut told: Vec<Finding> = Vec::new();
    for finding in found {
        let is_again = told.iter().any(|other| {
            other.rule == finding.rule
                && other.file == finding.file
                && other.line.is_some()
                && other.line == finding.line
        });
        let count = counts.entry(finding.rule).or_default();
        if !is_again && *count < FINDINGS_OF_RULE_MAX {
            *count += 1;
            told.push(finding);
        }
    }
    told
}

/// A finding of a rule of the table, with the rule's own weight.
fn finding(rule: &'static str, path: &RepoPath, line: Option<u32>, message: String) -> Finding {
    let weight = rule_of(rule).map_or(Weight::Hold, |rule| rule.weight);
    Finding { rule, weight, file: Some(path.clone()), line, message }
}

/// A text of the file as a message may show it: one line, bounded, unable to end its code span.
fn shown(text: &str) -> String {
    let plain = |c: char| match c {
        '`' => '\'',
        c if c.is_control() || is_hiding(c) => ' ',
        c => c,
    };
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).map(plain).collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}
