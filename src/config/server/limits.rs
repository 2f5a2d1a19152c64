//! How much is taken and done at once, as operators set it.

use super::Reader;
use crate::domain::limits::Limits;

/// The most webhooks that may wait: beyond that counting them costs more than reading them.
const DELIVERIES_WAITING_MAX: u64 = 10_000_000;
/// The most attempts or cases at the same time: more than any forge lets one App start.
const AT_ONCE_MAX: u32 = 100_000;

impl Reader<'_> {
    /// The limits; `None`, or problems noted, when one is wrong.
    pub(super) fn limits(&mut self) -> Option<Limits> {
        let deliveries_waiting = self.required("deliveries-waiting-max", |text| {
            text.parse().ok().filter(|count| (1..=DELIVERIES_WAITING_MAX).contains(count))
        });
        let mut count = |name: &str| {
            self.required(name, |text| {
                text.parse().ok().filter(|count| (1..=AT_ONCE_MAX).contains(count))
            })
        };
        let attempts = count("attempts-max");
        let installation_attempts = count("installation-attempts-max");
        let repository_cases = count("repository-cases-max");
        Some(Limits {
            deliveries_waiting: deliveries_waiting?,
            attempts: attempts?,
            installation_attempts: installation_attempts?,
            repository_cases: repository_cases?,
        })
    }
}
