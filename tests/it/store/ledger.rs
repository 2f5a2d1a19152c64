//! The ledger: no cap is ever passed, whoever reserves beside whom and whatever ends; and no room is
//! lost.

mod histories;

use std::sync::Arc;

use futures_util::future::join_all;
use selfheal::domain::attempt::AttemptState;
use selfheal::domain::case::CaseState;
use selfheal::domain::ids::{AttemptId, CallId, RunId};
use selfheal::domain::ledger::{Amount, Caps, Grant, Passes, Scope, Wish};
use selfheal::domain::model::{ModelName, Provider, Tokens};
use selfheal::domain::money::{Price, Usd};
use selfheal::ports::ledger::{Bill, DAY_HOURS, Ledger as _, NewCall, Reserved, Settled};
use selfheal::ports::store::{Admitted, RunnerAdmission, Store as _};
use selfheal::store::SqlStore;
use uuid::Uuid;

use super::values::{at, attempt, attempt_id, case, pull};
use super::{Opened, on_both};

on_both! {
    an_account_says_whose_calls_they_are,
    a_call_that_is_settled_gives_back_what_it_did_not_take,
    a_call_of_which_nothing_is_heard_stays_charged,
    a_call_that_was_not_done_costs_nothing,
    a_call_is_settled_once,
    a_call_that_took_more_than_it_held_is_counted,
    what_was_reserved_is_charged_after_a_crash,
    every_cap_holds_in_money_and_in_tokens,
    reservations_at_once_never_pass_a_cap,
    a_charge_counts_for_a_day_and_no_longer,
    a_case_and_a_pull_request_count_all_their_attempts,
    an_attempt_that_is_over_reserves_nothing,
    old_calls_are_forgotten_and_their_sums_are_not,
}

const HOUR_MS: i64 = 60 * 60 * 1000;

/// A dollar a token of output, a prompt that costs nothing.
fn wish(output_tokens: u64) -> Wish {
    Wish { prompt: Amount::default(), output: Price::parse("1000000").unwrap(), output_tokens }
}

fn amount(n: u64) -> Amount {
    Amount { usd: Usd::dollars(n), tokens: n }
}

fn caps(scope: Scope, n: u64) -> Caps {
    let mut caps = Caps::NONE;
    caps.set(scope, amount(n));
    caps
}

fn call(id: u64, of: AttemptId, output_tokens: u64, caps: Caps, now: i64) -> NewCall {
    NewCall {
        id: call_id(id),
        attempt: of,
        provider: Provider::Anthropic,
        model: ModelName::parse("claude").unwrap(),
        prices: "1".to_owned(),
        wish: wish(output_tokens),
        caps,
        now: at(now),
    }
}

fn call_id(id: u64) -> CallId {
    CallId::new(Uuid::from_u128(u128::from(id)))
}

fn figure(output: u64) -> Bill {
    Bill::Figure(Tokens { output, ..Tokens::default() }, Usd::dollars(output))
}

/// A pull request with that number, a case and an attempt of the same, at work.
async fn working(opened: &Opened, number: u64) -> AttemptId {
    let head = pull(number);
    opened.know(std::slice::from_ref(&head)).await;
    let id = attempt_id(u128::from(number));
    let case = case(u128::from(number), &head, CaseState::Healing(id));
    let mut attempt = attempt(1, &case, AttemptState::Running);
    attempt.id = id;
    opened.keep(400, &case, &[attempt]).await;
    id
}

async fn reserved(store: &SqlStore, call: NewCall) -> Option<u64> {
    match store.reserve(call).await.unwrap() {
        Reserved::Yes(Grant { output_tokens, .. }) => Some(output_tokens),
        Reserved::No(_) | Reserved::AttemptOver => None,
    }
}

/// How much is charged to an attempt.
async fn charged(store: &SqlStore, attempt: AttemptId) -> u64 {
    let spent = store.spent(attempt).await.unwrap();
    let usd = spent.iter().fold(Usd::ZERO, |sum, spent| sum.plus(spent.charged.usd));
    let tokens: u64 = spent.iter().map(|spent| spent.charged.tokens).sum();
    assert_eq!(usd, Usd::dollars(tokens), "a dollar a token");
    tokens
}

