//! The server over HTTP.
//!
//! Every question can be asked again: admission with a new identity, the rest because the server
//! records each report once. So what fails on the way, and what the server says to try later, is
//! tried again with growing pauses; what it refuses is not. 409 and 410 say that the attempt is over.
//! Redirects are not followed: the token is for this server alone.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::identity::Credentials;
use super::{Server, ServerError};
use crate::domain::brief::{Admission, Brief, Identity, Instruction, StageReport};
use crate::domain::checkpoint::Checkpoint;
use crate::domain::ids::AttemptId;
use crate::domain::inputs::Prompt;
use crate::domain::live::{EventBatch, EventsTaken};
use crate::domain::outcome::Outcome;
use crate::runner::live::Ear;
use crate::runner::model::Upstream;

/// How often a question is asked before the server counts as unreachable: together about a minute
/// and a half, longer than a deployment takes.
const TRIES_MAX: u32 = 8;

/// The first pause between two tries; each further one is twice as long.
const PAUSE_MS: u64 = 400;

/// The longest pause, also when the server asks for more.
const PAUSE_MS_MAX: u64 = 30_000;

/// The longest that one question may take: a patch of eight megabytes over a slow line.
const REQUEST_SECS_MAX: u64 = 90;

/// The longest that one checkpoint may take: the next one says more.
const CHECKPOINT_SECS_MAX: u64 = 30;

/// The longest that a connection may take to come about.
const CONNECT_SECS_MAX: u64 = 10;

/// The longest that a batch of events may take: what takes longer is better told again.
const EVENTS_SECS_MAX: u64 = 15;

/// How much of a refusal's reason is kept.
const DETAIL_CHARS_MAX: usize = 400;

/// The server of one attempt, with the token for it.
#[derive(Debug, Clone)]
pub struct RemoteServer {
    http: Client,
    base: String,
    token: SecretString,
    heartbeat: Duration,
}

/// A client for one server.
///
/// # Errors
/// [`ServerError::Unreachable`] when this machine cannot do TLS.
pub fn client() -> Result<Client, ServerError> {
    Client::builder()
        .user_agent(concat!("selfheal-runner/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(CONNECT_SECS_MAX))
        .timeout(Duration::from_secs(REQUEST_SECS_MAX))
        .build()
        .map_err(|error| ServerError::Unreachable(error.to_string()))
}

impl RemoteServer {
    /// Shows who this is and gets the token for the attempt.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub async fn admitted(
        http: Client,
        server: &Url,
        attempt: AttemptId,
        credentials: &Credentials,
    ) -> Result<Self, ServerError> {
        let server = server.as_str().trim_end_matches('/').to_owned();
        let base = format!("{server}/runner/v1/attempts/{attempt}");
        let url = format!("{base}/admission");
        let what = "admission";
        let answer = tries(|| async {
            let identity: Identity = credentials
                .identity(&http, &server)
                .await
                .map_err(|error| Try::Again(error.to_string(), None))?;
            sent(http.post(&url).json(&identity)).await
        })
        .await?;
        let admission: Admission = read(what, &answer)?;
        let heartbeat = Duration::from_secs(admission.heartbeat_secs.max(1));
        Ok(Self { http, base, token: admission.token.into(), heartbeat })
    }

    /// The way to models through the server's gateway, with the same token.
    pub fn gateway(&self) -> Upstream {
        let base = self.base.replacen("/runner/v1/attempts/", "/model/", 1);
        Upstream::Gateway { base, token: self.token.clone() }
    }

    /// The token, so that it can be kept out of what is told.
    pub fn token(&self) -> &str {
        self.token.expose_secret()
    }

    /// How often the server wants to hear of the runner.
    pub const fn heartbeat_every(&self) -> Duration {
        self.heartbeat
    }

    async fn ask<B: Serialize + Sync, A: DeserializeOwned>(
        &self,
        method: Method,
        what: &'static str,
        body: Option<&B>,
    ) -> Result<A, ServerError> {
        let url = format!("{}/{what}", self.base);
        let answer = tries(|| {
            let request =
                self.http.request(method.clone(), &url).bearer_auth(self.token.expose_secret());
            sent(match body {
                Some(body) => request.json(body),
                None => request,
            })
        })
        .await?;
        read(what, &answer)
    }
}

#[async_trait]
impl Server for RemoteServer {
    async fn brief(&self) -> Result<Brief, ServerError> {
        self.ask(Method::GET, "brief", None::<&()>).await
    }

    async fn heartbeat(&self) -> Result<Instruction, ServerError> {
        self.ask(Method::POST, "heartbeat", None::<&()>).await
    }

    async fn stage(&self, report: &StageReport) -> Result<Instruction, ServerError> {
        self.ask(Method::POST, "stages", Some(report)).await
    }

    fn keeps_checkpoints(&self) -> bool {
        true
    }

    async fn checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), ServerError> {
        let url = format!("{}/checkpoint", self.base);
        let request = self.http.put(url).bearer_auth(self.token.expose_secret()).json(checkpoint);
        once(request.timeout(Duration::from_secs(CHECKPOINT_SECS_MAX))).await.map(drop)
    }

    async fn prompt(&self, prompt: &Prompt) -> Result<(), ServerError> {
        self.ask::<_, Instruction>(Method::POST, "prompts", Some(prompt)).await.map(drop)
    }

    async fn outcome(&self, outcome: &Outcome) -> Result<Instruction, ServerError> {
        self.ask(Method::POST, "outcome", Some(outcome)).await
    }
}

