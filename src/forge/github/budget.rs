//! Budgets: how much an installation may ask of GitHub, so that GitHub never has to say no.
//!
//! Mutations about one a second with a small burst; content (comments, pull requests, commits) at
//! most 60 a minute and 400 an hour, below GitHub's 80 and 500. What GitHub itself says in its
//! headers counts too. A budget never waits: it answers when to come back, and the outbox waits.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::ids::{InstallationId, Timestamp};

/// What a call costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cost {
    /// It reads.
    Read,
    /// It changes something.
    Mutation,
    /// It changes something that notifies people or counts as content.
    Content,
    /// It goes on with what an earlier call has begun: it is paid for, into debt if need be, because
    /// half a commit that is begun again and again would never become a whole one.
    Following,
}

const MUTATIONS_BURST: f64 = 8.0;
const MUTATIONS_PER_SEC: f64 = 1.0;
const CONTENT_PER_MINUTE: f64 = 60.0;
const CONTENT_PER_HOUR: f64 = 400.0;

/// A bucket that fills by itself.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    level: f64,
    capacity: f64,
    per_ms: f64,
    at: Timestamp,
}

impl Bucket {
    const fn full(capacity: f64, per_ms: f64, at: Timestamp) -> Self {
        Self { level: capacity, capacity, per_ms, at }
    }

    fn fill(&mut self, now: Timestamp) {
        #[expect(clippy::cast_precision_loss, reason = "spans of days fit a float exactly")]
        let passed = now.since_ms(self.at) as f64;
        self.level = (self.level + passed * self.per_ms).min(self.capacity);
        self.at = self.at.max(now);
    }

    /// When there is room for one; `None` means now.
    fn wait(&self) -> Option<i64> {
        if self.level >= 1.0 {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most an hour in milliseconds")]
        Some(((1.0 - self.level) / self.per_ms).ceil() as i64)
    }
}

#[derive(Debug)]
struct Purse {
    mutations: Bucket,
    per_minute: Bucket,
    per_hour: Bucket,
    /// GitHub itself said to stay away until then.
    blocked_until: Option<Timestamp>,
}

impl Purse {
    fn new(now: Timestamp) -> Self {
        Self {
            mutations: Bucket::full(MUTATIONS_BURST, MUTATIONS_PER_SEC / 1000.0, now),
            per_minute: Bucket::full(CONTENT_PER_MINUTE, CONTENT_PER_MINUTE / 60_000.0, now),
            per_hour: Bucket::full(CONTENT_PER_HOUR, CONTENT_PER_HOUR / 3_600_000.0, now),
            blocked_until: None,
        }
    }

    /// When to come back; `None` when the call may be made, which is then paid for.
    fn pay(&mut self, cost: Cost, now: Timestamp) -> Option<Timestamp> {
        if let Some(until) = self.blocked_until.filter(|until| *until > now) {
            return Some(until);
        }
        let mut buckets: Vec<&mut Bucket> = match cost {
            Cost::Read => Vec::new(),
            Cost::Mutation | Cost::Following => vec![&mut self.mutations],
            Cost::Content => {
                vec![&mut self.mutations, &mut self.per_minute, &mut self.per_hour]
            }
        };
        for bucket in &mut buckets {
            bucket.fill(now);
        }
        let wait = buckets.iter().filter_map(|bucket| bucket.wait()).max();
        if let Some(wait) = wait.filter(|_| cost != Cost::Following) {
            return Some(now.plus_ms(wait));
        }
        for bucket in &mut buckets {
            bucket.level -= 1.0;
        }
        None
    }
}

/// The budgets of all installations.
#[derive(Debug, Default)]
pub(super) struct Budget {
    purses: Mutex<HashMap<InstallationId, Purse>>,
}

impl Budget {
    /// Pays for a call, or says when to come back.
    pub fn pay(
        &self,
        installation: InstallationId,
        cost: Cost,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let mut purses = self.purses.lock().unwrap_or_else(PoisonError::into_inner);
        purses.entry(installation).or_insert_with(|| Purse::new(now)).pay(cost, now)
    }

    /// GitHub said to stay away until then.
    pub fn block(&self, installation: InstallationId, until: Timestamp, now: Timestamp) {
        let mut purses = self.purses.lock().unwrap_or_else(PoisonError::into_inner);
        let purse = purses.entry(installation).or_insert_with(|| Purse::new(now));
        purse.blocked_until = purse.blocked_until.max(Some(until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn mutations_come_one_a_second_after_a_small_burst() {
        let mut purse = Purse::new(at(0));
        for _ in 0..8 {
            assert_eq!(purse.pay(Cost::Mutation, at(0)), None);
        }
        assert_eq!(purse.pay(Cost::Mutation, at(0)), Some(at(1000)));
        assert_eq!(purse.pay(Cost::Read, at(0)), None, "reading is free");
        assert_eq!(purse.pay(Cost::Mutation, at(1000)), None);
    }

    #[test]
    fn content_stays_below_sixty_a_minute_and_four_hundred_an_hour() {
        let mut purse = Purse::new(at(0));
        let mut made = 0;
        for second in 0..3600 {
            if purse.pay(Cost::Content, at(second * 1000)).is_none() {
                made += 1;
            }
        }
        assert!((400..=800).contains(&made), "{made}: a full bucket and one hour's filling");
    }

    #[test]
    fn what_was_begun_is_finished_and_paid_for_later() {
        let mut purse = Purse::new(at(0));
        for _ in 0..10 {
            assert_eq!(purse.pay(Cost::Following, at(0)), None);
        }
        assert_eq!(purse.pay(Cost::Mutation, at(0)), Some(at(3000)));
    }

    #[test]
    fn what_github_says_counts() {
        let budget = Budget::default();
        let one = InstallationId::new(1);
        budget.block(one, at(5000), at(0));
        assert_eq!(budget.pay(one, Cost::Read, at(0)), Some(at(5000)));
        assert_eq!(budget.pay(one, Cost::Read, at(5000)), None);
        assert_eq!(budget.pay(InstallationId::new(2), Cost::Read, at(0)), None);
    }
}
