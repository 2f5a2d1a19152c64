//! The harness: a whole server against a whole world, driven one step at a time.
//!
//! The world is a fake GitHub whose state is the truth; the server is the real one, on a real
//! socket, with a real SQLite file and the real client. Time stands still unless a test moves it,
//! nothing runs by itself, and nothing may be left over at the end.

mod program;
mod runner;
mod time;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use secrecy::SecretString;
use selfheal::app::{App, Parts};
use selfheal::config::prices;
use selfheal::config::server::ModelSettings;
use selfheal::domain::case::CaseState;
use selfheal::domain::ids::{PrNumber, RepoId};
use selfheal::domain::ledger::Caps;
use selfheal::domain::limits::Limits;
use selfheal::domain::policy::NameFilter;
use selfheal::forge::github::GithubSettings;
use selfheal::http::{self, DoorLimits, Tokens};
use selfheal::ports::clock::{Clock as _, Ids as _};
use selfheal::ports::store::Backlog;
use selfheal::service::models::Patience;
use selfheal::service::reconcile::{self, Turn};
use selfheal::service::worker::Step;
use selfheal::store::{Existing, Migrate, SqlStore};
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use url::Url;
use world::{Pull, Repository, World, WorldOptions};

pub(crate) use program::{Machine, Said, Serving};
pub(crate) use runner::{HandRunner, claims, patch, written};
pub(crate) use time::{SeededIds, TestClock};

/// Work that is due within this is waited for when a story settles: pauses of our own budgets and
/// first retries. Longer waits are a story's own business.
const SETTLE_MS: i64 = 20 * 1000;

/// Steps after which a story is going in circles.
const STEPS_MAX: usize = 500;

/// A server and the world around it.
pub(crate) struct Tester {
    pub(crate) world: World,
    pub(crate) clock: Arc<TestClock>,
    ids: Arc<SeededIds>,
    dir: TempDir,
    listener: std::net::TcpListener,
    address: SocketAddr,
    running: Option<Running>,
    secrets: Vec<SecretString>,
    limits: Limits,
    models: ModelSettings,
    patience: Patience,
    tokens: Tokens,
    /// How each call of a model was answered.
    calls: Arc<Mutex<Vec<ModelCall>>>,
    /// Restart the server before every step of the worker.
    restarts: bool,
    /// Backups that were taken before each step, when they are.
    backups: Option<Vec<PathBuf>>,
}

/// How the gateway answered a call of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelCall {
    pub(crate) path: String,
    pub(crate) status: u16,
    /// Why it was refused, if the gateway did that.
    pub(crate) refused: Option<String>,
}

struct Running {
    app: App,
    server: JoinHandle<()>,
}

/// The settings of models of an operator who sets none of them.
pub(crate) fn no_models() -> ModelSettings {
    ModelSettings {
        ways: BTreeMap::new(),
        prices: prices::shipped(),
        allowed: NameFilter::default(),
        output_tokens_max: 32_000,
        calls_per_attempt_max: 256,
        caps: Caps::default(),
    }
}

