//! A red repository, an agent, and what came of it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use futures_util::stream::{self, StreamExt as _};
use selfheal::domain::agent::AgentName;
use selfheal::domain::model::Provider as Api;
use serde_json::Value;
use tokio::process::Command;

use super::provider::Provider;
use crate::runner::scene::Repo;

/// The agents that the tests install.
pub const INSTALLED: [AgentName; 3] =
    [AgentName::ClaudeCode, AgentName::Codex, AgentName::Opencode];

/// Which agents tests are for that drive every one: names with commas between them. Those that every
/// run of the tests installs, unless somebody names others; `cargo xtask test --all` does.
const AGENTS_VARIABLE: &str = "SELFHEAL_AGENTS";

/// At the same time: each takes most of a core.
const BESIDE: usize = 2;

/// Does something with every agent that was asked for.
pub async fn for_each_asked_for<F: Future<Output = ()>>(act: impl Fn(AgentName) -> F) {
    let named = env::var(AGENTS_VARIABLE);
    let named = named.as_deref().unwrap_or("claude-code,codex,opencode,gemini-cli");
    let known = |name: &str| AgentName::parse(name).unwrap_or_else(|| panic!("no agent {name}"));
    let agents: Vec<_> = named.split(',').map(known).collect();
    stream::iter(agents).for_each_concurrent(BESIDE, act).await;
}

/// The key of whoever runs `selfheal heal`, which no agent may see.
pub const OWN_KEY: &str = "sk-own-s3cret-key-of-the-operator";

/// The library of a crate whose one test fails: `add` subtracts.
pub const BROKEN: &str = "pub fn add(a: i32, b: i32) -> i32 {\n    a - b\n}\n\n#[cfg(test)]\n\
    mod tests {\n    #[test]\n    fn adds() {\n        assert_eq!(super::add(2, 2), 4);\n    }\n}\n";

/// A crate whose one test fails, as the scenarios of `fix.json` expect it.
pub fn broken() -> Repo {
    Repo::rust(BROKEN)
}

/// What `selfheal heal` said.
pub struct Healing {
    pub code: Option<i32>,
    pub result: Value,
    pub progress: String,
}

impl Healing {
    pub fn is_healed(&self) -> bool {
        self.result["healed"] == true
    }
}

/// Lets an agent work on a repository while the model plays a scenario.
pub async fn heal(agent: AgentName, repo: &Repo, provider: &Provider, scenario: &str) -> Healing {
    said(command(agent, repo, &provider.playing(scenario))).await
}

/// Runs `selfheal heal` or another that prints JSON; what it said.
pub async fn said(mut command: Command) -> Healing {
    let output = command.output().await.unwrap();
    let progress = String::from_utf8_lossy(&output.stderr).into_owned();
    let result = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}\n{progress}", String::from_utf8_lossy(&output.stdout))
    });
    Healing { code: output.status.code(), result, progress }
}

/// `selfheal heal` with one agent, whose models are at that address.
pub fn command(agent: AgentName, repo: &Repo, models: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_selfheal"));
    command
        .args(["heal", "--format", "json", "--fixer", agent.as_str(), "--repo"])
        .arg(repo.dir())
        .args(["--", "cargo", "test"]);
    lent(&mut command, agent, models);
    command
}

/// Lets a run of the program have an agent, whose models are at that address.
pub fn lent(command: &mut Command, agent: AgentName, models: &str) {
    command
        .env("PATH", path())
        .env("SELFHEAL_PLANTED", "planted-s3cret-variable")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let (key, base) = match api(agent) {
        Api::Anthropic => ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
        Api::OpenAi => ("OPENAI_API_KEY", "OPENAI_BASE_URL"),
        Api::Gemini => ("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"),
    };
    command.env(key, OWN_KEY).env(base, models);
}

/// Whose models an agent asks.
fn api(agent: AgentName) -> Api {
    match agent {
        AgentName::ClaudeCode | AgentName::Opencode => Api::Anthropic,
        AgentName::Codex | AgentName::Aider => Api::OpenAi,
        AgentName::GeminiCli => Api::Gemini,
    }
}

/// The search path with the agents' programs before everything else.
pub fn path() -> OsString {
    let rest = env::var_os("PATH").unwrap_or_default();
    let all = programs().into_iter().chain(env::split_paths(&rest));
    env::join_paths(all).unwrap()
}

/// What installs them.
const HINT: &str = "`cargo xtask test --only tools` does it";

/// The directories of the agents' native programs, each below its own package for this platform; and
/// aider's, which is there when it was asked for.
fn programs() -> Vec<PathBuf> {
    let modules = tools().join("agents/node_modules");
    let found = |scope: &str, prefix: &str, below: &str, program: &str| {
        let packages = fs::read_dir(modules.join(scope)).into_iter().flatten().flatten();
        let mut dirs: Vec<PathBuf> = packages
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
            .flat_map(|entry| places(&entry.path(), below))
            .filter(|dir| dir.join(program).is_file())
            .collect();
        dirs.sort();
        let first = dirs.into_iter().next();
        first.unwrap_or_else(|| panic!("{program} is not installed: {HINT}"))
    };
    let gemini = tools().join("agents/bin");
    assert!(gemini.join("gemini").exists(), "gemini is not installed: {HINT}");
    vec![
        tools().join("aider/bin"),
        gemini,
        found("@anthropic-ai", "claude-code-", "", "claude"),
        found("@openai", "codex-", "vendor/*/bin", "codex"),
        found("", "opencode-", "bin", "opencode"),
    ]
}

/// The directories below one that fit a pattern of names, of which one may be `*`.
fn places(dir: &Path, below: &str) -> Vec<PathBuf> {
    let mut places = vec![dir.to_owned()];
    for name in below.split('/').filter(|name| !name.is_empty()) {
        places = match name {
            "*" => {
                let below = places.iter().filter_map(|place| fs::read_dir(place).ok());
                below.flatten().flatten().map(|entry| entry.path()).collect()
            }
            name => places.into_iter().map(|place| place.join(name)).collect(),
        };
    }
    places
}

/// Where `cargo xtask test` installs tools: beside what cargo builds, unless it is told otherwise.
fn tools() -> PathBuf {
    if let Some(dir) = env::var_os("SELFHEAL_TOOLS_DIR") {
        return Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
    }
    let program = env::current_exe().unwrap();
    program.ancestors().nth(3).unwrap().join("tools")
}
