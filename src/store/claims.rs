//! Claims: one piece of work under a lease.
//!
//! Workers that claim at the same time are served by one statement, each with a piece of his own.

use std::sync::Arc;

use sqlx::FromRow;

use super::db::{Arg, Db, args};
use super::lanes::Lane;
use super::packing::unpack;
use super::rows::inconsistent;
use super::together::Together;
use super::{SqlStore, Statement, records, sql, unavailable};
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

/// What was claimed, and until when it is held.
type Claimed<T> = Option<(T, Timestamp)>;

/// Claims that are made at the same time, each kind by one statement.
#[derive(Debug, Default)]
pub(super) struct Claims {
    deliveries: Together<Claim, Claimed<DeliveryRow>>,
    effects: Together<Claim, Claimed<EffectRow>>,
    pulls: Together<Claim, Option<Result<Leased<PullRecord>, StoreError>>>,
}

/// Something that was claimed of a repository.
trait OfRepo: super::db::Row {
    fn repo(&self) -> i64;
}

impl OfRepo for DeliveryRow {
    fn repo(&self) -> i64 {
        self.repo_id
    }
}

impl OfRepo for EffectRow {
    fn repo(&self) -> i64 {
        self.repo_id
    }
}

impl OfRepo for ClaimedPull {
    fn repo(&self) -> i64 {
        self.repo_id
    }
}

/// The claim of all who claim at the same time: as of the latest of their moments.
fn whole(claims: &[Claim]) -> Claim {
    let latest = claims.iter().copied().max_by_key(|claim| claim.now);
    latest.expect("invariant: a group has a caller")
}

/// Claims at most so many of what is due, from the repository on whose turn it is.
async fn next_in<T: OfRepo>(
    db: &Db,
    statement: Statement,
    (claim, count): (Claim, usize),
    lane: &Lane,
) -> Result<Vec<T>, StoreError> {
    let mut found: Vec<T> = Vec::new();
    for after in lane.places() {
        let left = count - found.len();
        if left == 0 {
            break;
        }
        let mut args = times(claim);
        args.extend(args![after, i64::try_from(left).unwrap_or(i64::MAX)]);
        let rows: Vec<T> = db.claim(statement, args).await.map_err(unavailable)?;
        if let Some(last) = rows.iter().map(T::repo).max() {
            lane.served(last);
        }
        found.extend(rows);
    }
    Ok(found)
}

/// One for each who claimed, as far as they go.
fn dealt<T>(found: Vec<T>, callers: usize) -> Vec<Option<T>> {
    let mut dealt: Vec<Option<T>> = found.into_iter().map(Some).collect();
    dealt.resize_with(callers, || None);
    dealt
}

/// Rows that were claimed, for each caller one.
async fn rows<T: OfRepo>(
    db: &Db,
    statement: Statement,
    claims: &[Claim],
    lane: &Lane,
) -> Result<Vec<Claimed<T>>, StoreError> {
    let claim = whole(claims);
    let until = claim.now.plus_ms(claim.lease_ms);
    let found: Vec<T> = next_in(db, statement, (claim, claims.len()), lane).await?;
    Ok(dealt(found.into_iter().map(|row| (row, until)).collect(), claims.len()))
}

/// Pull requests that were claimed, each with what is known of it.
async fn pulls(
    db: &Db,
    claims: &[Claim],
    lane: &Lane,
) -> Result<Vec<Option<Result<Leased<PullRecord>, StoreError>>>, StoreError> {
    let claim = whole(claims);
    let mut found: Vec<ClaimedPull> =
        next_in(db, sql::pulls::CLAIM_PULLS, (claim, claims.len()), lane).await?;
    if found.len() < claims.len() {
        let left = claims.len() - found.len();
        let mut args = times(claim);
        args.push(Arg::from(i64::try_from(left).unwrap_or(i64::MAX)));
        let abandoned = db.claim(sql::pulls::CLAIM_ABANDONED_PULLS, args).await;
        found.extend::<Vec<ClaimedPull>>(abandoned.map_err(unavailable)?);
    }
    let keys: Vec<(i64, i64)> = found.iter().map(|row| (row.repo_id, row.number)).collect();
    let mut records = records::of_pulls(db, &keys).await?;
    let leased = |row: ClaimedPull| {
        let repo = RepoId::new(u64::try_from(row.repo_id).unwrap_or(0));
        let number = PrNumber::new(u64::try_from(row.number).unwrap_or(0));
        let missing = || StoreError::Missing(format!("pull request {repo}#{number}"));
        let record = records.remove(&(row.repo_id, row.number));
        let mut item = record.ok_or_else(missing)??;
        item.tries = tries(row.tries);
        let until = claim.now.plus_ms(claim.lease_ms);
        let lease = Lease { work: Work::Pull(repo, number), epoch: row.lease_epoch, until };
        Ok(Leased { lease, item })
    };
    Ok(dealt(found.into_iter().map(leased).collect(), claims.len()))
}

impl SqlStore {
    pub(super) async fn claim<T: super::db::Row>(
        &self,
        statement: Statement,
        args: Vec<Arg>,
    ) -> Result<Option<T>, StoreError> {
        let mut rows = self.db.claim(statement, args).await.map_err(unavailable)?;
        Ok(rows.pop())
    }

    pub(super) async fn delivery_claimed(
        &self,
        claim: Claim,
    ) -> Result<Option<Leased<PendingDelivery>>, StoreError> {
        let (db, lanes) = (self.db.clone(), Arc::clone(&self.lanes));
        let carry_out = move |claims: Vec<Claim>| {
            let (db, lanes) = (db.clone(), Arc::clone(&lanes));
            let statement = sql::inbox::CLAIM_DELIVERIES;
            async move { rows(&db, statement, &claims, &lanes.deliveries).await }
        };
        let claimed = self.claims.deliveries.call(claim, carry_out).await?;
        let Some((row, until)) = claimed else { return Ok(None) };
        let id = DeliveryId::parse(&row.id)
            .map_err(|error| inconsistent("deliveries", &row.id, error))?;
        let lease = Lease { work: Work::Delivery(id.clone()), epoch: row.lease_epoch, until };
        let delivery = NewDelivery {
            id,
            event: row.event,
            repo: u64::try_from(row.repo_id).ok().filter(|id| *id > 0).map(RepoId::new),
            body: unpack(("deliveries", &row.id), row.body, row.body_bytes)?,
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
        let (db, lanes) = (self.db.clone(), Arc::clone(&self.lanes));
        let carry_out = move |claims: Vec<Claim>| {
            let (db, lanes) = (db.clone(), Arc::clone(&lanes));
            let statement = sql::effects::CLAIM_EFFECTS;
            async move { rows(&db, statement, &claims, &lanes.effects).await }
        };
        let claimed: Claimed<EffectRow> = self.claims.effects.call(claim, carry_out).await?;
        let Some((row, until)) = claimed else { return Ok(None) };
        let bad = |error: &dyn std::fmt::Display| inconsistent("effects", &row.id, error);
        let id = EffectId::parse(&row.id).map_err(|error| bad(&error))?;
        let effect: Effect = serde_json::from_str(&row.payload).map_err(|error| bad(&error))?;
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
        let (db, lanes) = (self.db.clone(), Arc::clone(&self.lanes));
        let carry_out = move |claims: Vec<Claim>| {
            let (db, lanes) = (db.clone(), Arc::clone(&lanes));
            async move { pulls(&db, &claims, &lanes.pulls).await }
        };
        self.claims.pulls.call(claim, carry_out).await?.transpose()
    }
}

fn tries(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
