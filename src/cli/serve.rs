//! `selfheal serve`: the server, until it is told to stop.
//!
//! Without credentials it serves the set-up page; as soon as there are some it goes on as the
//! server, on the same address. A stop (SIGTERM, SIGINT) takes no new request, finishes the steps
//! that are under way and closes the store; what was not finished is in the store.

use std::process::ExitCode;

use anyhow::Context as _;
use tokio::sync::watch;

use crate::app::serving::{listen, serve, set_up};
use crate::config::server::{ServerArgs, ServerSettings};
use crate::telemetry;

/// Run the server
///
/// Exit codes: 0 stopped as told, 2 usage, 3 it could not do its work.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the subcommand.
///
/// # Errors
/// When settings are wrong, the address is taken, or the store cannot be opened.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut settings = ServerSettings::load(&args.server)?;
    telemetry::init(&settings.log).context("logs cannot be set up")?;
    std::fs::create_dir_all(&settings.data_dir)
        .with_context(|| format!("the data directory {}", settings.data_dir.display()))?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        signal().await;
        tracing::info!("told to stop");
        let _ = stop.send(true); // nobody listens any more when everything has ended
    });
    let door = listen(&settings)?;
    let credentials = match settings.app.take() {
        Some(credentials) => credentials,
        None => match set_up(&settings, &door, stopped.clone()).await? {
            Some(()) => ServerSettings::load(&args.server)?
                .app
                .context("the credentials that were just stored cannot be read")?,
            None => return Ok(ExitCode::SUCCESS),
        },
    };
    serve(&settings, &door, credentials, stopped).await?;
    Ok(ExitCode::SUCCESS)
}

/// Returns when the process is told to stop.
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupt = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt => {}
            }
        }
        Err(_) => {
            let _ = interrupt.await; // without a handler the default action ends the process
        }
    }
}
