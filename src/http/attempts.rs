//! `/api/v1/attempts/…`: an attempt's receipt, its documents and prompts, its questions, and answers to them.
//!
//! The public half of the key that signs receipts is everybody's. All else is for operators, behind the API's token, which is looked at before anything else of a request. An
//! answer is recorded and answered with 202; whether its author may answer, and whether the attempt
//! still waits, is decided like that of a comment: what came of it stands with the questions.

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use jsonwebtoken::jwk::JwkSet;
use serde::{Deserialize, Serialize};

use super::bodies::Told;
use super::operators::Desk;
use super::runner::attempt_of;
use super::{Problem, Shared};
use crate::domain::chain::Chain;
use crate::domain::document::Document;
use crate::domain::ids::{AttemptId, Login};
use crate::domain::inputs::Prompt;
use crate::ports::store::StoreError;
use crate::service::ServiceError;
use crate::service::questions::{self, NotAsked, Questions};
use crate::service::receipts::{self, Signed, Signer};

/// The attempt that somebody with the API's token asks about.
pub(super) struct Asked(AttemptId);

impl FromRequestParts<Shared> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, services: &Shared) -> Result<Self, Problem> {
        let no_desk = || Problem::new(StatusCode::NOT_FOUND, "there is nothing here");
        parts.extensions.get::<Arc<Desk>>().ok_or_else(no_desk)?.admits_to_api(&parts.headers)?;
        attempt_of(parts, services).await.map(Self)
    }
}

fn later(error: &ServiceError) -> Problem {
    tracing::warn!(error = %Chain(error), "an attempt could not be read");
    Problem::later("the store is not available")
}

fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is no such attempt")
}

/// `GET …/receipt`: as `selfheal receipt` prints it.
pub(super) async fn receipt(
    State(services): State<Shared>,
    Extension(desk): Extension<Arc<Desk>>,
    Asked(attempt): Asked,
) -> Result<Json<Signed>, Problem> {
    let receipt = receipts::receipt(services.as_ref().into(), attempt)
        .await
        .map_err(|error| later(&error))?;
    let receipt = receipt.ok_or_else(unknown)?;
    let signed = Signed::by(desk.signer(), receipt).map_err(|error| {
        tracing::error!(error = %Chain(&error), "a receipt is not signed");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the receipt could not be signed")
    })?;
    Ok(Json(signed))
}

/// `GET /.well-known/jwks.json`: the keys by which receipts are signed, for everybody. None where nothing
/// is signed.
pub(super) async fn keys(Extension(desk): Extension<Arc<Desk>>) -> Json<JwkSet> {
    Json(desk.signer().map_or(JwkSet { keys: Vec::new() }, Signer::keys))
}

/// Documents of an attempt.
#[derive(Debug, Serialize)]
pub(super) struct Documents {
    /// In the order in which they were written.
    documents: Vec<Document>,
}

/// `GET …/documents`: what its stages wrote; `docs/schemas` says what stands in them.
pub(super) async fn documents(
    State(services): State<Shared>,
    Asked(attempt): Asked,
) -> Result<Json<Documents>, Problem> {
    let view = services.store.runner_view(attempt).await.map_err(|error| later(&error.into()))?;
    let documents = view.ok_or_else(unknown)?.documents;
    Ok(Json(Documents { documents }))
}

/// What fixers were told.
#[derive(Debug, Serialize)]
pub(super) struct Prompts {
    /// In that order.
    prompts: Vec<Prompt>,
}

/// `GET …/prompts`: what its fixers were told; the SHA-256 of each text stands in the receipt.
pub(super) async fn prompts(
    State(services): State<Shared>,
    Asked(attempt): Asked,
) -> Result<Json<Prompts>, Problem> {
    let later = |error: StoreError| later(&error.into());
    services.store.runner_view(attempt).await.map_err(later)?.ok_or_else(unknown)?;
    let prompts = services.inputs.prompts(attempt).await.map_err(later)?;
    Ok(Json(Prompts { prompts: prompts.into_iter().map(|told| told.prompt).collect() }))
}

/// `GET …/questions`: what it asks, and the answers so far.
pub(super) async fn questions(
    State(services): State<Shared>,
    Asked(attempt): Asked,
) -> Result<Json<Questions>, Problem> {
    let questions =
        questions::questions(&services, attempt).await.map_err(|error| later(&error))?;
    questions.map(Json).ok_or_else(unknown)
}

/// An answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    /// The login of who answers; they need the right to write, as in a comment.
    by: String,
    /// What stands behind `/selfheal answer`: `1: … 2: …`.
    answer: String,
}

/// `POST …/answers`: as `/selfheal answer` in a comment.
pub(super) async fn answer(
    State(services): State<Shared>,
    Asked(attempt): Asked,
    Told(answer): Told<Answer>,
) -> Result<Response, Problem> {
    let bad = |why: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why);
    let by = Login::parse(&answer.by).map_err(|error| bad(format!("`by`: {error}")))?;
    match questions::answer(&services, attempt, by, answer.answer).await {
        Ok(()) => Ok((StatusCode::ACCEPTED, "recorded").into_response()),
        Err(NotAsked::Unknown) => Err(unknown()),
        Err(error @ NotAsked::NotWaiting) => {
            Err(Problem::new(StatusCode::CONFLICT, error.to_string()))
        }
        Err(NotAsked::Wrong(why)) => Err(bad(format!("`answer`: {why}"))),
        Err(NotAsked::Later(error)) => Err(later(&error)),
    }
}
