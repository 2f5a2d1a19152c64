//! Repositories and who may do what in them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::World;
use crate::branches::{Moved, point};
use crate::git::Repo as Git;
use crate::state::repo::{BranchRule, Repo};

/// A repository, for verbs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    pub(crate) id: u64,
    pub(crate) slug: String,
}

impl Repository {
    /// Its number.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// `owner/name`, as it was made.
    pub fn slug(&self) -> &str {
        &self.slug
    }
}

/// A repository to be made.
#[derive(Debug)]
pub struct RepositoryBuilder {
    world: World,
    slug: String,
    files: Vec<(String, Option<Vec<u8>>)>,
    collaborators: BTreeMap<String, String>,
    is_private: bool,
    fork_of: Option<u64>,
}

impl RepositoryBuilder {
    /// With a file on its default branch.
    #[must_use]
    pub fn file(mut self, path: &str, content: &str) -> Self {
        self.files.push((path.to_owned(), Some(content.as_bytes().to_vec())));
        self
    }

    /// With somebody who has a role: `admin`, `maintain`, `write`, `triage` or `read`.
    #[must_use]
    pub fn collaborator(mut self, login: &str, role: &str) -> Self {
        self.collaborators.insert(login.to_lowercase(), role.to_owned());
        self
    }

    /// Not public.
    #[must_use]
    pub fn private(mut self) -> Self {
        self.is_private = true;
        self
    }

    /// Makes it, with one commit on `main`.
    ///
    /// # Errors
    /// When git fails, or the slug is not `owner/name`.
    pub async fn create(self) -> Result<Repository> {
        let (owner, name) = self.slug.split_once('/').context("a slug is owner/name")?;
        let shared = self.world.shared();
        let now_ms = shared.now_ms();
        let id = shared.state().fresh_id();
        let git = Git::init(&shared.dir.path().join(format!("{id}.git")), "main").await?;
        {
            let mut state = shared.state();
            state.user(owner);
            for login in self.collaborators.keys() {
                state.user(login);
            }
            let repo = Repo {
                id,
                owner: owner.to_owned(),
                name: name.to_owned(),
                old_slugs: Vec::new(),
                is_private: self.is_private,
                fork_of: self.fork_of,
                is_deleted: false,
                default_branch: "main".into(),
                created_ms: now_ms,
                git,
                has_drafts: true,
                protected: BTreeSet::new(),
                rules: Vec::new(),
                collaborators: self.collaborators,
                labels: Vec::new(),
                next_number: 1,
                pulls: BTreeMap::new(),
                comments: BTreeMap::new(),
                suites: BTreeMap::new(),
                checks: BTreeMap::new(),
                statuses: Vec::new(),
                workflow_ids: BTreeMap::new(),
                workflow_names: BTreeMap::new(),
                runs: BTreeMap::new(),
                verified: BTreeSet::new(),
                ci: Vec::new(),
                timeline: Vec::new(),
            };
            state.repos.insert(id, repo);
        }
        if !self.files.is_empty() || self.fork_of.is_none() {
            shared.commit_files((id, "main"), owner, "Start", &self.files).await?;
        }
        Ok(Repository { id, slug: self.slug })
    }
}

impl World {
    /// A repository to be made.
    pub fn repository(&self, slug: &str) -> RepositoryBuilder {
        RepositoryBuilder {
            world: self.clone(),
            slug: slug.to_owned(),
            files: Vec::new(),
            collaborators: BTreeMap::new(),
            is_private: false,
            fork_of: None,
        }
    }

    /// Somebody forks a repository.
    ///
    /// # Errors
    /// When git fails.
    pub async fn fork(&self, of: &Repository, login: &str) -> Result<Repository> {
        let (name, from, is_private) = {
            let mut state = self.state();
            let repo = state.repo_mut(of.id);
            (repo.name.clone(), repo.git.clone(), repo.is_private)
        };
        let mut builder = self.repository(&format!("{login}/{name}"));
        builder.fork_of = Some(of.id);
        builder.is_private = is_private;
        let fork = builder.create().await?;
        let git = self.state().repo_mut(fork.id).git.clone();
        let tip = from.get_ref("refs/heads/main").await?.context("the parent has no main")?;
        git.take_from(&from, &tip).await?;
        point(&git, "refs/heads/main", &tip).await?;
        Ok(fork)
    }

    /// The owner of a fork deletes it; its pull requests stay.
    pub fn delete_repository(&self, repository: &Repository) {
        let mut state = self.state();
        state.repo_mut(repository.id).is_deleted = true;
        for repo in state.repos.values_mut() {
            for pull in repo.pulls.values_mut() {
                pull.head.repo = pull.head.repo.filter(|id| *id != repository.id);
            }
            for run in repo.runs.values_mut() {
                run.head_repo = run.head_repo.filter(|id| *id != repository.id);
            }
        }
    }

