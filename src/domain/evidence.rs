//! Evidence: what was read from the failed runs of one head.

use serde::{Deserialize, Serialize};

use super::cause::Judgement;
use super::failure::{Failure, Fingerprint};
use super::ids::{RepoPath, Sha};
use super::pull::CiRun;

/// What was read from the failed runs of one head, root cause first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The commit that the runs were on.
    pub head: Sha,
    /// The failed runs that were read, each with its attempt: others, or the same ones run again,
    /// have to be read anew.
    #[serde(default)]
    pub runs: Vec<CiRun>,
    /// What failed.
    pub failures: Vec<Failure>,
    /// The lines that matter, redacted and bounded; hostile text.
    pub excerpt: String,
    /// Commands that CI ran and that failed.
    pub commands: Vec<String>,
    /// Commands that CI ran in the failed jobs and that were green.
    #[serde(default)]
    pub green_commands: Vec<String>,
    /// Where it was read: `ci / test (ubuntu): log`, ….
    pub sources: Vec<String>,
    /// What could not be read or understood, in words.
    pub notes: Vec<String>,
    /// Files that the pull request changes.
    pub changed_files: Vec<RepoPath>,
    /// Whose fault each failure is judged to be.
    #[serde(default)]
    pub judgement: Judgement,
}

impl Evidence {
    /// The fingerprint of the root cause, if anything was understood.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.failures.first().map(Failure::fingerprint)
    }
}
