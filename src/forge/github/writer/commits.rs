//! Commits: tree, commit, then a compare-and-swap of the branch. Never forced.
//!
//! Author and committer are left out, so that the commit is the App's and GitHub signs it. Objects
//! that were written before a failed swap are garbage that harms nobody.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::GithubForge;
use super::super::client::As;
use super::super::reader::{segment, segments};
use crate::domain::ids::{AttemptId, Branch, PrNumber, Sha};
use crate::domain::message::attempt_of;
use crate::domain::patch::{FileChange, FileMode, Patch};
use crate::domain::pull::Repo;
use crate::domain::undo::{Restored, undone_by};
use crate::ports::forge::{ForgeError, ForgeReader, Proposal};

#[derive(Deserialize)]
struct Object {
    sha: String,
}

#[derive(Deserialize)]
struct RefAnswer {
    object: Object,
}

#[derive(Deserialize)]
struct CommitAnswer {
    #[serde(default)]
    message: String,
    tree: Object,
    #[serde(default)]
    parents: Vec<Object>,
}

#[derive(Deserialize)]
struct RepoAnswer {
    node_id: String,
}

#[derive(Deserialize)]
struct Numbered {
    number: u64,
}

/// What a commit changes.
pub(in crate::forge::github) enum Written<'a> {
    /// Files with their new content.
    Patch(&'a Patch),
    /// Files as they once were.
    Restored(&'a [Restored]),
}

/// By what a commit of ours is known again.
pub(in crate::forge::github) enum Mark<'a> {
    /// The attempt in its trailer.
    Attempt(AttemptId),
    /// The commits that its trailer says it takes back.
    Undo(&'a [Sha]),
}

/// A commit to be made.
pub(in crate::forge::github) struct Wish<'a> {
    pub repo: &'a Repo,
    pub branch: &'a Branch,
    pub parent: &'a Sha,
    pub message: &'a str,
    pub content: Written<'a>,
    pub mark: Mark<'a>,
}

impl GithubForge {
    pub(in crate::forge::github) async fn written(
        &self,
        wish: &Wish<'_>,
    ) -> Result<Sha, ForgeError> {
        let repo = wish.repo;
        let at = self.branch_head(repo, wish.branch).await?;
        let known: CommitAnswer = self.client.get(repo, &format!("/git/commits/{at}")).await?;
        if at != *wish.parent {
            return if is_ours(&known, wish) { Ok(at) } else { Err(moved(wish)) };
        }
        let known_repo: RepoAnswer = self.client.get(repo, "").await?;
        let tree = self.new_tree(wish, &known.tree.sha).await?;
        let body = json!({
            "message": wish.message,
            "tree": tree,
            "parents": [wish.parent.as_str()],
        });
        let made: Object = self
            .client
            .call(As::writer(repo).following(), Method::POST, "/git/commits", Some(&body))
            .await?
            .json()?;
        let commit = Sha::parse(&made.sha)?;
        self.swap(wish, &commit, &known_repo.node_id).await?;
        Ok(commit)
    }

    /// The commit that a branch is at.
    pub(in crate::forge::github) async fn branch_head(
        &self,
        repo: &Repo,
        branch: &Branch,
    ) -> Result<Sha, ForgeError> {
        let path = format!("/git/ref/heads/{}", segments(branch.as_str()));
        let answer: RefAnswer = self.client.get(repo, &path).await?;
        Ok(Sha::parse(&answer.object.sha)?)
    }

    async fn new_tree(&self, wish: &Wish<'_>, base: &str) -> Result<String, ForgeError> {
        let mut entries: Vec<Value> = Vec::new();
        match wish.content {
            Written::Patch(patch) => {
                for change in patch.changes() {
                    entries.push(self.entry(wish.repo, change).await?);
                }
            }
            Written::Restored(restored) => entries.extend(restored.iter().map(entry_again)),
        }
        let body = json!({ "base_tree": base, "tree": entries });
        // The first change of a commit pays for all of it; blobs before it follow.
        let who = As::writer(wish.repo).content();
        let made: Object =
            self.client.call(who, Method::POST, "/git/trees", Some(&body)).await?.json()?;
        Ok(made.sha)
    }

    async fn entry(&self, repo: &Repo, change: &FileChange) -> Result<Value, ForgeError> {
        let path = change.path.as_str();
        let Some(file) = &change.new else {
            return Ok(json!({ "path": path, "mode": "100644", "type": "blob", "sha": null }));
        };
        let mode = file.mode.as_str();
        if let Some(text) = file.content.text() {
            return Ok(json!({ "path": path, "mode": mode, "type": "blob", "content": text }));
        }
        let content = STANDARD.encode(file.content.bytes());
        let body = json!({ "content": content, "encoding": "base64" });
        let who = As::writer(repo).following();
        let blob: Object =
            self.client.call(who, Method::POST, "/git/blobs", Some(&body)).await?.json()?;
        Ok(json!({ "path": path, "mode": mode, "type": "blob", "sha": blob.sha }))
    }

