//! Listening to an agent: lines become events, and what matters at the end is kept.
//!
//! Agents print what they like: events that nobody knows, lines that are no JSON, megabytes in one
//! line. What is not understood is passed over; nothing here fails.

use serde_json::Value;

use super::{Agent, Ask};
use crate::domain::agent::{AgentEvent, EVENT_CHARS_MAX};
use crate::runner::model::ModelEnd;
use crate::runner::observe::{Happening, Observer};
use crate::runner::sandbox::{Answer, Conversation, Opening};

/// Why an agent stopped, by its own account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// It thinks that it is done.
    Done,
    /// It reached a limit of its own: turns, length.
    Limit(String),
    /// Its provider failed it.
    Provider(String),
    /// Something else went wrong.
    Failed(String),
}

/// How a tool of an agent did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// As it was asked.
    Right,
    /// It failed.
    Wrong,
}

/// What an agent has said, as far as it matters.
pub struct Said<'o> {
    /// Why it stopped.
    pub stopped: Option<Stopped>,
    /// Its session.
    pub session: Option<String>,
    /// The model that it says it used.
    pub model: Option<String>,
    /// The last thing that it said to people.
    pub last_words: String,
    observer: &'o dyn Observer,
}

impl std::fmt::Debug for Said<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Said")
            .field("stopped", &self.stopped)
            .field("session", &self.session)
            .field("model", &self.model)
            .field("last_words", &self.last_words)
            .finish_non_exhaustive()
    }
}

impl<'o> Said<'o> {
    /// Nothing yet.
    pub fn nothing(observer: &'o dyn Observer) -> Self {
        let last_words = String::new();
        Self { stopped: None, session: None, model: None, last_words, observer }
    }

    /// It has begun.
    pub fn started(&mut self, session: Option<&str>, model: Option<&str>) {
        if let Some(session) = session {
            self.session = Some(short(session));
        }
        if let Some(model) = model {
            self.model = Some(short(model));
        }
        self.tell(&AgentEvent::Started {
            session: self.session.clone(),
            model: self.model.clone(),
        });
    }

    /// It says something to people.
    pub fn text(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.last_words = short(text.trim());
            self.tell(&AgentEvent::Text { text: short(text) });
        }
    }

    /// It says something that it will not want to be remembered by.
    pub fn aside(&mut self, text: &str) {
        self.tell(&AgentEvent::Text { text: short(text) });
    }

    /// It says the next piece of something.
    pub fn piece(&mut self, text: &str) {
        if self.last_words.chars().count() + text.chars().count() > EVENT_CHARS_MAX {
            self.last_words.clear();
        }
        self.last_words.push_str(&short(text));
        self.tell(&AgentEvent::Text { text: short(text) });
    }

    /// It begins to say something new, piece by piece.
    pub fn new_paragraph(&mut self) {
        self.last_words.clear();
    }

    /// It thinks.
    pub fn thinking(&mut self, text: &str) {
        self.tell(&AgentEvent::Thinking { text: short(text) });
    }

    /// It uses a tool.
    pub fn tool_call(&mut self, tool: &str, input: &str) {
        self.tell(&AgentEvent::ToolCall { tool: short(tool), input: short(input) });
    }

    /// A tool has answered it.
    pub fn tool_result(&mut self, went: Went, output: &str) {
        let skipped = output.chars().count().saturating_sub(EVENT_CHARS_MAX);
        let output = output.chars().skip(skipped).collect();
        let is_error = went == Went::Wrong;
        self.tell(&AgentEvent::ToolResult { is_error, output });
    }

    /// It changed a file.
    pub fn file_change(&mut self, path: &str) {
        self.tell(&AgentEvent::FileChange { path: short(path) });
    }

    /// It has used tokens.
    pub fn usage(&mut self, input: u64, output: u64) {
        self.tell(&AgentEvent::Usage { input, output });
    }

    /// Something went wrong.
    pub fn error(&mut self, text: &str) {
        self.tell(&AgentEvent::Error { text: short(text) });
    }

    fn tell(&self, event: &AgentEvent) {
        self.observer.saw(&Happening::Agent { event });
    }
}

fn short(text: &str) -> String {
    text.chars().take(EVENT_CHARS_MAX).collect()
}

/// A conversation with an agent.
pub(super) struct Listener<'a> {
    agent: &'a dyn Agent,
    ask: &'a Ask,
    said: Said<'a>,
    models: Option<&'a ModelEnd>,
}

impl<'a> Listener<'a> {
    pub(super) fn new(agent: &'a dyn Agent, ask: &'a Ask, observer: &'a dyn Observer) -> Self {
        Self { agent, ask, said: Said::nothing(observer), models: None }
    }

    /// The agent is told goodbye when its way to models has come to an end.
    pub(super) fn ends_with(&mut self, models: &'a ModelEnd) {
        self.models = Some(models);
    }

    pub(super) fn said(self) -> Said<'a> {
        self.said
    }
}

impl Conversation for Listener<'_> {
    fn begin(&mut self) -> Opening {
        self.agent.opening(self.ask)
    }

    fn is_over(&self) -> bool {
        self.models.is_some_and(ModelEnd::is_refused)
    }

    fn heard(&mut self, line: &[u8]) -> Answer {
        match serde_json::from_slice::<Value>(line) {
            Ok(value) if value.is_object() => self.agent.heard(self.ask, &value, &mut self.said),
            Ok(_) | Err(_) => {
                self.agent.heard_text(&String::from_utf8_lossy(line), &mut self.said);
                Answer::Listen
            }
        }
    }
}

/// The text at a path of keys.
pub(super) fn text_at<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    value.pointer(path)?.as_str()
}

/// The number at a path of keys; 0 when there is none.
pub(super) fn count_at(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or(0)
}
