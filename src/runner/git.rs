//! git, by its command line, with everything switched off that a repository could steer.
//!
//! Every call has an absolute program, a cleared environment, no system or user configuration, no
//! hooks, no file-system monitor, no prompts and a time limit. A credential travels only in the
//! environment of the one call that needs it (`GIT_CONFIG_*`), never in arguments, in a remote's URL
//! or in a `.git/config`. git is only ever run on directories that this process made itself, before
//! anything else could write there: a work tree that a fixer has touched is read by
//! [`workspace`](super::workspace) with plain file operations.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::domain::ids::Sha;

/// The longest that one call may take: a first fetch of a large repository over a slow line.
const CALL_SECS_MAX: u64 = 600;

/// How much of git's own complaint an error repeats.
const COMPLAINT_CHARS_MAX: usize = 600;

/// Names of the outer environment that git needs to reach a server at all.
const NETWORK_ENV: [&str; 11] = [
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
];

/// What goes with every call, in front of its own arguments.
const HARDENED: [&str; 14] = [
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.autocrlf=false",
    "-c",
    "protocol.ext.allow=never",
    "-c",
    "submodule.recurse=false",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
];

/// Why git did not do what it was asked.
#[derive(Debug, Error)]
pub enum GitError {
    /// There is no git on this machine.
    #[error("git is not installed")]
    Missing,
    /// It could not be started or talked to.
    #[error("git {verb} could not be run")]
    NotRun {
        /// The subcommand.
        verb: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It took longer than it may.
    #[error("git {verb} took longer than {CALL_SECS_MAX} seconds")]
    TooSlow {
        /// The subcommand.
        verb: String,
    },
    /// It refused.
    #[error("git {verb} failed: {complaint}")]
    Refused {
        /// The subcommand.
        verb: String,
        /// What it said, shortened.
        complaint: String,
    },
    /// It answered something that is not its documented form.
    #[error("git {verb} answered something unexpected")]
    Unreadable {
        /// The subcommand.
        verb: String,
    },
}

/// Whether local directories may be fetched from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileRemotes {
    /// Only servers.
    Refused,
    /// Directories of this machine as well.
    Allowed,
}

/// The git program, ready to be called.
#[derive(Debug, Clone)]
pub struct Git {
    program: PathBuf,
    home: PathBuf,
}

/// One call of git.
#[derive(Debug)]
pub struct Call<'a> {
    /// The directory to run in.
    pub dir: &'a Path,
    /// Subcommand and arguments.
    pub args: &'a [&'a str],
    /// Variables for this call alone.
    pub env: Vec<(String, String)>,
    /// Standard input.
    pub stdin: Vec<u8>,
    /// Whether local directories may be fetched from.
    pub file_remotes: FileRemotes,
    /// The credential for this call alone, with the URL that it is for.
    pub credential: Option<&'a Credential>,
}

impl<'a> Call<'a> {
    /// A call in a directory, with nothing else.
    pub const fn new(dir: &'a Path, args: &'a [&'a str]) -> Self {
        Self {
            dir,
            args,
            env: Vec::new(),
            stdin: Vec::new(),
            file_remotes: FileRemotes::Refused,
            credential: None,
        }
    }
}

/// A token that reads one server's repositories.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The server's base URL: `https://github.com/`.
    pub server: String,
    /// The token, sent as the password of `x-access-token`.
    pub token: SecretString,
}

/// An object's kind, mode, name and path in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// git's mode: `100644`, `100755`, `120000` or `160000`.
    pub mode: String,
    /// The object's name.
    pub object: Sha,
    /// The path, as bytes: a tree may hold any name.
    pub path: Vec<u8>,
}

impl Git {
    /// Finds git on the search path.
    ///
    /// # Errors
    /// [`GitError::Missing`] when there is none.
    pub fn find(home: &Path) -> Result<Self, GitError> {
        let program = super::sandbox::find_program("git").ok_or(GitError::Missing)?;
        Ok(Self { program, home: home.to_owned() })
    }

    /// Runs git in a directory; its standard output.
    ///
    /// # Errors
    /// Any [`GitError`].
    pub async fn run(&self, dir: &Path, args: &[&str]) -> Result<Vec<u8>, GitError> {
        self.call(Call::new(dir, args)).await
    }

    /// Runs git in a directory; its standard output as one trimmed line.
    ///
    /// # Errors
    /// Any [`GitError`].
    pub async fn line(&self, dir: &Path, args: &[&str]) -> Result<String, GitError> {
        let output = self.run(dir, args).await?;
        Ok(String::from_utf8_lossy(&output).trim().to_owned())
    }

    /// Runs git as the call says; its standard output.
    ///
    /// # Errors
    /// Any [`GitError`].
    pub async fn call(&self, call: Call<'_>) -> Result<Vec<u8>, GitError> {
        let verb = call.args.first().copied().unwrap_or_default().to_owned();
        let not_run = |source| GitError::NotRun { verb: verb.clone(), source };
        let mut child = self.command(&call).spawn().map_err(not_run)?;
        let mut stdin = child.stdin.take();
        let input = call.stdin;
        let feed = async move {
            if let Some(mut pipe) = stdin.take() {
                // git may stop reading early; its exit status says whether that was wrong.
                let _ = pipe.write_all(&input).await;
            }
        };
        let finished = async { tokio::join!(feed, child.wait_with_output()).1 };
        let output = tokio::time::timeout(Duration::from_secs(CALL_SECS_MAX), finished)
            .await
            .map_err(|_| GitError::TooSlow { verb: verb.clone() })?
            .map_err(not_run)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let complaint = said.trim().chars().take(COMPLAINT_CHARS_MAX).collect();
        Err(GitError::Refused { verb, complaint })
    }

