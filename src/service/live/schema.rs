//! The published form of live events, as a JSON Schema (`docs/schemas/live-event.json`).
//!
//! The domain's events travel between runner and server and may change with them; what watchers were
//! promised may only grow. So it is written down here once more, and a test holds both together.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

/// The schema of one event, as a stream's `data:` and a socket's message have it.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<EventNote>().to_value()
}

/// Something that happened in an attempt, as its watchers are told. More kinds and fields may come:
/// pass over what you do not know.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "A live event")]
struct EventNote {
    /// Its number in the attempt, counted from 1; those of hidden events are passed over.
    seq: u64,
    /// When the server took it, in milliseconds since 1970.
    at_ms: i64,
    #[serde(flatten)]
    what: WhatNote,
}

/// What happened.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(dead_code, reason = "it says what others write")]
enum WhatNote {
    /// A stage begins.
    StageBegins {
        /// Which one.
        stage: StageNote,
        /// The round, counted from 1.
        round: u8,
    },
    /// A command begins.
    CommandBegins {
        /// The command, as a person would type it.
        command: String,
    },
    /// A command has ended.
    CommandEnded {
        /// The command.
        command: String,
        /// How.
        ended: EndedNote,
        /// How long it ran, in milliseconds.
        duration_ms: u64,
    },
    /// A fixer begins.
    FixerBegins {
        /// Its id.
        fixer: String,
    },
    /// A fixer is done.
    FixerEnded {
        /// Its id.
        fixer: String,
        /// How many files it changed.
        files: u64,
    },
    /// So many events are missing here.
    LeftOut {
        /// How many.
        count: u64,
    },
    /// No more is told of this attempt.
    Muted,
    /// A coding agent has begun.
    Started {
        /// Its session, where it has such a thing.
        session: Option<String>,
        /// The model that it uses, as it says.
        model: Option<String>,
    },
    /// It says something.
    Text {
        /// What.
        text: String,
    },
    /// It thinks aloud; told only to those who ask for it.
    Thinking {
        /// What.
        text: String,
    },
    /// It uses a tool.
    ToolCall {
        /// Which one.
        tool: String,
        /// What for, in one line: a command, a path.
        input: String,
    },
    /// A tool has answered it.
    ToolResult {
        /// Whether it failed.
        is_error: bool,
        /// The end of what it said.
        output: String,
    },
    /// It changed a file, as it says.
    FileChange {
        /// The path.
        path: String,
    },
    /// What it has used so far, as it says.
    Usage {
        /// Tokens in, cached ones included.
        input: u64,
        /// Tokens out.
        output: u64,
    },
    /// Something went wrong.
    Error {
        /// What.
        text: String,
    },
}

/// A stage of an attempt.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "it says what others write")]
enum StageNote {
    Triage,
    Execute,
    PreVerify,
    Verify,
    DevilsAdvocate,
}

/// How a command ended.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "it says what others write")]
enum EndedNote {
    /// It exited with this code.
    Exit(i32),
    /// It was killed by this signal.
    Signal(i32),
    /// It ran longer than it may.
    TimedOut,
    /// It used more than it may.
    OverLimit,
    /// It is not installed.
    NotFound,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::agent::AgentEvent;
    use crate::domain::document::Stage;
    use crate::domain::live::LiveEvent;
    use crate::domain::outcome::Ended;

    /// Every kind of event, with every way in which its parts can be.
    fn all() -> Vec<LiveEvent> {
        let text = || "a\nb".to_owned();
        let ends = [Ended::Exit(1), Ended::Signal(9), Ended::TimedOut, Ended::OverLimit];
        let ended = |ended| LiveEvent::CommandEnded { command: text(), ended, duration_ms: 7 };
        let begins = |stage| LiveEvent::StageBegins { stage, round: 2 };
        let agents = [
            AgentEvent::Started { session: None, model: Some(text()) },
            AgentEvent::Text { text: text() },
            AgentEvent::Thinking { text: text() },
            AgentEvent::ToolCall { tool: text(), input: text() },
            AgentEvent::ToolResult { is_error: true, output: text() },
            AgentEvent::FileChange { path: text() },
            AgentEvent::Usage { input: 1, output: u64::MAX },
            AgentEvent::Error { text: text() },
        ];
        let others = [
            LiveEvent::CommandBegins { command: text() },
            LiveEvent::FixerBegins { fixer: text() },
            LiveEvent::FixerEnded { fixer: text(), files: 3 },
            LiveEvent::LeftOut { count: 3 },
            LiveEvent::Muted,
        ];
        let stages = Stage::ALL.into_iter().map(begins);
        let ends = ends.into_iter().chain([Ended::NotFound]).map(ended);
        stages.chain(ends).chain(agents.map(LiveEvent::Agent)).chain(others).collect()
    }

    /// The schema, such that it refuses what it does not know: a reader must not, a test has to.
    fn strict() -> jsonschema::Validator {
        let mut strict = schema();
        strict["unevaluatedProperties"] = json!(false);
        jsonschema::draft202012::new(&strict).unwrap()
    }

    #[test]
    fn every_event_is_as_the_schema_says_and_nothing_else_is() {
        let strict = strict();
        for event in all() {
            let mut told = serde_json::to_value(&event).unwrap();
            assert!(!strict.is_valid(&told), "it lacks its number: {told}");
            (told["seq"], told["at_ms"]) = (json!(1), json!(1_767_268_800_000_i64));
            assert!(strict.is_valid(&told), "{told}");
            told["more"] = json!(1);
            assert!(!strict.is_valid(&told), "{told}");
        }
        assert!(!strict.is_valid(&json!({ "seq": 1, "at_ms": 1, "kind": "dance" })));
    }
}
