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
    if let Some(secs) = number("retry-after") {
        return Some(now.plus_ms(secs.saturating_mul(1000)));
    }
    if number("x-ratelimit-remaining") == Some(0) {
        let reset = number("x-ratelimit-reset").map(|secs| secs.saturating_mul(1000));
        let until = reset.map_or(now.plus_ms(LIMIT_MS), Timestamp::from_millis);
        return Some(until.max(now.plus_ms(1000)));
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
