//! Webhooks that never arrive, and what finds out nevertheless.

use selfheal::domain::ids::DeliveryId;
use selfheal::service::reconcile::{self, Turn};
use world::{Delivered, Pull, Repository};

use super::events::{closes, heals};
use super::{BAD, GOOD, broken_pull, count, headline, widget};
use crate::harness::Tester;

const AT_WORK: &str = "selfheal  in_progress  Attempt 1 of 3 is at work";
const PAYLOAD: &str = "/app/hook/deliveries/{delivery_id}";

/// A pull request whose CI is red, and nobody told us anything about it.
async fn unheard(t: &mut Tester) -> (Repository, Pull) {
    let repository = widget(t).await;
    t.settle().await;
    t.reconcile().await;
    t.world.lose_webhooks(usize::MAX);
    let pull = broken_pull(t, &repository).await;
    t.world.run_ci().await;
    t.settle().await;
    t.world.lose_webhooks(0);
    assert_eq!(t.check(&pull), "(none)", "nobody told us");
    (repository, pull)
}

#[tokio::test]
async fn a_webhook_that_never_arrived_heals_nevertheless() {
    let mut t = Tester::start().await;
    let (repository, pull) = unheard(&mut t).await;
    let turn = t.reconcile().await;
    assert!(turn.recorded >= 2 && turn.troubles == 0, "{turn:?}");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), AT_WORK);
    heals(&mut t, &repository, &pull).await;
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 2);
    assert_eq!(t.world.comment_bodies(&pull).len(), 1);
    t.finish().await;
}

#[tokio::test]
async fn a_server_that_was_down_for_two_days_learns_what_it_missed() {
    let mut t = Tester::start().await;
    let (_, pull) = unheard(&mut t).await;
    t.clock.advance(48 * 60 * 60 * 1000);
    t.restart().await;
    t.reconcile().await;
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), AT_WORK);
    closes(t, &pull).await;
}

#[tokio::test]
async fn what_arrived_is_not_fetched_and_what_was_fetched_is_not_fetched_again() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let pull = broken_pull(&t, &repository).await;
    t.settle_with_ci().await;
    let turn = t.reconcile().await;
    assert_eq!((turn.recorded, turn.troubles), (0, 0), "{turn:?}");
    assert_eq!(count(&t, "GET", PAYLOAD), 0);

    t.world.lose_webhooks(1);
    t.world.comment(&pull, "mona", "/selfheal status");
    assert_eq!(t.reconcile().await.recorded, 1);
    let lost = DeliveryId::parse(&t.world.failed_webhooks()[0].guid).unwrap();
    let services = t.app().services();
    let body = services.upkeep.delivery_body(&lost).await.unwrap().unwrap();
    assert_eq!(services.inbound.kept(body.clone()), body, "no more of it is kept than is read");
    t.settle().await;
    assert_eq!(t.reconcile().await.recorded, 0);
    assert_eq!(count(&t, "GET", PAYLOAD), 1);
    assert_eq!(t.world.comment_bodies(&pull).len(), 2, "the answer, once");
    for Delivered { guid, .. } in t.world.failed_webhooks() {
        assert!(t.world.redeliver(&guid));
    }
    t.settle().await;
    assert_eq!(t.world.comment_bodies(&pull).len(), 2, "GitHub's own redelivery adds nothing");
    closes(t, &pull).await;
}

#[tokio::test]
async fn of_several_replicas_one_reconciles() {
    let mut t = Tester::start().await;
    unheard(&mut t).await;
    t.clock.advance(reconcile::EVERY_MS);
    let services = t.app().services();
    let (one, other) = tokio::join!(reconcile::turn(services), reconcile::turn(services));
    let turns: Vec<Turn> = [one.unwrap(), other.unwrap()].into_iter().flatten().collect();
    assert_eq!(turns.len(), 1);
    assert_eq!(reconcile::turn(services).await.unwrap(), None, "not due before five minutes");
}

/// More webhooks are lost than a turn can fetch.
async fn many_lost(t: &mut Tester) -> Pull {
    let repository = widget(t).await;
    let pull = broken_pull(t, &repository).await;
    t.settle_with_ci().await;
    t.reconcile().await;
    t.world.lose_webhooks(usize::MAX);
    for _ in 0..310 {
        t.world.comment(&pull, "reader", "/selfheal stop");
    }
    t.world.lose_webhooks(0);
    pull
}