    fn command(&self, call: &Call<'_>) -> Command {
        let mut command = Command::new(&self.program);
        let file = match call.file_remotes {
            FileRemotes::Refused => "protocol.file.allow=never",
            FileRemotes::Allowed => "protocol.file.allow=always",
        };
        command
            .args(HARDENED)
            .args(["-c", file])
            .args(call.args)
            .current_dir(call.dir)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "true")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .envs(call.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for name in NETWORK_ENV {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if let Some(credential) = call.credential {
            let pair = format!("x-access-token:{}", credential.token.expose_secret());
            let header = format!("Authorization: Basic {}", STANDARD.encode(pair));
            command
                .env("GIT_CONFIG_COUNT", "1")
                .env("GIT_CONFIG_KEY_0", format!("http.{}.extraHeader", credential.server))
                .env("GIT_CONFIG_VALUE_0", header);
        }
        command
    }

    /// Whether a commit is there.
    pub async fn has_commit(&self, dir: &Path, sha: &Sha) -> bool {
        let name = format!("{sha}^{{commit}}");
        self.run(dir, &["cat-file", "-e", &name]).await.is_ok()
    }

    /// Every file of a commit's tree.
    ///
    /// # Errors
    /// Any [`GitError`].
    pub async fn tree(&self, dir: &Path, sha: &Sha) -> Result<Vec<TreeEntry>, GitError> {
        let output = self.run(dir, &["ls-tree", "-r", "-z", "--full-tree", sha.as_str()]).await?;
        let unreadable = || GitError::Unreadable { verb: "ls-tree".to_owned() };
        output
            .split(|byte| *byte == 0)
            .filter(|entry| !entry.is_empty())
            .map(|entry| tree_entry(entry).ok_or_else(unreadable))
            .collect()
    }

    /// The contents of blobs, in the order of their names.
    ///
    /// # Errors
    /// [`GitError::Unreadable`] when one is not there; any other [`GitError`].
    pub async fn blobs(&self, dir: &Path, names: &[Sha]) -> Result<Vec<Vec<u8>>, GitError> {
        let mut call = Call::new(dir, &["cat-file", "--batch"]);
        for name in names {
            call.stdin.extend_from_slice(name.as_str().as_bytes());
            call.stdin.push(b'\n');
        }
        let output = self.call(call).await?;
        batch(&output, names.len())
            .ok_or_else(|| GitError::Unreadable { verb: "cat-file".to_owned() })
    }
}

/// One entry of `ls-tree -z`: mode, kind and name by spaces, a tab, the path.
fn tree_entry(entry: &[u8]) -> Option<TreeEntry> {
    let tab = entry.iter().position(|byte| *byte == b'\t')?;
    let (head, path) = entry.split_at(tab);
    let mut words = std::str::from_utf8(head).ok()?.split(' ');
    let (mode, _kind, object) = (words.next()?, words.next()?, words.next()?);
    Some(TreeEntry {
        mode: mode.to_owned(),
        object: Sha::parse(object).ok()?,
        path: path.get(1..)?.to_vec(),
    })
}

/// The contents in an answer of `cat-file --batch`: a line with name, kind and size, the bytes, a
/// line feed.
fn batch(mut rest: &[u8], count: usize) -> Option<Vec<Vec<u8>>> {
    let mut contents = Vec::with_capacity(count);
    for _ in 0..count {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let head = std::str::from_utf8(rest.get(..end)?).ok()?;
        let size: usize = head.rsplit(' ').next()?.parse().ok()?;
        let start = end + 1;
        contents.push(rest.get(start..start + size)?.to_vec());
        rest = rest.get(start + size + 1..)?;
    }
    Some(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_entry_keeps_any_path() {
        let name = "b".repeat(40);
        let entry = tree_entry(format!("100755 blob {name}\ta\tb c\u{fc}").as_bytes()).unwrap();
        assert_eq!(entry.mode, "100755");
        assert_eq!(entry.path, "a\tb c\u{fc}".as_bytes());
        assert_eq!(tree_entry(b"100644 blob"), None);
        assert_eq!(tree_entry(b"100644 blob zz\ta"), None);
    }

    #[test]
    fn a_batch_is_read_by_its_sizes() {
        let answer = b"aa blob 3\nx\ny\nbb blob 0\n\n";
        assert_eq!(batch(answer, 2), Some(vec![b"x\ny".to_vec(), Vec::new()]));
        assert_eq!(batch(b"aa missing\n", 1), None);
        assert_eq!(batch(b"aa blob 9\nshort\n", 1), None);
    }

    #[tokio::test]
    async fn a_credential_is_never_in_arguments_or_errors() {
        let home = tempfile::tempdir().unwrap();
        let git = Git::find(home.path()).unwrap();
        let credential =
            Credential { server: "http://127.0.0.1:1/".into(), token: "s3cret-value".into() };
        let args = ["ls-remote", "http://127.0.0.1:1/x"];
        let call = Call { credential: Some(&credential), ..Call::new(home.path(), &args) };
        let shown = format!("{:?}", git.command(&call).as_std().get_args().collect::<Vec<_>>());
        assert!(!shown.contains("s3cret") && !shown.contains("Authorization"), "{shown}");
        let error = git.call(call).await.unwrap_err();
        assert!(matches!(error, GitError::Refused { .. }), "{error:?}");
        assert!(!format!("{error:?} {credential:?}").contains("s3cret"));
    }
}
