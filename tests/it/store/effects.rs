//! Effects: once or latest by key, in order, one at a time for a pull request.

use selfheal::domain::effect::EffectResult;
use selfheal::domain::ids::{CheckRunId, CommentId, RunId};
use selfheal::domain::pull::PullHead;
use selfheal::ports::forge::PublishedCheck;
use selfheal::ports::store::{Changes, Finish, Lease};

use super::values::{
    at, attempt, attempt_id, case, comment, commit, dispatch, login, onboard, other_repo,
    performed, pull, refused, reply, repo, set_label, sha, undo,
};
use super::{LEASE_MS, Opened, done, lost, on_all};
use selfheal::domain::attempt::AttemptState;
use selfheal::domain::case::{CaseState, StoppedBy, UndoStage, Undoing};

on_all! {
    an_effect_comes_back_as_it_was_wanted,
    a_once_effect_happens_once,
    a_newer_wish_replaces_one_that_waits,
    a_wish_that_changes_nothing_is_dropped,
    a_newer_wish_after_the_work_is_work_again,
    a_wish_replaced_while_it_is_performed_is_performed_again,
    a_replaced_wish_forgets_its_failures,
    effects_of_a_pull_request_come_in_order_one_at_a_time,
    other_pull_requests_do_not_wait,
    one_that_waits_for_its_retry_holds_up_nobody,
    a_failed_effect_comes_again_when_it_said,
    a_parked_effect_stays_for_people_to_see,
    an_effect_under_an_old_lease_writes_nothing,
    what_came_of_a_dispatch_and_a_commit_is_told_with_the_attempt,
    a_commits_end_wakes_its_pull_request,
    what_came_of_an_undo_is_told_with_its_case_and_wakes_it,
    a_dispatch_wakes_its_pull_request_only_when_refused,
    ids_that_were_learned_are_known_next_time,
}

/// Ends an effect with its result.
async fn end(opened: &Opened, lease: Lease, now: i64, result: EffectResult) {
    let mut changes = done(now);
    changes.result = Some(result);
    opened.port().apply(lease, changes).await.unwrap();
}

async fn an_effect_comes_back_as_it_was_wanted(opened: Opened) {
    opened.want(10, &[onboard()]).await;
    let leased = opened.effect_at(20).await.unwrap();
    assert_eq!(leased.item.effect, onboard());
    assert_eq!((leased.item.tries, leased.item.wanted_at), (0, at(10)));
    assert_eq!(opened.port().backlog().await.unwrap().effects, 1);
    end(&opened, leased.lease, 21, performed()).await;
    assert_eq!(opened.port().backlog().await.unwrap().effects, 0);
    assert_eq!(opened.port().next_due().await.unwrap(), None);
}

async fn a_once_effect_happens_once(opened: Opened) {
    opened.know(&[pull(1)]).await;
    opened.want(10, &[reply(&pull(1), 17, "first"), reply(&pull(1), 17, "second")]).await;
    let leased = opened.effect_at(20).await.unwrap();
    assert_eq!(leased.item.effect, reply(&pull(1), 17, "first"));
    end(&opened, leased.lease, 21, performed()).await;
    opened.want(30, &[reply(&pull(1), 17, "third")]).await;
    assert!(opened.effect_at(40).await.is_none());
}

async fn a_newer_wish_replaces_one_that_waits(opened: Opened) {
    opened.know(&[pull(1)]).await;
    opened.want(10, &[comment(&pull(1), "old")]).await;
    opened.want(11, &[comment(&pull(1), "new")]).await;
    let leased = opened.effect_at(20).await.unwrap();
    assert_eq!(leased.item.effect, comment(&pull(1), "new"));
    assert_eq!(leased.item.revision, 2);
    end(&opened, leased.lease, 21, performed()).await;
    assert!(opened.effect_at(1_000_000).await.is_none());
}

