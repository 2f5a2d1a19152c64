//! `selfheal remedies`: fixes that healed and are tried first when their failure comes again.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::app;
use crate::config::server::{ServerArgs, ServerSettings};
use crate::domain::ids::RepoSlug;
use crate::report::markdown::visible;
use crate::service::remedies::kept::{Listed, State, kept};

/// It says: there is none.
const NONE: u8 = 1;

/// Show fixes that healed and are tried when the same failure comes again
///
/// Each with the failures that it healed (by fingerprint), how often it has healed since, how often it
/// was applied in vain, and, where it is tried no more, why. docs/remedies.md says how they are made.
///
/// Exit codes: 0 one is tried, 1 none is, 2 usage, 3 the store cannot be read.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this repository, as OWNER/NAME
    #[arg(long)]
    repo: Option<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    #[command(flatten)]
    server: ServerArgs,
}

/// How it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people: a line for each, and one for why it is tried no more
    Human,
    /// One JSON document
    Json,
}

/// Runs the subcommand.
///
/// # Errors
/// When settings are wrong or the store cannot be read.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let settings = ServerSettings::load(&args.server)?;
    std::fs::create_dir_all(&settings.data_dir).context("the data directory")?;
    let repo = args.repo.as_deref().map(RepoSlug::parse).transpose()?;
    let store = app::remedies(&settings).await?;
    let found = kept(store.as_ref(), repo.as_ref()).await?;
    let mut out = std::io::stdout().lock();
    match args.format {
        Format::Human => human(&mut out, &found)?,
        Format::Json => writeln!(out, "{}", serde_json::to_string(&found)?)?,
    }
    let is_tried = found.remedies.iter().any(|told| told.state == State::Tried);
    Ok(if is_tried { ExitCode::SUCCESS } else { ExitCode::from(NONE) })
}

fn human(out: &mut impl Write, found: &Listed) -> std::io::Result<()> {
    for told in &found.remedies {
        let class = told.class.as_deref().unwrap_or("unknown");
        writeln!(
            out,
            "{:<5}  {}#{} {}  {class}  healed {} more, in vain {}  {}  {}",
            told.state.as_str(),
            told.repository,
            told.pull,
            &told.commit[..7.min(told.commit.len())],
            told.heals,
            told.in_vain,
            told.fingerprints.first().map_or("", String::as_str),
            visible(&told.files.join(" "))
        )?;
        if let Some(why) = &told.why {
            writeln!(out, "       {}", visible(why))?;
        }
    }
    if found.is_cut {
        writeln!(out, "and older ones")?;
    }
    Ok(())
}
