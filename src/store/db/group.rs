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

use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqliteConnection, SqlitePool};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use super::BUSY_SECS;

/// A deferred transaction would fail half-way when another process writes.
const BEGIN: &str = "BEGIN IMMEDIATE";

const COMMIT: &str = "COMMIT";

const ROLL_BACK: &str = "ROLLBACK";

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
    connection: PoolConnection<Sqlite>,
    /// Who has written in it and waits for the flush.
    members: Vec<oneshot::Sender<Result<(), Failed>>>,
    is_over: bool,
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

impl Group {
    /// Commits it or rolls it back.
    async fn end(&mut self, words: &'static str) -> Result<(), sqlx::Error> {
        sqlx::query(words).execute(&mut *self.connection).await?;
        self.is_over = true;
        Ok(())
    }
}

impl Drop for Group {
    /// Nobody knows how a connection stands that could not end its transaction; closed, it is rolled
    /// back for certain.
    fn drop(&mut self) {
        if !self.is_over {
            self.connection.close_on_drop();
        }
    }
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
            sqlx::query(BEGIN_MEMBER).execute(&mut *group.connection).await?;
        } else {
            let connection = self.pool.acquire().await?;
            // Whole before it begins: whoever gives up in between leaves no transaction behind.
            let mut group = Group { connection, members: Vec::new(), is_over: false };
            sqlx::query(BEGIN).execute(&mut *group.connection).await?;
            *open = Some(group);
        }
        Ok(Member { open: Some(open), writer: self.clone(), is_first })
    }

    /// Commits what is open, in its turn: behind all who asked before.
    async fn close(self) {
        let mut open = self.open.lock().await;
        let Some(mut group) = open.take() else { return };
        let outcome = group.end(COMMIT).await.map_err(|error| Failed(error.to_string()));
        for member in group.members.drain(..) {
            let _ = member.send(outcome.clone()); // he may have gone away
        }
    }
}

impl Member {
    /// Where the member writes.
    pub fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        let group = self.open.as_mut().and_then(|open| open.as_mut());
        group.map(|group| &mut *group.connection).ok_or(sqlx::Error::WorkerCrashed)
    }

    /// Goes away without a wait for the flush, because nothing was written.
    ///
    /// # Errors
    /// When the engine cannot go on.
    pub async fn leave(mut self) -> Result<(), sqlx::Error> {
        if self.is_first {
            tokio::spawn(self.writer.clone().close()); // for those who may join before
        } else {
            sqlx::query(KEEP_MEMBER).execute(self.connection()?).await?;
        }
        drop(self.open.take());
        Ok(())
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// When the whole could not be committed; nothing of it was written then.
    pub async fn commit(mut self) -> Result<(), sqlx::Error> {
        if !self.is_first {
            sqlx::query(KEEP_MEMBER).execute(self.connection()?).await?;
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
        let is_alone = self.is_first;
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            // Nobody is left to hear: it is closed, and so rolled back.
            *open = None;
            return;
        };
        runtime.spawn(async move {
            let Some(group) = open.as_mut() else { return };
            if is_alone {
                let _ = group.end(ROLL_BACK).await; // if it fails, the connection is closed
                *open = None;
            } else if sqlx::raw_sql(UNDO_MEMBER).execute(&mut *group.connection).await.is_err() {
                // Closed, it is rolled back, and every member hears of it.
                *open = None;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
    use tempfile::TempDir;

    use super::*;

    async fn writer() -> (Writer, TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new().filename(dir.path().join("a.db"));
        let pool = SqlitePoolOptions::new().max_connections(1);
        let pool = pool.connect_with(options.create_if_missing(true)).await.unwrap();
        sqlx::raw_sql("CREATE TABLE said (who TEXT NOT NULL)").execute(&pool).await.unwrap();
        (Writer::new(pool), dir)
    }

    async fn say(member: &mut Member, who: &str) {
        let insert = sqlx::query("INSERT INTO said VALUES ($1)").bind(who.to_owned());
        insert.execute(member.connection().unwrap()).await.unwrap();
    }

    async fn said(writer: &Writer) -> Vec<String> {
        let rows: Vec<(String,)> = sqlx::query_as("SELECT who FROM said ORDER BY who")
            .fetch_all(writer.pool())
            .await
            .unwrap();
        rows.into_iter().map(|(who,)| who).collect()
    }

    /// A first member who has written and waits for the flush, and the turn that comes after his.
    async fn with_next(
        writer: &Writer,
    ) -> (tokio::task::JoinHandle<Result<(), sqlx::Error>>, Member) {
        let mut first = writer.begin().await.unwrap();
        say(&mut first, "first").await;
        let same = writer.clone();
        let next = tokio::spawn(async move { same.begin().await });
        tokio::task::yield_now().await; // the next one asks for his turn before the first is done
        let committed = tokio::spawn(first.commit());
        (committed, next.await.unwrap().unwrap())
    }

    #[tokio::test]
    async fn who_waits_writes_in_the_same_transaction() {
        let (writer, _dir) = writer().await;
        let (first, mut next) = with_next(&writer).await;
        assert!(!next.is_first, "he joined");
        say(&mut next, "next").await;
        next.commit().await.unwrap();
        first.await.unwrap().unwrap();
        assert_eq!(said(&writer).await, ["first", "next"]);
    }

    #[tokio::test]
    async fn who_does_not_commit_undoes_only_what_he_wrote() {
        let (writer, _dir) = writer().await;
        let (first, mut next) = with_next(&writer).await;
        say(&mut next, "next").await;
        drop(next);
        first.await.unwrap().unwrap();
        assert_eq!(said(&writer).await, ["first"]);
        let mut alone = writer.begin().await.unwrap();
        say(&mut alone, "alone").await;
        drop(alone);
        assert_eq!(said(&writer).await, ["first"]);
    }

    #[tokio::test]
    async fn when_the_engine_gives_the_whole_up_every_member_hears_it() {
        let (writer, _dir) = writer().await;
        let (first, mut next) = with_next(&writer).await;
        // As a full disk does.
        sqlx::raw_sql("ROLLBACK").execute(next.connection().unwrap()).await.unwrap();
        drop(next);
        first.await.unwrap().unwrap_err();
        let mut after = writer.begin().await.unwrap();
        say(&mut after, "after").await;
        after.commit().await.unwrap();
        assert_eq!(said(&writer).await, ["after"]);
    }

    #[tokio::test]
    async fn a_commit_goes_on_when_nobody_waits_for_it() {
        let (writer, _dir) = writer().await;
        let (first, next) = with_next(&writer).await;
        first.abort();
        next.commit().await.unwrap();
        assert_eq!(said(&writer).await, ["first"]);
    }
}
