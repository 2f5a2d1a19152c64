//! Healing: one look at a pull request, from facts to changes.
//!
//! A look reads the pull request as it is now, opens a case when CI is red and none is alive, and
//! lets the domain decide until nothing changes any more. Everything that was decided is written in
//! one transaction. A look is idempotent: looking again without new facts writes the same.
//!
//! Races: the webhook that woke us is old (we read the truth, it was only a hint); what we read is
//! older than the webhook (the forge's replicas lag: we look again in a moment); two looks at once
//! (the pull request's lease allows one); facts change while we read them (the next webhook or the
//! next look sees it, and commits are compare-and-swap).

mod answers;
mod noted;
mod opening;
mod telling;

use answers::{answers, idle_answer};
use opening::{go_on_counting, opened, successor, wants_case};
use telling::{is_silent, reports};

use super::gather::{self, Gathered};
use super::{ServiceError, Services, mending, undo};
use crate::domain::attempt::{Attempt, AttemptRecord, RunnerReport};
use crate::domain::case::{Case, CaseState, Healed};
use crate::domain::decide::{Answered, decide};
use crate::domain::effect::{Act, Effect};
use crate::domain::evidence::Evidence;
use crate::domain::flakes::{After, trials};
use crate::domain::ids::{AttemptId, EffectId, Timestamp};
use crate::domain::pull::{PullHead, PullState};
use crate::ports::forge::ForgeError;
use crate::ports::store::{Changes, Finish, PullRecord, Tried};
use crate::report::{self, Story};

/// Transitions in one look. The longest road, from a red head to a started runner, has three; more
/// than this would be a circle, and the next look goes on from here anyway.
const TRANSITIONS_MAX: usize = 6;

/// Failed looks in a row after which people are told that we wait: about half a minute.
const WAITS_SAID_AFTER: u32 = 3;

/// How soon a pull request is looked at again that was shown as it once was: the forge's replicas
/// lag by seconds.
const BEHIND_AGAIN_MS: i64 = 3 * 1000;

/// So often in a row; then what is shown is taken for the truth, whatever was told before.
const BEHIND_TRIES_MAX: u32 = 5;

/// What one look has come to so far.
struct Look {
    case: Case,
    /// The case as the last look left it; `None` when it was opened in this one.
    was: Option<Case>,
    /// The state that the last transition came from.
    left: Option<CaseState>,
    attempts: Vec<AttemptRecord>,
    changed: Vec<Attempt>,
    /// States that the case has entered in this look.
    moves: Vec<CaseState>,
    acts: Vec<Act>,
    answers: Vec<Answered>,
    wake: Option<Timestamp>,
}

/// Looks at a pull request.
///
/// # Errors
/// [`ServiceError`] when facts could not be read; nothing was decided then.
pub(super) async fn look(
    services: &Services,
    record: &PullRecord,
) -> Result<Changes, ServiceError> {
    let now = services.clock.now();
    let (repo, number) = (&record.head.repo, record.head.number);
    let pull = match services.forge.pull(repo, number).await {
        Ok(pull) => pull,
        Err(ForgeError::NotFound(_)) => return Ok(Changes::finish(now, Finish::Done)),
        Err(error) => return Err(error.into()),
    };
    if pull.updated_at < record.head.updated_at && record.tries < BEHIND_TRIES_MAX {
        let at = now.plus_ms(BEHIND_AGAIN_MS);
        let error =
            "the forge shows the pull request as it was before it last told of it".to_owned();
        return Ok(Changes::finish(now, Finish::Retry { at, error }));
    }
    let facts = PullHead::from(pull.clone());
    let mut gathered = gather::first(services, pull).await?;
    gather::asks(services, &mut gathered, record).await?;
    Box::pin(undo::gather(services, &mut gathered)).await?;
    let answered = gather::heeds(&gathered);
    let mut changes = match begin(services, record, &mut gathered, now).await? {
        None => without_case(services, record, &gathered, now).await?,
        Some(mut look) => {
            gathered.opens_case = look.was.is_none();
            transitions(services, &mut look, &mut gathered, now).await?;
            written(services, look, &gathered, now).await?
        }
    };
    changes.pulls.push(facts);
    changes.answered = answered;
    Ok(changes)
}

/// What is said while the forge cannot be asked: not at the first trouble, which mostly passes, and
/// only about a case that somebody waits for. It is shown when the forge takes writes, which it may
/// while it gives no answers.
pub(super) fn waiting(
    services: &Services,
    record: &PullRecord,
    error: &ForgeError,
) -> Vec<(EffectId, Effect)> {
    let waits = record.tries + 1 == WAITS_SAID_AFTER && error.is_transient();
    let Some(case) = record.case.as_ref().filter(|case| waits && case.state.goes_on()) else {
        return Vec::new();
    };
    let view = report::waiting_for_forge(case, &error.to_string());
    effects(services, case, vec![Act::PublishCheck { view }])
}

