//! Landed: fixes after their pull request was merged, as pushes to its base branch tell of them.
//!
//! A push names the files that its commits touch, so most cost one question to the store and nothing
//! else. Where files of a fix are among them, those are compared with the branch as it is now. Only
//! fixes whose pull request has been merged for a while are looked at: before that the branch may not
//! show them yet, and a base branch without our lines says nothing against them.
//!
//! Figures are worth a few requests and no trouble: what the forge does not show counts for nothing.

use super::overwritten::{Written, overwritten};
use super::{ServiceError, Services};
use crate::domain::false_fix::{FalseFix, Sign, WITHIN_MS};
use crate::domain::ids::{Branch, RepoPath, Timestamp};
use crate::domain::pull::Repo;
use crate::ports::figures::{Landed, LandedOn};

/// How long a merge has to be over: webhooks and replicas lag by seconds, redeliveries by minutes.
const SETTLED_MS: i64 = 10 * 60 * 1000;

/// Fixes that are compared after one push, at four requests each.
const COMPARED_MAX: usize = 3;

/// Fixes over whose lines others stand on the branch since it was pushed to.
///
/// # Errors
/// [`ServiceError::Store`] when the store cannot be asked.
pub(super) async fn superseded(
    services: &Services,
    (repo, branch): (&Repo, &Branch),
    touched: &[RepoPath],
    now: Timestamp,
) -> Result<Vec<FalseFix>, ServiceError> {
    if touched.is_empty() {
        return Ok(Vec::new());
    }
    let on = LandedOn {
        repo: repo.id,
        branch,
        green_since: now.plus_ms(-WITHIN_MS),
        merged_before: now.plus_ms(-SETTLED_MS),
    };
    let mut fixes = services.figures.landed(on).await?;
    let is_touched =
        |fix: &Landed| fix.patch.changes().iter().any(|change| touched.contains(&change.path));
    fixes.retain(is_touched);
    if fixes.is_empty() {
        return Ok(Vec::new());
    }
    // The push may be an old one that was delivered late: the branch as it is now is what counts.
    let Ok(Some(tip)) = services.forge.tip(repo, branch).await else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for fix in fixes.into_iter().take(COMPARED_MAX) {
        let written = Written { before: &fix.head, patch: &fix.patch };
        let path = overwritten(services, repo, &written, &tip).await;
        found.extend(path.map(|path| FalseFix {
            attempt: fix.attempt,
            sign: Sign::Superseded,
            evidence: format!("{tip} on {branch} has other lines in {path}"),
        }));
    }
    Ok(found)
}
