//! `selfheal agentapi`: the client of an AgentAPI server, beside it in its sandbox.

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::runner::agents::agentapi;

/// The longest message: it is one sentence.
const MESSAGE_BYTES_MAX: u64 = 64 * 1024;

/// Start an AgentAPI server and give its agent the message on standard input; used by attempts
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The command line that starts the server on the port in AGENTAPI_PORT.
    #[arg(last = true, required = true)]
    line: String,
}

/// Runs the subcommand.
///
/// # Errors
/// When the server cannot be started, or nobody listens.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut message = String::new();
    std::io::stdin().take(MESSAGE_BYTES_MAX).read_to_string(&mut message).context("no message")?;
    let code = agentapi::run(&args.line, &message).await.context("no AgentAPI server")?;
    Ok(ExitCode::from(code))
}
