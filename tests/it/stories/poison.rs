//! Deliveries that make us fail: bounded tries, then parked, seen, and read again by an operator.

use std::sync::Arc;

use selfheal::domain::event::Reading;
use selfheal::ports::inbound::{Inbound, NotAuthentic, Unreadable};
use selfheal::ports::store::Claim;
use selfheal::ports::upkeep::{Listed, Replayed};
use selfheal::service::Services;
use selfheal::service::worker::{DELIVERY_TRIES_MAX, DELIVERY_UNFINISHED_MAX, Step, Worker};

use super::events::closes;
use super::{at_work, broken_pull, headline, widget};
use crate::harness::Tester;

/// Has a bug about comments.
struct Buggy(Arc<dyn Inbound>);

impl Inbound for Buggy {
    fn verify(&self, body: &[u8], signature: Option<&str>) -> Result<(), NotAuthentic> {
        self.0.verify(body, signature)
    }

    fn read(&self, event: &str, body: &[u8]) -> Result<Reading, Unreadable> {
        assert_ne!(event, "issue_comment", "a bug");
        self.0.read(event, body)
    }
}

/// The services, with the bug.
fn buggy(t: &Tester) -> Services {
    let mut services = t.app().services().clone();
    services.inbound = Arc::new(Buggy(services.inbound));
    services
}

/// Carries out what is due in the next hour, minute by minute.
async fn an_hour(t: &Tester, services: &Services) {
    let worker = Worker::new(services.clone());
    for _ in 0..60 {
        while worker.step().await.unwrap() == Step::Worked {}
        t.clock.advance(60 * 1000);
    }
}

async fn deliver(t: &Tester) {
    t.world.deliver(&format!("{}/webhooks/github", t.url())).await;
}

#[tokio::test]
async fn what_makes_us_fail_is_parked_and_holds_up_nothing() {
    let mut t = Tester::start().await;
    let (_, pull) = at_work(&mut t).await;
    t.world.comment(&pull, "mona", "/selfheal stop");
    deliver(&t).await;
    let services = buggy(&t);
    an_hour(&t, &services).await;
    let parked = services.upkeep.deliveries(Listed::Parked, 9).await.unwrap();
    let [record] = &parked[..] else { panic!("{parked:?}") };
    assert_eq!((record.event.as_str(), record.tries), ("issue_comment", DELIVERY_TRIES_MAX));
    assert_eq!(record.error.as_deref(), Some("a bug: reading it panicked"));
    assert!(headline(&t, &pull).contains("Attempt"), "everything else went on");

    let now = t.app().services().clock.now();
    assert_eq!(services.upkeep.replay(&record.id, now).await.unwrap(), Replayed::Yes);
    t.settle().await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  Stopped by mona");
    closes(t, &pull).await;
}

#[tokio::test]
async fn what_ends_the_process_is_parked_unread() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    t.settle().await;
    let pull = broken_pull(&t, &repository).await;
    deliver(&t).await;
    let services = t.app().services().clone();
    let lease_ms = 1_000;
    let waiting = t.backlog().await.deliveries;
    for _ in 0..DELIVERY_UNFINISHED_MAX {
        // The process dies in the middle of each.
        let claim = Claim { now: services.clock.now(), lease_ms };
        while services.store.claim_delivery(claim).await.unwrap().is_some() {}
        t.clock.advance(lease_ms);
    }
    t.settle().await;
    let parked = services.upkeep.deliveries(Listed::Parked, 9).await.unwrap();
    assert_eq!(parked.len() as u64, waiting);
    assert_eq!(parked[0].error.as_deref(), Some("begun 5 times and never finished"));
    for record in parked {
        services.upkeep.replay(&record.id, services.clock.now()).await.unwrap();
    }
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Attempt 1 of 3 is at work"));
    closes(t, &pull).await;
}

#[tokio::test]
async fn while_github_is_down_nothing_is_given_up() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    t.settle().await;
    t.world.lose_webhooks(usize::MAX);
    let pull = broken_pull(&t, &repository).await;
    t.world.lose_webhooks(0);
    t.world.comment(&pull, "mona", "/selfheal stop");
    t.world.fail("*", "*", (503, usize::MAX));
    for _ in 0..30 {
        t.wait_minutes(11).await;
    }
    assert_eq!(t.backlog().await.parked, 0);
    let failing = t.app().services().upkeep.deliveries(Listed::Failing, 9).await.unwrap();
    assert!(failing.len() == 1 && failing[0].tries > 20, "{failing:?}");
    t.world.heal_faults();
    t.wait_minutes(11).await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  Stopped by mona");
    closes(t, &pull).await;
}
