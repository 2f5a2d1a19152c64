//! Real git: plumbing on a bare repository, for REST answers and verbs; `smart_http` serves it.
//!
//! Every call is one or two `git` processes without configuration, hooks or prompts. Refs move by
//! compare-and-swap in git itself, so two pushes at once cannot both win.

mod diff;
mod process;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

pub use diff::ChangedFile;
pub(crate) use process::run;

/// A bare repository on disk.
#[derive(Debug, Clone)]
pub struct Repo {
    dir: PathBuf,
}

/// Who made a commit, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// When, in unix milliseconds (git keeps the seconds).
    pub when_ms: i64,
}

/// A commit, read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its id.
    pub sha: String,
    /// Its tree.
    pub tree: String,
    /// Its parents.
    pub parents: Vec<String>,
    /// Who wrote it.
    pub author: Person,
    /// Who made the commit.
    pub committer: Person,
    /// The whole message.
    pub message: String,
}

/// An entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// The path, from the tree that was asked for.
    pub path: String,
    /// Six digits, as in git.
    pub mode: String,
    /// `blob`, `tree` or `commit`.
    pub kind: String,
    /// The object.
    pub sha: String,
    /// Bytes of a blob.
    pub size: Option<u64>,
}

/// A change to a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEdit {
    /// The path.
    pub path: String,
    /// Six digits, as in git.
    pub mode: String,
    /// The object; `None` deletes the path.
    pub sha: Option<String>,
}

/// Why a ref did not move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefError {
    /// There is no such ref.
    NotFound,
    /// It exists already.
    Exists,
    /// The new commit does not contain the old one.
    NotFastForward,
    /// It is not where the caller believed it to be, or the object is missing.
    Mismatch,
}

