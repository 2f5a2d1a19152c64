//! Runners that are killed: by the hand of a desk between runner and server, at a request, at a stage,
//! in the middle of a fixer's turn, and the next runner goes on.
//!
//! What is real: the server, the runner's program, its sandbox, the coding agents. Played are GitHub and
//! what the model says. A kill falls at a count of requests or of the runner's own words, so that it
//! does not depend on how fast the machine is; which one follows from a seed. What is told after each
//! attempt: it healed, it was one attempt, no stage was done twice whose report had arrived, no process
//! of it is alive, and an agent whose session had been told was not asked its first question again.
//!
//! Who heals, and on which road (straight, with a second look, with a question to people), is the table
//! of `kinds`; agents come from the table of all agents.

mod desk;
mod kinds;
mod repository;
mod tree;

use std::process::Stdio;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
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
use kinds::{Kind, Road};

/// Kills of each kind in a bare `cargo test`; `cargo xtask resume --kills N` makes N over all kinds.
const KILLS: usize = 2;

/// Kinds at the same time: their agents and models wait most of the time.
const BESIDE: usize = 2;

const KILLS_VARIABLE: &str = "SELFHEAL_RESUME_KILLS";
const SEED_VARIABLE: &str = "SELFHEAL_RESUME_SEED";

/// After so long an attempt whose run is over is looked at again.
const MINUTES_LOST: i64 = 6;

/// Longer than any runner takes here on a machine under load.
const PATIENCE: Duration = Duration::from_mins(4);

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
    /// Kills in the middle of a fixer's work.
    at_work: usize,
    /// Of those, such after which an agent's session went on.
    sessions: usize,
    /// Questions that a model was asked, and how many of them again.
    asked: usize,
    again: usize,
}

impl Suite {
    async fn start(kind: Kind, seed: u64) -> Self {
        let provider = Provider::start();
        provider.learn("reformats", kind.scenario()).await;
        let mut t = Tester::start().await;
        let models = models_at(&provider.playing("reformats"), Caps::default());
        t.model(models, Patience::default()).await;
        let repository = repository::with(&t, &kind).await;
        let (desk, url) = Desk::open(&t.world, t.url()).await;
        let (dice, figures) = (Dice::of(seed, 11), Figures::default());
        Self { kind, t, repository, provider, desk, url, dice, figures }
    }

