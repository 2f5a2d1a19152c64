//! Live events: each is kept once, in its order, and read from any of them on.

use selfheal::domain::attempt::AttemptState;
use selfheal::domain::case::CaseState;
use selfheal::domain::ids::{AttemptId, Timestamp};
use selfheal::ports::events::{EventRun, EventStore, KeptEvents, NewEvents, Standing};
use selfheal::ports::store::StoreError;

use super::values::{admission, at, attempt, attempt_id, case, pull, seat};
use super::{Opened, on_both};

on_both! {
    events_are_read_as_they_were_kept,
    what_is_sent_again_is_kept_once,
    the_same_events_at_the_same_moment_are_kept_once,
    what_begins_too_late_is_not_kept,
    an_attempt_has_room_for_so_many_bytes,
    nobody_keeps_events_of_an_attempt_that_never_was,
    a_runner_that_was_replaced_keeps_no_events,
    who_has_fallen_behind_is_given_no_more_than_he_can_hold,
    how_far_attempts_are_is_told_of_many_at_once,
    events_go_when_their_attempt_was_silent_for_long,
    of_too_many_events_the_longest_silent_go_first,
}

/// More than these promises need.
const ROOM: u64 = 1_000_000;

/// Attempts at work, with these numbers.
async fn at_work(opened: &Opened, numbers: &[u8]) {
    for number in numbers {
        let pull = pull(u64::from(*number));
        opened.know(std::slice::from_ref(&pull)).await;
        let id = u128::from(*number);
        let case = case(id, &pull, CaseState::Healing(attempt_id(id)));
        opened.keep(1, &case, &[attempt(*number, &case, AttemptState::Running)]).await;
        let runner = admission(attempt_id(id), &format!("jti-{number}"), 1);
        opened.port().admit_runner(runner).await.unwrap();
    }
}

fn new(number: u128, first: u64, lines: &[&str], now: i64) -> NewEvents {
    NewEvents {
        seat: seat(attempt_id(number), &format!("jti-{number}")),
        first,
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        bytes_max: ROOM,
        now: at(now),
    }
}

fn from(new: u64, next: u64) -> KeptEvents {
    KeptEvents::From { new, next }
}

async fn kept(opened: &Opened, new: NewEvents) -> KeptEvents {
    opened.sql().keep_events(new).await.unwrap()
}

async fn read(opened: &Opened, number: u128, after: u64) -> Vec<EventRun> {
    opened.sql().events(attempt_id(number), after, 1_000_000).await.unwrap()
}

/// All events of an attempt, one behind the other.
async fn told(opened: &Opened, number: u128) -> String {
    let runs = read(opened, number, 1).await;
    let mut next = runs.first().map_or(1, |run| run.first);
    for run in &runs {
        assert_eq!(run.first, next, "no gap and nothing twice");
        next = run.end();
    }
    runs.into_iter().flat_map(|run| run.lines).collect::<Vec<_>>().join(" ")
}

async fn events_are_read_as_they_were_kept(opened: Opened) {
    at_work(&opened, &[1]).await;
    let long = "{\"kind\":\"text\",\"text\":\"ä\u{fffd}\\u0000\"}".repeat(500);
    assert_eq!(kept(&opened, new(1, 1, &["a", &long], 70)).await, from(1, 3));
    assert_eq!(kept(&opened, new(1, 3, &["c"], 80)).await, from(3, 4));
    let [first, second] = read(&opened, 1, 1).await.try_into().unwrap();
    assert_eq!((first.first, first.at, first.lines), (1, at(70), vec!["a".to_owned(), long]));
    assert_eq!((second.first, second.at, second.lines), (3, at(80), vec!["c".to_owned()]));
    for (from, runs) in [(0, 2), (2, 2), (3, 1), (4, 0), (99, 0)] {
        assert_eq!(read(&opened, 1, from).await.len(), runs, "from {from} on");
    }
}

async fn what_is_sent_again_is_kept_once(opened: Opened) {
    at_work(&opened, &[1]).await;
    assert_eq!(kept(&opened, new(1, 1, &["a", "b"], 70)).await, from(1, 3));
    assert_eq!(kept(&opened, new(1, 1, &["a", "b"], 71)).await, from(3, 3), "all were there");
    assert_eq!(kept(&opened, new(1, 2, &["b", "c"], 72)).await, from(3, 4), "one was there");
    assert_eq!(kept(&opened, new(1, 4, &[], 73)).await, from(4, 4), "a question");
    assert_eq!(told(&opened, 1).await, "a b c");
}

async fn the_same_events_at_the_same_moment_are_kept_once(opened: Opened) {
    at_work(&opened, &[1]).await;
    let other = opened.sql_again().await;
    for first in 1..=20 {
        let line = first.to_string();
        let new = || new(1, first, &[&line], 70);
        let (here, there) = tokio::join!(opened.sql().keep_events(new()), other.keep_events(new()));
        let mut said = [here.unwrap(), there.unwrap()];
        said.sort_by_key(|said| *said != from(first, first + 1));
        assert_eq!(said, [from(first, first + 1), from(first + 1, first + 1)]);
    }
    let all: Vec<String> = (1..=20).map(|number: u64| number.to_string()).collect();
    assert_eq!(told(&opened, 1).await, all.join(" "));
}

async fn what_begins_too_late_is_not_kept(opened: Opened) {
    at_work(&opened, &[1]).await;
    assert_eq!(kept(&opened, new(1, 2, &["b"], 70)).await, KeptEvents::Gap { next: 1 });
    assert_eq!(kept(&opened, new(1, 1, &["a"], 70)).await, from(1, 2));
    assert_eq!(kept(&opened, new(1, 9, &["x"], 70)).await, KeptEvents::Gap { next: 2 });
    assert_eq!(told(&opened, 1).await, "a");
}

