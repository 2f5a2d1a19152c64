//! The kill suite of the runner: attempts that are interrupted again and again, by every fixer.

use crate::numbers;
use crate::place::Place;
use crate::run;

/// One for each kind of fixer; they run beside each other as the machine can.
const TESTS: [&str; 6] = [
    "resume::a_recipes_attempt_survives_kills",
    "resume::a_commands_attempt_survives_kills",
    "resume::an_attempt_of_claude_code_survives_kills",
    "resume::an_attempt_of_codex_survives_kills",
    "resume::an_attempt_of_opencode_survives_kills",
    "resume::an_attempt_of_gemini_survives_kills",
];

/// What is asked for when nobody says how often.
const KILLS: u64 = 100;

/// How long and with what chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    /// Kills over all fixers, each as many.
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

    /// How many kills fall to each fixer.
    const fn each(self) -> u64 {
        self.kills.div_ceil(TESTS.len() as u64)
    }
}

/// Kill runners, machines and agents until one attempt does not survive it.
///
/// # Errors
/// When the suite does not build, or an attempt did not survive; it says which kill it was.
pub(crate) fn run(place: &Place, order: Order) -> anyhow::Result<()> {
    run::succeed(
        run::cargo(place)?
            .args(["test", "--locked", "--test", "it", "--", "--exact", "--nocapture"])
            .args(TESTS)
            .env("SELFHEAL_RESUME_KILLS", order.each().to_string())
            .env("SELFHEAL_RESUME_SEED", order.seed.to_string()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_fewer_kills_are_made_than_were_asked_for() {
        for (kills, each) in [(1, 1), (6, 1), (7, 2), (100, 17)] {
            assert_eq!(Order { kills, seed: 1 }.each(), each, "{kills}");
        }
    }
}
