//! `selfheal replay DIR`: recorded cases through everything that heals, offline, and the score.
//!
//! Nothing here heals or decides: evidence, decision, runner, proof and gate are those of the product,
//! in its own sandbox. What is missing on the machine is said and never counts as passed. Exit codes: 0
//! the score is good enough for a release, 1 it is not, 2 usage, 3 it could not do its work.

mod case;
mod decision;
mod heard;
mod play;
mod score;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::models;
use crate::domain::brief::FixerSpec;
use crate::runner::exit;
use crate::runner::sandbox::Isolation;

use self::play::Players;
use self::score::Score;

/// Replay recorded cases through everything that heals, offline, and score them
///
/// DIR has a folder for each case with a `case.yml`: a small broken repository, what CI said, who may
/// repair it, and what has to come of it. Nothing is sent anywhere but to the models of `--fixer`.
/// docs/replay.md says the form.
///
/// Exit codes: 0 nothing was healed that should not be, at least 90 % of what can be healed was, and
/// every case ran; 1 otherwise; 2 usage; 3 it could not do its work.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of the cases
    dir: PathBuf,
    /// Only cases whose names contain this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Who works, after the recipes, on what the cases' scripted fixers are expected to heal: a coding
    /// agent, with its model after a `=`, as in `claude-code` or `codex=gpt-5.5`; may be given again.
    ///
    /// Agents ask their models with your keys, as for `selfheal heal`, and what they ask is charged to
    /// you: no cap holds here.
    #[arg(long = "fixer", value_name = "NAME[=MODEL]", value_parser = models::fixer)]
    fixers: Vec<FixerSpec>,
    /// How the repositories' code is kept apart from this machine.
    #[arg(long, env = "SELFHEAL_SANDBOX", value_enum, default_value = "bubblewrap")]
    sandbox: Isolation,
    /// How the score is printed on standard output; progress goes to standard error.
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

/// How the score is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Human,
    Json,
}

/// Runs the subcommand.
///
/// # Errors
/// When the cases cannot be read or a case cannot be played at all.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let cases = case::load(&args.dir, args.only.as_deref())?;
    anyhow::ensure!(!cases.is_empty(), "{} has no cases", args.dir.display());
    let players = Players { isolation: args.sandbox, fixers: args.fixers.clone() };
    let mut score = Score::default();
    for case in cases {
        let played = play::played(&case, &players).await?;
        writeln!(std::io::stderr(), "{}: {}", case.name, played.got.as_str())?;
        score.add(case, played);
    }
    match args.format {
        Format::Human => score.human()?,
        Format::Json => score.json()?,
    }
    Ok(ExitCode::from(if score.is_good() { exit::FINE } else { exit::NO }))
}
