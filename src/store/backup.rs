//! Backups of a SQLite database, taken while the server works, and what can be told of one.
//!
//! `VACUUM INTO` reads one moment of the database and writes it as a file of its own, without holding
//! up who writes. The copy is made beside its place, looked through, made durable and only then given
//! its name: there is never half a backup under it.
//!
//! Races: two backups to one place (each writes beside it, the first gets the name unless the other may
//! replace it); the machine stops in the middle (a file `*.part-*` is left, which nobody takes for a
//! backup).

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use thiserror::Error;

use super::db::file_of;
use super::lock::{OWN_MODE, beside};
use super::schema::{self, Schema, SchemaError};

/// How long a backup waits to begin reading.
const BUSY_SECS: u64 = 30;

/// SQLite alone takes these.
const COPY: &str = "VACUUM INTO $1";
const CHECK: &str = "PRAGMA integrity_check(1)";
const CHECK_REFERENCES: &str = "PRAGMA foreign_key_check";

/// Whether a file that is in the way may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is done.
    Keep,
    /// It is.
    Replace,
}

/// Why there is no backup, or why it was not put back.
#[derive(Debug, Error)]
pub enum BackupError {
    /// PostgreSQL has programs of its own for this.
    #[error(
        "the database is on a PostgreSQL server: back it up with `pg_dump --format=custom` and put \
         it back with `pg_restore`; then run `selfheal restore` without a file"
    )]
    OnServer,
    /// There is nothing to back up.
    #[error("there is no database {}", .0.display())]
    Missing(PathBuf),
    /// Something is in the way.
    #[error("{} exists; move it away, or replace it with --force", .0.display())]
    Exists(PathBuf),
    /// The backup would replace the database itself, or be put back over itself.
    #[error("{} is the database itself", .0.display())]
    Itself(PathBuf),
    /// Somebody works on the database.
    #[error("somebody works on {}: stop the server first", .0.display())]
    InUse(PathBuf),
    /// It is no backup of ours, or a broken one.
    #[error("{} is no backup that can be used: {what}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Its schema is not one that this program can run on.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A file could not be read or written.
    #[error("a file could not be read or written")]
    File(#[from] io::Error),
    /// The database could not be read or written.
    #[error("the database could not be read or written")]
    Database(#[from] sqlx::Error),
    /// Its schema could not be brought up to date.
    #[error("its schema could not be brought up to date")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// How long it is.
    pub bytes: u64,
    /// The schema that it has.
    pub schema: Schema,
}

/// Backs up the database at that address into a file.
pub(super) async fn back_up(
    url: &str,
    to: &Path,
    existing: Existing,
) -> Result<Backup, BackupError> {
    let file = file_of(url)?.ok_or(BackupError::OnServer)?;
    if !file.exists() {
        return Err(BackupError::Missing(file));
    }
    if is_same(&file, to) {
        return Err(BackupError::Itself(file));
    }
    if existing == Existing::Keep && to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let part = beside(to, &format!(".part-{}", std::process::id()));
    let made = copied(url, &part).await;
    let placed = made.and_then(|backup| place(&part, to, existing).map(|()| backup));
    if placed.is_err() {
        let _ = fs::remove_file(&part); // the first error is the one to tell
    }
    placed
}

/// A copy of one moment, looked through and durable.
async fn copied(url: &str, part: &Path) -> Result<Backup, BackupError> {
    let path = part.to_str().ok_or_else(|| unusable(part, "its name is no UTF-8"))?;
    private(part)?;
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(false)
        .busy_timeout(Duration::from_secs(BUSY_SECS));
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::query(COPY).bind(path).execute(&mut connection).await?;
    connection.close().await?;
    let schema = inspected(part).await?;
    let written = File::open(part)?;
    written.sync_all()?;
    Ok(Backup { bytes: written.metadata()?.len(), schema })
}

/// An empty file that nobody else can read, before anything is in it.
pub(super) fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(OWN_MODE).open(path)
}

/// Gives a finished file its name.
fn place(part: &Path, to: &Path, existing: Existing) -> Result<(), BackupError> {
    match existing {
        Existing::Replace => fs::rename(part, to)?,
        // A link is made only where nothing is; a rename would replace what came meanwhile.
        Existing::Keep => {
            fs::hard_link(part, to)?;
            fs::remove_file(part)?;
        }
    }
    sync_folder(to)?;
    Ok(())
}

/// Makes names in a file's folder durable.
pub(super) fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Whether both names are of one file.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        (Err(_), _) | (_, Err(_)) => false,
    }
}

/// The schema of a file that nobody works on, when it is whole and ours.
pub(super) async fn inspected(path: &Path) -> Result<Schema, BackupError> {
    let wal = beside(path, "-wal");
    if wal.metadata().is_ok_and(|wal| wal.len() > 0) {
        return Err(unusable(path, "part of it is in its -wal file; make it by `selfheal backup`"));
    }
    let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(true);
    let looked = async {
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let found: (String,) = sqlx::query_as(CHECK).fetch_one(&mut connection).await?;
        let broken = sqlx::query(CHECK_REFERENCES).fetch_all(&mut connection).await?.len();
        let had = schema::had(&mut connection).await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>((found.0, broken, had))
    };
    let (found, broken, had) = looked.await.map_err(|error| unusable(path, &error.to_string()))?;
    if found != "ok" || broken > 0 {
        return Err(unusable(path, &format!("{found}, {broken} broken references")));
    }
    if had.is_empty() {
        return Err(unusable(path, "it is no database of selfheal's"));
    }
    Ok(Schema::of_sqlite(&had)?)
}

pub(super) fn unusable(path: &Path, what: &str) -> BackupError {
    BackupError::Unusable { path: path.to_owned(), what: what.to_owned() }
}
