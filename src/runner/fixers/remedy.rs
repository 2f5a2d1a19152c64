//! The remedy fixer: what healed the same failure before, put to this text.
//!
//! It runs nothing and asks nobody. Where it applies, what was red is run at once, and what stays red
//! is dropped again before anybody else works (`stages::execute`), so that a remedy in vain costs the
//! attempt nothing but that time. Files are read and written through no symbolic link.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use async_trait::async_trait;

use super::{Fixer, FixerError, Hindrance, Job, Report};
use crate::domain::ids::RepoPath;
use crate::domain::patch::{Content, FileChange, FileMode, NewFile, Patch};
use crate::domain::remedy::{Edit, Offer, apply, fixer_of};
use crate::runner::beneath;
use crate::runner::workspace::write;

/// A larger file is not source text.
const FILE_BYTES_MAX: usize = 1024 * 1024;

/// A remedy as a fixer.
#[derive(Debug, Clone)]
pub struct RemedyFixer(pub Offer);

#[async_trait]
impl Fixer for RemedyFixer {
    fn id(&self) -> String {
        fixer_of(self.0.remedy)
    }

    fn why(&self) -> String {
        format!("the fix of {} healed the same failure", self.0.from)
    }

    fn held(&self) -> Option<&'static str> {
        None
    }

    fn check(&self) -> Option<String> {
        None
    }

    fn can_learn(&self) -> bool {
        false
    }

    fn is_all_or_nothing(&self) -> bool {
        true
    }

    fn makes_files(&self) -> bool {
        true
    }

    async fn fix(&self, job: Job<'_>) -> Result<Report, FixerError> {
        let from = &self.0.from;
        let Some(patch) = applied(job.workspace, &self.0.edits) else {
            let summary = format!("The fix of {from} does not apply here");
            return Ok(Report { summary, ..Report::default() });
        };
        // A path that leads through something else than folders is no place for it.
        let hindrance = write(job.workspace, &patch).err().map(|error| {
            Hindrance::Unavailable(format!("The fix of {from} cannot be written: {error}"))
        });
        Ok(Report {
            summary: format!("Apply the fix of {from} again"),
            hindrance,
            ..Report::default()
        })
    }
}

/// What the edits make of the workspace; `None` unless all of them apply.
fn applied(workspace: &Path, edits: &[Edit]) -> Option<Patch> {
    let files = apply(edits, |path| text(workspace, path))?;
    let changes = files.into_iter().map(|(path, text)| {
        let new = NewFile { mode: mode(workspace, &path), content: Content::new(text) };
        FileChange { path, new: Some(new) }
    });
    Patch::new(changes.collect()).ok()
}

/// The text of a file; `Ok(None)` where there is nothing of that name.
fn text(workspace: &Path, path: &RepoPath) -> io::Result<Option<String>> {
    let bytes = match beneath::read(workspace, path.as_str(), FILE_BYTES_MAX) {
        Ok(bytes) if bytes.len() <= FILE_BYTES_MAX => bytes,
        Ok(_) => return Err(io::ErrorKind::FileTooLarge.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    String::from_utf8(bytes).map(Some).map_err(io::Error::other)
}

fn mode(workspace: &Path, path: &RepoPath) -> FileMode {
    let known = beneath::open(workspace, path.as_str()).and_then(|file| file.metadata());
    match known {
        Ok(metadata) if metadata.permissions().mode() & 0o100 != 0 => FileMode::Executable,
        Ok(_) | Err(_) => FileMode::Regular,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::domain::remedy::{Change, Hunk};

    fn edit(path: &str, change: Change) -> Edit {
        Edit { path: RepoPath::parse(path).unwrap(), change }
    }

    fn good_for_bad(path: &str) -> Edit {
        let line = |text: &str| vec![text.to_owned()];
        let (old, new) = (line("a value that is bad\n"), line("a value that is good\n"));
        let hunk = Hunk { before: Vec::new(), old, new, after: Vec::new() };
        edit(path, Change::At(vec![hunk]))
    }

    #[test]
    fn a_program_stays_one() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join("run.sh");
        fs::write(&place, "a value that is bad\n").unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        let patch = applied(root.path(), &[good_for_bad("run.sh")]).unwrap();
        let new = patch.changes()[0].new.as_ref().unwrap();
        assert_eq!(new.mode, FileMode::Executable);
        assert_eq!(new.content.text(), Some("a value that is good\n"));
    }

    #[test]
    fn nothing_is_read_through_a_link() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("a.txt"), "a value that is bad\n").unwrap();
        let root = tempfile::tempdir().unwrap();
        let link = |to: &Path, name: &str| {
            std::os::unix::fs::symlink(to, root.path().join(name)).unwrap();
        };
        link(&outside.path().join("a.txt"), "a.txt");
        link(outside.path(), "folder");
        assert_eq!(applied(root.path(), &[good_for_bad("a.txt")]), None);
        assert_eq!(applied(root.path(), &[good_for_bad("folder/a.txt")]), None);
        let made = [edit("folder/new.txt", Change::Made("x\n".to_owned()))];
        let patch = applied(root.path(), &made);
        assert!(patch.is_none_or(|patch| write(root.path(), &patch).is_err()));
        assert!(!outside.path().join("new.txt").exists());
    }
}
