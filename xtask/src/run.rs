//! Start programs and wait for them, in the open.
//!
//! Every command is shown before it starts and writes to our own output: what cargo and the linters
//! say stays as they said it, closing lines included.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::place::Place;
use crate::say;

/// A program that sees our tools first on its `PATH` and stands in the workspace's root.
pub(crate) fn program(place: &Place, name: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(name);
    command
        .current_dir(&place.root)
        .env("PATH", path_with_tools(place)?)
        .env("SELFHEAL_TOOLS_DIR", &place.tools)
        .stdin(Stdio::null());
    Ok(command)
}

/// The cargo that started us.
pub(crate) fn cargo(place: &Place) -> anyhow::Result<Command> {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut command = program(place, &cargo)?;
    command.env("CARGO_TARGET_DIR", &place.target);
    Ok(command)
}

/// Show the command, run it, and ask for success.
///
/// # Errors
/// When it cannot be started or ends otherwise; the error names the command.
pub(crate) fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let shown = shown(command);
    say::line(&format!("$ {shown}"));
    let status = command.status().with_context(|| format!("`{shown}` could not be started"))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => anyhow::bail!("`{shown}` ended with exit code {code}"),
        None => anyhow::bail!("`{shown}` was killed ({status})"),
    }
}

/// Whether a command runs and ends well; its output is not shown.
pub(crate) fn works(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn path_with_tools(place: &Place) -> anyhow::Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let ours = place.venv().join("bin");
    let all: Vec<PathBuf> = std::iter::once(ours).chain(env::split_paths(&path)).collect();
    env::join_paths(all).context("the tools' directory has a character that PATH cannot hold")
}

fn shown(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    let words = command.get_args().map(|arg| arg.to_string_lossy().into_owned());
    std::iter::once(name).chain(words).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_without_the_folders_of_this_machine() {
        let mut command = Command::new("/some/where/bin/cargo");
        command.args(["fmt", "--all", "--check"]);
        assert_eq!(shown(&command), "cargo fmt --all --check");
    }

    #[test]
    fn a_command_that_says_no_is_named_with_its_exit_code() {
        let why = succeed(Command::new("sh").args(["-c", "exit 7"])).unwrap_err();
        assert_eq!(why.to_string(), "`sh -c exit 7` ended with exit code 7");
    }
}
