//! The decision: where a case goes next, and what shall be done about it.
//!
//! [`decide`] is pure and total: every state has an answer to every situation. It makes one
//! transition at a time; the service calls it again with the facts that the new state needs until
//! nothing changes. A fact that a state needs and that is absent keeps the state.
//!
//! Order of judgement, which is the order of who may overrule whom: the pull request is closed; a
//! person says stop, or takes it back; a person pushed; a person asks; a person's label; the state's own business.
//! While our commits are taken back all of that waits for the answer.
//!
//! Races: our commit appears on the branch before its result does (the attempt is `Committing`:
//! wait, the effect is repeated until its result is known); its result is known before the forge
//! shows it (wait a little, what is shown is the past); a person pushes while our commit is on its
//! way (the compare-and-swap fails, the case is superseded); our commit is on the branch and nobody
//! remembers it (the case goes on from it, see `forgotten`); an outcome arrives for an attempt that
//! was abandoned (nobody looks at it).

mod aside;
mod asks;
mod care;
mod forgotten;
mod states;
mod undoing;
mod work;

use super::ask::Ask;
use super::attempt::{Attempt, AttemptEnd, AttemptState, RunnerReport};
use super::case::{Case, CaseState, StoppedBy};
use super::effect::{Act, EffectResult};
use super::evidence::Evidence;
use super::gate::Verdict;
use super::ids::{AttemptId, Timestamp};
use super::message::OwnCommit;
use super::policy::Policy;
use super::pull::{Ci, Permission, Pull, PullState};
use super::undo::{NoUndo, Undo};

/// How long the forge may show the head before our commit: its replicas lag by seconds.
const SHOWN_MS_MAX: i64 = 60 * 1000;

/// How soon it is asked again.
const SHOWN_AGAIN_MS: i64 = 5 * 1000;

/// Everything that a decision may look at.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The pull request as it is now.
    pub pull: &'a Pull,
    /// How CI stands on its head.
    pub ci: &'a Ci,
    /// The repository's policy.
    pub policy: &'a Policy,
    /// Whether that policy is the repository's own word.
    pub policy_state: PolicyState,
    /// What was read of the head, once it was.
    pub evidence: Option<&'a Evidence>,
    /// What the gate says about beginning an attempt, once it was asked.
    pub before: Option<&'a Verdict>,
    /// The current attempt with what its runner said.
    pub attempt: Option<AttemptFacts<'a>>,
    /// What people want, and what they may do.
    pub asks: &'a [(Ask, Permission)],
    /// What they have said before that lasts ([`Heed::Lasting`](super::ask::Heed::Lasting)).
    pub heeded: &'a [Ask],
    /// How auto-merge is held.
    pub hold: AutoMergeHold,
    /// The head, when it is a commit of ours that the case does not know of.
    pub own_head: Option<&'a OwnCommit>,
    /// What would take our commits back, or why nothing can, when somebody wants that.
    pub undo: Option<&'a Result<Undo, NoUndo>>,
    /// What came of taking them back.
    pub undone: Option<&'a EffectResult>,
    /// The id that a new attempt gets.
    pub next_attempt: AttemptId,
}

/// Whether the policy is the repository's own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyState {
    /// It is, or the repository has none and the defaults hold.
    Usable,
    /// The file is wrong; nothing is begun until it is mended.
    Broken,
}

/// How auto-merge is held while we work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoMergeHold {
    /// Our check run is required: while it is in progress nothing is merged.
    ByCheck,
    /// It has to be switched off and restored.
    BySwitch,
}

/// The current attempt, what its runner said and what came of its effects.
#[derive(Debug, Clone, Copy)]
pub struct AttemptFacts<'a> {
    /// The attempt.
    pub attempt: &'a Attempt,
    /// What its runner said.
    pub report: &'a RunnerReport,
    /// What came of its last dispatch.
    pub dispatched: Option<&'a EffectResult>,
    /// What came of its commit.
    pub committed: Option<&'a EffectResult>,
    /// Whether its run has ended, when the forge was asked.
    pub run_ended: bool,
    /// What the gate says about its patch, once it was asked, and the digest it judged.
    pub verdict: Option<&'a Verdict>,
}

/// Where a case goes next, and what shall be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The case as it is now.
    pub case: Case,
    /// The attempt that changed or came.
    pub attempt: Option<Attempt>,
    /// What shall be done outside.
    pub acts: Vec<Act>,
    /// Answers to what people want.
    pub answers: Vec<Answered>,
    /// When to look again if nothing happens.
    pub wake: Option<Timestamp>,
}

/// An answer to what somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// What was asked.
    pub ask: Ask,
    /// The answer.
    pub answer: Answer,
}

/// The answer to what somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is or will be done.
    Done,
    /// It is shown.
    Show,
    /// It is not done; why, for people.
    Refused(String),
}

impl Decision {
    /// The case stays as it is.
    fn stay(case: Case, wake: Option<Timestamp>) -> Self {
        Self { case, attempt: None, acts: Vec::new(), answers: Vec::new(), wake }
    }

