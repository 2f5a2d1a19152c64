//! Workflow runs, their jobs and logs; running them again, stopping them.

use serde_json::{Value, json};

use super::{Ctx, Route, need, now};
use crate::keys;
use crate::people::actions::Again;
use crate::reply::{Answer, Reply};
use crate::state::run::{Attempt, Job, Log, Run};
use crate::state::{SignedBlob, State};

/// Addresses of logs and archives work for a minute.
const BLOB_URL_MS: i64 = 60_000;

/// A run may be run again this often.
const RERUNS_MAX: usize = 50;

pub(super) fn routes() -> Vec<Route> {
    const RUN: &str = "/repos/{owner}/{repo}/actions/runs/{run_id}";
    vec![
        now(("GET", "/repos/{owner}/{repo}/actions/runs"), need::ACTIONS_READ, list),
        now(
            ("GET", "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs"),
            need::ACTIONS_READ,
            list,
        ),
        now(("GET", RUN), need::ACTIONS_READ, show),
        now(
            ("GET", "/repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}"),
            need::ACTIONS_READ,
            attempt,
        ),
        now(
            ("GET", "/repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs"),
            need::ACTIONS_READ,
            jobs_of_attempt,
        ),
        now(("GET", "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs"), need::ACTIONS_READ, jobs),
        now(("GET", "/repos/{owner}/{repo}/actions/jobs/{job_id}"), need::ACTIONS_READ, job),
        now(("GET", "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs"), need::ACTIONS_READ, log),
        now(
            ("POST", "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs"),
            need::ACTIONS_WRITE,
            rerun,
        ),
        now(
            ("POST", "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun"),
            need::ACTIONS_WRITE,
            rerun,
        ),
        now(
            ("POST", "/repos/{owner}/{repo}/actions/runs/{run_id}/cancel"),
            need::ACTIONS_WRITE,
            cancel,
        ),
        now(
            ("POST", "/repos/{owner}/{repo}/actions/runs/{run_id}/force-cancel"),
            need::ACTIONS_WRITE,
            cancel,
        ),
    ]
}

fn list(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let repo = state.repo(ctx.repo()).ok_or_else(Reply::not_found)?;
    let workflow = ctx.params.get("workflow_id");
    let is = |name: &str, value: &str| ctx.asked(name).is_none_or(|asked| asked == value);
    let listed = repo
        .runs
        .values()
        .rev()
        .filter(|run| {
            let id = repo.workflow_ids.get(&run.workflow_path).copied().unwrap_or(0);
            workflow.is_none_or(|asked| {
                *asked == id.to_string() || run.workflow_path.rsplit('/').next() == Some(asked)
            })
        })
        .filter(|run| is("head_sha", &run.head_sha) && is("event", &run.event))
        .filter(|run| is("branch", run.head_branch.as_deref().unwrap_or_default()))
        .filter(|run| is("actor", &run.actor))
        .filter(|run| is("check_suite_id", &run.suite.to_string()))
        .filter(|run| {
            is("status", &run.status)
                || run.conclusion.as_ref().is_some_and(|conclusion| is("status", conclusion))
        })
        .map(|run| state.run_json(repo.id, run))
        .collect();
    drop(state);
    Ok(ctx.page_of("workflow_runs", listed))
}

fn found(ctx: &Ctx, state: &State) -> Result<Run, Reply> {
    let repo = state.repo(ctx.repo()).ok_or_else(Reply::not_found)?;
    repo.runs.get(&ctx.number("run_id")).cloned().ok_or_else(Reply::not_found)
}

fn show(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let run = found(ctx, &state)?;
    Ok(Reply::ok(state.run_json(ctx.repo(), &run)))
}

fn attempt_of(ctx: &Ctx, run: &Run) -> Result<Attempt, Reply> {
    let number = ctx.number("attempt_number");
    let mut all = run.attempts.iter();
    all.find(|attempt| attempt.number == number).cloned().ok_or_else(Reply::not_found)
}

/// The run as it was in an attempt.
fn attempt(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let mut run = found(ctx, &state)?;
    let number = attempt_of(ctx, &run)?.number;
    if run.attempt().number != number {
        run.attempts.retain(|attempt| attempt.number <= number);
        let failed =
            run.attempt().jobs.iter().any(|job| job.conclusion.as_deref() != Some("success"));
        run.status = "completed".into();
        run.conclusion = Some(if failed { "failure".into() } else { "success".into() });
    }
    Ok(Reply::ok(state.run_json(ctx.repo(), &run)))
}

