//! `selfheal heal [--repo DIR] [--apply] -- COMMAND…`: heals a command in a repository, without GitHub.
//!
//! The command runs in a sandboxed copy of the working tree, uncommitted changes included. When it
//! is red, an attempt is made with the same evidence, stages, proof and gate as for a pull request,
//! and the difference is shown. The repository itself is written only with `--apply`, and only while
//! it is what it was when the command ran.
//!
//! Exit codes: 0 the command is green, or healed; 1 not healed, or refused by the gate; 2 wrong
//! usage; 3 could not do its work.

mod progress;
mod show;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use uuid::Uuid;

use self::progress::Display;
use self::show::Ending;
use crate::config::repository;
use crate::domain::brief::{Brief, Instruction, PROTOCOL_VERSION, StageReport};
use crate::domain::gate::Answer;
use crate::domain::gate::patch::{PatchToJudge, judge};
use crate::domain::ids::{AttemptId, Branch, PrNumber, RepoId, RepoSlug};
use crate::domain::outcome::{CommandRun, GaveUp, Outcome};
use crate::domain::policy::{Policy, policy_path};
use crate::evidence;
use crate::runner::attempt::{self, End, Setting};
use crate::runner::dependencies::Dependencies;
use crate::runner::exit;
use crate::runner::git::Git;
use crate::runner::observe::{Happening, Observer as _};
use crate::runner::sandbox::{CommandSpec, Finished, Isolation, Sandbox, quote};
use crate::runner::server::{Server, ServerError};
use crate::runner::workspace::{Source, WorkingTree, write};

/// How much of the command's output an attempt quotes.
const EXCERPT_BYTES_MAX: usize = 32 * 1024;

/// Heal a failing command in a sandboxed copy of a repository, and show the fix.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The repository; uncommitted changes are part of what is healed.
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// Write the fix into the working tree, unless the gate refuses it.
    #[arg(long)]
    apply: bool,
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
    let dependencies = Dependencies::of_this_machine().and_installed_in(tree.root());
    let policy = policy(&source).await?;
    let display = Display::new(std::io::stderr().is_terminal());
    if args.sandbox == Isolation::None {
        display.warn("there is no sandbox: the command runs as you, on this machine");
    }
    let line = line_of(&args.command);
    let first = try_once(
        &line,
        &source,
        &sandbox,
        &dependencies,
        &Trial { policy: &policy, display: &display, scratch: scratch.path() },
    )
    .await?;
    let ending = if first.run.ended.is_green() {
        Ending::green(first.run)
    } else {
        let brief = brief(&source, &policy, &line, &first)?;
        let setting = Setting {
            source: Ok(source.clone()),
            sandbox: Ok(sandbox),
            dependencies,
            known: vec![first.run],
            scratch: scratch.path().to_owned(),
            heartbeat: HEARTBEAT,
            observer: &display,
        };
        healed(&source, &policy, brief, setting).await?
    };
    drop(display);
    let mut ending = ending;
    if args.apply && ending.may_be_applied() {
        if tree.tree(&mirror).await? != before {
            anyhow::bail!("the working tree has changed meanwhile; nothing was applied");
        }
        write(tree.root(), ending.patch()).context("the fix cannot be written")?;
        ending.is_applied = true;
    }
    match args.format {
        Format::Human => show::human(&ending, std::io::stdout().is_terminal())?,
        Format::Json => show::json(&ending)?,
    }
    Ok(ExitCode::from(ending.exit_code()))
}

/// There is nobody to hear of; the interval only has to be some time.
const HEARTBEAT: Duration = Duration::from_hours(24);

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

/// What a first run needs besides the machine.
struct Trial<'a> {
    policy: &'a Policy,
    display: &'a Display,
    scratch: &'a std::path::Path,
}