#[async_trait]
impl Ear for RemoteServer {
    async fn tell(&self, batch: &EventBatch) -> Result<EventsTaken, ServerError> {
        let what = "events";
        let url = format!("{}/{what}", self.base);
        let request = self.http.post(url).bearer_auth(self.token.expose_secret()).json(batch);
        read(what, &once(request.timeout(Duration::from_secs(EVENTS_SECS_MAX))).await?)
    }
}

/// Why one try did not bring an answer.
enum Try {
    /// It is worth another, after the pause that the server asked for, if any.
    Again(String, Option<Duration>),
    /// It is not.
    Enough(ServerError),
}

/// Asks until there is an answer, a refusal, or no more tries.
async fn tries<F, T>(mut ask: F) -> Result<Vec<u8>, ServerError>
where
    F: FnMut() -> T,
    T: Future<Output = Result<Vec<u8>, Try>>,
{
    let mut last = String::new();
    for number in 0..TRIES_MAX {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(Try::Enough(error)) => return Err(error),
            Err(Try::Again(why, wanted)) => {
                tracing::info!(why, tries = number + 1, "the server is asked again");
                last = why;
                if number + 1 < TRIES_MAX {
                    tokio::time::sleep(pause(number, wanted)).await;
                }
            }
        }
    }
    Err(ServerError::Unreachable(last))
}

/// A pause that doubles, with jitter so that runners do not come back all at once.
fn pause(number: u32, wanted: Option<Duration>) -> Duration {
    let doubled = PAUSE_MS.saturating_mul(1 << number.min(16)).min(PAUSE_MS_MAX);
    let jittered = Duration::from_millis(doubled / 2 + rand::random_range(0..=doubled / 2));
    let longest = Duration::from_millis(PAUSE_MS_MAX);
    wanted.map_or(jittered, |wanted| wanted.min(longest).max(jittered))
}

/// Asks once, for whoever has something newer to say the next time.
async fn once(request: RequestBuilder) -> Result<Vec<u8>, ServerError> {
    sent(request).await.map_err(|failed| match failed {
        Try::Enough(error) => error,
        Try::Again(why, _) => ServerError::Unreachable(why),
    })
}

async fn sent(request: RequestBuilder) -> Result<Vec<u8>, Try> {
    // The URL names the attempt only, but errors are for logs, and logs are public.
    let again = |error: reqwest::Error| Try::Again(error.without_url().to_string(), None);
    let response = request.send().await.map_err(again)?;
    let status = response.status();
    if status.is_success() {
        return response.bytes().await.map(|bytes| bytes.to_vec()).map_err(again);
    }
    if matches!(status, StatusCode::GONE | StatusCode::CONFLICT) {
        return Err(Try::Enough(ServerError::Over));
    }
    let wanted = retry_after(&response);
    let detail = detail(response).await;
    if is_passing(status) {
        return Err(Try::Again(format!("{status}: {detail}"), wanted));
    }
    Err(Try::Enough(ServerError::Refused { status: status.as_u16(), detail }))
}

/// Whether the same request may be answered later.
pub(in crate::runner) fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    text.parse().ok().map(Duration::from_secs)
}

/// The reason in a problem's own words (RFC 9457), shortened.
async fn detail(response: Response) -> String {
    let text = response.text().await.unwrap_or_default();
    let problem: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    let said = problem.as_ref().and_then(|problem| problem.get("detail")?.as_str());
    said.unwrap_or(&text).chars().take(DETAIL_CHARS_MAX).collect()
}

fn read<A: DeserializeOwned>(what: &'static str, answer: &[u8]) -> Result<A, ServerError> {
    serde_json::from_slice(answer).map_err(|source| ServerError::Unreadable { what, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        for number in 0..40 {
            let pause = pause(number, None);
            assert!(pause <= Duration::from_millis(PAUSE_MS_MAX), "{number} {pause:?}");
        }
        assert!(pause(5, None) > pause(0, None));
        let asked = pause(0, Some(Duration::from_secs(7)));
        assert_eq!(asked, Duration::from_secs(7));
        let too_much = pause(0, Some(Duration::from_hours(2)));
        assert_eq!(too_much, Duration::from_millis(PAUSE_MS_MAX));
    }
}
