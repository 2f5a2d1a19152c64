//! Senders that mean harm, beside those that mean well.
//!
//! One in ten deliveries comes twice, one in twenty has a bad signature, one in fifty none, one in
//! twenty is signed and no JSON, one in five hundred says that it has 27 MB; and all the while some
//! clients send their head, or their body, byte by byte.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::load::{Answers, Connection, Load, count, request};

/// How long it lasts.
pub(crate) const LASTS: Duration = Duration::from_secs(12);

/// How many send deliveries.
pub(crate) const SENDERS: usize = 32;

/// How many clients send a byte now and then.
const SLOW: usize = 20;

/// How long those wait between two bytes.
const SLOW_PAUSE: Duration = Duration::from_millis(250);

/// More than the server takes.
const TOO_MANY_BYTES: usize = 27 * 1024 * 1024;

/// How a delivery is meant to be met.
struct Expected {
    answers: &'static [u16],
    body: BodyIs,
}

/// What becomes of a delivery's body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BodyIs {
    Read,
    /// The delivery is refused before, and the connection with it.
    Unread,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Answers to requests that are as they should be: recorded, and known already.
    good: Answers,
    /// Of those, the ones that were known already: GitHub's own redeliveries look like that.
    known: usize,
    /// Answers that were not what they should be.
    wrong: BTreeMap<String, usize>,
    /// How long it took until a slow client was cut off, and how many never were.
    cut: Vec<Duration>,
    never_cut: usize,
    /// How long the refusal of a delivery that is too large took.
    refused: Vec<Duration>,
}

impl Told {
    /// In words, beside a run without any of this.
    pub(crate) fn compared_with(&self, clean: &Answers) -> String {
        let most_ms =
            |times: &[Duration]| times.iter().max().map_or(0.0, |time| time.as_secs_f64() * 1e3);
        let new = self.good.rate() * (1.0 - count(self.known) / count(self.good.good()));
        format!(
            "good deliveries/s: {:.0}, alone {:.0}: {:.0} %\n\
             of them new ones: {new:.0}, {:.0} %\nanswers that were wrong: {:?}\n\
             slow clients: {} cut off after at most {:.1} s, {} never\n\
             too large by its Content-Length: {} refused unread, within at most {:.0} ms",
            self.good.rate(),
            clean.rate(),
            100.0 * self.good.rate() / clean.rate(),
            100.0 * new / clean.rate(),
            self.wrong,
            self.cut.len(),
            most_ms(&self.cut) / 1e3,
            self.never_cut,
            self.refused.len(),
            most_ms(&self.refused),
        )
    }

    /// Whether more good ones were answered than in another turn.
    pub(crate) fn is_faster_than(&self, other: &Self) -> bool {
        self.good.rate() > other.good.rate()
    }

    /// The same by the server's processor time, which does not depend on who else is on the machine.
    pub(crate) fn cost_beside(&self, (clean, alone_s): (&Answers, f64), mixed_s: f64) -> String {
        let of_good = |answers: &Answers, seconds: f64| seconds * 1e4 / count(answers.good());
        let (alone, mixed) = (of_good(clean, alone_s), of_good(&self.good, mixed_s));
        format!(
            "CPU-s for 10,000 good ones: {mixed:.2}, alone {alone:.2}: {:.0} %",
            100.0 * alone / mixed
        )
    }
}

/// Sends it all at once.
pub(crate) async fn mix(load: &Load<'_>) -> Told {
    let until = Instant::now() + LASTS;
    let sent = Cell::new(0);
    let senders = futures_util::future::join_all((0..SENDERS).map(|_| sender(load, &sent, until)));
    let slow = futures_util::future::join_all((0..SLOW).map(|n| slow(load, n, until)));
    let start = Instant::now();
    let (told, cuts) = futures_util::future::join(senders, slow).await;
    let mut all = Told::default();
    for one in told {
        all.good.add(one.good);
        all.known += one.known;
        for (what, times) in one.wrong {
            *all.wrong.entry(what).or_default() += times;
        }
        all.refused.extend(one.refused);
    }
    all.good.took = start.elapsed().min(LASTS);
    for cut in cuts {
        match cut {
            Some(after) => all.cut.push(after),
            None => all.never_cut += 1,
        }
    }
    all
}

