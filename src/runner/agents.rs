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
mod aider;
mod claude_code;
mod codex;
mod listener;

use std::fs;
use std::path::Path;

use async_trait::async_trait;
use serde_json::Value;
use uuid::Uuid;

use super::fixers::{Fixer, FixerError, Hindrance, Job, Report};
use super::model::Call;
use super::observe::Happening;
use super::sandbox::{Answer, Bridge, CommandSpec, Opening, Program};
use super::task::Task;
use crate::domain::agent::AgentName;
use crate::domain::brief::Network;
use crate::domain::model::{Provider, REFUSED_BUDGET};
use crate::domain::outcome::{CommandRun, Ended};

pub use self::acp::CustomAcp;
pub use self::listener::{Said, Stopped};

/// How long a program may take to tell its version.
const VERSION_SECS: u64 = 60;

/// The most characters of a version.
const VERSION_CHARS_MAX: usize = 60;

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

/// An agent that works as a fixer.
pub struct AgentFixer {
    /// The agent.
    pub agent: Box<dyn Agent>,
    /// The model that the policy names.
    pub model: Option<String>,
}

impl std::fmt::Debug for AgentFixer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, model) = (self.agent.name(), &self.model);
        f.debug_struct("AgentFixer").field("agent", &name).field("model", model).finish()
    }
}

#[async_trait]
impl Fixer for AgentFixer {
    fn id(&self) -> String {
        format!("agent:{}", self.agent.name())
    }

    fn why(&self) -> String {
        "the repository's policy names it".to_owned()
    }

    fn held(&self) -> Option<&'static str> {
        None
    }

    fn check(&self) -> Option<String> {
        None
    }

    fn can_learn(&self) -> bool {
        true
    }

    fn makes_files(&self) -> bool {
        true
    }

    fn can_advise(&self) -> bool {
        true
    }

    async fn fix(&self, job: Job<'_>) -> Result<Report, FixerError> {
        let prompt = job.task.markdown();
        self.work(job, prompt).await
    }

    async fn ask(&self, job: Job<'_>, prompt: &str) -> Result<Report, FixerError> {
        self.work(job, prompt.to_owned()).await
    }
}

impl AgentFixer {
    /// Runs it once with a prompt.
    async fn work(&self, job: Job<'_>, prompt: String) -> Result<Report, FixerError> {
        let Some(models) = job.models else {
            let words = "there is no way to a model here".to_owned();
            return Ok(hindered(Hindrance::Unavailable(words)));
        };
        let Some(version) = self.version(&job).await? else {
            let words = format!("{} is not installed on the runner", self.agent.name());
            return Ok(hindered(Hindrance::ToolMissing(words)));
        };
        let digest = Task::digest_of(&prompt);
        let ask = self.asked(&job, prompt);
        let launch = self.agent.launch(&ask);
        let mut spec = CommandSpec::shell("", job.workspace, job.limits);
        spec.program = Program::Argv(launch.argv);
        spec.env = launch.env;
        spec.network = job.network;
        spec.home = Some(job.home.to_owned());
        spec.bridge = Some(Bridge { program: models.bridge().to_owned(), socket: models.socket() });
        job.dependencies.lend_to(&mut spec);
        for (path, content) in &launch.files {
            written(&job.home.join(path), content)?;
        }
        // What an earlier agent's last call came to is none of this one's.
        let _ = models.last();
        let mut listener = listener::Listener::new(self.agent.as_ref(), &ask, job.observer);
        job.observer.saw(&Happening::CommandBegins { command: &self.agent.name() });
        let finished = job.sandbox.converse(&spec, &mut listener).await?;
        let said = listener.said();
        let run = CommandRun { command: self.agent.name(), ..finished.run };
        job.observer.saw(&Happening::CommandEnded { run: &run });
        let hindrance = hindrance(&said, run.ended, models.last());
        let summary = summary(&said, &run, hindrance.as_ref());
        Ok(Report {
            summary,
            words: said.last_words,
            runs: vec![run],
            hindrance,
            session: said.session,
            version: Some(version),
            prompt: Some(digest),
            model: said.model.or_else(|| Some(ask.model_or(self.agent.usual_model()).to_owned())),
        })
    }

