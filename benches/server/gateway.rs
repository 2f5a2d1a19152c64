//! What the model gateway adds to a call, beside the same call made directly to the same provider, in
//! turns; and what many open streams take.
//!
//! The program runs on its core; whoever calls and the provider, which is scripted, share the other.
//! A call has the size of a coding agent's in the middle of its work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Client;
use selfheal::config::prices;
use selfheal::domain::attempt::{Attempt, AttemptState};
use selfheal::domain::case::{Asked, Case, CaseState};
use selfheal::domain::ids::{
    AttemptId, Branch, CaseId, DeliveryId, InstallationId, PrNumber, RepoId, RepoSlug, Sha,
    Timestamp,
};
use selfheal::domain::ledger::Caps;
use selfheal::domain::policy::NameFilter;
use selfheal::domain::pull::{Head, PullHead, PullState, Repo};
use selfheal::models::Tiers;
use selfheal::ports::clock::{Clock as _, Ids as _};
use selfheal::ports::ledger::Ledger;
use selfheal::ports::store::{Changes, Claim, Finish, NewDelivery, RunnerAdmission, Store as _};
use selfheal::providers::HttpProviders;
use selfheal::service::models::{Models, Patience, Terms};
use selfheal::store::{Migrate, SqlStore};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use world::World;
use world::models::{ModelHost, Saying};
use world::postgres::{How, Server};

use crate::load::count;
use crate::program::Program;
use crate::{process, say};

/// The attempt's token.
const TOKEN: &str = "the-attempts-own-token";

/// Calls of each kind in a turn.
const CALLS: usize = 1_000;

/// Calls before a turn, which open connections and read the policy.
const WARM_UP: usize = 50;

/// Streams that are open at once.
const STREAMS: usize = 200;

/// The prompt of an agent in the middle of its work.
const PROMPT_BYTES: usize = 100_000;

/// The pieces of an answer.
const PIECES: usize = 50;

/// Models that nobody calls.
pub(crate) fn closed(ledger: Arc<dyn Ledger>) -> Arc<Models> {
    let terms = Terms {
        prices: prices::shipped(),
        caps: Caps::default(),
        models: NameFilter::default(),
        tiers: Tiers::Another,
        output_tokens_max: 1,
        patience: Patience::default(),
        calls_max: 1,
        calls_per_attempt_max: 1,
    };
    let providers = HttpProviders::new(std::collections::BTreeMap::new());
    Arc::new(Models::new(ledger, Arc::new(providers.expect("no keys, no trouble")), terms))
}

/// Measures both engines.
pub(crate) async fn run(world: &World) {
    say::line("\n## The model gateway\n");
    let host = ModelHost::start().await.expect("a provider starts");
    let postgres = Server::start(How { under: process::ON_SERVER_CORE, ..How::default() });
    let dir = tempfile::tempdir().expect("a folder can be made");
    let sqlite = format!("sqlite:{}", dir.path().join("models.db").display());
    say::line(&format!(
        "{CALLS} calls each, {} kB up, {PIECES} pieces down; milliseconds, p50 / p99\n",
        PROMPT_BYTES / 1000
    ));
    say::line("| store | first byte, direct | through | added | whole, direct | through | added |");
    say::line("| --- | --- | --- | --- | --- | --- | --- |");
    let urls = [("SQLite", sqlite), ("PostgreSQL", postgres.database().await)];
    for (name, url) in urls {
        let attempt = at_work(world, &url).await;
        let program = Program::with_models(world, url, &host.url());
        let caller = Caller::new(&program, &host, attempt);
        host.always_says(answer());
        caller.turn(name).await;
        let told = caller.many(&program, &host).await;
        say::line(&format!("\n{name}: {told}\n"));
        host.always_says(answer());
    }
}

/// An answer with a figure at its end.
fn answer() -> Saying {
    let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":\
        {\"input_tokens\":10,\"cache_read_input_tokens\":24000,\"output_tokens\":1}}}\n\n";
    let delta = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
        \"delta\":{\"type\":\"text_delta\",\"text\":\"some words of an answer\"}}\n\n";
    let end = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{},\"usage\":\
        {\"output_tokens\":300}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let mut pieces = vec![start];
    pieces.extend(std::iter::repeat_n(delta, PIECES - 2));
    pieces.push(end);
    Saying::new("text/event-stream", &pieces)
}

