//! One request, from bytes to answer.
//!
//! The order is fixed: which route, counted, contract, faults, who asks, permission, the route
//! itself. So a request that breaks the contract is reported even when a fault would have hidden
//! it, and a fault never changes the state, except a dropped answer, which comes last.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State as Extract};
use axum::http::{HeaderMap, Response};
use serde_json::{Value, json};

use crate::Shared;
use crate::auth::{self, Caller};
use crate::contract::{Fit, contract, decoded};
use crate::faults::{Faults, Trouble};
use crate::graphql;
use crate::reply::{Answer, Reply};
use crate::rest::{self, Ctx, Need, Route};
use crate::wire::Cut;

/// GitHub refuses bodies beyond this; blobs are its largest (100 MB), ours need less.
const BODY_BYTES_MAX: usize = 40 * 1024 * 1024;

/// Requests an hour, as for an installation on github.com.
const RATE_LIMIT: usize = 5000;

/// The API versions that exist.
const API_VERSIONS: &[&str] = &["2022-11-28", "2026-03-10"];

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(respond).with_state(shared)
}

/// A request, taken apart.
struct Asked {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    headers: HeaderMap,
    body: Option<Value>,
}

async fn respond(
    Extract(shared): Extract<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response<Body> {
    let asked = match take_apart(request).await {
        Ok(asked) => asked,
        Err(reply) => return reply.into_response(),
    };
    let method = asked.method.clone();
    let Some((route, fit)) = routed(&shared, &asked) else {
        let text = format!("{method} {} is no operation of GitHub's description", asked.path);
        shared.state().ledger.violations.push(text.clone());
        return Reply::refused(500, text).into_response();
    };
    let template = fit.template;
    let delay_ms = shared.state().faults.delay_ms(template);
    if delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
    let answer = match before(&shared, &asked, template) {
        Ok(()) => in_full(Arc::clone(&shared), asked, route, fit).await,
        Err(Stop::Hang) => std::future::pending().await,
        Err(Stop::Reply(reply)) => Err(*reply),
    };
    let mut reply = answer.unwrap_or_else(|refused| refused);
    if let Some(bug) = reply.as_bug() {
        shared.state().ledger.bugs.push(format!("{method} {template}: {bug}"));
    }
    limit_headers(&shared, &mut reply);
    if is_dropped(&shared, &method, template) {
        cut.now();
    }
    reply.into_response()
}

/// Whether the answer is lost on its way, on order or by chance.
fn is_dropped(shared: &Shared, method: &str, template: &str) -> bool {
    let mut state = shared.state();
    let odds = state.luck.odds.answers_dropped;
    state.faults.drops(method, template) || state.luck.chance.happens(odds)
}

async fn take_apart(request: Request) -> Result<Asked, Reply> {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, BODY_BYTES_MAX)
        .await
        .map_err(|_| Reply::refused(413, "Payload too large"))?;
    let body = if bytes.is_empty() {
        None
    } else {
        let parsed = serde_json::from_slice(&bytes);
        Some(parsed.map_err(|_| Reply::refused(400, "Problems parsing JSON"))?)
    };
    let query = parts.uri.query().unwrap_or_default();
    let query = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(&value.replace('+', " "))))
        .collect();
    Ok(Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query,
        headers: parts.headers,
        body,
    })
}

/// The route that a request means; numeric `/repositories/{id}` paths mean the named ones.
fn routed(shared: &Shared, asked: &Asked) -> Option<(Option<&'static Route>, Fit)> {
    if asked.path == "/graphql" {
        return Some((None, Fit { template: "/graphql", params: BTreeMap::new() }));
    }
    let path = named_path(shared, &asked.path);
    let fit = contract().fit(&asked.method, &path)?;
    let route = rest::routes()
        .iter()
        .find(|route| route.method == asked.method && route.template == fit.template);
    Some((route, fit))
}

