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

/// The most characters of what an agent said last. Answers of a form stand at the end of it, and the
/// largest that is accepted (28 texts of 2,000 characters in a second look) has room.
pub const WORDS_CHARS_MAX: usize = 64 * 1024;

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
    /// The version that it says it has.
    pub version: Option<String>,
    /// The last thing that it said to people; of a long one the end, at most [`WORDS_CHARS_MAX`].
    pub words: String,
    /// What it says it did, where it says that in a line of its own.
    pub did: Option<String>,
    observer: &'o dyn Observer,
}

impl std::fmt::Debug for Said<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Said")
            .field("stopped", &self.stopped)
            .field("session", &self.session)
            .field("model", &self.model)
            .field("version", &self.version)
            .field("words", &self.words)
            .field("did", &self.did)
            .finish_non_exhaustive()
    }
}

impl<'o> Said<'o> {
    /// Nothing yet.
    pub fn nothing(observer: &'o dyn Observer) -> Self {
        let (words, did) = (String::new(), None);
        Self { stopped: None, session: None, model: None, version: None, words, did, observer }
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
        self.tell(&AgentEvent::Started {
            session: self.session.clone(),
            model: self.model.clone(),
        });
    }

    /// It says something to people.
    pub fn text(&mut self, text: &str) {
        if !text.trim().is_empty() {
            text.trim().clone_into(&mut self.words);
            keep_the_end(&mut self.words);
            self.tell(&AgentEvent::Text { text: short(text) });
        }
    }

    /// It says in a line what it did.
    pub fn did(&mut self, line: &str) {
        self.did = Some(short(line));
        self.tell(&AgentEvent::Text { text: short(line) });
    }

    /// It says something that it will not want to be remembered by.
    pub fn aside(&mut self, text: &str) {
        self.tell(&AgentEvent::Text { text: short(text) });
    }

    /// It says the next piece of something.
    pub fn piece(&mut self, text: &str) {
        self.words.push_str(text);
        keep_the_end(&mut self.words);
        self.tell(&AgentEvent::Text { text: short(text) });
    }

    /// It begins to say something new, piece by piece.
    pub fn new_paragraph(&mut self) {
        self.words.clear();
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
        hear(self.agent, self.ask, &mut self.said, line)
    }
}

