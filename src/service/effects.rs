//! Effects: the outbox is performed, one effect at a time, each by its key.
//!
//! At least once, made exactly once in effect: the forge port's writes look up what is there before
//! they create. Trouble that may pass is retried with growing pauses; a refusal is an answer, which
//! the next decision takes into account; what cannot be done and changes nothing for the case is
//! parked, where operators see it.

use super::{ServiceError, Services, mending, undo};

use crate::domain::attempt::AttemptState;
use crate::domain::case::CaseState;
use crate::domain::effect::{Act, Effect, EffectResult, PendingEffect, Wanted};
use crate::domain::false_fix::FalseFix;
use crate::domain::ids::{AttemptId, Branch, PrNumber, RepoPath, RunId, Sha, Timestamp};
use crate::domain::patch::Patch;
use crate::domain::policy::POLICY_FILE;
use crate::domain::pull::PullHead;
use crate::domain::view::CheckView;
use crate::ports::compute::Job;
use crate::ports::forge::{ForgeError, NewCommit, Proposal};
use crate::ports::store::{Changes, Finish, Learned, RunnerView};
use crate::report::{COMMENT_MARKER, onboarding};

/// The first pause; each further one doubles.
const PAUSE_MS: i64 = 2 * 1000;

/// No pause is longer: a forge that was down for a day is asked again within this.
const PAUSE_MS_MAX: i64 = 10 * 60 * 1000;

/// After so many failures in a row (about a day) a person has to look.
const TRIES_MAX: u32 = 150;

/// What performing an effect yields.
#[derive(Debug)]
pub(super) struct Performed {
    pub(super) result: EffectResult,
    learned: Learned,
    false_fixes: Vec<FalseFix>,
    /// Facts about pull requests that it has met.
    pub(super) pulls: Vec<PullHead>,
    /// Pull requests for which something has changed.
    pub(super) wake: Vec<PrNumber>,
}

impl Performed {
    pub(super) fn done() -> Self {
        Self::with(EffectResult::Done { commit: None, run: None })
    }

    fn committed(commit: Sha) -> Self {
        Self::with(EffectResult::Done { commit: Some(commit), run: None })
    }

    pub(super) fn refused(message: &str) -> Self {
        Self::with(EffectResult::Refused { message: message.to_owned() })
    }

    fn with(result: EffectResult) -> Self {
        Self {
            result,
            learned: Learned::default(),
            false_fixes: Vec::new(),
            pulls: Vec::new(),
            wake: Vec::new(),
        }
    }
}

/// Performs an effect and says what came of it.
///
/// # Errors
/// [`ServiceError::Store`] when the store could not be used; the forge's trouble is an answer.
pub(super) async fn perform(
    services: &Services,
    pending: &PendingEffect,
) -> Result<Changes, ServiceError> {
    let now = services.clock.now();
    match act(services, &pending.effect).await {
        Ok(performed) => {
            let mut changes = Changes::finish(now, Finish::Done);
            changes.result = Some(performed.result);
            changes.learned = performed.learned;
            changes.false_fixes = performed.false_fixes;
            changes.pulls = performed.pulls;
            let repo = pending.effect.repo.id;
            changes.wake = performed.wake.into_iter().map(|number| (repo, number, now)).collect();
            Ok(changes)
        }
        Err(ServiceError::Forge(error)) => Ok(after_trouble(pending, &error, now)),
        Err(error) => Err(error),
    }
}

/// What follows from the forge's trouble.
fn after_trouble(pending: &PendingEffect, error: &ForgeError, now: Timestamp) -> Changes {
    let words = error.to_string();
    let answered = |result: EffectResult| {
        let mut changes = Changes::finish(now, Finish::Done);
        changes.result = Some(result);
        changes
    };
    match error {
        ForgeError::Moved { .. } => answered(EffectResult::Moved),
        ForgeError::RateLimited { until } => {
            let at = (*until).max(now.plus_ms(PAUSE_MS));
            Changes::finish(now, Finish::Retry { at, error: words })
        }
        ForgeError::Unavailable(_) | ForgeError::Unreadable(_) if pending.tries < TRIES_MAX => {
            let at = now.plus_ms(pause_ms(pending.tries));
            Changes::finish(now, Finish::Retry { at, error: words })
        }
        ForgeError::Unavailable(_)
        | ForgeError::Unreadable(_)
        | ForgeError::NotFound(_)
        | ForgeError::Expired(_)
        | ForgeError::Refused { .. }
        | ForgeError::NoAccess(_) => {
            if is_waited_for(&pending.effect.act) {
                answered(EffectResult::Refused { message: words })
            } else {
                Changes::finish(now, Finish::Park { error: words })
            }
        }
    }
}

