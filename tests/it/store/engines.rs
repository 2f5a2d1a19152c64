//! Empty stores to test with: SQLite in a file, PostgreSQL on a private server, and the simulation's
//! in memory.
//!
//! The server is started once per test binary, listens on a socket file in a folder of its own and
//! on no port, and ends with the binary: a shell beside it reads the other end of a pipe that only
//! this process holds, so it hears of our end however we end, stops the server and removes the
//! folder. Who wants to see a server crash starts one of his own.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use selfheal::ports::store::Store;
use selfheal::ports::upkeep::Upkeep;
use selfheal::store::{Migrate, SqlStore};
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use tempfile::TempDir;

use crate::simulation::MemoryStore;

/// Stops and starts the server as it is told; stops it for good, whichever way our end of the pipe is
/// closed, and cleans up after it.
const WATCHED: &str = r#"
    serve() {
        "$BIN/postgres" -D "$DIR/data" -k "$DIR" $OPTIONS <&- &
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

/// No port, no waiting for the disk: what the operating system has been given outlives the server.
const OPTIONS: &str = "-F -c listen_addresses= -c full_page_writes=off -c max_connections=200 \
    -c log_min_messages=log";

/// Faster still, for servers that never crash.
const OPTIONS_UNWRITTEN: &str = "-c synchronous_commit=off";

/// How long a server may take to end, or to start and recover.
const CHANGE_SECS_MAX: u64 = 30;

/// How often it is looked at meanwhile.
const LOOK_MS: u64 = 10;

/// What the server says when it takes connections.
const READY: &str = "ready to accept connections";

/// Everything that is promised of a store.
pub(crate) trait Promised: Store + Upkeep {}

impl<T: Store + Upkeep> Promised for T {}

/// An empty store, and what keeps it alive.
#[derive(Debug)]
pub(crate) struct Opened {
    kept: Kept,
    /// Where the same database is opened again.
    pub(crate) url: String,
    counted: AtomicU64,
    _dir: Option<TempDir>,
}

/// Where it is kept.
#[derive(Clone)]
enum Kept {
    Sql(Arc<SqlStore>),
    Memory(Arc<MemoryStore>),
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sql(_) => "in a database",
            Self::Memory(_) => "in memory",
        })
    }
}

impl Opened {
    /// A store on SQLite.
    pub(crate) async fn sqlite() -> Self {
        let (url, dir) = sqlite_url();
        Self::at(url, Some(dir)).await
    }

    /// A store on PostgreSQL.
    pub(crate) async fn postgres() -> Self {
        Self::at(postgres_url().await, None).await
    }

    /// The simulation's store.
    pub(crate) fn memory() -> Self {
        let kept = Kept::Memory(MemoryStore::new());
        Self { kept, url: String::new(), counted: AtomicU64::new(0), _dir: None }
    }

    async fn at(url: String, dir: Option<TempDir>) -> Self {
        let store = SqlStore::open(&url, Migrate::Yes).await.unwrap();
        Self { kept: Kept::Sql(store), url, counted: AtomicU64::new(0), _dir: dir }
    }

    /// The ports, which are all that most promises are about.
    pub(crate) fn port(&self) -> Arc<dyn Promised> {
        match self.kept.clone() {
            Kept::Sql(store) => store,
            Kept::Memory(store) => store,
        }
    }

    /// The store on an engine, for promises about more than the port.
    pub(crate) fn sql(&self) -> &Arc<SqlStore> {
        match &self.kept {
            Kept::Sql(store) => store,
            Kept::Memory(_) => panic!("this promise is of the engines alone"),
        }
    }

    /// The same database opened once more, as another replica does.
    pub(crate) async fn again(&self) -> Arc<dyn Promised> {
        match &self.kept {
            Kept::Sql(_) => SqlStore::open(&self.url, Migrate::Yes).await.unwrap(),
            Kept::Memory(store) => store.clone(),
        }
    }

