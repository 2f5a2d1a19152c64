//! What happens: one pull request that is healed, and one that is handed over.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use world::{Pull, Repository};

use crate::machine::{LOOK_MS, Machine};
use crate::told::{chapter, log_from, quote, say};

/// How long anything may take that is waited for.
const WAIT_SECS_MAX: u64 = 120;

const CI: &str = ".github/workflows/ci.yml";
const SHIPPED: &str = ".github/workflows/selfheal.yml";

const CI_FILE: &str = "name: ci
on: pull_request
permissions:
  contents: read
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@9c091bb21b7c1c1d1991bb908d89e4e9dddfe3e0 # v7.0.1
        with:
          persist-credentials: false
      - run: cargo fmt --check
      - run: cargo test --offline --quiet
";

const MANIFEST: &str = "[package]\nname = \"widget\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

const LOCK: &str = "version = 4\n\n[[package]]\nname = \"widget\"\nversion = \"0.1.0\"\n";

const LIB: &str = "/// How many apples are left.
pub fn left(of: u32, eaten: u32) -> u32 {
    of - eaten
}

#[test]
fn two_of_three_are_left() {
    assert_eq!(left(3, 1), 2);
}
";

const BADLY_FORMATTED: &str = "/// How many apples are left; never less than none.
pub fn left( of: u32, eaten: u32 )->u32 { of.saturating_sub( eaten ) }

#[test]
fn two_of_three_are_left() {
    assert_eq!(left(3, 1), 2);
}
";

const WRONG: &str = "/// How many apples are left.
pub fn left(of: u32, eaten: u32) -> u32 {
    of + eaten
}

#[test]
fn two_of_three_are_left() {
    assert_eq!(left(3, 1), 2);
}
";

/// Tells the story.
pub(crate) async fn told(machine: &Machine) -> Result<()> {
    let repository = repository(machine).await?;
    healed(machine, &repository).await?;
    handed_over(machine, &repository).await
}

async fn repository(machine: &Machine) -> Result<Repository> {
    let world = &machine.world;
    chapter("A repository: acme/widget");
    let repository = world
        .repository("acme/widget")
        .file("Cargo.toml", MANIFEST)
        .file("Cargo.lock", LOCK)
        .file(".gitignore", "/target\n")
        .file("src/lib.rs", LIB)
        .file(CI, CI_FILE)
        .file(SHIPPED, selfheal::app::WORKFLOW)
        .file(".github/selfheal.yml", "version: 1\n")
        .collaborator("mona", "write")
        .create()
        .await?;
    world.install("acme");
    world.real_ci(&repository, (CI, "pull_request"), &machine.act);
    world.real_ci(&repository, (SHIPPED, "workflow_dispatch"), &machine.act);
    say("a Rust crate, its CI, the App installed, and .github/workflows/selfheal.yml copied.");
    quote(CI_FILE);
    Ok(repository)
}

async fn opened(
    machine: &Machine,
    repository: &Repository,
    (branch, file): (&str, &str),
) -> Result<Pull> {
    let files = [("src/lib.rs", Some(file))];
    let pull = machine.world.pull_request(repository).by("mona").from_branch(branch);
    let pull = pull.files(&files).open().await?;
    quote(&git(machine, repository, &["diff", "main", &machine.world.head_sha(&pull)])?);
    Ok(pull)
}

async fn healed(machine: &Machine, repository: &Repository) -> Result<()> {
    let world = &machine.world;
    let begun = Instant::now();
    chapter("Mona opens a pull request that CI will not like");
    let pull = opened(machine, repository, ("never-less-than-none", BADLY_FORMATTED)).await?;

    chapter("CI runs, for real, and fails");
    seen(machine, &pull, |text| text.contains("What failed")).await?;
    let logs = world.logs_text(repository);
    let ci = logs.split("== ").find(|one| one.starts_with(CI)).unwrap_or_default();
    quote(&log_from(ci, "##[group]Run cargo fmt"));

    chapter("What selfheal read and thought");
    quote(&world.check_run_text(&pull));

    chapter("The attempt, in the repository's own workflow, in a sandbox");
    let end = seen(machine, &pull, |text| text.starts_with("selfheal  completed")).await?;
    let logs = world.logs_text(repository);
    let logs = logs.rsplit("== ").find(|one| one.starts_with(SHIPPED)).unwrap_or_default();
    quote(&log_from(logs, "a stage begins"));
    ensure!(end.starts_with("selfheal  completed/success"), "not healed:\n{end}");

    chapter("The commit, by the App");
    quote(&git(machine, repository, &["show", "--format=fuller", &world.head_sha(&pull)])?);

    chapter("The check run, green, as people see it");
    quote(&end);
    chapter("The comment");
    quote(&world.comment_text(&pull));
    say(&format!(
        "\nhealed in {:.1} s, with {} requests to GitHub",
        begun.elapsed().as_secs_f64(),
        world.requests().iter().map(|(_, _, count)| count).sum::<usize>()
    ));
    Ok(())
}

async fn handed_over(machine: &Machine, repository: &Repository) -> Result<()> {
    chapter("Another pull request: wrong, not just untidy");
    let pull = opened(machine, repository, ("left-and-right", WRONG)).await?;
    let end = seen(machine, &pull, |text| text.starts_with("selfheal  completed")).await?;
    chapter("No recipe can know what was meant, so it is handed over");
    quote(&end);
    ensure!(machine.world.commits(&pull).await?.len() == 1, "something was committed");
    Ok(())
}

/// Waits until the check run of a pull request's head is as it should be.
async fn seen(machine: &Machine, pull: &Pull, is_so: fn(&str) -> bool) -> Result<String> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(WAIT_SECS_MAX) {
        let text = machine.world.check_run_text(pull);
        if is_so(&text) {
            return Ok(text);
        }
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
    bail!(
        "after {WAIT_SECS_MAX} s the check run still says:\n{}\nleft over: {:?}\n{}\n{}",
        machine.world.check_run_text(pull),
        machine.world.leftovers(),
        machine.world.logs_text(pull.repository()),
        machine.log()
    )
}

fn git(machine: &Machine, repository: &Repository, words: &[&str]) -> Result<String> {
    let output = Command::new("git")
        .arg("--git-dir")
        .arg(machine.world.git_dir(repository))
        .args(words)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()?;
    ensure!(output.status.success(), "git: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
