//! Claims: one piece of work under a lease.

use bytes::Bytes;
use sqlx::FromRow;

use super::db::args;
use super::rows::inconsistent;
use super::{SqlStore, sql, unavailable};
use crate::domain::effect::{Effect, PendingEffect};
use crate::domain::ids::{DeliveryId, EffectId, PrNumber, RepoId, Timestamp};
use crate::ports::store::{
    Claim, Lease, Leased, NewDelivery, PendingDelivery, PullRecord, StoreError, Work,
};

#[derive(Debug, FromRow)]
struct DeliveryRow {
    id: String,
    event: String,
    body: Vec<u8>,
    received_at_ms: i64,
    tries: i64,
    claims: i64,
    lease_epoch: i64,
}

#[derive(Debug, FromRow)]
struct EffectRow {
    id: String,
    payload: String,
    revision: i64,
    tries: i64,
    wanted_at_ms: i64,
    lease_epoch: i64,
}

#[derive(Debug, FromRow)]
struct ClaimedPull {
    repo_id: i64,
    number: i64,
    lease_epoch: i64,
    tries: i64,
}

impl SqlStore {
    pub(super) async fn claim<T: super::db::Row>(
        &self,
        statement: super::Statement,
        claim: Claim,
    ) -> Result<Option<T>, StoreError> {
        let until = claim.now.plus_ms(claim.lease_ms);
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        let args = args![claim.now.millis(), until.millis()];
        let mut rows = tx.rows(statement, args).await.map_err(unavailable)?;
        tx.commit().await.map_err(unavailable)?;
        Ok(rows.pop())
    }

    pub(super) async fn delivery_claimed(
        &self,
        claim: Claim,
    ) -> Result<Option<Leased<PendingDelivery>>, StoreError> {
        let row: Option<DeliveryRow> = self.claim(sql::inbox::CLAIM_DELIVERY, claim).await?;
        let Some(row) = row else { return Ok(None) };
        let id = DeliveryId::parse(&row.id)
            .map_err(|error| inconsistent("deliveries", &row.id, error))?;
        let until = claim.now.plus_ms(claim.lease_ms);
        let lease = Lease { work: Work::Delivery(id.clone()), epoch: row.lease_epoch, until };
        let delivery = NewDelivery {
            id,
            event: row.event,
            body: Bytes::from(row.body),
            received_at: Timestamp::from_millis(row.received_at_ms),
        };
        let unfinished = tries(row.claims - 1);
        let item = PendingDelivery { delivery, tries: tries(row.tries), unfinished };
        Ok(Some(Leased { lease, item }))
    }

    pub(super) async fn effect_claimed(
        &self,
        claim: Claim,
    ) -> Result<Option<Leased<PendingEffect>>, StoreError> {
        let row: Option<EffectRow> = self.claim(sql::effects::CLAIM_EFFECT, claim).await?;
        let Some(row) = row else { return Ok(None) };
        let bad = |error: &dyn std::fmt::Display| inconsistent("effects", &row.id, error);
        let id = EffectId::parse(&row.id).map_err(|error| bad(&error))?;
        let effect: Effect = serde_json::from_str(&row.payload).map_err(|error| bad(&error))?;
        let until = claim.now.plus_ms(claim.lease_ms);
        let lease = Lease { work: Work::Effect(id), epoch: row.lease_epoch, until };
        let item = PendingEffect {
            id,
            effect,
            revision: row.revision,
            tries: tries(row.tries),
            wanted_at: Timestamp::from_millis(row.wanted_at_ms),
        };
        Ok(Some(Leased { lease, item }))
    }

    pub(super) async fn pull_claimed(
        &self,
        claim: Claim,
    ) -> Result<Option<Leased<PullRecord>>, StoreError> {
        let row: Option<ClaimedPull> = self.claim(sql::pulls::CLAIM_PULL, claim).await?;
        let Some(row) = row else { return Ok(None) };
        let repo = RepoId::new(u64::try_from(row.repo_id).unwrap_or(0));
        let number = PrNumber::new(u64::try_from(row.number).unwrap_or(0));
        let missing = || StoreError::Missing(format!("pull request {repo}#{number}"));
        let mut item = self.pull_record(repo, number).await?.ok_or_else(missing)?;
        item.tries = tries(row.tries);
        let until = claim.now.plus_ms(claim.lease_ms);
        let lease = Lease { work: Work::Pull(repo, number), epoch: row.lease_epoch, until };
        Ok(Some(Leased { lease, item }))
    }
}

fn tries(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
