//! Judgement: of all that the rules read, what failed the run.
//!
//! Causes before signs, signs before guesses, and consequences only where nothing else is known;
//! steps that the CI system calls failed before the others; the same fault once. The invariant: a
//! log that says it passed yields nothing, one that failed yields something, and the result is
//! bounded.

use std::collections::HashSet;

use super::draft::{Draft, Weight};
use super::finish::Finisher;
use super::frame::{Frame, Verdict, Window};
use super::paths::Roots;
use super::redact::Redactor;
use super::{Hints, commands};
use crate::domain::failure::{FAILURES_MAX, Failure, FailureKind, Source};

pub(super) mod fold;

/// Decides which drafts are failures, in the order in which a person should look at them.
pub(super) fn judge(
    frame: &Frame,
    drafts: Vec<Draft>,
    hints: &Hints<'_>,
    redactor: &Redactor,
) -> (Vec<Failure>, Vec<String>) {
    let mut notes = Vec::new();
    let mut by_window: Vec<Vec<Draft>> = vec![Vec::new(); frame.windows.len()];
    for draft in drafts {
        by_window[draft.window].push(draft);
    }
    let blamed = blamed(frame, hints);
    let mut kept: Vec<Draft> = Vec::new();
    let mut silent: Vec<usize> = Vec::new();
    for (index, drafts) in by_window.iter_mut().enumerate() {
        if !blamed[index] {
            continue;
        }
        let mut drafts = std::mem::take(drafts);
        if !says_failed(&frame.windows[index], hints) {
            // Words of failure also stand in the logs of runs that pass.
            drafts.retain(|draft| draft.weight < Weight::Guess);
        }
        demote_distant(&mut drafts, &frame.windows[index]);
        let strongest = strongest(drafts);
        let explains = strongest.iter().any(|draft| draft.weight != Weight::Consequence);
        if !explains && says_failed(&frame.windows[index], hints) {
            silent.push(index);
        }
        kept.extend(strongest);
    }
    if kept.iter().all(|draft| draft.weight > Weight::Sign) {
        kept.extend(elsewhere(frame, by_window, &blamed));
    }
    let told = |kept: &[Draft], weight: Weight| kept.iter().any(|draft| draft.weight <= weight);
    for weight in [Weight::Guess, Weight::Consequence] {
        if told(&kept, weight) {
            kept.retain(|draft| draft.weight <= weight);
        }
    }
    if kept.is_empty() && silent.is_empty() && hints.exit_code.is_some_and(|code| code != 0) {
        silent.extend(frame.windows.iter().rposition(|window| window.end > window.first));
    }
    let unexplained = unexplained(frame, &kept, silent);
    let is_unknown = |draft: &&Draft| draft.failure.kind == FailureKind::Unknown;
    match unexplained.iter().filter(is_unknown).count() {
        0 => {}
        count => notes.push(format!("{count} failed step(s) not understood")),
    }
    kept.extend(unexplained);
    let roots = Roots { given: &hints.workspace_roots, learned: &frame.learned };
    let mut finisher = Finisher::new(roots, redactor);
    let mut failures = fold::fold(placed(frame, kept, &mut finisher));
    failures.sort_by_key(|failure| failure.kind == FailureKind::Unknown);
    if failures.len() > FAILURES_MAX {
        notes.push(format!("{} more failures left out", failures.len() - FAILURES_MAX));
        failures.truncate(FAILURES_MAX);
    }
    // Only what is kept: taking secrets out costs more than reading.
    for failure in &mut failures {
        finisher.clean_all(failure);
    }
    (failures, notes)
}

/// What to say of failed steps in jobs of which nothing is known.
fn unexplained(frame: &Frame, kept: &[Draft], silent: Vec<usize>) -> Vec<Draft> {
    let job = |window: usize| frame.windows[window].job.as_str();
    let explained: HashSet<&str> = kept.iter().map(|draft| job(draft.window)).collect();
    let unknown = |window: usize| {
        let unknown = frame.windows[window].unknown.iter().cloned();
        unknown.map(move |unknown| Draft { window, ..unknown })
    };
    silent.into_iter().filter(|at| !explained.contains(job(*at))).flat_map(unknown).collect()
}

