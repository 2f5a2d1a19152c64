//! Upkeep: one reconciles at a time and goes on where the last one was; what is swept, and when.

use selfheal::domain::ids::{DeliveryId, Timestamp};
use selfheal::domain::pull::PullState;
use selfheal::ports::store::{Finish, StoreError};
use selfheal::ports::upkeep::{DeliveryState, Listed, Pass, Progress, Replayed};

use super::values::{at, delivery, other_repo, pull, repo, sha};
use super::{LEASE_MS, Opened, claim, on_all};

on_all! {
    one_reconciles_at_a_time_and_the_next_when_it_is_due,
    a_turn_goes_on_where_the_last_one_was,
    whoever_lost_the_duty_writes_nothing,
    of_listed_deliveries_the_unknown_are_told_once,
    repositories_are_swept_when_they_are_due,
    what_a_sweep_found_is_known_and_woken,
    what_cannot_be_reached_is_not_swept,
    a_parked_delivery_is_seen_with_its_failure,
    what_fails_and_what_waits_is_seen_too,
    a_replayed_delivery_is_as_good_as_new,
    a_delivery_that_was_begun_and_never_finished_is_counted,
}

/// Claims the oldest delivery and ends it that way.
async fn ends(opened: &Opened, now: i64, finish: Finish) {
    let leased = opened.port().claim_delivery(claim(now)).await.unwrap().unwrap();
    opened.end(leased.lease, now, finish).await;
}

async fn a_parked_delivery_is_seen_with_its_failure(opened: Opened) {
    let store = opened.port();
    for id in ["early", "late", "fine"] {
        opened.insert(delivery(id, 10 + i64::try_from(id.len()).unwrap())).await.unwrap();
    }
    ends(&opened, 14, Finish::Done).await;
    ends(&opened, 20, Finish::Park { error: "no \u{0} sense".to_owned() }).await;
    let parked = store.deliveries(Listed::Parked, 9).await.unwrap();
    let [record] = &parked[..] else { panic!("{parked:?}") };
    assert_eq!(record.error.as_deref(), Some("no \u{fffd} sense"));
    assert_eq!((record.state, record.tries, record.due), (DeliveryState::Parked, 1, at(20)));
    assert_eq!(record.bytes, delivery("x", 1).body.len() as u64);
    assert_eq!(store.delivery(&record.id).await.unwrap().as_ref(), Some(record));
    let body = store.delivery_body(&record.id).await.unwrap().unwrap();
    assert_eq!(body, delivery("x", 1).body, "byte for byte");
    let nobody = DeliveryId::parse("nobody").unwrap();
    assert_eq!(store.delivery(&nobody).await.unwrap(), None);
    assert_eq!(store.delivery_body(&nobody).await.unwrap(), None);
}

async fn what_fails_and_what_waits_is_seen_too(opened: Opened) {
    for (id, received) in [("a", 1), ("b", 2), ("c", 3)] {
        opened.insert(delivery(id, received)).await.unwrap();
    }
    ends(&opened, 3, Finish::Retry { at: at(99), error: "not now".to_owned() }).await;
    let seen = async |which, max| -> Vec<String> {
        let seen = opened.port().deliveries(which, max).await.unwrap();
        seen.into_iter().map(|record| record.id.to_string()).collect()
    };
    assert_eq!(seen(Listed::Waiting, 9).await, ["c", "b", "a"], "newest first");
    assert_eq!(seen(Listed::Waiting, 2).await, ["c", "b"]);
    assert_eq!(seen(Listed::Failing, 9).await, ["a"]);
    assert!(seen(Listed::Parked, 9).await.is_empty());
}

async fn a_replayed_delivery_is_as_good_as_new(opened: Opened) {
    let (store, id) = (opened.port(), DeliveryId::parse("d").unwrap());
    assert_eq!(store.replay(&id, at(1)).await.unwrap(), Replayed::Unknown);
    opened.insert(delivery("d", 1)).await.unwrap();
    assert_eq!(store.replay(&id, at(2)).await.unwrap(), Replayed::Waits);
    for finish in [Finish::Park { error: "no".to_owned() }, Finish::Done] {
        ends(&opened, 5, Finish::Retry { at: at(5), error: "no".to_owned() }).await;
        ends(&opened, 5, finish).await;
        assert!(opened.port().claim_delivery(claim(99)).await.unwrap().is_none());
        assert_eq!(store.replay(&id, at(5)).await.unwrap(), Replayed::Yes);
        let leased = opened.port().claim_delivery(claim(5)).await.unwrap().unwrap();
        assert_eq!((leased.item.tries, leased.item.unfinished), (0, 0));
        assert_eq!(leased.item.delivery, delivery("d", 1));
        opened.end(leased.lease, 5, Finish::At(at(5))).await;
    }
}

async fn a_delivery_that_was_begun_and_never_finished_is_counted(opened: Opened) {
    opened.insert(delivery("d", 1)).await.unwrap();
    for begun in 0..3 {
        let now = 1 + i64::from(begun) * LEASE_MS;
        let leased = opened.port().claim_delivery(claim(now)).await.unwrap().unwrap();
        assert_eq!(leased.item.unfinished, begun);
    }
    let now = 1 + 3 * LEASE_MS;
    ends(&opened, now, Finish::Retry { at: at(now), error: "at least it ended".into() }).await;
    let leased = opened.port().claim_delivery(claim(now)).await.unwrap().unwrap();
    assert_eq!((leased.item.unfinished, leased.item.tries), (0, 1));
}

