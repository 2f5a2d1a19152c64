//! `/runner/v1/…`: what a runner asks for and reports. Every route but the first takes the bearer
//! token of one attempt; 410 tells a runner that its attempt is over.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};

use super::Problem;
use crate::domain::brief::{Admission, Brief, Identity, Instruction, StageReport};
use crate::domain::ids::AttemptId;
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
                tracing::warn!(error = cause as &dyn std::error::Error, "a runner has to wait");
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

async fn known(services: &Services, id: &str, headers: &HeaderMap) -> Result<RunnerView, Problem> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "a bearer token is needed"))?;
    Ok(runners::with_token(services, attempt(id)?, token).await?)
}

pub(super) async fn admission(
    State(services): State<Services>,
    Path(id): Path<String>,
    Json(identity): Json<Identity>,
) -> Answer<Admission> {
    Ok(Json(runners::admit(&services, attempt(&id)?, &identity).await?))
}

pub(super) async fn brief(
    State(services): State<Services>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer<Brief> {
    let view = known(&services, &id, &headers).await?;
    Ok(Json(runners::brief(&services, &view).await?))
}

pub(super) async fn heartbeat(
    State(services): State<Services>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer<Instruction> {
    let view = known(&services, &id, &headers).await?;
    Ok(Json(runners::heartbeat(&services, &view).await?))
}

pub(super) async fn stage(
    State(services): State<Services>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(report): Json<StageReport>,
) -> Answer<Instruction> {
    let view = known(&services, &id, &headers).await?;
    Ok(Json(runners::stage(&services, &view, &report).await?))
}

pub(super) async fn outcome(
    State(services): State<Services>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(outcome): Json<Outcome>,
) -> Answer<Instruction> {
    let view = known(&services, &id, &headers).await?;
    Ok(Json(runners::outcome(&services, &view, &outcome).await?))
}
