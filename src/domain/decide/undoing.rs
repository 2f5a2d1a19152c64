//! Taking our commits back: wanted by a person, done by an effect, and then hands off.
//!
//! Races: somebody pushes while the commit is on its way (the compare-and-swap fails, they are told
//! and nothing is tried by itself); the commit is shown before its answer is in (whatever the head
//! is, the case waits for the answer); its answer is in before it is shown (as with other commits of
//! ours); an attempt's commit is on its way (asked again when that is there).

use super::{Decision, Facts, asks, leave};
use crate::domain::ask::Ask;
use crate::domain::attempt::AttemptState;
use crate::domain::case::{Case, CaseState, StoppedBy, UndoStage, Undoing};
use crate::domain::effect::{Act, EffectResult};
use crate::domain::ids::Timestamp;
use crate::domain::undo;

/// How often is looked whether it is done, when nobody tells.
const AGAIN_MS: i64 = 3 * 60 * 1000;

/// What is said to whoever wants something meanwhile.
pub(super) const ON_ITS_WAY: &str = "selfheal's commits are just being taken back";

/// Begins to take our commits back.
pub(super) fn begin(
    case: &Case,
    ask: &Ask,
    facts: &Facts<'_>,
    now: Timestamp,
) -> Result<Decision, String> {
    if case.state.undoing().is_some() {
        return Err(ON_ITS_WAY.to_owned());
    }
    let commits_now = |state: &AttemptState| *state == AttemptState::Committing;
    let is_its = |id| Some(id) == case.state.attempt();
    if facts.attempt.is_some_and(|it| is_its(it.attempt.id) && commits_now(&it.attempt.state)) {
        return Err("a commit of selfheal's is just on its way; ask again in a minute".to_owned());
    }
    let head = facts.pull.head.sha.clone();
    if head != case.head {
        return Err("the last commit is not shown yet; ask again in a minute".to_owned());
    }
    let undo = match facts.undo {
        Some(Ok(undo)) => undo,
        Some(Err(why)) => return Err(why.words()),
        None => return Err(undo::NoUndo::Nothing.words()),
    };
    let by = ask.actor.login.clone();
    let message = undo::message(&undo.commits, &by);
    let undoing = Undoing { by, parent: head.clone(), stage: UndoStage::Wanted };
    let state = CaseState::Stopped(StoppedBy::Undo(undoing));
    let mut decision = leave(case.clone(), state, facts, now);
    decision.acts.push(Act::Undo {
        case: case.id,
        wanted_at: now,
        branch: facts.pull.head.branch.clone(),
        parent: head,
        commits: undo.commits.clone(),
        restored: undo.restored.clone(),
        message,
    });
    Ok(decision)
}

/// Waits for the answer and takes it; `None` when nothing is being taken back.
pub(super) fn decide(case: &Case, facts: &Facts<'_>, now: Timestamp) -> Option<Decision> {
    let undoing = case.state.undoing()?;
    let mut case = case.clone();
    let stage = match facts.undone {
        // A commit that is done says which one it is; anything else is not the answer to ours.
        None | Some(EffectResult::Done { commit: None, .. }) => {
            let wait = || Decision::stay(case.clone(), Some(now.plus_ms(AGAIN_MS)));
            return Some(asks::decide(&case, facts, now).unwrap_or_else(wait));
        }
        Some(EffectResult::Done { commit: Some(commit), .. }) => {
            case.head = commit.clone();
            case.opened_head = commit.clone();
            UndoStage::Done
        }
        Some(EffectResult::Moved) => {
            let why = "somebody pushed at that very moment".to_owned();
            UndoStage::Failed { why }
        }
        Some(EffectResult::Refused { message }) => UndoStage::Failed { why: message.clone() },
    };
    let undoing = Undoing { stage, ..undoing.clone() };
    Some(Decision::enter(case, CaseState::Stopped(StoppedBy::Undo(undoing)), now))
}
