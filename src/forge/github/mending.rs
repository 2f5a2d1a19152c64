//! Pull requests of our own that mend base branches: opened as drafts, closed with their branches.
//!
//! Nothing is forced: a branch is created where there is none, and deleted where it still is at the
//! commit that was looked at.

use async_trait::async_trait;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::GithubForge;
use super::client::As;
use super::reader::segment;
use super::types::{CommitJson, PullJson};
use crate::domain::ids::{Branch, PrNumber, Sha};
use crate::domain::mending::Proposed;
use crate::domain::pull::{Pull, PullCommit, PullState, Repo};
use crate::ports::forge::{ForgeError, ForgeReader};
use crate::ports::mending::{ForgeMending, NewBranch, NewPull};

/// Where a branch is moved to be deleted.
const NOWHERE: &str = "0000000000000000000000000000000000000000";

#[derive(Deserialize)]
struct Object {
    sha: String,
}

#[derive(Deserialize)]
struct GitCommit {
    tree: Object,
}

#[derive(Deserialize)]
struct RepoAnswer {
    node_id: String,
}

#[derive(Deserialize)]
struct Numbered {
    number: u64,
}

#[derive(Deserialize)]
struct WithBody {
    #[serde(flatten)]
    pull: PullJson,
    #[serde(default)]
    body: Option<String>,
}

#[derive(Deserialize)]
struct Comparison {
    total_commits: usize,
    #[serde(default)]
    commits: Vec<CommitJson>,
}

#[async_trait]
impl ForgeMending for GithubForge {
    /// A listing is ordered by when its pull requests were created, the newest first.
    async fn proposed(&self, repo: &Repo, branch: &Branch) -> Result<Vec<Proposed>, ForgeError> {
        let head = segment(&format!("{}:{branch}", repo.slug.owner()));
        let path = format!("/pulls?state=all&head={head}&per_page=100");
        let listed: Vec<WithBody> = self.client.get(repo, &path).await?;
        let read = |one: WithBody| {
            let (pull, body) = (one.pull.into_pull(repo)?, one.body.unwrap_or_default());
            Ok(Proposed { pull, body })
        };
        listed.into_iter().map(read).collect()
    }

    async fn ahead(
        &self,
        repo: &Repo,
        of: &Sha,
        head: &Sha,
    ) -> Result<Option<Vec<PullCommit>>, ForgeError> {
        let path = format!("/compare/{of}...{head}");
        let found: Comparison = match self.client.get(repo, &path).await {
            Ok(found) => found,
            Err(ForgeError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        if found.total_commits != found.commits.len() {
            return Ok(None);
        }
        found.commits.into_iter().map(CommitJson::into_commit).collect::<Result<_, _>>().map(Some)
    }

    async fn begin_branch(&self, new: &NewBranch) -> Result<Sha, ForgeError> {
        let repo = &new.repo;
        let path = format!("/git/commits/{}", new.parent);
        let parent: GitCommit = self.client.get(repo, &path).await?;
        // The tree of its parent: the commit changes nothing.
        let body = json!({
            "message": new.message,
            "tree": parent.tree.sha,
            "parents": [new.parent.as_str()],
        });
        let who = As::writer(repo);
        let made: Object =
            self.client.call(who, Method::POST, "/git/commits", Some(&body)).await?.json()?;
        let commit = Sha::parse(&made.sha)?;
        let body = json!({
            "ref": format!("refs/heads/{}", new.branch),
            "sha": commit.as_str(),
        });
        match self.client.call(who.following(), Method::POST, "/git/refs", Some(&body)).await {
            Ok(_) => Ok(commit),
            Err(error @ ForgeError::Refused { .. }) => match self.tip(repo, &new.branch).await? {
                Some(at) if at == commit => Ok(commit),
                Some(_) => {
                    let (branch, expected) = (new.branch.clone(), new.parent.clone());
                    Err(ForgeError::Moved { branch, expected })
                }
                None => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    async fn open_pull(&self, new: &NewPull) -> Result<PrNumber, ForgeError> {
        match self.opened(new, json!({ "draft": true })).await {
            Err(ForgeError::Refused { status: 422, .. }) => {}
            other => return other,
        }
        // A 422 has done nothing: one is there already, or the repository's plan has no drafts.
        let known = self.proposed(&new.repo, &new.branch).await?;
        let open = known.iter().find(|one| one.pull.state == PullState::Open);
        match open {
            Some(open) => Ok(open.pull.number),
            None => self.opened(new, json!({})).await,
        }
    }

    async fn describe(&self, repo: &Repo, number: PrNumber, body: &str) -> Result<(), ForgeError> {
        self.changed(repo, number, &json!({ "body": body })).await
    }

    async fn mark_ready(&self, pull: &Pull) -> Result<(), ForgeError> {
        let query = "mutation SelfhealMarkReady($input: MarkPullRequestReadyForReviewInput!) { \
             markPullRequestReadyForReview(input: $input) { clientMutationId } }";
        let variables = json!({ "input": { "pullRequestId": pull.node_id } });
        self.client.graphql(As::writer(&pull.repo).content(), query, variables).await?;
        Ok(())
    }

    async fn close(&self, repo: &Repo, number: PrNumber, body: &str) -> Result<(), ForgeError> {
        self.changed(repo, number, &json!({ "state": "closed", "body": body })).await
    }

    /// `updateRefs` compares where the branch is and deletes it in one step; the REST route would
    /// delete what somebody has pushed a moment ago.
    async fn delete_branch(
        &self,
        repo: &Repo,
        branch: &Branch,
        at: &Sha,
    ) -> Result<(), ForgeError> {
        let known: RepoAnswer = self.client.get(repo, "").await?;
        let query = "mutation SelfhealUpdateRefs($input: UpdateRefsInput!) { \
             updateRefs(input: $input) { clientMutationId } }";
        let update = json!({
            "name": format!("refs/heads/{branch}"),
            "beforeOid": at.as_str(),
            "afterOid": NOWHERE,
            "force": false,
        });
        let variables =
            json!({ "input": { "repositoryId": known.node_id, "refUpdates": [update] } });
        let asked = self.client.graphql(As::writer(repo), query, variables).await;
        let Err(error @ (ForgeError::Refused { .. } | ForgeError::NotFound(_))) = asked else {
            return asked.map(|_| ());
        };
        match self.tip(repo, branch).await? {
            None => Ok(()),
            Some(there) if there == *at => Err(error),
            Some(_) => Err(ForgeError::Moved { branch: branch.clone(), expected: at.clone() }),
        }
    }
}

impl GithubForge {
    async fn opened(&self, new: &NewPull, mut body: Value) -> Result<PrNumber, ForgeError> {
        body["title"] = json!(new.title);
        body["body"] = json!(new.body);
        body["head"] = json!(new.branch.as_str());
        body["base"] = json!(new.base.as_str());
        let who = As::writer(&new.repo).content();
        let opened: Numbered =
            self.client.call(who, Method::POST, "/pulls", Some(&body)).await?.json()?;
        Ok(PrNumber::new(opened.number))
    }

    async fn changed(&self, repo: &Repo, number: PrNumber, body: &Value) -> Result<(), ForgeError> {
        let path = format!("/pulls/{number}");
        self.client.call(As::reporter(repo), Method::PATCH, &path, Some(body)).await?;
        Ok(())
    }
}
