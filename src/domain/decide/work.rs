//! Attempts: begun, watched over, judged and committed.

use super::states::{any_workflow, green, rerun};
use super::{AttemptFacts, Decision, Facts, ended, ended_because, leave};
use crate::domain::attempt::{
    Attempt, AttemptEnd, AttemptState, DISPATCHES_MAX, HEARTBEAT_SILENCE_MS_MAX, QUEUE_MS_MAX,
};
use crate::domain::case::{Case, CaseState, Escalation};
use crate::domain::effect::{Act, EffectResult};
use crate::domain::evidence::Evidence;
use crate::domain::feedback::{Patience, is_answered, times_answered};
use crate::domain::gate::kept::KeptVerdict;
use crate::domain::gate::{Answer, Verdict};
use crate::domain::ids::{RunId, Timestamp};
use crate::domain::message::commit_message;
use crate::domain::outcome::{GaveUp, Outcome};
use crate::domain::pull::Ci;

/// A run that ended without an outcome gets this long for the outcome to arrive.
const LAST_WORDS_MS: i64 = 60 * 1000;

/// Plans an attempt and asks for a runner.
pub(super) fn begin_attempt(
    mut case: Case,
    evidence: &Evidence,
    facts: &Facts<'_>,
    now: Timestamp,
) -> Decision {
    case.attempts = case.attempts.saturating_add(1);
    let attempt = Attempt {
        id: facts.next_attempt,
        case: case.id,
        number: case.attempts,
        head: evidence.head.clone(),
        planned_at: now,
        dispatches: 1,
        dispatched_at: now,
        state: AttemptState::Running,
        note: None,
        verdict: None,
        feedback: Vec::new(),
    };
    let mut decision = Decision::enter(case, CaseState::Healing(attempt.id), now);
    decision.acts.push(dispatch_of(&attempt, None));
    decision.attempt = Some(attempt);
    decision
}

fn dispatch_of(attempt: &Attempt, after: Option<RunId>) -> Act {
    let (dispatch, head) = (attempt.dispatches, attempt.head.clone());
    Act::Dispatch { attempt: attempt.id, dispatch, head, after }
}

/// An attempt is at work.
pub(super) fn healing(case: Case, facts: &Facts<'_>, now: Timestamp) -> Decision {
    let Some(current) = facts.attempt else { return Decision::stay(case, None) };
    match &current.attempt.state {
        AttemptState::Committing => committing(case, current, facts, now),
        AttemptState::Running => match &current.report.outcome {
            // A runner was started since.
            Some(Outcome::Waits { until, .. }) if current.attempt.dispatched_at >= *until => {
                at_work(case, current, facts, now)
            }
            Some(Outcome::Asks { questions, time, .. })
                if is_answered(questions, *time, &current.attempt.feedback) =>
            {
                at_work(case, current, facts, now)
            }
            Some(outcome) => with_outcome(case, current, outcome, facts, now),
            None => at_work(case, current, facts, now),
        },
        AttemptState::Held | AttemptState::Committed(_) | AttemptState::Ended(_) => {
            Decision::enter(case, CaseState::Diagnosing, now)
        }
    }
}

fn at_work(case: Case, current: AttemptFacts<'_>, facts: &Facts<'_>, now: Timestamp) -> Decision {
    if matches!(facts.ci, Ci::Green) {
        let state = green(&case);
        return leave(case, state, facts, now);
    }
    if let Some(EffectResult::Refused { message }) = current.dispatched {
        let state = CaseState::Escalated(Escalation::DispatchRefused);
        let mut decision = Decision::enter(case, state, now);
        decision.attempt =
            Some(ended_because(current.attempt, AttemptEnd::RunnerLost, message.clone()));
        return decision;
    }
    if !is_lost(current, now) {
        return Decision::stay(case, None);
    }
    if lost_before(current) >= DISPATCHES_MAX {
        let mut decision = Decision::enter(case, CaseState::Escalated(Escalation::RunnerLost), now);
        decision.attempt = Some(ended(current.attempt, AttemptEnd::RunnerLost));
        return decision;
    }
    let mut decision = started_again(case, current, now);
    if !current.run_ended {
        let cancel = current.report.run.map(|run| Act::Cancel { run });
        decision.acts.splice(0..0, cancel);
    }
    decision
}

