//! Intake: a delivery becomes facts and wakes pull requests. Nothing is decided here.
//!
//! An event is a hint. What it says about pull requests is kept (an older fact never replaces a
//! newer one), and the pull requests that it may concern are looked at. The pull request of a commit
//! is found in this order: our own table of heads (works for forks, costs nothing); the numbers
//! that the forge named; open pull requests from that branch of that account; open pull requests
//! with that commit. Where the forge gives no branch, the event waits a minute once, because the
//! event that tells of the pull request may still be on its way.

use super::{ServiceError, Services, landed, mending, questions};
use crate::domain::ask::Ask;
use crate::domain::command::{by_button, commands_in};
use crate::domain::effect::{Act, Effect};
use crate::domain::event::{
    CommentRef, Event, InstallationChange, MergeGroupStage, PullChange, Reading,
};
use crate::domain::false_fix::{FalseFix, Sign};
use crate::domain::ids::{
    AttemptId, Branch, CheckRunId, DeliveryId, EffectId, InstallationId, Login, PrNumber, RepoId,
    RunId, Sha, Timestamp,
};
use crate::domain::pull::{Actor, Head, PullHead, PullState, Repo};
use crate::domain::view::{CheckStatus, CheckView};
use crate::ports::store::{Changes, Finish, InstallationFact, InstallationState, PendingDelivery};

/// How long an event without a branch waits for the event that tells of its pull request.
const PULL_LAG_MS: i64 = 60 * 1000;

/// Pull requests woken by one push to their base: those beyond wait for their own next event.
const ONTO_MAX: usize = 50;

/// Reads a delivery and says what follows.
///
/// # Errors
/// [`ServiceError`] when forge or store could not be asked; the delivery is tried again then.
pub(super) async fn read(
    services: &Services,
    pending: &PendingDelivery,
) -> Result<Changes, ServiceError> {
    let now = services.clock.now();
    let delivery = &pending.delivery;
    if delivery.event == questions::ANSWER_EVENT {
        return Ok(questions::read(pending, now));
    }
    let reading = match services.inbound.read(&delivery.event, &delivery.body) {
        Ok(reading) => reading,
        Err(error) => {
            return Ok(Changes::finish(now, Finish::Park { error: error.to_string() }));
        }
    };
    match reading {
        Reading::NoInterest(why) => {
            tracing::debug!(delivery.id = %delivery.id, why, "of no interest");
            Ok(Changes::finish(now, Finish::Done))
        }
        Reading::Event(event) => {
            let (id, received_at) = (&delivery.id, delivery.received_at);
            let hint = Hint { id, tries: pending.tries, received_at, now };
            of_event(services, *event, &hint).await
        }
    }
}

/// What intake needs of the delivery beside its event.
struct Hint<'a> {
    id: &'a DeliveryId,
    tries: u32,
    received_at: Timestamp,
    now: Timestamp,
}

async fn of_event(
    services: &Services,
    event: Event,
    hint: &Hint<'_>,
) -> Result<Changes, ServiceError> {
    let now = hint.now;
    match event {
        Event::PullChanged { pull, change, actor } => {
            Ok(pull_changed(services, pull, change, actor.as_ref(), now).await)
        }
        Event::CiMoved { repo, sha, head, head_owner, pulls, run } => {
            let moved = CiMoved { repo, sha, head, head_owner, pulls, run };
            ci_moved(services, moved, hint).await
        }
        Event::Rerequested { repo, sha, check, actor } => {
            let key = format!("rerequested:{}", hint.id);
            let ask = AskAt { key, check, button: "retry", actor };
            asked_at(services, (&repo, &sha), ask, hint).await
        }
        Event::Pressed { repo, sha, button, actor, check } => {
            let key = format!("button:{}", hint.id);
            let ask = AskAt { key, check: Some(check), button: &button, actor };
            asked_at(services, (&repo, &sha), ask, hint).await
        }
        Event::Commented { repo, number, comment, body, actor, at } => {
            let at = at.unwrap_or(hint.received_at);
            let said = Said { comment, body: &body, actor, at };
            commented(services, repo, number, &said, now).await
        }
        Event::Pushed { repo, branch, after: _, reverted, touched } => {
            services.bases.stir(repo.id, &branch);
            let onto = services.store.pulls_onto(repo.id, &branch).await?;
            let mut changes = wake(onto.into_iter().take(ONTO_MAX).collect(), now);
            let wrong = services.figures.attempts_of(repo.id, &reverted).await?;
            changes.false_fixes = wrong.into_iter().map(|fix| reverted_on(&branch, fix)).collect();
            let gone = landed::superseded(services, (&repo, &branch), &touched, now).await?;
            changes.false_fixes.extend(gone);
            Ok(changes)
        }
        Event::MergeGroup { repo, sha, stage } => Ok(merge_group(services, repo, sha, stage, now)),
        Event::Installation { installation, change, added, removed } => {
            let removed = removed.iter().map(|repo| repo.id).collect();
            Ok(installed(services, Installed { installation, change, added, removed }, now))
        }
        Event::Ping => Ok(Changes::finish(now, Finish::Done)),
    }
}

