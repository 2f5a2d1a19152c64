//! The App's credentials as `/setup` stored them, in the data directory.
//!
//! The file is the only copy of what GitHub shows once, so it is written whole and durably before
//! it takes its name, and only its owner may read it. Two set-ups at the same time: the later
//! rename wins whole, never a mixture.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The file's name in the data directory.
pub const STORED_CREDENTIALS_FILE: &str = "github-app.json";

/// The largest file that is read: a key of 4,096 bits has 3 KB.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Rights of everybody else on the machine.
const OTHERS: u32 = 0o007;

/// What GitHub gives for a new App, once.
#[derive(Debug, Clone)]
pub struct StoredCredentials {
    /// The App's number.
    pub app_id: u64,
    /// The App's name in addresses.
    pub slug: String,
    /// The App's page.
    pub html_url: String,
    /// The App's private key, in PEM form.
    pub private_key: SecretString,
    /// The secret that signs webhooks.
    pub webhook_secret: SecretString,
    /// The App's id for signing people in.
    pub client_id: String,
    /// The secret that goes with it.
    pub client_secret: SecretString,
}

/// Why credentials could not be read or written. No variant holds any of their content.
#[derive(Debug, Error)]
pub enum StoredCredentialsError {
    /// The file system refused.
    #[error("the App's credentials in {path} cannot be {deed}")]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        deed: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not what was written.
    #[error("the App's credentials in {path} are damaged (line {line}); set the App up again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where it stops making sense.
        line: usize,
    },
    /// Everybody on the machine could read it.
    #[error("everybody can read the App's credentials in {path}; run `chmod 600` on it")]
    Exposed {
        /// The file.
        path: PathBuf,
    },
}

/// The file's own form; secrets are plain text only here.
#[derive(Serialize, Deserialize)]
struct Form {
    app_id: u64,
    slug: String,
    html_url: String,
    private_key: String,
    webhook_secret: String,
    client_id: String,
    client_secret: String,
}

/// Reads the credentials that were stored in a data directory; `None` before set-up.
///
/// # Errors
/// [`StoredCredentialsError`] when there is a file that cannot be read, is damaged, or is open to
/// everybody.
pub fn stored_credentials(
    data_dir: &Path,
) -> Result<Option<StoredCredentials>, StoredCredentialsError> {
    let path = data_dir.join(STORED_CREDENTIALS_FILE);
    let io = |source| StoredCredentialsError::Io { path: path.clone(), deed: "read", source };
    let metadata = match std::fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    if metadata.permissions().mode() & OTHERS != 0 {
        return Err(StoredCredentialsError::Exposed { path });
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(StoredCredentialsError::Damaged { path, line: 1 });
    }
    let text = std::fs::read(&path).map_err(io)?;
    let form: Form = serde_json::from_slice(&text).map_err(|error| {
        StoredCredentialsError::Damaged { path: path.clone(), line: error.line() }
    })?;
    Ok(Some(StoredCredentials {
        app_id: form.app_id,
        slug: form.slug,
        html_url: form.html_url,
        private_key: form.private_key.into(),
        webhook_secret: form.webhook_secret.into(),
        client_id: form.client_id,
        client_secret: form.client_secret.into(),
    }))
}

/// Stores credentials in a data directory, which is made if need be; replaces earlier ones.
///
/// When it returns, they survive a power cut.
///
/// # Errors
/// [`StoredCredentialsError::Io`] when the file system refuses; earlier credentials then stay.
pub fn store_credentials(
    data_dir: &Path,
    credentials: &StoredCredentials,
) -> Result<(), StoredCredentialsError> {
    let path = data_dir.join(STORED_CREDENTIALS_FILE);
    let form = Form {
        app_id: credentials.app_id,
        slug: credentials.slug.clone(),
        html_url: credentials.html_url.clone(),
        private_key: credentials.private_key.expose_secret().to_owned(),
        webhook_secret: credentials.webhook_secret.expose_secret().to_owned(),
        client_id: credentials.client_id.clone(),
        client_secret: credentials.client_secret.expose_secret().to_owned(),
    };
    write_whole(data_dir, &path, &form).map_err(|source| StoredCredentialsError::Io {
        path,
        deed: "written",
        source,
    })
}

/// Writes beside the file, makes it durable, then lets it take the name.
fn write_whole(data_dir: &Path, path: &Path, form: &Form) -> std::io::Result<()> {
    std::fs::create_dir_all(data_dir)?;
    // A temporary file has mode 0600 from its first moment.
    let mut file = tempfile::NamedTempFile::new_in(data_dir)?;
    serde_json::to_writer_pretty(&mut file, form)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    let _ = file.persist(path).map_err(|error| error.error)?;
    // The name itself is durable only when its directory is.
    std::fs::File::open(data_dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(app_id: u64) -> StoredCredentials {
        StoredCredentials {
            app_id,
            slug: "my-selfheal".into(),
            html_url: "https://github.com/apps/my-selfheal".into(),
            private_key: "-----BEGIN KEY-----\nhush\n-----END KEY-----\n".to_owned().into(),
            webhook_secret: "hush-hook".to_owned().into(),
            client_id: "Iv1.1".into(),
            client_secret: "hush-client".to_owned().into(),
        }
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_stored_is_read_back_and_only_its_owner_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = dir.path().join("new/data");
        assert!(stored_credentials(&data_dir).unwrap().is_none());
        store_credentials(&data_dir, &credentials(7)).unwrap();
        let read = stored_credentials(&data_dir).unwrap().unwrap();
        assert_eq!(read.app_id, 7);
        assert_eq!(read.private_key.expose_secret(), credentials(7).private_key.expose_secret());
        assert_eq!(read.client_secret.expose_secret(), "hush-client");
        assert_eq!(mode(&data_dir.join(STORED_CREDENTIALS_FILE)), 0o600);
    }

    #[test]
    fn storing_replaces_whole_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        store_credentials(dir.path(), &credentials(7)).unwrap();
        store_credentials(dir.path(), &credentials(8)).unwrap();
        assert_eq!(stored_credentials(dir.path()).unwrap().unwrap().app_id, 8);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_everybody_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        store_credentials(dir.path(), &credentials(7)).unwrap();
        let file = dir.path().join(STORED_CREDENTIALS_FILE);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = stored_credentials(dir.path()).unwrap_err();
        assert!(matches!(error, StoredCredentialsError::Exposed { .. }), "{error}");
    }

    #[test]
    fn a_damaged_file_says_so_without_its_content() {
        let dir = tempfile::tempdir().unwrap();
        store_credentials(dir.path(), &credentials(7)).unwrap();
        let file = dir.path().join(STORED_CREDENTIALS_FILE);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, &text[..text.len() / 2]).unwrap();
        let error = stored_credentials(dir.path()).unwrap_err();
        assert!(error.to_string().contains("are damaged"), "{error}");
        assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
    }

    #[test]
    fn credentials_do_not_show_in_debug_output() {
        assert!(!format!("{:?}", credentials(7)).contains("hush"));
    }
}
