//! Upkeep: one reconciles at a time and goes on where the last one was; what is swept, and when.

use selfheal::domain::ids::DeliveryId;
use selfheal::domain::pull::PullState;
use selfheal::ports::store::StoreError;
use selfheal::ports::upkeep::{Pass, Progress, Upkeep as _};

use super::values::{at, delivery, other_repo, pull, repo, sha};
use super::{LEASE_MS, Opened, claim, on_both};

on_both! {
    one_reconciles_at_a_time_and_the_next_when_it_is_due,
    a_turn_goes_on_where_the_last_one_was,
    whoever_lost_the_duty_writes_nothing,
    of_listed_deliveries_the_unknown_are_told_once,
    repositories_are_swept_when_they_are_due,
    what_a_sweep_found_is_known_and_woken,
    what_cannot_be_reached_is_not_swept,
}

async fn one_reconciles_at_a_time_and_the_next_when_it_is_due(opened: Opened) {
    let store = &opened.store;
    let first = store.claim_reconcile(claim(10)).await.unwrap().expect("due from the beginning");
    assert_eq!(first.progress, Progress::default());
    assert!(opened.again().await.claim_reconcile(claim(11)).await.unwrap().is_none());
    store.end_reconcile(first.lease, &Progress::default(), at(500)).await.unwrap();
    assert!(store.claim_reconcile(claim(499)).await.unwrap().is_none(), "not due");
    assert!(store.claim_reconcile(claim(500)).await.unwrap().is_some());
}

async fn a_turn_goes_on_where_the_last_one_was(opened: Opened) {
    let store = &opened.store;
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
    let store = &opened.store;
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
    let mut unknown = opened.store.unknown_deliveries(&listed).await.unwrap();
    unknown.sort();
    assert_eq!(unknown, [id("gone"), id("lost")]);
    assert!(opened.store.unknown_deliveries(&[]).await.unwrap().is_empty());
}

async fn repositories_are_swept_when_they_are_due(opened: Opened) {
    let store = &opened.store;
    let mut elsewhere = pull(1);
    elsewhere.repo = other_repo();
    opened.know(&[pull(1), elsewhere]).await;
    let due = async |now: i64, max: u32| -> Vec<(u64, Option<i64>)> {
        let due = store.repos_to_sweep(at(now), max).await.unwrap();
        due.iter().map(|one| (one.repo.id.get(), one.swept_at.map(|at| at.millis()))).collect()
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
    opened.store.swept(&repo(), &[moved.clone(), stale, pull(3)], at(300), at(900)).await.unwrap();
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
        opened.store.repos_to_sweep(at(5), 9).await.unwrap().len()
    };
    assert_eq!(tell(InstallationState::Suspended, Vec::new()).await, 0);
    assert_eq!(tell(InstallationState::Active, Vec::new()).await, 1);
    assert_eq!(tell(InstallationState::Active, vec![repo().id]).await, 0);
}
