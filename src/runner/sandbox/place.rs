//! The directories of one command, new for each: home, `/tmp`, a made-up `/etc`, what it is given.

use std::fs;
use std::path::{Path, PathBuf};

use super::CommandSpec;

/// The directories of one command; gone when it is over.
#[derive(Debug)]
pub(super) struct Place {
    root: tempfile::TempDir,
    pub(super) stdin: Option<PathBuf>,
    pub(super) given: Option<PathBuf>,
    kept_home: Option<PathBuf>,
}

impl Place {
    pub(super) fn new(scratch: &Path, spec: &CommandSpec) -> std::io::Result<Self> {
        let root = tempfile::Builder::new().prefix("command-").tempdir_in(scratch)?;
        for name in ["home", "tmp", "etc"] {
            fs::create_dir(root.path().join(name))?;
        }
        let write = |name: &str, content: &[u8]| {
            let path = root.path().join(name);
            fs::write(&path, content).map(|()| path)
        };
        let stdin = (!spec.stdin.is_empty()).then(|| write("stdin", &spec.stdin)).transpose()?;
        let given = spec.given.as_ref().map(|given| write("given", &given.content)).transpose()?;
        Ok(Self { root, stdin, given, kept_home: spec.home.clone() })
    }

    pub(super) fn home(&self) -> PathBuf {
        self.kept_home.clone().unwrap_or_else(|| self.root.path().join("home"))
    }

    pub(super) fn tmp(&self) -> PathBuf {
        self.root.path().join("tmp")
    }

    pub(super) fn etc(&self) -> PathBuf {
        self.root.path().join("etc")
    }
}
