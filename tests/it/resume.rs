//! Runners that are killed: by the hand of a desk between runner and server, at a request, at a stage,
//! in the middle of a fixer's turn, and the next runner goes on.
//!
//! What is real: the server, the runner's program, its sandbox, the coding agents. Played are GitHub and
//! what the model says. A kill falls at a count of requests or of the runner's own words, so that it
//! does not depend on how fast the machine is; which one follows from a seed. What is told after each
//! attempt: it healed, it was one attempt, no stage was done twice whose report had arrived, no process
//! of it is alive, and an agent whose session had been told was not asked its first question again.

mod desk;
mod repository;
mod tree;

use std::process::Stdio;
use std::time::Duration;

use selfheal::domain::document::Stage;
use selfheal::domain::ledger::Caps;
use selfheal::service::models::Patience;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use world::{Pull, Repository, RunScript, StartedRun};

use crate::agents::{Provider, scene};
use crate::gateway::models_at;
use crate::harness::Tester;
use crate::simulation::Dice;
use crate::stories::{BAD, GOOD};
use desk::{Desk, Moment, Seen, Victim};

/// Kills of each test in a bare `cargo test`; `cargo xtask resume --kills N` makes N over all fixers.
const KILLS: usize = 2;

const KILLS_VARIABLE: &str = "SELFHEAL_RESUME_KILLS";
const SEED_VARIABLE: &str = "SELFHEAL_RESUME_SEED";

/// After so long an attempt whose run is over is looked at again.
const MINUTES_LOST: i64 = 6;

/// Longer than any runner takes here on a machine under load.
const PATIENCE: Duration = Duration::from_mins(4);

/// Who heals.
#[derive(Debug, Clone, Copy)]
struct Kind {
    /// The fixers of the policy.
    fixers: &'static str,
    /// The agent's program, where it is one.
    program: Option<&'static str>,
    /// A kill falls at one of so many requests.
    requests: usize,
    /// Or after one of so many lines.
    lines: usize,
}

const RECIPES: Kind = Kind { fixers: "[recipes]", program: None, requests: 7, lines: 14 };

/// The first fixer does nothing, so that its turn is finished when the second is interrupted.
const COMMANDS: Kind = Kind {
    fixers: "[{name: idle, command: \"true\"}, {name: slow, command: \"sleep 1; printf 'pub fn \
             answer() -> u8 {\\\\n    42\\\\n}\\\\n' > src/lib.rs; sleep 1\"}]",
    program: None,
    requests: 8,
    lines: 18,
};

const fn agent(fixers: &'static str, program: &'static str) -> Kind {
    Kind { fixers, program: Some(program), requests: 20, lines: 16 }
}

const CLAUDE_CODE: Kind = agent("[claude-code]", "claude");
const CODEX: Kind = agent("[codex]", "codex");
const OPENCODE: Kind = agent("[opencode]", "opencode");
const GEMINI: Kind = agent("[gemini-cli]", "node");

/// One repository with a policy, its pull request, and the server before which a desk stands.
struct Suite {
    kind: Kind,
    t: Tester,
    repository: Repository,
    provider: Provider,
    desk: Desk,
    url: String,
    dice: Dice,
    figures: Figures,
}

/// What a suite has come to.
#[derive(Debug, Default)]
struct Figures {
    attempts: usize,
    kills: usize,
    /// Kills in the middle of execute.
    in_execute: usize,
    /// Of those, such after which an agent's session went on.
    sessions: usize,
    /// Questions that a model was asked, and how many of them again.
    asked: usize,
    again: usize,
}

impl Suite {
    async fn start(kind: Kind, seed: u64) -> Self {
        let provider = Provider::start();
        provider.learn("reformats", repository::scenario()).await;
        let mut t = Tester::start().await;
        let models = models_at(&provider.playing("reformats"), Caps::default());
        t.model(models, Patience::default()).await;
        let repository = repository::with(&t, kind.fixers).await;
        let (desk, url) = Desk::open(&t.world, t.url()).await;
        let (dice, figures) = (Dice::of(seed, 11), Figures::default());
        Self { kind, t, repository, provider, desk, url, dice, figures }
    }

