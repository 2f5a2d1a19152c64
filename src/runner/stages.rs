//! The stages of an attempt: each reads what earlier ones wrote, and writes its documents.
//!
//! A stage changes [`Progress`] and nothing else that outlives it: its checkouts are made for it and
//! gone after it, so a stage that was interrupted is simply done again.

pub mod devils_advocate;
pub mod execute;
pub mod pre_verify;
pub mod triage;
pub mod verify;

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use thiserror::Error;

use super::dependencies::Dependencies;
use super::fixers::recipes::RepoFacts;
use super::fixers::remedy::RemedyFixer;
use super::fixers::{Fixer, FixerError, candidates};
use super::model::ModelEnd;
use super::observe::{Happening, Observer};
use super::progress::Progress;
use super::sandbox::{CommandSpec, Sandbox, SandboxError};
use super::seen::{Reports, Seen};
use super::server::Server;
use super::workspace::{Checkout, Context, Source, WorkspaceError};
use crate::documents::{BadDocument, fenced};
use crate::domain::brief::Brief;
use crate::domain::document::{Document, Stage};
use crate::domain::granularity::Granularity;
use crate::domain::outcome::{CommandRun, GaveUp};
use crate::domain::patch::Patch;

/// Why a stage could not be finished.
#[derive(Debug, Error)]
pub enum StageError {
    /// A checkout could not be made or read.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The sandbox did not work.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A fixer could not work.
    #[error(transparent)]
    Fixer(#[from] FixerError),
    /// A document cannot be written or read.
    #[error(transparent)]
    Document(#[from] BadDocument),
    /// A directory could not be made.
    #[error("a directory for a checkout could not be made")]
    Place(#[from] std::io::Error),
}

impl StageError {
    /// What it means for the attempt.
    pub const fn why(&self) -> GaveUp {
        match self {
            Self::Workspace(_) | Self::Document(_) | Self::Place(_) => GaveUp::NoWorkspace,
            Self::Sandbox(_) | Self::Fixer(_) => GaveUp::NoSandbox,
        }
    }
}

/// What every stage works with.
pub struct Work<'a> {
    /// Who is told how far it is.
    pub server: &'a dyn Server,
    /// What is to be done.
    pub brief: &'a Brief,
    /// The commits.
    pub source: &'a Source,
    /// Where commands run.
    pub sandbox: &'a Sandbox,
    /// What is lent to commands.
    pub dependencies: &'a Dependencies,
    /// What agents are told of the repository; empty where no fixer is told anything.
    pub context: &'a Context,
    /// The names of the repository's files.
    pub facts: &'a RepoFacts,
    /// Runs at the head that are known already and need not be repeated.
    pub known: &'a [Seen],
    /// When the attempt has to be over.
    pub until: Instant,
    /// Where checkouts are made.
    pub scratch: &'a Path,
    /// Who is told.
    pub observer: &'a dyn Observer,
    /// The way to models, where there is one.
    pub models: Option<&'a ModelEnd>,
}

impl std::fmt::Debug for Work<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("attempt", &self.brief.attempt).finish_non_exhaustive()
    }
}

/// A checkout in a directory that goes with it.
#[derive(Debug)]
pub struct Room {
    /// The checkout.
    pub checkout: Checkout,
    _dir: TempDir,
}

/// What is kept for the end of an attempt when commands are run again: its report.
const SPARE: Duration = Duration::from_secs(5);

