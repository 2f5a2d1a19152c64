//! `selfheal stats`: how well it goes.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::ValueEnum;

use crate::app;
use crate::config::server::{ServerArgs, ServerSettings};
use crate::domain::figures::{Figures, LevelChange, Quantiles, Stats};
use crate::domain::ids::RepoSlug;
use crate::service::stats::{Wanted, back_ms};

/// Print how well it goes: healed, escalated, wrong fixes, times, cost
///
/// Of the cases that were opened since then, by class (what failed), repository and day. A fix is wrong
/// when somebody undid, reverted or rejected it, when the same failure came again on its pull request
/// within 14 days, or when CI was red on what had been proven. `-` is what nobody knows.
///
/// Exit codes: 0 fine, 2 usage, 3 the store cannot be read.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How far back: days or hours
    #[arg(long, default_value = "30d", value_parser = back)]
    since: i64,
    /// Of this repository alone, owner/name
    #[arg(long, value_parser = RepoSlug::parse)]
    repo: Option<RepoSlug>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// For machines; docs/operations.md says what stands in it
    Json,
}

fn back(text: &str) -> Result<i64, String> {
    back_ms(text).ok_or_else(|| "allowed are days or hours, as 30d or 12h".to_owned())
}

/// Runs the subcommand.
///
/// # Errors
/// When settings are wrong or the store cannot be read.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let settings = ServerSettings::load(&args.server)?;
    let wanted = Wanted { back_ms: args.since, repo: args.repo.clone() };
    let stats = app::stats(&settings, &wanted).await?;
    let mut out = io::stdout().lock();
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&stats)?)?,
        Format::Human => write!(out, "{}", human(&stats))?,
    }
    if stats.is_cut {
        writeln!(io::stderr(), "selfheal: there are more cases; only the newest were looked at")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn human(stats: &Stats) -> String {
    let mut out = table("all", &BTreeMap::from([("all".to_owned(), stats.all.clone())]));
    for (name, groups) in
        [("class", &stats.by_class), ("repository", &stats.by_repository), ("day", &stats.by_day)]
    {
        if !groups.is_empty() {
            out.push('\n');
            out.push_str(&table(name, groups));
        }
    }
    if let Some(times) = &stats.all.time_to_green {
        out.push_str(&format!("\nto green, of {} healed (half, nine of ten)\n", times.cases));
        for (part, taken) in [
            ("all", times.whole),
            ("waiting", times.waiting),
            ("reading", times.reading),
            ("fixing", times.fixing),
            ("proving", times.proving),
            ("CI", times.ci),
        ] {
            let (half, most) = (span(taken.p50_ms), span(taken.p90_ms));
            out.push_str(&format!("  {part:10} {half:>9} {most:>9}\n"));
        }
    }
    if !stats.autonomy.is_empty() {
        out.push_str("\nwhat is done without a person, changed\n");
        for change in &stats.autonomy {
            let LevelChange { repository, class, from, to, because, .. } = change;
            out.push_str(&format!("  {repository} {class}: {from} to {to}, because {because}\n"));
        }
    }
    if !stats.all.signs.is_empty() {
        out.push_str("\nwrong fixes, what showed it\n");
        for (sign, count) in &stats.all.signs {
            out.push_str(&format!("  {sign:14} {count:>5}\n"));
        }
    }
    out
}

fn table(name: &str, groups: &BTreeMap<String, Figures>) -> String {
    let mut out = format!(
        "{name:24} {:>6} {:>8} {:>7} {:>9} {:>6} {:>6} {:>9} {:>11}\n",
        "cases", "eligible", "healed", "escalated", "reruns", "wrong", "p50", "USD/green"
    );
    for (key, figures) in groups {
        let half = |taken: Quantiles| span(taken.p50_ms);
        let taken = figures.time_to_green.map_or_else(|| "-".to_owned(), |all| half(all.whole));
        let each = figures.cost_nanos_per_green.map_or_else(|| "-".to_owned(), dollars);
        out.push_str(&format!(
            "{key:24} {:>6} {:>8} {:>7} {:>9} {:>6} {:>6} {taken:>9} {each:>11}\n",
            figures.cases,
            figures.eligible,
            figures.healed,
            figures.escalated,
            figures.reruns_saved,
            figures.false_fixes,
        ));
    }
    out
}

/// A span as people say it.
fn span(ms: i64) -> String {
    let secs = ms / 1_000;
    match secs {
        0..60 => format!("{secs}s"),
        60..3_600 => format!("{}m{:02}s", secs / 60, secs % 60),
        _ => format!("{}h{:02}m", secs / 3_600, secs / 60 % 60),
    }
}

fn dollars(nanos: u64) -> String {
    format!("{}.{:04}", nanos / 1_000_000_000, nanos / 100_000 % 10_000)
}
