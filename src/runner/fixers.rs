//! Fixers: who changes code. Remedies and recipes are deterministic, commands are whatever the policy
//! plugs in.
//!
//! A [`Fixer`] is given a task and a workspace and leaves its result *in the workspace*: what it says
//! about its work is kept for people, and decides nothing. It works through the sandbox only; the
//! port gives it no other way to run anything. Coding agents ([`super::agents`]) are adapters of the same
//! port: they have events to tell while they work and a session to resume, and both are here.

pub mod command;
pub mod recipes;
pub mod remedy;

use std::path::Path;

use async_trait::async_trait;
use thiserror::Error;

use super::agents::AgentFixer;
use super::model::ModelEnd;
use super::observe::Observer;
use super::sandbox::{Sandbox, SandboxError};
use super::server::Server;
use super::task::Task;
use crate::documents::HindranceNote;
use crate::domain::agent::{Agent, AgentApi, CustomAcp};
use crate::domain::brief::{FixerSpec, Network, RunLimits};
use crate::domain::checkpoint::Session;
use crate::domain::failure::Failure;
use crate::domain::granularity::{Granularity, ModelChoice};
use crate::domain::inputs::Prompt;
use crate::domain::outcome::CommandRun;

use self::command::CommandFixer;
use self::recipes::{RecipeFixer, RepoFacts};

/// Everything that a fixer is given.
pub struct Job<'a> {
    /// What is to be done.
    pub task: &'a Task,
    /// The directory to change.
    pub workspace: &'a Path,
    /// The only way to run anything.
    pub sandbox: &'a Sandbox,
    /// Dependencies that were brought in before, for commands in the sandbox.
    pub dependencies: &'a super::dependencies::Dependencies,
    /// Limits of every command.
    pub limits: RunLimits,
    /// What commands may reach.
    pub network: Network,
    /// Who is told about it while it goes on.
    pub observer: &'a dyn Observer,
    /// The session of an interrupted turn of the same fixer on another machine.
    pub session: Option<&'a Session>,
    /// A directory that is the fixer's home for this turn.
    pub home: &'a Path,
    /// The way to models, where there is one.
    pub models: Option<&'a ModelEnd>,
    /// Who keeps what fixers are told.
    pub server: &'a dyn Server,
}

impl Job<'_> {
    /// Has the server keep what a fixer is told, before it is: its machine may be lost at once. A receipt
    /// without it says less, so the work goes on where that cannot be.
    pub async fn keep(&self, fixer: String, text: &str) {
        let prompt = Prompt { round: self.task.round(), fixer, text: text.to_owned() };
        if let Err(error) = self.server.prompt(&prompt).await {
            tracing::warn!(error = %error, "a prompt is not kept");
        }
    }
}

impl std::fmt::Debug for Job<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("workspace", &self.workspace).finish_non_exhaustive()
    }
}

/// What a fixer says about its work.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// One or two sentences, for people; may be a stranger's text.
    pub summary: String,
    /// Its last words in full, as far as they were kept; a stranger's text.
    pub words: String,
    /// What it ran.
    pub runs: Vec<CommandRun>,
    /// What kept it from its work, if anything did.
    pub hindrance: Option<Hindrance>,
    /// The version of its program, where it has one.
    pub version: Option<String>,
    /// The model that it asked, where it asks one.
    pub model: Option<String>,
    /// The SHA-256 of the prompt, where it was given one.
    pub prompt: Option<String>,
}

/// What kept a fixer from its work, each with words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hindrance {
    /// A program that it needs is not installed.
    ToolMissing(String),
    /// It is not set up here: no key for its provider, a model that nobody knows.
    Unavailable(String),
    /// Its provider is down or busy; later it may work.
    Provider(String),
    /// The budget for models is spent.
    Budget(String),
}

impl Hindrance {
    /// The words.
    pub fn words(&self) -> &str {
        match self {
            Self::ToolMissing(words)
            | Self::Unavailable(words)
            | Self::Provider(words)
            | Self::Budget(words) => words,
        }
    }

    /// What is waited for, in words, when it passes by itself.
    pub fn waits(&self, fixer: &dyn Fixer) -> Option<String> {
        match self {
            Self::Provider(words) => Some(format!("{}: {words}", fixer.id())),
            Self::ToolMissing(_) | Self::Unavailable(_) | Self::Budget(_) => None,
        }
    }
}

impl From<&Hindrance> for HindranceNote {
    fn from(hindrance: &Hindrance) -> Self {
        match hindrance {
            Hindrance::ToolMissing(_) => Self::ToolMissing,
            Hindrance::Unavailable(_) => Self::Unavailable,
            Hindrance::Provider(_) => Self::Provider,
            Hindrance::Budget(_) => Self::Budget,
        }
    }
}

