//! The checks in their order, and what a run of them shows.
//!
//! The first failure ends the run: the steps stand in the order of what a contributor most wants
//! to hear first. The last line on the screen is the verdict.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::place::Place;
use crate::{debian, docs, faults, lint, run, say, score, tools};

/// One check.
#[derive(Debug)]
pub(crate) struct Step {
    /// What `--only` calls it.
    pub(crate) name: &'static str,
    /// What it checks, for the help page and the screen.
    pub(crate) what: &'static str,
    /// Does it.
    check: fn(&Place) -> anyhow::Result<()>,
}

/// The checks of CI, in their order.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "tools", what: "install what the checks need, pinned", check: install },
    Step { name: "fmt", what: "the code is formatted", check: |place| cargo(place, FMT) },
    Step { name: "clippy", what: "the lints find nothing", check: |place| cargo(place, CLIPPY) },
    Step { name: "build", what: "the programs build", check: |place| cargo(place, BUILD) },
    Step { name: "test", what: "the tests pass", check: tests },
    Step { name: "faults", what: "killed again and again, it loses nothing", check: faults::check },
    Step { name: "score", what: "logs are read as well as they once were", check: score::check },
    Step {
        name: "replay",
        what: "recorded cases end as they should",
        check: |place| cargo(place, REPLAY),
    },
    Step { name: "demo", what: "the demo heals", check: |place| cargo(place, DEMO) },
    Step { name: "doc", what: "the code's documentation builds", check: rustdoc },
    Step { name: "deny", what: "licences, bans and sources of dependencies", check: deny },
    Step { name: "workflows", what: "workflow and action files", check: lint::workflows },
    Step { name: "docker", what: "the Dockerfile", check: lint::dockerfile },
    Step { name: "compose", what: "docker-compose.yml", check: lint::compose },
    Step { name: "fly", what: "fly.toml", check: lint::fly },
    Step { name: "shell", what: "shell scripts", check: lint::shell },
    Step { name: "docs", what: "the generated pages are current", check: docs::check },
];

/// What takes longer than CI has.
pub(crate) const MORE_STEPS: &[Step] =
    &[Step { name: "aider", what: "aider heals, and obeys no pull request", check: aider }];

/// What drives real agents; which ones, a variable says.
const AGENTS: &str = "every_agent_asked_for";
/// The table of what each agent makes of each fault of a model.
const FAULTS: &str = "agents::faults";
const FMT: &[&str] = &["fmt", "--all", "--check"];
const CLIPPY: &[&str] =
    &["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
const BUILD: &[&str] = &["build", "--locked", "--bins"];
const TEST: &[&str] = &["test", "--locked", "--workspace"];
/// How many tests run at once for each core.
const TESTS_PER_CORE: usize = 2;
const REPLAY: &[&str] =
    &["run", "--locked", "--quiet", "--bin", "selfheal", "--", "replay", "tests/fixtures/replay"];
const DEMO: &[&str] = &["run", "--locked", "--quiet", "--example", "demo"];
/// Private modules too: the headers are written for those who work on them.
const DOC: &[&str] = &["doc", "--locked", "--no-deps", "--workspace", "--document-private-items"];

/// The named steps, or those of CI.
pub(crate) fn chosen(only: &[&str]) -> Vec<&'static Step> {
    if only.is_empty() {
        return STEPS.iter().collect();
    }
    all().into_iter().filter(|step| only.contains(&step.name)).collect()
}

/// Every step.
pub(crate) fn all() -> Vec<&'static Step> {
    STEPS.iter().chain(MORE_STEPS).collect()
}

/// Run steps until one fails.
///
/// # Errors
/// When a step fails; what it said stands on the screen above.
pub(crate) fn run(place: &Place, chosen: &[&Step]) -> anyhow::Result<()> {
    let mut spent = Vec::new();
    for (number, step) in chosen.iter().enumerate() {
        say::line(&format!(
            "\n== {} ({} of {}): {}",
            step.name,
            number + 1,
            chosen.len(),
            step.what
        ));
        let start = Instant::now();
        let outcome = (step.check)(place);
        spent.push((step.name, start.elapsed()));
        if outcome.is_err() {
            say::line(&summary(&spent));
        }
        outcome.with_context(|| format!("step `{}` failed", step.name))?;
    }
    say::line(&summary(&spent));
    say::line(&format!("all {} steps passed", spent.len()));
    Ok(())
}

fn summary(spent: &[(&str, Duration)]) -> String {
    let total = spent.iter().map(|(_, spent)| *spent).sum();
    let lines: String =
        spent.iter().map(|(name, spent)| summary_line(name, *spent)).collect::<Vec<_>>().concat();
    format!("\n== time spent\n{lines}{}", summary_line("total", total).trim_end())
}

fn summary_line(name: &str, spent: Duration) -> String {
    format!("  {name:<9} {:>12}\n", say::duration(spent))
}

fn install(place: &Place) -> anyhow::Result<()> {
    debian::install()?;
    tools::install(place)
}

/// The tests wait for others most of their time (agents, networks, databases), so more run beside each
/// other than there are cores.
fn tests(place: &Place) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let beside = (cores * TESTS_PER_CORE).to_string();
    run::succeed(run::cargo(place)?.args(TEST).env("RUST_TEST_THREADS", beside))
}

/// The same tests that drive the other agents, with the one that is not among them; and the whole table of
/// faults, with all of them.
fn aider(place: &Place) -> anyhow::Result<()> {
    tools::aider(place)?;
    for (tests, agents) in [(AGENTS, "aider"), (FAULTS, "all")] {
        let words = ["test", "--locked", "--test", "it", "--", tests];
        run::succeed(run::cargo(place)?.args(words).env("SELFHEAL_AGENTS", agents))?;
    }
    Ok(())
}

fn cargo(place: &Place, words: &[&str]) -> anyhow::Result<()> {
    run::succeed(run::cargo(place)?.args(words))
}

fn rustdoc(place: &Place) -> anyhow::Result<()> {
    run::succeed(run::cargo(place)?.env("RUSTDOCFLAGS", "-D warnings").args(DOC))
}

/// Advisories are not asked for: their database lives on a git host, and a test run must not hang
/// on one. `deny.toml` says how to ask for them by hand.
fn deny(place: &Place) -> anyhow::Result<()> {
    let program = tools::cargo_deny(place)?;
    run::succeed(run::program(place, &program.to_string_lossy())?.args([
        "--locked",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_lists_every_step_and_the_total() {
        let spent = [("fmt", Duration::from_millis(600)), ("clippy", Duration::from_secs(130))];
        assert_eq!(
            summary(&spent),
            "\n== time spent\n  fmt              0.6 s\n  clippy      2 min 10 s\n  total       2 min 10 s"
        );
    }

    #[test]
    fn no_two_steps_share_a_name() {
        let mut names: Vec<&str> = all().iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all().len());
    }
}