async fn a_wish_that_changes_nothing_is_dropped(opened: Opened) {
    opened.know(&[pull(1)]).await;
    opened.want(10, &[comment(&pull(1), "same")]).await;
    let leased = opened.effect_at(20).await.unwrap();
    opened.want(21, &[comment(&pull(1), "same")]).await;
    end(&opened, leased.lease, 22, performed()).await;
    opened.want(23, &[comment(&pull(1), "same")]).await;
    assert!(opened.effect_at(1_000_000).await.is_none());
}

async fn a_newer_wish_after_the_work_is_work_again(opened: Opened) {
    opened.know(&[pull(1)]).await;
    for (now, body) in [(10, "a"), (20, "b"), (30, "a")] {
        opened.want(now, &[comment(&pull(1), body)]).await;
        let leased = opened.effect_at(now).await.unwrap();
        assert_eq!(leased.item.effect, comment(&pull(1), body));
        end(&opened, leased.lease, now, performed()).await;
    }
}

async fn a_wish_replaced_while_it_is_performed_is_performed_again(opened: Opened) {
    opened.know(&[pull(1)]).await;
    let ends = [
        Finish::Done,
        Finish::Park { error: "no".to_owned() },
        Finish::Retry { at: at(900_000), error: "no".to_owned() },
    ];
    for (round, finish) in ends.into_iter().enumerate() {
        let now = 100 * i64::try_from(round).unwrap() + 10;
        opened.want(now, &[comment(&pull(1), &format!("old {round}"))]).await;
        let leased = opened.effect_at(now).await.unwrap();
        let newer = comment(&pull(1), &format!("new {round}"));
        opened.want(now + 1, std::slice::from_ref(&newer)).await;
        assert!(opened.effect_at(now + 1).await.is_none(), "it is being performed");
        let mut changes = Changes::finish(at(now + 2), finish);
        changes.result = Some(performed());
        opened.port().apply(leased.lease, changes).await.unwrap();
        let leased = opened.effect_at(now + 2).await.unwrap();
        assert_eq!(leased.item.effect, newer);
        assert_eq!(leased.item.tries, 0);
        end(&opened, leased.lease, now + 3, performed()).await;
    }
}

async fn a_replaced_wish_forgets_its_failures(opened: Opened) {
    opened.know(&[pull(1)]).await;
    opened.want(10, &[comment(&pull(1), "old")]).await;
    let leased = opened.effect_at(10).await.unwrap();
    opened.end(leased.lease, 11, Finish::Park { error: "too long".to_owned() }).await;
    opened.want(12, &[comment(&pull(1), "new")]).await;
    assert_eq!(opened.port().backlog().await.unwrap().parked, 0);
    assert_eq!(opened.effect_at(12).await.unwrap().item.tries, 0);
}

async fn effects_of_a_pull_request_come_in_order_one_at_a_time(opened: Opened) {
    opened.know(&[pull(1)]).await;
    let wanted = [comment(&pull(1), "a"), set_label(&pull(1), "b"), reply(&pull(1), 3, "c")];
    for (now, effect) in (10..).zip(&wanted) {
        opened.want(now, std::slice::from_ref(effect)).await;
    }
    for (now, effect) in (20..).zip(wanted) {
        let leased = opened.effect_at(now).await.unwrap();
        assert_eq!(leased.item.effect, effect);
        assert!(opened.effect_at(now).await.is_none(), "one at a time");
        end(&opened, leased.lease, now, performed()).await;
    }
}

async fn other_pull_requests_do_not_wait(opened: Opened) {
    let elsewhere = PullHead { repo: other_repo(), ..pull(1) };
    opened.know(&[pull(1), pull(2), elsewhere.clone()]).await;
    let wanted =
        [comment(&pull(1), "x"), comment(&pull(2), "x"), comment(&elsewhere, "x"), onboard()];
    opened.want(10, &wanted).await;
    let mut claimed = Vec::new();
    while let Some(leased) = opened.effect_at(20).await {
        claimed.push(leased.item.effect);
    }
    let [one, two, elsewhere, onboard] = wanted;
    assert_eq!(claimed, [one, elsewhere, two, onboard], "repositories take turns");
}

