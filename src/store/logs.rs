//! Kept logs: packed by zstd, which makes a tenth of a log, and unpacked to the length they had.

use async_trait::async_trait;
use bytes::Bytes;

use super::db::{Arg, args};
use super::rows::{inconsistent, number};
use super::{SqlStore, sql, unavailable};
use crate::domain::ids::{JobId, PrNumber, RepoSlug, RunId, Timestamp};
use crate::ports::logs::{Kept, KeptLog, LogOf, LogStore, NewLog};
use crate::ports::store::StoreError;

/// zstd's own default: better ones cost many times the work for a few per cent.
const LEVEL: i32 = 3;

/// A log that is larger packed is no text; the longest one that is read packs to less.
const PACKED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A kept log without its text.
type LogRow = (i64, String, i64, i64, i64, i64);

#[async_trait]
impl LogStore for SqlStore {
    async fn keep_log(&self, log: NewLog) -> Result<Kept, StoreError> {
        let bytes = number(log.text.len() as u64);
        let packed = blocking(move || zstd::bulk::compress(&log.text, LEVEL)).await?;
        if packed.len() > PACKED_BYTES_MAX {
            return Ok(Kept::TooLarge);
        }
        let mut args = args![
            number(log.repo.get()),
            number(log.number.get()),
            number(log.of.job.get()),
            log.of.name,
            number(log.of.run.get()),
            i64::from(log.of.attempt),
            bytes,
            number(packed.len() as u64),
            log.now.millis(),
        ];
        args.push(Arg::Bytes(packed));
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        tx.run(sql::logs::KEEP_LOG, args).await.map_err(unavailable)?;
        tx.commit().await.map_err(unavailable)?;
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
