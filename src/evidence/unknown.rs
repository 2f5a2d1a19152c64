//! What to say of a failed step that no rule understands: the lines that most likely say why.
//!
//! Between the last command echo and the line on which the CI system gave up stands the cause of
//! nearly every such step. A credential that was not given is such a step's one cause that needs no
//! rule of a tool ([`unset`]). The invariant: but for that the words are the log's own, at most
//! [`UNKNOWN_LINES_MAX`] lines.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use aho_corasick::packed::Searcher;

use super::draft::{Draft, Weight};
use super::frame::{Window, is_own};
use super::green::Green;
use super::lines::{LOOK_LINES_MAX, Lines, Place};
use super::text::{Clean, Mark};
use super::{differing, located, unset};
use crate::domain::failure::{CREDENTIALS, Failure, FailureKind};

/// How many of the last lines are looked at.
const UNKNOWN_LINES_MAX: usize = 40;

/// How many lines a tool may sum up with below the places that it names.
const SUMMARY_LINES_MAX: usize = 8;

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

/// How git marks that a file is changed, added, deleted, renamed, copied, unmerged or unknown.
const STATES: [char; 8] = [' ', 'M', 'A', 'D', 'R', 'C', 'U', '?'];

/// Words of lines that only repeat the verdict.
const VERDICTS: [&str; 9] = [
    "Process completed with exit code",
    "exit code",
    "exit status",
    "exited with",
    "Error: Process",
    "make: ***",
    "marked build as failure",
    "Finished: FAILURE",
    "skipped due to earlier",
];

/// The failures that say that a window, whose last word stands at `last`, was not understood: one for
/// each place that its last words name, or else one.
pub(super) fn of_window(
    lines: Lines<'_>,
    window: &Window,
    last: Place,
    green: &Green,
) -> Vec<Draft> {
    let mut told = last_words(lines, window, last);
    if told.iter().any(|(_, line)| !green.knows(line.text)) {
        told.retain(|(_, line)| !green.knows(line.text));
    }
    if told.is_empty() && window.is_after {
        return Vec::new();
    }
    if let Some((place, line)) = told.first()
        && let Some(name) = unset::credential(line.text)
    {
        return vec![without_credential(*place, name)];
    }
    let mut named = located(lines, &told);
    if named.is_empty() {
        named = listed(&told);
    }
    if named.is_empty() {
        named = differ(lines, window, last);
    }
    if named.is_empty() { in_words(lines, last, &told).into_iter().collect() } else { named }
}

/// The failures at the places that a step's last words name, if its very last words do: what it said
/// long before them, it went on after.
fn located(lines: Lines<'_>, told: &[(Place, Clean<'_>)]) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (at, (place, line)) in told.iter().enumerate() {
        let Some((mut draft, goes_on)) = located::read(*place, line.text, empty()) else {
            continue;
        };
        if drafts.is_empty() && at > SUMMARY_LINES_MAX {
            break;
        }
        if goes_on && let Some(below) = lines.below(*place) {
            draft.say(lines.clean(below).text.trim());
            draft.last = below.index;
        }
        drafts.push(draft);
    }
    drafts.reverse();
    drafts
}

