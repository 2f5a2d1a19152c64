//! Verify: the commands in a fresh checkout with the patch, where no fixer has ever been.
//!
//! What was red at the head must be green, as often as the brief asks for, and everything else that
//! takes part must be green too. A tool that is not there proves nothing, and neither does a command
//! that was green in CI and is red here without the patch as well. Which tests ran goes into the proof,
//! for the gate. The patch of a round that made nothing better is dropped.

use std::fmt::Write as _;

use super::{StageError, Work, runs_as_text};
use crate::documents::{
    CoverageNote, ENTRIES_MAX, RUNS_MAX, TestChangeNote, VerificationResults, about, notes, short,
    write,
};
use crate::domain::document::{Document, DocumentName};
use crate::domain::outcome::{CommandRun, Proof};
use crate::domain::patch::Patch;
use crate::domain::proof::{RUNS_MAX as PROOF_RUNS_MAX, TEST_CHANGES_MAX};
use crate::evidence::coverage::{self, Coverage};
use crate::evidence::ran;
use crate::runner::progress::Progress;
use crate::runner::seen::Seen;

/// What was seen with the patch.
#[derive(Default)]
struct Round {
    /// The commands that count.
    seen: Vec<Seen>,
    /// Commands that are red without the patch as well, though they were green in CI.
    set_aside: Vec<CommandRun>,
}

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
    let Round { seen, set_aside } = green_or_not(work, progress, &commands, &before).await?;
    let ran_all = seen.len() + set_aside.len() == commands.len();
    let mut proof = Proof {
        head: work.brief.head.clone(),
        patch_digest: progress.patch.digest(),
        before: before.clone(),
        after: seen.iter().map(|seen| seen.run.clone()).collect(),
        set_aside,
        tests: Vec::new(),
        coverage: Vec::new(),
    };
    let mut proven = ran_all && !progress.patch.is_empty() && proof.is_red_to_green();
    if proven {
        again(work, progress, &mut proof).await?;
        compare(work, progress, &seen, &mut proof).await?;
        proven = proof.is_red_to_green();
    }
    let improved = proven || is_better(work, progress, &proof.after, &before);
    let results = VerificationResults {
        about: about(DocumentName::VerificationResults, work.brief.attempt, round),
        proven,
        improved,
        patch_digest: proof.patch_digest.clone(),
        runs: notes(&proof.after),
        set_aside: notes(&proof.set_aside),
        tests: proof.tests.iter().map(TestChangeNote::from).collect(),
        coverage: proof.coverage.iter().map(CoverageNote::from).collect(),
    };
    let document = write(&results, &text(&results, &proof))?;
    // A remedy heals or is no remedy; whoever comes next begins where it did.
    let is_remedy_in_vain = !proven && progress.last_change_by_remedy().is_some();
    if !improved || is_remedy_in_vain {
        progress.patch = Patch::default();
    }
    progress.results = Some(results);
    progress.judge_turns();
    Ok(vec![document])
}

/// Runs the commands; past a red one only those that were red at the head are still run, because
/// they show what got better.
async fn green_or_not(
    work: &Work<'_>,
    progress: &Progress,
    commands: &[String],
    before: &[CommandRun],
) -> Result<Round, StageError> {
    let room = work.room(&progress.patch).await?;
    let mut round = Round::default();
    for command in commands {
        let was_run = before.iter().any(|run| run.command == *command);
        let is_own = last_check(work, progress).as_deref() == Some(command.as_str());
        if was_run || is_own || round.seen.iter().all(|seen| seen.run.ended.is_green()) {
            let seen = work.command(&room, command).await?;
            let only_green_in_ci = !was_run
                && !is_own
                && work.brief.green_commands.contains(command)
                && !work.brief.verify.contains(command);
            if only_green_in_ci && !seen.run.ended.is_green() && !is_green_here(work, &seen).await?
            {
                round.set_aside.push(seen.run);
            } else {
                round.seen.push(seen);
            }
        }
    }
    Ok(round)
}

/// Whether a command is green on this machine without the patch.
async fn is_green_here(work: &Work<'_>, seen: &Seen) -> Result<bool, StageError> {
    if seen.run.ended.is_missing_tool() {
        return Ok(false);
    }
    let room = work.room(&Patch::default()).await?;
    Ok(work.command(&room, &seen.run.command).await?.run.ended.is_green())
}

