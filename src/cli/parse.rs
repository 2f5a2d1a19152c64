//! `selfheal parse`: the failures in a log, for any pipeline, without a server.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::input;
use crate::domain::failure::Severity;
use crate::evidence::{self, Hints, Matcher};
use crate::report::failures::{Found, human, markdown, sarif, workflow_commands};

/// What is read of a log; the causes of a failure stand at the end of longer ones, too, but a log
/// of this size is no longer read by anybody.
const LOG_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// The longest file of problem matchers read; evidence says what one may hold.
const MATCHERS_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// How long the excerpt is.
const EXCERPT_BYTES_MAX: usize = 8 * 1024;

/// It says: there are failures.
const FAILURES: u8 = 1;
/// It was asked for something that is none: a file of problem matchers that is wrong.
const USAGE: u8 = 2;
/// It could not do its work: there is no such file.
const UNREADABLE: u8 = 3;

/// Print the failures in a CI log or a structured report
///
/// Reads the log of a job of GitHub Actions, as its API or `gh run view` gives it, of Travis and of
/// other CI systems, or the plain output of a command, and says what failed: kind, place, code, test
/// and message, what to fix first at the front. `docs/evidence.md` lists the tools that it knows.
///
/// A structured report is recognised by its content and read as what it is: JUnit XML, SARIF, JSON
/// of cargo, go and many linters and test runners, TAP, Checkstyle, TRX, diagnostics of language
/// servers, its own JSON. `docs/reports.md` lists them.
///
/// Exit codes: 0 no failure, or only what the tool itself calls a warning, 1 failures, 2 usage, 3
/// it cannot be read.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The log or report; - for standard input
    file: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// The name of the step that failed, as the CI system shows it; only it is blamed. Repeatable
    #[arg(long = "step", value_name = "NAME")]
    steps: Vec<String>,
    /// A file of problem matchers, as GitHub's runner reads them, for a log's own tools. Repeatable
    #[arg(long = "matcher", value_name = "FILE")]
    matchers: Vec<PathBuf>,
    /// Read it as a log even where it looks like a report
    #[arg(long)]
    log: bool,
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
        Err(error) => return unreadable(&args.file, &error),
    };
    let mut matchers = Vec::new();
    for file in &args.matchers {
        let text = match input::read(file, MATCHERS_BYTES_MAX) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => return unreadable(file, &error),
        };
        match Matcher::parse_file(&text) {
            Ok(read) => matchers.extend(read),
            Err(error) => {
                writeln!(io::stderr(), "selfheal: {}: {error}", file.display())?;
                return Ok(ExitCode::from(USAGE));
            }
        }
    }
    let hints = Hints { failed_steps: args.steps.clone(), matchers: &matchers, ..Hints::default() };
    let report = if args.log { None } else { evidence::read_report(&log, &hints) };
    let reading = report.unwrap_or_else(|| evidence::read(&log, &hints));
    let pieces = reading.pieces(EXCERPT_BYTES_MAX);
    let excerpt = evidence::joined(&pieces);
    let mut notes = reading.notes.clone();
    notes.extend(matchers.iter().filter_map(Matcher::note).map(str::to_owned));
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
    let has_failed = reading.failures.iter().any(|failure| failure.severity == Severity::Error);
    Ok(if has_failed { ExitCode::from(FAILURES) } else { ExitCode::SUCCESS })
}

fn unreadable(file: &Path, error: &io::Error) -> anyhow::Result<ExitCode> {
    writeln!(io::stderr(), "selfheal: {} cannot be read: {error}", file.display())?;
    Ok(ExitCode::from(UNREADABLE))
}