/// How often a runner was started, but for the times when a provider was waited for, or answers.
fn lost_before(current: AttemptFacts<'_>) -> u8 {
    let waited = match current.report.outcome {
        Some(Outcome::Waits { tries, .. }) => tries,
        Some(Outcome::Asks { waited, .. }) => waited,
        Some(_) | None => 0,
    };
    let answered = times_answered(&current.attempt.feedback);
    current.attempt.dispatches.saturating_sub(waited.saturating_add(answered))
}

/// The same attempt by another runner, from where the last one was.
fn started_again(case: Case, current: AttemptFacts<'_>, now: Timestamp) -> Decision {
    let decision = Decision::stay(case, None);
    dispatched_again(decision, current.attempt.clone(), current.report.run, now)
}

/// An attempt whose questions are answered, by another runner.
pub(super) fn goes_on(
    case: &Case,
    attempt: Attempt,
    run: Option<RunId>,
    now: Timestamp,
) -> Decision {
    let decision = Decision::enter(case.clone(), CaseState::Healing(attempt.id), now);
    let attempt = Attempt { state: AttemptState::Running, ..attempt };
    dispatched_again(decision, attempt, run, now)
}

fn dispatched_again(
    mut decision: Decision,
    attempt: Attempt,
    run: Option<RunId>,
    now: Timestamp,
) -> Decision {
    let dispatches = attempt.dispatches.saturating_add(1);
    let again = Attempt { dispatches, dispatched_at: now, ..attempt };
    decision.acts.push(dispatch_of(&again, run));
    decision.attempt = Some(again);
    decision
}

/// Whether the runner of an attempt will not be heard of again.
fn is_lost(current: AttemptFacts<'_>, now: Timestamp) -> bool {
    let dispatched_at = current.attempt.dispatched_at;
    let heard = current.report.heard_at.filter(|heard| *heard >= dispatched_at);
    let last = heard.unwrap_or(dispatched_at);
    let silence = now.since_ms(last);
    let patience = if heard.is_some() { HEARTBEAT_SILENCE_MS_MAX } else { QUEUE_MS_MAX };
    silence > patience || (current.run_ended && silence > LAST_WORDS_MS)
}

fn with_outcome(
    case: Case,
    current: AttemptFacts<'_>,
    outcome: &Outcome,
    facts: &Facts<'_>,
    now: Timestamp,
) -> Decision {
    match outcome {
        Outcome::GaveUp { why, note, .. } => {
            let next = if is_hopeless(*why) {
                CaseState::Escalated(Escalation::NothingToTry)
            } else {
                CaseState::Diagnosing
            };
            let mut decision = Decision::enter(case, next, now);
            decision.attempt =
                Some(ended_because(current.attempt, AttemptEnd::GaveUp(*why), note.clone()));
            decision
        }
        Outcome::NotReproduced { .. } => not_reproduced(case, current, facts, now),
        Outcome::Waits { .. } | Outcome::Asks { .. } if matches!(facts.ci, Ci::Green) => {
            let state = green(&case);
            leave(case, state, facts, now)
        }
        Outcome::Asks { .. } => {
            let state = CaseState::AwaitingAnswer(current.attempt.id);
            let mut decision = Decision::enter(case, state, now);
            decision.attempt =
                Some(Attempt { state: AttemptState::Held, ..current.attempt.clone() });
            decision
        }
        Outcome::Waits { until, .. } if now < *until => Decision::stay(case, Some(*until)),
        Outcome::Waits { .. } => started_again(case, current, now),
        Outcome::Proposed { .. } => match current.verdict {
            None => Decision::stay(case, None),
            Some(verdict) => judged(case, current, verdict, facts, now),
        },
    }
}

/// What the gate said about a patch, which stays with the attempt.
fn judged(
    case: Case,
    current: AttemptFacts<'_>,
    verdict: &Verdict,
    facts: &Facts<'_>,
    now: Timestamp,
) -> Decision {
    let mut decision = match verdict.answer() {
        Answer::Allow => commit_allowed_patch(case.clone(), current, facts, now)
            .unwrap_or_else(|| Decision::stay(case, None)),
        Answer::Hold => {
            let state = CaseState::AwaitingApproval(current.attempt.id);
            let mut decision = Decision::enter(case, state, now);
            decision.attempt = Some(Attempt {
                state: AttemptState::Held,
                note: Some(verdict.words()),
                ..current.attempt.clone()
            });
            decision
        }
        Answer::Refuse => {
            let mut decision = Decision::enter(case, CaseState::Diagnosing, now);
            let refused = ended_because(current.attempt, AttemptEnd::Refused, verdict.words());
            decision.attempt = Some(refused);
            decision
        }
    };
    if let Some(attempt) = &mut decision.attempt {
        attempt.verdict = Some(KeptVerdict::from(verdict));
    }
    decision
}

