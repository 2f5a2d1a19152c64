//! What is different in a checkout from its commit, found without git and without following links.
//!
//! Whoever had the sandbox could write anything here, also into `.git`, `.gitignore`,
//! `.gitattributes` and file times. So: `.git` is never looked into, special files are never
//! opened, a `.gitignore` is read only as a small plain file and can only hide *new* files, and a
//! tracked file counts as untouched only while its inode, size and change time are those that the
//! checkout left behind.
//!
//! Races: a fixer may be at work meanwhile, when a checkpoint is taken. Then what is found is from no
//! one moment, a file that goes away in between is an error, and nothing outside is ever read, because
//! files are opened without following links ([`beneath`]). The patch that counts is made when the
//! fixer is gone.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::{AgentsFromBase, Checkout, Stamp, WorkspaceError, file_error};
use crate::domain::ids::RepoPath;
use crate::domain::patch::{BYTES_MAX, Content, FileChange, FileMode, NewFile, NotAPatch, Patch};
use crate::domain::protected::configures_agents;
use crate::runner::beneath;

/// The most files and directories that a walk goes through: far beyond any repository, far below
/// what a process that makes files in a loop could leave behind.
pub const ENTRIES_MAX: usize = 1_000_000;

/// A `.gitignore` beyond this size hides nothing.
const IGNORE_BYTES_MAX: u64 = 256 * 1024;

/// Directories that tools make for themselves; new files in them are never part of a patch, also
/// where a repository forgot to ignore them.
const PRODUCTS: [&str; 16] = [
    "target",
    "node_modules",
    "__pycache__",
    ".pytest_cache",
    ".ruff_cache",
    ".mypy_cache",
    ".venv",
    "venv",
    ".tox",
    ".nox",
    ".gradle",
    ".next",
    ".turbo",
    ".nyc_output",
    "coverage",
    ".cache",
];

/// Endings of files that tools make for themselves.
const PRODUCT_ENDINGS: [&str; 4] = [".pyc", ".snap.new", ".pending-snap", ".tsbuildinfo"];

/// What may be different.
pub(super) struct Candidates {
    /// Tracked files that were written since the checkout, or that have another kind now.
    pub(super) changed: Vec<(RepoPath, NewFile)>,
    added: Vec<(RepoPath, NewFile)>,
    removed: Vec<RepoPath>,
}

/// Finds what may be different.
pub(super) fn candidates(checkout: &Checkout) -> Result<Candidates, WorkspaceError> {
    let mut walk = Walk {
        checkout,
        tracked_dirs: checkout.tracked.keys().flat_map(parents).collect(),
        seen: BTreeSet::new(),
        entries: 0,
        bytes: 0,
        found: Candidates { changed: Vec::new(), added: Vec::new(), removed: Vec::new() },
    };
    walk.directories()?;
    let Walk { seen, mut found, .. } = walk;
    let gone = checkout.tracked.iter().filter(|(path, tracked)| {
        tracked.mode != FileMode::Submodule && !seen.contains(*path) && counts(checkout, path)
    });
    found.removed = gone.map(|(path, _)| path.clone()).collect();
    Ok(found)
}

/// The patch, once the old contents of the changed candidates are known.
pub(super) fn patch(
    checkout: &Checkout,
    found: Candidates,
    old: &[Vec<u8>],
) -> Result<Patch, WorkspaceError> {
    let is_other = |(path, new): &(RepoPath, NewFile), old: &Vec<u8>| {
        checkout.tracked[path].mode != new.mode || new.content.bytes() != old.as_slice()
    };
    let changed = found.changed.into_iter().zip(old);
    let changed = changed.filter(|(entry, old)| is_other(entry, old)).map(|(entry, _)| entry);
    let written = changed.chain(found.added);
    let mut changes: Vec<FileChange> =
        written.map(|(path, new)| FileChange { path, new: Some(new) }).collect();
    changes.extend(found.removed.into_iter().map(|path| FileChange { path, new: None }));
    Ok(Patch::new(changes)?)
}

/// Whether a path counts as changed at all.
fn counts(checkout: &Checkout, path: &RepoPath) -> bool {
    match checkout.agents_from_base {
        AgentsFromBase::Yes => !configures_agents(path),
        AgentsFromBase::No => true,
    }
}

struct Walk<'a> {
    checkout: &'a Checkout,
    /// Directories that have a tracked file below them; these are read even when ignored.
    tracked_dirs: BTreeSet<&'a str>,
    seen: BTreeSet<RepoPath>,
    entries: usize,
    bytes: usize,
    found: Candidates,
}

/// Whether new files count; below something ignored, or made by a tool for itself, they do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NewFiles {
    Count,
    LeftOut,
}

/// A directory still to be read.
struct Pending {
    path: String,
    /// Whether new files in it count.
    new_files: NewFiles,
    /// The `.gitignore` files from the root down to its parent.
    rules: Vec<std::rc::Rc<Gitignore>>,
}

