//! What each state makes of the facts, when no person intervenes.

use super::work::{awaiting_answer, begin_attempt, healing};
use super::{Decision, Facts, PolicyState, aside, ended, leave};
use crate::domain::attempt::AttemptEnd;
use crate::domain::case::{Case, CaseState, Escalation, Excuse, Healed, StoppedBy};
use crate::domain::effect::Act;
use crate::domain::gate::{Answer, Verdict, Weight};
use crate::domain::ids::Timestamp;
use crate::domain::pull::{Ci, CiRun};

/// Failed jobs that were run again are not believed red before this long: the forge needs a moment
/// to show the new attempt.
const RERUN_SETTLE_MS: i64 = 2 * 60 * 1000;

/// How long a rerun may take before the case goes on without it.
const RERUN_MS_MAX: i64 = 6 * 60 * 60 * 1000;

const MINUTE_MS: i64 = 60 * 1000;

/// How often a case of that state is looked at when nothing happens; webhooks make it faster.
pub(super) const fn patience(state: &CaseState) -> Option<i64> {
    match state {
        CaseState::Watching | CaseState::Rerunning => Some(5 * MINUTE_MS),
        CaseState::Diagnosing => Some(MINUTE_MS),
        CaseState::Healing(_) | CaseState::Proving(_) => Some(3 * MINUTE_MS),
        CaseState::AwaitingApproval(_) | CaseState::AwaitingAnswer(_) => Some(30 * MINUTE_MS),
        // A push to the base wakes it; this is for pushes that nobody told of.
        CaseState::Excused(Excuse::BaseBroken) => Some(20 * MINUTE_MS),
        CaseState::Excused(_) | CaseState::Escalated(_) | CaseState::Stopped(_) => {
            Some(6 * 60 * MINUTE_MS)
        }
        CaseState::Healed(_) | CaseState::Superseded(_) | CaseState::Closed => None,
    }
}

/// The state's own business.
pub(super) fn decide(case: Case, facts: &Facts<'_>, now: Timestamp) -> Decision {
    match case.state {
        CaseState::Watching => watching(case, facts, now),
        CaseState::Diagnosing => diagnosing(case, facts, now),
        CaseState::Rerunning => rerunning(case, facts, now),
        CaseState::Excused(why) => excused(case, why, facts, now),
        CaseState::Healing(_) => healing(case, facts, now),
        CaseState::AwaitingApproval(_) => awaiting_approval(case, facts, now),
        CaseState::AwaitingAnswer(_) => awaiting_answer(case, facts, now),
        CaseState::Proving(_) => proving(case, facts, now),
        CaseState::Healed(_) => healed(case, facts, now),
        CaseState::Escalated(_) => escalated(case, facts, now),
        CaseState::Stopped(_) | CaseState::Superseded(_) | CaseState::Closed => {
            Decision::stay(case, None)
        }
    }
}

fn watching(case: Case, facts: &Facts<'_>, now: Timestamp) -> Decision {
    let next = match facts.ci {
        Ci::Nothing | Ci::Pending { .. } => return Decision::stay(case, None),
        Ci::Green => green(&case),
        Ci::Red(_) => CaseState::Diagnosing,
        Ci::NeedsApproval(_) => CaseState::Excused(Excuse::RunsNeedApproval),
        Ci::Cancelled(_) => CaseState::Excused(Excuse::Cancelled),
    };
    Decision::enter(case, next, now)
}

/// What a green CI means for a case that nobody works on.
pub(super) fn green(case: &Case) -> CaseState {
    let how = if case.head != case.opened_head {
        Healed::ByUs
    } else if case.state == CaseState::Rerunning {
        Healed::ByRerun
    } else {
        Healed::ByItself
    };
    CaseState::Healed(how)
}

fn diagnosing(case: Case, facts: &Facts<'_>, now: Timestamp) -> Decision {
    let Ci::Red(red) = facts.ci else {
        return Decision::enter(case, CaseState::Watching, now);
    };
    if facts.policy_state == PolicyState::Broken {
        return move_to(case, CaseState::Excused(Excuse::BrokenPolicy), now);
    }
    let (Some(evidence), Some(verdict)) = (facts.evidence, facts.before) else {
        return Decision::stay(case, None);
    };
    if let Some(state) = unwanted(verdict, facts) {
        return move_to(case, state, now);
    }
    if let Some(decision) = aside::decide(&case, (evidence, red), facts, now) {
        return decision;
    }
    if let Some(state) = refusal(verdict) {
        return move_to(case, state, now);
    }
    begin_attempt(case, evidence, facts, now)
}

/// Enters a state, unless the case is in it already: then the clock of that state goes on.
pub(super) fn move_to(case: Case, state: CaseState, now: Timestamp) -> Decision {
    if case.state == state { Decision::stay(case, None) } else { Decision::enter(case, state, now) }
}

/// Where a refusal leads for which it does not matter why something failed: the first of these that
/// the gate names.
fn unwanted(verdict: &Verdict, facts: &Facts<'_>) -> Option<CaseState> {
    let names = |rule: &str| verdict.names(rule, Weight::Refuse);
    let policy =
        ["enabled", "open", "fork", "draft", "required-label", "branch", "workflow", "merge-queue"];
    if names("freshness") {
        return Some(CaseState::Diagnosing);
    }
    if names("stop-label") {
        let label = facts.policy.labels.stop.iter().find(|label| facts.pull.has_label(label));
        return label.map(|label| CaseState::Stopped(StoppedBy::Label(label.clone())));
    }
    policy.into_iter().any(names).then_some(CaseState::Excused(Excuse::Policy))
}

