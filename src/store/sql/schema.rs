//! The schema itself: which migrations a database has had, and who may run on it.

use super::{Statement, family};

family! {
    /// Whether the database has had any migration at all.
    IS_MIGRATED = Statement {
        sqlite: "SELECT COUNT(*) AS tables
         FROM sqlite_master
         WHERE type = 'table'
           AND name = '_sqlx_migrations'",
        postgres: "SELECT COUNT(*) AS tables
         FROM pg_catalog.pg_class c
         WHERE c.relname = '_sqlx_migrations'
           AND pg_catalog.pg_table_is_visible(c.oid)",
    };

    /// The migrations that it has had, with the sums of their texts.
    MIGRATIONS = Statement::both(
        "SELECT version, checksum
         FROM _sqlx_migrations
         ORDER BY version",
    );

    /// The migration that a program must know to run here.
    NEEDS_VERSION = Statement::both(
        "SELECT needs_version
         FROM instance
         WHERE id = 1",
    );
}
