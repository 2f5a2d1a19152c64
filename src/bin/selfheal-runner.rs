//! `selfheal-runner`: makes one attempt beside the code that it heals. `docs/runner.md` is its page.
//!
//! Everything secret comes from the environment, is taken once here, and goes no further than the
//! requests that need it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use selfheal::cli;
use selfheal::domain::brief::Brief;
use selfheal::domain::chain::Chain;
use selfheal::domain::ids::AttemptId;
use selfheal::runner::attempt::{End, Setting};
use selfheal::runner::dependencies::Dependencies;
use selfheal::runner::git::{Credential, Git};
use selfheal::runner::live::Live;
use selfheal::runner::model::{ModelEnd, ModelEndError};
use selfheal::runner::observe::{Both, Log};
use selfheal::runner::sandbox::{Isolation, Sandbox};
use selfheal::runner::server::identity::Credentials;
use selfheal::runner::server::remote::{self, RemoteServer};
use selfheal::runner::server::{Server, ServerError};
use selfheal::runner::workspace::{Remote, Source, Wanted, WorkspaceError};
use selfheal::runner::{attempt, exit};
use url::Url;

/// What reads the repository.
const CHECKOUT_TOKEN: &str = "SELFHEAL_CHECKOUT_TOKEN";

/// Heals one failing commit in a sandbox and reports a patch with its proof.
#[derive(Debug, Parser)]
#[command(name = "selfheal-runner", version, about, max_term_width = 100)]
struct Program {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make one attempt. Reads SELFHEAL_CHECKOUT_TOKEN (reads the repository), and either
    /// SELFHEAL_RUNNER_CODE or GitHub's OIDC variables (show who this is) from the environment.
    Attempt(Attempt),
    /// Run a program in a sandbox beside a way to its models; used by attempts themselves.
    #[command(hide = true)]
    Bridge(cli::bridge::Args),
    /// Speak with an AgentAPI server in a sandbox; used by attempts themselves.
    #[command(hide = true)]
    Agentapi(cli::agentapi::Args),
}

#[derive(Debug, Parser)]
struct Attempt {
    /// The server's base URL; also the audience of the OIDC token.
    #[arg(long, env = "SELFHEAL_SERVER")]
    server: Url,
    /// The attempt's id, `att_…`.
    #[arg(long = "attempt", env = "SELFHEAL_ATTEMPT", value_parser = AttemptId::parse)]
    id: AttemptId,
    /// Where commits are fetched from: a URL or a directory. By default what GitHub Actions says.
    #[arg(long)]
    remote: Option<String>,
    /// Where repositories are kept from one attempt to the next. By default nowhere.
    #[arg(long, env = "SELFHEAL_CACHE_DIR")]
    cache_dir: Option<PathBuf>,
    /// How repository code is kept apart from this machine.
    #[arg(long, env = "SELFHEAL_SANDBOX", value_enum, default_value = "bubblewrap")]
    sandbox: Isolation,
}

#[tokio::main]
async fn main() -> ExitCode {
    let program = Program::parse();
    let args = match program.verb {
        Verb::Attempt(args) => args,
        Verb::Bridge(args) => return inside(cli::bridge::run(&args).await),
        Verb::Agentapi(args) => return inside(cli::agentapi::run(&args).await),
    };
    logged();
    match made(&args).await {
        Ok(end) => {
            tell(&end);
            ExitCode::from(exit::FINE)
        }
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(exit::COULD_NOT)
        }
    }
}

/// The end of a verb that works in a sandbox.
fn inside(ended: anyhow::Result<ExitCode>) -> ExitCode {
    ended.unwrap_or_else(|error| {
        // Standard error goes to the attempt, as the program's own does.
        let _ = writeln!(std::io::stderr(), "selfheal-runner: {error:#}");
        ExitCode::from(exit::COULD_NOT)
    })
}

/// The way to models through the server; without it there are no coding agents.
fn models(server: &RemoteServer) -> Option<ModelEnd> {
    let program = std::env::current_exe().map_err(ModelEndError::from);
    match program.and_then(|program| ModelEnd::open(server.gateway(), program)) {
        Ok(end) => Some(end),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "there is no way to models");
            None
        }
    }
}

/// Logs to standard error; a CI system puts the time before each line itself.
fn logged() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("SELFHEAL_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_writer(std::io::stderr);
    if std::env::var_os("GITHUB_ACTIONS").is_some() {
        log.without_time().with_ansi(false).init();
    } else {
        log.init();
    }
}