async fn an_account_says_whose_calls_they_are(opened: Opened) {
    let id = working(&opened, 1).await;
    let store = opened.sql();
    assert_eq!(store.account(attempt_id(99)).await.unwrap(), None);
    let account = store.account(id).await.unwrap().unwrap();
    assert_eq!((account.repo, account.number), (pull(1).repo, pull(1).number));
    assert!(account.is_live && account.token.is_none());
    let admission = RunnerAdmission {
        attempt: id,
        token_hash: "ab".to_owned(),
        token_until: at(9_000),
        identity: "jti".to_owned(),
        run: Some(RunId::new(5)),
        now: at(500),
    };
    assert_eq!(store.admit_runner(admission).await.unwrap(), Admitted::Yes);
    let account = store.account(id).await.unwrap().unwrap();
    assert_eq!(account.token, Some(("ab".to_owned(), at(9_000))));
}

async fn a_call_that_is_settled_gives_back_what_it_did_not_take(opened: Opened) {
    let (id, store) = (working(&opened, 1).await, opened.sql());
    let caps = caps(Scope::Attempt, 10_000);
    assert_eq!(reserved(store, call(1, id, 9_000, caps, 0)).await, Some(9_000));
    assert_eq!(charged(store, id).await, 9_000);
    let passes = match store.reserve(call(2, id, 9_000, caps, 0)).await.unwrap() {
        Reserved::No(refusal) => refusal.passes,
        other => panic!("{other:?}"),
    };
    assert_eq!(passes, Passes::Soon);
    assert_eq!(store.settle(call_id(1), figure(70), at(10)).await.unwrap(), Settled::Now);
    assert_eq!(charged(store, id).await, 70);
    assert_eq!(reserved(store, call(3, id, 20_000, caps, 20)).await, Some(9_930));
}

async fn a_call_of_which_nothing_is_heard_stays_charged(opened: Opened) {
    let (id, store) = (working(&opened, 1).await, opened.sql());
    let caps = caps(Scope::Attempt, 10_000);
    reserved(store, call(1, id, 4_000, caps, 100)).await;
    reserved(store, call(2, id, 4_000, caps, 200)).await;
    assert_eq!(store.settle(call_id(1), Bill::Unknown, at(300)).await.unwrap(), Settled::Now);
    assert_eq!(store.give_up_calls(at(200), at(300)).await.unwrap(), 0);
    assert_eq!(store.give_up_calls(at(201), at(300)).await.unwrap(), 1);
    assert_eq!(charged(store, id).await, 8_000);
    assert_eq!(store.settle(call_id(2), figure(1), at(400)).await.unwrap(), Settled::Before);
    let refusal = match store.reserve(call(3, id, 4_000, caps, 500)).await.unwrap() {
        Reserved::Yes(grant) => {
            assert_eq!(grant.output_tokens, 2_000);
            store.reserve(call(4, id, 4_000, caps, 500)).await.unwrap()
        }
        other => other,
    };
    assert!(matches!(refusal, Reserved::No(_)), "{refusal:?}");
    assert_eq!(charged(store, id).await, 10_000);
}

async fn a_call_that_was_not_done_costs_nothing(opened: Opened) {
    let (id, store) = (working(&opened, 1).await, opened.sql());
    let caps = caps(Scope::Attempt, 5_000);
    reserved(store, call(1, id, 5_000, caps, 0)).await;
    store.settle(call_id(1), Bill::Nothing, at(1)).await.unwrap();
    assert_eq!(charged(store, id).await, 0);
    assert_eq!(reserved(store, call(2, id, 5_000, caps, 2)).await, Some(5_000));
}

async fn a_call_is_settled_once(opened: Opened) {
    let (id, store) = (working(&opened, 1).await, opened.sql());
    reserved(store, call(1, id, 5_000, Caps::NONE, 0)).await;
    let other = opened.sql_again().await;
    let bills = [figure(7), figure(7), Bill::Unknown, Bill::Nothing];
    let settled = join_all(bills.into_iter().enumerate().map(|(number, bill)| {
        let store = if number % 2 == 0 { store } else { &other };
        store.settle(call_id(1), bill, at(1))
    }))
    .await;
    let now = settled.into_iter().filter(|it| *it.as_ref().unwrap() == Settled::Now).count();
    assert_eq!(now, 1);
    assert_eq!(store.settle(call_id(9), figure(7), at(1)).await.unwrap(), Settled::Before);
    assert!([0, 7, 5_000].contains(&charged(store, id).await));
}

