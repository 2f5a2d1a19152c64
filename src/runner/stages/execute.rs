//! Execute: one fixer after the other works in a fresh checkout, until one changes something.
//!
//! A stage that was interrupted goes on from its checkpoint, where there is one: turns that were
//! finished are not made again, and a coding agent in the middle of one goes on with its change and
//! its session. What of a checkpoint cannot be used costs that part and nothing else.

use std::fmt::Write as _;
use std::path::Path;

use super::{Room, StageError, Work};
use crate::documents::{
    Answered, ENTRIES_MAX, HindranceNote, State, TurnNote, about, answered, fenced, read, short,
    write,
};
use crate::domain::checkpoint::Checkpoint;
use crate::domain::document::{Document, DocumentName};
use crate::domain::outcome::CommandRun;
use crate::domain::patch::{FileChange, Patch};
use crate::runner::checkpoints::{self, Signs};
use crate::runner::fixers::{Fixer, Job, Report};
use crate::runner::observe::Happening;
use crate::runner::progress::Progress;
use crate::runner::task::Task;
use crate::runner::workspace::{Checkout, WorkspaceError};

/// How much of a fixer's own words is kept.
const SUMMARY_BYTES_MAX: usize = 600;

/// How much of what a turn changed is kept for the turns after it.
const DIFF_BYTES_MAX: usize = 8 * 1024;

/// Does the stage.
///
/// # Errors
/// Any [`StageError`].
pub async fn run(
    work: &Work<'_>,
    progress: &mut Progress,
    round: u8,
) -> Result<Vec<Document>, StageError> {
    let mut turns = progress.clone();
    let mut begun = resumed(work, &mut turns, round);
    while let Some(fixer) = work.next_fixer(&turns) {
        let begun = begun.take().filter(|begun| begun.fixer == fixer.id());
        let Turned { note, patch, waits } =
            turn(work, &turns, fixer.as_ref(), (round, begun)).await?;
        let changed = !note.changed.is_empty();
        turns.turns.push(note);
        // A change is proven first, whatever else its maker would have said.
        if waits.is_some() && !changed {
            turns.waits = waits;
            break;
        }
        if changed {
            turns.patch = patch;
            break;
        }
        if turns.asks().is_some() {
            turns.patch = patch;
            break;
        }
        // One that was asked again and changed nothing has nothing more to say.
        if turns.turns.iter().filter(|turn| turn.round == round).count() >= ENTRIES_MAX {
            break;
        }
        if is_asked_again(&turns, fixer.as_ref()) {
            break;
        }
    }
    let state = State {
        about: about(DocumentName::State, work.brief.attempt, round),
        turns: turns.turns.clone(),
    };
    let document = write(&state, &text(&state))?;
    *progress = turns;
    Ok(vec![document])
}

/// The turn to go on with, if there is one; those before it are in progress then.
fn resumed(work: &Work<'_>, progress: &mut Progress, round: u8) -> Option<Checkpoint> {
    let begun = progress.interrupted.take().filter(|begun| begun.round == round)?;
    match read::<State>(std::slice::from_ref(&begun.state), work.brief.attempt, round) {
        Ok(state) => {
            progress.turns = state.turns;
            tracing::info!(fixer = begun.fixer, "an interrupted turn goes on");
            Some(begun)
        }
        Err(error) => {
            tracing::warn!(error = %error, "the round begins anew");
            None
        }
    }
}

fn is_asked_again(progress: &Progress, fixer: &dyn Fixer) -> bool {
    let id = fixer.id();
    progress.turns.iter().filter(|turn| turn.fixer == id).count() > 1
}

/// What came of a turn.
struct Turned {
    note: TurnNote,
    /// The whole change against the head.
    patch: Patch,
    /// Whose provider has to be waited for before its questions can be understood.
    waits: Option<String>,
}

