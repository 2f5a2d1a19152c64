//! Failures that are not the pull request's: run again, or set aside with the reason.
//!
//! Spends nothing. Jobs run again at most as often as the policy says, each time after a longer pause,
//! because what is down for a second is mostly down for a minute. A person who asks for this very pull
//! request gets an attempt all the same, where one could help.

use super::states::{any_workflow, move_to, rerun};
use super::{Decision, Facts};
use crate::domain::case::{Asked, Case, CaseState, Excuse};
use crate::domain::cause::Standing;
use crate::domain::effect::Act;
use crate::domain::evidence::Evidence;
use crate::domain::ids::Timestamp;
use crate::domain::policy::WhenMended;
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
        Standing::BaseBroken => (0, Excuse::BaseBroken),
        Standing::BaseMended => return Some(mended(case, facts, now)),
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

/// The base branch is mended: people are told, or their branch is brought up to date.
fn mended(case: &Case, facts: &Facts<'_>, now: Timestamp) -> Decision {
    let head = case.head.clone();
    let mut decision = move_to(case.clone(), CaseState::Excused(Excuse::BaseMended), now);
    if facts.policy.base.when_mended == WhenMended::Update {
        decision.acts.push(Act::UpdateBranch { head });
    }
    decision
}
