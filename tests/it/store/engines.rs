//! Empty stores to test with: SQLite in a file, PostgreSQL on a private server, and the simulation's
//! in memory.
//!
//! The server is started once per test binary and ends with it. Who wants to see a server crash
//! starts one of his own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use selfheal::ports::store::Store;
use selfheal::ports::upkeep::Upkeep;
use selfheal::store::{Migrate, SqlStore};
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use tempfile::TempDir;
use world::postgres::{How, Server};

use crate::simulation::MemoryStore;

/// No waiting for the disk: what the operating system has been given outlives the server.
const OPTIONS: &str = "-F -c full_page_writes=off -c max_connections=200";

/// Faster still, for servers that never crash.
const OPTIONS_UNWRITTEN: &str = "-c synchronous_commit=off";

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
    tokio::task::spawn_blocking(|| &*SERVER).await.unwrap().database().await
}

/// A server of its own, that forgets nothing when it crashes.
pub(crate) async fn durable_server() -> Server {
    let how = How { options: OPTIONS, ..How::default() };
    tokio::task::spawn_blocking(move || Server::start(how)).await.unwrap()
}

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let options = format!("{OPTIONS} {OPTIONS_UNWRITTEN}");
    Server::start(How { options: &options, ..How::default() })
});
