//! What people want, decided before the state's own business.
//!
//! Races: deliveries come late and in any order, so an ask may arrive after one that was asked later.
//! Those that wait together are taken in the order in which they were asked; one that comes after a
//! later one was answered changes nothing where the two contradict each other.

use super::{Answer, Answered, Decision, Facts, ended, leave};
use crate::domain::ask::{Ask, AskKind, Heed};
use crate::domain::attempt::{Attempt, AttemptEnd};
use crate::domain::case::{Asked, Case, CaseState, Escalation, StoppedBy};
use crate::domain::command::permission_for;
use crate::domain::effect::Act;
use crate::domain::feedback::{Exchange, answer_to, answers_in, is_answered};
use crate::domain::ids::Timestamp;
use crate::domain::outcome::Outcome;
use crate::domain::pull::Permission;

use super::undoing;
use super::work::{commit_allowed_patch, goes_on};

/// Decides about everything that people want; `None` when nobody wants anything.
///
/// Of several asks that change the case the one that was asked last and is permitted wins; all are
/// answered.
pub(super) fn decide(case: &Case, facts: &Facts<'_>, now: Timestamp) -> Option<Decision> {
    if facts.asks.is_empty() {
        return None;
    }
    let mut decision = Decision::stay(case.clone(), Some(now));
    let mut answers = Vec::new();
    let mut asks: Vec<&(Ask, Permission)> = facts.asks.iter().collect();
    asks.sort_by(|(one, _), (other, _)| one.order().cmp(&other.order()));
    for (ask, permission) in asks {
        let answer = if *permission < permission_for(ask.kind) {
            Answer::Refused("this needs write access to the repository".to_owned())
        } else if let Some(later) = facts.heeded.iter().find(|said| ask.is_overtaken_by(said)) {
            let (who, what) = (&later.actor.login, later.kind.as_str());
            Answer::Refused(format!("{who} has said \"{what}\" since then"))
        } else {
            match granted(&decision, ask, facts, now) {
                Ok(Some(next)) => {
                    decision = following(decision, next);
                    Answer::Done
                }
                Ok(None) => Answer::Show,
                Err(why) => Answer::Refused(why),
            }
        };
        answers.push(Answered { ask: ask.clone(), answer });
    }
    decision.answers = answers;
    decision.wake = Some(now);
    Some(decision)
}

/// What a later ask makes of an earlier one of the same look: what was begun is overtaken, what was
/// ended stays ended.
fn following(earlier: Decision, next: Decision) -> Decision {
    let mut acts = earlier.acts;
    acts.retain(|act| matches!(act, Act::Cancel { .. }));
    acts.extend(next.acts);
    Decision { acts, attempt: next.attempt.or(earlier.attempt), ..next }
}

/// Decides about everything that people want, when a stop is among it, or what takes one back.
pub(super) fn about_stopping(case: &Case, facts: &Facts<'_>, now: Timestamp) -> Option<Decision> {
    let is_stopped = matches!(&case.state, CaseState::Stopped(by) if by.is_a_word());
    let is_about_it = |(ask, permission): &(Ask, Permission)| {
        let is_permitted = *permission >= permission_for(ask.kind);
        let takes_it_back = is_stopped && ask.kind.heed() == Heed::Lasting;
        is_permitted && (takes_it_back || ask.kind == AskKind::Stop)
    };
    if facts.asks.iter().any(is_about_it) { decide(case, facts, now) } else { None }
}

/// Answers asks of a case that is over.
pub(super) fn answer_only(case: Case, facts: &Facts<'_>) -> Decision {
    let mut decision = Decision::stay(case, None);
    decision.answers = leftover(facts);
    decision
}

/// Answers to asks that came too late.
pub(super) fn leftover(facts: &Facts<'_>) -> Vec<Answered> {
    let late = |(ask, _): &(Ask, _)| {
        let answer = match ask.kind {
            AskKind::Status | AskKind::Explain | AskKind::Help | AskKind::Unknown => Answer::Show,
            AskKind::Fix
            | AskKind::Retry
            | AskKind::Stop
            | AskKind::Resume
            | AskKind::Approve
            | AskKind::Reject
            | AskKind::Answer => Answer::Refused("this case is over".to_owned()),
            AskKind::Undo => Answer::Refused("the head has just moved; ask again".to_owned()),
        };
        Answered { ask: ask.clone(), answer }
    };
    facts.asks.iter().map(late).collect()
}

