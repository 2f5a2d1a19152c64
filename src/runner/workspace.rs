//! Workspaces: exact checkouts of the commit to heal, and what was changed in one.
//!
//! A [`Source`] is a bare mirror that only this process writes; a [`Checkout`] is a copy of its own,
//! with its own small repository, without remotes or credentials, that the sandbox may write
//! anywhere. So after the sandbox has had a checkout, git is not run on it again: what changed is
//! found by plain file operations that follow no symbolic link ([`changes`]).
//!
//! git converts nothing here (`* -text -filter …` in `info/attributes`): the bytes in a checkout are
//! the bytes in the commit, so the bytes that a fixer leaves are the bytes of the patch.
//!
//! Races: two attempts on one machine may share a mirror; a lock file makes them take turns.

mod apply;
mod changes;
mod context;
mod difference;
mod places;
mod snapshot;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};
use thiserror::Error;

use super::git::{Call, Credential, FileRemotes, Git, GitError, TreeEntry};
use crate::domain::ids::{PrNumber, RepoPath, Sha};
use crate::domain::patch::{FileMode, NotAPatch, Patch};
use crate::domain::protected::{configures_agents, is_agents_from_base};

/// Why there is no workspace, or no patch from one.
#[derive(Debug, Error)]
pub enum WorkspaceError {
    /// git did not do what it was asked.
    #[error("a checkout could not be prepared")]
    Git(#[from] GitError),
    /// A file could not be read or written.
    #[error("{path} could not be read or written")]
    File {
        /// The path, as far as known.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The remote does not have the commit any more.
    #[error("the remote does not have commit {0}")]
    NoCommit(Sha),
    /// A patch would write through something that is not a directory.
    #[error("{0} cannot be written: a part of its path is not a directory")]
    Blocked(RepoPath),
    /// What was changed is not a patch.
    #[error("what was changed is not a patch")]
    NotAPatch(#[from] NotAPatch),
    /// There are more files than a walk goes through.
    #[error("the workspace has more than {} files", changes::ENTRIES_MAX)]
    TooManyFiles,
}

pub use self::apply::write;
pub use self::context::{Against, Context};
pub use self::snapshot::WorkingTree;

fn file_error(path: &Path) -> impl FnOnce(std::io::Error) -> WorkspaceError + use<> {
    let path = path.display().to_string();
    move |source| WorkspaceError::File { path, source }
}

/// Where commits are fetched from.
#[derive(Debug, Clone)]
pub struct Remote {
    /// A URL, or a directory of this machine.
    pub url: String,
    /// The credential that reads it.
    pub credential: Option<Credential>,
}

impl Remote {
    fn file_remotes(&self) -> FileRemotes {
        let is_server = self.url.contains("://") && !self.url.starts_with("file://");
        if is_server { FileRemotes::Refused } else { FileRemotes::Allowed }
    }
}

/// Which commits an attempt needs.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The commit to heal.
    pub head: Sha,
    /// The base branch's commit, from which agent configuration is taken.
    pub base: Sha,
    /// The newest commit that both have in common, where the forge could tell.
    pub fork: Option<Sha>,
    /// The pull request, whose reference is the second way to the head.
    pub pull: PrNumber,
}

/// A bare mirror that has the commits of an attempt.
#[derive(Debug, Clone)]
pub struct Source {
    git: Git,
    mirror: PathBuf,
    head: Sha,
    base: Option<Sha>,
    fork: Option<Sha>,
}

impl Source {
    /// Brings the commits into the mirror at `mirror`, which is made when it is not there.
    ///
    /// The head must be had; without the base there is no agent configuration.
    ///
    /// # Errors
    /// [`WorkspaceError::NoCommit`] when the remote has not got the head.
    pub async fn fetch(
        git: Git,
        mirror: &Path,
        remote: &Remote,
        wanted: &Wanted,
    ) -> Result<Self, WorkspaceError> {
        fs::create_dir_all(mirror).map_err(file_error(mirror))?;
        let lock_path = mirror.join("selfheal.lock");
        let lock = fs::File::create(&lock_path).map_err(file_error(&lock_path))?;
        let locked = tokio::task::spawn_blocking(move || {
            flock(&lock, FlockOperation::LockExclusive).map(|()| lock)
        });
        let _lock = locked
            .await
            .map_err(std::io::Error::other)
            .and_then(|lock| lock.map_err(std::io::Error::from))
            .map_err(file_error(&lock_path))?;
        if !mirror.join("HEAD").exists() {
            init_bare(&git, mirror).await?;
        }
        let pull_ref = format!("refs/pull/{}/head", wanted.pull);
        if !bring(&git, mirror, remote, (&wanted.head, KEPT_HEAD)).await {
            let deep = format!("--depth={PULL_DEPTH}");
            let into = format!("+{pull_ref}:{KEPT_HEAD}");
            let args = ["fetch", "--quiet", "--no-tags", &deep, &remote.url, &into];
            git.call(fetch_call(mirror, remote, &args)).await?;
            if !git.has_commit(mirror, &wanted.head).await {
                return Err(WorkspaceError::NoCommit(wanted.head.clone()));
            }
        }
        let has_base = bring(&git, mirror, remote, (&wanted.base, KEPT_BASE)).await;
        // Commits are fetched without their history, so which one is common is not to be seen here.
        let fork = match &wanted.fork {
            Some(fork) if bring(&git, mirror, remote, (fork, KEPT_FORK)).await => {
                Some(fork.clone())
            }
            Some(_) | None => None,
        };
        Ok(Self {
            git,
            mirror: mirror.to_owned(),
            head: wanted.head.clone(),
            base: has_base.then(|| wanted.base.clone()),
            fork,
        })
    }

    /// The commit that checkouts are made of.
    pub const fn head(&self) -> &Sha {
        &self.head
    }

    /// The files of the head, by path; names that no path of ours can hold are left out.
    ///
    /// # Errors
    /// [`WorkspaceError::Git`].
    pub async fn files(&self) -> Result<BTreeMap<RepoPath, FileMode>, WorkspaceError> {
        let tree = self.git.tree(&self.mirror, &self.head).await?;
        Ok(tree.iter().filter_map(named).map(|(path, mode, _)| (path, mode)).collect())
    }

    /// A file of the head.
    ///
    /// # Errors
    /// [`WorkspaceError::Git`].
    pub async fn file(&self, path: &RepoPath) -> Result<Option<Vec<u8>>, WorkspaceError> {
        let tree = self.git.tree(&self.mirror, &self.head).await?;
        let found = tree.iter().filter_map(named).find(|(entry, _, _)| entry == path);
        let Some((_, _, object)) = found else { return Ok(None) };
        Ok(self.git.blobs(&self.mirror, &[object]).await?.pop())
    }

    /// A fresh checkout of exactly the head, at `dir`, which must not exist.
    ///
    /// # Errors
    /// [`WorkspaceError::Git`] and [`WorkspaceError::File`].
    pub async fn checkout(&self, dir: &Path) -> Result<Checkout, WorkspaceError> {
        fs::create_dir_all(dir).map_err(file_error(dir))?;
        self.git.run(dir, &["init", "--quiet", "--template="]).await?;
        let info = dir.join(".git/info");
        fs::create_dir_all(&info).map_err(file_error(&info))?;
        fs::write(info.join("attributes"), ATTRIBUTES).map_err(file_error(&info))?;
        let mirror = self.mirror.to_string_lossy().into_owned();
        let args =
            ["fetch", "--quiet", "--no-tags", "--depth=1", mirror.as_str(), self.head.as_str()];
        let call = Call { file_remotes: FileRemotes::Allowed, ..Call::new(dir, &args) };
        self.git.call(call).await?;
        self.git.run(dir, &["checkout", "--quiet", "--detach", self.head.as_str()]).await?;
        // It names the mirror's place on this machine, which is nobody's business in the sandbox.
        let fetched = dir.join(".git/FETCH_HEAD");
        fs::remove_file(&fetched).map_err(file_error(&fetched))?;
        let tree = self.git.tree(&self.mirror, &self.head).await?;
        Checkout::new(dir.to_owned(), self.clone(), &tree)
    }
}

/// By these git tells a remote what is in the mirror: without them every fetch would bring everything.
const KEPT_HEAD: &str = "refs/selfheal/head";
const KEPT_BASE: &str = "refs/selfheal/base";
const KEPT_FORK: &str = "refs/selfheal/fork";

/// Enough to find a head that a newer push has buried under a few commits.
const PULL_DEPTH: u32 = 50;

/// No conversion of any kind between the commit's bytes and the checkout's.
const ATTRIBUTES: &str = "* -text -eol -crlf -ident -filter -working-tree-encoding\n";

async fn init_bare(git: &Git, mirror: &Path) -> Result<(), WorkspaceError> {
    git.run(mirror, &["init", "--quiet", "--bare", "--template="]).await?;
    // Checkouts are fetched from the mirror by hash.
    git.run(mirror, &["config", "uploadpack.allowAnySHA1InWant", "true"]).await?;
    Ok(())
}

fn fetch_call<'a>(dir: &'a Path, remote: &'a Remote, args: &'a [&'a str]) -> Call<'a> {
    Call {
        file_remotes: remote.file_remotes(),
        credential: remote.credential.as_ref(),
        ..Call::new(dir, args)
    }
}

/// Whether the commit is in the mirror, after fetching it by its hash when it was not, under the name by
/// which the next fetch says that it is here.
async fn bring(git: &Git, mirror: &Path, remote: &Remote, (sha, name): (&Sha, &str)) -> bool {
    if git.has_commit(mirror, sha).await {
        return true;
    }
    let into = format!("+{sha}:{name}");
    let args = ["fetch", "--quiet", "--no-tags", "--depth=1", &remote.url, &into];
    match git.call(fetch_call(mirror, remote, &args)).await {
        Ok(_) => git.has_commit(mirror, sha).await,
        Err(error) => {
            tracing::info!(error = %error, "the commit cannot be fetched by its hash");
            false
        }
    }
}

fn named(entry: &TreeEntry) -> Option<(RepoPath, FileMode, Sha)> {
    let path = RepoPath::parse(std::str::from_utf8(&entry.path).ok()?).ok()?;
    Some((path, FileMode::parse(&entry.mode)?, entry.object.clone()))
}

/// A file as the commit has it, and as the file system had it right after the checkout.
#[derive(Debug, Clone)]
struct Tracked {
    mode: FileMode,
    object: Sha,
    stamp: Option<Stamp>,
}

/// What changes whenever a file is written: a process cannot set the change time back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// A copy of the head that the sandbox may write.
#[derive(Debug, Clone)]
pub struct Checkout {
    dir: PathBuf,
    source: Source,
    tracked: Arc<BTreeMap<RepoPath, Tracked>>,
    agents_from_base: AgentsFromBase,
}

/// Whose agent configuration a checkout has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AgentsFromBase {
    No,
    Yes,
}

impl Checkout {
    fn new(dir: PathBuf, source: Source, tree: &[TreeEntry]) -> Result<Self, WorkspaceError> {
        let mut tracked = BTreeMap::new();
        for (path, mode, object) in tree.iter().filter_map(named) {
            let place = dir.join(path.as_str());
            let stamp = match fs::symlink_metadata(&place) {
                Ok(metadata) => Some(Stamp::of(&metadata)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => return Err(file_error(&place)(error)),
            };
            tracked.insert(path, Tracked { mode, object, stamp });
        }
        Ok(Self { dir, source, tracked: Arc::new(tracked), agents_from_base: AgentsFromBase::No })
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether the head has a file there.
    pub fn tracks(&self, path: &RepoPath) -> bool {
        self.tracked.contains_key(path)
    }

    /// Writes a patch into the checkout.
    ///
    /// # Errors
    /// [`WorkspaceError::Blocked`] when a path leads through a symbolic link.
    pub fn apply(&mut self, patch: &Patch) -> Result<(), WorkspaceError> {
        let tracked = Arc::make_mut(&mut self.tracked);
        for change in patch.changes() {
            // Written within the same tick as the checkout, a file could keep its stamp.
            if let Some(tracked) = tracked.get_mut(&change.path) {
                tracked.stamp = None;
            }
        }
        apply::write(&self.dir, patch)
    }

    /// Takes the head's agent configuration away before a fixer starts, and puts the base's guidance in
    /// its place: settings, hooks, plugins and servers of tools are none of a repository's business here.
    ///
    /// From then on such files are no part of [`changes`](Self::changes).
    ///
    /// # Errors
    /// [`WorkspaceError::Git`] and [`WorkspaceError::File`].
    pub async fn take_agents_from_base(&mut self) -> Result<(), WorkspaceError> {
        self.agents_from_base = AgentsFromBase::Yes;
        let (git, mirror) = (&self.source.git, &self.source.mirror);
        let base = match &self.source.base {
            Some(base) => git.tree(mirror, base).await?,
            None => Vec::new(),
        };
        let wanted: BTreeMap<RepoPath, (FileMode, Sha)> = base
            .iter()
            .filter_map(named)
            .filter(|(path, _, _)| is_agents_from_base(path))
            .map(|(path, mode, object)| (path, (mode, object)))
            .collect();
        let objects: Vec<Sha> = wanted.values().map(|(_, object)| object.clone()).collect();
        let contents = git.blobs(mirror, &objects).await?;
        let present = self.tracked.keys().filter(|path| configures_agents(path));
        let removed = present.filter(|path| !wanted.contains_key(path)).cloned();
        let patch = apply::patch_of(removed, wanted.iter().zip(contents))?;
        apply::write(&self.dir, &patch)
    }

    /// What is different from the head: contents, modes, new and removed files.
    ///
    /// Ignored files, build products and what lies in submodules are left out. When something writes in
    /// the checkout meanwhile, this may fail, and the patch is from no one moment.
    ///
    /// # Errors
    /// [`WorkspaceError::NotAPatch`] when it is more than a patch can hold.
    pub async fn changes(&self) -> Result<Patch, WorkspaceError> {
        let checkout = self.clone();
        let found = tokio::task::spawn_blocking(move || changes::candidates(&checkout)).await;
        let found = found.map_err(std::io::Error::other).map_err(file_error(&self.dir))??;
        let objects: Vec<Sha> =
            found.changed.iter().map(|(path, _)| self.tracked[path].object.clone()).collect();
        let contents = self.source.git.blobs(&self.source.mirror, &objects).await?;
        changes::patch(self, found, &contents)
    }
}
