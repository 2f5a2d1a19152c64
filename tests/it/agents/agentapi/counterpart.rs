//! A scripted AgentAPI server in this process, over real HTTP.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What it does; by default everything that it should.
#[derive(Debug, Clone)]
pub struct Play {
    /// After how many looks the agent takes a message.
    pub starts_after: usize,
    /// How many messages it refuses because the agent is busy.
    pub busy_for: usize,
    /// Whether the agent does anything about a message.
    pub begins: bool,
    /// For how many looks it works.
    pub works_for: usize,
    /// An error that it tells.
    pub error: Option<&'static str>,
    /// How it tells events.
    pub events: Events,
    /// The body of every status.
    pub status: Option<&'static str>,
    /// After how many looks it answers no more of them.
    pub silent_from: usize,
    /// Whether the messages never end.
    pub endless_messages: bool,
}

/// How events are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Events {
    /// In a stream that stays open.
    Told,
    /// In streams that end after what is known.
    Cut,
    /// Not at all.
    Missing,
    /// In one event that never ends.
    Endless,
}

impl Default for Play {
    fn default() -> Self {
        Self {
            starts_after: 0,
            busy_for: 0,
            begins: true,
            works_for: 1,
            error: None,
            events: Events::Told,
            status: None,
            silent_from: usize::MAX,
            endless_messages: false,
        }
    }
}

#[derive(Debug, Default)]
struct Seen {
    looks: usize,
    looks_since: usize,
    refused: usize,
    messages: Vec<String>,
}

#[derive(Debug)]
struct Shared {
    play: Play,
    seen: Mutex<Seen>,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn said(&self) -> Vec<Value> {
        let mut said = vec![(0, "agent", "Welcome.".to_owned())];
        if let Some(message) = self.seen().messages.first() {
            said.push((1, "user", message.clone()));
            if self.play.begins {
                said.push((2, "agent", "line one\nline two\ndone".to_owned()));
            }
        }
        let message = |(id, role, text)| json!({ "id": id, "role": role, "content": text });
        said.into_iter().map(message).collect()
    }
}

/// The server; it ends with this value.
pub struct Counterpart {
    port: u16,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl Drop for Counterpart {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Counterpart {
    pub async fn start(play: Play) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared { play, seen: Mutex::default() });
        let router = Router::new()
            .route("/status", get(status))
            .route("/message", post(message))
            .route("/messages", get(messages))
            .route("/events", get(events))
            .route("/openapi.json", get(description))
            .with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self { port, shared, serving }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The messages that were taken.
    pub fn messages(&self) -> Vec<String> {
        self.shared.seen().messages.clone()
    }
}

async fn status(State(shared): State<Arc<Shared>>) -> Response {
    let play = &shared.play;
    let (looks, status) = {
        let mut seen = shared.seen();
        seen.looks += 1;
        seen.looks_since += usize::from(!seen.messages.is_empty());
        let starting = seen.looks <= play.starts_after;
        let working = play.begins && (1..=play.works_for).contains(&seen.looks_since);
        (seen.looks, if starting || working { "running" } else { "stable" })
    };
    if looks > play.silent_from {
        std::future::pending::<()>().await;
    }
    match play.status {
        Some(body) => body.into_response(),
        None => Json(json!({ "status": status, "agent_type": "custom" })).into_response(),
    }
}

async fn description() -> Json<Value> {
    Json(json!({ "openapi": "3.1.0", "info": { "title": "AgentAPI", "version": "0.11.6" } }))
}

async fn message(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> Response {
    let mut seen = shared.seen();
    if seen.refused < shared.play.busy_for {
        seen.refused += 1;
        let words = json!({ "detail": "the agent is not stable" });
        return (StatusCode::CONFLICT, Json(words)).into_response();
    }
    assert_eq!(body["type"], "user");
    seen.messages.push(body["content"].as_str().unwrap().to_owned());
    Json(json!({ "ok": true })).into_response()
}

async fn messages(State(shared): State<Arc<Shared>>) -> Response {
    if shared.play.endless_messages {
        return endless("{\"messages\":[{\"content\":\"");
    }
    Json(json!({ "messages": shared.said() })).into_response()
}

async fn events(State(shared): State<Arc<Shared>>) -> Response {
    let text = "line one\nline two";
    let mut told = event("message_update", &json!({ "id": 2, "role": "agent", "message": text }));
    if let Some(error) = shared.play.error {
        told.push_str(&event("agent_error", &json!({ "message": error, "level": "error" })));
    }
    let told = stream::once(async move { Ok::<_, Infallible>(Bytes::from(told)) });
    match shared.play.events {
        Events::Told => Body::from_stream(told.chain(stream::pending())).into_response(),
        Events::Cut => Body::from_stream(told).into_response(),
        Events::Missing => StatusCode::NOT_FOUND.into_response(),
        Events::Endless => {
            endless("event: message_update\ndata: {\"role\":\"agent\",\"message\":\"")
        }
    }
}

fn event(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

/// An answer that begins and never ends.
fn endless(begin: &'static str) -> Response {
    let begin = stream::once(async move { Ok::<_, Infallible>(Bytes::from(begin)) });
    let more = stream::repeat_with(|| Ok(Bytes::from(vec![b'x'; 64 * 1024])));
    Body::from_stream(begin.chain(more)).into_response()
}
