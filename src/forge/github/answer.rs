//! Answers of GitHub, sorted into what callers can act on.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::domain::ids::Timestamp;
use crate::ports::forge::ForgeError;

/// Words of an error that are kept.
const ERROR_CHARS_MAX: usize = 300;

/// When GitHub limits us without saying for how long.
pub(super) const LIMIT_MS: i64 = 60 * 1000;

/// No limit of GitHub's is longer than an hour; one that says so is a broken proxy's or a clock's.
const LIMIT_MS_MAX: i64 = 2 * 60 * 60 * 1000;

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ForgeError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| ForgeError::Unreadable(error.to_string()))
    }
}

/// An answer, or what is wrong with it.
pub(super) fn sorted(answer: Answer, now: Timestamp) -> Result<Answer, ForgeError> {
    let status = answer.status;
    if status.is_success() || status.is_redirection() {
        return Ok(answer);
    }
    if let Some(until) = limited_until(&answer, now) {
        return Err(ForgeError::RateLimited { until });
    }
    let message = message_of(&answer);
    Err(match status {
        StatusCode::NOT_FOUND => ForgeError::NotFound(message),
        StatusCode::GONE => ForgeError::Expired(message),
        StatusCode::UNAUTHORIZED => ForgeError::NoAccess(message),
        status if status.is_server_error() => {
            ForgeError::Unavailable(format!("{}: {message}", status.as_u16()))
        }
        status => ForgeError::Refused { status: status.as_u16(), message },
    })
}

/// When a rate limit ends, if the answer is one.
fn limited_until(answer: &Answer, now: Timestamp) -> Option<Timestamp> {
    let limited = matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS);
    if !limited {
        return None;
    }
    let number = |name: &str| -> Option<i64> {
        answer.headers.get(name)?.to_str().ok()?.trim().parse().ok()
    };
    let within = |until: Timestamp| until.max(now.plus_ms(1000)).min(now.plus_ms(LIMIT_MS_MAX));
    if let Some(secs) = number("retry-after") {
        return Some(within(now.plus_ms(secs.saturating_mul(1000))));
    }
    if number("x-ratelimit-remaining") == Some(0) {
        let reset = number("x-ratelimit-reset").map(|secs| secs.saturating_mul(1000));
        let until = reset.map_or(now.plus_ms(LIMIT_MS), Timestamp::from_millis);
        return Some(within(until));
    }
    let secondary = message_of(answer).to_lowercase().contains("rate limit");
    (secondary || answer.status == StatusCode::TOO_MANY_REQUESTS).then(|| now.plus_ms(LIMIT_MS))
}

fn message_of(answer: &Answer) -> String {
    #[derive(Deserialize)]
    struct Words {
        message: String,
        #[serde(default)]
        errors: Option<Value>,
    }
    match serde_json::from_slice::<Words>(&answer.body) {
        Ok(Words { message, errors: Some(errors) }) => bounded(&format!("{message} {errors}")),
        Ok(Words { message, errors: None }) => bounded(&message),
        Err(_) => format!("status {}", answer.status.as_u16()),
    }
}

/// The beginning of a foreign text.
pub(super) fn bounded(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(ERROR_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &str)], expected_ms: Option<i64>) {
        let now = Timestamp::from_millis(1_000_000);
        let headers = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
        let (status, headers) = (StatusCode::FORBIDDEN, headers.collect());
        let answer = Answer { status, headers, body: Bytes::new() };
        let until = limited_until(&answer, now).map(|until| until.since_ms(now));
        assert_eq!(until, expected_ms);
    }

    #[test]
    fn a_limit_holds_as_long_as_it_says_and_never_for_days() {
        check(&[("retry-after", "30")], Some(30_000));
        check(&[("retry-after", "0")], Some(1000));
        check(&[("retry-after", "-5")], Some(1000));
        check(&[("retry-after", "9223372036854775807")], Some(LIMIT_MS_MAX));
        check(&[("retry-after", "99999999999999999999")], None);
        let used_up = ("x-ratelimit-remaining", "0");
        check(&[used_up, ("x-ratelimit-reset", "1060")], Some(60_000));
        check(&[used_up, ("x-ratelimit-reset", "9223372036854775807")], Some(LIMIT_MS_MAX));
        check(&[used_up, ("x-ratelimit-reset", "-9223372036854775808")], Some(1000));
        check(&[used_up], Some(LIMIT_MS));
        check(&[("x-ratelimit-remaining", "1")], None);
    }
}