fn hear(agent: &dyn Agent, ask: &Ask, said: &mut Said<'_>, line: &[u8]) -> Answer {
    match serde_json::from_slice::<Value>(line) {
        Ok(value) if value.is_object() => agent.heard(ask, &value, said),
        Ok(_) | Err(_) => {
            agent.heard_text(&String::from_utf8_lossy(line), said);
            Answer::Listen
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::documents::{AnalysisNote, Answered, answered};
    use crate::domain::agent::AgentName;
    use crate::runner::agents::{AgentApi, CustomAcp, known};

    /// What is known of an agent that printed these lines.
    fn heard_of<'l>(agent: &dyn Agent, lines: impl Iterator<Item = &'l str>) -> Said<'static> {
        let ask = Ask {
            prompt: String::new(),
            model: None,
            session: None,
            new_session: uuid::Uuid::nil(),
            workspace: "/workspace".to_owned(),
            protected: Vec::new(),
            command_ms: 1,
        };
        let mut said = Said::nothing(&crate::runner::observe::Nobody);
        for line in lines {
            hear(agent, &ask, &mut said, line.as_bytes());
        }
        said
    }

    /// What is kept of an agent's words that printed these lines.
    fn heard(agent: &dyn Agent, lines: &[Value]) -> String {
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        heard_of(agent, lines.iter().map(String::as_str)).words
    }

    /// A text in pieces, as a model gives it.
    fn pieces(text: &str) -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        chars.chunks(7).map(|piece| piece.iter().collect()).collect()
    }

    /// How each agent prints a text that it says last.
    fn every(text: &str) -> Vec<(&'static str, String)> {
        let claude = json!({ "type": "assistant",
            "message": { "content": [{ "type": "text", "text": text }] } });
        let codex = json!({ "type": "item.completed",
            "item": { "type": "agent_message", "text": text } });
        let chunk = |piece: String| {
            let update = json!({ "sessionUpdate": "agent_message_chunk",
                "content": { "type": "text", "text": piece } });
            json!({ "method": "session/update", "params": { "update": update } })
        };
        let chunks: Vec<Value> = pieces(text).into_iter().map(chunk).collect();
        let acp = CustomAcp { name: "mine".to_owned(), run: String::new() };
        let api = AgentApi { name: "mine".to_owned(), run: String::new() };
        let said = json!({ "kind": "said", "text": text });
        vec![
            ("claude-code", heard(known(AgentName::ClaudeCode).as_ref(), &[claude])),
            ("codex", heard(known(AgentName::Codex).as_ref(), &[codex])),
            ("opencode", heard(known(AgentName::Opencode).as_ref(), &chunks)),
            ("gemini-cli", heard(known(AgentName::GeminiCli).as_ref(), &chunks)),
            ("acp", heard(&acp, &chunks)),
            ("agentapi", heard(&api, &[said])),
            ("aider", heard_of(known(AgentName::Aider).as_ref(), text.lines()).words),
        ]
    }

    #[test]
    fn a_question_behind_a_long_text_is_heard_from_every_agent() {
        for length in [10, EVENT_CHARS_MAX - 20, EVENT_CHARS_MAX, 3 * WORDS_CHARS_MAX] {
            let text = format!("{}\n{{\"questions\": [\"Which one?\"]}}", "ä".repeat(length));
            for (agent, words) in every(&text) {
                let asks = Answered::Asks(vec!["Which one?".to_owned()]);
                assert_eq!(answered(&words, 2), asks, "{agent} {length}");
                assert!(words.chars().count() <= WORDS_CHARS_MAX, "{agent}");
            }
        }
    }

    #[test]
    fn the_largest_second_look_that_is_accepted_arrives_from_every_agent() {
        let long = "ä".repeat(2000);
        let list = vec![long.clone(); 12];
        let answer = json!({
            "what_failed": long, "wrong_assumption": long, "evidence": list, "disproved": list,
            "recommended_fix": long, "question": long,
        });
        for (agent, words) in every(&format!("I looked.\n{answer}")) {
            let read = AnalysisNote::read(&words);
            assert!(read.is_ok(), "{agent} {:?}", read.err());
        }
    }

    /// What aider 0.86.2 prints around an answer.
    fn by_aider(answer: &str) -> String {
        format!(
            "Analytics have been permanently disabled.\nAider v0.86.2\nGit repo: .git with 1 \
             files\nRepo-map: using 1024 tokens, auto refresh\n\n\nsrc/lib.rs\n{answer}\n\n\
             Tokens: 1.0k sent, 50 received.\n"
        )
    }

    #[test]
    fn what_aider_says_is_heard() {
        for asked in [
            "```json\n{\"questions\": [\"Plus?\"]}\n```",
            "{\n  \"questions\": [\n    \"Plus?\"\n  ]\n}",
        ] {
            let answer = format!("It uses `{{}}` a lot.\n\n{asked}");
            let said = heard_of(known(AgentName::Aider).as_ref(), by_aider(&answer).lines());
            let asks = Answered::Asks(vec!["Plus?".to_owned()]);
            assert_eq!(answered(&said.words, 2), asks, "{}", said.words);
            assert!(!said.words.contains("Repo-map") && !said.words.contains("Tokens"));
            assert_eq!(said.did, None);
        }
    }

    #[test]
    fn what_aider_did_is_its_summary() {
        let printed = format!("{}Applied edit to src/lib.rs\n", by_aider("I replace it."));
        let said = heard_of(known(AgentName::Aider).as_ref(), printed.lines());
        assert_eq!(said.did.as_deref(), Some("Applied edit to src/lib.rs"));
        assert!(said.words.contains("I replace it."));
    }

    #[track_caller]
    fn has_version(answer: &Value, expected: Option<&str>) {
        let agent = CustomAcp { name: "mine".to_owned(), run: String::new() };
        let line = json!({ "jsonrpc": "2.0", "id": 1, "result": answer }).to_string();
        assert_eq!(heard_of(&agent, [line.as_str()].into_iter()).version.as_deref(), expected);
    }

    #[test]
    fn the_version_of_an_acp_agent_is_what_it_says_when_it_begins() {
        has_version(&json!({ "agentInfo": { "name": "x", "version": "1.2.3" } }), Some("x 1.2.3"));
        has_version(&json!({ "agentInfo": { "version": "1.2.3" } }), Some("1.2.3"));
        has_version(&json!({ "agentInfo": { "name": "x" } }), None);
        has_version(&json!({ "protocolVersion": 1 }), None);
    }
}
