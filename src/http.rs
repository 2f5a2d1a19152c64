//! HTTP: the only code that knows status codes. Handlers record and answer; none decides.

mod attempts;
mod bodies;
mod connections;
mod health;
mod limits;
mod live;
mod metrics;
mod models;
mod operators;
mod problem;
mod runner;
pub mod setup;
mod webhook;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{any, get, post, put};
use axum::{Extension, Router};
use tokio::time::timeout;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;

use bodies::{BytesMax, Room};
pub use connections::serve;
pub use limits::{
    ADMISSION_BYTES_MAX, ANSWER_BYTES_MAX, DoorLimits, HEAD_BYTES_MAX, MODEL_BYTES_MAX,
    RUNNER_BYTES_MAX, WEBHOOK_BYTES_MAX,
};
use operators::Desk;
pub use operators::{Operators, Tokens};
pub use problem::Problem;

use crate::domain::live::BATCH_BYTES_MAX;
use crate::service::Services;

/// What handlers work with: one for all, since each request's way through the routes copies it.
type Shared = Arc<Services>;

/// The whole server; [`serve`] opens it.
pub fn router(services: Services, limits: DoorLimits, operators: Operators) -> Router {
    let webhooks = Router::new().route("/webhooks/github", post(webhook::github));
    let admission =
        Router::new().route("/runner/v1/attempts/{attempt}/admission", post(runner::admission));
    let runners = Router::new()
        .route("/runner/v1/attempts/{attempt}/brief", get(runner::brief))
        .route("/runner/v1/attempts/{attempt}/heartbeat", post(runner::heartbeat))
        .route("/runner/v1/attempts/{attempt}/stages", post(runner::stage))
        .route("/runner/v1/attempts/{attempt}/prompts", post(runner::prompt))
        .route("/runner/v1/attempts/{attempt}/checkpoint", put(runner::checkpoint))
        .route("/runner/v1/attempts/{attempt}/outcome", post(runner::outcome));
    let events = Router::new().route("/runner/v1/attempts/{attempt}/events", post(live::tell));
    let watched = Router::new()
        .route("/attempts/{attempt}", get(live::page))
        .route("/attempts/{attempt}/events", get(live::stream))
        .route("/attempts/{attempt}/events/socket", get(live::socket));
    let health = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/setup/github/installed", get(setup::installed))
        .route("/", get(health::front));
    let prompt = Router::new()
        .merge(bounded(webhooks, WEBHOOK_BYTES_MAX))
        .merge(bounded(admission, ADMISSION_BYTES_MAX))
        .merge(bounded(runners, RUNNER_BYTES_MAX))
        .merge(bounded(events, BATCH_BYTES_MAX))
        .merge(watched)
        .merge(health)
        .merge(asked_by(operators))
        .layer((
            from_fn(move |request, next| in_time(limits, request, next)),
            Extension(Room::new(limits)),
        ));
    // A model's answer takes minutes; these have limits of their own.
    let models = Router::new()
        .route("/model/{attempt}/spent", get(models::spent))
        .route("/model/{attempt}/{provider}/{*path}", any(models::forward));
    let models = bounded(models, MODEL_BYTES_MAX).layer(Extension(Room::new(limits.of_models())));
    Router::new()
        .merge(prompt)
        .merge(models)
        .method_not_allowed_fallback(problem::wrong_method)
        .fallback(problem::not_found)
        .with_state(Arc::new(services))
        .layer((CatchPanicLayer::new(), TraceLayer::new_for_http().make_span_with(span)))
}

/// What operators ask.
fn asked_by(operators: Operators) -> Router<Shared> {
    let answers = Router::new().route("/api/v1/attempts/{attempt}/answers", post(attempts::answer));
    Router::new()
        .route("/api/v1/stats", get(operators::api_stats))
        .route("/api/v1/flaky", get(operators::api_flaky))
        .route("/.well-known/jwks.json", get(attempts::keys))
        .route("/api/v1/remedies", get(operators::api_remedies))
        .route("/api/v1/attempts/{attempt}/receipt", get(attempts::receipt))
        .route("/api/v1/attempts/{attempt}/documents", get(attempts::documents))
        .route("/api/v1/attempts/{attempt}/prompts", get(attempts::prompts))
        .route("/api/v1/attempts/{attempt}/questions", get(attempts::questions))
        .route("/metrics", get(operators::metrics))
        .merge(bounded(answers, ANSWER_BYTES_MAX))
        .layer(Extension(Arc::new(Desk::new(operators))))
}

/// A span for a request, without what stands behind the `?`: a key may.
fn span(request: &Request) -> Span {
    let (method, path) = (request.method(), request.uri().path());
    tracing::debug_span!("request", %method, path)
}

/// Routes whose bodies have at most that many bytes.
///
/// Layers go together here as everywhere: the outermost first. Each call of `layer` puts what is below
/// into a box that every request copies, with all the boxes in it.
fn bounded(routes: Router<Shared>, bytes_max: usize) -> Router<Shared> {
    routes.layer((
        Extension(BytesMax(bytes_max)),
        from_fn(bodies::as_announced),
        DefaultBodyLimit::max(bytes_max),
    ))
}

/// Gives up on an answer that takes too long: nobody waits for it any more.
async fn in_time(limits: DoorLimits, request: Request, next: Next) -> Result<Response, Problem> {
    let answer = timeout(limits.request, next.run(request)).await;
    answer.map_err(|_| Problem::later("there was no answer in time"))
}