    /// A moment and a victim by the dice.
    fn plan(&mut self) -> (Moment, Victim) {
        let Kind { process, requests, lines, .. } = self.kind;
        let moment = match self.dice.below(3) {
            0 => Moment::Before(1 + self.dice.below(requests)),
            1 => Moment::After(1 + self.dice.below(requests)),
            _ => Moment::Line(1 + self.dice.below(lines)),
        };
        let victim = match (self.dice.below(4), process) {
            (0, _) => Victim::Machine,
            (1, Some(process)) => Victim::Agent(process),
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
                if self.t.check(&pull).contains(repository::WAITS) {
                    self.t.world.comment(&pull, "mona", repository::ANSWER);
                    self.t.settle_with_ci().await;
                    continue;
                }
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
        let mut command = Command::new(env!("CARGO_BIN_EXE_selfheal-runner"));
        command
            .args(["attempt", "--server", &self.url, "--attempt", run.input("attempt")])
            .arg("--remote")
            .arg(run.git_dir())
            .env_clear()
            .env("PATH", scene::path())
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
        let of_stage = |seen: &Seen| match seen {
            Seen::Stage(stage, round) => Some((*stage, *round)),
            _ => None,
        };
        let stages: Vec<_> = seen.iter().filter_map(of_stage).collect();
        let each = self.kind.road.stages();
        assert_eq!(stages, each, "a stage was done twice, or not at all: {told}");
        let steps = self.provider.steps().await.split_off(asked);
        self.sessions(&seen, &steps, &told);
    }

    /// An agent goes on where it was, when that had been told.
    fn sessions(&mut self, seen: &[Seen], steps: &[u64], told: &str) {
        let is_spoiled = self.desk.notes().spoils;
        let turns = self.kind.road.turns();
        let (mut at_work, mut has_session, mut is_anew) = (false, false, turns);
        let mut done = 0;
        for seen in seen {
            match seen {
                Seen::Stage(..) => {
                    done += 1;
                    at_work = self.kind.road.works_after(done);
                    has_session = false;
                }
                Seen::Checkpoint { has_session: has } => has_session = *has && !is_spoiled,
                Seen::Kill if at_work => {
                    self.figures.at_work += 1;
                    self.figures.sessions += usize::from(has_session);
                    is_anew += usize::from(!has_session);
                }
                Seen::Kill | Seen::Admission | Seen::Model => {}
            }
        }
        let begun = steps.iter().filter(|step| **step == 0).count();
        if self.kind.asks_models {
            assert!((1..=is_anew).contains(&begun), "it began {begun} times: {steps:?} {told}");
        }
        let mut known: Vec<u64> = steps.to_vec();
        known.sort_unstable();
        known.dedup();
        self.figures.asked += steps.len();
        // Every turn of a longer road has steps of the same numbers.
        let again = if turns == 1 { steps.len() - known.len() } else { 0 };
        self.figures.again += again;
    }

    async fn run_all(mut self, seed: u64, kills: usize) {
        while self.figures.kills < kills {
            let most = (kills - self.figures.kills).min(1 + self.dice.below(2));
            self.attempt(most).await;
        }
        said(&format!("seed {seed}, {}: {:?}", self.kind.name, self.figures));
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

async fn survives(kind: Kind, kills: usize) {
    let seed = number(SEED_VARIABLE).unwrap_or(1);
    Suite::start(kind, seed).await.run_all(seed, kills).await;
}

/// Kinds of attempts, so many at a time, each killed as often as it was asked for.
async fn all_survive(kinds: Vec<Kind>) {
    let all = kinds::all().len();
    let kills = number::<usize>(KILLS_VARIABLE).map_or(KILLS, |kills| kills.div_ceil(all));
    stream::iter(kinds).for_each_concurrent(BESIDE, |kind| survives(kind, kills)).await;
}

/// What comes back as a session is nothing that the agent can read.
async fn begins_anew(kind: Kind) {
    let mut suite = Suite::start(kind, 1).await;
    suite.desk.notes().spoils = true;
    suite.interrupted(vec![(Moment::Told(1), Victim::Machine)]).await;
    assert_eq!(suite.figures.at_work, 1, "{:?}", suite.figures);
    suite.t.finish().await;
}

/// Something ends the agent in the middle of its turn, and its runner lives on.
async fn is_started_again(kind: Kind) {
    let (process, keeps_sessions) = (kind.process.unwrap(), kind.keeps_sessions);
    // One without sessions tells nothing from the middle of its work but its change.
    let moment = if keeps_sessions { Moment::Told(1) } else { Moment::Asked(1) };
    let mut suite = Suite::start(kind, 1).await;
    suite.interrupted(vec![(moment, Victim::Agent(process))]).await;
    let Figures { kills, at_work, sessions, .. } = suite.figures;
    assert_eq!((kills, at_work, sessions), (1, 1, usize::from(keeps_sessions)));
    suite.t.finish().await;
}

/// Machines are lost between all stages of attempts of that kind, two in each attempt.
async fn survives_every_boundary(kind: Kind) {
    let stages = kind.road.stages();
    let mut suite = Suite::start(kind, 1).await;
    for pair in stages.chunks(2) {
        let plan = |(stage, round): &(_, _)| (Moment::Done(*stage, *round), Victim::Machine);
        suite.interrupted(pair.iter().rev().map(plan).collect()).await;
    }
    assert_eq!(suite.figures.kills, stages.len(), "{:?}", suite.figures);
    suite.t.finish().await;
}

async fn each_of<F: Future<Output = ()>>(kinds: Vec<Kind>, act: impl Fn(Kind) -> F) {
    stream::iter(kinds).for_each_concurrent(BESIDE, act).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_agent_asked_for_that_is_killed_alone_is_started_again() {
    each_of(kinds::agents(), is_started_again).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_by_a_command_line_that_are_killed_alone_are_started_again() {
    each_of(kinds::custom(), is_started_again).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_agent_asked_for_begins_anew_when_its_session_cannot_be_read() {
    let kinds = kinds::agents().into_iter().filter(|kind| kind.keeps_sessions);
    each_of(kinds.collect(), begins_anew).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_goes_on_at_every_boundary_of_its_stages() {
    let commands = kinds::without_agents().pop().unwrap();
    survives_every_boundary(commands).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_goes_on_before_and_after_its_second_look() {
    // Named agents may have no such road.
    let Some(kind) = kinds::on(Road::SecondLook).into_iter().next() else { return };
    let mut suite = Suite::start(kind, 1).await;
    let lost = |stage| (Moment::Done(stage, 3), Victim::Machine);
    // The last first.
    suite.interrupted(vec![lost(Stage::DevilsAdvocate), lost(Stage::Verify)]).await;
    // Four rounds of three questions each and that of the look, none of them twice.
    assert_eq!((suite.figures.kills, suite.figures.asked), (2, 4 * 3 + 1));
    suite.t.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_without_agents_survive_kills() {
    all_survive(kinds::without_agents()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_of_every_agent_asked_for_survive_kills() {
    all_survive(kinds::agents()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_of_agents_by_a_command_line_survive_kills() {
    all_survive(kinds::custom()).await;
}

/// Long attempts: one kind of agent stands for all, unless somebody asks for more kills.
async fn long_ones_survive(road: Road) {
    let kinds = kinds::on(road).into_iter();
    let most = if number::<usize>(KILLS_VARIABLE).is_some() { usize::MAX } else { 1 };
    all_survive(kinds.take(most).collect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_with_a_second_look_survive_kills() {
    long_ones_survive(Road::SecondLook).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_with_a_question_to_people_survive_kills() {
    long_ones_survive(Road::Question).await;
}
