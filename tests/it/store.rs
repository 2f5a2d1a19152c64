//! What the store promises, on both engines.
//!
//! A promise is a function of an empty [`Opened`] store; [`on_both`] makes a test of it on SQLite
//! and one on PostgreSQL, [`on_all`] a third on the store that simulations use. Time is a number
//! that the test writes; nothing here waits for a clock.

mod autonomy;
mod backups;
mod checkpoints;
mod effects;
mod engines;
mod events;
mod facts;
mod fencing;
mod figures;
mod flakes;
mod inbox;
mod inputs;
mod ledger;
mod logs;
mod pulls;
mod releases;
mod remedies;
mod retention;
mod runners;
mod schema;
mod shares;
mod telling;
mod together;
mod unavailable;
mod upkeep;
pub(crate) mod values;

use selfheal::domain::ask::Ask;
use selfheal::domain::attempt::Attempt;
use selfheal::domain::case::Case;
use selfheal::domain::effect::{Effect, PendingEffect};
use selfheal::domain::pull::PullHead;
use selfheal::ports::store::{
    Changes, Claim, Finish, Inserted, Lease, Leased, NewDelivery, PullRecord, StoreError,
};

pub(crate) use engines::{Opened, durable_server};
use values::{at, delivery, effect_id};

/// How long claims of these tests last.
pub(crate) const LEASE_MS: i64 = 1_000;

/// One test per engine for each promise of a module.
macro_rules! on_both {
    ($($promise:ident,)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                super::$promise($crate::store::Opened::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                super::$promise($crate::store::Opened::postgres().await).await;
            })*
        }
    };
}
pub(crate) use on_both;

/// The same, and one in memory; what stands behind a semicolon is promised by the engines alone.
macro_rules! on_all {
    ($($promise:ident,)* $(; $($of_engines:ident,)*)?) => {
        $crate::store::on_both! { $($promise,)* $($($of_engines,)*)? }
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                super::$promise($crate::store::Opened::memory()).await;
            })*
        }
    };
}
pub(crate) use on_all;

/// A claim made at that time.
pub(crate) fn claim(now: i64) -> Claim {
    Claim { now: at(now), lease_ms: LEASE_MS }
}

/// Changes that end the work at that time and write nothing else.
pub(crate) fn done(now: i64) -> Changes {
    Changes::finish(at(now), Finish::Done)
}

impl Opened {
    /// Records a delivery.
    pub(crate) fn insert(
        &self,
        delivery: NewDelivery,
    ) -> impl Future<Output = Result<Inserted, StoreError>> + 'static {
        let store = self.port();
        async move { store.insert_delivery(delivery).await }
    }

    /// A lease to write under: that of a delivery made for it, which nobody else wants.
    pub(crate) async fn some_lease(&self, now: i64) -> Lease {
        self.insert(delivery(&format!("for-{}", self.next()), now)).await.unwrap();
        let leased = self.port().claim_delivery(claim(now)).await.unwrap().unwrap();
        assert!(leased.item.delivery.id.as_str().starts_with("for-"), "a promise's own delivery");
        leased.lease
    }

    /// Writes changes at that time under a lease of no importance.
    pub(crate) async fn write(&self, now: i64, change: impl FnOnce(&mut Changes)) {
        let lease = self.some_lease(now).await;
        let mut changes = done(now);
        change(&mut changes);
        self.port().apply(lease, changes).await.unwrap();
    }

    /// Makes pull requests known.
    pub(crate) async fn know(&self, pulls: &[PullHead]) {
        self.write(0, |changes| changes.pulls = pulls.to_vec()).await;
    }

    /// Makes a pull request be looked at from that time on.
    pub(crate) async fn wake(&self, pull: &PullHead, when: i64) {
        self.write(0, |changes| changes.wake.push((pull.repo.id, pull.number, at(when)))).await;
    }

    /// Records what somebody wants.
    pub(crate) async fn ask(&self, now: i64, pull: &PullHead, ask: Ask) {
        self.write(now, |changes| changes.asks.push((pull.repo.id, pull.number, ask))).await;
    }

    /// Records a case and its attempts.
    pub(crate) async fn keep(&self, now: i64, case: &Case, attempts: &[Attempt]) {
        self.write(now, |changes| {
            changes.case = Some(case.clone());
            changes.attempts = attempts.to_vec();
        })
        .await;
    }

    /// Wants effects, in that order of ids, at that time.
    pub(crate) async fn want(&self, now: i64, effects: &[Effect]) {
        let effects: Vec<_> =
            effects.iter().map(|effect| (effect_id(self.next()), effect.clone())).collect();
        self.write(now, |changes| changes.effects = effects).await;
    }

    /// Claims a pull request.
    pub(crate) async fn pull_at(&self, now: i64) -> Option<Leased<PullRecord>> {
        self.port().claim_pull(claim(now)).await.unwrap()
    }

    /// Claims an effect.
    pub(crate) async fn effect_at(&self, now: i64) -> Option<Leased<PendingEffect>> {
        self.port().claim_effect(claim(now)).await.unwrap()
    }

    /// What is known of a pull request.
    pub(crate) async fn known(&self, pull: &PullHead) -> PullRecord {
        self.port().pull(pull.repo.id, pull.number).await.unwrap().unwrap()
    }

    /// Ends a lease.
    pub(crate) async fn end(&self, lease: Lease, now: i64, finish: Finish) {
        self.port().apply(lease, Changes::finish(at(now), finish)).await.unwrap();
    }
}

/// Fails unless the lease had been lost.
#[track_caller]
pub(crate) fn lost(result: &Result<(), StoreError>) {
    assert!(matches!(result, Err(StoreError::LeaseLost(_))), "{result:?}");
}
