//! Checks of the files that are not Rust: workflows, containers, deployment, shell.
//!
//! A set of files that must exist is never empty: when none is found, the check fails instead of
//! passing on nothing.

use std::path::PathBuf;

use crate::place::Place;
use crate::{run, tools};

/// Workflow files: our own CI, and those that a target repository copies.
const WORKFLOWS: &[&str] = &[".github/workflows", "workflows"];
/// Composite actions.
const ACTIONS: &str = "action";
/// Our own description of the keys of `fly.toml` that we use.
const FLY_SCHEMA: &str = "xtask/fly.schema.json";

/// Workflow and action files: actionlint (with shellcheck on their scripts), zizmor, and GitHub's
/// schemas.
pub(crate) fn workflows(place: &Place) -> anyhow::Result<()> {
    tools::python(place)?;
    let mut workflows = Vec::new();
    for folder in WORKFLOWS {
        workflows.extend(some(folder, place.files(folder, &[".yml", ".yaml"]))?);
    }
    let actions = some(ACTIONS, place.files(ACTIONS, &["action.yml", "action.yaml"]))?;
    run::succeed(run::program(place, "actionlint")?.args(&workflows))?;
    run::succeed(
        run::program(place, "zizmor")?
            .args(["--offline", "--no-progress", "--strict-collection"])
            .args(&workflows)
            .args(&actions),
    )?;
    schema(place, &["--builtin-schema", "vendor.github-workflows"], &workflows)?;
    schema(place, &["--builtin-schema", "vendor.github-actions"], &actions)
}

/// The Dockerfile: hadolint, every finding counts.
pub(crate) fn dockerfile(place: &Place) -> anyhow::Result<()> {
    tools::python(place)?;
    run::succeed(run::program(place, "hadolint")?.args([
        "--failure-threshold",
        "style",
        "Dockerfile",
    ]))
}

/// The compose file: the Compose specification's schema.
pub(crate) fn compose(place: &Place) -> anyhow::Result<()> {
    tools::python(place)?;
    schema(place, &["--builtin-schema", "vendor.compose-spec"], &["docker-compose.yml".into()])
}

/// `fly.toml`: our own, closed schema, because the public one allows any key.
pub(crate) fn fly(place: &Place) -> anyhow::Result<()> {
    tools::python(place)?;
    run::succeed(
        run::program(place, "check-jsonschema")?.args(["--check-metaschema", FLY_SCHEMA]),
    )?;
    schema(place, &["--schemafile", FLY_SCHEMA], &["fly.toml".into()])
}

/// Shell scripts: they parse, and shellcheck has nothing to say.
pub(crate) fn shell(place: &Place) -> anyhow::Result<()> {
    tools::python(place)?;
    let mut scripts = vec![PathBuf::from(".ci/run")];
    for folder in [ACTIONS, "deploy", "docs"] {
        scripts.extend(place.files(folder, &[".sh"]));
    }
    for script in &scripts {
        run::succeed(run::program(place, "bash")?.arg("-n").arg(script))?;
    }
    run::succeed(run::program(place, "shellcheck")?.args(&scripts))
}

fn schema(place: &Place, which: &[&str], files: &[PathBuf]) -> anyhow::Result<()> {
    run::succeed(run::program(place, "check-jsonschema")?.args(which).args(files))
}

fn some(folder: &str, files: Vec<PathBuf>) -> anyhow::Result<Vec<PathBuf>> {
    anyhow::ensure!(!files.is_empty(), "there is nothing to check in {folder}/");
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_files_is_a_failure_and_not_a_pass() {
        assert!(some("workflows", vec!["workflows/a.yml".into()]).is_ok());
        assert_eq!(
            some("workflows", vec![]).unwrap_err().to_string(),
            "there is nothing to check in workflows/"
        );
    }
}
