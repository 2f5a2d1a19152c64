//! What every test of the runner needs: a repository, a sandbox, a server that writes down what it
//! is told.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use selfheal::documents;
use selfheal::domain::brief::{
    Brief, FixerSpec, Instruction, Network, PROTOCOL_VERSION, Resume, RunLimits, StageReport,
};
use selfheal::domain::document::Stage;
use selfheal::domain::failure::{Failure, FailureKind};
use selfheal::domain::ids::{AttemptId, Branch, PrNumber, RepoId, RepoPath, RepoSlug, Sha};
use selfheal::domain::inputs::Prompt;
use selfheal::domain::outcome::Outcome;
use selfheal::runner::attempt::{self, End, Setting};
use selfheal::runner::dependencies::Dependencies;
use selfheal::runner::git::Git;
use selfheal::runner::model::ModelEnd;
use selfheal::runner::observe::Nobody;
use selfheal::runner::sandbox::{Isolation, Sandbox};
use selfheal::runner::server::{Server, ServerError};
use selfheal::runner::workspace::{Remote, Source, Wanted};

/// Limits that a test never waits long for.
pub fn limits() -> RunLimits {
    RunLimits {
        attempt_secs: 300,
        command_secs: 120,
        memory_bytes: 2 * 1024 * 1024 * 1024,
        processes_max: 256,
        output_bytes: 4 * 1024 * 1024,
    }
}

/// A sandbox of the strong kind.
pub async fn sandbox(scratch: &Path) -> Sandbox {
    Sandbox::probe(Isolation::Bubblewrap, scratch).await.unwrap()
}

pub fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

/// A repository with commits, as a forge has it.
pub struct Repo {
    dir: tempfile::TempDir,
}

impl Repo {
    /// A repository whose first commit has these files.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let repo = Self { dir: tempfile::tempdir().unwrap() };
        repo.git(&["init", "-q", "-b", "main"]);
        repo.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
        for (name, text) in files {
            repo.write(name, text);
        }
        repo.commit();
        repo
    }

    /// A Rust package of that name, without dependencies, whose library is this text.
    pub fn rust(lib: &str) -> Self {
        let manifest = "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
        let lock = "version = 4\n\n[[package]]\nname = \"tiny\"\nversion = \"0.1.0\"\n";
        Self::new(&[
            ("Cargo.toml", manifest),
            ("Cargo.lock", lock),
            (".gitignore", "/target\n"),
            ("src/lib.rs", lib),
        ])
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.dir().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
            .args(args)
            .current_dir(self.dir())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Commits everything; the commit's name.
    pub fn commit(&self) -> Sha {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "x"]);
        self.head()
    }

    pub fn head(&self) -> Sha {
        Sha::parse(&self.git(&["rev-parse", "HEAD"])).unwrap()
    }

    /// A mirror of it with the head, and the first commit as base.
    pub async fn source(&self, scratch: &Path) -> Source {
        let remote = Remote { url: self.dir().display().to_string(), credential: None };
        let root = self.git(&["rev-list", "--max-parents=0", "HEAD"]);
        let base = Sha::parse(&root).unwrap();
        let wanted = Wanted { head: self.head(), base, fork: None, pull: PrNumber::new(7) };
        let git = Git::find(scratch).unwrap();
        Source::fetch(git, &scratch.join("mirror.git"), &remote, &wanted).await.unwrap()
    }
}

/// The attempt of every brief here.
const ATTEMPT: &str = "att_0193a1b2c3d47e5f8a9b0c1d2e3f4a5b";

/// A brief for the head of a repository, with the recipes as fixers.
pub fn brief(repo: &Repo, failures: Vec<Failure>, commands: &[&str]) -> Brief {
    Brief {
        protocol: PROTOCOL_VERSION,
        attempt: AttemptId::parse(ATTEMPT).unwrap(),
        number: 1,
        repo_id: RepoId::new(1),
        repo: RepoSlug::parse("acme/tiny").unwrap(),
        pull: PrNumber::new(7),
        head: repo.head(),
        base: Branch::parse("main").unwrap(),
        base_sha: repo.head(),
        fork: None,
        failures,
        excerpt: "error: something".to_owned(),
        failing_commands: commands.iter().map(|command| (*command).to_owned()).collect(),
        green_commands: Vec::new(),
        verify: Vec::new(),
        proof_runs: 1,
        remedies: Vec::new(),
        fixers: vec![FixerSpec::Recipes { only: Vec::new() }],
        protected: Vec::new(),
        changed_files: Vec::new(),
        earlier: Vec::new(),
        limits: limits(),
        network: Network::Closed,
        questions_max: 2,
        feedback: Vec::new(),
        resume: None,
    }
}

