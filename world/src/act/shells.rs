//! The shells of a run: they end when all that was said in them has been read.
//!
//! `act` gives a step a terminal and closes it as soon as the step has failed, so the last lines that
//! stand in it are lost when `act` is slow to read. A shell that stands before the machine's own on the
//! search path therefore says a last line when the real one has ended, and ends when it hears that this
//! line was read: what came before it was read, too. Nothing is waited for when nobody reads: the pipe by
//! which a shell hears is its own, and goes with it.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::Result;
use tempfile::TempDir;

/// The shells that steps ask for by their names.
const NAMES: [&str; 2] = ["bash", "sh"];

/// What a shell says last, before its number.
const LAST: &str = "all was said in shell ";

/// The real shell is the next one on the path; what it starts finds that one, too. The pipe is open at
/// both ends before its number is told, so that nobody waits to open it.
const SHELL: &str = r#"#!/bin/sh
here=${0%/*}
PATH="${PATH%%"$here:"*}${PATH#*"$here:"}"
"${0##*/}" "$@"
code=$?
mkfifo "$here/$$" && exec 3<>"$here/$$" || exit 125
echo "LAST$$"
read -r _ <&3
rm "$here/$$"
exit $code
"#;

/// The shells of one run.
#[derive(Debug)]
pub(super) struct Shells(TempDir);

impl Shells {
    pub(super) fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        for name in NAMES {
            let file = dir.path().join(name);
            std::fs::write(&file, SHELL.replace("LAST", LAST))?;
            std::fs::set_permissions(&file, Permissions::from_mode(0o755))?;
        }
        Ok(Self(dir))
    }

    /// The search path on which they come first.
    pub(super) fn before(&self, path: &str) -> String {
        format!("{}:{path}", self.0.path().display())
    }

    /// Tells a shell that its last line was read.
    ///
    /// # Errors
    /// When the pipe to a shell that waits takes nothing.
    pub(super) fn tell(&self, shell: u32) -> std::io::Result<()> {
        let pipe = self.0.path().join(shell.to_string());
        // Opened for both, because that never waits; a shell that was ended has no use for it.
        match std::fs::OpenOptions::new().read(true).write(true).open(pipe) {
            Ok(mut heard) => heard.write_all(b"\n"),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What stands in a line before a shell's last word, and the number of the shell.
pub(super) fn last_word(line: &str) -> Option<(&str, u32)> {
    let (before, shell) = line.rsplit_once(LAST)?;
    Some((before, shell.parse().ok()?))
}
