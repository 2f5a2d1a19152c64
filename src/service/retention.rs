//! Retention: what was finished long ago is forgotten, now and then.
//!
//! The store keeps whatever something still refers to or waits for; here is only when. Any number
//! of replicas may do it: forgetting twice forgets nothing more.

use std::time::Duration;

use tokio::sync::watch;

use super::Services;
use crate::domain::chain::Chain;
use crate::domain::flakes::counted_since;
use crate::domain::remedy;

/// How long finished work is kept. GitHub delivers again for three days at most, and people look
/// back for weeks.
pub const KEPT_DAYS: i64 = 30;

/// How long logs of failed jobs are kept: while somebody may still ask why it said what it said.
/// GitHub keeps its own for 90 days by default.
pub const LOGS_KEPT_DAYS: i64 = 14;

/// How much all kept logs may take, packed; of more, the oldest go first.
pub const LOGS_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// How long live events are kept after the last one of an attempt: people look while it goes on and in
/// the days after it; what an attempt came to stands elsewhere.
pub const EVENTS_KEPT_DAYS: i64 = 14;

/// How much all kept events may take, packed; of more, those of the longest silent attempts go first.
pub const EVENTS_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// How often the store is asked to forget.
const EVERY_SECS: u64 = 60 * 60;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Forgets work that is older than [`KEPT_DAYS`], logs and events that are older than
/// [`LOGS_KEPT_DAYS`] and [`EVENTS_KEPT_DAYS`] or too many, trials of flaky failures that are older
/// than [`TRIAL_DAYS`](crate::domain::flakes::TRIAL_DAYS), and remedies that have healed nothing for
/// [`KEPT_DAYS`](remedy::KEPT_DAYS) days or are too many, once.
///
/// # Errors
/// [`crate::ports::store::StoreError`] when the store is not available.
pub async fn forget(services: &Services) -> Result<u64, crate::ports::store::StoreError> {
    let now = services.clock.now();
    let logs_before = now.plus_ms(-LOGS_KEPT_DAYS * DAY_MS);
    let logs = services.logs.forget_logs(logs_before, LOGS_BYTES_MAX).await?;
    let before = now.plus_ms(-KEPT_DAYS * DAY_MS);
    let rows = services.store.purge(before).await?;
    let calls = services.models.forget(now, before).await?;
    let events_before = now.plus_ms(-EVENTS_KEPT_DAYS * DAY_MS);
    let events = services.live.forget(events_before, EVENTS_BYTES_MAX).await?;
    let trials = services.flakes.forget_trials(counted_since(now)).await?;
    let healed_before = now.plus_ms(-remedy::KEPT_DAYS * DAY_MS);
    let most = remedy::PER_REPOSITORY_MAX;
    let remedies = services.remedies.forget_remedies(healed_before, most).await?;
    Ok(logs + rows + calls + events + trials + remedies)
}

/// Forgets now and then until told to stop.
pub async fn run(services: Services, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        match forget(&services).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "old work is forgotten"),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "nothing is forgotten");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(EVERY_SECS)) => {}
            _ = stop.changed() => {}
        }
    }
}
