//! Verify: the commands in a fresh checkout with the patch, where no fixer has ever been.
//!
//! What was red at the head must be green, and everything else that takes part must be green too. A
//! tool that is not there proves nothing. The patch of a round that made nothing better is dropped.

use super::{StageError, Work, runs_as_text};
use crate::domain::document::{Document, DocumentName};
use crate::domain::outcome::{CommandRun, Proof};
use crate::domain::patch::Patch;
use crate::runner::documents::{VerificationResults, about, notes, write};
use crate::runner::progress::Progress;

/// Does the stage.
///
/// # Errors
/// Any [`StageError`].
pub async fn run(
    work: &Work<'_>,
    progress: &mut Progress,
    round: u8,
) -> Result<Vec<Document>, StageError> {
    let commands = progress.strategy.iter().flat_map(|strategy| &strategy.commands);
    let commands: Vec<String> = commands.map(|check| check.command.clone()).collect();
    let before = progress.before();
    let runs = green_or_not(work, progress, &commands, &before).await?;
    let patch_digest = progress.patch.digest();
    let proof = Proof {
        head: work.brief.head.clone(),
        patch_digest: patch_digest.clone(),
        before: before.clone(),
        after: runs.clone(),
    };
    let ran_all = runs.len() == commands.len();
    let proven = ran_all && !progress.patch.is_empty() && proof.is_red_to_green();
    let improved = proven || is_better(work, progress, &runs, &before);
    let results = VerificationResults {
        about: about(DocumentName::VerificationResults, work.brief.attempt, round),
        proven,
        improved,
        patch_digest,
        runs: notes(&runs),
    };
    let document = write(&results, &text(&results, &runs))?;
    if !improved {
        progress.patch = Patch::default();
    }
    progress.results = Some(results);
    Ok(vec![document])
}

/// Runs the commands; past a red one only those that were red at the head are still run, because
/// they show what got better.
async fn green_or_not(
    work: &Work<'_>,
    progress: &Progress,
    commands: &[String],
    before: &[CommandRun],
) -> Result<Vec<CommandRun>, StageError> {
    let room = work.room(&progress.patch).await?;
    let mut runs: Vec<CommandRun> = Vec::new();
    for command in commands {
        let was_run = before.iter().any(|run| run.command == *command);
        let is_own = last_check(work, progress).as_deref() == Some(command.as_str());
        if was_run || is_own || runs.iter().all(|run| run.ended.is_green()) {
            runs.push(work.command(&room, command).await?);
        }
    }
    Ok(runs)
}

fn last_check(work: &Work<'_>, progress: &Progress) -> Option<String> {
    work.last_fixer(progress)?.check()
}

/// Whether a command that was red is green now, or the fixer did its own part.
fn is_better(
    work: &Work<'_>,
    progress: &Progress,
    runs: &[CommandRun],
    before: &[CommandRun],
) -> bool {
    let is_green_now =
        |command: &str| runs.iter().any(|run| run.command == command && run.ended.is_green());
    let earlier = progress.results.as_ref().filter(|results| results.improved);
    let was_green = |command: &str| match earlier {
        Some(results) => crate::runner::documents::runs(&results.runs)
            .iter()
            .any(|run| run.command == command && run.ended.is_green()),
        None => before.iter().any(|run| run.command == command && run.ended.is_green()),
    };
    let got_green = before.iter().any(|run| is_green_now(&run.command) && !was_green(&run.command));
    let got_worse = before.iter().any(|run| !is_green_now(&run.command) && was_green(&run.command));
    let did_its_part = last_check(work, progress).is_some_and(|check| is_green_now(&check));
    (got_green || did_its_part) && !got_worse
}

fn text(results: &VerificationResults, runs: &[CommandRun]) -> String {
    let verdict = match (results.proven, results.improved) {
        (true, _) => "Red before, green now.",
        (false, true) => "Better, but not green; the next round builds on it.",
        (false, false) => "Not better; the change is dropped.",
    };
    format!("# With the change\n\n{verdict}\n\n{}", runs_as_text(runs))
}
