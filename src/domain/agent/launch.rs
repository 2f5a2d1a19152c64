//! How an agent is started and spoken with, in values: what it is asked for, its command line, what it
//! is told. Who carries that out is the runner.

use uuid::Uuid;

use crate::domain::model::Provider;

/// Stands for the way to the models, `http://127.0.0.1:PORT`, in arguments and variables: only inside the
/// sandbox it is known.
pub const PLACE: &str = "@SELFHEAL_BRIDGE@";

/// Stands for our own program, where what is started is another part of it.
pub const OWN: &str = "@SELFHEAL_OWN@";

/// What agents get in place of a key: the way to the model needs none.
pub const NO_KEY: &str = "selfheal-has-the-key";

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
    /// The model that the policy names, or the usual one.
    pub fn model_or<'a>(&'a self, usual: &'a str) -> &'a str {
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
    /// A program with its first arguments.
    pub fn new(argv: &[&str]) -> Self {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        Self { argv, ..Self::default() }
    }

    /// More arguments.
    pub fn args(&mut self, args: &[&str]) {
        self.argv.extend(args.iter().map(|word| (*word).to_owned()));
    }

    /// A variable.
    pub fn env(&mut self, name: &str, value: impl Into<String>) {
        self.env.push((name.to_owned(), value.into()));
    }

    /// What a command line that people wrote finds of models; none of the ways wants a key.
    pub fn ways_to_models(&mut self, ask: &Ask) {
        for provider in Provider::ALL {
            let name = format!("SELFHEAL_{}_URL", provider.as_str().to_uppercase());
            self.env(&name, format!("{PLACE}/{}", provider.as_str()));
        }
        if let Some(model) = &ask.model {
            self.env("SELFHEAL_MODEL", model);
        }
    }
}

/// What is said to a program that talks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing yet.
    Listen,
    /// These bytes.
    Say(Vec<u8>),
    /// Nothing any more: its input is closed, and it should end by itself.
    Leave,
}

/// What is said before anything is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// This and nothing more.
    Only(Vec<u8>),
    /// This, and then whatever is answered to what was heard.
    First(Vec<u8>),
}

/// A file below an agent's home that holds a part of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Where the agent has it; `*` stands for any part of a name.
    pub at: String,
    /// Where it is put in another home.
    pub back: String,
}

impl Kept {
    /// A file that has one place.
    pub fn in_place(at: &str) -> Self {
        Self { at: at.to_owned(), back: at.to_owned() }
    }
}
