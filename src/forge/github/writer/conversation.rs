//! Comments, reactions, labels and auto-merge.

use http::Method;
use serde_json::json;

use super::super::GithubForge;
use super::super::client::As;
use super::super::reader::segment;
use super::super::types::CommentJson;
use crate::domain::event::{CommentPlace, CommentRef};
use crate::domain::ids::{CommentId, Label, PrNumber, Sha};
use crate::domain::pull::{AutoMerge, Repo};
use crate::domain::view::Reaction;
use crate::ports::forge::{ForgeError, ForgeReader};

/// By this our sticky comment is found again.
const STICKY_MARKER: &str = "<!-- selfheal:pr -->";

impl GithubForge {
    pub(super) async fn sticky_comment(
        &self,
        repo: &Repo,
        number: PrNumber,
        body: &str,
        known: Option<CommentId>,
    ) -> Result<CommentId, ForgeError> {
        if let Some(id) = known {
            match self.edit_comment(repo, id, body).await {
                Err(ForgeError::NotFound(_)) => {} // somebody deleted it; look, then make a new one
                other => return other,
            }
        }
        match self.comment_with(repo, number, STICKY_MARKER).await? {
            Some(id) => self.edit_comment(repo, id, body).await,
            None => self.new_comment(repo, number, body).await,
        }
    }

    pub(super) async fn replied(
        &self,
        repo: &Repo,
        number: PrNumber,
        marker: &str,
        body: &str,
    ) -> Result<CommentId, ForgeError> {
        if let Some(id) = self.comment_with(repo, number, marker).await? {
            return Ok(id);
        }
        self.new_comment(repo, number, &format!("{marker}\n{body}")).await
    }

    /// Our own comment that carries a marker; a person's quotation of it does not count.
    async fn comment_with(
        &self,
        repo: &Repo,
        number: PrNumber,
        marker: &str,
    ) -> Result<Option<CommentId>, ForgeError> {
        let bot = self.app().await?.bot;
        let path = format!("/issues/{number}/comments");
        let comments: Vec<CommentJson> = self.client.pages(repo, &path, None).await?;
        let ours = |comment: &CommentJson| {
            comment.user.as_ref().is_some_and(|user| user.id == bot.get())
                && comment.body.as_deref().is_some_and(|body| body.starts_with(marker))
        };
        Ok(comments.iter().find(|comment| ours(comment)).map(|c| CommentId::new(c.id)))
    }

    async fn new_comment(
        &self,
        repo: &Repo,
        number: PrNumber,
        body: &str,
    ) -> Result<CommentId, ForgeError> {
        let path = format!("/issues/{number}/comments");
        let who = As::reporter(repo).content();
        let body = json!({ "body": body });
        let made: CommentJson =
            self.client.call(who, Method::POST, &path, Some(&body)).await?.json()?;
        Ok(CommentId::new(made.id))
    }

    async fn edit_comment(
        &self,
        repo: &Repo,
        id: CommentId,
        body: &str,
    ) -> Result<CommentId, ForgeError> {
        let path = format!("/issues/comments/{id}");
        let body = json!({ "body": body });
        self.client.call(As::reporter(repo), Method::PATCH, &path, Some(&body)).await?;
        Ok(id)
    }

    pub(super) async fn reacted(
        &self,
        repo: &Repo,
        comment: CommentRef,
        reaction: Reaction,
    ) -> Result<(), ForgeError> {
        let list = match comment.place {
            CommentPlace::Conversation => "issues",
            CommentPlace::Review => "pulls",
        };
        let path = format!("/{list}/comments/{}/reactions", comment.id);
        let content = match reaction {
            Reaction::Eyes => "eyes",
            Reaction::Rocket => "rocket",
            Reaction::ThumbsDown => "-1",
            Reaction::Confused => "confused",
        };
        let body = json!({ "content": content });
        self.client.call(As::reporter(repo), Method::POST, &path, Some(&body)).await?;
        Ok(())
    }

    pub(super) async fn label_added(
        &self,
        repo: &Repo,
        number: PrNumber,
        label: &Label,
    ) -> Result<(), ForgeError> {
        let path = format!("/issues/{number}/labels");
        let body = json!({ "labels": [label.as_str()] });
        self.client.call(As::reporter(repo), Method::POST, &path, Some(&body)).await?;
        Ok(())
    }

    pub(super) async fn label_removed(
        &self,
        repo: &Repo,
        number: PrNumber,
        label: &Label,
    ) -> Result<(), ForgeError> {
        let path = format!("/issues/{number}/labels/{}", segment(label.as_str()));
        match self.client.call(As::reporter(repo), Method::DELETE, &path, None).await {
            Ok(_) | Err(ForgeError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn auto_merge_off(
        &self,
        repo: &Repo,
        number: PrNumber,
    ) -> Result<(), ForgeError> {
        let pull = self.pull(repo, number).await?;
        if pull.auto_merge.is_none() {
            return Ok(());
        }
        let query = "mutation SelfhealDisableAutoMerge($input: DisablePullRequestAutoMergeInput!) { \
             disablePullRequestAutoMerge(input: $input) { clientMutationId } }";
        let variables = json!({ "input": { "pullRequestId": pull.node_id } });
        self.client.graphql(As::writer(repo), query, variables).await?;
        Ok(())
    }

    pub(super) async fn auto_merge_on(
        &self,
        repo: &Repo,
        number: PrNumber,
        head: &Sha,
        held: &AutoMerge,
    ) -> Result<(), ForgeError> {
        let pull = self.pull(repo, number).await?;
        if pull.auto_merge.is_some() {
            return Ok(());
        }
        let query = "mutation SelfhealEnableAutoMerge($input: EnablePullRequestAutoMergeInput!) { \
             enablePullRequestAutoMerge(input: $input) { clientMutationId } }";
        let variables = json!({ "input": {
            "pullRequestId": pull.node_id,
            "mergeMethod": held.method.to_uppercase(),
            "commitHeadline": held.commit_title,
            "commitBody": held.commit_message,
            "expectedHeadOid": head.as_str(),
        }});
        self.client.graphql(As::writer(repo), query, variables).await?;
        Ok(())
    }
}
