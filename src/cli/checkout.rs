//! A checkout that a person names: which files it has, and how long they are.
//!
//! What git ignores is no part of it, like in the commit itself. Nothing is written, no link is
//! followed, and what cannot be read is taken as not known.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use ignore::WalkBuilder;

use crate::domain::failure::Failure;
use crate::domain::ids::RepoPath;
use crate::evidence::places::{Tree, bound, lines_of, place};

/// Files that are looked through: far beyond any repository.
const FILES_MAX: usize = 500_000;

/// A file whose lines are counted; no source is larger.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The folder as logs of commands in it name it.
pub(super) fn folder(root: &Path) -> Option<String> {
    root.canonicalize().ok()?.to_str().map(str::to_owned)
}

/// Names files as the checkout does; takes away files that it has not and lines beyond their end.
pub(super) fn hold_places(root: &Path, failures: &mut [Failure]) {
    let walk = WalkBuilder::new(root).hidden(false).require_git(false).build();
    let tree: Tree = walk
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()))
        .filter_map(|entry| RepoPath::parse(entry.path().strip_prefix(root).ok()?.to_str()?).ok())
        .take(FILES_MAX)
        .collect();
    // The messages say what was lost.
    let _ = place(failures, &tree);
    let _ = bound(failures, |path| lines(&root.join(path.as_str())));
}

fn lines(path: &Path) -> Option<u32> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= FILE_BYTES_MAX).then(|| lines_of(&bytes))
}
