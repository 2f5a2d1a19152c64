//! The writing side of the forge port. Each call looks up what is there before it creates.

mod actions;
mod checks;
mod commits;
mod conversation;

pub(super) use commits::{Mark, Wish, Written};

use async_trait::async_trait;

use super::GithubForge;
use crate::domain::event::CommentRef;
use crate::domain::ids::{CommentId, Label, PrNumber, RunId, Sha};
use crate::domain::pull::{AutoMerge, Repo};
use crate::domain::view::{CheckView, CommentView, Reaction};
use crate::ports::forge::{
    ForgeError, ForgeWriter, NewCommit, Proposal, PublishedCheck, WorkflowDispatch,
};

#[async_trait]
impl ForgeWriter for GithubForge {
    async fn publish_check(
        &self,
        repo: &Repo,
        view: &CheckView,
        known: Option<PublishedCheck>,
    ) -> Result<PublishedCheck, ForgeError> {
        self.check_published(repo, view, known).await
    }

    async fn upsert_comment(
        &self,
        repo: &Repo,
        number: PrNumber,
        view: &CommentView,
        known: Option<CommentId>,
    ) -> Result<CommentId, ForgeError> {
        self.sticky_comment(repo, number, &view.body, known).await
    }

    async fn reply(
        &self,
        repo: &Repo,
        number: PrNumber,
        marker: &str,
        body: &str,
    ) -> Result<CommentId, ForgeError> {
        self.replied(repo, number, marker, body).await
    }

    async fn react(
        &self,
        repo: &Repo,
        comment: CommentRef,
        reaction: Reaction,
    ) -> Result<(), ForgeError> {
        self.reacted(repo, comment, reaction).await
    }

    async fn add_label(
        &self,
        repo: &Repo,
        number: PrNumber,
        label: &Label,
    ) -> Result<(), ForgeError> {
        self.label_added(repo, number, label).await
    }

    async fn remove_label(
        &self,
        repo: &Repo,
        number: PrNumber,
        label: &Label,
    ) -> Result<(), ForgeError> {
        self.label_removed(repo, number, label).await
    }

    async fn disable_auto_merge(&self, repo: &Repo, number: PrNumber) -> Result<(), ForgeError> {
        self.auto_merge_off(repo, number).await
    }

    async fn enable_auto_merge(
        &self,
        repo: &Repo,
        number: PrNumber,
        head: &Sha,
        held: &AutoMerge,
    ) -> Result<(), ForgeError> {
        self.auto_merge_on(repo, number, head, held).await
    }

    async fn commit(&self, commit: &NewCommit) -> Result<Sha, ForgeError> {
        let wish = Wish {
            repo: &commit.repo,
            branch: &commit.branch,
            parent: &commit.parent,
            message: &commit.message,
            content: Written::Patch(&commit.patch),
            mark: Mark::Attempt(commit.attempt),
        };
        self.written(&wish).await
    }

    async fn dispatch(&self, dispatch: &WorkflowDispatch) -> Result<Option<RunId>, ForgeError> {
        self.dispatched(dispatch).await
    }

    async fn cancel(&self, repo: &Repo, run: RunId) -> Result<(), ForgeError> {
        self.cancelled(repo, run).await
    }

    async fn rerun_failed(&self, repo: &Repo, run: RunId, attempt: u32) -> Result<(), ForgeError> {
        self.run_again(repo, run, attempt).await
    }

    async fn update_branch(
        &self,
        repo: &Repo,
        number: PrNumber,
        head: &Sha,
    ) -> Result<(), ForgeError> {
        self.brought_up_to_date(repo, number, head).await
    }

    async fn propose(&self, proposal: &Proposal) -> Result<Option<PrNumber>, ForgeError> {
        self.proposed(proposal).await
    }
}
