//! The world that selfheal's tests and demo share: a fake GitHub whose state is the truth.
//!
//! ```text
//!   people ─verbs─▶ state ◀─routes─ serve ◀─HTTP─ the App under test
//!                     │                              ▲
//!                     ├─ shapes ─▶ answers ──────────┘
//!                     └─ hooks  ─▶ webhooks ─deliver─▶
//! ```
//!
//! - `state`: what is true, behind one mutex; `git` holds the real repositories beside it.
//! - `people`: verbs of people, of CI and of GitHub itself; `ci`: what workflow runs come out as.
//! - `serve`, `rest`, `graphql`: the wire; `contract` holds every request against GitHub's own
//!   description, `auth` against tokens and permissions; `faults` gets in the way on order, `odds` by chance.
//! - `shapes`: the JSON of things, the same in answers and webhooks; `views`: the text of things,
//!   for assertions.
//! - `postgres`: beside all that, a database server of our own; `models`: a provider of models that
//!   says what it is told.
//!
//! It fakes the wire and never the client's types; it is no mock: a request changes the state, and
//! the state answers. Time comes from outside. The library of selfheal never depends on it.

// The JSON of a pull request or a run is one `json!` with some fifty fields.
#![recursion_limit = "512"]

mod act;
mod auth;
mod branches;
mod ci;
mod contract;
mod faults;
mod git;
mod graphql;
mod hooks;
mod keys;
mod ledger;
pub mod models;
mod odds;
mod oidc;
mod pages;
mod people;
pub mod postgres;
mod pulls;
mod reply;
mod rest;
mod script;
mod serve;
mod shapes;
mod smart_http;
mod state;
mod time;
mod views;
mod web;
mod wire;
mod workflows;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, ensure};
use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use act::Act;
pub use ci::{CiScript, Playing, StartedRun};
pub use hooks::Delivered;
pub use odds::Odds;
pub use people::pull::{Pull, PullBuilder};
pub use people::push::{GitUser, RefUpdate};
pub use people::repo::{Repository, RepositoryBuilder};
pub use script::{ArtifactScript, JobScript, RunScript};
pub use state::UserKind;
pub use state::app::Level;

use crate::state::State;
use crate::wire::{Cut, Door};

/// The world's time, in unix milliseconds.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What a world is started with.
#[derive(Clone)]
pub struct WorldOptions {
    /// Where the time comes from.
    pub clock: Clock,
}

impl fmt::Debug for WorldOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorldOptions").field("now_ms", &(self.clock)()).finish()
    }
}

impl WorldOptions {
    /// A world that lives by the given clock.
    pub fn new(clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock) }
    }

    /// A world that lives by this machine's clock, for demonstrations.
    #[expect(clippy::disallowed_methods, reason = "nobody else gives a demonstration its time")]
    pub fn by_wall_clock() -> Self {
        Self::new(|| {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            since.map_or(0, |passed| i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
        })
    }
}

/// What handlers and verbs share.
pub(crate) struct Shared {
    state: Mutex<State>,
    clock: Clock,
    http: reqwest::Client,
    dir: tempfile::TempDir,
    /// Wakes whoever plays a run, so that a cancelled one stops.
    runs_changed: tokio::sync::Notify,
}

impl Shared {
    pub(crate) fn now_ms(&self) -> i64 {
        (self.clock)()
    }

    /// The truth. Never hold it across an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running fake GitHub. Clones are the same world; when the last is gone, it stops.
#[derive(Clone)]
pub struct World(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    servers: Vec<JoinHandle<()>>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("api_url", &self.api_url()).finish()
    }
}

