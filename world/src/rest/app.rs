//! The App itself: who it is, its webhook, what was delivered, and how it is registered.

use serde_json::{Value, json};

use super::{Ctx, Need, Route, now};
use crate::auth;
use crate::hooks::{Delivery, Fate};
use crate::keys;
use crate::reply::{Answer, Reply};
use crate::state::app::Level;
use crate::time::iso;

/// GitHub keeps deliveries for three days.
const DELIVERIES_KEPT_MS: i64 = 3 * 86_400_000;

pub(super) fn routes() -> Vec<Route> {
    vec![
        now(("GET", "/app"), Need::App, |ctx| Ok(Reply::ok(ctx.state().own_app_json()))),
        now(("POST", "/app-manifests/{code}/conversions"), Need::Nobody, convert),
        now(("GET", "/app/hook/config"), Need::App, |ctx| Ok(Reply::ok(hook_config(ctx)))),
        now(("PATCH", "/app/hook/config"), Need::App, configure_hook),
        now(("GET", "/app/hook/deliveries"), Need::App, deliveries),
        now(("GET", "/app/hook/deliveries/{delivery_id}"), Need::App, delivery),
        now(("POST", "/app/hook/deliveries/{delivery_id}/attempts"), Need::App, redeliver),
        now(("GET", "/users/{username}"), Need::Nobody, user),
        now(("GET", "/rate_limit"), Need::Token, rate_limit),
        now(("GET", "/meta"), Need::Nobody, |_| Ok(Reply::ok(json!({ "hooks": ["127.0.0.0/8"] })))),
    ]
}

/// Turns a manifest that a person accepted into the App; a code works once.
fn convert(ctx: &Ctx) -> Answer {
    let now_ms = ctx.now_ms();
    let mut state = ctx.state();
    let Some(manifest) = state.manifests.remove(ctx.param("code")) else {
        return Err(Reply::not_found());
    };
    let name = manifest["name"].as_str().unwrap_or("selfheal").to_owned();
    state.app.slug = name.to_lowercase().replace([' ', '_'], "-");
    state.app.name = name;
    state.app.webhook_secret = keys::random_hex();
    state.app.created_ms = now_ms;
    let hook = &manifest["hook_attributes"]["url"];
    hook.as_str().unwrap_or_default().clone_into(&mut state.app.hook_url);
    if let Value::Object(asked) = &manifest["default_permissions"] {
        let levels = asked
            .iter()
            .filter_map(|(name, level)| Some((name.clone(), Level::parse(level.as_str()?)?)));
        state.app.permissions = levels.collect();
    }
    if let Value::Array(events) = &manifest["default_events"] {
        state.app.events = events.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    }
    let bot = state.app.bot();
    state.user(&bot);
    let mut shape = state.own_app_json();
    if let Value::Object(fields) = &mut shape {
        fields.insert("client_secret".into(), keys::random_hex().into());
        fields.insert("webhook_secret".into(), state.app.webhook_secret.clone().into());
        fields.insert("pem".into(), keys::app_key().pem.clone().into());
    }
    Ok(Reply::json(201, shape))
}

fn hook_config(ctx: &Ctx) -> Value {
    json!({
        "content_type": "json", "insecure_ssl": "0", "secret": "********",
        "url": ctx.state().app.hook_url,
    })
}

fn configure_hook(ctx: &Ctx) -> Answer {
    let mut state = ctx.state();
    if let Some(url) = ctx.text("url") {
        url.clone_into(&mut state.app.hook_url);
    }
    if let Some(secret) = ctx.text("secret") {
        secret.clone_into(&mut state.app.webhook_secret);
    }
    drop(state);
    Ok(Reply::ok(hook_config(ctx)))
}

/// Newest first; `cursor` is the number of the last delivery seen.
fn deliveries(ctx: &Ctx) -> Answer {
    let size = ctx.asked("per_page").and_then(|text| text.parse().ok()).unwrap_or(30_usize);
    let before = ctx.asked("cursor").and_then(|text| text.parse().ok()).unwrap_or(u64::MAX);
    let wants_failed = ctx.asked("status") == Some("failure");
    let oldest = ctx.now_ms() - DELIVERIES_KEPT_MS;
    let state = ctx.state();
    let tried = state.hooks.log.iter().rev().filter(|one| {
        let code = status_code(one);
        one.fate != Fate::Waiting
            && one.id < before
            && one.at_ms >= oldest
            && (!wants_failed || (400..600).contains(&code))
    });
    let mut shown: Vec<&Delivery> = tried.take(size.clamp(1, 100) + 1).collect();
    let has_more = shown.len() > size;
    shown.truncate(size);
    let mut reply = Reply::ok(shown.iter().map(|one| brief(one)).collect());
    if let (true, Some(last)) = (has_more, shown.last()) {
        let url = &state.api_url;
        let link =
            format!("<{url}/app/hook/deliveries?per_page={size}&cursor={}>; rel=\"next\"", last.id);
        reply.headers.push(("link", link));
    }
    Ok(reply)
}

const fn status_code(delivery: &Delivery) -> u16 {
    match delivery.fate {
        Fate::Answered(status) => status,
        // A connection that failed has no status, and escapes `status=failure`.
        Fate::Waiting | Fate::Lost | Fate::Failed(_) => 0,
    }
}

fn brief(delivery: &Delivery) -> Value {
    let status = match &delivery.fate {
        Fate::Answered(200..300) => "OK".to_owned(),
        Fate::Answered(status) => format!("Invalid HTTP Response: {status}"),
        Fate::Waiting => "pending".into(),
        Fate::Lost | Fate::Failed(_) => "failed to connect to host".into(),
    };
    json!({
        "id": delivery.id,
        "guid": delivery.guid,
        "delivered_at": iso(delivery.at_ms),
        "redelivery": delivery.is_redelivery,
        "duration": 0.1,
        "status": status,
        "status_code": status_code(delivery),
        "event": delivery.event,
        "action": delivery.action,
        "installation_id": delivery.installation,
        "repository_id": delivery.repo,
        "throttled_at": null,
    })
}

fn delivery(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let found = state.hooks.find(ctx.number("delivery_id")).ok_or_else(Reply::not_found)?;
    let mut shape = brief(found);
    if let Value::Object(fields) = &mut shape {
        let headers = json!({ "X-GitHub-Event": found.event, "X-GitHub-Delivery": found.guid });
        let request = json!({ "headers": headers, "payload": found.payload });
        fields.insert("request".into(), request);
        fields.insert("response".into(), json!({ "headers": {}, "payload": null }));
    }
    Ok(Reply::ok(shape))
}

fn redeliver(ctx: &Ctx) -> Answer {
    let now_ms = ctx.now_ms();
    if ctx.state().redeliver(ctx.number("delivery_id"), now_ms) {
        Ok(Reply::json(202, json!({})))
    } else {
        Err(Reply::not_found())
    }
}

fn user(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let login = ctx.param("username");
    let user = state.find_user(login).ok_or_else(Reply::not_found)?;
    Ok(Reply::ok(state.user_json(&user.login)))
}

fn rate_limit(ctx: &Ctx) -> Answer {
    auth::token(&ctx.state(), &ctx.bearer, ctx.now_ms())?;
    let core = json!({ "limit": 5000, "used": 0, "remaining": 5000, "reset": 0 });
    Ok(Reply::ok(json!({ "resources": { "core": core }, "rate": core })))
}
