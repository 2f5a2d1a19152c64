//! How many cases a second go all the way: webhook, look, decision, and what follows at the forge.
//!
//! Every case is a failed workflow run of a pull request of its own: it is taken in at the door as
//! GitHub sends it, read by a worker, looked at, its log read; a case is opened, its check run
//! published, and because the machine was at fault its failed jobs are run once more. The forge answers at once, so what is measured is the product
//! and its store; everything runs in this process on both cores, beside PostgreSQL's own.

mod forge;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::StreamExt as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::SecretString;
use selfheal::compute::actions::ActionsCompute;
use selfheal::domain::limits::Limits;
use selfheal::forge::github::inbound::GithubInbound;
use selfheal::forge::github::oidc::OidcVerifier;
use selfheal::http::{self, DoorLimits, Operators};
use selfheal::ports::forge::Forge;
use selfheal::service::live::Live;
use selfheal::service::live::keys::Keys;
use selfheal::service::worker::Worker;
use selfheal::service::{Bases, PolicyCache, Services};
use selfheal::store::{Migrate, SqlStore};
use sha2::Sha256;
use tokio::sync::{Notify, watch};
use tower::ServiceExt as _;
use url::Url;
use world::postgres::{How, Server};

use self::forge::InstantForge;
use crate::load::SECRET;
use crate::{gateway, process, say};

/// How many cases a turn has, and over how many repositories they are spread.
#[derive(Debug, Clone, Copy)]
struct Spread {
    cases: u64,
    repos: u64,
}

/// What a turn has.
const SPREAD: Spread = Spread { cases: 8_000, repos: 500 };

/// As many cases, all open at once, in few repositories and each in one of its own.
const SPREADS: [Spread; 2] =
    [Spread { cases: 10_000, repos: 500 }, Spread { cases: 10_000, repos: 10_000 }];

/// How many steps are worked on at the same time: as many as the program can be told.
const WORKERS: usize = 256;

/// How many deliveries are at the door at the same time.
const AT_THE_DOOR: usize = 64;

/// How often each store takes its turn.
const TURNS: usize = 2;

/// No turn takes longer, unless something hangs.
const TURN_SECS_MAX: u64 = 120;

const APP_ID: u64 = 5;

/// Where a server would be reached.
const SERVER: &str = "https://heal.example";

/// Both stores in turn, and what they took.
pub(crate) fn run() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        let postgres = Server::start(How::default());
        let mut best = [("SQLite", Turn::NONE), ("PostgreSQL, its server included", Turn::NONE)];
        for _ in 0..TURNS {
            let dir = tempfile::tempdir().expect("a folder can be made");
            let url = format!("sqlite:{}", dir.path().join("selfheal.db").display());
            best[0].1.keep_best(cases(&url, None, SPREAD).await);
            let url = postgres.database().await;
            best[1].1.keep_best(cases(&url, Some(postgres.pid()), SPREAD).await);
        }
        say::line(
            "## Deciding\n\n| store | cases/s | CPU-s for 1,000 cases |\n| --- | --- | --- |",
        );
        for (name, turn) in best {
            let rate = turn.rate();
            say::line(&format!("| {name} | {rate:.0} | {:.2} |", turn.cost()));
        }
    });
}

/// The same cases in few and in many repositories, in both stores.
pub(crate) fn repositories() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        let postgres = Server::start(How::default());
        say::line(
            "\n## Many repositories\n\n| store | repositories | cases open | cases/s | CPU-s for \
             1,000 cases | memory, most MB |\n| --- | --- | --- | --- | --- | --- |",
        );
        for name in ["SQLite", "PostgreSQL, its server included"] {
            let mut best = SPREADS.map(|spread| (spread, Turn::NONE, 0));
            for _ in 0..TURNS {
                for (spread, turn, most_kb) in &mut best {
                    let dir = tempfile::tempdir().expect("a folder can be made");
                    let (url, helper) = if name == "SQLite" {
                        (format!("sqlite:{}", dir.path().join("many.db").display()), None)
                    } else {
                        (postgres.database().await, Some(postgres.pid()))
                    };
                    process::forget_most_memory();
                    turn.keep_best(cases(&url, helper, *spread).await);
                    *most_kb = process::memory(std::process::id()).most_kb;
                }
            }
            for (Spread { cases, repos }, turn, most_kb) in best {
                let (rate, cost, most) = (turn.rate(), turn.cost(), say::mb(most_kb));
                say::line(&format!(
                    "| {name} | {repos} | {cases} | {rate:.0} | {cost:.2} | {most:.0} |"
                ));
            }
        }
    });
}

/// What 1,000 cases cost in a database that is there.
pub(crate) async fn cost(url: &str, helper: Option<u32>) -> f64 {
    cases(url, helper, SPREAD).await.cost()
}

/// What one turn took.
#[derive(Debug, Clone, Copy)]
struct Turn {
    cases: u64,
    took: Duration,
    processor_s: f64,
}

impl Turn {
    const NONE: Self = Self { cases: 0, took: Duration::MAX, processor_s: 0.0 };

    fn number(self) -> f64 {
        f64::from(u32::try_from(self.cases).unwrap_or(u32::MAX))
    }

    /// Cases in a second.
    fn rate(self) -> f64 {
        self.number() / self.took.as_secs_f64()
    }

