//! The issuer of OIDC tokens that GitHub Actions has: who a run is, signed.
//!
//! A job may ask for tokens with what the runner's environment holds; a test may ask for any. The
//! issuer is on the web's address, GitHub's own has one of its own.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State as Extract};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jsonwebtoken::{Algorithm, Header};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ci::StartedRun;
use crate::{Shared, World, keys};

/// How long a token is valid, as GitHub's are.
const TOKEN_LIFE_SECS: i64 = 300;

/// GitHub dates tokens back a little, for clocks that differ.
const NOT_BEFORE_SECS: i64 = 5;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/_oidc/keys", get(published))
        .route("/_oidc/runs/{run}", get(asked))
        .with_state(shared)
}

async fn discovery(Extract(shared): Extract<Arc<Shared>>) -> Response {
    let issuer = shared.state().web_url.clone();
    axum::Json(json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/_oidc/keys") }))
        .into_response()
}

async fn published() -> Response {
    axum::Json(json!({ "keys": [keys::issuer_key().public] })).into_response()
}

#[derive(Deserialize)]
struct Asking {
    audience: String,
}

/// What a job asks with the address and the token of its environment.
async fn asked(
    Extract(shared): Extract<Arc<Shared>>,
    Path(run): Path<String>,
    Query(asking): Query<Asking>,
    headers: HeaderMap,
) -> Response {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|value| value.split_once(' ')).map_or("", |(_, token)| token);
    let Some(mut claims) = shared.state().identities.get(shown).cloned() else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    if claims["run_id"] != run {
        return StatusCode::FORBIDDEN.into_response();
    }
    claims["jti"] = Value::String(keys::random_hex());
    axum::Json(json!({ "value": shared.signed(&asking.audience, &claims) })).into_response()
}

impl Shared {
    fn signed(&self, audience: &str, claims: &Value) -> String {
        let now = self.now_ms() / 1000;
        let issuer = self.state().web_url.clone();
        let mut all = json!({
            "iss": issuer,
            "aud": audience,
            "iat": now,
            "nbf": now - NOT_BEFORE_SECS,
            "exp": now + TOKEN_LIFE_SECS,
            "event_name": "workflow_dispatch",
            "ref": "refs/heads/main",
        });
        for (name, value) in claims.as_object().into_iter().flatten() {
            all[name] = value.clone();
        }
        let header =
            Header { kid: Some(keys::ISSUER_KEY_ID.into()), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, &all, &keys::issuer_key().signing)
            .expect("invariant: claims can be signed")
    }

    /// Where a job of that run asks for OIDC tokens, and with what.
    pub(crate) fn identity_request(&self, run: &StartedRun) -> (String, String) {
        let claims = json!({
            "repository": run.repository,
            "repository_id": run.repository_id.to_string(),
            "run_id": run.run_id.to_string(),
            "run_attempt": run.run_attempt.to_string(),
            "workflow_ref":
                format!("{}/{}@refs/heads/{}", run.repository, run.workflow, run.branch),
            "event_name": run.event,
            "ref": format!("refs/heads/{}", run.branch),
            "sha": run.sha,
            "actor": run.actor,
        });
        let token = keys::random_hex();
        let mut state = self.state();
        state.identities.insert(token.clone(), claims);
        (format!("{}/_oidc/runs/{}?api-version=2.0", state.web_url, run.run_id), token)
    }
}

impl World {
    /// The issuer of OIDC tokens.
    pub fn oidc_issuer(&self) -> String {
        self.web_url()
    }

    /// A token for that audience with these claims beside the usual ones; they win.
    pub fn identity_token(&self, audience: &str, claims: &Value) -> String {
        self.shared().signed(audience, claims)
    }
}
