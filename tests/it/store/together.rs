//! Many at once: every piece of work is had by one, and nothing falls between two.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use selfheal::domain::attempt::AttemptState;
use selfheal::domain::case::CaseState;
use selfheal::ports::store::{Ceiling, Changes, Claim, Finish, Lease, Store, StoreError};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::values::{
    at, attempt, attempt_id, case, comment, delivery, effect_id, performed, pull, reply, sha,
};
use super::{Opened, done, on_all};

on_all! {
    eight_workers_claim_every_delivery_once,
    eight_workers_claim_every_effect_once,
    eight_workers_never_perform_two_effects_of_one_pull_request,
    eight_workers_look_at_every_pull_request_once,
    wakes_during_looks_of_others_are_never_lost,
    two_replicas_share_the_work,
    of_many_attempts_that_begin_at_once_no_more_do_than_may,
    a_step_that_lost_its_lease_takes_no_other_along,
    what_is_written_together_is_as_if_written_one_by_one,
    old_facts_replace_nothing_and_wake_all_the_same,
    a_step_that_is_refused_takes_no_other_along,
}

const WORKERS: usize = 8;

/// Work that outlives the test: nothing is taken over.
const LONG: Claim = Claim { now: at_0(), lease_ms: 1_000_000_000 };

const fn at_0() -> selfheal::domain::ids::Timestamp {
    selfheal::domain::ids::Timestamp::from_millis(1_000)
}

