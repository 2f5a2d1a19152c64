//! What runs uploaded: listed, and handed out as zip archives from another host.

use serde_json::Value;

use super::runs::sent_elsewhere;
use super::{Ctx, Route, need, now};
use crate::reply::{Answer, Reply};

pub(super) fn routes() -> Vec<Route> {
    vec![
        now(
            ("GET", "/repos/{owner}/{repo}/actions/runs/{run_id}/artifacts"),
            need::ACTIONS_READ,
            list,
        ),
        now(
            ("GET", "/repos/{owner}/{repo}/actions/artifacts/{artifact_id}/{archive_format}"),
            need::ACTIONS_READ,
            archive,
        ),
    ]
}

fn list(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let repo = state.repo(ctx.repo()).ok_or_else(Reply::not_found)?;
    let run = repo.runs.get(&ctx.number("run_id")).ok_or_else(Reply::not_found)?;
    let listed: Vec<Value> = run
        .artifacts
        .iter()
        .rev()
        .filter(|artifact| ctx.asked("name").is_none_or(|name| name == artifact.name))
        .map(|artifact| state.artifact_json(repo.id, run, artifact))
        .collect();
    drop(state);
    Ok(ctx.page_of("artifacts", listed))
}

fn archive(ctx: &Ctx) -> Answer {
    let mut state = ctx.state();
    let repo = state.repo(ctx.repo()).ok_or_else(Reply::not_found)?;
    let id = ctx.number("artifact_id");
    let mut all = repo.runs.values().flat_map(|run| &run.artifacts);
    let artifact = all.find(|artifact| artifact.id == id).cloned();
    let artifact = artifact.ok_or_else(Reply::not_found)?;
    if artifact.is_expired {
        return Err(Reply::refused(410, "Artifact has expired"));
    }
    if ctx.param("archive_format") != "zip" {
        return Err(Reply::not_found());
    }
    Ok(sent_elsewhere(&mut state, artifact.zip, ctx.now_ms()))
}
