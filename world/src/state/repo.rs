//! A repository: its people, branches' rules, and everything that hangs on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use crate::ci::CiScript;
use crate::git::Repo as Git;

use super::check::{CheckRun, CheckSuite, CommitStatus};
use super::pull::{Comment, Label, Pull};
use super::run::Run;

/// A rule of a ruleset, active on a branch.
#[derive(Debug, Clone)]
pub(crate) struct BranchRule {
    pub(crate) branch: String,
    /// As `GET /rules/branches/{branch}` shows it.
    pub(crate) rule: Value,
}

/// What happened, in people's words, with the pull request it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Happening {
    pub(crate) pull: u64,
    pub(crate) text: String,
}

/// A repository.
pub(crate) struct Repo {
    pub(crate) id: u64,
    pub(crate) owner: String,
    pub(crate) name: String,
    /// Former `owner/name`s, which GitHub redirects.
    pub(crate) old_slugs: Vec<String>,
    pub(crate) is_private: bool,
    pub(crate) fork_of: Option<u64>,
    pub(crate) is_deleted: bool,
    pub(crate) default_branch: String,
    pub(crate) created_ms: i64,
    pub(crate) git: Git,
    /// Private repositories of free accounts have none.
    pub(crate) has_drafts: bool,
    pub(crate) protected: BTreeSet<String>,
    pub(crate) rules: Vec<BranchRule>,
    pub(crate) collaborators: BTreeMap<String, String>,
    pub(crate) labels: Vec<Label>,
    pub(crate) next_number: u64,
    pub(crate) pulls: BTreeMap<u64, Pull>,
    pub(crate) comments: BTreeMap<u64, Comment>,
    pub(crate) suites: BTreeMap<u64, CheckSuite>,
    pub(crate) checks: BTreeMap<u64, CheckRun>,
    pub(crate) statuses: Vec<CommitStatus>,
    /// Numbers of workflow files, given when they are met first.
    pub(crate) workflow_ids: BTreeMap<String, u64>,
    /// Their `name:`s, as the default branch has them.
    pub(crate) workflow_names: BTreeMap<String, String>,
    pub(crate) runs: BTreeMap<u64, Run>,
    pub(crate) verified: BTreeSet<String>,
    /// Workflow file, event, and who plays its runs.
    pub(crate) ci: Vec<(String, String, CiScript)>,
    pub(crate) timeline: Vec<Happening>,
}

impl fmt::Debug for Repo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repo")
            .field("id", &self.id)
            .field("slug", &self.slug())
            .finish_non_exhaustive()
    }
}

impl Repo {
    /// `owner/name`.
    pub(crate) fn slug(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// What somebody may do: `admin`, `maintain`, `write`, `triage`, `read` or `none`.
    pub(crate) fn role(&self, login: &str) -> &str {
        if self.owner.eq_ignore_ascii_case(login) {
            return "admin";
        }
        match self.collaborators.get(&login.to_lowercase()) {
            Some(role) => role,
            None if self.is_private => "none",
            None => "read",
        }
    }

    /// Open pull requests of this repository whose head is that branch of that repository.
    pub(crate) fn pulls_from(&self, head_repo: u64, branch: &str) -> Vec<u64> {
        self.pulls
            .values()
            .filter(|pull| pull.is_open())
            .filter(|pull| pull.head.repo == Some(head_repo) && pull.head.branch == branch)
            .map(|pull| pull.number)
            .collect()
    }

    /// Notes something for `timeline`.
    pub(crate) fn note(&mut self, pull: u64, text: impl Into<String>) {
        self.timeline.push(Happening { pull, text: text.into() });
    }
}
