//! Repositories to work on, made with real git.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use selfheal::domain::ids::Sha;

/// Runs git there; what it said.
pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=bench", "-c", "user.email=bench@example.com"])
        .args(args)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .expect("git is installed");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A repository with one commit of these files, which gives its commits away by their names.
pub(crate) fn with(dir: &Path, files: &[(&str, &str)]) {
    git(dir, &["init", "-q", "-b", "main"]);
    git(dir, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
    for (name, text) in files {
        fs::write(dir.join(name), text).expect("the folder can be written");
    }
    git(dir, &["add", "-A"]);
    git(dir, &["commit", "-q", "-m", "all of it"]);
}

/// The newest commit.
pub(crate) fn head(dir: &Path) -> Sha {
    Sha::parse(&git(dir, &["rev-parse", "HEAD"])).expect("git names commits")
}
