//! Time that stands still, and ids that repeat.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use selfheal::domain::ids::Timestamp;
use selfheal::ports::clock::{Clock, Ids};
use uuid::Uuid;

/// 2026-01-01T12:00:00Z; nothing depends on which day it is.
const BEGINNING_MS: i64 = 1_767_268_800_000;

/// A clock that a test moves.
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn new() -> Self {
        Self(AtomicI64::new(BEGINNING_MS))
    }

    pub(crate) fn ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.ms())
    }

    fn ticks_ms(&self) -> i64 {
        self.ms()
    }
}

/// Ids that count up, so that they order by time as real ones do.
pub(crate) struct SeededIds(AtomicU64);

impl SeededIds {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(1))
    }

    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

impl Ids for SeededIds {
    fn uuid(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.next()))
    }

    fn secret(&self) -> [u8; 32] {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&self.next().to_le_bytes());
        bytes
    }
}
