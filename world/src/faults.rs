//! Trouble on order: what fails, hangs, is slow, or is done without an answer.
//!
//! Faults are state like everything else. They are looked at after the request was counted and
//! found to keep the contract, and before anything is done; only a dropped answer comes after.

use crate::odds::{Luck, Odds};

/// What one fault applies to, and how often still.
#[derive(Debug)]
struct Aim {
    method: String,
    template: String,
    left: usize,
}

impl Aim {
    fn hits(&mut self, method: &str, template: &str) -> bool {
        let aimed = (self.method == "*" || self.method.eq_ignore_ascii_case(method))
            && (self.template == "*" || self.template == template);
        if !aimed || self.left == 0 {
            return false;
        }
        self.left -= 1;
        true
    }
}

/// How long a secondary limit lasts that comes by chance: shorter than GitHub's minute, so that a
/// limit is no outage.
const LIMIT_SECS: u64 = 20;

/// All faults on order.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    failing: Vec<(Aim, u16)>,
    hanging: Vec<Aim>,
    dropping: Vec<Aim>,
    slow: Vec<(String, u64)>,
    pub(crate) limited_until_ms: Option<i64>,
    /// What `X-RateLimit-Remaining` says, when not derived from the requests made.
    pub(crate) remaining: Option<usize>,
    secondary: Vec<(Aim, u64)>,
}

/// What happens instead of, or before, an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// This status, nothing is done.
    Status(u16),
    /// No answer, nothing is done.
    Hang,
    /// The primary rate limit holds until this time.
    Primary { until_ms: i64 },
    /// A secondary rate limit.
    Secondary { retry_after_secs: u64 },
}

impl Faults {
    pub(crate) fn fail(&mut self, aim: (&str, &str), status: u16, times: usize) {
        self.failing.push((aimed(aim, times), status));
    }

    pub(crate) fn hang(&mut self, aim: (&str, &str), times: usize) {
        self.hanging.push(aimed(aim, times));
    }

    pub(crate) fn drop_response(&mut self, aim: (&str, &str), times: usize) {
        self.dropping.push(aimed(aim, times));
    }

    pub(crate) fn slow(&mut self, template: &str, delay_ms: u64) {
        self.slow.retain(|(known, _)| known != template);
        self.slow.push((template.to_owned(), delay_ms));
    }

    pub(crate) fn secondary(&mut self, aim: (&str, &str), times: usize, retry_after_secs: u64) {
        self.secondary.push((aimed(aim, times), retry_after_secs));
    }

    /// What stands in the way of a request.
    pub(crate) fn before(&mut self, method: &str, template: &str, now_ms: i64) -> Option<Trouble> {
        if self.hanging.iter_mut().any(|aim| aim.hits(method, template)) {
            return Some(Trouble::Hang);
        }
        let mut failing = self.failing.iter_mut();
        if let Some((_, status)) =
            failing.find_map(|(aim, status)| aim.hits(method, template).then_some((aim, *status)))
        {
            return Some(Trouble::Status(status));
        }
        if let Some(until_ms) = self.limited_until_ms.filter(|until| *until > now_ms) {
            return Some(Trouble::Primary { until_ms });
        }
        let mut limited = self.secondary.iter_mut();
        let retry_after_secs =
            limited.find_map(|(aim, secs)| aim.hits(method, template).then_some(*secs))?;
        Some(Trouble::Secondary { retry_after_secs })
    }

    /// What stands in the way of a request by chance.
    pub(crate) fn by_chance(luck: &mut Luck) -> Option<Trouble> {
        let Odds { requests_hung, requests_failed, requests_limited, .. } = luck.odds;
        if luck.chance.happens(requests_hung) {
            Some(Trouble::Hang)
        } else if luck.chance.happens(requests_failed) {
            Some(Trouble::Status(502))
        } else if luck.chance.happens(requests_limited) {
            Some(Trouble::Secondary { retry_after_secs: LIMIT_SECS })
        } else {
            None
        }
    }

    /// How long the answer is held back.
    pub(crate) fn delay_ms(&self, template: &str) -> u64 {
        let aimed = self.slow.iter().find(|(known, _)| known == template || known == "*");
        aimed.map_or(0, |(_, delay)| *delay)
    }

    /// Whether the answer is lost on its way.
    pub(crate) fn drops(&mut self, method: &str, template: &str) -> bool {
        self.dropping.iter_mut().any(|aim| aim.hits(method, template))
    }
}

fn aimed((method, template): (&str, &str), left: usize) -> Aim {
    Aim { method: method.to_owned(), template: template.to_owned(), left }
}
