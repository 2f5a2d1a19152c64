//! The check run: one per head, the page where everything can be seen.

use super::Story;
use super::annotations::annotations;
use super::markdown::{block, cut, within};
use super::sayings::saying;
use super::{proven, sections};
use crate::domain::case::{Case, CaseState, Escalation, Healed, StoppedBy, UndoStage};
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
        "{}\n\n{}{}{}{}{}{}{}{}",
        said.happened,
        if said.next.is_empty() { String::new() } else { format!("**Next:** {}\n\n", said.next) },
        sections::questions(story),
        sections::what_failed(story.evidence),
        sections::second_look(story),
        sections::attempts(story),
        proven::section(story),
        sections::changes(story),
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
        buttons: buttons(case),
        details_url: None,
    }
}

/// By this a check run is found whose number nobody remembers. It names the pull request and not the
/// case: a later case of the same head shows itself in the same check run.
pub(super) fn external_id(number: PrNumber, head: &Sha) -> String {
    format!("pull-{number}:{}", head.short())
}

pub(super) const fn status(state: &CaseState) -> CheckStatus {
    if state.undoing().is_some() {
        return CheckStatus::InProgress;
    }
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

/// At most three. Our commits can be taken back where there are some of this case.
pub(super) fn buttons(case: &Case) -> Vec<Button> {
    let has_commits = case.head != case.opened_head;
    let names: &[&str] = match &case.state {
        CaseState::AwaitingApproval(_) => &["approve", "reject", "stop"],
        CaseState::AwaitingAnswer(_) | CaseState::Escalated(Escalation::AttemptsUsed) => {
            if has_commits {
                &["undo", "stop"]
            } else {
                &["stop"]
            }
        }
        CaseState::Escalated(_) | CaseState::Excused(_) => {
            if has_commits {
                &["retry", "undo", "stop"]
            } else {
                &["retry", "stop"]
            }
        }
        CaseState::Stopped(StoppedBy::Person(_)) => {
            if has_commits {
                &["resume", "undo"]
            } else {
                &["resume"]
            }
        }
        CaseState::Stopped(StoppedBy::Undo(undoing)) => match undoing.stage {
            UndoStage::Wanted => &[],
            UndoStage::Done => &["resume"],
            UndoStage::Failed { .. } => &["resume", "undo"],
        },
        CaseState::Healed(Healed::ByUs) => &["undo"],
        CaseState::Watching
        | CaseState::Diagnosing
        | CaseState::Rerunning
        | CaseState::Healing(_)
        | CaseState::Proving(_)
        | CaseState::Healed(Healed::ByRerun | Healed::ByItself)
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
