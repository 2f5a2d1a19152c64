//! `/attempts/{id}…`: what happens in an attempt, for whoever has its link: a page, a stream of
//! server-sent events, a WebSocket.
//!
//! The key in the address is looked at first, and whatever is wrong is the same 404, so that nobody
//! learns which attempts there are. Streams are pulled: a connection that takes nothing is asked for
//! nothing, and is cut after [`DoorLimits::answer`](super::DoorLimits) like every other; what it did
//! not take it finds in the store when it comes again with the last number that it has seen.

pub mod page;
mod socket;

use std::convert::Infallible;

use axum::Json;
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream::unfold;
use serde::Deserialize;

use super::bodies::Told;
use super::problem::not_found;
use super::runner::asker;
use super::{Problem, Shared};
use crate::domain::chain::Chain;
use crate::domain::ids::AttemptId;
use crate::domain::live::{EventBatch, EventsTaken, Shows};
use crate::ports::ledger::Account;
use crate::service::Services;
use crate::service::live::{self, Closed, Ending, News, Reader, Shown};

/// How soon a browser comes again after a cut.
const AGAIN_MS: u32 = 1_000;

/// By which number a browser says what it has seen.
const LAST_EVENT_ID: &str = "last-event-id";

/// Keeps a connection alive, and means nothing.
const HEARTBEAT: Bytes = Bytes::from_static(b": \n\n");

#[derive(Debug, Deserialize)]
struct Asked {
    key: Option<String>,
    after: Option<String>,
    thinking: Option<String>,
}

/// Somebody whose link opens an attempt's events.
pub(super) struct Watcher {
    attempt: AttemptId,
    after: u64,
    shows: Shows,
}

impl FromRequestParts<Shared> for Watcher {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, services: &Shared) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, services).await;
        let asked = Query::<Asked>::from_request_parts(parts, services).await;
        let (Ok(Path(id)), Ok(Query(asked))) = (path, asked) else {
            return Err(not_found().await);
        };
        let now = services.clock.now();
        let opens = |attempt: &AttemptId| {
            let key = asked.key.as_deref().unwrap_or_default();
            services.live.opens(*attempt, key, now)
        };
        let Some(attempt) = AttemptId::parse(&id).ok().filter(opens) else {
            return Err(not_found().await);
        };
        let seen = parts.headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
        let seen = seen.filter(|seen| !seen.is_empty());
        let Ok(after) = seen.or(asked.after.as_deref()).unwrap_or("0").parse() else {
            let why = "`after` is the number of the last event that was seen";
            return Err(Problem::new(StatusCode::BAD_REQUEST, why));
        };
        let shows = match asked.thinking.as_deref() {
            Some("true") => Shows::Thinking,
            Some(_) | None => Shows::Plain,
        };
        Ok(Self { attempt, after, shows })
    }
}

impl Watcher {
    async fn reader(&self, services: &Services) -> Result<Reader, Problem> {
        match services.live.reader(self.attempt, self.after).await {
            Ok(Ok(reader)) => Ok(reader),
            Ok(Err(Closed::Nothing)) => Err(not_found().await),
            Ok(Err(Closed::Crowded)) => Err(Problem::later("as many are watching as may")),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "nobody can watch");
                Err(Problem::later("events cannot be read now"))
            }
        }
    }
}

/// The runner that tells, known by its token.
pub(super) struct Teller(Account);

impl FromRequestParts<Shared> for Teller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, services: &Shared) -> Result<Self, Problem> {
        let (attempt, token) = asker(parts, services).await?;
        Ok(Self(live::teller(services, attempt, &token).await?))
    }
}

pub(super) async fn tell(
    State(services): State<Shared>,
    Teller(account): Teller,
    Told(batch): Told<EventBatch>,
) -> Result<Json<EventsTaken>, Problem> {
    Ok(Json(live::tell(&services, &account, &batch).await?))
}

pub(super) async fn page(_: Watcher) -> Response {
    page::shown()
}

/// An event as both forms show it: its number, when it came, and what it says.
fn json(text: &mut Vec<u8>, event: Shown<'_>) {
    let Shown { number, at_ms, line } = event;
    let rest = line.strip_prefix('{').unwrap_or(line);
    text.extend_from_slice(format!("{{\"seq\":{number},\"at_ms\":{at_ms},{rest}").as_bytes());
}

fn framed(text: &mut Vec<u8>, event: Shown<'_>) {
    text.extend_from_slice(format!("id: {}\ndata: ", event.number).as_bytes());
    json(text, event);
    text.extend_from_slice(b"\n\n");
}

/// Where a stream is.
enum Streaming {
    Begins(Reader),
    Goes(Reader),
    Ended,
}

/// The events as a stream that ends when the attempt is over.
pub(super) async fn stream(
    State(services): State<Shared>,
    watcher: Watcher,
) -> Result<Response, Problem> {
    let reader = watcher.reader(&services).await?;
    let shows = watcher.shows;
    let pieces = unfold(Streaming::Begins(reader), move |at| async move {
        let (text, at) = match at {
            Streaming::Begins(reader) => {
                (Bytes::from(format!("retry: {AGAIN_MS}\n\n")), Streaming::Goes(reader))
            }
            Streaming::Goes(reader) => step(reader, shows).await,
            Streaming::Ended => return None,
        };
        Some((Ok::<_, Infallible>(text), at))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        // nginx would gather what is to be seen at once.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

async fn step(mut reader: Reader, shows: Shows) -> (Bytes, Streaming) {
    loop {
        let text = match reader.next().await {
            News::Events(piece) => piece.rendered(shows, framed),
            News::Quiet => HEARTBEAT,
            News::End(why) => return (ended(why), Streaming::Ended),
        };
        // A piece of thoughts alone shows nothing.
        if !text.is_empty() {
            return (text, Streaming::Goes(reader));
        }
    }
}

/// The last words of a stream; after all but the first of them a browser comes again by itself.
fn ended(why: Ending) -> Bytes {
    Bytes::from_static(match why {
        Ending::Over => b"event: end\ndata: {\"why\":\"over\"}\n\n",
        Ending::Stopping => b"event: cut\ndata: {\"why\":\"the server stops\"}\n\n",
        Ending::Trouble => b"event: cut\ndata: {\"why\":\"the store is not available\"}\n\n",
    })
}

/// The same as messages of a WebSocket.
pub(super) async fn socket(
    State(services): State<Shared>,
    watcher: Watcher,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = socket::asked(upgrade)?;
    let reader = watcher.reader(&services).await?;
    Ok(socket::telling(upgrade, reader, watcher.shows))
}