fn jobs_json(ctx: &Ctx, state: &State, run: &Run, attempt: &Attempt) -> Vec<Value> {
    let jobs = attempt.jobs.iter();
    jobs.map(|job| state.job_json(ctx.repo(), (run, attempt.number), job)).collect()
}

fn jobs_of_attempt(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let run = found(ctx, &state)?;
    let attempt = attempt_of(ctx, &run)?;
    let listed = jobs_json(ctx, &state, &run, &attempt);
    drop(state);
    Ok(ctx.page_of("jobs", listed))
}

fn jobs(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let run = found(ctx, &state)?;
    let all = ctx.asked("filter") == Some("all");
    let last = run.attempt().number;
    let shown = run.attempts.iter().filter(|attempt| all || attempt.number == last);
    let listed = shown.flat_map(|attempt| jobs_json(ctx, &state, &run, attempt)).collect();
    drop(state);
    Ok(ctx.page_of("jobs", listed))
}

fn found_job(ctx: &Ctx, state: &State) -> Result<(Run, u64, Job), Reply> {
    let repo = state.repo(ctx.repo()).ok_or_else(Reply::not_found)?;
    let id = ctx.number("job_id");
    for run in repo.runs.values() {
        // A job carried over into a later attempt is found in the attempt that ran it.
        for attempt in &run.attempts {
            if let Some(job) = attempt.jobs.iter().find(|job| job.id == id) {
                return Ok((run.clone(), attempt.number, job.clone()));
            }
        }
    }
    Err(Reply::not_found())
}

fn job(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let (run, attempt, job) = found_job(ctx, &state)?;
    Ok(Reply::ok(state.job_json(ctx.repo(), (&run, attempt), &job)))
}

fn log(ctx: &Ctx) -> Answer {
    let now_ms = ctx.now_ms();
    let mut state = ctx.state();
    let (_, _, job) = found_job(ctx, &state)?;
    let bytes = match job.log {
        Log::Kept(bytes) => bytes,
        Log::NotYet => return Err(Reply::not_found()),
        Log::Expired => return Err(Reply::refused(410, "Server Error: logs have expired")),
    };
    Ok(sent_elsewhere(&mut state, bytes, now_ms))
}

/// Sends the reader to another host, which must not be shown our token.
pub(super) fn sent_elsewhere(state: &mut State, bytes: Vec<u8>, now_ms: i64) -> Reply {
    let signature = keys::random_hex();
    let url = format!("{}/_blobs/{signature}", state.web_url);
    state.blobs.insert(signature, SignedBlob { bytes, until_ms: now_ms + BLOB_URL_MS });
    let mut reply = Reply::empty(302);
    reply.headers.push(("location", url));
    reply
}

fn rerun(ctx: &Ctx) -> Answer {
    let (now_ms, bot) = (ctx.now_ms(), ctx.actor());
    let only_failed = ctx.path.ends_with("rerun-failed-jobs");
    let mut state = ctx.state();
    let run = found(ctx, &state)?;
    if !run.is_completed() {
        return Err(Reply::refused(403, "The workflow run is already running"));
    }
    if run.attempts.len() > RERUNS_MAX {
        return Err(Reply::refused(
            403,
            "Unable to retry this workflow run because it was retried \
                                        too often",
        ));
    }
    let again = if only_failed { Again::Failed } else { Again::All };
    state.rerun((ctx.repo(), run.id), again, &bot, now_ms);
    Ok(Reply::json(201, json!({})))
}

fn cancel(ctx: &Ctx) -> Answer {
    let now_ms = ctx.now_ms();
    let mut state = ctx.state();
    let run = found(ctx, &state)?;
    if run.is_completed() {
        return Err(Reply::refused(409, "Cannot cancel a workflow run that is completed."));
    }
    state.conclude_run((ctx.repo(), run.id), &crate::RunScript::concluded("cancelled"), now_ms);
    drop(state);
    ctx.shared.runs_changed.notify_waiters();
    Ok(Reply::json(202, json!({})))
}
