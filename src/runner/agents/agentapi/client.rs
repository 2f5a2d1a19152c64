//! The client of an AgentAPI server, which runs beside it in the sandbox.
//!
//! It waits until the agent takes a message, gives it one, and follows what it does until it is still;
//! every line that it prints is a JSON object with `kind` and `text`. It
//! decides nothing and believes nothing: what stands here is read by a stranger's program as well.
//!
//! Races and their endings: the agent may be done before the stream of events is heard: the state is
//! asked for, too. The stream may be cut (the server drops readers that are slow): it is opened again
//! and begins with the whole state. The server may die at any moment: that ends the conversation. On
//! a machine without a sandbox somebody else may take the port before the server does: then what
//! answers there is no AgentAPI, or not ready, and the attempt's limits end it.

mod screen;
mod version;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};
use thiserror::Error;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use self::screen::fresh;
use super::events::{Event, Reader, Status};
use crate::documents::short;
use crate::domain::agent::{EVENT_CHARS_MAX, WORDS_CHARS_MAX};

/// The longest that a server and its agent may take until they listen.
const START_SECS_MAX: u64 = 120;

/// How long an agent has to be still to be done: the server itself calls a screen stable that did not
/// change for two seconds.
const STILL_MS: u64 = 3_000;

/// How long an agent that was never seen at work has to be still: it may be slow to begin.
const UNMOVED_MS: u64 = 20_000;

/// How often the server is asked, and how often what is on the screen is told.
const LOOK_MS: u64 = 500;

/// The longest for one answer; a message is answered when the agent has begun.
const ANSWER_SECS_MAX: u64 = 60;

/// The most bytes of an answer: a conversation has one task and what was said about it.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How often in a row a server may fail to say how it is.
const FAULTS_MAX: usize = 5;

/// How often a message is sent to an agent that says that it is busy.
const SENDS_MAX: usize = 5;

/// How much of a refusal is quoted.
const WORDS_BYTES_MAX: usize = 300;

/// How long what takes time may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until the agent listens.
    pub start: Duration,
    /// How long it is still when it is done.
    pub still: Duration,
    /// The same, when it was never seen at work.
    pub unmoved: Duration,
    /// Between two looks.
    pub look: Duration,
    /// For one answer.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(START_SECS_MAX),
            still: Duration::from_millis(STILL_MS),
            unmoved: Duration::from_millis(UNMOVED_MS),
            look: Duration::from_millis(LOOK_MS),
            answer: Duration::from_secs(ANSWER_SECS_MAX),
        }
    }
}

/// Why a conversation did not come to its end.
#[derive(Debug, Error)]
pub enum Fault {
    /// The server does not answer, or not in HTTP.
    #[error("the AgentAPI server does not answer: {0}")]
    Unreachable(String),
    /// It answers something else.
    #[error("the AgentAPI server refused {what}: {words}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// What it said.
        words: String,
    },
    /// Its answer is larger than any should be.
    #[error("the AgentAPI server's answer is larger than 8 MB")]
    TooLarge,
    /// The agent did not listen in time.
    #[error("the agent was not ready for a message in time{0}")]
    NotReady(String),
    /// The server ended.
    #[error("the AgentAPI server ended ({0})")]
    Died(String),
    /// What is told does not reach anybody.
    #[error("nobody listens")]
    NobodyListens(#[from] io::Error),
}

/// Speaks with a server on a port of this machine.
#[derive(Debug)]
pub struct Client<W> {
    port: u16,
    patience: Patience,
    http: reqwest::Client,
    out: W,
    /// The agent's message that is on the screen, and as much of it as was told.
    shown: Shown,
}

#[derive(Debug, Default)]
struct Shown {
    id: i64,
    text: String,
    told: String,
}

/// The stream of events, while it is open.
struct Stream {
    response: reqwest::Response,
    reader: Reader,
}

