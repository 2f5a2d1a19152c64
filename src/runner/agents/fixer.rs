//! An agent as a fixer: what is the same for all of them.
//!
//! A turn begins with a prompt in an empty home, or goes on with the session of one that was
//! interrupted ([`session`]). An agent that something ends from outside in the middle of its work is
//! started again with its session; one that has none, or does not take it, or whose provider does not,
//! begins anew with the change that is there. So a session is never a condition.

use std::fs;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::{listener, session};
use crate::documents::short;
use crate::domain::agent::{Agent, Ask, Card, Said, Stopped};
use crate::domain::brief::Network;
use crate::domain::checkpoint::Session;
use crate::domain::model::REFUSED_BUDGET;
use crate::domain::outcome::{CommandRun, Ended};
use crate::runner::fixers::{Fixer, FixerError, Hindrance, Job, Report};
use crate::runner::model::{Call, ModelEnd};
use crate::runner::observe::Happening;
use crate::runner::sandbox::{Bridge, CommandSpec, Program};
use crate::runner::task::{INTERRUPTED, Task};

/// How long a program may take to tell its version.
const VERSION_SECS: u64 = 60;

/// The most characters of a version.
const VERSION_CHARS_MAX: usize = 60;

/// How much of what it said is its summary.
const SUMMARY_BYTES_MAX: usize = 4000;

/// How often an agent is started for one turn when something ends it each time: out of memory, by hand.
const LIVES_MAX: usize = 4;

/// How a shell tells that something killed a program.
const KILLED: i32 = 128 + 9;

/// An agent that works as a fixer.
pub struct AgentFixer {
    /// Its name in receipts.
    pub name: String,
    /// The agent.
    pub agent: Box<dyn Agent>,
    /// The model that the policy names.
    pub model: Option<String>,
}

impl std::fmt::Debug for AgentFixer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, model) = (&self.name, &self.model);
        f.debug_struct("AgentFixer").field("agent", name).field("model", model).finish()
    }
}

#[async_trait]
impl Fixer for AgentFixer {
    fn id(&self) -> String {
        format!("agent:{}", self.name)
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
        let mut session = job.session.cloned();
        let mut prompt = job.task.markdown();
        let mut report = Report::default();
        for _ in 0..LIVES_MAX {
            let (home, told) = match self.put_back(&job, session.take())? {
                Some((home, id)) => {
                    (home, Told { prompt: INTERRUPTED.to_owned(), session: Some(id) })
                }
                None => (next_home(job.home)?, Told::anew(prompt)),
            };
            let worked = self.work(&job, &home, told).await?;
            report = worked.report;
            match worked.after {
                After::Done => return Ok(report),
                After::Killed(id) => {
                    session = id.and_then(|id| self.session(job.home, &id).unwrap_or_default());
                }
                After::Refused => {
                    tracing::info!("the agent does not go on with its session and begins anew");
                }
            }
            prompt = job.task.clone().begun().markdown();
        }
        Ok(report)
    }

    async fn ask(&self, job: Job<'_>, prompt: &str) -> Result<Report, FixerError> {
        let home = next_home(job.home)?;
        Ok(self.work(&job, &home, Told::anew(prompt.to_owned())).await?.report)
    }

    fn session(&self, home: &Path, id: &str) -> Result<Option<Session>, FixerError> {
        let Some(home) = homes(home).take_while(|home| home.is_dir()).last() else {
            return Ok(None);
        };
        session::taken(self.agent.as_ref(), &home, id).map_err(file_error(&home))
    }
}

/// What an agent is told, and the session that it goes on with.
struct Told {
    prompt: String,
    session: Option<String>,
}

impl Told {
    const fn anew(prompt: String) -> Self {
        Self { prompt, session: None }
    }
}

/// What came of one run.
struct Worked {
    report: Report,
    after: After,
}

/// What comes after one run.
enum After {
    /// Nothing.
    Done,
    /// It did not take the session that it was given, or its provider did not: it begins anew.
    Refused,
    /// Something ended it from outside: it goes on with that session, or anew where it has none.
    Killed(Option<String>),
}

impl AgentFixer {
    /// Puts a session into a new home; both, when the agent can go on with it there.
    fn put_back(
        &self,
        job: &Job<'_>,
        session: Option<Session>,
    ) -> Result<Option<(PathBuf, String)>, FixerError> {
        let Some(session) = session else { return Ok(None) };
        let home = next_home(job.home)?;
        match session::put_back(self.agent.as_ref(), &home, &session, &workspace(job)) {
            Ok(true) => Ok(Some((home, session.id))),
            Ok(false) => Ok(None),
            Err(error) => {
                tracing::info!(error = %error, "the agent's session cannot be put back");
                Ok(None)
            }
        }
    }

