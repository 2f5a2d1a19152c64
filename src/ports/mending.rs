//! What mending a base branch needs of a forge: a branch and a pull request of our own, and their end.

use async_trait::async_trait;

use super::forge::ForgeError;
use crate::domain::ids::{Branch, PrNumber, Sha};
use crate::domain::mending::Proposed;
use crate::domain::pull::{Pull, PullCommit, Repo};

/// A branch of our own, to begin with a commit that has no content.
#[derive(Debug, Clone)]
pub struct NewBranch {
    /// The repository.
    pub repo: Repo,
    /// The branch.
    pub branch: Branch,
    /// The commit that it begins on.
    pub parent: Sha,
    /// The whole message of its first commit.
    pub message: String,
}

/// A pull request of our own.
#[derive(Debug, Clone)]
pub struct NewPull {
    /// The repository.
    pub repo: Repo,
    /// The branch that it comes from.
    pub branch: Branch,
    /// The branch that it wants to go into.
    pub base: Branch,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
}

/// A forge, as far as selfheal opens and closes pull requests of its own. Every write looks up what is
/// there, or says where the branch has to be.
#[async_trait]
pub trait ForgeMending: Send + Sync {
    /// Pull requests that were ever opened from a branch of the repository itself, the newest first; at
    /// most one answer's.
    async fn proposed(&self, repo: &Repo, branch: &Branch) -> Result<Vec<Proposed>, ForgeError>;

    /// Commits that one commit has and another has not, oldest first; `None` when they are more than one
    /// answer holds, or the two have nothing in common.
    async fn ahead(
        &self,
        repo: &Repo,
        of: &Sha,
        head: &Sha,
    ) -> Result<Option<Vec<PullCommit>>, ForgeError>;

    /// Makes a branch that begins with a commit without content; [`ForgeError::Moved`] when there is a
    /// branch of that name.
    async fn begin_branch(&self, new: &NewBranch) -> Result<Sha, ForgeError>;

    /// Opens a pull request, as a draft where the repository has drafts; one that is open is the answer.
    async fn open_pull(&self, new: &NewPull) -> Result<PrNumber, ForgeError>;

    /// Gives a pull request another text.
    async fn describe(&self, repo: &Repo, number: PrNumber, body: &str) -> Result<(), ForgeError>;

    /// Marks a pull request as ready for review.
    async fn mark_ready(&self, pull: &Pull) -> Result<(), ForgeError>;

    /// Closes a pull request and gives it another text.
    async fn close(&self, repo: &Repo, number: PrNumber, body: &str) -> Result<(), ForgeError>;

    /// Deletes a branch that is still at that commit; fine when there is none. [`ForgeError::Moved`]
    /// when it is elsewhere.
    async fn delete_branch(&self, repo: &Repo, branch: &Branch, at: &Sha)
    -> Result<(), ForgeError>;
}
