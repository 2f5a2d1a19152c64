//! Check runs beside the one of a case's head: of heads left behind, and while nothing can be said yet.

use super::check::{buttons, external_id, status};
use super::markdown::words;
use super::sayings::names;
use crate::domain::case::{Case, CaseState, StoppedBy};
use crate::domain::ids::{PrNumber, Sha};
use crate::domain::pull::CiRun;
use crate::domain::view::{CheckStatus, CheckView};

/// The check run of a head that our own commit has left behind.
pub fn left_behind(case: &Case, head: &Sha) -> CheckView {
    let (title, summary) = if let CaseState::Stopped(StoppedBy::Undo(_)) = case.state {
        (
            format!("Taken back by {}", case.head.short()),
            format!(
                "Somebody had selfheal's commits taken back; {} does that, and the check run there \
                 tells more.",
                case.head
            ),
        )
    } else {
        (
            format!("A fix was pushed as {}", case.head.short()),
            format!(
                "What failed here was worked on; the fix is {}, and the check run there tells more.",
                case.head
            ),
        )
    };
    CheckView {
        head: head.clone(),
        external_id: external_id(case.number, head),
        status: CheckStatus::Neutral,
        title,
        summary,
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
        buttons: buttons(case),
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

/// The check run of a head whose runs a person must let begin, before anything has failed.
pub fn waiting_for_approval(number: PrNumber, head: &Sha, runs: &[CiRun]) -> CheckView {
    let summary = format!(
        "Nothing has failed on this commit: runs wait until somebody who may write to this repository \
         lets them begin ({}).\n\n\
         **Next:** read what the pull request changes, its workflows first, and approve the runs on \
         its page. If they fail, this goes on by itself.\n",
        names(runs)
    );
    without_case((number, head), "Runs wait for approval", summary)
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
