//! `selfheal receipt`: what an attempt was given, did, proved and cost.

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::app::receipts;
use crate::config::server::{ServerArgs, ServerSettings};
use crate::domain::ids::AttemptId;

/// It says: there is none.
const NONE: u8 = 1;

/// Print the receipt of an attempt as JSON, signed with the App's key
///
/// The id stands in the commit's `Selfheal-Attempt:` trailer and in the name of the workflow's run.
/// `signature` is a compact JSON Web Signature (RS256) whose payload is the receipt: whoever has the
/// App's public key can check it. docs/operations.md says how.
///
/// Exit codes: 0 there is such an attempt, 1 there is none, 2 usage, 3 the store cannot be read.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The attempt's id, `att_…`
    #[arg(value_parser = AttemptId::parse)]
    attempt: AttemptId,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the subcommand.
///
/// # Errors
/// When settings are wrong or the store cannot be read.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let settings = ServerSettings::load(&args.server)?;
    let Some(signed) = receipts::signed(&settings, args.attempt).await? else {
        writeln!(io::stderr(), "selfheal: there is no attempt {}", args.attempt)?;
        return Ok(ExitCode::from(NONE));
    };
    if signed.signature.is_none() {
        writeln!(io::stderr(), "selfheal: not signed, the App's key is not set")?;
    }
    writeln!(io::stdout().lock(), "{}", serde_json::to_string_pretty(&signed)?)?;
    Ok(ExitCode::SUCCESS)
}
