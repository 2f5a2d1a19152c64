//! Replicas tell each other of work, and find it without being told.

use std::sync::Arc;

use selfheal::domain::ask::AskKind;
use selfheal::domain::attempt::AttemptState;
use selfheal::domain::case::CaseState;
use selfheal::domain::outcome::{GaveUp, Outcome};
use selfheal::ports::store::Finish;
use selfheal::ports::upkeep::Upkeep as _;
use selfheal::service::worker::Worker;
use selfheal::store::SqlStore;
use tokio::sync::{Notify, mpsc, watch};

use super::unavailable::{cut, operator};
use super::values::{admission, ask, at, attempt, attempt_id, case, delivery, pull, reply, seat};
use super::{Opened, claim};
use crate::harness::Tester;

/// Another replica that listens; what it hears. The first word is that it has begun.
async fn listening(opened: &Opened) -> mpsc::UnboundedReceiver<()> {
    let (say, mut heard) = mpsc::unbounded_channel();
    let other: Arc<SqlStore> = opened.sql_again().await;
    tokio::spawn(async move {
        other
            .listen(|| {
                let _ = say.send(()); // the test may have ended
            })
            .await;
    });
    heard.recv().await.unwrap();
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_one_replica_leaves_another_hears_of() {
    let opened = Opened::postgres().await;
    let mut heard = listening(&opened).await;
    let store = opened.port();
    opened.insert(delivery("one", 1)).await.unwrap();
    heard.recv().await.expect("a delivery");
    let leased = store.claim_delivery(claim(1)).await.unwrap().unwrap();
    opened.end(leased.lease, 1, Finish::Park { error: "no".to_owned() }).await;
    let id = leased.item.delivery.id;
    opened.sql().replay(&id, at(2)).await.unwrap();
    heard.recv().await.expect("a delivery that is read again");

    let lease = store.claim_delivery(claim(2)).await.unwrap().unwrap().lease;
    let mut changes = super::done(1_000);
    changes.pulls = vec![pull(1)];
    changes.effects = vec![(super::effect_id(1), reply(&pull(1), 3, "x"))];
    store.apply(lease, changes).await.unwrap();
    heard.recv().await.expect("an effect");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_runner_reports_and_what_a_sweep_finds_is_told() {
    let opened = Opened::postgres().await;
    opened.know(&[pull(1)]).await;
    let case = case(1, &pull(1), CaseState::Healing(attempt_id(1)));
    opened.keep(1, &case, &[attempt(1, &case, AttemptState::Running)]).await;
    opened.port().admit_runner(admission(attempt_id(1), "one", 2)).await.unwrap();
    let mut heard = listening(&opened).await;
    let outcome = Outcome::GaveUp {
        why: GaveUp::NothingChanged,
        note: String::new(),
        runs: Vec::new(),
        analysis: None,
    };
    opened.port().record_outcome(&seat(attempt_id(1), "one"), &outcome, at(3)).await.unwrap();
    heard.recv().await.expect("an outcome");
    opened.sql().swept(&pull(2).repo, &[pull(2)], at(4), at(5)).await.unwrap();
    heard.recv().await.expect("a pull request");
    opened.ask(2_000, &pull(1), ask("key", AskKind::Fix, 1)).await;
    heard.recv().await.expect("the delivery that the ask came with");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_whose_connection_was_cut_hears_again() {
    let opened = Opened::postgres().await;
    let mut heard = listening(&opened).await;
    let (mut operator, name) = operator(&opened).await;
    for round in 0..2 {
        cut(&mut operator, &name, "true").await;
        heard.recv().await.expect("it looks by itself, for what was left meanwhile");
        opened.insert(delivery(&format!("d{round}"), 1)).await.unwrap();
        heard.recv().await.expect("a delivery");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resting_worker_is_roused_by_another_replica() {
    let tester = Tester::start().await;
    let opened = Opened::postgres().await;
    let app = Arc::new(tester.beside(&opened.url).await);
    let wake = Arc::clone(&app.services().wake);
    let hearing = tokio::spawn(async move { app.hear().await });
    wake.notified().await; // it listens, and looked once by itself
    opened.insert(delivery("one", 1)).await.unwrap();
    wake.notified().await;
    hearing.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_hears_nothing_finds_work_by_itself() {
    let tester = Tester::start().await;
    let opened = Opened::postgres().await;
    let mut services = tester.app().services().clone();
    services.store = opened.again().await;
    services.wake = Arc::new(Notify::new());
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(async move { Worker::new(services).run(stopped).await });
    for round in 0..2 {
        let mut ping = delivery(&format!("d{round}"), 1);
        ping.event = "ping".to_owned();
        opened.insert(ping).await.unwrap();
        while opened.port().backlog().await.unwrap().deliveries > 0 {
            tokio::task::yield_now().await;
        }
    }
    stop.send(true).unwrap();
    worker.await.unwrap();
}