    /// What somebody else says to the database: an operator, or another release.
    pub(crate) async fn operate(&self, text: &'static str) {
        if self.url.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            connection.execute(text).await.unwrap();
        } else {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            connection.execute(text).await.unwrap();
        }
    }

    /// The same, for promises about more than the port.
    pub(crate) async fn sql_again(&self) -> Arc<SqlStore> {
        SqlStore::open(&self.url, Migrate::Yes).await.unwrap()
    }

    /// A number that was not handed out before.
    pub(crate) fn next(&self) -> u64 {
        self.counted.fetch_add(1, Ordering::Relaxed)
    }
}

/// An empty SQLite database.
pub(crate) fn sqlite_url() -> (String, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (format!("sqlite:{}", dir.path().join("selfheal.db").display()), dir)
}

/// An empty PostgreSQL database.
pub(crate) async fn postgres_url() -> String {
    static DATABASES: AtomicU64 = AtomicU64::new(0);
    let server = tokio::task::spawn_blocking(|| &*SERVER).await.unwrap();
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::connect(&server.url("postgres")).await.unwrap();
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    connection.execute(create).await.unwrap();
    connection.close().await.unwrap();
    server.url(&name)
}

static SERVER: LazyLock<Server> =
    LazyLock::new(|| Server::start(&format!("{OPTIONS} {OPTIONS_UNWRITTEN}")));

/// A private PostgreSQL server.
#[derive(Debug)]
pub(crate) struct Server {
    dir: PathBuf,
    /// Holds our end of the pipe; dropped or not, it is closed when this process ends.
    watched: Child,
}

impl Server {
    /// A server that forgets nothing when it crashes.
    pub(crate) async fn durable() -> Self {
        tokio::task::spawn_blocking(|| Self::start(OPTIONS)).await.unwrap()
    }

    /// It crashes: every connection is cut, and what was not committed is gone.
    pub(crate) async fn crash(&mut self) {
        self.tell("crash\n");
        let url = self.url("postgres");
        until(async || PgConnection::connect(&url).await.is_err()).await;
    }

    /// It is started again and takes connections when it has recovered.
    pub(crate) async fn serve(&mut self) {
        self.tell("serve\n");
        let url = self.url("postgres");
        until(async || PgConnection::connect(&url).await.is_ok()).await;
    }

    fn tell(&mut self, order: &str) {
        let pipe = self.watched.stdin.as_mut().unwrap();
        pipe.write_all(order.as_bytes()).unwrap();
        pipe.flush().unwrap();
    }

    fn start(options: &str) -> Self {
        let bin = programs(&["initdb", "postgres"]);
        let dir = tempfile::tempdir().unwrap().keep();
        let owner = unprivileged();
        if let Some((user, group)) = owner {
            chown(&dir, Some(user), Some(group)).unwrap();
        }
        let made = command(&bin.join("initdb"), owner)
            .current_dir(&dir)
            .args(["-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"])
            .arg("--no-sync")
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut watched = command(Path::new("sh"), owner)
            .current_dir(&dir)
            .args(["-c", WATCHED])
            .env("BIN", bin)
            .env("DIR", &dir)
            .env("OPTIONS", options)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(watched.stderr.take().unwrap()).lines().map_while(Result::ok);
        let heard: Vec<String> = said.by_ref().take_while(|line| !line.contains(READY)).collect();
        // What it says later is read and dropped, so that it never waits for a reader.
        let gone = std::thread::spawn(move || said.count());
        assert!(!gone.is_finished(), "PostgreSQL did not start: {}", heard.join("\n"));
        Self { dir, watched }
    }

    /// Where a database of it is.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.dir.display())
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
        let output = Command::new("id").args(args).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    };
    (id(&["-u"]) == 0).then(|| (id(&["-u", "nobody"]), id(&["-g", "nobody"])))
}

/// Runs one of PostgreSQL's own programs to its end.
pub(crate) fn run_program(name: &str, args: &[&str]) {
    let output = Command::new(programs(&[name]).join(name)).args(args).output().unwrap();
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
