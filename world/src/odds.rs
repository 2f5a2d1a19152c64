//! Odds: trouble that comes by chance, so often in a thousand, from a seed.
//!
//! What is ordered piece by piece is in `faults`; this is the weather. It meets every webhook and
//! every request while it lasts, and nothing of it is left when it ends.

/// How often things go wrong, in a thousand; the default is never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Odds {
    /// Webhooks that are never sent; GitHub believes that it tried.
    pub webhooks_lost: u32,
    /// Webhooks that are sent twice, with the same GUID.
    pub webhooks_doubled: u32,
    /// Webhooks that are sent late, and so after later ones.
    pub webhooks_late: u32,
    /// How late at most, in milliseconds.
    pub late_ms_max: i64,
    /// Requests that are answered with 502; nothing is done.
    pub requests_failed: u32,
    /// Requests that run into a secondary rate limit of some seconds.
    pub requests_limited: u32,
    /// Requests that are never answered; nothing is done.
    pub requests_hung: u32,
    /// Requests that are done, but whose connection closes unanswered.
    pub answers_dropped: u32,
}

/// What becomes of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Post {
    Sent,
    Lost,
    Doubled,
    /// Sent so many milliseconds later.
    Late(i64),
}

/// The odds, and the chance that they follow.
#[derive(Debug, Default)]
pub(crate) struct Luck {
    pub(crate) odds: Odds,
    pub(crate) chance: Chance,
}

impl Luck {
    /// What becomes of the next webhook.
    pub(crate) fn post(&mut self) -> Post {
        let Odds { webhooks_lost, webhooks_doubled, webhooks_late, late_ms_max, .. } = self.odds;
        if self.chance.happens(webhooks_lost) {
            Post::Lost
        } else if self.chance.happens(webhooks_doubled) {
            Post::Doubled
        } else if self.chance.happens(webhooks_late) {
            Post::Late(self.chance.below(late_ms_max))
        } else {
            Post::Sent
        }
    }
}

/// Chance that repeats: the same from the same seed, by the constants of splitmix64.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn of(seed: u64) -> Self {
        Self(seed)
    }

    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Whether something happens that happens so often in a thousand.
    pub(crate) fn happens(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.throw() % 1_000 < u64::from(per_mille)
    }

    /// A number from 0 to below `end`; 0 when that is no number above 0.
    pub(crate) fn below(&mut self, end: i64) -> i64 {
        let end = u64::try_from(end).unwrap_or(0).max(1);
        i64::try_from(self.throw() % end).unwrap_or(0)
    }
}

/// Fisher-Yates by a small generator, so that a seed always means the same order.
pub(crate) fn shuffled(ids: &mut [u64], seed: u64) {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for at in (1..ids.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let other = usize::try_from(state % (at as u64 + 1)).unwrap_or(0);
        ids.swap(at, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odds_are_kept_and_repeat() {
        let lost = |seed: u64, webhooks_lost: u32| {
            let odds = Odds { webhooks_lost, ..Odds::default() };
            let mut luck = Luck { odds, chance: Chance::of(seed) };
            (0..1_000).filter(|_| luck.post() == Post::Lost).count()
        };
        assert_eq!(lost(1, 0), 0);
        assert_eq!(lost(1, 1_000), 1_000);
        assert!((200..400).contains(&lost(1, 300)), "{}", lost(1, 300));
        assert_eq!(lost(7, 300), lost(7, 300));
    }

    #[test]
    fn a_seed_decides_the_order() {
        let order = |seed| {
            let mut ids: Vec<u64> = (0..8).collect();
            shuffled(&mut ids, seed);
            ids
        };
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(8));
        let mut sorted = order(7);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..8).collect::<Vec<u64>>());
    }
}
