//! `/runner/v1/…`: what a runner asks for and reports. Every route but the first takes the bearer
//! token of one attempt, and looks at it before it reads the body; 410 tells a runner that its
//! attempt is over.

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};

use super::bodies::Told;
use super::{Problem, Shared};
use crate::domain::brief::{Admission, Brief, Identity, Instruction, StageReport};
use crate::domain::chain::Chain;
use crate::domain::checkpoint::Checkpoint;
use crate::domain::ids::AttemptId;
use crate::domain::inputs::Prompt;
use crate::domain::outcome::Outcome;
use crate::ports::store::RunnerView;
use crate::service::Services;
use crate::service::runners::{self, RunnerError};

impl From<RunnerError> for Problem {
    fn from(error: RunnerError) -> Self {
        let status = match &error {
            RunnerError::Unknown => StatusCode::NOT_FOUND,
            RunnerError::NotYou(_) => StatusCode::UNAUTHORIZED,
            RunnerError::Over => StatusCode::GONE,
            RunnerError::Bad(_) => StatusCode::UNPROCESSABLE_ENTITY,
            RunnerError::Later(cause) => {
                tracing::warn!(error = %Chain(cause), "a runner has to wait");
                return Self::later(error.to_string());
            }
        };
        Self::new(status, error.to_string())
    }
}

type Answer<T> = Result<Json<T>, Problem>;

fn attempt(text: &str) -> Result<AttemptId, Problem> {
    AttemptId::parse(text).map_err(|error| Problem::new(StatusCode::NOT_FOUND, error.to_string()))
}

/// The attempt that a request is about, and the token that it carries.
pub(super) async fn asker(
    parts: &mut Parts,
    services: &Services,
) -> Result<(AttemptId, String), Problem> {
    let token = bearer(&parts.headers)?.to_owned();
    Ok((attempt_of(parts, services).await?, token))
}

/// The attempt that a request's path names.
pub(super) async fn attempt_of(
    parts: &mut Parts,
    services: &Services,
) -> Result<AttemptId, Problem> {
    let Path(id) = Path::<String>::from_request_parts(parts, services)
        .await
        .map_err(|error| Problem::new(error.status(), error.body_text()))?;
    attempt(&id)
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "a bearer token is needed"))
}

/// The runner that asks, known by its token.
pub(super) struct Known(RunnerView);

impl FromRequestParts<Shared> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, services: &Shared) -> Result<Self, Problem> {
        let (attempt, token) = asker(parts, services).await?;
        Ok(Self(runners::with_token(services, attempt, &token).await?))
    }
}

pub(super) async fn admission(
    State(services): State<Shared>,
    Path(id): Path<String>,
    Told(identity): Told<Identity>,
) -> Answer<Admission> {
    Ok(Json(runners::admit(&services, attempt(&id)?, &identity).await?))
}

pub(super) async fn brief(State(services): State<Shared>, Known(view): Known) -> Answer<Brief> {
    Ok(Json(runners::brief(&services, &view).await?))
}

pub(super) async fn heartbeat(
    State(services): State<Shared>,
    Known(view): Known,
) -> Answer<Instruction> {
    Ok(Json(runners::heartbeat(&services, &view).await?))
}

pub(super) async fn stage(
    State(services): State<Shared>,
    Known(view): Known,
    Told(report): Told<StageReport>,
) -> Answer<Instruction> {
    Ok(Json(runners::stage(&services, &view, &report).await?))
}

pub(super) async fn checkpoint(
    State(services): State<Shared>,
    Known(view): Known,
    Told(checkpoint): Told<Checkpoint>,
) -> Answer<Instruction> {
    Ok(Json(runners::checkpoint(&services, &view, checkpoint).await?))
}

pub(super) async fn prompt(
    State(services): State<Shared>,
    Known(view): Known,
    Told(prompt): Told<Prompt>,
) -> Answer<Instruction> {
    Ok(Json(runners::prompt(&services, &view, &prompt).await?))
}

pub(super) async fn outcome(
    State(services): State<Shared>,
    Known(view): Known,
    Told(outcome): Told<Outcome>,
) -> Answer<Instruction> {
    Ok(Json(runners::outcome(&services, &view, &outcome).await?))
}
