//! The runner's end of the model gateway: the socket that a sandboxed agent's model calls arrive at.
//!
//! The agent has no network and no key. What it asks a model comes through the bridge to a socket
//! here, and goes on to the server's gateway with the attempt's own token, which the agent never
//! sees either. Requests and answers are passed on as they are, piece by piece; of their headers only
//! those named here. Which model may be asked, what it costs and when it is enough is decided by the
//! server; here it is only noted how the last call went ([`ModelEnd::last`]), because an agent that
//! fails when its provider is down has not failed, and whether the server has refused it for good
//! ([`ModelEnd::is_refused`]), because not every agent stops at that by itself.
//!
//! Without a server, as in `selfheal heal`, the same socket leads to the provider itself, with the
//! key of whoever runs it.

mod call;
mod ending;
mod last;
mod stop;

use std::future::ready;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::UnixListener;
use url::Url;

pub use self::call::Call;
use self::call::{REFUSED, failed};
use self::ending::Ending;
use self::last::Last;
use self::stop::{Question, Stop};
use super::server::ServerError;
use crate::domain::model::Provider;

/// The largest question: a million tokens of text and the pictures between them.
const QUESTION_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The longest silence of a model: longer than any provider keeps a stream open without a sign.
const SILENCE_SECS_MAX: u64 = 600;

/// The longest that a connection may take to come about.
const CONNECT_SECS_MAX: u64 = 10;

/// By which a client of OpenAI's and Anthropic's makes knows that asking again is no use.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Headers of a question that go on; never one that holds a credential.
const UP: [HeaderName; 7] = [
    header::CONTENT_TYPE,
    header::ACCEPT,
    header::USER_AGENT,
    HeaderName::from_static("anthropic-version"),
    HeaderName::from_static("anthropic-beta"),
    HeaderName::from_static("openai-beta"),
    HeaderName::from_static("x-goog-api-client"),
];

/// Headers of an answer that go back.
const DOWN: [HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::RETRY_AFTER,
    SHOULD_RETRY,
    REFUSED,
    HeaderName::from_static("request-id"),
    HeaderName::from_static("x-request-id"),
];

/// Where model calls go.
#[derive(Debug, Clone)]
pub enum Upstream {
    /// The server's gateway.
    Gateway {
        /// `…/model/{attempt}`, without a slash at the end.
        base: String,
        /// The token of the attempt.
        token: SecretString,
    },
    /// The providers themselves.
    Providers(Vec<OwnProvider>),
}

/// A provider with a key of one's own.
#[derive(Debug, Clone)]
pub struct OwnProvider {
    /// Which one.
    pub provider: Provider,
    /// Its base URL, as its own documentation has it, without the version: `https://api.openai.com`.
    pub base: Url,
    /// The key, where it wants one.
    pub key: Option<SecretString>,
}

/// The socket, open for as long as this value lives.
#[derive(Debug)]
pub struct ModelEnd {
    dir: tempfile::TempDir,
    bridge: PathBuf,
    shared: Arc<Shared>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for ModelEnd {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[derive(Debug)]
struct Shared {
    http: reqwest::Client,
    upstream: Upstream,
    last: Mutex<Last>,
    stop: Mutex<Stop>,
}

impl ModelEnd {
    /// Opens the socket; `bridge` is the program of ours that carries bytes to it.
    ///
    /// # Errors
    /// When no socket can be made.
    pub fn open(upstream: Upstream, bridge: PathBuf) -> Result<Self, ModelEndError> {
        // A socket's path may have a hundred characters, so it is not made where the work is.
        let dir = tempfile::Builder::new().prefix("sh-").tempdir()?;
        let listener = UnixListener::bind(dir.path().join(SOCKET))?;
        let http = client().map_err(|error| ServerError::Unreachable(error.to_string()))?;
        let shared =
            Arc::new(Shared { http, upstream, last: Mutex::default(), stop: Mutex::default() });
        let router = Router::new().fallback(passed_on).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(error = %error, "model calls are not taken any more");
            }
        });
        Ok(Self { dir, bridge, shared, serving })
    }

    /// The socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join(SOCKET)
    }

    /// The program that carries bytes to it.
    pub fn bridge(&self) -> &Path {
        &self.bridge
    }

    /// Another agent begins, that was told to use a model: what came of the calls of the one before is
    /// none of its own.
    pub fn begins(&self, model: Option<&str>) {
        *self.shared.last() = Last::default();
        *self.shared.stop() = Stop::of(model);
    }

    /// Whether the gateway has refused the agent for good: it gets no answer any more.
    pub fn is_refused(&self) -> bool {
        self.shared.stop().is_for_good()
    }

    /// How the last call went, if there was one since this was asked. One that is under way counts when
    /// the model has fallen silent in it.
    pub fn last(&self) -> Option<Call> {
        let mut last = std::mem::take(&mut *self.shared.last());
        last.left(Instant::now());
        last.call
    }
}

