//! Causes: what is read to tell whose fault a failure is, beside the failure itself.
//!
//! Nothing is asked when no failure could be the code's: a lost runner is nobody's.

use super::{ServiceError, Services, bases, mending};
use crate::domain::cause::{Base, BaseState, Cause, Judged, Judgement, Known, judge};
use crate::domain::chain::Chain;
use crate::domain::evidence::Evidence;
use crate::domain::flakes::counted_since;
use crate::domain::policy::Policy;
use crate::domain::pull::Pull;
use crate::ports::forge::ForgeError;

/// Judges what was read; `earlier` is what the same failures of the same runs were judged to be before.
///
/// # Errors
/// [`ServiceError`] when store or forge could not be asked and later may do.
pub(super) async fn judged(
    services: &Services,
    (pull, policy): (&Pull, &Policy),
    evidence: &Evidence,
    earlier: &Judgement,
) -> Result<Judgement, ServiceError> {
    let (mut past, mut branch) = (Vec::new(), None);
    if evidence.failures.iter().any(|failure| !failure.counts_as().is_of_machines()) {
        let since = counted_since(services.clock.now());
        past = services.flakes.pasts(pull.repo.id, since).await?;
        branch = base(services, pull, policy).await?;
    }
    let changed_files = &evidence.changed_files;
    let is_mending = mending::is_mending(services, pull).await?;
    let mends = is_mending.then_some(&pull.base);
    let base = branch.as_ref();
    let mut known = Known { changed_files, base, began: None, past: &past, earlier, mends };
    let mut judgement = judge(&evidence.failures, &known);
    // What the newest commit does not explain, the one that the pull request was made from may.
    let is_open = |judged: &Judged| matches!(judged.cause, Cause::Change | Cause::Unknown);
    let began = match base.filter(|_| judgement.causes.iter().any(is_open) && !is_mending) {
        Some(base) => began(services, (pull, policy), base).await?,
        None => None,
    };
    if began.is_some() {
        known.began = began.as_ref();
        judgement = judge(&evidence.failures, &known);
    }
    if let Some(broken) = judgement.base.as_mut().filter(|_| !is_mending) {
        broken.mending = mending::of_base(services, &pull.repo, broken).await?;
    }
    Ok(judgement)
}

/// How CI stands on the commit of its base branch that a pull request was made from, where that is
/// known and is not the newest.
async fn began(
    services: &Services,
    of: (&Pull, &Policy),
    base: &Base,
) -> Result<Option<Base>, ServiceError> {
    if matches!(base.state, BaseState::Unknown(_)) {
        return Ok(None);
    }
    match bases::began_at(services, of, base).await {
        Err(ServiceError::Forge(error)) if !error.is_transient() => {
            tracing::info!(error = %Chain(&error), "its beginning is not known");
            Ok(None)
        }
        other => other,
    }
}

/// How CI stands on the branch that a pull request wants to go into.
pub(super) async fn base(
    services: &Services,
    pull: &Pull,
    policy: &Policy,
) -> Result<Option<Base>, ServiceError> {
    match bases::base_of(services, pull, policy).await {
        // What cannot be read now or ever is not known; the pull request does not wait for it.
        Err(ServiceError::Forge(error)) if !error.is_transient() => {
            tracing::info!(error = %Chain(&error), "the base is not known");
            Ok(Some(Base {
                branch: pull.base.clone(),
                at: pull.base_sha.clone(),
                state: BaseState::Unknown(words(&error)),
            }))
        }
        other => other,
    }
}

const fn words(error: &ForgeError) -> &'static str {
    match error {
        ForgeError::NoAccess(_) => "CI of the base branch may not be read",
        _ => "CI of the base branch could not be read",
    }
}