/// Which windows may hold the cause.
///
/// Where the caller or the log names failed steps, those; in a job that names none, all that did
/// not pass.
fn blamed(frame: &Frame, hints: &Hints<'_>) -> Vec<bool> {
    let named = |window: &Window| {
        hints.failed_steps.iter().any(|step| {
            let step = step.trim();
            !step.is_empty()
                && window.name.trim_start_matches("Run ") == step.trim_start_matches("Run ")
        })
    };
    if frame.windows.iter().any(|window| named(window) && window.verdict != Verdict::Passed) {
        // A composite action's steps fail under names of their own.
        let told = |window: &Window| named(window) && window.verdict == Verdict::Failed;
        let exact = frame.windows.iter().any(told);
        let failed = |window: &Window| window.verdict == Verdict::Failed;
        return frame.windows.iter().map(|w| named(w) || !exact && failed(w)).collect();
    }
    let failed = frame.windows.iter().filter(|window| window.verdict == Verdict::Failed);
    let failing_jobs: HashSet<&str> = failed.map(|window| window.job.as_str()).collect();
    let in_failing = |window: &Window| failing_jobs.contains(window.job.as_str());
    frame
        .windows
        .iter()
        .map(|window| match window.verdict {
            Verdict::Failed => true,
            Verdict::Passed => false,
            Verdict::Unsaid => !in_failing(window),
        })
        .collect()
}

fn says_failed(window: &Window, hints: &Hints<'_>) -> bool {
    let exited = hints.exit_code.is_some_and(|code| code != 0);
    window.verdict == Verdict::Failed || exited || hints.failed_steps.contains(&window.name)
}

/// How far above a step's verdict a sign still speaks of it: a program that goes on for longer
/// than this has tolerated what it printed.
const SIGN_LINES_MAX: usize = 400;

/// Signs long before the step's end are weaker than what stands near it.
fn demote_distant(drafts: &mut [Draft], window: &Window) {
    let Some(said_at) = window.said_at else { return };
    for draft in drafts {
        if said_at.saturating_sub(draft.last) > SIGN_LINES_MAX {
            draft.weight = match draft.weight {
                Weight::Cause => Weight::Cause,
                Weight::Sign | Weight::Guess | Weight::Consequence => Weight::Consequence,
                Weight::Elsewhere => Weight::Elsewhere,
            };
        }
    }
}

/// The drafts of the strongest weight that a window has, without what stands inside another's
/// lines.
fn strongest(drafts: Vec<Draft>) -> Vec<Draft> {
    let Some(weight) = drafts.iter().map(|draft| draft.weight).min() else { return drafts };
    drafts.into_iter().filter(|draft| draft.weight == weight).collect()
}

/// Causes in steps of a failing job that were not called failed: a step that tolerated its errors
/// and left the verdict to a later one.
fn elsewhere(frame: &Frame, by_window: Vec<Vec<Draft>>, blamed: &[bool]) -> Vec<Draft> {
    let mut found = Vec::new();
    for (index, drafts) in by_window.into_iter().enumerate() {
        let window = &frame.windows[index];
        if !blamed[index] && window.verdict == Verdict::Unsaid && !window.is_after {
            found.extend(drafts.into_iter().filter(|draft| draft.weight == Weight::Cause));
        }
    }
    found
}

/// Makes failures of drafts, with places in the repository.
fn placed(frame: &Frame, drafts: Vec<Draft>, finisher: &mut Finisher<'_>) -> Vec<Failure> {
    let number = |index: usize| u32::try_from(index + 1).unwrap_or(u32::MAX);
    let place_one = |draft: Draft| {
        let window = &frame.windows[draft.window];
        let source = Source {
            step: Some(window.name.clone()).filter(|name| !name.is_empty()),
            first_line: number(draft.first),
            last_line: number(draft.last),
            jobs: Vec::new(),
        };
        let directory = window.script.as_deref().and_then(commands::directory);
        Failure { source, ..finisher.place(draft, directory) }
    };
    drafts.into_iter().map(place_one).collect()
}
