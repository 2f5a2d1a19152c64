//! WebSockets: messages of text go out, nothing is heard but pings and the end.
//!
//! Messages are pulled from the reader one run at a time, so a peer that takes nothing has a run and
//! its frames held for it, and the connection's own limit cuts it. A peer has nothing to say: the
//! longest message that is taken is that of a control frame.

use std::time::Duration;

use axum::Error;
use axum::extract::ws::rejection::WebSocketUpgradeRejection as Refusal;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use futures_util::SinkExt as _;
use tokio::time::timeout;

use super::super::Problem;
use super::json;
use crate::domain::live::Shows;
use crate::service::live::{Ending, News, Piece, Reader};

/// The longest content of a control frame (RFC 6455, section 5.5).
const CONTROL_BYTES_MAX: usize = 125;

/// What is read at once of a peer that says next to nothing.
const READ_BYTES: usize = 1024;

/// How much is gathered before it is written.
const WRITE_BYTES: usize = 16 * 1024;

/// How long a peer's last word is waited for.
const FAREWELL: Duration = Duration::from_secs(5);

/// Why a connection is closed (RFC 6455, section 7.4.1), in words.
type Reason = (u16, &'static str);

const OVER: Reason = (1000, "the attempt is over");
const STOPPING: Reason = (1001, "the server stops");
const NOT_HEARD: Reason = (1003, "nothing is to be said here");
const TROUBLE: Reason = (1013, "the store is not available");

/// What a request for a WebSocket comes to.
pub(super) fn asked(
    upgrade: Result<WebSocketUpgrade, Refusal>,
) -> Result<WebSocketUpgrade, Problem> {
    let upgrade = upgrade.map_err(|refusal| match refusal {
        Refusal::InvalidConnectionHeader(_)
        | Refusal::InvalidUpgradeHeader(_)
        | Refusal::InvalidWebSocketVersionHeader(_) => {
            let why = "a WebSocket of version 13 is spoken here";
            Problem::new(StatusCode::UPGRADE_REQUIRED, why)
        }
        _ => Problem::new(StatusCode::BAD_REQUEST, "no WebSocket can come of this"),
    })?;
    Ok(upgrade
        .max_message_size(CONTROL_BYTES_MAX)
        .max_frame_size(CONTROL_BYTES_MAX)
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(WRITE_BYTES))
}

/// Tells a peer everything that a reader is given, until either ends.
pub(super) fn telling(upgrade: WebSocketUpgrade, reader: Reader, shows: Shows) -> Response {
    upgrade
        .on_failed_upgrade(|error| tracing::debug!(%error, "a WebSocket did not come about"))
        .on_upgrade(async move |mut socket| {
            let ended = match talk(&mut socket, reader, shows).await {
                Ok(Some(reason)) => close(&mut socket, reason).await,
                // The library has its answer ready; it has to be sent.
                Ok(None) => socket.flush().await,
                Err(error) => Err(error),
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a WebSocket was cut");
            }
        })
}

/// Goes on until there is a reason to end; none where the peer has left.
async fn talk(
    socket: &mut WebSocket,
    mut reader: Reader,
    shows: Shows,
) -> Result<Option<Reason>, Error> {
    loop {
        tokio::select! {
            biased;
            said = socket.recv() => match said {
                None | Some(Ok(Message::Close(_))) => return Ok(None),
                // The library answers pings by itself.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                // What is too long is refused unread.
                Some(Ok(Message::Text(_) | Message::Binary(_)) | Err(_)) => {
                    return Ok(Some(NOT_HEARD));
                }
            },
            news = reader.next() => match news {
                News::Events(piece) => tell(socket, &piece, shows).await?,
                News::Quiet => socket.send(Message::Ping(Bytes::new())).await?,
                News::End(Ending::Over) => return Ok(Some(OVER)),
                News::End(Ending::Stopping) => return Ok(Some(STOPPING)),
                News::End(Ending::Trouble) => return Ok(Some(TROUBLE)),
            },
        }
    }
}

/// Each event is a message; they are gathered, then written.
async fn tell(socket: &mut WebSocket, piece: &Piece, shows: Shows) -> Result<(), Error> {
    for event in piece.shown(shows) {
        let mut text = Vec::with_capacity(event.line.len() + 64);
        json(&mut text, event);
        let text = Utf8Bytes::try_from(text).map_err(Error::new)?;
        socket.feed(Message::Text(text)).await?;
    }
    socket.flush().await
}

/// Says why, and hears the peer's own word, so that the end is no cut.
async fn close(socket: &mut WebSocket, (code, words): Reason) -> Result<(), Error> {
    let reason = Utf8Bytes::from_static(words);
    socket.send(Message::Close(Some(CloseFrame { code, reason }))).await?;
    let word = async { while let Some(Ok(_)) = socket.recv().await {} };
    let _ = timeout(FAREWELL, word).await; // who has no last word is cut
    Ok(())
}
