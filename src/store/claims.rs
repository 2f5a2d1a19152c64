//! Claims: one piece of work under a lease.

use sqlx::FromRow;

use super::db::{Arg, args};
use super::lanes::Lane;
use super::packing::unpack;
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
    body_bytes: Option<i64>,
    received_at_ms: i64,
    tries: i64,
    claims: i64,
    lease_epoch: i64,
    repo_id: i64,
}

#[derive(Debug, FromRow)]
struct EffectRow {
    id: String,
    payload: String,
    revision: i64,
    tries: i64,
    wanted_at_ms: i64,
    lease_epoch: i64,
    repo_id: i64,
}

#[derive(Debug, FromRow)]
struct ClaimedPull {
    repo_id: i64,
    number: i64,
    lease_epoch: i64,
    tries: i64,
}

/// Now, and the lease's end.
pub(super) fn times(claim: Claim) -> Vec<Arg> {
    args![claim.now.millis(), claim.now.plus_ms(claim.lease_ms).millis()]
}

impl SqlStore {
    pub(super) async fn claim<T: super::db::Row>(
        &self,
        statement: super::Statement,
        args: Vec<Arg>,
    ) -> Result<Option<T>, StoreError> {
        let mut rows = self.db.write(statement, args).await.map_err(unavailable)?;
        Ok(rows.pop())
    }

    /// Claims what is due of the repository whose turn it is.
    async fn next_in<T: super::db::Row>(
        &self,
        statement: super::Statement,
        claim: Claim,
        lane: &Lane,
    ) -> Result<Option<T>, StoreError> {
        for after in lane.places() {
            let mut args = times(claim);
            args.push(Arg::from(after));
            let row = self.claim(statement, args).await?;
            if row.is_some() {
                return Ok(row);
            }
        }
        Ok(None)
    }

    pub(super) async fn delivery_claimed(
        &self,
        claim: Claim,
    ) -> Result<Option<Leased<PendingDelivery>>, StoreError> {
        let lane = &self.lanes.deliveries;
        let row = self.next_in(sql::inbox::CLAIM_DELIVERY, claim, lane).await?;
        let Some(row): Option<DeliveryRow> = row else { return Ok(None) };
        lane.served(row.repo_id);
        let id = DeliveryId::parse(&row.id)
            .map_err(|error| inconsistent("deliveries", &row.id, error))?;
        let until = claim.now.plus_ms(claim.lease_ms);
        let lease = Lease { work: Work::Delivery(id.clone()), epoch: row.lease_epoch, until };
        let delivery = NewDelivery {
            id,
            event: row.event,
            repo: u64::try_from(row.repo_id).ok().filter(|id| *id > 0).map(RepoId::new),
            body: unpack(&row.id, row.body, row.body_bytes)?,
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
        let lane = &self.lanes.effects;
        let row = self.next_in(sql::effects::CLAIM_EFFECT, claim, lane).await?;
        let Some(row): Option<EffectRow> = row else { return Ok(None) };
        lane.served(row.repo_id);
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
        let lane = &self.lanes.pulls;
        let mut row = self.next_in(sql::pulls::CLAIM_PULL, claim, lane).await?;
        if row.is_none() {
            row = self.claim(sql::pulls::CLAIM_ABANDONED_PULL, times(claim)).await?;
        }
        let Some(row): Option<ClaimedPull> = row else { return Ok(None) };
        lane.served(row.repo_id);
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
