//! Two commits of a repository that nobody vouches for: which files differ, and their contents.
//!
//! git works in an empty repository of our own that borrows the other's objects, so no
//! configuration, hook, filter, attribute or remote of that repository has a say. Only the names of
//! the commits and the place of the objects are asked for in it. Nothing is fetched: what is not
//! there is an error.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::domain::ids::{RepoPath, Sha};
use crate::domain::patch::{Content, FileChange, FileMode, NewFile};
use crate::domain::policy::POLICY_FILE;
use crate::domain::pull::BaseFile;
use crate::runner::git::{Call, Git, GitError};

/// The longest file that is read; a longer one is taken as one that cannot be read.
const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// The most files of one change: beyond that nobody asks a gate.
const FILES_MAX: usize = 20_000;

/// A text that is no text: what is too long to be read is judged like binary content.
const UNREAD: &[u8] = b"\0";

/// A repository, seen through one of our own.
#[derive(Debug)]
pub struct Commits {
    git: Git,
    repo: PathBuf,
    mirror: PathBuf,
}

/// The files that differ between two commits.
#[derive(Debug, Default)]
pub struct Changed {
    /// What became of each path.
    pub changes: Vec<FileChange>,
    /// What each path was.
    pub base: Vec<BaseFile>,
    /// Paths that are none to us.
    pub unnamed: Vec<String>,
}

impl Changed {
    /// How many files differ.
    pub fn files(&self) -> usize {
        self.changes.len() + self.unnamed.len()
    }
}

/// One line of what differs: the mode and object of each side, and the path.
struct Entry {
    old: (String, Sha),
    new: (String, Sha),
    path: String,
}

impl Commits {
    /// Opens a repository.
    ///
    /// # Errors
    /// When it is none, or git does not work.
    pub async fn open(git: Git, repo: &Path, scratch: &Path) -> anyhow::Result<Self> {
        let args = ["rev-parse", "--path-format=absolute", "--git-path", "objects"];
        let objects = git.line(repo, &args).await.context("the repository cannot be read")?;
        let mirror = scratch.join("mirror");
        fs::create_dir_all(&mirror)?;
        git.run(&mirror, &["init", "--quiet", "--bare", "--template="]).await?;
        fs::create_dir_all(mirror.join("objects/info"))?;
        fs::write(mirror.join("objects/info/alternates"), format!("{objects}\n"))?;
        Ok(Self { git, repo: repo.to_owned(), mirror })
    }

    /// The commit of that name.
    ///
    /// # Errors
    /// When there is none.
    pub async fn commit(&self, name: &str) -> anyhow::Result<Sha> {
        let wanted = format!("{name}^{{commit}}");
        let args = ["rev-parse", "--verify", "--quiet", "--end-of-options", wanted.as_str()];
        let found = match self.git.line(&self.repo, &args).await {
            Ok(found) => found,
            // It says nothing when it only has not found it.
            Err(GitError::Refused { complaint, .. }) if complaint.is_empty() => {
                anyhow::bail!("there is no commit `{}` in this repository", name.escape_debug())
            }
            Err(error) => return Err(error).context("git cannot read this repository"),
        };
        Sha::parse(&found).map_err(|_| anyhow::anyhow!("git answered something unexpected"))
    }

    /// Where the two went apart.
    ///
    /// # Errors
    /// When they have no common history here, as in a shallow clone.
    pub async fn merge_base(&self, base: &Sha, head: &Sha) -> anyhow::Result<Sha> {
        let args = ["merge-base", base.as_str(), head.as_str()];
        let found = self.git.line(&self.mirror, &args).await;
        let found =
            found.context("base and head have no common commit here; is the clone shallow?")?;
        Sha::parse(&found).map_err(|_| anyhow::anyhow!("git answered something unexpected"))
    }