    /// The owner renames a repository; GitHub redirects the old name.
    pub fn rename_repository(&self, repository: &Repository, name: &str) -> Repository {
        let mut state = self.state();
        let repo = state.repo_mut(repository.id);
        let old = repo.slug();
        repo.old_slugs.push(old);
        name.clone_into(&mut repo.name);
        Repository { id: repo.id, slug: repo.slug() }
    }

    /// Somebody gets a role in a repository.
    pub fn collaborator(&self, repository: &Repository, login: &str, role: &str) {
        let mut state = self.state();
        state.user(login);
        let collaborators = &mut state.repo_mut(repository.id).collaborators;
        collaborators.insert(login.to_lowercase(), role.to_owned());
    }

    /// A repository whose plan has no drafts from now on.
    pub fn without_drafts(&self, repository: &Repository) {
        self.state().repo_mut(repository.id).has_drafts = false;
    }

    /// Changes of a branch must go through a pull request from now on.
    pub fn protect(&self, repository: &Repository, branch: &str) {
        self.rule(repository, branch, json!({ "type": "pull_request" }));
        self.state().repo_mut(repository.id).protected.insert(branch.to_owned());
    }

    /// A branch requires a check from now on.
    pub fn require_check(&self, repository: &Repository, branch: &str, check: &str) {
        let parameters = json!({ "required_status_checks": [{ "context": check }],
                                 "strict_required_status_checks_policy": false });
        let rule = json!({ "type": "required_status_checks", "parameters": parameters });
        self.rule(repository, branch, rule);
    }

    /// A rule of a ruleset holds on a branch from now on (`*` is every branch).
    pub fn rule(&self, repository: &Repository, branch: &str, mut rule: Value) {
        if let Value::Object(fields) = &mut rule {
            fields.insert("ruleset_source_type".into(), "Repository".into());
            fields.insert("ruleset_source".into(), repository.slug.clone().into());
            fields.insert("ruleset_id".into(), 1.into());
        }
        let kept = BranchRule { branch: branch.to_owned(), rule };
        self.state().repo_mut(repository.id).rules.push(kept);
    }

    /// A person pushes files to a branch (content `None` deletes); the new commit.
    ///
    /// # Errors
    /// When git fails.
    pub async fn push_to(
        &self,
        repository: &Repository,
        branch: &str,
        by: &str,
        files: &[(&str, Option<&str>)],
    ) -> Result<String> {
        let message = message_for(files);
        let files = owned(files);
        self.shared().commit_files((repository.id, branch), by, &message, &files).await
    }

    /// A person deletes a branch.
    ///
    /// # Errors
    /// When git fails.
    pub async fn delete_branch(&self, repo: &Repository, branch: &str, by: &str) -> Result<()> {
        let git = self.state().repo_mut(repo.id).git.clone();
        let name = format!("refs/heads/{branch}");
        let old = git.get_ref(&name).await?;
        git.delete_ref(&name).await?;
        let moved =
            Moved { repo: repo.id, branch: branch.into(), old, new: None, by: by.to_owned() };
        self.shared().branch_moved(&moved).await
    }

    /// The commit that a branch is at.
    ///
    /// # Errors
    /// When git fails, or there is no such branch.
    pub async fn tip(&self, repository: &Repository, branch: &str) -> Result<String> {
        let git = self.state().repo_mut(repository.id).git.clone();
        let tip = git.get_ref(&format!("refs/heads/{branch}")).await?;
        tip.with_context(|| format!("{} has no branch {branch}", repository.slug))
    }

    /// A file's text at a branch or commit.
    ///
    /// # Errors
    /// When git fails.
    pub async fn file(&self, repo: &Repository, at: &str, path: &str) -> Result<Option<String>> {
        let git = self.state().repo_mut(repo.id).git.clone();
        let found = git.read_file(at, path).await?;
        Ok(found.map(|(bytes, _)| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The bare repository on disk.
    pub fn git_dir(&self, repository: &Repository) -> std::path::PathBuf {
        self.state().repo_mut(repository.id).git.dir().to_owned()
    }
}

/// `Change a.rs, b.rs`.
pub(super) fn message_for(files: &[(&str, Option<&str>)]) -> String {
    let names: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
    format!("Change {}", names.join(", "))
}

pub(super) fn owned(files: &[(&str, Option<&str>)]) -> Vec<(String, Option<Vec<u8>>)> {
    let bytes = |content: Option<&str>| content.map(|text| text.as_bytes().to_vec());
    files.iter().map(|(path, content)| ((*path).to_owned(), bytes(*content))).collect()
}
