//! A red repository, an agent, and what came of it.

use std::env;
use std::ffi::OsString;
use std::process::Stdio;

use selfheal::domain::agent::AgentName;
use selfheal::domain::model::Provider as Api;
use serde_json::Value;
use tokio::process::Command;

use super::kinds::programs;
use super::provider::Provider;
use crate::runner::scene::Repo;

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
    command_for(agent, repo, (models, OWN_KEY), &["cargo", "test"])
}

/// The same with a key for the models, for whatever is red.
pub fn command_for(
    agent: AgentName,
    repo: &Repo,
    (models, key): (&str, &str),
    red: &[&str],
) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_selfheal"));
    command
        .args(["heal", "--format", "json", "--fixer", agent.as_str(), "--repo"])
        .arg(repo.dir())
        .arg("--")
        .args(red);
    lent(&mut command, agent, (models, key));
    command
}

/// Lets a run of the program have an agent, whose models are at that address and want that key.
pub fn lent(command: &mut Command, agent: AgentName, (models, key): (&str, &str)) {
    command
        .env("PATH", path())
        .env("SELFHEAL_PLANTED", "planted-s3cret-variable")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let (variable, base) = match agent.card().provider {
        Api::Anthropic => ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
        Api::OpenAi => ("OPENAI_API_KEY", "OPENAI_BASE_URL"),
        Api::Gemini => ("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"),
    };
    command.env(variable, key).env(base, models);
}

/// The search path with the agents' programs before everything else.
pub fn path() -> OsString {
    let rest = env::var_os("PATH").unwrap_or_default();
    let all = programs().into_iter().chain(env::split_paths(&rest));
    env::join_paths(all).unwrap()
}
