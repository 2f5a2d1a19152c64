//! The sweep: open pull requests of every repository, listed now and then, and held against what is
//! known.
//!
//! One request an hour and repository at most. A pull request that is new, or whose head or state is
//! another one than we know, is woken; everything else comes of the look. Cases that live are looked
//! at anyway, and so is a head whose CI still runs (see `healing`); here is what nobody told of.

use super::{BACK_MS, MARGIN_MS, TROUBLES_MAX, Turn};
use crate::domain::ids::Timestamp;
use crate::domain::pull::PullHead;
use crate::ports::forge::ForgeError;
use crate::ports::store::StoreError;
use crate::ports::upkeep::ToSweep;
use crate::service::Services;

/// How often a repository is swept: five thousand of one installation take a fifth of the requests
/// that GitHub allows it.
pub(super) const EVERY_MS: i64 = 60 * 60 * 1000;

/// When a repository is tried again that could not be listed.
const AGAIN_MS: i64 = 10 * 60 * 1000;

/// Repositories in one turn; of more, those that have waited longest come first.
const REPOS_MAX: u32 = 100;

/// Lists the open pull requests of repositories that are due, and wakes what is news.
pub(super) async fn repositories(
    services: &Services,
    now: Timestamp,
    turn: &mut Turn,
) -> Result<(), StoreError> {
    let mut troubles = 0;
    for due in services.upkeep.repos_to_sweep(now, REPOS_MAX).await? {
        let since = due.swept_at.map_or(now.plus_ms(-BACK_MS), |at| at.plus_ms(-MARGIN_MS));
        match services.forge.pulls_changed(&due.repo, since).await {
            Ok(pulls) => {
                // What is known may have gone on since the backup that was put back.
                let forgot = due.restored_at.is_some() && due.restored_at > due.swept_at;
                let news = if forgot { pulls } else { news(services, pulls).await? };
                turn.swept += 1;
                turn.found += news.len();
                services.upkeep.swept(&due.repo, &news, now, now.plus_ms(EVERY_MS)).await?;
                if !news.is_empty() {
                    services.wake.notify_one();
                }
            }
            Err(error) => {
                troubles += 1;
                turn.troubles += 1;
                not_listed(services, &due, &error, now).await?;
            }
        }
        if troubles >= TROUBLES_MAX {
            break;
        }
    }
    Ok(())
}

/// What we did not know, or know otherwise.
async fn news(services: &Services, pulls: Vec<PullHead>) -> Result<Vec<PullHead>, StoreError> {
    let mut news = Vec::new();
    for pull in pulls {
        let known = services.store.pull(pull.repo.id, pull.number).await?;
        let is_known = known.is_some_and(|known| {
            known.head.head.sha == pull.head.sha && known.head.state == pull.state
        });
        if !is_known {
            news.push(pull);
        }
    }
    Ok(news)
}

async fn not_listed(
    services: &Services,
    due: &ToSweep,
    error: &ForgeError,
    now: Timestamp,
) -> Result<(), StoreError> {
    let repo = &due.repo;
    tracing::warn!(repo.slug = %repo.slug, %error, "open pull requests could not be listed");
    let again = match error {
        ForgeError::RateLimited { until } => (*until).max(now.plus_ms(AGAIN_MS)),
        ForgeError::Unavailable(_) | ForgeError::Unreadable(_) => now.plus_ms(AGAIN_MS),
        ForgeError::NotFound(_)
        | ForgeError::Expired(_)
        | ForgeError::Refused { .. }
        | ForgeError::Moved { .. }
        | ForgeError::NoAccess(_) => now.plus_ms(EVERY_MS),
    };
    services.upkeep.not_swept(repo, again).await
}
