//! The database as operators meet it: its schema, its backups.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SystemClock;
use crate::config::server::{Migrations, ServerSettings};
use crate::ports::clock::Clock as _;
pub use crate::store::{
    Backup, BackupError, Existing, OpenError, Restored, Schema, SchemaError, Step,
};
use crate::store::{Migrate, SqlStore};

/// What the settings say about bringing the schema up to date.
pub(super) const fn migrate_at_start(settings: &ServerSettings) -> Migrate {
    match settings.migrations {
        Migrations::Auto => Migrate::Yes,
        Migrations::Manual => Migrate::No,
    }
}

/// The store of an instance; it may be running.
pub(super) async fn opened(settings: &ServerSettings) -> Result<Arc<SqlStore>, OpenError> {
    SqlStore::open(settings.database_url.expose(), migrate_at_start(settings)).await
}

/// How the schema stands; changes nothing, and makes no database where there is none.
///
/// # Errors
/// [`OpenError`] when the database cannot be reached, or is none of ours.
pub async fn schema(settings: &ServerSettings) -> Result<Schema, OpenError> {
    SqlStore::schema(settings.database_url.expose()).await
}

/// Brings the schema up to date, whatever the settings say; how it stood before.
///
/// # Errors
/// [`OpenError`] when the database cannot be reached, is none of ours, or a migration fails.
pub async fn migrate(settings: &ServerSettings) -> Result<Schema, OpenError> {
    let before = schema(settings).await?;
    SqlStore::open(settings.database_url.expose(), Migrate::Yes).await?.close().await;
    Ok(before)
}

/// Backs up a SQLite database into a file; the server may be running.
///
/// # Errors
/// [`BackupError`] when there is no backup; nothing is left of it then.
pub async fn back_up(
    settings: &ServerSettings,
    to: &Path,
    existing: Existing,
) -> Result<Backup, BackupError> {
    SqlStore::back_up(settings.database_url.expose(), to, existing).await
}

/// Puts a backup in the place of a SQLite database; no server may be running.
///
/// # Errors
/// [`BackupError`] when it was not put back; the database is as it was then.
pub async fn put_back(
    settings: &ServerSettings,
    from: &Path,
    existing: Existing,
) -> Result<Restored, BackupError> {
    let url = settings.database_url.expose();
    SqlStore::put_back(url, from, existing, SystemClock.now()).await
}

/// Tells a database that it was put back by other means; its file, if it has one.
///
/// # Errors
/// [`BackupError`] when it could not be told.
pub async fn mark_restored(settings: &ServerSettings) -> Result<PathBuf, BackupError> {
    SqlStore::mark_restored(settings.database_url.expose(), SystemClock.now()).await
}
