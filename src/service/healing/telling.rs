//! What people are told of a look: the check run and the comment, unless they want to hear nothing.

use super::{Gathered, Look, opening};
use crate::domain::case::{Case, CaseState, Excuse};
use crate::domain::effect::Act;
use crate::report::{self, Story};

/// Whether this repository does not want to hear of us here at all.
pub(super) fn is_silent(case: &Case, gathered: &Gathered) -> bool {
    opening::is_unwanted(gathered)
        && matches!(
            case.state,
            CaseState::Watching | CaseState::Diagnosing | CaseState::Excused(Excuse::Policy)
        )
}

/// The check run of the head, of a head left behind, and the comment.
pub(super) fn reports(look: &Look, story: &Story<'_>) -> Vec<Act> {
    let mut acts = vec![Act::PublishCheck { view: report::check(story) }];
    if let Some(was) = look.was.as_ref().filter(|was| was.head != look.case.head) {
        let view = report::left_behind(&look.case, &was.head);
        acts.push(Act::PublishCheck { view });
    }
    if report::deserves_comment(story) {
        acts.push(Act::UpsertComment { view: report::comment(story) });
    }
    acts
}