async fn one_that_waits_for_its_retry_holds_up_nobody(opened: Opened) {
    opened.know(&[pull(1)]).await;
    opened.want(10, &[comment(&pull(1), "a"), set_label(&pull(1), "b")]).await;
    let leased = opened.effect_at(20).await.unwrap();
    let finish = Finish::Retry { at: at(900_000), error: "rate limit".to_owned() };
    opened.end(leased.lease, 21, finish).await;
    assert_eq!(opened.effect_at(22).await.unwrap().item.effect, set_label(&pull(1), "b"));
}

async fn a_failed_effect_comes_again_when_it_said(opened: Opened) {
    opened.want(0, &[onboard()]).await;
    for tries in 0..3 {
        let now = i64::from(tries) * 100;
        let leased = opened.effect_at(now).await.unwrap();
        assert_eq!(leased.item.tries, tries);
        let finish = Finish::Retry { at: at(now + 100), error: "502".to_owned() };
        opened.end(leased.lease, now, finish).await;
        assert!(opened.effect_at(now + 99).await.is_none());
        assert_eq!(opened.port().next_due().await.unwrap(), Some(at(now + 100)));
    }
}

async fn a_parked_effect_stays_for_people_to_see(opened: Opened) {
    opened.want(0, &[onboard()]).await;
    let leased = opened.effect_at(0).await.unwrap();
    opened.end(leased.lease, 1, Finish::Park { error: "no right".to_owned() }).await;
    assert!(opened.effect_at(1_000_000).await.is_none());
    let backlog = opened.port().backlog().await.unwrap();
    assert_eq!((backlog.effects, backlog.parked), (0, 1));
    assert_eq!(opened.port().purge(at(1_000_000)).await.unwrap(), 1, "only the inbox's row");
    assert_eq!(opened.port().backlog().await.unwrap().parked, 1);
}

async fn an_effect_under_an_old_lease_writes_nothing(opened: Opened) {
    opened.know(&[pull(1)]).await;
    opened.want(0, &[comment(&pull(1), "x")]).await;
    let old = opened.effect_at(0).await.unwrap();
    let new = opened.effect_at(LEASE_MS).await.unwrap();
    let mut changes = done(2_000);
    changes.learned.comment = Some((repo().id, pull(1).number, CommentId::new(5)));
    lost(&opened.port().apply(old.lease, changes).await);
    assert_eq!(opened.port().known_comment(repo().id, pull(1).number).await.unwrap(), None);
    end(&opened, new.lease, 2_001, performed()).await;
}

/// A pull request with a case whose first attempt is at work.
async fn healing(opened: &Opened) {
    opened.know(&[pull(1)]).await;
    let case = case(1, &pull(1), CaseState::Healing(attempt_id(1)));
    opened.keep(5, &case, &[attempt(1, &case, AttemptState::Running)]).await;
}

async fn what_came_of_a_dispatch_and_a_commit_is_told_with_the_attempt(opened: Opened) {
    healing(&opened).await;
    opened.want(10, &[dispatch(&pull(1), attempt_id(1))]).await;
    let leased = opened.effect_at(10).await.unwrap();
    assert_eq!(opened.known(&pull(1)).await.attempts[0].dispatched, None);
    let started = EffectResult::Done { commit: None, run: Some(RunId::new(99)) };
    let mut changes = done(11);
    changes.result = Some(started.clone());
    changes.learned.run = Some((attempt_id(1), RunId::new(99)));
    opened.port().apply(leased.lease, changes).await.unwrap();
    opened.want(12, &[commit(&pull(1), attempt_id(1))]).await;
    let leased = opened.effect_at(12).await.unwrap();
    end(&opened, leased.lease, 13, EffectResult::Moved).await;
    let record = opened.known(&pull(1)).await.attempts.remove(0);
    assert_eq!(record.dispatched, Some(started));
    assert_eq!(record.committed, Some(EffectResult::Moved));
    assert_eq!(record.report.run, Some(RunId::new(99)));
    let found = opened.port().pull_of_run(repo().id, RunId::new(99)).await.unwrap();
    assert_eq!(found, Some(pull(1).number));
    assert_eq!(opened.port().pull_of_run(other_repo().id, RunId::new(99)).await.unwrap(), None);
}

