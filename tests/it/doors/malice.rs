//! Hostile input at the door of the built program, and what it costs in memory.

use reqwest::StatusCode;
use selfheal::http::WEBHOOK_BYTES_MAX;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::sizes::{DOOR, heard, knocked_at};
use super::{Knock, OPENED, signed};
use crate::harness::{Machine, Tester};

/// What all that malice may cost: the room that large bodies share, and as much again for what every
/// connection needs (in a build that nobody has optimised) and for what the allocator keeps.
const GROWTH_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Connections that send half a head and are kept open.
const HALF_HEADS: usize = 300;
/// Senders of large bodies at the same time.
const SENDERS: usize = 8;

/// What a signed body is answered, when its JSON is hostile.
#[tokio::test]
async fn hostile_json_is_answered_and_nothing_comes_of_it() {
    let mut t = Tester::start().await;
    let deep = format!("{}{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    let wide = format!("{{\"action\":[{}0]}}", "0,".repeat(1_000_000));
    let number = "\"number\": 5";
    assert!(OPENED.contains(number));
    let with = |value: &str| OPENED.replace(number, &format!("\"number\": {value}")).into_bytes();
    for (what, body, expected) in [
        ("deep objects", deep.into_bytes(), 400),
        ("deep lists", format!("{{\"a\":{}", "[".repeat(1_000_000)).into_bytes(), 400),
        ("a list where a word is meant", wide.into_bytes(), 200),
        ("bytes that are no text", b"{\"action\":\"\xff\xfe\x80\"}".to_vec(), 400),
        ("half a character", b"{\"action\":\"\\ud800\"}".to_vec(), 200),
        ("a name twice", b"{\"action\":\"opened\",\"action\":\"closed\"}".to_vec(), 400),
        ("a list", b"[]".to_vec(), 400),
        ("nothing", Vec::new(), 400),
        ("NUL", vec![0; 4096], 400),
        ("more than any number", with("1e999"), 202),
        ("below zero", with("-1"), 202),
        ("a fraction", with("0.5"), 202),
        ("past 64 bits", with("18446744073709551616"), 202),
        ("a thousand digits", with(&"9".repeat(1000)), 202),
        ("a word for a number", with("\"5\""), 202),
    ] {
        let id = Some(what.replace(' ', "-"));
        let knock = Knock { id, ..Knock::of(&t, "pull_request", &body) };
        let answer = knock.answered(&t).await;
        assert_eq!(answer.status().as_u16(), expected, "{what}");
        let said = answer.text().await.unwrap();
        assert!(said.len() < 1000, "{what}: {} bytes are said", said.len());
    }
    // The door reads no more of a pull request's event than whether it is kept; the rest is told, and
    // dropped, when it is read.
    t.settle().await;
    let backlog = t.backlog().await;
    assert_eq!((backlog.deliveries, backlog.parked, backlog.pulls), (0, 0, 0));
    let id = Some("largest".to_owned());
    let largest = Knock { id, ..Knock::of(&t, "pull_request", &with("18446744073709551615")) };
    assert_eq!(largest.status(&t).await, StatusCode::ACCEPTED, "a number like any other");
    t.settle().await;
    let backlog = t.backlog().await;
    assert_eq!((backlog.deliveries, backlog.parked), (0, 0), "and of a pull request that is not");
    let good = Knock::of(&t, "pull_request", OPENED.as_bytes());
    assert_eq!(good.status(&t).await, StatusCode::ACCEPTED);
}

/// The most memory that a process ever had.
#[cfg(target_os = "linux")]
fn peak_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_malice_costs_more_memory_than_there_is_room_for() {
    let machine = Machine::with_credentials().await;
    let mut server = machine.serve();
    let line = server.says("listening").await;
    let (_, port) = line.split_once("127.0.0.1:").unwrap();
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    let address = format!("127.0.0.1:{port}");
    let secret = machine.world.webhook_secret();
    let headers = |signature: &str, length: &str| {
        format!(
            "connection: close\r\nx-github-event: pull_request\r\nx-github-delivery: 1\r\n\
             x-hub-signature-256: {signature}\r\n{length}"
        )
    };
    let length = |body: &[u8]| format!("content-length: {}", body.len());
    let answer = async |headers: &str, body: &[u8]| {
        let answer = heard(knocked_at(&address, DOOR, headers, body).await).await;
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    let good = headers(&signed(&secret, OPENED.as_bytes()), &length(OPENED.as_bytes()));
    assert_eq!(answer(&good, OPENED.as_bytes()).await, "202");
    let before = peak_bytes(server.pid());

    let mut half = Vec::new();
    for _ in 0..HALF_HEADS {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(b"POST /webhooks/github HTTP/1.1\r\nhost: a\r\nx-a: ").await.unwrap();
        half.push(stream);
    }
    let largest = vec![b'['; WEBHOOK_BYTES_MAX];
    let forged = headers(&signed("another secret", &largest), &length(&largest));
    let chunk = [format!("{:x}\r\n", largest.len() + 1).as_bytes(), &largest, b"["].concat();
    let endless = headers(&signed(&secret, b""), "transfer-encoding: chunked");
    let mut senders = JoinSet::new();
    for (headers, body) in [(forged, largest.clone()), (endless, chunk)] {
        for _ in 0..SENDERS {
            senders.spawn(sent(address.clone(), headers.clone(), body.clone()));
        }
    }
    for status in senders.join_all().await {
        assert!(["", "401", "408", "413", "503"].contains(&status.as_str()), "{status}");
    }
    assert_eq!(answer(&good, OPENED.as_bytes()).await, "200", "it serves as before");
    let grown = peak_bytes(server.pid()) - before;
    assert!(grown <= GROWTH_BYTES_MAX, "{} MB", grown / 1024 / 1024);
    drop(half);
    let (code, log) = server.stop().await;
    assert_eq!(code, Some(0), "{log}");
}

/// Sends a large request; the answer's status, empty where the server hung up on the rest of it.
#[cfg(target_os = "linux")]
async fn sent(address: String, headers: String, body: Vec<u8>) -> String {
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let head = format!("POST {DOOR} HTTP/1.1\r\nhost: a\r\n{headers}\r\n\r\n");
    let (mut reads, mut writes) = stream.split();
    let mut answer = Vec::new();
    let written = async {
        let _ = writes.write_all(head.as_bytes()).await; // the server may hang up before the end
        let _ = writes.write_all(&body).await;
    };
    let ((), _) = tokio::join!(written, reads.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).split(' ').nth(1).unwrap_or_default().to_owned()
}
