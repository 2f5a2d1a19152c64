//! One case, from its files to what came of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::case::{Case, Ends};
use super::{decision, heard};
use crate::cli::local::{self, HEARTBEAT, Known};
use crate::cli::models;
use crate::config::repository;
use crate::domain::brief::{FixerSpec, Network, RunLimits};
use crate::domain::evidence::Evidence;
use crate::domain::failure::Failure;
use crate::domain::gate::Answer;
use crate::domain::ids::RepoPath;
use crate::domain::outcome::{Ended, Outcome};
use crate::domain::patch::Patch;
use crate::domain::policy::{Policy, policy_path};
use crate::evidence::{self, Hints};
use crate::runner::attempt::Setting;
use crate::runner::dependencies::Dependencies;
use crate::runner::git::{Call, FileRemotes, Git};
use crate::runner::model::ModelEnd;
use crate::runner::observe::Nobody;
use crate::runner::sandbox::{CommandSpec, Isolation, Sandbox, find_program};
use crate::runner::seen::{Reports, Seen};
use crate::runner::workspace::{Source, WorkingTree};

/// How much of a log an attempt quotes.
const EXCERPT_BYTES_MAX: usize = 32 * 1024;

/// Time of one case and of one command in it; small repositories need seconds.
const ATTEMPT_SECS: u64 = 300;
const COMMAND_SECS: u64 = 120;

/// Who plays.
#[derive(Debug)]
pub(super) struct Players {
    /// How the repositories' code is kept apart.
    pub(super) isolation: Isolation,
    /// Real fixers; none where scripted ones play.
    pub(super) fixers: Vec<FixerSpec>,
}

impl Players {
    /// The way to the models of real fixers; scripted ones play without, whatever keys are at hand.
    fn models(&self) -> anyhow::Result<Option<ModelEnd>> {
        if self.fixers.is_empty() { Ok(None) } else { models::open() }
    }

    /// Those who work on a case after the recipes. A scripted fixer that is not to heal is there for
    /// the gate: nobody takes its place.
    fn of(&self, case: &Case) -> Vec<FixerSpec> {
        match &case.file.fixer {
            Some(run) if self.fixers.is_empty() || !case.file.expect.is_healed() => {
                let (name, run) = ("scripted".to_owned(), run.clone());
                vec![FixerSpec::Command { name, run }]
            }
            Some(_) | None => self.fixers.clone(),
        }
    }
}

/// What came of a case.
#[derive(Debug)]
pub(super) struct Played {
    /// The end; none where it could not be played.
    pub(super) got: Got,
    /// Why, in words.
    pub(super) why: String,
}

/// What came of a case, or why nothing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Got {
    /// It came to this end.
    End(Ends),
    /// It was healed, and the case's own truth says that it is not.
    FalselyHealed,
    /// A program is missing.
    NotRun(String),
}

impl Got {
    /// In words.
    pub(super) fn as_str(&self) -> String {
        match self {
            Self::End(end) => end.as_str().to_owned(),
            Self::FalselyHealed => "falsely_healed".to_owned(),
            Self::NotRun(missing) => format!("not run, {missing} is missing"),
        }
    }
}

/// Plays a case.
///
/// # Errors
/// When there is no sandbox or the case cannot be laid out.
pub(super) async fn played(case: &Case, players: &Players) -> anyhow::Result<Played> {
    if let Some(missing) = case.file.needs.iter().find(|name| find_program(name).is_none()) {
        return Ok(Played { got: Got::NotRun(missing.clone()), why: String::new() });
    }
    playing(case, players).await.with_context(|| format!("case {}", case.name))
}

async fn playing(case: &Case, players: &Players) -> anyhow::Result<Played> {
    if let Some((end, why)) = heard::end(case)? {
        return Ok(Played { got: Got::End(end), why });
    }
    let scratch = tempfile::Builder::new().prefix("selfheal-").tempdir()?;
    let source = repository_of(case, scratch.path()).await?;
    let sandbox = Sandbox::probe(players.isolation, scratch.path()).await?;
    let policy = policy(case, players, &source).await?;
    let scratch = scratch.path();
    let stage = Stage { case, players, source: &source, policy: &policy, scratch };
    let (known, seen) = stage.known(&sandbox).await?;
    if let Some(seen) = &seen
        && seen.run.ended.is_green()
    {
        let why = "what failed is green here".to_owned();
        return Ok(Played { got: Got::End(Ends::Flaky), why });
    }
    let evidence = stage.evidence(&known);
    if let Some((end, why)) = decision::end(&case.file, &policy, &evidence)? {
        return Ok(Played { got: Got::End(end), why });
    }
    stage.attempted(known, seen, sandbox).await
}