/// Lets a request pass, and takes note of it when it calls a model.
async fn noted(calls: &Mutex<Vec<ModelCall>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let answer = next.run(request).await;
    if path.starts_with("/model/") {
        let refused = answer.headers().get("x-selfheal-refused");
        let refused = refused.map(|why| why.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        calls.lock().unwrap().push(ModelCall { path, status, refused });
    }
    answer
}

impl Tester {
    /// A server that is set up, and an empty world.
    pub(crate) async fn start() -> Self {
        let clock = Arc::new(TestClock::new());
        let theirs = Arc::clone(&clock);
        let world = World::start(WorldOptions::new(move || theirs.ms())).await.unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let mut tester = Self {
            ids: Arc::new(SeededIds::new()),
            dir: tempfile::tempdir().unwrap(),
            running: None,
            secrets: vec![SecretString::from(world.webhook_secret())],
            limits: Limits::default(),
            models: no_models(),
            patience: Patience::default(),
            tokens: Tokens::default(),
            calls: Arc::default(),
            restarts: false,
            backups: None,
            world,
            clock,
            listener,
            address,
        };
        tester.boot().await;
        tester
    }

    /// From now on the server is killed and started again before every step.
    pub(crate) fn restart_before_every_step(&mut self) {
        self.restarts = true;
    }

    /// The operator sets these webhook secrets and starts the server again.
    pub(crate) async fn webhook_secrets(&mut self, secrets: Vec<SecretString>) {
        self.secrets = secrets;
        self.restart().await;
    }

    /// The operator sets these limits and starts the server again.
    pub(crate) async fn limit(&mut self, limits: Limits) {
        self.limits = limits;
        self.restart().await;
    }

    /// The operator sets models up and starts the server again.
    pub(crate) async fn model(&mut self, models: ModelSettings, patience: Patience) {
        (self.models, self.patience) = (models, patience);
        self.restart().await;
    }

    /// The operator sets these tokens and starts the server again.
    pub(crate) async fn tokens(&mut self, tokens: Tokens) {
        self.tokens = tokens;
        self.restart().await;
    }

    /// How calls of models were answered, in the order of the answers.
    pub(crate) fn model_calls(&self) -> Vec<ModelCall> {
        self.calls.lock().unwrap().clone()
    }

    /// Where the server is reached.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn boot(&mut self) {
        let app = App::assemble(self.parts()).await.unwrap();
        let listener = self.listener.try_clone().unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let calls = Arc::clone(&self.calls);
        let router = app.router().layer(from_fn(move |request: Request, next: Next| {
            let calls = Arc::clone(&calls);
            async move { noted(&calls, request, next).await }
        }));
        let server = tokio::spawn(async move {
            http::serve(listener, router, DoorLimits::default(), std::future::pending()).await;
        });
        self.running = Some(Running { app, server });
    }

    fn parts(&self) -> Parts {
        let url = |text: String| Url::parse(&text).unwrap();
        Parts {
            database: self.database(),
            migrate: Migrate::Yes,
            github: GithubSettings {
                app_id: self.world.app_id(),
                private_key: SecretString::from(self.world.private_key_pem()),
                api_url: url(self.world.api_url()),
                graphql_url: url(self.world.graphql_url()),
            },
            webhook_secrets: self.secrets.clone(),
            oidc_issuer: self.world.oidc_issuer(),
            public_url: url(self.url()),
            limits: self.limits,
            models: self.models.clone(),
            patience: self.patience,
            tokens: self.tokens.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
        }
    }

    /// Another replica in the same world, on a database of its own.
    pub(crate) async fn beside(&self, database: &str) -> App {
        let parts = Parts { database: database.to_owned(), ..self.parts() };
        App::assemble(parts).await.unwrap()
    }

    /// Its database, as its setting names it.
    pub(crate) fn database(&self) -> String {
        format!("sqlite:{}", self.dir.path().join("selfheal.db").display())
    }

    /// Backs the database up while the server works.
    pub(crate) async fn back_up(&self) -> PathBuf {
        let name = format!("backup-{}", self.ids.uuid());
        let to = self.dir.path().join(name);
        SqlStore::back_up(&self.database(), &to, Existing::Keep).await.unwrap();
        to
    }

    /// From now on a backup is taken before every step.
    pub(crate) fn back_up_before_every_step(&mut self) {
        self.backups = Some(Vec::new());
    }

    /// The backups that were taken so, oldest first; no more are.
    pub(crate) fn backups(&mut self) -> Vec<PathBuf> {
        self.backups.take().unwrap_or_default()
    }

    /// The states of all cases that the database knows, oldest first.
    pub(crate) async fn case_states(&self) -> Vec<String> {
        let mut connection = SqliteConnection::connect(&self.database()).await.unwrap();
        let states = "SELECT state FROM cases ORDER BY opened_at_ms, id";
        let rows: Vec<(String,)> = sqlx::query_as(states).fetch_all(&mut connection).await.unwrap();
        rows.into_iter().map(|(state,)| state).collect()
    }

    /// Stops the server, puts a backup back and starts again.
    pub(crate) async fn put_back(&mut self, backup: &Path) {
        if let Some(running) = self.running.take() {
            running.server.abort();
            running.app.close().await;
        }
        let now = self.clock.now();
        SqlStore::put_back(&self.database(), backup, Existing::Replace, now).await.unwrap();
        self.boot().await;
    }

    /// Kills the server without any goodbye and starts it again on the same database.
    pub(crate) async fn restart(&mut self) {
        if let Some(running) = self.running.take() {
            running.server.abort();
            let _ = running.server.await; // it was killed, so it did not end well
            running.app.close().await;
        }
        self.boot().await;
    }

    pub(crate) fn app(&self) -> &App {
        &self.running.as_ref().expect("the server runs").app
    }

    async fn step(&mut self) -> Step {
        if self.restarts {
            self.restart().await;
        }
        if self.backups.is_some() {
            let backup = self.back_up().await;
            self.backups.get_or_insert_default().push(backup);
        }
        self.app().worker().step().await.unwrap()
    }

    /// Delivers webhooks and carries out steps until nothing is due any more.
    pub(crate) async fn settle(&mut self) {
        for _ in 0..STEPS_MAX {
            let url = format!("{}/webhooks/github", self.url());
            let delivered = self.world.deliver(&url).await;
            if self.step().await == Step::Worked || !delivered.is_empty() {
                continue;
            }
            let now = self.clock.ms();
            match self.app().services().store.next_due().await.unwrap() {
                Some(due) if due.millis() <= now + SETTLE_MS => {
                    self.clock.advance((due.millis() - now).max(1));
                }
                Some(_) | None => return,
            }
        }
        panic!("the story goes in circles:\n{}", self.world.requests_text(0));
    }

    /// Delivers webhooks and carries out steps until the case of a pull request is in such a state.
    pub(crate) async fn steps_until_case(&mut self, pull: &Pull, is_it: fn(&CaseState) -> bool) {
        let repo = RepoId::new(pull.repository().id());
        for _ in 0..STEPS_MAX {
            let url = format!("{}/webhooks/github", self.url());
            self.world.deliver(&url).await;
            self.step().await;
            let number = PrNumber::new(pull.number());
            let record = self.app().services().store.pull(repo, number).await.unwrap();
            let case = record.and_then(|record| record.case);
            if case.is_some_and(|case| is_it(&case.state)) {
                return;
            }
        }
        panic!("the case came never there:\n{}", self.world.requests_text(0));
    }

    /// Everything happens that happens by itself: webhooks, steps and the repository's own CI.
    pub(crate) async fn settle_with_ci(&mut self) {
        loop {
            self.settle().await;
            if self.world.run_ci().await == 0 {
                return;
            }
        }
    }

    /// Lets time pass, then settles.
    pub(crate) async fn wait_minutes(&mut self, minutes: i64) {
        self.clock.advance(minutes * 60 * 1000);
        self.settle().await;
    }

    /// Five minutes later: the next turn of reconciling, which is due then.
    pub(crate) async fn reconcile(&mut self) -> Turn {
        self.clock.advance(reconcile::EVERY_MS);
        reconcile::turn(self.app().services()).await.unwrap().expect("a turn is due")
    }

    /// The runner of the attempt that was started last, played by hand.
    pub(crate) async fn runner(&mut self, repository: &Repository) -> HandRunner {
        HandRunner::admitted(self, repository).await
    }

    /// Queued runs of the repository's own CI.
    pub(crate) fn queued_ci(&self, repository: &Repository) -> Vec<u64> {
        self.world.queued(repository)
    }

    /// Loses everything that was stored and starts again.
    pub(crate) async fn lose_database(&mut self) {
        if let Some(running) = self.running.take() {
            running.server.abort();
            running.app.close().await;
        }
        self.dir = tempfile::tempdir().unwrap();
        self.boot().await;
    }

    /// What waits in the store.
    pub(crate) async fn backlog(&self) -> Backlog {
        self.app().services().store.backlog().await.unwrap()
    }

    /// The check run of a pull request's head, as people see it.
    pub(crate) fn check(&self, pull: &Pull) -> String {
        self.world.check_run_text(pull)
    }

    /// Ends the story: nothing may be left over anywhere.
    pub(crate) async fn finish(mut self) {
        self.settle().await;
        let backlog = self.backlog().await;
        assert_eq!((backlog.deliveries, backlog.effects, backlog.parked), (0, 0, 0));
        if let Some(running) = self.running.take() {
            running.server.abort();
            running.app.close().await;
        }
        self.world.finish().unwrap();
    }
}
