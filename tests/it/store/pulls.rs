//! Pull requests: facts that only grow newer, wakes that are never lost, asks that are answered.

use selfheal::domain::ask::{AskKind, Heed};
use selfheal::domain::event::CommentRef;
use selfheal::domain::ids::{CommentId, InstallationId, RepoId};
use selfheal::domain::pull::{PullHead, PullState, Repo};
use selfheal::ports::store::{Finish, InstallationFact, InstallationState};

use super::values::{ask, at, branch, comment, other_repo, pull, repo, sha};
use super::{LEASE_MS, Opened, done, lost, on_all};

on_all! {
    facts_come_back_as_they_were,
    an_older_fact_never_replaces_a_newer_one,
    a_repository_keeps_its_last_name,
    pull_requests_are_found_by_head_open_ones_first,
    open_pull_requests_are_found_by_base,
    a_pull_request_is_looked_at_when_woken_and_not_before,
    the_earliest_wake_wins,
    waking_an_unknown_pull_request_does_nothing,
    one_that_comes_in_the_same_step_is_woken,
    a_wake_during_a_look_is_not_lost,
    a_look_that_was_never_ended_is_made_again,
    a_lost_look_writes_nothing,
    failed_looks_are_counted_and_a_good_one_forgets_them,
    an_ask_is_recorded_once_and_makes_its_pull_request_due,
    an_ask_is_open_until_it_is_answered,
    asks_come_oldest_first,
    an_ask_that_is_heeded_is_remembered_after_its_answer,
    nothing_is_looked_at_through_a_suspended_installation,
    an_installation_that_is_gone_never_comes_back,
    the_effects_of_an_installation_that_is_gone_are_parked,
    a_repository_that_was_taken_away_is_left_alone,
    a_repository_that_moved_is_not_taken_away_by_its_old_owner,
}

async fn facts_come_back_as_they_were(opened: Opened) {
    let mut gone_fork = pull(2);
    gone_fork.head.repo = None;
    gone_fork.state = PullState::Merged;
    opened.know(&[pull(1), gone_fork.clone()]).await;
    assert_eq!(opened.known(&pull(1)).await.head, pull(1));
    let record = opened.known(&gone_fork).await;
    assert_eq!(record.head, gone_fork);
    assert_eq!((record.case, record.attempts, record.asks), (None, vec![], vec![]));
    assert_eq!(opened.port().pull(repo().id, pull(3).number).await.unwrap(), None);
}

async fn an_older_fact_never_replaces_a_newer_one(opened: Opened) {
    let moved = |digit: char, updated: i64| {
        let mut head = pull(1);
        head.head.sha = sha(digit);
        head.updated_at = at(updated);
        head
    };
    opened.know(&[moved('b', 200)]).await;
    opened.know(&[moved('a', 199)]).await;
    assert_eq!(opened.known(&pull(1)).await.head, moved('b', 200));
    opened.know(&[moved('c', 200)]).await; // the forge's time has seconds only
    assert_eq!(opened.known(&pull(1)).await.head, moved('c', 200));
}

async fn a_repository_keeps_its_last_name(opened: Opened) {
    let mut renamed = pull(1);
    renamed.repo.slug = other_repo().slug;
    renamed.updated_at = at(101);
    opened.know(&[pull(1), pull(2)]).await;
    opened.know(&[renamed.clone()]).await;
    assert_eq!(opened.known(&pull(2)).await.head.repo, renamed.repo);
}

async fn pull_requests_are_found_by_head_open_ones_first(opened: Opened) {
    let with = |number: u64, state: PullState, digit: char| {
        let mut head = pull(number);
        head.state = state;
        head.head.sha = sha(digit);
        head
    };
    let elsewhere = PullHead { repo: other_repo(), ..with(9, PullState::Open, 'a') };
    let closed = with(1, PullState::Closed, 'a');
    let open = with(2, PullState::Open, 'a');
    opened.know(&[closed.clone(), open.clone(), with(3, PullState::Open, 'b'), elsewhere]).await;
    let found = opened.port().pulls_at(repo().id, &sha('a')).await.unwrap();
    assert_eq!(found, [open, closed]);
    assert_eq!(opened.port().pulls_at(RepoId::new(1), &sha('a')).await.unwrap(), []);
}

