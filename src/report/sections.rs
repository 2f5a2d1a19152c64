//! Sections that reports share: what failed, the attempts, the reasons.

use super::Story;
use super::markdown::{block, code, cut, words};
use crate::domain::attempt::{Attempt, AttemptEnd, AttemptRecord, AttemptState};
use crate::domain::case::{CaseState, Escalation};
use crate::domain::cause::{Cause, Judged};
use crate::domain::evidence::Evidence;
use crate::domain::failure::Failure;
use crate::domain::feedback::answer_to;
use crate::domain::figures::{UNREAD, class_of};
use crate::domain::gate::{Verdict, Weight};
use crate::domain::outcome::{GaveUp, Outcome};
use crate::domain::remedy::remedy_of;

/// Failures listed in a table; the log has the rest.
const FAILURES_SHOWN_MAX: usize = 20;

/// Characters of a message in a table cell.
const MESSAGE_CHARS_MAX: usize = 200;

/// Characters of a test's name beside its message; names of parametrised tests are longer.
const TEST_CHARS_MAX: usize = 100;

/// Characters of one of an agent's texts.
const ANALYSIS_CHARS_MAX: usize = 1000;

/// What failed, as a table.
pub(super) fn what_failed(evidence: Option<&Evidence>) -> String {
    let Some(evidence) = evidence else { return String::new() };
    let mut out = String::from("### What failed\n\n");
    if evidence.failures.is_empty() {
        out.push_str("Nothing in the logs could be understood as a failure.\n\n");
        return out;
    }
    let causes = &evidence.judgement.causes;
    // One cause is said once, several beside each failure.
    let one = causes.first().filter(|first| causes.iter().all(|judged| judged == *first));
    let several = if one.is_none() { causes.as_slice() } else { &[] };
    out.push_str(match several {
        [] => "| where | what |\n| --- | --- |\n",
        [..] => "| where | what | cause |\n| --- | --- | --- |\n",
    });
    for (index, failure) in evidence.failures.iter().enumerate().take(FAILURES_SHOWN_MAX) {
        let cause = several.get(index).map(|judged| format!(" {} |", cause(judged)));
        let (place, what) = (place(failure), what(failure));
        out.push_str(&format!("| {place} | {what} |{}\n", cause.unwrap_or_default()));
    }
    let more = evidence.failures.len().saturating_sub(FAILURES_SHOWN_MAX);
    if more > 0 {
        out.push_str(&format!("\n… and {more} more.\n"));
    }
    out.push('\n');
    if let Some(judged) = one {
        out.push_str(&format!("**Cause:** {}.\n\n", cause(judged)));
    }
    out
}

/// Whose fault a failure is, and why.
fn cause(judged: &Judged) -> String {
    format!("{}: {}", judged.cause.words(), words(&judged.why))
}

/// Which of the failures have that cause, one line each.
pub(super) fn of_cause(evidence: Option<&Evidence>, cause: Cause) -> String {
    let Some(evidence) = evidence else { return String::new() };
    let with = evidence.failures.iter().zip(&evidence.judgement.causes);
    let lines = with.filter(|(_, judged)| judged.cause == cause).map(|(failure, judged)| {
        let jobs = failure.source.jobs.join(", ");
        let place = if jobs.is_empty() { place(failure) } else { words(&jobs) };
        format!("- {place}: {} ({})\n", what(failure), words(&judged.why))
    });
    lines.take(FAILURES_SHOWN_MAX).collect()
}

fn place(failure: &Failure) -> String {
    match (&failure.file, failure.line, &failure.test) {
        (Some(file), Some(line), _) => code(&format!("{file}:{line}")),
        (Some(file), None, _) => code(file.as_str()),
        (None, _, Some(test)) => code(&cut(test, MESSAGE_CHARS_MAX)),
        (None, _, None) => words(failure.source.step.as_deref().unwrap_or("the run")),
    }
}

fn what(failure: &Failure) -> String {
    let tool = failure.tool.as_deref().map(|tool| format!("{}: ", words(tool)));
    let code_of = failure.code.as_deref().map(|text| format!("{} ", code(text)));
    // Without a file, the test is the place.
    let test = failure.test.as_deref().filter(|_| failure.file.is_some());
    let test = test.map(|test| format!("{} ", code(&cut(test, TEST_CHARS_MAX))));
    let message = failure.message.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    let jobs = failure.source.jobs.len();
    let everywhere = if jobs > 1 { format!(" (in {jobs} jobs)") } else { String::new() };
    format!(
        "{}{}{}{}{everywhere}",
        tool.unwrap_or_default(),
        code_of.unwrap_or_default(),
        test.unwrap_or_default(),
        words(&cut(message.trim(), MESSAGE_CHARS_MAX))
    )
}

