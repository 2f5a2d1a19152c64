//! Failures that are not the pull request's: run again, or set aside with the reason.
//!
//! Spends nothing. Jobs run again at most as often as the policy says, each time after a longer pause,
//! because what is down for a second is mostly down for a minute. A person who asks for this very pull
//! request gets an attempt all the same, where one could help.

use super::states::{any_workflow, move_to, rerun};
use super::{Decision, Facts};
use crate::domain::case::{Asked, Case, CaseState, Excuse};
use crate::domain::cause::{Cause, Standing};
use crate::domain::effect::Act;
use crate::domain::evidence::Evidence;
use crate::domain::ids::Timestamp;
use crate::domain::policy::{HealBase, WhenMended};
use crate::domain::pull::CiRun;

/// How long machines and servers get before failed jobs run again: the first time at once, because
/// the next machine mostly works, then as long as outages last.
const PAUSES_MS: [i64; 3] = [0, 10 * 60 * 1000, 60 * 60 * 1000];

/// When the failed jobs run again, if nothing hinders.
fn due(case: &Case) -> Timestamp {
    let at = usize::from(case.reruns).min(PAUSES_MS.len() - 1);
    case.since.plus_ms(PAUSES_MS[at])
}

/// What is done without an attempt; `None` when one is worth it.
pub(super) fn decide(
    case: &Case,
    (evidence, red): (&Evidence, &[CiRun]),
    facts: &Facts<'_>,
    now: Timestamp,
) -> Option<Decision> {
    let standing = evidence.judgement.standing(&evidence.failures, &facts.policy.kinds);
    let is_asked = case.asked == Asked::ByPerson;
    let reruns = facts.policy.reruns;
    let (most, excuse) = match standing {
        Standing::Ours => return None,
        Standing::BaseBroken | Standing::BaseMended | Standing::CiConfig if is_asked => {
            return None;
        }
        Standing::BaseBroken => {
            let mut decision = move_to(case.clone(), CaseState::Excused(Excuse::BaseBroken), now);
            decision.acts.extend(mend(case, evidence, facts));
            return Some(decision);
        }
        Standing::BaseMended => return Some(mended(case, evidence, facts, now)),
        Standing::CiConfig => (0, Excuse::CiConfig),
        Standing::Flaky => (reruns.flaky, Excuse::Flaky),
        Standing::Transient => (reruns.infrastructure, Excuse::Infrastructure),
    };
    let case = case.clone();
    if case.reruns >= most || !any_workflow(red) {
        let is_wanted = standing == Standing::Flaky && is_asked;
        return (!is_wanted).then(|| move_to(case, CaseState::Excused(excuse), now));
    }
    let due = if standing == Standing::Transient { due(&case) } else { now };
    Some(if now < due { Decision::stay(case, Some(due)) } else { rerun(case, red, now) })
}

/// What heals the base branch, where the policy wants that: one pull request of our own, however many
/// wait for it. It is asked for at every look; its key makes it one.
fn mend(case: &Case, evidence: &Evidence, facts: &Facts<'_>) -> Option<Act> {
    let base = evidence.judgement.base.as_ref()?;
    let judged = evidence.failures.iter().zip(&evidence.judgement.causes);
    let mut of_base = judged.filter(|(_, judged)| judged.cause == Cause::Base);
    let is_worth_it = of_base.any(|(failure, _)| facts.policy.kinds.contains(&failure.counts_as()));
    let is_wanted = facts.policy.base.heal == HealBase::PullRequest;
    (is_wanted && is_worth_it).then(|| Act::Mend {
        base: base.branch.clone(),
        broken_at: base.broken_at.clone(),
        case: case.id,
        head: case.head.clone(),
    })
}

/// The base branch is mended: people are told, or their branch is brought up to date. The pull request
/// that was there to mend it has nothing to do any more.
fn mended(case: &Case, evidence: &Evidence, facts: &Facts<'_>, now: Timestamp) -> Decision {
    let head = case.head.clone();
    let mut decision = move_to(case.clone(), CaseState::Excused(Excuse::BaseMended), now);
    let waits = evidence.judgement.mends.is_none();
    if waits && facts.policy.base.when_mended == WhenMended::Update {
        decision.acts.push(Act::UpdateBranch { head });
    }
    decision
}