fn tell(end: &End) {
    use selfheal::domain::outcome::Outcome;
    match end {
        End::Stopped => tracing::info!("the attempt was called off"),
        End::Reported(Outcome::Proposed { fixer, .. }) => {
            tracing::info!(fixer, "a patch with its proof was reported");
        }
        End::Reported(Outcome::GaveUp { why, .. }) => {
            tracing::info!(why = why.as_str(), "no patch; the reasons were reported");
        }
        End::Reported(Outcome::Waits { .. }) => tracing::info!("the model is waited for"),
        End::Reported(Outcome::Asks { .. }) => tracing::info!("people are asked"),
        End::Reported(Outcome::NotReproduced { .. }) => {
            tracing::info!("the failing commands are green here; that was reported");
        }
    }
}

async fn made(args: &Attempt) -> anyhow::Result<End> {
    let credentials = Credentials::of_environment()?;
    let http = remote::client()?;
    let admitted = RemoteServer::admitted(http, &args.server, args.id, &credentials).await;
    let server = match admitted {
        Ok(server) => server,
        Err(ServerError::Over) => return Ok(End::Stopped),
        Err(error) => return Err(error).context("the server did not let this runner in"),
    };
    let brief = match server.brief().await {
        Ok(brief) => brief,
        Err(ServerError::Over) => return Ok(End::Stopped),
        Err(error) => return Err(error).context("there is no brief"),
    };
    let scratch = scratch(args)?;
    let source = source(args, &brief, scratch.path()).await;
    let sandbox = Sandbox::probe(args.sandbox, scratch.path()).await;
    if args.sandbox == Isolation::None {
        tracing::warn!("there is no sandbox: repository code runs as this user, on this machine");
    }
    let live = Live::start(server.clone(), secrets(&server));
    let setting = Setting {
        source,
        sandbox,
        dependencies: Dependencies::of_this_machine(),
        known: Vec::new(),
        scratch: scratch.path().to_owned(),
        heartbeat: server.heartbeat_every(),
        observer: &Both(&Log, &live),
        models: models(&server),
    };
    attempt::run(&server, &brief, setting).await.context("the server could not be told")
}

/// Values that nobody who watches may see.
fn secrets(server: &RemoteServer) -> Vec<String> {
    checkout_token().into_iter().chain([server.token().to_owned()]).collect()
}

fn checkout_token() -> Option<String> {
    std::env::var(CHECKOUT_TOKEN).ok().filter(|token| !token.is_empty())
}

/// A directory that goes with this process; Actions empties its own after the job as well.
fn scratch(args: &Attempt) -> anyhow::Result<tempfile::TempDir> {
    let parent = args
        .cache_dir
        .clone()
        .or_else(|| std::env::var_os("RUNNER_TEMP").map(PathBuf::from))
        .unwrap_or_else(std::env::temp_dir);
    std::fs::create_dir_all(&parent).with_context(|| parent.display().to_string())?;
    tempfile::Builder::new()
        .prefix("selfheal-")
        .tempdir_in(&parent)
        .with_context(|| format!("no directory can be made in {}", parent.display()))
}

async fn source(args: &Attempt, brief: &Brief, scratch: &Path) -> Result<Source, WorkspaceError> {
    let git = Git::find(scratch)?;
    let mirrors = args.cache_dir.clone().unwrap_or_else(|| scratch.to_owned()).join("mirrors");
    let mirror = mirrors.join(format!("{}.git", brief.repo_id));
    let (head, base) = (brief.head.clone(), brief.base_sha.clone());
    let wanted = Wanted { head, base, fork: brief.fork.clone(), pull: brief.pull };
    Source::fetch(git, &mirror, &remote_of(args, brief), &wanted).await
}

fn remote_of(args: &Attempt, brief: &Brief) -> Remote {
    let server = std::env::var("GITHUB_SERVER_URL");
    let server = server.unwrap_or_else(|_| "https://github.com".to_owned());
    let server = format!("{}/", server.trim_end_matches('/'));
    // The token of the job reads the repository that the job runs in, whatever the brief says.
    let slug = std::env::var("GITHUB_REPOSITORY").unwrap_or_else(|_| brief.repo.to_string());
    let url = args.remote.clone().unwrap_or_else(|| format!("{server}{slug}.git"));
    let credential = checkout_token().map(|token| Credential { server, token: token.into() });
    Remote { url, credential }
}
