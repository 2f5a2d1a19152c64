//! Installations and their tokens.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Ctx, Need, Route, now};
use crate::auth::{Caller, grants, reaches, suspended};
use crate::keys;
use crate::reply::{Answer, Reply};
use crate::shapes::permissions_json;
use crate::state::State;
use crate::state::app::{Installation, Level, Permissions, Token};
use crate::time::iso;

/// Installation tokens live for an hour.
const TOKEN_LIFE_MS: i64 = 3_600_000;

pub(super) fn routes() -> Vec<Route> {
    vec![
        now(("GET", "/app/installations"), Need::App, list),
        now(("GET", "/app/installations/{installation_id}"), Need::App, show),
        now(("DELETE", "/app/installations/{installation_id}"), Need::App, delete),
        now(
            ("POST", "/app/installations/{installation_id}/access_tokens"),
            Need::App,
            access_token,
        ),
        now(("GET", "/repos/{owner}/{repo}/installation"), Need::App, of_repo),
        now(("GET", "/users/{username}/installation"), Need::App, |ctx| {
            of_account(ctx, ctx.param("username"))
        }),
        now(("GET", "/orgs/{org}/installation"), Need::App, |ctx| {
            of_account(ctx, ctx.param("org"))
        }),
        now(("GET", "/installation/repositories"), Need::Token, repositories),
        now(("DELETE", "/installation/token"), Need::Token, revoke),
    ]
}

fn list(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let all = state.installations.values().map(|one| state.installation_json(one)).collect();
    drop(state);
    Ok(ctx.page(all))
}

fn found(ctx: &Ctx, state: &State) -> Result<Installation, Reply> {
    let id = ctx.number("installation_id");
    state.installations.get(&id).cloned().ok_or_else(Reply::not_found)
}

fn show(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let installation = found(ctx, &state)?;
    Ok(Reply::ok(state.installation_json(&installation)))
}

fn delete(ctx: &Ctx) -> Answer {
    let now_ms = ctx.now_ms();
    let mut state = ctx.state();
    let installation = found(ctx, &state)?;
    let account = installation.account.clone();
    state.uninstall(installation.id, &account, now_ms);
    Ok(Reply::empty(204))
}

fn of_repo(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let found = state.installation_of(ctx.repo()).ok_or_else(Reply::not_found)?;
    Ok(Reply::ok(state.installation_json(found)))
}

fn of_account(ctx: &Ctx, account: &str) -> Answer {
    let state = ctx.state();
    let mut all = state.installations.values();
    let found = all.find(|one| one.account.eq_ignore_ascii_case(account));
    Ok(Reply::ok(state.installation_json(found.ok_or_else(Reply::not_found)?)))
}

fn access_token(ctx: &Ctx) -> Answer {
    let now_ms = ctx.now_ms();
    let mut state = ctx.state();
    let installation = found(ctx, &state)?;
    if installation.suspended_ms.is_some() {
        return Err(suspended());
    }
    let permissions = narrowed(&installation, &ctx.body["permissions"])?;
    let repos = chosen(&state, &installation, &ctx.body)?;
    let token = Token {
        installation: installation.id,
        repos: repos.clone(),
        permissions: permissions.clone(),
        until_ms: now_ms + TOKEN_LIFE_MS,
    };
    let value = keys::installation_token();
    state.tokens.insert(value.clone(), token);
    let selection = if repos.is_some() { "selected" } else { installation.selection.text() };
    let mut shape = json!({
        "token": value,
        "expires_at": iso(now_ms + TOKEN_LIFE_MS),
        "permissions": permissions_json(&permissions),
        "repository_selection": selection,
    });
    if let (Some(repos), Value::Object(fields)) = (repos, &mut shape) {
        let listed = repos.iter().map(|id| state.repo_json(*id)).collect();
        fields.insert("repositories".into(), listed);
    }
    Ok(Reply::json(201, shape))
}

fn narrowed(installation: &Installation, asked: &Value) -> Result<Permissions, Reply> {
    let Value::Object(asked) = asked else { return Ok(installation.permissions.clone()) };
    let mut permissions = Permissions::from([("metadata".to_owned(), Level::Read)]);
    for (name, level) in asked {
        let level = level.as_str().and_then(Level::parse);
        let granted = level.filter(|level| grants(&installation.permissions, name, *level));
        let Some(level) = granted else {
            return Err(Reply::refused(
                422,
                "The permissions requested are not granted to this installation.",
            ));
        };
        permissions.insert(name.clone(), level);
    }
    Ok(permissions)
}

fn chosen(
    state: &State,
    installation: &Installation,
    body: &Value,
) -> Result<Option<BTreeSet<u64>>, Reply> {
    let by_id = body["repository_ids"].as_array();
    let by_name = body["repositories"].as_array();
    if by_id.is_none() && by_name.is_none() {
        return Ok(None);
    }
    let ids = by_id.into_iter().flatten().map(Value::as_u64);
    let named = by_name.into_iter().flatten().map(|name| {
        let name = name.as_str()?;
        state.repo_named(&installation.account, name).map(|repo| repo.id)
    });
    let mut repos = BTreeSet::new();
    for id in ids.chain(named) {
        let reached = id.filter(|id| {
            state.installation_of(*id).is_some_and(|found| found.id == installation.id)
        });
        let Some(id) = reached else {
            return Err(Reply::refused(
                422,
                "There is at least one repository that does not exist or is not accessible to \
                 the parent installation.",
            ));
        };
        repos.insert(id);
    }
    Ok(Some(repos))
}

fn repositories(ctx: &Ctx) -> Answer {
    let Caller::Installation(token) = &ctx.caller else { return Err(Reply::forbidden()) };
    let state = ctx.state();
    let reached = state.repos.values().filter(|repo| reaches(&state, token, repo.id));
    let reached = reached.filter(|repo| !repo.is_deleted);
    let all = reached.map(|repo| state.repo_json(repo.id)).collect();
    drop(state);
    Ok(ctx.page_of("repositories", all))
}

fn revoke(ctx: &Ctx) -> Answer {
    ctx.state().tokens.remove(&ctx.bearer);
    Ok(Reply::empty(204))
}
