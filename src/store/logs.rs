//! Kept logs: packed by zstd, which makes a tenth of a log, and unpacked to the length they had.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

use super::db::{Arg, Db, args};
use super::rows::{inconsistent, number};
use super::steps::{given, text};
use super::{SqlStore, sql, unavailable};
use crate::domain::ids::{JobId, PrNumber, RepoSlug, RunId, Timestamp};
use crate::ports::logs::{Kept, KeptLog, LogOf, LogStore, NewLog};
use crate::ports::store::StoreError;

/// zstd's own default: better ones cost many times the work for a few per cent.
const LEVEL: i32 = 3;

/// A log that is larger packed is no text; the longest one that is read packs to less.
const PACKED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A shorter log is packed where it is: that takes a tenth of a millisecond, and no change of threads.
const PACKED_HERE_BYTES_MAX: i64 = 64 * 1024;

/// A larger one is kept by a statement of its own: those that are kept together are in memory together.
const TOGETHER_BYTES_MAX: usize = 64 * 1024;

/// A log to be kept: its key, what is known of it, and what it was packed to.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    key: (i64, i64, i64),
    known: Value,
    bytes: Arc<Vec<u8>>,
}

/// Keeps logs; of two of one job the later one.
async fn keep(db: &Db, logs: Vec<Packed>) -> Result<(), StoreError> {
    let logs: BTreeMap<_, Packed> = logs.into_iter().map(|log| (log.key, log)).collect();
    let mut bodies = Vec::with_capacity(logs.values().map(|log| log.bytes.len()).sum());
    let mut known = Vec::with_capacity(logs.len());
    for mut log in logs.into_values() {
        log.known["begins"] = (bodies.len() + 1).into();
        bodies.extend_from_slice(&log.bytes);
        known.push(log.known);
    }
    let mut args = given(known);
    args.push(Arg::Bytes(bodies));
    let _: Vec<(i64,)> = db.write(sql::logs::KEEP_LOGS, args).await.map_err(unavailable)?;
    Ok(())
}

/// A kept log without its text.
type LogRow = (i64, String, i64, i64, i64, i64);

#[async_trait]
impl LogStore for SqlStore {
    async fn keep_log(&self, log: NewLog) -> Result<Kept, StoreError> {
        let bytes = number(log.text.len() as u64);
        let pack = move || zstd::bulk::compress(&log.text, LEVEL);
        let packed = if bytes <= PACKED_HERE_BYTES_MAX {
            pack().map_err(|error| StoreError::Unavailable(Box::new(error)))?
        } else {
            blocking(pack).await?
        };
        if packed.len() > PACKED_BYTES_MAX {
            return Ok(Kept::TooLarge);
        }
        let known = serde_json::json!({
            "repo_id": number(log.repo.get()),
            "number": number(log.number.get()),
            "job_id": number(log.of.job.get()),
            "name": text(log.of.name),
            "run_id": number(log.of.run.get()),
            "run_attempt": log.of.attempt,
            "bytes": bytes,
            "packed_bytes": packed.len(),
            "kept_at_ms": log.now.millis(),
        });
        let key = (number(log.repo.get()), number(log.number.get()), number(log.of.job.get()));
        let log = Packed { key, known, bytes: Arc::new(packed) };
        if log.bytes.len() > TOGETHER_BYTES_MAX {
            keep(&self.db, vec![log]).await?;
        } else {
            let db = self.db.clone();
            let keep_all = move |logs: Vec<Packed>| {
                let (db, count) = (db.clone(), logs.len());
                async move { keep(&db, logs).await.map(|()| vec![(); count]) }
            };
            self.logs_kept.call(log, keep_all).await?;
        }
        Ok(Kept::Yes)
    }

    async fn logs(&self, repo: &RepoSlug, pull: PrNumber) -> Result<Vec<KeptLog>, StoreError> {
        let args = args![repo.to_string(), number(pull.get())];
        let rows: Vec<LogRow> = self.db.rows(sql::logs::LOGS, args).await.map_err(unavailable)?;
        Ok(rows.into_iter().map(kept).collect())
    }

    async fn log(
        &self,
        repo: &RepoSlug,
        pull: PrNumber,
        job: JobId,
    ) -> Result<Option<Bytes>, StoreError> {
        let args = args![repo.to_string(), number(pull.get()), number(job.get())];
        let rows: Vec<(i64, Vec<u8>)> =
            self.db.rows(sql::logs::LOG, args).await.map_err(unavailable)?;
        let Some((bytes, packed)) = rows.into_iter().next() else { return Ok(None) };
        let length = usize::try_from(bytes).unwrap_or(0);
        let text = blocking(move || zstd::bulk::decompress(&packed, length)).await;
        let text = text.map_err(|error| inconsistent("logs", job, error))?;
        Ok(Some(Bytes::from(text)))
    }

    async fn forget_logs(
        &self,
        before: Timestamp,
        packed_bytes_max: u64,
    ) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        let old = tx.run(sql::logs::FORGET_OLD_LOGS, args![before.millis()]).await;
        let old = old.map_err(unavailable)?;
        let many = tx.run(sql::logs::FORGET_MANY_LOGS, args![number(packed_bytes_max)]).await;
        let many = many.map_err(unavailable)?;
        tx.commit().await.map_err(unavailable)?;
        Ok(old + many)
    }
}

/// Packs or unpacks beside the workers, which it would hold up.
async fn blocking(
    work: impl FnOnce() -> std::io::Result<Vec<u8>> + Send + 'static,
) -> Result<Vec<u8>, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| StoreError::Unavailable(Box::new(error)))?;
    done.map_err(|error| StoreError::Unavailable(Box::new(error)))
}

fn kept((job, name, run, attempt, bytes, kept_at): LogRow) -> KeptLog {
    let positive = |value: i64| u64::try_from(value).unwrap_or(0);
    KeptLog {
        of: LogOf {
            job: JobId::new(positive(job)),
            name,
            run: RunId::new(positive(run)),
            attempt: u32::try_from(attempt).unwrap_or(0),
        },
        bytes: positive(bytes),
        kept_at: Timestamp::from_millis(kept_at),
    }
}