    /// What its program says of itself; `None` when it is not there.
    async fn version(&self, job: &Job<'_>) -> Result<Option<String>, FixerError> {
        let Some(program) = self.agent.program() else { return Ok(Some(String::new())) };
        let mut spec = CommandSpec::shell("", job.workspace, job.limits);
        spec.program = Program::Argv(vec![program.to_owned(), "--version".to_owned()]);
        spec.limits.command_secs = VERSION_SECS;
        spec.network = Network::Closed;
        let finished = job.sandbox.run(&spec).await?;
        if !finished.run.ended.is_green() {
            return Ok(None);
        }
        let line = finished.run.output_tail.lines().next().unwrap_or_default();
        Ok(Some(line.chars().take(VERSION_CHARS_MAX).collect()))
    }

    fn asked(&self, job: &Job<'_>, prompt: String) -> Ask {
        Ask {
            prompt,
            model: self.model.clone(),
            session: job.session.map(str::to_owned),
            new_session: uuid::Builder::from_random_bytes(rand::random()).into_uuid(),
            workspace: job.sandbox.workspace_inside(job.workspace).display().to_string(),
            protected: job.task.protected().to_vec(),
            command_ms: job.limits.command_secs.saturating_mul(1000),
        }
    }
}

fn hindered(hindrance: Hindrance) -> Report {
    Report {
        summary: hindrance.words().to_owned(),
        hindrance: Some(hindrance),
        ..Report::default()
    }
}

/// Why it could not do its work, if it could not: what the way to the model saw counts before what
/// the agent makes of it.
fn hindrance(said: &Said<'_>, ended: Ended, last: Option<Call>) -> Option<Hindrance> {
    if ended.is_missing_tool() {
        return Some(Hindrance::ToolMissing("its program is not installed".to_owned()));
    }
    let is_done = matches!(said.stopped, Some(Stopped::Done)) && ended.is_green();
    match (last, &said.stopped) {
        (Some(Call::Refused { why, words }), _) if why == REFUSED_BUDGET => {
            Some(Hindrance::Budget(words))
        }
        (Some(Call::Refused { words, .. }), _) => Some(Hindrance::Unavailable(words)),
        _ if is_done => None,
        (Some(Call::Trouble(words)), _) => Some(Hindrance::Provider(words)),
        (Some(Call::Rejected(words)), _) => Some(Hindrance::Unavailable(words)),
        (_, Some(Stopped::Provider(words))) => Some(Hindrance::Provider(words.clone())),
        (None, _) => {
            let words = "it stopped before it asked a model".to_owned();
            Some(Hindrance::Unavailable(words))
        }
        (Some(Call::Answered), _) => None,
    }
}

/// What people read of it.
fn summary(said: &Said<'_>, run: &CommandRun, hindrance: Option<&Hindrance>) -> String {
    if let Some(hindrance) = hindrance {
        return hindrance.words().to_owned();
    }
    match (&said.stopped, run.ended) {
        (Some(Stopped::Done), _) | (None, Ended::Exit(0)) if !said.last_words.is_empty() => {
            said.last_words.clone()
        }
        (Some(Stopped::Limit(words) | Stopped::Failed(words)), _) => words.clone(),
        (_, Ended::TimedOut) => "it was silent for too long and was ended".to_owned(),
        (_, Ended::OverLimit) => "it used more than it may and was ended".to_owned(),
        (_, Ended::Exit(0)) => "it said nothing".to_owned(),
        (_, _) => "it ended without a word".to_owned(),
    }
}

/// Writes a file of the agent's home before it starts; nothing in there is anybody else's.
fn written(path: &Path, content: &str) -> Result<(), FixerError> {
    let error = |source| FixerError::File { path: path.display().to_string(), source };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(error)?;
    }
    fs::write(path, content).map_err(error)
}
