//! What operators ask: `/api/v1/…` and `/metrics`, each behind a token of its own.
//!
//! A door without a token is not there. Tokens are compared in a time that does not tell where they
//! differ, and the request's body is never read. `/metrics` is scraped every few seconds by any
//! number of collectors, so what it says is kept for a moment.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::Sha256;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Problem, Shared, metrics};
use crate::domain::figures::Stats;
use crate::domain::ids::RepoSlug;
use crate::service::Services;
use crate::service::flaky::{self, Flakes, REPOS_MAX, Which, flakes};
use crate::service::receipts::Signer;
use crate::service::remedies::kept::{Listed, kept};
use crate::service::stats::{Wanted, back_ms, stats};

/// How far back is looked when nobody says.
const BACK: &str = "30d";

/// How long what `/metrics` says is kept: collectors ask every 15 to 60 seconds.
const KEPT_SECS: u64 = 10;

/// How long what it says of flakes is kept: it is of 90 days, and a question for each repository.
const FLAKES_KEPT_SECS: u64 = 5 * 60;

/// The tokens of operators; what has none is off.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    /// Of the API.
    pub api: Option<SecretString>,
    /// Of the metrics.
    pub metrics: Option<SecretString>,
}

/// What the doors of operators need.
#[derive(Debug, Clone, Default)]
pub struct Operators {
    /// Who may ask.
    pub tokens: Tokens,
    /// Who signs receipts; without one they are not signed.
    pub signer: Option<Arc<Signer>>,
}

/// Who may ask, and what was said last.
#[derive(Debug, Default)]
pub(super) struct Desk {
    operators: Operators,
    said: Mutex<Option<(Instant, String)>>,
    flakes: Mutex<Option<(Instant, flaky::Counts)>>,
}

impl Desk {
    pub fn new(operators: Operators) -> Self {
        Self { operators, said: Mutex::default(), flakes: Mutex::default() }
    }

    /// Whether that request carries the API's token; else why it is not served.
    pub fn admits_to_api(&self, headers: &HeaderMap) -> Result<(), Problem> {
        admitted(self.operators.tokens.api.as_ref(), headers, "SELFHEAL_API_TOKEN")
    }

    /// Who signs receipts.
    pub fn signer(&self) -> Option<&Signer> {
        self.operators.signer.as_deref()
    }
}

/// Whether that request carries the token; else why it is not served.
fn admitted(
    token: Option<&SecretString>,
    headers: &HeaderMap,
    setting: &str,
) -> Result<(), Problem> {
    let Some(token) = token else {
        let why = format!("this is off: the operator has set no {setting}");
        return Err(Problem::new(StatusCode::NOT_FOUND, why));
    };
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer "));
    if given.is_some_and(|given| is_same(token.expose_secret(), given)) {
        return Ok(());
    }
    let why = "this needs the operator's token, as `Authorization: Bearer …`";
    Err(Problem::needs_token(why))
}

/// Whether two texts are the same, by a comparison that takes the same time wherever they differ.
fn is_same(token: &str, given: &str) -> bool {
    let keyed = |key: &str| Hmac::<Sha256>::new_from_slice(key.as_bytes());
    let (Ok(wanted), Ok(given)) = (keyed(token), keyed(given)) else { return false };
    given.verify_slice(&wanted.finalize().into_bytes()).is_ok()
}

/// What stands behind the `?`, read after the token was looked at.
type Asked<T> = Result<Query<T>, QueryRejection>;

fn bad(why: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, why)
}

/// The repository that a question names.
fn named(repo: Option<&str>) -> Result<Option<RepoSlug>, Problem> {
    let repo = repo.map(RepoSlug::parse).transpose();
    repo.map_err(|error| bad(&format!("`repo`: {error}")))
}

/// What may be asked of stats.
#[derive(Debug, Deserialize)]
pub(super) struct Question {
    since: Option<String>,
    repo: Option<String>,
}

pub(super) async fn api_stats(
    State(services): State<Shared>,
    Extension(desk): Extension<Arc<Desk>>,
    headers: HeaderMap,
    question: Asked<Question>,
) -> Result<Json<Stats>, Problem> {
    desk.admits_to_api(&headers)?;
    let Query(question) = question.map_err(|error| bad(&error.body_text()))?;
    let back = question.since.as_deref().unwrap_or(BACK);
    let back_ms = back_ms(back).ok_or_else(|| bad("`since` is days or hours: 30d, 12h"))?;
    let repo = named(question.repo.as_deref())?;
    let wanted = Wanted { back_ms, repo };
    let read = stats(services.figures.as_ref(), &wanted, services.clock.now()).await;
    let later = |_| Problem::later("the store is not available");
    Ok(Json(read.map_err(later)?))
}

