//! Patches: what a fixer wants changed, as whole files.
//!
//! A patch is a list of paths with their new mode and content, not a diff: what the gate judges is
//! then exactly what the commit writes, and no parser of diffs stands between the two. A rename is
//! a deletion and an addition, so both names are judged.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::ids::RepoPath;

/// How git marks a tree entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FileMode {
    /// A file: 100644.
    #[serde(rename = "100644")]
    Regular,
    /// A program: 100755.
    #[serde(rename = "100755")]
    Executable,
    /// A symbolic link, whose content is its target: 120000.
    #[serde(rename = "120000")]
    Symlink,
    /// A submodule, whose content is a commit hash: 160000.
    #[serde(rename = "160000")]
    Submodule,
}

impl FileMode {
    /// The mode as git and GitHub write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Regular => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
            Self::Submodule => "160000",
        }
    }

    /// Reads git's text form; `None` for a directory or anything unknown.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Regular, Self::Executable, Self::Symlink, Self::Submodule]
            .into_iter()
            .find(|mode| mode.as_str() == text)
    }
}

/// Bytes that travel as base64.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(Vec<u8>);

impl Content {
    /// The content made of these bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, unless it is binary: not UTF-8, or with a NUL byte.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok().filter(|text| !text.contains('\0'))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.0.len())
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A file as it shall be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewFile {
    /// Its mode.
    pub mode: FileMode,
    /// Its whole content.
    pub content: Content,
}

/// What becomes of one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Which path.
    pub path: RepoPath,
    /// The file as it shall be; `None` deletes it.
    pub new: Option<NewFile>,
}

/// Why a list of changes is not a patch.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotAPatch {
    /// The same path stands in it twice.
    #[error("{0} is changed twice in one patch")]
    Twice(RepoPath),
    /// It is larger than anything that we would ever judge.
    #[error(
        "a patch of {files} files and {bytes} bytes is beyond {FILES_MAX} files or {BYTES_MAX} bytes"
    )]
    TooLarge {
        /// Files in it.
        files: usize,
        /// Bytes of new content in it.
        bytes: usize,
    },
}

/// More files than this are not a repair. The repository's own limit is far lower.
pub const FILES_MAX: usize = 300;

/// More new content than this is not a repair, and would not fit into one request to GitHub.
pub const BYTES_MAX: usize = 8 * 1024 * 1024;

/// A set of changes to a tree, each path once, ordered by path.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<FileChange>", into = "Vec<FileChange>")]
pub struct Patch(Vec<FileChange>);

impl Patch {
    /// The patch made of these changes.
    ///
    /// # Errors
    /// [`NotAPatch`] when a path stands twice or the whole is too large.
    pub fn new(mut changes: Vec<FileChange>) -> Result<Self, NotAPatch> {
        let bytes = changes
            .iter()
            .filter_map(|change| change.new.as_ref())
            .map(|file| file.content.bytes().len())
            .sum();
        if changes.len() > FILES_MAX || bytes > BYTES_MAX {
            return Err(NotAPatch::TooLarge { files: changes.len(), bytes });
        }
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        if let Some(pair) = changes.windows(2).find(|pair| pair[0].path == pair[1].path) {
            return Err(NotAPatch::Twice(pair[0].path.clone()));
        }
        Ok(Self(changes))
    }

    /// The changes, ordered by path.
    pub fn changes(&self) -> &[FileChange] {
        &self.0
    }

    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A digest over paths, modes and contents: what a proof was made for.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for change in &self.0 {
            hash.update(change.path.as_str().as_bytes());
            hash.update([0]);
            if let Some(file) = &change.new {
                hash.update(file.mode.as_str().as_bytes());
                hash.update(Sha256::digest(file.content.bytes()));
            }
            hash.update([1]);
        }
        hex::encode(hash.finalize())
    }
}

impl TryFrom<Vec<FileChange>> for Patch {
    type Error = NotAPatch;

    fn try_from(changes: Vec<FileChange>) -> Result<Self, NotAPatch> {
        Self::new(changes)
    }
}

impl From<Patch> for Vec<FileChange> {
    fn from(patch: Patch) -> Self {
        patch.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &str, text: &str) -> FileChange {
        FileChange {
            path: RepoPath::parse(path).unwrap(),
            new: Some(NewFile { mode: FileMode::Regular, content: Content::new(text) }),
        }
    }

    #[test]
    fn a_path_changes_once() {
        let twice = Patch::new(vec![write("a", "1"), write("b", "2"), write("a", "3")]);
        assert_eq!(twice, Err(NotAPatch::Twice(RepoPath::parse("a").unwrap())));
    }

    #[test]
    fn the_digest_tells_content_mode_and_deletion_apart() {
        let base = Patch::new(vec![write("a", "1")]).unwrap();
        let other = Patch::new(vec![write("a", "2")]).unwrap();
        let gone = Patch::new(vec![FileChange { path: RepoPath::parse("a").unwrap(), new: None }])
            .unwrap();
        let mut exec = write("a", "1");
        exec.new.as_mut().unwrap().mode = FileMode::Executable;
        let exec = Patch::new(vec![exec]).unwrap();
        let digests = [&base, &other, &gone, &exec].map(Patch::digest);
        for (i, digest) in digests.iter().enumerate() {
            assert!(!digests[..i].contains(digest), "{i}");
        }
    }

    #[test]
    fn a_patch_survives_the_wire() {
        let patch = Patch::new(vec![write("b", "\u{0}\u{ff}"), write("a", "1")]).unwrap();
        let json = serde_json::to_string(&patch).unwrap();
        assert_eq!(serde_json::from_str::<Patch>(&json).unwrap(), patch);
    }
}