/// A command fixer.
pub fn fixed_by(run: &str) -> FixerSpec {
    FixerSpec::Command { name: "test".to_owned(), run: run.to_owned() }
}

/// A failure by a tool in a file.
pub fn failure(kind: FailureKind, tool: &str, file: &str) -> Failure {
    Failure { tool: Some(tool.into()), file: Some(path(file)), ..Failure::new(kind, "x") }
}

/// A server that writes down what it is told, and may call the attempt off.
#[derive(Default)]
pub struct Notebook {
    pub reports: Mutex<Vec<StageReport>>,
    pub outcomes: Mutex<Vec<Outcome>>,
    pub prompts: Mutex<Vec<Prompt>>,
    /// Call the attempt off after this many stages.
    pub stop_after: Option<usize>,
    /// Call it off at the first heartbeat.
    pub stop_at_heartbeat: bool,
}

#[async_trait]
impl Server for Notebook {
    async fn brief(&self) -> Result<Brief, ServerError> {
        Err(ServerError::Over)
    }

    async fn heartbeat(&self) -> Result<Instruction, ServerError> {
        Ok(if self.stop_at_heartbeat { Instruction::Stop } else { Instruction::Continue })
    }

    async fn stage(&self, report: &StageReport) -> Result<Instruction, ServerError> {
        // What a server would refuse, no stage writes.
        documents::taken(report, AttemptId::parse(ATTEMPT).unwrap()).unwrap();
        let mut reports = self.reports.lock().unwrap();
        reports.push(report.clone());
        let is_enough = self.stop_after.is_some_and(|count| reports.len() >= count);
        Ok(if is_enough { Instruction::Stop } else { Instruction::Continue })
    }

    async fn prompt(&self, prompt: &Prompt) -> Result<(), ServerError> {
        self.prompts.lock().unwrap().push(prompt.clone());
        Ok(())
    }

    async fn outcome(&self, outcome: &Outcome) -> Result<Instruction, ServerError> {
        self.outcomes.lock().unwrap().push(outcome.clone());
        Ok(Instruction::Stop)
    }
}

impl Notebook {
    /// The stages in the order in which they were reported.
    pub fn stages(&self) -> Vec<(Stage, u8)> {
        self.reports.lock().unwrap().iter().map(|report| (report.stage, report.round)).collect()
    }

    /// What another machine would be given to go on with.
    pub fn resume(&self) -> Option<Resume> {
        let reports = self.reports.lock().unwrap();
        let last = reports.last()?;
        Some(Resume {
            stage: last.stage,
            round: last.round,
            documents: reports.iter().flat_map(|report| report.documents.clone()).collect(),
            work_in_progress: last.work_in_progress.clone(),
            checkpoint: None,
        })
    }
}

/// Makes an attempt; how it ended.
pub async fn attempt(repo: &Repo, brief: &Brief, server: &Notebook) -> End {
    let scratch = tempfile::tempdir().unwrap();
    let setting = setting(repo, scratch.path(), None).await;
    attempt::run(server, brief, setting).await.unwrap()
}

/// What an attempt has, with that way to models.
pub async fn setting(repo: &Repo, scratch: &Path, models: Option<ModelEnd>) -> Setting<'static> {
    Setting {
        source: Ok(repo.source(scratch).await),
        sandbox: Ok(sandbox(scratch).await),
        dependencies: Dependencies::default(),
        known: Vec::new(),
        scratch: scratch.to_owned(),
        heartbeat: Duration::from_millis(50),
        observer: &Nobody,
        models,
    }
}

/// Makes an attempt to its end.
pub async fn outcome(repo: &Repo, brief: &Brief) -> Outcome {
    match attempt(repo, brief, &Notebook::default()).await {
        End::Reported(outcome) => outcome,
        End::Stopped => panic!("it was stopped"),
    }
}

/// A file's text in a patch.
#[track_caller]
pub fn text_in(outcome: &Outcome, name: &str) -> String {
    let Outcome::Proposed { patch, .. } = outcome else { panic!("{outcome:#?}") };
    let change = patch.changes().iter().find(|change| change.path == path(name)).unwrap();
    change.new.as_ref().unwrap().content.text().unwrap().to_owned()
}
