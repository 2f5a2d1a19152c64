//! What begins: a case, because something has failed or in the place of one that a person stopped, and
//! an attempt, where there is room.

use super::Look;
use crate::domain::ask::{Ask, AskKind};
use crate::domain::attempt::{Attempt, AttemptState};
use crate::domain::case::{Asked, Case, CaseState, StoppedBy, UndoStage, Undoing};
use crate::domain::ids::{CaseId, Timestamp};
use crate::domain::message::attempts_shown;
use crate::domain::policy::Forks;
use crate::domain::pull::{Ci, PullState};
use crate::domain::undo::undone_at_head;
use crate::domain::view::CheckView;
use crate::ports::store::{Ceiling, PullRecord};
use crate::report;
use crate::service::gather::Gathered;
use crate::service::{ServiceError, Services};

/// When a head whose CI still runs is looked at again. Most CI has ended by then and told so, and no
/// look is made for nothing.
const PENDING_MS: i64 = 30 * 60 * 1000;

/// When a red head is looked at again that waits for room: cases take minutes.
const ROOM_MS: i64 = 10 * 60 * 1000;

/// A pull request that nobody has touched for so long waits for its next event: nothing runs longer.
const QUIET_MS_MAX: i64 = 72 * 60 * 60 * 1000;

/// Whether something has failed, or somebody wants hands off before anything does.
pub(super) fn wants_case(gathered: &Gathered) -> bool {
    let failed = match &gathered.ci {
        Ci::Red(_) => true,
        Ci::Pending { red } => !red.is_empty(),
        Ci::Nothing | Ci::Green | Ci::NeedsApproval(_) | Ci::Cancelled(_) => false,
    };
    let stops = |ask: &Ask| {
        let is_overtaken = gathered.heeded.iter().any(|said| ask.is_overtaken_by(said));
        let is_possible = ask.kind == AskKind::Stop || matches!(gathered.undo, Some(Ok(_)));
        ask.kind.says_stop() && is_possible && !is_overtaken
    };
    failed || gathered.asks.iter().any(|(ask, _)| stops(ask))
}

/// Whether the repository may have one case more. What a person asks for is never put off.
pub(super) async fn has_room(
    services: &Services,
    gathered: &mut Gathered,
    now: Timestamp,
) -> Result<bool, ServiceError> {
    let usage = services.store.usage(gathered.pull.repo.id, now).await?;
    gathered.usage = Some(usage);
    let open = usage.cases_open;
    let has_room = open < services.limits.repository_cases || !gathered.asks.is_empty();
    if !has_room {
        tracing::warn!(open, "a red head waits: as many cases are open as the repository may have");
    }
    Ok(has_room)
}

/// What is said of a head without a case, once: that it waits for room, or for a person who lets its
/// runs begin, where nothing was said there yet; and that nobody waits any more, where that was the
/// last word and CI has become green.
pub(super) async fn said_without_case(
    services: &Services,
    record: &PullRecord,
    gathered: &Gathered,
) -> Result<Option<CheckView>, ServiceError> {
    let pull = &gathered.pull;
    if pull.state != PullState::Open || is_unwanted(gathered) {
        return Ok(None);
    }
    let had_case = record.case.as_ref().is_some_and(|case| case.head == pull.head.sha);
    let (number, head) = (pull.number, &pull.head.sha);
    let is_first = async || {
        let said = services.store.known_check(pull.repo.id, number, head).await?;
        Ok::<bool, ServiceError>(said.is_none())
    };
    Ok(match &gathered.ci {
        _ if wants_case(gathered) => {
            let cases_max = services.limits.repository_cases;
            is_first().await?.then(|| report::waiting_for_room(number, head, cases_max))
        }
        Ci::NeedsApproval(runs) if !had_case => {
            is_first().await?.then(|| report::waiting_for_approval(number, head, runs))
        }
        Ci::Green if !had_case => {
            (!is_first().await?).then(|| report::green_without_case(number, head))
        }
        Ci::Nothing
        | Ci::Pending { .. }
        | Ci::Red(_)
        | Ci::Cancelled(_)
        | Ci::NeedsApproval(_)
        | Ci::Green => None,
    })
}

