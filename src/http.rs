//! HTTP: the only code that knows status codes. Handlers record and answer; none decides.

mod health;
mod problem;
mod runner;
pub mod setup;
mod webhook;

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

pub use problem::Problem;

use crate::service::Services;

/// GitHub sends at most 25 MB and never a larger event; one more for the envelope's headroom.
pub const WEBHOOK_BYTES_MAX: usize = 26 * 1024 * 1024;

/// A patch of the largest size in base64, with documents of the largest size.
pub const RUNNER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// GitHub gives up after ten seconds; a slower sender is not GitHub.
const REQUEST_SECS_MAX: u64 = 10;

/// The whole server.
pub fn router(services: Services) -> Router {
    let webhooks = Router::new()
        .route("/webhooks/github", post(webhook::github))
        .layer(DefaultBodyLimit::max(WEBHOOK_BYTES_MAX))
        .layer(from_fn(problem::at_most::<WEBHOOK_BYTES_MAX>));
    let runners = Router::new()
        .route("/runner/v1/attempts/{attempt}/admission", post(runner::admission))
        .route("/runner/v1/attempts/{attempt}/brief", get(runner::brief))
        .route("/runner/v1/attempts/{attempt}/heartbeat", post(runner::heartbeat))
        .route("/runner/v1/attempts/{attempt}/stages", post(runner::stage))
        .route("/runner/v1/attempts/{attempt}/outcome", post(runner::outcome))
        .layer(DefaultBodyLimit::max(RUNNER_BYTES_MAX))
        .layer(from_fn(problem::at_most::<RUNNER_BYTES_MAX>));
    let health = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/setup/github/installed", get(setup::installed))
        .route("/", get(health::front));
    Router::new()
        .merge(webhooks)
        .merge(runners)
        .merge(health)
        .method_not_allowed_fallback(problem::wrong_method)
        .fallback(problem::not_found)
        .with_state(services)
        .layer(TimeoutLayer::with_status_code(
            axum::http::StatusCode::REQUEST_TIMEOUT,
            Duration::from_secs(REQUEST_SECS_MAX),
        ))
        .layer(TraceLayer::new_for_http())
        .layer(CatchPanicLayer::new())
}
