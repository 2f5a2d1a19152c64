//! `POST /webhooks/github`: verify, record what is read of it later, answer. Nothing else is done here.
//!
//! 202 recorded, 200 known already or of no interest, 400 malformed, 401 not authentic (told before
//! the body, where no signature is), 408 too slow, 413 too large, 503 the store is not available, or
//! too much waits in it or on its way. What is answered with 202 is durable.

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::bodies::Whole;
use super::{Problem, Shared};
use crate::domain::chain::Chain;
use crate::domain::ids::DeliveryId;
use crate::ports::inbound::{NotAuthentic, Sorted};
use crate::ports::store::{Inserted, NewDelivery, StoreError};
use crate::service::Services;

const DELIVERY: &str = "x-github-delivery";
const EVENT: &str = "x-github-event";
const SIGNATURE: &str = "x-hub-signature-256";

/// What headers say that have a signature among them: without one no body is waited for. The rest of
/// the head, and the memory that it was read into, is let go before the body is read.
pub(super) struct Signed {
    signature: Option<String>,
    event: Option<String>,
    id: Option<String>,
}

impl FromRequestParts<Shared> for Signed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, services: &Shared) -> Result<Self, Problem> {
        let signature = text(&parts.headers, SIGNATURE);
        services.inbound.is_signed(signature.as_deref()).map_err(|error| not_authentic(&error))?;
        Ok(Self {
            signature,
            event: text(&parts.headers, EVENT),
            id: text(&parts.headers, DELIVERY),
        })
    }
}

fn not_authentic(error: &NotAuthentic) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, format!("{error}; is the webhook secret the same?"))
}

pub(super) async fn github(
    State(services): State<Shared>,
    Signed { signature, event, id }: Signed,
    body: Whole,
) -> Result<Response, Problem> {
    let bad = |detail: &str| Problem::new(StatusCode::BAD_REQUEST, detail);
    let verified = services.inbound.verify_pieces(body.blocks(), signature.as_deref());
    verified.map_err(|error| not_authentic(&error))?;
    let (body, _place) = body.joined();
    let event = event.ok_or_else(|| bad("the header X-GitHub-Event is missing"))?;
    let id = id
        .ok_or_else(|| bad("the header X-GitHub-Delivery is missing"))
        .and_then(|id| DeliveryId::parse(&id).map_err(|error| bad(&error.to_string())))?;
    if body.starts_with(b"payload=") {
        return Err(bad("set the webhook's content type to application/json"));
    }
    match services.inbound.sort(&event, &body).map_err(|error| bad(&error.to_string()))? {
        Sorted::NoInterest(why) => Ok((StatusCode::OK, why).into_response()),
        Sorted::Kept { repo, body } => {
            let received_at = services.clock.now();
            record(&services, NewDelivery { id, event, repo, body, received_at }).await
        }
    }
}

async fn record(services: &Services, delivery: NewDelivery) -> Result<Response, Problem> {
    let id = delivery.id.clone();
    match services.store.insert_delivery(delivery).await {
        Ok(Inserted::New) => {
            tracing::info!(delivery.id = %id, "delivery recorded");
            services.wake.notify_one();
            Ok((StatusCode::ACCEPTED, "recorded").into_response())
        }
        Ok(Inserted::Duplicate) => Ok((StatusCode::OK, "known already").into_response()),
        Err(error @ StoreError::Full { .. }) => {
            tracing::warn!(delivery.id = %id, %error, "a delivery has to come again");
            Err(Problem::later(error.to_string()))
        }
        Err(error) => {
            tracing::error!(
                delivery.id = %id,
                error = %Chain(&error),
                "delivery could not be recorded"
            );
            Err(Problem::later("the delivery could not be recorded; send it again"))
        }
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}
