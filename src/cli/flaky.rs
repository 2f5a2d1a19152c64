//! `selfheal flaky`: failures that came and went on the same commit, with what that proves.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::app::{self, SystemClock};
use crate::config::server::{ServerArgs, ServerSettings};
use crate::domain::flakes::{Past, TRIAL_DAYS, counted_since};
use crate::domain::ids::RepoSlug;
use crate::ports::clock::Clock as _;
use crate::report::markdown::visible;

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

/// What is known of one repository.
type OfRepo = (RepoSlug, Vec<Past>);

/// Runs the subcommand.
///
/// # Errors
/// When settings are wrong or the store cannot be read.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let settings = ServerSettings::load(&args.server)?;
    std::fs::create_dir_all(&settings.data_dir).context("the data directory")?;
    let wanted = args.repo.as_deref().map(RepoSlug::parse).transpose()?;
    let since = counted_since(SystemClock.now());
    let store = app::flakes(&settings).await?;
    let mut found: Vec<OfRepo> = Vec::new();
    for (id, slug) in store.tried(since).await? {
        // GitHub's names do not care about case.
        let named = |wanted: &RepoSlug| wanted.to_string().eq_ignore_ascii_case(&slug.to_string());
        if !wanted.as_ref().is_none_or(named) {
            continue;
        }
        let mut pasts = store.pasts(id, since).await?;
        pasts.retain(|past| args.all || past.is_flaky());
        if !pasts.is_empty() {
            found.push((slug, pasts));
        }
    }
    let mut out = std::io::stdout().lock();
    match args.format {
        Format::Human => human(&mut out, &found)?,
        Format::Json => writeln!(out, "{}", machine(&found))?,
    }
    let is_any = found.iter().flat_map(|(_, pasts)| pasts).any(Past::is_flaky);
    Ok(if is_any { ExitCode::SUCCESS } else { ExitCode::from(NONE) })
}

fn human(out: &mut impl Write, found: &[OfRepo]) -> std::io::Result<()> {
    for (slug, pasts) in found {
        writeln!(out, "{slug}")?;
        for past in pasts {
            let is_flaky = if past.is_flaky() { "flaky" } else { "not proven" };
            let name = past.test.as_deref().unwrap_or(&past.title);
            let (gone, trials) = (past.gone, past.trials());
            let at = jiff::Timestamp::from_millisecond(past.last.millis()).unwrap_or_default();
            writeln!(
                out,
                "  {is_flaky:<10}  gone in {gone} of {trials}, at least {:.0} %  last {at}  {}",
                past.bound() * 100.0,
                visible(name)
            )?;
        }
    }
    Ok(())
}

fn machine(found: &[OfRepo]) -> Value {
    let of = |(slug, pasts): &OfRepo| {
        let failures: Vec<Value> = pasts.iter().map(failure).collect();
        json!({ "repository": slug.to_string(), "failures": failures })
    };
    json!({ "days": TRIAL_DAYS, "repositories": found.iter().map(of).collect::<Vec<_>>() })
}

fn failure(past: &Past) -> Value {
    json!({
        "fingerprint": past.fingerprint.as_str(),
        "test": past.test,
        "title": past.title,
        "gone": past.gone,
        "again": past.again,
        "bound": past.bound(),
        "flaky": past.is_flaky(),
        "last": jiff::Timestamp::from_millisecond(past.last.millis()).unwrap_or_default().to_string(),
    })
}