/// The files that a step listed, if it did nothing else: formatters that only check write so, and
/// `git status --short` after a generator.
fn listed(told: &[(Place, Clean<'_>)]) -> Vec<Draft> {
    let is_whole = told.len() < UNKNOWN_LINES_MAX;
    if !is_whole || !told.iter().all(|(_, line)| located::is_path(changed(line.text))) {
        return Vec::new();
    }
    let draft = |(place, line): &(Place, Clean<'_>)| {
        let mut draft = empty();
        draft.place(changed(line.text).trim(), None, None);
        draft.say("the step failed and listed this file");
        (draft.first, draft.last) = (place.index, place.index);
        draft
    };
    told.iter().rev().map(draft).collect()
}

/// A path without git's two letters of its state (git-status(1), "Short Format").
fn changed(line: &str) -> &str {
    match line.split_at_checked(3) {
        Some((state, path)) if state.ends_with(' ') && state.trim_matches(STATES).is_empty() => {
            path
        }
        Some(_) | None => line,
    }
}

/// The files in whose difference a step's last words consist.
fn differ(lines: Lines<'_>, window: &Window, last: Place) -> Vec<Draft> {
    let draft = |file: differing::Differing<'_>| {
        let mut draft = empty();
        draft.place(file.path, file.line, None);
        draft.say("the step failed and printed how this file differs");
        (draft.first, draft.last) = (file.first, file.last);
        draft
    };
    differing::read(lines, window.output, last).into_iter().map(draft).collect()
}

/// A failure of which nothing is known.
fn empty() -> Draft {
    let mut draft = Draft::new(FailureKind::Unknown, "", Weight::Guess);
    draft.failure = Failure::new(FailureKind::Unknown, "");
    draft
}

/// The failure whose message is the lines that most likely say why.
fn in_words(lines: Lines<'_>, last: Place, told: &[(Place, Clean<'_>)]) -> Option<Draft> {
    let marked = told.iter().rfind(|(_, line)| line.mark == Mark::Error);
    // The first suspicious line of the last words; without one, where the step began to talk.
    let best = marked
        .or_else(|| told.iter().rfind(|(_, line)| is_suspicious(line.text)))
        .or_else(|| told.last().filter(|_| told.len() < UNKNOWN_LINES_MAX))
        .or(told.first())
        .map_or(last, |(place, _)| *place);
    let mut draft = empty();
    draft.first = best.index;
    draft.last = best.index;
    let mut next = Some(best);
    while let Some(place) = next.filter(|place| place.index <= last.index)
        && place.index - best.index < MESSAGE_LINES_MAX
    {
        let text = lines.clean(place).text;
        if place == best || !is_verdict(text) {
            draft.say(text);
            draft.last = place.index;
        }
        next = lines.below(place);
    }
    Some(draft).filter(|draft| !draft.failure.message.is_empty())
}

/// The failure of a step that lacks a credential. Its words are ours: the log's, in which a value might
/// stand behind the name, would lose the half of it.
fn without_credential(place: Place, name: &str) -> Draft {
    let mut draft = Draft::new(FailureKind::Config, CREDENTIALS, Weight::Guess);
    (draft.first, draft.last) = (place.index, place.index);
    draft.say(&format!("the credential {name} is not set in this run"));
    draft
}

/// What the window printed last, the last line first.
fn last_words<'f>(lines: Lines<'f>, window: &Window, last: Place) -> Vec<(Place, Clean<'f>)> {
    let mut told = Vec::new();
    let first = window.output.max(last.index.saturating_sub(LOOK_LINES_MAX));
    let mut next = Some(last);
    while let Some(place) = next.filter(|place| place.index >= first)
        && told.len() < UNKNOWN_LINES_MAX
    {
        let line = lines.clean(place);
        let quiet = line.mark.is_fold() || is_own(line.text);
        if !quiet && !line.text.trim().is_empty() && !is_verdict(line.text) {
            told.push((place, line));
        }
        next = lines.above(place);
    }
    told
}

fn is_verdict(line: &str) -> bool {
    static SEARCH: LazyLock<Option<Searcher>> = LazyLock::new(|| Searcher::new(VERDICTS));
    match &*SEARCH {
        Some(search) => search.find(line).is_some(),
        // Not on every machine.
        None => VERDICTS.iter().any(|verdict| line.contains(verdict)),
    }
}

fn is_suspicious(line: &str) -> bool {
    static SEARCH: LazyLock<Option<AhoCorasick>> =
        LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(WORDS).ok());
    SEARCH.as_ref().is_some_and(|search| search.is_match(line))
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check_failed;

    #[test]
    fn files_that_a_step_lists_are_told() {
        let said = "the step failed and listed this file";
        check_failed(
            " M api/types.gen.go\n?? api/new.gen.go\nRM a.md\n",
            &format!(
                "unknown api/types.gen.go {said}\nunknown api/new.gen.go {said}\nunknown a.md {said}"
            ),
        );
        check_failed("src/a.js\n", &format!("unknown src/a.js {said}"));
        check_failed("it broke\nsrc/a.js\n", "unknown it broke");
    }
}