async fn sender(load: &Load<'_>, sent: &Cell<usize>, until: Instant) -> Told {
    let mut told = Told::default();
    let mut connection = Connection::to(load.address).await;
    while Instant::now() < until {
        let number = sent.replace(sent.get() + 1);
        let start = Instant::now();
        let (bytes, Expected { answers, body }) = delivery(load, number);
        let status = connection.answer(&bytes).await;
        match status {
            Some(status) if answers.contains(&status) => {
                if status == 413 {
                    told.refused.push(start.elapsed());
                } else if matches!(status, 200 | 202) {
                    told.good.waits.push(start.elapsed());
                    told.known += usize::from(status == 200);
                }
            }
            None if body == BodyIs::Unread => {}
            Some(_) | None => {
                let what = format!("{status:?} for {answers:?}");
                *told.wrong.entry(what).or_default() += 1;
            }
        }
        // Whose body was not read cannot be used for another delivery.
        if body == BodyIs::Unread || status.is_none() {
            connection = Connection::to(load.address).await;
        }
    }
    told
}

/// The delivery of a number, and how it is to be met.
fn delivery(load: &Load<'_>, number: usize) -> (Vec<u8>, Expected) {
    let read = |answers| Expected { answers, body: BodyIs::Read };
    let unread = |answers| Expected { answers, body: BodyIs::Unread };
    let kind = number % 500;
    let number = load.first + number;
    match kind {
        499 => {
            let head = format!(
                "POST /webhooks/github HTTP/1.1\r\nhost: localhost\r\nx-github-event: push\r\n\
                 content-length: {TOO_MANY_BYTES}\r\n\r\n{{"
            );
            (head.into_bytes(), unread(&[413]))
        }
        // Of the two that are one, the second may be there first.
        n if n.is_multiple_of(10) => (load.request(number), read(&[200, 202])),
        n if n % 10 == 1 => (load.request(number - 1), read(&[200, 202])),
        n if n % 20 == 2 => (load.request_signed(number, "another secret"), read(&[401])),
        n if n % 50 == 3 => {
            let text = String::from_utf8(load.request(number)).expect("payloads are text");
            let text = text.replacen("x-hub-signature-256", "x-nothing", 1);
            (text.into_bytes(), unread(&[401]))
        }
        n if n % 20 == 4 => {
            let no_json = request(number, "pull_request", b"{\"action\": no", crate::load::SECRET);
            (no_json, read(&[400]))
        }
        _ => (load.request(number), read(&[202])),
    }
}

/// Sends byte by byte; how long until it was cut off.
async fn slow(load: &Load<'_>, number: usize, until: Instant) -> Option<Duration> {
    let request = load.request(number);
    let head = memchr::memmem::find(&request, b"\r\n\r\n").unwrap_or(0);
    // Half of them take their time for the head, half for the body.
    let at_once = if number.is_multiple_of(2) { 20 } else { head + 10 };
    let start = Instant::now();
    let mut stream = TcpStream::connect(load.address).await.ok()?;
    stream.write_all(&request[..at_once]).await.ok()?;
    let mut heard = [0; 1024];
    // As long again: the limit counts from the start of a request.
    while Instant::now() < until + LASTS {
        for byte in request.iter().skip(at_once) {
            if stream.write_all(&[*byte]).await.is_err() {
                return Some(start.elapsed());
            }
            let answer = tokio::time::timeout(SLOW_PAUSE, stream.read(&mut heard)).await;
            if answer.is_ok() {
                return Some(start.elapsed());
            }
            if Instant::now() > until + LASTS {
                return None;
            }
        }
    }
    None
}
