//! `selfheal restore`: puts a backup in the place of the database, or tells a database that it was put
//! back by other means.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::app::database::{self, Existing};
use crate::config::server::{ServerArgs, ServerSettings};

/// Put a backup of the SQLite database back, while no server runs
///
/// The backup is looked through and brought to this release's schema, the database before it is kept
/// beside as *.before-restore. The server then looks up what GitHub has seen since the backup, so that
/// nothing is done twice. Without a file nothing is put back: it tells a database that was put back by
/// other means (pg_restore, a snapshot of a volume) that it was.
///
/// Exit codes: 0 done, 2 usage, 3 it could not be done and the database is as it was.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The backup
    file: Option<PathBuf>,
    /// Replace what an earlier restore has kept
    #[arg(long, requires = "file")]
    force: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the subcommand.
///
/// # Errors
/// When settings are wrong, a server runs, or the backup cannot be used.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let settings = ServerSettings::load(&args.server)?;
    let mut out = io::stdout().lock();
    match &args.file {
        Some(file) => {
            std::fs::create_dir_all(&settings.data_dir)?;
            let existing = if args.force { Existing::Replace } else { Existing::Keep };
            let done = database::put_back(&settings, file, existing).await?;
            let (file, database) = (file.display(), done.database.display());
            writeln!(out, "{file} was put back as {database}")?;
            if let Some(kept) = done.kept {
                writeln!(out, "the database before it is {}", kept.display())?;
            }
        }
        None => {
            let file = database::mark_restored(&settings).await?;
            let server = file.as_path() == Path::new("");
            let which = if server { "the database".to_owned() } else { file.display().to_string() };
            writeln!(out, "{which} knows that it was put back")?;
        }
    }
    writeln!(out, "start the server: it looks up what GitHub has seen since the backup")?;
    Ok(ExitCode::SUCCESS)
}