async fn an_attempt_has_room_for_so_many_bytes(opened: Opened) {
    at_work(&opened, &[1]).await;
    let tight = |new: NewEvents| NewEvents { bytes_max: 10, ..new };
    assert_eq!(kept(&opened, tight(new(1, 1, &["12345678"], 70))).await, from(1, 2));
    assert_eq!(kept(&opened, tight(new(1, 2, &["123"], 70))).await, KeptEvents::Full);
    assert_eq!(kept(&opened, tight(new(1, 2, &["12"], 70))).await, from(2, 3));
    assert_eq!(kept(&opened, tight(new(1, 1, &["12345678"], 70))).await, from(3, 3), "again");
}

async fn nobody_keeps_events_of_an_attempt_that_never_was(opened: Opened) {
    let said = opened.sql().keep_events(new(7, 1, &["a"], 70)).await;
    assert!(matches!(said, Err(StoreError::Missing(_))), "{said:?}");
    assert!(read(&opened, 7, 1).await.is_empty());
}

async fn a_runner_that_was_replaced_keeps_no_events(opened: Opened) {
    at_work(&opened, &[1]).await;
    assert_eq!(kept(&opened, new(1, 1, &["a"], 70)).await, from(1, 2));
    opened.port().admit_runner(admission(attempt_id(1), "another", 80)).await.unwrap();
    let said = opened.sql().keep_events(new(1, 2, &["b"], 90)).await;
    assert!(matches!(said, Err(StoreError::LeaseLost(_))), "{said:?}");
    let of_the_other = NewEvents { seat: seat(attempt_id(1), "another"), ..new(1, 2, &["c"], 90) };
    assert_eq!(kept(&opened, of_the_other).await, from(2, 3));
    let lines: Vec<String> =
        read(&opened, 1, 1).await.into_iter().flat_map(|run| run.lines).collect();
    assert_eq!(lines, ["a", "c"]);
}

async fn who_has_fallen_behind_is_given_no_more_than_he_can_hold(opened: Opened) {
    at_work(&opened, &[1]).await;
    for first in 1..=100 {
        kept(&opened, new(1, first, &["0123456789"], 70)).await;
    }
    let page =
        async |from, bytes_max| opened.sql().events(attempt_id(1), from, bytes_max).await.unwrap();
    let runs = page(5, 35).await;
    assert_eq!(runs.iter().map(|run| run.first).collect::<Vec<_>>(), [5, 6, 7, 8]);
    assert_eq!(page(5, 1).await.len(), 1, "one is always given");
    let all = page(1, usize::MAX).await;
    assert!(all.len() < 100 && all.len() > 10, "{}", all.len());
    assert_eq!(page(all.len() as u64 + 1, 1).await[0].first, all.len() as u64 + 1);
}

async fn how_far_attempts_are_is_told_of_many_at_once(opened: Opened) {
    at_work(&opened, &[1, 2]).await;
    kept(&opened, new(2, 1, &["a", "b"], 70)).await;
    let standings = async |numbers: &[u128]| {
        let ids: Vec<AttemptId> = numbers.iter().map(|number| attempt_id(*number)).collect();
        let mut all = opened.sql().standings(&ids).await.unwrap();
        all.sort_by_key(|standing| standing.next);
        all
    };
    let standing = |number, next, is_over| Standing { attempt: attempt_id(number), next, is_over };
    assert_eq!(standings(&[2, 1, 9]).await, [standing(1, 1, false), standing(2, 3, false)]);
    assert!(standings(&[]).await.is_empty());
    let closed = case(1, &pull(1), CaseState::Closed);
    opened.keep(2, &closed, &[attempt(1, &closed, AttemptState::Running)]).await;
    assert_eq!(standings(&[1]).await, [standing(1, 1, true)], "its case does without it");
}

async fn forget(opened: &Opened, before: i64, bytes_max: u64) -> u64 {
    let before: Timestamp = at(before);
    opened.sql().forget_events(before, bytes_max).await.unwrap()
}

async fn events_go_when_their_attempt_was_silent_for_long(opened: Opened) {
    at_work(&opened, &[1, 2]).await;
    kept(&opened, new(1, 1, &["a"], 10)).await;
    kept(&opened, new(2, 1, &["a"], 10)).await;
    kept(&opened, new(2, 2, &["b"], 20)).await;
    assert_eq!(forget(&opened, 20, u64::MAX).await, 1);
    assert_eq!(told(&opened, 1).await, "");
    assert_eq!(told(&opened, 2).await, "a b", "it still spoke");
    assert_eq!(forget(&opened, 20, u64::MAX).await, 0, "nothing is forgotten twice");
    assert_eq!(kept(&opened, new(1, 1, &["a"], 30)).await, from(2, 2), "numbers are used once");
    assert_eq!(kept(&opened, new(1, 2, &["c"], 30)).await, from(2, 3));
    assert_eq!(told(&opened, 1).await, "c");
}

async fn of_too_many_events_the_longest_silent_go_first(opened: Opened) {
    let numbers: Vec<u8> = (1..=50).collect();
    at_work(&opened, &numbers).await;
    for number in &numbers {
        kept(&opened, new(u128::from(*number), 1, &["0123456789"], 100)).await;
    }
    kept(&opened, new(7, 2, &["0123456789"], 200)).await;
    assert_eq!(forget(&opened, 0, 30).await, 48, "twenty bytes and ten are left");
    assert_eq!(told(&opened, 7).await, "0123456789 0123456789");
    assert_eq!(forget(&opened, 0, 0).await, 2);
}
