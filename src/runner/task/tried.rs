//! What was tried, as an agent is told it: earlier rounds, remedies, earlier attempts.
//!
//! All of it is evidence: agents' words, strangers' code, outputs. So that nothing is tried twice, each
//! says what was changed, and why that did not do. Every part has a limit of its own, so that a long
//! one leaves room for the others.

use std::fmt::Write as _;

use crate::documents::{TurnNote, short};
use crate::domain::brief::EarlierAttempt;
use crate::domain::remedy::{Change, Edit, Offer, fixer_of};

/// The last turns are told, so many; four rounds have hardly more.
const TURNS_MAX: usize = 6;

/// How much of one remedy's edits is quoted.
const EDITS_BYTES_MAX: usize = 3 * 1024;

/// How much of an earlier attempt's end is told.
const ENDED_BYTES_MAX: usize = 2 * 1024;

/// How much of what an earlier attempt's turns said and changed is quoted.
const EARLIER_TURNS_BYTES_MAX: usize = 8 * 1024;

/// How much of an earlier attempt's last change is quoted.
const EARLIER_DIFF_BYTES_MAX: usize = 8 * 1024;

/// How much of what was red in an earlier attempt is quoted.
const EARLIER_SEEN_BYTES_MAX: usize = 4 * 1024;

/// The turns of this attempt, but for remedies, which are told with what they do.
pub(super) fn turns(turns: &[TurnNote], remedies: &[Offer]) -> String {
    let is_remedy = |turn: &TurnNote| remedies.iter().any(|it| fixer_of(it.remedy) == turn.fixer);
    let told: Vec<&TurnNote> = turns.iter().filter(|turn| !is_remedy(turn)).collect();
    let mut text = String::new();
    for turn in &told[told.len().saturating_sub(TURNS_MAX)..] {
        let changed = match turn.changed.as_slice() {
            [] => "nothing".to_owned(),
            changed => changed.join(", "),
        };
        let asks = if turn.questions.is_empty() { "" } else { " and asked people" };
        let (round, fixer, summary) = (turn.round, &turn.fixer, &turn.summary);
        let _ = writeln!(text, "round {round}, {fixer}, changed {changed}{asks}: {summary}");
        for part in [&turn.verdict, &turn.diff].into_iter().filter(|part| !part.is_empty()) {
            let _ = writeln!(text, "{}", part.trim_end());
        }
    }
    text
}

/// Remedies of the same failure that had their turn and did not do.
pub(super) fn remedies(remedies: &[Offer], turns: &[TurnNote]) -> String {
    let mut text = String::new();
    for offer in remedies {
        let id = fixer_of(offer.remedy);
        let Some(turn) = turns.iter().rev().find(|turn| turn.fixer == id) else { continue };
        let came = match (turn.in_vain, turn.verdict.as_str()) {
            (true, _) => "it was applied, and what was red stayed red",
            (false, "") => "it does not apply here",
            (false, verdict) => verdict,
        };
        let edits: String = offer.edits.iter().map(edit).collect();
        let edits = short(&edits, EDITS_BYTES_MAX).trim_end();
        let _ = writeln!(text, "The fix of {}: {came}\n{edits}", offer.from);
    }
    text
}

/// A remedy's change of one file, in the way of a diff without line numbers.
fn edit(edit: &Edit) -> String {
    let mut text = format!("in {}:\n", edit.path);
    let mut add = |mark: char, lines: &[String]| {
        for line in lines {
            let _ = writeln!(text, "{mark}{}", line.trim_end_matches(['\r', '\n']));
        }
    };
    match &edit.change {
        Change::Made(made) => add('+', &made.lines().map(str::to_owned).collect::<Vec<_>>()),
        Change::At(hunks) => {
            for hunk in hunks {
                add(' ', &hunk.before);
                add('-', &hunk.old);
                add('+', &hunk.new);
                add(' ', &hunk.after);
            }
        }
    }
    text
}

/// An earlier attempt; `diff` is what its last change makes of the commit to heal.
pub(super) fn earlier(attempt: &EarlierAttempt, diff: &str) -> String {
    let fixer = attempt.fixer.as_deref().unwrap_or("no fixer");
    let ended = short(&attempt.ended, ENDED_BYTES_MAX);
    let mut text = format!("attempt {} by {fixer}: {ended}\n", attempt.number);
    let change = match (attempt.patch.is_empty(), diff) {
        (true, _) => "",
        (false, "") => "this commit has it",
        (false, diff) => short(diff, EARLIER_DIFF_BYTES_MAX),
    };
    for (title, part) in [
        ("Its turns", short(&attempt.turns, EARLIER_TURNS_BYTES_MAX)),
        ("Its last change", change),
        ("What was red with it", short(&attempt.seen, EARLIER_SEEN_BYTES_MAX)),
    ] {
        if !part.trim().is_empty() {
            let _ = write!(text, "\n{title}:\n{}\n", part.trim());
        }
    }
    text
}
