//! Pushes by git itself: who may, and what follows when one has arrived.
//!
//! The bare repositories are real, so anybody's git can write into them, by path or over HTTP. This
//! is the part that git does not know: tokens, permissions, protected branches, webhooks.

use std::sync::Arc;

use anyhow::Result;

use super::repo::Repository;
use crate::auth::{self, grants, reaches};
use crate::branches::{Asked, Moved};
use crate::git::ZEROS;
use crate::keys;
use crate::state::app::Level;
use crate::{Shared, World};

/// Who a git client turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitUser {
    /// Nobody in particular, reading what is public.
    Anonymous,
    /// A person.
    Person(String),
    /// The App, by an installation token.
    App,
}

/// A ref that a push wants to move, or has moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    /// The full name.
    pub name: String,
    /// What it pointed at; zeros when it was made.
    pub old: String,
    /// What it points at; zeros when it was deleted.
    pub new: String,
}

impl World {
    /// A token by which somebody's git may do what they may.
    pub fn personal_token(&self, login: &str) -> String {
        let token = format!("ghp_{}", keys::random_hex());
        let mut state = self.state();
        state.user(login);
        state.personal_tokens.insert(token.clone(), login.to_owned());
        token
    }

    /// Whether a git client with that token may read from or write to a repository.
    ///
    /// # Errors
    /// With the HTTP status to answer: 401, 403 or 404.
    pub fn git_access(
        &self,
        repository: &Repository,
        token: Option<&str>,
        wants: Level,
    ) -> Result<GitUser, u16> {
        self.shared().git_access(repository, token, wants)
    }

    /// Why a push is refused before it is accepted, in the words that git shows.
    ///
    /// # Errors
    /// When git fails.
    pub async fn refuses_push(
        &self,
        repository: &Repository,
        by: &GitUser,
        update: &RefUpdate,
    ) -> Result<Option<String>> {
        self.shared().refuses_push(repository, by, update).await
    }

    /// A push by git has moved these refs; everybody is told.
    ///
    /// # Errors
    /// When git fails.
    pub async fn received(
        &self,
        repository: &Repository,
        by: &GitUser,
        updates: &[RefUpdate],
    ) -> Result<()> {
        self.shared().received(repository, by, updates).await
    }
}

impl Shared {
    /// The repository of that name, with or without `.git`.
    pub(crate) fn find_repository(&self, slug: &str) -> Option<Repository> {
        let (owner, name) = slug.split_once('/')?;
        let name = name.strip_suffix(".git").unwrap_or(name);
        let state = self.state();
        let repo = state.repo_named(owner, name).filter(|repo| !repo.is_deleted)?;
        Some(Repository { id: repo.id, slug: repo.slug() })
    }

    /// Whether a git client with that token may read from or write to a repository.
    ///
    /// # Errors
    /// With the HTTP status to answer: 401, 403 or 404.
    pub(crate) fn git_access(
        &self,
        repository: &Repository,
        token: Option<&str>,
        wants: Level,
    ) -> Result<GitUser, u16> {
        let now_ms = self.now_ms();
        let state = self.state();
        let repo = state.repo(repository.id).ok_or(404_u16)?;
        let public_read = wants == Level::Read && !repo.is_private;
        let Some(token) = token else {
            return if public_read { Ok(GitUser::Anonymous) } else { Err(401) };
        };
        if let Some(login) = state.personal_tokens.get(token) {
            let may = match repo.role(login) {
                "admin" | "maintain" | "write" => true,
                "triage" | "read" => wants == Level::Read,
                _ => false,
            };
            return if may { Ok(GitUser::Person(login.clone())) } else { Err(403) };
        }
        let token = auth::token(&state, token, now_ms).map_err(|refused| refused.status)?;
        if !reaches(&state, &token, repo.id) {
            return if public_read { Ok(GitUser::App) } else { Err(404) };
        }
        if public_read || grants(&token.permissions, "contents", wants) {
            Ok(GitUser::App)
        } else {
            Err(403)
        }
    }

    /// Why a push is refused before it is accepted, in the words that git shows.
    ///
    /// # Errors
    /// When git fails.
    pub(crate) async fn refuses_push(
        &self,
        repository: &Repository,
        by: &GitUser,
        update: &RefUpdate,
    ) -> Result<Option<String>> {
        let Some(branch) = update.name.strip_prefix("refs/heads/") else { return Ok(None) };
        // People may change workflow files; the App has the permission or not.
        let workflows = match by {
            GitUser::App => self.state().app.permissions.get("workflows").copied(),
            GitUser::Person(_) | GitUser::Anonymous => Some(Level::Write),
        };
        let old = (update.old != ZEROS).then_some(update.old.as_str());
        let asked = Asked { repo: repository.id, branch, old, new: &update.new, workflows };
        let refusal = self.refusal(&asked).await?;
        Ok(refusal.map(|text| format!("GH013: {text}")))
    }

    /// A push by git has moved these refs; everybody is told.
    ///
    /// # Errors
    /// When git fails.
    pub(crate) async fn received(
        self: &Arc<Self>,
        repository: &Repository,
        by: &GitUser,
        updates: &[RefUpdate],
    ) -> Result<()> {
        let by = match by {
            GitUser::Person(login) => login.clone(),
            GitUser::App => self.state().app.bot(),
            GitUser::Anonymous => "ghost".into(),
        };
        let present = |sha: &str| (sha != ZEROS).then(|| sha.to_owned());
        for update in updates {
            let Some(branch) = update.name.strip_prefix("refs/heads/") else { continue };
            let moved = Moved {
                repo: repository.id,
                branch: branch.to_owned(),
                old: present(&update.old),
                new: present(&update.new),
                by: by.clone(),
            };
            self.branch_moved(&moved).await?;
        }
        Ok(())
    }
}
