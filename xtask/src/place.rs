//! Where things lie: the workspace, the target directory, the tools.
//!
//! Read from the environment at run time, never baked in: one build of this program may serve
//! several checkouts that share a target directory.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// The directories of one run.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The workspace's root.
    pub(crate) root: PathBuf,
    /// Where cargo builds: `CARGO_TARGET_DIR`, or `target` in the root.
    pub(crate) target: PathBuf,
    /// Where tools are installed: `SELFHEAL_TOOLS_DIR`, or `tools` in the target directory.
    pub(crate) tools: PathBuf,
}

impl Place {
    /// Read the environment.
    ///
    /// # Errors
    /// When we were not started by cargo and the current directory is not the workspace's root.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let root = match env::var_os("CARGO_MANIFEST_DIR") {
            Some(member) => {
                let member = PathBuf::from(member);
                member.parent().context("xtask lies in no workspace")?.to_owned()
            }
            None => env::current_dir().context("no current directory")?,
        };
        anyhow::ensure!(
            root.join("xtask/Cargo.toml").is_file(),
            "{} is not the workspace's root: start me as `cargo xtask`",
            root.display()
        );
        Ok(Self::new(&root, env::var_os("CARGO_TARGET_DIR"), env::var_os("SELFHEAL_TOOLS_DIR")))
    }

    fn new(root: &Path, target: Option<OsString>, tools: Option<OsString>) -> Self {
        let target = root.join(target.unwrap_or_else(|| "target".into()));
        let tools = tools.map_or_else(|| target.join("tools"), |dir| root.join(dir));
        Self { root: root.to_owned(), target, tools }
    }

    /// The private Python environment of the tools.
    pub(crate) fn venv(&self) -> PathBuf {
        self.tools.join("venv")
    }

    /// The files of a folder of the workspace, and of its sub-folders, that end in one of these;
    /// sorted, relative to the root; none when there is no such folder.
    pub(crate) fn files(&self, folder: &str, endings: &[&str]) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![PathBuf::from(folder)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(self.root.join(&folder)).into_iter().flatten().flatten()
            {
                let path = folder.join(entry.file_name());
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(path),
                    Ok(_) if ends_in_one_of(&path, endings) => found.push(path),
                    Ok(_) | Err(_) => {}
                }
            }
        }
        found.sort();
        found
    }
}

fn ends_in_one_of(path: &Path, endings: &[&str]) -> bool {
    path.to_str().is_some_and(|path| endings.iter().any(|ending| path.ends_with(ending)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_follow_the_target_directory_unless_told_otherwise() {
        check(None, None, "/w/target", "/w/target/tools");
        check(Some("/t"), None, "/t", "/t/tools");
        check(Some("/t"), Some("/tools"), "/t", "/tools");
        check(Some("out"), Some("mine"), "/w/out", "/w/mine");
    }

    #[track_caller]
    fn check(target: Option<&str>, tools: Option<&str>, target_is: &str, tools_are: &str) {
        let place = Place::new(Path::new("/w"), target.map(Into::into), tools.map(Into::into));
        assert_eq!(place.target, Path::new(target_is));
        assert_eq!(place.tools, Path::new(tools_are));
    }
}
