//! Remedies: what healed is filed when CI says so, and given to the next attempt that needs it.
//!
//! Filing reads the old side of the fix from the forge, once for a fix: nothing that a runner says of
//! it is taken. A fix that applied a remedy is not filed again; the remedy has healed once more.

pub mod kept;

use std::convert::Infallible;

use super::{ServiceError, Services};
use crate::domain::attempt::{AttemptEnd, AttemptRecord, AttemptState};
use crate::domain::case::Case;
use crate::domain::chain::Chain;
use crate::domain::evidence::Evidence;
use crate::domain::failure::Failure;
use crate::domain::ids::{AttemptId, RepoPath};
use crate::domain::outcome::Outcome;
use crate::domain::policy::{Policy, Remedies};
use crate::domain::pull::{Pull, Repo};
use crate::domain::remedy::{
    Body, Cure, FILES_MAX, Filed, NewRemedy, Offer, Taker, apply, cures, edits, offers, remedy_of,
};
use crate::ports::remedies::Wanted;
use crate::ports::store::{RunnerView, StoreError};

/// What an attempt that healed leaves for others, if anything.
///
/// # Errors
/// [`ServiceError::Forge`] when the forge cannot be asked now; the look is made again then.
pub(super) async fn filed(
    services: &Services,
    (case, policy): (&Case, &Policy),
    record: &AttemptRecord,
    read: &Evidence,
) -> Result<Option<Filed>, ServiceError> {
    let attempt = &record.attempt;
    let (AttemptState::Ended(AttemptEnd::Healed(commit)), Some(outcome)) =
        (&attempt.state, &record.report.outcome)
    else {
        return Ok(None);
    };
    let Outcome::Proposed { patch, fixer, .. } = outcome else { return Ok(None) };
    if let Some(remedy) = remedy_of(fixer) {
        return Ok(Some(Filed::Again { attempt: attempt.id, remedy }));
    }
    let cures = cures(&read.failures);
    if policy.remedies == Remedies::None || cures.is_empty() || patch.changes().len() > FILES_MAX {
        return Ok(None);
    }
    let paths: Vec<RepoPath> = patch.changes().iter().map(|change| change.path.clone()).collect();
    let base = match services.forge.base_files(&case.repo, &attempt.head, &paths).await {
        Ok(base) => base,
        Err(error) if error.is_transient() => return Err(error.into()),
        Err(error) => {
            tracing::info!(error = %Chain(&error), "a fix is not filed");
            return Ok(None);
        }
    };
    let remedy = edits(patch, &base).map(|edits| NewRemedy {
        attempt: attempt.id,
        owner: case.repo.installation,
        repo: case.repo.id,
        number: case.number,
        commit: commit.clone(),
        shared: policy.remedies == Remedies::Owner,
        body: Body { cures, edits },
    });
    Ok(remedy.map(|remedy| Filed::New(Box::new(remedy))))
}

/// Remedies that fit what failed, the most promising first.
async fn fitting(
    services: &Services,
    (repo, policy): (&Repo, &Policy),
    attempt: AttemptId,
    failed: &[Cure],
) -> Result<Vec<Offer>, StoreError> {
    if policy.remedies == Remedies::None || failed.is_empty() {
        return Ok(Vec::new());
    }
    let shapes: Vec<_> = failed.iter().map(|cure| cure.shape.clone()).collect();
    let (owner, allowed) = (repo.installation, policy.remedies);
    let wanted = Wanted { owner, repo: repo.id, attempt, shapes: &shapes };
    let known = services.remedies.remedies(wanted).await?;
    Ok(offers(&known, &Taker { owner, repo: repo.id, allowed, failed }))
}

/// A remedy that an attempt would be given, and whether all of its places are found at the head;
/// `None` where the forge does not show what it would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// The remedy.
    pub offer: Offer,
    /// Whether it applies.
    pub applies: Option<bool>,
}

/// What an attempt on these failures would be given, without one; nothing is noted.
pub(super) async fn promised(
    services: &Services,
    (pull, policy): (&Pull, &Policy),
    failures: &[Failure],
) -> Result<Vec<Promise>, ServiceError> {
    let repo = &pull.repo;
    // No attempt has this id, so that no case has tried anything.
    let nobody = AttemptId::new(services.ids.uuid());
    let offers = fitting(services, (repo, policy), nobody, &cures(failures)).await?;
    let mut promises = Vec::with_capacity(offers.len());
    for offer in offers {
        let paths: Vec<RepoPath> = offer.edits.iter().map(|edit| edit.path.clone()).collect();
        let files = services.forge.base_files(repo, &pull.head.sha, &paths).await?;
        let is_shown = files.iter().all(|file| file.text.is_some());
        let text = |path: &RepoPath| -> Result<Option<String>, Infallible> {
            let file = files.iter().find(|file| file.path == *path);
            Ok(file.and_then(|file| file.text.clone()))
        };
        let applies = is_shown.then(|| apply(&offer.edits, text).is_some());
        promises.push(Promise { offer, applies });
    }
    Ok(promises)
}

/// What the attempt's runner is given; noted, so that it can say what came of these and no others.
///
/// # Errors
/// [`StoreError`] when the store is not available.
pub(super) async fn offered(
    services: &Services,
    view: &RunnerView,
    policy: &Policy,
) -> Result<Vec<Offer>, StoreError> {
    let failed = view.evidence.as_ref().map(|read| cures(&read.failures)).unwrap_or_default();
    let (repo, attempt) = (&view.case.repo, view.record.attempt.id);
    let offers = fitting(services, (repo, policy), attempt, &failed).await?;
    if offers.is_empty() {
        return Ok(offers);
    }
    let ids: Vec<AttemptId> = offers.iter().map(|offer| offer.remedy).collect();
    services.remedies.offer_remedies(attempt, &ids, services.clock.now()).await?;
    Ok(offers)
}
