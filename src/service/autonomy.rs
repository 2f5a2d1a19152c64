//! Autonomy: the record of a class in a repository, read when the gate asks.
//!
//! What is found to have changed is kept by the step that found it, and told with its case.

use super::gather::Gathered;
use super::{ServiceError, Services};
use crate::domain::attempt::AttemptRecord;
use crate::domain::autonomy::{Change, Changed, Record, Standing, standing};
use crate::domain::case::Case;
use crate::domain::evidence::Evidence;
use crate::domain::figures::class_of;
use crate::domain::policy::Policy;
use crate::domain::pull::Repo;
use crate::ports::store::StoreError;

/// Where the class of what failed stands in its repository.
///
/// # Errors
/// [`StoreError`] when the store is not available.
pub(super) async fn of(
    services: &Services,
    (repo, policy): (&Repo, &Policy),
    evidence: &Evidence,
) -> Result<Standing, StoreError> {
    let bounds = policy.autonomy;
    // Where nothing can change nothing is asked.
    let record = if bounds.least == bounds.most {
        Record::default()
    } else {
        services.figures.class_record(repo.id, class_of(evidence)).await?
    };
    Ok(standing(evidence, &record, &bounds, services.clock.now()))
}

/// What a look has found to have changed, to be kept.
pub(super) fn found(gathered: &Gathered, case: &Case) -> Option<Changed> {
    let standing = gathered.autonomy.as_ref().filter(|it| !it.changes.is_empty())?;
    let (repo, class, changes) = (case.repo.id, standing.class, standing.changes.clone());
    Some(Changed { repo, class, changes })
}

/// Changes that are told with a case: those that it was the first to be met by.
///
/// # Errors
/// [`ServiceError::Store`] when the store is not available.
pub(super) async fn told(
    services: &Services,
    (case, attempts): (&Case, &[AttemptRecord]),
    gathered: &Gathered,
) -> Result<Vec<Change>, ServiceError> {
    // A case without an attempt has been met by none.
    let is_asked = !attempts.is_empty() && !gathered.opens_case;
    let mut told =
        if is_asked { services.figures.changes_told(case.id).await? } else { Vec::new() };
    let new = gathered.autonomy.iter().flat_map(|standing| &standing.changes);
    for change in new {
        if !told.contains(change) {
            told.push(change.clone());
        }
    }
    Ok(told)
}
