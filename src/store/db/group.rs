//! One transaction of SQLite for all who wait to write.
//!
//! A commit costs a flush of the disk, whatever is in it, and SQLite writes one transaction at a
//! time. So whoever comes while another writes does not wait for that one's flush: he writes in the
//! same transaction, behind a savepoint of his own, and everybody's commit is one. Who is alone
//! begins and commits as ever.
//!
//! The invariant: a member's writes are undone alone when he does not commit, and a member's commit
//! returns only after the whole was flushed; when that fails, it fails for all of them.
//!
//! Races: a member goes away before he commits (his savepoint is undone before the next one's turn);
//! goes away while his commit waits for the others (it is carried out all the same, as any commit
//! may be whose answer nobody hears); the engine gives the whole transaction up because the disk is
//! full (there is no savepoint to go back to then, and every member hears that nothing was written).

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use super::BUSY_SECS;

/// Where a member's writes begin.
const BEGIN_MEMBER: &str = "SAVEPOINT member";

/// A member's writes stay, as far as the whole does.
const KEEP_MEMBER: &str = "RELEASE member";

/// A member's writes are undone.
const UNDO_MEMBER: &str = "ROLLBACK TO member; RELEASE member";

/// The one writer of a database.
#[derive(Debug, Clone)]
pub(in crate::store) struct Writer {
    pool: SqlitePool,
    /// The transaction that is open, and whose turn it is in it: turns come in the order of asking.
    open: Arc<Mutex<Option<Group>>>,
}

/// An open transaction.
#[derive(Debug)]
struct Group {
    transaction: Transaction<'static, Sqlite>,
    /// Who has written in it and waits for the flush.
    members: Vec<oneshot::Sender<Result<(), Failed>>>,
}

/// Why the whole could not be committed; the error itself is told to one of its members.
#[derive(Debug, Clone)]
struct Failed(String);

/// A member's turn.
#[derive(Debug)]
pub(in crate::store) struct Member {
    open: Option<OwnedMutexGuard<Option<Group>>>,
    writer: Writer,
    is_first: bool,
}

impl Writer {
    /// The writer over a pool of one connection.
    pub fn new(pool: SqlitePool) -> Self {
        Self { pool, open: Arc::default() }
    }

    /// The pool, for what is not a step: migrations.
    pub fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// A turn to write.
    ///
    /// # Errors
    /// When the turn does not come in time, or the engine cannot begin.
    pub async fn begin(&self) -> Result<Member, sqlx::Error> {
        let turn = Arc::clone(&self.open).lock_owned();
        let patience = Duration::from_secs(BUSY_SECS);
        let mut open =
            tokio::time::timeout(patience, turn).await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let is_first = open.is_none();
        if let Some(group) = open.as_mut() {
            sqlx::raw_sql(BEGIN_MEMBER).execute(&mut *group.transaction).await?;
        } else {
            let transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
            *open = Some(Group { transaction, members: Vec::new() });
        }
        Ok(Member { open: Some(open), writer: self.clone(), is_first })
    }

    /// Commits what is open, in its turn: behind all who asked before.
    async fn close(self) {
        let group = self.open.lock().await.take();
        let Some(Group { transaction, members }) = group else { return };
        let outcome = transaction.commit().await.map_err(|error| Failed(error.to_string()));
        for member in members {
            let _ = member.send(outcome.clone()); // he may have gone away
        }
    }
}

impl Member {
    /// Where the member writes.
    pub fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        let group = self.open.as_mut().and_then(|open| open.as_mut());
        group.map(|group| &mut *group.transaction).ok_or(sqlx::Error::WorkerCrashed)
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// When the whole could not be committed; nothing of it was written then.
    pub async fn commit(mut self) -> Result<(), sqlx::Error> {
        if !self.is_first {
            sqlx::raw_sql(KEEP_MEMBER).execute(self.connection()?).await?;
        }
        let (told, flushed) = oneshot::channel();
        let mut open = self.open.take().ok_or(sqlx::Error::WorkerCrashed)?;
        if let Some(group) = open.as_mut() {
            group.members.push(told);
        }
        if self.is_first {
            // By a task of its own: the others rely on it, whatever becomes of this member.
            tokio::spawn(self.writer.clone().close());
        }
        drop(open);
        match flushed.await {
            Ok(outcome) => {
                outcome.map_err(|Failed(words)| sqlx::Error::Io(std::io::Error::other(words)))
            }
            Err(_) => Err(sqlx::Error::WorkerCrashed),
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        let others = open.as_ref().is_some_and(|group| !group.members.is_empty());
        let runtime = tokio::runtime::Handle::try_current();
        match runtime {
            Ok(runtime) if others => {
                runtime.spawn(async move {
                    let undone = match open.as_mut() {
                        Some(group) => {
                            sqlx::raw_sql(UNDO_MEMBER).execute(&mut *group.transaction).await
                        }
                        None => return,
                    };
                    if undone.is_err() {
                        // Dropped, it is rolled back, and every member hears of it.
                        *open = None;
                    }
                });
            }
            // Nobody else has written in it, or nobody is left to hear: it is rolled back.
            Ok(_) | Err(_) => *open = None,
        }
    }
}
