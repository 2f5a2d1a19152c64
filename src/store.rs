//! The store: SQLite and PostgreSQL behind the `Store` port. The only code that knows SQL.
//!
//! Promises: what [`Store::insert_delivery`](crate::ports::store::Store::insert_delivery) answered
//! is durable; a step is written whole or not at all; a worker whose lease was taken over writes
//! nothing. Deliveries that arrive at the same time share one commit (see [`inbox`]), which is what
//! makes durable intake fast.

mod apply;
mod autonomy;
mod backup;
mod checkpoints;
mod claims;
mod db;
mod events;
mod figures;
mod flakes;
mod inbox;
mod inputs;
mod lanes;
mod ledger;
mod lock;
mod logs;
mod packing;
mod port;
mod reads;
mod records;
mod remedies;
mod restore;
mod rows;
mod runners;
mod schema;
pub mod sql;
mod steps;
mod telling;
mod together;
mod upkeep;

pub use backup::{Backup, BackupError, Existing};
pub use db::Statement;
pub use restore::Restored;
pub use schema::{Schema, SchemaError, Step};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use db::Db;
use sqlx::error::ErrorKind;
use thiserror::Error;

use crate::domain::ids::Timestamp;
use crate::domain::limits::Limits;
use crate::ports::store::StoreError;

/// Why a store could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The database cannot be reached, or the address is wrong.
    #[error("the database cannot be opened")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the schema could not be brought up to date")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The schema is not one that this program can run on.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

/// Whether the schema is brought up to date when a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrate {
    /// It is.
    Yes,
    /// It must be up to date already.
    No,
}

/// A store on either engine.
#[derive(Debug)]
pub struct SqlStore {
    db: Db,
    inbox: inbox::GroupCommit,
    /// Whose turn it is with deliveries, effects and pull requests.
    lanes: Arc<lanes::Lanes>,
    /// When other processes were told of work.
    told: Arc<telling::Told>,
    claims: claims::Claims,
    steps: apply::Steps,
    reads: reads::Reads,
    logs_kept: together::Together<logs::Packed, ()>,
}

impl SqlStore {
    /// Opens `sqlite:PATH`, `sqlite::memory:` or `postgres://…`.
    ///
    /// # Errors
    /// [`OpenError`] when the database cannot be reached or migrated.
    pub async fn open(url: &str, migrate: Migrate) -> Result<Arc<Self>, OpenError> {
        Self::open_within(url, migrate, Limits::default()).await
    }

    /// Opens a store that takes no more than the limits say.
    ///
    /// # Errors
    /// [`OpenError`] when the database cannot be reached or migrated.
    pub async fn open_within(
        url: &str,
        migrate: Migrate,
        limits: Limits,
    ) -> Result<Arc<Self>, OpenError> {
        let db = Db::open(url).await?;
        let schema = db.schema().await??;
        if !schema.newer.is_empty() {
            tracing::warn!(newer = ?schema.newer, "the schema is that of a newer release; it will do");
        }
        if !schema.pending.is_empty() {
            match migrate {
                Migrate::Yes => db.migrate().await?,
                Migrate::No => {
                    let pending = schema.pending.len();
                    return Err(SchemaError::Behind { pending }.into());
                }
            }
        }
        let inbox = inbox::GroupCommit::start(db.clone(), limits.deliveries_waiting);
        Ok(Arc::new(Self {
            db,
            inbox,
            lanes: Arc::default(),
            told: Arc::default(),
            claims: claims::Claims::default(),
            steps: apply::Steps::default(),
            reads: reads::Reads::default(),
            logs_kept: together::Together::default(),
        }))
    }

    /// How the schema stands; changes nothing, and makes no database where there is none.
    ///
    /// # Errors
    /// [`OpenError`] when the database cannot be reached, or is none of ours.
    pub async fn schema(url: &str) -> Result<Schema, OpenError> {
        Schema::at(url).await
    }

    /// Backs up a SQLite database into a file, while anybody works on it.
    ///
    /// # Errors
    /// [`BackupError`] when there is no backup; nothing is left of it then.
    pub async fn back_up(url: &str, to: &Path, existing: Existing) -> Result<Backup, BackupError> {
        backup::back_up(url, to, existing).await
    }

    /// Puts a backup in the place of a SQLite database that nobody works on, and tells it so.
    ///
    /// # Errors
    /// [`BackupError`] when it was not put back; the database is as it was then.
    pub async fn put_back(
        url: &str,
        from: &Path,
        existing: Existing,
        now: Timestamp,
    ) -> Result<Restored, BackupError> {
        restore::put_back(url, from, existing, now).await
    }

    /// Tells a database that it was put back by other means; its file, if it has one.
    ///
    /// # Errors
    /// [`BackupError`] when it could not be told.
    pub async fn mark_restored(url: &str, now: Timestamp) -> Result<PathBuf, BackupError> {
        restore::mark_at(url, now).await
    }

    /// Ends every connection, after what waits has been written.
    pub async fn close(&self) {
        self.inbox.finish().await;
        self.db.close().await;
    }
}

/// The engine's trouble, which may pass; but a row that a constraint refuses will be refused again.
fn unavailable(error: sqlx::Error) -> StoreError {
    let refused = |error: &dyn sqlx::error::DatabaseError| {
        matches!(
            error.kind(),
            ErrorKind::UniqueViolation
                | ErrorKind::ForeignKeyViolation
                | ErrorKind::NotNullViolation
                | ErrorKind::CheckViolation
        )
    };
    match error.as_database_error() {
        Some(error) if refused(error) => StoreError::Inconsistent {
            table: "of the constraint",
            id: error.constraint().unwrap_or("new").to_owned(),
            what: error.message().to_owned(),
        },
        _ => StoreError::Unavailable(Box::new(error)),
    }
}
