//! A store in memory: what the `Store` port promises, for histories by the thousand.
//!
//! It keeps the promises of the conformance suite, as both engines do. Every call waits its turn
//! once, so that whoever polls decides the order; then it is one transaction. What a database may do
//! to its callers is asked of [`Fate`]; what it must never do is switched on by [`Broken`], to show
//! that somebody would notice.

mod claims;
mod reads;
mod tables;
mod upkeep;
mod writes;

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use selfheal::domain::brief::StageReport;
use selfheal::domain::effect::PendingEffect;
use selfheal::domain::evidence::Evidence;
use selfheal::domain::ids::{
    AttemptId, Branch, CaseId, CommentId, PrNumber, RepoId, RunId, Sha, Timestamp,
};
use selfheal::domain::outcome::Outcome;
use selfheal::domain::pull::PullHead;
use selfheal::ports::forge::PublishedCheck;
use selfheal::ports::store::{
    Admitted, Backlog, Changes, Claim, Inserted, Lease, Leased, NewDelivery, PendingDelivery,
    PullRecord, RunnerAdmission, RunnerView, Seat, Store, StoreError, Usage,
};

pub(crate) use tables::Tables;

/// What becomes of one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is done, and its caller hears of it.
    Done,
    /// Nothing is done.
    NotDone,
    /// It is done, and its caller hears that it failed.
    DoneUnheard,
}

/// What the store forgets to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Nothing: it is as it should be.
    Not,
    /// Who lost a lease writes all the same.
    Leases,
    /// An effect under a known key is taken for a new one.
    Keys,
    /// When something was asked: it takes the time at which it heard of it.
    Times,
}

/// Decides what becomes of the next transaction.
type Fates = Box<dyn FnMut() -> Fate + Send>;

/// Everything that survives a killed process, and nothing that survives this one.
pub(crate) struct MemoryStore {
    tables: Mutex<Tables>,
    fates: Mutex<Fates>,
    broken: Broken,
}

impl MemoryStore {
    /// An empty store that never fails.
    pub(crate) fn new() -> Arc<Self> {
        Self::with(Broken::Not, Box::new(|| Fate::Done))
    }

    /// An empty store with trouble of its own.
    pub(crate) fn with(broken: Broken, fates: Fates) -> Arc<Self> {
        let (tables, fates) = (Mutex::new(Tables::default()), Mutex::new(fates));
        Arc::new(Self { tables, fates, broken })
    }

    /// What is stored, for whoever judges it.
    pub(crate) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One transaction, when its turn has come.
    async fn transaction<T>(
        &self,
        work: impl FnOnce(&mut Tables) -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        Turn::default().await;
        let fate = (self.fates.lock().unwrap_or_else(PoisonError::into_inner))();
        if fate == Fate::NotDone {
            return Err(unavailable());
        }
        let answer = work(&mut self.tables());
        if fate == Fate::DoneUnheard { Err(unavailable()) } else { answer }
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("the simulated database does not answer".into())
}

/// Waits until it is polled again: the place where others may come first.
#[derive(Debug, Default)]
pub(crate) struct Turn(bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn insert_delivery(&self, delivery: NewDelivery) -> Result<Inserted, StoreError> {
        self.transaction(|tables| Ok(tables.insert_delivery(delivery))).await
    }

    async fn claim_delivery(
        &self,
        claim: Claim,
    ) -> Result<Option<Leased<PendingDelivery>>, StoreError> {
        self.transaction(|tables| Ok(tables.claim_delivery(claim))).await
    }

    async fn claim_pull(&self, claim: Claim) -> Result<Option<Leased<PullRecord>>, StoreError> {
        self.transaction(|tables| Ok(tables.claim_pull(claim))).await
    }

    async fn claim_effect(
        &self,
        claim: Claim,
    ) -> Result<Option<Leased<PendingEffect>>, StoreError> {
        self.transaction(|tables| Ok(tables.claim_effect(claim))).await
    }

    async fn apply(&self, lease: Lease, changes: Changes) -> Result<(), StoreError> {
        let broken = self.broken;
        self.transaction(move |tables| tables.apply(&lease, changes, broken)).await
    }

    async fn pulls_at(&self, repo: RepoId, sha: &Sha) -> Result<Vec<PullHead>, StoreError> {
        self.transaction(|tables| Ok(tables.pulls_at(repo, sha))).await
    }

    async fn pulls_onto(&self, repo: RepoId, base: &Branch) -> Result<Vec<PullHead>, StoreError> {
        self.transaction(|tables| Ok(tables.pulls_onto(repo, base))).await
    }

    async fn waiting_for_base(
        &self,
        repo: RepoId,
        base: &Branch,
    ) -> Result<Vec<PullHead>, StoreError> {
        self.transaction(|tables| Ok(tables.waiting_for_base(repo, base))).await
    }

    async fn pull(&self, repo: RepoId, number: PrNumber) -> Result<Option<PullRecord>, StoreError> {
        self.transaction(|tables| Ok(tables.pull(repo, number))).await
    }

    async fn pull_of_run(&self, repo: RepoId, run: RunId) -> Result<Option<PrNumber>, StoreError> {
        self.transaction(|tables| Ok(tables.pull_of_run(repo, run))).await
    }

    async fn evidence(&self, case: CaseId, head: &Sha) -> Result<Option<Evidence>, StoreError> {
        self.transaction(|tables| Ok(tables.evidence(case, head))).await
    }

    async fn known_check(
        &self,
        repo: RepoId,
        number: PrNumber,
        head: &Sha,
    ) -> Result<Option<PublishedCheck>, StoreError> {
        self.transaction(|tables| Ok(tables.known_check(repo, number, head))).await
    }

    async fn known_comment(
        &self,
        repo: RepoId,
        number: PrNumber,
    ) -> Result<Option<CommentId>, StoreError> {
        self.transaction(|tables| Ok(tables.known_comment(repo, number))).await
    }

    async fn usage(&self, repo: RepoId, now: Timestamp) -> Result<Usage, StoreError> {
        self.transaction(|tables| Ok(tables.usage(repo, now))).await
    }

    async fn admit_runner(&self, admission: RunnerAdmission) -> Result<Admitted, StoreError> {
        self.transaction(|tables| Ok(tables.admit_runner(admission))).await
    }

    async fn runner_view(&self, attempt: AttemptId) -> Result<Option<RunnerView>, StoreError> {
        self.transaction(|tables| Ok(tables.runner_view(attempt))).await
    }

    async fn record_heartbeat(&self, seat: &Seat, now: Timestamp) -> Result<(), StoreError> {
        self.transaction(|tables| tables.record_heartbeat(seat, now)).await
    }

    async fn record_stage(
        &self,
        seat: &Seat,
        report: &StageReport,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.transaction(|tables| tables.record_stage(seat, report, now)).await
    }

    async fn record_outcome(
        &self,
        seat: &Seat,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<Inserted, StoreError> {
        self.transaction(|tables| tables.record_outcome(seat, outcome, now)).await
    }

    async fn purge(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.transaction(|tables| Ok(tables.purge(before))).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.transaction(|tables| Ok(tables.next_due())).await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.transaction(|tables| Ok(tables.backlog())).await
    }
}
