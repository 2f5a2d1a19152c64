//! Upkeep: the reconciler's row, what is swept, and what operators see of deliveries.

use async_trait::async_trait;
use bytes::Bytes;
use selfheal::domain::ids::{DeliveryId, RepoId, Timestamp};
use selfheal::domain::pull::{PullHead, Repo};
use selfheal::ports::store::{Claim, InstallationState, StoreError};
use selfheal::ports::upkeep::{
    DeliveryRecord, DeliveryState, Listed, Progress, Reconcile, ReconcileLease, Replayed, ToSweep,
    Upkeep,
};

use super::MemoryStore;
use super::tables::{DeliveryRow, RowState, Tables};

#[async_trait]
impl Upkeep for MemoryStore {
    async fn claim_reconcile(&self, claim: Claim) -> Result<Option<Reconcile>, StoreError> {
        self.transaction(|tables| Ok(tables.claim_reconcile(claim))).await
    }

    async fn end_reconcile(
        &self,
        lease: ReconcileLease,
        progress: &Progress,
        due: Timestamp,
    ) -> Result<(), StoreError> {
        self.transaction(|tables| tables.end_reconcile(&lease, progress, due)).await
    }

    async fn unknown_deliveries(&self, ids: &[DeliveryId]) -> Result<Vec<DeliveryId>, StoreError> {
        self.transaction(|tables| Ok(tables.unknown_deliveries(ids))).await
    }

    async fn repos_to_sweep(&self, now: Timestamp, max: u32) -> Result<Vec<ToSweep>, StoreError> {
        self.transaction(|tables| Ok(tables.repos_to_sweep(now, max))).await
    }

    async fn swept(
        &self,
        repo: &Repo,
        news: &[PullHead],
        at: Timestamp,
        due: Timestamp,
    ) -> Result<(), StoreError> {
        self.transaction(|tables| {
            tables.swept(repo.id, Some(at), due);
            for pull in news {
                tables.set_pull(pull.clone());
                tables.wake((pull.repo.id, pull.number), at.millis());
            }
            Ok(())
        })
        .await
    }

    async fn not_swept(&self, repo: &Repo, due: Timestamp) -> Result<(), StoreError> {
        self.transaction(|tables| {
            tables.swept(repo.id, None, due);
            Ok(())
        })
        .await
    }

    async fn deliveries(&self, which: Listed, max: u32) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.transaction(|tables| Ok(tables.listed(which, max))).await
    }

    async fn delivery(&self, id: &DeliveryId) -> Result<Option<DeliveryRecord>, StoreError> {
        self.transaction(|tables| Ok(tables.deliveries.get(id.as_str()).map(record))).await
    }

    async fn delivery_body(&self, id: &DeliveryId) -> Result<Option<Bytes>, StoreError> {
        let body = |row: &DeliveryRow| row.delivery.body.clone();
        self.transaction(|tables| Ok(tables.deliveries.get(id.as_str()).map(body))).await
    }

    async fn replay(&self, id: &DeliveryId, now: Timestamp) -> Result<Replayed, StoreError> {
        self.transaction(|tables| Ok(tables.replay(id, now))).await
    }
}

impl Tables {
    fn claim_reconcile(&mut self, claim: Claim) -> Option<Reconcile> {
        let now = claim.now.millis();
        let row = &mut self.reconciler;
        if row.due > now || row.held.until > now {
            return None;
        }
        let epoch = row.held.take(now + claim.lease_ms);
        let progress = row.progress.clone();
        self.version += 1;
        Some(Reconcile { lease: ReconcileLease { epoch }, progress })
    }

    fn end_reconcile(
        &mut self,
        lease: &ReconcileLease,
        progress: &Progress,
        due: Timestamp,
    ) -> Result<(), StoreError> {
        let row = &mut self.reconciler;
        if row.held.epoch != lease.epoch || row.held.until == 0 {
            return Err(StoreError::LeaseLost("reconciling".to_owned()));
        }
        row.held.until = 0;
        row.due = due.millis();
        row.progress = progress.clone();
        self.version += 1;
        Ok(())
    }

    /// When the next turn of reconciling can be claimed, by the clock that leases are told by.
    pub(crate) fn next_reconcile(&self) -> i64 {
        self.reconciler.due.max(self.reconciler.held.until)
    }

    fn unknown_deliveries(&self, ids: &[DeliveryId]) -> Vec<DeliveryId> {
        let unknown = ids.iter().filter(|id| !self.deliveries.contains_key(id.as_str()));
        let mut unknown: Vec<DeliveryId> = unknown.cloned().collect();
        unknown.sort();
        unknown.dedup();
        unknown
    }

    fn repos_to_sweep(&self, now: Timestamp, max: u32) -> Vec<ToSweep> {
        let due = self.repos.values().filter(|row| {
            let state = self.installations.get(&row.repo.installation);
            row.is_reachable
                && row.sweep_due <= now.millis()
                && state == Some(&InstallationState::Active)
        });
        let mut due: Vec<_> = due.collect();
        due.sort_by_key(|row| (row.sweep_due, row.repo.id));
        due.truncate(usize::try_from(max).unwrap_or(usize::MAX));
        let to_sweep = due.into_iter().map(|row| ToSweep {
            repo: row.repo.clone(),
            swept_at: row.swept_at.map(Timestamp::from_millis),
            // No history is put back from a backup.
            restored_at: None,
        });
        to_sweep.collect()
    }

    fn swept(&mut self, repo: RepoId, at: Option<Timestamp>, due: Timestamp) {
        if let Some(row) = self.repos.get_mut(&repo) {
            row.swept_at = at.map(Timestamp::millis).or(row.swept_at);
            row.sweep_due = due.millis();
        }
        self.version += 1;
    }

    fn listed(&self, which: Listed, max: u32) -> Vec<DeliveryRecord> {
        let (state, tries) = match which {
            Listed::Parked => (RowState::Parked, 0),
            Listed::Failing => (RowState::Pending, 1),
            Listed::Waiting => (RowState::Pending, 0),
        };
        let rows = self.deliveries.values();
        let rows = rows.filter(|row| row.state == state && row.tries >= tries);
        let mut records: Vec<DeliveryRecord> = rows.map(record).collect();
        // Of the same moment they come by id, as the rows do: the sort keeps their order.
        records.sort_by_key(|record| std::cmp::Reverse(record.received_at));
        records.truncate(usize::try_from(max).unwrap_or(usize::MAX));
        records
    }

    fn replay(&mut self, id: &DeliveryId, now: Timestamp) -> Replayed {
        let Some(row) = self.deliveries.get_mut(id.as_str()) else { return Replayed::Unknown };
        if row.state == RowState::Pending {
            return Replayed::Waits;
        }
        row.state = RowState::Pending;
        (row.tries, row.claims) = (0, 0);
        row.due = now.millis();
        row.error = None;
        self.version += 1;
        Replayed::Yes
    }
}

fn record(row: &DeliveryRow) -> DeliveryRecord {
    DeliveryRecord {
        id: row.delivery.id.clone(),
        event: row.delivery.event.clone(),
        received_at: row.delivery.received_at,
        state: match row.state {
            RowState::Pending => DeliveryState::Waiting,
            RowState::Done => DeliveryState::Done,
            RowState::Parked => DeliveryState::Parked,
        },
        tries: row.tries,
        due: Timestamp::from_millis(row.due),
        bytes: u64::try_from(row.delivery.body.len()).unwrap_or(u64::MAX),
        error: row.error.clone(),
    }
}