/// Whether a case waits for the effect's answer.
const fn is_waited_for(act: &Act) -> bool {
    match act {
        Act::Dispatch { .. } | Act::Commit { .. } | Act::Undo { .. } | Act::Rerun { .. } => true,
        Act::PublishCheck { .. }
        | Act::UpsertComment { .. }
        | Act::Reply { .. }
        | Act::Remind { .. }
        | Act::React { .. }
        | Act::SetLabel { .. }
        | Act::SetAutoMerge { .. }
        | Act::Cancel { .. }
        | Act::UpdateBranch { .. }
        | Act::Mend { .. }
        | Act::Describe { .. }
        | Act::MarkReady { .. }
        | Act::Withdraw { .. }
        | Act::Onboard => false,
    }
}

/// Doubles from [`PAUSE_MS`] to [`PAUSE_MS_MAX`].
fn pause_ms(tries: u32) -> i64 {
    PAUSE_MS.saturating_mul(1_i64 << tries.min(20)).min(PAUSE_MS_MAX)
}

async fn act(services: &Services, effect: &Effect) -> Result<Performed, ServiceError> {
    let (forge, repo) = (&services.forge, &effect.repo);
    let number = effect.number.unwrap_or(PrNumber::new(0));
    match &effect.act {
        Act::PublishCheck { view } => publish_check(services, effect, view).await,
        Act::UpsertComment { view } => {
            let known = services.store.known_comment(repo.id, number).await?;
            let id = forge.upsert_comment(repo, number, view, known).await?;
            let mut performed = Performed::done();
            performed.learned.comment = Some((repo.id, number, id));
            Ok(performed)
        }
        Act::Reply { to, body } => {
            let marker = format!("<!-- selfheal:reply:{to} -->");
            debug_assert_ne!(marker, COMMENT_MARKER);
            forge.reply(repo, number, &marker, body).await?;
            Ok(Performed::done())
        }
        Act::Remind { attempt, time, nth, body } => {
            remind(services, effect, *attempt, &Reminder { time: *time, nth: *nth, body }).await
        }
        Act::React { to, reaction } => {
            forge.react(repo, *to, *reaction).await?;
            Ok(Performed::done())
        }
        Act::SetLabel { label, wanted } => {
            match wanted {
                Wanted::Present => forge.add_label(repo, number, label).await?,
                Wanted::Absent => forge.remove_label(repo, number, label).await?,
            }
            Ok(Performed::done())
        }
        Act::SetAutoMerge { head, restore } => {
            match restore {
                None => forge.disable_auto_merge(repo, number).await?,
                Some(held) => forge.enable_auto_merge(repo, number, head, held).await?,
            }
            Ok(Performed::done())
        }
        Act::Dispatch { attempt, head, after, dispatch: _ } => {
            start(services, effect, *attempt, (head, *after)).await
        }
        Act::Cancel { run } => {
            services.compute.cancel(repo, *run).await?;
            Ok(Performed::done())
        }
        Act::Rerun { run, attempt } => {
            forge.rerun_failed(repo, *run, *attempt).await?;
            Ok(Performed::done())
        }
        Act::UpdateBranch { head } => {
            forge.update_branch(repo, number, head).await?;
            Ok(Performed::done())
        }
        Act::Mend { .. } | Act::Describe { .. } | Act::MarkReady { .. } | Act::Withdraw { .. } => {
            Box::pin(mending::performed(services, effect)).await
        }
        Act::Commit { attempt, patch_digest, branch, parent, message } => {
            let wish = CommitWish { patch_digest, branch, parent, message };
            commit(services, effect, *attempt, &wish).await
        }
        Act::Undo { .. } => Ok(match Box::pin(undo::taken_back(services, effect)).await? {
            Some((commit, false_fixes)) => {
                Performed { false_fixes, ..Performed::committed(commit) }
            }
            None => Performed::refused("nobody wants it any more"),
        }),
        Act::Onboard => onboard(services, effect).await,
    }
}

/// What people are reminded of.
struct Reminder<'a> {
    time: u8,
    nth: u8,
    body: &'a str,
}

/// Reminds people, unless they have answered meanwhile.
async fn remind(
    services: &Services,
    effect: &Effect,
    attempt: AttemptId,
    reminder: &Reminder<'_>,
) -> Result<Performed, ServiceError> {
    let view = services.store.runner_view(attempt).await?;
    let waits = |view: &RunnerView| view.case.state == CaseState::AwaitingAnswer(attempt);
    if view.as_ref().is_some_and(waits) {
        let Reminder { time, nth, body } = reminder;
        let marker = format!("<!-- selfheal:remind:{attempt}:{time}:{nth} -->");
        let number = effect.number.unwrap_or(PrNumber::new(0));
        services.forge.reply(&effect.repo, number, &marker, body).await?;
    }
    Ok(Performed::done())
}

