//! Bodies: taken whole, each within its own limit, and all that are held within one for all.
//!
//! A body must be whole before its signature can be checked, so strangers can make us hold bytes:
//! never more than [`DoorLimits`] says, and never for longer. A body has its place from before its
//! first byte is read until the request is answered; one that does not say its size takes the place
//! of the largest. Ordinary bodies and large ones wait in two queues, so a flood of large ones holds
//! up no webhook of the usual size.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use axum::{Extension, Json};
use bytes::BytesMut;
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Problem;
use super::limits::{DoorLimits, ORDINARY_BYTES_MAX};

/// In what pieces large bodies are held.
const BLOCK_BYTES: usize = 64 * 1024;

/// What all bodies share.
#[derive(Debug, Clone)]
pub(super) struct Room {
    ordinary: Arc<Semaphore>,
    large: Arc<Semaphore>,
    limits: DoorLimits,
}

impl Room {
    pub(super) fn new(limits: DoorLimits) -> Self {
        Self {
            ordinary: Arc::new(Semaphore::new(limits.ordinary_bytes)),
            large: Arc::new(Semaphore::new(limits.large_bytes)),
            limits,
        }
    }

    /// A place for that many bytes, or the word to come again.
    async fn place(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let room = if bytes <= ORDINARY_BYTES_MAX { &self.ordinary } else { &self.large };
        let busy = || Problem::later("too many bodies are on their way; send it again");
        let count = u32::try_from(bytes).map_err(|_| busy())?;
        match timeout(self.limits.room, Arc::clone(room).acquire_many_owned(count)).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }
}

/// The most that a body of a route may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct BytesMax(pub usize);

/// A body as it came, and its place; whoever answers keeps both until then.
///
/// It lies in blocks of [`BLOCK_BYTES`], or in one where it said that it is ordinary. Strangers can
/// send bodies of the largest size, and an allocator that has once given that much in one piece to
/// each of its threads keeps it; what is small it gives back.
#[derive(Debug)]
pub(super) struct Whole {
    blocks: Vec<Bytes>,
    place: OwnedSemaphorePermit,
}

impl Whole {
    /// The bytes, in their order.
    pub(super) fn blocks(&self) -> &[Bytes] {
        &self.blocks
    }

    /// The bytes in one piece: only of what is known to be somebody's whom we trust so far.
    pub(super) fn joined(self) -> (Bytes, OwnedSemaphorePermit) {
        let mut blocks = self.blocks;
        let bytes = match blocks.len() {
            0 => Bytes::new(),
            1 => blocks.swap_remove(0),
            _ => {
                let mut whole = BytesMut::with_capacity(blocks.iter().map(Bytes::len).sum());
                for block in blocks {
                    whole.extend_from_slice(&block);
                }
                whole.freeze()
            }
        };
        (bytes, self.place)
    }
}

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let extensions = request.extensions();
        let room = extensions.get::<Room>().cloned();
        let room = room.expect("invariant: every route with a body has the layers of `bounded`");
        let BytesMax(most) =
            *extensions.get().expect("invariant: every route with a body has its own limit");
        let body = request.into_body();
        let exact = body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
        let place = room.place(exact.unwrap_or(most).min(most)).await?;
        let block = exact.filter(|bytes| *bytes <= ORDINARY_BYTES_MAX).unwrap_or(BLOCK_BYTES);
        let blocks = timeout(room.limits.body, read(body, block, most))
            .await
            .map_err(|_| too_slow(room.limits.body))??;
        Ok(Self { blocks, place })
    }
}

fn too_slow(limit: Duration) -> Problem {
    let detail = format!("the body took longer than {} seconds; send it again", limit.as_secs());
    Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
}

/// The whole body in blocks of one size; however small the pieces are in which it comes.
async fn read(mut body: Body, block: usize, most: usize) -> Result<Vec<Bytes>, Problem> {
    let (mut blocks, mut open) = (Vec::new(), BytesMut::with_capacity(block));
    let mut total = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Problem::new(StatusCode::BAD_REQUEST, "the body broke off before its end")
        })?;
        let Ok(mut piece) = frame.into_data() else { continue };
        total += piece.len();
        if total > most {
            return Err(too_large(&format!("the body has more than {most} bytes")));
        }
        while !piece.is_empty() {
            if open.len() == block {
                let full = std::mem::replace(&mut open, BytesMut::with_capacity(block));
                blocks.push(full.freeze());
            }
            let fits = piece.split_to(piece.len().min(block - open.len()));
            open.extend_from_slice(&fits);
        }
    }
    blocks.push(open.freeze());
    Ok(blocks)
}

fn too_large(detail: &str) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

/// What somebody tells us in JSON; what cannot be read is a [`Problem`].
#[derive(Debug)]
pub(super) struct Told<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Told<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let headers = Request::from_parts(parts.clone(), body);
        let (bytes, _place) = Whole::from_request(headers, state).await?.joined();
        let request = Request::from_parts(parts, Body::from(bytes));
        let Json(told) = Json::from_request(request, state).await?;
        Ok(Self(told))
    }
}

impl From<JsonRejection> for Problem {
    fn from(error: JsonRejection) -> Self {
        Self::new(error.status(), error.body_text())
    }
}

/// Refuses a body that says itself that it has more than its route allows, before any of it is
/// awaited. One that does not say so, or lies, meets the limit while it is read.
pub(super) async fn as_announced(
    Extension(BytesMax(most)): Extension<BytesMax>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let announced = request.body().size_hint().lower();
    if usize::try_from(announced).is_ok_and(|bytes| bytes <= most) {
        return Ok(next.run(request).await);
    }
    Err(too_large(&format!("the body has {announced} bytes; {most} are allowed")))
}
