//! Upkeep: the reconciler's one row, and the repositories that are swept.

use async_trait::async_trait;
use bytes::Bytes;

use super::apply::{set_pull, wake};
use super::claims::times;
use super::db::args;
use super::packing::unpack;
use super::rows::{inconsistent, number};
use super::{SqlStore, sql, unavailable};
use crate::domain::ids::{DeliveryId, InstallationId, RepoId, RepoSlug, Timestamp};
use crate::domain::pull::{PullHead, Repo};
use crate::ports::store::{Claim, StoreError};
use crate::ports::upkeep::{
    DeliveryRecord, DeliveryState, Listed, Pass, Progress, Reconcile, ReconcileLease, Replayed,
    ToSweep, Upkeep,
};

/// Epoch, mark, and where a pass goes and goes on.
type ReconcilerRow = (i64, Option<i64>, Option<i64>, Option<String>);

/// A repository's number, name, installation, when it was swept, and when the database was put back.
type SweepRow = (i64, String, i64, Option<i64>, Option<i64>);

/// Id, event, arrival, state, failures, when it is due, length and the last failure.
type DeliveryRow = (String, String, i64, String, i64, i64, i64, Option<String>);

#[async_trait]
impl Upkeep for SqlStore {
    async fn claim_reconcile(&self, claim: Claim) -> Result<Option<Reconcile>, StoreError> {
        let args = times(claim);
        let row: Option<ReconcilerRow> = self.claim(sql::upkeep::CLAIM_RECONCILE, args).await?;
        Ok(row.map(|(epoch, mark, to, cursor)| Reconcile {
            lease: ReconcileLease { epoch },
            progress: Progress {
                mark: mark.map(Timestamp::from_millis),
                pass: to
                    .zip(cursor)
                    .map(|(to, cursor)| Pass { to: Timestamp::from_millis(to), cursor }),
            },
        }))
    }

    async fn end_reconcile(
        &self,
        lease: ReconcileLease,
        progress: &Progress,
        due: Timestamp,
    ) -> Result<(), StoreError> {
        let pass = progress.pass.as_ref();
        let args = args![
            lease.epoch,
            due.millis(),
            progress.mark.map(Timestamp::millis),
            pass.map(|pass| pass.to.millis()),
            pass.map(|pass| pass.cursor.clone()),
        ];
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        let rows = tx.run(sql::upkeep::END_RECONCILE, args).await.map_err(unavailable)?;
        if rows != 1 {
            return Err(StoreError::LeaseLost("reconciling".to_owned()));
        }
        tx.commit().await.map_err(unavailable)
    }

    async fn unknown_deliveries(&self, ids: &[DeliveryId]) -> Result<Vec<DeliveryId>, StoreError> {
        let listed: Vec<&str> = ids.iter().map(DeliveryId::as_str).collect();
        let listed = serde_json::Value::from(listed).to_string();
        let rows: Vec<(String,)> = self
            .db
            .rows(sql::upkeep::UNKNOWN_DELIVERIES, args![listed])
            .await
            .map_err(unavailable)?;
        rows.into_iter()
            .map(|(id,)| {
                DeliveryId::parse(&id).map_err(|error| inconsistent("deliveries", &id, error))
            })
            .collect()
    }

    async fn repos_to_sweep(&self, now: Timestamp, max: u32) -> Result<Vec<ToSweep>, StoreError> {
        let args = args![now.millis(), i64::from(max)];
        let rows: Vec<SweepRow> =
            self.db.rows(sql::upkeep::REPOS_TO_SWEEP, args).await.map_err(unavailable)?;
        rows.into_iter().map(to_sweep).collect()
    }

    async fn swept(
        &self,
        repo: &Repo,
        news: &[PullHead],
        at: Timestamp,
        due: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        let args = args![number(repo.id.get()), at.millis(), due.millis()];
        tx.run(sql::upkeep::SWEPT, args).await.map_err(unavailable)?;
        if !news.is_empty() {
            tx.tell().await.map_err(unavailable)?;
        }
        for pull in news {
            set_pull(&mut tx, pull).await?;
            wake(&mut tx, number(pull.repo.id.get()), number(pull.number.get()), at).await?;
        }
        tx.commit().await.map_err(unavailable)
    }

