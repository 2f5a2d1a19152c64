//! Logs of failed jobs, kept for a while: the evidence quotes them, and GitHub may forget them first.
//!
//! A convenience and never a source: nothing is decided by a kept log, and one that could not be
//! kept stops nothing. Whoever keeps a log has taken secrets out of it.

use async_trait::async_trait;
use bytes::Bytes;

use super::store::StoreError;
use crate::domain::ids::{JobId, PrNumber, RepoId, RepoSlug, RunId, Timestamp};

/// Which log it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOf {
    /// The job; a job that is run again is another one.
    pub job: JobId,
    /// The workflow's and the job's name.
    pub name: String,
    /// The run.
    pub run: RunId,
    /// The run's attempt, counted from 1.
    pub attempt: u32,
}

/// A log to be kept, for a pull request that is known.
#[derive(Debug, Clone)]
pub struct NewLog {
    /// The repository.
    pub repo: RepoId,
    /// The pull request.
    pub number: PrNumber,
    /// Which log it is.
    pub of: LogOf,
    /// What it says.
    pub text: Bytes,
    /// Now.
    pub now: Timestamp,
}

/// Whether a log was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It was.
    Yes,
    /// Even packed it is too large.
    TooLarge,
}

/// A log that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLog {
    /// Which log it is.
    pub of: LogOf,
    /// How long it is.
    pub bytes: u64,
    /// When it was kept.
    pub kept_at: Timestamp,
}

/// Keeps logs, packed.
#[async_trait]
pub trait LogStore: Send + Sync {
    /// Keeps a log; the same one again takes its place.
    async fn keep_log(&self, log: NewLog) -> Result<Kept, StoreError>;

    /// The logs of a pull request, the newest first.
    async fn logs(&self, repo: &RepoSlug, number: PrNumber) -> Result<Vec<KeptLog>, StoreError>;

    /// What the log of a job says.
    async fn log(
        &self,
        repo: &RepoSlug,
        number: PrNumber,
        job: JobId,
    ) -> Result<Option<Bytes>, StoreError>;

    /// Forgets logs kept before that time, and the oldest of what is more than `packed_bytes_max`
    /// together; how many went.
    async fn forget_logs(
        &self,
        before: Timestamp,
        packed_bytes_max: u64,
    ) -> Result<u64, StoreError>;
}
