//! One request to GitHub: authenticated, budgeted, bounded, and its answer sorted into what callers
//! can act on.
//!
//! A read that failed on the wire is sent once more at once; a write never is, because it may have
//! been done. Error words are GitHub's own, bounded; tokens are in no error and no log.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use octocrab::Octocrab;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::answer::{Answer, LIMIT_MS, bounded, sorted};
use super::auth::{AppKey, Purpose, Token, TokenKey, Tokens};
use super::budget::{Budget, Cost};
use super::{GithubSettings, SetupError};
use crate::domain::pull::Repo;
use crate::ports::clock::Clock;
use crate::ports::forge::ForgeError;

/// No answer that we read is larger: the largest is a delivery's payload of 25 MB in its envelope.
const ANSWER_BYTES_MAX: usize = 28 * 1024 * 1024;

/// GitHub ends its own requests after ten seconds; this adds the way there and back.
const REQUEST_SECS_MAX: u64 = 20;

/// Pages of a listing that are read at most, of 100 entries each.
const PAGES_MAX: u32 = 30;

/// The version of GitHub's API that our types are written for.
const API_VERSION: &str = "2022-11-28";

/// Said to operators when the App's own token is not taken.
const SIGNATURE_REFUSED: &str = "the App's signature is not taken; is this machine's clock right, and the private key the App's?";

/// As whom a call is made, and what it costs.
#[derive(Debug, Clone, Copy)]
pub(super) struct As<'a> {
    repo: &'a Repo,
    purpose: Purpose,
    cost: Cost,
}

impl<'a> As<'a> {
    pub fn reader(repo: &'a Repo) -> Self {
        Self { repo, purpose: Purpose::Read, cost: Cost::Read }
    }

    pub fn reporter(repo: &'a Repo) -> Self {
        Self { repo, purpose: Purpose::Report, cost: Cost::Mutation }
    }

    pub fn writer(repo: &'a Repo) -> Self {
        Self { repo, purpose: Purpose::Write, cost: Cost::Mutation }
    }

    pub fn dispatcher(repo: &'a Repo) -> Self {
        Self { repo, purpose: Purpose::Dispatch, cost: Cost::Mutation }
    }

    /// The call goes on with what an earlier one has begun.
    pub fn following(mut self) -> Self {
        self.cost = Cost::Following;
        self
    }

    /// The call notifies people or counts as content.
    pub fn content(mut self) -> Self {
        self.cost = Cost::Content;
        self
    }
}

/// The client of one App.
pub struct Client {
    octocrab: Octocrab,
    pub(super) api: Url,
    graphql: Url,
    key: AppKey,
    pub(super) clock: Arc<dyn Clock>,
    tokens: Tokens,
    budget: Budget,
    /// For log archives on other hosts: follows no redirect and carries no token.
    pub(super) plain: reqwest::Client,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("api", &self.api.as_str()).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: SecretString,
    expires_at: String,
}

#[derive(Deserialize)]
struct GraphqlAnswer {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<GraphqlError>,
}

#[derive(Deserialize)]
struct GraphqlError {
    #[serde(rename = "type")]
    kind: Option<String>,
    message: String,
}

impl Client {
    pub(super) fn new(
        settings: &GithubSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        let secs = Some(Duration::from_secs(REQUEST_SECS_MAX));
        // octocrab's own retries and redirects are not even compiled in (see `Cargo.toml`).
        let octocrab = Octocrab::builder()
            .set_connect_timeout(secs)
            .set_read_timeout(secs)
            .set_write_timeout(secs)
            .build()
            .map_err(|error| SetupError::Http(error.to_string()))?;
        let plain = reqwest::Client::builder()
            .timeout(Duration::from_secs(REQUEST_SECS_MAX * 6))
            .redirect(reqwest::redirect::Policy::limited(3))
            .build()
            .map_err(|error| SetupError::Http(error.to_string()))?;
        Ok(Self {
            octocrab,
            api: settings.api_url.clone(),
            graphql: settings.graphql_url.clone(),
            key: AppKey::new(settings)?,
            clock,
            tokens: Tokens::default(),
            budget: Budget::default(),
            plain,
        })
    }

