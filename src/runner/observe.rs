//! What happens while an attempt goes on, for whoever watches: a log, a terminal, a test.

use async_trait::async_trait;

use crate::domain::agent::AgentEvent;
use crate::domain::document::Stage;
use crate::domain::outcome::CommandRun;

/// Something that happens.
#[derive(Debug, Clone, Copy)]
pub enum Happening<'a> {
    /// A stage begins.
    StageBegins {
        /// Which one.
        stage: Stage,
        /// The round, counted from 1.
        round: u8,
    },
    /// A command begins.
    CommandBegins {
        /// The command, as a person would type it.
        command: &'a str,
    },
    /// A command has ended.
    CommandEnded {
        /// How.
        run: &'a CommandRun,
    },
    /// A fixer begins.
    FixerBegins {
        /// Its id.
        fixer: &'a str,
    },
    /// A coding agent says or does something; a stranger's text.
    Agent {
        /// What.
        event: &'a AgentEvent,
    },
    /// A fixer is done.
    FixerEnded {
        /// Its id.
        fixer: &'a str,
        /// How many files it changed.
        files: usize,
    },
}

/// Who is told.
#[async_trait]
pub trait Observer: Send + Sync {
    /// Takes note; must not block.
    fn saw(&self, happening: &Happening<'_>);

    /// Waits, for a moment at most, until what it has seen is told to whom it tells.
    async fn is_heard(&self) {}
}

/// Two who are told.
#[derive(Clone, Copy)]
pub struct Both<'a>(pub &'a dyn Observer, pub &'a dyn Observer);

impl std::fmt::Debug for Both<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Both").finish_non_exhaustive()
    }
}

#[async_trait]
impl Observer for Both<'_> {
    fn saw(&self, happening: &Happening<'_>) {
        self.0.saw(happening);
        self.1.saw(happening);
    }

    async fn is_heard(&self) {
        tokio::join!(self.0.is_heard(), self.1.is_heard());
    }
}

/// Nobody.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Observer for Nobody {
    fn saw(&self, _happening: &Happening<'_>) {}
}

/// The log: the attempt's own words in the lines of the CI run that it is.
#[derive(Debug, Clone, Copy)]
pub struct Log;

impl Observer for Log {
    fn saw(&self, happening: &Happening<'_>) {
        match happening {
            Happening::StageBegins { stage, round } => {
                tracing::info!(stage = stage.as_str(), round, "a stage begins");
            }
            // Commands and their output may be a stranger's text: their names and ends suffice.
            Happening::CommandBegins { command } => tracing::info!(command, "a command begins"),
            Happening::CommandEnded { run } => {
                tracing::info!(duration_ms = run.duration_ms, ended = ?run.ended, "a command ended");
            }
            Happening::FixerBegins { fixer } => tracing::info!(fixer, "a fixer begins"),
            // The logs of a public repository are public, and agents quote what they read.
            Happening::Agent { .. } => {}
            Happening::FixerEnded { fixer, files } => {
                tracing::info!(fixer, files, "a fixer is done");
            }
        }
    }
}