/// What it means that a fixer's own command could not be started.
pub fn missing(run: &CommandRun) -> Option<Hindrance> {
    let words = || format!("`{}` is not installed on the runner", run.command);
    run.ended.is_missing_tool().then(|| Hindrance::ToolMissing(words()))
}

/// Why a fixer could not work; that it found nothing to do is no error.
#[derive(Debug, Error)]
pub enum FixerError {
    /// The sandbox did not run its command.
    #[error("the fixer could not be run")]
    Sandbox(#[from] SandboxError),
    /// A file that it changes by itself could not be read or written.
    #[error("{path} could not be read or written")]
    File {
        /// The path.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Who changes code.
#[async_trait]
pub trait Fixer: Send + Sync {
    /// Its id in plans and outcomes: `recipe:rustfmt`, `command:my-agent`.
    fn id(&self) -> String;

    /// Why it may answer, for people.
    fn why(&self) -> String;

    /// Why its patches wait for a person, when that is known beforehand.
    fn held(&self) -> Option<&'static str>;

    /// A command that is green once it has done its part, when it knows one.
    fn check(&self) -> Option<String>;

    /// Whether another turn, with what was seen since, could bring something else.
    fn can_learn(&self) -> bool;

    /// Whether it can be asked what went wrong, in words.
    fn can_advise(&self) -> bool {
        false
    }

    /// Whether files that were not there before belong to its result.
    fn makes_files(&self) -> bool;

    /// Whether its change is dropped at once unless what was red is green with it.
    fn is_all_or_nothing(&self) -> bool {
        false
    }

    /// Its session of that name, read from its home while it works; `None` where it keeps none.
    ///
    /// # Errors
    /// [`FixerError::File`] when it cannot be read at this moment.
    fn session(&self, _home: &Path, _id: &str) -> Result<Option<Session>, FixerError> {
        Ok(None)
    }

    /// Changes the workspace.
    ///
    /// # Errors
    /// [`FixerError`] when it could not work at all.
    async fn fix(&self, job: Job<'_>) -> Result<Report, FixerError>;

    /// Answers a question in words; what it changes meanwhile is thrown away.
    ///
    /// # Errors
    /// [`FixerError`] when it could not work at all.
    async fn ask(&self, _job: Job<'_>, _prompt: &str) -> Result<Report, FixerError> {
        let words = format!("{} answers no questions", self.id());
        Ok(Report { hindrance: Some(Hindrance::Unavailable(words)), ..Report::default() })
    }
}

/// The fixers that answer, in the order of the policy; recipes among themselves cheapest first, and
/// before all others where the fault is trivial: tools mend for nothing what tools complain of.
pub fn candidates(
    specs: &[FixerSpec],
    failures: &[Failure],
    facts: &RepoFacts,
    granularity: Option<Granularity>,
) -> Vec<Box<dyn Fixer>> {
    let is_recipe = |spec: &FixerSpec| matches!(spec, FixerSpec::Recipes { .. });
    let mut specs: Vec<&FixerSpec> = specs.iter().collect();
    if granularity == Some(Granularity::Trivial) {
        specs.sort_by_key(|spec| !is_recipe(spec));
    }
    let mut candidates: Vec<Box<dyn Fixer>> = Vec::new();
    let by = |name: &str, agent: Box<dyn Agent>, model: &Option<ModelChoice>| {
        let model = model.as_ref().and_then(|choice| choice.at(granularity)).map(str::to_owned);
        Box::new(AgentFixer { name: name.to_owned(), agent, model })
    };
    for spec in specs {
        match spec {
            FixerSpec::Recipes { only } => {
                let chosen = recipes::answers(failures, facts);
                let wanted = |name: &str| only.is_empty() || only.iter().any(|one| one == name);
                let chosen = chosen.into_iter().filter(|choice| wanted(choice.recipe.name));
                candidates
                    .extend(chosen.map(|choice| Box::new(RecipeFixer(choice)) as Box<dyn Fixer>));
            }
            FixerSpec::Command { name, run } => {
                let fixer = CommandFixer { name: name.clone(), run: run.clone() };
                candidates.push(Box::new(fixer));
            }
            FixerSpec::Agent { agent, model } => {
                candidates.push(by(agent.as_str(), (agent.card().agent)(), model));
            }
            FixerSpec::Acp { name, run, model } => {
                candidates.push(by(name, Box::new(CustomAcp { run: run.clone() }), model));
            }
            FixerSpec::AgentApi { name, run, model } => {
                candidates.push(by(name, Box::new(AgentApi { run: run.clone() }), model));
            }
        }
    }
    candidates
}
