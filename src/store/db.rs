//! The two engines behind one face: a statement's text is shared, its arguments are bound by type.
//!
//! [`Db`] is an enum of concrete pools and [`Tx`] of concrete transactions, so that each engine
//! keeps its own locking. SQLite has one writer connection, whose transactions begin `IMMEDIATE` (a
//! deferred one would fail half-way when another writes) and are shared by all who wait for them
//! ([`group`]); readers are apart.

mod group;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::query::{Query, QueryAs};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{FromRow, PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use super::lock::Lock;

use self::group::{Member, Writer};

/// Readers beside the one writer: more would only queue for two cores.
const SQLITE_READERS: u32 = 4;

/// Connections to PostgreSQL per process: workers, handlers and one for the group commit.
const POSTGRES_CONNECTIONS: u32 = 10;

/// How long a statement waits for a lock or a connection before the store counts as unavailable.
const BUSY_SECS: u64 = 5;

/// What PostgreSQL ends by itself, so that a replica that is paused or cut off holds up no other: the
/// wait for a lock, and a transaction in which nothing happens. And how it finds rows: by an index, as
/// every statement of ours does; a plan is kept for long, and one that was made while a table was small
/// would go through it from one end to the other when it is large. What has to be read from one end to
/// the other all the same would count as so dear that it is compiled first, which takes longer. No bitmap
/// of an index is made either: it has no order, so a claim would read and sort all that is due. When a
/// plan is made anew is left to the server: one plan for all arguments is cheaper in a new database, and
/// three times as dear for a case in one with a past.
const SESSION: [(&str, &str); 7] = [
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];

/// An argument of a statement.
#[derive(Debug, Clone)]
pub(super) enum Arg {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Arg {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<String> for Arg {
    fn from(value: String) -> Self {
        Self::Text(Some(storable(value)))
    }
}

impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Text(Some(storable(value.to_owned())))
    }
}

impl From<Option<String>> for Arg {
    fn from(value: Option<String>) -> Self {
        Self::Text(value.map(storable))
    }
}

/// PostgreSQL's text has no NUL; on both engines it becomes the sign for what cannot be shown.
pub(super) fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// The arguments of a statement, in order.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::db::Arg::from($value)),*] };
}
pub(super) use args;

/// A row that both engines can yield.
pub(super) trait Row:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{}

/// A statement that reads or claims: one text, or two where the engines' locking differs.
#[derive(Debug, Clone, Copy)]
pub struct Statement {
    /// The text for SQLite.
    pub sqlite: &'static str,
    /// The text for PostgreSQL.
    pub postgres: &'static str,
}

impl Statement {
    /// The same text for both engines.
    pub const fn both(text: &'static str) -> Self {
        Self { sqlite: text, postgres: text }
    }
}

/// The file of a database that is one; `None` for a server, and for what lives in memory.
pub(super) fn file_of(url: &str) -> Result<Option<PathBuf>, sqlx::Error> {
    if is_postgres(url) || is_in_memory(url) {
        return Ok(None);
    }
    let options = SqliteConnectOptions::from_str(url)?;
    Ok(Some(options.get_filename().to_owned()))
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres:") || url.starts_with("postgresql:")
}

fn is_in_memory(url: &str) -> bool {
    url.contains(":memory:")
}

/// A database of either kind.
#[derive(Debug, Clone)]
pub(super) enum Db {
    Sqlite { writer: Writer, reader: SqlitePool, lock: Option<Arc<Lock>> },
    Postgres(PgPool),
}

impl Db {
    /// Opens `sqlite:PATH`, `sqlite::memory:` or `postgres://…`.
    pub async fn open(url: &str) -> Result<Self, sqlx::Error> {
        if is_postgres(url) {
            let options = PgConnectOptions::from_str(url)?.options(SESSION);
            let pool = PgPoolOptions::new()
                .max_connections(POSTGRES_CONNECTIONS)
                .acquire_timeout(Duration::from_secs(BUSY_SECS))
                .connect_with(options)
                .await?;
            return Ok(Self::Postgres(pool));
        }
        let options = SqliteConnectOptions::from_str(url)?;
        let lock = file_of(url)?.map(|file| Lock::shared(&file)).transpose()?.map(Arc::new);
        Self::sqlite(options, lock).await
    }

    /// Opens a SQLite file whose lock the caller holds.
    pub async fn open_file(file: &Path) -> Result<Self, sqlx::Error> {
        Self::sqlite(SqliteConnectOptions::new().filename(file), None).await
    }

    async fn sqlite(
        options: SqliteConnectOptions,
        lock: Option<Arc<Lock>>,
    ) -> Result<Self, sqlx::Error> {
        let in_memory = lock.is_none() && options.get_filename().starts_with("file:sqlx-in-memory");
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(BUSY_SECS));
        let pool = |count: u32| {
            SqlitePoolOptions::new()
                .max_connections(count)
                .acquire_timeout(Duration::from_secs(BUSY_SECS))
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let writer = pool(1).connect_with(options.clone()).await?;
        // An in-memory database belongs to its one connection.
        let reader = if in_memory {
            writer.clone()
        } else {
            pool(SQLITE_READERS).connect_with(options.pragma("query_only", "ON")).await?
        };
        Ok(Self::Sqlite { writer: Writer::new(writer), reader, lock })
    }