    pub(super) fn app_id(&self) -> u64 {
        self.key.app_id()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.api.as_str().trim_end_matches('/'))
    }

    /// A call as the App itself.
    pub(super) async fn as_app(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ForgeError> {
        let token = self.key.token(self.clock.now()).map_err(ForgeError::NoAccess)?;
        let answer = self.send(method, &self.url(path), body, &token).await?;
        sorted(answer, self.clock.now())
    }

    /// A call on a repository.
    pub(super) async fn call(
        &self,
        who: As<'_>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ForgeError> {
        let url = self.url(&format!("/repos/{}{path}", who.repo.slug));
        self.as_installation(who, method, &url, body).await
    }

    /// Reads JSON of a repository.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        repo: &Repo,
        path: &str,
    ) -> Result<T, ForgeError> {
        self.call(As::reader(repo), Method::GET, path, None).await?.json()
    }

    /// Reads every page of a listing that is an array, or an object with the array under `key`.
    pub(super) async fn pages<T: DeserializeOwned>(
        &self,
        repo: &Repo,
        path: &str,
        key: Option<&str>,
    ) -> Result<Vec<T>, ForgeError> {
        let mut all = Vec::new();
        for page in 1..=PAGES_MAX {
            let sign = if path.contains('?') { '&' } else { '?' };
            let paged = format!("{path}{sign}per_page=100&page={page}");
            let mut value: Value = self.get(repo, &paged).await?;
            let list = match key {
                Some(key) => value.get_mut(key).map(Value::take).unwrap_or_default(),
                None => value,
            };
            let Value::Array(list) = list else {
                return Err(ForgeError::Unreadable(format!("{path} is not a list")));
            };
            let last = list.len() < 100;
            for entry in list {
                // One entry that we cannot read must not hide the others.
                match serde_json::from_value(entry) {
                    Ok(entry) => all.push(entry),
                    Err(error) => tracing::warn!(path, %error, "an entry was left out"),
                }
            }
            if last {
                break;
            }
        }
        Ok(all)
    }

    /// A GraphQL operation; its `data`.
    pub(super) async fn graphql(
        &self,
        who: As<'_>,
        query: &str,
        variables: Value,
    ) -> Result<Value, ForgeError> {
        let body = json!({ "query": query, "variables": variables });
        let url = self.graphql.as_str().to_owned();
        let answer = self.as_installation(who, Method::POST, &url, Some(&body)).await?;
        let answer: GraphqlAnswer = answer.json()?;
        if let Some(error) = answer.errors.first() {
            let message = bounded(&error.message);
            return Err(match error.kind.as_deref() {
                Some("RATE_LIMITED") => {
                    let now = self.clock.now();
                    let until = now.plus_ms(LIMIT_MS);
                    self.budget.block(who.repo.installation, until, now);
                    ForgeError::RateLimited { until }
                }
                Some("NOT_FOUND") => ForgeError::NotFound(message),
                _ => ForgeError::Refused { status: 200, message },
            });
        }
        answer.data.ok_or_else(|| ForgeError::Unreadable("an answer without data".to_owned()))
    }

    async fn as_installation(
        &self,
        who: As<'_>,
        method: Method,
        url: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ForgeError> {
        let installation = who.repo.installation;
        if let Some(until) = self.budget.pay(installation, who.cost, self.clock.now()) {
            return Err(ForgeError::RateLimited { until });
        }
        let token = self.token(who).await?;
        let mut answer = self.send(method.clone(), url, body, &token).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            self.forget(who).await; // revoked early; a refused call did nothing and may be repeated
            let token = self.token(who).await?;
            answer = self.send(method, url, body, &token).await?;
        }
        let sorted = sorted(answer, self.clock.now());
        if let Err(ForgeError::RateLimited { until }) = &sorted {
            self.budget.block(installation, *until, self.clock.now());
        }
        sorted
    }

    async fn token(&self, who: As<'_>) -> Result<SecretString, ForgeError> {
        let slot = self.tokens.slot(key_of(who));
        let mut known = slot.lock().await;
        if let Some(token) = known.as_ref().filter(|token| token.is_good(self.clock.now())) {
            return Ok(token.secret.clone());
        }
        let path = format!("/app/installations/{}/access_tokens", who.repo.installation);
        let body = json!({
            "repository_ids": [who.repo.id.get()],
            "permissions": who.purpose.permissions(),
        });
        let answer: TokenAnswer = match self.as_app(Method::POST, &path, Some(&body)).await {
            Ok(answer) => answer.json()?,
            Err(ForgeError::NotFound(what) | ForgeError::Expired(what)) => {
                return Err(ForgeError::NoAccess(what));
            }
            Err(ForgeError::Refused { message, .. }) => {
                return Err(ForgeError::NoAccess(message));
            }
            // About us and not about what was asked: an operator can mend it, so it is waited for.
            Err(ForgeError::NoAccess(why)) => {
                return Err(ForgeError::Unavailable(format!("{SIGNATURE_REFUSED}: {why}")));
            }
            Err(error) => return Err(error),
        };
        let until = super::types::moment(&answer.expires_at)?;
        *known = Some(Token { secret: answer.token.clone(), until });
        Ok(answer.token)
    }

    async fn forget(&self, who: As<'_>) {
        *self.tokens.slot(key_of(who)).lock().await = None;
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        body: Option<&Value>,
        token: &SecretString,
    ) -> Result<Answer, ForgeError> {
        let is_read = method == Method::GET;
        match self.send_once(&method, url, body, token).await {
            Err(ForgeError::Unavailable(_)) if is_read => {
                self.send_once(&method, url, body, token).await
            }
            other => other,
        }
    }

    async fn send_once(
        &self,
        method: &Method,
        url: &str,
        body: Option<&Value>,
        token: &SecretString,
    ) -> Result<Answer, ForgeError> {
        let trouble =
            |error: &dyn std::fmt::Display| ForgeError::Unavailable(bounded(&error.to_string()));
        let text = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header(header::AUTHORIZATION, format!("Bearer {}", token.expose_secret()))
            .header(header::ACCEPT, "application/vnd.github+json")
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-github-api-version", API_VERSION)
            .body(text)
            .map_err(|error| trouble(&error))?;
        let limit = Duration::from_secs(REQUEST_SECS_MAX);
        let response = tokio::time::timeout(limit, self.octocrab.execute(request))
            .await
            .map_err(|_| ForgeError::Unavailable("no answer in time".to_owned()))?
            .map_err(|error| trouble(&error))?;
        let (parts, body) = response.into_parts();
        let body = tokio::time::timeout(limit, Limited::new(body, ANSWER_BYTES_MAX).collect())
            .await
            .map_err(|_| ForgeError::Unavailable("no whole answer in time".to_owned()))?
            .map_err(|error| trouble(&error))?
            .to_bytes();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }
}

fn key_of(who: As<'_>) -> TokenKey {
    TokenKey { installation: who.repo.installation, repo: who.repo.id, purpose: who.purpose }
}