impl<W: Write> Client<W> {
    /// A client of the server on that port, which prints to `out`.
    pub fn new(port: u16, patience: Patience, out: W) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        // By name, because that is the host that servers admit.
        let http = reqwest::Client::builder().no_proxy().resolve("localhost", address).build();
        Self { port, patience, http: http.unwrap_or_default(), out, shown: Shown::default() }
    }

    /// What was printed to.
    pub fn into_out(self) -> W {
        self.out
    }

    /// Gives the agent a message once it is ready, and follows it until it is still.
    ///
    /// # Errors
    /// Any [`Fault`].
    pub async fn converse(&mut self, message: &str) -> Result<(), Fault> {
        self.ready().await?;
        // Before the message is sent, so that no change is missed.
        let stream = self.events().await.ok();
        if let Some(version) = self.version().await {
            self.tell("version", &version)?;
        }
        self.send(message).await?;
        self.follow(stream).await?;
        self.show()?;
        let words = self.last_words().await?;
        Ok(self.print("said", (&words, WORDS_CHARS_MAX))?)
    }

    /// Waits until the agent takes a message.
    async fn ready(&self) -> Result<(), Fault> {
        let began = Instant::now();
        let mut why = String::new();
        while began.elapsed() < self.patience.start {
            match self.status().await {
                Ok(Status::Stable) => return Ok(()),
                Ok(Status::Running) => why.clear(),
                Err(fault) => why = format!(": {fault}"),
            }
            sleep(self.patience.look).await;
        }
        Err(Fault::NotReady(why))
    }

    async fn send(&self, message: &str) -> Result<(), Fault> {
        let body = json!({ "content": message, "type": "user" });
        let mut tries = 1;
        loop {
            let asked = self.http.post(self.url("message")).json(&body);
            match self.answer("a message", asked).await {
                Ok(_) => return Ok(()),
                Err(Fault::Refused { .. }) if tries < SENDS_MAX => tries += 1,
                Err(fault) => return Err(fault),
            }
            sleep(self.patience.look).await;
        }
    }

    /// Follows the agent until it is still.
    async fn follow(&mut self, mut stream: Option<Stream>) -> Result<(), Fault> {
        let mut looks = interval(self.patience.look);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut worked, mut still_since, mut faults) = (false, None, 0);
        loop {
            let status = tokio::select! {
                events = next(&mut stream) => match events {
                    Some(events) => self.saw(events)?,
                    None => {
                        stream = None;
                        continue;
                    }
                },
                _ = looks.tick() => {
                    self.show()?;
                    if stream.is_none() {
                        stream = self.events().await.ok();
                    }
                    match self.status().await {
                        Ok(status) => {
                            faults = 0;
                            Some(status)
                        }
                        Err(fault) if faults + 1 >= FAULTS_MAX => return Err(fault),
                        Err(_) => {
                            faults += 1;
                            continue;
                        }
                    }
                }
            };
            match status {
                None => {}
                Some(Status::Running) => (worked, still_since) = (true, None),
                Some(Status::Stable) => {
                    let since = *still_since.get_or_insert_with(Instant::now);
                    let patience = if worked { self.patience.still } else { self.patience.unmoved };
                    if since.elapsed() >= patience {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Takes note of events; whether the agent works, when they say so last.
    fn saw(&mut self, events: Vec<Event>) -> io::Result<Option<Status>> {
        let mut said = None;
        for event in events {
            match event {
                Event::Status(status) => said = Some(status),
                Event::Message { id, text } => {
                    if id != self.shown.id {
                        self.show()?;
                        self.shown = Shown { id, ..Shown::default() };
                    }
                    self.shown.text = text;
                }
                Event::Error(text) => self.tell("error", &text)?,
            }
        }
        Ok(said)
    }

    /// Tells what is new on the screen.
    fn show(&mut self) -> io::Result<()> {
        let Shown { text, told, .. } = &mut self.shown;
        let new = fresh(told, text);
        let is_new = !new.trim().is_empty();
        told.clone_from(text);
        if is_new { self.tell("screen", &new) } else { Ok(()) }
    }

    /// The last thing that the agent said about the task; nothing when it said nothing.
    async fn last_words(&self) -> Result<String, Fault> {
        let asked = self.http.get(self.url("messages"));
        let answer = self.answer("its messages", asked).await?;
        let last = answer["messages"].as_array().and_then(|all| all.last());
        let last = last.filter(|last| last["role"] == "agent");
        Ok(last.and_then(|last| last["content"].as_str()).unwrap_or_default().to_owned())
    }

    async fn status(&self) -> Result<Status, Fault> {
        let answer = self.answer("its status", self.http.get(self.url("status"))).await?;
        let status = answer["status"].as_str().ok_or_else(|| Fault::Refused {
            what: "its status",
            words: "there is none in its answer".to_owned(),
        })?;
        Ok(Status::parse(status))
    }

    async fn events(&self) -> Result<Stream, Fault> {
        let asked = timeout(self.patience.answer, self.http.get(self.url("events")).send());
        let response = asked.await.map_err(|_| silent())?.map_err(unreachable)?;
        if !response.status().is_success() {
            return Err(Fault::Refused {
                what: "its events",
                words: response.status().to_string(),
            });
        }
        Ok(Stream { response, reader: Reader::default() })
    }

    fn url(&self, name: &str) -> String {
        format!("http://localhost:{}/{name}", self.port)
    }

    /// An answer in JSON.
    async fn answer(
        &self,
        what: &'static str,
        asked: reqwest::RequestBuilder,
    ) -> Result<Value, Fault> {
        let whole = async {
            let mut response = asked.send().await.map_err(unreachable)?;
            let mut body = Vec::new();
            while let Some(piece) = response.chunk().await.map_err(unreachable)? {
                if body.len() + piece.len() > ANSWER_BYTES_MAX {
                    return Err(Fault::TooLarge);
                }
                body.extend_from_slice(&piece);
            }
            let refused = |words: &str| {
                let words = short(words.trim(), WORDS_BYTES_MAX).to_owned();
                Fault::Refused { what, words }
            };
            if !response.status().is_success() {
                let said = String::from_utf8_lossy(&body);
                return Err(refused(&format!("{} {said}", response.status())));
            }
            serde_json::from_slice(&body).map_err(|_| refused("its answer is no JSON"))
        };
        timeout(self.patience.answer, whole).await.unwrap_or_else(|_| Err(silent()))
    }

    pub(super) fn tell(&mut self, kind: &str, text: &str) -> io::Result<()> {
        self.print(kind, (text, EVENT_CHARS_MAX))
    }

    /// Prints a line; of a long text its end.
    fn print(&mut self, kind: &str, (text, chars_max): (&str, usize)) -> io::Result<()> {
        let skipped = text.chars().count().saturating_sub(chars_max);
        let text: String = text.chars().skip(skipped).collect();
        writeln!(self.out, "{}", json!({ "kind": kind, "text": text }))?;
        self.out.flush()
    }
}

/// The next events of the stream; `None` when it is over, and never while there is none.
async fn next(stream: &mut Option<Stream>) -> Option<Vec<Event>> {
    let Some(open) = stream else { return std::future::pending().await };
    let piece = open.response.chunk().await.ok().flatten()?;
    Some(open.reader.take(&piece))
}

fn unreachable(error: reqwest::Error) -> Fault {
    Fault::Unreachable(error.without_url().to_string())
}

fn silent() -> Fault {
    Fault::Unreachable("it says nothing".to_owned())
}
