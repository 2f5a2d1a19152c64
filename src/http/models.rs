//! `/model/{attempt}/{provider}/…`: a runner's calls of models, passed through to their providers.
//!
//! The token is looked at before the body is read. Of the caller's headers a few go up, of the
//! provider's a few come down; credentials never do, in either direction. What is refused is said in
//! the provider's own form, with the status that makes coding agents stop at once (429 with
//! `x-should-retry: false`), and with a header of ours that says why, for the runner.

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest as _, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream::unfold;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::bodies::Whole;
use super::{Problem, Shared};
use crate::domain::chain::Chain;
use crate::domain::ids::AttemptId;
use crate::domain::ledger::{Passes, Refusal};
use crate::domain::model::{
    Provider, REFUSED_BUDGET, REFUSED_BUSY, REFUSED_HEADER, REFUSED_IDLE, REFUSED_OVER,
    REFUSED_TOKEN,
};
use crate::models::Endpoint;
use crate::ports::ledger::{Account, Spent};
use crate::ports::providers::ProviderError;
use crate::service::Services;
use crate::service::models::{self, ModelError, Passed};

/// That the provider is in trouble and not the agent: `trouble`.
pub const PROVIDER: &str = "x-selfheal-provider";

/// The call's id in the ledger.
const CALL: &str = "x-selfheal-call";

/// What was taken out of the request: the provider's own tools, and fields that nobody knows.
const REMOVED: &str = "x-selfheal-removed";

/// The most of it that is told: what a request names so is bounded by nothing else.
const REMOVED_CHARS_MAX: usize = 500;

/// What the official clients of providers go by when they think of trying again.
const SHOULD_RETRY: &str = "x-should-retry";

/// How long to wait for room that other calls hold: a short answer's time.
const BUSY_SECS: u32 = 5;

/// Headers of a request that go up.
const UP: &[&str] = &[
    "accept",
    "anthropic-beta",
    "anthropic-version",
    "content-type",
    "conversation_id",
    "openai-beta",
    "originator",
    "session-id",
    "session_id",
    "user-agent",
    "x-goog-api-client",
    "x-session-affinity",
];

/// Headers of an answer that come down; and those of rate limits, by their beginnings.
const DOWN: &[&str] = &[
    "cache-control",
    "content-encoding",
    "content-type",
    "openai-model",
    "openai-processing-ms",
    "request-id",
    "retry-after",
    "retry-after-ms",
    "x-request-id",
    "x-should-retry",
];
const DOWN_BEGINNINGS: &[&str] = &["anthropic-ratelimit-", "x-ratelimit-"];

/// Where clients put what they take for a key.
const KEYS: &[&str] = &["x-api-key", "x-goog-api-key"];

/// The token that a request carries, by whichever of the providers' headers.
fn token(headers: &HeaderMap) -> Option<&str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
    bearer.or_else(|| KEYS.iter().find_map(|name| text(name)))
}

async fn known(
    services: &Services,
    attempt: &str,
    headers: &HeaderMap,
) -> Result<Account, ModelError> {
    let token = token(headers).ok_or(ModelError::NotYou)?;
    let attempt = AttemptId::parse(attempt).map_err(|_| ModelError::Unknown)?;
    models::caller(services, attempt, token).await
}

/// What an attempt's calls have cost so far.
pub(super) async fn spent(
    State(services): State<Shared>,
    Path(attempt): Path<String>,
    headers: HeaderMap,
) -> Response {
    let account = match known(&services, &attempt, &headers).await {
        Ok(account) => account,
        Err(error) => return refusal(Provider::Anthropic, &error),
    };
    match services.models.ledger().spent(account.attempt).await {
        Ok(spent) => Json(json!({
            "providers": services.models.providers(),
            "models": spent.iter().map(told).collect::<Vec<_>>(),
        }))
        .into_response(),
        Err(error) => refusal(Provider::Anthropic, &error.into()),
    }
}

fn told(spent: &Spent) -> Value {
    json!({
        "provider": spent.provider,
        "model": spent.model,
        "calls": spent.calls,
        "unsettled": spent.unsettled,
        "tokens": spent.tokens,
        "charged_tokens": spent.charged.tokens,
        "charged_nano_usd": spent.charged.usd.nanos(),
        "charged": spent.charged.usd.to_string(),
    })
}

