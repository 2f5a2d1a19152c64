//! Dependencies: what a build needs from registries, brought in before the network is closed.
//!
//! With a closed network a build can use only what is there already. Two ways bring it there, and
//! neither runs a line of the repository in the outer process: what the machine's own cargo cache
//! has is lent read-only ([`Dependencies::lend_to`]), and dependency directories that stand beside a
//! repository on a developer's machine (`node_modules`, `.venv`) are lent the same way. Everything
//! that a command writes into its own home is gone with it.

use std::path::{Path, PathBuf};

use super::sandbox::{CommandSpec, ReadOnly};

/// Directories in which package managers keep what they installed for one repository.
const INSTALLED: [&str; 4] = ["node_modules", ".venv", "venv", "vendor/bundle"];

/// What is lent to every command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dependencies {
    /// Directories, read-only.
    pub read_only: Vec<ReadOnly>,
    /// cargo's home on this machine, of which only downloaded crates are lent.
    pub cargo_home: Option<PathBuf>,
}

impl Dependencies {
    /// What this machine has in its own caches.
    pub fn of_this_machine() -> Self {
        let home = std::env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
        Self { read_only: Vec::new(), cargo_home: home.filter(|dir| dir.is_dir()) }
    }

    /// The same, and what is installed beside a repository's own files.
    #[must_use]
    pub fn and_installed_in(mut self, repo: &Path) -> Self {
        for name in INSTALLED {
            let from = repo.join(name);
            // A tracked directory is part of every checkout anyway and would be hidden by this one.
            if from.is_dir() && !from.is_symlink() {
                self.read_only.push(ReadOnly { from, to: PathBuf::from(name) });
            }
        }
        self
    }

    /// Adds what is lent to a command.
    pub fn lend_to(&self, spec: &mut CommandSpec) {
        spec.read_only.extend(self.read_only.iter().cloned());
        spec.cargo_home.clone_from(&self.cargo_home);
    }
}
