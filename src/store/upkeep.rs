//! Upkeep: the reconciler's one row, and the repositories that are swept.

use async_trait::async_trait;

use super::apply::{set_pull, wake};
use super::db::args;
use super::rows::{inconsistent, number};
use super::{SqlStore, sql, unavailable};
use crate::domain::ids::{DeliveryId, InstallationId, RepoId, RepoSlug, Timestamp};
use crate::domain::pull::{PullHead, Repo};
use crate::ports::store::{Claim, StoreError};
use crate::ports::upkeep::{Pass, Progress, Reconcile, ReconcileLease, ToSweep, Upkeep};

/// Epoch, mark, and where a pass goes and goes on.
type ReconcilerRow = (i64, Option<i64>, Option<i64>, Option<String>);

/// A repository's number, name, installation, and when it was swept.
type SweepRow = (i64, String, i64, Option<i64>);

#[async_trait]
impl Upkeep for SqlStore {
    async fn claim_reconcile(&self, claim: Claim) -> Result<Option<Reconcile>, StoreError> {
        let row: Option<ReconcilerRow> = self.claim(sql::upkeep::CLAIM_RECONCILE, claim).await?;
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
        for pull in news {
            set_pull(&mut tx, pull).await?;
            wake(&mut tx, number(pull.repo.id.get()), number(pull.number.get()), at).await?;
        }
        tx.commit().await.map_err(unavailable)
    }

    async fn not_swept(&self, repo: &Repo, due: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        let args = args![number(repo.id.get()), None::<i64>, due.millis()];
        tx.run(sql::upkeep::SWEPT, args).await.map_err(unavailable)?;
        tx.commit().await.map_err(unavailable)
    }
}

fn to_sweep((id, slug, installation, swept_at): SweepRow) -> Result<ToSweep, StoreError> {
    let unsigned = |value: i64| u64::try_from(value).unwrap_or(0);
    Ok(ToSweep {
        repo: Repo {
            id: RepoId::new(unsigned(id)),
            slug: RepoSlug::parse(&slug).map_err(|error| inconsistent("repos", id, error))?,
            installation: InstallationId::new(unsigned(installation)),
        },
        swept_at: swept_at.map(Timestamp::from_millis),
    })
}