/// What eight workers bring home who all begin at the same time.
async fn all<T, F>(worker: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = Vec<T>> + Send + 'static,
{
    let start = Arc::new(Barrier::new(WORKERS));
    let mut workers = JoinSet::new();
    for number in 0..WORKERS {
        let (start, work) = (start.clone(), worker(number));
        workers.spawn(async move {
            start.wait().await;
            work.await
        });
    }
    workers.join_all().await.into_iter().flatten().collect()
}

#[track_caller]
fn each_once<T: std::hash::Hash + Eq>(found: Vec<T>, count: usize) {
    assert_eq!(found.len(), count);
    assert_eq!(found.into_iter().collect::<HashSet<_>>().len(), count);
}

async fn eight_workers_claim_every_delivery_once(opened: Opened) {
    for number in 0..200 {
        opened.insert(delivery(&format!("d{number}"), 1)).await.unwrap();
    }
    let found = all(|_| {
        let store = opened.port();
        async move {
            let mut found = Vec::new();
            while let Some(leased) = store.claim_delivery(LONG).await.unwrap() {
                found.push(leased.item.delivery.id);
                store.apply(leased.lease, done(1_001)).await.unwrap();
            }
            found
        }
    })
    .await;
    each_once(found, 200);
}

/// Claims and performs effects until there are none; `meanwhile` is told before and after each.
async fn perform_all(
    store: Arc<dyn Store>,
    meanwhile: Arc<dyn Fn(u64, i64) + Send + Sync>,
) -> Vec<String> {
    let mut found = Vec::new();
    // Effects that wait for another of their pull request are not there for a moment.
    while store.backlog().await.unwrap().effects > 0 {
        let Some(leased) = store.claim_effect(LONG).await.unwrap() else {
            tokio::task::yield_now().await;
            continue;
        };
        let effect = &leased.item.effect;
        let number = effect.number.unwrap().get();
        found.push(effect.key());
        meanwhile(number, 1);
        let mut changes = done(1_001);
        changes.result = Some(performed());
        meanwhile(number, -1);
        store.apply(leased.lease, changes).await.unwrap();
    }
    found
}

async fn eight_workers_claim_every_effect_once(opened: Opened) {
    let pulls: Vec<_> = (1..=20).map(pull).collect();
    opened.know(&pulls).await;
    for of in &pulls {
        let effects: Vec<_> =
            (0..10).map(|to| reply(of, of.number.get() * 100 + to, "x")).collect();
        opened.want(1, &effects).await;
    }
    let found = all(|_| perform_all(opened.port(), Arc::new(|_, _| {}))).await;
    each_once(found, 200);
}

async fn eight_workers_never_perform_two_effects_of_one_pull_request(opened: Opened) {
    opened.know(&[pull(0), pull(1)]).await;
    for to in 0..60 {
        opened.want(1, &[reply(&pull(to % 2), 100 + to, "x")]).await;
    }
    let at_work = Arc::new([AtomicI64::new(0), AtomicI64::new(0)]);
    let found = all(|_| {
        let at_work = at_work.clone();
        let meanwhile = move |number: u64, change: i64| {
            let before =
                at_work[usize::try_from(number).unwrap()].fetch_add(change, Ordering::SeqCst);
            assert!(before + change <= 1, "two effects of pull request {number} at once");
        };
        perform_all(opened.port(), Arc::new(meanwhile))
    })
    .await;
    each_once(found, 60);
}

async fn eight_workers_look_at_every_pull_request_once(opened: Opened) {
    let pulls: Vec<_> = (1..=100).map(pull).collect();
    opened.know(&pulls).await;
    opened
        .write(0, |changes| {
            changes.wake = pulls.iter().map(|of| (of.repo.id, of.number, at(1))).collect();
        })
        .await;
    let found = all(|_| {
        let store = opened.port();
        async move {
            let mut found = Vec::new();
            while let Some(leased) = store.claim_pull(LONG).await.unwrap() {
                found.push(leased.item.head.number);
                // A look reads the pull request and wants it to look like something.
                let mut changes = done(1_001);
                changes.pulls.push(leased.item.head.clone());
                changes.effects.push((
                    super::values::effect_id(leased.item.head.number.get()),
                    comment(&leased.item.head, "x"),
                ));
                store.apply(leased.lease, changes).await.unwrap();
            }
            found
        }
    })
    .await;
    each_once(found, 100);
    assert_eq!(opened.port().backlog().await.unwrap().effects, 100);
}

async fn wakes_during_looks_of_others_are_never_lost(opened: Opened) {
    opened.know(&[pull(1)]).await;
    for number in 0..100 {
        opened.insert(delivery(&format!("d{number}"), 1)).await.unwrap();
    }
    // Every delivery wakes the pull request; every look sees how many deliveries there were. The
    // last look must come after the last wake.
    let woken = Arc::new(AtomicI64::new(0));
    let seen = all(|_| {
        let (store, woken) = (opened.port(), woken.clone());
        async move {
            let mut seen = Vec::new();
            while store.backlog().await.unwrap().deliveries > 0 {
                if let Some(leased) = store.claim_delivery(LONG).await.unwrap() {
                    woken.fetch_add(1, Ordering::SeqCst);
                    let mut changes = done(1_001);
                    changes.pulls.push(pull(1));
                    changes.wake.push((pull(1).repo.id, pull(1).number, at(1)));
                    store.apply(leased.lease, changes).await.unwrap();
                }
                if let Some(leased) = store.claim_pull(LONG).await.unwrap() {
                    seen.push(woken.load(Ordering::SeqCst));
                    let mut changes = Changes::finish(at(1_001), Finish::Done);
                    changes.pulls.push(pull(1));
                    store.apply(leased.lease, changes).await.unwrap();
                }
            }
            seen
        }
    })
    .await;
    let pending = opened.port().claim_pull(LONG).await.unwrap().is_some();
    assert!(pending || seen.into_iter().max() == Some(100));
}

async fn two_replicas_share_the_work(opened: Opened) {
    for number in 0..60 {
        opened.insert(delivery(&format!("d{number}"), 1)).await.unwrap();
    }
    let replicas = [opened.port(), opened.again().await];
    let found = all(|number| {
        let store = replicas[number % 2].clone();
        async move {
            let mut found = Vec::new();
            while let Some(leased) = store.claim_delivery(LONG).await.unwrap() {
                found.push(leased.item.delivery.id);
                store.apply(leased.lease, done(1_001)).await.unwrap();
            }
            found
        }
    })
    .await;
    each_once(found, 60);
}

/// Begins an attempt of a pull request, if there is room; whether it did.
async fn begins(store: Arc<dyn Store>, number: u64, ceiling: Ceiling) -> bool {
    let leased = store.claim_pull(LONG).await.unwrap().unwrap();
    let mut case = case(number.into(), &leased.item.head, CaseState::Watching);
    let mut first = attempt(1, &case, AttemptState::Running);
    first.id = attempt_id(number.into());
    case.state = CaseState::Healing(first.id);
    let mut changes = done(1_001);
    (changes.case, changes.attempts, changes.begins) = (Some(case), vec![first], Some(ceiling));
    let kept = Lease { work: leased.lease.work.clone(), ..leased.lease };
    match store.apply(leased.lease, changes).await {
        Ok(()) => true,
        Err(StoreError::NoRoom) => {
            store.apply(kept, done(1_002)).await.expect("the lease is kept");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

async fn of_many_attempts_that_begin_at_once_no_more_do_than_may(opened: Opened) {
    let pulls: Vec<_> = (1..=8).map(pull).collect();
    opened.know(&pulls).await;
    for of in &pulls {
        opened.wake(of, 1).await;
    }
    let room = Ceiling {
        repo: pulls[0].repo.id,
        attempts_today: 9,
        attempts_running: 9,
        installation_running: 9,
        all_running: 9,
    };
    let ceiling = Ceiling { installation_running: 3, ..room };
    let began = all(|worker| {
        let (store, number) = (opened.port(), worker as u64 + 1);
        async move { vec![begins(store, number, ceiling).await] }
    })
    .await;
    assert_eq!(began.into_iter().filter(|began| *began).count(), 3);
    let used = opened.port().usage(room.repo, at(1_003)).await.unwrap();
    assert_eq!((used.installation_running, used.attempts_today), (3, 3));
    let full = Ceiling { attempts_today: 3, ..room };
    assert!(room.admits(&used) && !full.admits(&used));
    assert!(!Ceiling { attempts_running: 3, ..room }.admits(&used));
    assert!(!Ceiling { all_running: 3, ..room }.admits(&used));
}

/// Steps of several workers share a transaction; one of them has lost its lease meanwhile.
async fn a_step_that_lost_its_lease_takes_no_other_along(opened: Opened) {
    let pulls: Vec<_> = (1..=6).map(pull).collect();
    opened.know(&pulls).await;
    for of in &pulls {
        opened.wake(of, 10).await;
    }
    let store = opened.port();
    let mut held = Vec::new();
    for _ in &pulls {
        held.push(store.claim_pull(Claim { now: at(10), lease_ms: 100 }).await.unwrap().unwrap());
    }
    let again = store.claim_pull(Claim { now: at(111), lease_ms: 1_000 }).await.unwrap().unwrap();
    let lost = again.item.head.number;
    let steps = held.into_iter().map(|leased| {
        let (store, of) = (opened.port(), leased.item.head.clone());
        let mut changes = done(120);
        changes.case = Some(case(u128::from(of.number.get()), &of, CaseState::Diagnosing));
        changes.effects.push((effect_id(of.number.get()), comment(&of, "hello")));
        async move { (of.number, store.apply(leased.lease, changes).await) }
    });
    for (number, written) in futures_util::future::join_all(steps).await {
        match written {
            Ok(()) => assert_ne!(number, lost),
            Err(error) => {
                assert!(matches!(error, StoreError::LeaseLost(_)), "{error:?}");
                assert_eq!(number, lost);
            }
        }
        let record = store.pull(super::values::repo().id, number).await.unwrap().unwrap();
        assert_eq!(record.case.is_some(), number != lost, "{number}");
    }
    assert_eq!(store.backlog().await.unwrap().effects, 5);
}

/// Of steps at the same time about the same pull request the newest facts count, and the earliest wake.
async fn what_is_written_together_is_as_if_written_one_by_one(opened: Opened) {
    opened.know(&[pull(1)]).await;
    for number in 0..8 {
        opened.insert(delivery(&format!("d{number}"), 1)).await.unwrap();
    }
    let mut steps = Vec::new();
    for number in 0..8_i64 {
        let store = opened.port();
        let leased = store.claim_delivery(LONG).await.unwrap().unwrap();
        let mut changes = done(1_001);
        let mut facts = pull(1);
        facts.updated_at = at(200 + (number * 5) % 8);
        facts.head.sha = sha(char::from(b'0' + u8::try_from((number * 5) % 8).unwrap()));
        changes.wake = vec![(facts.repo.id, facts.number, at(2_000 + number))];
        changes.pulls = vec![facts];
        steps.push(async move { store.apply(leased.lease, changes).await });
    }
    for written in futures_util::future::join_all(steps).await {
        written.unwrap();
    }
    assert_eq!(opened.known(&pull(1)).await.head.head.sha, sha('7'));
    assert!(opened.pull_at(1_999).await.is_none());
    assert!(opened.pull_at(2_000).await.is_some());
}

/// What comes late tells nothing new of a pull request; it is looked at because of it, and not later than
/// it would be anyway.
async fn old_facts_replace_nothing_and_wake_all_the_same(opened: Opened) {
    let pulls: Vec<_> = (1..=4).map(pull).collect();
    opened.know(&pulls).await;
    opened.wake(&pulls[1], 1_500).await;
    opened.wake(&pulls[2], 2_500).await;
    for number in 0..4 {
        opened.insert(delivery(&format!("d{number}"), 1)).await.unwrap();
    }
    let mut steps = Vec::new();
    for of in &pulls {
        let store = opened.port();
        let leased = store.claim_delivery(LONG).await.unwrap().unwrap();
        let mut changes = done(1_001);
        let mut old = of.clone();
        old.updated_at = at(of.updated_at.millis() - 1);
        old.head.sha = sha('9');
        if of.number.get() < 4 {
            changes.wake = vec![(of.repo.id, of.number, at(2_000))];
        }
        changes.pulls = vec![old];
        steps.push(async move { store.apply(leased.lease, changes).await });
    }
    for written in futures_util::future::join_all(steps).await {
        written.unwrap();
    }
    for of in &pulls {
        assert_eq!(opened.known(of).await.head, *of);
    }
    let mut woken = Vec::new();
    for now in [1_499, 1_500, 1_999, 2_000, 2_000, 3_000] {
        let leased = opened.port().claim_pull(Claim { now: at(now), lease_ms: 1_000_000 }).await;
        woken.push(leased.unwrap().map(|leased| leased.item.head.number.get()));
    }
    woken[3..5].sort_unstable();
    assert_eq!(woken, [None, Some(2), None, Some(1), Some(3), None]);
}

/// One that the database refuses: a case of a pull request that nobody has told of.
async fn a_step_that_is_refused_takes_no_other_along(opened: Opened) {
    let pulls: Vec<_> = (1..=4).map(pull).collect();
    opened.know(&pulls).await;
    for number in 0..4 {
        opened.insert(delivery(&format!("d{number}"), 1)).await.unwrap();
    }
    let mut steps = Vec::new();
    for number in 1..=4_u64 {
        let store = opened.port();
        let leased = store.claim_delivery(LONG).await.unwrap().unwrap();
        let mut changes = done(1_001);
        let of = pull(if number == 3 { 99 } else { number });
        changes.case = Some(case(u128::from(number), &of, CaseState::Diagnosing));
        steps.push(async move { store.apply(leased.lease, changes).await });
    }
    let written = futures_util::future::join_all(steps).await;
    let written: Vec<bool> = written.iter().map(Result::is_ok).collect();
    assert_eq!(written, [true, true, false, true]);
    for number in [1, 2, 4] {
        assert!(opened.known(&pull(number)).await.case.is_some(), "{number}");
    }
}
