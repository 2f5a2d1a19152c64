//! `selfheal migrate`: brings the schema of the database up to date, or says what is pending.
//!
//! May run beside servers of this release and of the one before: a release works on the schema of the
//! release after it.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::app::database::{self, Schema, Step};
use crate::config::server::{ServerArgs, ServerSettings};

/// It says: something is pending.
const PENDING: u8 = 1;

/// Bring the database's schema up to date
///
/// The server does it at start unless `--migrate manual` is set. It goes forwards only, and may run
/// while servers of the release before are at work.
///
/// Exit codes: 0 up to date, 1 something is pending (with --check), 2 usage, 3 it could not be done.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Say what is pending, and change nothing
    #[arg(long)]
    check: bool,
    /// How it is printed
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    #[command(flatten)]
    server: ServerArgs,
}

/// How it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: a line for each migration
    Human,
    /// One JSON document
    Json,
}

/// Runs the subcommand.
///
/// # Errors
/// When settings are wrong, the database cannot be reached or is none of ours, or a migration fails.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let settings = ServerSettings::load(&args.server)?;
    if args.check {
        let schema = database::schema(&settings).await?;
        let pending = !schema.pending.is_empty();
        print(&schema, "pending", args.format)?;
        return Ok(if pending { ExitCode::from(PENDING) } else { ExitCode::SUCCESS });
    }
    std::fs::create_dir_all(&settings.data_dir).context("the data directory")?;
    print(&database::migrate(&settings).await?, "applied", args.format)?;
    Ok(ExitCode::SUCCESS)
}

/// Says what became of what was pending, or that nothing was.
fn print(before: &Schema, became: &str, format: Format) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let of = |steps: &[Step]| steps.iter().map(value).collect::<Value>();
    match format {
        Format::Json => {
            let mut said = json!({ "known": of(&before.applied), "newer": before.newer });
            said[became] = of(&before.pending);
            writeln!(out, "{said}")?;
        }
        Format::Human => {
            for step in &before.pending {
                writeln!(out, "{:04} {}: {became}", step.version, step.about)?;
            }
            if before.pending.is_empty() {
                let version = before.applied.last().map_or(0, |step| step.version);
                writeln!(out, "the schema is up to date ({version:04})")?;
            }
            if let Some(newest) = before.newer.last() {
                writeln!(out, "a newer release has brought it to {newest:04}")?;
            }
        }
    }
    Ok(())
}

fn value(step: &Step) -> Value {
    json!({ "version": step.version, "about": step.about })
}
