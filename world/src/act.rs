//! Real workflow runs: a repository's own workflow files, played on this machine by `act`.
//!
//! The commit is checked out, `act` runs the file in host mode, and what it says becomes jobs,
//! steps and a log in GitHub's own format. A job of a workflow that asks for `id-token: write` can
//! ask the world's issuer for tokens; the job's token reads its repository and nothing else.
//!
//! There is no isolation: steps run as whoever runs the world. `act` is given nothing of this
//! process's environment but what programs need to be found.

mod said;
mod shells;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Weak};

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::ci::StartedRun;
use crate::people::repo::Repository;
use crate::script::RunScript;
use crate::state::app::{Level, Token};
use crate::{Shared, World, git, keys};

const PATH: &str = "PATH";

/// What of this process's environment the steps of a run may see.
const VARIABLES: &[&str] = &[PATH, "HOME", "CARGO_HOME", "RUSTUP_HOME", "LANG"];

/// How long a job's token lives.
const TOKEN_LIFE_MS: i64 = 60 * 60 * 1000;

/// Plays runs by `act`.
#[derive(Debug, Clone)]
pub struct Act {
    program: PathBuf,
    actions: Vec<(String, Arc<TempDir>)>,
    variables: Vec<(String, String)>,
}

impl Act {
    /// Plays by that program.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), actions: Vec::new(), variables: Vec::new() }
    }

    /// The action that a workflow uses lies in that folder instead of on GitHub. A copy is played,
    /// alone as the tag holds it, because `act` takes the whole folder above it along.
    ///
    /// # Errors
    /// When the workflow pins no action, or the folder cannot be copied.
    pub fn with_action_of(mut self, workflow: &str, folder: &Path) -> Result<Self> {
        let uses = workflow.lines().find_map(|line| line.trim().strip_prefix("uses: "));
        let uses = uses.and_then(|uses| uses.split(' ').next()).context("it uses no action")?;
        let (path, reference) = uses.split_once('@').context("the action is not pinned")?;
        let (slug, place) = path
            .match_indices('/')
            .nth(1)
            .map_or((path, ""), |(at, _)| (&path[..at], &path[at + 1..]));
        let alone = tempfile::tempdir()?;
        let to = alone.path().join(place);
        std::fs::create_dir_all(&to)?;
        for file in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let file = file?;
            // A folder in it is another action.
            if file.file_type()?.is_file() {
                std::fs::copy(file.path(), to.join(file.file_name()))?;
            }
        }
        self.actions.push((format!("{slug}@{reference}"), Arc::new(alone)));
        Ok(self)
    }

    /// The machine that runs jobs has this in its environment.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl World {
    /// From now on `event` starts that workflow, and `act` plays its runs.
    pub fn real_ci(&self, repository: &Repository, key: (&str, &str), act: &Act) {
        // The world holds the script, so the script must not hold the world.
        let shared = Arc::downgrade(self.shared());
        let act = act.clone();
        self.ci(repository, key, move |run| played(act.clone(), Weak::clone(&shared), run));
    }
}

async fn played(act: Act, shared: Weak<Shared>, run: StartedRun) -> RunScript {
    let Some(shared) = shared.upgrade() else { return RunScript::unfinished() };
    let played = act.play(&shared, &run).await;
    played.unwrap_or_else(|error| {
        shared.state().ledger.bugs.push(format!("act, {}: {error:#}", run.workflow));
        RunScript::concluded("startup_failure")
    })
}

/// One run on disk.
struct Stage {
    dir: TempDir,
    text: String,
}

