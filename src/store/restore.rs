//! Putting a backup back, and what a database is told that was put back.
//!
//! A backup holds the past; since then GitHub has seen commits, comments and check runs that it knows
//! nothing of. So it is told that it was put back: what it remembers of things outside is forgotten
//! and looked up again, what waits to be done gives way to looks that may know better, and the log of
//! deliveries and all open pull requests are gone through from where the backup had come to. A commit
//! of ours is known again by its trailer (`domain::decide::forgotten`).
//!
//! Races: a server works on the database (refused: it holds the lock, and whoever else has the file
//! open is found by SQLite); the machine stops in the middle (either database is there whole under the
//! name, the one before is kept beside).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{Connection as _, SqliteConnection};

use super::backup::{BackupError, Existing, inspected, is_same, private, sync_folder, unusable};
use super::db::{Db, args, file_of};
use super::lock::{Lock, beside};
use super::sql;
use crate::domain::ids::Timestamp;

/// How long it is asked to be alone with a file: who reads is gone after that.
const ALONE_SECS: u64 = 1;

/// How long what waits to be done gives way to looks. They take seconds, and begin at once.
const GIVE_WAY_MS: i64 = 60 * 1000;

/// SQLite's own number for "somebody else has it".
const BUSY: &str = "5";

/// A backup that was put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The database.
    pub database: PathBuf,
    /// Where the database before it is kept, when there was one.
    pub kept: Option<PathBuf>,
}

/// Puts a backup in the place of the database at that address.
pub(super) async fn put_back(
    url: &str,
    from: &Path,
    existing: Existing,
    now: Timestamp,
) -> Result<Restored, BackupError> {
    let file = file_of(url)?.ok_or(BackupError::OnServer)?;
    if is_same(&file, from) {
        return Err(BackupError::Itself(file));
    }
    if !from.exists() {
        return Err(BackupError::Missing(from.to_owned()));
    }
    let alone = Lock::alone(&file)?;
    if alone.is_none() {
        return Err(BackupError::InUse(file));
    }
    let kept = beside(&file, ".before-restore");
    if file.exists() && kept.exists() && existing == Existing::Keep {
        return Err(BackupError::Exists(kept));
    }
    let fresh = beside(&file, ".restoring");
    let made = prepared(from, &fresh, now).await;
    let kept = match made {
        Ok(()) => exchanged(&file, &fresh, kept).await,
        Err(error) => Err(error),
    };
    if kept.is_err() {
        for end in ["", "-wal", "-shm"] {
            let _ = gone(&beside(&fresh, end)); // the first error is the one to tell
        }
    }
    Ok(Restored { database: file, kept: kept? })
}

/// A copy of the backup that a server of this release can start on.
async fn prepared(from: &Path, fresh: &Path, now: Timestamp) -> Result<(), BackupError> {
    inspected(from).await?;
    gone(fresh)?;
    let mut copy = private(fresh)?;
    io::copy(&mut fs::File::open(from)?, &mut copy)?;
    drop(copy);
    let db = Db::open_file(fresh).await?;
    let ready = readied(&db, now).await;
    db.close().await;
    ready?;
    if beside(fresh, "-wal").exists() {
        return Err(unusable(fresh, "it was not written whole"));
    }
    fs::File::open(fresh)?.sync_all()?;
    Ok(())
}

/// Brings a database that was put back to this release, and tells it so.
async fn readied(db: &Db, now: Timestamp) -> Result<(), BackupError> {
    db.schema().await??;
    db.migrate().await?;
    Ok(mark(db, now).await?)
}

/// Gives the fresh database its name; where the one before is kept.
async fn exchanged(
    file: &Path,
    fresh: &Path,
    kept: PathBuf,
) -> Result<Option<PathBuf>, BackupError> {
    let was_there = file.exists();
    if was_there {
        alone_with(file).await?;
        keep(file, &kept)?;
        for part in ["-wal", "-shm"] {
            let (part, kept) = (beside(file, part), beside(&kept, part));
            if part.exists() {
                keep(&part, &kept)?;
                gone(&part)?;
            }
        }
    }
    fs::rename(fresh, file)?;
    sync_folder(file)?;
    Ok(was_there.then_some(kept))
}

/// Sees that nobody else has a database open, and folds its log into it. One that is broken cannot be
/// asked; that may be why a backup is put back.
async fn alone_with(file: &Path) -> Result<(), BackupError> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Delete)
        .busy_timeout(Duration::from_secs(ALONE_SECS));
    match SqliteConnection::connect_with(&options).await {
        Ok(connection) => Ok(connection.close().await?),
        Err(error) => {
            let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
            if code.is_some_and(|code| code == BUSY) {
                return Err(BackupError::InUse(file.to_owned()));
            }
            tracing::warn!(%error, "the database that is replaced cannot be read; it is kept as it is");
            Ok(())
        }
    }
}

/// The same file under another name, which is free after that.
fn keep(file: &Path, kept: &Path) -> io::Result<()> {
    gone(kept)?;
    // Where the file system has no links there is a copy.
    fs::hard_link(file, kept).or_else(|_| fs::copy(file, kept).map(drop))
}

fn gone(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Tells a database that it was put back.
async fn mark(db: &Db, now: Timestamp) -> Result<(), sqlx::Error> {
    let now = now.millis();
    let mut tx = db.begin().await?;
    for statement in [
        sql::restored::FORGET_CHECKS,
        sql::restored::FORGET_COMMENTS,
        sql::restored::RECONCILE_AGAIN,
        sql::restored::SWEEP_AGAIN,
    ] {
        tx.run(statement, args![]).await?;
    }
    tx.run(sql::restored::FORGET_SHOWN, args![now + GIVE_WAY_MS]).await?;
    tx.run(sql::restored::LOOK_AGAIN, args![now]).await?;
    tx.run(sql::restored::SET_RESTORED, args![now]).await?;
    tx.commit().await
}

/// Tells the database at that address that it was put back by other means.
pub(super) async fn mark_at(url: &str, now: Timestamp) -> Result<PathBuf, BackupError> {
    let file = file_of(url)?;
    let alone = file.as_deref().map(Lock::alone).transpose()?;
    if let (Some(file), Some(None)) = (&file, &alone) {
        return Err(BackupError::InUse(file.clone()));
    }
    let db = match &file {
        Some(file) if !file.exists() => return Err(BackupError::Missing(file.clone())),
        Some(file) => Db::open_file(file).await?,
        None => Db::open(url).await?,
    };
    let ready = readied(&db, now).await;
    db.close().await;
    ready?;
    Ok(file.unwrap_or_default())
}
