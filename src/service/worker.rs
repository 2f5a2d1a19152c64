//! The worker: one step at a time, and the loop that production runs.
//!
//! A step claims one due thing under a lease, lets its use case say what follows, and applies that
//! in one transaction. Deliveries come first (they are cheap and tell what matters), then effects
//! (people wait for them), then pull requests; now and then in another order. A step trusts the
//! store, not the hint that woke it; running a step twice does nothing twice.
//!
//! Races: the lease is lost while a step works (nothing is written, and nothing more is done
//! outside; whoever has it now goes on); the process dies at any point (the lease runs out and the
//! step is made again; a delivery that is always there when it dies is parked).

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use tracing::Instrument as _;

use super::lease::while_held;
use super::{ServiceError, Services, effects, healing, intake};
use crate::domain::chain::Chain;
use crate::domain::ids::{PrNumber, Timestamp};
use crate::ports::forge::ForgeError;
use crate::ports::store::{Changes, Claim, Finish, Lease, Leased, PendingDelivery, StoreError};

/// How long a step may take before others may take its work over. The slowest reads a few logs.
const LEASE_MS: i64 = 5 * 60 * 1000;

/// The first pause after a failure; doubled each time.
const PAUSE_MS: i64 = 5 * 1000;

/// No pause after a failure is longer.
const PAUSE_MS_MAX: i64 = 10 * 60 * 1000;

/// How soon a look is made again that found no room for its attempt.
const NO_ROOM_MS: i64 = 1_000;

/// A delivery that failed this often, and not for want of the forge, is parked: its bytes make us
/// fail. What passes by itself (five tries take more than a minute) does not get here.
pub const DELIVERY_TRIES_MAX: u32 = 5;

/// A delivery that was begun this often in a row, and nothing came of it, is parked unread: it may be
/// what ends the process. A kill at any other moment is not counted, so this many are no coincidence.
pub const DELIVERY_UNFINISHED_MAX: u32 = 5;

/// In so many steps effects come first once, and looks once. Mostly deliveries do: those that wait may
/// be about the same pull request, and one look answers all of them.
const OTHERS_FIRST_EVERY: u32 = 8;

/// The loop sleeps at most this long when nothing is due: what others left and nobody told of waits no
/// longer. A delivery wakes it at once, one that another replica took as well.
const IDLE_MS_MAX: u64 = 1_000;

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It carried something out.
    Worked,
    /// Nothing was due.
    Idle,
}

/// Carries out due work.
#[derive(Debug)]
pub struct Worker {
    services: Services,
    /// How many steps it has begun.
    steps: AtomicU32,
}

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Delivery,
    Effect,
    Look,
}

/// What a step looks for first: deliveries, but now and then something else, so that a flood of one
/// kind does not hold up the others.
const fn order(steps: u32) -> [Kind; 3] {
    match steps % OTHERS_FIRST_EVERY {
        5 => [Kind::Effect, Kind::Look, Kind::Delivery],
        7 => [Kind::Look, Kind::Effect, Kind::Delivery],
        _ => [Kind::Delivery, Kind::Effect, Kind::Look],
    }
}

impl Worker {
    /// A worker on these services.
    pub fn new(services: Services) -> Self {
        Self { services, steps: AtomicU32::new(0) }
    }

    /// Carries out one due thing.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be used; a use case's own trouble is recorded with
    /// its work and is no error here.
    pub async fn step(&self) -> Result<Step, StoreError> {
        let services = &self.services;
        let claim = Claim { now: services.clock.now(), lease_ms: LEASE_MS };
        for kind in order(self.steps.fetch_add(1, Ordering::Relaxed)) {
            match kind {
                Kind::Delivery => {
                    if let Some(leased) = services.store.claim_delivery(claim).await? {
                        return self.delivery(leased).await;
                    }
                }
                Kind::Effect => {
                    if let Some(leased) = services.store.claim_effect(claim).await? {
                        return self.effect(leased).await;
                    }
                }
                Kind::Look => {
                    if let Some(leased) = services.store.claim_pull(claim).await? {
                        return self.pull(leased).await;
                    }
                }
            }
        }
        Ok(Step::Idle)
    }

