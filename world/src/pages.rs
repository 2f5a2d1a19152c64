//! Pages for people who look around in a running demonstration.
//!
//! Plain HTML from the state: pull requests with what was said and checked, runs with their logs.
//! Markdown is shown as it was written. Everything is escaped; nothing here changes anything.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::Shared;
use crate::state::State;
use crate::state::check::CheckRun;
use crate::state::pull::{Pull, PullState};
use crate::state::repo::Repo;
use crate::state::run::{Log, Run};

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/{owner}/{repo}", get(repository))
        .route("/{owner}/{repo}/pull/{number}", get(pull))
        .route("/{owner}/{repo}/runs/{check}", get(check))
        .route("/{owner}/{repo}/actions/runs/{run}", get(run))
        .with_state(shared)
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;\
    padding:0 1em}pre{background:#f6f8fa;padding:1em;overflow:auto;white-space:pre-wrap}\
    h1,h2{line-height:1.2}.success{color:#1a7f37}.failure{color:#cf222e}li{margin:.3em 0}";

fn page(title: &str, body: &str) -> Response {
    let title = escaped(title);
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <style>{STYLE}</style><h1>{title}</h1>{body}</html>"
    ))
    .into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn link(target: &str, text: &str) -> String {
    format!("<a href=\"{}\">{}</a>", escaped(target), escaped(text))
}

fn listed(items: impl Iterator<Item = String>) -> String {
    items.fold("<ul>".to_owned(), |mut list, item| {
        let _ = write!(list, "<li>{item}</li>"); // a String takes everything
        list
    }) + "</ul>"
}

async fn index(Extract(shared): Extract<Arc<Shared>>) -> Response {
    let state = shared.state();
    let repos = state.repos.values().filter(|repo| !repo.is_deleted);
    page(
        "Repositories",
        &listed(repos.map(|repo| link(&format!("/{}", repo.slug()), &repo.slug()))),
    )
}

fn found<'a>(state: &'a State, owner: &str, name: &str) -> Option<&'a Repo> {
    state.repo_named(owner, name.strip_suffix(".git").unwrap_or(name))
}

async fn repository(
    Extract(shared): Extract<Arc<Shared>>,
    Path((owner, name)): Path<(String, String)>,
) -> Response {
    let state = shared.state();
    let Some(repo) = found(&state, &owner, &name) else { return missing() };
    let slug = repo.slug();
    let pulls = repo.pulls.values().map(|pull| {
        let target = format!("/{slug}/pull/{}", pull.number);
        link(&target, &format!("#{} {} ({})", pull.number, pull.title, standing(pull)))
    });
    let runs = repo.runs.values().rev().map(|run| run_line(&slug, run));
    let body = format!("<h2>Pull requests</h2>{}<h2>Runs</h2>{}", listed(pulls), listed(runs));
    page(&slug, &body)
}

const fn standing(pull: &Pull) -> &'static str {
    match pull.state {
        PullState::Open => "open",
        PullState::Closed => "closed",
        PullState::Merged => "merged",
    }
}

fn run_line(slug: &str, run: &Run) -> String {
    let end = run.conclusion.as_deref().unwrap_or(&run.status);
    let target = format!("/{slug}/actions/runs/{}", run.id);
    let text = format!("{}: {}", run.name, run.title);
    format!("{} <span class=\"{}\">{}</span>", link(&target, &text), escaped(end), escaped(end))
}

async fn pull(
    Extract(shared): Extract<Arc<Shared>>,
    Path((owner, name, number)): Path<(String, String, u64)>,
) -> Response {
    let state = shared.state();
    let Some(repo) = found(&state, &owner, &name) else { return missing() };
    let Some(pull) = repo.pulls.get(&number) else { return missing() };
    let slug = repo.slug();
    let checks = repo.checks.values().filter(|check| check.head_sha == pull.head.sha);
    let checks = checks.map(|check| {
        let end = check.conclusion.as_deref().unwrap_or(&check.status);
        let text = format!("{} {}", check.name, check.title.as_deref().unwrap_or_default());
        let target = format!("/{slug}/runs/{}", check.id);
        format!("{} <span class=\"{}\">{}</span>", link(&target, &text), escaped(end), escaped(end))
    });
    let comments = repo.comments.values().filter(|comment| comment.pull == number);
    let said = comments.fold(String::new(), |mut said, comment| {
        let (author, body) = (escaped(&comment.author), escaped(&comment.body));
        let _ = write!(said, "<h2>{author}</h2><pre>{body}</pre>");
        said
    });
    let happened = repo.timeline.iter().filter(|one| one.pull == number);
    let body = format!(
        "<p>{} by {}, {} into {}, labels: {}</p><h2>Checks</h2>{}{said}<h2>What happened</h2>{}",
        standing(pull),
        escaped(&pull.author),
        escaped(&pull.head.branch),
        escaped(&pull.base_branch),
        escaped(&pull.labels.join(", ")),
        listed(checks),
        listed(happened.map(|one| escaped(&one.text))),
    );
    page(&format!("#{number} {}", pull.title), &body)
}

async fn check(
    Extract(shared): Extract<Arc<Shared>>,
    Path((owner, name, check)): Path<(String, String, u64)>,
) -> Response {
    let state = shared.state();
    let Some(repo) = found(&state, &owner, &name) else { return missing() };
    let Some(check) = repo.checks.get(&check) else { return missing() };
    let log = repo.runs.values().flat_map(|run| run.attempts.iter().flat_map(|one| &one.jobs));
    let log = log.filter(|job| job.id == check.id).find_map(|job| match &job.log {
        Log::Kept(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Log::NotYet | Log::Expired => None,
    });
    page(&check.name, &check_body(check, log.as_deref()))
}

fn check_body(check: &CheckRun, log: Option<&str>) -> String {
    let end = check.conclusion.as_deref().unwrap_or(&check.status);
    let mut body = format!("<p class=\"{0}\">{0}</p>", escaped(end));
    if let Some(title) = &check.title {
        let _ = write!(body, "<h2>{}</h2>", escaped(title));
    }
    for text in [check.summary.as_deref(), check.text.as_deref(), log].into_iter().flatten() {
        let _ = write!(body, "<pre>{}</pre>", escaped(text));
    }
    let notes = check.annotations.iter().map(|one| {
        let text = |name: &str| escaped(one[name].as_str().unwrap_or_default());
        format!("{}:{} {}", text("path"), one["start_line"], text("message"))
    });
    body + &listed(notes)
}

async fn run(
    Extract(shared): Extract<Arc<Shared>>,
    Path((owner, name, run)): Path<(String, String, u64)>,
) -> Response {
    let state = shared.state();
    let Some(repo) = found(&state, &owner, &name) else { return missing() };
    let Some(run) = repo.runs.get(&run) else { return missing() };
    let slug = repo.slug();
    let jobs = run.attempts.iter().flat_map(|attempt| {
        attempt.jobs.iter().map(|job| {
            let end = job.conclusion.as_deref().unwrap_or(&job.status);
            let text = format!("attempt {}: {} {end}", attempt.number, job.name);
            link(&format!("/{slug}/runs/{}", job.id), &text)
        })
    });
    page(&format!("{}: {}", run.name, run.title), &listed(jobs))
}

fn missing() -> Response {
    (StatusCode::NOT_FOUND, "there is no such page").into_response()
}
