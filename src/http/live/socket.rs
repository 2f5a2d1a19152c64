//! WebSockets (RFC 6455), as far as watching needs them: messages of text go out, nothing is heard but
//! pings and the end.
//!
//! Not a library: no extensions, no fragments, no masks of ours. What a peer sends besides is answered
//! by closing. Messages are pulled from the reader one run at a time, so a peer that takes nothing has
//! nothing held for it, and the connection's own limit cuts it.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::sync::mpsc;

use super::super::Problem;
use super::json;
use crate::domain::live::Shows;
use crate::service::live::{Ending, Form, News, Reader, Shown};

/// What a key is answered with, besides the key (RFC 6455, section 1.3).
const ANSWER: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The version that is spoken.
const VERSION: &str = "13";

/// A key is 16 bytes.
const KEY_BYTES: usize = 16;

/// The longest content of a control frame; a peer has no reason to send anything longer.
const CONTROL_BYTES_MAX: usize = 125;

/// Pings that wait for their answer; who sends more is not listened to until they are sent.
const PONGS_WAITING_MAX: usize = 4;

/// The first byte of a whole message of text, of a close, a ping, a pong.
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// Why a connection is closed (RFC 6455, section 7.4.1), in words.
type Reason = (u16, &'static str);

const OVER: Reason = (1000, "the attempt is over");
const STOPPING: Reason = (1001, "the server stops");
const LEAVES: Reason = (1000, "");
const NOT_HEARD: Reason = (1003, "nothing is to be said here");
const BROKEN: Reason = (1002, "this is no frame");
const TROUBLE: Reason = (1013, "the store is not available");

/// What a request for a WebSocket is answered with, and where it comes about.
pub(super) fn asked(mut request: Request<Body>) -> Result<(OnUpgrade, HeaderValue), Problem> {
    let headers = request.headers();
    if !names(headers, &header::CONNECTION, "upgrade")
        || !names(headers, &header::UPGRADE, "websocket")
        || !names(headers, &header::SEC_WEBSOCKET_VERSION, VERSION)
    {
        let why = "a WebSocket of version 13 is spoken here";
        return Err(Problem::new(StatusCode::UPGRADE_REQUIRED, why));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).and_then(|key| key.to_str().ok());
    let is_key = |key: &&str| STANDARD.decode(key).is_ok_and(|key| key.len() == KEY_BYTES);
    let accept = key.filter(is_key).map(accepting);
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let (Some(upgrade), Some(accept)) = (upgrade, accept) else {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "no WebSocket can come of this"));
    };
    let accept = HeaderValue::from_str(&accept);
    Ok((upgrade, accept.expect("invariant: base64 is fit for a header")))
}

fn names(headers: &HeaderMap, name: &header::HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|named| named.trim().eq_ignore_ascii_case(word))
}

fn accepting(key: &str) -> String {
    STANDARD.encode(Sha1::digest(format!("{key}{ANSWER}")))
}