async fn a_call_that_took_more_than_it_held_is_counted(opened: Opened) {
    let (id, store) = (working(&opened, 1).await, opened.sql());
    let all = [
        (figure(5_000), Settled::Now),
        (figure(5_001), Settled::Above),
        (Bill::Figure(Tokens::default(), Usd::dollars(5_001)), Settled::Above),
        (Bill::Figure(Tokens { input: 5_001, ..Tokens::default() }, Usd::ZERO), Settled::Above),
        (Bill::Unknown, Settled::Now),
        (Bill::Nothing, Settled::Now),
    ];
    for (number, (bill, expected)) in (1..).zip(all) {
        reserved(store, call(number, id, 5_000, Caps::NONE, 100)).await;
        let settled = store.settle(call_id(number), bill, at(200)).await.unwrap();
        assert_eq!(settled, expected, "{bill:?}");
    }
    reserved(store, call(9, id, 5_000, Caps::NONE, 100)).await;
    assert_eq!(store.overruns(at(100)).await.unwrap(), 3);
    assert_eq!(store.overruns(at(101)).await.unwrap(), 0);
}

async fn what_was_reserved_is_charged_after_a_crash(opened: Opened) {
    let id = working(&opened, 1).await;
    let caps = caps(Scope::Pull, 6_000);
    assert_eq!(reserved(opened.sql(), call(1, id, 4_000, caps, 0)).await, Some(4_000));
    opened.sql().close().await; // nobody settles it
    let again = opened.sql_again().await;
    assert_eq!(charged(&again, id).await, 4_000);
    assert_eq!(reserved(&again, call(2, id, 4_000, caps, 1)).await, None, "it would be cut");
    assert_eq!(reserved(&again, call(3, id, 2_000, caps, 1)).await, Some(2_000));
    assert_eq!(reserved(&again, call(4, id, 1, caps, 1)).await, None);
}

async fn every_cap_holds_in_money_and_in_tokens(opened: Opened) {
    let (id, store) = (working(&opened, 1).await, opened.sql());
    let mut number = 0;
    for scope in Scope::ALL {
        for (usd, tokens) in [(3_000, 1_000_000), (1_000_000, 3_000)] {
            let mut caps = Caps::NONE;
            caps.set(scope, Amount { usd: Usd::dollars(usd), tokens });
            number += 1;
            let granted = reserved(store, call(number, id, 5_000, caps, 0)).await;
            assert_eq!(granted, Some(3_000), "{scope:?}");
            store.settle(call_id(number), Bill::Nothing, at(1)).await.unwrap();
        }
    }
}

async fn reservations_at_once_never_pass_a_cap(opened: Opened) {
    let attempts = [working(&opened, 1).await, working(&opened, 2).await];
    let caps = caps(Scope::Repository, 20_500);
    let stores = [opened.sql_again().await, opened.sql_again().await, opened.sql_again().await];
    let calls = (0..60_u64).map(|number| {
        let store = Arc::clone(&stores[usize::try_from(number).unwrap() % stores.len()]);
        let attempt = attempts[usize::try_from(number % 2).unwrap()];
        tokio::spawn(async move { reserved(&store, call(number, attempt, 2_000, caps, 7)).await })
    });
    let granted: Vec<_> = join_all(calls).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(granted, [2_000; 10]);
    let store = opened.sql();
    let all = charged(store, attempts[0]).await + charged(store, attempts[1]).await;
    assert_eq!(all, 20_000);
}

