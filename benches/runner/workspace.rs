//! How soon a workspace stands: from the mirror of an earlier attempt, without one, and by `git clone`.
//!
//! The repository is made: a history in which each commit changes a file, packed as a server packs it.
//! The remote is a folder of this machine, so no network is in any figure; what is left is what git and
//! the file system take. Before each turn a new commit is pushed, which no mirror has.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use selfheal::domain::ids::{PrNumber, Sha};
use selfheal::runner::git::Git;
use selfheal::runner::workspace::{Remote, Source, Wanted};

use crate::repository::{self, git};
use crate::say;

/// Files of the newest commit.
const FILES: usize = 3_000;

/// Lines of each; some ten kilobytes.
const LINES: usize = 250;

/// Commits behind it.
const COMMITS: usize = 10_000;

/// How often each way takes its turn.
const TURNS: usize = 5;

/// Words that files are made of.
const WORDS: [&str; 16] = [
    "let", "fn", "self", "value", "match", "return", "crate", "version", "async", "await",
    "Result", "Option", "struct", "impl", "where", "index",
];

/// Measures every way in turns.
pub(crate) async fn run() {
    let room = tempfile::tempdir().expect("a folder can be made");
    let remote = room.path().join("remote");
    std::fs::create_dir_all(&remote).expect("a folder can be made");
    made(&remote);
    let packed = git(&remote, &["count-objects", "-v"]);
    let size = packed.lines().find_map(|line| line.strip_prefix("size-pack: ")).unwrap_or("?");
    say(&format!(
        "\n## Workspaces\n\n{FILES} files, {COMMITS} commits, {size} kB packed; seconds, median of \
         {TURNS} turns (fastest)\n"
    ));
    let base = repository::head(&remote);
    let home = room.path().join("home");
    std::fs::create_dir_all(&home).expect("a folder can be made");
    let mirror = room.path().join("mirror.git");
    workspace(&home, &remote, &mirror, &room.path().join("first"), &base).await;

    let mut rows: [(&str, Vec<Duration>); 4] = [
        ("`git clone`", Vec::new()),
        ("`git clone --depth=1`", Vec::new()),
        ("**selfheal, mirror of an earlier attempt**", Vec::new()),
        ("selfheal, no mirror", Vec::new()),
    ];
    let url = format!("file://{}", remote.display());
    for turn in 0..TURNS {
        std::fs::write(remote.join("pushed"), turn.to_string()).expect("the folder can be written");
        git(&remote, &["add", "-A"]);
        git(&remote, &["commit", "-q", "-m", "pushed"]);
        let at = |name: &str| room.path().join(format!("{name}-{turn}"));
        let to = |name: &str| at(name).to_string_lossy().into_owned();
        rows[0].1.push(timed(|| drop(git(room.path(), &["clone", "-q", &url, &to("clone")]))));
        rows[1].1.push(timed(|| {
            git(room.path(), &["clone", "-q", "--depth=1", &url, &to("shallow")]);
        }));
        let warm = workspace(&home, &remote, &mirror, &at("warm"), &base).await;
        rows[2].1.push(warm);
        let cold = workspace(&home, &remote, &at("new-mirror"), &at("cold"), &base).await;
        rows[3].1.push(cold);
        for name in ["clone", "shallow", "warm", "new-mirror", "cold"] {
            let _ = std::fs::remove_dir_all(at(name)); // only room is lost if it stays
        }
    }
    let clone = median(&mut rows[0].1);
    say("| way | s | of a clone |\n| --- | --- | --- |");
    for (name, took) in &mut rows {
        let middle = median(took);
        say(&format!(
            "| {name} | {:.2} ({:.2}) | {:.2} |",
            middle.as_secs_f64(),
            took[0].as_secs_f64(),
            middle.as_secs_f64() / clone.as_secs_f64()
        ));
    }
}

fn median(took: &mut [Duration]) -> Duration {
    took.sort_unstable();
    took[took.len() / 2]
}

fn timed(act: impl FnOnce()) -> Duration {
    let started = Instant::now();
    act();
    started.elapsed()
}

/// Prepares a workspace of the remote's newest commit, as an attempt does; how long it took.
async fn workspace(home: &Path, remote: &Path, mirror: &Path, dir: &Path, base: &Sha) -> Duration {
    let wanted = Wanted {
        head: repository::head(remote),
        base: base.clone(),
        fork: None,
        pull: PrNumber::new(7),
    };
    let remote = Remote { url: remote.display().to_string(), credential: None };
    let started = Instant::now();
    let git = Git::find(home).expect("git is installed");
    let source = Source::fetch(git, mirror, &remote, &wanted).await.expect("the commit is there");
    source.checkout(dir).await.expect("it can be checked out");
    started.elapsed()
}

/// Makes the repository.
fn made(dir: &Path) {
    git(dir, &["init", "-q", "-b", "main"]);
    git(dir, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet"])
        .current_dir(dir)
        .stdin(Stdio::piped())
        .spawn()
        .expect("git is installed");
    let mut told = std::io::BufWriter::new(import.stdin.take().expect("it reads"));
    let mut dice = Dice(1);
    for commit in 0..=COMMITS {
        let head = format!("commit refs/heads/main\ncommitter b <b@example.com> {commit} +0000\n");
        told.write_all(head.as_bytes()).expect("git reads");
        told.write_all(b"data 1\nx\n").expect("git reads");
        let files = if commit == 0 { 0..FILES } else { one(dice.below(FILES)) };
        for file in files {
            let text = dice.file();
            let head =
                format!("M 100644 inline src/d{}/f{file}.rs\ndata {}\n", file % 60, text.len());
            told.write_all(head.as_bytes()).expect("git reads");
            told.write_all(text.as_bytes()).expect("git reads");
            told.write_all(b"\n").expect("git reads");
        }
    }
    drop(told);
    assert!(import.wait().expect("git ends").success(), "git could not import");
    git(dir, &["reset", "-q", "--hard", "main"]);
    git(dir, &["gc", "-q"]);
}

const fn one(file: usize) -> std::ops::Range<usize> {
    file..file + 1
}

/// The same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % end
    }

    fn file(&mut self) -> String {
        let mut text = String::new();
        for line in 0..LINES {
            let words = [(); 5].map(|()| WORDS[self.below(WORDS.len())]);
            let _ =
                writeln!(text, "    {} {}", words.join(" "), (line * 7919 + self.below(97)) % 1009);
        }
        text
    }
}
