//! Opening what lies below a directory that a stranger may write at this very moment.
//!
//! Between looking at a path and opening it, a part of it can become a symbolic link that leads to a
//! file of this machine, or a pipe that never ends. So every part is opened by itself, relative to the
//! one before, and none that is a link; a file is read only when what was opened is a plain file.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Dir, Mode, OFlags, openat, readlinkat};

/// The most names that are looked at in one directory when a pattern is matched.
const NAMES_MAX: usize = 10_000;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const STEP: OFlags = DIRECTORY.union(OFlags::NOFOLLOW);
/// A pipe or device does not hold up who opens it.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// The directory of a relative path, and the path's last name.
fn parent<'p>(root: &Path, path: &'p str) -> io::Result<(OwnedFd, &'p str)> {
    let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut dir = openat(CWD, root, DIRECTORY, Mode::empty())?;
    for part in above.split('/').filter(|part| !part.is_empty()) {
        dir = step(&dir, part)?;
    }
    if matches!(name, "" | "." | "..") {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok((dir, name))
}

fn step(dir: &OwnedFd, part: &str) -> io::Result<OwnedFd> {
    if matches!(part, "." | "..") {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(openat(dir, part, STEP, Mode::empty())?)
}

/// Opens a plain file for reading.
///
/// # Errors
/// When it is not there or no plain file, or a part of its path is a symbolic link.
pub fn open(root: &Path, path: &str) -> io::Result<File> {
    let (dir, name) = parent(root, path)?;
    let file = File::from(openat(dir, name, FILE, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

/// The content of a plain file, and one byte more than `bytes_max` when it is longer.
///
/// # Errors
/// Those of [`open`], and of reading.
pub fn read(root: &Path, path: &str, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let bytes = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    open(root, path)?.take(bytes).read_to_end(&mut content)?;
    Ok(content)
}

/// Where a symbolic link leads.
///
/// # Errors
/// When it is none, or a part of the path above it is one.
pub fn link(root: &Path, path: &str) -> io::Result<Vec<u8>> {
    let (dir, name) = parent(root, path)?;
    Ok(readlinkat(dir, name, Vec::new())?.into_bytes())
}

/// The first path, in the order of names, that fits a pattern in which a part may have one `*`.
///
/// # Errors
/// When a directory cannot be read; that nothing fits is no error.
pub fn find(root: &Path, pattern: &str) -> io::Result<Option<String>> {
    let dir = openat(CWD, root, DIRECTORY, Mode::empty())?;
    let parts: Vec<&str> = pattern.split('/').collect();
    found(&dir, &parts)
}

fn found(dir: &OwnedFd, parts: &[&str]) -> io::Result<Option<String>> {
    let Some((part, rest)) = parts.split_first() else { return Ok(None) };
    for name in fitting(dir, part)? {
        if rest.is_empty() {
            return Ok(Some(name));
        }
        // What is no directory, or is gone by now, does not fit.
        let Ok(below) = step(dir, &name) else { continue };
        if let Some(path) = found(&below, rest)? {
            return Ok(Some(format!("{name}/{path}")));
        }
    }
    Ok(None)
}

fn fitting(dir: &OwnedFd, part: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir.as_fd())?.take(NAMES_MAX) {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        let fits = match part.split_once('*') {
            None => name == part,
            Some((before, after)) => {
                name.len() >= before.len() + after.len()
                    && name.starts_with(before)
                    && name.ends_with(after)
            }
        };
        if fits && !matches!(name, "." | "..") {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn place() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("in/a/b")).unwrap();
        fs::write(root.path().join("secret"), "secret").unwrap();
        fs::write(root.path().join("in/a/b/file-1.txt"), "text").unwrap();
        symlink("../../secret", root.path().join("in/a/link")).unwrap();
        symlink("..", root.path().join("in/up")).unwrap();
        root
    }

    #[test]
    fn what_lies_below_is_read_and_nothing_else_is() {
        let root = place();
        let inside = root.path().join("in");
        assert_eq!(read(&inside, "a/b/file-1.txt", 9).unwrap(), b"text");
        assert_eq!(read(&inside, "a/b/file-1.txt", 2).unwrap(), b"tex", "one byte more");
        for path in ["a/link", "up/secret", "../secret", "a/../../secret", "a", "", "a/b/none"] {
            read(&inside, path, 9).unwrap_err();
        }
        assert_eq!(link(&inside, "a/link").unwrap(), b"../../secret");
        link(&inside, "up/in/a/link").unwrap_err();
    }

    #[test]
    fn a_pipe_in_a_files_place_holds_up_nobody() {
        let root = place();
        let made = std::process::Command::new("mkfifo").arg(root.path().join("in/pipe")).status();
        assert!(made.unwrap().success());
        read(&root.path().join("in"), "pipe", 9).unwrap_err();
    }

    #[test]
    fn a_pattern_finds_the_first_name_and_follows_no_link() {
        let root = place();
        let check = |pattern: &str, expected: Option<&str>| {
            assert_eq!(find(root.path(), pattern).unwrap().as_deref(), expected, "{pattern}");
        };
        check("in/*/b/file-*.txt", Some("in/a/b/file-1.txt"));
        check("in/a/b/file-1*1.txt", None);
        check("in/up/secret", None);
        check("*/up/in/a/*/file-1.txt", None);
        check("none/*", None);
    }
}
