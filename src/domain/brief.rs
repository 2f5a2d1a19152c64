//! Briefs: everything that a runner is given for one attempt.
//!
//! A brief holds no secret and no way to write to the repository. It is made by the server from
//! what it has decided; the runner takes it as its only instructions.

use serde::{Deserialize, Serialize};

use super::agent::AgentName;
use super::checkpoint::Checkpoint;
use super::document::{Document, Stage};
use super::failure::Failure;
use super::feedback::Exchange;
use super::granularity::ModelChoice;
use super::ids::{AttemptId, Branch, PrNumber, RepoId, RepoPath, RepoSlug, Sha};
use super::patch::Patch;
use super::proof::runs_usual;
use super::remedy::Offer;

/// The version of brief, documents and outcome that this build speaks.
///
/// It goes up when an older runner could not work with a newer server; both say which they speak.
pub const PROTOCOL_VERSION: u32 = 1;

/// A fixer as the policy names it, in the order in which they are tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FixerSpec {
    /// The deterministic recipes; `only` narrows them by name.
    Recipes {
        /// The recipes to consider; empty means all that answer.
        only: Vec<String>,
    },
    /// A program that gets the task on its standard input and edits the workspace.
    Command {
        /// A name for people and receipts.
        name: String,
        /// The command line, run by `sh -c` in the sandbox.
        run: String,
    },
    /// A coding agent that selfheal knows.
    Agent {
        /// Which one.
        agent: AgentName,
        /// The model that it uses; by default the agent's usual one.
        model: Option<ModelChoice>,
    },
    /// Any coding agent that speaks the Agent Client Protocol.
    Acp {
        /// A name for people and receipts.
        name: String,
        /// The command line, run by `sh -c` in the sandbox.
        run: String,
        /// The model, which the command finds in `SELFHEAL_MODEL`.
        model: Option<ModelChoice>,
    },
    /// Any coding agent behind a server that speaks coder's AgentAPI.
    #[serde(rename = "agentapi")]
    AgentApi {
        /// A name for people and receipts.
        name: String,
        /// The command line that starts the server, run by `sh -c` in the sandbox.
        run: String,
        /// The model, which the command finds in `SELFHEAL_MODEL`.
        model: Option<ModelChoice>,
    },
}

impl FixerSpec {
    /// Whether it can do nothing without a model that is paid for.
    pub const fn needs_a_model(&self) -> bool {
        match self {
            Self::Recipes { .. } | Self::Command { .. } => false,
            Self::Agent { .. } | Self::Acp { .. } | Self::AgentApi { .. } => true,
        }
    }
}

/// What the sandbox may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Nothing but its own loopback.
    Closed,
    /// What the machine can reach: package registries, for builds that fetch dependencies.
    Open,
}

/// Limits of one attempt. All of them are enforced from outside the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLimits {
    /// Wall-clock time of the whole attempt, in seconds.
    pub attempt_secs: u64,
    /// Wall-clock time of one command, in seconds.
    pub command_secs: u64,
    /// Memory of the sandbox's processes together, in bytes.
    pub memory_bytes: u64,
    /// Processes and threads at once.
    pub processes_max: u32,
    /// Output of one command, in bytes; past it the command is killed.
    pub output_bytes: u64,
}

impl Default for RunLimits {
    /// Room for an ordinary build on a hosted runner (4 cores, 16 GB, six hours).
    fn default() -> Self {
        Self {
            attempt_secs: 30 * 60,
            command_secs: 15 * 60,
            memory_bytes: 6 * 1024 * 1024 * 1024,
            processes_max: 2048,
            output_bytes: 64 * 1024 * 1024,
        }
    }
}

/// What an earlier attempt of the same case tried, for fixers that can learn from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierAttempt {
    /// Its number within the case, counted from 1.
    pub number: u8,
    /// Which fixer worked.
    pub fixer: Option<String>,
    /// How it ended, in words.
    pub ended: String,
    /// What its fixers said and changed, turn by turn; agents' words, bounded.
    #[serde(default)]
    pub turns: String,
    /// What was red in its last proof; outputs, bounded.
    #[serde(default)]
    pub seen: String,
    /// Its last change, against its own head; empty where that is larger than what is handed on.
    #[serde(default)]
    pub patch: Patch,
}

