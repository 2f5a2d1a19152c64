//! Writing a patch into a directory, without following any symbolic link on the way.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::Path;

use super::{WorkspaceError, file_error};
use crate::domain::ids::{RepoPath, Sha};
use crate::domain::patch::{Content, FileChange, FileMode, NewFile, NotAPatch, Patch};

/// Writes a patch below `root`: deletions first, so that a directory can take a file's place.
///
/// # Errors
/// [`WorkspaceError::Blocked`] when a part of a path is not a directory.
pub fn write(root: &Path, patch: &Patch) -> Result<(), WorkspaceError> {
    for change in patch.changes().iter().filter(|change| change.new.is_none()) {
        remove(root, &change.path)?;
    }
    for change in patch.changes() {
        if let Some(file) = &change.new {
            put(root, &change.path, file)?;
        }
    }
    Ok(())
}

/// A patch that removes some paths and writes others.
pub(super) fn patch_of<'a>(
    removed: impl Iterator<Item = RepoPath>,
    written: impl Iterator<Item = ((&'a RepoPath, &'a (FileMode, Sha)), Vec<u8>)>,
) -> Result<Patch, NotAPatch> {
    let mut changes: Vec<FileChange> = removed.map(|path| FileChange { path, new: None }).collect();
    changes.extend(written.map(|((path, (mode, _)), content)| FileChange {
        path: path.clone(),
        new: Some(NewFile { mode: *mode, content: Content::new(content) }),
    }));
    Patch::new(changes)
}

/// Whether every directory above the path is one; `false` when one of them is missing.
fn parents_exist(root: &Path, path: &RepoPath) -> Result<bool, WorkspaceError> {
    let mut place = root.to_owned();
    let mut parts = path.as_str().split('/').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            break;
        }
        place.push(part);
        match fs::symlink_metadata(&place) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(WorkspaceError::Blocked(path.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(file_error(&place)(error)),
        }
    }
    Ok(true)
}

fn remove(root: &Path, path: &RepoPath) -> Result<(), WorkspaceError> {
    if !parents_exist(root, path)? {
        return Ok(());
    }
    let place = root.join(path.as_str());
    match fs::remove_file(&place) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(file_error(&place)(error)),
    }
    // git knows no empty directories, so they go with their last file.
    let mut parent = place.parent();
    while let Some(dir) = parent.filter(|dir| *dir != root && fs::remove_dir(dir).is_ok()) {
        parent = dir.parent();
    }
    Ok(())
}

fn put(root: &Path, path: &RepoPath, file: &NewFile) -> Result<(), WorkspaceError> {
    if !parents_exist(root, path)? {
        let parent = root.join(path.as_str()).parent().map_or(root.to_owned(), Path::to_owned);
        fs::create_dir_all(&parent).map_err(file_error(&parent))?;
    }
    let place = root.join(path.as_str());
    match fs::symlink_metadata(&place) {
        Ok(metadata) if metadata.is_dir() => {
            fs::remove_dir(&place).map_err(|_| WorkspaceError::Blocked(path.clone()))?;
        }
        Ok(_) => fs::remove_file(&place).map_err(file_error(&place))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(file_error(&place)(error)),
    }
    let permissions = match file.mode {
        FileMode::Regular => 0o644,
        FileMode::Executable => 0o755,
        FileMode::Symlink => {
            use std::os::unix::ffi::OsStrExt;
            let target = std::ffi::OsStr::from_bytes(file.content.bytes());
            return symlink(target, &place).map_err(file_error(&place));
        }
        FileMode::Submodule => return Ok(()),
    };
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(permissions)
        .open(&place)
        .and_then(|mut handle| handle.write_all(file.content.bytes()))
        .map_err(file_error(&place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RepoPath {
        RepoPath::parse(text).unwrap()
    }

    fn file(at: &str, mode: FileMode, content: &str) -> FileChange {
        FileChange { path: path(at), new: Some(NewFile { mode, content: Content::new(content) }) }
    }

    fn patch(changes: Vec<FileChange>) -> Patch {
        Patch::new(changes).unwrap()
    }

    #[test]
    fn a_patch_never_writes_through_a_symbolic_link() {
        let outside = tempfile::tempdir().unwrap();
        let root = tempfile::tempdir().unwrap();
        symlink(outside.path(), root.path().join("a")).unwrap();
        fs::write(outside.path().join("kept"), "kept").unwrap();
        let through = patch(vec![file("a/x", FileMode::Regular, "x")]);
        assert!(matches!(write(root.path(), &through), Err(WorkspaceError::Blocked(_))));
        let delete = patch(vec![FileChange { path: path("a/kept"), new: None }]);
        assert!(matches!(write(root.path(), &delete), Err(WorkspaceError::Blocked(_))));
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_as_target_is_replaced_not_followed() {
        let outside = tempfile::NamedTempFile::new().unwrap();
        let root = tempfile::tempdir().unwrap();
        symlink(outside.path(), root.path().join("a")).unwrap();
        write(root.path(), &patch(vec![file("a", FileMode::Regular, "mine")])).unwrap();
        assert_eq!(fs::read(outside.path()).unwrap(), b"");
        assert_eq!(fs::read(root.path().join("a")).unwrap(), b"mine");
    }

    #[test]
    fn a_directory_can_take_a_files_place() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("b/c")).unwrap();
        fs::write(root.path().join("a"), "old").unwrap();
        fs::write(root.path().join("b/c/d"), "old").unwrap();
        let changes = patch(vec![
            FileChange { path: path("a"), new: None },
            file("a/x", FileMode::Executable, "new"),
            FileChange { path: path("b/c/d"), new: None },
        ]);
        write(root.path(), &changes).unwrap();
        assert_eq!(fs::read(root.path().join("a/x")).unwrap(), b"new");
        assert!(!root.path().join("b").exists());
    }
}
