//! Lanes: whose turn it is. Repositories take turns, in the order of their numbers, round and round.
//!
//! A claim takes the longest due work of the next repository after the one that was served last. So a
//! repository with a thousand things to do is served once a round, like one with a single thing, and
//! nobody waits longer than a round. Where several workers claim at the same moment a turn is as many
//! things as there are workers, so a round is longer by no more than that. The place is known to this
//! process alone: replicas share the work, and what each serves fairly is served fairly by all.
//!
//! Races: two claims at once may serve the same repository; that is one turn too many and no more.

use std::sync::atomic::{AtomicI64, Ordering};

/// Before the first repository; work that is of none counts as of number 0.
const BEFORE_ALL: i64 = -1;

/// Where a round has come to.
#[derive(Debug)]
pub(super) struct Lane(AtomicI64);

impl Default for Lane {
    fn default() -> Self {
        Self(AtomicI64::new(BEFORE_ALL))
    }
}

impl Lane {
    /// After which repositories to look for work: after the last, and then from the beginning.
    pub fn places(&self) -> impl Iterator<Item = i64> + use<> {
        let last = self.0.load(Ordering::Relaxed);
        std::iter::once(last).chain((last != BEFORE_ALL).then_some(BEFORE_ALL))
    }

    /// A repository was served.
    pub fn served(&self, repo: i64) {
        self.0.store(repo, Ordering::Relaxed);
    }
}

/// A round for each kind of work.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    pub deliveries: Lane,
    pub effects: Lane,
    pub pulls: Lane,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_goes_on_after_the_last_and_then_begins_again() {
        let lane = Lane::default();
        assert_eq!(lane.places().collect::<Vec<_>>(), [BEFORE_ALL]);
        lane.served(7);
        assert_eq!(lane.places().collect::<Vec<_>>(), [7, BEFORE_ALL]);
    }
}
