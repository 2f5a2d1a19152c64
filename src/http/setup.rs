//! `/setup`: one page, one click to GitHub, and back with credentials.
//!
//! Served only while there are no credentials. Whoever reaches it could make the server theirs, so
//! it opens only with the one-time token that the server prints when it starts; the same token is
//! the `state` that GitHub brings back. The page that a person sees after installing the App knows
//! nothing and is open to everybody.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use url::Url;

use super::Problem;
use crate::config::app_manifest::manifest;
use crate::ports::registrar::Registrar;

/// What the set-up page needs.
#[derive(Clone)]
pub struct Setup {
    /// Registers the App.
    pub registrar: Arc<dyn Registrar>,
    /// GitHub's web address.
    pub web_url: Url,
    /// Where GitHub will reach this server.
    pub public_url: Url,
    /// Opens the page; printed when the server starts.
    pub token: SecretString,
    /// Told when credentials are stored.
    pub done: Arc<Notify>,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup")
            .field("public_url", &self.public_url.as_str())
            .finish_non_exhaustive()
    }
}

/// The server before it has credentials.
pub fn router(setup: Setup) -> Router {
    Router::new()
        .route("/setup", get(page))
        .route("/setup/github/callback", get(callback))
        .route("/healthz", get(|| async { "alive\n" }))
        .fallback(|| async {
            Problem::later("selfheal is not set up yet; open /setup as its log says")
        })
        .with_state(setup)
}

#[derive(Deserialize)]
struct Opened {
    token: Option<String>,
    organization: Option<String>,
}

async fn page(
    State(setup): State<Setup>,
    Query(opened): Query<Opened>,
) -> Result<Response, Problem> {
    let token = opened.token.unwrap_or_default();
    known(&setup, &token)?;
    let action = form_action(&setup.web_url, opened.organization.as_deref(), &token);
    let text = manifest(&setup.public_url).to_string();
    Ok(shown(page_markup(&setup, &action, &text)))
}

/// Where the form is sent: the account's or the organisation's new App page.
fn form_action(web_url: &Url, organization: Option<&str>, state: &str) -> String {
    let base = web_url.as_str().trim_end_matches('/');
    let plain = |name: &&str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    match organization.filter(plain) {
        Some(name) => format!("{base}/organizations/{name}/settings/apps/new?state={state}"),
        None => format!("{base}/settings/apps/new?state={state}"),
    }
}

#[derive(Deserialize)]
struct Brought {
    code: Option<String>,
    state: Option<String>,
}

async fn callback(
    State(setup): State<Setup>,
    Query(brought): Query<Brought>,
) -> Result<Response, Problem> {
    known(&setup, &brought.state.unwrap_or_default())?;
    let code = brought
        .code
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "GitHub brought no code"))?;
    let registered = setup
        .registrar
        .register(&code)
        .await
        .map_err(|error| Problem::new(StatusCode::BAD_GATEWAY, error.to_string()))?;
    setup.done.notify_one();
    Ok(shown(done_markup(&registered.page, &registered.slug)))
}

/// Where GitHub brings a person who has installed the App.
pub(super) async fn installed() -> Response {
    shown(frame(
        "selfheal is installed",
        &html! {
            h1 { "selfheal is installed" }
            p { "Each repository without a policy gets a pull request that proposes "
                code { ".github/selfheal.yml" } " and shows the workflow that a person adds as "
                code { ".github/workflows/selfheal.yml" } "." }
            p { "With the workflow on the default branch, the next pull request that goes red is "
                "looked after. Nothing else is to be done here." }
        },
    ))
}

/// Whether somebody has the token; digests are compared, so the time tells nothing of it.
fn known(setup: &Setup, token: &str) -> Result<(), Problem> {
    let same =
        Sha256::digest(token.as_bytes()) == Sha256::digest(setup.token.expose_secret().as_bytes());
    if same {
        Ok(())
    } else {
        let why = "open the address that the server printed when it started, with its token";
        Err(Problem::new(StatusCode::UNAUTHORIZED, why))
    }
}

fn shown(markup: Markup) -> Response {
    let headers = [
        ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
    ];
    (headers, Html(markup.into_string())).into_response()
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;\
    padding:0 1rem;color:#1f2328;background:#fff}button{font:inherit;padding:.5rem 1rem;\
    border:0;border-radius:6px;background:#1f883d;color:#fff;cursor:pointer}code{background:\
    #f0f2f4;padding:.1rem .3rem;border-radius:4px}li{margin:.4rem 0}a{color:#0969da}\
    @media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}\
    code{background:#21262d}a{color:#58a6ff}}";

fn frame(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (content) } }
        }
    }
}

fn page_markup(setup: &Setup, action: &str, manifest: &str) -> Markup {
    let address = setup.public_url.as_str();
    frame(
        "Set up selfheal",
        &html! {
            h1 { "Set up selfheal" }
            p { "One click registers a GitHub App of your own, with exactly the permissions that "
                "selfheal needs. GitHub then brings you back here, and this server keeps the App's "
                "credentials." }
            ul {
                li { "GitHub will reach this server at " code { (address) } ". It must be reachable "
                     "from GitHub; if that is wrong, restart with " code { "--public-url" } "." }
                li { "The App may commit, but never write workflow files: GitHub itself refuses that." }
            }
            form method="post" action=(action) {
                input type="hidden" name="manifest" value=(manifest);
                button type="submit" { "Register the GitHub App" }
            }
            p { "For an organisation, add " code { "&organization=NAME" } " to this page's address." }
        },
    )
}

fn done_markup(page: &str, slug: &str) -> Markup {
    frame(
        "selfheal is set up",
        &html! {
            h1 { "selfheal is set up" }
            p { "The App " code { (slug) } " is registered and its credentials are stored. The server "
                "uses them from now on; there is nothing to restart." }
            h2 { "Next" }
            ol {
                li { a href={ (page) "/installations/new" } { "Install the App" }
                     " on the repositories that it shall heal." }
                li { "selfheal opens a pull request there that proposes "
                     code { ".github/selfheal.yml" } " and shows the workflow to add." }
                li { "Run " code { "selfheal doctor --repo OWNER/NAME" } " to see that everything is "
                     "in place." }
            }
        },
    )
}
