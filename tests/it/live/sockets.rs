//! The same events over a WebSocket, spoken by hand.

use serde_json::Value;
use tokio::io::AsyncBufReadExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::{HOUR_MS, Scene};

/// The example of RFC 6455, section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A peer that was let in.
struct Peer(BufReader<TcpStream>);

/// A frame of the server.
#[derive(Debug, PartialEq, Eq)]
enum Frame {
    Text(String),
    Pong(Vec<u8>),
    Close(u16, String),
}

impl Peer {
    async fn of(s: &Scene, more: &str) -> Self {
        let (path, key) = (s.path(), s.key_for(HOUR_MS));
        let head = format!(
            "GET {path}/events/socket?key={key}{more} HTTP/1.1\r\nhost: a\r\nconnection: \
             keep-alive, Upgrade\r\nupgrade: WebSocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: {KEY}\r\n\r\n"
        );
        let address = s.t.url().replace("http://", "");
        let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
        stream.get_mut().write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        while !answer.ends_with("\r\n\r\n") {
            assert_ne!(stream.read_line(&mut answer).await.unwrap(), 0, "{answer}");
        }
        assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
        assert!(
            answer
                .to_lowercase()
                .contains(&format!("sec-websocket-accept: {}", { ACCEPT.to_lowercase() }))
        );
        Self(stream)
    }

    async fn next(&mut self) -> Frame {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).await.unwrap();
        assert_eq!(head[1] & 0x80, 0, "a server does not mask");
        let length = match head[1] {
            126 => u64::from(self.0.read_u16().await.unwrap()),
            127 => self.0.read_u64().await.unwrap(),
            length => u64::from(length),
        };
        let mut content = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut content).await.unwrap();
        match head[0] {
            0x81 => Frame::Text(String::from_utf8(content).unwrap()),
            0x8a => Frame::Pong(content),
            0x88 => {
                let words = String::from_utf8(content.split_off(2)).unwrap();
                Frame::Close(u16::from_be_bytes([content[0], content[1]]), words)
            }
            other => panic!("{other:#x}"),
        }
    }

    async fn says(&mut self) -> (u64, String) {
        let Frame::Text(text) = self.next().await else { panic!("a message was expected") };
        let value: Value = serde_json::from_str(&text).unwrap();
        (value["seq"].as_u64().unwrap(), value["text"].as_str().unwrap().to_owned())
    }

    async fn sends(&mut self, first: u8, content: &[u8]) {
        let length = u8::try_from(content.len()).unwrap();
        let mut frame = vec![first, 0x80 | length, 1, 2, 3, 4];
        frame.extend(content.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(a, b)| a ^ b));
        self.0.get_mut().write_all(&frame).await.unwrap();
    }

    /// The connection has ended.
    async fn is_gone(&mut self) {
        assert_eq!(self.0.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_socket_tells_what_a_stream_tells() {
    let mut s = Scene::new().await;
    s.says(1, &["one", "two"]).await;
    let mut all = Peer::of(&s, "").await;
    let mut some = Peer::of(&s, "&after=1").await;
    let long = "ü".repeat(40_000);
    s.says(3, &[&"x".repeat(1_000)]).await;
    s.says(4, &[&long]).await;
    assert_eq!(all.says().await, (1, "one".to_owned()));
    for peer in [&mut all, &mut some] {
        assert_eq!(peer.says().await, (2, "two".to_owned()));
        assert_eq!(peer.says().await.0, 3);
        assert_eq!(peer.says().await, (4, long.clone()));
    }
    s.is_over().await;
    for mut peer in [all, some] {
        assert_eq!(peer.next().await, Frame::Close(1000, "the attempt is over".to_owned()));
        peer.sends(0x88, &[3, 232]).await;
        peer.is_gone().await;
    }
    s.finish().await;
}

#[tokio::test]
async fn a_peer_may_ping_and_leave_and_nothing_else() {
    let s = Scene::new().await;
    let mut peer = Peer::of(&s, "").await;
    peer.sends(0x89, b"are you there").await;
    assert_eq!(peer.next().await, Frame::Pong(b"are you there".to_vec()));
    peer.sends(0x8a, b"so am I").await;
    peer.sends(0x88, &[3, 232]).await;
    assert_eq!(peer.next().await, Frame::Close(1000, String::new()));
    peer.is_gone().await;

    let mut peer = Peer::of(&s, "").await;
    peer.sends(0x81, b"hello").await;
    assert_eq!(peer.next().await, Frame::Close(1003, "nothing is to be said here".to_owned()));

    // More than anybody has to say: it is not even read.
    let mut peer = Peer::of(&s, "").await;
    peer.sends(0x82, &[b'x'; 120]).await;
    assert_eq!(peer.next().await, Frame::Close(1003, "nothing is to be said here".to_owned()));
    s.finish().await;
}

#[tokio::test]
async fn a_peer_is_told_when_the_server_stops() {
    let s = Scene::new().await;
    let mut peer = Peer::of(&s, "").await;
    s.t.app().services().live.close();
    assert_eq!(peer.next().await, Frame::Close(1001, "the server stops".to_owned()));
    s.finish().await;
}

#[tokio::test]
async fn what_is_no_handshake_becomes_no_socket() {
    let s = Scene::new().await;
    let url = format!("{}{}/events/socket?key={}", s.t.url(), s.path(), s.key_for(HOUR_MS));
    let plain = s.client.get(&url).send().await.unwrap();
    assert_eq!(plain.status(), 426);
    let asked = s.client.get(&url).header("connection", "upgrade").header("upgrade", "websocket");
    let keyless = asked.header("sec-websocket-version", "13");
    assert_eq!(keyless.send().await.unwrap().status(), 400);
    s.finish().await;
}
