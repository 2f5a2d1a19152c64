//! Problems: every refusal as `application/problem+json` (RFC 9457), saying what, why and what next.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A refusal.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    retry_after_secs: Option<u32>,
    /// How to come in, where a token would do (RFC 9110, 11.6.1).
    scheme: Option<&'static str>,
}

impl Problem {
    /// A refusal with its reason.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), retry_after_secs: None, scheme: None }
    }

    /// A refusal of somebody without the right bearer token.
    pub fn needs_token(detail: impl Into<String>) -> Self {
        Self { scheme: Some("Bearer"), ..Self::new(StatusCode::UNAUTHORIZED, detail) }
    }

    /// Something that passes: ask again.
    pub fn later(detail: impl Into<String>) -> Self {
        Self {
            retry_after_secs: Some(RETRY_AFTER_SECS),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }
}

/// Long enough for a database to come back, short enough that nobody gives up.
const RETRY_AFTER_SECS: u32 = 10;

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(scheme) = self.scheme {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
        if let Some(secs) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}

/// For methods that a path does not know; which it knows stands in `Allow`.
pub(super) async fn wrong_method() -> Problem {
    let detail = "this path does not know the method; see Allow";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

/// For paths that lead nowhere.
pub(super) async fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is nothing here")
}
