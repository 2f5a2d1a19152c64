//! What a hostile command cannot do.

use std::fs;
use std::path::Path;

use selfheal::domain::brief::{Network, RunLimits};
use selfheal::domain::outcome::Ended;
use selfheal::runner::sandbox::{CommandSpec, Finished, Isolation, Sandbox};

use super::scene::{limits, sandbox};

struct Cell {
    sandbox: Sandbox,
    workspace: tempfile::TempDir,
    _scratch: tempfile::TempDir,
}

impl Cell {
    async fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let sandbox = sandbox(scratch.path()).await;
        Self { sandbox, workspace: tempfile::tempdir().unwrap(), _scratch: scratch }
    }

    async fn run(&self, line: &str) -> Finished {
        self.run_within(line, limits()).await
    }

    async fn run_within(&self, line: &str, limits: RunLimits) -> Finished {
        let spec = CommandSpec::shell(line, self.workspace.path(), limits);
        self.sandbox.run(&spec).await.unwrap()
    }
}

fn text(finished: &Finished) -> String {
    String::from_utf8_lossy(&finished.output).into_owned()
}

#[tokio::test]
async fn a_command_ends_as_it_ended() {
    let cell = Cell::new().await;
    assert_eq!(cell.run("echo hi; exit 7").await.run.ended, Ended::Exit(7));
    assert_eq!(cell.run("no-such-program-here").await.run.ended, Ended::Exit(127));
    let both = cell.run("echo out; echo err >&2; echo out").await;
    assert_eq!(text(&both), "out\nerr\nout\n");
}

#[tokio::test]
async fn the_workspace_can_be_written_and_the_rest_cannot() {
    let cell = Cell::new().await;
    let line = "echo made > made; for d in / /usr /etc /proc/sys/kernel; do \
                touch $d/x 2>/dev/null && echo wrote $d; done; true";
    let finished = cell.run(line).await;
    assert_eq!(text(&finished), "");
    assert_eq!(fs::read_to_string(cell.workspace.path().join("made")).unwrap(), "made\n");
}

#[tokio::test]
async fn no_variable_of_the_outer_process_is_seen() {
    // Cargo itself gives the test process variables that must not arrive, so none need be planted.
    assert!(std::env::var("CARGO_MANIFEST_DIR").is_ok());
    let cell = Cell::new().await;
    let finished = cell.run("env; cat /proc/*/environ | tr '\\0' '\\n'").await;
    let seen = text(&finished);
    assert!(seen.contains("HOME=/home/selfheal"), "{seen}");
    for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME"] {
        assert!(!seen.contains(name), "{name} in {seen}");
    }
}

#[tokio::test]
async fn no_other_home_and_no_other_process_is_seen() {
    let cell = Cell::new().await;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "s3cret").unwrap();
    let line = format!(
        "cat {0}/secret; ls /root /home; ls /proc | grep -c '^[0-9]'; ls -A ~ /tmp",
        outside.path().display()
    );
    let seen = text(&cell.run(&line).await);
    assert!(!seen.contains("s3cret"), "{seen}");
    assert!(!seen.contains(".ssh") && !seen.contains(".bashrc"), "{seen}");
    let processes: u32 = seen.lines().find_map(|line| line.parse().ok()).unwrap();
    assert!(processes < 8, "{seen}");
}

#[tokio::test]
async fn the_network_is_closed_unless_it_is_opened() {
    let cell = Cell::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let line = format!(
        "python3 -c \"import socket; socket.create_connection(('127.0.0.1', {port}), 5); \
         print('connected')\""
    );
    let closed = cell.run(&line).await;
    assert!(!closed.run.ended.is_green(), "{}", text(&closed));
    let mut spec = CommandSpec::shell(line, cell.workspace.path(), limits());
    spec.network = Network::Open;
    let open = cell.sandbox.run(&spec).await.unwrap();
    assert_eq!(text(&open), "connected\n");
}

#[tokio::test]
async fn there_is_no_privilege_to_be_had() {
    let cell = Cell::new().await;
    let line = "grep -E 'Cap(Eff|Bnd)|NoNewPrivs' /proc/self/status; unshare -Ur true && echo nested; \
                mount -t tmpfs x /tmp && echo mounted; id -u";
    let seen = text(&cell.run(line).await);
    assert!(seen.contains("CapEff:\t0000000000000000"), "{seen}");
    assert!(seen.contains("NoNewPrivs:\t1"), "{seen}");
    assert!(!seen.contains("nested") && !seen.contains("mounted"), "{seen}");
    assert!(seen.ends_with("1000\n"), "{seen}");
}