    async fn delivery(&self, leased: Leased<PendingDelivery>) -> Result<Step, StoreError> {
        let Leased { lease, item } = leased;
        let span = tracing::info_span!(
            "delivery",
            delivery.id = %item.delivery.id,
            event = %item.delivery.event,
        );
        let same = Lease { work: lease.work.clone(), ..lease };
        let step = async {
            let changes = self.read(&item).await?;
            self.apply(same, changes).await
        };
        let step = step.instrument(span).await;
        if step.is_err() {
            self.give_back(lease).await;
        }
        step
    }

    /// Trouble with the store is no fault of the delivery that was being read. We live to say so:
    /// else it would count as one that was begun and never finished, and wait for its lease to run out.
    async fn give_back(&self, lease: Lease) {
        let now = self.services.clock.now();
        let changes = Changes::finish(now, Finish::At(now.plus_ms(PAUSE_MS)));
        if let Err(error) = self.services.store.apply(lease, changes).await {
            // It was written after all, or others have it, or the store is still not well.
            tracing::debug!(%error, "a delivery could not be given back");
        }
    }

    /// What a delivery says, or that it is tried again, or that it never is: bytes that make us fail
    /// must not hold up what comes after them, and nobody may lose sight of them.
    async fn read(&self, item: &PendingDelivery) -> Result<Changes, StoreError> {
        let now = self.services.clock.now();
        if item.unfinished >= DELIVERY_UNFINISHED_MAX {
            let error = format!("begun {} times and never finished", item.unfinished);
            return Ok(Changes::finish(now, Finish::Park { error }));
        }
        let read = AssertUnwindSafe(intake::read(&self.services, item)).catch_unwind().await;
        let error = match read {
            Ok(Ok(changes)) => return Ok(changes),
            Ok(Err(ServiceError::Store(error @ StoreError::Unavailable(_)))) => return Err(error),
            Ok(Err(ServiceError::Forge(error))) if error.is_transient() => {
                let at = retry_at(&error, item.tries, now);
                return Ok(Changes::finish(now, Finish::Retry { at, error: error.to_string() }));
            }
            Ok(Err(ServiceError::Forge(error))) => error.to_string(),
            Ok(Err(ServiceError::Store(error))) => error.to_string(),
            // What a panic says may quote the delivery.
            Err(_) => "a bug: reading it panicked".to_owned(),
        };
        let finish = if item.tries + 1 >= DELIVERY_TRIES_MAX {
            Finish::Park { error }
        } else {
            Finish::Retry { at: now.plus_ms(pause_ms(item.tries)), error }
        };
        Ok(Changes::finish(now, finish))
    }

    async fn effect(
        &self,
        leased: Leased<crate::domain::effect::PendingEffect>,
    ) -> Result<Step, StoreError> {
        let Leased { lease, item } = leased;
        let span = tracing::info_span!(
            "effect",
            effect = item.effect.kind(),
            repo.slug = %item.effect.repo.slug,
            pr.number = item.effect.number.map(PrNumber::get),
            attempt.id = item.effect.attempt().map(tracing::field::display),
        );
        async {
            let (clock, work) = (&self.services.clock, effects::perform(&self.services, &item));
            let Some(outcome) = while_held(clock.as_ref(), &lease, work).await else {
                tracing::warn!("the lease ran out; whoever has the work now goes on");
                return Ok(Step::Worked);
            };
            let changes = self.or_retry(outcome, item.tries)?;
            if matches!(changes.finish, Finish::Done) {
                tracing::info!("performed");
            }
            self.apply(lease, changes).await
        }
        .instrument(span)
        .await
    }