impl Repo {
    /// Makes an empty bare repository.
    pub async fn init(dir: &Path, default_branch: &str) -> Result<Self> {
        let repo = Self { dir: dir.to_owned() };
        std::fs::create_dir_all(dir)?;
        repo.text(&["init", "-q", "--bare", "-b", default_branch]).await?;
        repo.text(&["config", "http.receivepack", "true"]).await?;
        let hook = dir.join("hooks/pre-receive");
        std::fs::create_dir_all(dir.join("hooks"))?;
        std::fs::write(&hook, crate::smart_http::PRE_RECEIVE)?;
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755))?;
        Ok(repo)
    }

    /// Where it is on disk.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The bytes of a blob.
    pub async fn blob(&self, sha: &str) -> Result<Vec<u8>> {
        self.bytes(&["cat-file", "blob", sha], &[], &[]).await
    }

    /// Stores a blob.
    pub async fn write_blob(&self, bytes: &[u8]) -> Result<String> {
        trimmed(self.bytes(&["hash-object", "-w", "--stdin"], bytes, &[]).await?)
    }

    /// The entries of a tree, or of a commit's tree.
    pub async fn tree(&self, sha: &str, recursive: Recursion) -> Result<Vec<TreeEntry>> {
        let mut args = vec!["ls-tree", "-z", "-l"];
        if recursive == Recursion::Whole {
            args.extend(["-r", "-t"]);
        }
        args.push(sha);
        let text = String::from_utf8_lossy(&self.bytes(&args, &[], &[]).await?).into_owned();
        text.split_terminator('\0').map(tree_entry).collect()
    }

    /// Writes a tree that differs from `base` by `edits`.
    pub async fn write_tree(&self, base: Option<&str>, edits: &[TreeEdit]) -> Result<String> {
        let scratch = tempfile::tempdir()?;
        let index = scratch.path().join("index").display().to_string();
        let env = [("GIT_INDEX_FILE", index.as_str())];
        let start = base.map_or(vec!["read-tree", "--empty"], |base| vec!["read-tree", base]);
        self.bytes(&start, &[], &env).await?;
        let mut input = Vec::new();
        for edit in edits {
            let (mode, sha) = match &edit.sha {
                Some(sha) => (edit.mode.as_str(), sha.as_str()),
                None => ("0", ZEROS),
            };
            input.extend(format!("{mode} {sha}\t{}\0", edit.path).into_bytes());
        }
        let args = ["update-index", "--add", "--replace", "-z", "--index-info"];
        self.bytes(&args, &input, &env).await?;
        trimmed(self.bytes(&["write-tree"], &[], &env).await?)
    }

    /// Reads a commit.
    pub async fn commit(&self, rev: &str) -> Result<CommitInfo> {
        let format = "--format=%H%x00%T%x00%P%x00%an%x00%ae%x00%at%x00%cn%x00%ce%x00%ct%x00%B";
        let rev = format!("{rev}^{{commit}}");
        let text = self.text(&["log", "-1", "--no-show-signature", format, &rev, "--"]).await?;
        let fields: Vec<&str> = text.splitn(10, '\0').collect();
        let [sha, tree, parents, an, ae, at, cn, ce, ct, message] = fields[..] else {
            bail!("git log of {rev} has {} fields", fields.len());
        };
        let person = |name: &str, email: &str, at: &str| -> Result<Person> {
            Ok(Person {
                name: name.into(),
                email: email.into(),
                when_ms: at.parse::<i64>()? * 1000,
            })
        };
        Ok(CommitInfo {
            sha: sha.into(),
            tree: tree.into(),
            parents: parents.split_whitespace().map(Into::into).collect(),
            author: person(an, ae, at)?,
            committer: person(cn, ce, ct)?,
            message: message.trim_end_matches('\n').into(),
        })
    }

    /// Writes a commit; no ref moves.
    pub async fn write_commit(&self, new: &NewCommit<'_>) -> Result<String> {
        let mut args = vec!["commit-tree", new.tree];
        for parent in new.parents {
            args.extend(["-p", parent]);
        }
        let stamp = |person: &Person| format!("{} +0000", person.when_ms / 1000);
        let (authored, committed) = (stamp(new.author), stamp(new.committer));
        let env = [
            ("GIT_AUTHOR_NAME", new.author.name.as_str()),
            ("GIT_AUTHOR_EMAIL", new.author.email.as_str()),
            ("GIT_AUTHOR_DATE", authored.as_str()),
            ("GIT_COMMITTER_NAME", new.committer.name.as_str()),
            ("GIT_COMMITTER_EMAIL", new.committer.email.as_str()),
            ("GIT_COMMITTER_DATE", committed.as_str()),
        ];
        trimmed(self.bytes(&args, new.message.as_bytes(), &env).await?)
    }

    /// All refs with what they point at.
    pub async fn refs(&self) -> Result<Vec<(String, String)>> {
        let text = self.text(&["for-each-ref", "--format=%(refname) %(objectname)"]).await?;
        Ok(text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, sha)| (name.to_owned(), sha.to_owned()))
            .collect())
    }

    /// What a ref points at.
    pub async fn get_ref(&self, name: &str) -> Result<Option<String>> {
        Ok(self.text(&["rev-parse", "-q", "--verify", name]).await.ok())
    }

    /// Creates a ref.
    pub async fn create_ref(&self, name: &str, sha: &str) -> Result<Result<(), RefError>> {
        if self.get_ref(name).await?.is_some() {
            return Ok(Err(RefError::Exists));
        }
        let made = self.text(&["update-ref", name, sha, ZEROS]).await;
        Ok(made.map(|_| ()).map_err(|_| RefError::Mismatch))
    }

    /// Moves a ref if it is where the caller believes it to be.
    pub async fn update_ref(&self, moved: &RefMove<'_>) -> Result<Result<(), RefError>> {
        let Some(old) = self.get_ref(moved.name).await? else {
            return Ok(Err(RefError::NotFound));
        };
        if moved.expected_old.is_some_and(|expected| expected != old) {
            return Ok(Err(RefError::Mismatch));
        }
        if moved.force == Force::No && !self.is_ancestor(&old, moved.new).await? {
            return Ok(Err(RefError::NotFastForward));
        }
        let done = self.text(&["update-ref", moved.name, moved.new, &old]).await;
        Ok(done.map(|_| ()).map_err(|_| RefError::Mismatch))
    }

    /// Deletes a ref; fine when it is gone.
    pub async fn delete_ref(&self, name: &str) -> Result<()> {
        self.text(&["update-ref", "-d", name]).await.map(|_| ())
    }

    /// The best common ancestor.
    pub async fn merge_base(&self, one: &str, other: &str) -> Result<Option<String>> {
        Ok(self.text(&["merge-base", one, other]).await.ok())
    }

    /// Whether `old` is contained in `new`.
    pub async fn is_ancestor(&self, old: &str, new: &str) -> Result<bool> {
        Ok(self.text(&["merge-base", "--is-ancestor", old, new]).await.is_ok())
    }

    /// Commits of a range (`a..b`), newest first.
    pub async fn log(&self, range: &str, max: usize) -> Result<Vec<CommitInfo>> {
        let max = format!("-{max}");
        let text = self.text(&["rev-list", &max, range, "--"]).await?;
        let mut commits = Vec::new();
        for sha in text.lines() {
            commits.push(self.commit(sha).await?);
        }
        Ok(commits)
    }

    /// What changed between two commits.
    pub async fn diff_files(&self, base: &str, head: &str) -> Result<Vec<ChangedFile>> {
        let raw = ["diff-tree", "-r", "-z", "-M", "--raw", "--no-abbrev", base, head];
        let raw = String::from_utf8_lossy(&self.bytes(&raw, &[], &[]).await?).into_owned();
        let patch = ["diff-tree", "-r", "-p", "-M", base, head];
        let patch = String::from_utf8_lossy(&self.bytes(&patch, &[], &[]).await?).into_owned();
        Ok(diff::changed_files(&raw, &patch))
    }

    /// The commit that a name, branch or id stands for.
    pub async fn resolve(&self, rev: &str) -> Result<Option<String>> {
        let rev = format!("{rev}^{{commit}}");
        Ok(self.text(&["rev-parse", "-q", "--verify", &rev]).await.ok())
    }

    /// A file's bytes and blob at a commit.
    pub async fn read_file(&self, rev: &str, path: &str) -> Result<Option<(Vec<u8>, String)>> {
        let Ok(sha) = self.text(&["rev-parse", "-q", "--verify", &format!("{rev}:{path}")]).await
        else {
            return Ok(None);
        };
        match self.blob(&sha).await {
            Ok(bytes) => Ok(Some((bytes, sha))),
            Err(_) => Ok(None),
        }
    }

    /// The tree of merging `head` into `base`; `None` when they conflict.
    pub async fn merge_tree(&self, base: &str, head: &str) -> Result<Option<String>> {
        Ok(self.text(&["merge-tree", "--write-tree", base, head]).await.ok())
    }

    /// Copies a commit and what it needs from another repository.
    pub async fn take_from(&self, other: &Self, sha: &str) -> Result<()> {
        let dir = other.dir.display().to_string();
        self.text(&["fetch", "-q", "--no-tags", &dir, sha]).await.map(|_| ())
    }

    async fn text(&self, args: &[&str]) -> Result<String> {
        trimmed(self.bytes(args, &[], &[]).await?)
    }

    async fn bytes(&self, args: &[&str], input: &[u8], env: &[(&str, &str)]) -> Result<Vec<u8>> {
        run(&self.dir, args, input, env).await
    }
}