/// What a case is played with.
struct Stage<'a> {
    case: &'a Case,
    players: &'a Players,
    source: &'a Source,
    policy: &'a Policy,
    scratch: &'a Path,
}

impl Stage<'_> {
    /// What failed: by the log that was recorded, else by what the command says here.
    async fn known(&self, sandbox: &Sandbox) -> anyhow::Result<(Known, Option<Seen>)> {
        let command = self.case.file.command.clone();
        let (log, hints, seen) = match (self.case.log()?, &command) {
            (Some(log), _) => (log, Hints::default(), None),
            (None, Some(command)) => {
                let dir = self.scratch.join("first");
                let checkout = self.source.checkout(&dir).await?;
                let reports = Reports::within(checkout.dir());
                let finished = sandbox.run(&self.spec(command, checkout.dir())).await?;
                let exit_code = match finished.run.ended {
                    Ended::Exit(code) => Some(code),
                    Ended::Signal(_) | Ended::TimedOut | Ended::OverLimit | Ended::NotFound => None,
                };
                let root = sandbox.workspace_inside(checkout.dir()).display().to_string();
                let hints = Hints { exit_code, workspace_roots: vec![root], ..Hints::default() };
                let output = finished.output;
                let seen = Seen::of(finished.run, &output, checkout.dir(), &reports);
                (output, hints, Some(seen))
            }
            // What the server makes of a run that has no jobs.
            (None, None) => {
                let failures = vec![Failure::of_run_without_jobs("ci")];
                let known = Known {
                    excerpt: String::new(),
                    failures,
                    failing_commands: Vec::new(),
                    green_commands: Vec::new(),
                };
                return Ok((known, None));
            }
        };
        let mut reading = evidence::read(&log, &hints);
        self.source.hold_places(&mut reading.failures).await?;
        let failing_commands = match command {
            Some(command) => vec![command],
            None => reading.commands.clone(),
        };
        let known = Known {
            excerpt: reading.excerpt(EXCERPT_BYTES_MAX),
            failures: reading.failures,
            failing_commands,
            green_commands: reading.green_commands,
        };
        Ok((known, seen))
    }

    fn evidence(&self, known: &Known) -> Evidence {
        let failures = decision::seen(&known.failures);
        Evidence {
            head: self.source.head().clone(),
            runs: Vec::new(),
            judgement: decision::judgement(&self.case.file, &failures, self.source.head()),
            failures,
            excerpt: known.excerpt.clone(),
            commands: known.failing_commands.clone(),
            green_commands: known.green_commands.clone(),
            sources: Vec::new(),
            notes: Vec::new(),
            changed_files: Vec::new(),
        }
    }

    fn spec(&self, command: &str, dir: &Path) -> CommandSpec {
        let mut spec = CommandSpec::shell(command, dir, self.policy.limits);
        spec.network = self.policy.network;
        spec
    }

    /// Makes the attempt, asks the gate, and holds what would be committed against the case's truth.
    async fn attempted(
        &self,
        known: Known,
        seen: Option<Seen>,
        sandbox: Sandbox,
    ) -> anyhow::Result<Played> {
        let brief = local::brief(self.source, self.policy, known)?;
        let setting = Setting {
            source: Ok(self.source.clone()),
            sandbox: Ok(sandbox),
            dependencies: Dependencies::default(),
            known: seen.into_iter().collect(),
            scratch: self.scratch.to_owned(),
            heartbeat: HEARTBEAT,
            observer: &Nobody,
            models: self.players.models()?,
        };
        let isolation = setting.sandbox.as_ref().map_or(Isolation::Bubblewrap, Sandbox::isolation);
        let attempt = local::attempted(self.source, self.policy, &brief, setting);
        let (outcome, judged) = attempt.await?;
        let (end, why) = match (&outcome, judged) {
            (Outcome::Proposed { fixer, .. }, Some(judged)) => match judged.verdict.answer() {
                Answer::Allow if fixer.starts_with("recipe:") => {
                    (Ends::HealedByRecipe, fixer.clone())
                }
                Answer::Allow => (Ends::HealedByFixer, fixer.clone()),
                Answer::Hold => (Ends::NeedsPerson, judged.verdict.words()),
                Answer::Refuse => (Ends::Refused, judged.verdict.words()),
            },
            (Outcome::NotReproduced { .. }, _) => {
                (Ends::Flaky, "what failed is green here".to_owned())
            }
            (Outcome::GaveUp { why, note, .. }, _) => {
                (Ends::NotHealed, format!("{}: {note}", why.as_str()))
            }
            (Outcome::Proposed { .. } | Outcome::Waits { .. } | Outcome::Asks { .. }, _) => {
                (Ends::NeedsPerson, String::new())
            }
        };
        let patch = outcome.patch().filter(|_| end.is_healed());
        let is_false = match (patch, &self.case.file.truth) {
            (Some(patch), Some(truth)) => !self.is_true(patch, truth, isolation).await?,
            (Some(_) | None, _) => false,
        };
        let got = if is_false { Got::FalselyHealed } else { Got::End(end) };
        Ok(Played { got, why })
    }

    /// Whether the case's own truth holds with the patch.
    async fn is_true(
        &self,
        patch: &Patch,
        truth: &str,
        isolation: Isolation,
    ) -> anyhow::Result<bool> {
        let sandbox = Sandbox::probe(isolation, self.scratch).await?;
        let mut checkout = self.source.checkout(&self.scratch.join("truth")).await?;
        checkout.apply(patch)?;
        Ok(sandbox.run(&self.spec(truth, checkout.dir())).await?.run.ended.is_green())
    }
}