async fn a_charge_counts_for_a_day_and_no_longer(opened: Opened) {
    let (id, store) = (working(&opened, 1).await, opened.sql());
    for (scope, first) in [(Scope::Day, 1_000), (Scope::Repository, 2_000)] {
        let caps = caps(scope, 5_000);
        let begin = first * HOUR_MS + HOUR_MS / 2;
        let number = u64::try_from(first).unwrap();
        assert_eq!(reserved(store, call(number, id, 5_000, caps, begin)).await, Some(5_000));
        store.settle(call_id(number), figure(5_000), at(begin + 3 * HOUR_MS)).await.unwrap();
        let day = begin + DAY_HOURS * HOUR_MS;
        for (more, now) in [(1, begin), (2, begin + HOUR_MS), (3, day), (4, day + HOUR_MS / 2 - 1)]
        {
            assert_eq!(reserved(store, call(number + more, id, 5_000, caps, now)).await, None);
        }
        let over = call(number + 5, id, 5_000, caps, day + HOUR_MS / 2);
        assert_eq!(reserved(store, over).await, Some(5_000), "{scope:?}");
    }
}

async fn a_case_and_a_pull_request_count_all_their_attempts(opened: Opened) {
    let (first, store) = (working(&opened, 1).await, opened.sql());
    let caps_of_case = caps(Scope::Case, 5_000);
    reserved(store, call(1, first, 4_000, caps_of_case, 0)).await;
    store.settle(call_id(1), figure(4_000), at(1)).await.unwrap();
    let second = attempt_id(77);
    let head = pull(1);
    let moved = case(1, &head, CaseState::Healing(second));
    let mut next = attempt(2, &moved, AttemptState::Running);
    next.id = second;
    opened.keep(500, &moved, &[next]).await;
    assert_eq!(
        reserved(store, call(2, second, 4_000, caps_of_case, 2)).await,
        None,
        "below the floor"
    );
    let caps_of_pull = caps(Scope::Pull, 6_000);
    assert_eq!(reserved(store, call(3, second, 4_000, caps_of_pull, 2)).await, Some(2_000));
    let own = caps(Scope::Attempt, 6_000);
    assert_eq!(reserved(store, call(4, second, 4_000, own, 2)).await, Some(4_000));
    let other = working(&opened, 2).await;
    assert_eq!(reserved(store, call(5, other, 4_000, caps_of_pull, 2)).await, Some(4_000));
}

async fn an_attempt_that_is_over_reserves_nothing(opened: Opened) {
    let (id, store) = (working(&opened, 1).await, opened.sql());
    let unknown = store.reserve(call(1, attempt_id(99), 5, Caps::NONE, 0)).await.unwrap();
    assert_eq!(unknown, Reserved::AttemptOver);
    assert_eq!(reserved(store, call(2, id, 5, Caps::NONE, 0)).await, Some(5));
    opened.keep(500, &case(1, &pull(1), CaseState::Closed), &[]).await;
    let over = store.reserve(call(3, id, 5, Caps::NONE, 0)).await.unwrap();
    assert_eq!(over, Reserved::AttemptOver);
    assert!(!store.account(id).await.unwrap().unwrap().is_live);
}

async fn old_calls_are_forgotten_and_their_sums_are_not(opened: Opened) {
    let (id, store) = (working(&opened, 1).await, opened.sql());
    let now = 5_000 * HOUR_MS;
    for number in 1..=3 {
        reserved(store, call(number, id, 2_000, Caps::NONE, now)).await;
    }
    store.settle(call_id(1), figure(900), at(now)).await.unwrap();
    store.settle(call_id(2), Bill::Unknown, at(now)).await.unwrap();
    assert_eq!(store.forget_calls(at(now)).await.unwrap(), 0);
    let later = now + 48 * HOUR_MS;
    assert_eq!(store.forget_calls(at(later)).await.unwrap(), 2, "hours with a held call stay");
    assert_eq!(charged(store, id).await, 4_900, "what they took is known as long as the attempt");
    let caps = caps(Scope::Case, 6_924);
    assert_eq!(reserved(store, call(4, id, 9_000, caps, later)).await, None);
    store.settle(call_id(3), figure(1_000), at(later)).await.unwrap();
    assert_eq!(reserved(store, call(5, id, 9_000, caps, later)).await, Some(3_024));
    let before = store.spent(id).await.unwrap();
    assert_eq!(store.forget_calls(at(later)).await.unwrap(), 3, "a call and two hours");
    assert_eq!(store.spent(id).await.unwrap(), before);
}