    /// A transaction that may write.
    pub async fn begin(&self) -> Result<Tx, sqlx::Error> {
        match self {
            Self::Sqlite { writer, .. } => Ok(Tx::Sqlite(writer.begin().await?)),
            Self::Postgres(pool) => Ok(Tx::Postgres(pool.begin().await?)),
        }
    }

    /// Every row that a statement yields, outside any transaction of ours.
    pub async fn rows<T: Row>(
        &self,
        statement: Statement,
        args: Vec<Arg>,
    ) -> Result<Vec<T>, sqlx::Error> {
        match self {
            Self::Sqlite { reader, .. } => {
                sqlite_as(statement.sqlite, args).fetch_all(reader).await
            }
            Self::Postgres(pool) => postgres_as(statement.postgres, args).fetch_all(pool).await,
        }
    }

    /// Every row that a statement yields which writes; it is a transaction by itself.
    pub async fn write<T: Row>(
        &self,
        statement: Statement,
        args: Vec<Arg>,
    ) -> Result<Vec<T>, sqlx::Error> {
        match self {
            Self::Sqlite { .. } => {
                let mut tx = self.begin().await?;
                let rows = tx.rows(statement, args).await?;
                tx.commit().await?;
                Ok(rows)
            }
            Self::Postgres(pool) => postgres_as(statement.postgres, args).fetch_all(pool).await,
        }
    }

    /// What a statement claims. It names every row that it changes; where it names none, there is no
    /// flush to wait for.
    pub async fn claim<T: Row>(
        &self,
        statement: Statement,
        args: Vec<Arg>,
    ) -> Result<Vec<T>, sqlx::Error> {
        let Self::Sqlite { writer, .. } = self else { return self.write(statement, args).await };
        let mut member = writer.begin().await?;
        let rows = sqlite_as(statement.sqlite, args).fetch_all(member.connection()?).await?;
        if rows.is_empty() {
            member.leave().await?;
        } else {
            member.commit().await?;
        }
        Ok(rows)
    }

    /// Ends every connection.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, reader, lock } => {
                reader.close().await;
                writer.pool().close().await;
                if let Some(lock) = lock {
                    lock.release();
                }
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A transaction of either kind; dropped without commit it is rolled back.
pub(super) enum Tx {
    Sqlite(Member),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    /// Whether others write at the same time, so that locks have an order; else there is one writer.
    pub const fn locks_rows(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// How many rows a statement changed.
    pub async fn run(&mut self, statement: Statement, args: Vec<Arg>) -> Result<u64, sqlx::Error> {
        match self {
            Self::Sqlite(tx) => {
                let done = sqlite(statement.sqlite, args).execute(tx.connection()?).await?;
                Ok(done.rows_affected())
            }
            Self::Postgres(tx) => {
                let done = postgres(statement.postgres, args).execute(&mut **tx).await?;
                Ok(done.rows_affected())
            }
        }
    }

    /// Every row that a statement yields.
    pub async fn rows<T: Row>(
        &mut self,
        statement: Statement,
        args: Vec<Arg>,
    ) -> Result<Vec<T>, sqlx::Error> {
        match self {
            Self::Sqlite(tx) => sqlite_as(statement.sqlite, args).fetch_all(tx.connection()?).await,
            Self::Postgres(tx) => postgres_as(statement.postgres, args).fetch_all(&mut **tx).await,
        }
    }

    /// Makes everything durable.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
    }
}

macro_rules! bind_all {
    ($query:expr, $args:expr) => {{
        let mut query = $query;
        for arg in $args {
            query = match arg {
                Arg::Int(value) => query.bind(value),
                Arg::Text(value) => query.bind(value),
                Arg::Bytes(value) => query.bind(value),
            };
        }
        query
    }};
}

fn sqlite(sql: &'static str, args: Vec<Arg>) -> Query<'static, Sqlite, SqliteArguments> {
    bind_all!(sqlx::query(sql), args)
}

fn postgres(sql: &'static str, args: Vec<Arg>) -> Query<'static, Postgres, PgArguments> {
    bind_all!(sqlx::query(sql), args)
}

fn sqlite_as<T: Row>(
    sql: &'static str,
    args: Vec<Arg>,
) -> QueryAs<'static, Sqlite, T, SqliteArguments> {
    bind_all!(sqlx::query_as(sql), args)
}

fn postgres_as<T: Row>(
    sql: &'static str,
    args: Vec<Arg>,
) -> QueryAs<'static, Postgres, T, PgArguments> {
    bind_all!(sqlx::query_as(sql), args)
}