/// One fixer's turn.
async fn turn(
    work: &Work<'_>,
    progress: &Progress,
    fixer: &dyn Fixer,
    (round, begun): (u8, Option<Checkpoint>),
) -> Result<Turned, StageError> {
    let id = fixer.id();
    let (mut room, begun) = room(work, progress, begun).await?;
    room.checkout.take_agents_from_base().await?;
    work.observer.saw(&Happening::FixerBegins { fixer: &id });
    let mut task = Task::new(work.brief, round, progress.seen())
        .within(work.context)
        .after(&progress.turns)
        .advised_by(progress.advice());
    if begun.as_ref().is_some_and(|begun| begun.work_in_progress != progress.patch) {
        task = task.begun();
    }
    let home = work.home()?;
    let signs = Signs::beside(work.observer);
    if begun.is_none() && progress.turns.iter().any(|turn| turn.round == round) {
        signs.give();
    }
    let turns = &progress.turns;
    let going = checkpoints::Turn {
        round,
        fixer,
        turns,
        checkout: &room.checkout,
        home: home.path(),
        signs: &signs,
    };
    let mut job = job(work, &room, &task, home.path());
    job.observer = &signs;
    job.session = begun.as_ref().and_then(|begun| begun.session.as_ref());
    let report = tokio::select! {
        report = fixer.fix(job) => report?,
        never = going.keep(work) => match never {},
    };
    let Asked { questions, waits } =
        asked(work, (&room, &task, home.path()), fixer, &report).await?;
    let (mut patch, mut summary) = left_behind(&room, progress, fixer, &report).await?;
    let in_vain = fixer.is_all_or_nothing()
        && patch != progress.patch
        && (report.hindrance.is_some() || stays_red(work, &room, progress).await?);
    if in_vain {
        summary.push_str(", in vain");
        patch = progress.patch.clone();
    }
    let changed = changed(&progress.patch, &patch);
    work.observer.saw(&Happening::FixerEnded { fixer: &id, files: changed.len() });
    let note = TurnNote {
        round,
        fixer: id,
        changed,
        diff: shown(work, &progress.patch, &patch).await?,
        verdict: String::new(),
        hindrance: report.hindrance.as_ref().map(HindranceNote::from),
        in_vain,
        summary: short(&summary, SUMMARY_BYTES_MAX).to_owned(),
        version: report.version,
        prompt: report.prompt,
        model: report.model,
        questions,
    };
    Ok(Turned { note, patch, waits })
}

