//! The machine's own time and randomness; the only place that asks for either.

use std::sync::LazyLock;
use std::time::Instant;

use rand::Rng;
use uuid::Uuid;

use crate::domain::ids::Timestamp;
use crate::ports::clock::{Clock, Ids};

/// The machine's time.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
    }

    fn ticks_ms(&self) -> i64 {
        static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
        i64::try_from(BEGINNING.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

/// The machine's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }

    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        rand::rng().fill_bytes(&mut bytes);
        bytes
    }
}