fn named_path(shared: &Shared, path: &str) -> String {
    let Some(rest) = path.strip_prefix("/repositories/") else { return path.to_owned() };
    let (id, tail) =
        rest.split_once('/').map_or((rest, String::new()), |(id, tail)| (id, format!("/{tail}")));
    let state = shared.state();
    let slug = id.parse().ok().and_then(|id| state.repo(id)).map(crate::state::repo::Repo::slug);
    // An unknown number must fit the description all the same, and be answered with 404.
    format!("/repos/{}{tail}", slug.unwrap_or_else(|| "no/such".into()))
}

/// Why a request goes no further.
enum Stop {
    Hang,
    Reply(Box<Reply>),
}

impl From<Reply> for Stop {
    fn from(reply: Reply) -> Self {
        Self::Reply(Box::new(reply))
    }
}

/// Counts a request, and holds it against contract and faults.
fn before(shared: &Shared, asked: &Asked, template: &'static str) -> Result<(), Stop> {
    let now_ms = shared.now_ms();
    let mut found = header_breaches(&asked.headers);
    if template != "/graphql" {
        let operation = (asked.method.as_str(), template);
        found.extend(contract().breaches(operation, &asked.query, asked.body.as_ref()));
    }
    let mut state = shared.state();
    state.ledger.requests.push((asked.method.clone(), template.to_owned()));
    if !found.is_empty() {
        let text = format!("{} {template}: {}", asked.method, found.join("; "));
        state.ledger.violations.push(text.clone());
        return Err(Reply::refused(500, text).into());
    }
    let ordered = state.faults.before(&asked.method, template, now_ms);
    match ordered.or_else(|| Faults::by_chance(&mut state.luck)) {
        None => Ok(()),
        Some(Trouble::Hang) => Err(Stop::Hang),
        Some(Trouble::Status(status)) => Err(Reply::refused(status, "Server Error").into()),
        Some(Trouble::Primary { until_ms }) => Err(primary_limit(template, until_ms).into()),
        Some(Trouble::Secondary { retry_after_secs }) => {
            let text = "You have exceeded a secondary rate limit. Please wait a few minutes \
                        before you try again.";
            let mut reply = Reply::refused(403, text);
            reply.headers.push(("retry-after", retry_after_secs.to_string()));
            Err(reply.into())
        }
    }
}

fn primary_limit(template: &str, until_ms: i64) -> Reply {
    let text = "API rate limit exceeded for installation.";
    let mut reply = if template == "/graphql" {
        Reply::ok(json!({ "errors": [{ "type": "RATE_LIMITED", "message": text }] }))
    } else {
        Reply::refused(403, text)
    };
    reply.headers.push(("x-ratelimit-limit", RATE_LIMIT.to_string()));
    reply.headers.push(("x-ratelimit-remaining", "0".into()));
    reply.headers.push(("x-ratelimit-reset", (until_ms.div_euclid(1000) + 1).to_string()));
    reply
}

fn header_breaches(headers: &HeaderMap) -> Vec<String> {
    let mut found = Vec::new();
    let versions: Vec<_> = headers.get_all("x-github-api-version").iter().collect();
    if versions.len() > 1 {
        found.push(format!("{} X-GitHub-Api-Version headers", versions.len()));
    }
    for version in versions {
        if !version.to_str().is_ok_and(|text| API_VERSIONS.contains(&text)) {
            found.push(format!("unknown API version {version:?}"));
        }
    }
    found
}

/// Answers to the end: who asks may hang up, and what was begun is done all the same.
async fn in_full(
    shared: Arc<Shared>,
    asked: Asked,
    route: Option<&'static Route>,
    fit: Fit,
) -> Answer {
    let answer = tokio::spawn(async move { answered(&shared, asked, route, fit).await });
    answer.await.unwrap_or_else(|error| Err(Reply::refused(500, error.to_string())))
}

