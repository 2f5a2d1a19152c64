//! Test snapshots. Held by default: what the tests expect would change to what the code does.

use super::javascript::OWN_PATH;
use super::{Action, Recipe, by, named_files};
use crate::domain::failure::{Failure, FailureKind};

const HELD: &str = "it changes what the tests expect";

/// insta's.
pub(super) static INSTA: Recipe = Recipe {
    name: "insta",
    answers: "insta's snapshot assertions",
    runs: "`INSTA_UPDATE=always cargo test`",
    cost: 8,
    held: Some(HELD),
    makes_files: true,
    fits: |failure, facts| {
        let is_rust = facts.root_has("Cargo.toml");
        let is_snapshot = failure.code.as_deref() == Some("snapshot") || says_snapshot(failure);
        is_rust && failure.kind == FailureKind::TestFailure && is_snapshot
    },
    action: |_, _| {
        let fix = "INSTA_UPDATE=always INSTA_FORCE_PASS=1 cargo test --workspace --no-fail-fast";
        Some(Action::Shell { fix: fix.to_owned(), check: None })
    },
};

/// Jest's and Vitest's.
pub(super) static JEST: Recipe = Recipe {
    name: "jest-snapshots",
    answers: "Jest's and Vitest's snapshots",
    runs: "`jest --ci=false --updateSnapshot`, `vitest run --update` on the named tests",
    cost: 8,
    held: Some(HELD),
    makes_files: true,
    fits: |failure, _| {
        by(failure, &["jest", "vitest"])
            && (says_snapshot(failure) || failure.message.contains("toMatchInlineSnapshot"))
    },
    action: |failures, facts| {
        let files = named_files(failures, facts).unwrap_or_default();
        let is_vitest = failures.iter().all(|failure| by(failure, &["vitest"]));
        let tool =
            if is_vitest { "vitest run --update" } else { "jest --ci=false --updateSnapshot" };
        let fix = format!("{OWN_PATH} {tool} {files}").trim_end().to_owned();
        Some(Action::Shell { fix, check: None })
    },
};

fn says_snapshot(failure: &Failure) -> bool {
    let message = failure.message.to_ascii_lowercase();
    message.contains("snapshot assertion")
        || message.contains("tomatchsnapshot")
        || (message.contains("snapshot") && message.contains("mismatch"))
        || (message.contains("snapshot") && message.contains("obsolete"))
}
