//! `selfheal gate --base A --head B`: does a change weaken tests or silence checks?
//!
//! Any two commits of any local repository, without a server, a network or a configuration: the
//! same rules that judge a fixer's patch. The repository is only read, and by a repository of our
//! own (`commits`), so that nothing that its configuration names is run.

mod commits;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use self::commits::{Changed, Commits};
use crate::config::repository;
use crate::domain::gate::{Answer, Finding, Verdict, Weight, patch};
use crate::domain::policy::Policy;
use crate::report::findings::{human, json, sarif};
use crate::runner::git::Git;
use crate::weakening;

/// It says no.
const REFUSED: u8 = 1;
/// A person should look: apart from usage and trouble, so that CI can tell them.
const HELD: u8 = 4;

/// Say whether a change weakens tests or silences checks
///
/// Compares two commits of a local repository by the rules in docs/gate.md: tests removed, skipped,
/// focused or emptied, assertions loosened, expectations edited, checks silenced, failures ignored,
/// coverage lowered, secrets and hidden characters added, and more. Syntax is read for Rust,
/// TypeScript, JavaScript, Python, Go, Java, Ruby and C#; other test files are held.
///
/// The base commit's .github/selfheal.yml, if there is one, says what rules weigh (`gate:`).
/// Nothing of the repository is run and nothing is written.
///
/// Exit codes: 0 allowed, 1 refused, 2 usage, 3 it could not do its work, 4 held for a person.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The commit, branch or tag before the change
    #[arg(long, value_name = "REV")]
    base: String,
    /// The commit, branch or tag with the change
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    head: String,
    /// Compare with where the head left the base, as a pull request does
    #[arg(long)]
    merge_base: bool,
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// Judge protected paths as well, as on selfheal's own fixes
    #[arg(long)]
    protected_paths: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: a line a finding, then the answer
    Text,
    /// One JSON document
    Json,
    /// SARIF 2.1.0, for code scanning and editors
    Sarif,
}

/// Runs the subcommand.
///
/// # Errors
/// When the commits cannot be read, or the base's policy is wrong: the caller exits with 3.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let scratch = tempfile::Builder::new().prefix("selfheal-").tempdir()?;
    let commits = Commits::open(Git::find(scratch.path())?, &args.repo, scratch.path()).await?;
    let head = commits.commit(&args.head).await?;
    let mut base = commits.commit(&args.base).await?;
    if args.merge_base {
        base = commits.merge_base(&base, &head).await?;
    }
    let policy = match commits.policy(&base).await? {
        Some(text) => repository::parse(&text).context("the base commit's policy is wrong")?,
        None => Policy::default(),
    };
    let changed = commits.changed(&base, &head).await?;
    let verdict = judged(&changed, &policy, args);
    let text = match args.format {
        Format::Text => human(&verdict, changed.files()),
        Format::Json => format!("{:#}\n", json(&verdict, changed.files())),
        Format::Sarif => format!("{:#}\n", sarif(&verdict)),
    };
    io::stdout().write_all(text.as_bytes()).context("the result cannot be printed")?;
    Ok(match verdict.answer() {
        Answer::Allow => ExitCode::SUCCESS,
        Answer::Hold => ExitCode::from(HELD),
        Answer::Refuse => ExitCode::from(REFUSED),
    })
}

/// What all rules say that ask for no proof.
fn judged(changed: &Changed, policy: &Policy, args: &Args) -> Verdict {
    let mut findings = patch::of_changes(policy, &changed.changes, &changed.base);
    findings.retain(|finding| args.protected_paths || finding.rule != "protected-path");
    findings.extend(weakening::findings(&weakening::changes(&changed.changes, &changed.base)));
    for path in &changed.unnamed {
        let message = format!("`{}` is no path that can be judged", path.escape_debug());
        findings.push(Finding::new("binary", Weight::Hold, message));
    }
    Verdict::new(policy.gate.applied(findings))
}
