//! Problems: every refusal as `application/problem+json` (RFC 9457), saying what, why and what next.

use axum::body::HttpBody as _;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A refusal.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    retry_after_secs: Option<u32>,
}

impl Problem {
    /// A refusal with its reason.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), retry_after_secs: None }
    }

    /// Something that passes: ask again.
    pub fn later(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            detail: detail.into(),
            retry_after_secs: Some(RETRY_AFTER_SECS),
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
        if let Some(secs) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}

/// What somebody tells us in JSON; what cannot be read is a [`Problem`].
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub(super) struct Told<T>(pub T);

impl From<JsonRejection> for Problem {
    fn from(error: JsonRejection) -> Self {
        Self::new(error.status(), error.body_text())
    }
}

/// Too large, or broken off on the way.
impl From<BytesRejection> for Problem {
    fn from(error: BytesRejection) -> Self {
        Self::new(error.status(), error.body_text())
    }
}

/// Refuses a body that says itself that it has more than `BYTES_MAX`, before any of it is awaited.
/// One that does not say so, or lies, meets the limit while it is read.
pub(super) async fn at_most<const BYTES_MAX: usize>(
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let announced = request.body().size_hint().lower();
    if usize::try_from(announced).is_ok_and(|bytes| bytes <= BYTES_MAX) {
        return Ok(next.run(request).await);
    }
    let detail = format!("the body has {announced} bytes; {BYTES_MAX} are allowed");
    Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail))
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
