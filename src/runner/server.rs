//! The server, as a runner sees it: six questions about one attempt.
//!
//! The trait is what `selfheal heal` answers by itself; [`remote`] asks over HTTP.

pub mod identity;
pub mod remote;

use async_trait::async_trait;
use thiserror::Error;

use crate::domain::brief::{Brief, Instruction, StageReport};
use crate::domain::checkpoint::Checkpoint;
use crate::domain::inputs::Prompt;
use crate::domain::outcome::Outcome;

/// Why the server did not do what it was asked.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The attempt is over: somebody else finished it, the head moved, a person stopped it.
    #[error("the attempt is over")]
    Over,
    /// The server says no.
    #[error("the server refused with {status}: {detail}")]
    Refused {
        /// The status code.
        status: u16,
        /// Its reason.
        detail: String,
    },
    /// The server cannot be reached, also not after several tries.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The server's answer cannot be read.
    #[error("the server's answer to {what} cannot be read")]
    Unreadable {
        /// What was asked.
        what: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Who gives the brief and takes the reports.
#[async_trait]
pub trait Server: Send + Sync {
    /// The brief of the attempt.
    ///
    /// # Errors
    /// Any [`ServerError`].
    async fn brief(&self) -> Result<Brief, ServerError>;

    /// Says that the runner lives.
    ///
    /// # Errors
    /// Any [`ServerError`].
    async fn heartbeat(&self) -> Result<Instruction, ServerError>;

    /// Reports a finished stage.
    ///
    /// # Errors
    /// Any [`ServerError`].
    async fn stage(&self, report: &StageReport) -> Result<Instruction, ServerError>;

    /// Whether it keeps checkpoints; who makes the attempt on one machine needs none.
    fn keeps_checkpoints(&self) -> bool {
        false
    }

    /// Tells how far a fixer is; one try, because the next checkpoint takes its place.
    ///
    /// # Errors
    /// Any [`ServerError`]; the work goes on.
    async fn checkpoint(&self, _checkpoint: &Checkpoint) -> Result<(), ServerError> {
        Ok(())
    }

    /// Tells what a fixer is told, before it is; whoever makes the attempt on one machine keeps none.
    ///
    /// # Errors
    /// Any [`ServerError`]; the work goes on.
    async fn prompt(&self, _prompt: &Prompt) -> Result<(), ServerError> {
        Ok(())
    }

    /// Reports the outcome.
    ///
    /// # Errors
    /// Any [`ServerError`].
    async fn outcome(&self, outcome: &Outcome) -> Result<Instruction, ServerError>;
}
