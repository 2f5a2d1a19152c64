//! Who is too slow: heads, bodies, answers that nobody takes, connections at rest. Every limit is
//! made short enough that its end can be awaited.

use std::time::Duration;

use selfheal::http::DoorLimits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::sizes::{DOOR, heard, knocked_at, ping_of};
use super::{PING, door};
use crate::harness::Tester;

/// Short enough to be awaited, long enough that who is not slow is not cut.
const SHORT: Duration = Duration::from_millis(300);
/// Between two bytes of somebody who sends as slowly as can be.
const DRIP: Duration = Duration::from_millis(5);
const GET: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";

async fn connected(address: &str, first: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(first).await.unwrap();
    stream
}

/// Reads one answer to [`GET`].
async fn alive(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"alive\n") {
        let read = stream.read_buf(&mut answer).await.unwrap();
        assert_ne!(read, 0, "cut after {:?}", String::from_utf8_lossy(&answer));
    }
    String::from_utf8(answer).unwrap()
}

/// Sends a byte now and then until the server hangs up.
async fn drips_until_cut(stream: TcpStream, byte: u8) {
    let (mut reads, mut writes) = stream.into_split();
    let mut rest = Vec::new();
    while timeout(DRIP, reads.read_to_end(&mut rest)).await.is_err() {
        let _ = writes.write_all(&[byte]).await; // it may be cut just now; reading tells
    }
}

#[tokio::test]
async fn who_sends_a_head_too_slowly_is_cut() {
    let t = Tester::start().await;
    let limits = DoorLimits { head: SHORT, ..DoorLimits::default() };
    let address = door(t.app().services(), limits).await;
    let silent = connected(&address, b"").await;
    let begun = connected(&address, b"POST /webhooks/github HTTP/1.1\r\nhost: a\r\nx-a: ").await;
    let mut second = connected(&address, GET).await;
    alive(&mut second).await;
    second.write_all(b"GET /heal").await.unwrap();
    let drip = connected(&address, b"GET / HTTP/1.1\r\nhost: a\r\nx-a: ").await;
    assert_eq!((heard(silent).await, heard(begun).await), (String::new(), String::new()));
    drips_until_cut(drip, b'a').await;
    assert_eq!(heard(second).await, "", "the second request of a connection, too");
}

#[tokio::test]
async fn a_connection_at_rest_is_kept_longer_than_a_head_may_take() {
    let t = Tester::start().await;
    let limits = DoorLimits { head: SHORT, ..DoorLimits::default() };
    let address = door(t.app().services(), limits).await;
    let mut resting = connected(&address, GET).await;
    alive(&mut resting).await;
    assert_eq!(heard(connected(&address, b"").await).await, "", "a head's time has gone by");
    resting.write_all(GET).await.unwrap();
    assert!(alive(&mut resting).await.starts_with("HTTP/1.1 200"));

    let limits = DoorLimits { rest: SHORT, ..DoorLimits::default() };
    let mut resting = connected(&door(t.app().services(), limits).await, GET).await;
    alive(&mut resting).await;
    assert_eq!(heard(resting).await, "", "but not for ever");
}

#[tokio::test]
async fn who_sends_a_body_too_slowly_is_told_so_and_cut() {
    let t = Tester::start().await;
    let limits = DoorLimits { body: SHORT, ..DoorLimits::default() };
    let address = door(t.app().services(), limits).await;
    let more = ping_of(&t, &(PING.len() + 1).to_string());
    let length = format!("content-length: {}", PING.len() + 1);
    for headers in [more.clone(), more.replace(&length, "transfer-encoding: chunked")] {
        let stream = knocked_at(&address, DOOR, &headers, &PING.as_bytes()[..5]).await;
        let answer = heard(stream).await;
        let refused = answer.starts_with("HTTP/1.1 408") || answer.starts_with("HTTP/1.1 400");
        assert!(refused, "{answer}");
    }
    let long = ping_of(&t, "1000000").replace("connection: close\r\n", "");
    drips_until_cut(knocked_at(&address, DOOR, &long, b"{").await, b' ').await;
    assert_eq!(t.backlog().await.deliveries, 0);
}

#[tokio::test]
async fn who_takes_no_answer_is_cut() {
    let t = Tester::start().await;
    let limits = DoorLimits { answer: SHORT, ..DoorLimits::default() };
    let mut deaf = TcpStream::connect(&door(t.app().services(), limits).await).await.unwrap();
    // Requests without end, none of whose answers is read: it ends when the server hangs up.
    while deaf.write_all(&GET.repeat(64)).await.is_ok() {}
}