    /// Moves the branch from the parent to the commit, or not at all.
    async fn swap(&self, wish: &Wish<'_>, commit: &Sha, node_id: &str) -> Result<(), ForgeError> {
        let repo = wish.repo;
        let query = "mutation SelfhealUpdateRefs($input: UpdateRefsInput!) { \
             updateRefs(input: $input) { clientMutationId } }";
        let update = json!({
            "name": format!("refs/heads/{}", wish.branch),
            "beforeOid": wish.parent.as_str(),
            "afterOid": commit.as_str(),
            "force": false,
        });
        let variables = json!({ "input": { "repositoryId": node_id, "refUpdates": [update] } });
        let asked = self.client.graphql(As::writer(repo).following(), query, variables).await;
        // The words for a lost race differ; where the branch stands tells.
        let Err(error @ (ForgeError::Refused { .. } | ForgeError::NotFound(_))) = asked else {
            return asked.map(|_| ());
        };
        let at = self.branch_head(repo, wish.branch).await?;
        if at == *commit {
            return Ok(());
        }
        Err(if at == *wish.parent { error } else { moved(wish) })
    }

    pub(super) async fn proposed(
        &self,
        proposal: &Proposal,
    ) -> Result<Option<PrNumber>, ForgeError> {
        let repo = &proposal.repo;
        let default = self.default_branch(repo).await?;
        let base = self.branch_head(repo, &default).await?;
        let made = json!({
            "ref": format!("refs/heads/{}", proposal.branch),
            "sha": base.as_str(),
        });
        let writer = As::writer(repo);
        match self.client.call(writer.content(), Method::POST, "/git/refs", Some(&made)).await {
            // Refused so, the branch is there already.
            Ok(_) | Err(ForgeError::Refused { status: 422, .. }) => {}
            Err(error) => return Err(error),
        }
        self.proposed_file(proposal).await?;
        let head = segment(&format!("{}:{}", repo.slug.owner(), proposal.branch));
        let path = format!("/pulls?state=all&head={head}");
        let known: Vec<Numbered> = self.client.pages(repo, &path, None).await?;
        if let Some(known) = known.first() {
            return Ok(Some(PrNumber::new(known.number)));
        }
        let body = json!({
            "title": proposal.title,
            "body": proposal.body,
            "head": proposal.branch.as_str(),
            "base": default.as_str(),
        });
        let opened: Numbered = self
            .client
            .call(writer.content(), Method::POST, "/pulls", Some(&body))
            .await?
            .json()?;
        Ok(Some(PrNumber::new(opened.number)))
    }

    async fn proposed_file(&self, proposal: &Proposal) -> Result<(), ForgeError> {
        let repo = &proposal.repo;
        let there = self.file(repo, proposal.branch.as_str(), &proposal.path).await?;
        if there.is_some() {
            return Ok(());
        }
        let path = format!("/contents/{}", segments(proposal.path.as_str()));
        let body = json!({
            "message": proposal.title,
            "content": STANDARD.encode(&proposal.content),
            "branch": proposal.branch.as_str(),
        });
        self.client.call(As::writer(repo).following(), Method::PUT, &path, Some(&body)).await?;
        Ok(())
    }
}

/// Whether the branch is at the very commit that we are asked to make.
fn is_ours(commit: &CommitAnswer, wish: &Wish<'_>) -> bool {
    let parent = commit.parents.first().map(|parent| parent.sha.as_str());
    let is_marked = match wish.mark {
        Mark::Attempt(id) => attempt_of(&commit.message).is_some_and(|(of, _)| of == id),
        Mark::Undo(commits) => undone_by(&commit.message).is_some_and(|(of, _)| of == commits),
    };
    parent == Some(wish.parent.as_str()) && is_marked
}

/// The tree's entry of a file as it once was.
fn entry_again(restored: &Restored) -> Value {
    let path = restored.path.as_str();
    let Some((mode, object)) = &restored.to else {
        return json!({ "path": path, "mode": "100644", "type": "blob", "sha": null });
    };
    let kind = if *mode == FileMode::Submodule { "commit" } else { "blob" };
    json!({ "path": path, "mode": mode.as_str(), "type": kind, "sha": object.as_str() })
}

fn moved(wish: &Wish<'_>) -> ForgeError {
    ForgeError::Moved { branch: wish.branch.clone(), expected: wish.parent.clone() }
}
