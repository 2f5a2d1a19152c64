//! A scripted agent behind the runner's own code: a process in the sandbox that says by its standard
//! output what time it is, in the Agent Client Protocol, and the fixer that reads it there.
//!
//! What it says is stamped just before it is written to the pipe, so that what is measured begins with
//! the agent and not with whoever has understood it.

use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use secrecy::SecretString;
use selfheal::domain::agent::CustomAcp;
use selfheal::domain::brief::{
    Brief, Instruction, Network, PROTOCOL_VERSION, RunLimits, StageReport,
};
use selfheal::domain::ids::{AttemptId, Branch, PrNumber, RepoId, RepoSlug, Sha};
use selfheal::domain::outcome::Outcome;
use selfheal::runner::agents::AgentFixer;
use selfheal::runner::dependencies::Dependencies;
use selfheal::runner::fixers::{Fixer as _, Job};
use selfheal::runner::live::Live;
use selfheal::runner::model::{ModelEnd, Upstream};
use selfheal::runner::sandbox::{Isolation, Sandbox};
use selfheal::runner::server::{Server, ServerError};
use selfheal::runner::task::Task;
use serde_json::{Value, json};

use super::WORDS;
use crate::say;

/// The word by which this program is told to be the agent; the rate stands behind it.
pub(crate) const AGENT: &str = "--scripted-agent";

/// Its name in the workspace.
const PROGRAM: &str = "agent";

/// Nanoseconds since 1970: the one clock that processes share.
#[expect(clippy::disallowed_methods, reason = "the product's clock counts milliseconds")]
pub(super) fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Until it is time.
#[expect(clippy::disallowed_methods, reason = "the agent is a process that does nothing else")]
fn wait_until(time: Instant) {
    std::thread::sleep(time.saturating_duration_since(Instant::now()));
}

/// Is the agent, until it is killed: answers what it is asked, then speaks so often in a second.
pub(crate) fn speak(rate: u32) {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        let asked: Value = serde_json::from_str(&line).unwrap_or_default();
        let result = match asked["method"].as_str() {
            Some("initialize") => json!({ "protocolVersion": 1 }),
            Some("session/new") => json!({ "sessionId": "s" }),
            Some("session/prompt") => break,
            Some(_) | None => continue,
        };
        let answer = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result });
        if writeln!(out, "{answer}").is_err() {
            return;
        }
    }
    // Each agent at its own moments.
    let every = Duration::from_secs(1) / rate;
    let begin = Instant::now() + every.mul_f64(rand::random());
    for turn in 0_u32.. {
        wait_until(begin + every * turn);
        let text = format!("at={} {WORDS}", now_ns());
        let update = json!({
            "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": text }
        });
        let params = json!({ "sessionId": "s", "update": update });
        let said = json!({ "jsonrpc": "2.0", "method": "session/update", "params": params });
        if writeln!(out, "{said}").and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

/// A machine on which attempts are made: the sandbox, and a workspace that has the agent in it.
pub(super) struct Machine {
    sandbox: Sandbox,
    dir: tempfile::TempDir,
}

impl Machine {
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder can be made");
        let workspace = dir.path().join("w");
        std::fs::create_dir_all(&workspace).expect("a folder can be made");
        let own = std::env::current_exe().expect("this program has a path");
        std::fs::copy(own, workspace.join(PROGRAM)).expect("it can be copied");
        let sandbox = Sandbox::probe(Isolation::Bubblewrap, dir.path()).await;
        Self { sandbox: sandbox.expect("the sandbox works"), dir }
    }

    fn workspace(&self) -> PathBuf {
        self.dir.path().join("w")
    }

    /// Lets the agent speak in an attempt; comes back only when something is wrong.
    pub(super) async fn attempt(&self, attempt: AttemptId, rate: u32, live: Live) {
        let home = tempfile::tempdir_in(self.dir.path()).expect("a folder can be made");
        let token = SecretString::from("nobody asks");
        let nowhere = Upstream::Gateway { base: "http://127.0.0.1:9/model".to_owned(), token };
        let bridge = env!("CARGO_BIN_EXE_selfheal").into();
        let models = ModelEnd::open(nowhere, bridge).expect("a socket can be made");
        let run = format!("./{PROGRAM} {AGENT} {rate}");
        let agent = Box::new(CustomAcp { run });
        let task = Task::new(&brief(attempt), 1, Vec::new());
        let job = Job {
            task: &task,
            workspace: &self.workspace(),
            sandbox: &self.sandbox,
            dependencies: &Dependencies::default(),
            limits: RunLimits::default(),
            network: Network::Closed,
            observer: &live,
            session: None,
            home: home.path(),
            models: Some(&models),
            server: &Nobody,
        };
        let report = AgentFixer { name: "scripted".to_owned(), agent, model: None }.fix(job).await;
        say::line(&format!("an agent has stopped: {report:?}"));
    }
}

fn brief(attempt: AttemptId) -> Brief {
    let head = Sha::parse(&"a".repeat(40)).expect("a commit");
    Brief {
        protocol: PROTOCOL_VERSION,
        attempt,
        number: 1,
        repo_id: RepoId::new(7),
        repo: RepoSlug::parse("acme/widget").expect("a name"),
        pull: PrNumber::new(1),
        head: head.clone(),
        base: Branch::parse("main").expect("a name"),
        base_sha: head,
        fork: None,
        failures: Vec::new(),
        excerpt: String::new(),
        failing_commands: Vec::new(),
        green_commands: Vec::new(),
        verify: Vec::new(),
        proof_runs: 1,
        remedies: Vec::new(),
        fixers: Vec::new(),
        protected: Vec::new(),
        changed_files: Vec::new(),
        earlier: Vec::new(),
        limits: RunLimits::default(),
        network: Network::Closed,
        questions_max: 0,
        feedback: Vec::new(),
        resume: None,
    }
}

/// The server, for what is told it besides events.
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
