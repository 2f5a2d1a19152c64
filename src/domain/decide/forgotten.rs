//! A commit of ours that nobody remembers: the database was put back from a backup, and what was done
//! since then is on the forge alone.
//!
//! Such a head is no person's push. Its commits say which attempt made them, so the case goes on from
//! there: CI has the word, as if the commit's result had just come in. Who said stop is not overruled.

use super::{Decision, Facts, ended};
use crate::domain::attempt::{Attempt, AttemptEnd, AttemptState};
use crate::domain::case::{Case, CaseState};
use crate::domain::effect::Act;
use crate::domain::ids::Timestamp;

/// Goes on from our own commit at the head; `None` when the head is not ours.
pub(super) fn adopt(case: &Case, facts: &Facts<'_>, now: Timestamp) -> Option<Decision> {
    let own = facts.own_head.filter(|own| own.sha == facts.pull.head.sha)?;
    if matches!(case.state, CaseState::Stopped(_)) {
        return None;
    }
    let current = facts.attempt.map(|current| (current.attempt, current.report));
    let over = |state: &AttemptState| matches!(state, AttemptState::Ended(_));
    if let Some((other, report)) =
        current.filter(|(it, _)| it.id != own.attempt && !over(&it.state))
    {
        let mut decision = Decision::enter(case.clone(), CaseState::Watching, now);
        decision.acts.extend(report.run.map(|run| Act::Cancel { run }));
        decision.attempt = Some(ended(other, AttemptEnd::Abandoned));
        return Some(decision);
    }
    let mut case = case.clone();
    case.head = own.sha.clone();
    case.attempts = case.attempts.max(own.number);
    let state = AttemptState::Committed(own.sha.clone());
    let attempt = match current.filter(|(it, _)| it.id == own.attempt) {
        Some((known, _)) => Attempt { state, ..known.clone() },
        None => Attempt {
            id: own.attempt,
            case: case.id,
            number: own.number,
            head: own.parent.clone(),
            planned_at: now,
            dispatches: 1,
            dispatched_at: now,
            state,
            note: None,
            verdict: None,
            feedback: Vec::new(),
        },
    };
    let mut decision = Decision::enter(case, CaseState::Proving(own.attempt), now);
    decision.attempt = Some(attempt);
    Some(decision)
}
