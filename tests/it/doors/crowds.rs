//! More people at the door than there is room for.

use std::time::Duration;

use selfheal::http::{DoorLimits, WEBHOOK_BYTES_MAX};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::sizes::{DOOR, heard, knocked_at, ping_of};
use super::{PING, door, signed};
use crate::harness::Tester;

const GET: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";

/// Asks once and reads the answer, which does not end the connection.
async fn asks(stream: &mut TcpStream) -> String {
    stream.write_all(GET).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"alive\n") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "cut");
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn connections_at_rest_make_room_for_those_that_want_something() {
    let t = Tester::start().await;
    let limits = DoorLimits { connections: 2, ..DoorLimits::default() };
    let address = door(t.app().services(), limits).await;
    let mut first = TcpStream::connect(&address).await.unwrap();
    let mut second = TcpStream::connect(&address).await.unwrap();
    asks(&mut first).await;
    assert!(!asks(&mut second).await.contains("connection: close"), "there was room");
    let mut third = TcpStream::connect(&address).await.unwrap();
    assert!(asks(&mut third).await.starts_with("HTTP/1.1 200"));
    assert_eq!((heard(first).await, heard(second).await), (String::new(), String::new()));
}

#[tokio::test]
async fn who_finds_every_place_taken_waits_for_one() {
    let t = Tester::start().await;
    let limits = DoorLimits { connections: 1, ..DoorLimits::default() };
    let address = door(t.app().services(), limits).await;
    let mut busy =
        knocked_at(&address, DOOR, &ping_of(&t, &PING.len().to_string()), &PING.as_bytes()[..9])
            .await;
    let mut waiting = TcpStream::connect(&address).await.unwrap();
    waiting.write_all(GET).await.unwrap();
    busy.write_all(&PING.as_bytes()[9..]).await.unwrap();
    let answer = heard(busy).await;
    assert!(answer.starts_with("HTTP/1.1 202"), "what was under way is finished: {answer}");
    let mut answer = [0; 12];
    waiting.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}

#[tokio::test]
async fn large_bodies_wait_for_each_other_and_hold_up_no_other() {
    let t = Tester::start().await;
    let limits = DoorLimits { room: Duration::from_millis(100), ..DoorLimits::default() };
    let address = door(t.app().services(), limits).await;
    let headers = ping_of(&t, &WEBHOOK_BYTES_MAX.to_string());
    let mut largest = PING.as_bytes().to_vec();
    largest.resize(WEBHOOK_BYTES_MAX, b' ');
    let secret = t.world.webhook_secret();
    let headers = headers.replace(&signed(&secret, PING.as_bytes()), &signed(&secret, &largest));

    let mut first = knocked_at(&address, DOOR, &headers, b"{").await;
    // What does not say its size counts as the largest.
    let unsized_ = headers
        .replace(&format!("content-length: {WEBHOOK_BYTES_MAX}"), "transfer-encoding: chunked");
    for headers in [&headers, &unsized_] {
        let told = heard(knocked_at(&address, DOOR, headers, b"").await).await;
        assert!(told.starts_with("HTTP/1.1 503"), "{told}");
        assert!(told.contains("retry-after: 10"), "{told}");
        assert!(told.contains("too many bodies are on their way"), "{told}");
    }
    let usual = ping_of(&t, &PING.len().to_string());
    let told = heard(knocked_at(&address, DOOR, &usual, PING.as_bytes()).await).await;
    assert!(told.starts_with("HTTP/1.1 202"), "{told}");

    first.write_all(&largest[1..]).await.unwrap();
    let told = heard(first).await;
    assert!(told.starts_with("HTTP/1.1 200"), "the delivery was known already: {told}");
    let told = heard(knocked_at(&address, DOOR, &headers, &largest).await).await;
    assert!(told.starts_with("HTTP/1.1 200"), "and there is room again: {told}");
}
