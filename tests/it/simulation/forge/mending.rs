//! Pull requests of our own: none, because the base branch of a history is never broken.

use async_trait::async_trait;
use selfheal::domain::ids::{Branch, PrNumber, Sha};
use selfheal::domain::mending::Proposed;
use selfheal::domain::pull::{Pull, PullCommit, Repo};
use selfheal::ports::forge::ForgeError;
use selfheal::ports::mending::{ForgeMending, NewBranch, NewPull};

use super::SimForge;

fn never<T>() -> Result<T, ForgeError> {
    Err(ForgeError::NotFound("a base branch to mend".to_owned()))
}

#[async_trait]
impl ForgeMending for SimForge {
    async fn proposed(&self, _: &Repo, _: &Branch) -> Result<Vec<Proposed>, ForgeError> {
        self.read(|_| Ok(Vec::new())).await
    }

    async fn ahead(
        &self,
        _: &Repo,
        _: &Sha,
        _: &Sha,
    ) -> Result<Option<Vec<PullCommit>>, ForgeError> {
        self.read(|_| Ok(None)).await
    }

    async fn begin_branch(&self, _: &NewBranch) -> Result<Sha, ForgeError> {
        self.write(|_| never()).await
    }

    async fn open_pull(&self, _: &NewPull) -> Result<PrNumber, ForgeError> {
        self.write(|_| never()).await
    }

    async fn describe(&self, _: &Repo, _: PrNumber, _: &str) -> Result<(), ForgeError> {
        self.write(|_| never()).await
    }

    async fn mark_ready(&self, _: &Pull) -> Result<(), ForgeError> {
        self.write(|_| never()).await
    }

    async fn close(&self, _: &Repo, _: PrNumber, _: &str) -> Result<(), ForgeError> {
        self.write(|_| never()).await
    }

    async fn delete_branch(&self, _: &Repo, _: &Branch, _: &Sha) -> Result<(), ForgeError> {
        self.write(|_| never()).await
    }
}
