//! A server that gives every runner the same brief and takes whatever it is told. The real server's
//! own share is measured by `cargo xtask bench live`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use selfheal::domain::brief::{Admission, Brief, Instruction};
use selfheal::domain::ids::AttemptId;
use selfheal::domain::live::{EventBatch, EventsTaken};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What an attempt came to, by the name of its outcome.
pub(crate) type Told = (String, String);

#[derive(Clone)]
struct Desk {
    brief: Arc<Brief>,
    told: UnboundedSender<Told>,
}

/// Opens one; its address, and what it is told.
pub(crate) async fn open(brief: Brief) -> (String, UnboundedReceiver<Told>) {
    let (told, heard) = unbounded_channel();
    let desk = Desk { brief: Arc::new(brief), told };
    let of = |name: &str| format!("/runner/v1/attempts/{{attempt}}/{name}");
    let router = Router::new()
        .route("/oidc", get(async || Json(json!({ "value": "whoever" }))))
        .route(&of("admission"), post(admission))
        .route(&of("brief"), get(brief_of))
        .route(&of("heartbeat"), post(go_on))
        .route(&of("stages"), post(go_on))
        .route(&of("prompts"), post(go_on))
        .route(&of("checkpoint"), put(go_on))
        .route(&of("events"), post(events))
        .route(&of("outcome"), post(outcome))
        .with_state(desk);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it listens");
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}"), heard)
}

async fn admission() -> Json<Admission> {
    Json(Admission { token: "the-attempts-token".to_owned(), heartbeat_secs: 5 })
}

async fn brief_of(State(desk): State<Desk>, Path(attempt): Path<String>) -> Json<Brief> {
    let attempt = AttemptId::parse(&attempt).expect("runners know their attempt");
    Json(Brief { attempt, ..(*desk.brief).clone() })
}

async fn go_on(_body: Bytes) -> Json<Instruction> {
    Json(Instruction::Continue)
}

async fn events(Json(batch): Json<EventBatch>) -> Json<EventsTaken> {
    Json(EventsTaken { next: batch.first + batch.events.len() as u64 })
}

async fn outcome(
    State(desk): State<Desk>,
    Path(attempt): Path<String>,
    Json(outcome): Json<serde_json::Value>,
) -> Response {
    let kind = outcome["outcome"].as_str().unwrap_or("unknown").to_owned();
    let _ = desk.told.send((attempt, kind)); // nobody listens when the run is over
    Json(Instruction::Continue).into_response()
}