    /// A moment and a victim by the dice.
    fn plan(&mut self) -> (Moment, Victim) {
        let Kind { program, requests, lines, .. } = self.kind;
        let moment = match self.dice.below(3) {
            0 => Moment::Before(1 + self.dice.below(requests)),
            1 => Moment::After(1 + self.dice.below(requests)),
            _ => Moment::Line(1 + self.dice.below(lines)),
        };
        let victim = match (self.dice.below(4), program) {
            (0, _) => Victim::Machine,
            (1, Some(program)) => Victim::Agent(program),
            (_, _) => Victim::Runner,
        };
        (moment, victim)
    }

    /// One attempt, with at most so many kills by the dice.
    async fn attempt(&mut self, kills: usize) {
        let mut plans: Vec<_> = (0..kills).map(|_| self.plan()).collect();
        plans.reverse();
        self.interrupted(plans).await;
    }

    /// One attempt with these kills, the last first; what was planned is told when something is wrong.
    async fn interrupted(&mut self, mut plans: Vec<(Moment, Victim)>) {
        let planned = format!("{plans:?}");
        let number = self.figures.attempts;
        let branch = format!("topic-{number}");
        let opened = self.t.world.pull_request(&self.repository).by("mona").from_branch(&branch);
        let readme = format!("{number}\n");
        let files = [("src/lib.rs", Some(BAD)), ("README.md", Some(readme.as_str()))];
        let pull = opened.files(&files).open().await.unwrap();
        self.t.settle_with_ci().await;
        self.desk.notes().seen.clear();
        let asked = self.provider.steps().await.len();
        loop {
            let run = self.t.world.dispatched(&self.repository).pop();
            let run = run.unwrap_or_else(|| panic!("{planned}: {}", self.t.check(&pull)));
            self.desk.begins(run.clone(), plans.pop());
            let log = self.run(&run).await;
            self.figures.kills += usize::from(self.desk.notes().is_killed);
            let is_lost = !self.desk.notes().ran.is_empty();
            let script =
                if is_lost { RunScript::red("attempt", "", "") } else { RunScript::green() };
            self.t.world.finish_run(&self.repository, run.run_id, &script);
            if is_lost {
                let ran = self.desk.notes().ran.clone();
                let left = tree::gone(&ran).await.err();
                assert_eq!(left, None, "processes live on: {planned}");
                self.t.settle().await;
                self.t.wait_minutes(MINUTES_LOST).await;
            }
            // Nobody is started for an attempt whose outcome was told before the kill.
            if self.t.world.dispatched(&self.repository).is_empty() {
                self.t.settle_with_ci().await;
                self.judge(&pull, &format!("{planned}\n{log}"), asked).await;
                break;
            }
        }
        self.figures.attempts += 1;
        self.t.world.close(&pull, "mona");
        self.t.settle_with_ci().await;
    }