/// What may be asked of flakes.
#[derive(Debug, Deserialize)]
pub(super) struct FlakyQuestion {
    repo: Option<String>,
    #[serde(default)]
    all: bool,
}

pub(super) async fn api_flaky(
    State(services): State<Shared>,
    Extension(desk): Extension<Arc<Desk>>,
    headers: HeaderMap,
    question: Asked<FlakyQuestion>,
) -> Result<Json<Flakes>, Problem> {
    desk.admits_to_api(&headers)?;
    let Query(question) = question.map_err(|error| bad(&error.body_text()))?;
    let repo = named(question.repo.as_deref())?;
    let which = if question.all { Which::All } else { Which::Flaky };
    let wanted = flaky::Wanted { repo, which, repos_max: REPOS_MAX };
    let read = flakes(services.flakes.as_ref(), &wanted, services.clock.now()).await;
    Ok(Json(read.map_err(|_| Problem::later("the store is not available"))?))
}

/// What may be asked of remedies.
#[derive(Debug, Deserialize)]
pub(super) struct RemediesQuestion {
    repo: Option<String>,
}

pub(super) async fn api_remedies(
    State(services): State<Shared>,
    Extension(desk): Extension<Arc<Desk>>,
    headers: HeaderMap,
    question: Asked<RemediesQuestion>,
) -> Result<Json<Listed>, Problem> {
    desk.admits_to_api(&headers)?;
    let Query(question) = question.map_err(|error| bad(&error.body_text()))?;
    let repo = named(question.repo.as_deref())?;
    let read = kept(services.remedies.as_ref(), repo.as_ref()).await;
    Ok(Json(read.map_err(|_| Problem::later("the store is not available"))?))
}

/// How much came and went, kept for a while.
async fn flake_counts(services: &Services, desk: &Desk) -> Result<flaky::Counts, Problem> {
    let mut said = desk.flakes.lock().await;
    let is_fresh = |at: &Instant| at.elapsed() < Duration::from_secs(FLAKES_KEPT_SECS);
    if let Some((_, counts)) = said.as_ref().filter(|(at, _)| is_fresh(at)) {
        return Ok(counts.clone());
    }
    let wanted = flaky::Wanted { repo: None, which: Which::All, repos_max: REPOS_MAX };
    let read = flakes(services.flakes.as_ref(), &wanted, services.clock.now()).await;
    let counts = read.map_err(|_| Problem::later("the store is not available"))?.counts();
    *said = Some((Instant::now(), counts.clone()));
    Ok(counts)
}

pub(super) async fn metrics(
    State(services): State<Shared>,
    Extension(desk): Extension<Arc<Desk>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admitted(desk.operators.tokens.metrics.as_ref(), &headers, "SELFHEAL_METRICS_TOKEN")?;
    let mut said = desk.said.lock().await;
    let is_fresh = |at: &Instant| at.elapsed() < Duration::from_secs(KEPT_SECS);
    let text = match said.as_ref().filter(|(at, _)| is_fresh(at)) {
        Some((_, text)) => text.clone(),
        None => {
            let back_ms = back_ms(BACK).unwrap_or_default();
            let wanted = Wanted { back_ms, repo: None };
            let later = |_| Problem::later("the store is not available");
            let now = services.clock.now();
            let read = stats(services.figures.as_ref(), &wanted, now).await.map_err(later)?;
            let backlog = services.store.backlog().await.map_err(later)?;
            let flakes = flake_counts(&services, &desk).await?;
            let overruns = services.models.overruns(now.plus_ms(-back_ms)).await.map_err(later)?;
            let text = metrics::text(&read, &backlog, &flakes, overruns);
            *said = Some((Instant::now(), text.clone()));
            text
        }
    };
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(token: Option<&str>, given: Option<&str>, expected: Option<StatusCode>) {
        let token = token.map(SecretString::from);
        let mut headers = HeaderMap::new();
        if let Some(given) = given {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(given).unwrap());
        }
        let answer = admitted(token.as_ref(), &headers, "X").err();
        assert_eq!(answer.map(|refusal| refusal.into_response().status()), expected, "{given:?}");
    }

    #[test]
    fn only_the_token_opens_and_without_one_there_is_no_door() {
        check(Some("secret"), Some("Bearer secret"), None);
        for wrong in ["Bearer secre", "Bearer secrets", "Bearer ", "secret", "Basic secret"] {
            check(Some("secret"), Some(wrong), Some(StatusCode::UNAUTHORIZED));
        }
        check(Some("secret"), None, Some(StatusCode::UNAUTHORIZED));
        check(None, Some("Bearer secret"), Some(StatusCode::NOT_FOUND));
        check(None, Some("Bearer "), Some(StatusCode::NOT_FOUND));
    }
}
