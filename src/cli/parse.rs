//! `selfheal parse`: the failures in a log, for any pipeline, without a server.

use std::io::{self, Read as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use super::{checkout, input};
use crate::domain::failure::Severity;
use crate::evidence::{self, Hints, LogStream, Matcher, Reading};
use crate::report::failures::{Found, human, markdown, sarif, workflow_commands};

/// The longest structured report read; a longer one is read as a log.
const REPORT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// How much of a log is read at once.
const PIECE_BYTES: usize = 64 * 1024;

/// The longest file of problem matchers read; evidence says what one may hold.
const MATCHERS_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// How long the excerpt for people is: a screen or two.
const EXCERPT_BYTES_MAX: usize = 8 * 1024;

/// How long the excerpt for programs is: they choose themselves.
const JSON_EXCERPT_BYTES_MAX: usize = 64 * 1024;

/// It says: there are failures.
const FAILURES: u8 = 1;
/// It was asked for something that is none: a file of problem matchers that is wrong.
const USAGE: u8 = 2;

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
    /// The checkout that the log is about: files are named as it does, and places that it has not
    /// are left out
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
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
    let mut matchers = Vec::new();
    for file in &args.matchers {
        let text = match input::read(file, MATCHERS_BYTES_MAX) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => return input::unreadable(file, &error),
        };
        match Matcher::parse_file(&text) {
            Ok(read) => matchers.extend(read),
            Err(error) => {
                writeln!(io::stderr(), "selfheal: {}: {error}", file.display())?;
                return Ok(ExitCode::from(USAGE));
            }
        }
    }
    let hints = Hints {
        failed_steps: args.steps.clone(),
        workspace_roots: args.root.iter().filter_map(|root| checkout::folder(root)).collect(),
        matchers: &matchers,
        ..Hints::default()
    };
    let mut reading = match read(args, &hints) {
        Ok(reading) => reading,
        Err(error) => return input::unreadable(&args.file, &error),
    };
    if let Some(root) = &args.root {
        checkout::hold_places(root, &mut reading.failures);
    }
    let pieces = reading.pieces(match args.format {
        Format::Json => JSON_EXCERPT_BYTES_MAX,
        Format::Human | Format::Sarif | Format::Github | Format::Markdown => EXCERPT_BYTES_MAX,
    });
    let excerpt = evidence::joined(&pieces);
    let mut notes = reading.notes.clone();
    notes.extend(matchers.iter().filter_map(Matcher::note).map(str::to_owned));
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

/// Reads a report whole, a log as it comes: a log may be of any length.
fn read(args: &Args, hints: &Hints<'_>) -> io::Result<Reading> {
    let mut input = input::open(&args.file)?;
    let mut start = Vec::new();
    input.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut start)?;
    if !args.log && evidence::may_be_report(&start) {
        input.by_ref().take(REPORT_BYTES_MAX).read_to_end(&mut start)?;
        if let Some(report) = evidence::read_report(&start, hints) {
            return Ok(report);
        }
    }
    let mut log = LogStream::new(hints);
    log.push(&start);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match input.read(&mut piece) {
            Ok(0) => return Ok(log.finish()),
            Ok(read) => log.push(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
