//! Faults: the built program, killed at random moments, in a world where nothing is reliable.
//!
//! What is real: the program, its database, its HTTP, git. The world is the fake GitHub of the
//! stories; its record is what the [`oracle`] judges. Time runs fast for everybody
//! ([`surroundings`]). What goes wrong follows from a seed: webhooks are lost, doubled and late,
//! requests fail, hang and go unanswered all the time, and every few kills a [`misfortune`] comes.
//! When exactly a kill falls does not follow from it, because real programs run beside each other:
//! a seed that fails is likely to fail again, not certain.
//!
//! Webhooks that were lost come back by the program's own reconciling; nothing here sends them again.
//!
//! That it can answer no: with keys of effects that are new for every wish, 40 kills find on both
//! stores that nothing comes to rest. A store that ignores lost leases was not found by 100; the
//! simulation, which decides where every pause falls, is the judge of leases and of commits on heads
//! that moved (its tests break each on purpose).

mod misfortune;
mod oracle;
mod replica;
mod runner;
mod surroundings;

use std::cell::Cell;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{MissedTickBehavior, interval, timeout};
use world::{Odds, Pull, Repository, World, WorldOptions};

use crate::simulation::Dice;
use crate::stories::{BAD, widget_of};
use misfortune::{Database, Misfortune};
use oracle::Judge;
use replica::Replica;
use runner::Runners;
use surroundings::Time;

/// Kills of a bare `cargo test`; `cargo xtask test` makes 40, `cargo xtask faults --kills N` any
/// number. Half of them are of one server on SQLite, half of replicas on PostgreSQL.
const KILLS: usize = 4;

const KILLS_VARIABLE: &str = "SELFHEAL_FAULTS_KILLS";
const SEED_VARIABLE: &str = "SELFHEAL_FAULTS_SEED";

/// Every so many kills somebody opens a pull request or pushes, and a misfortune comes.
const KILLS_PER_WORK: usize = 4;
const KILLS_PER_MISFORTUNE: usize = 3;

/// Open pull requests before anybody pushes to one, and at most.
const PULLS_MIN: usize = 3;
const PULLS_MAX: usize = 6;

/// How often in a thousand somebody pushes when a fix was just proposed, while the commit is on its
/// way.
const MEDDLING: u32 = 150;

/// How often everybody beside the programs does something.
const TICK_MS: u64 = 10;

/// A kill falls when so many requests have been made since the last one, at most.
const REQUESTS_MAX: usize = 60;

/// A program that has nothing to do is killed after so long.
const KILL_MS_MAX: u64 = 600;

/// Ticks for which a killed program is missed, at most.
const TICKS_DOWN_MAX: usize = 10;

/// The weather while things go wrong.
const ODDS: Odds = Odds {
    webhooks_lost: 300,
    webhooks_doubled: 100,
    webhooks_late: 100,
    late_ms_max: 5 * 60_000,
    requests_failed: 30,
    requests_limited: 5,
    requests_hung: 3,
    answers_dropped: 30,
};

/// Budgets so large that they never end a case. Every third pull request gets fixes that do not hold;
/// that must not cost the others their autonomy.
const POLICY: &str = "version: 1\nautonomy: {least: commit}\n\
    budget:\n  attempts_per_day: 1000\n  attempts_at_once: 50\n";

/// The world, the programs, and whoever acts.
struct Suite {
    seed: u64,
    world: World,
    repository: Repository,
    pulls: Vec<(Pull, usize)>,
    replicas: Vec<Replica>,
    runners: Runners,
    dice: Dice,
    database: Database,
    misfortunes: Vec<Misfortune>,
    /// [`MEDDLING`], or nothing when everybody rests.
    meddling: u32,
    /// By how much a clock was ahead at most, in milliseconds.
    ahead_ms: i64,
    _dir: TempDir,
}

impl Suite {
    async fn start(seed: u64, replicas: usize, database: Option<Database>) -> Self {
        let time = Time::fast();
        let world = World::start(WorldOptions::new(move || time.ms())).await.unwrap();
        let repository = widget_of(&world, POLICY).await;
        let dir = tempfile::tempdir().unwrap();
        let file = || Database::Sqlite(format!("sqlite:{}/selfheal.db", dir.path().display()));
        let database = database.unwrap_or_else(file);
        let url = database.url();
        let replica =
            |nth: usize| Replica::new(&world, dir.path(), &format!("replica-{nth}"), (time, &url));
        let mut dice = Dice::of(seed, 5);
        let mut suite = Self {
            seed,
            repository,
            pulls: Vec::new(),
            replicas: (0..replicas).map(replica).collect(),
            runners: Runners::new(),
            misfortunes: database.misfortunes(&mut dice),
            dice,
            database,
            meddling: MEDDLING,
            ahead_ms: 0,
            _dir: dir,
            world,
        };
        for nth in 0..replicas {
            suite.replicas[nth].start().await;
        }
        suite
    }

    /// Everything that GitHub, CI and runners do in a moment.
    async fn tick(&mut self) {
        let reached: Vec<String> =
            self.replicas.iter().filter_map(Replica::url).map(str::to_owned).collect();
        if !reached.is_empty() {
            let url = self.dice.one(&reached).clone();
            self.world.deliver(&format!("{url}/webhooks/github")).await;
            self.world.run_ci().await;
            let url = self.dice.one(&reached).clone();
            let proposed = self.runners.act(&self.world, &self.repository, &url).await;
            for number in proposed {
                if self.dice.happens(self.meddling) {
                    let of = |(pull, _): &(Pull, usize)| pull.number() == number;
                    self.push(self.pulls.iter().position(of).unwrap()).await;
                }
            }
        }
    }