async fn one_reconciles_at_a_time_and_the_next_when_it_is_due(opened: Opened) {
    let store = opened.port();
    let first = store.claim_reconcile(claim(10)).await.unwrap().expect("due from the beginning");
    assert_eq!(first.progress, Progress::default());
    assert!(opened.again().await.claim_reconcile(claim(11)).await.unwrap().is_none());
    store.end_reconcile(first.lease, &Progress::default(), at(500)).await.unwrap();
    assert!(store.claim_reconcile(claim(499)).await.unwrap().is_none(), "not due");
    assert!(store.claim_reconcile(claim(500)).await.unwrap().is_some());
}

async fn a_turn_goes_on_where_the_last_one_was(opened: Opened) {
    let store = opened.port();
    let pass = Some(Pass { to: at(90), cursor: "v1_7".to_owned() });
    let mark = Some(at(50));
    for progress in [Progress { mark, pass }, Progress { mark, pass: None }, Progress::default()] {
        let turn = store.claim_reconcile(claim(10)).await.unwrap().unwrap();
        store.end_reconcile(turn.lease, &progress, at(10)).await.unwrap();
        let turn = store.claim_reconcile(claim(10)).await.unwrap().unwrap();
        assert_eq!(turn.progress, progress);
        store.end_reconcile(turn.lease, &Progress::default(), at(10)).await.unwrap();
    }
}

async fn whoever_lost_the_duty_writes_nothing(opened: Opened) {
    let store = opened.port();
    let slow = store.claim_reconcile(claim(10)).await.unwrap().unwrap();
    let quick = store.claim_reconcile(claim(10 + LEASE_MS)).await.unwrap().expect("it ran out");
    let far = Progress { mark: Some(at(9)), pass: None };
    let late = store.end_reconcile(slow.lease, &far, at(1)).await;
    assert!(matches!(late, Err(StoreError::LeaseLost(_))), "{late:?}");
    store.end_reconcile(quick.lease, &Progress::default(), at(2_000)).await.unwrap();
    let next = store.claim_reconcile(claim(2_000)).await.unwrap().unwrap();
    assert_eq!(next.progress.mark, None);
}

async fn of_listed_deliveries_the_unknown_are_told_once(opened: Opened) {
    opened.insert(delivery("known", 1)).await.unwrap();
    opened.insert(delivery("done", 2)).await.unwrap();
    let id = |text: &str| DeliveryId::parse(text).unwrap();
    let listed = ["lost", "known", "lost", "done", "gone"].map(id);
    let mut unknown = opened.port().unknown_deliveries(&listed).await.unwrap();
    unknown.sort();
    assert_eq!(unknown, [id("gone"), id("lost")]);
    assert!(opened.port().unknown_deliveries(&[]).await.unwrap().is_empty());
}

async fn repositories_are_swept_when_they_are_due(opened: Opened) {
    let store = opened.port();
    let mut elsewhere = pull(1);
    elsewhere.repo = other_repo();
    opened.know(&[pull(1), elsewhere]).await;
    let due = async |now: i64, max: u32| -> Vec<(u64, Option<i64>)> {
        let due = store.repos_to_sweep(at(now), max).await.unwrap();
        due.iter().map(|one| (one.repo.id.get(), one.swept_at.map(Timestamp::millis))).collect()
    };
    assert_eq!(due(5, 9).await, [(7, None), (8, None)]);
    assert_eq!(due(5, 1).await, [(7, None)]);
    store.swept(&repo(), &[], at(5), at(100)).await.unwrap();
    assert_eq!(due(99, 9).await, [(8, None)]);
    store.not_swept(&other_repo(), at(50)).await.unwrap();
    assert_eq!(due(49, 9).await, []);
    assert_eq!(due(100, 9).await, [(8, None), (7, Some(5))], "the longest due first");
    store.not_swept(&repo(), at(200)).await.unwrap();
    assert_eq!(due(200, 9).await, [(8, None), (7, Some(5))], "what was not seen is not swept");
}

async fn what_a_sweep_found_is_known_and_woken(opened: Opened) {
    opened.know(&[pull(1), pull(2)]).await;
    let mut moved = pull(1);
    moved.head.sha = sha('c');
    moved.updated_at = at(200);
    let mut stale = pull(2);
    stale.state = PullState::Closed;
    stale.updated_at = at(50);
    opened.port().swept(&repo(), &[moved.clone(), stale, pull(3)], at(300), at(900)).await.unwrap();
    assert_eq!(opened.known(&pull(1)).await.head, moved);
    assert_eq!(opened.known(&pull(2)).await.head, pull(2), "older facts replace nothing");
    assert_eq!(opened.known(&pull(3)).await.head, pull(3));
    let mut woken = Vec::new();
    while let Some(leased) = opened.pull_at(300).await {
        woken.push(leased.item.head.number.get());
    }
    woken.sort_unstable();
    assert_eq!(woken, [1, 2, 3]);
}

async fn what_cannot_be_reached_is_not_swept(opened: Opened) {
    use selfheal::ports::store::{InstallationFact, InstallationState};
    opened.know(&[pull(1)]).await;
    let tell = async |state, removed| {
        let fact = InstallationFact { id: repo().installation, state, added: Vec::new(), removed };
        opened.write(1, |changes| changes.installations.push(fact)).await;
        opened.port().repos_to_sweep(at(5), 9).await.unwrap().len()
    };
    assert_eq!(tell(InstallationState::Suspended, Vec::new()).await, 0);
    assert_eq!(tell(InstallationState::Active, Vec::new()).await, 1);
    assert_eq!(tell(InstallationState::Active, vec![repo().id]).await, 0);
}
