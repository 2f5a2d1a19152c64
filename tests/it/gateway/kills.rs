//! The built program, killed without warning between a reservation and its settlement.

use std::sync::Arc;

use reqwest::{Client, Response};
use selfheal::domain::attempt::{Attempt, AttemptState};
use selfheal::domain::case::{Case, CaseState};
use selfheal::domain::ids::{AttemptId, InstallationId, RepoId, RepoSlug, Timestamp};
use selfheal::domain::ledger::Scope;
use selfheal::domain::money::Usd;
use selfheal::domain::pull::{PullHead, Repo};
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

/// The database of a machine that was told of no other.
pub(super) fn own_database(machine: &Machine) -> String {
    format!("sqlite:{}", machine.data_dir().join("selfheal.db").display())
}

/// An attempt at work whose token is [`TOKEN`], written before any server starts.
pub(super) async fn at_work(machine: &Machine, now: Timestamp) -> AttemptId {
    let attempts = all_at_work::<1>(machine, &own_database(machine), now).await;
    attempts[0]
}

/// Attempts at work on as many pull requests of one repository, in a database.
pub(super) async fn all_at_work<const N: usize>(
    machine: &Machine,
    database: &str,
    now: Timestamp,
) -> [AttemptId; N] {
    let world = &machine.world;
    let repository = world.repository("acme/widget").collaborator("mona", "write");
    let repository = repository.file("a.txt", "a\n").create().await.unwrap();
    let installation = InstallationId::new(world.install("acme"));
    let slug = RepoSlug::parse(repository.slug()).unwrap();
    let repo = Repo { id: RepoId::new(repository.id()), slug, installation };
    std::fs::create_dir_all(machine.data_dir()).unwrap();
    let store = SqlStore::open(database, Migrate::Yes).await.unwrap();
    let mut attempts = [values::attempt_id(1); N];
    for (number, id) in (1..).zip(&mut attempts) {
        *id = values::attempt_id(number);
        let files = [("a.txt", Some("b\n"))];
        let pull = world.pull_request(&repository).by("mona").files(&files).open().await.unwrap();
        let head = PullHead { repo: repo.clone(), ..values::pull(pull.number()) };
        let case = values::case(number, &head, CaseState::Healing(*id));
        let mut attempt = values::attempt(1, &case, AttemptState::Running);
        attempt.id = *id;
        written(&store, (head, case, attempt), now).await;
    }
    store.close().await;
    attempts
}

/// Writes an attempt at work whose runner was let in.
async fn written(store: &SqlStore, work: (PullHead, Case, Attempt), now: Timestamp) {
    let (head, case, attempt) = work;
    let id = attempt.id;
    let delivery = values::delivery(&id.to_string().replace('_', "-"), now.millis());
    store.insert_delivery(delivery).await.unwrap();
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
        identity: format!("jti {id}"),
        run: None,
        now,
    };
    assert_eq!(store.admit_runner(admission).await.unwrap(), Admitted::Yes);
}

/// What an attempt is charged, read beside the server.
pub(super) async fn charged_in(database: &str, attempt: AttemptId) -> Usd {
    let store = SqlStore::open(database, Migrate::No).await.unwrap();
    let spent = store.spent(attempt).await.unwrap();
    store.close().await;
    super::charged(&spent)
}

pub(super) async fn serving(machine: &Machine) -> (Serving, String) {
    let mut serving = machine.serve();
    let server = serving.listens().await;
    (serving, server)
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
        let now = charged_in(&own_database(&machine), attempt).await;
        assert!(now > before, "what was reserved is charged");
        assert!(now <= Usd::parse(CAP).unwrap(), "{now} of {}", Scope::Pull.words());
        before = now;
        assert!(answer.text().await.is_err());
    }
    let last = last.expect("the cap is reached before so many kills");
    assert_eq!(last.status(), 429);
    assert!(["busy", "budget"].contains(&header(&last, "x-selfheal-refused")));
    assert_eq!(charged_in(&own_database(&machine), attempt).await, before);
}