/// How much of the output of a command that is green once more is kept.
const TAIL_AGAIN_BYTES_MAX: usize = 400;

/// Runs what was red at the head as often as the brief asks for, each time in a fresh checkout, so that
/// nothing is green because a tool remembers that it was; stops at the first red run, and where time
/// or room for notes ends.
async fn again(work: &Work<'_>, progress: &Progress, proof: &mut Proof) -> Result<(), StageError> {
    let is_red = |run: &&CommandRun| !run.ended.is_green() && !run.ended.is_missing_tool();
    let red: Vec<String> =
        proof.before.iter().filter(is_red).map(|it| it.command.clone()).collect();
    for _ in 1..work.brief.proof_runs.min(PROOF_RUNS_MAX) {
        for command in &red {
            let last = proof.after.iter().rev().find(|run| run.command == *command);
            let is_time = last.is_some_and(|run| work.has_time_for(run.duration_ms));
            if proof.after.len() >= RUNS_MAX || !is_time {
                return Ok(());
            }
            let room = work.room(&progress.patch).await?;
            let mut run = work.command(&room, command).await?.run;
            let is_green = run.ended.is_green();
            if is_green {
                run.output_tail = short(&run.output_tail, TAIL_AGAIN_BYTES_MAX).to_owned();
            }
            proof.after.push(run);
            if !is_green {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Puts into the proof which tests ran before and after, and how the coverage changed. On a machine
/// that has not seen the head itself the commands are run there once more for that.
async fn compare(
    work: &Work<'_>,
    progress: &mut Progress,
    seen: &[Seen],
    proof: &mut Proof,
) -> Result<(), StageError> {
    for run in &proof.before {
        if !progress.seen_before.iter().any(|seen| seen.run.command == run.command)
            && work.has_time_for(run.duration_ms)
        {
            let room = work.room(&Patch::default()).await?;
            progress.seen_before.push(work.command(&room, &run.command).await?);
        }
    }
    let (mut before, mut after) = (Coverage::default(), Coverage::default());
    for old in &progress.seen_before {
        let new = seen.iter().find(|seen| seen.run.command == old.run.command);
        let Some(new) = new else { continue };
        let changes = ran::changes(&old.run.command, &old.tests, &new.tests);
        proof.tests.extend(changes);
        before.add(&old.coverage);
        after.add(&new.coverage);
    }
    proof.tests.truncate(TEST_CHANGES_MAX);
    let touched = progress.patch.changes().iter();
    let touched = touched.filter(|change| change.new.is_some()).map(|change| &change.path);
    proof.coverage = coverage::changes(touched.take(ENTRIES_MAX), &before, &after);
    Ok(())
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
        Some(results) => crate::documents::runs(&results.runs)
            .iter()
            .any(|run| run.command == command && run.ended.is_green()),
        None => before.iter().any(|run| run.command == command && run.ended.is_green()),
    };
    let got_green = before.iter().any(|run| is_green_now(&run.command) && !was_green(&run.command));
    let got_worse = before.iter().any(|run| !is_green_now(&run.command) && was_green(&run.command));
    let did_its_part = last_check(work, progress).is_some_and(|check| is_green_now(&check));
    (got_green || did_its_part) && !got_worse
}

fn text(results: &VerificationResults, proof: &Proof) -> String {
    let verdict = match (results.proven, results.improved) {
        (true, _) => "Red before, green now.",
        (false, true) => "Better, but not green; the next round builds on it.",
        (false, false) => "Not better; the change is dropped.",
    };
    let mut text = format!("# With the change\n\n{verdict}\n\n{}", runs_as_text(&proof.after));
    if !proof.set_aside.is_empty() {
        let runs = runs_as_text(&proof.set_aside);
        text.push_str("# Green in CI, red here without the change as well\n\n");
        text.push_str(&runs);
    }
    for change in &proof.tests {
        let (before, after) = (&change.before, &change.after);
        let _ = writeln!(
            text,
            "- Tests by {}: {} ran without the change ({} skipped), {} with it ({} skipped)",
            change.tool, before.ran, before.skipped, after.ran, after.skipped
        );
    }
    text
}
