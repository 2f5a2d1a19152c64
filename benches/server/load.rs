//! Senders: signed deliveries over connections that stay open, one at a time on each.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::bodies::Body;

/// With what every server here checks signatures.
pub(crate) const SECRET: &str = "a-secret-of-the-bench";

/// How much of an answer's head is looked at.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Deliveries to one server.
#[derive(Debug)]
pub(crate) struct Load<'b> {
    bodies: &'b [Body],
    pub(crate) address: SocketAddr,
    /// The number of the first delivery.
    pub(crate) first: usize,
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// How long each good answer took.
    pub(crate) waits: Vec<Duration>,
    /// Answers that were no 2xx, and connections that broke.
    pub(crate) bad: usize,
    pub(crate) took: Duration,
}

impl Answers {
    /// How many were answered with 2xx.
    pub(crate) fn good(&self) -> usize {
        self.waits.len()
    }

    /// Good answers in a second.
    pub(crate) fn rate(&self) -> f64 {
        count(self.good()) / self.took.as_secs_f64()
    }

    /// How long so many of a hundred waited at most.
    pub(crate) fn percentile_ms(&self, percent: usize) -> f64 {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        let at = (waits.len() * percent / 100).min(waits.len().saturating_sub(1));
        waits.get(at).map_or(0.0, |wait| wait.as_secs_f64() * 1e3)
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.waits.extend(other.waits);
        self.bad += other.bad;
    }
}

/// A count for a division.
pub(crate) fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

impl<'b> Load<'b> {
    pub(crate) fn new(bodies: &'b [Body], address: SocketAddr) -> Self {
        Self { bodies, address, first: 0 }
    }

    /// The same with deliveries that are numbered from here.
    pub(crate) fn numbered(self, first: usize) -> Self {
        Self { first, ..self }
    }

    /// Sends so many, with so many waiting at once, or until the time is up.
    pub(crate) async fn send(&self, in_flight: usize, most: usize, limit: Duration) -> Answers {
        let sent = Cell::new(0);
        let start = Instant::now();
        let senders = (0..in_flight).map(|_| self.sender(&sent, most, start + limit));
        let mut all = Answers::default();
        for answers in futures_util::future::join_all(senders).await {
            all.add(answers);
        }
        all.took = start.elapsed();
        all
    }

    async fn sender(&self, sent: &Cell<usize>, most: usize, until: Instant) -> Answers {
        let mut answers = Answers::default();
        let mut connection = Connection::to(self.address).await;
        while sent.get() < most && Instant::now() < until {
            let number = self.first + sent.replace(sent.get() + 1);
            let request = self.request(number);
            let start = Instant::now();
            match connection.answer(&request).await {
                Some(status) if (200..300).contains(&status) => answers.waits.push(start.elapsed()),
                Some(_) => answers.bad += 1,
                None => {
                    answers.bad += 1;
                    connection = Connection::to(self.address).await;
                }
            }
        }
        answers
    }

    /// A whole delivery, as GitHub sends it.
    pub(crate) fn request(&self, number: usize) -> Vec<u8> {
        self.request_signed(number, SECRET)
    }

    /// The same, signed with any secret.
    pub(crate) fn request_signed(&self, number: usize, secret: &str) -> Vec<u8> {
        let body = &self.bodies[number % self.bodies.len()];
        request(number, body.event, body.numbered(number).as_bytes(), secret)
    }
}

/// A signed request with any body.
pub(crate) fn request(number: usize, event: &str, body: &[u8], secret: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key will do");
    mac.update(body);
    let signature = hex::encode(mac.finalize().into_bytes());
    let head = format!(
        "POST /webhooks/github HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         user-agent: GitHub-Hookshot/bench\r\nx-github-event: {event}\r\n\
         x-github-delivery: 00000000-0000-4000-8000-{number:012x}\r\n\
         x-hub-signature-256: sha256={signature}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Option<TcpStream>,
    read: Vec<u8>,
}

impl Connection {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.ok();
        if let Some(stream) = &stream {
            let _ = stream.set_nodelay(true);
        }
        Self { stream, read: Vec::with_capacity(HEAD_BYTES_MAX) }
    }

    /// Sends a request; the answer's status, or `None` when the connection broke.
    pub(crate) async fn answer(&mut self, request: &[u8]) -> Option<u16> {
        let stream = self.stream.as_mut()?;
        stream.write_all(request).await.ok()?;
        self.read.clear();
        let (status, mut missing) = loop {
            if stream.read_buf(&mut self.read).await.ok()? == 0 {
                return None;
            }
            if let Some(head) = parsed(&self.read) {
                break head;
            }
            if self.read.len() > HEAD_BYTES_MAX {
                return None;
            }
        };
        while missing > 0 {
            self.read.clear();
            let more = stream.read_buf(&mut self.read).await.ok()?;
            if more == 0 {
                return None;
            }
            missing = missing.saturating_sub(more);
        }
        Some(status)
    }
}

/// An answer's status, and how much of its body is not read yet; `None` while the head is not whole.
fn parsed(read: &[u8]) -> Option<(u16, usize)> {
    let end = memchr::memmem::find(read, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&read[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Some((status, length.unwrap_or(0).saturating_sub(read.len() - end - 4)))
}
