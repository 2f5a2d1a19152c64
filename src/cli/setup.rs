//! `selfheal setup`: what `/setup` does, for terminals.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::config::app_manifest::manifest;
use crate::config::server::{ServerArgs, ServerSettings, stored_credentials};

/// Print how to register the GitHub App
///
/// Prints the manifest that `/setup` sends to GitHub and the steps around it. Exit codes: 0 printed,
/// 2 usage, 3 wrong settings.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the subcommand.
///
/// # Errors
/// When settings are wrong or there is no public address.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let settings = ServerSettings::load(&args.server)?;
    let mut out = std::io::stdout().lock();
    if let Some(known) = stored_credentials(&settings.data_dir)? {
        writeln!(out, "The App {} is set up already ({}).", known.slug, known.html_url)?;
        writeln!(out, "Install it: {}/installations/new", known.html_url)?;
        return Ok(ExitCode::SUCCESS);
    }
    let url = settings
        .public_url
        .as_ref()
        .context("set --public-url (or SELFHEAL_PUBLIC_URL): GitHub must know where to send")?;
    let web = settings.github.web_url.as_str().trim_end_matches('/');
    let base = url.as_str().trim_end_matches('/');
    writeln!(out, "1. Start the server: selfheal serve --public-url {base}")?;
    writeln!(
        out,
        "2. Open the address that it prints ({base}/setup?token=…) and press the button."
    )?;
    writeln!(out, "   It sends this manifest to {web}/settings/apps/new:\n")?;
    writeln!(out, "{}\n", serde_json::to_string_pretty(&manifest(url))?)?;
    writeln!(out, "3. GitHub brings you back; the server keeps the credentials and goes on.")?;
    writeln!(out, "4. Install the App, then: selfheal doctor --repo OWNER/NAME")?;
    Ok(ExitCode::SUCCESS)
}
