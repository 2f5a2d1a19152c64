//! Unix milliseconds as the text that GitHub writes, and back.
//!
//! Not a clock: the time comes from the world's options. Only UTC, only the two forms that the API
//! and job logs use.

const DAY_MS: i64 = 86_400_000;

/// `2026-11-21T06:36:22Z`, as in every API answer.
pub(crate) fn iso(ms: i64) -> String {
    let (date, rest) = split(ms);
    format!("{date}T{}Z", clock(rest))
}

/// `2026-11-21T06:36:22.0000000Z`, as at the start of every line of a job's log.
pub(crate) fn log_stamp(ms: i64) -> String {
    let (date, rest) = split(ms);
    format!("{date}T{}.{:03}0000Z", clock(rest), rest % 1000)
}

/// Reads `2026-11-21T06:36:22Z` with any fraction; `None` for anything else.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = whole.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let day_ms = ((hour * 60 + minute) * 60 + second) * 1000 + millis;
    Some(days_from_civil(year, month, day) * DAY_MS + day_ms)
}

fn split(ms: i64) -> (String, i64) {
    let (year, month, day) = civil_from_days(ms.div_euclid(DAY_MS));
    (format!("{year:04}-{month:02}-{day:02}"), ms.rem_euclid(DAY_MS))
}

fn clock(day_ms: i64) -> String {
    let seconds = day_ms / 1000;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

// Both directions after <https://howardhinnant.github.io/date_algorithms.html>.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ms: i64, expected: &str) {
        assert_eq!(iso(ms), expected);
        assert_eq!(parse(expected), Some(ms));
    }

    #[test]
    fn times_are_written_as_github_writes_them() {
        check(0, "1970-01-01T00:00:00Z");
        check(951_782_400_000, "2000-02-29T00:00:00Z");
        check(1_795_242_982_000, "2026-11-21T06:36:22Z");
        check(-1000, "1969-12-31T23:59:59Z");
        assert_eq!(log_stamp(1_795_242_982_045), "2026-11-21T06:36:22.0450000Z");
        assert_eq!(parse("2026-11-21T06:36:22.045Z"), Some(1_795_242_982_045));
        assert_eq!(parse("yesterday"), None);
    }
}
