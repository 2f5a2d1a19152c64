//! Pull requests and what people do to them.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::repo::{Repository, message_for, owned};
use crate::World;
use crate::branches::{Moved, point, tree_with};
use crate::ci::NewRun;
use crate::git::NewCommit;
use crate::pulls::NewPull;
use crate::state::pull::{Head, Pull as Kept, PullState};

/// A pull request, for verbs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    pub(crate) repo: Repository,
    pub(crate) number: u64,
}

impl Pull {
    /// Its number.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The repository that it wants to go into.
    pub const fn repository(&self) -> &Repository {
        &self.repo
    }

    pub(crate) const fn at(&self) -> (u64, u64) {
        (self.repo.id, self.number)
    }
}

/// A pull request to be opened.
#[derive(Debug)]
pub struct PullBuilder {
    world: World,
    repo: Repository,
    by: String,
    branch: String,
    title: String,
    body: Option<String>,
    files: Vec<(String, Option<Vec<u8>>)>,
    is_draft: bool,
    is_from_fork: bool,
    labels: Vec<String>,
}

impl PullBuilder {
    /// Who opens it; `mona` when not said.
    #[must_use]
    pub fn by(mut self, login: &str) -> Self {
        login.clone_into(&mut self.by);
        self
    }

    /// The branch that it comes from; `feature` when not said.
    #[must_use]
    pub fn from_branch(mut self, branch: &str) -> Self {
        branch.clone_into(&mut self.branch);
        self
    }

    /// It comes from a fork of whoever opens it.
    #[must_use]
    pub fn from_fork(mut self) -> Self {
        self.is_from_fork = true;
        self
    }

    /// What its one commit changes; content `None` deletes.
    #[must_use]
    pub fn files(mut self, files: &[(&str, Option<&str>)]) -> Self {
        self.files = owned(files);
        self
    }

    /// Its title and text.
    #[must_use]
    pub fn saying(mut self, title: &str, body: &str) -> Self {
        title.clone_into(&mut self.title);
        self.body = Some(body.to_owned());
        self
    }

    /// It is a draft.
    #[must_use]
    pub fn draft(mut self) -> Self {
        self.is_draft = true;
        self
    }

    /// It has a label from the start.
    #[must_use]
    pub fn labelled(mut self, name: &str) -> Self {
        self.labels.push(name.to_owned());
        self
    }

    /// Pushes its commit and opens it.
    ///
    /// # Errors
    /// When git fails.
    pub async fn open(self) -> Result<Pull> {
        let shared = self.world.shared();
        let head_repo = if self.is_from_fork {
            self.world.fork_for(&self.repo, &self.by).await?
        } else {
            self.repo.clone()
        };
        let at = (head_repo.id, self.branch.as_str());
        let sha = shared.commit_files(at, &self.by, &self.title, &self.files).await?;
        let (git, head_git) = {
            let mut state = shared.state();
            (state.repo_mut(self.repo.id).git.clone(), state.repo_mut(head_repo.id).git.clone())
        };
        if self.is_from_fork {
            git.take_from(&head_git, &sha).await?;
        }
        let base_sha = git.get_ref("refs/heads/main").await?.context("there is no main")?;
        let conflicts = git.merge_tree(&base_sha, &sha).await?.is_none();
        let now_ms = shared.now_ms();
        let number = {
            let mut state = shared.state();
            let owner = state.repo_mut(head_repo.id).owner.clone();
            for name in &self.labels {
                state.label_named(self.repo.id, name);
            }
            let head = Head {
                repo: Some(head_repo.id),
                owner,
                branch: self.branch.clone(),
                sha: sha.clone(),
            };
            let new = NewPull {
                title: self.title.clone(),
                body: self.body.clone(),
                author: self.by.clone(),
                is_draft: self.is_draft,
                head,
                base_branch: "main".into(),
                base_sha,
                has_conflicts: Some(conflicts),
            };
            let number = state.next_pull(self.repo.id, new, now_ms);
            let kept = state.pull_mut((self.repo.id, number));
            kept.labels.clone_from(&self.labels);
            number
        };
        point(&git, &format!("refs/pull/{number}/head"), &sha).await?;
        shared.state().tell_pull((self.repo.id, number), ("opened", &self.by), json!({}), now_ms);
        if !conflicts {
            let moved = Moved {
                repo: head_repo.id,
                branch: self.branch,
                old: None,
                new: Some(sha.clone()),
                by: self.by,
            };
            let new = NewRun::of_push("pull_request", &moved, &sha, &self.title);
            shared.start_all(self.repo.id, &new);
        }
        Ok(Pull { repo: self.repo, number })
    }
}

impl World {
    /// A pull request to be opened into `main`.
    pub fn pull_request(&self, repository: &Repository) -> PullBuilder {
        PullBuilder {
            world: self.clone(),
            repo: repository.clone(),
            by: "mona".into(),
            branch: "feature".into(),
            title: "Add a feature".into(),
            body: None,
            files: vec![("feature.txt".into(), Some(b"feature\n".to_vec()))],
            is_draft: false,
            is_from_fork: false,
            labels: Vec::new(),
        }
    }

    async fn fork_for(&self, of: &Repository, login: &str) -> Result<Repository> {
        let known = {
            let state = self.state();
            let mut all = state.repos.values();
            let found = all.find(|repo| repo.fork_of == Some(of.id) && repo.owner == login);
            found.map(|repo| Repository { id: repo.id, slug: repo.slug() })
        };
        match known {
            Some(fork) => Ok(fork),
            None => self.fork(of, login).await,
        }
    }