async fn answered(
    shared: &Arc<Shared>,
    asked: Asked,
    route: Option<&'static Route>,
    fit: Fit,
) -> Answer {
    if !asked.headers.contains_key("user-agent") {
        return Err(Reply::refused(
            403,
            "Request forbidden by administrative rules. Please make sure your request has a \
             User-Agent header.",
        ));
    }
    let template = fit.template;
    let header = asked.headers.get("authorization").and_then(|value| value.to_str().ok());
    let caller = auth::caller(&shared.state(), header, shared.now_ms())?;
    let bearer = header.and_then(|value| value.split_once(' ')).map(|(_, value)| value.to_owned());
    let mut ctx = Ctx {
        shared: Arc::clone(shared),
        caller,
        params: fit.params,
        query: asked.query,
        body: asked.body.unwrap_or(Value::Null),
        repo: None,
        bearer: bearer.unwrap_or_default(),
        method: asked.method,
        path: asked.path,
        accepts: asked
            .headers
            .get("accept")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned(),
        is_new_version: asked
            .headers
            .get("x-github-api-version")
            .is_some_and(|version| version == "2026-03-10"),
    };
    if template == "/graphql" {
        return graphql::answer(ctx).await;
    }
    let Some(route) = route else {
        let text = format!("{} {template} is not built", ctx.method);
        return Err(Reply::bug(&anyhow::anyhow!(text)));
    };
    permitted(&mut ctx, route)?;
    route.run.call(ctx).await
}

/// Finds the repository, and refuses who may not do this there.
fn permitted(ctx: &mut Ctx, route: &Route) -> Result<(), Reply> {
    match (&ctx.caller, &route.need) {
        (_, Need::Nobody)
        | (Caller::App, Need::App)
        | (Caller::Installation(_), Need::Token | Need::Any(_)) => {}
        (Caller::Nobody, _) => return Err(Reply::refused(401, "Requires authentication")),
        (Caller::Installation(_), Need::App) => {
            return Err(Reply::refused(401, "A JSON web token could not be decoded"));
        }
        (Caller::App, Need::Token | Need::Any(_)) => return Err(Reply::forbidden()),
    }
    if route.template.starts_with("/repos/{owner}/{repo}") {
        ctx.repo = Some(repository(ctx)?);
    }
    if let Need::Any(permissions) = &route.need {
        let held = permissions.iter().any(|(name, level)| ctx.caller.has(name, *level));
        if !held {
            return Err(Reply::forbidden());
        }
    }
    Ok(())
}

fn repository(ctx: &Ctx) -> Result<u64, Reply> {
    let state = ctx.shared.state();
    let (owner, name) = (ctx.param("owner"), ctx.param("repo"));
    let Some(repo) = state.repo_named(owner, name).filter(|repo| !repo.is_deleted) else {
        return Err(moved(&state, &format!("{owner}/{name}"), ctx));
    };
    match &ctx.caller {
        Caller::Installation(token) if auth::reaches(&state, token, repo.id) => Ok(repo.id),
        Caller::App | Caller::Nobody => Ok(repo.id),
        Caller::Installation(_) => Err(Reply::not_found()),
    }
}

/// A renamed repository is redirected to by its number.
fn moved(state: &crate::state::State, slug: &str, ctx: &Ctx) -> Reply {
    let known = state
        .repos
        .values()
        .find(|repo| repo.old_slugs.iter().any(|old| old.eq_ignore_ascii_case(slug)));
    let Some(repo) = known else { return Reply::not_found() };
    let tail = ctx.path.splitn(5, '/').nth(4).map_or(String::new(), |tail| format!("/{tail}"));
    let url = format!("{}/repositories/{}{tail}", state.api_url, repo.id);
    let status = if ctx.method == "GET" { 301 } else { 307 };
    let mut reply = Reply::json(status, json!({ "message": "Moved Permanently", "url": url }));
    reply.headers.push(("location", url));
    reply
}

fn limit_headers(shared: &Shared, reply: &mut Reply) {
    if reply.headers.iter().any(|(name, _)| *name == "x-ratelimit-limit") {
        return;
    }
    let state = shared.state();
    let used = state.ledger.requests.len() % RATE_LIMIT;
    let remaining = state.faults.remaining.unwrap_or(RATE_LIMIT - used);
    let hour = shared.now_ms().div_euclid(3_600_000) + 1;
    reply.headers.push(("x-ratelimit-limit", RATE_LIMIT.to_string()));
    reply.headers.push(("x-ratelimit-remaining", remaining.to_string()));
    reply.headers.push(("x-ratelimit-reset", (hour * 3600).to_string()));
}
