//! Places: how many calls are under way, in all and of each attempt, and how many an attempt has made
//! that cost nothing.
//!
//! Caps bound what costs money. What costs none is bounded here: hostile code that calls the gateway by
//! itself can neither hold the places of all others nor use up what the operator's key may ask in a
//! minute. Counted by each process for itself, and for as long as it remembers.
//!
//! Invariant: a place is free again when its value is gone, whatever ended the call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ModelError;
use crate::domain::ids::AttemptId;

/// Calls at the same time: half of the server's connections, so that webhooks and runners have theirs.
pub const CALLS_MAX: usize = 256;

/// Calls of one attempt that cost nothing: counts of tokens, lists of models, and requests that their
/// provider calls wrong. Agents make a few, the busiest some with each turn.
pub const FREE_CALLS_MAX: u32 = 500;

/// Attempts that are remembered when none of their calls is under way: a few dozen bytes each.
const ATTEMPTS_KEPT_MAX: usize = 10_000;

/// The places of all calls.
pub(super) struct Places {
    all: Arc<Semaphore>,
    all_max: usize,
    each_max: usize,
    attempts: Mutex<HashMap<AttemptId, Used>>,
}

/// What an attempt has.
#[derive(Debug, Default, Clone, Copy)]
struct Used {
    under_way: usize,
    free_calls: u32,
}

/// A place among the calls of an attempt; with [`Place::enter`] also among those of all.
pub struct Place {
    places: Arc<Places>,
    attempt: AttemptId,
    among_all: Option<OwnedSemaphorePermit>,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("attempt", &self.attempt).finish_non_exhaustive()
    }
}

impl Places {
    pub(super) fn new(all_max: usize, each_max: usize) -> Arc<Self> {
        let all = Arc::new(Semaphore::new(all_max));
        Arc::new(Self { all, all_max, each_max, attempts: Mutex::default() })
    }

    /// How many calls are under way.
    pub(super) fn under_way(&self) -> usize {
        self.all_max.saturating_sub(self.all.available_permits())
    }

    /// A place among the calls of an attempt.
    pub(super) fn of(self: &Arc<Self>, attempt: AttemptId) -> Result<Place, ModelError> {
        let mut attempts = self.attempts();
        if attempts.len() >= ATTEMPTS_KEPT_MAX {
            attempts.retain(|_, used| used.under_way > 0);
        }
        let used = attempts.entry(attempt).or_default();
        if used.free_calls >= FREE_CALLS_MAX {
            return Err(ModelError::Idle);
        }
        if used.under_way >= self.each_max {
            return Err(ModelError::Crowded);
        }
        used.under_way += 1;
        Ok(Place { places: Arc::clone(self), attempt, among_all: None })
    }

    fn attempts(&self) -> MutexGuard<'_, HashMap<AttemptId, Used>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Takes a place among the calls of all.
    pub(super) fn enter(&mut self) -> Result<(), ModelError> {
        let place = Arc::clone(&self.places.all).try_acquire_owned();
        self.among_all = Some(place.map_err(|_| ModelError::Crowded)?);
        Ok(())
    }

    /// The call costs nothing.
    pub(super) fn is_free(&self) {
        if let Some(used) = self.places.attempts().get_mut(&self.attempt) {
            used.free_calls = used.free_calls.saturating_add(1);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut attempts = self.places.attempts();
        let Some(used) = attempts.get_mut(&self.attempt) else { return };
        used.under_way = used.under_way.saturating_sub(1);
        if used.under_way == 0 && used.free_calls == 0 {
            attempts.remove(&self.attempt);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn attempt(number: u128) -> AttemptId {
        AttemptId::new(Uuid::from_u128(number))
    }

    #[test]
    fn an_attempt_has_its_share_and_leaves_the_rest_to_others() {
        let places = Places::new(3, 2);
        let mut mine: Vec<Place> = (0..2).map(|_| places.of(attempt(1)).unwrap()).collect();
        assert!(matches!(places.of(attempt(1)), Err(ModelError::Crowded)));
        let mut other = places.of(attempt(2)).unwrap();
        let mut third = places.of(attempt(3)).unwrap();
        for place in &mut mine {
            place.enter().unwrap();
        }
        other.enter().unwrap();
        assert!(matches!(third.enter(), Err(ModelError::Crowded)), "there are three in all");
        assert_eq!(places.under_way(), 3);
        mine.clear();
        third.enter().unwrap();
        drop((other, third));
        assert_eq!((places.under_way(), places.attempts().len()), (0, 0));
    }

    #[test]
    fn calls_that_cost_nothing_are_counted_beyond_their_end() {
        let places = Places::new(3, 2);
        for _ in 0..FREE_CALLS_MAX {
            places.of(attempt(1)).unwrap().is_free();
        }
        assert!(matches!(places.of(attempt(1)), Err(ModelError::Idle)));
        assert!(places.of(attempt(2)).is_ok());
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let places = Places::new(3, 2);
        let here = places.of(attempt(0)).unwrap();
        for number in 1..=2 * ATTEMPTS_KEPT_MAX as u128 {
            places.of(attempt(number)).unwrap().is_free();
        }
        assert!(places.attempts().len() <= ATTEMPTS_KEPT_MAX);
        assert_eq!(places.attempts()[&attempt(0)].under_way, 1);
        drop(here);
    }
}
