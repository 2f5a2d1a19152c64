//! `selfheal bridge`: what `selfheal heal` runs beside a coding agent in its sandbox.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::runner::bridge;

/// Run a program in a sandbox beside a way to its models; used by attempts themselves
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The socket that the way leads to.
    socket: PathBuf,
    /// The program and its arguments.
    #[arg(last = true, required = true, num_args = 1..)]
    command: Vec<String>,
}

/// Runs the subcommand; the exit code is the program's.
///
/// # Errors
/// When there is no loopback, or the program cannot be started.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let code = bridge::run(&args.socket, &args.command).await.context("no way to models")?;
    Ok(ExitCode::from(code))
}