/// An attempt at work, written before the server starts.
async fn at_work(world: &World, url: &str) -> AttemptId {
    let ids = selfheal::app::SystemIds;
    let account = format!("acme-{}", ids.uuid().simple());
    let slug = format!("{account}/widget");
    let repository = world.repository(&slug).file("a.txt", "a\n").collaborator("mona", "write");
    let repository = repository.create().await.expect("a repository can be made");
    let installation = InstallationId::new(world.install(&account));
    let files = [("a.txt", Some("b\n"))];
    let pull = world.pull_request(&repository).by("mona").files(&files).open().await;
    let pull = pull.expect("a pull request can be opened");
    let sha = Sha::parse(&world.head_sha(&pull)).expect("a head is a commit");
    let branch = |name| Branch::parse(name).expect("a branch has a name");
    let now = selfheal::app::SystemClock.now();
    let slug = RepoSlug::parse(&slug).expect("a repository has a name");
    let head = PullHead {
        repo: Repo { id: RepoId::new(repository.id()), slug, installation },
        number: PrNumber::new(pull.number()),
        head: Head { sha: sha.clone(), branch: branch("feature"), repo: None },
        base: branch("main"),
        state: PullState::Open,
        updated_at: now,
    };
    let attempt = AttemptId::new(ids.uuid());
    let case = case(&head, &sha, attempt, now);
    let store = SqlStore::open(url, Migrate::Yes).await.expect("a store opens");
    written(&store, head, case, attempt, now).await;
    let admission = RunnerAdmission {
        attempt,
        token_hash: hex::encode(Sha256::digest(TOKEN)),
        token_until: now.plus_ms(3_600_000),
        identity: "jti".to_owned(),
        run: None,
        now,
    };
    store.admit_runner(admission).await.expect("the runner is let in");
    store.close().await;
    attempt
}

pub(crate) fn case(of: &PullHead, sha: &Sha, attempt: AttemptId, now: Timestamp) -> Case {
    Case {
        id: CaseId::new(selfheal::app::SystemIds.uuid()),
        repo: of.repo.clone(),
        number: of.number,
        opened_head: sha.clone(),
        head: sha.clone(),
        opened_at: now,
        since: now,
        state: CaseState::Healing(attempt),
        attempts: 1,
        reruns: 0,
        asked: Asked::ByPerson,
        labels: Vec::new(),
        auto_merge: None,
    }
}

/// Writes an attempt at work, with its case and its pull request.
pub(crate) async fn written(
    store: &SqlStore,
    head: PullHead,
    case: Case,
    attempt: AttemptId,
    now: Timestamp,
) {
    let delivery = NewDelivery {
        id: DeliveryId::parse(&attempt.to_string().replace('_', "-")).expect("an id"),
        event: "push".to_owned(),
        repo: None,
        body: Bytes::from_static(b"{}"),
        received_at: now,
    };
    store.insert_delivery(delivery).await.expect("a delivery is kept");
    let claimed = store.claim_delivery(Claim { now, lease_ms: 60_000 }).await;
    let lease = claimed.expect("the store works").expect("it is there").lease;
    let mut changes = Changes::finish(now, Finish::Done);
    changes.attempts = vec![Attempt {
        id: attempt,
        case: case.id,
        number: 1,
        head: case.head.clone(),
        planned_at: now,
        dispatches: 1,
        dispatched_at: now,
        state: AttemptState::Running,
        note: None,
        verdict: None,
        feedback: Vec::new(),
    }];
    changes.pulls = vec![head];
    changes.case = Some(case);
    store.apply(lease, changes).await.expect("it is written");
}

/// How long a call took.
#[derive(Debug, Default)]
struct Waits {
    first: Vec<Duration>,
    whole: Vec<Duration>,
}

/// The wait that so many of a hundred had at most, in milliseconds.
pub(crate) fn percentile(waits: &mut [Duration], percent: usize) -> f64 {
    waits.sort_unstable();
    let at = (waits.len() * percent / 100).min(waits.len().saturating_sub(1));
    waits.get(at).map_or(0.0, |wait| wait.as_secs_f64() * 1e3)
}