async fn open_pull_requests_are_found_by_base(opened: Opened) {
    let mut closed = pull(1);
    closed.state = PullState::Closed;
    let mut onto_other = pull(2);
    onto_other.base = branch("release/1");
    opened.know(&[closed, onto_other, pull(3)]).await;
    let found = opened.port().pulls_onto(repo().id, &branch("main")).await.unwrap();
    assert_eq!(found, [pull(3)]);
}

async fn a_pull_request_is_looked_at_when_woken_and_not_before(opened: Opened) {
    opened.know(&[pull(1)]).await;
    assert!(opened.pull_at(1_000_000).await.is_none());
    opened.wake(&pull(1), 500).await;
    assert!(opened.pull_at(499).await.is_none());
    assert_eq!(opened.port().next_due().await.unwrap(), Some(at(500)));
    let leased = opened.pull_at(500).await.unwrap();
    assert_eq!(leased.item.head, pull(1));
    assert!(opened.pull_at(500).await.is_none(), "one look at a time");
    opened.end(leased.lease, 501, Finish::Done).await;
    assert!(opened.pull_at(1_000_000).await.is_none());
    assert_eq!(opened.port().next_due().await.unwrap(), None);
}

async fn the_earliest_wake_wins(opened: Opened) {
    opened.know(&[pull(1)]).await;
    for when in [900, 500, 700] {
        opened.wake(&pull(1), when).await;
    }
    assert_eq!(opened.port().next_due().await.unwrap(), Some(at(500)));
    let leased = opened.pull_at(500).await.unwrap();
    opened.wake(&pull(1), 800).await;
    opened.end(leased.lease, 501, Finish::At(at(600))).await;
    assert_eq!(opened.port().next_due().await.unwrap(), Some(at(600)));
    let leased = opened.pull_at(600).await.unwrap();
    opened.wake(&pull(1), 700).await;
    opened.end(leased.lease, 601, Finish::At(at(800))).await;
    assert_eq!(opened.port().next_due().await.unwrap(), Some(at(700)));
}

async fn waking_an_unknown_pull_request_does_nothing(opened: Opened) {
    opened.wake(&pull(1), 0).await;
    opened.ask(0, &pull(1), ask("comment:1", AskKind::Fix, 0)).await;
    assert!(opened.pull_at(1_000).await.is_none());
    assert_eq!(opened.port().next_due().await.unwrap(), None);
}

async fn one_that_comes_in_the_same_step_is_woken(opened: Opened) {
    opened
        .write(0, |changes| {
            changes.wake.push((repo().id, pull(1).number, at(5)));
            changes.pulls.push(pull(1));
        })
        .await;
    assert!(opened.pull_at(5).await.is_some());
}

async fn a_wake_during_a_look_is_not_lost(opened: Opened) {
    opened.know(&[pull(1)]).await;
    opened.wake(&pull(1), 10).await;
    let leased = opened.pull_at(10).await.unwrap();
    opened.wake(&pull(1), 10).await;
    assert!(opened.pull_at(11).await.is_none(), "one look at a time");
    opened.end(leased.lease, 12, Finish::Done).await;
    assert!(opened.pull_at(12).await.is_some());
}

async fn a_look_that_was_never_ended_is_made_again(opened: Opened) {
    opened.know(&[pull(1)]).await;
    opened.wake(&pull(1), 10).await;
    let first = opened.pull_at(10).await.unwrap();
    assert_eq!(opened.port().next_due().await.unwrap(), Some(at(10 + LEASE_MS)));
    let second = opened.pull_at(10 + LEASE_MS).await.unwrap();
    assert!(second.lease.epoch > first.lease.epoch);
}

async fn a_lost_look_writes_nothing(opened: Opened) {
    opened.know(&[pull(1)]).await;
    opened.wake(&pull(1), 10).await;
    let old = opened.pull_at(10).await.unwrap();
    let new = opened.pull_at(10 + LEASE_MS).await.unwrap();
    let mut changes = done(2_000);
    changes.effects.push((super::values::effect_id(9), comment(&pull(1), "late")));
    lost(&opened.port().apply(old.lease, changes).await);
    assert_eq!(opened.port().backlog().await.unwrap().effects, 0);
    opened.end(new.lease, 2_001, Finish::Done).await;
}

