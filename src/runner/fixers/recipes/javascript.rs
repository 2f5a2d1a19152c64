//! JavaScript and TypeScript: prettier and ESLint, in the version that the repository has.

use super::{Action, Recipe, by, is_style, named_files};

/// The formatter.
pub(super) static PRETTIER: Recipe = Recipe {
    name: "prettier",
    answers: "code that prettier wants formatted otherwise",
    runs: "`prettier --write` on the named files",
    cost: 2,
    held: None,
    makes_files: false,
    fits: |failure, _| by(failure, &["prettier"]),
    action: |failures, facts| {
        let files = named_files(failures, facts).unwrap_or_else(|| ".".to_owned());
        Some(tool(
            &format!("prettier --write --ignore-unknown -- {files}"),
            &format!("prettier --check --ignore-unknown -- {files}"),
        ))
    },
};

/// The linter.
pub(super) static ESLINT: Recipe = Recipe {
    name: "eslint",
    answers: "ESLint's findings that it can fix by itself",
    runs: "`eslint --fix` on the named files",
    cost: 3,
    held: None,
    makes_files: false,
    fits: |failure, _| by(failure, &["eslint"]) && is_style(failure),
    action: |failures, facts| {
        let files = named_files(failures, facts).unwrap_or_else(|| ".".to_owned());
        Some(tool(&format!("eslint --fix -- {files}"), &format!("eslint -- {files}")))
    },
};

/// The repository's own installation comes before the machine's; `npx` is not used because it
/// answers 1, not 127, for a tool that is not there, and may want to download it.
pub(super) const OWN_PATH: &str = "PATH=\"$PWD/node_modules/.bin:$PATH\"";

fn tool(fix: &str, check: &str) -> Action {
    Action::Shell { fix: format!("{OWN_PATH} {fix}"), check: Some(format!("{OWN_PATH} {check}")) }
}
