//! What to say of a failed step that no rule understands: the lines that most likely say why.
//!
//! Between the last command echo and the line on which the CI system gave up stands the cause of
//! nearly every such step. The invariant: the words are the log's own, at most
//! [`UNKNOWN_LINES_MAX`] lines.

use super::super::draft::{Draft, Weight};
use super::super::frame::Frame;
use super::super::text::Mark;
use crate::domain::failure::{Failure, FailureKind};

/// How many of the last lines are looked at.
const UNKNOWN_LINES_MAX: usize = 40;

/// How many lines the message takes.
const MESSAGE_LINES_MAX: usize = 8;

/// Words that a person would look for.
const WORDS: [&str; 16] = [
    "error",
    "fail",
    "fatal",
    "panic",
    "exception",
    "cannot",
    "can't",
    "could not",
    "unable",
    "not found",
    "no such",
    "denied",
    "invalid",
    "missing",
    "must ",
    "❌",
];

/// Words of lines that only repeat the verdict.
const VERDICTS: [&str; 6] = [
    "Process completed with exit code",
    "exit code",
    "exit status",
    "exited with",
    "Error: Process",
    "make: ***",
];

/// The failure that says that a window was not understood.
pub(super) fn of_window(frame: &Frame, window: usize) -> Option<Draft> {
    let window = &frame.windows[window];
    let end = window.said_at.map_or(window.end, |at| at + 1);
    let told: Vec<usize> = (window.first..end)
        .rev()
        .filter(|index| !frame.is_quiet(*index) && !frame.text.line(*index).trim().is_empty())
        .filter(|index| !is_verdict(frame.text.line(*index)))
        .take(UNKNOWN_LINES_MAX)
        .collect();
    let marked = told.iter().rfind(|index| frame.text.lines[**index].mark == Mark::Error);
    // The first suspicious line of the last words; without one, where the step began to talk.
    let best = marked
        .or_else(|| told.iter().rfind(|index| is_suspicious(frame.text.line(**index))))
        .or_else(|| told.last().filter(|_| told.len() < UNKNOWN_LINES_MAX))
        .or(told.first())
        .or(window.said_at.as_ref())?;
    let mut draft = Draft::new(FailureKind::Unknown, "", Weight::Guess);
    draft.failure = Failure::new(FailureKind::Unknown, "");
    draft.first = *best;
    for index in *best..end {
        if index - best >= MESSAGE_LINES_MAX {
            break;
        }
        if !is_verdict(frame.text.line(index)) || index == *best {
            draft.say(frame.text.line(index));
            draft.last = index;
        }
    }
    Some(draft)
}

fn is_verdict(line: &str) -> bool {
    VERDICTS.iter().any(|verdict| line.contains(verdict))
}

fn is_suspicious(line: &str) -> bool {
    let lower = line.to_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}
