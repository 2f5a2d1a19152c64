//! `selfheal flaky`: failures that came and went on the same commit, with what that proves.

use std::io::Write;
use std::process::ExitCode;

use crate::app::{self, SystemClock};
use crate::config::server::{ServerArgs, ServerSettings};
use crate::domain::ids::RepoSlug;
use crate::ports::clock::Clock as _;
use crate::report::markdown::visible;
use crate::service::flaky::{Flakes, OfRepo, Wanted, Which, flakes};
use anyhow::Context as _;

/// It says: there is none.
const NONE: u8 = 1;

/// Show failures that came and went on the same commit
///
/// Counted is what running a commit again showed within the last 90 days, on all branches: the failure
/// was gone, or it was there again. A failure is called flaky when running again turns it green more
/// often than not, with 95 % certainty: three of three, six of seven. Nothing is guessed from its text.
///
/// Exit codes: 0 something is flaky, 1 nothing is, 2 usage, 3 the store cannot be read.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this repository, as OWNER/NAME
    #[arg(long)]
    repo: Option<String>,
    /// Also what is not proven to be flaky
    #[arg(long)]
    all: bool,
    /// How it is printed
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    #[command(flatten)]
    server: ServerArgs,
}

/// How it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people: a line for each failure
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
    let which = if args.all { Which::All } else { Which::Flaky };
    let wanted = Wanted { repo, which, repos_max: usize::MAX };
    let store = app::flakes(&settings).await?;
    let found = flakes(store.as_ref(), &wanted, SystemClock.now()).await?;
    let mut out = std::io::stdout().lock();
    match args.format {
        Format::Human => human(&mut out, &found)?,
        Format::Json => writeln!(out, "{}", serde_json::to_string(&found)?)?,
    }
    Ok(if found.counts().flaky > 0 { ExitCode::SUCCESS } else { ExitCode::from(NONE) })
}

fn human(out: &mut impl Write, found: &Flakes) -> std::io::Result<()> {
    for OfRepo { repository, failures } in &found.repositories {
        writeln!(out, "{repository}")?;
        for told in failures {
            let is_flaky = if told.flaky { "flaky" } else { "not proven" };
            let name = told.test.as_deref().unwrap_or(&told.title);
            writeln!(
                out,
                "  {is_flaky:<10}  gone in {} of {}, at least {:.0} %  last {}  {}",
                told.gone,
                told.gone + told.again,
                told.bound * 100.0,
                told.last,
                visible(name)
            )?;
        }
    }
    Ok(())
}
