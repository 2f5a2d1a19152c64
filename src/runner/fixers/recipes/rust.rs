//! Rust: rustfmt, `cargo fix` and clippy's machine-applicable suggestions.

use std::collections::BTreeSet;

use super::{Action, Recipe, RepoFacts, by, has_extension, is_style};
use crate::domain::failure::{Failure, FailureKind};
use crate::runner::sandbox::quote;

/// The formatter.
pub(super) static RUSTFMT: Recipe = Recipe {
    name: "rustfmt",
    answers: "Rust code that is not formatted",
    runs: "`cargo fmt --all`",
    cost: 1,
    held: None,
    makes_files: false,
    fits: |failure, _| {
        by(failure, &["rustfmt", "cargo fmt", "cargo-fmt"])
            || (failure.kind == FailureKind::Format && is_rust(failure))
    },
    action: |failures, facts| {
        let each = |extra: &str| each_package(failures, facts, "fmt --all", extra);
        Some(Action::Shell { fix: each("")?, check: each(" --check") })
    },
};

/// The compiler's own suggestions.
pub(super) static CARGO_FIX: Recipe = Recipe {
    name: "cargo-fix",
    answers: "the Rust compiler's warnings and errors that come with a suggestion",
    runs: "`cargo fix --workspace --all-targets`",
    cost: 5,
    held: None,
    makes_files: false,
    fits: |failure, _| {
        let by_compiler = by(failure, &["rustc", "cargo", "cargo build", "cargo check"]);
        let is_warning = failure.kind == FailureKind::Lint;
        let has_suggestion =
            failure.kind == FailureKind::CompileError && failure.suggestion.is_some();
        let is_own = !failure.code.as_deref().is_some_and(|code| code.starts_with("clippy::"));
        by_compiler && is_own && (is_warning || has_suggestion)
    },
    action: |failures, facts| {
        let line = "fix --workspace --all-targets --allow-dirty --allow-staged --allow-no-vcs \
                    --broken-code";
        Some(Action::Shell { fix: each_package(failures, facts, line, "")?, check: None })
    },
};

/// clippy's suggestions.
pub(super) static CLIPPY_FIX: Recipe = Recipe {
    name: "clippy-fix",
    answers: "clippy's lints",
    runs: "`cargo clippy --fix --workspace --all-targets`",
    cost: 6,
    held: None,
    makes_files: false,
    fits: |failure, _| {
        let has_code = failure.code.as_deref().is_some_and(|code| code.starts_with("clippy::"));
        has_code || (by(failure, &["clippy", "cargo clippy"]) && is_style(failure))
    },
    action: |failures, facts| {
        let line = "clippy --fix --workspace --all-targets --allow-dirty --allow-staged \
                    --allow-no-vcs --broken-code";
        let lints = lints(failures);
        Some(Action::Shell { fix: each_package(failures, facts, line, &lints)?, check: None })
    },
};

fn is_rust(failure: &Failure) -> bool {
    failure.file.as_ref().is_some_and(|file| has_extension(file, "rs"))
}

/// cargo with these arguments for every outermost package of the failures' files.
fn each_package(
    failures: &[&Failure],
    facts: &RepoFacts,
    arguments: &str,
    extra: &str,
) -> Option<String> {
    let mut dirs: BTreeSet<String> = failures
        .iter()
        .filter_map(|failure| facts.above(failure.file.as_ref()?, "Cargo.toml"))
        .collect();
    if dirs.is_empty() && facts.root_has("Cargo.toml") {
        dirs.insert(String::new());
    }
    let (verb, rest) = arguments.split_once(' ')?;
    let line = |dir: &String| {
        if dir.is_empty() {
            format!("cargo {verb} {rest}{extra}")
        } else {
            let manifest = quote(&format!("{dir}/Cargo.toml"));
            format!("cargo {verb} --manifest-path {manifest} {rest}{extra}")
        }
    };
    let lines: Vec<String> = dirs.iter().map(line).collect();
    (!lines.is_empty()).then(|| lines.join(" && "))
}

/// The lints that failed, switched on: CI may have asked for more than the defaults.
fn lints(failures: &[&Failure]) -> String {
    let is_lint = |code: &&str| {
        code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_:".contains(&b))
            && code.bytes().any(|b| b.is_ascii_lowercase())
    };
    let codes: BTreeSet<&str> =
        failures.iter().filter_map(|failure| failure.code.as_deref()).filter(is_lint).collect();
    if codes.is_empty() {
        return String::new();
    }
    let flags: Vec<String> = codes.iter().map(|code| format!("-W {code}")).collect();
    format!(" -- {}", flags.join(" "))
}
