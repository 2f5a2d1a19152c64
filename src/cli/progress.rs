//! Progress of an attempt on standard error: a line that moves on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::domain::agent::AgentEvent;
use crate::runner::observe::{Happening, Observer};

/// How often the line moves: often enough to look alive.
const TICK_MS: u64 = 120;

/// How much of a command a line shows.
const COMMAND_CHARS_MAX: usize = 70;

/// Where progress is shown.
#[derive(Debug)]
pub(super) struct Display {
    line: Option<ProgressBar>,
}

impl Display {
    /// Progress on a stream.
    pub(super) fn on(stream: &impl IsTerminal) -> Self {
        let line = stream.is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {msg}");
            let line = ProgressBar::new_spinner()
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            line.enable_steady_tick(Duration::from_millis(TICK_MS));
            line
        });
        Self { line }
    }

    /// Says something that is not as it should be.
    pub(super) fn warn(&self, text: &str) {
        self.keep(&format!("warning: {text}"));
    }

    /// Shows a line that stays.
    pub(super) fn keep(&self, text: &str) {
        match &self.line {
            Some(line) => line.println(text),
            // Nobody reads it when standard error is gone, and the work goes on.
            None => drop(writeln!(std::io::stderr(), "{text}")),
        }
    }

    fn now(&self, text: String) {
        match &self.line {
            Some(line) => line.set_message(text),
            None => self.keep(&text),
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
    }
}

impl Display {
    fn agent(&self, event: &AgentEvent) {
        match event {
            AgentEvent::Text { text } => self.now(short(text)),
            AgentEvent::ToolCall { tool, input } => self.now(short(&format!("{tool}: {input}"))),
            AgentEvent::FileChange { path } => self.now(short(&format!("changes {path}"))),
            AgentEvent::Error { text } => self.keep(&short(text)),
            AgentEvent::Started { .. }
            | AgentEvent::Thinking { .. }
            | AgentEvent::ToolResult { .. }
            | AgentEvent::Usage { .. } => {}
        }
    }
}

impl Observer for Display {
    fn saw(&self, happening: &Happening<'_>) {
        match happening {
            Happening::StageBegins { stage, round } => {
                self.now(format!("{}, round {round}", stage.as_str()));
            }
            Happening::CommandBegins { command } => self.now(format!("running {}", short(command))),
            Happening::CommandEnded { run } => {
                self.keep(&format!("{}: {}", short(&run.command), super::heal::ended(run)));
            }
            Happening::FixerBegins { fixer } => self.now(format!("{fixer} works")),
            Happening::Agent { event } => self.agent(event),
            Happening::FixerEnded { fixer, files } => {
                self.keep(&format!("{fixer}: files changed: {files}"));
            }
        }
    }
}

/// The beginning of a text on one line, without what could move the cursor.
pub(super) fn short(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(plain).take(COMMAND_CHARS_MAX).collect()
}