impl Work<'_> {
    /// A fresh checkout of the head with a patch applied.
    ///
    /// # Errors
    /// [`StageError::Workspace`] and [`StageError::Place`].
    pub async fn room(&self, patch: &Patch) -> Result<Room, StageError> {
        let dir = tempfile::Builder::new().prefix("checkout-").tempdir_in(self.scratch)?;
        let mut checkout = self.source.checkout(&dir.path().join("w")).await?;
        checkout.apply(patch)?;
        Ok(Room { checkout, _dir: dir })
    }

    /// Runs a command line in a checkout.
    ///
    /// # Errors
    /// [`StageError::Sandbox`].
    pub async fn command(&self, room: &Room, line: &str) -> Result<Seen, StageError> {
        let mut spec = CommandSpec::shell(line, room.checkout.dir(), self.brief.limits);
        spec.network = self.brief.network;
        self.dependencies.lend_to(&mut spec);
        self.observer.saw(&Happening::CommandBegins { command: line });
        let workspace = room.checkout.dir().to_owned();
        let before = Reports::within(&workspace);
        let finished = self.sandbox.run(&spec).await?;
        self.observer.saw(&Happening::CommandEnded { run: &finished.run });
        let read = move || Seen::of(finished.run, &finished.output, &workspace, &before);
        // Long outputs and many reports take a while to read.
        tokio::task::spawn_blocking(read).await.map_err(|error| StageError::Place(error.into()))
    }

    /// Whether a command that took this long can be run once more before the attempt has to be over.
    pub fn has_time_for(&self, duration_ms: u64) -> bool {
        let needed = Duration::from_millis(duration_ms.saturating_mul(2)) + SPARE;
        Instant::now().checked_add(needed).is_some_and(|end| end < self.until)
    }

    /// The fixers that answer what is known so far, in the order in which they are tried: what healed
    /// the same before, then those of the policy.
    pub fn fixers(&self, progress: &Progress) -> Vec<Box<dyn Fixer>> {
        let mut failures = progress.failures(self.brief);
        self.facts.hold_places(&mut failures);
        let granularity = progress.plan.as_ref().and_then(|plan| plan.granularity);
        let granularity = granularity.map(Granularity::from);
        let remedies = self.brief.remedies.iter().cloned();
        let remedies = remedies.map(|offer| Box::new(RemedyFixer(offer)) as Box<dyn Fixer>);
        let others = candidates(&self.brief.fixers, &failures, self.facts, granularity);
        remedies.chain(others).collect()
    }

    /// A home for one turn of a fixer; gone with the value.
    ///
    /// # Errors
    /// [`StageError::Place`].
    pub fn home(&self) -> Result<TempDir, StageError> {
        Ok(tempfile::Builder::new().prefix("home-").tempdir_in(self.scratch)?)
    }

    /// Who can take a second look: the first that can, and that nothing kept from its work.
    pub fn advisor(&self, progress: &Progress) -> Option<Box<dyn Fixer>> {
        let hindered = |id: &str| {
            let mut turns = progress.turns.iter();
            turns.any(|turn| turn.fixer == id && turn.hindrance.is_some())
        };
        let mut fixers = self.fixers(progress).into_iter();
        fixers.find(|fixer| fixer.can_advise() && !hindered(&fixer.id()))
    }

    /// The fixer whose turn was the last.
    pub fn last_fixer(&self, progress: &Progress) -> Option<Box<dyn Fixer>> {
        let id = &progress.turns.last()?.fixer;
        // Its failure may be gone already, but it was known when its turn came.
        let earlier = Progress { results: None, ..progress.clone() };
        let known = [self.fixers(progress), self.fixers(&earlier)];
        known.into_iter().flatten().find(|fixer| fixer.id() == *id)
    }

    /// The fixer whose turn it is: one whose questions people have answered, then the first of the
    /// plan without a turn, then such as answer what came to light since, then one that can learn
    /// from its last turn.
    pub fn next_fixer(&self, progress: &Progress) -> Option<Box<dyn Fixer>> {
        let fixers = self.fixers(progress);
        let had_turn = |id: &str| progress.turns.iter().any(|turn| turn.fixer == id);
        let changed = |id: &str| {
            progress.turns.iter().any(|turn| turn.fixer == id && !turn.changed.is_empty())
        };
        let asks = progress.asks();
        let plan = progress.plan.as_ref();
        let is_planned =
            |id: &str| plan.is_some_and(|plan| plan.candidates.iter().any(|c| c.fixer == id));
        let comes_first = |fixer: &dyn Fixer| {
            let id = fixer.id();
            if asks.is_some_and(|turn| turn.fixer == id) {
                return Some(0);
            }
            match (had_turn(&id), is_planned(&id)) {
                (false, true) => Some(1),
                // Before anything was tried, triage has decided against it.
                (false, false) => progress.results.is_some().then_some(2),
                (true, _) => (fixer.can_learn() && changed(&id)).then_some(3),
            }
        };
        let ranked = fixers.into_iter().filter_map(|f| Some((comes_first(f.as_ref())?, f)));
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, fixer)| fixer)
    }
}

/// Does one stage; its documents. Progress is what it was when the stage fails.
///
/// # Errors
/// Any [`StageError`].
pub async fn run(
    work: &Work<'_>,
    progress: &mut Progress,
    stage: Stage,
    round: u8,
) -> Result<Vec<Document>, StageError> {
    work.observer.saw(&Happening::StageBegins { stage, round });
    let documents = match stage {
        Stage::Triage => triage::run(work, progress).await?,
        Stage::Execute => execute::run(work, progress, round).await?,
        Stage::PreVerify => pre_verify::run(work, progress, round)?,
        Stage::Verify => verify::run(work, progress, round).await?,
        Stage::DevilsAdvocate => devils_advocate::run(work, progress, round).await?,
    };
    progress.finished = Some((stage, round));
    progress.interrupted = None;
    Ok(documents)
}

/// Runs as people read them: the command, how it ended, what it printed last.
fn runs_as_text(runs: &[CommandRun]) -> String {
    let mut text = String::new();
    for run in runs {
        let (command, output) = (fenced(&run.command), fenced(&run.output_tail));
        let _ =
            writeln!(text, "{command}\n{} after {} ms\n\n{output}", ended(run), run.duration_ms);
    }
    text
}

/// How a run ended, in words.
pub fn ended(run: &CommandRun) -> String {
    use crate::domain::outcome::Ended;
    match run.ended {
        Ended::Exit(0) => "green".to_owned(),
        Ended::Exit(code) => format!("red, exit code {code}"),
        Ended::Signal(signal) => format!("red, killed by signal {signal}"),
        Ended::TimedOut => "red, it took too long".to_owned(),
        Ended::OverLimit => "red, it used more than it may".to_owned(),
        Ended::NotFound => "not run, it is not installed".to_owned(),
    }
}
