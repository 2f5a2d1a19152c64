//! `selfheal doctor`: is everything in place, and what to do where it is not.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::app::diagnosis::{Finding, diagnose, without_credentials};
use crate::app::{App, Parts};
use crate::config::server::{ServerArgs, ServerSettings};
use crate::domain::ids::RepoSlug;

/// Check credentials, permissions, events, webhook and a repository's workflow
///
/// Exit codes: 0 everything is in place, 1 something is not, 2 usage, 3 it could not be told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Also look at this repository, as OWNER/NAME
    #[arg(long)]
    repo: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the subcommand.
///
/// # Errors
/// When settings are wrong.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut settings = ServerSettings::load(&args.server)?;
    let Some(credentials) = settings.app.take() else {
        return print(&without_credentials());
    };
    std::fs::create_dir_all(&settings.data_dir).context("the data directory")?;
    let app = App::assemble(Parts::by_settings(&settings, credentials)?).await?;
    let slug = args.repo.as_deref().map(RepoSlug::parse).transpose()?;
    let findings = diagnose(&app, settings.public_url.as_ref(), slug.as_ref()).await;
    print(&findings)
}

fn print(findings: &[Finding]) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    for finding in findings {
        match &finding.remedy {
            None => writeln!(out, "ok     {}", finding.what)?,
            Some(remedy) => {
                writeln!(out, "WRONG  {}", finding.what)?;
                writeln!(out, "       → {remedy}")?;
            }
        }
    }
    let all_fine = findings.iter().all(|finding| finding.remedy.is_none());
    Ok(if all_fine { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
