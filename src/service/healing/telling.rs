//! What people are told of a look: the check run, the comment, and answers to what they asked.

use super::{Gathered, Look, opening};
use crate::domain::ask::{Ask, AskKind};
use crate::domain::case::{Case, CaseState, Excuse};
use crate::domain::decide::{Answer, Answered};
use crate::domain::effect::Act;
use crate::domain::view::Reaction;
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

/// Reactions and replies to what people want.
pub(super) fn answers(answered: &[Answered], story: Option<&Story<'_>>) -> Vec<Act> {
    let mut acts = Vec::new();
    for Answered { ask, answer } in answered {
        let Some(to) = ask.comment else { continue };
        let reaction = match (answer, ask.kind) {
            (Answer::Done | Answer::Show, _) => Reaction::Rocket,
            (Answer::Refused(_), AskKind::Unknown) => Reaction::Confused,
            (Answer::Refused(_), _) => Reaction::ThumbsDown,
        };
        acts.push(Act::React { to, reaction });
        if let Some(body) = report::reply(ask, answer, story) {
            acts.push(Act::Reply { to: to.id, body });
        }
    }
    acts
}

/// The answer where there is nothing to heal.
pub(super) fn idle_answer(ask: &Ask) -> Answer {
    match ask.kind {
        AskKind::Status | AskKind::Explain | AskKind::Help => Answer::Show,
        AskKind::Unknown => Answer::Refused("this is no command that I know".to_owned()),
        AskKind::Fix
        | AskKind::Retry
        | AskKind::Stop
        | AskKind::Resume
        | AskKind::Approve
        | AskKind::Reject
        | AskKind::Answer => Answer::Refused("CI is not red here, there is nothing to heal".into()),
    }
}
