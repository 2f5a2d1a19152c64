//! The kill suite of the runner: attempts that are interrupted again and again, by every fixer.

use crate::numbers;
use crate::place::Place;
use crate::{run, tools};

/// What the tests are called by which every kind of attempt is killed; they share the kills among them.
const TESTS: &str = "survive_kills";

/// What is asked for when nobody says how often.
const KILLS: u64 = 100;

/// How long and with what chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    /// Kills over all kinds of attempts, each as many; at least so many.
    pub(crate) kills: u64,
    /// What the moments of the kills follow from.
    pub(crate) seed: u64,
}

impl Order {
    /// Reads the words after `resume`.
    ///
    /// # Errors
    /// When a word means nothing here.
    pub(crate) fn parse(words: &[&str]) -> anyhow::Result<Self> {
        let [kills, seed] = numbers::of("resume", ["--kills", "--seed"], words)?;
        Ok(Self { kills: kills.unwrap_or(KILLS), seed: seed.unwrap_or(1) })
    }
}

/// Kill runners, machines and agents until one attempt does not survive it.
///
/// # Errors
/// When the suite does not build, or an attempt did not survive; it says which kill it was.
pub(crate) fn run(place: &Place, order: Order) -> anyhow::Result<()> {
    tools::agents(place)?;
    tools::aider(place)?;
    run::succeed(
        run::cargo(place)?
            .args(["test", "--locked", "--test", "it", "--", "--nocapture", TESTS])
            .env("SELFHEAL_AGENTS", "all")
            .env("SELFHEAL_RESUME_KILLS", order.kills.to_string())
            .env("SELFHEAL_RESUME_SEED", order.seed.to_string()),
    )
}
