//! The built program, killed without warning between a reservation and its settlement.

use std::sync::Arc;

use reqwest::{Client, Response};
use selfheal::domain::attempt::AttemptState;
use selfheal::domain::case::CaseState;
use selfheal::domain::ids::{AttemptId, InstallationId, RepoId, RepoSlug, Timestamp};
use selfheal::domain::ledger::Scope;
use selfheal::domain::money::Usd;
use selfheal::domain::pull::Repo;
use selfheal::ports::clock::Clock as _;
use selfheal::ports::ledger::Ledger as _;
use selfheal::ports::store::{Admitted, Changes, Claim, Finish, RunnerAdmission, Store as _};
use selfheal::store::{Migrate, SqlStore};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use world::models::ModelHost;

use super::shapes::MESSAGES;
use super::{KEY, header};
use crate::harness::{Machine, Serving};
use crate::store::values;

pub(super) const TOKEN: &str = "the-attempts-own-token";

/// How often the server is killed.
const KILLS: usize = 3;

/// A cap that one call holds more than half of.
const CAP: &str = "0.08";

/// An attempt at work whose token is [`TOKEN`], written before any server starts.
pub(super) async fn at_work(machine: &Machine, now: Timestamp) -> AttemptId {
    let world = &machine.world;
    let repository = world.repository("acme/widget").collaborator("mona", "write");
    let repository = repository.file("a.txt", "a\n").create().await.unwrap();
    let installation = InstallationId::new(world.install("acme"));
    let files = [("a.txt", Some("b\n"))];
    let pull = world.pull_request(&repository).by("mona").files(&files).open().await.unwrap();
    let mut head = values::pull(pull.number());
    let slug = RepoSlug::parse(repository.slug()).unwrap();
    head.repo = Repo { id: RepoId::new(repository.id()), slug, installation };
    std::fs::create_dir_all(machine.data_dir()).unwrap();
    let url = format!("sqlite:{}", machine.data_dir().join("selfheal.db").display());
    let store = SqlStore::open(&url, Migrate::Yes).await.unwrap();
    let id = values::attempt_id(1);
    let case = values::case(1, &head, CaseState::Healing(id));
    let mut attempt = values::attempt(1, &case, AttemptState::Running);
    attempt.id = id;
    store.insert_delivery(values::delivery("first", now.millis())).await.unwrap();
    let claim = Claim { now, lease_ms: 60_000 };
    let lease = store.claim_delivery(claim).await.unwrap().unwrap().lease;
    let mut changes = Changes::finish(now, Finish::Done);
    changes.pulls = vec![head];
    changes.case = Some(case);
    changes.attempts = vec![attempt];
    store.apply(lease, changes).await.unwrap();
    let admission = RunnerAdmission {
        attempt: id,
        token_hash: hex::encode(Sha256::digest(TOKEN)),
        token_until: now.plus_ms(3_600_000),
        identity: "jti".to_owned(),
        run: None,
        now,
    };
    assert_eq!(store.admit_runner(admission).await.unwrap(), Admitted::Yes);
    store.close().await;
    id
}

/// What the attempt is charged, read beside the server.
async fn charged(machine: &Machine, attempt: AttemptId) -> Usd {
    let url = format!("sqlite:{}", machine.data_dir().join("selfheal.db").display());
    let store = SqlStore::open(&url, Migrate::No).await.unwrap();
    let spent = store.spent(attempt).await.unwrap();
    store.close().await;
    spent.iter().fold(Usd::ZERO, |sum, spent| sum.plus(spent.charged.usd))
}

pub(super) async fn serving(machine: &Machine) -> (Serving, String) {
    let mut serving = machine.serve();
    let line = serving.says("listening").await;
    let (_, port) = line.split_once("127.0.0.1:").unwrap();
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    (serving, format!("http://127.0.0.1:{port}"))
}

pub(super) async fn called(server: &str, attempt: AttemptId) -> Response {
    let client = Client::builder().no_proxy().build().unwrap();
    let call = client.post(format!("{server}/model/{attempt}/{}", MESSAGES.path));
    let call = call.header("content-type", "application/json").header("x-api-key", TOKEN);
    call.body(MESSAGES.body).send().await.unwrap()
}

#[tokio::test]
async fn what_a_killed_program_had_reserved_stays_charged_and_the_cap_holds() {
    let host = ModelHost::start().await.unwrap();
    let mut machine = Machine::with_credentials().await;
    let attempt = at_work(&machine, selfheal::app::SystemClock.now()).await;
    machine.set("ANTHROPIC_API_KEY", KEY);
    machine.set("ANTHROPIC_BASE_URL", &host.url());
    machine.set("MODEL_USD_PER_PULL", CAP);
    machine.set("WORKER_COUNT", "0");
    let gate = Arc::new(Semaphore::new(0));
    host.always_says(MESSAGES.streamed().behind(&gate));
    let mut before = Usd::ZERO;
    let mut last = None;
    for kill in 1..=KILLS {
        let (serving, server) = serving(&machine).await;
        gate.add_permits(1);
        let answer = called(&server, attempt).await;
        if answer.status() != 200 {
            last = Some(answer);
            drop(serving);
            break;
        }
        host.was_asked(kill).await;
        serving.killed().await;
        let now = charged(&machine, attempt).await;
        assert!(now > before, "what was reserved is charged");
        assert!(now <= Usd::parse(CAP).unwrap(), "{now} of {}", Scope::Pull.words());
        before = now;
        assert!(answer.text().await.is_err());
    }
    let last = last.expect("the cap is reached before so many kills");
    assert_eq!(last.status(), 429);
    assert!(["busy", "budget"].contains(&header(&last, "x-selfheal-refused")));
    assert_eq!(charged(&machine, attempt).await, before);
}