/// The case to go on with, or a new one, or none because there is nothing to heal.
async fn begin(
    services: &Services,
    record: &PullRecord,
    gathered: &mut Gathered,
    now: Timestamp,
) -> Result<Option<Look>, ServiceError> {
    let look = |case: Case, was: Option<Case>, attempts: Vec<AttemptRecord>| Look {
        case,
        was,
        left: None,
        attempts,
        changed: Vec::new(),
        moves: Vec::new(),
        acts: Vec::new(),
        answers: Vec::new(),
        wake: None,
    };
    if let Some(case) = record.case.clone().filter(|case| !case.state.is_final()) {
        return Ok(Some(look(case.clone(), Some(case), record.attempts.clone())));
    }
    if gathered.pull.state != PullState::Open || !wants_case(gathered) {
        return Ok(None);
    }
    if !opening::has_room(services, gathered, now).await? {
        return Ok(None);
    }
    let mut case = opened(services, gathered, now).await?;
    if let Some(closed) = &record.case {
        go_on_counting(&mut case, closed);
    }
    let mut look = look(case, None, Vec::new());
    look.moves.push(look.case.state.clone());
    Ok(Some(look))
}

/// Lets the domain decide until nothing changes.
async fn transitions(
    services: &Services,
    look: &mut Look,
    gathered: &mut Gathered,
    now: Timestamp,
) -> Result<(), ServiceError> {
    gather::own_head(services, gathered, &look.case, &look.attempts).await?;
    for _ in 0..TRANSITIONS_MAX {
        let current = current_attempt(look).cloned();
        gather::for_state(services, gathered, &look.case, current.as_ref()).await?;
        let next = AttemptId::new(services.ids.uuid());
        let decision = decide(look.case.clone(), &gathered.facts(current.as_ref(), next), now);
        let moved = decision.case != look.case;
        let (from, to) = (look.case.state.as_str(), decision.case.state.as_str());
        let left = std::mem::replace(&mut look.case, decision.case);
        if left.state != look.case.state {
            look.moves.push(look.case.state.clone());
        }
        if from != to {
            look.left = Some(left.state);
        }
        let span = tracing::Span::current();
        span.record("case.id", tracing::field::display(look.case.id));
        if let Some(attempt) = look.case.state.attempt() {
            span.record("attempt.id", tracing::field::display(attempt));
        }
        if from != to {
            tracing::info!(from, to, head = %look.case.head, "the case moves on");
        }
        look.acts.extend(decision.acts);
        let answered = !decision.answers.is_empty();
        look.answers.extend(decision.answers);
        look.wake = decision.wake;
        if let Some(attempt) = decision.attempt {
            remember(look, attempt);
        }
        if answered {
            gathered.asks.clear();
        }
        if !moved && !answered {
            break;
        }
    }
    Ok(())
}

/// The attempt that the case's state is about, else the last one.
fn current_attempt(look: &Look) -> Option<&AttemptRecord> {
    let id = look.case.state.attempt();
    look.attempts
        .iter()
        .find(|record| Some(record.attempt.id) == id)
        .or_else(|| look.attempts.last())
}

fn remember(look: &mut Look, attempt: Attempt) {
    look.changed.retain(|known| known.id != attempt.id);
    look.changed.push(attempt.clone());
    match look.attempts.iter_mut().find(|record| record.attempt.id == attempt.id) {
        Some(record) => {
            if record.attempt.dispatches != attempt.dispatches {
                record.dispatched = None;
            }
            record.attempt = attempt;
        }
        None => look.attempts.push(AttemptRecord {
            attempt,
            report: RunnerReport::default(),
            dispatched: None,
            committed: None,
        }),
    }
}

/// Everything that a look has come to, as one write.
async fn written(
    services: &Services,
    look: Look,
    gathered: &Gathered,
    now: Timestamp,
) -> Result<Changes, ServiceError> {
    let shown = match &gathered.evidence {
        Some(evidence) => Some(evidence.clone()),
        None if gathered.opens_case => None,
        None => shown_evidence(services, &look).await?,
    };
    let changes_told =
        super::autonomy::told(services, (&look.case, &look.attempts), gathered).await?;
    let story = Story {
        case: &look.case,
        attempts: &look.attempts,
        evidence: shown.as_ref(),
        before: gathered.before.as_ref(),
        policy: &gathered.policy.policy,
        policy_problem: gathered.policy.problem.as_deref(),
        ci: &gathered.ci,
        diff: gathered.diff.as_deref(),
        changes: &changes_told,
    };
    let mut acts = unique(&look.acts);
    acts.extend(answers(&look.answers, Some(&story)));
    if !is_silent(&look.case, gathered) {
        acts.extend(reports(&look, &story));
        acts.extend(report::reminder(&story, now));
        let of = Some((&look.case, look.attempts.as_slice()));
        acts.extend(Box::pin(mending::acts(services, gathered, of)).await?);
    }
    let successor = successor(services, &look, now);
    if let Some(next) = &successor {
        let story = Story { case: next, attempts: &[], evidence: None, changes: &[], ..story };
        acts.push(Act::PublishCheck { view: report::check(&story) });
    }
    let mut changes = Changes::finish(now, finish(&look, gathered, now));
    changes.tried = tried(&look, gathered, shown.as_ref());
    changes.successor = successor;
    if gathered.evidence_is_new {
        changes.evidence = gathered.evidence.clone().map(|read| (look.case.id, read));
    }
    changes.effects = effects(services, &look.case, acts);
    changes.wake.extend(mending::joined(&look.case, look.left.as_ref(), shown.as_ref(), now));
    noted::note(services, &look, gathered, &mut changes).await?;
    changes.begins = opening::ceiling(services, &look, gathered, now);
    changes.attempts = look.changed;
    changes.case = Some(look.case);
    Ok(changes)
}