/// What a commit that reverts one of ours says.
fn reverted_on(branch: &Branch, (attempt, sha): (AttemptId, Sha)) -> FalseFix {
    FalseFix { attempt, sign: Sign::Reverted, evidence: format!("{sha} was reverted on {branch}") }
}

/// Facts to keep, and pull requests to look at now.
fn wake(pulls: Vec<PullHead>, now: Timestamp) -> Changes {
    let mut changes = Changes::finish(now, Finish::Done);
    changes.wake = pulls.iter().map(|pull| (pull.repo.id, pull.number, now)).collect();
    changes.pulls = pulls;
    changes
}

async fn pull_changed(
    services: &Services,
    pull: PullHead,
    change: PullChange,
    actor: Option<&Actor>,
    now: Timestamp,
) -> Changes {
    let by_us = match (actor, services.forge.app().await) {
        (Some(actor), Ok(app)) => actor.id == app.bot,
        (Some(_) | None, _) => false,
    };
    let (key, facts) = ((pull.repo.id, pull.number, now), pull);
    let mut changes = Changes::finish(now, Finish::Done);
    changes.pulls = vec![facts];
    // What we did ourselves is known from its effect. Looked at all the same: our push, because the
    // effect's answer may have been lost, and a label that is gone, because it is no longer ours.
    if !by_us || matches!(change, PullChange::Synchronized | PullChange::Unlabeled) {
        changes.wake = vec![key];
    }
    changes
}

/// CI of a commit moved.
struct CiMoved {
    repo: Repo,
    sha: Sha,
    head: Option<Head>,
    head_owner: Option<Login>,
    pulls: Vec<PrNumber>,
    run: Option<RunId>,
}

async fn ci_moved(
    services: &Services,
    moved: CiMoved,
    hint: &Hint<'_>,
) -> Result<Changes, ServiceError> {
    let now = hint.now;
    if let Some(run) = moved.run
        && let Some(number) = services.store.pull_of_run(moved.repo.id, run).await?
    {
        let mut changes = Changes::finish(now, Finish::Done);
        changes.wake = vec![(moved.repo.id, number, now)];
        return Ok(changes);
    }
    let found = pulls_of(services, &moved).await?;
    if found.is_empty() && moved.head.is_none() && hint.tries == 0 {
        let at = now.plus_ms(PULL_LAG_MS);
        let error = "no pull request is known for this commit yet".to_owned();
        return Ok(Changes::finish(now, Finish::Retry { at, error }));
    }
    if found.is_empty() {
        return Ok(wake(onto_mended(services, &moved).await?, now));
    }
    Ok(wake(found, now))
}

/// Pull requests that wait until the branch is mended on which CI moved, and the one that mends it.
async fn onto_mended(services: &Services, moved: &CiMoved) -> Result<Vec<PullHead>, ServiceError> {
    let Some(head) = moved.head.as_ref().filter(|head| head.repo == Some(moved.repo.id)) else {
        return Ok(Vec::new());
    };
    services.bases.stir(moved.repo.id, &head.branch);
    let mut onto = services.store.waiting_for_base(moved.repo.id, &head.branch).await?;
    onto.extend(mending::onto(services, moved.repo.id, &head.branch).await?);
    Ok(onto)
}

/// Open pull requests whose head is that commit.
async fn pulls_of(services: &Services, moved: &CiMoved) -> Result<Vec<PullHead>, ServiceError> {
    let known = services.store.pulls_at(moved.repo.id, &moved.sha).await?;
    let open: Vec<PullHead> =
        known.into_iter().filter(|pull| pull.state == PullState::Open).collect();
    if !open.is_empty() {
        return Ok(open);
    }
    let (repo, forge) = (&moved.repo, &services.forge);
    let mut found = Vec::new();
    for number in &moved.pulls {
        match forge.pull(repo, *number).await {
            Ok(pull) => found.push(pull),
            Err(error) if error.is_transient() => return Err(error.into()),
            Err(_) => {}
        }
    }
    if found.is_empty() {
        found = match (&moved.head, &moved.head_owner) {
            (Some(head), Some(owner)) => forge.pulls_from(repo, owner, &head.branch).await?,
            (Some(_) | None, _) => forge.pulls_with_commit(repo, &moved.sha).await?,
        };
    }
    let head_repo = moved.head.as_ref().and_then(|head| head.repo);
    Ok(found
        .into_iter()
        .filter(|pull| pull.head.sha == moved.sha)
        .filter(|pull| head_repo.is_none() || pull.head.repo == head_repo)
        .map(PullHead::from)
        .collect())
}

