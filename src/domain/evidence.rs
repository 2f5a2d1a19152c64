//! Evidence: what was read from the failed runs of one head.

use serde::{Deserialize, Serialize};

use super::failure::{Failure, FailureKind, Fingerprint};
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
}

impl Evidence {
    /// The fingerprint of the root cause, if anything was understood.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.failures.first().map(Failure::fingerprint)
    }

    /// Whether nothing but the machine, the network or a service failed.
    pub fn is_infrastructure(&self) -> bool {
        !self.failures.is_empty()
            && self.failures.iter().all(|failure| match failure.kind {
                FailureKind::Infrastructure | FailureKind::Oom | FailureKind::Timeout => true,
                FailureKind::CompileError
                | FailureKind::TypeError
                | FailureKind::Lint
                | FailureKind::Format
                | FailureKind::TestFailure
                | FailureKind::Dependency
                | FailureKind::Config
                | FailureKind::Unknown => false,
            })
    }
}