/// What running the same commit again has shown, if it was seen in this look.
fn tried(look: &Look, gathered: &Gathered, read: Option<&Evidence>) -> Option<Tried> {
    let case = &look.case;
    let is_green_again = look.left.is_some()
        && case.head == case.opened_head
        && matches!(case.state, CaseState::Healed(Healed::ByRerun | Healed::ByItself));
    let trials = match read {
        Some(read) if is_green_again && read.head == case.head => trials(read, After::Green),
        Some(_) | None => gathered.tried.clone(),
    };
    let tried = Tried { repo: case.repo.id, number: case.number, head: case.head.clone(), trials };
    Some(tried).filter(|tried| !tried.trials.is_empty())
}

/// What was read earlier, for reports of states that read nothing themselves.
async fn shown_evidence(
    services: &Services,
    look: &Look,
) -> Result<Option<Evidence>, ServiceError> {
    let mut heads = vec![look.case.head.clone()];
    heads.extend(look.attempts.last().map(|record| record.attempt.head.clone()));
    for head in heads {
        if let Some(read) = services.store.evidence(look.case.id, &head).await? {
            return Ok(Some(read));
        }
    }
    Ok(None)
}

/// The same act twice is one; the last word about the same thing counts.
fn unique(acts: &[Act]) -> Vec<Act> {
    let mut kept: Vec<Act> = Vec::with_capacity(acts.len());
    for act in acts {
        kept.retain(|known| !is_about_the_same(known, act));
        kept.push(act.clone());
    }
    kept
}

fn is_about_the_same(one: &Act, other: &Act) -> bool {
    match (one, other) {
        (Act::SetLabel { label: a, .. }, Act::SetLabel { label: b, .. }) => a == b,
        (Act::SetAutoMerge { .. }, Act::SetAutoMerge { .. }) => true,
        (one, other) => one == other,
    }
}

fn finish(look: &Look, gathered: &Gathered, now: Timestamp) -> Finish {
    let times = [gathered.again_at, look.wake].into_iter().flatten();
    match times.min() {
        // The new head failed before anybody looked: no webhook of it may be left to wake us.
        _ if matches!(look.case.state, CaseState::Superseded(_)) && wants_case(gathered) => {
            Finish::At(now)
        }
        _ if look.case.state.is_final() => Finish::Done,
        Some(at) => Finish::At(at.max(now)),
        None => Finish::Done,
    }
}

/// Nothing to heal: people are answered all the same.
async fn without_case(
    services: &Services,
    record: &PullRecord,
    gathered: &Gathered,
    now: Timestamp,
) -> Result<Changes, ServiceError> {
    let undo = gathered.undo.as_ref();
    let answered: Vec<Answered> = gathered
        .asks
        .iter()
        .map(|(ask, _)| Answered { ask: ask.clone(), answer: idle_answer(ask, undo) })
        .collect();
    let mut acts = answers(&answered, None);
    let said = opening::said_without_case(services, record, gathered).await?;
    acts.extend(said.map(|view| Act::PublishCheck { view }));
    if !opening::is_unwanted(gathered) {
        acts.extend(Box::pin(mending::acts(services, gathered, None)).await?);
    }
    let again = opening::again_without_case(gathered, now);
    let mut changes = Changes::finish(now, again.map_or(Finish::Done, Finish::At));
    changes.effects = acts
        .into_iter()
        .map(|act| {
            let number = Some(record.head.number);
            let effect = Effect { repo: record.head.repo.clone(), number, act };
            (EffectId::new(services.ids.uuid()), effect)
        })
        .collect();
    Ok(changes)
}

fn effects(services: &Services, case: &Case, acts: Vec<Act>) -> Vec<(EffectId, Effect)> {
    acts.into_iter()
        .map(|act| {
            let effect = Effect { repo: case.repo.clone(), number: Some(case.number), act };
            (EffectId::new(services.ids.uuid()), effect)
        })
        .collect()
}
