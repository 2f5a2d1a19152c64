//! Commits as people see them, comparisons, and statuses.

use serde_json::{Value, json};

use super::gitdata::commit_json;
use super::{Ctx, Route, need, now, wait};
use crate::git::{ChangedFile, CommitInfo};
use crate::people::check::NewStatus;
use crate::reply::{Answer, Reply};
use crate::state::app::Level;

/// Commits that a comparison lists at most, as on GitHub.
const COMPARED_MAX: usize = 250;

pub(super) fn routes() -> Vec<Route> {
    vec![
        wait(("GET", "/repos/{owner}/{repo}/commits"), need::CONTENTS_READ, |ctx| {
            Box::pin(list(ctx))
        }),
        wait(("GET", "/repos/{owner}/{repo}/commits/{ref}"), need::CONTENTS_READ, |ctx| {
            Box::pin(show(ctx))
        }),
        now(
            ("GET", "/repos/{owner}/{repo}/commits/{commit_sha}/pulls"),
            need::PULLS_READ,
            pulls_with,
        ),
        wait(("GET", "/repos/{owner}/{repo}/compare/{basehead}"), need::CONTENTS_READ, |ctx| {
            Box::pin(compare(ctx))
        }),
        wait(("GET", "/repos/{owner}/{repo}/commits/{ref}/status"), need::STATUSES_READ, |ctx| {
            Box::pin(combined(ctx))
        }),
        now(
            ("POST", "/repos/{owner}/{repo}/statuses/{sha}"),
            super::Need::Any(&[("statuses", Level::Write)]),
            create_status,
        ),
    ]
}

/// The commit that a name in the path or query means.
pub(super) async fn resolved(ctx: &Ctx, rev: &str) -> Result<String, Reply> {
    let git = ctx.git();
    for name in [format!("refs/heads/{rev}"), rev.to_owned()] {
        if let Some(sha) = git.resolve(&name).await? {
            return Ok(sha);
        }
    }
    Err(Reply::refused(422, format!("No commit found for SHA: {rev}")))
}

pub(super) fn whole_json(ctx: &Ctx, info: &CommitInfo) -> Value {
    let git = commit_json(ctx, info);
    let state = ctx.state();
    let account = |email: &str| {
        // `ID+login@users.noreply.github.com` is how GitHub knows the account again.
        let login = email.split_once('+').and_then(|(_, rest)| rest.split_once('@'));
        let known = login.filter(|(login, _)| state.find_user(login).is_some());
        known.map_or(Value::Null, |(login, _)| state.user_json(login))
    };
    json!({
        "sha": info.sha,
        "node_id": git["node_id"],
        "url": git["url"],
        "html_url": format!("{}/commit/{}", state.web_url, info.sha),
        "commit": {
            "author": git["author"], "committer": git["committer"], "message": info.message,
            "tree": git["tree"], "url": git["url"], "comment_count": 0,
            "verification": git["verification"],
        },
        "author": account(&info.author.email),
        "committer": account(&info.committer.email),
        "parents": git["parents"],
    })
}

async fn list(ctx: Ctx) -> Answer {
    let default = ctx.state().repo_mut(ctx.repo()).default_branch.clone();
    let from = resolved(&ctx, ctx.asked("sha").unwrap_or(&default)).await?;
    let commits = ctx.git().log(&from, COMPARED_MAX).await?;
    Ok(ctx.page(commits.iter().map(|info| whole_json(&ctx, info)).collect()))
}

async fn show(ctx: Ctx) -> Answer {
    let sha = resolved(&ctx, ctx.param("ref")).await?;
    let git = ctx.git();
    let info = git.commit(&sha).await?;
    let mut shape = whole_json(&ctx, &info);
    if let (Some(parent), Value::Object(fields)) = (info.parents.first(), &mut shape) {
        let files = git.diff_files(parent, &sha).await?;
        fields.insert("files".into(), files.iter().map(file_json).collect());
    }
    Ok(Reply::ok(shape))
}

