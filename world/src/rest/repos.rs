//! Repositories: what they are, who may do what, branches and their rules.

use serde_json::{Value, json};

use super::{Ctx, Route, need, now, wait};
use crate::reply::{Answer, Reply};

pub(super) fn routes() -> Vec<Route> {
    vec![
        now(("GET", "/repos/{owner}/{repo}"), need::METADATA, |ctx| {
            Ok(Reply::ok(ctx.state().repo_json(ctx.repo())))
        }),
        now(
            ("GET", "/repos/{owner}/{repo}/collaborators/{username}/permission"),
            need::METADATA,
            permission,
        ),
        wait(("GET", "/repos/{owner}/{repo}/branches"), need::CONTENTS_READ, |ctx| {
            Box::pin(branches(ctx))
        }),
        wait(("GET", "/repos/{owner}/{repo}/branches/{branch}"), need::CONTENTS_READ, |ctx| {
            Box::pin(branch(ctx))
        }),
        now(("GET", "/repos/{owner}/{repo}/rules/branches/{branch}"), need::METADATA, rules),
        // Needs `administration`, which selfheal never has.
        now(
            ("GET", "/repos/{owner}/{repo}/branches/{branch}/protection"),
            super::Need::Any(&[("administration", super::Level::Read)]),
            |_| Err(Reply::refused(404, "Branch not protected")),
        ),
    ]
}

fn permission(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let login = ctx.param("username");
    let user = state.find_user(login).ok_or_else(Reply::not_found)?;
    let repo = state.repo(ctx.repo()).ok_or_else(Reply::not_found)?;
    let role = repo.role(&user.login);
    let coarse = match role {
        "maintain" => "write",
        "triage" => "read",
        other => other,
    };
    Ok(Reply::ok(json!({
        "permission": coarse, "role_name": role, "user": state.user_json(&user.login),
    })))
}

async fn branches(ctx: Ctx) -> Answer {
    let refs = ctx.git().refs().await?;
    let listed = refs
        .iter()
        .filter_map(|(name, sha)| Some((name.strip_prefix("refs/heads/")?, sha)))
        .map(|(name, sha)| branch_json(&ctx, name, sha))
        .collect();
    Ok(ctx.page(listed))
}

async fn branch(ctx: Ctx) -> Answer {
    let name = ctx.param("branch").to_owned();
    let sha = ctx.git().get_ref(&format!("refs/heads/{name}")).await?;
    let sha = sha.ok_or_else(|| Reply::refused(404, "Branch not found"))?;
    Ok(Reply::ok(branch_json(&ctx, &name, &sha)))
}

fn branch_json(ctx: &Ctx, name: &str, sha: &str) -> Value {
    let mut state = ctx.state();
    let api_url = state.api_url.clone();
    let repo = state.repo_mut(ctx.repo());
    let url = format!("{api_url}/repos/{}/commits/{sha}", repo.slug());
    json!({
        "name": name, "commit": { "sha": sha, "url": url },
        "protected": repo.protected.contains(name),
    })
}

fn rules(ctx: &Ctx) -> Answer {
    let mut state = ctx.state();
    let branch = ctx.param("branch");
    let repo = state.repo_mut(ctx.repo());
    let active = repo.rules.iter().filter(|rule| rule.branch == branch || rule.branch == "*");
    let listed = active.map(|rule| rule.rule.clone()).collect();
    drop(state);
    Ok(ctx.page(listed))
}