/// Whether the repository does not want to hear of us at all on this pull request.
pub(super) fn is_unwanted(gathered: &Gathered) -> bool {
    let policy = &gathered.policy.policy;
    let is_ignored_fork = gathered.pull.is_from_fork() && policy.forks == Forks::Ignore;
    !policy.enabled || is_ignored_fork
}

/// When to look again at a head without a case: soon, when it waits for room; else in case nobody
/// tells us how its CI ended: the longer nothing happens, the later, until nobody waits any more.
pub(super) fn again_without_case(gathered: &Gathered, now: Timestamp) -> Option<Timestamp> {
    if gathered.pull.state == PullState::Open && wants_case(gathered) {
        return Some(now.plus_ms(ROOM_MS));
    }
    let runs = match &gathered.ci {
        Ci::Nothing | Ci::Pending { .. } => gathered.pull.state == PullState::Open,
        Ci::Green | Ci::Red(_) | Ci::NeedsApproval(_) | Ci::Cancelled(_) => false,
    };
    let quiet = now.since_ms(gathered.pull.updated_at);
    (runs && quiet < QUIET_MS_MAX).then(|| now.plus_ms((quiet / 2).max(PENDING_MS)))
}

/// A new case; attempts that its commits already show are counted, whatever the store remembers, and
/// where the last thing that was done is an undo, people have said no.
pub(super) async fn opened(
    services: &Services,
    gathered: &Gathered,
    now: Timestamp,
) -> Result<Case, ServiceError> {
    let pull = &gathered.pull;
    let bot = services.forge.app().await?.bot;
    let commits = services.forge.pull_commits(&pull.repo, pull.number).await?;
    Ok(Case {
        id: CaseId::new(services.ids.uuid()),
        repo: pull.repo.clone(),
        number: pull.number,
        opened_head: pull.head.sha.clone(),
        head: pull.head.sha.clone(),
        opened_at: now,
        since: now,
        state: undone_at_head(&commits, bot).map_or(CaseState::Watching, |by| {
            let parent = pull.head.sha.clone();
            CaseState::Stopped(StoppedBy::Undo(Undoing { by, parent, stage: UndoStage::Done }))
        }),
        attempts: attempts_shown(&commits, bot),
        reruns: 0,
        asked: Asked::No,
        labels: Vec::new(),
        auto_merge: None,
    })
}

/// Closing and opening again is no push: what was used up on this very head stays used up.
pub(super) fn go_on_counting(case: &mut Case, closed: &Case) {
    if closed.state == CaseState::Closed && closed.head == case.head {
        case.attempts = case.attempts.max(closed.attempts);
        case.reruns = closed.reruns;
    }
}

/// What the store holds an attempt against that begins in this look; `None` when none does.
pub(super) fn ceiling(
    services: &Services,
    look: &Look,
    gathered: &Gathered,
    now: Timestamp,
) -> Option<Ceiling> {
    let begins = |attempt: &Attempt| {
        let is_first = attempt.planned_at == now && attempt.dispatches == 1;
        is_first && attempt.state == AttemptState::Running
    };
    let (budget, limits) = (&gathered.policy.policy.budget, &services.limits);
    look.changed.iter().any(begins).then_some(Ceiling {
        repo: look.case.repo.id,
        attempts_today: budget.attempts_per_day,
        attempts_running: budget.attempts_at_once,
        installation_running: limits.installation_attempts,
        all_running: limits.attempts,
    })
}

/// A stop by a person is about the pull request and not about one head: when they push, the case is
/// over, and the one that takes its place is stopped as well. So it is when the stop was said and the
/// head had moved in one look: a commit of ours may have been on its way.
pub(super) fn successor(services: &Services, look: &Look, now: Timestamp) -> Option<Case> {
    let CaseState::Superseded(head) = &look.case.state else { return None };
    let stopped @ CaseState::Stopped(by) = look.left.as_ref()? else { return None };
    if !by.is_a_word() {
        return None;
    }
    Some(Case {
        id: CaseId::new(services.ids.uuid()),
        opened_head: head.clone(),
        head: head.clone(),
        opened_at: now,
        since: now,
        state: stopped.clone(),
        attempts: 0,
        reruns: 0,
        asked: Asked::No,
        labels: Vec::new(),
        auto_merge: None,
        ..look.case.clone()
    })
}