    /// A runner on a machine that has nothing of the ones before; what it said.
    async fn run(&self, run: &StartedRun) -> String {
        let temp = tempfile::tempdir().unwrap();
        let path = match self.kind.program {
            Some(_) => scene::path(),
            None => std::env::var_os("PATH").unwrap(),
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_selfheal-runner"));
        command
            .args(["attempt", "--server", &self.url, "--attempt", run.input("attempt")])
            .arg("--remote")
            .arg(run.git_dir())
            .env_clear()
            .env("PATH", path)
            .env("RUNNER_TEMP", temp.path())
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/oidc?v=1", self.url))
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for name in ["HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        let mut child = command.spawn().unwrap();
        self.desk.runs(child.id().unwrap());
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut log = String::new();
        let heard = async {
            while let Ok(Some(line)) = lines.next_line().await {
                self.desk.says(&line);
                log.push_str(&line);
                log.push('\n');
            }
            child.wait().await.unwrap()
        };
        let ended = tokio::time::timeout(PATIENCE, heard).await;
        ended.unwrap_or_else(|_| panic!("the runner does not end:\n{log}"));
        log
    }

    /// Everything that is promised of an attempt, however often it was interrupted.
    async fn judge(&mut self, pull: &Pull, told: &str, asked: usize) {
        let seen = self.desk.notes().seen.clone();
        let told = format!("{:?} {seen:?}\n{told}", self.kind);
        let text = self.t.check(pull);
        assert!(text.contains("completed/success  Healed by"), "{text}\n{told}");
        assert_eq!(repository::attempts_of(&self.t, pull).await, 1, "counted twice: {told}");
        let head = self.t.world.head_sha(pull);
        let healed = self.t.world.file(&self.repository, &head, "src/lib.rs").await.unwrap();
        assert_eq!(healed.as_deref(), Some(GOOD), "{told}");
        let stages: Vec<Stage> = seen
            .iter()
            .filter_map(|seen| match seen {
                Seen::Stage(stage, 1) => Some(*stage),
                _ => None,
            })
            .collect();
        let each = [Stage::Triage, Stage::Execute, Stage::PreVerify, Stage::Verify];
        assert_eq!(stages, each, "a stage was done twice, or not at all: {told}");
        let steps = self.provider.steps().await.split_off(asked);
        self.sessions(&seen, &steps, &told);
    }

    /// An agent goes on where it was, when that had been told.
    fn sessions(&mut self, seen: &[Seen], steps: &[u64], told: &str) {
        let is_spoiled = self.desk.notes().spoils;
        let (mut at_execute, mut has_session, mut is_anew) = (false, false, 1);
        for seen in seen {
            match seen {
                Seen::Stage(stage, _) => at_execute = *stage == Stage::Triage,
                Seen::Checkpoint { has_session: has } => has_session = *has && !is_spoiled,
                Seen::Kill if at_execute => {
                    self.figures.in_execute += 1;
                    self.figures.sessions += usize::from(has_session);
                    is_anew += usize::from(!has_session);
                }
                Seen::Kill | Seen::Admission | Seen::Model => {}
            }
        }
        let begun = steps.iter().filter(|step| **step == 0).count();
        if self.kind.program.is_some() {
            assert!((1..=is_anew).contains(&begun), "it began {begun} times: {steps:?} {told}");
        }
        let mut known: Vec<u64> = steps.to_vec();
        known.sort_unstable();
        known.dedup();
        self.figures.asked += steps.len();
        self.figures.again += steps.len() - known.len();
    }

    async fn run_all(mut self, seed: u64, kills: usize) {
        while self.figures.kills < kills {
            let most = (kills - self.figures.kills).min(1 + self.dice.below(2));
            self.attempt(most).await;
        }
        said(&format!("seed {seed}, {}: {:?}", self.kind.fixers, self.figures));
        self.t.finish().await;
    }
}

#[expect(clippy::print_stderr, reason = "what a long run has come to is worth a line")]
fn said(line: &str) {
    eprintln!("{line}");
}

fn number<T: std::str::FromStr>(variable: &str) -> Option<T> {
    std::env::var(variable).ok()?.parse().ok()
}

async fn survives(kind: Kind) {
    let seed = number(SEED_VARIABLE).unwrap_or(1);
    let kills = number(KILLS_VARIABLE).unwrap_or(KILLS);
    Suite::start(kind, seed).await.run_all(seed, kills).await;
}

/// What comes back as a session is nothing that the agent can read.
async fn begins_anew(kind: Kind) {
    let mut suite = Suite::start(kind, 1).await;
    suite.desk.notes().spoils = true;
    suite.interrupted(vec![(Moment::Told(1), Victim::Machine)]).await;
    assert_eq!(suite.figures.in_execute, 1, "{:?}", suite.figures);
    suite.t.finish().await;
}

/// Something ends the agent in the middle of its turn, and its runner lives on.
async fn is_started_again(kind: Kind, program: &'static str) {
    let mut suite = Suite::start(kind, 1).await;
    suite.interrupted(vec![(Moment::Told(1), Victim::Agent(program))]).await;
    let Figures { kills, in_execute, sessions, .. } = suite.figures;
    assert_eq!((kills, in_execute, sessions), (1, 1, 1));
    suite.t.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claude_code_that_is_killed_alone_goes_on_with_its_session() {
    is_started_again(CLAUDE_CODE, "claude").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codex_that_is_killed_alone_goes_on_with_its_session() {
    is_started_again(CODEX, "codex").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claude_code_begins_anew_when_its_session_cannot_be_read() {
    begins_anew(CLAUDE_CODE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codex_begins_anew_when_its_session_cannot_be_read() {
    begins_anew(CODEX).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opencode_begins_anew_when_its_session_cannot_be_read() {
    begins_anew(OPENCODE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gemini_begins_anew_when_its_session_cannot_be_read() {
    begins_anew(GEMINI).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recipes_attempt_survives_kills() {
    survives(RECIPES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commands_attempt_survives_kills() {
    survives(COMMANDS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_of_claude_code_survives_kills() {
    survives(CLAUDE_CODE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_of_codex_survives_kills() {
    survives(CODEX).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_of_opencode_survives_kills() {
    survives(OPENCODE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_of_gemini_survives_kills() {
    survives(GEMINI).await;
}
