//! Policies: read from the base branch, kept by base commit.
//!
//! A policy is the repository's word at one commit, so what was read for a commit holds for ever.
//! "Could not be read" is never "there is none": a forge that does not answer is an error, and the
//! case waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::repository;
use crate::domain::ids::{RepoId, Sha};
use crate::domain::inputs::{InForce, PolicySource, digest};
use crate::domain::policy::{Policy, policy_path};
use crate::domain::pull::Repo;
use crate::ports::forge::{Forge, ForgeError};

/// Commits whose policy is kept; a policy is a few kilobytes, so this is a few megabytes at most.
const POLICIES_KEPT_MAX: usize = 500;

/// A policy as read at a commit.
#[derive(Debug, Clone)]
pub struct PolicyRead {
    /// What holds: the file's word, or the defaults where there is none or it is wrong.
    pub policy: Arc<Policy>,
    /// The SHA-256 of the file's text; none where there is no file.
    pub sha256: Option<String>,
    /// What is wrong with the file, a line each.
    pub problem: Option<String>,
}

impl PolicyRead {
    /// Which policy it is, read at that commit.
    pub(super) fn source(&self, commit: &Sha) -> PolicySource {
        let holds = self.sha256.is_some() && self.problem.is_none();
        PolicySource {
            commit: commit.clone(),
            path: policy_path().to_string(),
            sha256: self.sha256.clone(),
            in_force: if holds { InForce::RepositoryFile } else { InForce::Defaults },
        }
    }
}

/// Policies that were read, by repository and base commit.
#[derive(Debug, Default)]
pub struct PolicyCache {
    read: Mutex<HashMap<(RepoId, Sha), PolicyRead>>,
}

impl PolicyCache {
    /// The policy of a repository at a commit of its base branch.
    ///
    /// # Errors
    /// [`ForgeError`] when the forge could not be asked; a missing file is not an error.
    pub async fn at(
        &self,
        forge: &dyn Forge,
        repo: &Repo,
        base: &Sha,
    ) -> Result<PolicyRead, ForgeError> {
        let key = (repo.id, base.clone());
        if let Some(known) = self.lock().get(&key) {
            return Ok(known.clone());
        }
        let text = forge.file(repo, base.as_str(), &policy_path()).await?;
        let read = match text {
            None => PolicyRead { policy: Arc::new(Policy::default()), sha256: None, problem: None },
            Some(text) => checked(&text),
        };
        let mut kept = self.lock();
        if kept.len() >= POLICIES_KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, read.clone());
        Ok(read)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(RepoId, Sha), PolicyRead>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The policy that a file's text states, or the defaults with what is wrong.
fn checked(text: &str) -> PolicyRead {
    let (policy, problem) = match repository::check(text) {
        Ok(policy) => (policy, None),
        Err(errors) => (Policy::default(), Some(lines(&errors))),
    };
    PolicyRead { policy: Arc::new(policy), sha256: Some(digest(text)), problem }
}

/// Everything that is wrong with the file, a line each.
fn lines(errors: &[repository::ConfigError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
