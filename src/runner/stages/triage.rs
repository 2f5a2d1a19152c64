//! Triage: which fixers fit, and whether the failure can be seen here at all.
//!
//! The failing commands run first, in a fresh checkout of exactly the head: nothing is spent on a
//! commit that is green here. Where CI named no command, the recipes' own checks stand in.

use super::{StageError, Work, runs_as_text};
use crate::domain::brief::Brief;
use crate::domain::document::{Document, DocumentName};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::outcome::CommandRun;
use crate::domain::patch::Patch;
use crate::runner::documents::{
    CandidateNote, ENTRIES_MAX, FaultNote, RUNS_MAX, TaskInput, TriagePlan, about, fenced, notes,
    short, write,
};
use crate::runner::fixers::Fixer;
use crate::runner::progress::Progress;
use crate::runner::seen::Seen;

/// How much of one failure's message a document keeps.
const MESSAGE_BYTES_MAX: usize = 600;

/// How much of one command a document keeps; longer ones are scripts that we cannot report.
const COMMAND_BYTES_MAX: usize = 2048;

/// Does the stage.
///
/// # Errors
/// Any [`StageError`].
pub async fn run(work: &Work<'_>, progress: &mut Progress) -> Result<Vec<Document>, StageError> {
    let brief = work.brief;
    let fixers = work.fixers(progress);
    let commands: Vec<&str> = brief.failing_commands.iter().map(String::as_str).collect();
    let (fixers, reproduced) = if !commands.is_empty() && (!fixers.is_empty() || is_dark(brief)) {
        let seen = reproduce(work, commands).await?;
        (fixers_for(work, &runs_of(&seen), fixers), seen)
    } else if fixers.is_empty() {
        (fixers, Vec::new())
    } else {
        by_checks(work, fixers).await?
    };
    let runs = runs_of(&reproduced);
    let plan = TriagePlan {
        about: about(DocumentName::TriagePlan, brief.attempt, 1),
        candidates: fixers
            .iter()
            .take(ENTRIES_MAX)
            .map(|fixer| candidate(fixer.as_ref()))
            .collect(),
        reproduced: notes(&runs),
    };
    let documents =
        vec![write(&input(work), &input_text(work))?, write(&plan, &text(&plan, &runs))?];
    progress.plan = Some(plan);
    progress.seen_before = reproduced;
    Ok(documents)
}

fn runs_of(seen: &[Seen]) -> Vec<CommandRun> {
    seen.iter().map(|seen| seen.run.clone()).collect()
}

fn candidate(fixer: &dyn Fixer) -> CandidateNote {
    CandidateNote { fixer: fixer.id(), why: fixer.why(), held: fixer.held().map(str::to_owned) }
}

/// Whether nothing of what CI said was understood, so that a look of our own may say more.
fn is_dark(brief: &Brief) -> bool {
    brief.failures.iter().all(|failure| failure.kind == FailureKind::Unknown)
}

/// The fixers, and where nothing was understood those that answer what the commands say here.
fn fixers_for(
    work: &Work<'_>,
    runs: &[CommandRun],
    fixers: Vec<Box<dyn Fixer>>,
) -> Vec<Box<dyn Fixer>> {
    if !is_dark(work.brief) {
        return fixers;
    }
    let plan = TriagePlan {
        about: about(DocumentName::TriagePlan, work.brief.attempt, 1),
        candidates: Vec::new(),
        reproduced: notes(runs),
    };
    work.fixers(&Progress { plan: Some(plan), ..Progress::default() })
}

/// The commands at the head, in one fresh checkout, each once; what is known is not run again.
async fn reproduce(work: &Work<'_>, commands: Vec<&str>) -> Result<Vec<Seen>, StageError> {
    let mut runs: Vec<Seen> = Vec::new();
    let mut room = None;
    for command in commands.into_iter().filter(|c| c.len() <= COMMAND_BYTES_MAX).take(RUNS_MAX / 2)
    {
        if runs.iter().any(|seen| seen.run.command == command) {
            continue;
        }
        if let Some(known) = work.known.iter().find(|seen| seen.run.command == command) {
            runs.push(known.clone());
            continue;
        }
        if room.is_none() {
            room = Some(work.room(&Patch::default()).await?);
        }
        if let Some(room) = &room {
            runs.push(work.command(room, command).await?);
        }
    }
    Ok(runs)
}

