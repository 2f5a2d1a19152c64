//! Bodies that are too large, or not of the size that they say. Written to the socket by hand,
//! because no well-behaved client would.

use selfheal::http::{ADMISSION_BYTES_MAX, HEAD_BYTES_MAX, RUNNER_BYTES_MAX, WEBHOOK_BYTES_MAX};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{ATTEMPT, PING, signed};
use crate::harness::Tester;

pub(super) const DOOR: &str = "/webhooks/github";

async fn knocked(tester: &Tester, path: &str, headers: &str, body: &[u8]) -> TcpStream {
    knocked_at(&tester.url().replace("http://", ""), path, headers, body).await
}

/// The beginning of a request, as it was written by hand.
pub(super) async fn knocked_at(address: &str, path: &str, headers: &str, body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\n{headers}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    stream
}

/// Everything that the server says before it hangs up, which it does by itself.
pub(super) async fn heard(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The server's status for a body with these headers, of which nothing more comes.
async fn status(tester: &Tester, path: &str, headers: &str, body: &[u8]) -> u16 {
    let answer = heard(knocked(tester, path, headers, body).await).await;
    if answer.contains("\r\n\r\n{") {
        assert!(answer.contains("application/problem+json"), "{answer}");
    }
    answer.split(' ').nth(1).unwrap_or_default().parse().expect(&answer)
}

/// Headers of a ping that is signed as a whole, whatever length it says.
pub(super) fn ping_of(tester: &Tester, length: &str) -> String {
    let signature = signed(&tester.world.webhook_secret(), PING.as_bytes());
    format!(
        "content-length: {length}\r\nconnection: close\r\nx-github-event: ping\r\n\
         x-github-delivery: 1\r\nx-hub-signature-256: {signature}"
    )
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_refused_before_it_comes() {
    let t = Tester::start().await;
    for (path, limit) in [
        (DOOR, WEBHOOK_BYTES_MAX),
        (&format!("{ATTEMPT}/admission"), ADMISSION_BYTES_MAX),
        (&format!("{ATTEMPT}/outcome"), RUNNER_BYTES_MAX),
    ] {
        let too_much = format!("content-length: {}", limit + 1);
        assert_eq!(status(&t, path, &too_much, b"").await, 413, "{path}");
    }
    let absurd = format!("content-length: {}", u64::MAX - 2);
    assert_eq!(status(&t, DOOR, &absurd, b"").await, 413);
}

#[tokio::test]
async fn a_body_that_does_not_say_its_size_is_refused_when_it_is_too_large() {
    let t = Tester::start().await;
    let bytes = WEBHOOK_BYTES_MAX + 1;
    let chunk = [format!("{bytes:x}\r\n").as_bytes(), &vec![b' '; bytes]].concat();
    let signature = format!("x-hub-signature-256: {}", signed("any", b""));
    let headers = format!("{signature}\r\ntransfer-encoding: chunked");
    assert_eq!(status(&t, DOOR, &headers, &chunk).await, 413);
    assert_eq!(t.backlog().await.deliveries, 0);
}

#[tokio::test]
async fn a_body_that_nobody_signed_is_not_waited_for() {
    let t = Tester::start().await;
    for signature in ["", "x-hub-signature-256: sha256=short\r\n", "x-hub-signature: sha1=00\r\n"] {
        let headers = format!("{signature}content-length: {WEBHOOK_BYTES_MAX}");
        assert_eq!(status(&t, DOOR, &headers, b"").await, 401, "{signature}");
    }
}

#[tokio::test]
async fn a_head_has_a_largest_size() {
    let t = Tester::start().await;
    let padded = |bytes: usize| {
        let headers = ping_of(&t, &PING.len().to_string());
        format!("{headers}\r\nx-padding: {}", "a".repeat(bytes))
    };
    assert_eq!(status(&t, DOOR, &padded(HEAD_BYTES_MAX - 1024), PING.as_bytes()).await, 202);
    assert_eq!(status(&t, DOOR, &padded(HEAD_BYTES_MAX), b"").await, 431);
}

#[tokio::test]
async fn the_largest_body_is_taken() {
    let t = Tester::start().await;
    let mut largest = PING.as_bytes().to_vec();
    largest.resize(WEBHOOK_BYTES_MAX, b' ');
    let headers = ping_of(&t, &WEBHOOK_BYTES_MAX.to_string());
    let signature = signed(&t.world.webhook_secret(), PING.as_bytes());
    let headers = headers.replace(&signature, &signed(&t.world.webhook_secret(), &largest));
    assert_eq!(status(&t, DOOR, &headers, &largest).await, 202);
}

#[tokio::test]
async fn a_length_that_is_not_the_bodys_is_seen() {
    let t = Tester::start().await;
    let fewer = ping_of(&t, &(PING.len() - 2).to_string());
    assert_eq!(status(&t, DOOR, &fewer, PING.as_bytes()).await, 401, "other bytes were signed");
    assert_eq!(status(&t, DOOR, &ping_of(&t, "many"), PING.as_bytes()).await, 400);
    assert_eq!(status(&t, DOOR, &ping_of(&t, "-1"), PING.as_bytes()).await, 400);

    let more = ping_of(&t, &(PING.len() + 2).to_string());
    let mut stream = knocked(&t, DOOR, &more, PING.as_bytes()).await;
    stream.shutdown().await.unwrap();
    let answer = heard(stream).await; // nobody is there to hear it, so there may be none
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(t.backlog().await.deliveries, 0);

    let right = ping_of(&t, &PING.len().to_string());
    assert_eq!(status(&t, DOOR, &right, PING.as_bytes()).await, 202, "the very same, with its own");
}

#[tokio::test]
async fn a_runner_is_asked_for_its_token_before_its_body_is_awaited() {
    let t = Tester::start().await;
    for path in ["stages", "outcome"] {
        let path = format!("{ATTEMPT}/{path}");
        assert_eq!(status(&t, &path, "content-length: 1000000", b"").await, 401, "{path}");
    }
}
