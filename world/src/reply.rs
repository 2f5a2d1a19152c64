//! Answers of the fake: what a route says, before it becomes bytes.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Boxed, because a refusal travels through many `Result`s.
    pub(crate) body: Option<Box<Value>>,
    /// Bytes instead of JSON.
    pub(crate) raw: Option<Vec<u8>>,
}

/// A route's answer; a refusal is an answer too.
pub(crate) type Answer = Result<Reply, Reply>;

impl Reply {
    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Some(Box::new(body)), raw: None }
    }

    pub(crate) fn ok(body: Value) -> Self {
        Self::json(200, body)
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: None, raw: None }
    }

    pub(crate) fn raw(bytes: Vec<u8>) -> Self {
        Self { raw: Some(bytes), ..Self::empty(200) }
    }

    pub(crate) fn refused(status: u16, message: impl Into<String>) -> Self {
        let message: String = message.into();
        let docs = "https://docs.github.com/rest";
        Self::json(
            status,
            json!({ "message": message, "documentation_url": docs, "status": status.to_string() }),
        )
    }

    pub(crate) fn not_found() -> Self {
        Self::refused(404, "Not Found")
    }

    pub(crate) fn forbidden() -> Self {
        Self::refused(403, "Resource not accessible by integration")
    }

    /// 422 in the shape of a failed validation.
    pub(crate) fn invalid(resource: &str, field: &str, message: &str) -> Self {
        let mut reply = Self::refused(422, "Validation Failed");
        if let Some(Value::Object(body)) = reply.body.as_deref_mut() {
            let error = json!({
                "resource": resource, "field": field, "code": "custom", "message": message,
            });
            body.insert("errors".into(), json!([error]));
        }
        reply
    }

    /// The fake itself is at fault; the leftovers check tells.
    pub(crate) fn bug(error: &anyhow::Error) -> Self {
        Self::refused(500, format!("{BUG}{error:#}"))
    }

    /// What went wrong inside the fake, if that is what this answer says.
    pub(crate) fn as_bug(&self) -> Option<&str> {
        self.body.as_ref()?["message"].as_str()?.strip_prefix(BUG)
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut builder = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            builder = builder.header(*name, value);
        }
        let body = match (self.body, self.raw) {
            (Some(value), _) => {
                builder = builder.header("content-type", "application/json; charset=utf-8");
                Body::from(value.to_string())
            }
            (None, Some(bytes)) => Body::from(bytes),
            (None, None) => Body::empty(),
        };
        builder.body(body).unwrap_or_else(|error| {
            let mut broken = Response::new(Body::from(error.to_string()));
            *broken.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            broken
        })
    }
}

impl From<anyhow::Error> for Reply {
    fn from(error: anyhow::Error) -> Self {
        Self::bug(&error)
    }
}

const BUG: &str = "the world itself failed: ";
