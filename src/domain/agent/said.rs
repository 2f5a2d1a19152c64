//! What an agent has said: the lines that it prints become events, and what matters at the end is kept.
//!
//! Agents print what they like: events that nobody knows, lines that are no JSON, megabytes in one
//! line. What is not understood is passed over; nothing here fails.

use serde_json::Value;

use super::{AgentEvent, EVENT_CHARS_MAX};

/// The most characters of what an agent said last. Answers of a form stand at the end of it, and the
/// largest that is accepted (28 texts of 2,000 characters in a second look) has room.
pub const WORDS_CHARS_MAX: usize = 64 * 1024;

/// Why an agent stopped, by its own account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// It thinks that it is done.
    Done,
    /// Its turn is over, of which it says no more: it is done, or its model failed it.
    Over,
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
#[derive(Debug, Default)]
pub struct Said {
    /// Why it stopped.
    pub stopped: Option<Stopped>,
    /// Its session.
    pub session: Option<String>,
    /// The model that it says it used.
    pub model: Option<String>,
    /// The version that it says it has.
    pub version: Option<String>,
    /// The last thing that it said to people; of a long one the end, at most [`WORDS_CHARS_MAX`].
    pub words: String,
    /// What it says it did, where it says that in a line of its own.
    pub did: Option<String>,
    told: Vec<AgentEvent>,
}

impl Said {
    /// What it has told since this was asked last, in order.
    pub fn news(&mut self) -> Vec<AgentEvent> {
        std::mem::take(&mut self.told)
    }

    /// It says which version it is.
    pub fn is_version(&mut self, version: &str) {
        if !version.trim().is_empty() {
            self.version = Some(short(version.trim()));
        }
    }

    /// It has begun.
    pub fn started(&mut self, session: Option<&str>, model: Option<&str>) {
        if let Some(session) = session {
            self.session = Some(short(session));
        }
        if let Some(model) = model {
            self.model = Some(short(model));
        }
        self.tell(AgentEvent::Started { session: self.session.clone(), model: self.model.clone() });
    }

    /// It says something to people.
    pub fn text(&mut self, text: &str) {
        if !text.trim().is_empty() {
            text.trim().clone_into(&mut self.words);
            keep_the_end(&mut self.words);
            self.tell(AgentEvent::Text { text: short(text) });
        }
    }

    /// It says in a line what it did.
    pub fn did(&mut self, line: &str) {
        self.did = Some(short(line));
        self.tell(AgentEvent::Text { text: short(line) });
    }

    /// It says something that it will not want to be remembered by.
    pub fn aside(&mut self, text: &str) {
        self.tell(AgentEvent::Text { text: short(text) });
    }

    /// It says the next piece of something.
    pub fn piece(&mut self, text: &str) {
        self.words.push_str(text);
        keep_the_end(&mut self.words);
        self.tell(AgentEvent::Text { text: short(text) });
    }

    /// It begins to say something new, piece by piece.
    pub fn new_paragraph(&mut self) {
        self.words.clear();
    }

    /// It thinks.
    pub fn thinking(&mut self, text: &str) {
        self.tell(AgentEvent::Thinking { text: short(text) });
    }

    /// It uses a tool.
    pub fn tool_call(&mut self, tool: &str, input: &str) {
        self.tell(AgentEvent::ToolCall { tool: short(tool), input: short(input) });
    }

    /// A tool has answered it.
    pub fn tool_result(&mut self, went: Went, output: &str) {
        let skipped = output.chars().count().saturating_sub(EVENT_CHARS_MAX);
        let output = output.chars().skip(skipped).collect();
        let is_error = went == Went::Wrong;
        self.tell(AgentEvent::ToolResult { is_error, output });
    }

    /// It changed a file.
    pub fn file_change(&mut self, path: &str) {
        self.tell(AgentEvent::FileChange { path: short(path) });
    }

    /// It has used tokens.
    pub fn usage(&mut self, input: u64, output: u64) {
        self.tell(AgentEvent::Usage { input, output });
    }

    /// Something went wrong.
    pub fn error(&mut self, text: &str) {
        self.tell(AgentEvent::Error { text: short(text) });
    }

    fn tell(&mut self, event: AgentEvent) {
        self.told.push(event);
    }
}

/// Cuts the beginning of a text that is too long.
fn keep_the_end(words: &mut String) {
    // As many bytes are at least as many characters.
    if words.len() > WORDS_CHARS_MAX {
        let skipped = words.chars().count().saturating_sub(WORDS_CHARS_MAX);
        let from = words.char_indices().nth(skipped).map_or(0, |(at, _)| at);
        words.drain(..from);
    }
}

fn short(text: &str) -> String {
    text.chars().take(EVENT_CHARS_MAX).collect()
}

/// The text at a path of keys.
pub(super) fn text_at<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    value.pointer(path)?.as_str()
}

/// The number at a path of keys; 0 when there is none.
pub(super) fn count_at(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or(0)
}
