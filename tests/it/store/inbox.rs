//! Deliveries: durable when answered, once each, claimed by one.

use selfheal::ports::store::{Changes, Finish, Inserted, Store as _};
use selfheal::store::{Migrate, SqlStore};

use super::values::{at, delivery};
use super::{LEASE_MS, Opened, claim, done, lost, on_all};

on_all! {
    a_delivery_comes_back_byte_for_byte,
    a_redelivery_is_a_duplicate_even_after_the_work,
    deliveries_at_once_are_each_recorded_once,
    the_oldest_delivery_comes_first,
    nobody_claims_what_another_has_until_its_lease_runs_out,
    a_lost_lease_writes_nothing,
    a_lease_that_ran_out_still_writes_when_nobody_took_over,
    a_failed_delivery_comes_again_when_it_said,
    a_parked_delivery_stays_for_people_to_see,
    ;
    what_was_answered_survives_a_restart,
    a_closed_store_refuses_deliveries,
}

async fn a_delivery_comes_back_byte_for_byte(opened: Opened) {
    let store = opened.port();
    assert_eq!(opened.insert(delivery("d1", 10)).await.unwrap(), Inserted::New);
    let leased = store.claim_delivery(claim(10)).await.unwrap().unwrap();
    assert_eq!(leased.item.delivery, delivery("d1", 10));
    assert_eq!(leased.item.tries, 0);
    assert_eq!(leased.lease.until, at(10 + LEASE_MS));
    assert_eq!(store.backlog().await.unwrap().deliveries, 1);
    store.apply(leased.lease, done(11)).await.unwrap();
    assert!(store.claim_delivery(claim(1_000_000)).await.unwrap().is_none());
    assert_eq!(store.backlog().await.unwrap().deliveries, 0);
    assert_eq!(store.next_due().await.unwrap(), None);
}

async fn a_redelivery_is_a_duplicate_even_after_the_work(opened: Opened) {
    let store = opened.port();
    opened.insert(delivery("d1", 10)).await.unwrap();
    assert_eq!(opened.insert(delivery("d1", 20)).await.unwrap(), Inserted::Duplicate);
    let leased = store.claim_delivery(claim(20)).await.unwrap().unwrap();
    assert_eq!(leased.item.delivery.received_at, at(10));
    store.apply(leased.lease, done(21)).await.unwrap();
    assert_eq!(opened.insert(delivery("d1", 30)).await.unwrap(), Inserted::Duplicate);
    assert!(store.claim_delivery(claim(30)).await.unwrap().is_none());
}

async fn deliveries_at_once_are_each_recorded_once(opened: Opened) {
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..300 {
        waiting.spawn(opened.insert(delivery(&format!("d{}", number % 150), 10)));
    }
    let answers = waiting.join_all().await;
    let new = answers.iter().filter(|answer| matches!(answer, Ok(Inserted::New))).count();
    let known = answers.iter().filter(|answer| matches!(answer, Ok(Inserted::Duplicate))).count();
    assert_eq!((new, known), (150, 150));
    assert_eq!(opened.port().backlog().await.unwrap().deliveries, 150);
}

async fn what_was_answered_survives_a_restart(opened: Opened) {
    opened.insert(delivery("d1", 10)).await.unwrap();
    opened.sql().close().await;
    let store = SqlStore::open(&opened.url, Migrate::No).await.unwrap();
    let leased = store.claim_delivery(claim(10)).await.unwrap().unwrap();
    assert_eq!(leased.item.delivery, delivery("d1", 10));
}

async fn a_closed_store_refuses_deliveries(opened: Opened) {
    opened.sql().close().await;
    assert!(opened.insert(delivery("d1", 10)).await.is_err());
}

async fn the_oldest_delivery_comes_first(opened: Opened) {
    let store = opened.port();
    for (id, received) in [("b", 20), ("a", 10), ("later", 31)] {
        opened.insert(delivery(id, received)).await.unwrap();
    }
    let mut order = Vec::new();
    while let Some(leased) = store.claim_delivery(claim(30)).await.unwrap() {
        order.push(leased.item.delivery.id.to_string());
    }
    assert_eq!(order, ["a", "b"]);
    assert_eq!(store.next_due().await.unwrap(), Some(at(31)));
}

async fn nobody_claims_what_another_has_until_its_lease_runs_out(opened: Opened) {
    let store = opened.port();
    opened.insert(delivery("d1", 10)).await.unwrap();
    let first = store.claim_delivery(claim(10)).await.unwrap().unwrap();
    assert!(store.claim_delivery(claim(10 + LEASE_MS - 1)).await.unwrap().is_none());
    assert_eq!(store.next_due().await.unwrap(), Some(at(10 + LEASE_MS)));
    let second = store.claim_delivery(claim(10 + LEASE_MS)).await.unwrap().unwrap();
    assert_eq!(second.lease.epoch, first.lease.epoch + 1);
}

async fn a_lost_lease_writes_nothing(opened: Opened) {
    let store = opened.port();
    opened.insert(delivery("d1", 10)).await.unwrap();
    let old = store.claim_delivery(claim(10)).await.unwrap().unwrap();
    let new = store.claim_delivery(claim(10 + LEASE_MS)).await.unwrap().unwrap();
    let mut changes = done(2_000);
    changes.pulls.push(super::values::pull(1));
    changes.effects.push((super::values::effect_id(1), super::values::onboard()));
    lost(&store.apply(old.lease, changes).await);
    let known = super::values::pull(1);
    assert_eq!(store.pull(known.repo.id, known.number).await.unwrap(), None);
    assert_eq!(store.backlog().await.unwrap().effects, 0);
    store.apply(new.lease, done(2_000)).await.unwrap();
}

async fn a_lease_that_ran_out_still_writes_when_nobody_took_over(opened: Opened) {
    let store = opened.port();
    opened.insert(delivery("d1", 10)).await.unwrap();
    let leased = store.claim_delivery(claim(10)).await.unwrap().unwrap();
    store.apply(leased.lease, done(10 + 5 * LEASE_MS)).await.unwrap();
    assert_eq!(store.backlog().await.unwrap().deliveries, 0);
}

async fn a_failed_delivery_comes_again_when_it_said(opened: Opened) {
    let store = opened.port();
    opened.insert(delivery("d1", 10)).await.unwrap();
    for tries in 0..3 {
        let now = 100 * i64::from(tries) + 10;
        let leased = store.claim_delivery(claim(now)).await.unwrap().unwrap();
        assert_eq!(leased.item.tries, tries);
        let finish = Finish::Retry { at: at(now + 100), error: "no route".to_owned() };
        store.apply(leased.lease, Changes::finish(at(now), finish)).await.unwrap();
        assert!(store.claim_delivery(claim(now + 99)).await.unwrap().is_none());
        assert_eq!(store.next_due().await.unwrap(), Some(at(now + 100)));
    }
}

async fn a_parked_delivery_stays_for_people_to_see(opened: Opened) {
    let store = opened.port();
    opened.insert(delivery("d1", 10)).await.unwrap();
    let leased = store.claim_delivery(claim(10)).await.unwrap().unwrap();
    opened.end(leased.lease, 11, Finish::Park { error: "not JSON".to_owned() }).await;
    assert!(store.claim_delivery(claim(1_000_000)).await.unwrap().is_none());
    let backlog = store.backlog().await.unwrap();
    assert_eq!((backlog.deliveries, backlog.parked), (0, 1));
    assert_eq!(store.purge(at(11)).await.unwrap(), 0, "until it was parked long ago");
}