/// Why there is no way to a model.
#[derive(Debug, thiserror::Error)]
pub enum ModelEndError {
    /// The socket could not be made.
    #[error("no socket for model calls could be made")]
    Socket(#[from] std::io::Error),
    /// This machine cannot do TLS.
    #[error(transparent)]
    Client(#[from] ServerError),
}

const SOCKET: &str = "model";

fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .user_agent(concat!("selfheal-runner/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(CONNECT_SECS_MAX))
        .read_timeout(Duration::from_secs(SILENCE_SECS_MAX))
        // The bytes of the answer are passed on as they are.
        .no_gzip()
        .build()
}

impl Shared {
    fn last(&self) -> MutexGuard<'_, Last> {
        lock(&self.last)
    }

    fn stop(&self) -> MutexGuard<'_, Stop> {
        lock(&self.stop)
    }

    fn note(&self, call: Call) {
        *self.last() = Last { call: Some(call), heard: None };
    }

    fn refused(&self, why: &str, words: &str) -> Response {
        self.note(Call::Refused { why: why.to_owned(), words: words.to_owned() });
        // So that no client asks again.
        let answer = (StatusCode::NOT_FOUND, axum::Json(own_words(words)));
        ([(SHOULD_RETRY, "false")], answer).into_response()
    }

    /// The address and the credential of a call; `None` when it leads nowhere.
    fn way(&self, path: &str) -> Option<(String, HeaderMap)> {
        let (name, rest) = path.trim_start_matches('/').split_once('/')?;
        let provider = Provider::parse(name)?;
        let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
        let is_path = |c: char| c.is_ascii_alphanumeric() || "-_.:/@".contains(c);
        if !rest.chars().all(is_path) || !rest.split('/').all(is_plain) {
            return None;
        }
        match &self.upstream {
            Upstream::Gateway { base, token } => {
                let credential = credential(Provider::OpenAi, token);
                Some((format!("{base}/{}/{rest}", provider.as_str()), credential))
            }
            Upstream::Providers(own) => {
                let own = own.iter().find(|own| own.provider == provider)?;
                let base = own.base.as_str().trim_end_matches('/');
                let credential = own.key.as_ref().map(|key| credential(provider, key));
                Some((format!("{base}/{rest}"), credential.unwrap_or_default()))
            }
        }
    }
}

/// A call that is under way; with this value its end is noted, whoever ends it.
struct Waiting(Arc<Shared>);

impl Waiting {
    /// The call is begun, or something was heard of it.
    fn heard(&self) {
        self.0.last().heard = Some(Instant::now());
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.last().left(Instant::now());
    }
}

/// A key in the header in which its provider wants it.
fn credential(provider: Provider, key: &SecretString) -> HeaderMap {
    let (name, value) = provider.credential(key.expose_secret());
    let mut headers = HeaderMap::new();
    if let Ok(mut value) = HeaderValue::from_str(&value) {
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    headers
}

/// Words of our own, in a form that every client shows.
fn own_words(words: &str) -> serde_json::Value {
    let error = serde_json::json!({ "type": "api_error", "message": words });
    serde_json::json!({ "type": "error", "error": error })
}

/// What is kept behind a lock; a panic of another thread leaves it as it was.
fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn passed_on(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    if let Some((call, answer)) = shared.stop().answer() {
        shared.note(call);
        return answer;
    }
    let (parts, body) = request.into_parts();
    let Some((mut url, mut headers)) = shared.way(parts.uri.path()) else {
        return shared.refused("path", "there is no model at this address");
    };
    // Providers' keys stand in queries, too; none of ours does, and the agent's is no key.
    if parts.uri.query().is_some_and(|query| query.split('&').any(|part| part == "alt=sse")) {
        url.push_str("?alt=sse");
    }
    if !matches!(parts.method, Method::POST | Method::GET) {
        return shared.refused("path", "models are asked by POST");
    }
    let Ok(question) = axum::body::to_bytes(body, QUESTION_BYTES_MAX).await else {
        return shared.refused("size", "the question is larger than 32 MB, or was cut off");
    };
    for name in UP {
        if let Some(value) = parts.headers.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    let asked = shared.http.request(parts.method, &url).headers(headers).body(question.clone());
    let waiting = Waiting(Arc::clone(&shared));
    waiting.heard();
    match asked.send().await {
        Ok(answer) => answered(waiting, (parts.uri.path(), question), answer).await,
        // Without the address, which is nobody's business inside.
        Err(error) => {
            failing(&shared, format!("the model cannot be reached: {}", error.without_url()))
        }
    }
}

/// The provider, or the way to it, fails without a word of its own.
fn failing(shared: &Shared, words: String) -> Response {
    let body = Bytes::from(own_words(&words).to_string());
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let json = HeaderValue::from_static("application/json");
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
    let call = Call::Trouble(words);
    shared.stop().fails(&call, (status, &headers, &body), Instant::now());
    shared.note(call);
    (status, headers, body).into_response()
}

/// Passes an answer to a question on, and notes how the call went.
async fn answered(
    waiting: Waiting,
    (path, question): (&str, Bytes),
    answer: reqwest::Response,
) -> Response {
    let shared = Arc::clone(&waiting.0);
    let status = answer.status();
    let kept = |name: &HeaderName| Some((name.clone(), answer.headers().get(name)?.clone()));
    let headers: HeaderMap = DOWN.iter().filter_map(kept).collect();
    if !status.is_success() {
        let bytes = answer.bytes().await.unwrap_or_default();
        let call = failed(status, &headers, &bytes);
        let told = (status, &headers, &bytes);
        match call {
            Call::Refused { .. } => {
                shared.stop().hears(&call, Question::new(path, &question), told);
            }
            Call::Trouble(_) | Call::Rejected(_) => {
                shared.stop().fails(&call, told, Instant::now());
            }
            Call::Answered => {}
        }
        shared.note(call);
        return (status, headers, bytes).into_response();
    }
    waiting.heard();
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_stream = kind.is_some_and(|kind| kind.starts_with("text/event-stream"));
    let has_end = is_stream || ending::is_told_whole(path);
    let ending = Arc::new(Mutex::new(has_end.then(Ending::default)));
    let passing = Arc::clone(&ending);
    let pieces = answer.bytes_stream().inspect(move |piece| match piece {
        Ok(piece) => {
            waiting.heard();
            if let Some(ending) = lock(&passing).as_mut() {
                ending.passes(piece);
            }
        }
        Err(error) => {
            failing(&waiting.0, format!("the model's answer broke off: {error}"));
        }
    });
    // Says nothing; it is only reached when everything was passed on.
    let end = stream::once(async move {
        if lock(&ending).as_ref().is_some_and(|ending| !ending.came()) {
            failing(&shared, "the model's answer has no end".to_owned());
        } else {
            shared.stop().hears_an_answer();
            shared.note(Call::Answered);
        }
    });
    let end = end.filter_map(|()| ready(None));
    (status, headers, Body::from_stream(pieces.chain(end))).into_response()
}