/// Open and merged pull requests with that head; never those of forks, as on GitHub.
fn pulls_with(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let sha = ctx.param("commit_sha");
    let id = ctx.repo();
    let repo = state.repo(id).ok_or_else(Reply::not_found)?;
    let own = repo.pulls.values().filter(|pull| {
        pull.head.repo == Some(id)
            && (pull.head.sha == sha || pull.merge_sha.as_deref() == Some(sha))
    });
    let listed = own.map(|pull| state.pull_json(id, pull.number)).collect();
    drop(state);
    Ok(ctx.page(listed))
}

async fn compare(ctx: Ctx) -> Answer {
    let spec = ctx.param("basehead").to_owned();
    let (base, head) = spec.split_once("...").ok_or_else(Reply::not_found)?;
    let (base, head) = (resolved(&ctx, base).await?, resolved(&ctx, head).await?);
    let git = ctx.git();
    let ancestor = git.merge_base(&base, &head).await?;
    let ancestor = ancestor.ok_or_else(|| Reply::refused(404, "No common ancestor"))?;
    let mut ahead = git.log(&format!("{base}..{head}"), COMPARED_MAX).await?;
    ahead.reverse();
    let behind = git.log(&format!("{head}..{base}"), COMPARED_MAX).await?.len();
    let files = git.diff_files(&ancestor, &head).await?;
    let status = match (ahead.is_empty(), behind) {
        (true, 0) => "identical",
        (true, _) => "behind",
        (false, 0) => "ahead",
        (false, _) => "diverged",
    };
    let base_info = git.commit(&base).await?;
    let ancestor_info = git.commit(&ancestor).await?;
    let commits: Vec<Value> = ahead.iter().map(|info| whole_json(&ctx, info)).collect();
    Ok(Reply::ok(json!({
        "status": status, "ahead_by": ahead.len(), "behind_by": behind,
        "total_commits": ahead.len(),
        "base_commit": whole_json(&ctx, &base_info),
        "merge_base_commit": whole_json(&ctx, &ancestor_info),
        "commits": commits,
        "files": files.iter().map(file_json).collect::<Vec<Value>>(),
    })))
}

pub(super) fn file_json(file: &ChangedFile) -> Value {
    let mut shape = json!({
        "sha": file.sha, "filename": file.path, "status": file.status,
        "additions": file.additions, "deletions": file.deletions,
        "changes": file.additions + file.deletions,
    });
    if let Value::Object(fields) = &mut shape {
        if let Some(patch) = &file.patch {
            fields.insert("patch".into(), patch.clone().into());
        }
        if let Some(previous) = &file.previous_path {
            fields.insert("previous_filename".into(), previous.clone().into());
        }
    }
    shape
}

/// The newest status of each context, and what they come to.
async fn combined(ctx: Ctx) -> Answer {
    let sha = resolved(&ctx, ctx.param("ref")).await?;
    let state = ctx.state();
    let repo = state.repo(ctx.repo()).ok_or_else(Reply::not_found)?;
    let mut newest: Vec<&crate::state::check::CommitStatus> = Vec::new();
    for status in repo.statuses.iter().filter(|status| status.sha == sha) {
        newest.retain(|known| known.context != status.context);
        newest.push(status);
    }
    let is = |wanted: &str| newest.iter().any(|status| status.state == wanted);
    let whole = if is("failure") || is("error") {
        "failure"
    } else if newest.is_empty() || is("pending") {
        "pending"
    } else {
        "success"
    };
    let listed: Vec<Value> =
        newest.iter().map(|status| state.status_json(repo.id, status)).collect();
    Ok(Reply::ok(json!({
        "state": whole, "sha": sha, "total_count": listed.len(), "statuses": listed,
        "repository": state.repo_json(repo.id),
    })))
}

fn create_status(ctx: &Ctx) -> Answer {
    let now_ms = ctx.now_ms();
    let bot = ctx.actor();
    let new = NewStatus {
        sha: ctx.param("sha").into(),
        context: ctx.text("context").unwrap_or("default").into(),
        state: ctx.text("state").unwrap_or_default().into(),
        description: ctx.text("description").map(Into::into),
        target_url: ctx.text("target_url").map(Into::into),
    };
    let mut state = ctx.state();
    let status = state.set_status(ctx.repo(), &new, &bot, now_ms);
    Ok(Reply::json(201, state.status_json(ctx.repo(), &status)))
}