/// A wish that is about a check run, and so about a commit. GitHub does not say when a button was
/// pressed: it was when the delivery came.
struct AskAt<'a> {
    key: String,
    /// The check run; `None` when all of the commit are meant.
    check: Option<CheckRunId>,
    button: &'a str,
    actor: Actor,
}

async fn asked_at(
    services: &Services,
    (repo, sha): (&Repo, &Sha),
    ask: AskAt<'_>,
    hint: &Hint<'_>,
) -> Result<Changes, ServiceError> {
    let (now, at) = (hint.now, hint.received_at);
    let Some(kind) = by_button(ask.button) else {
        return Ok(Changes::finish(now, Finish::Done));
    };
    let mut changes = wake(shown_by(services, repo, sha, ask.check).await?, now);
    for (repo, number, _) in changes.wake.clone() {
        let key = format!("{}:{number}", ask.key);
        let text = format!("the button {}", kind.as_str());
        let actor = ask.actor.clone();
        changes.asks.push((repo, number, Ask { key, kind, text, actor, comment: None, at }));
    }
    Ok(changes)
}

/// The open pull requests that a check run is about: several may have the same head, each with a
/// check run of its own.
async fn shown_by(
    services: &Services,
    repo: &Repo,
    sha: &Sha,
    check: Option<CheckRunId>,
) -> Result<Vec<PullHead>, ServiceError> {
    let mut pulls = services.store.pulls_at(repo.id, sha).await?;
    pulls.retain(|pull| pull.state == PullState::Open);
    let Some(check) = check.filter(|_| pulls.len() > 1) else { return Ok(pulls) };
    for pull in &pulls {
        let known = services.store.known_check(repo.id, pull.number, sha).await?;
        if known.is_some_and(|known| known.id == check) {
            return Ok(vec![pull.clone()]);
        }
    }
    Ok(Vec::new())
}

/// What somebody wrote.
struct Said<'a> {
    comment: CommentRef,
    body: &'a str,
    actor: Actor,
    at: Timestamp,
}

async fn commented(
    services: &Services,
    repo: Repo,
    number: PrNumber,
    said: &Said<'_>,
    now: Timestamp,
) -> Result<Changes, ServiceError> {
    let given = commands_in(said.body);
    let mut changes = Changes::finish(now, Finish::Done);
    if given.is_empty() || said.actor.is_bot {
        return Ok(changes);
    }
    if services.store.pull(repo.id, number).await?.is_none() {
        let pull = services.forge.pull(&repo, number).await?;
        changes.pulls.push(pull.into());
    }
    changes.wake.push((repo.id, number, now));
    for (index, command) in given.into_iter().enumerate() {
        let ask = Ask {
            key: format!("comment:{}:{}:{index}", repo.id, said.comment.id),
            kind: command.kind,
            text: command.text,
            actor: said.actor.clone(),
            comment: Some(said.comment),
            at: said.at,
        };
        changes.asks.push((repo.id, number, ask));
    }
    Ok(changes)
}

/// A merge queue builds commits of its own; where our check is required it must say something there.
fn merge_group(
    services: &Services,
    repo: Repo,
    sha: Sha,
    stage: MergeGroupStage,
    now: Timestamp,
) -> Changes {
    let mut changes = Changes::finish(now, Finish::Done);
    if stage == MergeGroupStage::ChecksRequested {
        let view = CheckView {
            external_id: format!("queue:{}", sha.short()),
            head: sha,
            status: CheckStatus::Success,
            title: "Nothing to heal in a merge queue".to_owned(),
            summary: "Queue branches cannot be changed; failures are healed on the pull request."
                .to_owned(),
            text: String::new(),
            annotations: Vec::new(),
            buttons: Vec::new(),
            details_url: None,
        };
        let effect = Effect { repo, number: None, act: Act::PublishCheck { view } };
        changes.effects.push((EffectId::new(services.ids.uuid()), effect));
    }
    changes
}

/// The App's access changed.
struct Installed {
    installation: InstallationId,
    change: InstallationChange,
    added: Vec<Repo>,
    removed: Vec<RepoId>,
}

fn installed(services: &Services, event: Installed, now: Timestamp) -> Changes {
    let state = match event.change {
        InstallationChange::Deleted => InstallationState::Deleted,
        InstallationChange::Suspended => InstallationState::Suspended,
        InstallationChange::Created
        | InstallationChange::Unsuspended
        | InstallationChange::PermissionsAccepted
        | InstallationChange::RepositoriesChanged => InstallationState::Active,
    };
    let mut changes = Changes::finish(now, Finish::Done);
    if state == InstallationState::Active {
        changes.effects = event
            .added
            .iter()
            .map(|repo| {
                let effect = Effect { repo: repo.clone(), number: None, act: Act::Onboard };
                (EffectId::new(services.ids.uuid()), effect)
            })
            .collect();
    }
    changes.installations = vec![InstallationFact {
        id: event.installation,
        state,
        added: event.added,
        removed: event.removed,
    }];
    changes
}
