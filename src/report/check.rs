//! The check run: one per head, the page where everything can be seen.

use super::Story;
use super::annotations::annotations;
use super::markdown::{block, cut, within, words};
use super::sayings::saying;
use super::{proven, sections};
use crate::domain::case::{Case, CaseState, Escalation, StoppedBy};
use crate::domain::command::by_name;
use crate::domain::ids::{PrNumber, Sha};
use crate::domain::view::{Button, CheckStatus, CheckView};

/// The forge refuses more.
const OUTPUT_CHARS_MAX: usize = 65_000;

/// The check run of the case's head.
pub fn check(story: &Story<'_>) -> CheckView {
    let case = story.case;
    let said = saying(story);
    let summary = format!(
        "{}\n\n{}{}{}{}{}{}{}",
        said.happened,
        if said.next.is_empty() { String::new() } else { format!("**Next:** {}\n\n", said.next) },
        sections::questions(story),
        sections::what_failed(story.evidence),
        sections::second_look(story),
        sections::attempts(story),
        proven::section(story),
        sections::reasons(story.before),
    );
    let diff = story.diff.map_or_else(String::new, |diff| {
        format!("### The patch that waits\n\n{}\n", block(&cut(diff, 30_000), "diff"))
    });
    CheckView {
        head: case.head.clone(),
        external_id: external_id(case.number, &case.head),
        status: status(&case.state),
        title: said.title,
        summary: within(summary, OUTPUT_CHARS_MAX),
        text: within(format!("{diff}{}", sections::excerpt(story.evidence)), OUTPUT_CHARS_MAX),
        annotations: annotations(case, story.evidence),
        buttons: buttons(&case.state),
        details_url: None,
    }
}

/// By this a check run is found whose number nobody remembers. It names the pull request and not the
/// case: a later case of the same head shows itself in the same check run.
fn external_id(number: PrNumber, head: &Sha) -> String {
    format!("pull-{number}:{}", head.short())
}

/// The check run of a head that our own commit has left behind.
pub fn left_behind(case: &Case, head: &Sha) -> CheckView {
    CheckView {
        head: head.clone(),
        external_id: external_id(case.number, head),
        status: CheckStatus::Neutral,
        title: format!("A fix was pushed as {}", case.head.short()),
        summary: format!(
            "What failed here was worked on; the fix is {}, and the check run there tells more.",
            case.head
        ),
        text: String::new(),
        annotations: Vec::new(),
        buttons: Vec::new(),
        details_url: None,
    }
}

/// The check run of a case that waits for the forge itself.
pub fn waiting_for_forge(case: &Case, error: &str) -> CheckView {
    CheckView {
        head: case.head.clone(),
        external_id: external_id(case.number, &case.head),
        status: status(&case.state),
        title: "Waiting for GitHub".to_owned(),
        summary: format!(
            "GitHub could not be asked what this needs: {}. Nothing was lost and nothing is spent \
             meanwhile.\n\n**Next:** nothing to do; this goes on by itself when GitHub answers.\n",
            words(error)
        ),
        text: String::new(),
        annotations: Vec::new(),
        buttons: buttons(&case.state),
        details_url: None,
    }
}

/// The check run of a red head that waits until its repository has fewer cases.
pub fn waiting_for_room(number: PrNumber, head: &Sha, cases_max: u32) -> CheckView {
    let summary = format!(
        "CI is red on this commit. {cases_max} cases are open in this repository, as many as may be \
         at a time: so many red pull requests mostly have one cause. Nothing is spent meanwhile.\n\n\
         **Next:** nothing to do; it is looked at again every few minutes. `/selfheal fix` does not \
         wait.\n"
    );
    without_case((number, head), "Waiting for room", summary)
}

/// The check run of a head that waited and needs nothing any more.
pub fn green_without_case(number: PrNumber, head: &Sha) -> CheckView {
    let summary = "CI became green without anything being done here.\n".to_owned();
    without_case((number, head), "Green", summary)
}

fn without_case((number, head): (PrNumber, &Sha), title: &str, summary: String) -> CheckView {
    CheckView {
        head: head.clone(),
        external_id: external_id(number, head),
        status: CheckStatus::Neutral,
        title: title.to_owned(),
        summary,
        text: String::new(),
        annotations: Vec::new(),
        buttons: Vec::new(),
        details_url: None,
    }
}

const fn status(state: &CaseState) -> CheckStatus {
    match state {
        CaseState::Watching => CheckStatus::Queued,
        CaseState::Diagnosing
        | CaseState::Rerunning
        | CaseState::Healing(_)
        | CaseState::Proving(_) => CheckStatus::InProgress,
        CaseState::AwaitingApproval(_) | CaseState::AwaitingAnswer(_) | CaseState::Escalated(_) => {
            CheckStatus::ActionRequired
        }
        CaseState::Healed(_) => CheckStatus::Success,
        CaseState::Excused(_)
        | CaseState::Stopped(_)
        | CaseState::Superseded(_)
        | CaseState::Closed => CheckStatus::Neutral,
    }
}

fn buttons(state: &CaseState) -> Vec<Button> {
    let names: &[&str] = match state {
        CaseState::AwaitingApproval(_) => &["approve", "reject", "stop"],
        CaseState::AwaitingAnswer(_) | CaseState::Escalated(Escalation::AttemptsUsed) => &["stop"],
        CaseState::Escalated(_) | CaseState::Excused(_) => &["retry", "stop"],
        CaseState::Stopped(StoppedBy::Person(_)) => &["resume"],
        CaseState::Watching
        | CaseState::Diagnosing
        | CaseState::Rerunning
        | CaseState::Healing(_)
        | CaseState::Proving(_)
        | CaseState::Healed(_)
        | CaseState::Stopped(StoppedBy::Label(_))
        | CaseState::Superseded(_)
        | CaseState::Closed => &[],
    };
    names
        .iter()
        .filter_map(|name| {
            let (label, description) = by_name(name)?.button?;
            Some(Button {
                label: label.to_owned(),
                description: description.to_owned(),
                identifier: (*name).to_owned(),
            })
        })
        .collect()
}