/// Everything that a runner is given for one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    /// [`PROTOCOL_VERSION`] of the server.
    pub protocol: u32,
    /// The attempt.
    pub attempt: AttemptId,
    /// Its number within the case, counted from 1.
    pub number: u8,
    /// The repository's number.
    pub repo_id: RepoId,
    /// The repository's name, for people.
    pub repo: RepoSlug,
    /// The pull request.
    pub pull: PrNumber,
    /// The exact commit to heal.
    pub head: Sha,
    /// The branch that the pull request wants to go into; agent configuration comes from there.
    pub base: Branch,
    /// The base branch's commit when the attempt was planned.
    pub base_sha: Sha,
    /// The newest commit that base and head have in common, where the forge could tell.
    #[serde(default)]
    pub fork: Option<Sha>,
    /// What failed, root cause first.
    pub failures: Vec<Failure>,
    /// The lines of the logs that matter, redacted; hostile text.
    pub excerpt: String,
    /// Commands that CI ran and that failed, most telling first.
    pub failing_commands: Vec<String>,
    /// Commands that CI ran in the failed jobs and that were green, to stay so.
    #[serde(default)]
    pub green_commands: Vec<String>,
    /// Commands that the repository wants to be green as well.
    pub verify: Vec<String>,
    /// How often what was red has to be green in a row, each time in a fresh checkout.
    #[serde(default = "runs_usual")]
    pub proof_runs: u8,
    /// What healed the same failures before; tried before any fixer.
    #[serde(default)]
    pub remedies: Vec<Offer>,
    /// Fixers in the order in which they are tried.
    pub fixers: Vec<FixerSpec>,
    /// Paths that no fixer should touch; the gate decides, this only saves wasted work.
    pub protected: Vec<String>,
    /// Files that the pull request itself changed, as a hint where to look.
    pub changed_files: Vec<RepoPath>,
    /// What earlier attempts of the same case tried.
    pub earlier: Vec<EarlierAttempt>,
    /// Limits of the attempt.
    pub limits: RunLimits,
    /// What the sandbox may reach.
    pub network: Network,
    /// How many questions a fixer may ask people at a time; 0: none.
    #[serde(default)]
    pub questions_max: u8,
    /// What the attempt has asked and was answered; people's words.
    #[serde(default)]
    pub feedback: Vec<Exchange>,
    /// Where a resumed attempt stands: the last stage whose documents arrived.
    pub resume: Option<Resume>,
}

/// What an earlier run of the same attempt left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// The last finished stage.
    pub stage: Stage,
    /// The round that it belongs to, counted from 1.
    pub round: u8,
    /// All documents so far.
    pub documents: Vec<Document>,
    /// The change so far, against the head.
    pub work_in_progress: Patch,
    /// How far a fixer was in the stage after that, where its runner could tell.
    #[serde(default)]
    pub checkpoint: Option<Checkpoint>,
}

/// What a runner sends after each stage, before the next begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageReport {
    /// The stage that is finished.
    pub stage: Stage,
    /// The round that it belongs to, counted from 1.
    pub round: u8,
    /// The documents that the stage wrote.
    pub documents: Vec<Document>,
    /// The change so far, against the head.
    pub work_in_progress: Patch,
    /// Remedies that applied, and with which what was red stayed red.
    #[serde(default)]
    pub remedies_in_vain: Vec<AttemptId>,
}

/// How a runner shows who it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Identity {
    /// A GitHub Actions OIDC token for the server's URL as audience.
    Oidc {
        /// The signed token.
        token: String,
    },
    /// A one-time code that the server gave to the machine that it started.
    Code {
        /// The code.
        code: String,
    },
}

/// The server's answer to an [`Identity`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Admission {
    /// The bearer token for this attempt alone.
    pub token: String,
    /// How often the server wants to hear from the runner, in seconds.
    pub heartbeat_secs: u64,
}

/// The server's answer to a heartbeat, a stage report or an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Instruction {
    /// Go on.
    Continue,
    /// The attempt is over (the head moved, a person stopped it): clean up and exit quietly.
    Stop,
}