async fn a_commits_end_wakes_its_pull_request(opened: Opened) {
    healing(&opened).await;
    opened.want(10, &[commit(&pull(1), attempt_id(1))]).await;
    let leased = opened.effect_at(10).await.unwrap();
    assert!(opened.pull_at(10).await.is_none());
    end(&opened, leased.lease, 20, performed()).await;
    assert!(opened.pull_at(20).await.is_some());
}

async fn what_came_of_an_undo_is_told_with_its_case_and_wakes_it(opened: Opened) {
    opened.know(&[pull(1)]).await;
    let stage = |stage: UndoStage| {
        let by = login("ada");
        case(
            1,
            &pull(1),
            CaseState::Stopped(StoppedBy::Undo(Undoing { by, parent: sha('b'), stage })),
        )
    };
    let wanted = stage(UndoStage::Wanted);
    opened.keep(9, &wanted, &[]).await;
    opened.want(10, &[undo(&pull(1), &wanted, at(1)), undo(&pull(1), &wanted, wanted.since)]).await;
    let earlier = opened.effect_at(10).await.unwrap();
    end(&opened, earlier.lease, 20, refused()).await;
    assert!(opened.pull_at(20).await.is_some());
    assert_eq!(opened.known(&pull(1)).await.undone, None, "that was wanted at another time");
    let leased = opened.effect_at(21).await.unwrap();
    end(&opened, leased.lease, 22, EffectResult::Moved).await;
    assert_eq!(opened.known(&pull(1)).await.undone, Some(EffectResult::Moved));
    let stopped = CaseState::Stopped(StoppedBy::Person(login("ada")));
    opened.keep(30, &case(1, &pull(1), stopped), &[]).await;
    assert_eq!(opened.known(&pull(1)).await.undone, None, "nobody waits for it any more");
}

async fn a_dispatch_wakes_its_pull_request_only_when_refused(opened: Opened) {
    healing(&opened).await;
    opened.know(&[pull(2)]).await;
    opened.want(10, &[dispatch(&pull(2), attempt_id(2)), dispatch(&pull(1), attempt_id(1))]).await;
    let first = opened.effect_at(10).await.unwrap();
    end(&opened, first.lease, 20, performed()).await;
    assert!(opened.pull_at(20).await.is_none(), "nobody waits for a runner's start");
    let second = opened.effect_at(20).await.unwrap();
    end(&opened, second.lease, 20, refused()).await;
    assert_eq!(opened.pull_at(20).await.unwrap().item.head, pull(1));
}

async fn ids_that_were_learned_are_known_next_time(opened: Opened) {
    let (repo, number) = (repo().id, pull(1).number);
    opened.know(&[pull(1)]).await;
    let store = opened.port();
    assert_eq!(store.known_check(repo, number, &sha('a')).await.unwrap(), None);
    for sent in [50, 80] {
        let check = PublishedCheck { id: CheckRunId::new(4), annotations_sent: sent };
        opened
            .write(i64::from(sent), |changes| {
                changes.learned.check = Some((repo, number, sha('a'), check));
                changes.learned.comment = Some((repo, number, CommentId::new(u64::from(sent))));
            })
            .await;
        assert_eq!(store.known_check(repo, number, &sha('a')).await.unwrap(), Some(check));
        let known = store.known_comment(repo, number).await.unwrap();
        assert_eq!(known, Some(CommentId::new(u64::from(sent))));
    }
    assert_eq!(store.known_check(repo, number, &sha('b')).await.unwrap(), None);
}
