//! The schema: which migrations a database has had, which it lacks, and who may run on it.
//!
//! A release works on the schema of the release after it: migrations expand first, and take away what
//! nobody needs any more a release later. So replicas can be replaced one after the other, and one that
//! is started again on a newer schema goes on. Where that ends the database says itself: the row of
//! `instance` names the migration that a program must know.
//!
//! Races: several replicas migrate at once (the engine's own lock lets one do it, the others find it
//! done).

use sqlx::migrate::Migrator;
use sqlx::{Executor as _, SqliteConnection};
use thiserror::Error;

use super::db::{Db, args, file_of};
use super::{OpenError, sql};

/// A migration waits for the replica that is at it already, however long it takes.
const PATIENT: &str = "SET lock_timeout = 0";

/// What the session says by itself again.
const AS_BEFORE: &str = "RESET lock_timeout";

/// A migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its number, which orders them.
    pub version: i64,
    /// What it is about.
    pub about: String,
}

/// How a database's schema stands to this program's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schema {
    /// What it has had.
    pub applied: Vec<Step>,
    /// What it lacks.
    pub pending: Vec<Step>,
    /// What only a newer release knows.
    pub newer: Vec<i64>,
}

/// Why a schema cannot be used by this program.
#[derive(Debug, Error)]
pub enum SchemaError {
    /// It is older, and nobody said that it may be changed.
    #[error(
        "the schema is older than this release, {pending} migrations are pending: run \
         `selfheal migrate`, or let the server do it at start with `--migrate auto`"
    )]
    Behind {
        /// How many migrations it lacks.
        pending: usize,
    },
    /// It is so much newer that this program would break what is there.
    #[error(
        "the schema is that of a newer release: it asks for migration {needs}, this release knows \
         {known}; run the newer release, or go back to the backup from before the upgrade"
    )]
    Ahead {
        /// The migration that a program must know.
        needs: i64,
        /// The last one that this program knows.
        known: i64,
    },
    /// Another program's, or changed by hand.
    #[error(
        "this is no schema of selfheal's: migration {version} was another one when it was applied"
    )]
    Foreign {
        /// The migration.
        version: i64,
    },
}

/// The migrations that this program knows. Those of a newer release are none of its business.
fn known_of_sqlite() -> Migrator {
    let mut known = sqlx::migrate!("migrations/sqlite");
    known.set_ignore_missing(true);
    known
}

/// The same on the other engine.
fn known_of_postgres() -> Migrator {
    let mut known = sqlx::migrate!("migrations/postgres");
    known.set_ignore_missing(true);
    known
}

impl Schema {
    /// The schema of a SQLite database that has had these migrations.
    pub(super) fn of_sqlite(had: &[(i64, Vec<u8>)]) -> Result<Self, SchemaError> {
        compared(&known_of_sqlite(), had)
    }

    /// The schema of the database at that address; makes none where there is none.
    pub(super) async fn at(url: &str) -> Result<Self, OpenError> {
        if file_of(url)?.is_some_and(|file| !file.exists()) {
            return Ok(compared(&known_of_sqlite(), &[])?);
        }
        let db = Db::open(url).await?;
        let schema = db.schema().await;
        db.close().await;
        Ok(schema??)
    }
}

impl Db {
    fn known(&self) -> Migrator {
        match self {
            Self::Sqlite { .. } => known_of_sqlite(),
            Self::Postgres(_) => known_of_postgres(),
        }
    }

    /// How the schema stands; changes nothing.
    pub async fn schema(&self) -> Result<Result<Schema, SchemaError>, sqlx::Error> {
        let tables: Vec<(i64,)> = self.rows(sql::schema::IS_MIGRATED, args![]).await?;
        let had: Vec<(i64, Vec<u8>)> = match tables.first() {
            Some((1..,)) => self.rows(sql::schema::MIGRATIONS, args![]).await?,
            Some(_) | None => Vec::new(),
        };
        let known = self.known();
        let schema = match compared(&known, &had) {
            Ok(schema) => schema,
            Err(foreign) => return Ok(Err(foreign)),
        };
        if schema.newer.is_empty() {
            return Ok(Ok(schema));
        }
        let needs: Vec<(i64,)> = self.rows(sql::schema::NEEDS_VERSION, args![]).await?;
        let needs = needs.first().map_or(0, |(needs,)| *needs);
        let known = known.iter().map(|migration| migration.version).max().unwrap_or(0);
        Ok(if needs > known { Err(SchemaError::Ahead { needs, known }) } else { Ok(schema) })
    }

    /// Brings the schema up to date.
    pub async fn migrate(&self) -> Result<(), sqlx::migrate::MigrateError> {
        match self {
            Self::Sqlite { writer, .. } => known_of_sqlite().run(writer.pool()).await,
            Self::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                connection.execute(PATIENT).await?;
                known_of_postgres().run(&mut *connection).await?;
                connection.execute(AS_BEFORE).await?;
                Ok(())
            }
        }
    }
}

/// The migrations that a SQLite file has had, with the sums of their texts; none in a foreign one.
pub(super) async fn had(
    connection: &mut SqliteConnection,
) -> Result<Vec<(i64, Vec<u8>)>, sqlx::Error> {
    let statement = sql::schema::IS_MIGRATED.sqlite;
    let tables: (i64,) = sqlx::query_as(statement).fetch_one(&mut *connection).await?;
    if tables.0 == 0 {
        return Ok(Vec::new());
    }
    sqlx::query_as(sql::schema::MIGRATIONS.sqlite).fetch_all(connection).await
}

/// What this program knows, held against what the database has had.
fn compared(known: &Migrator, had: &[(i64, Vec<u8>)]) -> Result<Schema, SchemaError> {
    let mut schema = Schema::default();
    for migration in known.iter() {
        let version = migration.version;
        let step = Step { version, about: migration.description.to_string() };
        match had.iter().find(|(had, _)| *had == version) {
            None => schema.pending.push(step),
            Some((_, sum)) if sum[..] == migration.checksum[..] => schema.applied.push(step),
            Some(_) => return Err(SchemaError::Foreign { version }),
        }
    }
    let knows = |version: i64| known.iter().any(|migration| migration.version == version);
    schema.newer = had.iter().map(|(version, _)| *version).filter(|v| !knows(*v)).collect();
    Ok(schema)
}
