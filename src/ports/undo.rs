//! What taking commits back needs of a forge: what they changed, what stands now, and one commit.

use async_trait::async_trait;

use super::forge::ForgeError;
use crate::domain::ids::{Branch, RepoPath, Sha};
use crate::domain::pull::Repo;
use crate::domain::undo::{Restored, Touched, Tree};

/// A commit that takes others back.
#[derive(Debug, Clone)]
pub struct NewUndo {
    /// The repository that the branch lives in.
    pub repo: Repo,
    /// The branch.
    pub branch: Branch,
    /// The commit that the branch must still be at: the only parent.
    pub parent: Sha,
    /// The commits that are taken back; the trailer that names them tells whether this very commit
    /// was made already.
    pub commits: Vec<Sha>,
    /// What becomes of their files.
    pub restored: Vec<Restored>,
    /// The whole message, with that trailer.
    pub message: String,
}

/// A forge, as far as commits of ours are taken back.
#[async_trait]
pub trait ForgeUndo: Send + Sync {
    /// What a commit of ours did to each path that it touched, held against its only parent.
    async fn touched(&self, repo: &Repo, commit: &Sha) -> Result<Vec<Touched>, ForgeError>;

    /// What stands at these paths of a commit's tree.
    async fn standing(
        &self,
        repo: &Repo,
        commit: &Sha,
        paths: &[RepoPath],
    ) -> Result<Tree, ForgeError>;

    /// Commits by compare-and-swap on the branch. When the branch is already at a commit with the
    /// same trailer and the expected parent, that commit is the answer.
    async fn take_back(&self, undo: &NewUndo) -> Result<Sha, ForgeError>;
}
