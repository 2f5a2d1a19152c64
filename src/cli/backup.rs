//! `selfheal backup`: a copy of a SQLite database, taken while the server works.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::app::database::{self, Existing};
use crate::config::server::{ServerArgs, ServerSettings};

/// Back up the SQLite database into a file, while the server works
///
/// The file holds one moment of the database, is looked through before it gets its name, and can be
/// read by its owner alone. A PostgreSQL database is backed up with pg_dump.
///
/// Exit codes: 0 there is a backup, 2 usage, 3 there is none.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the backup goes
    file: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the subcommand.
///
/// # Errors
/// When settings are wrong, the file is in the way, or the database cannot be read.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let settings = ServerSettings::load(&args.server)?;
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    let made = database::back_up(&settings, &args.file, existing).await?;
    let version = made.schema.applied.last().map_or(0, |step| step.version);
    let (file, bytes) = (args.file.display(), made.bytes);
    writeln!(io::stdout().lock(), "{file}: {bytes} bytes, schema {version:04}, sound")?;
    Ok(ExitCode::SUCCESS)
}