#[tokio::test]
async fn a_fork_bomb_is_stopped() {
    let cell = Cell::new().await;
    let small = RunLimits { processes_max: 32, command_secs: 20, ..limits() };
    let line = "i=0; while [ $i -lt 200 ]; do sleep 60 & i=$((i+1)); done; wait";
    let finished = cell.run_within(line, small).await;
    assert_eq!(finished.run.ended, Ended::OverLimit, "{}", text(&finished));
}

#[tokio::test]
async fn a_memory_hog_is_stopped() {
    let cell = Cell::new().await;
    let small = RunLimits { memory_bytes: 128 * 1024 * 1024, command_secs: 20, ..limits() };
    let line = "python3 -c \"x = [bytearray(1 << 20) for _ in range(1000)]; print(len(x))\"";
    let finished = cell.run_within(line, small).await;
    assert_eq!(finished.run.ended, Ended::OverLimit, "{}", text(&finished));
}

#[tokio::test]
async fn endless_output_is_stopped_and_its_beginning_kept() {
    let cell = Cell::new().await;
    let small = RunLimits { output_bytes: 100_000, command_secs: 20, ..limits() };
    let finished = cell.run_within("yes", small).await;
    assert_eq!(finished.run.ended, Ended::OverLimit);
    assert_eq!(finished.output.len(), 100_000);
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_killed() {
    let cell = Cell::new().await;
    let small = RunLimits { command_secs: 1, ..limits() };
    let finished = cell.run_within("echo begun; sleep 600", small).await;
    assert_eq!(finished.run.ended, Ended::TimedOut);
    assert_eq!(text(&finished), "begun\n");
}

/// Whether a process with that word in its command line runs on this machine.
fn runs(word: &str) -> bool {
    let own = std::process::id().to_string();
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        entry.file_name() != own.as_str()
            && line.split(|byte| *byte == 0).any(|part| part == word.as_bytes())
    })
}

/// A number of seconds that no other process sleeps for.
fn odd_seconds(salt: u32) -> String {
    format!("{}", 100_000 + salt * 7 + std::process::id() % 50_000 * 100)
}

#[tokio::test]
async fn nothing_that_was_started_outlives_the_command() {
    let cell = Cell::new().await;
    let secs = odd_seconds(1);
    let line = format!("setsid nohup sleep {secs} >/dev/null 2>&1 & sleep 0.2; exit 0");
    let finished = cell.run(&line).await;
    assert_eq!(finished.run.ended, Ended::Exit(0));
    assert!(!runs(&secs));
}

#[tokio::test]
async fn nothing_outlives_a_stopped_attempt() {
    let cell = Cell::new().await;
    let secs = odd_seconds(2);
    let marker = cell.workspace.path().join("begun");
    let line = format!("setsid sleep {secs} & touch begun; wait; sleep {secs}");
    {
        let running = cell.run(&line);
        tokio::pin!(running);
        tokio::select! {
            finished = &mut running => panic!("it ended: {}", text(&finished)),
            () = async { exists(&marker).await; there(&secs).await } => {}
        }
    }
    gone(&secs).await;
}

/// Waits for a process with that word: a shell goes on before what it starts in the background has
/// begun.
async fn there(word: &str) {
    while !runs(word) {
        tokio::task::yield_now().await;
    }
}

async fn exists(path: &Path) {
    while !path.exists() {
        tokio::task::yield_now().await;
    }
}

async fn gone(word: &str) {
    let wait = async {
        while runs(word) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), wait).await.expect("still there");
}

#[tokio::test]
async fn without_isolation_the_environment_is_cleared_and_the_tree_is_killed_all_the_same() {
    let scratch = tempfile::tempdir().unwrap();
    let workspace = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::probe(Isolation::None, scratch.path()).await.unwrap();
    let secs = odd_seconds(3);
    let line = format!("env; sleep {secs} >/dev/null 2>&1 & exit 4");
    let spec = CommandSpec::shell(line, workspace.path(), limits());
    let finished = sandbox.run(&spec).await.unwrap();
    assert_eq!(finished.run.ended, Ended::Exit(4));
    assert!(!text(&finished).contains("CARGO_MANIFEST_DIR"), "{}", text(&finished));
    gone(&secs).await;
}

#[tokio::test]
async fn toolchains_work_inside() {
    let cell = Cell::new().await;
    let finished = cell.run("cargo --version && rustfmt --version && git --version").await;
    assert!(finished.run.ended.is_green(), "{}", text(&finished));
}
