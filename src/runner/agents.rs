//! Coding agents as fixers: one file for each, one way to run them all.
//!
//! An [`Agent`] says how its program is started ([`Launch`]) and what the lines mean that it prints
//! ([`Agent::heard`]); everything else is the same for all and is done by [`AgentFixer`]: a sandbox
//! without network, keys and settings of the checkout, a home of its own, a way to the model, limits,
//! the prompt. Nothing above this module knows an agent's name.
//!
//! What an agent says about success is not listened to. Listened to is why it stopped, because a
//! provider that is down, or a budget that is spent, is no failed attempt.

mod acp;
pub mod agentapi;
mod aider;
mod claude_code;
mod codex;
mod fixer;
mod listener;
mod session;

use serde_json::Value;
use uuid::Uuid;

use super::bridge;
use super::sandbox::{Answer, Opening};
use crate::domain::agent::AgentName;
use crate::domain::model::Provider;

pub use self::acp::CustomAcp;
pub use self::agentapi::AgentApi;
pub use self::fixer::AgentFixer;
pub use self::listener::{Said, Stopped};
pub use self::session::Kept;

/// What agents get in place of a key: the way to the model needs none.
const NO_KEY: &str = "selfheal-has-the-key";

/// What one run of an agent is about.
#[derive(Debug, Clone)]
pub struct Ask {
    /// What it is told.
    pub prompt: String,
    /// The model, where the policy names one.
    pub model: Option<String>,
    /// The session to go on with.
    pub session: Option<String>,
    /// A new session's name, for agents that take one.
    pub new_session: Uuid,
    /// Where the checkout is, as the agent sees it.
    pub workspace: String,
    /// Patterns of paths that it should not touch.
    pub protected: Vec<String>,
    /// How long one command of it may take, in milliseconds.
    pub command_ms: u64,
}

impl Ask {
    fn model_or<'a>(&'a self, usual: &'a str) -> &'a str {
        self.model.as_deref().unwrap_or(usual)
    }
}

/// How an agent's program is started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Launch {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Variables besides the sandbox's own.
    pub env: Vec<(String, String)>,
    /// Files in its home: path and content.
    pub files: Vec<(&'static str, String)>,
}

impl Launch {
    fn new(argv: &[&str]) -> Self {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        Self { argv, ..Self::default() }
    }

    fn args(&mut self, args: &[&str]) {
        self.argv.extend(args.iter().map(|word| (*word).to_owned()));
    }

    fn env(&mut self, name: &str, value: impl Into<String>) {
        self.env.push((name.to_owned(), value.into()));
    }

    /// What a command line that people wrote finds of models; none of the ways wants a key.
    fn ways_to_models(&mut self, ask: &Ask) {
        for provider in Provider::ALL {
            let name = format!("SELFHEAL_{}_URL", provider.as_str().to_uppercase());
            self.env(&name, format!("{}/{}", bridge::PLACE, provider.as_str()));
        }
        if let Some(model) = &ask.model {
            self.env("SELFHEAL_MODEL", model);
        }
    }
}

/// A coding agent's own ways.
pub trait Agent: Send + Sync {
    /// Its name in receipts.
    fn name(&self) -> String;

    /// The program that tells its version by `--version`, where there is such a one.
    fn program(&self) -> Option<&'static str>;

    /// Whose models it asks unless it is configured otherwise.
    fn provider(&self) -> Provider;

    /// The model that it uses when the policy names none.
    fn usual_model(&self) -> &'static str;

    /// The version of its program that this was written for and checked with.
    fn checked_with(&self) -> &'static str;

    /// How it is started.
    fn launch(&self, ask: &Ask) -> Launch;

    /// What it is told first.
    fn opening(&self, ask: &Ask) -> Opening;

    /// Takes note of a line that it printed, when that is JSON.
    fn heard(&self, ask: &Ask, line: &Value, said: &mut Said<'_>) -> Answer;

    /// The files below its home that hold the session of that name, the one without which there is none
    /// first; none where it has no sessions. `workspace` is the checkout of the agent that goes on.
    fn keeps(&self, _session: &str, _workspace: &str) -> Vec<Kept> {
        Vec::new()
    }

    /// Takes note of a line that is no JSON; most agents mean nothing by such.
    fn heard_text(&self, _line: &str, _said: &mut Said<'_>) {}
}

/// An agent by its name.
pub fn known(name: AgentName) -> Box<dyn Agent> {
    match name {
        AgentName::ClaudeCode => Box::new(claude_code::ClaudeCode),
        AgentName::Codex => Box::new(codex::Codex),
        AgentName::Opencode => Box::new(acp::Opencode),
        AgentName::GeminiCli => Box::new(acp::GeminiCli),
        AgentName::Aider => Box::new(aider::Aider),
    }
}