    /// The policy of a commit, if it has one.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub async fn policy(&self, at: &Sha) -> anyhow::Result<Option<String>> {
        let name = format!("{at}:{POLICY_FILE}");
        let Ok(object) =
            self.git.line(&self.mirror, &["rev-parse", "--verify", "--quiet", &name]).await
        else {
            return Ok(None);
        };
        let object = Sha::parse(&object)
            .map_err(|_| anyhow::anyhow!("git answered something unexpected"))?;
        let content = self.git.blobs(&self.mirror, &[object]).await?.pop().unwrap_or_default();
        Ok(Some(String::from_utf8(content).context("the base commit's policy is no text")?))
    }

    /// The files that differ.
    ///
    /// # Errors
    /// When an object is not there, or there are too many.
    pub async fn changed(&self, base: &Sha, head: &Sha) -> anyhow::Result<Changed> {
        let args = [
            "diff-tree",
            "-r",
            "-z",
            "--raw",
            "--no-renames",
            "--full-index",
            base.as_str(),
            head.as_str(),
        ];
        let output = self.git.run(&self.mirror, &args).await?;
        let entries = entries(&output).context("git answered something unexpected")?;
        if entries.len() > FILES_MAX {
            bail!("{} files differ; the limit is {FILES_MAX}", entries.len());
        }
        let mut contents = self.contents(&entries).await?.into_iter();
        let mut changed = Changed::default();
        for entry in &entries {
            let (old, new) = (contents.next().flatten(), contents.next().flatten());
            let Ok(path) = RepoPath::parse(&entry.path) else {
                changed.unnamed.push(entry.path.clone());
                continue;
            };
            if let Some(mode) = FileMode::parse(&entry.old.0) {
                let content = Content::new(old.unwrap_or_default());
                let (text, size) =
                    (content.text().map(str::to_owned), content.bytes().len() as u64);
                changed.base.push(BaseFile { path: path.clone(), mode, text, size });
            }
            let new = FileMode::parse(&entry.new.0)
                .map(|mode| NewFile { mode, content: Content::new(new.unwrap_or_default()) });
            changed.changes.push(FileChange { path, new });
        }
        Ok(changed)
    }

    /// The contents of both sides of every entry, in their order; `None` where there is no file.
    async fn contents(&self, entries: &[Entry]) -> anyhow::Result<Vec<Option<Vec<u8>>>> {
        let sides: Vec<&(String, Sha)> =
            entries.iter().flat_map(|entry| [&entry.old, &entry.new]).collect();
        let is_file = |mode: &str| matches!(mode, "100644" | "100755" | "120000");
        let wanted: Vec<Sha> = sides
            .iter()
            .filter(|(mode, _)| is_file(mode))
            .map(|(_, object)| object.clone())
            .collect();
        let sizes = self.sizes(&wanted).await?;
        let short: Vec<Sha> = wanted
            .iter()
            .zip(&sizes)
            .filter(|(_, size)| **size <= FILE_BYTES_MAX)
            .map(|(object, _)| object.clone())
            .collect();
        let mut read = self
            .git
            .blobs(&self.mirror, &short)
            .await
            .context("a file cannot be read")?
            .into_iter();
        let mut sizes = sizes.into_iter();
        let content = |(mode, _): &(String, Sha)| {
            if !is_file(mode) {
                return None;
            }
            let size = sizes.next().unwrap_or(u64::MAX);
            if size > FILE_BYTES_MAX { Some(UNREAD.to_vec()) } else { read.next() }
        };
        Ok(sides.into_iter().map(content).collect())
    }

    async fn sizes(&self, objects: &[Sha]) -> anyhow::Result<Vec<u64>> {
        let mut call = Call::new(&self.mirror, &["cat-file", "--batch-check=%(objectsize)"]);
        for object in objects {
            call.stdin.extend_from_slice(format!("{object}\n").as_bytes());
        }
        let output = self.git.call(call).await?;
        let size = |line: &str| {
            line.trim().parse::<u64>().context("a file of the change is not in this clone")
        };
        String::from_utf8_lossy(&output).lines().map(size).collect()
    }
}

/// The entries of `diff-tree --raw -z`: `:old new old-object new-object letter`, NUL, path, NUL.
fn entries(output: &[u8]) -> Option<Vec<Entry>> {
    let mut parts = output.split(|byte| *byte == 0).filter(|part| !part.is_empty());
    let mut entries = Vec::new();
    while let Some(head) = parts.next() {
        let head = std::str::from_utf8(head).ok()?.strip_prefix(':')?;
        let mut words = head.split(' ');
        let (old_mode, new_mode) = (words.next()?.to_owned(), words.next()?.to_owned());
        let (old, new) = (Sha::parse(words.next()?).ok()?, Sha::parse(words.next()?).ok()?);
        let path = String::from_utf8_lossy(parts.next()?).into_owned();
        entries.push(Entry { old: (old_mode, old), new: (new_mode, new), path });
    }
    Some(entries)
}