/// Adds a frame.
fn frame(out: &mut Vec<u8>, first: u8, content: &[u8]) {
    out.push(first);
    match (u8::try_from(content.len()), u16::try_from(content.len())) {
        (Ok(length), _) if usize::from(length) <= CONTROL_BYTES_MAX => out.push(length),
        (_, Ok(length)) => {
            out.push(126);
            out.extend_from_slice(&length.to_be_bytes());
        }
        (_, Err(_)) => {
            out.push(127);
            out.extend_from_slice(&(content.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(content);
}

fn message(out: &mut Vec<u8>, event: Shown<'_>) {
    let mut text = Vec::with_capacity(event.line.len() + 64);
    json(&mut text, event);
    frame(out, TEXT, &text);
}

fn closing((code, words): Reason) -> Vec<u8> {
    let mut out = Vec::new();
    frame(&mut out, CLOSE, &[&code.to_be_bytes(), words.as_bytes()].concat());
    out
}

/// What a peer says that has to be answered.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    /// A ping, with its content.
    Ping(Vec<u8>),
    /// It leaves, or has to.
    End(Reason),
}

/// Tells a peer everything that a reader is given, until either ends.
pub(super) async fn serve(upgraded: Upgraded, reader: Reader, shows: Shows) {
    let (from_peer, to_peer) = split(TokioIo::new(upgraded));
    let (say, heard) = mpsc::channel(PONGS_WAITING_MAX);
    // Neither outlives the other: a peer that is gone is heard by reading.
    tokio::select! {
        () = listen(from_peer, say) => {}
        ended = talk(to_peer, reader, shows, heard) => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a WebSocket was cut");
            }
        }
    }
}

async fn talk(
    mut peer: impl AsyncWrite + Unpin,
    mut reader: Reader,
    shows: Shows,
    mut heard: mpsc::Receiver<Heard>,
) -> std::io::Result<()> {
    let last = loop {
        tokio::select! {
            biased;
            said = heard.recv() => match said {
                Some(Heard::Ping(content)) => {
                    let mut pong = Vec::new();
                    frame(&mut pong, PONG, &content);
                    peer.write_all(&pong).await?;
                }
                Some(Heard::End(reason)) => break reason,
                None => return Ok(()),
            },
            news = reader.next() => match news {
                News::Events(piece) => {
                    peer.write_all(&piece.rendered(Form::Socket, shows, message)).await?;
                }
                News::Quiet => peer.write_all(&[PING, 0]).await?,
                News::End(Ending::Over) => break OVER,
                News::End(Ending::Stopping) => break STOPPING,
                News::End(Ending::Trouble) => break TROUBLE,
            },
        }
    };
    peer.write_all(&closing(last)).await?;
    peer.shutdown().await
}

/// Hears what a peer says until it is gone.
async fn listen(mut peer: impl AsyncRead + Unpin, say: mpsc::Sender<Heard>) {
    loop {
        let heard = match hear(&mut peer).await {
            Ok(Some(heard)) => heard,
            Ok(None) => continue,
            Err(_) => return,
        };
        let is_end = matches!(heard, Heard::End(_));
        if say.send(heard).await.is_err() {
            return;
        }
        if is_end {
            // The answer is on its way; what else is said before it arrives is for nobody.
            let mut rest = [0; CONTROL_BYTES_MAX];
            while peer.read(&mut rest).await.is_ok_and(|read| read > 0) {}
            return;
        }
    }
}

/// One frame of a peer; `None` when there is nothing to be answered.
async fn hear(peer: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Option<Heard>> {
    let mut head = [0; 2];
    peer.read_exact(&mut head).await?;
    let (first, length) = (head[0], usize::from(head[1] & 0x7f));
    let is_masked = head[1] & 0x80 != 0;
    let kind = match first {
        CLOSE | PING | PONG if is_masked && length <= CONTROL_BYTES_MAX => first,
        // Text, bytes and their continuations, in whole or in part.
        _ if is_masked && first & 0x78 == 0 => return Ok(Some(Heard::End(NOT_HEARD))),
        _ => return Ok(Some(Heard::End(BROKEN))),
    };
    let mut mask = [0; 4];
    peer.read_exact(&mut mask).await?;
    let mut content = vec![0; length];
    peer.read_exact(&mut content).await?;
    for (byte, mask) in content.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    Ok(match kind {
        PING => Some(Heard::Ping(content)),
        CLOSE => Some(Heard::End(LEAVES)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_answered_as_the_standard_says() {
        assert_eq!(accepting("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_frame_says_its_length_in_as_few_bytes_as_do() {
        for (length, head) in [
            (0, vec![TEXT, 0]),
            (125, vec![TEXT, 125]),
            (126, vec![TEXT, 126, 0, 126]),
            (65_535, vec![TEXT, 126, 255, 255]),
            (65_536, vec![TEXT, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut out = Vec::new();
            frame(&mut out, TEXT, &vec![b'x'; length]);
            assert_eq!(out[..head.len()], head, "{length}");
            assert_eq!(out.len(), head.len() + length);
        }
    }

    async fn heard(mut bytes: &[u8]) -> Option<Heard> {
        hear(&mut bytes).await.unwrap()
    }

    #[tokio::test]
    async fn only_pings_and_the_end_are_heard() {
        let ping = [PING, 0x82, 1, 2, 3, 4, b'a' ^ 1, b'b' ^ 2];
        assert_eq!(heard(&ping).await, Some(Heard::Ping(b"ab".to_vec())));
        assert_eq!(heard(&[CLOSE, 0x82, 0, 0, 0, 0, 3, 232]).await, Some(Heard::End(LEAVES)));
        assert_eq!(heard(&[PONG, 0x80, 0, 0, 0, 0]).await, None);
        for (bytes, reason) in [
            ([TEXT, 0x85], NOT_HEARD),
            ([0x02, 0xff], NOT_HEARD),
            ([PING, 0x02], BROKEN),
            ([PING, 0xfe], BROKEN),
            ([0xc1, 0x81], BROKEN),
            ([0x8b, 0x80], BROKEN),
        ] {
            assert_eq!(heard(&bytes).await, Some(Heard::End(reason)), "{bytes:?}");
        }
    }
}