/// Passes a call through to its provider.
pub(super) async fn forward(
    State(services): State<Shared>,
    Path((attempt, provider, _)): Path<(String, String, String)>,
    request: Request,
) -> Response {
    let Some(provider) = Provider::parse(&provider) else {
        return nothing_here();
    };
    let account = match known(&services, &attempt, request.headers()).await {
        Ok(account) => account,
        Err(error) => return refusal(provider, &error),
    };
    // As it was written: what is percent-encoded is in none of the paths that are forwarded.
    let uri = request.uri();
    let path = uri.path().splitn(5, '/').nth(4).unwrap_or_default();
    let query = uri.query().unwrap_or_default();
    let Some(endpoint) = Endpoint::parse(provider, request.method().as_str(), path, query) else {
        return nothing_here();
    };
    let headers = chosen(request.headers(), |name| UP.contains(&name));
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        return refused(provider, "request", "a packed request cannot be read here; send it plain");
    }
    let place = match services.models.place(account.attempt) {
        Ok(place) => place,
        Err(error) => return refusal(provider, &error),
    };
    let body = match Whole::from_request(request, &services).await {
        Ok(whole) => Bytes::from_owner(Held(whole.joined())),
        Err(problem) => return problem.into_response(),
    };
    let request = models::Request { endpoint, headers, body, place };
    match models::forward(&services, &account, request).await {
        Ok(passed) => answer(provider, passed),
        Err(error) => refusal(provider, &error),
    }
}

/// A body with its place among those that are held, which is free again when the body is gone.
struct Held((Bytes, OwnedSemaphorePermit));

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.0.0
    }
}

fn nothing_here() -> Response {
    Problem::new(StatusCode::NOT_FOUND, "this is no path that is passed on to a provider")
        .into_response()
}

