//! The fault suite: the built program, killed again and again, for longer than in a test run.

use crate::numbers;
use crate::place::Place;
use crate::run;

/// The suite: the two run beside each other.
const TESTS: [&str; 2] = [
    "faults::one_server_that_is_killed_again_and_again_loses_and_doubles_nothing",
    "faults::replicas_that_are_killed_again_and_again_lose_and_double_nothing",
];

/// What is asked for when nobody says how often: the nightly form.
const KILLS: u64 = 500;

/// What a run of all checks asks for.
const CHECK: Order = Order { kills: 40, seed: 1 };

/// How long and with what chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    /// Kills, half of them of one server on SQLite, half of replicas on PostgreSQL.
    pub(crate) kills: u64,
    /// What the rest follows from.
    pub(crate) seed: u64,
}

impl Order {
    /// Reads the words after `faults`.
    ///
    /// # Errors
    /// When a word means nothing here.
    pub(crate) fn parse(words: &[&str]) -> anyhow::Result<Self> {
        let [kills, seed] = numbers::of("faults", ["--kills", "--seed"], words)?;
        Ok(Self { kills: kills.unwrap_or(KILLS), seed: seed.unwrap_or(1) })
    }
}

/// Kill as often as a run of all checks does.
///
/// # Errors
/// When something was lost or doubled.
pub(crate) fn check(place: &Place) -> anyhow::Result<()> {
    run(place, CHECK)
}

/// Kill until something is lost or doubled; it says how to see that again.
///
/// # Errors
/// When the suite does not build, or something was lost or doubled.
pub(crate) fn run(place: &Place, order: Order) -> anyhow::Result<()> {
    run::succeed(
        run::cargo(place)?
            .args(["test", "--locked", "--test", "it", "--", "--exact", "--nocapture"])
            .args(TESTS)
            .env("SELFHEAL_FAULTS_KILLS", order.kills.to_string())
            .env("SELFHEAL_FAULTS_SEED", order.seed.to_string()),
    )
}
