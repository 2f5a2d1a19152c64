//! Checkpoints: packed, one an attempt, gone with the stage that they belong to.
//!
//! Races: a runner that was replaced sends one (its token is not the one that is known any more), one
//! arrives after the report of its stage (the stage is known as finished), one after the attempt's end.
//! All three are decided by the statement that writes it. One that was being written while the attempt
//! ended may stay behind; nobody reads it, and it is forgotten with what is old.

use async_trait::async_trait;

use super::db::{Arg, Tx, args};
use super::packing::{pack, unpack};
use super::rows::inconsistent;
use super::runners::sat_on;
use super::{SqlStore, sql, unavailable};
use crate::domain::checkpoint::Checkpoint;
use crate::domain::ids::AttemptId;
use crate::ports::checkpoints::{CheckpointStore, NewCheckpoint, Taken};
use crate::ports::store::StoreError;

#[async_trait]
impl CheckpointStore for SqlStore {
    async fn keep_checkpoint(&self, new: NewCheckpoint) -> Result<Taken, StoreError> {
        let body = serde_json::to_vec(&new.checkpoint)
            .map_err(|error| inconsistent("checkpoints", new.seat.attempt, error))?;
        let packed = pack(&body);
        let mut args = sat_on(&new.seat);
        args.extend(args![i64::from(new.checkpoint.round), packed.length, new.now.millis()]);
        args.push(Arg::Bytes(packed.bytes));
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        let kept = tx.run(sql::checkpoints::KEEP_CHECKPOINT, args).await.map_err(unavailable)?;
        tx.commit().await.map_err(unavailable)?;
        Ok(if kept == 0 { Taken::TooLate } else { Taken::Yes })
    }

    async fn checkpoint(&self, attempt: AttemptId) -> Result<Option<Checkpoint>, StoreError> {
        let id = attempt.to_string();
        let args = args![id.clone()];
        let rows: Vec<(Vec<u8>, Option<i64>)> =
            self.db.rows(sql::checkpoints::CHECKPOINT, args).await.map_err(unavailable)?;
        let Some((bytes, length)) = rows.into_iter().next() else { return Ok(None) };
        let body = unpack(("checkpoints", &id), bytes, length)?;
        let read = serde_json::from_slice(&body);
        read.map(Some).map_err(|error| inconsistent("checkpoints", attempt, error))
    }
}

/// Forgets the checkpoint of an attempt, in the transaction that makes it obsolete.
pub(super) async fn forget(tx: &mut Tx, attempt: AttemptId) -> Result<(), StoreError> {
    let args = args![attempt.to_string()];
    tx.run(sql::checkpoints::FORGET_CHECKPOINT, args).await.map_err(unavailable)?;
    Ok(())
}