/// The whole change that a fixer has left, and what people read of it.
async fn left_behind(
    room: &Room,
    progress: &Progress,
    fixer: &dyn Fixer,
    report: &Report,
) -> Result<(Patch, String), StageError> {
    match room.checkout.changes().await {
        Ok(patch) => {
            let patch = kept(fixer, &progress.patch, &room.checkout, patch);
            Ok((patch, report.summary.clone()))
        }
        // More than a patch can hold is no repair; the next fixer starts from where this one did.
        Err(error @ (WorkspaceError::NotAPatch(_) | WorkspaceError::TooManyFiles)) => {
            Ok((progress.patch.clone(), error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

/// What a turn changed, for those who come after it.
async fn shown(work: &Work<'_>, earlier: &Patch, patch: &Patch) -> Result<String, StageError> {
    let difference = work.source.difference(earlier, patch).await?;
    Ok(short(&difference, DIFF_BYTES_MAX).to_owned())
}

/// Whether a command that was red at the head is still red in this checkout. The proof runs all of
/// them again elsewhere; where there is no time for both, it is left to the proof.
async fn stays_red(work: &Work<'_>, room: &Room, progress: &Progress) -> Result<bool, StageError> {
    let is_red = |run: &CommandRun| !run.ended.is_green() && !run.ended.is_missing_tool();
    for red in progress.before().into_iter().filter(is_red) {
        if !work.has_time_for(red.duration_ms) {
            return Ok(false);
        }
        if !work.command(room, &red.command).await?.run.ended.is_green() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a fixer asks.
#[derive(Default)]
struct Asked {
    questions: Vec<String>,
    waits: Option<String>,
}

/// What a fixer asks people. One that asks in a form of its own is told what is wrong with it, once.
async fn asked(
    work: &Work<'_>,
    (room, task, home): (&Room, &Task, &Path),
    fixer: &dyn Fixer,
    report: &Report,
) -> Result<Asked, StageError> {
    let most = work.brief.questions_max;
    if report.hindrance.is_some() {
        return Ok(Asked::default());
    }
    let fault = match answered(&report.words, most) {
        Answered::Plain => return Ok(Asked::default()),
        Answered::Asks(questions) => return Ok(Asked { questions, waits: None }),
        Answered::Malformed(fault) => fault,
    };
    let prompt = task.repair(&task.markdown(), &fault);
    let again = fixer.ask(job(work, room, task, home), &prompt).await?;
    let waits = again.hindrance.as_ref().and_then(|hindrance| hindrance.waits(fixer));
    let questions = match answered(&again.words, most) {
        Answered::Asks(questions) => questions,
        Answered::Plain | Answered::Malformed(_) => Vec::new(),
    };
    Ok(Asked { questions, waits })
}

/// A checkout with the change so far: that of the turn to go on with, if it can be had again.
async fn room(
    work: &Work<'_>,
    progress: &Progress,
    begun: Option<Checkpoint>,
) -> Result<(Room, Option<Checkpoint>), StageError> {
    if let Some(begun) = begun {
        match work.room(&begun.work_in_progress).await {
            Ok(room) => return Ok((room, Some(begun))),
            Err(error) => tracing::warn!(error = %error, "the turn begins anew"),
        }
    }
    Ok((work.room(&progress.patch).await?, None))
}

/// What a fixer is given for one turn.
pub(super) fn job<'a>(
    work: &'a Work<'_>,
    room: &'a Room,
    task: &'a Task,
    home: &'a Path,
) -> Job<'a> {
    Job {
        task,
        workspace: room.checkout.dir(),
        sandbox: work.sandbox,
        dependencies: work.dependencies,
        limits: work.brief.limits,
        network: work.brief.network,
        observer: work.observer,
        session: None,
        home,
        models: work.models,
        server: work.server,
    }
}

/// The patch without new files that the fixer has no business to leave behind.
fn kept(fixer: &dyn Fixer, earlier: &Patch, checkout: &Checkout, patch: Patch) -> Patch {
    if fixer.makes_files() {
        return patch;
    }
    let is_known = |change: &FileChange| earlier.changes().iter().any(|e| e.path == change.path);
    let stays = |change: &&FileChange| checkout.tracks(&change.path) || is_known(change);
    let changes = patch.changes().iter().filter(stays).cloned().collect();
    Patch::new(changes).unwrap_or_default()
}

/// The paths in which two patches differ.
fn changed(earlier: &Patch, patch: &Patch) -> Vec<String> {
    let lacks = |other: &Patch, change: &FileChange| !other.changes().contains(change);
    let new = patch.changes().iter().filter(|change| lacks(earlier, change));
    let undone = earlier
        .changes()
        .iter()
        .filter(|change| !patch.changes().iter().any(|other| other.path == change.path));
    new.chain(undone).take(ENTRIES_MAX).map(|change| change.path.to_string()).collect()
}

fn text(state: &State) -> String {
    let mut text = String::from("# Turns\n\n");
    for turn in &state.turns {
        let files = if turn.changed.is_empty() {
            "changed nothing".to_owned()
        } else {
            format!("changed {}", turn.changed.join(", "))
        };
        let _ = write!(text, "## Round {}: `{}`\n\n", turn.round, turn.fixer);
        text.push_str(&fenced(&format!("{files}\n{}", turn.summary)));
        text.push('\n');
        for part in [&turn.diff, &turn.verdict].into_iter().filter(|part| !part.is_empty()) {
            let _ = writeln!(text, "{}", fenced(part));
        }
        for question in &turn.questions {
            let _ = writeln!(text, "It asks:\n\n{}", fenced(question));
        }
    }
    text
}
