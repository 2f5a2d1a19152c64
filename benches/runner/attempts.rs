//! Fifty attempts at once, of an agent that is a script: what our own processes take for each.
//!
//! Counted as ours are the runner, its bridge in the sandbox, and the sandbox's own process; not the
//! agent, what it starts, git, and the repository's commands. Memory is the proportional set size, in
//! which what processes share (the program's own pages) counts once in all.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use selfheal::domain::agent::AgentName;
use selfheal::domain::brief::{Brief, FixerSpec, Network, PROTOCOL_VERSION, RunLimits};
use selfheal::domain::ids::{AttemptId, Branch, PrNumber, RepoId, RepoSlug};
use tokio::process::{Child, Command};

use crate::{desk, repository, say};

/// Attempts that are at work at the same time.
const ATTEMPTS: usize = 50;

/// How often memory is looked at.
const LOOKS: Duration = Duration::from_millis(500);

/// Longer than all of them take on any machine.
const PATIENCE: Duration = Duration::from_mins(10);

/// The programs that are ours.
const OURS: [&str; 3] = ["selfheal-runner", "selfheal", "bwrap"];

/// An agent that says a line four times a second for a quarter of a minute, then fixes the fault.
const AGENT: &str = r#"#!/bin/sh
case "$*" in *--version*) echo "2.1.329 (Claude Code)"; exit 0;; esac
echo '{"type":"system","subtype":"init","session_id":"s","model":"claude-sonnet-5-5"}'
said=0
while [ $said -lt 60 ]; do
  echo '{"type":"assistant","message":{"content":[{"type":"text","text":"I look at the next file, and it has nothing to do with it."}]}}'
  said=$((said + 1))
  sleep 0.25
done
echo good > value
echo '{"type":"result","subtype":"success","result":"done"}'
"#;

/// Measures one attempt alone, then all of them.
pub(crate) async fn run() {
    say(&format!("## Attempts at once\n\n{ATTEMPTS} attempts of a scripted agent of 15 s\n"));
    say(
        "| at once | from start to outcome, p50 / most, s | ours, MB each (mean / most) | ours and shared pages, MB each | processor, s each, agent included |",
    );
    say("| --- | --- | --- | --- | --- |");
    for count in [1, ATTEMPTS] {
        say(&Round::of(count).await.row());
    }
}

/// What came of some attempts at once.
#[derive(Default)]
struct Round {
    count: usize,
    took: Vec<Duration>,
    /// Kilobytes of each attempt when all of them took the most: proportional, and resident.
    mean_kb: u64,
    most_kb: u64,
    resident_kb: u64,
    processor: Duration,
}

impl Round {
    async fn of(count: usize) -> Self {
        let room = tempfile::tempdir().expect("a folder can be made");
        let remote = room.path().join("remote");
        let agents = room.path().join("agents/bin");
        for dir in [&remote, &agents] {
            fs::create_dir_all(dir).expect("a folder can be made");
        }
        repository::with(&remote, &[("check.sh", "grep -q good value\n"), ("value", "bad\n")]);
        let agent = agents.join("claude");
        fs::write(&agent, AGENT).expect("the agent can be written");
        fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).expect("it is ours");
        let (url, mut told) = desk::open(brief(&remote)).await;

        let started = Instant::now();
        let mut round = Self { count, ..Self::default() };
        let mut children: Vec<Child> =
            (0..count).map(|number| runner(room.path(), &url, number)).collect();
        let pids: Vec<u32> = children.iter().filter_map(Child::id).collect();
        let mut looks = tokio::time::interval(LOOKS);
        while round.took.len() < count {
            tokio::select! {
                heard = told.recv() => {
                    let (attempt, kind) = heard.expect("the desk is open");
                    assert_eq!(kind, "proposed", "{attempt} healed nothing");
                    round.took.push(started.elapsed());
                }
                _ = looks.tick() => round.look(&pids),
            }
            assert!(started.elapsed() < PATIENCE, "{} of {count} ended", round.took.len());
        }
        for child in &mut children {
            let ended = child.wait().await.expect("it can be waited for");
            assert!(ended.success(), "a runner failed: {ended}");
        }
        round.processor = children_s();
        round
    }

    /// Keeps the moment at which all of them took the most.
    fn look(&mut self, pids: &[u32]) {
        let tree = Tree::now();
        let each: Vec<(u64, u64)> = pids.iter().map(|pid| tree.ours_below(*pid)).collect();
        let mean = each.iter().map(|(own, _)| own).sum::<u64>() / pids.len() as u64;
        if mean > self.mean_kb {
            self.mean_kb = mean;
            self.most_kb = each.iter().map(|(own, _)| *own).max().unwrap_or_default();
            self.resident_kb = each.iter().map(|(_, all)| all).sum::<u64>() / pids.len() as u64;
        }
    }

    fn row(&mut self) -> String {
        self.took.sort_unstable();
        let (middle, last) = (self.took[self.took.len() / 2], self.took[self.took.len() - 1]);
        let count = u32::try_from(self.count).unwrap_or(u32::MAX);
        format!(
            "| {count} | {:.1} / {:.1} | **{:.1}** / {:.1} | {:.1} | {:.2} |",
            middle.as_secs_f64(),
            last.as_secs_f64(),
            mb(self.mean_kb),
            mb(self.most_kb),
            mb(self.resident_kb),
            (self.processor / count).as_secs_f64()
        )
    }
}

