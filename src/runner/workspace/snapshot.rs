//! A working tree as a commit, without touching the repository that it belongs to.
//!
//! For `selfheal heal`: what stands in a developer's directory, committed or not, is what is healed.
//! A copy of the index and an object directory of our own take everything that git writes; the
//! repository's objects are only borrowed.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Source, WorkspaceError, file_error, init_bare};
use crate::domain::ids::Sha;
use crate::runner::git::{Call, Git, GitError};

/// A developer's repository.
#[derive(Debug, Clone)]
pub struct WorkingTree {
    git: Git,
    root: PathBuf,
    objects: PathBuf,
    index: PathBuf,
}

impl WorkingTree {
    /// The repository around a directory.
    ///
    /// # Errors
    /// [`WorkspaceError::Git`] when it is in none.
    pub async fn around(git: Git, dir: &Path) -> Result<Self, WorkspaceError> {
        let root = git.line(dir, &["rev-parse", "--show-toplevel"]).await?;
        let path = |name: &'static str| {
            let git = git.clone();
            async move {
                let args = ["rev-parse", "--path-format=absolute", "--git-path", name];
                git.line(dir, &args).await.map(PathBuf::from)
            }
        };
        let (objects, index) = (path("objects").await?, path("index").await?);
        Ok(Self { git, root: root.into(), objects, index })
    }

    /// Its top directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Everything in it but ignored files, as a commit in a new bare repository at `mirror`.
    ///
    /// # Errors
    /// [`WorkspaceError::Git`] and [`WorkspaceError::File`].
    pub async fn snapshot(&self, mirror: &Path) -> Result<Source, WorkspaceError> {
        fs::create_dir_all(mirror).map_err(file_error(mirror))?;
        init_bare(&self.git, mirror).await?;
        let alternates = mirror.join("objects/info/alternates");
        fs::create_dir_all(mirror.join("objects/info")).map_err(file_error(&alternates))?;
        fs::write(&alternates, format!("{}\n", self.objects.display()))
            .map_err(file_error(&alternates))?;
        let tree = self.tree(mirror).await?;
        let args = ["commit-tree", tree.as_str(), "-m", "the working tree"];
        let mut call = Call::new(mirror, &args);
        for who in ["AUTHOR", "COMMITTER"] {
            call.env.push((format!("GIT_{who}_NAME"), "selfheal".to_owned()));
            call.env.push((format!("GIT_{who}_EMAIL"), "selfheal@localhost".to_owned()));
        }
        let head = sha(&self.git.call(call).await?, "commit-tree")?;
        Ok(Source {
            git: self.git.clone(),
            mirror: mirror.to_owned(),
            base: Some(head.clone()),
            head,
            fork: None,
        })
    }

    /// The tree that the working tree is now; its objects go into the mirror.
    ///
    /// # Errors
    /// [`WorkspaceError::Git`] and [`WorkspaceError::File`].
    pub async fn tree(&self, mirror: &Path) -> Result<Sha, WorkspaceError> {
        let index = mirror.join("selfheal.index");
        if self.index.is_file() {
            // It spares git reading every file again.
            let _ = fs::copy(&self.index, &index).map_err(file_error(&index))?;
        }
        let borrowed = |args: &'static [&'static str]| {
            let mut call = Call::new(&self.root, args);
            let objects = mirror.join("objects");
            for (name, path) in [
                ("GIT_INDEX_FILE", &index),
                ("GIT_OBJECT_DIRECTORY", &objects),
                ("GIT_ALTERNATE_OBJECT_DIRECTORIES", &self.objects),
            ] {
                call.env.push((name.to_owned(), path.display().to_string()));
            }
            call
        };
        let _ = self.git.call(borrowed(&["add", "--all"])).await?;
        let output = self.git.call(borrowed(&["write-tree"])).await?;
        sha(&output, "write-tree")
    }
}

fn sha(output: &[u8], verb: &str) -> Result<Sha, WorkspaceError> {
    let text = String::from_utf8_lossy(output);
    Sha::parse(text.trim())
        .map_err(|_| WorkspaceError::Git(GitError::Unreadable { verb: verb.to_owned() }))
}
