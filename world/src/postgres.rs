//! A PostgreSQL server of our own, for tests and benchmarks.
//!
//! It listens on a socket file in a folder of its own and on no port, and ends with this process: a
//! shell beside it reads the other end of a pipe that only this process holds, so it hears of our end
//! however we end, stops the server and removes the folder.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::{Connection as _, Executor as _, PgConnection};

/// Stops and starts the server as it is told; stops it for good, whichever way our end of the pipe is
/// closed, and cleans up after it.
const WATCHED: &str = r#"
    serve() {
        $UNDER "$BIN/postgres" -D "$DIR/data" -k "$DIR" -c listen_addresses= \
            -c log_min_messages=log $OPTIONS <&- &
        server=$!
    }
    serve
    while read -r told; do
        case $told in
            crash) kill -QUIT $server; wait $server ;;
            serve) serve ;;
        esac
    done
    kill -QUIT $server
    wait $server
    rm -rf "$DIR"
"#;

/// How long a server may take to end, or to start and recover.
const CHANGE_SECS_MAX: u64 = 30;

/// How often it is looked at meanwhile.
const LOOK_MS: u64 = 10;

/// What the server says when it takes connections.
const READY: &str = "ready to accept connections";

/// How a server is started.
#[derive(Debug, Clone, Copy, Default)]
pub struct How<'a> {
    /// Options of `postgres`, separated by blanks; none of them has a blank in it.
    pub options: &'a str,
    /// A command that starts it, for example `taskset -c 0`; nothing: by itself.
    pub under: &'a str,
}

/// A private PostgreSQL server.
#[derive(Debug)]
pub struct Server {
    dir: PathBuf,
    /// Holds our end of the pipe; dropped or not, it is closed when this process ends.
    watched: Child,
    databases: AtomicU64,
}

impl Server {
    /// Starts one, and waits until it takes connections.
    ///
    /// # Panics
    /// When PostgreSQL is not installed or does not start.
    pub fn start(how: How<'_>) -> Self {
        let bin = programs(&["initdb", "postgres"]);
        let dir = tempfile::tempdir().expect("a folder can be made").keep();
        let owner = unprivileged();
        if let Some((user, group)) = owner {
            chown(&dir, Some(user), Some(group)).expect("a folder can be given away");
        }
        let made = command(&bin.join("initdb"), owner)
            .current_dir(&dir)
            .args(["-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"])
            .arg("--no-sync")
            .output()
            .expect("initdb starts");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut watched = command(Path::new("sh"), owner)
            .current_dir(&dir)
            .args(["-c", WATCHED])
            .env("BIN", bin)
            .env("DIR", &dir)
            .env("OPTIONS", how.options)
            .env("UNDER", how.under)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell starts");
        let log = watched.stderr.take().expect("invariant: it was asked for");
        let mut said = BufReader::new(log).lines().map_while(Result::ok);
        let heard: Vec<String> = said.by_ref().take_while(|line| !line.contains(READY)).collect();
        // What it says later is read and dropped, so that it never waits for a reader.
        let gone = std::thread::spawn(move || said.count());
        assert!(!gone.is_finished(), "PostgreSQL did not start: {}", heard.join("\n"));
        Self { dir, watched, databases: AtomicU64::new(0) }
    }

    /// Where a database of it is.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.dir.display())
    }

    /// Where a new, empty database of it is.
    ///
    /// # Panics
    /// When the server does not make one.
    pub async fn database(&self) -> String {
        let name = format!("fresh_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let connection = PgConnection::connect(&self.url("postgres")).await;
        let mut connection = connection.expect("the server answers");
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        connection.execute(create).await.expect("a database can be made");
        connection.close().await.expect("the server answers");
        self.url(&name)
    }

    /// The process that all others of the server come from.
    ///
    /// # Panics
    /// When the server does not run.
    pub fn pid(&self) -> u32 {
        let text = std::fs::read_to_string(self.dir.join("data/postmaster.pid"));
        let text = text.expect("a server that runs has a pid file");
        text.lines().next().and_then(|line| line.parse().ok()).expect("its first line is the pid")
    }

    /// It crashes: every connection is cut, and what was not committed is gone.
    ///
    /// # Panics
    /// When it does not end in time.
    pub async fn crash(&mut self) {
        self.tell("crash\n");
        let url = self.url("postgres");
        until(async || PgConnection::connect(&url).await.is_err()).await;
    }

    /// It is started again and takes connections when it has recovered.
    ///
    /// # Panics
    /// When it does not recover in time.
    pub async fn serve(&mut self) {
        self.tell("serve\n");
        let url = self.url("postgres");
        until(async || PgConnection::connect(&url).await.is_ok()).await;
    }

    fn tell(&mut self, order: &str) {
        let pipe = self.watched.stdin.as_mut().expect("invariant: it was asked for");
        let told = pipe.write_all(order.as_bytes()).and_then(|()| pipe.flush());
        told.expect("the shell beside the server listens");
    }
}

/// Waits for something that a server comes to by itself.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let limit = Duration::from_secs(CHANGE_SECS_MAX);
    let come = tokio::time::timeout(limit, async {
        let mut looks = tokio::time::interval(Duration::from_millis(LOOK_MS));
        while !is_so().await {
            looks.tick().await;
        }
    });
    come.await.expect("a server that starts and ends within half a minute");
}

fn command(program: &Path, owner: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    command
}

/// PostgreSQL refuses to run as root; then it runs as nobody.
fn unprivileged() -> Option<(u32, u32)> {
    let id = |args: &[&str]| -> u32 {
        let output = Command::new("id").args(args).output().expect("`id` is there");
        let text = String::from_utf8_lossy(&output.stdout);
        text.trim().parse().expect("`id` tells a number")
    };
    (id(&["-u"]) == 0).then(|| (id(&["-u", "nobody"]), id(&["-g", "nobody"])))
}

/// Runs one of PostgreSQL's own programs to its end.
///
/// # Panics
/// When it is not installed or fails.
pub fn run_program(name: &str, args: &[&str]) {
    let output = Command::new(programs(&[name]).join(name)).args(args).output();
    let output = output.expect("a program that is there starts");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The folder of these programs of PostgreSQL's: on the path, or where Debian keeps each version.
fn programs(names: &[&str]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let debian = debian.flatten().map(|version| version.path().join("bin"));
    std::env::split_paths(&path)
        .chain(debian)
        .find(|bin| names.iter().all(|name| bin.join(name).is_file()))
        .expect("PostgreSQL is not installed: `cargo xtask setup` tells what to install")
}
