//! Workflows, and starting them.

use serde_json::{Map, Value, json};

use super::commits::resolved;
use super::{Ctx, Route, need, wait};
use crate::ci::NewRun;
use crate::reply::{Answer, Reply};
use crate::workflows::Workflow;

/// All inputs of a dispatch together.
const INPUTS_CHARS_MAX: usize = 65_535;

pub(super) fn routes() -> Vec<Route> {
    const WORKFLOW: &str = "/repos/{owner}/{repo}/actions/workflows/{workflow_id}";
    vec![
        wait(("GET", "/repos/{owner}/{repo}/actions/workflows"), need::ACTIONS_READ, |ctx| {
            Box::pin(list(ctx))
        }),
        wait(("GET", WORKFLOW), need::ACTIONS_READ, |ctx| Box::pin(show(ctx))),
        wait(
            ("POST", "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches"),
            need::ACTIONS_WRITE,
            |ctx| Box::pin(dispatch(ctx)),
        ),
    ]
}

async fn list(ctx: Ctx) -> Answer {
    let files = ctx.shared.workflows(ctx.repo()).await?;
    let state = ctx.state();
    let listed = files
        .iter()
        .map(|(path, file)| {
            state.workflow_json(ctx.repo(), path, file.name.as_deref().unwrap_or(path))
        })
        .collect();
    drop(state);
    Ok(ctx.page_of("workflows", listed))
}

/// The workflow that a number or file name means.
async fn found(ctx: &Ctx) -> Result<(String, Workflow), Reply> {
    let asked = ctx.param("workflow_id").to_owned();
    let files = ctx.shared.workflows(ctx.repo()).await?;
    let ids = ctx.state().repo_mut(ctx.repo()).workflow_ids.clone();
    let mut files = files.into_iter();
    let hit = files.find(|(path, _)| {
        path.rsplit('/').next() == Some(&asked)
            || ids.get(path).is_some_and(|id| id.to_string() == asked)
    });
    hit.ok_or_else(Reply::not_found)
}

async fn show(ctx: Ctx) -> Answer {
    let (path, file) = found(&ctx).await?;
    let name = file.name.clone().unwrap_or_else(|| path.clone());
    Ok(Reply::ok(ctx.state().workflow_json(ctx.repo(), &path, &name)))
}

async fn dispatch(ctx: Ctx) -> Answer {
    let (path, file) = found(&ctx).await?;
    let empty = Map::new();
    let inputs = ctx.body["inputs"].as_object().unwrap_or(&empty).clone();
    if let Some(wrong) = file.wrong_inputs(&inputs) {
        return Err(Reply::refused(422, wrong));
    }
    if Value::Object(inputs.clone()).to_string().chars().count() > INPUTS_CHARS_MAX {
        return Err(Reply::refused(422, "inputs are too large"));
    }
    let name = ctx.text("ref").unwrap_or_default();
    let branch = name.strip_prefix("refs/heads/").unwrap_or(name).to_owned();
    let sha = resolved(&ctx, &branch)
        .await
        .map_err(|_| Reply::refused(422, format!("No ref found for: {branch}")))?;
    let title = file.title(&inputs).or(file.name.clone()).unwrap_or_else(|| path.clone());
    let new = NewRun {
        event: "workflow_dispatch".into(),
        title,
        head_repo: ctx.repo(),
        branch,
        sha,
        actor: ctx.actor(),
        inputs,
    };
    let now_ms = ctx.now_ms();
    let mut state = ctx.state();
    let id = state.start_run((ctx.repo(), &path), &new, now_ms);
    if !ctx.is_new_version && ctx.body["return_run_details"].as_bool() != Some(true) {
        return Ok(Reply::empty(204));
    }
    let run = state.repo_mut(ctx.repo()).runs.get(&id).cloned();
    let shape = run.map_or(Value::Null, |run| state.run_json(ctx.repo(), &run));
    Ok(Reply::ok(json!({
        "workflow_run_id": id, "run_url": shape["url"], "html_url": shape["html_url"],
    })))
}
