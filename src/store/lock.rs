//! The lock beside a SQLite file: who works on the database holds it together with others, who puts
//! another database in its place holds it alone.
//!
//! SQLite's own locks belong to the file that is replaced, so they cannot keep a server from opening
//! the old one in that moment. This one belongs to its name. It says nothing of programs other than
//! selfheal; those are found by asking SQLite to be alone with the file (see `restore`).

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Readable by its owner alone, as everything beside it.
pub(super) const OWN_MODE: u32 = 0o600;

/// A lock that is held; given back when it is dropped, or its process ends.
///
/// It is given back in so many words: the file alone could live on for a moment in a child that this
/// process is just starting.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// Held beside others; an error while somebody holds it alone.
    pub fn shared(file: &Path) -> io::Result<Self> {
        let lock = opened(file)?;
        match lock.try_lock_shared() {
            Ok(()) => Ok(Self(lock)),
            Err(TryLockError::WouldBlock) => {
                let words = format!("{} is being put back from a backup", file.display());
                Err(io::Error::new(io::ErrorKind::WouldBlock, words))
            }
            // A file system without locks has those of SQLite neither.
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Gives it back before it is dropped.
    pub fn release(&self) {
        if let Err(error) = self.0.unlock() {
            tracing::debug!(%error, "the lock is held until the process ends");
        }
    }

    /// Held by nobody else; `None` while somebody else holds it.
    pub fn alone(file: &Path) -> io::Result<Option<Self>> {
        let lock = opened(file)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self(lock))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.release();
    }
}

fn opened(file: &Path) -> io::Result<File> {
    let path = beside(file, ".lock");
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(OWN_MODE).open(path)
}

/// A file of the same name with something behind it.
pub(super) fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}
