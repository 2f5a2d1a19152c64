//! Coding agents: which there are, how each is driven, and what they do while they work.
//!
//! An agent is a fixer and nothing more: it changes files in a workspace. What it says is shown to
//! people and decides nothing.
//!
//! Everything that is known of one agent stands in one file below this one: its [`Card`] (name, program,
//! files that configure it) and its ways ([`Agent`]: how it is started, what the lines mean that it
//! prints). Both are values in, values out. They are here and not where agents run because half of the
//! house asks for the card: a policy for the name, the gate for the files that no patch may touch, the
//! pages for the rest. A new agent is a file, its `mod`, and its line in [`CARDS`]; nothing else names
//! an agent.

pub mod acp;
mod agentapi;
mod aider;
mod claude_code;
mod codex;
mod custom_acp;
mod gemini_cli;
mod launch;
mod opencode;
mod said;

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::model::{ModelName, Provider};

pub use self::agentapi::{AgentApi, VERB};
pub use self::custom_acp::CustomAcp;
pub use self::launch::{Answer, Ask, Kept, Launch, NO_KEY, OWN, Opening, PLACE};
pub use self::said::{Said, Stopped, WORDS_CHARS_MAX, Went};

/// Every agent that selfheal knows by name, in the order of the documentation.
pub const CARDS: [&Card; 5] =
    [&claude_code::CARD, &codex::CARD, &opencode::CARD, &gemini_cli::CARD, &aider::CARD];

/// What is known of an agent before it runs.
#[derive(Debug)]
pub struct Card {
    /// Its name in the repository file and in receipts: lower case, digits and `-`.
    pub name: &'static str,
    /// Its name as people say it.
    pub title: &'static str,
    /// The program that tells its version by `--version`.
    pub program: &'static str,
    /// The version of its program that this was written for and checked with.
    pub checked_with: &'static str,
    /// What installs that version.
    pub install: &'static str,
    /// Whose models it asks unless it is configured otherwise.
    pub provider: Provider,
    /// The model that it uses when the policy names none.
    pub usual_model: &'static str,
    /// Files in which it looks for guidance at the root of a repository. The base branch's are told to
    /// whatever agent works; a pull request's to none.
    pub guidance: &'static [&'static str],
    /// More files from which it takes guidance, as patterns; the base branch's are left in place.
    pub more_guidance: &'static [&'static str],
    /// What configures it and nothing else, as patterns: it never sees any of a repository.
    pub settings: &'static [&'static str],
    /// What is the repository's own before it is read as this agent's settings, as patterns.
    pub shared_settings: &'static [&'static str],
    /// What people have to know besides, in one sentence or two; may be empty.
    pub about: &'static str,
    /// Its ways.
    pub agent: fn() -> Box<dyn Agent>,
}

/// A coding agent's own ways.
pub trait Agent: Send + Sync {
    /// What is known of it; nothing where a policy brings the command line.
    fn card(&self) -> Option<&'static Card>;

    /// How it is started.
    fn launch(&self, ask: &Ask) -> Launch;

    /// What it is told first.
    fn opening(&self, ask: &Ask) -> Opening;

    /// Takes note of a line that it printed, when that is JSON.
    fn heard(&self, ask: &Ask, line: &Value, said: &mut Said) -> Answer;

    /// The files below its home that hold the session of that name, the one without which there is none
    /// first; none where it has no sessions. `workspace` is the checkout of the agent that goes on.
    fn keeps(&self, _session: &str, _workspace: &str) -> Vec<Kept> {
        Vec::new()
    }

    /// Takes note of a line that is no JSON; most agents mean nothing by such.
    fn heard_text(&self, _line: &str, _said: &mut Said) {}
}

impl dyn Agent + '_ {
    /// Takes note of a line that it printed, whatever stands in it.
    pub fn hears(&self, ask: &Ask, line: &[u8], said: &mut Said) -> Answer {
        match serde_json::from_slice::<Value>(line) {
            Ok(value) if value.is_object() => self.heard(ask, &value, said),
            Ok(_) | Err(_) => {
                self.heard_text(&String::from_utf8_lossy(line), said);
                Answer::Listen
            }
        }
    }
}

/// A coding agent that selfheal knows how to drive.
#[derive(Clone, Copy)]
pub struct AgentName(&'static Card);

impl AgentName {
    /// Every agent, in the order of the documentation.
    pub fn all() -> impl Iterator<Item = Self> {
        CARDS.into_iter().map(Self)
    }

    /// The name in the repository file and in receipts.
    pub const fn as_str(self) -> &'static str {
        self.0.name
    }

    /// What is known of it.
    pub const fn card(self) -> &'static Card {
        self.0
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::all().find(|name| name.as_str() == text)
    }
}

impl PartialEq for AgentName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for AgentName {}

impl Hash for AgentName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AgentName").field(&self.as_str()).finish()
    }
}

impl Serialize for AgentName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for AgentName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let unknown = || serde::de::Error::custom(format!("no agent is called {text:?}"));
        Self::parse(&text).ok_or_else(unknown)
    }
}

/// The files in which agents look for guidance at the root of a repository, each once.
pub fn guidance() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for name in CARDS.iter().flat_map(|card| card.guidance) {
        if !names.contains(name) {
            names.push(name);
        }
    }
    names
}

/// Whether a text can be a model's name on a command line.
pub fn is_model_name(text: &str) -> bool {
    !text.starts_with('-') && ModelName::parse(text).is_ok()
}

/// Something that an agent does or says while it works; texts are a stranger's, and bounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AgentEvent {
    /// It has begun.
    Started {
        /// Its session, by which it can be resumed, where it has such a thing.
        session: Option<String>,
        /// The model that it uses, as it says.
        model: Option<String>,
    },
    /// It says something.
    Text {
        /// What.
        text: String,
    },
    /// It thinks aloud; hidden from people unless they ask.
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
    /// The tool has answered.
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
    /// What it has used so far, as it says; the gateway's figures are the ones that count.
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

/// The most characters of one event's text.
pub const EVENT_CHARS_MAX: usize = 4000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for name in AgentName::all() {
            assert_eq!(AgentName::parse(name.as_str()), Some(name));
            let written = serde_json::to_value(name).unwrap();
            assert_eq!(written, name.as_str());
            assert_eq!(serde_json::from_value::<AgentName>(written).unwrap(), name);
        }
        let unknown = serde_json::from_str::<AgentName>("\"claude\"").unwrap_err();
        assert!(unknown.to_string().contains("no agent is called \"claude\""), "{unknown}");
    }

    #[test]
    fn every_card_is_complete_and_no_two_are_of_one_agent() {
        for (at, card) in CARDS.iter().enumerate() {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(!card.name.is_empty() && card.name.chars().all(is_plain), "{card:?}");
            let texts = [card.title, card.program, card.usual_model, card.checked_with];
            assert!(texts.iter().all(|text| !text.is_empty()), "{card:?}");
            assert!(card.install.ends_with(card.checked_with), "{card:?}");
            let own = (card.agent)().card().map(|own| own.name);
            assert_eq!(own, Some(card.name), "its ways are another's");
            for other in &CARDS[at + 1..] {
                assert_ne!((card.name, card.program), (other.name, other.program));
            }
        }
    }

    #[test]
    fn a_models_name_is_one_plain_word() {
        for name in ["claude-sonnet-5-5", "gpt-5.5", "bedrock/us.anthropic:v1", "m@latest"] {
            assert!(is_model_name(name), "{name}");
        }
        for name in ["", "-p", "a b", "a;b", "ü", "$(x)", "a\nb"] {
            assert!(!is_model_name(name), "{name}");
        }
    }
}
