//! Purging: what was finished long ago goes, what something refers to or waits for stays.

use selfheal::domain::ask::{AskKind, Heed};
use selfheal::domain::case::CaseState;
use selfheal::domain::effect::Effect;
use selfheal::ports::store::{Admitted, Changes, Finish, Inserted};

use super::values::{
    admission, ask, at, attempt, attempt_id, case, commit, delivery, onboard, performed, pull,
    reply,
};
use super::{LEASE_MS, Opened, claim, on_all};
use selfheal::domain::attempt::AttemptState;

on_all! {
    deliveries_go_when_they_were_finished_before,
    asks_go_when_they_were_answered_before,
    effects_of_a_live_case_stay,
    effects_go_with_their_ended_case,
    what_is_done_once_for_a_repository_is_never_forgotten,
    identities_go_when_they_were_used_before,
    purging_nothing_is_fine,
    parked_deliveries_go_when_they_were_parked_before,
}

async fn purge(opened: &Opened, before: i64) -> u64 {
    opened.port().purge(at(before)).await.unwrap()
}

async fn deliveries_go_when_they_were_finished_before(opened: Opened) {
    for (id, received, finished) in [("old", 10, 20), ("slow", 11, 90), ("new", 80, 81)] {
        opened.insert(delivery(id, received)).await.unwrap();
        let leased = opened.port().claim_delivery(claim(received)).await.unwrap().unwrap();
        opened.end(leased.lease, finished, Finish::Done).await;
    }
    opened.insert(delivery("pending", 12)).await.unwrap();
    assert_eq!(purge(&opened, 50).await, 1);
    for (id, expected) in [
        ("old", Inserted::New),
        ("slow", Inserted::Duplicate),
        ("new", Inserted::Duplicate),
        ("pending", Inserted::Duplicate),
    ] {
        assert_eq!(opened.insert(delivery(id, 100)).await.unwrap(), expected, "{id}");
    }
}

async fn asks_go_when_they_were_answered_before(opened: Opened) {
    opened.know(&[pull(1)]).await;
    for key in ["early", "late", "open"] {
        opened.ask(1_000, &pull(1), ask(key, AskKind::Fix, 1)).await;
    }
    for (now, key) in [(1_001, "early"), (1_100, "late")] {
        opened.write(now, |changes| changes.answered.push((key.to_owned(), Heed::Passing))).await;
    }
    let deliveries = 6; // those that the promise's own writes were made under
    assert_eq!(purge(&opened, 1_050).await, deliveries - 1 + 1, "and the ask answered early");
    opened.ask(2_000, &pull(1), ask("late", AskKind::Fix, 1)).await;
    opened.ask(2_000, &pull(1), ask("early", AskKind::Fix, 1)).await;
    let keys: Vec<_> = opened.known(&pull(1)).await.asks.into_iter().map(|ask| ask.key).collect();
    assert_eq!(keys, ["early", "open"], "the early one is as good as new");
}

/// Performs everything that is wanted, at that time.
async fn perform(opened: &Opened, now: i64) -> usize {
    let mut count = 0;
    while let Some(leased) = opened.effect_at(now).await {
        let mut changes = Changes::finish(at(now), Finish::Done);
        changes.result = Some(performed());
        opened.port().apply(leased.lease, changes).await.unwrap();
        count += 1;
    }
    count
}

/// How many effects there are to perform when these are wanted again.
async fn again(opened: &Opened, now: i64, effects: &[Effect]) -> usize {
    opened.want(now, effects).await;
    perform(opened, now).await
}

async fn effects_of_a_live_case_stay(opened: Opened) {
    opened.know(&[pull(1)]).await;
    let case = case(1, &pull(1), CaseState::Proving(attempt_id(1)));
    opened.keep(1, &case, &[attempt(1, &case, AttemptState::Committing)]).await;
    let effects = [commit(&pull(1), attempt_id(1)), reply(&pull(1), 3, "x")];
    assert_eq!(again(&opened, 10, &effects).await, 2);
    purge(&opened, 1_000).await;
    assert_eq!(opened.known(&pull(1)).await.attempts[0].committed, Some(performed()));
    assert_eq!(again(&opened, 2_000, &effects).await, 0, "done once is done");
}

async fn effects_go_with_their_ended_case(opened: Opened) {
    opened.know(&[pull(1), pull(2)]).await;
    opened.keep(1, &case(1, &pull(1), CaseState::Closed), &[]).await;
    let effects = [reply(&pull(1), 3, "x"), reply(&pull(2), 4, "x")];
    assert_eq!(again(&opened, 10, &effects).await, 2);
    purge(&opened, 10).await;
    assert_eq!(again(&opened, 20, &effects).await, 0, "not before that time");
    purge(&opened, 11).await;
    assert_eq!(again(&opened, 30, &effects).await, 2);
}

async fn what_is_done_once_for_a_repository_is_never_forgotten(opened: Opened) {
    assert_eq!(again(&opened, 10, &[onboard()]).await, 1);
    purge(&opened, 1_000_000).await;
    assert_eq!(again(&opened, 2_000_000, &[onboard()]).await, 0);
}

async fn identities_go_when_they_were_used_before(opened: Opened) {
    opened.know(&[pull(1)]).await;
    let case = case(1, &pull(1), CaseState::Healing(attempt_id(1)));
    opened.keep(1, &case, &[attempt(1, &case, AttemptState::Running)]).await;
    let store = opened.port();
    for (identity, now) in [("old", 100), ("new", 200)] {
        let admitted = store.admit_runner(admission(attempt_id(1), identity, now)).await.unwrap();
        assert_eq!(admitted, Admitted::Yes);
    }
    purge(&opened, 150).await;
    for (identity, expected) in [("new", Admitted::IdentityUsed), ("old", Admitted::Yes)] {
        let admitted = store.admit_runner(admission(attempt_id(1), identity, 300)).await.unwrap();
        assert_eq!(admitted, expected, "{identity}");
    }
}

async fn purging_nothing_is_fine(opened: Opened) {
    assert_eq!(purge(&opened, LEASE_MS).await, 0);
}

async fn parked_deliveries_go_when_they_were_parked_before(opened: Opened) {
    for (id, parked) in [("old", 20), ("new", 80)] {
        opened.insert(delivery(id, 10)).await.unwrap();
        let leased = opened.port().claim_delivery(claim(10)).await.unwrap().unwrap();
        opened.end(leased.lease, parked, Finish::Park { error: "no".to_owned() }).await;
    }
    assert_eq!(purge(&opened, 20).await, 0);
    assert_eq!(purge(&opened, 50).await, 1);
    assert_eq!(opened.port().backlog().await.unwrap().parked, 1);
}