/// The attempts, as a table.
pub(super) fn attempts(story: &Story<'_>) -> String {
    if story.attempts.is_empty() {
        return String::new();
    }
    let mut out =
        String::from("### Attempts\n\n| # | fixer | what came of it |\n| --- | --- | --- |\n");
    for record in story.attempts {
        let fixer = fixer_of(record).unwrap_or_else(|| "–".to_owned());
        out.push_str(&format!("| {} | {fixer} | {} |\n", record.attempt.number, came_of(record)));
    }
    out.push('\n');
    out
}

/// What a second look at the last attempt found: the core of what is handed over to people.
pub(super) fn second_look(story: &Story<'_>) -> String {
    if !matches!(story.case.state, CaseState::Escalated(_)) {
        return String::new();
    }
    let last = story.attempts.last().and_then(|record| record.report.outcome.as_ref());
    let Some(Outcome::GaveUp { analysis: Some(found), .. }) = last else { return String::new() };
    let said = |text: &str| words(&cut(text.trim(), ANALYSIS_CHARS_MAX));
    let list = |items: &[String]| -> String {
        items.iter().flat_map(|item| ["- ".to_owned(), said(item), "\n".to_owned()]).collect()
    };
    let mut out = format!("### The question\n\n**{}**\n\n", said(&found.question));
    out.push_str(
        "A coding agent looked again at what was tried; its words, not checked by anybody:\n\n",
    );
    out.push_str(&format!("- What failed: {}\n", said(&found.what_failed)));
    out.push_str(&format!("- What does not hold: {}\n", said(&found.wrong_assumption)));
    out.push_str(&format!("- What to do instead: {}\n\n", said(&found.recommended_fix)));
    out.push_str(&format!("What shows it:\n\n{}\n", list(&found.evidence)));
    if !found.disproved.is_empty() {
        out.push_str(&format!("What it is not either:\n\n{}\n", list(&found.disproved)));
    }
    out
}

/// What a fixer asks, numbered, and what was answered.
pub(super) fn questions(story: &Story<'_>) -> String {
    let is_open = matches!(
        story.case.state,
        CaseState::AwaitingAnswer(_) | CaseState::Escalated(Escalation::Unanswered)
    );
    let Some(record) = story.attempts.last().filter(|_| is_open) else { return String::new() };
    let Some(Outcome::Asks { questions, time, note, .. }) = &record.report.outcome else {
        return String::new();
    };
    let mut out = String::from("### Questions\n\n");
    for (index, question) in questions.iter().enumerate() {
        let number = index + 1;
        // Outside a list, so that nothing renumbers them.
        out.push_str(&format!("**{number}:** {}\n\n", words(question.trim())));
        if let Some(given) = answer_to(number, *time, &record.attempt.feedback) {
            let answer = words(&cut(given.answer.trim(), ANALYSIS_CHARS_MAX));
            out.push_str(&format!("> {}: {answer}\n\n", words(given.by.as_str())));
        }
    }
    out.push_str(&format!("Asked by {}; its words, not checked by anybody.\n\n", first_line(note)));
    out
}

/// What has changed in how much is done without a person, told with the case that met it first.
pub(super) fn changes(story: &Story<'_>) -> String {
    if story.changes.is_empty() {
        return String::new();
    }
    let lines = story.changes.iter().map(|change| format!("- {}\n", words(&change.words())));
    let class = story.evidence.map_or(UNREAD, class_of);
    let lines: String = lines.collect();
    format!(
        "### What selfheal does here by itself\n\nFor failures of class {}:\n\n{lines}\n",
        code(class)
    )
}

/// Who made the patch; of a remedy, where it comes from.
fn fixer_of(record: &AttemptRecord) -> Option<String> {
    let outcome = record.report.outcome.as_ref()?;
    match outcome {
        Outcome::Proposed { fixer, summary, .. } if remedy_of(fixer).is_some() => {
            Some(format!("a remedy: {}", first_line(summary)))
        }
        other => other.fixer().map(code),
    }
}

