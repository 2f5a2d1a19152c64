//! `selfheal logs`: the logs of failed jobs that the server has read and kept.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Context as _;

use crate::app;
use crate::config::server::{ServerArgs, ServerSettings};
use crate::domain::ids::{JobId, PrNumber, RepoSlug};
use crate::ports::logs::KeptLog;
use crate::report::markdown::visible;

/// It says: there is none.
const NONE: u8 = 1;

/// Show the logs of failed jobs that were read for a pull request
///
/// Logs are kept for 14 days, without what looks like a secret. With --job the log itself is printed:
/// pipe it into `selfheal parse -` to see what is read of it.
///
/// Exit codes: 0 there are logs, 1 there are none, 2 usage, 3 the store cannot be read.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The repository, as OWNER/NAME
    #[arg(long)]
    repo: String,
    /// The pull request's number
    #[arg(long)]
    pull: u64,
    /// Print the log of this job
    #[arg(long, value_name = "NUMBER")]
    job: Option<u64>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the subcommand.
///
/// # Errors
/// When settings are wrong or the store cannot be read.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let settings = ServerSettings::load(&args.server)?;
    std::fs::create_dir_all(&settings.data_dir).context("the data directory")?;
    let repo = RepoSlug::parse(&args.repo)?;
    let number = PrNumber::new(args.pull);
    let store = app::kept_logs(&settings).await?;
    let mut out = io::stdout().lock();
    let Some(job) = args.job else {
        let kept = store.logs(&repo, number).await?;
        for log in &kept {
            writeln!(out, "{}", line(log))?;
        }
        return Ok(if kept.is_empty() { ExitCode::from(NONE) } else { ExitCode::SUCCESS });
    };
    let Some(log) = store.log(&repo, number, JobId::new(job)).await? else {
        return Ok(ExitCode::from(NONE));
    };
    if out.is_terminal() {
        // A log is hostile text: on a terminal nothing in it may act.
        for line in String::from_utf8_lossy(&log).lines() {
            writeln!(out, "{}", visible(line))?;
        }
    } else {
        out.write_all(&log)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn line(log: &KeptLog) -> String {
    let at = jiff::Timestamp::from_millisecond(log.kept_at.millis()).unwrap_or_default();
    let of = &log.of;
    let name = visible(&of.name);
    format!("{}  {at}  run {} attempt {}  {} bytes  {name}", of.job, of.run, of.attempt, log.bytes)
}
