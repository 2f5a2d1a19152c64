//! The benchmarks: run, and where their numbers go.
//!
//! Numbers depend on the machine, so that no check holds them: a person compares before and after on
//! one machine, and records what a release reaches.

use crate::place::Place;
use crate::{run, say};

/// Where numbers are recorded.
const RECORD: &str = "docs/performance.md";

/// Run the benchmarks of `benches/`; the words are theirs.
///
/// # Errors
/// When one does not build or fails.
pub(crate) fn run(place: &Place, words: &[String]) -> anyhow::Result<()> {
    // `--bench` alone: the library's unit tests are no benchmarks.
    run::succeed(run::cargo(place)?.args(["bench", "--locked", "--bench", "*", "--"]).args(words))?;
    say::line(&format!("what a release reaches is recorded in {RECORD}, with machine and date"));
    Ok(())
}
