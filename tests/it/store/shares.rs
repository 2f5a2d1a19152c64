//! Shares: a noisy repository is served like a quiet one, and nobody fills the inbox.

use selfheal::domain::ids::{InstallationId, RepoId, RepoSlug};
use selfheal::domain::limits::Limits;
use selfheal::domain::pull::{PullHead, Repo};
use selfheal::ports::store::{Finish, Inserted, NewDelivery, Store as _, StoreError};
use selfheal::store::{Migrate, SqlStore};

use super::values::{at, delivery, other_repo, pull, reply};
use super::{Opened, claim, on_all};

on_all! {
    a_noisy_repository_does_not_hold_up_deliveries_of_others,
    a_noisy_repository_does_not_hold_up_looks_of_others,
    a_noisy_repository_does_not_hold_up_effects_of_others,
    repositories_take_turns_and_each_is_served_in_order,
    a_repository_that_goes_on_being_noisy_starves_nobody,
    what_is_of_no_repository_is_served_too,
    ;
    a_full_inbox_takes_nothing_until_something_was_read,
}

/// Things that a noisy repository wants at once.
const NOISE: u64 = 400;

/// Claims within which a quiet repository is served.
const SOON: usize = 2;

fn of(repo: u64, id: &str, received: i64) -> NewDelivery {
    NewDelivery { repo: Some(RepoId::new(repo)), ..delivery(id, received) }
}

/// A pull request of the quiet repository.
fn quiet() -> PullHead {
    PullHead { repo: other_repo(), ..pull(1) }
}

/// The repositories that are served, in order, by so many claims of deliveries.
async fn served(opened: &Opened, now: i64, claims: usize) -> Vec<u64> {
    let mut served = Vec::new();
    for _ in 0..claims {
        let leased = opened.port().claim_delivery(claim(now)).await.unwrap().unwrap();
        served.push(leased.item.delivery.repo.map_or(0, RepoId::get));
        opened.end(leased.lease, now, Finish::Done).await;
    }
    served
}

async fn a_noisy_repository_does_not_hold_up_deliveries_of_others(opened: Opened) {
    for number in 0..NOISE {
        opened.insert(of(7, &format!("noise-{number}"), 1)).await.unwrap();
    }
    opened.insert(of(8, "quiet", 2)).await.unwrap();
    assert!(served(&opened, 5, SOON).await.contains(&8));
}

async fn a_noisy_repository_does_not_hold_up_looks_of_others(opened: Opened) {
    let noise: Vec<PullHead> = (1..=NOISE).map(pull).collect();
    opened.know(&noise).await;
    opened.know(&[quiet()]).await;
    opened
        .write(1, |changes| {
            changes.wake = noise.iter().map(|one| (one.repo.id, one.number, at(1))).collect();
            changes.wake.push((quiet().repo.id, quiet().number, at(2)));
        })
        .await;
    let mut served = Vec::new();
    for _ in 0..SOON {
        served.push(opened.pull_at(5).await.unwrap().item.head.repo.id);
    }
    assert!(served.contains(&quiet().repo.id));
}

async fn a_noisy_repository_does_not_hold_up_effects_of_others(opened: Opened) {
    let noise: Vec<PullHead> = (1..=NOISE).map(pull).collect();
    opened.know(&noise).await;
    opened.know(&[quiet()]).await;
    let wanted: Vec<_> = noise.iter().map(|one| reply(one, one.number.get(), "x")).collect();
    opened.want(1, &wanted).await;
    opened.want(2, &[reply(&quiet(), 9_000, "x")]).await;
    let mut served = Vec::new();
    for _ in 0..SOON {
        served.push(opened.effect_at(5).await.unwrap().item.effect.repo.id);
    }
    assert!(served.contains(&quiet().repo.id));
}

async fn repositories_take_turns_and_each_is_served_in_order(opened: Opened) {
    for (repo, id, received) in
        [(7, "a1", 1), (7, "a2", 2), (7, "a3", 3), (8, "b1", 4), (8, "b2", 5), (9, "c1", 6)]
    {
        opened.insert(of(repo, id, received)).await.unwrap();
    }
    let mut order = Vec::new();
    while let Some(leased) = opened.port().claim_delivery(claim(9)).await.unwrap() {
        order.push(leased.item.delivery.id.to_string());
    }
    assert_eq!(order, ["a1", "b1", "c1", "a2", "b2", "a3"]);
}

async fn a_repository_that_goes_on_being_noisy_starves_nobody(opened: Opened) {
    for number in 0..NOISE {
        opened.insert(of(7, &format!("old-{number}"), 1)).await.unwrap();
    }
    for number in 0..5 {
        opened.insert(of(8, &format!("quiet-{number}"), 2)).await.unwrap();
    }
    let mut quiet = 0;
    for round in 0..10_u64 {
        // Ten come in while one is read.
        for number in 0..10 {
            opened.insert(of(7, &format!("new-{round}-{number}"), 3)).await.unwrap();
        }
        quiet += served(&opened, 5, 1).await.iter().filter(|repo| **repo == 8).count();
    }
    assert_eq!(quiet, 5, "every other one, although much of the noise was there before");
}

async fn what_is_of_no_repository_is_served_too(opened: Opened) {
    for number in 0..40 {
        opened.insert(of(7, &format!("noise-{number}"), 1)).await.unwrap();
    }
    opened.insert(delivery("installed", 2)).await.unwrap();
    assert!(served(&opened, 5, SOON).await.contains(&0));
    let repo = Repo {
        id: RepoId::new(9),
        slug: RepoSlug::parse("acme/late").unwrap(),
        installation: InstallationId::new(1),
    };
    opened.insert(NewDelivery { repo: Some(repo.id), ..delivery("late", 3) }).await.unwrap();
    assert!(served(&opened, 5, SOON).await.contains(&9), "a new one is served before old ones");
}

async fn a_full_inbox_takes_nothing_until_something_was_read(opened: Opened) {
    let limits = Limits { deliveries_waiting: 3, ..Limits::default() };
    let store = SqlStore::open_within(&opened.url, Migrate::No, limits).await.unwrap();
    for id in ["a", "b", "c"] {
        assert_eq!(store.insert_delivery(delivery(id, 1)).await.unwrap(), Inserted::New);
    }
    for id in ["d", "e"] {
        let full = store.insert_delivery(delivery(id, 1)).await;
        assert!(matches!(full, Err(StoreError::Full { waiting: 3 })), "{full:?}");
    }
    assert_eq!(store.backlog().await.unwrap().deliveries, 3, "ready, and nothing was written");
    served(&opened, 5, 1).await;
    assert_eq!(store.insert_delivery(delivery("d", 1)).await.unwrap(), Inserted::New);
    let full = store.insert_delivery(delivery("e", 1)).await;
    assert!(matches!(full, Err(StoreError::Full { .. })), "{full:?}");
}