    /// Lets the world go on until something is so.
    async fn until(&mut self, is_so: impl Fn(&Self) -> bool) {
        let mut ticks = ticks(TICK_MS);
        while !is_so(self) {
            ticks.tick().await;
            self.tick().await;
        }
    }

    /// A person opens a pull request that CI does not like, or pushes to one.
    async fn work(&mut self) {
        let open = self.pulls.len();
        if open < PULLS_MIN || open < PULLS_MAX && self.dice.happens(500) {
            let branch = format!("topic-{}", self.pulls.len());
            let opened = self.world.pull_request(&self.repository).by("mona").from_branch(&branch);
            let opened = opened.files(&[("src/lib.rs", Some(BAD))]).open().await.unwrap();
            self.pulls.push((opened, 1));
        } else {
            let at = self.dice.below(open);
            self.push(at).await;
        }
    }

    /// A person pushes what CI does not like either.
    async fn push(&mut self, at: usize) {
        let (pull, pushes) = &mut self.pulls[at];
        let text = format!("{pushes}\n");
        let files = [("src/lib.rs", Some(BAD)), ("README.md", Some(text.as_str()))];
        self.world.push(pull, "mona", &files).await.unwrap();
        *pushes += 1;
    }

    /// Kills a replica in the middle of what it does while everything else goes on, and starts it
    /// again.
    async fn kill(&mut self) {
        let nth = self.dice.below(self.replicas.len());
        let Some(mut child) = self.replicas[nth].taken() else { return };
        let world = self.world.clone();
        let requests = world.mark() + self.dice.below(REQUESTS_MAX);
        let is_killed = Cell::new(false);
        let kill = async {
            let mut looks = ticks(1);
            let asked = async {
                while world.mark() < requests {
                    looks.tick().await;
                }
            };
            let _ = timeout(Duration::from_millis(KILL_MS_MAX), asked).await;
            child.kill().await.unwrap();
            is_killed.set(true);
        };
        tokio::join!(kill, self.until(|_| is_killed.get()));
        for _ in 0..self.dice.below(TICKS_DOWN_MAX) {
            self.tick().await;
        }
        self.replicas[nth].surroundings.free_disk();
        self.replicas[nth].start().await;
    }

    /// Nothing fails any more; returns when nothing happens any more, or with what is wrong.
    async fn calm(&mut self) -> Vec<String> {
        self.world.trouble(self.seed, Odds::default());
        self.meddling = 0;
        for replica in &mut self.replicas {
            replica.surroundings.set_wrong(0);
            replica.surroundings.free_disk();
        }
        let judge = Judge::of(&self.database).await;
        let begun = self.world.now_ms();
        let limit_ms = oracle::rest_ms_max(self.ahead_ms);
        let mut ticks = ticks(TICK_MS);
        let mut waits_for = judge.waits_for(self).await;
        while waits_for.is_some() && self.world.now_ms() < begun + limit_ms {
            ticks.tick().await;
            self.tick().await;
            waits_for = judge.waits_for(self).await;
        }
        let mut wrong = judge.wrong(self).await;
        wrong.extend(waits_for.map(|what| format!("no rest within {limit_ms} ms: {what}")));
        said(&format!(
            "seed {}: at rest {} s of its time after the last fault ({} s were allowed), {}",
            self.seed,
            (self.world.now_ms() - begun) / 1_000,
            limit_ms / 1_000,
            judge.reached(self).await,
        ));
        judge.close().await;
        wrong
    }

    /// Carries the suite out.
    async fn run(mut self, kills: usize) {
        self.world.trouble(self.seed, ODDS);
        for nth in 0..kills {
            if nth.is_multiple_of(KILLS_PER_WORK) {
                self.work().await;
            }
            if nth % KILLS_PER_MISFORTUNE == KILLS_PER_MISFORTUNE - 1 {
                let at = nth / KILLS_PER_MISFORTUNE % self.misfortunes.len();
                self.befall(self.misfortunes[at]).await;
            }
            self.kill().await;
        }
        let mut wrong = self.calm().await;
        if self.world.dispatched_ever(&self.repository, "attempt").is_empty() {
            wrong.push("nothing was ever begun, so nothing was shown".to_owned());
        }
        let log = || self.replicas.iter().map(Replica::log).collect::<Vec<_>>().join("\n\n");
        let (all, seed) = (2 * kills, self.seed);
        assert!(
            wrong.is_empty(),
            "seed {seed} with {kills} kills ends wrong; replay it with `cargo xtask faults --kills \
             {all} --seed {seed}`\n  {}\n\n{}",
            wrong.join("\n  "),
            log()
        );
    }
}

fn ticks(ms: u64) -> tokio::time::Interval {
    let mut ticks = interval(Duration::from_millis(ms));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[expect(clippy::print_stderr, reason = "what a long run has come to is worth a line")]
fn said(line: &str) {
    eprintln!("{line}");
}

fn number<T: std::str::FromStr>(variable: &str) -> Option<T> {
    std::env::var(variable).ok()?.parse().ok()
}

fn order() -> (u64, usize) {
    (number(SEED_VARIABLE).unwrap_or(1), number(KILLS_VARIABLE).unwrap_or(KILLS) / 2)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_that_is_killed_again_and_again_loses_and_doubles_nothing() {
    let (seed, kills) = order();
    Suite::start(seed, 1, None).await.run(kills).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_are_killed_again_and_again_lose_and_double_nothing() {
    let (seed, kills) = order();
    let replicas = 2 + usize::try_from(seed % 3).unwrap();
    Suite::start(seed, replicas, Some(Database::postgres().await)).await.run(kills).await;
}