async fn failed_looks_are_counted_and_a_good_one_forgets_them(opened: Opened) {
    opened.know(&[pull(1)]).await;
    opened.wake(&pull(1), 0).await;
    for tries in 0..3 {
        let now = i64::from(tries) * 10;
        let leased = opened.pull_at(now).await.unwrap();
        assert_eq!(leased.item.tries, tries);
        let finish = Finish::Retry { at: at(now + 10), error: "502".to_owned() };
        opened.end(leased.lease, now, finish).await;
        assert!(opened.pull_at(now + 9).await.is_none());
    }
    let leased = opened.pull_at(30).await.unwrap();
    opened.end(leased.lease, 30, Finish::At(at(40))).await;
    assert_eq!(opened.pull_at(40).await.unwrap().item.tries, 0);
}

async fn an_ask_is_recorded_once_and_makes_its_pull_request_due(opened: Opened) {
    opened.know(&[pull(1)]).await;
    opened.ask(50, &pull(1), ask("comment:1", AskKind::Retry, 40)).await;
    let leased = opened.pull_at(50).await.unwrap();
    assert_eq!(leased.item.asks, [ask("comment:1", AskKind::Retry, 40)]);
    opened.end(leased.lease, 51, Finish::Done).await;
    let mut again = ask("comment:1", AskKind::Stop, 60);
    again.comment = None;
    opened.ask(60, &pull(1), again).await;
    assert_eq!(opened.known(&pull(1)).await.asks, [ask("comment:1", AskKind::Retry, 40)]);
    assert!(opened.pull_at(1_000).await.is_none(), "a known ask wakes nobody");
}

async fn an_ask_is_open_until_it_is_answered(opened: Opened) {
    opened.know(&[pull(1)]).await;
    let mut button = ask("button:2", AskKind::Approve, 41);
    button.comment = None;
    opened.ask(50, &pull(1), ask("comment:1", AskKind::Fix, 40)).await;
    opened.ask(50, &pull(1), button.clone()).await;
    let answered = ["comment:1", "none"].map(|key| (key.to_owned(), Heed::Passing));
    opened.write(60, |changes| changes.answered = answered.into()).await;
    assert_eq!(opened.known(&pull(1)).await.asks, std::slice::from_ref(&button));
    opened.ask(70, &pull(1), ask("comment:1", AskKind::Fix, 40)).await;
    assert_eq!(opened.known(&pull(1)).await.asks, [button], "an answered ask stays answered");
}

async fn asks_come_oldest_first(opened: Opened) {
    opened.know(&[pull(1), pull(2)]).await;
    for (key, asked, comment) in [("c", 30, 9), ("a", 10, 17), ("b", 30, 8), ("aa", 30, 10)] {
        let mut ask = ask(key, AskKind::Status, asked);
        ask.comment = ask.comment.map(|at| CommentRef { id: CommentId::new(comment), ..at });
        opened.ask(50, &pull(1), ask).await;
    }
    opened.ask(50, &pull(2), ask("other", AskKind::Status, 5)).await;
    let keys: Vec<_> = opened.known(&pull(1)).await.asks.into_iter().map(|ask| ask.key).collect();
    assert_eq!(keys, ["a", "b", "c", "aa"], "in one second by the comment's number");
}

async fn an_ask_that_is_heeded_is_remembered_after_its_answer(opened: Opened) {
    opened.know(&[pull(1), pull(2)]).await;
    let (stop, resume) = (ask("stop", AskKind::Stop, 40), ask("resume", AskKind::Resume, 30));
    for asked in [&stop, &resume, &ask("status", AskKind::Status, 20)] {
        opened.ask(50, &pull(1), asked.clone()).await;
    }
    opened.ask(50, &pull(2), ask("other", AskKind::Stop, 10)).await;
    assert_eq!(opened.known(&pull(1)).await.heeded, [], "nothing was answered yet");
    let heeds = [("stop", Heed::Lasting), ("resume", Heed::Lasting), ("status", Heed::Passing)];
    let answered = heeds.map(|(key, heed)| (key.to_owned(), heed));
    opened.write(60, |changes| changes.answered = answered.into()).await;
    let record = opened.known(&pull(1)).await;
    assert_eq!((record.asks, record.heeded), (vec![], vec![resume, stop]));
    assert_eq!(opened.known(&pull(2)).await.heeded, [], "that is another pull request");
}

