//! How a call of a model went, read from the answer to it.

use axum::http::{HeaderMap, HeaderName, StatusCode};

use crate::domain::model::{REFUSED_BUSY, REFUSED_HEADER};
use crate::runner::server::remote::is_passing;

/// How much of an error's text is kept.
const WORDS_CHARS_MAX: usize = 300;

/// By which the gateway says that it refused a call itself, and why.
pub(super) const REFUSED: HeaderName = HeaderName::from_static(REFUSED_HEADER);

/// How a call of a model went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// It was answered.
    Answered,
    /// The gateway refused it: no money left, no such provider or model.
    Refused {
        /// The gateway's word: `budget`, `model`, ….
        why: String,
        /// What it said.
        words: String,
    },
    /// The provider, or the way to it, failed in a way that passes.
    Trouble(String),
    /// The provider refused it for good.
    Rejected(String),
}

/// What a failed call means.
pub(super) fn failed(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Call {
    let said: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let said = said.as_ref().and_then(|said| {
        let error = said.get("error").unwrap_or(said);
        error.get("message").or_else(|| said.get("detail"))?.as_str()
    });
    let words = said.map_or_else(|| status.to_string(), |said| format!("{status}: {said}"));
    let words: String = words.chars().take(WORDS_CHARS_MAX).collect();
    if let Some(why) = headers.get(REFUSED).and_then(|why| why.to_str().ok()) {
        // Other calls hold the room; that passes.
        if why == REFUSED_BUSY {
            return Call::Trouble(words);
        }
        return Call::Refused { why: why.to_owned(), words };
    }
    if is_passing(status) { Call::Trouble(words) } else { Call::Rejected(words) }
}
