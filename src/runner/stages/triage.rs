//! Triage: how large the fault is, which fixers fit, and whether it can be seen here at all.
//!
//! The failing commands run first, in a fresh checkout of exactly the head: nothing is spent on a
//! commit that is green here. Where CI named no command, the recipes' own checks stand in; where there
//! are none either, nobody could tell a fix from nothing, and people are asked for a command, once.

use std::fmt::Write as _;

use super::{StageError, Work, runs_as_text};
use crate::documents::{
    CandidateNote, ENTRIES_MAX, FaultNote, RUNS_MAX, TaskInput, TriagePlan, about, fenced, notes,
    short, write,
};
use crate::domain::brief::Brief;
use crate::domain::document::{Document, DocumentName};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::feedback::times_answered;
use crate::domain::granularity::{Granularity, Judgement, judged};
use crate::domain::outcome::CommandRun;
use crate::domain::patch::Patch;
use crate::runner::fixers::Fixer;
use crate::runner::progress::Progress;
use crate::runner::seen::Seen;

/// What people are asked where nothing shows the fault; its answer is run, so it is one command.
pub const WHICH_COMMAND: &str = "Which command shows this failure? Neither the logs nor `verify` in \
    .github/selfheal.yml name one, and without one no fix can be proven. Answer with the command \
    alone, as it is typed at the root of the repository.";

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
    let commands: Vec<&str> =
        brief.failing_commands.iter().map(String::as_str).chain(told(brief)).collect();
    let (fixers, reproduced) = if !commands.is_empty() && (!fixers.is_empty() || is_dark(brief)) {
        let seen = reproduce(work, commands).await?;
        (fixers_for(work, &runs_of(&seen), fixers), seen)
    } else if fixers.is_empty() {
        (fixers, Vec::new())
    } else {
        by_checks(work, fixers).await?
    };
    let runs = runs_of(&reproduced);
    let faults = faults(work, &runs);
    let Judgement { granularity, because } = judged(&faults, runs.len());
    let answered = times_answered(&brief.feedback);
    let may_ask = brief.questions_max > 0 && answered == 0 && !fixers.is_empty();
    let asks = may_ask && granularity == Granularity::NeedsClarification;
    let mut plan = TriagePlan {
        granularity: Some(granularity.into()),
        because,
        questions: if asks { vec![WHICH_COMMAND.to_owned()] } else { Vec::new() },
        answered,
        ..plan_of(work, &runs)
    };
    plan.candidates = ordered(fixers, granularity).map(|fixer| candidate(fixer.as_ref())).collect();
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

/// The commands that people named when they were asked for one: whoever answers may write to the
/// repository, and could have put it into a workflow.
fn told(brief: &Brief) -> impl Iterator<Item = &str> {
    let told = brief.feedback.iter().filter(|exchange| exchange.question == WHICH_COMMAND);
    let lines = told.map(|exchange| exchange.answer.trim().trim_matches('`').trim());
    lines.filter(|line| !line.is_empty())
}

/// The faults by which it is judged: what CI said, and where that was not understood, what the
/// commands say here.
fn faults(work: &Work<'_>, runs: &[CommandRun]) -> Vec<Failure> {
    if !is_dark(work.brief) {
        return work.brief.failures.clone();
    }
    let mut faults = seen(work, runs).failures(work.brief);
    work.facts.hold_places(&mut faults);
    let is_known = |fault: &Failure| fault.kind != FailureKind::Unknown;
    if faults.iter().any(is_known) {
        faults.retain(is_known);
    }
    faults
}

/// The fixers in the order in which they are tried: for a trivial fault recipes first.
fn ordered(
    mut fixers: Vec<Box<dyn Fixer>>,
    granularity: Granularity,
) -> impl Iterator<Item = Box<dyn Fixer>> {
    if granularity == Granularity::Trivial {
        // What learns nothing from a second turn is what has rules, and costs nothing.
        fixers.sort_by_key(|fixer| fixer.can_learn());
    }
    fixers.into_iter().take(ENTRIES_MAX)
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
    work.fixers(&seen(work, runs))
}

/// How far an attempt is that has seen these runs and nothing else.
fn seen(work: &Work<'_>, runs: &[CommandRun]) -> Progress {
    Progress { plan: Some(plan_of(work, runs)), ..Progress::default() }
}

/// A plan of nothing but these runs.
fn plan_of(work: &Work<'_>, runs: &[CommandRun]) -> TriagePlan {
    TriagePlan {
        about: about(DocumentName::TriagePlan, work.brief.attempt, 1),
        granularity: None,
        because: String::new(),
        questions: Vec::new(),
        answered: 0,
        candidates: Vec::new(),
        reproduced: notes(runs),
    }
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
    let judged = plan.granularity.map_or_else(String::new, |note| {
        format!("The fault is {}: {}.\n\n", Granularity::from(note), plan.because)
    });
    let mut text = format!("# Plan\n\n{judged}");
    for question in &plan.questions {
        let _ = writeln!(text, "Asked: {question}\n");
    }
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