    /// The case enters a state.
    fn enter(mut case: Case, state: CaseState, now: Timestamp) -> Self {
        case.state = state;
        case.since = now;
        Self::stay(case, None)
    }
}

/// Decides where a case goes next.
pub fn decide(case: Case, facts: &Facts<'_>, now: Timestamp) -> Decision {
    let before = case.clone();
    let mut decision = judge(case, facts, now);
    care::tend(&before, &mut decision, facts);
    if decision.wake.is_none() {
        decision.wake = states::patience(&decision.case.state).map(|ms| now.plus_ms(ms));
    }
    decision
}

fn judge(case: Case, facts: &Facts<'_>, now: Timestamp) -> Decision {
    if case.state.is_final() {
        return asks::answer_only(case, facts);
    }
    if facts.pull.state != PullState::Open {
        return leave(case, CaseState::Closed, facts, now);
    }
    if let Some(decision) = undoing::decide(&case, facts, now) {
        return decision;
    }
    let is_behind = commit_is_not_shown_yet(&case, facts, now);
    if facts.pull.head.sha != case.head && !is_behind && !commit_is_on_its_way(&case, facts) {
        if let Some(decision) = forgotten::adopt(&case, facts, now) {
            return decision;
        }
        // A stop is about the pull request and outlives this case; so it, and what takes it back, is
        // heard first.
        if let Some(decision) = asks::about_stopping(&case, facts, now) {
            return decision;
        }
        let by = facts.pull.head.sha.clone();
        return leave(case, CaseState::Superseded(by), facts, now);
    }
    if let Some(decision) = asks::decide(&case, facts, now) {
        return decision;
    }
    if let Some(decision) = stopped_by_label(&case, facts, now) {
        return decision;
    }
    if is_behind {
        return Decision::stay(case, Some(now.plus_ms(SHOWN_AGAIN_MS)));
    }
    states::decide(case, facts, now)
}

/// Ends what is going on and enters a state in which we do nothing.
fn leave(case: Case, state: CaseState, facts: &Facts<'_>, now: Timestamp) -> Decision {
    let was = case.state.attempt();
    let mut decision = Decision::enter(case, state, now);
    if let Some(current) = facts.attempt.filter(|current| Some(current.attempt.id) == was) {
        decision.acts.extend(current.report.run.map(|run| Act::Cancel { run }));
        decision.attempt = Some(ended(current.attempt, AttemptEnd::Abandoned));
    }
    decision.answers = asks::leftover(facts);
    decision
}

/// The attempt, ended.
fn ended(attempt: &Attempt, end: AttemptEnd) -> Attempt {
    Attempt { state: AttemptState::Ended(end), ..attempt.clone() }
}

/// The attempt, ended, with the reason in words.
fn ended_because(attempt: &Attempt, end: AttemptEnd, why: impl Into<String>) -> Attempt {
    Attempt { note: Some(why.into()), ..ended(attempt, end) }
}

/// Whether the head may have moved because of a commit of our own whose result is not in yet.
fn commit_is_on_its_way(case: &Case, facts: &Facts<'_>) -> bool {
    facts.attempt.is_some_and(|current| {
        Some(current.attempt.id) == case.state.attempt()
            && current.attempt.state == AttemptState::Committing
            && match current.committed {
                None => true,
                Some(EffectResult::Done { commit, .. }) => {
                    commit.as_ref() == Some(&facts.pull.head.sha)
                }
                Some(EffectResult::Refused { .. } | EffectResult::Moved) => false,
            }
    })
}

/// Whether the forge still shows the commit that ours was made on: its readers lag behind its
/// writers. Past [`SHOWN_MS_MAX`] it is what somebody has set the branch back to.
fn commit_is_not_shown_yet(case: &Case, facts: &Facts<'_>, now: Timestamp) -> bool {
    let is_new = now.since_ms(case.since) <= SHOWN_MS_MAX;
    if let CaseState::Stopped(StoppedBy::Undo(undoing)) = &case.state {
        return is_new && facts.pull.head.sha == undoing.parent && case.head != undoing.parent;
    }
    is_new
        && facts.attempt.is_some_and(|current| {
            case.state.attempt() == Some(current.attempt.id)
                && matches!(current.attempt.state, AttemptState::Committed(_))
                && facts.pull.head.sha == current.attempt.head
        })
}

/// A stop label that is not ours ends the work; when it goes, the work goes on.
fn stopped_by_label(case: &Case, facts: &Facts<'_>, now: Timestamp) -> Option<Decision> {
    let set = facts.policy.labels.stop.iter().find(|label| {
        facts.pull.has_label(label) && !case.labels.iter().any(|own| own.is(label.as_str()))
    });
    match (&case.state, set) {
        (CaseState::Stopped(_), Some(_)) => Some(Decision::stay(case.clone(), None)),
        (CaseState::Stopped(StoppedBy::Label(_)), None) => {
            Some(Decision::enter(case.clone(), CaseState::Watching, now))
        }
        (_, Some(label)) => {
            let state = CaseState::Stopped(StoppedBy::Label(label.clone()));
            Some(leave(case.clone(), state, facts, now))
        }
        (_, None) => None,
    }
}

#[cfg(test)]
mod tests;
