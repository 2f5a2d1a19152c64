//! Live events: what people may watch while an attempt goes on.
//!
//! Shown and forgotten after a while; nothing is ever decided by them, and an attempt goes on as well
//! without anybody being told. Texts are a stranger's. Events of an attempt are numbered from 1,
//! without gaps, by its runner; what could not be told is an event itself ([`LiveEvent::LeftOut`]).

use serde::{Deserialize, Serialize};

use super::agent::AgentEvent;
use super::document::Stage;
use super::outcome::Ended;

/// The most events of one batch: a second of a program that prints all it can.
pub const BATCH_EVENTS_MAX: usize = 256;

/// The most bytes of one batch as it is sent: some events of the longest kind (two texts of 4,000
/// characters, each of at most six bytes), and fewer than are held as an ordinary body.
pub const BATCH_BYTES_MAX: usize = 128 * 1024;

/// The most bytes of all events of an attempt: what an agent says in hours; more is a loop.
pub const ATTEMPT_EVENT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Something that happens in an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LiveEvent {
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
        command: String,
    },
    /// A command has ended.
    CommandEnded {
        /// The command.
        command: String,
        /// How.
        ended: Ended,
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
    /// Events that are missing here: the server could not be told, or there were too many.
    LeftOut {
        /// How many.
        count: u64,
    },
    /// No more is told of this attempt: its events have reached their limit.
    Muted,
    /// A coding agent says or does something.
    #[serde(untagged)]
    Agent(AgentEvent),
}

/// How an event begins that is shown only to who asks for it; a test holds serde to that.
const THINKING: &str = "{\"kind\":\"thinking\"";

impl LiveEvent {
    /// The event as one line of JSON.
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("invariant: an event is plain data")
    }
}

/// Whether a line that [`LiveEvent::line`] made is shown only to who asks for it.
pub fn is_thinking(line: &str) -> bool {
    line.starts_with(THINKING)
}

/// Events that a runner tells, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventBatch {
    /// The number of the first one; without any, a question for the answer.
    pub first: u64,
    /// The events.
    pub events: Vec<LiveEvent>,
}

/// What the server says to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsTaken {
    /// The number that the next event has; all before it are kept.
    pub next: u64,
}

/// Whose eyes events are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// What people usually want to see.
    Plain,
    /// That, and what agents think.
    Thinking,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_back(event: &LiveEvent, line: &str) {
        assert_eq!(event.line(), line);
        assert_eq!(&serde_json::from_str::<LiveEvent>(line).unwrap(), event);
    }

    #[test]
    fn every_event_is_one_flat_object_that_reads_back() {
        let text = || "a\nb".to_owned();
        for (event, line) in [
            (
                LiveEvent::StageBegins { stage: Stage::Execute, round: 2 },
                r#"{"kind":"stage_begins","stage":"execute","round":2}"#,
            ),
            (
                LiveEvent::CommandEnded { command: text(), ended: Ended::Exit(1), duration_ms: 7 },
                r#"{"kind":"command_ended","command":"a\nb","ended":{"exit":1},"duration_ms":7}"#,
            ),
            (
                LiveEvent::CommandEnded { command: text(), ended: Ended::TimedOut, duration_ms: 7 },
                r#"{"kind":"command_ended","command":"a\nb","ended":"timed_out","duration_ms":7}"#,
            ),
            (LiveEvent::LeftOut { count: 3 }, r#"{"kind":"left_out","count":3}"#),
            (LiveEvent::Muted, r#"{"kind":"muted"}"#),
            (
                LiveEvent::Agent(AgentEvent::ToolCall { tool: "Bash".into(), input: text() }),
                r#"{"kind":"tool_call","tool":"Bash","input":"a\nb"}"#,
            ),
            (
                LiveEvent::Agent(AgentEvent::Usage { input: 1, output: 2 }),
                r#"{"kind":"usage","input":1,"output":2}"#,
            ),
        ] {
            read_back(&event, line);
        }
        assert!(serde_json::from_str::<LiveEvent>(r#"{"kind":"dance"}"#).is_err());
    }

    #[test]
    fn thoughts_are_known_by_their_line() {
        let thinking = AgentEvent::Thinking { text: "hm".into() };
        let text = AgentEvent::Text { text: "{\"kind\":\"thinking\"".into() };
        assert!(is_thinking(&LiveEvent::Agent(thinking).line()));
        assert!(!is_thinking(&LiveEvent::Agent(text).line()));
    }

    #[test]
    fn the_longest_event_fits_twice_into_a_batch() {
        let text = "\u{1}".repeat(super::super::agent::EVENT_CHARS_MAX);
        let call = AgentEvent::ToolCall { tool: text.clone(), input: text };
        assert!(LiveEvent::Agent(call).line().len() < BATCH_BYTES_MAX / 2);
    }
}