fn fact(id: u64, state: InstallationState) -> InstallationFact {
    InstallationFact { id: InstallationId::new(id), state, added: Vec::new(), removed: Vec::new() }
}

async fn nothing_is_looked_at_through_a_suspended_installation(opened: Opened) {
    let other = PullHead { repo: other_repo(), ..pull(1) };
    opened.know(&[pull(1), other.clone()]).await;
    opened.wake(&pull(1), 10).await;
    opened.wake(&other, 20).await;
    opened.want(10, &[comment(&pull(1), "hello")]).await;
    let suspended = fact(1, InstallationState::Suspended);
    opened.write(15, |changes| changes.installations.push(suspended)).await;
    assert_eq!(opened.pull_at(30).await.unwrap().item.head, other);
    assert!(opened.pull_at(30).await.is_none());
    assert!(opened.effect_at(30).await.is_none());
    let due = opened.port().next_due().await.unwrap();
    assert_eq!(due, Some(at(30 + LEASE_MS)), "only what can be claimed is due");
    let active = fact(1, InstallationState::Active);
    opened.write(40, |changes| changes.installations.push(active)).await;
    assert!(opened.pull_at(40).await.is_some());
    assert!(opened.effect_at(40).await.is_some());
}

async fn an_installation_that_is_gone_never_comes_back(opened: Opened) {
    opened.know(&[pull(1)]).await;
    opened.wake(&pull(1), 10).await;
    for state in [InstallationState::Deleted, InstallationState::Active] {
        opened.write(15, |changes| changes.installations.push(fact(1, state))).await;
    }
    opened.know(&[pull(2)]).await; // a delivery that was late
    assert!(opened.pull_at(20).await.is_none());
    // Installed again it is another installation, and the repository is reached through that.
    let mut again = pull(1);
    again.repo.installation = InstallationId::new(3);
    opened.know(&[again.clone()]).await;
    assert_eq!(opened.pull_at(20).await.unwrap().item.head, again);
}

async fn the_effects_of_an_installation_that_is_gone_are_parked(opened: Opened) {
    let other = PullHead { repo: other_repo(), ..pull(1) };
    opened.know(&[pull(1), other.clone()]).await;
    opened.want(10, &[comment(&pull(1), "hello"), comment(&other, "hello")]).await;
    let gone = fact(1, InstallationState::Deleted);
    opened.write(15, |changes| changes.installations.push(gone)).await;
    let backlog = opened.port().backlog().await.unwrap();
    assert_eq!((backlog.effects, backlog.parked), (1, 1));
    assert_eq!(opened.effect_at(20).await.unwrap().item.effect, comment(&other, "hello"));
}

async fn a_repository_that_was_taken_away_is_left_alone(opened: Opened) {
    let other =
        PullHead { repo: Repo { installation: repo().installation, ..other_repo() }, ..pull(1) };
    opened.know(&[pull(1), other.clone()]).await;
    opened.wake(&pull(1), 10).await;
    opened.wake(&other, 11).await;
    opened.want(10, &[comment(&pull(1), "hello"), comment(&other, "hello")]).await;
    let mut taken = fact(1, InstallationState::Active);
    taken.removed.push(repo().id);
    opened.write(15, |changes| changes.installations.push(taken)).await;
    assert_eq!(opened.pull_at(20).await.unwrap().item.head, other);
    assert!(opened.pull_at(20).await.is_none());
    assert_eq!(opened.effect_at(20).await.unwrap().item.effect, comment(&other, "hello"));
    assert_eq!(opened.port().backlog().await.unwrap().parked, 1);
    assert_eq!(opened.known(&pull(1)).await.head, pull(1), "what is known stays known");
}

async fn a_repository_that_moved_is_not_taken_away_by_its_old_owner(opened: Opened) {
    let mut moved = pull(1);
    moved.repo.installation = InstallationId::new(3);
    opened.know(&[pull(1)]).await;
    opened.know(&[moved.clone()]).await;
    opened.wake(&moved, 10).await;
    let mut taken = fact(1, InstallationState::Active);
    taken.removed.push(repo().id);
    opened.write(15, |changes| changes.installations.push(taken)).await;
    assert_eq!(opened.pull_at(20).await.unwrap().item.head, moved);
}
