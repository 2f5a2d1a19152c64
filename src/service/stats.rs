//! Stats: the figures of a time, for people, the API and metrics; read, never kept.

use crate::domain::figures::{self, LevelChange, Stats};
use crate::domain::ids::{RepoSlug, Timestamp};
use crate::ports::figures::{Asked, FigureStore};
use crate::ports::store::StoreError;

/// Cases that are looked at, the newest: a year of the busiest installation, a second's work.
pub const CASES_MAX: u32 = 20_000;

/// Changes of autonomy that are listed, the newest.
const CHANGES_MAX: u32 = 200;

/// Nobody asks for more: figures began later.
const DAYS_MAX: i64 = 3_650;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// What somebody wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// How far back, in milliseconds.
    pub back_ms: i64,
    /// Of this repository alone.
    pub repo: Option<RepoSlug>,
}

/// Reads how far back somebody wants to look: `30d`, `12h`; in milliseconds. `None` for anything
/// else, and for more than ten years.
pub fn back_ms(text: &str) -> Option<i64> {
    let (number, hours) = match text.strip_suffix('d') {
        Some(days) => (days, 24),
        None => (text.strip_suffix('h')?, 1),
    };
    let is_plain = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    let hours = number.parse::<i64>().ok().filter(|_| is_plain)?.checked_mul(hours)?;
    (1..=DAYS_MAX * 24).contains(&hours).then(|| hours * HOUR_MS)
}

/// The figures of that time.
///
/// # Errors
/// [`StoreError`] when they cannot be read.
pub async fn stats(
    store: &dyn FigureStore,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<Stats, StoreError> {
    let since = now.plus_ms(-wanted.back_ms);
    let asked = Asked { since, repo: wanted.repo.clone(), cases_max: CASES_MAX };
    let cases = store.records(&asked).await?;
    let is_cut = cases.len() >= CASES_MAX as usize;
    let changes = store.changes_since(&Asked { cases_max: CHANGES_MAX, ..asked }).await?;
    let autonomy = changes.into_iter().map(LevelChange::of).collect();
    Ok(Stats { is_cut, autonomy, ..figures::stats(&cases, since, day) })
}

/// The day of a moment, UTC, as `2026-01-31`.
fn day(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default();
    at.to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, hours: Option<i64>) {
        assert_eq!(back_ms(text), hours.map(|hours| hours * HOUR_MS), "{text:?}");
    }

    #[test]
    fn how_far_back_is_said_in_days_or_hours() {
        check("30d", Some(720));
        check("12h", Some(12));
        check("3650d", Some(87_600));
        for wrong in ["", "d", "30", "0d", "-1d", "+3d", "3651d", "1w", "99999999999999999d"] {
            check(wrong, None);
        }
    }

    #[test]
    fn a_day_is_named_by_its_date() {
        assert_eq!(day(Timestamp::from_millis(0)), "1970-01-01");
        assert_eq!(day(Timestamp::from_millis(86_400_000)), "1970-01-02");
    }
}
