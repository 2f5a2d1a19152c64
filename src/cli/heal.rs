//! `selfheal heal [--repo DIR] [--apply] -- COMMAND…`: heals a command in a repository, without GitHub.
//!
//! The command runs in a sandboxed copy of the working tree, uncommitted changes included. When it
//! is red, an attempt is made with the same evidence, stages, proof and gate as for a pull request,
//! and the difference is shown. The repository itself is written only with `--apply`, and only while
//! it is what it was when the command ran.
//!
//! Exit codes: 0 the command is green, or healed; 1 not healed, or refused by the gate; 2 wrong
//! usage; 3 could not do its work.

mod show;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use self::show::Ending;
use super::local::{self, HEARTBEAT, Known};
use super::models;
use super::progress::Display;
use crate::config::repository;
use crate::domain::brief::{Brief, FixerSpec};
use crate::domain::gate::Answer;
use crate::domain::outcome::{CommandRun, Ended};
use crate::domain::policy::{Policy, policy_path};
use crate::evidence;
use crate::runner::attempt::Setting;
use crate::runner::dependencies::Dependencies;
use crate::runner::exit;
use crate::runner::git::Git;
use crate::runner::observe::{Happening, Observer as _};
use crate::runner::sandbox::{CommandSpec, Finished, Isolation, Sandbox, quote};
use crate::runner::seen::{Reports, Seen};
use crate::runner::workspace::{Source, WorkingTree, write};

/// How much of the command's output an attempt quotes.
const EXCERPT_BYTES_MAX: usize = 32 * 1024;

/// Heal a failing command in a sandboxed copy of a repository, and show the fix
///
/// The command is run in a copy of the repository, uncommitted changes included. If it fails, the
/// same recipes, gate and proof are at work as on a pull request; `fixers` and `verify` are taken
/// from `.github/selfheal.yml` if there is one. Nothing is changed without `--apply`.
///
/// Exit codes: 0 the command is green, or a fix is shown or applied, one that waits for a person's word
/// included; 1 not healed, or the gate refuses the fix; 2 usage; 3 it could not do its work.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The repository; uncommitted changes are part of what is healed.
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// Write the fix into the working tree, unless the gate refuses it.
    #[arg(long)]
    apply: bool,
    /// Who works on it, in this order, instead of what the policy says: `recipes` or a coding agent,
    /// with its model after a `=`, as in `claude-code` or `codex=gpt-5.5`.
    ///
    /// Agents ask their models with your keys: ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY
    /// from the environment, at the provider or at ANTHROPIC_BASE_URL, OPENAI_BASE_URL or
    /// GOOGLE_GEMINI_BASE_URL. The agent itself sees neither key nor network.
    #[arg(long = "fixer", value_name = "NAME[=MODEL]", value_parser = models::fixer)]
    fixers: Vec<FixerSpec>,
    /// How the repository's code is kept apart from this machine.
    #[arg(long, env = "SELFHEAL_SANDBOX", value_enum, default_value = "bubblewrap")]
    sandbox: Isolation,
    /// How the result is printed on standard output; progress goes to standard error.
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// The command: several words are run as they are, one alone is a line for the shell.
    #[arg(last = true, required = true, num_args = 1.., value_name = "COMMAND")]
    command: Vec<String>,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Human,
    Json,
}

/// Runs the subcommand.
///
/// # Errors
/// When it could not do its work: the caller prints it and exits with 3.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let scratch = tempfile::Builder::new().prefix("selfheal-").tempdir()?;
    let git = Git::find(scratch.path())?;
    let tree = WorkingTree::around(git, &args.repo)
        .await
        .with_context(|| format!("{} is not in a git repository", args.repo.display()))?;
    let mirror = scratch.path().join("snapshot.git");
    let source = tree.snapshot(&mirror).await.context("the working tree cannot be read")?;
    let before = tree.tree(&mirror).await?;
    let sandbox = Sandbox::probe(args.sandbox, scratch.path()).await?;
    let display = Display::on(&std::io::stderr());
    if args.sandbox == Isolation::None {
        display.warn("there is no sandbox: the command runs as you, on this machine");
    }
    let mut policy = policy(&source).await?;
    if !args.fixers.is_empty() {
        policy.fixers.clone_from(&args.fixers);
    }
    let trial = Trial {
        policy,
        dependencies: Dependencies::of_this_machine().and_installed_in(tree.root()),
        line: line_of(&args.command),
        display,
        scratch: scratch.path(),
    };
    let mut ending = trial.ending(&source, sandbox).await?;
    let is_recipe = |fixer: &FixerSpec| matches!(fixer, FixerSpec::Recipes { .. });
    ending.had_only_recipes = trial.policy.fixers.iter().all(is_recipe);
    drop(trial);
    if args.apply && ending.may_be_applied() {
        if tree.tree(&mirror).await? != before {
            anyhow::bail!("the working tree has changed meanwhile; nothing was applied");
        }
        write(tree.root(), ending.patch()).context("the fix cannot be written")?;
        ending.is_applied = true;
    }
    match args.format {
        Format::Human => show::human(&ending)?,
        Format::Json => show::json(&ending)?,
    }
    Ok(ExitCode::from(ending.exit_code()))
}

