//! Telling: a process that left work in the store tells the others, which begin at once.
//!
//! On PostgreSQL `NOTIFY` is part of the transaction that leaves the work: it is heard when the work
//! is there, and never when it is not. It is a hint and nothing more: whoever hears nothing looks by
//! himself a second later (`service::worker`), so nothing depends on it, and a pooler that does not
//! pass it on only makes replicas slower to begin. SQLite has one process, which tells itself.
//!
//! Races: work is left while nobody listens, or the connection is cut (whoever begins to listen looks
//! once by himself); a connection hangs without an end (it is given up when it was quiet for long).

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgPoolOptions};

use super::SqlStore;
use super::db::{Db, Tx};
use super::sql;
use crate::domain::ids::Timestamp;

/// What is listened to; `sql::telling` says it.
const CHANNEL: &str = "selfheal_work";

/// A step tells at most this often: PostgreSQL commits those that tell one after the other, and who is
/// awake finds everything. Deliveries come in groups and always tell.
const EVERY_MS: i64 = 50;

/// How soon it is listened again after a cut.
const AGAIN_MS: u64 = 250;

/// A connection that was quiet for so long is made anew: it may hang, and nobody would know.
const QUIET_SECS_MAX: u64 = 60;

/// When a step of this process told last.
#[derive(Debug)]
pub(super) struct Told(AtomicI64);

impl Default for Told {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

/// What a step leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaves {
    /// Work that is due.
    Work,
    /// Nothing, or nothing that is due yet.
    Nothing,
}

/// Whether others are told of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    Now,
    NotNow,
}

impl Told {
    /// Whether others are told of steps that leave that.
    pub fn telling(&self, leaves: Leaves, now: Timestamp) -> Telling {
        match leaves {
            Leaves::Work if self.is_long_ago(now) => Telling::Now,
            Leaves::Work | Leaves::Nothing => Telling::NotNow,
        }
    }

    /// Whether a step may tell again.
    pub fn is_long_ago(&self, now: Timestamp) -> bool {
        let (now, last) = (now.millis(), self.0.load(Ordering::Relaxed));
        let soon = last.saturating_add(EVERY_MS);
        // A clock that was set back says nothing.
        let is_long_ago = now >= soon || now < last;
        if is_long_ago {
            self.0.store(now, Ordering::Relaxed);
        }
        is_long_ago
    }
}

impl Tx {
    /// Tells other processes of the work that this transaction leaves.
    pub async fn tell(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(_) => self.run(sql::telling::TELL, Vec::new()).await.map(drop),
        }
    }
}

impl SqlStore {
    /// Says when another process may have left work here, until the store is closed: whenever one
    /// tells so, and once whenever listening begins.
    pub async fn listen(&self, heard: impl Fn() + Send + Sync) {
        let Db::Postgres(pool) = &self.db else {
            // Nobody will ever say anything; the caller has another reason to stop.
            return std::future::pending().await;
        };
        let _ = pool.close_event().do_until(listen(pool, &heard)).await; // closed: nothing to hear
    }
}

async fn listen(pool: &PgPool, heard: &(impl Fn() + Send + Sync)) {
    loop {
        if let Err(error) = listen_once(pool, heard).await {
            tracing::debug!(%error, "other processes are not heard for a moment");
        }
        tokio::time::sleep(Duration::from_millis(AGAIN_MS)).await;
    }
}

/// Listens on a connection of its own until it is cut or was quiet for too long.
async fn listen_once(pool: &PgPool, heard: &(impl Fn() + Send + Sync)) -> Result<(), sqlx::Error> {
    let options = pool.connect_options().as_ref().clone();
    let own = PgPoolOptions::new().max_connections(1).connect_with(options).await?;
    let mut listener = PgListener::connect_with(&own).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    heard();
    let quiet = Duration::from_secs(QUIET_SECS_MAX);
    while let Ok(told) = tokio::time::timeout(quiet, listener.try_recv()).await {
        if told?.is_none() {
            break;
        }
        heard();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_tell_now_and_then() {
        let told = Told::default();
        for (now, expected) in
            [(0, true), (EVERY_MS - 1, false), (EVERY_MS, true), (EVERY_MS + 1, false), (3, true)]
        {
            assert_eq!(told.is_long_ago(Timestamp::from_millis(now)), expected, "{now}");
        }
    }
}
