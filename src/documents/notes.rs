//! What documents say about failures and runs, in a form of their own: the domain's types travel
//! between runner and server and may change with them, a published schema may not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RUNS_MAX;
use crate::domain::granularity::Granularity;
use crate::domain::outcome::{CommandRun, Ended};

/// A failure, as far as a plan needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultNote {
    /// What sort of fault it is: `format`, `lint`, `test_failure`, ….
    pub kind: String,
    /// The tool that reported it.
    pub tool: Option<String>,
    /// The file at fault.
    pub file: Option<String>,
    /// The line, counted from 1.
    pub line: Option<u32>,
    /// The tool's own code.
    pub code: Option<String>,
    /// The test's full name.
    pub test: Option<String>,
    /// What the tool said; hostile text.
    pub message: String,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndNote {
    /// It exited.
    Exited,
    /// It was killed by a signal.
    Signalled,
    /// It took too long.
    TimedOut,
    /// It used too much.
    OverLimit,
    /// It was not there to run.
    NotFound,
}

/// How large a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GranularityNote {
    /// The tools that complain can mend it by themselves.
    Trivial,
    /// A few understood failures close together.
    Simple,
    /// Many, in many places, or not understood.
    Complex,
    /// Nothing shows it: people have to say how it is seen.
    NeedsClarification,
}

impl From<Granularity> for GranularityNote {
    fn from(granularity: Granularity) -> Self {
        match granularity {
            Granularity::Trivial => Self::Trivial,
            Granularity::Simple => Self::Simple,
            Granularity::Complex => Self::Complex,
            Granularity::NeedsClarification => Self::NeedsClarification,
        }
    }
}

impl From<GranularityNote> for Granularity {
    fn from(note: GranularityNote) -> Self {
        match note {
            GranularityNote::Trivial => Self::Trivial,
            GranularityNote::Simple => Self::Simple,
            GranularityNote::Complex => Self::Complex,
            GranularityNote::NeedsClarification => Self::NeedsClarification,
        }
    }
}

/// What kept a fixer from its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HindranceNote {
    /// A program that it needs is not installed.
    ToolMissing,
    /// It is not set up here.
    Unavailable,
    /// Its provider is down or busy.
    Provider,
    /// The budget for models is spent.
    Budget,
}

/// One command that was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunNote {
    /// The command.
    pub command: String,
    /// How it ended.
    pub ended: EndNote,
    /// The exit code or the signal.
    pub code: Option<i32>,
    /// How long it ran, in milliseconds.
    pub duration_ms: u64,
    /// The end of its output, redacted; hostile text.
    pub output_tail: String,
}

impl From<&CommandRun> for RunNote {
    fn from(run: &CommandRun) -> Self {
        let (ended, code) = match run.ended {
            Ended::Exit(code) => (EndNote::Exited, Some(code)),
            Ended::Signal(signal) => (EndNote::Signalled, Some(signal)),
            Ended::TimedOut => (EndNote::TimedOut, None),
            Ended::OverLimit => (EndNote::OverLimit, None),
            Ended::NotFound => (EndNote::NotFound, None),
        };
        Self {
            command: run.command.clone(),
            ended,
            code,
            duration_ms: run.duration_ms,
            output_tail: run.output_tail.clone(),
        }
    }
}

impl From<&RunNote> for CommandRun {
    fn from(note: &RunNote) -> Self {
        let code = note.code.unwrap_or(-1);
        let ended = match note.ended {
            EndNote::Exited => Ended::Exit(code),
            EndNote::Signalled => Ended::Signal(code),
            EndNote::TimedOut => Ended::TimedOut,
            EndNote::OverLimit => Ended::OverLimit,
            EndNote::NotFound => Ended::NotFound,
        };
        Self {
            command: note.command.clone(),
            ended,
            duration_ms: note.duration_ms,
            output_tail: note.output_tail.clone(),
        }
    }
}

/// Runs as notes, the first [`RUNS_MAX`].
pub fn notes(runs: &[CommandRun]) -> Vec<RunNote> {
    runs.iter().take(RUNS_MAX).map(RunNote::from).collect()
}

/// Notes as runs.
pub fn runs(notes: &[RunNote]) -> Vec<CommandRun> {
    notes.iter().map(CommandRun::from).collect()
}