/// One word is a line for the shell; several are a command with its arguments.
fn line_of(words: &[String]) -> String {
    match words {
        [line] => line.clone(),
        words => words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" "),
    }
}

/// The policy of the repository's own file, as it stands in the working tree.
async fn policy(source: &Source) -> anyhow::Result<Policy> {
    let Some(bytes) = source.file(&policy_path()).await? else { return Ok(Policy::default()) };
    let text = String::from_utf8(bytes).context("the policy is not UTF-8")?;
    repository::parse(&text).with_context(|| policy_path().to_string())
}

/// A command, and what it is tried and healed with.
struct Trial<'a> {
    policy: Policy,
    dependencies: Dependencies,
    line: String,
    display: Display,
    scratch: &'a Path,
}

impl Trial<'_> {
    /// Runs the command, and heals it when it is red.
    async fn ending(&self, source: &Source, sandbox: Sandbox) -> anyhow::Result<Ending> {
        let dir = tempfile::Builder::new().prefix("checkout-").tempdir_in(self.scratch)?;
        let checkout = source.checkout(&dir.path().join("w")).await?;
        let mut spec = CommandSpec::shell(&*self.line, checkout.dir(), self.policy.limits);
        spec.network = self.policy.network;
        self.dependencies.lend_to(&mut spec);
        self.display.saw(&Happening::CommandBegins { command: &self.line });
        let reports = Reports::within(checkout.dir());
        let first = sandbox.run(&spec).await?;
        self.display.saw(&Happening::CommandEnded { run: &first.run });
        if first.run.ended.is_green() {
            return Ok(Ending::green(first.run));
        }
        let workspace = sandbox.workspace_inside(checkout.dir()).display().to_string();
        let brief = brief(self, source, &first, workspace).await?;
        let setting = Setting {
            source: Ok(source.clone()),
            sandbox: Ok(sandbox),
            dependencies: self.dependencies.clone(),
            known: vec![Seen::of(first.run, &first.output, checkout.dir(), &reports)],
            scratch: self.scratch.to_owned(),
            heartbeat: HEARTBEAT,
            observer: &self.display,
            models: models::open()?,
        };
        healed(source, &self.policy, brief, setting).await
    }
}

/// The brief of an attempt that no server gave.
async fn brief(
    trial: &Trial<'_>,
    source: &Source,
    first: &Finished,
    workspace: String,
) -> anyhow::Result<Brief> {
    let Trial { policy, line, .. } = trial;
    let exit_code = match first.run.ended {
        Ended::Exit(code) => Some(code),
        Ended::Signal(_) | Ended::TimedOut | Ended::OverLimit | Ended::NotFound => None,
    };
    let hints = evidence::Hints {
        workspace_roots: vec![workspace],
        exit_code,
        ..evidence::Hints::default()
    };
    let mut reading = evidence::read(&first.output, &hints);
    source.hold_places(&mut reading.failures).await?;
    let known = Known {
        excerpt: reading.excerpt(EXCERPT_BYTES_MAX),
        failures: reading.failures,
        failing_commands: vec![line.clone()],
        green_commands: Vec::new(),
    };
    local::brief(source, policy, known)
}

/// Makes the attempt and asks the gate.
async fn healed(
    source: &Source,
    policy: &Policy,
    brief: Brief,
    setting: Setting<'_>,
) -> anyhow::Result<Ending> {
    let (outcome, judged) = local::attempted(source, policy, &brief, setting).await?;
    Ok(match judged {
        Some(judged) => Ending::judged(brief.failures, outcome, judged.base, judged.verdict),
        None => Ending::red(brief.failures, outcome),
    })
}

/// What the exit code says about an ending.
fn code_of(answer: Option<Answer>) -> u8 {
    match answer {
        Some(Answer::Allow | Answer::Hold) => exit::FINE,
        Some(Answer::Refuse) | None => exit::NO,
    }
}

/// The end of a run, in words.
pub(super) fn ended(run: &CommandRun) -> String {
    format!("{} after {:.1} s", crate::runner::stages::ended(run), seconds(run.duration_ms))
}

/// Milliseconds as seconds, for people.
#[expect(clippy::cast_precision_loss, reason = "a duration that loses a digit is still right")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
