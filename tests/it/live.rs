//! Live events over real sockets: what a runner tells is seen by whoever has the link, whole and once.

mod doors;

mod program;
mod readers;
mod sockets;

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use selfheal::domain::ids::{AttemptId, Timestamp};
use selfheal::domain::live::EventsTaken;
use selfheal::ports::clock::Clock as _;
use serde_json::{Value, json};
use world::{Pull, Repository};

use crate::harness::{HandRunner, Tester};
use crate::stories;

/// Long enough for a machine under load, short enough that a test that hangs says so.
const PATIENCE: Duration = Duration::from_mins(1);

const HOUR_MS: i64 = 60 * 60 * 1000;

/// A server with one attempt at work.
struct Scene {
    t: Tester,
    pull: Pull,
    repository: Repository,
    runner: HandRunner,
    client: Client,
}

/// A text that an agent says.
fn text(text: &str) -> Value {
    json!({ "kind": "text", "text": text })
}

impl Scene {
    async fn new() -> Self {
        let mut t = Tester::start().await;
        let (repository, pull) = stories::at_work(&mut t).await;
        let runner = t.runner(&repository).await;
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { t, pull, repository, runner, client }
    }

    fn attempt(&self) -> AttemptId {
        self.runner.brief.attempt
    }

    /// A key of the attempt that opens until so many milliseconds from now.
    fn key_for(&self, ms: i64) -> String {
        let until = Timestamp::from_millis(self.t.clock.now().millis() + ms);
        self.t.app().services().live.key(self.attempt(), until)
    }

    fn path(&self) -> String {
        format!("/attempts/{}", self.attempt())
    }

    /// A request for the stream, with what stands behind its key.
    fn asks(&self, more: &str) -> RequestBuilder {
        let (url, path, key) = (self.t.url(), self.path(), self.key_for(HOUR_MS));
        self.client.get(format!("{url}{path}/events?key={key}{more}"))
    }

    async fn watches(&self, more: &str) -> Watch {
        Watch::of(self.asks(more)).await
    }

    fn telling(&self, batch: &Value) -> RequestBuilder {
        let url = format!("{}/runner/v1/attempts/{}/events", self.t.url(), self.attempt());
        self.client.post(url).bearer_auth(self.runner.token()).json(batch)
    }

    /// The runner tells events; the number that the next one has.
    async fn tells(&self, first: u64, events: &[Value]) -> u64 {
        let batch = json!({ "first": first, "events": events });
        let answer = self.telling(&batch).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json::<EventsTaken>().await.unwrap().next
    }

    async fn says(&self, first: u64, texts: &[&str]) -> u64 {
        let events: Vec<Value> = texts.iter().map(|it| text(it)).collect();
        self.tells(first, &events).await
    }

    /// The attempt is over, because its pull request is closed.
    async fn is_over(&mut self) {
        self.t.world.close(&self.pull, "mona");
        self.t.settle_with_ci().await;
    }

    async fn finish(mut self) {
        self.is_over().await;
        assert!(self.t.queued_ci(&self.repository).is_empty());
        Box::pin(self.t.finish()).await;
    }
}

/// One event of a stream: its name, its number, its data.
#[derive(Debug, Clone, PartialEq)]
struct Heard {
    name: String,
    id: Option<u64>,
    data: Value,
}

impl Heard {
    /// What an agent said, with its number.
    fn said(&self) -> (u64, String) {
        let words = self.data["text"].as_str().or(self.data["kind"].as_str());
        assert_eq!(self.data["seq"].as_u64(), self.id, "{self:?}");
        (self.id.unwrap(), words.unwrap().to_owned())
    }
}

/// Somebody who follows a stream.
struct Watch {
    response: Response,
    text: String,
}

impl Watch {
    async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event; `None` when the stream has ended.
    async fn next(&mut self) -> Option<Heard> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                if let Some(heard) = heard(&block) {
                    return Some(heard);
                }
            }
            let piece = self.response.chunk().await.unwrap()?;
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    /// The next few things that are said.
    async fn says(&mut self, count: usize) -> Vec<(u64, String)> {
        let mut said = Vec::new();
        while said.len() < count {
            said.push(self.next().await.expect("the stream goes on").said());
        }
        said
    }

    /// What the stream says at last, when nothing is left but that.
    async fn ends(&mut self) -> String {
        let last = self.next().await.expect("the stream says why it ends");
        assert_eq!(self.next().await, None, "and ends");
        format!("{}: {}", last.name, last.data["why"].as_str().unwrap())
    }
}

/// All events of an attempt that is over, as those are told who want to see everything.
pub(crate) async fn events_of(t: &Tester, attempt: AttemptId) -> Vec<Value> {
    let until = Timestamp::from_millis(t.clock.now().millis() + HOUR_MS);
    let key = t.app().services().live.key(attempt, until);
    let address = format!("{}/attempts/{attempt}/events?key={key}&thinking=true", t.url());
    let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let text = client.get(address).send().await.unwrap().text().await.unwrap();
    let events = text.split("\n\n").filter(|block| block.starts_with("id: "));
    events.map(|block| heard(block).expect("an event").data).collect()
}

/// Events are as the published schema says, and have nothing that it does not know.
#[track_caller]
pub(crate) fn are_as_published(events: &[Value]) {
    let published = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schemas/live-event.json");
    let published = std::fs::read_to_string(published).unwrap();
    let mut strict: Value = serde_json::from_str(&published).unwrap();
    strict["unevaluatedProperties"] = json!(false);
    let strict = jsonschema::draft202012::new(&strict).unwrap();
    assert!(!events.is_empty());
    for event in events {
        assert!(strict.is_valid(event), "{event}");
    }
}

fn heard(block: &str) -> Option<Heard> {
    let of = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    let data = serde_json::from_str(of("data: ")?).unwrap();
    let id = of("id: ").map(|id| id.parse().unwrap());
    Some(Heard { name: of("event: ").unwrap_or("message").to_owned(), id, data })
}

/// Events as they are expected.
fn numbered(first: u64, texts: &[&str]) -> Vec<(u64, String)> {
    (first..).zip(texts.iter().map(|text| (*text).to_owned())).collect()
}
