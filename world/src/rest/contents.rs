//! Files by path.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Ctx, Route, need, wait};
use crate::branches::{Asked, Moved, refused, tree_with};
use crate::git::{Force, NewCommit, Recursion, RefMove};
use crate::reply::{Answer, Reply};
use crate::state::app::Level;

pub(super) fn routes() -> Vec<Route> {
    vec![
        wait(("GET", "/repos/{owner}/{repo}/contents/{path}"), need::CONTENTS_READ, |ctx| {
            Box::pin(read(ctx))
        }),
        wait(("PUT", "/repos/{owner}/{repo}/contents/{path}"), need::CONTENTS_WRITE, |ctx| {
            Box::pin(write(ctx))
        }),
    ]
}

async fn read(ctx: Ctx) -> Answer {
    let git = ctx.git();
    let at = if let Some(rev) = ctx.asked("ref") {
        git.resolve(rev).await?
    } else {
        let default = ctx.state().repo_mut(ctx.repo()).default_branch.clone();
        git.resolve(&format!("refs/heads/{default}")).await?
    };
    let at = at.ok_or_else(|| Reply::refused(404, "No commit found for the ref"))?;
    let path = ctx.param("path").trim_matches('/').to_owned();
    if let Some((bytes, sha)) = git.read_file(&at, &path).await? {
        if ctx.accepts.contains("raw") {
            return Ok(Reply::raw(bytes));
        }
        return Ok(Reply::ok(file_json(&ctx, &path, &sha, &bytes)));
    }
    let Ok(entries) = git.tree(&format!("{at}:{path}"), Recursion::Level).await else {
        return Err(Reply::not_found());
    };
    let listed = entries.iter().map(|entry| {
        let kind = if entry.kind == "blob" { "file" } else { "dir" };
        let whole = format!("{path}/{}", entry.path);
        json!({ "type": kind, "name": entry.path, "path": whole, "sha": entry.sha,
                "size": entry.size.unwrap_or(0) })
    });
    Ok(Reply::ok(listed.collect()))
}

fn file_json(ctx: &Ctx, path: &str, sha: &str, bytes: &[u8]) -> Value {
    let lines: Vec<String> = STANDARD
        .encode(bytes)
        .as_bytes()
        .chunks(60)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    let mut state = ctx.state();
    let api_url = state.api_url.clone();
    let url = format!("{api_url}/repos/{}/contents/{path}", state.repo_mut(ctx.repo()).slug());
    json!({
        "type": "file", "encoding": "base64", "size": bytes.len(),
        "name": path.rsplit('/').next(), "path": path, "sha": sha, "url": url,
        "content": format!("{}\n", lines.join("\n")),
    })
}

/// Creates or replaces one file by a commit of the App.
async fn write(ctx: Ctx) -> Answer {
    let git = ctx.git();
    let (repo, bot) = (ctx.repo(), ctx.actor());
    let path = ctx.param("path").trim_matches('/').to_owned();
    let branch = match ctx.text("branch") {
        Some(branch) => branch.to_owned(),
        None => ctx.state().repo_mut(repo).default_branch.clone(),
    };
    let name = format!("refs/heads/{branch}");
    let old = git.get_ref(&name).await?;
    let old = old.ok_or_else(|| Reply::refused(404, format!("Branch {branch} not found")))?;
    let present = git.read_file(&old, &path).await?.map(|(_, sha)| sha);
    match (present, ctx.text("sha")) {
        (Some(_), None) => {
            return Err(Reply::refused(422, "Invalid request.\n\n\"sha\" wasn't supplied."));
        }
        (Some(present), Some(sha)) if present != sha => {
            return Err(Reply::refused(409, format!("{path} does not match {sha}")));
        }
        (_, _) => {}
    }
    let content: String = ctx.text("content").unwrap_or_default().split_whitespace().collect();
    let bytes =
        STANDARD.decode(content).map_err(|_| Reply::refused(422, "content is not valid Base64"))?;
    let tree = tree_with(&git, Some(&old), &[(path.clone(), Some(bytes.clone()))]).await?;
    let author = ctx.state().person(&bot, ctx.now_ms());
    let new = git
        .write_commit(&NewCommit {
            tree: &tree,
            parents: std::slice::from_ref(&old),
            message: ctx.text("message").unwrap_or_default(),
            author: &author,
            committer: &author,
        })
        .await?;
    let workflows = ctx.caller.has("workflows", Level::Write).then_some(Level::Write);
    let asked = Asked { repo, branch: &branch, old: Some(&old), new: &new, workflows };
    if let Some(message) = ctx.shared.refusal(&asked).await? {
        let mut reply = refused(&message);
        // The contents API says 409 where the refs API says 422.
        if reply.status == 422 {
            reply.status = 409;
        }
        return Err(reply);
    }
    let moving = RefMove { name: &name, new: &new, expected_old: Some(&old), force: Force::No };
    if git.update_ref(&moving).await?.is_err() {
        return Err(Reply::refused(409, format!("{branch} is at another commit now")));
    }
    ctx.state().repo_mut(repo).verified.insert(new.clone());
    let moved = Moved { repo, branch, old: Some(old), new: Some(new.clone()), by: bot };
    ctx.shared.branch_moved(&moved).await?;
    let sha = git.read_file(&new, &path).await?.map(|(_, sha)| sha).unwrap_or_default();
    let shape = json!({
        "content": file_json(&ctx, &path, &sha, &bytes), "commit": { "sha": new },
    });
    Ok(Reply::json(201, shape))
}
