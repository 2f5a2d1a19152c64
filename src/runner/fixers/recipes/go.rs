//! Go: gofmt.

use super::{Action, Recipe, by, has_extension, named_files};
use crate::domain::failure::FailureKind;

/// The formatter.
pub(super) static GOFMT: Recipe = Recipe {
    name: "gofmt",
    answers: "Go code that is not formatted",
    runs: "`gofmt -w` on the named files",
    cost: 1,
    held: None,
    makes_files: false,
    fits: |failure, _| {
        let is_go = failure.file.as_ref().is_some_and(|file| has_extension(file, "go"));
        by(failure, &["gofmt", "gofumpt", "goimports"])
            || (failure.kind == FailureKind::Format && is_go)
    },
    action: |failures, facts| {
        let files = named_files(failures, facts).unwrap_or_else(|| ".".to_owned());
        Some(Action::Shell {
            fix: format!("gofmt -w {files}"),
            // It answers 0 whatever it lists.
            check: Some(format!("gofmt -l {files} >/tmp/gofmt && test ! -s /tmp/gofmt")),
        })
    },
};
