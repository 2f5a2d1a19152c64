//! What is not API: signed addresses of logs, and registering an App from a manifest.
//!
//! It listens on another port than the API, as another host does: a client that carries its
//! `Authorization` header over here is caught.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Path, Query, State as Extract};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::Value;

use crate::Shared;
use crate::{keys, oidc, pages, smart_http};

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/_blobs/{signature}", get(blob))
        .route("/settings/apps/new", post(register))
        .route("/organizations/{org}/settings/apps/new", post(register))
        .with_state(Arc::clone(&shared))
        .merge(oidc::router(Arc::clone(&shared)))
        .merge(smart_http::router(Arc::clone(&shared)))
        .merge(pages::router(shared))
}

async fn blob(
    Extract(shared): Extract<Arc<Shared>>,
    Path(signature): Path<String>,
    headers: HeaderMap,
) -> Response {
    let now_ms = shared.now_ms();
    let mut state = shared.state();
    if headers.contains_key(header::AUTHORIZATION) {
        let text = "a signed address was asked with an Authorization header";
        state.ledger.violations.push(text.into());
        return (StatusCode::BAD_REQUEST, text).into_response();
    }
    match state.blobs.get(&signature) {
        Some(blob) if blob.until_ms > now_ms => kept(blob.bytes.clone()),
        Some(_) => (StatusCode::FORBIDDEN, "the address has expired").into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A storage hands out what it was given: what was packed by gzip is unpacked by whoever asks.
fn kept(bytes: Vec<u8>) -> Response {
    let is_packed = bytes.starts_with(&GZIP);
    let mut response = bytes.into_response();
    if is_packed {
        let packed = HeaderValue::from_static("gzip");
        response.headers_mut().insert(header::CONTENT_ENCODING, packed);
    }
    response
}

/// What gzip begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

#[derive(Deserialize)]
struct Registering {
    manifest: String,
}

#[derive(Deserialize)]
struct Returning {
    state: Option<String>,
}

/// The page where a person confirms a manifest; here, they always do.
async fn register(
    Extract(shared): Extract<Arc<Shared>>,
    Query(query): Query<Returning>,
    Form(form): Form<Registering>,
) -> Response {
    let Ok(manifest) = serde_json::from_str::<Value>(&form.manifest) else {
        return (StatusCode::UNPROCESSABLE_ENTITY, "the manifest is not JSON").into_response();
    };
    let Some(back) = manifest["redirect_url"].as_str() else {
        return (StatusCode::UNPROCESSABLE_ENTITY, "redirect_url is missing").into_response();
    };
    let code = keys::random_hex();
    let state = query.state.unwrap_or_default();
    let target = format!("{back}?code={code}&state={state}");
    shared.state().manifests.insert(code, manifest);
    Redirect::to(&target).into_response()
}
