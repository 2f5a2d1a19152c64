//! What the demo stands on: tools, the built programs, a GitHub, and the server as a process.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use world::{Act, World, WorldOptions};

use crate::told::{chapter, say};

/// How long the server may take to start.
const START_SECS_MAX: u64 = 30;

/// How often something is looked at that is waited for.
pub(crate) const LOOK_MS: u64 = 100;

/// Where the server's log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Logs {
    /// To the terminal.
    Shown,
    /// To a file, shown when something goes wrong.
    Kept,
}

/// Everything that runs.
pub(crate) struct Machine {
    pub(crate) world: World,
    pub(crate) act: Act,
    server: Child,
    url: String,
    dir: TempDir,
}

impl Machine {
    /// Builds, installs and starts what is needed, saying so.
    pub(crate) async fn prepared(logs: Logs) -> Result<Self> {
        chapter("Getting ready");
        let programs = Programs::built().await?;
        let dir = tempfile::tempdir()?;
        let world = World::start(WorldOptions::by_wall_clock()).await?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let url = format!("http://127.0.0.1:{port}");
        let server = serving(&programs, &world, &url, (dir.path(), logs))?;
        let mut machine = Self { act: programs.act()?, world, server, url, dir };
        machine.is_ready().await?;
        machine.world.live(&format!("{}/webhooks/github", machine.url));
        say(&format!("a GitHub of our own:  {}", machine.world.web_url()));
        say(&format!("selfheal serve:       {} (SQLite, no account, no key)", machine.url));
        Ok(machine)
    }

    async fn is_ready(&mut self) -> Result<()> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("{}/readyz", self.url);
        for _ in 0..START_SECS_MAX * 1000 / LOOK_MS {
            if let Some(status) = self.server.try_wait()? {
                bail!("the server ended with {status}:\n{}", self.log());
            }
            let answer = client.get(&url).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
        }
        bail!("the server does not get ready:\n{}", self.log())
    }

    /// What the server has logged, if it is kept.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("server.log")).unwrap_or_default()
    }

    /// Leaves everything up until Ctrl-C.
    pub(crate) async fn kept(&self) -> Result<()> {
        chapter("It is yours");
        let token = self.world.personal_token("mona");
        let host = self.world.web_url();
        let host = host.trim_start_matches("http://");
        say(&format!("look around:   {}/acme/widget", self.world.web_url()));
        say("break more:");
        say(&format!("    git clone http://mona:{token}@{host}/acme/widget.git"));
        say("    cd widget && git checkout never-less-than-none    # a pull request's branch");
        say("    # break the format, commit, push: selfheal sees it");
        say("Ctrl-C ends it.");
        tokio::signal::ctrl_c().await?;
        Ok(())
    }

    /// Ends the server, the way operators do.
    pub(crate) async fn stopped(mut self) -> Result<()> {
        let id = self.server.id().context("the server has ended before its time")?;
        let told = std::process::Command::new("kill").arg(id.to_string()).status()?;
        ensure!(told.success(), "the server could not be told to stop");
        let status = self.server.wait().await?;
        ensure!(status.success(), "the server ended with {status}:\n{}", self.log());
        Ok(())
    }
}

/// Where the built programs are.
struct Programs {
    server: PathBuf,
    runner: PathBuf,
    tools: PathBuf,
}

impl Programs {
    async fn built() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let here = std::env::current_exe()?;
        let built = here.ancestors().nth(2).context("the demo was not started by cargo")?;
        let target = built.parent().context("the demo was not started by cargo")?;
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        say("building the server and the runner …");
        succeed(Command::new(&cargo).current_dir(root).args(["build", "--quiet", "--bins"]))
            .await?;
        let tools = std::env::var_os("SELFHEAL_TOOLS_DIR").map(PathBuf::from);
        let tools = tools.unwrap_or_else(|| target.join("tools"));
        let xtask = ["run", "--quiet", "--package", "xtask", "--", "demo-tools"];
        succeed(Command::new(&cargo).current_dir(root).args(xtask)).await?;
        Ok(Self { server: built.join("selfheal"), runner: built.join("selfheal-runner"), tools })
    }

    /// Plays workflow runs, the shipped one by the action as it is here.
    fn act(&self) -> Result<Act> {
        let places = [self.tools.join("venv/bin/act"), self.tools.join("act/bin/act")];
        let program = places.iter().find(|place| place.is_file()).context("act is not there")?;
        let action = Path::new(env!("CARGO_MANIFEST_DIR")).join("action");
        let runner = self.runner.display().to_string();
        let act = Act::new(program).with_action_of(selfheal::app::WORKFLOW, &action)?;
        Ok(act.with_variable("SELFHEAL_RUNNER", &runner))
    }
}

fn serving(
    programs: &Programs,
    world: &World,
    url: &str,
    (dir, logs): (&Path, Logs),
) -> Result<Child> {
    let mut command = Command::new(&programs.server);
    command
        .arg("serve")
        .env("SELFHEAL_LISTEN", url.trim_start_matches("http://"))
        .env("SELFHEAL_PUBLIC_URL", url)
        .env("SELFHEAL_DATA_DIR", dir.join("data"))
        .env("SELFHEAL_GITHUB_APP_ID", world.app_id().to_string())
        .env("SELFHEAL_GITHUB_PRIVATE_KEY", world.private_key_pem())
        .env("SELFHEAL_GITHUB_WEBHOOK_SECRET", world.webhook_secret())
        .env("SELFHEAL_GITHUB_WEB_URL", world.web_url())
        .env("SELFHEAL_GITHUB_API_URL", world.api_url())
        .env("SELFHEAL_GITHUB_GRAPHQL_URL", world.graphql_url())
        .env("SELFHEAL_GITHUB_OIDC_ISSUER", world.oidc_issuer())
        .kill_on_drop(true)
        .stdin(Stdio::null());
    if logs == Logs::Kept {
        let file = File::create(dir.join("server.log"))?;
        command.stdout(file.try_clone()?).stderr(file);
    }
    command.spawn().context("the server cannot be started")
}

async fn succeed(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().await?;
    ensure!(status.success(), "{:?} ended with {status}", command.as_std());
    Ok(())
}
