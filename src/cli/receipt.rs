//! `selfheal receipt`: what an attempt was given, did, proved and cost; and whether a receipt that
//! somebody shows is to be believed.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use jsonwebtoken::jwk::JwkSet;

use crate::app::receipts;
use crate::config::server::{ServerArgs, ServerSettings};
use crate::domain::ids::AttemptId;
use crate::service::receipts::checked;

/// It says: there is none, or it is not to be believed.
const NONE: u8 = 1;

/// A receipt and a set of keys are small.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Print the receipt of an attempt as JSON, signed with the App's key
///
/// The id stands in the commit's `Selfheal-Attempt:` trailer and in the name of the workflow's run.
/// `signature` is a compact JSON Web Signature (RS256) whose payload is the receipt. With `--check`
/// nothing is asked of any server: the file must be what this command printed, signed by one of the
/// keys, which a server shows to everybody under `/.well-known/jwks.json`.
///
/// Exit codes: 0 there is such an attempt, or the receipt is genuine; 1 there is none, or it is not;
/// 2 usage, 3 the store or a file cannot be read.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The attempt's id, `att_…`
    #[arg(value_parser = AttemptId::parse, required_unless_present = "check")]
    attempt: Option<AttemptId>,
    /// Check this printed receipt instead, and print what was signed
    #[arg(long, value_name = "FILE", requires = "keys", conflicts_with = "attempt")]
    check: Option<PathBuf>,
    /// The server's keys, as it shows them under `/.well-known/jwks.json`
    #[arg(long, value_name = "FILE", requires = "check")]
    keys: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the subcommand.
///
/// # Errors
/// When settings are wrong or the store cannot be read.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if let (Some(printed), Some(keys)) = (&args.check, &args.keys) {
        return check(printed, keys);
    }
    let attempt = args.attempt.context("invariant: an attempt or a file is named")?;
    let settings = ServerSettings::load(&args.server)?;
    let Some(signed) = receipts::signed(&settings, attempt).await? else {
        writeln!(io::stderr(), "selfheal: there is no attempt {attempt}")?;
        return Ok(ExitCode::from(NONE));
    };
    if signed.signature.is_none() {
        writeln!(io::stderr(), "selfheal: not signed, the App's key is not set")?;
    }
    writeln!(io::stdout().lock(), "{}", serde_json::to_string_pretty(&signed)?)?;
    Ok(ExitCode::SUCCESS)
}

fn check(printed: &Path, keys: &Path) -> anyhow::Result<ExitCode> {
    let printed = text_of(printed)?;
    let keys: JwkSet = serde_json::from_str(&text_of(keys)?)
        .with_context(|| format!("{} is no set of JSON Web Keys", keys.display()))?;
    match checked(&printed, &keys) {
        Ok(receipt) => {
            writeln!(io::stdout().lock(), "{}", serde_json::to_string_pretty(&receipt)?)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            writeln!(io::stderr(), "selfheal: {error}")?;
            Ok(ExitCode::from(NONE))
        }
    }
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    let what = || path.display().to_string();
    let bytes = std::fs::metadata(path).with_context(what)?.len();
    anyhow::ensure!(bytes <= FILE_BYTES_MAX, "{} has {bytes} bytes, too many", what());
    std::fs::read_to_string(path).with_context(what)
}