/// What a permitted ask does: a decision, nothing but showing, or why not.
fn granted(
    so_far: &Decision,
    ask: &Ask,
    facts: &Facts<'_>,
    now: Timestamp,
) -> Result<Option<Decision>, String> {
    let case = &so_far.case;
    match ask.kind {
        AskKind::Status | AskKind::Explain | AskKind::Help => Ok(None),
        AskKind::Unknown => Err("this is no command that I know".to_owned()),
        AskKind::Stop if case.state.undoing().is_some() => Ok(Some(so_far.clone())),
        AskKind::Undo => undoing::begin(case, ask, facts, now).map(Some),
        AskKind::Stop => {
            let state = CaseState::Stopped(StoppedBy::Person(ask.actor.login.clone()));
            Ok(Some(leave(case.clone(), state, facts, now)))
        }
        AskKind::Resume => match &case.state {
            CaseState::Stopped(_) if case.state.undoing().is_some() => {
                Err(undoing::ON_ITS_WAY.to_owned())
            }
            CaseState::Stopped(StoppedBy::Person(_) | StoppedBy::Undo(_)) => {
                Ok(Some(Decision::enter(case.clone(), CaseState::Watching, now)))
            }
            CaseState::Stopped(StoppedBy::Label(label)) => {
                Err(format!("the label `{label}` says hands off; remove it to go on"))
            }
            _ => Err("nothing is stopped here".to_owned()),
        },
        AskKind::Fix | AskKind::Retry => again(case, facts, now).map(Some),
        AskKind::Approve => approve(case, facts, now).map(Some),
        AskKind::Reject => reject(case, ask, facts, now).map(Some),
        AskKind::Answer => answered(so_far, ask, facts, now).map(Some),
    }
}

fn again(case: &Case, facts: &Facts<'_>, now: Timestamp) -> Result<Decision, String> {
    let cap = facts.policy.attempts_max;
    match &case.state {
        CaseState::Healing(_) | CaseState::Proving(_) => Err("an attempt is at work".to_owned()),
        CaseState::AwaitingApproval(_) => {
            Err("a patch waits for `/selfheal approve` or `/selfheal reject`".to_owned())
        }
        CaseState::AwaitingAnswer(_) => {
            Err("an attempt waits for `/selfheal answer`; `/selfheal stop` ends it".to_owned())
        }
        CaseState::Stopped(_) if case.state.undoing().is_some() => {
            Err(undoing::ON_ITS_WAY.to_owned())
        }
        CaseState::Healed(_) => Err("CI is green here".to_owned()),
        CaseState::Superseded(_) | CaseState::Closed => Err("this case is over".to_owned()),
        CaseState::Watching
        | CaseState::Diagnosing
        | CaseState::Rerunning
        | CaseState::Excused(_)
        | CaseState::Escalated(_)
        | CaseState::Stopped(_) => {
            if case.attempts >= cap {
                return Err(format!(
                    "{} of {cap} attempts are used; a push of yours opens a new case",
                    case.attempts
                ));
            }
            let mut decision = Decision::enter(case.clone(), CaseState::Watching, now);
            decision.case.asked = Asked::ByPerson;
            decision.case.reruns = 0;
            Ok(decision)
        }
    }
}

fn approve(case: &Case, facts: &Facts<'_>, now: Timestamp) -> Result<Decision, String> {
    let CaseState::AwaitingApproval(id) = case.state else {
        return Err("no patch waits for approval".to_owned());
    };
    let current = facts
        .attempt
        .filter(|current| current.attempt.id == id)
        .ok_or_else(|| "the patch is not there any more".to_owned())?;
    commit_allowed_patch(case.clone(), current, facts, now)
        .ok_or_else(|| "the patch is not there any more".to_owned())
}

fn reject(case: &Case, ask: &Ask, facts: &Facts<'_>, now: Timestamp) -> Result<Decision, String> {
    let CaseState::AwaitingApproval(id) = case.state else {
        return Err("no patch waits for approval".to_owned());
    };
    let state = CaseState::Escalated(Escalation::Rejected);
    let mut decision = Decision::enter(case.clone(), state, now);
    decision.attempt = facts
        .attempt
        .filter(|current| current.attempt.id == id)
        .map(|current| ended(current.attempt, AttemptEnd::Rejected(ask.actor.login.clone())));
    Ok(decision)
}

/// Takes note of answers; the attempt goes on when every question has one. The last answer to a
/// question counts.
fn answered(
    so_far: &Decision,
    ask: &Ask,
    facts: &Facts<'_>,
    now: Timestamp,
) -> Result<Decision, String> {
    let nothing = || "no attempt waits for an answer".to_owned();
    let CaseState::AwaitingAnswer(id) = so_far.case.state else { return Err(nothing()) };
    let current = facts.attempt.filter(|current| current.attempt.id == id).ok_or_else(nothing)?;
    let Some(Outcome::Asks { questions, time, .. }) = &current.report.outcome else {
        return Err(nothing());
    };
    let known = so_far.attempt.as_ref().unwrap_or(current.attempt);
    let mut feedback = known.feedback.clone();
    for (number, answer) in answers_in(&ask.text, questions.len())? {
        let Some(question) = questions.get(number - 1) else { continue };
        feedback
            .retain(|exchange| answer_to(number, *time, std::slice::from_ref(exchange)).is_none());
        feedback.push(Exchange {
            time: *time,
            number: u8::try_from(number).unwrap_or(u8::MAX),
            question: question.clone(),
            answer,
            by: ask.actor.login.clone(),
        });
    }
    feedback.sort_by_key(|exchange| (exchange.time, exchange.number));
    let is_complete = is_answered(questions, *time, &feedback);
    let attempt = Attempt { feedback, ..known.clone() };
    if is_complete {
        return Ok(goes_on(&so_far.case, attempt, current.report.run, now));
    }
    let mut decision = Decision::stay(so_far.case.clone(), None);
    decision.attempt = Some(attempt);
    Ok(decision)
}
