//! Histories of reservations, settlements and crashes, at random and in parallel: caps hold at every
//! moment, and a call that is settled gives back exactly what it did not take.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use selfheal::domain::ids::{AttemptId, CallId};
use selfheal::domain::ledger::Scope;
use selfheal::ports::ledger::{Bill, Ledger as _, NewCall, Settled};
use selfheal::store::SqlStore;

use super::{HOUR_MS, Opened, call, call_id, caps, figure, on_both, reserved, working};
use crate::store::values::at;

on_both! {
    any_history_keeps_caps_and_loses_no_room,
}

/// What somebody does with the ledger.
#[derive(Debug, Clone)]
enum Act {
    Reserve { attempt: u64, output: u64 },
    Settle { nth: usize, part: u64 },
    Fail { nth: usize },
    Lose { nth: usize },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (1..=2_u64, 1..6_000_u64).prop_map(|(attempt, output)| Act::Reserve { attempt, output }),
        3 => (0..8_usize, 0..=100_u64).prop_map(|(nth, part)| Act::Settle { nth, part }),
        1 => (0..8_usize).prop_map(|nth| Act::Fail { nth }),
        1 => (0..8_usize).prop_map(|nth| Act::Lose { nth }),
    ];
    prop::collection::vec(act, 1..40)
}

/// A call that was granted, by what it holds; and what is charged for those that are settled.
#[derive(Default)]
struct Known {
    held: Vec<(u64, u64)>,
    settled: u64,
}

/// How many histories are tried on each engine: each is some hundred transactions.
const HISTORIES: u32 = 12;

async fn any_history_keeps_caps_and_loses_no_room(opened: Opened) {
    let attempts = [working(&opened, 1).await, working(&opened, 2).await];
    let ids = AtomicU64::new(1_000);
    let hour = AtomicU64::new(10_000);
    let mut runner = TestRunner::new(Config { cases: HISTORIES, ..Config::default() });
    let histories: Vec<Vec<Act>> =
        (0..HISTORIES).map(|_| acts().new_tree(&mut runner).unwrap().current()).collect();
    for history in histories {
        // A day of its own for each history, so that all begin with an empty account.
        let now = i64::try_from(hour.fetch_add(100, Ordering::Relaxed)).unwrap() * HOUR_MS;
        lived(&opened, &attempts, &ids, now, &history).await;
    }
}

/// Lives through a history, two acts at a time, on two replicas.
async fn lived(
    opened: &Opened,
    attempts: &[AttemptId; 2],
    ids: &AtomicU64,
    now: i64,
    history: &[Act],
) {
    const CAP: u64 = 15_000;
    let caps = caps(Scope::Repository, CAP);
    let replicas = [opened.sql_again().await, opened.sql_again().await];
    let mut known = Known::default();
    for pair in history.chunks(2) {
        let mut taken = known.held.clone();
        let doing = pair.iter().zip(&replicas).map(|(act, store)| {
            let nth = |nth: usize, taken: &mut Vec<(u64, u64)>| {
                (!taken.is_empty()).then(|| taken.remove(nth % taken.len()))
            };
            let doing = match act {
                Act::Reserve { attempt, output } => Doing::Reserve(call(
                    ids.fetch_add(1, Ordering::Relaxed),
                    attempts[usize::try_from(*attempt - 1).unwrap()],
                    *output,
                    caps,
                    now,
                )),
                Act::Settle { nth: at, part } => nth(*at, &mut taken)
                    .map_or(Doing::Nothing, |(id, held)| Doing::Settle(id, held * part / 100)),
                Act::Fail { nth: at } => {
                    nth(*at, &mut taken).map_or(Doing::Nothing, |(id, _)| Doing::Settle(id, 0))
                }
                Act::Lose { nth: at } => {
                    nth(*at, &mut taken).map_or(Doing::Nothing, |(id, held)| Doing::Lose(id, held))
                }
            };
            doing.done(store, now)
        });
        for done in join_all(doing.collect::<Vec<_>>()).await {
            known.learn(&done);
        }
        let held: u64 = known.held.iter().map(|(_, held)| held).sum();
        assert!(held + known.settled <= CAP, "{history:?}");
    }
    // Whatever is left over can be had, to the last token.
    let held: u64 = known.held.iter().map(|(_, held)| held).sum();
    let left = CAP - held - known.settled;
    let probe = call(ids.fetch_add(1, Ordering::Relaxed), attempts[0], left.max(1), caps, now);
    assert_eq!(reserved(&replicas[0], probe).await, (left > 0).then_some(left), "{history:?}");
}

/// What is done in one transaction.
enum Doing {
    Nothing,
    Reserve(NewCall),
    Settle(u64, u64),
    Lose(u64, u64),
}

/// What came of it.
enum Done {
    Nothing,
    Held(u64, u64),
    Settled(u64, u64),
}

impl Doing {
    async fn done(self, store: &SqlStore, now: i64) -> Done {
        match self {
            Self::Nothing => Done::Nothing,
            Self::Reserve(call) => {
                let id = raw(call.id);
                reserved(store, call).await.map_or(Done::Nothing, |held| Done::Held(id, held))
            }
            Self::Settle(id, cost) => {
                let bill = if cost == 0 { Bill::Nothing } else { figure(cost) };
                assert_eq!(store.settle(call_id(id), bill, at(now)).await.unwrap(), Settled::Now);
                Done::Settled(id, cost)
            }
            Self::Lose(id, held) => {
                let settled = store.settle(call_id(id), Bill::Unknown, at(now)).await.unwrap();
                assert_eq!(settled, Settled::Now);
                Done::Settled(id, held)
            }
        }
    }
}

impl Known {
    fn learn(&mut self, done: &Done) {
        match done {
            Done::Nothing => {}
            Done::Held(id, held) => self.held.push((*id, *held)),
            Done::Settled(id, cost) => {
                self.held.retain(|(known, _)| known != id);
                self.settled += cost;
            }
        }
    }
}

/// The number that an id was made of.
fn raw(id: CallId) -> u64 {
    u64::from_str_radix(id.to_string().strip_prefix("call_").unwrap(), 16).unwrap()
}
