//! Leases while something is done outside: whoever was paused past his lease does nothing more.
//!
//! The store refuses what a worker writes after it lost its lease, but the forge knows no leases. A
//! process that was frozen, or a machine that slept, would go on where it was and do outside what
//! another worker has done long since. So the lease is looked at whenever the work goes on, before
//! it does.
//!
//! Races: the pause falls between this look and the request that follows it at once; then the
//! forge's own checks are what is left (compare-and-swap of commits, lookups before creating).

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use crate::ports::clock::Clock;
use crate::ports::store::Lease;

/// A clock that is set back by more than this says nothing about how long a pause was; clocks are
/// corrected by less all the time.
const SET_BACK_MS_MAX: i64 = 1_000;

/// What the work comes to; `None` when the lease ran out first, and the work is dropped where it was.
pub(super) async fn while_held<T>(
    clock: &dyn Clock,
    lease: &Lease,
    work: impl Future<Output = T>,
) -> Option<T> {
    let (begun, tick) = (clock.now(), clock.ticks_ms());
    let left_ms = lease.until.since_ms(begun);
    let mut work = pin!(work);
    poll_fn(|context| {
        let now = clock.now();
        // A clock may go on for an hour and be set back by one: then only the ticks tell.
        let is_over = now >= lease.until || clock.ticks_ms().saturating_sub(tick) >= left_ms;
        if is_over || begun.since_ms(now) > SET_BACK_MS_MAX {
            return Poll::Ready(None);
        }
        work.as_mut().poll(context).map(Some)
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::domain::ids::{EffectId, Timestamp};
    use crate::ports::store::Work;

    /// A clock that stands where it was put, and ticks.
    struct Set(AtomicI64, AtomicI64);

    impl Clock for Set {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::Relaxed))
        }

        fn ticks_ms(&self) -> i64 {
            self.1.load(Ordering::Relaxed)
        }
    }

    /// Work that gives way once, while the clock moves from 10,000 to `then` and `ticks` pass; the
    /// lease ends at 20,000.
    async fn check(then: i64, ticks: i64, is_done: Option<()>) {
        let clock = Set(AtomicI64::new(10_000), AtomicI64::new(0));
        let work = Work::Effect(EffectId::new(uuid::Uuid::nil()));
        let lease = Lease { work, epoch: 1, until: Timestamp::from_millis(20_000) };
        let work = async {
            clock.0.store(then, Ordering::Relaxed);
            clock.1.store(ticks, Ordering::Relaxed);
            tokio::task::yield_now().await;
        };
        assert_eq!(while_held(&clock, &lease, work).await, is_done, "{then} {ticks}");
    }

    #[tokio::test]
    async fn nothing_goes_on_after_the_lease() {
        check(19_999, 9_999, Some(())).await;
        check(20_000, 10_000, None).await;
        check(9_500, 100, Some(())).await;
        check(5_000, 100, None).await;
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_hides_no_pause() {
        check(10_100, 10_000, None).await;
        check(10_100, 9_999, Some(())).await;
    }
}
