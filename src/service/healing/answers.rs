//! Answers to what people want: reactions, replies, and what is said where there is nothing to heal.

use crate::domain::ask::{Ask, AskKind};
use crate::domain::decide::{Answer, Answered};
use crate::domain::effect::Act;
use crate::domain::undo::{NoUndo, Undo};
use crate::domain::view::Reaction;
use crate::report::{self, Story};

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

/// What is said where there is no case.
pub(super) fn idle_answer(ask: &Ask, undo: Option<&Result<Undo, NoUndo>>) -> Answer {
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
        AskKind::Undo => {
            let why = undo.and_then(|undo| undo.as_ref().err()).unwrap_or(&NoUndo::Nothing);
            Answer::Refused(why.words())
        }
    }
}
