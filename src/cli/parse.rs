//! `selfheal parse`: the failures in a log, for any pipeline, without a server.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use super::{checkout, input};
use crate::evidence::{self, Hints};
use crate::report::failures::{Found, human, markdown, sarif, workflow_commands};

/// What is read of a log; the causes of a failure stand at the end of longer ones, too, but a log
/// of this size is no longer read by anybody.
const LOG_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// How long the excerpt is.
const EXCERPT_BYTES_MAX: usize = 8 * 1024;

/// It says: there are failures.
const FAILURES: u8 = 1;
/// It could not do its work: there is no such file.
const UNREADABLE: u8 = 3;

/// Print the failures in a CI log
///
/// Reads the log of a job of GitHub Actions, as its API or `gh run view` gives it, of Travis and of
/// other CI systems, or the plain output of a command, and says what failed: kind, place, code, test
/// and message, what to fix first at the front. `docs/evidence.md` lists the tools that it knows.
///
/// Exit codes: 0 the log shows no failure, 1 it does, 2 usage, 3 it cannot be read.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The log; - for standard input
    file: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// The checkout that the log is about: files are named as it does, and places that it has not
    /// are left out
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The name of the step that failed, as the CI system shows it; only it is blamed. Repeatable
    #[arg(long = "step", value_name = "NAME")]
    steps: Vec<String>,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: a line a failure, then the lines that matter
    Human,
    /// One JSON document: failures, notes, stats
    Json,
    /// SARIF 2.1.0, for code scanning and editors
    Sarif,
    /// GitHub's workflow commands, which become annotations
    Github,
    /// For a comment or a job summary
    Markdown,
}

/// Runs the subcommand.
///
/// # Errors
/// When the result cannot be printed. A file that cannot be read is a message and exit code 3.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let log = match input::read(&args.file, LOG_BYTES_MAX) {
        Ok(log) => log,
        Err(error) => {
            let name = args.file.display();
            writeln!(io::stderr(), "selfheal: {name} cannot be read: {error}")?;
            return Ok(ExitCode::from(UNREADABLE));
        }
    };
    let hints = Hints {
        failed_steps: args.steps.clone(),
        workspace_roots: args.root.iter().filter_map(|root| checkout::folder(root)).collect(),
        ..Hints::default()
    };
    let mut reading = evidence::read(&log, &hints);
    if let Some(root) = &args.root {
        checkout::hold_places(root, &mut reading.failures);
    }
    let pieces = reading.pieces(&log, EXCERPT_BYTES_MAX);
    let excerpt = evidence::joined(&pieces);
    let mut notes = reading.notes.clone();
    if u64::try_from(log.len()).is_ok_and(|bytes| bytes >= LOG_BYTES_MAX) {
        notes.push(format!("the log is longer than {LOG_BYTES_MAX} bytes; the rest was not read"));
    }
    let found = Found { failures: &reading.failures, notes: &notes, excerpt: &excerpt };
    let text = match args.format {
        Format::Human => human(&found),
        Format::Json => format!("{}\n", evidence::failures_json(&reading, &pieces)),
        Format::Sarif => format!("{:#}\n", sarif(&found)),
        Format::Github => workflow_commands(&found),
        Format::Markdown => markdown(&found),
    };
    io::stdout().write_all(text.as_bytes()).context("the result cannot be printed")?;
    Ok(if reading.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILURES) })
}
