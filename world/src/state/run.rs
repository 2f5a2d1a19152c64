//! Workflow runs with their attempts, jobs, steps and logs.

use serde_json::{Map, Value};

/// A step of a job.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) conclusion: String,
}

/// A job of an attempt; its check run has the same number, as on GitHub.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) conclusion: Option<String>,
    pub(crate) steps: Vec<Step>,
    pub(crate) log: Log,
    pub(crate) started_ms: i64,
    pub(crate) completed_ms: Option<i64>,
}

/// Where a job's log stands.
#[derive(Debug, Clone)]
pub(crate) enum Log {
    /// The job still runs, or the upload lags behind: 404.
    NotYet,
    /// It can be read.
    Kept(Vec<u8>),
    /// After the retention: 410.
    Expired,
}

/// Something that a run uploaded; it belongs to the run, whichever attempt it was.
#[derive(Debug, Clone)]
pub(crate) struct Artifact {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) zip: Vec<u8>,
    pub(crate) is_expired: bool,
    pub(crate) created_ms: i64,
}

/// One attempt of a run.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) number: u64,
    pub(crate) jobs: Vec<Job>,
    pub(crate) started_ms: i64,
}

/// A workflow run.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) id: u64,
    pub(crate) workflow_path: String,
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) event: String,
    pub(crate) status: String,
    pub(crate) conclusion: Option<String>,
    pub(crate) head_branch: Option<String>,
    pub(crate) head_sha: String,
    pub(crate) head_repo: Option<u64>,
    pub(crate) suite: u64,
    pub(crate) actor: String,
    pub(crate) triggering_actor: String,
    pub(crate) inputs: Map<String, Value>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) artifacts: Vec<Artifact>,
    /// Counted per workflow, from 1.
    pub(crate) serial: u64,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
}

impl Run {
    /// The attempt under way or finished last.
    pub(crate) fn attempt(&self) -> &Attempt {
        self.attempts.last().expect("invariant: a run starts with its first attempt")
    }

    pub(crate) fn attempt_mut(&mut self) -> &mut Attempt {
        self.attempts.last_mut().expect("invariant: a run starts with its first attempt")
    }

    pub(crate) fn is_completed(&self) -> bool {
        self.status == "completed"
    }
}