#[tokio::test]
async fn what_is_lost_while_a_pass_goes_on_is_found_right_after_it() {
    let mut t = Tester::start().await;
    let pull = many_lost(&mut t).await;
    assert_eq!(t.reconcile().await.recorded, 300);
    t.world.lose_webhooks(1);
    t.world.comment(&pull, "reader", "/selfheal stop");
    assert_eq!(t.reconcile().await.recorded, 10, "from where it was");
    let services = t.app().services();
    let turn = reconcile::turn(services).await.unwrap().expect("it is due at once");
    assert_eq!(turn.recorded, 1);
    assert_eq!(reconcile::turn(services).await.unwrap(), None, "and then in five minutes");
}

#[tokio::test]
async fn more_than_a_turn_can_fetch_is_fetched_by_the_next() {
    let mut t = Tester::start().await;
    many_lost(&mut t).await;
    let recorded = [t.reconcile().await, t.reconcile().await].map(|turn| turn.recorded);
    assert_eq!(recorded, [300, 10]);
    assert_eq!(t.reconcile().await.recorded, 0);
    assert_eq!(t.backlog().await.deliveries, 310);
}

#[tokio::test]
async fn a_log_that_cannot_be_read_is_read_later() {
    let mut t = Tester::start().await;
    let (_, pull) = unheard(&mut t).await;
    t.world.fail("GET", "/app/hook/deliveries", (502, 1));
    let turn = t.reconcile().await;
    assert_eq!((turn.recorded, turn.troubles), (0, 1), "{turn:?}");
    assert_eq!(t.reconcile().await.troubles, 0);
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), AT_WORK);
    closes(t, &pull).await;
}

#[tokio::test]
async fn a_payload_that_cannot_be_fetched_is_fetched_later() {
    let mut t = Tester::start().await;
    let (_, pull) = unheard(&mut t).await;
    t.world.fail("GET", PAYLOAD, (502, 1));
    let first = t.reconcile().await;
    assert_eq!(first.troubles, 1);
    let second = t.reconcile().await;
    assert_eq!((second.recorded, second.troubles), (1, 0));
    t.settle_with_ci().await;
    closes(t, &pull).await;
}

#[tokio::test]
async fn what_the_log_has_forgotten_is_found_by_listing_pull_requests() {
    let mut t = Tester::start().await;
    let (_, pull) = unheard(&mut t).await;
    t.world.forget_deliveries();
    assert_eq!(t.reconcile().await, Turn { pages: 1, ..Turn::default() }, "not due before an hour");
    t.clock.advance(60 * 60 * 1000);
    t.world.fail("GET", "/repos/{owner}/{repo}/pulls", (502, 1));
    let turn = t.reconcile().await;
    assert_eq!((turn.swept, turn.troubles), (0, 1));
    t.clock.advance(10 * 60 * 1000);
    let turn = t.reconcile().await;
    assert_eq!((turn.recorded, turn.swept, turn.found), (0, 1, 1));
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), AT_WORK);
    t.clock.advance(60 * 60 * 1000);
    t.settle_with_ci().await;
    assert_eq!(t.reconcile().await.found, 0, "what is known is no news");
    closes(t, &pull).await;
}

#[tokio::test]
async fn a_new_head_whose_red_ci_nobody_told_of_is_looked_at_again() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let files = [("src/lib.rs", Some(GOOD)), ("NEWS.md", Some("news\n"))];
    let pull = t.world.pull_request(&repository).by("mona").files(&files).open().await.unwrap();
    t.settle_with_ci().await;
    t.world.push(&pull, "mona", &[("src/lib.rs", Some(BAD))]).await.unwrap();
    t.settle().await;
    t.world.lose_webhooks(usize::MAX);
    t.world.run_ci().await;
    t.world.lose_webhooks(0);
    t.settle().await;
    assert_eq!(t.check(&pull), "(none)", "nobody told us that it is red");
    t.wait_minutes(31).await;
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), AT_WORK);
    closes(t, &pull).await;
}