/// What came of an attempt, in one line.
fn came_of(record: &AttemptRecord) -> String {
    let attempt = &record.attempt;
    let note = attempt.note.as_deref().map(first_line).unwrap_or_default();
    let because = if note.is_empty() { String::new() } else { format!(": {note}") };
    match &attempt.state {
        AttemptState::Running if waits(record).is_some() => {
            let note = waits(record).map(first_line).unwrap_or_default();
            format!("waits, its model cannot be reached: {note}")
        }
        AttemptState::Running => match record.report.stage {
            Some((stage, round)) => format!("at work: {} is done, round {round}", stage.as_str()),
            None if record.report.admitted_at.is_some() => "at work".to_owned(),
            None => "a runner was asked for".to_owned(),
        },
        AttemptState::Held if record.is_waiting() => "waits for answers".to_owned(),
        AttemptState::Held => format!("waits for a person{because}"),
        AttemptState::Committing => "proven; the commit is on its way".to_owned(),
        AttemptState::Committed(sha) => {
            format!("committed as {sha}, CI has to say{}", advice(attempt))
        }
        AttemptState::Ended(end) => match end {
            AttemptEnd::Healed(sha) => {
                format!("committed as {sha}, CI is green{}", advice(attempt))
            }
            AttemptEnd::Disproved(sha) => format!("committed as {sha}, CI is red"),
            AttemptEnd::GaveUp(why) => format!("no patch: {}{because}", gave_up(*why)),
            AttemptEnd::NotReproduced => {
                "the failing commands are green at this very commit".to_owned()
            }
            AttemptEnd::Refused => format!("the gate refused the patch{because}"),
            AttemptEnd::Rejected(by) => format!("{} rejected the patch", words(by.as_str())),
            AttemptEnd::CommitRefused => format!("the branch refused the commit{because}"),
            AttemptEnd::RunnerLost => format!("no runner{because}"),
            AttemptEnd::Abandoned => "cut short".to_owned(),
        },
    }
}

/// What the gate noted on a patch that it allowed: the first of it, and how much more there is.
fn advice(attempt: &Attempt) -> String {
    let note = attempt.note.as_deref().unwrap_or_default();
    let mut notes = note.lines().filter_map(|line| line.strip_prefix("note "));
    let Some(first) = notes.next() else { return String::new() };
    let more = match notes.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    format!("; the gate notes {}{more}", first_line(first))
}

/// What the provider said that an attempt waits for.
fn waits(record: &AttemptRecord) -> Option<&str> {
    match &record.report.outcome {
        Some(Outcome::Waits { note, .. }) if record.is_waiting() => Some(note),
        Some(_) | None => None,
    }
}

fn first_line(note: &str) -> String {
    words(&cut(note.lines().next().unwrap_or(""), MESSAGE_CHARS_MAX))
}

/// Why a runner brought no patch, in words.
const fn gave_up(why: GaveUp) -> &'static str {
    match why {
        GaveUp::NoFixerAnswers => "nothing to try",
        GaveUp::NothingChanged => "the fixers changed nothing",
        GaveUp::StillRed => "the commands stayed red",
        GaveUp::NothingToProveWith => "there is no command to prove a fix with",
        GaveUp::ToolMissing => "a tool that the proof needs is not on the runner",
        GaveUp::NoSandbox => "no sandbox could be made on the runner",
        GaveUp::OverLimit => "a limit was reached",
        GaveUp::NoWorkspace => "the checkout could not be prepared",
        GaveUp::FixerUnavailable => "no fixer that answers is set up",
        GaveUp::ModelUnavailable => "the agent's model could not be reached",
        GaveUp::BudgetSpent => "the budget for models is spent",
        GaveUp::NoAnswer => "it asked, and there was no answer",
    }
}

/// The findings of a verdict, as a list.
pub(super) fn reasons(verdict: Option<&Verdict>) -> String {
    let Some(verdict) = verdict.filter(|verdict| !verdict.findings().is_empty()) else {
        return String::new();
    };
    let mut out = String::from("### Why\n\n");
    for finding in verdict.findings() {
        let weight = match finding.weight {
            Weight::Note => "note",
            Weight::Hold => "a person decides",
            Weight::Refuse => "refused",
        };
        let place =
            finding.place().map_or_else(String::new, |place| format!(" ({})", code(&place)));
        out.push_str(&format!(
            "- **{weight}**, {}: {}{place}\n",
            code(finding.rule),
            words(&finding.message)
        ));
    }
    out.push('\n');
    out
}

/// A note with several lines, each as a list item.
pub(super) fn listed(note: &str) -> String {
    let mut out = String::new();
    for line in note.lines().filter(|line| !line.trim().is_empty()) {
        out.push_str(&format!("- {}\n", words(&cut(line, 400))));
    }
    out
}

/// The lines of the logs that matter, and where they were read.
pub(super) fn excerpt(evidence: Option<&Evidence>) -> String {
    let Some(evidence) = evidence else { return String::new() };
    let mut out = String::new();
    if !evidence.excerpt.is_empty() {
        out.push_str("### The lines that matter\n\n");
        out.push_str(&block(&evidence.excerpt, "text"));
        out.push('\n');
    }
    if !evidence.sources.is_empty() {
        out.push_str("### Read from\n\n");
        out.push_str(&listed(&evidence.sources.join("\n")));
        out.push('\n');
    }
    if !evidence.notes.is_empty() {
        out.push_str("### Notes\n\n");
        out.push_str(&listed(&evidence.notes.join("\n")));
        out.push('\n');
    }
    out
}