fn mb(kilobytes: u64) -> f64 {
    f64::from(u32::try_from(kilobytes).unwrap_or(u32::MAX)) / 1024.0
}

/// The processor time of all children that have ended since the last call, and of theirs.
fn children_s() -> Duration {
    use std::cell::Cell;
    thread_local!(static BEFORE: Cell<Duration> = const { Cell::new(Duration::ZERO) });
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name stands in brackets and may hold anything; ticks are a hundred in a second on Linux.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    let all = Duration::from_millis((ticks(13) + ticks(14)) * 10);
    BEFORE.with(|before| all.saturating_sub(before.replace(all)))
}

fn brief(remote: &Path) -> Brief {
    let head = repository::head(remote);
    Brief {
        protocol: PROTOCOL_VERSION,
        attempt: AttemptId::new(uuid::Uuid::from_u128(0)),
        number: 1,
        repo_id: RepoId::new(1),
        repo: RepoSlug::parse("acme/tiny").expect("a name"),
        pull: PrNumber::new(7),
        head: head.clone(),
        base: Branch::parse("main").expect("a name"),
        base_sha: head,
        fork: None,
        failures: Vec::new(),
        excerpt: "error: something".to_owned(),
        failing_commands: vec!["sh check.sh".to_owned()],
        green_commands: Vec::new(),
        verify: Vec::new(),
        proof_runs: 1,
        fixers: vec![FixerSpec::Agent {
            agent: AgentName::parse("claude-code").expect("an agent"),
            model: None,
        }],
        protected: Vec::new(),
        changed_files: Vec::new(),
        earlier: Vec::new(),
        remedies: Vec::new(),
        limits: RunLimits::default(),
        network: Network::Closed,
        questions_max: 0,
        feedback: Vec::new(),
        resume: None,
    }
}

/// A runner on a machine that has nothing of the others.
fn runner(room: &Path, url: &str, number: usize) -> Child {
    let temp = room.join(format!("runner-{number}"));
    fs::create_dir_all(&temp).expect("a folder can be made");
    let attempt = AttemptId::new(uuid::Uuid::from_u128(1 + number as u128)).to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    Command::new(env!("CARGO_BIN_EXE_selfheal-runner"))
        .args(["attempt", "--server", url, "--attempt", &attempt, "--remote"])
        .arg(room.join("remote"))
        .env_clear()
        .env("PATH", format!("{}:{path}", room.join("agents/bin").display()))
        .env("HOME", &temp)
        .env("RUNNER_TEMP", &temp)
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{url}/oidc?v=1"))
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the runner starts")
}

/// Every process with its parent.
struct Tree(BTreeMap<u32, Vec<u32>>);

impl Tree {
    fn now() -> Self {
        let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
        for pid in pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1));
            if let Some(parent) = parent.and_then(|parent| parent.parse().ok()) {
                children.entry(parent).or_default().push(pid);
            }
        }
        Self(children)
    }

    /// Kilobytes of our processes from that one on: proportional, and resident.
    fn ours_below(&self, pid: u32) -> (u64, u64) {
        let (mut own, mut all) = if is_ours(pid) { memory_kb(pid) } else { (0, 0) };
        for child in self.0.get(&pid).into_iter().flatten() {
            let (theirs, resident) = self.ours_below(*child);
            own += theirs;
            all += resident;
        }
        (own, all)
    }
}

fn is_ours(pid: u32) -> bool {
    let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    let name = program.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    OURS.contains(&name)
}

/// Proportional and resident set size (proc(5), `smaps_rollup`).
fn memory_kb(pid: u32) -> (u64, u64) {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let of = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
    };
    (of("Pss:"), of("Rss:"))
}
