//! Edits: what a fix changed, small enough to be kept, and put to another text.
//!
//! The invariant: an edit applies only where each of its places is found exactly once, by its old
//! lines and as much of the lines around them as fits anywhere; in doubt nothing is changed.

use serde::{Deserialize, Serialize};
use similar::DiffTag;

use crate::domain::diff::by_lines;
use crate::domain::ids::RepoPath;
use crate::domain::patch::{FileMode, Patch};
use crate::domain::pull::BaseFile;

/// Files of one remedy: what changes more is work on a repository, not the mending of a fault.
pub const FILES_MAX: usize = 8;

/// Places in those files.
pub const HUNKS_MAX: usize = 24;

/// Bytes of all its lines, context included.
pub const BYTES_MAX: usize = 16 * 1024;

/// A file with more lines on either side is not compared: it is generated.
const FILE_LINES_MAX: usize = 4_000;

/// Lines of context on either side of a place.
const CONTEXT_LINES: usize = 3;

/// What a place is found by has at least so many characters that are not white space: a lone brace
/// may stand once in a file and mean nothing.
const FOUND_BY_CHARS_MIN: usize = 8;

/// One place in a file. Lines have their own endings, so that nothing is guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hunk {
    /// Lines before it.
    pub before: Vec<String>,
    /// Lines that go.
    pub old: Vec<String>,
    /// Lines that come.
    pub new: Vec<String>,
    /// Lines after it.
    pub after: Vec<String>,
}

/// What becomes of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Which.
    pub path: RepoPath,
    /// How.
    pub change: Change,
}

/// How a file changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// In these places, in order.
    At(Vec<Hunk>),
    /// It comes into being with this text.
    Made(String),
}

/// What a patch changes, as edits; `None` where it is more than a remedy holds, or anything but text.
///
/// `base` is the old side of the files that the patch names; a file that is not in it was not there.
pub fn edits(patch: &Patch, base: &[BaseFile]) -> Option<Vec<Edit>> {
    if patch.is_empty() || patch.changes().len() > FILES_MAX {
        return None;
    }
    let mut edits = Vec::with_capacity(patch.changes().len());
    for change in patch.changes() {
        // What takes a file away is no remedy: nobody could say what stood in the other one.
        let new = change.new.as_ref()?;
        let text = new.content.text()?;
        let old = base.iter().find(|file| file.path == change.path);
        let change_of = match old {
            None if new.mode == FileMode::Regular => Change::Made(text.to_owned()),
            Some(old) if old.mode == new.mode && is_plain(new.mode) => {
                Change::At(hunks(old.text.as_deref()?, text)?)
            }
            None | Some(_) => return None,
        };
        edits.push(Edit { path: change.path.clone(), change: change_of });
    }
    let places: usize = edits.iter().map(|edit| edit.places().len()).sum();
    let bytes: usize = edits.iter().map(Edit::bytes).sum();
    (places <= HUNKS_MAX && bytes <= BYTES_MAX).then_some(edits)
}

const fn is_plain(mode: FileMode) -> bool {
    matches!(mode, FileMode::Regular | FileMode::Executable)
}

impl Edit {
    fn places(&self) -> &[Hunk] {
        match &self.change {
            Change::At(hunks) => hunks,
            Change::Made(_) => &[],
        }
    }

    fn bytes(&self) -> usize {
        match &self.change {
            Change::Made(text) => text.len(),
            Change::At(hunks) => {
                let all = hunks.iter().flat_map(|it| [&it.before, &it.old, &it.new, &it.after]);
                all.flatten().map(String::len).sum()
            }
        }
    }
}

fn lines(text: &str) -> Vec<String> {
    text.split_inclusive('\n').map(str::to_owned).collect()
}

/// The places in which two texts differ; `None` where they have too many lines to be compared.
fn hunks(old: &str, new: &str) -> Option<Vec<Hunk>> {
    let (old_lines, new_lines) = (lines(old), lines(new));
    if old_lines.len().max(new_lines.len()) > FILE_LINES_MAX {
        return None;
    }
    let cut = |all: &[String], from: usize, to: usize| -> Vec<String> {
        all.get(from..to.min(all.len())).unwrap_or_default().to_vec()
    };
    let diff = by_lines(old, new);
    let places = diff.ops().iter().filter(|op| op.tag() != DiffTag::Equal).map(|op| {
        let (gone, come) = (op.old_range(), op.new_range());
        Hunk {
            before: cut(&old_lines, gone.start.saturating_sub(CONTEXT_LINES), gone.start),
            old: cut(&old_lines, gone.start, gone.end),
            new: cut(&new_lines, come.start, come.end),
            after: cut(&old_lines, gone.end, gone.end + CONTEXT_LINES),
        }
    });
    Some(places.collect())
}

/// The files as the edits leave them; `None` unless every one of them applies.
///
/// `read` gives a file's text, `Ok(None)` where there is no such file, and an error for what cannot
/// be read as text.
pub fn apply<E>(
    edits: &[Edit],
    mut read: impl FnMut(&RepoPath) -> Result<Option<String>, E>,
) -> Option<Vec<(RepoPath, String)>> {
    let mut done = Vec::with_capacity(edits.len());
    for edit in edits {
        let known = read(&edit.path).ok()?;
        let text = match (&edit.change, known) {
            (Change::Made(text), None) => text.clone(),
            (Change::At(hunks), Some(text)) => edited(&text, hunks)?,
            (Change::Made(_), Some(_)) | (Change::At(_), None) => return None,
        };
        done.push((edit.path.clone(), text));
    }
    Some(done)
}

fn edited(text: &str, hunks: &[Hunk]) -> Option<String> {
    let mut all = lines(text);
    // All places are found before any is changed: what one brings is no place for another.
    let mut places: Vec<(usize, &Hunk)> = Vec::with_capacity(hunks.len());
    for hunk in hunks {
        places.push((place(&all, hunk)?, hunk));
    }
    places.sort_by_key(|(at, _)| *at);
    let overlap = |pair: &[(usize, &Hunk)]| pair[0].0 + pair[0].1.old.len() > pair[1].0;
    if places.windows(2).any(overlap) {
        return None;
    }
    for (at, hunk) in places.into_iter().rev() {
        all.splice(at..at + hunk.old.len(), hunk.new.iter().cloned());
    }
    Some(all.concat())
}

/// The line at which a place begins: the only one that its old lines with their context fit, with as
/// much of the context as fits anywhere.
fn place(all: &[String], hunk: &Hunk) -> Option<usize> {
    for width in (0..=CONTEXT_LINES).rev() {
        let before = &hunk.before[hunk.before.len().saturating_sub(width)..];
        let after = &hunk.after[..width.min(hunk.after.len())];
        let wanted: Vec<&String> = before.iter().chain(&hunk.old).chain(after).collect();
        let says = wanted.iter().flat_map(|line| line.chars()).filter(|c| !c.is_whitespace());
        if says.count() < FOUND_BY_CHARS_MIN {
            return None;
        }
        let mut found = all
            .windows(wanted.len())
            .enumerate()
            .filter(|(_, some)| some.iter().eq(wanted.iter().copied()));
        match (found.next(), found.next()) {
            (Some((at, _)), None) => return Some(at + before.len()),
            (Some(_), Some(_)) => return None,
            (None, _) => {}
        }
    }
    None
}