/// The id that stands for "nothing".
pub const ZEROS: &str = "0000000000000000000000000000000000000000";

/// How deep to list a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recursion {
    /// One level.
    Level,
    /// Everything below.
    Whole,
}

/// Whether a ref may go where its old commit is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// Only fast-forwards.
    No,
    /// Anywhere.
    Yes,
}

/// A commit to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewCommit<'a> {
    /// Its tree.
    pub tree: &'a str,
    /// Its parents.
    pub parents: &'a [String],
    /// The whole message.
    pub message: &'a str,
    /// Who wrote it.
    pub author: &'a Person,
    /// Who made the commit.
    pub committer: &'a Person,
}

/// A ref to be moved.
#[derive(Debug, Clone, Copy)]
pub struct RefMove<'a> {
    /// The full name.
    pub name: &'a str,
    /// Where to.
    pub new: &'a str,
    /// Where it must be now.
    pub expected_old: Option<&'a str>,
    /// Whether commits may be lost.
    pub force: Force,
}

fn trimmed(bytes: Vec<u8>) -> Result<String> {
    Ok(String::from_utf8(bytes)?.trim_end_matches('\n').to_owned())
}

fn tree_entry(line: &str) -> Result<TreeEntry> {
    let (head, path) = line.split_once('\t').context("a tree entry without a path")?;
    let fields: Vec<&str> = head.split_whitespace().collect();
    let [mode, kind, sha, size] = fields[..] else { bail!("a tree entry with odd fields: {head}") };
    Ok(TreeEntry {
        path: path.into(),
        mode: mode.into(),
        kind: kind.into(),
        sha: sha.into(),
        size: size.parse().ok(),
    })
}