    /// The pull request of that number, for one that the App opened.
    pub fn pull(&self, repository: &Repository, number: u64) -> Pull {
        let pull = Pull { repo: repository.clone(), number };
        self.state().pull_mut(pull.at());
        pull
    }

    /// Somebody pushes files to a pull request's branch (content `None` deletes); the new head.
    ///
    /// # Errors
    /// When git fails, or the fork is gone.
    pub async fn push(
        &self,
        pull: &Pull,
        by: &str,
        files: &[(&str, Option<&str>)],
    ) -> Result<String> {
        self.push_saying(pull, (by, &message_for(files)), files).await
    }

    /// Somebody pushes a commit with that message to a pull request's branch; the new head.
    ///
    /// # Errors
    /// When git fails, or the fork is gone.
    pub async fn push_saying(
        &self,
        pull: &Pull,
        (by, message): (&str, &str),
        files: &[(&str, Option<&str>)],
    ) -> Result<String> {
        let head = self.state().pull_mut(pull.at()).head.clone();
        let repo = head.repo.context("the fork is gone")?;
        self.shared().commit_files((repo, &head.branch), by, message, &owned(files)).await
    }

    /// Somebody rewrites a pull request's branch: one commit with these files on its base.
    ///
    /// # Errors
    /// When git fails, or the fork is gone.
    pub async fn force_push(
        &self,
        pull: &Pull,
        by: &str,
        files: &[(&str, Option<&str>)],
    ) -> Result<String> {
        let (head, base) = {
            let mut state = self.state();
            let kept = state.pull_mut(pull.at());
            (kept.head.clone(), kept.base_sha.clone())
        };
        let repo = head.repo.context("the fork is gone")?;
        let git = self.state().repo_mut(repo).git.clone();
        let tree = tree_with(&git, Some(&base), &owned(files)).await?;
        let person = self.state().person(by, self.now_ms());
        let commit = NewCommit {
            tree: &tree,
            parents: &[base],
            message: &message_for(files),
            author: &person,
            committer: &person,
        };
        let sha = git.write_commit(&commit).await?;
        point(&git, &format!("refs/heads/{}", head.branch), &sha).await?;
        let moved = Moved {
            repo,
            branch: head.branch,
            old: Some(head.sha),
            new: Some(sha.clone()),
            by: by.to_owned(),
        };
        self.shared().branch_moved(&moved).await?;
        Ok(sha)
    }

    /// The commit that a pull request is at.
    pub fn head_sha(&self, pull: &Pull) -> String {
        self.state().pull_mut(pull.at()).head.sha.clone()
    }

    /// Somebody closes a pull request.
    pub fn close(&self, pull: &Pull, by: &str) {
        let now_ms = self.now_ms();
        self.state().close_pull(pull.at(), by, now_ms);
    }

    /// Somebody opens it again.
    pub fn reopen(&self, pull: &Pull, by: &str) {
        self.change(pull, ("reopened", by), |kept| {
            kept.state = PullState::Open;
            kept.closed_ms = None;
            json!({})
        });
    }

    /// Somebody makes it a draft.
    pub fn convert_to_draft(&self, pull: &Pull, by: &str) {
        self.change(pull, ("converted_to_draft", by), |kept| {
            kept.is_draft = true;
            json!({})
        });
    }

    /// Somebody marks it ready for review.
    pub fn mark_ready(&self, pull: &Pull, by: &str) {
        self.change(pull, ("ready_for_review", by), |kept| {
            kept.is_draft = false;
            json!({})
        });
    }

    /// Somebody gives it another title.
    pub fn retitle(&self, pull: &Pull, by: &str, title: &str) {
        self.change(pull, ("edited", by), |kept| {
            let from = std::mem::replace(&mut kept.title, title.to_owned());
            json!({ "changes": { "title": { "from": from } } })
        });
    }

    /// Somebody points it at another base branch.
    pub fn retarget(&self, pull: &Pull, by: &str, (branch, sha): (&str, &str)) {
        self.change(pull, ("edited", by), |kept| {
            let from = std::mem::replace(&mut kept.base_branch, branch.to_owned());
            let from_sha = std::mem::replace(&mut kept.base_sha, sha.to_owned());
            json!({ "changes": { "base": { "ref": { "from": from }, "sha": { "from": from_sha } } } })
        });
    }

    /// Somebody adds a label.
    pub fn label(&self, pull: &Pull, by: &str, name: &str) {
        let now_ms = self.now_ms();
        self.state().add_label(pull.at(), name, by, now_ms);
    }

    /// Somebody removes a label.
    pub fn unlabel(&self, pull: &Pull, by: &str, name: &str) {
        let now_ms = self.now_ms();
        self.state().remove_label(pull.at(), name, by, now_ms);
    }

    /// GitHub has (not) found conflicts, or has not looked yet.
    pub fn set_conflicts(&self, pull: &Pull, has_conflicts: Option<bool>) {
        self.state().pull_mut(pull.at()).has_conflicts = has_conflicts;
    }

    pub(super) fn change(
        &self,
        pull: &Pull,
        (action, by): (&str, &str),
        change: impl FnOnce(&mut Kept) -> Value,
    ) {
        let now_ms = self.now_ms();
        let mut state = self.state();
        state.user(by);
        let kept = state.pull_mut(pull.at());
        kept.updated_ms = now_ms;
        let extra = change(kept);
        state.repo_mut(pull.repo.id).note(pull.number, format!("{by}: {action}"));
        state.tell_pull(pull.at(), (action, by), extra, now_ms);
    }
}
