//! One attempt, from the brief to the outcome.
//!
//! Three things go on at once and one ends it: the work, its time limit, and the heartbeats by which
//! the server can call it off. Whichever comes first drops the others, and dropping the work kills
//! what it runs. Every stage is reported before the next begins; the outcome is reported once.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::dependencies::Dependencies;
use super::fixers::recipes::RepoFacts;
use super::model::{Call, ModelEnd};
use super::observe::Observer;
use super::progress::{Left, Next, Progress};
use super::sandbox::{NoSandbox, Sandbox};
use super::seen::Seen;
use super::server::{Server, ServerError};
use super::stages::{self, StageError, Work};
use super::workspace::{Context, Source, WorkspaceError};
use crate::domain::brief::{Brief, FixerSpec, Instruction, PROTOCOL_VERSION, StageReport};
use crate::domain::chain::Chain;
use crate::domain::outcome::{GaveUp, Outcome};

/// What an attempt is made with.
pub struct Setting<'a> {
    /// Where the commits are, or why they are not there.
    pub source: Result<Source, WorkspaceError>,
    /// Where commands run, or why nowhere.
    pub sandbox: Result<Sandbox, NoSandbox>,
    /// What is lent to commands.
    pub dependencies: Dependencies,
    /// Runs at the head that are known already.
    pub known: Vec<Seen>,
    /// Where checkouts are made.
    pub scratch: PathBuf,
    /// How often the server wants to hear of the runner.
    pub heartbeat: Duration,
    /// Who is told.
    pub observer: &'a dyn Observer,
    /// The way to models, where there is one.
    pub models: Option<ModelEnd>,
}

impl std::fmt::Debug for Setting<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setting").field("scratch", &self.scratch).finish_non_exhaustive()
    }
}

/// How an attempt ended on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It came to an outcome, which the server has.
    Reported(Outcome),
    /// The server called it off.
    Stopped,
}

/// Why the work stopped before it came to an outcome.
#[derive(Debug, Error)]
enum Halt {
    #[error("the server called it off")]
    Stopped,
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Stage(#[from] StageError),
}

/// Makes an attempt and reports it.
///
/// # Errors
/// [`ServerError`] when the server cannot be told; the attempt can be resumed then.
pub async fn run(
    server: &dyn Server,
    brief: &Brief,
    setting: Setting<'_>,
) -> Result<End, ServerError> {
    let limit = Duration::from_secs(brief.limits.attempt_secs);
    let heartbeat = setting.heartbeat;
    let work = async {
        match tokio::time::timeout(limit, outcome(server, brief, &setting)).await {
            Ok(outcome) => outcome,
            Err(_) => Ok(out_of_time(brief, setting.models.as_ref())),
        }
    };
    let outcome = tokio::select! {
        outcome = work => outcome,
        called_off = beat(server, heartbeat) => Err(called_off),
    };
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(Halt::Stopped | Halt::Server(ServerError::Over)) => return Ok(End::Stopped),
        Err(Halt::Server(error)) => return Err(error),
        Err(Halt::Stage(error)) => gave_up(error.why(), Chain(&error).to_string()),
    };
    // With the outcome the attempt is over, and nobody listens any more.
    setting.observer.is_heard().await;
    match server.outcome(&outcome).await {
        Ok(_) => Ok(End::Reported(outcome)),
        Err(ServerError::Over) => Ok(End::Stopped),
        Err(error) => Err(error),
    }
}

/// The end of an attempt whose time is over: waiting for a model that is down is no fault of its own.
fn out_of_time(brief: &Brief, models: Option<&ModelEnd>) -> Outcome {
    let over = format!("the attempt took longer than {} seconds", brief.limits.attempt_secs);
    match models.and_then(ModelEnd::last) {
        Some(Call::Trouble(words)) => {
            gave_up(GaveUp::ModelUnavailable, format!("{over}, and {words}"))
        }
        Some(Call::Answered | Call::Refused { .. } | Call::Rejected(_)) | None => {
            gave_up(GaveUp::OverLimit, over)
        }
    }
}

