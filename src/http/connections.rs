//! Connections: what stands between a socket and the router.
//!
//! HTTP/1.1 and nothing else: a proxy with TLS stands before us and speaks the rest. A connection
//! costs its opener nothing, so it must not cost us much: who sends a head too slowly, takes an
//! answer too slowly, or says nothing for long, is cut. At most so many are open; where more want
//! to, those at rest are closed and those at work are the last of their connection, and the others
//! wait in the kernel's queue until there is a place.
//!
//! A connection that becomes a WebSocket leaves its place and keeps the limit on how slowly it may be
//! taken from; how many of those there are is limited by who serves them (`live`).
//!
//! Not here: what a request says, and how long its body and its answer may take (`bodies`, `http`).
//!
//! Races: a connection is closed while its next request is on the way. A client is told before
//! (`Connection: close`) where that can be; only at rest, when it is crowded, it cannot.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tower::ServiceExt as _;

use super::limits::{DoorLimits, HEAD_BYTES_MAX};
use crate::domain::chain::Chain;

/// How long no connection is taken when the machine has none to give: files run out for moments.
const EXHAUSTED: Duration = Duration::from_secs(1);

/// What connections are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// Nothing.
    Stay,
    /// Others wait for a place: leave when nothing is under way.
    Crowded,
    /// Finish what is under way, and leave.
    End,
}

/// Answers requests until told to stop, then finishes those that are under way.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: DoorLimits,
    until: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let word = watch::Sender::new(Word::Stay);
    let mut until = pin!(until);
    loop {
        // First somebody, then a place: nobody is asked to leave before anybody waits.
        let next = async {
            let stream = accepted(&listener).await;
            Some((place(&places, &word).await?, stream))
        };
        let (place, stream) = tokio::select! {
            Some(next) = next => next,
            () = &mut until => break,
        };
        let router = router.clone();
        let told = word.subscribe();
        tokio::spawn(async move {
            connection(stream, router, limits, told).await;
            drop(place);
        });
    }
    drop(listener);
    word.send_replace(Word::End);
    // All places are free again when every connection has ended.
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let _ = places.acquire_many(all).await; // it is never closed
}

/// A place for one connection; where there is none, those at rest are asked to leave.
async fn place(
    places: &Arc<Semaphore>,
    word: &watch::Sender<Word>,
) -> Option<OwnedSemaphorePermit> {
    let say = |new: Word| word.send_if_modified(|old| std::mem::replace(old, new) != new);
    if let Ok(place) = Arc::clone(places).try_acquire_owned() {
        say(Word::Stay);
        return Some(place);
    }
    if say(Word::Crowded) {
        tracing::warn!("as many connections are open as may be; the next one waits");
    }
    Arc::clone(places).acquire_owned().await.ok()
}

async fn accepted(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // A piece of a stream must not wait for the peer's word on the piece before it: with
                // delayed acknowledgements that is 40 ms. It fails only where the peer has gone.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) if is_the_peers(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be taken; it is tried again");
                sleep(EXHAUSTED).await;
            }
        }
    }
}

/// Whether a connection was given up before it was taken.
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Answers the requests of one connection, one after the other.
async fn connection(
    stream: TcpStream,
    router: Router,
    limits: DoorLimits,
    mut told: watch::Receiver<Word>,
) {
    let turns = Arc::new(Turns::default());
    let turn = Arc::clone(&turns);
    let paced =
        Paced { stream, turns: turn, limits, seen: 0, begun: None, head: None, stuck: None };
    let (counted, last) = (Arc::clone(&turns), told.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let (router, turns, last) = (router.clone(), Arc::clone(&counted), last.clone());
        async move {
            turns.next();
            let answered = router.oneshot(request.map(Body::new)).await;
            // What has become something else is no request's turn any more, and has no next head.
            if answered.as_ref().is_ok_and(|answer| !is_upgrade(answer)) {
                turns.next();
            }
            let is_last = *last.borrow() != Word::Stay;
            answered.map(
                |answer| {
                    if is_last && !is_upgrade(&answer) { closing(answer) } else { answer }
                },
            )
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).max_buf_size(HEAD_BYTES_MAX).header_read_timeout(limits.rest);
    let mut served = pin!(builder.serve_connection(TokioIo::new(paced), service).with_upgrades());
    loop {
        let heard = tokio::select! {
            ended = served.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(error = %Chain(&error), "connection ended");
                }
                return;
            }
            heard = told.changed() => heard,
        };
        let word = if heard.is_ok() { *told.borrow_and_update() } else { Word::End };
        let leaves = match word {
            Word::Stay => false,
            Word::Crowded => turns.are_at_rest(),
            Word::End => true,
        };
        if leaves {
            served.as_mut().graceful_shutdown();
        }
        if heard.is_err() {
            let _ = served.as_mut().await; // nobody is left to say more, nor to hear how it ended
            return;
        }
    }
}

/// Whether a connection is something else than HTTP after this answer.
fn is_upgrade(answer: &Response) -> bool {
    answer.status() == StatusCode::SWITCHING_PROTOCOLS
}

/// An answer that is the last of its connection, and says so.
fn closing(mut answer: Response) -> Response {
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// Whose turn it is on a connection: even while the peer's next request is awaited, odd while one is
/// answered.
#[derive(Debug, Default)]
struct Turns(AtomicU64);

impl Turns {
    fn next(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether something was answered and nothing is being answered.
    fn are_at_rest(&self) -> bool {
        let now = self.now();
        now > 0 && now.is_multiple_of(2)
    }
}

/// A socket whose other end must keep pace.
#[derive(Debug)]
struct Paced {
    stream: TcpStream,
    turns: Arc<Turns>,
    limits: DoorLimits,
    /// The turn that `begun` and `head` are of.
    seen: u64,
    /// When the head of the next request began to come; `None` before its first byte.
    begun: Option<Instant>,
    /// When it must have come; `None` while it may have come with its first bytes, as most do.
    head: Option<Pin<Box<Sleep>>>,
    /// When some of the answer must have been taken; `None` while nothing is held up.
    stuck: Option<Pin<Box<Sleep>>>,
}

/// What a socket did, unless its time is over.
fn in_time<T>(
    cx: &mut Context<'_>,
    limit: Option<&mut Pin<Box<Sleep>>>,
    done: Poll<io::Result<T>>,
) -> Poll<io::Result<T>> {
    let is_over = limit.is_some_and(|limit| limit.as_mut().poll(cx).is_ready());
    if is_over { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { done }
}

impl Paced {
    /// What became of a write, unless nothing was taken for too long.
    fn taken<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.stuck = None;
            return done;
        }
        let limit = self.limits.answer;
        in_time(cx, Some(self.stuck.get_or_insert_with(|| Box::pin(sleep(limit)))), done)
    }
}

impl AsyncRead for Paced {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let turn = this.turns.now();
        if turn != this.seen {
            (this.seen, this.begun, this.head) = (turn, None, None);
        }
        let had = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        if !turn.is_multiple_of(2) {
            return read; // a body; the request has its own limit
        }
        if this.begun.is_none() && (turn == 0 || buf.filled().len() > had) {
            this.begun = Some(Instant::now());
            if read.is_ready() {
                return read;
            }
        }
        if let (None, Some(begun)) = (&this.head, this.begun) {
            this.head = Some(Box::pin(sleep_until(begun + this.limits.head)));
        }
        in_time(cx, this.head.as_mut(), read)
    }
}

impl AsyncWrite for Paced {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.taken(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, pieces);
        this.taken(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
