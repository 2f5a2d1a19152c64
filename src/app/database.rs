//! The database as operators meet it: its schema.

use std::sync::Arc;

use crate::config::server::{Migrations, ServerSettings};
use crate::store::{Migrate, SqlStore};
pub use crate::store::{OpenError, Schema, SchemaError, Step};

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