impl World {
    /// Starts a world on free ports of the loopback interface.
    ///
    /// # Errors
    /// When no port or no temporary directory can be had.
    pub async fn start(options: WorldOptions) -> Result<Self> {
        let (api, api_addr) = door().await?;
        let (web, web_addr) = door().await?;
        let now_ms = (options.clock)();
        let state = State::new(format!("http://{api_addr}"), format!("http://{web_addr}"), now_ms);
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            clock: options.clock,
            http: reqwest::Client::builder().no_proxy().build()?,
            dir: tempfile::tempdir().context("no temporary directory for repositories")?,
            runs_changed: tokio::sync::Notify::new(),
        });
        let servers = vec![
            serving(api, serve::router(Arc::clone(&shared))),
            serving(web, web::router(Arc::clone(&shared))),
        ];
        Ok(Self(Arc::new(Handle { shared, servers })))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.shared.state()
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.0.shared.http
    }

    /// The world's time, in unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.0.shared.now_ms()
    }

    /// Where the REST API is, without a slash at the end.
    pub fn api_url(&self) -> String {
        self.state().api_url.clone()
    }

    /// Where the GraphQL API is.
    pub fn graphql_url(&self) -> String {
        format!("{}/graphql", self.state().api_url)
    }

    /// Where people and git go, without a slash at the end.
    pub fn web_url(&self) -> String {
        self.state().web_url.clone()
    }

    /// What is left over and should not be: breaches of the contract, failures of the fake itself,
    /// webhooks that nobody delivered.
    pub fn leftovers(&self) -> Vec<String> {
        let state = self.state();
        let mut left = faulty(&state);
        left.extend(state.hooks.waiting().iter().map(|one| format!("undelivered: {}", one.name())));
        left
    }

    /// Ends a story: nothing may be left over.
    ///
    /// # Errors
    /// With everything that is.
    pub fn finish(self) -> Result<()> {
        let left = self.leftovers();
        let mut state = self.state();
        state.ledger.violations.clear();
        state.ledger.bugs.clear();
        drop(state);
        ensure!(left.is_empty(), "left over in the world:\n{}", left.join("\n"));
        Ok(())
    }

    /// Breaches of GitHub's description so far.
    pub fn violations(&self) -> Vec<String> {
        self.state().ledger.violations.clone()
    }

    /// Takes the breaches, for tests that mean to cause them.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut self.state().ledger.violations)
    }

    /// A mark in the list of requests, for [`World::requests_since`].
    pub fn mark(&self) -> usize {
        self.state().ledger.requests.len()
    }

    /// Requests so far: method, route, how often.
    pub fn requests(&self) -> Vec<(String, String, usize)> {
        self.requests_since(0)
    }

    /// Requests since a mark: method, route, how often.
    pub fn requests_since(&self, mark: usize) -> Vec<(String, String, usize)> {
        self.state().ledger.counted(mark)
    }

    /// Requests since a mark, a line each, for snapshots.
    pub fn requests_text(&self, mark: usize) -> String {
        let lines = self.requests_since(mark).into_iter();
        let lines: Vec<String> =
            lines.map(|(method, route, count)| format!("{count} {method} {route}")).collect();
        lines.join("\n")
    }

    /// The next `times` requests to a route fail with `status`; nothing is done. `*` is any.
    pub fn fail(&self, method: &str, route: &str, (status, times): (u16, usize)) {
        self.state().faults.fail((method, route), status, times);
    }

    /// Everything works again: no fault is on order any more.
    pub fn heal_faults(&self) {
        self.state().faults = faults::Faults::default();
    }

    /// The next `times` requests to a route are never answered; nothing is done.
    pub fn hang(&self, method: &str, route: &str, times: usize) {
        self.state().faults.hang((method, route), times);
    }

    /// The next `times` requests to a route are done, but the connection closes unanswered.
    pub fn drop_response(&self, method: &str, route: &str, times: usize) {
        self.state().faults.drop_response((method, route), times);
    }

    /// Every answer of a route takes this long.
    pub fn slow(&self, route: &str, delay_ms: u64) {
        self.state().faults.slow(route, delay_ms);
    }

    /// The primary rate limit is used up until that time.
    pub fn rate_limited_until(&self, until_ms: i64) {
        self.state().faults.limited_until_ms = Some(until_ms);
    }

    /// What `X-RateLimit-Remaining` says from now on.
    pub fn rate_remaining(&self, remaining: usize) {
        self.state().faults.remaining = Some(remaining);
    }

    /// The next `times` requests run into a secondary rate limit.
    pub fn secondary_limit(&self, times: usize, retry_after_secs: u64) {
        self.state().faults.secondary(("*", "*"), times, retry_after_secs);
    }

    /// The next requests to a route (as many as the first number says) run into a secondary rate
    /// limit of so many seconds.
    pub fn secondary_limit_on(&self, method: &str, route: &str, (times, secs): (usize, u64)) {
        self.state().faults.secondary((method, route), times, secs);
    }
}

fn faulty(state: &State) -> Vec<String> {
    let violations = state.ledger.violations.iter().map(|text| format!("contract: {text}"));
    violations.chain(state.ledger.bugs.iter().map(|text| format!("bug: {text}"))).collect()
}

impl Drop for Handle {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
        let left = faulty(&self.shared.state());
        assert!(
            left.is_empty() || std::thread::panicking(),
            "left over in the world:\n{}",
            left.join("\n")
        );
    }
}

async fn door() -> Result<(Door, SocketAddr)> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("no free port on loopback")?;
    let addr = listener.local_addr()?;
    Ok((Door(listener), addr))
}

fn serving(door: Door, router: Router) -> JoinHandle<()> {
    let service = router.into_make_service_with_connect_info::<Cut>();
    tokio::spawn(async move {
        if let Err(error) = axum::serve(door, service).await {
            tracing::error!(%error, "the world stopped serving");
        }
    })
}