    /// Processor seconds for 1,000 cases.
    fn cost(self) -> f64 {
        self.processor_s * 1e3 / self.number()
    }

    fn keep_best(&mut self, other: Self) {
        if other.took < self.took {
            *self = other;
        }
    }
}

/// Takes every case from its webhook to its second run.
async fn cases(url: &str, helper: Option<u32>, spread: Spread) -> Turn {
    let (forge, services, store) = services(url, spread).await;
    let numbers = 0..spread.cases;
    let deliveries: Vec<Request<Body>> = numbers.map(|case| delivery(case, spread)).collect();
    let router = http::router(services.clone(), DoorLimits::default(), Operators::default());
    let (stop, stopped) = watch::channel(false);
    let processor_s =
        || helper.into_iter().chain([std::process::id()]).map(process::processor_s).sum::<f64>();
    let (before, start) = (processor_s(), Instant::now());
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let (worker, stopped) = (Worker::new(services.clone()), stopped.clone());
            tokio::spawn(async move { worker.run(stopped).await })
        })
        .collect();
    let sent = futures_util::stream::iter(deliveries).map(|delivery| {
        let router = router.clone();
        async move { router.oneshot(delivery).await.map(|answer| answer.status()) }
    });
    let answers: Vec<_> = sent.buffer_unordered(AT_THE_DOOR).collect().await;
    assert!(answers.iter().all(|answer| *answer == Ok(StatusCode::ACCEPTED)), "all are recorded");
    let all = forge.all_done(spread.cases);
    let in_time = tokio::time::timeout(Duration::from_secs(TURN_SECS_MAX), all).await;
    assert!(in_time.is_ok(), "it hangs: {}", forge.told());
    let (took, processor_s) = (start.elapsed(), processor_s() - before);
    let turn = Turn { cases: spread.cases, took, processor_s };
    let _ = stop.send(true); // the workers are there until they heard it
    for worker in workers {
        worker.await.expect("no worker panics");
    }
    store.close().await;
    turn
}

async fn services(url: &str, spread: Spread) -> (Arc<InstantForge>, Services, Arc<SqlStore>) {
    let limits = Limits::default();
    let store = SqlStore::open_within(url, Migrate::Yes, limits).await.expect("a store opens");
    let instant = Arc::new(InstantForge::new(APP_ID, spread.repos));
    let forge: Arc<dyn Forge> = instant.clone();
    let server = Url::parse(SERVER).expect("an address");
    let clock = Arc::new(selfheal::app::SystemClock);
    let identity = OidcVerifier::new(SERVER, SERVER, clock.clone()).expect("a verifier");
    let services = Services {
        store: store.clone(),
        upkeep: store.clone(),
        logs: store.clone(),
        checkpoints: store.clone(),
        inputs: store.clone(),
        flakes: store.clone(),
        figures: store.clone(),
        remedies: store.clone(),
        compute: Arc::new(ActionsCompute::new(Arc::clone(&forge), server)),
        forge,
        inbound: Arc::new(GithubInbound::new(APP_ID, vec![SecretString::from(SECRET)])),
        identity: Arc::new(identity),
        clock,
        ids: Arc::new(selfheal::app::SystemIds),
        wake: Arc::new(Notify::new()),
        models: gateway::closed(store.clone()),
        live: Arc::new(Live::new(store.clone(), store.clone(), Keys::of(&SECRET.into()))),
        limits,
        policies: Arc::new(PolicyCache::default()),
        bases: Arc::new(Bases::default()),
        workflow_text: "",
    };
    (instant, services, store)
}

/// The webhook of a failed workflow run: a real one with other numbers in it.
fn delivery(case: u64, spread: Spread) -> Request<Body> {
    const REAL: &str = include_str!(
        "../../tests/fixtures/github-payloads/workflow_run/api.github.com.completed.with-pull-requests.json"
    );
    static DELIVERIES: AtomicU64 = AtomicU64::new(0);
    let mut body: serde_json::Value = serde_json::from_str(REAL).expect("the payload is JSON");
    let repo = forge::repo_of(case, spread.repos);
    body["installation"] = serde_json::json!({ "id": repo.installation.get() });
    body["repository"]["id"] = repo.id.get().into();
    body["repository"]["full_name"] = repo.slug.to_string().into();
    let run = &mut body["workflow_run"];
    run["id"] = (1_000_000 + case).into();
    run["conclusion"] = "failure".into();
    run["head_sha"] = forge::head_of(case).to_string().into();
    run["head_branch"] = format!("change-{case}").into();
    run["head_repository"]["id"] = repo.id.get().into();
    run["pull_requests"] = serde_json::json!([{
        "number": case + 1,
        "head": { "sha": forge::head_of(case).to_string() },
    }]);
    let body = body.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key will do");
    mac.update(body.as_bytes());
    let number = DELIVERIES.fetch_add(1, Ordering::Relaxed);
    Request::post("/webhooks/github")
        .header("x-github-event", "workflow_run")
        .header("x-github-delivery", format!("00000000-0000-4000-8000-{number:012x}"))
        .header(
            "x-hub-signature-256",
            format!("sha256={}", hex::encode(mac.finalize().into_bytes())),
        )
        .body(Body::from(body))
        .expect("a request")
}