/// Whether another attempt would end the same way for the same reason.
const fn is_hopeless(why: GaveUp) -> bool {
    match why {
        GaveUp::NoFixerAnswers
        | GaveUp::NothingToProveWith
        | GaveUp::ToolMissing
        | GaveUp::NoSandbox
        | GaveUp::FixerUnavailable
        | GaveUp::ModelUnavailable
        | GaveUp::BudgetSpent
        | GaveUp::NoAnswer => true,
        GaveUp::NothingChanged | GaveUp::StillRed | GaveUp::OverLimit | GaveUp::NoWorkspace => {
            false
        }
    }
}

/// An attempt waits for answers, and not for ever.
pub(super) fn awaiting_answer(case: Case, facts: &Facts<'_>, now: Timestamp) -> Decision {
    if matches!(facts.ci, Ci::Green) {
        let state = green(&case);
        return leave(case, state, facts, now);
    }
    let patience = Patience { since: case.since, hours: facts.policy.questions.hours };
    if now < patience.deadline() {
        return Decision::stay(case, Some(patience.next(now)));
    }
    let mut decision = Decision::enter(case, CaseState::Escalated(Escalation::Unanswered), now);
    decision.attempt = facts.attempt.map(|current| {
        let end = AttemptEnd::GaveUp(GaveUp::NoAnswer);
        let why = format!("nobody answered within {} hours", patience.hours);
        ended_because(current.attempt, end, why)
    });
    decision
}

fn not_reproduced(
    case: Case,
    current: AttemptFacts<'_>,
    facts: &Facts<'_>,
    now: Timestamp,
) -> Decision {
    let mut decision = match facts.ci {
        Ci::Red(red) if case.reruns == 0 && any_workflow(red) => rerun(case, red, now),
        _ => Decision::enter(case, CaseState::Escalated(Escalation::NotReproduced), now),
    };
    decision.attempt = Some(ended(current.attempt, AttemptEnd::NotReproduced));
    decision
}

/// Puts an attempt's patch on its way to the branch; `None` when there is no patch.
pub(super) fn commit_allowed_patch(
    case: Case,
    current: AttemptFacts<'_>,
    facts: &Facts<'_>,
    now: Timestamp,
) -> Option<Decision> {
    let Some(Outcome::Proposed { patch, summary, fixer, .. }) = &current.report.outcome else {
        return None;
    };
    let commit = Act::Commit {
        attempt: current.attempt.id,
        patch_digest: patch.digest(),
        branch: facts.pull.head.branch.clone(),
        parent: current.attempt.head.clone(),
        message: commit_message(summary, fixer, current.attempt),
    };
    let mut decision = Decision::enter(case, CaseState::Healing(current.attempt.id), now);
    decision.acts.push(commit);
    // What the gate allows, it may have a word of advice about; of one that waited that is known.
    let advice = current.verdict.map(Verdict::words).filter(|words| !words.is_empty());
    decision.attempt = Some(Attempt {
        state: AttemptState::Committing,
        note: advice.or_else(|| current.attempt.note.clone()),
        ..current.attempt.clone()
    });
    Some(decision)
}

fn committing(
    mut case: Case,
    current: AttemptFacts<'_>,
    facts: &Facts<'_>,
    now: Timestamp,
) -> Decision {
    match current.committed {
        // A commit that is done says which one it is; anything else is not the answer to ours.
        None | Some(EffectResult::Done { commit: None, .. }) => Decision::stay(case, None),
        Some(EffectResult::Done { commit: Some(commit), .. }) => {
            case.head = commit.clone();
            let mut decision = Decision::enter(case, CaseState::Proving(current.attempt.id), now);
            decision.attempt = Some(Attempt {
                state: AttemptState::Committed(commit.clone()),
                ..current.attempt.clone()
            });
            decision
        }
        Some(EffectResult::Moved) => {
            let by = facts.pull.head.sha.clone();
            if by == case.head {
                return Decision::stay(case, None); // the forge does not show the new head yet
            }
            leave(case, CaseState::Superseded(by), facts, now)
        }
        Some(EffectResult::Refused { message }) => {
            let state = CaseState::Escalated(Escalation::CommitRefused);
            let mut decision = Decision::enter(case, state, now);
            decision.attempt =
                Some(ended_because(current.attempt, AttemptEnd::CommitRefused, message.clone()));
            decision
        }
    }
}