    /// Runs it once.
    async fn work(&self, job: &Job<'_>, home: &Path, told: Told) -> Result<Worked, FixerError> {
        let over = |hindrance| Ok(Worked { report: hindered(hindrance), after: After::Done });
        let Some(models) = job.models else {
            return over(Hindrance::Unavailable("there is no way to a model here".to_owned()));
        };
        let card = self.agent.card();
        let version = match card {
            None => None,
            Some(Card { program, .. }) => match self.version(job, program).await? {
                Some(version) => Some(version),
                None => {
                    let words = format!("{} is not installed on the runner", self.name);
                    return over(Hindrance::ToolMissing(words));
                }
            },
        };
        let digest = Task::digest_of(&told.prompt);
        job.keep(self.id(), &told.prompt).await;
        let ask = self.asked(job, told);
        let spec = self.started(job, home, (&ask, models))?;
        let usual_model = card.map_or("", |card| card.usual_model);
        let model = Some(ask.model_or(usual_model)).filter(|model| !model.is_empty());
        models.begins(model);
        let mut listener = listener::Listener::new(self.agent.as_ref(), &ask, job.observer);
        listener.ends_with(models);
        job.observer.saw(&Happening::CommandBegins { command: &self.name });
        let finished = job.sandbox.converse(&spec, &mut listener).await?;
        let said = listener.said();
        let run = CommandRun { command: self.name.clone(), ..finished.run };
        job.observer.saw(&Happening::CommandEnded { run: &run });
        let last = models.last();
        let is_refused = matches!(last, None | Some(Call::Rejected(_)));
        let hindrance = hindrance(&said, run.ended, last);
        let summary = summary(&said, &run, hindrance.as_ref());
        let is_killed = matches!(run.ended, Ended::Signal(_) | Ended::Exit(KILLED));
        let report = Report {
            summary,
            words: said.words,
            hindrance,
            version: version.or_else(|| Some(cut(&said.version?))),
            prompt: Some(digest),
            model: said.model.or_else(|| Some(ask.model_or(usual_model).to_owned())),
            runs: vec![run],
        };
        let after = if is_killed && said.stopped.is_none() {
            After::Killed(said.session)
        } else if ask.session.is_some() && is_refused {
            After::Refused
        } else {
            After::Done
        };
        Ok(Worked { report, after })
    }

    /// How its program is started in a home, with the files that it wants there.
    fn started(
        &self,
        job: &Job<'_>,
        home: &Path,
        (ask, models): (&Ask, &ModelEnd),
    ) -> Result<CommandSpec, FixerError> {
        let launch = self.agent.launch(ask);
        let mut spec = CommandSpec::shell("", job.workspace, job.limits);
        spec.program = Program::Argv(launch.argv);
        spec.env = launch.env;
        spec.network = job.network;
        spec.home = Some(home.to_owned());
        spec.bridge = Some(Bridge { program: models.bridge().to_owned(), socket: models.socket() });
        job.dependencies.lend_to(&mut spec);
        for (path, content) in &launch.files {
            written(&home.join(path), content)?;
        }
        Ok(spec)
    }

    /// What its program says of itself; `None` when it is not there.
    async fn version(&self, job: &Job<'_>, program: &str) -> Result<Option<String>, FixerError> {
        let mut spec = CommandSpec::shell("", job.workspace, job.limits);
        spec.program = Program::Argv(vec![program.to_owned(), "--version".to_owned()]);
        spec.limits.command_secs = VERSION_SECS;
        spec.network = Network::Closed;
        let finished = job.sandbox.run(&spec).await?;
        if !finished.run.ended.is_green() {
            return Ok(None);
        }
        let line = finished.run.output_tail.lines().next().unwrap_or_default();
        Ok(Some(cut(line)))
    }

    fn asked(&self, job: &Job<'_>, told: Told) -> Ask {
        Ask {
            prompt: told.prompt,
            model: self.model.clone(),
            session: told.session,
            new_session: uuid::Builder::from_random_bytes(rand::random()).into_uuid(),
            workspace: workspace(job),
            protected: job.task.protected().to_vec(),
            command_ms: job.limits.command_secs.saturating_mul(1000),
        }
    }
}

/// A version, as long as one may be.
fn cut(version: &str) -> String {
    version.chars().take(VERSION_CHARS_MAX).collect()
}

/// Where the checkout is, as the agent sees it.
fn workspace(job: &Job<'_>) -> String {
    job.sandbox.workspace_inside(job.workspace).display().to_string()
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
fn hindrance(said: &Said, ended: Ended, last: Option<Call>) -> Option<Hindrance> {
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
fn summary(said: &Said, run: &CommandRun, hindrance: Option<&Hindrance>) -> String {
    if let Some(hindrance) = hindrance {
        return hindrance.words().to_owned();
    }
    match (&said.stopped, run.ended) {
        (Some(Stopped::Done | Stopped::Over), _) | (None, Ended::Exit(0))
            if !said.words.trim().is_empty() =>
        {
            let words = said.did.as_deref().unwrap_or_else(|| said.words.trim());
            short(words, SUMMARY_BYTES_MAX).to_owned()
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
    if let Some(parent) = path.parent() {
        created(parent)?;
    }
    fs::write(path, content).map_err(file_error(path))
}

/// The homes of one turn: one for each run of its agent, and for each session that could not be put
/// back. What is left of a session that was refused is no part of the next one's home, and no agent
/// can put anything in the place of the next.
fn homes(turn: &Path) -> impl Iterator<Item = PathBuf> {
    (1..=2 * LIVES_MAX).map(|number| turn.join(number.to_string()))
}

fn next_home(turn: &Path) -> Result<PathBuf, FixerError> {
    let next = homes(turn).find(|home| !home.is_dir()).unwrap_or_else(|| turn.join("last"));
    created(&next)?;
    Ok(next)
}

fn created(dir: &Path) -> Result<(), FixerError> {
    fs::create_dir_all(dir).map_err(file_error(dir))
}

fn file_error(path: &Path) -> impl FnOnce(std::io::Error) -> FixerError + use<> {
    let path = path.display().to_string();
    move |source| FixerError::File { path, source }
}
