//! The text of a pull request of our own that mends a base branch, and what is said when it is closed.

use super::markdown::{code, cut, within, words};
use super::sections;
use crate::domain::attempt::{AttemptEnd, AttemptRecord, AttemptState};
use crate::domain::case::{Case, CaseState, Healed};
use crate::domain::cause::Judgement;
use crate::domain::evidence::Evidence;
use crate::domain::failure::Failure;
use crate::domain::ids::{Branch, PrNumber};
use crate::domain::mending::{Begun, Over, WITHDRAWN};
use crate::domain::outcome::Outcome;
use crate::domain::policy::{BasePolicy, WhenMended};
use crate::domain::view::COMMENT_CHARS_MAX;

/// Pull requests that are named as waiting; the others are counted.
const WAITING_SHOWN_MAX: usize = 20;

/// Characters of what a fixer says it has done.
const SUMMARY_CHARS_MAX: usize = 300;

/// What the text tells.
#[derive(Debug, Clone, Copy)]
pub struct Mending<'a> {
    /// What it was begun for.
    pub begun: &'a Begun,
    /// What was read where it failed.
    pub evidence: &'a Evidence,
    /// Pull requests that wait for it, by number.
    pub waiting: &'a [PrNumber],
    /// What the repository wants.
    pub policy: BasePolicy,
    /// Its case, once CI has failed on it, with the attempts.
    pub case: Option<(&'a Case, &'a [AttemptRecord])>,
}

/// Its title.
pub fn title(base: &Branch) -> String {
    format!("Mend {base}")
}

/// Its text; `failures` are those that it is for.
pub fn body(mending: &Mending<'_>, failures: &[&Failure]) -> String {
    let Mending { begun, evidence, .. } = mending;
    let name = code(begun.base.as_str());
    let failed = Evidence {
        failures: failures.iter().copied().cloned().collect(),
        judgement: Judgement::default(),
        ..(*evidence).clone()
    };
    let body = format!(
        "{}\nCI of {name} is red at {}, and pull requests fail because of it. selfheal mends it once, \
         here, for all of them.\n\n{}{}### Who waits\n\n{}\n### What happens now\n\n{}\n\
         <sub>Close this pull request if you do not want it: it is not opened again for the same \
         failure. `base.heal: off` in `.github/selfheal.yml` ends it for good.</sub>\n",
        begun.mark(),
        begun.broken_at,
        sections::what_failed(Some(&failed)),
        fixed(mending),
        waiting(mending.waiting),
        next(mending),
    );
    within(body, COMMENT_CHARS_MAX)
}

fn waiting(numbers: &[PrNumber]) -> String {
    if numbers.is_empty() {
        return "Nobody, at the moment.\n".to_owned();
    }
    let mut out = String::new();
    for number in numbers.iter().take(WAITING_SHOWN_MAX) {
        out.push_str(&format!("- #{number}\n"));
    }
    let more = numbers.len().saturating_sub(WAITING_SHOWN_MAX);
    if more > 0 {
        out.push_str(&format!("\n… and {more} more.\n"));
    }
    out
}

/// What has mended it.
fn fixed(mending: &Mending<'_>) -> String {
    let Some((case, attempts)) = mending.case else { return String::new() };
    if case.state != CaseState::Healed(Healed::ByUs) {
        return String::new();
    }
    let healed = |record: &&AttemptRecord| {
        matches!(record.attempt.state, AttemptState::Ended(AttemptEnd::Healed(_)))
    };
    let by = attempts.iter().rev().find(healed).and_then(|record| match &record.report.outcome {
        Some(Outcome::Proposed { fixer, summary, .. }) => {
            let summary = summary.lines().next().unwrap_or("").trim();
            let summary = words(&cut(summary, SUMMARY_CHARS_MAX));
            Some(format!(" {}: {summary}.", code(fixer)))
        }
        Some(_) | None => None,
    });
    format!("### What was fixed\n\n{}{}\n\n", case.head, by.unwrap_or_default())
}

fn next(mending: &Mending<'_>) -> String {
    let name = code(mending.begun.base.as_str());
    let then = match mending.policy.when_mended {
        WhenMended::Tell => "those that wait are told",
        WhenMended::Update => "it is merged into those that wait",
    };
    let of_case = mending.case.map(|(case, _)| &case.state);
    match of_case {
        Some(CaseState::Healed(Healed::ByUs)) => {
            format!("CI is green. Review it like any other and merge it; then {then}.\n")
        }
        Some(CaseState::Escalated(_) | CaseState::Excused(_)) => format!(
            "selfheal found no fix; the `selfheal` check run tells why. A person has to take over, \
             here or on {name} itself. When {name} is mended, {then}.\n"
        ),
        Some(CaseState::Stopped(_)) => {
            format!("A person has stopped selfheal here. When {name} is mended, {then}.\n")
        }
        Some(
            CaseState::Watching
            | CaseState::Diagnosing
            | CaseState::Rerunning
            | CaseState::Healing(_)
            | CaseState::AwaitingApproval(_)
            | CaseState::AwaitingAnswer(_)
            | CaseState::Proving(_)
            | CaseState::Healed(Healed::ByRerun | Healed::ByItself)
            | CaseState::Superseded(_)
            | CaseState::Closed,
        )
        | None => format!(
            "1. The first commit has no content: CI of it shows what fails on {name} alone.\n\
             2. When it has failed, it is healed like any pull request: proven red before and green \
             after, through the same gate, with the same cap.\n\
             3. When CI is green, this is marked as ready for review. A person merges it; then {then}.\n\n\
             When {name} is mended otherwise, this is closed.\n"
        ),
    }
}

/// What is said when it is closed because it is not needed, and its text from then on.
pub fn farewell(begun: &Begun, over: &Over) -> (String, String) {
    let name = code(begun.base.as_str());
    let why = match over {
        Over::Mended(at) => format!("{name} is mended at {at}, without this pull request."),
        Over::Green => format!(
            "CI is green here without any change, so there is nothing to mend on {name} that CI of a \
             pull request would show."
        ),
        Over::NoCi => format!(
            "CI does not run on this pull request, whose first commit changes no file: what is red on \
             {name} can neither be shown nor proven to be mended here."
        ),
    };
    let body = format!(
        "{WITHDRAWN}\nCI of {name} was red at {}, and this pull request was there to mend it. It was \
         closed: {why}\n",
        begun.broken_at
    );
    (format!("{why} Nothing is left to do here.\n"), body)
}
