//! A server under measurement: the built program, or a peer.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Instant;

use tempfile::TempDir;
use world::World;
use world::postgres::Server;

use crate::load::{Load, SECRET};
use crate::old::Past;
use crate::process::{self, Memory, on_server_core};
use crate::say::Turn;
use crate::{DELIVERIES, IN_FLIGHT, TURN};

/// With what every address here begins.
const LOOPBACK: &str = "127.0.0.1:";

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    address: SocketAddr,
    started: Instant,
    /// Other processes that work for it.
    helpers: Vec<u32>,
    _dir: TempDir,
    /// Where a database is that was made before it started.
    past: Option<TempDir>,
}

impl Program {
    /// selfheal with a new SQLite file.
    pub(crate) fn sqlite(world: &World) -> Self {
        Self::selfheal(world, None, &[])
    }

    /// selfheal with a SQLite file that has a past.
    pub(crate) async fn with_past(world: &World, past: Past) -> Self {
        let (url, dir) = past.database().await;
        let mut program = Self::selfheal(world, Some(url), &[]);
        program.past = Some(dir);
        program
    }

    /// selfheal with a new database on a server.
    pub(crate) async fn on_postgres(world: &World, postgres: &Server) -> Self {
        Self::at_postgres(world, postgres, postgres.database().await)
    }

    /// selfheal with a database that is there, on a server.
    pub(crate) fn at_postgres(world: &World, postgres: &Server, database: String) -> Self {
        let mut program = Self::at(world, database);
        program.helpers.push(postgres.pid());
        program
    }

    /// selfheal with a database that is there, which calls models of a provider without any cap: all calls are of one attempt.
    pub(crate) fn with_models(world: &World, database: String, provider: &str) -> Self {
        let (usd, tokens) = ("1000000", "1000000000000");
        let mut settings = vec![("SELFHEAL_ANTHROPIC_BASE_URL".to_owned(), provider.to_owned())];
        settings.push(("SELFHEAL_MODEL_CALLS_PER_ATTEMPT".to_owned(), "256".to_owned()));
        for of in ["ATTEMPT", "CASE", "PULL", "REPOSITORY_DAY", "DAY"] {
            settings.push((format!("SELFHEAL_MODEL_USD_PER_{of}"), usd.to_owned()));
            settings.push((format!("SELFHEAL_MODEL_TOKENS_PER_{of}"), tokens.to_owned()));
        }
        Self::selfheal(world, Some(database), &settings)
    }

    /// selfheal with a database that is there.
    pub(crate) fn at(world: &World, database: String) -> Self {
        Self::selfheal(world, Some(database), &[])
    }

    fn selfheal(world: &World, database: Option<String>, more: &[(String, String)]) -> Self {
        let dir = tempfile::tempdir().expect("a folder can be made");
        let mut command = on_server_core(env!("CARGO_BIN_EXE_selfheal"));
        command
            .arg("serve")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("SELFHEAL_DATA_DIR", dir.path().join("data"))
            .env("SELFHEAL_LISTEN", "127.0.0.1:0")
            .env("SELFHEAL_LOG_FORMAT", "json")
            .env("SELFHEAL_LOG", "selfheal=warn,selfheal::app=info")
            .env("SELFHEAL_PUBLIC_URL", "https://heal.example")
            .env("SELFHEAL_GITHUB_API_URL", world.api_url())
            .env("SELFHEAL_GITHUB_GRAPHQL_URL", world.graphql_url())
            .env("SELFHEAL_GITHUB_APP_ID", world.app_id().to_string())
            .env("SELFHEAL_GITHUB_PRIVATE_KEY", world.private_key_pem())
            // What is measured is that deliveries are taken in, not what follows from them.
            .env("SELFHEAL_WORKER_COUNT", "0")
            .env("SELFHEAL_DELIVERIES_WAITING_MAX", "10000000")
            .env("SELFHEAL_GITHUB_WEBHOOK_SECRET", SECRET);
        command.envs(more.iter().cloned());
        if let Some(database) = database {
            command.env("SELFHEAL_DATABASE_URL", database);
        }
        let started = Instant::now();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().expect("the program starts");
        Self::heard(child, started, dir)
    }

    /// A server that says in its log where it listens: `127.0.0.1:PORT`.
    pub(crate) fn heard(mut child: Child, started: Instant, dir: TempDir) -> Self {
        let log = child.stderr.take().expect("its log can be read");
        let mut lines = BufReader::new(log).lines().map_while(Result::ok);
        let mut heard = Vec::new();
        let address = lines.by_ref().find_map(|line| {
            let address = line.contains("listening").then(|| address_in(&line)).flatten();
            heard.push(line);
            address
        });
        let heard = heard.join("\n");
        assert!(address.is_some(), "it did not start:\n{heard}");
        let address = address.expect("it was told");
        // What it says later is read and dropped, so that it never waits for a reader.
        std::thread::spawn(move || lines.count());
        Self { child, address, started, helpers: Vec::new(), _dir: dir, past: None }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    pub(crate) fn memory(&self) -> Memory {
        process::memory(self.child.id())
    }

    pub(crate) fn processor_s(&self) -> f64 {
        let helpers = self.helpers.iter().map(|pid| process::processor_s(*pid));
        process::processor_s(self.child.id()) + helpers.sum::<f64>()
    }

    /// What it does under load.
    pub(crate) async fn under(&self, load: &Load<'_>) -> Turn {
        let before = self.processor_s();
        let answers = load.send(IN_FLIGHT, DELIVERIES, TURN).await;
        Turn { answers, processor_s: self.processor_s() - before, memory: self.memory() }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address with a port that a line of a log tells.
fn address_in(line: &str) -> Option<SocketAddr> {
    let rest = &line[line.find(LOOPBACK)? + LOOPBACK.len()..];
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    format!("{LOOPBACK}{}", &rest[..end]).parse().ok()
}

/// The size of a built program.
pub(crate) fn size_mb(name: &str) -> f64 {
    let folder = Path::new(env!("CARGO_BIN_EXE_selfheal")).parent();
    let size = folder.and_then(|folder| std::fs::metadata(folder.join(name)).ok());
    crate::say::mb(size.map_or(0, |size| size.len() / 1024))
}
