//! A PostgreSQL of our own, durable as an operator's.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sqlx::{Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;

/// Stops the server, whichever way our end of the pipe is closed.
const WATCHED: &str = r#"
    taskset -c "$CORES" "$BIN/postgres" -D "$DIR/data" -k "$DIR" \
        -c listen_addresses= -c log_min_messages=log <&- &
    server=$!
    read -r never
    kill -INT $server
    wait $server
"#;

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Postgres {
    watch: Child,
    dir: TempDir,
}

impl Postgres {
    /// Starts one on these cores.
    pub(crate) fn start(cores: &str) -> Self {
        let bin = programs();
        let dir = tempfile::tempdir().expect("a folder can be made");
        let owner = unprivileged();
        if let Some((user, group)) = owner {
            chown(dir.path(), Some(user), Some(group)).expect("a folder can be given away");
        }
        let made = command(&bin.join("initdb"), owner)
            .current_dir(dir.path())
            .args(["-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"])
            .output()
            .expect("initdb starts");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut watch = command(Path::new("sh"), owner)
            .current_dir(dir.path())
            .args(["-c", WATCHED])
            .envs([("BIN", bin.as_path()), ("DIR", dir.path())])
            .env("CORES", cores)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell starts");
        let log = watch.stderr.take().expect("its log can be read");
        let mut said = BufReader::new(log).lines().map_while(Result::ok);
        let ready = said.by_ref().any(|line| line.contains("ready to accept connections"));
        assert!(ready, "PostgreSQL did not start");
        std::thread::spawn(move || said.count());
        Self { watch, dir }
    }

    /// A new, empty database.
    pub(crate) async fn database(&self, number: usize) -> String {
        let name = format!("bench_{number}");
        let mut connection =
            PgConnection::connect(&self.url("postgres")).await.expect("PostgreSQL answers");
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        connection.execute(create).await.expect("a database can be made");
        connection.close().await.expect("PostgreSQL answers");
        self.url(&name)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.dir.path().display())
    }

    /// The process that the others of the server come from.
    pub(crate) fn pid(&self) -> u32 {
        let path = self.dir.path().join("data/postmaster.pid");
        let text = std::fs::read_to_string(path).expect("the server has a pid file");
        text.lines().next().and_then(|line| line.parse().ok()).expect("with its pid")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        let _ = self.watch.wait();
    }
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
        text.trim().parse().expect("`id` gives a number")
    };
    (id(&["-u"]) == 0).then(|| (id(&["-u", "nobody"]), id(&["-g", "nobody"])))
}

/// The folder of PostgreSQL's programs: on the path, or where Debian keeps each version.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let debian = debian.flatten().map(|version| version.path().join("bin"));
    std::env::split_paths(&path)
        .chain(debian)
        .find(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file())
        .expect("PostgreSQL is not installed: `cargo xtask setup` tells what to install")
}