/// Who calls, directly and through the gateway.
struct Caller {
    client: Client,
    direct: String,
    through: String,
    body: Bytes,
}

impl Caller {
    fn new(program: &Program, host: &ModelHost, attempt: AttemptId) -> Self {
        let client = Client::builder().no_proxy().pool_max_idle_per_host(STREAMS).build();
        let body = format!(
            "{{\"model\":\"claude-sonnet-5-5\",\"max_tokens\":8000,\"stream\":true,\"messages\":\
             [{{\"role\":\"user\",\"content\":\"{}\"}}]}}",
            "a line of a log\\n".repeat(PROMPT_BYTES / 17)
        );
        Self {
            client: client.expect("a client"),
            direct: format!("{}/v1/messages", host.url()),
            through: format!("http://{}/model/{attempt}/anthropic/v1/messages", program.address()),
            body: body.into(),
        }
    }

    async fn sent(&self, url: &str) -> reqwest::Response {
        let call = self.client.post(url).header("content-type", "application/json");
        let call = call.header("x-api-key", TOKEN).body(self.body.clone());
        let answer = call.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
        answer
    }

    /// One call: how long to its first byte, and to its last.
    async fn call(&self, url: &str, waits: &mut Waits) {
        let begin = Instant::now();
        let mut answer = self.sent(url).await;
        answer.chunk().await.expect("a piece");
        waits.first.push(begin.elapsed());
        while answer.chunk().await.expect("a piece").is_some() {}
        waits.whole.push(begin.elapsed());
    }

    /// Calls of both kinds in turns.
    async fn turn(&self, name: &str) {
        let (mut direct, mut through) = (Waits::default(), Waits::default());
        for _ in 0..WARM_UP {
            self.call(&self.direct, &mut Waits::default()).await;
            self.call(&self.through, &mut Waits::default()).await;
        }
        for _ in 0..CALLS {
            self.call(&self.direct, &mut direct).await;
            self.call(&self.through, &mut through).await;
        }
        let mut row = format!("| {name} |");
        for (direct, through) in
            [(&mut direct.first, &mut through.first), (&mut direct.whole, &mut through.whole)]
        {
            let [d50, d99] = [50, 99].map(|percent| percentile(direct, percent));
            let [t50, t99] = [50, 99].map(|percent| percentile(through, percent));
            row.push_str(&format!(
                " {d50:.2} / {d99:.2} | {t50:.2} / {t99:.2} | **{:.2} / {:.2}** |",
                t50 - d50,
                t99 - d99
            ));
        }
        say::line(&row);
    }

    /// Many streams at once: what they take, and how long a call takes beside them.
    async fn many(&self, program: &Program, host: &ModelHost) -> String {
        let before = program.memory().now_kb;
        let gate = Arc::new(Semaphore::new(0));
        host.always_says(answer().behind(&gate));
        let asked = host.asked().len();
        let begin = Instant::now();
        let calls = (0..STREAMS).map(|_| self.sent(&self.through));
        let all = futures_util::future::join_all(calls);
        let answers = all.await;
        host.was_asked(asked + STREAMS).await;
        let opened = begin.elapsed();
        let after = program.memory().now_kb;
        host.always_says(answer());
        let mut beside = Waits::default();
        for _ in 0..CALLS / 5 {
            self.call(&self.through, &mut beside).await;
        }
        gate.add_permits(STREAMS * (PIECES + 1));
        for mut answer in answers {
            while answer.chunk().await.expect("a piece").is_some() {}
        }
        let streams = count(STREAMS);
        let kb = |kb: u64| say::mb(kb) * 1024.0;
        format!(
            "{STREAMS} streams at once are open after {:.0} ms; memory {:.1} MB before, {:.1} MB with \
             them, {:.0} kB each; a call beside them takes {:.2} / {:.2} ms to its first byte",
            opened.as_secs_f64() * 1e3,
            say::mb(before),
            say::mb(after),
            (kb(after) - kb(before)) / streams,
            percentile(&mut beside.first, 50),
            percentile(&mut beside.first, 99),
        )
    }
}