/// Those of some headers whose names are chosen.
fn chosen(headers: &HeaderMap, is_chosen: impl Fn(&str) -> bool) -> HeaderMap {
    let fitting = headers.iter().filter(|(name, _)| is_chosen(name.as_str()));
    fitting.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The provider's answer, as it comes.
fn answer(provider: Provider, passed: Passed) -> Response {
    if matches!(passed.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        // It is our key that was refused, and some providers repeat a part of it.
        tracing::error!(provider = provider.as_str(), "a provider refuses this server's key");
        let words = "the provider refuses this server's key; its operator must look";
        let mut response = said(provider, StatusCode::SERVICE_UNAVAILABLE, words, Again::No);
        mark(&mut response, PROVIDER, "trouble");
        return response;
    }
    let pieces = unfold(passed.body, |mut body| async move { Some((body.recv().await?, body)) });
    let mut response = Response::new(Body::from_stream(pieces));
    *response.status_mut() = passed.status;
    *response.headers_mut() = chosen(&passed.headers, |name| {
        DOWN.contains(&name) || DOWN_BEGINNINGS.iter().any(|begin| name.starts_with(begin))
    });
    if is_trouble(passed.status) {
        mark(&mut response, PROVIDER, "trouble");
    }
    if let Some(call) = passed.call {
        mark(&mut response, CALL, &call.to_string());
    }
    if !passed.removed.is_empty() {
        mark(&mut response, REMOVED, &plain(&passed.removed));
    }
    response
}

/// Names from a request, as a header can have them: whoever wrote them may have written anything.
fn plain(names: &[String]) -> String {
    let names = names.iter().flat_map(|name| name.chars().chain([',']));
    let plain = names.map(|c| if c.is_ascii_graphic() { c } else { '?' });
    let text: String = plain.take(REMOVED_CHARS_MAX).collect();
    text.trim_end_matches(',').to_owned()
}

/// Whether a provider's status says that it could not, and not that the request was wrong.
fn is_trouble(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

fn mark(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// Why a call was not made, in the provider's own form.
fn refusal(provider: Provider, error: &ModelError) -> Response {
    let words = error.to_string();
    match error {
        ModelError::Unknown | ModelError::NotSetUp(_) => {
            Problem::new(StatusCode::NOT_FOUND, words).into_response()
        }
        ModelError::NotYou => {
            let mut response = said(provider, StatusCode::UNAUTHORIZED, &words, Again::No);
            mark(&mut response, REFUSED_HEADER, REFUSED_TOKEN);
            response
        }
        ModelError::Over => refused(provider, REFUSED_OVER, &words),
        ModelError::Idle => refused(provider, REFUSED_IDLE, &words),
        ModelError::Unpriced(_) | ModelError::NotAllowed(_) => refused(provider, "model", &words),
        ModelError::Unreadable(_) => refused(provider, "request", &words),
        ModelError::Refused(refusal) => match refusal.passes {
            Passes::Never => refused(provider, REFUSED_BUDGET, &in_words(refusal)),
            Passes::Soon => busy(provider, &in_words(refusal)),
        },
        ModelError::Crowded => busy(provider, &words),
        ModelError::Provider(cause) => {
            tracing::warn!(error = %Chain(cause), "a provider is in trouble");
            let status = match cause {
                ProviderError::Silent => StatusCode::GATEWAY_TIMEOUT,
                ProviderError::NotSetUp(_)
                | ProviderError::Unreachable(_)
                | ProviderError::Broken(_) => StatusCode::BAD_GATEWAY,
            };
            let mut response = said(provider, status, &cause.to_string(), Again::Maybe);
            mark(&mut response, PROVIDER, "trouble");
            response
        }
        ModelError::Later(cause) => {
            tracing::warn!(error = %Chain(cause), "a call has to wait");
            let mut response = Problem::later(words).into_response();
            mark(&mut response, PROVIDER, "trouble");
            response
        }
    }
}

fn in_words(refusal: &Refusal) -> String {
    let Refusal { scope, left, needs, passes } = refusal;
    let why = match passes {
        Passes::Never => "it is spent",
        Passes::Soon => "calls that are under way hold the rest; try again soon",
    };
    format!(
        "the cap of {} has {} and {} tokens left, this call needs {} and {} tokens: {why}",
        scope.words(),
        left.usd,
        left.tokens,
        needs.usd,
        needs.tokens
    )
}

/// A refusal that stays one however often it is tried.
fn refused(provider: Provider, why: &'static str, words: &str) -> Response {
    let mut response = said(provider, StatusCode::TOO_MANY_REQUESTS, words, Again::No);
    mark(&mut response, REFUSED_HEADER, why);
    response
}

/// A refusal that passes by itself.
fn busy(provider: Provider, words: &str) -> Response {
    let mut response = said(provider, StatusCode::TOO_MANY_REQUESTS, words, Again::Maybe);
    mark(&mut response, REFUSED_HEADER, REFUSED_BUSY);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(BUSY_SECS));
    response
}

/// Whether it makes sense to try again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    Maybe,
    No,
}

/// Words of ours in the form of a provider's error.
fn said(provider: Provider, status: StatusCode, words: &str, again: Again) -> Response {
    let message = format!("selfheal: {words}");
    let (anthropic, openai, gemini) = match status {
        StatusCode::UNAUTHORIZED => ("authentication_error", "invalid_api_key", "UNAUTHENTICATED"),
        StatusCode::TOO_MANY_REQUESTS => {
            ("rate_limit_error", "rate_limit_exceeded", "RESOURCE_EXHAUSTED")
        }
        _ => ("api_error", "server_error", "UNAVAILABLE"),
    };
    // Gemini's own client knows no header that ends its tries, but a quota of a day does.
    let quota = json!([{
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{ "quotaId": "SelfhealPerDay", "description": message }],
    }]);
    let details = if again == Again::No { quota } else { json!([]) };
    let body = match provider {
        Provider::Anthropic => {
            json!({"type": "error", "error": {"type": anthropic, "message": message}})
        }
        Provider::OpenAi => {
            json!({"error": {"message": message, "type": openai, "param": null, "code": openai}})
        }
        Provider::Gemini => json!({"error": {
            "code": status.as_u16(), "message": message, "status": gemini, "details": details,
        }}),
    };
    let mut response = (status, Json(body)).into_response();
    if again == Again::No {
        mark(&mut response, SHOULD_RETRY, "false");
    }
    response
}
