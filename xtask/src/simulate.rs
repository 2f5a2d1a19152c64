//! Simulated histories by the thousand: the same as in every test run, for longer, and fast.
//!
//! They are a test of the integration binary, built as benchmarks are; which seeds it takes is in
//! its environment.

use std::time::Instant;

use crate::place::Place;
use crate::{numbers, run, say};

/// The test that carries histories out.
const TEST: &str = "simulation::every_history_ends_as_promised";

/// Which seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seeds {
    /// The first.
    pub(crate) first: u64,
    /// How many.
    pub(crate) count: u64,
}

impl Seeds {
    /// What is asked for when nobody says how many: some minutes.
    const COUNT: u64 = 100_000;

    /// Reads the words after `simulate`.
    ///
    /// # Errors
    /// When a word means nothing here.
    pub(crate) fn parse(words: &[&str]) -> anyhow::Result<Self> {
        let [first, count] = numbers::of("simulate", ["--seed", "--seeds"], words)?;
        let one_or_many = if first.is_some() { 1 } else { Self::COUNT };
        Ok(Self { first: first.unwrap_or(0), count: count.unwrap_or(one_or_many) })
    }
}

/// Carry out histories until one ends wrong; it says how to see that one again.
///
/// # Errors
/// When the test does not build, or a history ends wrong.
pub(crate) fn run(place: &Place, seeds: Seeds) -> anyhow::Result<()> {
    let test = ["test", "--locked", "--profile", "bench", "--test", "it"];
    run::succeed(run::cargo(place)?.args(test).arg("--no-run"))?;
    let start = Instant::now();
    run::succeed(
        run::cargo(place)?
            .args(test)
            .args(["--", "--exact", TEST])
            .env("SELFHEAL_SEED", seeds.first.to_string())
            .env("SELFHEAL_SEEDS", seeds.count.to_string()),
    )?;
    let spent = start.elapsed();
    say::line(&format!(
        "{} histories from seed {} in {}: {} a second",
        seeds.count,
        seeds.first,
        say::duration(spent),
        seeds.count / spent.as_secs().max(1),
    ));
    Ok(())
}