    async fn deliveries(&self, which: Listed, max: u32) -> Result<Vec<DeliveryRecord>, StoreError> {
        let (state, tries) = match which {
            Listed::Parked => (DeliveryState::Parked, 0),
            Listed::Failing => (DeliveryState::Waiting, 1),
            Listed::Waiting => (DeliveryState::Waiting, 0),
        };
        let args = args![name(state), tries, i64::from(max)];
        let rows: Vec<DeliveryRow> =
            self.db.rows(sql::inbox::DELIVERIES, args).await.map_err(unavailable)?;
        rows.into_iter().map(record).collect()
    }

    async fn delivery(&self, id: &DeliveryId) -> Result<Option<DeliveryRecord>, StoreError> {
        let rows: Vec<DeliveryRow> =
            self.db.rows(sql::inbox::DELIVERY, args![id.as_str()]).await.map_err(unavailable)?;
        rows.into_iter().next().map(record).transpose()
    }

    async fn delivery_body(&self, id: &DeliveryId) -> Result<Option<Bytes>, StoreError> {
        let rows: Vec<(Vec<u8>, Option<i64>)> = self
            .db
            .rows(sql::inbox::DELIVERY_BODY, args![id.as_str()])
            .await
            .map_err(unavailable)?;
        let body = rows.into_iter().next();
        body.map(|(body, length)| unpack(("deliveries", id.as_str()), body, length)).transpose()
    }

    async fn replay(&self, id: &DeliveryId, now: Timestamp) -> Result<Replayed, StoreError> {
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        let args = args![id.as_str(), now.millis()];
        let rows = tx.run(sql::inbox::REPLAY_DELIVERY, args).await.map_err(unavailable)?;
        tx.tell().await.map_err(unavailable)?;
        tx.commit().await.map_err(unavailable)?;
        Ok(match (rows, self.delivery(id).await?) {
            (1, _) => Replayed::Yes,
            (_, Some(_)) => Replayed::Waits,
            (_, None) => Replayed::Unknown,
        })
    }

    async fn not_swept(&self, repo: &Repo, due: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        let args = args![number(repo.id.get()), None::<i64>, due.millis()];
        tx.run(sql::upkeep::SWEPT, args).await.map_err(unavailable)?;
        tx.commit().await.map_err(unavailable)
    }
}

/// The name of a delivery's state in its table.
const fn name(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Waiting => "pending",
        DeliveryState::Done => "done",
        DeliveryState::Parked => "parked",
    }
}

fn record(row: DeliveryRow) -> Result<DeliveryRecord, StoreError> {
    let (id, event, received_at, state, tries, due, bytes, error) = row;
    let bad = |what: &dyn std::fmt::Display| inconsistent("deliveries", &id, what);
    let states = [DeliveryState::Waiting, DeliveryState::Done, DeliveryState::Parked];
    let known = states.into_iter().find(|known| name(*known) == state);
    Ok(DeliveryRecord {
        id: DeliveryId::parse(&id).map_err(|error| bad(&error))?,
        event,
        received_at: Timestamp::from_millis(received_at),
        state: known.ok_or_else(|| bad(&"an unknown state"))?,
        tries: u32::try_from(tries).unwrap_or(u32::MAX),
        due: Timestamp::from_millis(due),
        bytes: u64::try_from(bytes).unwrap_or(0),
        error,
    })
}

fn to_sweep(row: SweepRow) -> Result<ToSweep, StoreError> {
    let (id, slug, installation, swept_at, restored_at) = row;
    let unsigned = |value: i64| u64::try_from(value).unwrap_or(0);
    Ok(ToSweep {
        repo: Repo {
            id: RepoId::new(unsigned(id)),
            slug: RepoSlug::parse(&slug).map_err(|error| inconsistent("repos", id, error))?,
            installation: InstallationId::new(unsigned(installation)),
        },
        swept_at: swept_at.map(Timestamp::from_millis),
        restored_at: restored_at.map(Timestamp::from_millis),
    })
}