    async fn pull(
        &self,
        leased: Leased<crate::ports::store::PullRecord>,
    ) -> Result<Step, StoreError> {
        let Leased { lease, item } = leased;
        let span = tracing::info_span!(
            "look",
            repo.slug = %item.head.repo.slug,
            pr.number = item.head.number.get(),
            case.id = tracing::field::Empty,
            attempt.id = tracing::field::Empty,
        );
        async {
            let outcome = Box::pin(healing::look(&self.services, &item)).await;
            let said = match &outcome {
                Err(ServiceError::Forge(error)) => healing::waiting(&self.services, &item, error),
                Ok(_) | Err(ServiceError::Store(_)) => Vec::new(),
            };
            let mut changes = self.or_retry(outcome, item.tries)?;
            changes.effects.extend(said);
            let same = Lease { work: lease.work.clone(), ..lease };
            match self.apply(lease, changes).await {
                // Another took the last place meanwhile; the next look sees that and says so.
                Err(StoreError::NoRoom) => {
                    let now = self.services.clock.now();
                    let again = Finish::At(now.plus_ms(NO_ROOM_MS));
                    self.apply(same, Changes::finish(now, again)).await
                }
                written => written,
            }
        }
        .instrument(span)
        .await
    }

    /// What a use case says, or when it is tried again.
    fn or_retry(
        &self,
        outcome: Result<Changes, ServiceError>,
        tries: u32,
    ) -> Result<Changes, StoreError> {
        let now = self.services.clock.now();
        match outcome {
            Ok(changes) => Ok(changes),
            Err(ServiceError::Store(error)) => Err(error),
            Err(ServiceError::Forge(error)) => {
                let at = retry_at(&error, tries, now);
                Ok(Changes::finish(now, Finish::Retry { at, error: error.to_string() }))
            }
        }
    }

    async fn apply(&self, lease: Lease, changes: Changes) -> Result<Step, StoreError> {
        if let Finish::Retry { error, .. } | Finish::Park { error } = &changes.finish {
            tracing::warn!(work = ?lease.work, error, "could not be carried out");
        }
        match self.services.store.apply(lease, changes).await {
            Ok(()) => Ok(Step::Worked),
            Err(StoreError::LeaseLost(work)) => {
                tracing::info!(work, "somebody else took the work over");
                Ok(Step::Worked)
            }
            Err(error) => Err(error),
        }
    }

    /// Works until told to stop; finishes the step that it is in.
    pub async fn run(&self, mut stop: tokio::sync::watch::Receiver<bool>) {
        while !*stop.borrow() {
            // A panic is a bug of ours; its work comes back when the lease has run out, and the
            // other work must not wait for that.
            match AssertUnwindSafe(self.step()).catch_unwind().await {
                Ok(Ok(Step::Worked)) => {}
                Ok(Ok(Step::Idle)) => self.rest(&mut stop, IDLE_MS_MAX).await,
                Err(_) => {
                    tracing::error!("a step panicked; its work is tried again later");
                    self.rest(&mut stop, IDLE_MS_MAX).await;
                }
                Ok(Err(error)) => {
                    tracing::error!(error = %Chain(&error), "store trouble");
                    self.rest(&mut stop, IDLE_MS_MAX).await;
                }
            }
        }
    }

    async fn rest(&self, stop: &mut tokio::sync::watch::Receiver<bool>, ms: u64) {
        let pause = tokio::time::sleep(Duration::from_millis(ms));
        tokio::select! {
            () = pause => {}
            () = self.services.wake.notified() => {}
            _ = stop.changed() => {}
        }
    }
}

/// Doubles from [`PAUSE_MS`] to [`PAUSE_MS_MAX`].
fn pause_ms(tries: u32) -> i64 {
    PAUSE_MS.saturating_mul(1_i64 << tries.min(20)).min(PAUSE_MS_MAX)
}

fn retry_at(error: &ForgeError, tries: u32, now: Timestamp) -> Timestamp {
    match error {
        ForgeError::RateLimited { until } => (*until).max(now.plus_ms(PAUSE_MS)),
        ForgeError::Unavailable(_)
        | ForgeError::NotFound(_)
        | ForgeError::Expired(_)
        | ForgeError::Refused { .. }
        | ForgeError::Moved { .. }
        | ForgeError::NoAccess(_)
        | ForgeError::Unreadable(_) => now.plus_ms(pause_ms(tries)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_work_comes_first_now_and_then() {
        let first = |kind| (0..OTHERS_FIRST_EVERY).filter(|step| order(*step)[0] == kind).count();
        assert_eq!([Kind::Delivery, Kind::Effect, Kind::Look].map(first), [6, 1, 1]);
    }
}
