//! Health: alive means the process answers; ready means that work can be recorded.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{Problem, Shared};

pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// How long the store may take to answer: who asks whether we are ready does not wait longer.
const READY_SECS_MAX: u64 = 4;

pub(super) async fn ready(State(services): State<Shared>) -> Result<Response, Problem> {
    let limit = Duration::from_secs(READY_SECS_MAX);
    match tokio::time::timeout(limit, services.store.backlog()).await {
        Ok(Ok(backlog)) => {
            let body = format!(
                "ready\ndeliveries {}\npulls {}\neffects {}\nparked {}\n",
                backlog.deliveries, backlog.pulls, backlog.effects, backlog.parked
            );
            Ok((StatusCode::OK, body).into_response())
        }
        Ok(Err(_)) | Err(_) => Err(Problem::later("the store is not available")),
    }
}

pub(super) async fn front() -> &'static str {
    concat!("selfheal ", env!("CARGO_PKG_VERSION"), ": send webhooks to /webhooks/github\n")
}