/// The repository's own policy, with the case's fixers, within the limits of a replay.
async fn policy(case: &Case, players: &Players, source: &Source) -> anyhow::Result<Policy> {
    let mut policy = match source.file(&policy_path()).await? {
        Some(bytes) => repository::parse(std::str::from_utf8(&bytes)?)?,
        None => Policy::default(),
    };
    let fixers = players.of(case);
    let is_scripted = !fixers.iter().any(|fixer| matches!(fixer, FixerSpec::Agent { .. }));
    // An agent takes the time that it has in earnest.
    let attempt_secs = if is_scripted { ATTEMPT_SECS } else { policy.limits.attempt_secs };
    policy.fixers.extend(fixers);
    policy.limits = RunLimits { attempt_secs, command_secs: COMMAND_SECS, ..policy.limits };
    // Offline, whatever the repository asks for.
    policy.network = Network::Closed;
    Ok(policy)
}

/// The case's repository as one commit in a mirror.
async fn repository_of(case: &Case, scratch: &Path) -> anyhow::Result<Source> {
    let git = Git::find(scratch)?;
    let dir = scratch.join("repo");
    fs::create_dir_all(&dir)?;
    git.run(&dir, &["init", "--quiet", "--template="]).await?;
    let bundle = case.dir.join("repo.bundle");
    if bundle.is_file() {
        let bundle = bundle.canonicalize()?.display().to_string();
        let args = ["fetch", "--quiet", bundle.as_str(), "HEAD"];
        git.call(Call { file_remotes: FileRemotes::Allowed, ..Call::new(&dir, &args) }).await?;
        git.run(&dir, &["checkout", "--quiet", "--detach", "FETCH_HEAD"]).await?;
    }
    let folder = case.dir.join("repo");
    if folder.is_dir() {
        copy(&folder, &dir)?;
    }
    for (name, text) in &case.file.files {
        let path = RepoPath::parse(name).with_context(|| format!("the file {name:?}"))?;
        put(&dir.join(path.as_str()), text.as_bytes())?;
    }
    let tree = WorkingTree::around(git, &dir).await?;
    Ok(tree.snapshot(&scratch.join("mirror.git")).await?)
}

fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    fs::write(path, bytes).with_context(|| path.display().to_string())
}

/// Copies plain files; what is neither file nor folder is left out.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut open: Vec<(PathBuf, PathBuf)> = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = open.pop() {
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            let (kind, below) = (entry.file_type()?, to.join(entry.file_name()));
            if kind.is_dir() {
                open.push((entry.path(), below));
            } else if kind.is_file() {
                put(&below, &fs::read(entry.path())?)?;
            }
        }
    }
    Ok(())
}
