//! Lock files that are out of step with their manifests. Held by default: dependencies change.

use super::{Action, Recipe, RepoFacts, by};
use crate::domain::failure::{Failure, FailureKind};
use crate::runner::sandbox::quote;

const HELD: &str = "it changes which dependencies are used";

/// cargo's.
pub(super) static CARGO_LOCK: Recipe = Recipe {
    name: "cargo-lock",
    answers: "a `Cargo.lock` that is out of step with a `Cargo.toml`",
    runs: "`cargo update --workspace`, which leaves other versions alone",
    cost: 3,
    held: Some(HELD),
    makes_files: true,
    fits: |failure, facts| {
        is_lock(
            failure,
            &["cargo", "rustc", "cargo build"],
            &["--locked", "Cargo.lock", "lock file"],
        ) && facts.root_has("Cargo.toml")
    },
    action: |failures, _| {
        // A named package is brought up to date by itself; else only the workspace's own entries.
        let named: Vec<String> = failures
            .iter()
            .filter_map(|failure| failure.task.as_deref().filter(|name| is_package(name)))
            .map(|name| format!(" -p {}", quote(name)))
            .collect();
        let which = if named.is_empty() { " --workspace".to_owned() } else { named.concat() };
        Some(Action::Shell {
            fix: format!("cargo update{which} --offline || cargo update{which}"),
            check: Some("cargo metadata --locked --format-version 1 >/dev/null".to_owned()),
        })
    },
};

/// npm's.
pub(super) static NPM_LOCK: Recipe = Recipe {
    name: "npm-lock",
    answers: "a `package-lock.json` that is out of step with `package.json`",
    runs: "`npm install --package-lock-only --ignore-scripts`",
    cost: 4,
    held: Some(HELD),
    makes_files: true,
    fits: |failure, facts| {
        let signs = ["npm ci", "package-lock.json", "in sync", "lock file", "EUSAGE"];
        is_lock(failure, &["npm"], &signs) && has_npm_lock(facts)
    },
    action: |_, _| {
        Some(Action::Shell {
            fix: "npm install --package-lock-only --ignore-scripts --no-audit --no-fund".to_owned(),
            check: None,
        })
    },
};

fn is_lock(failure: &Failure, tools: &[&str], signs: &[&str]) -> bool {
    let says = |sign: &&str| failure.message.contains(*sign);
    failure.kind == FailureKind::Dependency && by(failure, tools) && signs.iter().any(says)
}

fn has_npm_lock(facts: &RepoFacts) -> bool {
    facts.root_has("package.json") && facts.root_has("package-lock.json")
}

fn is_package(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    !name.is_empty() && !name.starts_with('-') && name.chars().all(is_part)
}
