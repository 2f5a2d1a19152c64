//! Check runs and check suites.

use serde_json::{Value, json};

use super::commits::resolved;
use super::{Ctx, Route, need, now, wait};
use crate::reply::{Answer, Reply};
use crate::state::State;
use crate::state::check::CheckRun;
use crate::time;

pub(super) fn routes() -> Vec<Route> {
    const RUN: &str = "/repos/{owner}/{repo}/check-runs/{check_run_id}";
    const SUITE: &str = "/repos/{owner}/{repo}/check-suites/{check_suite_id}";
    vec![
        wait(("POST", "/repos/{owner}/{repo}/check-runs"), need::CHECKS_WRITE, |ctx| {
            Box::pin(create(ctx))
        }),
        now(("GET", RUN), need::CHECKS_READ, show),
        now(("PATCH", RUN), need::CHECKS_WRITE, update),
        now(
            ("GET", "/repos/{owner}/{repo}/check-runs/{check_run_id}/annotations"),
            need::CHECKS_READ,
            annotations,
        ),
        wait(("GET", "/repos/{owner}/{repo}/commits/{ref}/check-runs"), need::CHECKS_READ, |ctx| {
            Box::pin(for_ref(ctx))
        }),
        wait(
            ("GET", "/repos/{owner}/{repo}/commits/{ref}/check-suites"),
            need::CHECKS_READ,
            |ctx| Box::pin(suites_for_ref(ctx)),
        ),
        now(("GET", SUITE), need::CHECKS_READ, suite),
        now(
            ("GET", "/repos/{owner}/{repo}/check-suites/{check_suite_id}/check-runs"),
            need::CHECKS_READ,
            in_suite,
        ),
    ]
}

async fn create(ctx: Ctx) -> Answer {
    let sha = ctx.text("head_sha").unwrap_or_default().to_owned();
    if ctx.git().resolve(&sha).await?.as_deref() != Some(sha.as_str()) {
        return Err(Reply::refused(422, format!("No commit found for SHA: {sha}")));
    }
    completed_needs_conclusion(&ctx)?;
    let (now_ms, bot) = (ctx.now_ms(), ctx.actor());
    let mut state = ctx.state();
    let app = state.app.id;
    let id = state.fresh_id();
    let suite = state.suite_for((ctx.repo(), app), &sha, None, now_ms);
    let mut check = CheckRun {
        id,
        suite,
        app,
        name: ctx.text("name").unwrap_or_default().into(),
        head_sha: sha,
        status: "queued".into(),
        conclusion: None,
        external_id: String::new(),
        details_url: None,
        started_ms: now_ms,
        completed_ms: None,
        title: None,
        summary: None,
        text: None,
        annotations: Vec::new(),
        actions: Vec::new(),
    };
    written(&ctx, &mut check, now_ms);
    let shape = kept(&mut state, ctx.repo(), check);
    state.tell_check((ctx.repo(), id), "created", (&bot, None), now_ms);
    tell_if_completed(&mut state, (ctx.repo(), id), now_ms);
    Ok(Reply::json(201, shape))
}

fn kept(state: &mut State, repo: u64, check: CheckRun) -> Value {
    let id = check.id;
    let line = match &check.conclusion {
        Some(conclusion) => format!("check {}: completed/{conclusion}", check.name),
        None => format!("check {}: {}", check.name, check.status),
    };
    let line = check.title.as_ref().map_or(line.clone(), |title| format!("{line}, {title}"));
    let sha = check.head_sha.clone();
    let kept = state.repo_mut(repo);
    let shown: Vec<u64> = kept
        .pulls
        .values()
        .filter(|pull| pull.is_open() && pull.head.sha == sha)
        .map(|pull| pull.number)
        .collect();
    for number in shown {
        kept.note(number, line.clone());
    }
    kept.checks.insert(id, check);
    let check = state.repo(repo).and_then(|repo| repo.checks.get(&id));
    check.map_or(Value::Null, |check| state.check_json(repo, check))
}

fn tell_if_completed(state: &mut State, at: (u64, u64), now_ms: i64) {
    let ended = state.repo_mut(at.0).checks.get(&at.1).is_some_and(|run| run.conclusion.is_some());
    if ended {
        let bot = state.app.bot();
        state.tell_check(at, "completed", (&bot, None), now_ms);
    }
}

/// The description cannot say it; GitHub refuses it all the same.
fn completed_needs_conclusion(ctx: &Ctx) -> Result<(), Reply> {
    let says = |name: &str| ctx.text(name).is_some();
    let completed = ctx.text("status") == Some("completed") || says("completed_at");
    if completed && !says("conclusion") {
        return Err(Reply::refused(422, "Invalid request.\n\n\"conclusion\" wasn't supplied."));
    }
    if ctx.text("conclusion") == Some("stale") {
        return Err(Reply::refused(422, "Only GitHub can set the conclusion to stale."));
    }
    Ok(())
}