async fn publish_check(
    services: &Services,
    effect: &Effect,
    view: &CheckView,
) -> Result<Performed, ServiceError> {
    let number = effect.number.unwrap_or(PrNumber::new(0));
    let known = services.store.known_check(effect.repo.id, number, &view.head).await?;
    let published = services.forge.publish_check(&effect.repo, view, known).await?;
    let mut performed = Performed::done();
    performed.learned.check = Some((effect.repo.id, number, view.head.clone(), published));
    Ok(performed)
}

/// Starts a runner, unless the attempt is over or the head moved meanwhile.
async fn start(
    services: &Services,
    effect: &Effect,
    attempt: AttemptId,
    (head, after): (&Sha, Option<RunId>),
) -> Result<Performed, ServiceError> {
    let Some(view) = services.store.runner_view(attempt).await? else {
        return Ok(Performed::done());
    };
    let number = view.case.number;
    let pull = services.forge.pull(&effect.repo, number).await?;
    if !is_at_work(&view) || pull.head.sha != *head {
        return Ok(Performed::done());
    }
    let job = Job { repo: effect.repo.clone(), number, attempt, head: head.clone(), after };
    let run = services.compute.start(&job).await?;
    Ok(started(attempt, run))
}

fn started(attempt: AttemptId, run: Option<RunId>) -> Performed {
    let mut performed = Performed::done();
    performed.result = EffectResult::Done { commit: None, run };
    performed.learned.run = run.map(|run| (attempt, run));
    performed
}

fn is_at_work(view: &RunnerView) -> bool {
    view.case.state.attempt() == Some(view.record.attempt.id)
        && view.record.attempt.state == AttemptState::Running
}

fn is_committing(view: &RunnerView) -> bool {
    view.case.state.attempt() == Some(view.record.attempt.id)
        && view.record.attempt.state == AttemptState::Committing
}

/// What a commit effect wants, beside its attempt.
struct CommitWish<'a> {
    patch_digest: &'a str,
    branch: &'a Branch,
    parent: &'a Sha,
    message: &'a str,
}

/// Commits the recorded patch, if it is the one that was judged and nobody has ended the attempt
/// meanwhile: a commit that had to be tried again may meet a person who said stop.
async fn commit(
    services: &Services,
    effect: &Effect,
    attempt: AttemptId,
    wish: &CommitWish<'_>,
) -> Result<Performed, ServiceError> {
    let view = services.store.runner_view(attempt).await?;
    let Some(view) = view.filter(is_committing) else {
        return Ok(Performed::refused("the attempt is over"));
    };
    let Some(patch) = judged_patch(&view, wish.patch_digest) else {
        return Ok(Performed::refused("the recorded patch is not the one that was judged"));
    };
    let commit = NewCommit {
        repo: effect.repo.clone(),
        branch: wish.branch.clone(),
        parent: wish.parent.clone(),
        patch: patch.clone(),
        message: wish.message.to_owned(),
        attempt,
    };
    Ok(Performed::committed(services.forge.commit(&commit).await?))
}

fn judged_patch<'a>(view: &'a RunnerView, digest: &str) -> Option<&'a Patch> {
    view.record.report.outcome.as_ref()?.patch().filter(|patch| patch.digest() == digest)
}

/// Proposes a policy file to a repository that has none.
async fn onboard(services: &Services, effect: &Effect) -> Result<Performed, ServiceError> {
    let path = RepoPath::parse(POLICY_FILE).expect("invariant: the policy's path is well formed");
    let branch =
        Branch::parse(onboarding::BRANCH).expect("invariant: our own branch is well formed");
    let default = services.forge.default_branch(&effect.repo).await?;
    if services.forge.file(&effect.repo, default.as_str(), &path).await?.is_some() {
        return Ok(Performed::done());
    }
    let proposal = Proposal {
        repo: effect.repo.clone(),
        branch,
        path,
        content: onboarding::POLICY.to_owned(),
        title: onboarding::TITLE.to_owned(),
        body: onboarding::body(services.workflow_text),
    };
    services.forge.propose(&proposal).await?;
    Ok(Performed::done())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        assert_eq!(pause_ms(0), PAUSE_MS);
        assert_eq!(pause_ms(1), 2 * PAUSE_MS);
        assert_eq!(pause_ms(99), PAUSE_MS_MAX);
    }
}
