//! A store that fails now and then, behind the doors and the worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use reqwest::{Client, StatusCode};
use selfheal::domain::brief::StageReport;
use selfheal::domain::effect::PendingEffect;
use selfheal::domain::evidence::Evidence;
use selfheal::domain::ids::{
    AttemptId, Branch, CaseId, CommentId, PrNumber, RepoId, RunId, Sha, Timestamp,
};
use selfheal::domain::limits::Limits;
use selfheal::domain::outcome::Outcome;
use selfheal::domain::pull::PullHead;
use selfheal::http::DoorLimits;
use selfheal::ports::forge::PublishedCheck;
use selfheal::ports::store::{
    Admitted, Backlog, Changes, Claim, Inserted, Lease, Leased, NewDelivery, PendingDelivery,
    PullRecord, RunnerAdmission, RunnerView, Seat, Store, StoreError, Usage,
};
use selfheal::service::Services;
use selfheal::service::worker::{Step, Worker};

use super::{Knock, OPENED, door};
use crate::harness::Tester;

/// A store that can be cut off.
struct Faulty {
    inner: Arc<dyn Store>,
    is_cut: AtomicBool,
}

impl Faulty {
    fn reached(&self) -> Result<&dyn Store, StoreError> {
        if self.is_cut.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("cut off".into()));
        }
        Ok(&*self.inner)
    }
}

/// Every method of the port: reached first, then asked.
macro_rules! forwarded {
    ($(fn $name:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl Store for Faulty {
            $(async fn $name(&self, $($arg: $kind),*) -> Result<$answer, StoreError> {
                self.reached()?.$name($($arg),*).await
            })*
        }
    };
}

forwarded! {
    fn insert_delivery(delivery: NewDelivery) -> Inserted;
    fn claim_delivery(claim: Claim) -> Option<Leased<PendingDelivery>>;
    fn claim_pull(claim: Claim) -> Option<Leased<PullRecord>>;
    fn claim_effect(claim: Claim) -> Option<Leased<PendingEffect>>;
    fn apply(lease: Lease, changes: Changes) -> ();
    fn pulls_at(repo: RepoId, sha: &Sha) -> Vec<PullHead>;
    fn pulls_onto(repo: RepoId, base: &Branch) -> Vec<PullHead>;
    fn waiting_for_base(repo: RepoId, base: &Branch) -> Vec<PullHead>;
    fn pull(repo: RepoId, number: PrNumber) -> Option<PullRecord>;
    fn pull_of_run(repo: RepoId, run: RunId) -> Option<PrNumber>;
    fn evidence(case: CaseId, head: &Sha) -> Option<Evidence>;
    fn known_check(repo: RepoId, number: PrNumber, head: &Sha) -> Option<PublishedCheck>;
    fn known_comment(repo: RepoId, number: PrNumber) -> Option<CommentId>;
    fn usage(repo: RepoId, now: Timestamp) -> Usage;
    fn admit_runner(admission: RunnerAdmission) -> Admitted;
    fn runner_view(attempt: AttemptId) -> Option<RunnerView>;
    fn record_heartbeat(seat: &Seat, now: Timestamp) -> ();
    fn record_stage(seat: &Seat, report: &StageReport, now: Timestamp) -> ();
    fn record_outcome(seat: &Seat, outcome: &Outcome, now: Timestamp) -> Inserted;
    fn purge(before: Timestamp) -> u64;
    fn next_due() -> Option<Timestamp>;
    fn backlog() -> Backlog;
}

/// A server on the tester's services, but for its store; where it is reached.
async fn server(t: &Tester) -> (String, Arc<Faulty>, Services) {
    let mut services = t.app().services().clone();
    let inner = Arc::clone(&services.store);
    let faulty = Arc::new(Faulty { inner, is_cut: AtomicBool::new(false) });
    services.store = faulty.clone();
    let address = door(&services, DoorLimits::default()).await;
    let url = format!("http://{address}");
    (url, faulty, services)
}

#[tokio::test]
async fn what_cannot_be_recorded_is_asked_for_again_until_it_can() {
    let t = Tester::start().await;
    let (url, store, _) = server(&t).await;
    let client = Client::builder().no_proxy().build().unwrap();
    let ready =
        async || client.get(format!("{url}/readyz")).send().await.unwrap().status().as_u16();
    let knock = async || {
        let knock = Knock::of(&t, "pull_request", OPENED.as_bytes());
        let answer = knock.answered_at(&url).await;
        let after = answer.headers().get("retry-after").map(|value| value.to_str().unwrap());
        (answer.status().as_u16(), after.map(str::to_owned))
    };
    let later = Some("10".to_owned());
    assert_eq!(ready().await, 200);
    for round in 0..2 {
        store.is_cut.store(true, Ordering::SeqCst);
        assert_eq!((knock().await, ready().await), ((503, later.clone()), 503));
        store.is_cut.store(false, Ordering::SeqCst);
        assert_eq!(ready().await, 200, "by itself");
        assert_eq!(knock().await, (if round == 0 { 202 } else { 200 }, None));
    }
    assert_eq!(t.backlog().await.deliveries, 1, "and only what was acknowledged is there");
}

#[tokio::test]
async fn when_too_much_waits_senders_are_told_to_come_again() {
    let mut t = Tester::start().await;
    t.limit(Limits { deliveries_waiting: 1, ..Limits::default() }).await;
    let knock = async |id: &str| {
        let id = Some(id.to_owned());
        let answer = Knock { id, ..Knock::of(&t, "pull_request", OPENED.as_bytes()) };
        answer.answered(&t).await
    };
    assert_eq!(knock("first").await.status(), StatusCode::ACCEPTED);
    let told = knock("second").await;
    assert_eq!(told.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(told.headers()["retry-after"], "10");
    assert!(told.text().await.unwrap().contains("1 deliveries wait to be read"));
    assert_eq!(t.backlog().await.deliveries, 1);
    t.app().worker().step().await.unwrap();
    assert_eq!(knock("second").await.status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_worker_outlives_its_store_and_loses_nothing() {
    let mut t = Tester::start().await;
    let (url, store, services) = server(&t).await;
    let knock = Knock::of(&t, "pull_request", OPENED.as_bytes());
    assert_eq!(knock.answered_at(&url).await.status(), StatusCode::ACCEPTED);
    let worker = Worker::new(services);
    store.is_cut.store(true, Ordering::SeqCst);
    assert!(matches!(worker.step().await, Err(StoreError::Unavailable(_))));
    store.is_cut.store(false, Ordering::SeqCst);
    assert_eq!(worker.step().await.unwrap(), Step::Worked);
    t.settle().await;
    assert_eq!(t.backlog().await.deliveries, 0);
}