/// Writes what the body says; annotations are appended, never replaced.
fn written(ctx: &Ctx, check: &mut CheckRun, now_ms: i64) {
    let text = |name: &str| ctx.text(name).map(str::to_owned);
    check.name = text("name").unwrap_or_else(|| check.name.clone());
    check.external_id = text("external_id").unwrap_or_else(|| check.external_id.clone());
    check.details_url = text("details_url").or_else(|| check.details_url.take());
    check.status = text("status").unwrap_or_else(|| check.status.clone());
    if let Some(conclusion) = text("conclusion") {
        check.conclusion = Some(conclusion);
        check.status = "completed".into();
    } else if ctx.text("status").is_some() {
        check.conclusion = None;
    }
    let ended = check.status == "completed";
    let told = ctx.text("completed_at").and_then(time::parse);
    check.completed_ms = ended.then(|| told.unwrap_or(now_ms));
    if let Some(started) = ctx.text("started_at").and_then(time::parse) {
        check.started_ms = started;
    }
    if let Some(Value::Array(actions)) = ctx.body.get("actions") {
        check.actions.clone_from(actions);
    }
    let Some(output) = ctx.body.get("output") else { return };
    let said = |name: &str| output.get(name).and_then(Value::as_str).map(str::to_owned);
    check.title = said("title").or_else(|| check.title.take());
    check.summary = said("summary").or_else(|| check.summary.take());
    check.text = said("text").or_else(|| check.text.take());
    check.annotations.extend(output["annotations"].as_array().into_iter().flatten().cloned());
}

fn found(ctx: &Ctx, state: &State) -> Result<CheckRun, Reply> {
    let repo = state.repo(ctx.repo()).ok_or_else(Reply::not_found)?;
    repo.checks.get(&ctx.number("check_run_id")).cloned().ok_or_else(Reply::not_found)
}

fn show(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let check = found(ctx, &state)?;
    Ok(Reply::ok(state.check_json(ctx.repo(), &check)))
}

fn update(ctx: &Ctx) -> Answer {
    completed_needs_conclusion(ctx)?;
    let now_ms = ctx.now_ms();
    let mut state = ctx.state();
    let mut check = found(ctx, &state)?;
    if check.app != state.app.id {
        return Err(Reply::refused(403, "Invalid app_id: check run was made by another App"));
    }
    let was_ended = check.conclusion.is_some();
    written(ctx, &mut check, now_ms);
    let at = (ctx.repo(), check.id);
    let shape = kept(&mut state, ctx.repo(), check);
    if !was_ended {
        tell_if_completed(&mut state, at, now_ms);
    }
    Ok(Reply::ok(shape))
}

fn annotations(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let check = found(ctx, &state)?;
    drop(state);
    let shown = check.annotations.into_iter().map(|annotation| {
        let mut whole = json!({
            "path": "", "start_line": 1, "end_line": 1, "start_column": null, "end_column": null,
            "annotation_level": "notice", "title": null, "message": "", "raw_details": null,
            "blob_href": "",
        });
        if let (Value::Object(fields), Value::Object(given)) = (&mut whole, annotation) {
            fields.extend(given);
        }
        whole
    });
    Ok(ctx.page(shown.collect()))
}

async fn for_ref(ctx: Ctx) -> Answer {
    let sha = resolved(&ctx, ctx.param("ref")).await?;
    let state = ctx.state();
    let repo = state.repo(ctx.repo()).ok_or_else(Reply::not_found)?;
    let on = repo.checks.values().filter(|check| check.head_sha == sha).collect();
    let listed = filtered(&ctx, &state, on);
    drop(state);
    Ok(ctx.page_of("check_runs", listed))
}

fn in_suite(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let repo = state.repo(ctx.repo()).ok_or_else(Reply::not_found)?;
    let suite = ctx.number("check_suite_id");
    let inside = repo.checks.values().filter(|check| check.suite == suite).collect();
    let listed = filtered(ctx, &state, inside);
    drop(state);
    Ok(ctx.page_of("check_runs", listed))
}

/// By name, App and status; unless all are asked for, only the newest of each name and suite.
fn filtered(ctx: &Ctx, state: &State, mut checks: Vec<&CheckRun>) -> Vec<Value> {
    if let Some(name) = ctx.asked("check_name") {
        checks.retain(|check| check.name == name);
    }
    if let Some(app) = ctx.asked("app_id") {
        checks.retain(|check| check.app.to_string() == app);
    }
    if let Some(status) = ctx.asked("status") {
        checks.retain(|check| check.status == status);
    }
    if ctx.asked("filter") != Some("all") {
        let all = checks.clone();
        checks.retain(|check| {
            !all.iter().any(|other| {
                other.id > check.id && other.name == check.name && other.suite == check.suite
            })
        });
    }
    checks.into_iter().rev().map(|check| state.check_json(ctx.repo(), check)).collect()
}

async fn suites_for_ref(ctx: Ctx) -> Answer {
    let sha = resolved(&ctx, ctx.param("ref")).await?;
    let state = ctx.state();
    let repo = state.repo(ctx.repo()).ok_or_else(Reply::not_found)?;
    let app = ctx.asked("app_id");
    let on = repo.suites.values().filter(|suite| {
        suite.head_sha == sha && app.is_none_or(|app| suite.app.to_string() == app)
    });
    let listed = on.map(|suite| state.suite_json(repo.id, suite)).collect();
    drop(state);
    Ok(ctx.page_of("check_suites", listed))
}

fn suite(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let repo = state.repo(ctx.repo()).ok_or_else(Reply::not_found)?;
    let suite = repo.suites.get(&ctx.number("check_suite_id")).ok_or_else(Reply::not_found)?;
    Ok(Reply::ok(state.suite_json(repo.id, suite)))
}