/// Where any other refusal leads, once it is clear that an attempt would be worth it.
fn refusal(verdict: &Verdict) -> Option<CaseState> {
    let names = |rule: &str| verdict.names(rule, Weight::Refuse);
    if verdict.answer() == Answer::Allow {
        return None;
    }
    if names("attempt-cap") {
        return Some(CaseState::Escalated(Escalation::AttemptsUsed));
    }
    if names("kind") || names("autonomy") {
        return Some(CaseState::Excused(Excuse::Policy));
    }
    let waits = (names("budget-now") || names("room"))
        && !["budget-day", "budget-models", "branch-rules", "conflict"].iter().any(|r| names(r));
    Some(if waits { CaseState::Diagnosing } else { CaseState::Escalated(Escalation::GateRefused) })
}

pub(super) fn any_workflow(red: &[CiRun]) -> bool {
    red.iter().any(|run| matches!(run, CiRun::Workflow { .. }))
}

pub(super) fn rerun(mut case: Case, red: &[CiRun], now: Timestamp) -> Decision {
    case.reruns = case.reruns.saturating_add(1);
    let mut decision = Decision::enter(case, CaseState::Rerunning, now);
    decision.acts = red
        .iter()
        .filter_map(|run| match run {
            CiRun::Workflow { run, attempt, .. } => {
                Some(Act::Rerun { run: *run, attempt: *attempt })
            }
            CiRun::Check { .. } | CiRun::Status { .. } => None,
        })
        .collect();
    decision.wake = Some(now.plus_ms(RERUN_SETTLE_MS));
    decision
}

fn rerunning(case: Case, facts: &Facts<'_>, now: Timestamp) -> Decision {
    let waited = now.since_ms(case.since);
    match facts.ci {
        Ci::Green => {
            let state = green(&case);
            Decision::enter(case, state, now)
        }
        Ci::Red(_) if waited >= RERUN_SETTLE_MS => {
            Decision::enter(case, CaseState::Diagnosing, now)
        }
        Ci::Red(_) => {
            let settled = case.since.plus_ms(RERUN_SETTLE_MS);
            Decision::stay(case, Some(settled))
        }
        Ci::Nothing | Ci::Pending { .. } | Ci::NeedsApproval(_) | Ci::Cancelled(_)
            if waited < RERUN_MS_MAX =>
        {
            Decision::stay(case, None)
        }
        Ci::Nothing | Ci::Pending { .. } | Ci::NeedsApproval(_) | Ci::Cancelled(_) => {
            Decision::enter(case, CaseState::Watching, now)
        }
    }
}

fn excused(case: Case, why: Excuse, facts: &Facts<'_>, now: Timestamp) -> Decision {
    match (facts.ci, why) {
        (Ci::Green, _) => {
            let state = green(&case);
            Decision::enter(case, state, now)
        }
        // What they depend on may have changed since.
        (
            Ci::Red(_),
            Excuse::Policy | Excuse::BrokenPolicy | Excuse::BaseBroken | Excuse::BaseMended,
        ) => diagnosing(case, facts, now),
        (Ci::Red(_), Excuse::RunsNeedApproval | Excuse::Cancelled) | (Ci::Pending { .. }, _) => {
            Decision::enter(case, CaseState::Watching, now)
        }
        (Ci::Red(_), Excuse::Infrastructure | Excuse::Flaky | Excuse::CiConfig)
        | (Ci::Nothing | Ci::NeedsApproval(_) | Ci::Cancelled(_), _) => Decision::stay(case, None),
    }
}

fn awaiting_approval(case: Case, facts: &Facts<'_>, now: Timestamp) -> Decision {
    if matches!(facts.ci, Ci::Green) {
        let state = green(&case);
        return leave(case, state, facts, now);
    }
    Decision::stay(case, None)
}

fn proving(case: Case, facts: &Facts<'_>, now: Timestamp) -> Decision {
    let minutes = i64::from(facts.policy.ci_start_minutes_max);
    let overdue = now.since_ms(case.since) > minutes * MINUTE_MS;
    let commit = case.head.clone();
    let (next, end) = match facts.ci {
        Ci::Green => (CaseState::Healed(Healed::ByUs), AttemptEnd::Healed(commit)),
        Ci::Red(_) => (CaseState::Diagnosing, AttemptEnd::Disproved(commit)),
        Ci::Nothing | Ci::NeedsApproval(_) | Ci::Cancelled(_) if overdue => {
            (CaseState::Escalated(Escalation::NoCiOnCommit), AttemptEnd::Abandoned)
        }
        Ci::Nothing | Ci::NeedsApproval(_) | Ci::Cancelled(_) | Ci::Pending { .. } => {
            return Decision::stay(case, None);
        }
    };
    let mut decision = Decision::enter(case, next, now);
    decision.attempt = facts.attempt.map(|current| ended(current.attempt, end));
    decision
}

fn healed(case: Case, facts: &Facts<'_>, now: Timestamp) -> Decision {
    match facts.ci {
        Ci::Red(_) => Decision::enter(case, CaseState::Diagnosing, now),
        Ci::Nothing | Ci::Pending { .. } | Ci::Green | Ci::NeedsApproval(_) | Ci::Cancelled(_) => {
            Decision::stay(case, None)
        }
    }
}

fn escalated(case: Case, facts: &Facts<'_>, now: Timestamp) -> Decision {
    match facts.ci {
        Ci::Green => {
            let state = green(&case);
            Decision::enter(case, state, now)
        }
        Ci::Nothing | Ci::Pending { .. } | Ci::Red(_) | Ci::NeedsApproval(_) | Ci::Cancelled(_) => {
            Decision::stay(case, None)
        }
    }
}
