//! Coding agents: their names, and what they do while they work.
//!
//! An agent is a fixer and nothing more: it changes files in a workspace. What it says is shown to
//! people and decides nothing.

use serde::{Deserialize, Serialize};

use super::model::ModelName;

/// A coding agent that selfheal knows how to drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentName {
    /// Anthropic's Claude Code.
    ClaudeCode,
    /// `OpenAI`'s Codex CLI.
    Codex,
    /// opencode, over the Agent Client Protocol.
    Opencode,
    /// Google's Gemini CLI, over the Agent Client Protocol.
    GeminiCli,
    /// aider.
    Aider,
}

impl AgentName {
    /// Every agent, in the order of the documentation.
    pub const ALL: [Self; 5] =
        [Self::ClaudeCode, Self::Codex, Self::Opencode, Self::GeminiCli, Self::Aider];

    /// The name in the repository file and in receipts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::Codex => "codex",
            Self::Opencode => "opencode",
            Self::GeminiCli => "gemini-cli",
            Self::Aider => "aider",
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }
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
        for name in AgentName::ALL {
            assert_eq!(AgentName::parse(name.as_str()), Some(name));
            assert_eq!(serde_json::to_value(name).unwrap(), name.as_str());
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