impl Stage {
    async fn set(run: &StartedRun, event: &Value) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let tree = dir.path().join("tree");
        let from = run.git_dir().display().to_string();
        let origin = format!("https://github.com/{}.git", run.repository);
        git::run(dir.path(), &["clone", "-q", "--no-checkout", &from, "tree"], &[], &[]).await?;
        git::run(&tree, &["checkout", "-q", "--detach", &run.sha], &[], &[]).await?;
        git::run(&tree, &["remote", "set-url", "origin", &origin], &[], &[]).await?;
        std::fs::write(dir.path().join("event.json"), serde_json::to_vec(event)?)?;
        let file = tree.join(&run.workflow);
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("{} is not in {}", run.workflow, run.sha))?;
        let text = known_to_act(&text);
        std::fs::write(&file, &text)?;
        Ok(Self { dir, text })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Act {
    async fn play(&self, shared: &Shared, run: &StartedRun) -> Result<RunScript> {
        let event = event(shared, run);
        let stage = Stage::set(run, &event).await?;
        let shells = shells::Shells::new()?;
        let mut command = self.command(shared, run, &stage);
        command.arg("--env").arg(format!("PATH={}", shells.before(&self.path())));
        let mut child = Group(command.spawn().context("act cannot be started")?);
        let out = child.0.stdout.take().context("act has no output")?;
        let err = child.0.stderr.take().context("act has no errors")?;
        let mut said = said::Jobs::of(&stage.text, &run.repository);
        let mut lines = BufReader::new(out).lines();
        let mut errors = BufReader::new(err).lines();
        let reading = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(shell) = said.hears(&line) {
                    shells.tell(shell)?;
                }
            }
            Ok::<(), std::io::Error>(())
        };
        let complaining = async {
            let mut all = Vec::new();
            while let Ok(Some(line)) = errors.next_line().await {
                all.push(line);
            }
            Ok(all.join("\n"))
        };
        let ((), complaint) = tokio::try_join!(reading, complaining)?;
        child.0.wait().await?;
        let script = said.script(shared.now_ms());
        ensure!(!script.jobs.is_empty(), "no job ran: {complaint}");
        Ok(script)
    }

    /// The search path of the machine that runs jobs.
    fn path(&self) -> String {
        let own = self.variables.iter().rfind(|(name, _)| name == PATH);
        let ours = || std::env::var_os(PATH).unwrap_or_default().to_string_lossy().into_owned();
        own.map_or_else(ours, |(_, path)| path.clone())
    }

    fn command(&self, shared: &Shared, run: &StartedRun, stage: &Stage) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().current_dir(stage.path("tree")).process_group(0);
        for name in VARIABLES {
            command.envs(std::env::var_os(name).map(|value| (*name, value)));
        }
        command.env("XDG_CACHE_HOME", stage.path("cache"));
        command.env("XDG_CONFIG_HOME", stage.path("config"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.arg(&run.event).args(["--json", "--no-cache-server", "--rm"]);
        command.args(["-P", "ubuntu-latest=-self-hosted", "--actor", &run.actor]);
        command.arg("-W").arg(&run.workflow).arg("-e").arg(stage.path("event.json"));
        command.arg("-s").arg(format!("GITHUB_TOKEN={}", shared.job_token(run)));
        for (action, dir) in &self.actions {
            command.arg("--local-repository").arg(format!("{action}={}", dir.path().display()));
        }
        let (api, web) = {
            let state = shared.state();
            (state.api_url.clone(), state.web_url.clone())
        };
        let mut variables = self.variables.clone();
        let mut set = |name: &str, value: &str| variables.push((name.to_owned(), value.to_owned()));
        set("TERM", "dumb");
        set("NO_COLOR", "1");
        set("GITHUB_API_URL", &api);
        set("GITHUB_SERVER_URL", &web);
        set("GITHUB_RUN_ID", &run.run_id.to_string());
        set("GITHUB_RUN_ATTEMPT", &run.run_attempt.to_string());
        if stage.text.contains("id-token: write") {
            let (url, token) = shared.identity_request(run);
            set("ACTIONS_ID_TOKEN_REQUEST_URL", &url);
            set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", &token);
        }
        for (name, value) in variables.into_iter().filter(|(name, _)| name != PATH) {
            command.arg("--env").arg(format!("{name}={value}"));
        }
        command
    }
}

/// A process and everything that it started: gone together.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // The group outlives its leader when a step left something behind.
        let Some(id) = self.0.id() else { return };
        let group = format!("-{id}");
        let _ = std::process::Command::new("kill").args(["-KILL", "--", &group]).status();
    }
}

/// The event as far as workflows read it.
fn event(shared: &Shared, run: &StartedRun) -> Value {
    let (owner, name) = run.repository.split_once('/').unwrap_or_default();
    let mut event = json!({
        "repository": {
            "id": run.repository_id,
            "name": name,
            "full_name": run.repository,
            "owner": { "login": owner },
        },
        "sender": { "login": run.actor },
    });
    if run.event == "workflow_dispatch" {
        event["inputs"] = Value::Object(run.inputs.clone());
        event["ref"] = json!(format!("refs/heads/{}", run.branch));
        return event;
    }
    let state = shared.state();
    let pulls = state.repo(run.repository_id).map(|repo| repo.pulls.values());
    let pull = pulls.into_iter().flatten().find(|pull| pull.head.sha == run.sha);
    if let Some(pull) = pull {
        event["number"] = json!(pull.number);
        event["pull_request"] = json!({
            "number": pull.number,
            "head": { "ref": pull.head.branch, "sha": pull.head.sha },
            "base": { "ref": pull.base_branch },
        });
    }
    event
}

impl Shared {
    /// The token that a job gets: it reads the run's repository.
    fn job_token(&self, run: &StartedRun) -> String {
        let now_ms = self.now_ms();
        let mut state = self.state();
        let installation = state.installation_of(run.repository_id).map_or(0, |found| found.id);
        let value = keys::installation_token();
        let token = Token {
            installation,
            repos: Some(BTreeSet::from([run.repository_id])),
            permissions: [("contents".to_owned(), Level::Read)].into_iter().collect(),
            until_ms: now_ms + TOKEN_LIFE_MS,
        };
        state.tokens.insert(value.clone(), token);
        value
    }
}

/// The file without the keys that `act` is too old to know; it has no caches to keep a job from.
fn known_to_act(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("cache-mode:"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// What a step's script says, by job and place, for the log's echo of commands.
pub(crate) fn scripts(text: &str) -> Map<String, Value> {
    let whole: Value = serde_saphyr::from_str(text).unwrap_or(Value::Null);
    whole["jobs"].as_object().cloned().unwrap_or_default()
}