fn gave_up(why: GaveUp, note: String) -> Outcome {
    Outcome::GaveUp { why, note, runs: Vec::new(), analysis: None }
}

/// Beats until the server calls the attempt off; a beat that is lost is followed by another.
async fn beat(server: &dyn Server, every: Duration) -> Halt {
    loop {
        tokio::time::sleep(every).await;
        match server.heartbeat().await {
            Ok(Instruction::Continue) => {}
            Ok(Instruction::Stop) => return Halt::Stopped,
            Err(ServerError::Over) => return Halt::Server(ServerError::Over),
            Err(error) => tracing::warn!(error = %error, "a heartbeat was lost"),
        }
    }
}

async fn outcome(
    server: &dyn Server,
    brief: &Brief,
    setting: &Setting<'_>,
) -> Result<Outcome, Halt> {
    if brief.protocol != PROTOCOL_VERSION {
        let note = format!(
            "the server speaks version {} of the runner's protocol, this runner {PROTOCOL_VERSION}: \
             use the runner of the server's release",
            brief.protocol
        );
        return Ok(gave_up(GaveUp::NoWorkspace, note));
    }
    let sandbox = match &setting.sandbox {
        Ok(sandbox) => sandbox,
        Err(error) => return Ok(gave_up(GaveUp::NoSandbox, error.to_string())),
    };
    let source = match &setting.source {
        Ok(source) => source,
        Err(error) => return Ok(gave_up(GaveUp::NoWorkspace, Chain(error).to_string())),
    };
    let files = source.files().await.map_err(StageError::from)?;
    let facts = RepoFacts::new(files.into_keys());
    let mut brief = brief.clone();
    let is_recipe = |fixer: &FixerSpec| matches!(fixer, FixerSpec::Recipes { .. });
    let context = if brief.fixers.iter().all(is_recipe) {
        Context::default()
    } else {
        source.context(&brief).await.map_err(StageError::from)?
    };
    source.hold_places(&mut brief.failures).await.map_err(StageError::from)?;
    let work = Work {
        server,
        brief: &brief,
        source,
        sandbox,
        dependencies: &setting.dependencies,
        context: &context,
        facts: &facts,
        known: &setting.known,
        until: Instant::now() + Duration::from_secs(brief.limits.attempt_secs),
        scratch: &setting.scratch,
        observer: setting.observer,
        models: setting.models.as_ref(),
    };
    drive(&work).await
}

/// Stage after stage, each reported before the next.
async fn drive(work: &Work<'_>) -> Result<Outcome, Halt> {
    let mut progress = match &work.brief.resume {
        None => Progress::default(),
        Some(resume) => Progress::resumed(work.brief, resume).unwrap_or_else(|error| {
            // What cannot be read is as good as not there; it costs the work, not the attempt.
            tracing::warn!(error = %error, "the attempt begins anew");
            Progress::default()
        }),
    };
    loop {
        let (fixer, advisor) = (work.next_fixer(&progress), work.advisor(&progress));
        let left = Left { fixer: fixer.as_deref(), advisor: advisor.as_deref() };
        let (stage, round) = match progress.next(work.brief, left) {
            Next::End(outcome) => return Ok(*outcome),
            Next::Stage(stage, round) => (stage, round),
        };
        let documents = stages::run(work, &mut progress, stage, round).await?;
        // The stage is done again when the provider is back, so it is not reported as done.
        if let Some(waits) = progress.waits_for_a_model() {
            return Ok(waits);
        }
        let work_in_progress = progress.patch.clone();
        let remedies_in_vain = progress.remedies_in_vain();
        let report = StageReport { stage, round, documents, work_in_progress, remedies_in_vain };
        match work.server.stage(&report).await? {
            Instruction::Continue => {}
            Instruction::Stop => return Err(Halt::Stopped),
        }
    }
}
