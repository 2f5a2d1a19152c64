//! `selfheal healthcheck`: whether the server on this machine is ready; for containers.

use std::process::ExitCode;
use std::time::Duration;

use crate::config::server::{ServerArgs, ServerSettings};

/// Ask the server on this machine whether it is ready
///
/// Exit codes: 0 ready, 1 not ready, 2 usage, 3 wrong settings.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    server: ServerArgs,
}

/// A container's health check gives up soon.
const SECS_MAX: u64 = 3;

/// Runs the subcommand.
///
/// # Errors
/// When settings are wrong.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let settings = ServerSettings::load(&args.server)?;
    let url = format!("http://127.0.0.1:{}/readyz", settings.listen.port());
    let client = reqwest::Client::builder().timeout(Duration::from_secs(SECS_MAX)).build()?;
    let ready = client.get(url).send().await.is_ok_and(|answer| answer.status().is_success());
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