/// Runs the command in a copy of the working tree.
async fn try_once(
    line: &str,
    source: &Source,
    sandbox: &Sandbox,
    dependencies: &Dependencies,
    trial: &Trial<'_>,
) -> anyhow::Result<Finished> {
    let dir = tempfile::Builder::new().prefix("checkout-").tempdir_in(trial.scratch)?;
    let checkout = source.checkout(&dir.path().join("w")).await?;
    let mut spec = CommandSpec::shell(line, checkout.dir(), trial.policy.limits);
    spec.network = trial.policy.network;
    dependencies.lend_to(&mut spec);
    trial.display.saw(&Happening::CommandBegins { command: line });
    let finished = sandbox.run(&spec).await?;
    trial.display.saw(&Happening::CommandEnded { run: &finished.run });
    Ok(finished)
}

/// The brief of an attempt that no server gave.
fn brief(source: &Source, policy: &Policy, line: &str, first: &Finished) -> anyhow::Result<Brief> {
    let hints = evidence::Hints::default();
    let reading = evidence::read(&first.output, &hints);
    Ok(Brief {
        protocol: PROTOCOL_VERSION,
        attempt: AttemptId::new(Uuid::from_bytes(rand::random())),
        number: 1,
        repo_id: RepoId::new(0),
        repo: RepoSlug::parse("local/working-tree")?,
        pull: PrNumber::new(0),
        head: source.head().clone(),
        base: Branch::parse("working-tree")?,
        base_sha: source.head().clone(),
        excerpt: reading.excerpt(&first.output, EXCERPT_BYTES_MAX),
        failures: reading.failures,
        failing_commands: vec![line.to_owned()],
        verify: policy.verify.clone(),
        fixers: policy.fixers.clone(),
        protected: policy.protected.patterns(),
        changed_files: Vec::new(),
        earlier: Vec::new(),
        limits: policy.limits,
        network: policy.network,
        resume: None,
    })
}

/// Makes the attempt and asks the gate.
async fn healed(
    source: &Source,
    policy: &Policy,
    brief: Brief,
    setting: Setting<'_>,
) -> anyhow::Result<Ending> {
    let outcome = match attempt::run(&Nobody, &brief, setting).await? {
        End::Reported(outcome) => outcome,
        End::Stopped => anyhow::bail!("the attempt was stopped"),
    };
    if let Outcome::GaveUp { why: GaveUp::NoSandbox | GaveUp::NoWorkspace, note, .. } = &outcome {
        anyhow::bail!("{note}");
    }
    let Outcome::Proposed { patch, proof, .. } = &outcome else {
        return Ok(Ending::red(brief.failures, outcome));
    };
    let base = source.base_files(patch).await?;
    let verdict = judge(&PatchToJudge { patch, base: &base, proof, head: source.head(), policy });
    Ok(Ending::judged(brief.failures, outcome, base, verdict))
}

/// The server of an attempt that nobody else watches.
struct Nobody;

#[async_trait]
impl Server for Nobody {
    async fn brief(&self) -> Result<Brief, ServerError> {
        Err(ServerError::Over)
    }

    async fn heartbeat(&self) -> Result<Instruction, ServerError> {
        Ok(Instruction::Continue)
    }

    async fn stage(&self, _report: &StageReport) -> Result<Instruction, ServerError> {
        Ok(Instruction::Continue)
    }

    async fn outcome(&self, _outcome: &Outcome) -> Result<Instruction, ServerError> {
        Ok(Instruction::Stop)
    }
}

/// What the exit code says about an ending.
fn code_of(answer: Option<Answer>) -> u8 {
    match answer {
        Some(Answer::Allow | Answer::Hold) => exit::FINE,
        Some(Answer::Refuse) | None => exit::NO,
    }
}

/// The end of a run, in words.
fn ended(run: &CommandRun) -> String {
    format!("{} after {:.1} s", crate::runner::stages::ended(run), seconds(run.duration_ms))
}

/// Milliseconds as seconds, for people.
#[expect(clippy::cast_precision_loss, reason = "a duration that loses a digit is still right")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