/// The fixers' own checks in place of CI's commands; a fixer whose check is green is not needed.
async fn by_checks(
    work: &Work<'_>,
    fixers: Vec<Box<dyn Fixer>>,
) -> Result<(Vec<Box<dyn Fixer>>, Vec<Seen>), StageError> {
    let checks: Vec<Option<String>> = fixers.iter().map(|fixer| fixer.check()).collect();
    let commands = checks.iter().flatten().chain(&work.brief.verify).map(String::as_str).collect();
    let mut seen = reproduce(work, commands).await?;
    let runs = runs_of(&seen);
    let is_missing =
        |check: &str| runs.iter().any(|run| run.command == check && run.ended.is_missing_tool());
    let missing: Vec<String> =
        checks.iter().flatten().filter(|check| is_missing(check)).cloned().collect();
    // A fixer whose tool is not here does not spoil the others' proof, unless there are no others.
    if runs.iter().any(|run| !run.ended.is_missing_tool()) {
        seen.retain(|seen| !missing.contains(&seen.run.command));
    }
    let runs = runs_of(&seen);
    let is_green =
        |check: &String| runs.iter().any(|run| run.command == *check && run.ended.is_green());
    let is_needed = |check: &Option<String>| match check {
        Some(check) => !is_green(check) && !missing.contains(check),
        None => true,
    };
    let all_green = !runs.is_empty() && runs.iter().all(|run| run.ended.is_green());
    // With everything green there is nothing to plan; the plan says so by its runs.
    if all_green || !checks.iter().any(is_needed) {
        return Ok((fixers, seen));
    }
    let kept = fixers.into_iter().zip(&checks).filter(|(_, check)| is_needed(check));
    Ok((kept.map(|(fixer, _)| fixer).collect(), seen))
}

fn input(work: &Work<'_>) -> TaskInput {
    let brief = work.brief;
    let commands = |all: &[String]| {
        all.iter().take(ENTRIES_MAX).map(|c| short(c, COMMAND_BYTES_MAX).to_owned()).collect()
    };
    TaskInput {
        about: about(DocumentName::TaskInput, brief.attempt, 1),
        repo: brief.repo.to_string(),
        pull: brief.pull.get(),
        head: brief.head.to_string(),
        base: brief.base.to_string(),
        number: brief.number,
        failures: brief.failures.iter().take(ENTRIES_MAX).map(fault).collect(),
        failing_commands: commands(&brief.failing_commands),
        verify: commands(&brief.verify),
    }
}

fn fault(failure: &Failure) -> FaultNote {
    FaultNote {
        kind: failure.kind.as_str().to_owned(),
        tool: failure.tool.clone(),
        file: failure.file.as_ref().map(ToString::to_string),
        line: failure.line,
        code: failure.code.clone(),
        test: failure.test.clone(),
        message: short(&failure.message, MESSAGE_BYTES_MAX).to_owned(),
    }
}

fn input_text(work: &Work<'_>) -> String {
    format!("# What failed\n\n{}", fenced(&work.brief.excerpt))
}

fn text(plan: &TriagePlan, reproduced: &[CommandRun]) -> String {
    let mut text = String::from("# Plan\n\n");
    for (number, candidate) in plan.candidates.iter().enumerate() {
        let held = candidate.held.as_ref().map_or(String::new(), |why| format!(" (held: {why})"));
        let line = format!("{}. `{}`: {}{held}\n", number + 1, candidate.fixer, candidate.why);
        text.push_str(&line);
    }
    if plan.candidates.is_empty() {
        text.push_str("No fixer answers failures like these.\n");
    }
    text.push_str("\n# At the head, without any change\n\n");
    text.push_str(&runs_as_text(reproduced));
    text
}
