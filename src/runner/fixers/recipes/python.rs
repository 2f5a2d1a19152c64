//! Python: ruff, black, isort.

use super::{Action, Recipe, by, named_files};
use crate::domain::failure::{Failure, FailureKind};

/// ruff as a formatter.
pub(super) static RUFF_FORMAT: Recipe = Recipe {
    name: "ruff-format",
    answers: "Python code that ruff wants formatted otherwise",
    runs: "`ruff format` on the named files",
    cost: 1,
    held: None,
    makes_files: false,
    fits: |failure, _| by(failure, RUFF) && is_format(failure),
    action: |failures, facts| {
        let files = named_files(failures, facts).unwrap_or_else(|| ".".to_owned());
        Some(tool(&format!("ruff format -- {files}"), &format!("ruff format --check -- {files}")))
    },
};

/// ruff as a linter.
pub(super) static RUFF_CHECK: Recipe = Recipe {
    name: "ruff-check",
    answers: "ruff's lints that it can fix safely by itself",
    runs: "`ruff check --fix` on the named files",
    cost: 2,
    held: None,
    makes_files: false,
    fits: |failure, _| by(failure, RUFF) && !is_format(failure),
    action: |failures, facts| {
        let files = named_files(failures, facts).unwrap_or_else(|| ".".to_owned());
        Some(tool(&format!("ruff check --fix -- {files}"), &format!("ruff check -- {files}")))
    },
};

/// black.
pub(super) static BLACK: Recipe = Recipe {
    name: "black",
    answers: "Python code that black wants formatted otherwise",
    runs: "`black` on the named files",
    cost: 2,
    held: None,
    makes_files: false,
    fits: |failure, _| by(failure, &["black"]),
    action: |failures, facts| {
        let files = named_files(failures, facts).unwrap_or_else(|| ".".to_owned());
        Some(tool(&format!("black -- {files}"), &format!("black --check -- {files}")))
    },
};

/// isort.
pub(super) static ISORT: Recipe = Recipe {
    name: "isort",
    answers: "Python imports in another order than isort wants",
    runs: "`isort` on the named files",
    cost: 2,
    held: None,
    makes_files: false,
    fits: |failure, _| by(failure, &["isort"]),
    action: |failures, facts| {
        let files = named_files(failures, facts).unwrap_or_else(|| ".".to_owned());
        Some(tool(&format!("isort -- {files}"), &format!("isort --check-only -- {files}")))
    },
};

const RUFF: &[&str] = &["ruff", "ruff format", "ruff check", "ruff-format"];

fn is_format(failure: &Failure) -> bool {
    failure.kind == FailureKind::Format || by(failure, &["ruff format", "ruff-format"])
}

fn tool(fix: &str, check: &str) -> Action {
    // A repository's own environment comes before the machine's, when it is there.
    let path = "PATH=\"$PWD/.venv/bin:$PATH\"";
    Action::Shell { fix: format!("{path} {fix}"), check: Some(format!("{path} {check}")) }
}