impl Walk<'_> {
    fn directories(&mut self) -> Result<(), WorkspaceError> {
        let mut pending =
            vec![Pending { path: String::new(), new_files: NewFiles::Count, rules: Vec::new() }];
        while let Some(dir) = pending.pop() {
            self.directory(&dir, &mut pending)?;
        }
        Ok(())
    }

    fn directory(
        &mut self,
        dir: &Pending,
        pending: &mut Vec<Pending>,
    ) -> Result<(), WorkspaceError> {
        let place = self.checkout.dir.join(&dir.path);
        let mut rules = dir.rules.clone();
        rules.extend(rules_in(&self.checkout.dir, &place).map(std::rc::Rc::new));
        for entry in fs::read_dir(&place).map_err(file_error(&place))? {
            let entry = entry.map_err(file_error(&place))?;
            self.entries += 1;
            if self.entries > ENTRIES_MAX {
                return Err(WorkspaceError::TooManyFiles);
            }
            // Names that git, GitHub or we cannot hold are nothing that a patch could contain.
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            let path = if dir.path.is_empty() { name } else { format!("{}/{name}", dir.path) };
            let Ok(path) = RepoPath::parse(&path) else { continue };
            let metadata = fs::symlink_metadata(entry.path()).map_err(file_error(&place))?;
            if self.is_submodule(&path) {
                continue;
            }
            let new_files = match dir.new_files {
                NewFiles::Count => new_files(&rules, &path, &metadata),
                NewFiles::LeftOut => NewFiles::LeftOut,
            };
            if metadata.is_dir() {
                if new_files == NewFiles::Count || self.tracked_dirs.contains(path.as_str()) {
                    let path = path.as_str().to_owned();
                    pending.push(Pending { path, new_files, rules: rules.clone() });
                }
            } else {
                self.file(path, &metadata, new_files)?;
            }
        }
        Ok(())
    }

    fn file(
        &mut self,
        path: RepoPath,
        metadata: &fs::Metadata,
        new_files: NewFiles,
    ) -> Result<(), WorkspaceError> {
        let tracked = self.checkout.tracked.get(&path);
        if !counts(self.checkout, &path) || (tracked.is_none() && new_files == NewFiles::LeftOut) {
            return Ok(());
        }
        let is_link = metadata.file_type().is_symlink();
        // A pipe, socket or device in a file's place is as good as no file.
        if !is_link && !metadata.is_file() {
            return Ok(());
        }
        self.seen.insert(path.clone());
        if tracked.is_some_and(|tracked| tracked.stamp == Some(Stamp::of(metadata))) {
            return Ok(());
        }
        let new = self.read(&path, metadata)?;
        if tracked.is_some() {
            self.found.changed.push((path, new));
        } else {
            self.found.added.push((path, new));
        }
        Ok(())
    }

    /// Reads what is there now, which may be something else than what was looked at.
    fn read(
        &mut self,
        path: &RepoPath,
        metadata: &fs::Metadata,
    ) -> Result<NewFile, WorkspaceError> {
        let (root, place) = (&self.checkout.dir, self.checkout.dir.join(path.as_str()));
        if metadata.file_type().is_symlink() {
            let target = beneath::link(root, path.as_str()).map_err(file_error(&place))?;
            return Ok(NewFile { mode: FileMode::Symlink, content: Content::new(target) });
        }
        let content = beneath::read(root, path.as_str(), BYTES_MAX).map_err(file_error(&place))?;
        self.bytes += content.len();
        // Untouched files that only look touched count as well: a bound on memory, not on patches.
        if self.bytes > READ_BYTES_MAX || content.len() > BYTES_MAX {
            return Err(NotAPatch::TooLarge { files: self.entries, bytes: self.bytes }.into());
        }
        let is_program = metadata.permissions().mode() & 0o100 != 0;
        let mode = if is_program { FileMode::Executable } else { FileMode::Regular };
        Ok(NewFile { mode, content: Content::new(content) })
    }

    fn is_submodule(&self, path: &RepoPath) -> bool {
        let tracked = self.checkout.tracked.get(path);
        tracked.is_some_and(|tracked| tracked.mode == FileMode::Submodule)
    }
}

/// A formatter that rewrites every file with the same bytes is fine; a gigabyte of it is not.
const READ_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The directories above a path.
fn parents(path: &RepoPath) -> impl Iterator<Item = &str> {
    path.as_str().match_indices('/').map(|(end, _)| &path.as_str()[..end])
}

/// The rules in a directory's own `.gitignore`.
fn rules_in(root: &Path, dir: &Path) -> Option<Gitignore> {
    let place = dir.join(".gitignore");
    let metadata = fs::symlink_metadata(&place).ok()?;
    if !metadata.is_file() || metadata.len() > IGNORE_BYTES_MAX {
        return None;
    }
    let below = dir.strip_prefix(root).ok()?;
    let name = below.join(".gitignore");
    let text = beneath::read(root, name.to_str()?, usize::try_from(IGNORE_BYTES_MAX).ok()?).ok()?;
    let mut builder = GitignoreBuilder::new(below);
    for line in String::from_utf8_lossy(&text).lines() {
        // A line that cannot be read hides nothing.
        let _ = builder.add_line(None, line);
    }
    builder.build().ok()
}

/// Whether a new file there, or below it, counts.
fn new_files(
    rules: &[std::rc::Rc<Gitignore>],
    path: &RepoPath,
    metadata: &fs::Metadata,
) -> NewFiles {
    let is_dir = metadata.is_dir();
    let name = path.as_str().rsplit('/').next().unwrap_or_default();
    let is_product =
        PRODUCTS.contains(&name) || PRODUCT_ENDINGS.iter().any(|ending| name.ends_with(ending));
    let decided = rules.iter().rev().map(|rules| rules.matched(path.as_str(), is_dir));
    let ignored = decided.into_iter().find(|found| !found.is_none());
    if is_product || ignored.is_some_and(|found| found.is_ignore()) {
        NewFiles::LeftOut
    } else {
        NewFiles::Count
    }
}
