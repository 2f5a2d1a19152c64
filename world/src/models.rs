//! A provider of models that says what it is told: an HTTP server that answers each request with the
//! next answer that was scripted, piece by piece, and remembers what it was asked.
//!
//! A piece can wait until the test lets it go, so that what happens between two pieces is decided and
//! not awaited. Nothing here knows what the bytes mean.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use http_body_util::channel::Channel;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;

/// The largest request that is read: what the largest provider takes.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Pieces that wait to be written: one, so that a test sees when the reader is slow.
const PIECES_WAITING_MAX: usize = 1;

/// A provider on a port of its own; it ends with this value.
#[derive(Debug)]
pub struct ModelHost {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    scripted: Mutex<Scripted>,
    heard: Notify,
}

#[derive(Debug, Default)]
struct Scripted {
    next: VecDeque<Saying>,
    always: Option<Saying>,
    asked: Vec<Asked>,
}

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Saying {
    status: u16,
    headers: Vec<(&'static str, String)>,
    pieces: Vec<Bytes>,
    end: End,
    gate: Option<Arc<Semaphore>>,
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Whole,
    /// The connection breaks.
    Cut,
    /// It never does.
    Never,
}

impl Saying {
    /// An answer of that content type, in these pieces.
    pub fn new(kind: &str, pieces: &[impl AsRef<str>]) -> Self {
        let pieces = pieces.iter().map(|piece| Bytes::copy_from_slice(piece.as_ref().as_bytes()));
        Self {
            status: 200,
            headers: vec![("content-type", kind.to_owned())],
            pieces: pieces.collect(),
            end: End::Whole,
            gate: None,
        }
    }

    /// The same with another status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The same with another end.
    #[must_use]
    pub fn ends(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    /// The same, but each piece, and the end, waits for a permit of this gate.
    #[must_use]
    pub fn behind(mut self, gate: &Arc<Semaphore>) -> Self {
        self.gate = Some(Arc::clone(gate));
        self
    }
}

impl ModelHost {
    /// Starts a provider that was told nothing yet.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> io::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        // As providers do it: a piece goes out without waiting for the one before it.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true); // it fails only where the peer has gone
        });
        let server = tokio::spawn(async move {
            let served = axum::serve(listener, router).await;
            if let Err(error) = served {
                tracing::warn!(%error, "the provider of models ended");
            }
        });
        Ok(Self { address, shared, server })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// It is gone: nobody listens there any more.
    pub async fn stop(mut self) {
        self.server.abort();
        let _ = (&mut self.server).await; // it was ended, so it did not end well
    }

    /// It answers the next request with this; several in the order in which they were told.
    pub fn says(&self, saying: Saying) {
        self.shared.scripted().next.push_back(saying);
    }

    /// It answers every request with this for which it was told nothing else.
    pub fn always_says(&self, saying: Saying) {
        self.shared.scripted().always = Some(saying);
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.scripted().asked.clone()
    }

    /// Waits until it was asked so often.
    pub async fn was_asked(&self, times: usize) {
        loop {
            let heard = self.shared.heard.notified();
            if self.shared.scripted().asked.len() >= times {
                return;
            }
            heard.await;
        }
    }
}

impl Drop for ModelHost {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn scripted(&self) -> MutexGuard<'_, Scripted> {
        self.scripted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a request; what it is answered.
    fn next(&self, asked: Asked) -> Option<Saying> {
        let mut scripted = self.scripted();
        scripted.asked.push(asked);
        let next = scripted.next.pop_front();
        let next = next.or_else(|| scripted.always.clone());
        drop(scripted);
        self.heard.notify_waiters();
        next
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str()).to_owned();
    let asked = Asked { method: parts.method.to_string(), path, headers: parts.headers, body };
    let Some(saying) = shared.next(asked) else {
        let mut response = Response::new(Body::from("nobody said what to answer"));
        *response.status_mut() = StatusCode::NOT_IMPLEMENTED;
        return Ok(response);
    };
    let (mut pieces, body) = Channel::<Bytes, io::Error>::new(PIECES_WAITING_MAX);
    let mut response = Response::builder().status(saying.status);
    for (name, value) in &saying.headers {
        response = response.header(*name, value);
    }
    tokio::spawn(async move {
        for piece in saying.pieces {
            pass(saying.gate.as_deref()).await;
            if pieces.send_data(piece).await.is_err() {
                return; // the reader has gone
            }
        }
        match saying.end {
            End::Whole => pass(saying.gate.as_deref()).await,
            End::Never => std::future::pending().await,
            End::Cut => {
                pass(saying.gate.as_deref()).await;
                pieces.abort(io::ErrorKind::ConnectionReset.into());
            }
        }
    });
    let fallback = || Response::new(Body::from("the script has a header that is none"));
    Ok(response.body(Body::new(body)).unwrap_or_else(|_| fallback()))
}

/// Waits for a permit and uses it up.
async fn pass(gate: Option<&Semaphore>) {
    if let Some(gate) = gate
        && let Ok(permit) = gate.acquire().await
    {
        permit.forget();
    }
}
