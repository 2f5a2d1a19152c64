//! Git objects and refs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Ctx, Route, need, person, wait};
use crate::branches::{Asked, Moved, refused};
use crate::git::{CommitInfo, Force, NewCommit, Person, Recursion, RefError, RefMove, TreeEdit};
use crate::reply::{Answer, Reply};
use crate::state::app::Level;
use crate::time;

pub(super) fn routes() -> Vec<Route> {
    vec![
        wait(("POST", "/repos/{owner}/{repo}/git/blobs"), need::CONTENTS_WRITE, |ctx| {
            Box::pin(create_blob(ctx))
        }),
        wait(("GET", "/repos/{owner}/{repo}/git/blobs/{file_sha}"), need::CONTENTS_READ, |ctx| {
            Box::pin(blob(ctx))
        }),
        wait(("POST", "/repos/{owner}/{repo}/git/trees"), need::CONTENTS_WRITE, |ctx| {
            Box::pin(create_tree(ctx))
        }),
        wait(("GET", "/repos/{owner}/{repo}/git/trees/{tree_sha}"), need::CONTENTS_READ, |ctx| {
            Box::pin(tree(ctx))
        }),
        wait(("POST", "/repos/{owner}/{repo}/git/commits"), need::CONTENTS_WRITE, |ctx| {
            Box::pin(create_commit(ctx))
        }),
        wait(
            ("GET", "/repos/{owner}/{repo}/git/commits/{commit_sha}"),
            need::CONTENTS_READ,
            |ctx| Box::pin(commit(ctx)),
        ),
        wait(("GET", "/repos/{owner}/{repo}/git/ref/{ref}"), need::CONTENTS_READ, |ctx| {
            Box::pin(read_ref(ctx))
        }),
        wait(("POST", "/repos/{owner}/{repo}/git/refs"), need::CONTENTS_WRITE, |ctx| {
            Box::pin(create_ref(ctx))
        }),
        wait(("PATCH", "/repos/{owner}/{repo}/git/refs/{ref}"), need::CONTENTS_WRITE, |ctx| {
            Box::pin(update_ref(ctx))
        }),
        wait(("DELETE", "/repos/{owner}/{repo}/git/refs/{ref}"), need::CONTENTS_WRITE, |ctx| {
            Box::pin(delete_ref(ctx))
        }),
    ]
}

fn object_url(ctx: &Ctx, kind: &str, sha: &str) -> String {
    let mut state = ctx.state();
    let api_url = state.api_url.clone();
    format!("{api_url}/repos/{}/git/{kind}/{sha}", state.repo_mut(ctx.repo()).slug())
}

async fn create_blob(ctx: Ctx) -> Answer {
    let content = ctx.text("content").unwrap_or_default();
    let bytes = if ctx.text("encoding") == Some("base64") {
        let compact: String = content.split_whitespace().collect();
        let decoded = STANDARD.decode(compact);
        decoded.map_err(|_| Reply::refused(422, "content is not valid Base64"))?
    } else {
        content.as_bytes().to_vec()
    };
    let sha = ctx.git().write_blob(&bytes).await?;
    let url = object_url(&ctx, "blobs", &sha);
    Ok(Reply::json(201, json!({ "sha": sha, "url": url })))
}

async fn blob(ctx: Ctx) -> Answer {
    let sha = ctx.param("file_sha").to_owned();
    let bytes = ctx.git().blob(&sha).await.map_err(|_| Reply::not_found())?;
    if ctx.accepts.contains("raw") {
        return Ok(Reply::raw(bytes));
    }
    let url = object_url(&ctx, "blobs", &sha);
    Ok(Reply::ok(json!({
        "sha": sha, "node_id": format!("B_{sha}"), "size": bytes.len(), "url": url,
        "content": STANDARD.encode(&bytes), "encoding": "base64",
    })))
}

async fn create_tree(ctx: Ctx) -> Answer {
    let git = ctx.git();
    let mut edits = Vec::new();
    for entry in ctx.body["tree"].as_array().into_iter().flatten() {
        let path = entry["path"].as_str().unwrap_or_default();
        let malformed = path.is_empty() || path.starts_with('/') || path.contains("..");
        if malformed {
            return Err(Reply::refused(422, "tree.path contains a malformed path component"));
        }
        let content = entry["content"].as_str();
        let sha = match (content, &entry["sha"]) {
            (Some(content), _) => Some(git.write_blob(content.as_bytes()).await?),
            (None, Value::String(sha)) => Some(sha.clone()),
            (None, _) => None,
        };
        let mode = entry["mode"].as_str().unwrap_or("100644").to_owned();
        edits.push(TreeEdit { path: path.to_owned(), mode, sha });
    }
    let written = git.write_tree(ctx.text("base_tree"), &edits).await;
    let sha = written.map_err(|_| Reply::refused(422, "GitRPC::BadObjectState"))?;
    let shape = tree_json(&ctx, &sha, Recursion::Level).await?;
    Ok(Reply::json(201, shape))
}

async fn tree(ctx: Ctx) -> Answer {
    let deep = ctx.asked("recursive").is_some();
    let recursion = if deep { Recursion::Whole } else { Recursion::Level };
    let rev = ctx.param("tree_sha").to_owned();
    match tree_json(&ctx, &rev, recursion).await {
        Ok(shape) => Ok(Reply::ok(shape)),
        Err(_) => Err(Reply::not_found()),
    }
}

async fn tree_json(ctx: &Ctx, rev: &str, recursion: Recursion) -> anyhow::Result<Value> {
    let entries = ctx.git().tree(rev, recursion).await?;
    let listed: Vec<Value> = entries
        .iter()
        .map(|entry| {
            let mut shape = json!({
                "path": entry.path, "mode": entry.mode, "type": entry.kind, "sha": entry.sha,
            });
            if let (Some(size), Value::Object(fields)) = (entry.size, &mut shape) {
                fields.insert("size".into(), size.into());
            }
            shape
        })
        .collect();
    let url = object_url(ctx, "trees", rev);
    Ok(json!({ "sha": rev, "url": url, "tree": listed, "truncated": false }))
}

/// Who the body says it was; the App's bot when it says nothing.
fn named(ctx: &Ctx, role: &str) -> Option<Person> {
    let given = ctx.body.get(role)?;
    let when = given["date"].as_str().and_then(time::parse);
    Some(Person {
        name: given["name"].as_str()?.to_owned(),
        email: given["email"].as_str()?.to_owned(),
        when_ms: when.unwrap_or_else(|| ctx.now_ms()),
    })
}

async fn create_commit(ctx: Ctx) -> Answer {
    let git = ctx.git();
    let bot = ctx.actor();
    let own = ctx.state().person(&bot, ctx.now_ms());
    let is_own = ctx.body.get("author").is_none() && ctx.body.get("committer").is_none();
    let author = named(&ctx, "author").unwrap_or_else(|| own.clone());
    let committer = named(&ctx, "committer").unwrap_or_else(|| author.clone());
    let parents: Vec<String> = ctx.body["parents"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|parent| parent.as_str().map(str::to_owned))
        .collect();
    let new = NewCommit {
        tree: ctx.text("tree").unwrap_or_default(),
        parents: &parents,
        message: ctx.text("message").unwrap_or_default(),
        author: &author,
        committer: &committer,
    };
    let written = git.write_commit(&new).await;
    let sha = written.map_err(|_| Reply::refused(422, "Tree SHA does not exist"))?;
    if is_own {
        ctx.state().repo_mut(ctx.repo()).verified.insert(sha.clone());
    }
    let info = git.commit(&sha).await?;
    Ok(Reply::json(201, commit_json(&ctx, &info)))
}

async fn commit(ctx: Ctx) -> Answer {
    let sha = ctx.param("commit_sha").to_owned();
    let info = ctx.git().commit(&sha).await.map_err(|_| Reply::not_found())?;
    Ok(Reply::ok(commit_json(&ctx, &info)))
}

/// A git commit; `commits` shows the same with more around it.
pub(super) fn commit_json(ctx: &Ctx, info: &CommitInfo) -> Value {
    let is_verified = ctx.state().repo_mut(ctx.repo()).verified.contains(&info.sha);
    let parents: Vec<Value> = info
        .parents
        .iter()
        .map(|sha| json!({ "sha": sha, "url": object_url(ctx, "commits", sha) }))
        .collect();
    json!({
        "sha": info.sha,
        "node_id": format!("C_{}", info.sha),
        "url": object_url(ctx, "commits", &info.sha),
        "author": person(&info.author),
        "committer": person(&info.committer),
        "tree": { "sha": info.tree, "url": object_url(ctx, "trees", &info.tree) },
        "message": info.message,
        "parents": parents,
        "verification": {
            "verified": is_verified,
            "reason": if is_verified { "valid" } else { "unsigned" },
            "signature": null, "payload": null, "verified_at": null,
        },
    })
}

fn ref_json(ctx: &Ctx, name: &str, sha: &str) -> Value {
    let object = json!({ "type": "commit", "sha": sha, "url": object_url(ctx, "commits", sha) });
    let url = object_url(ctx, "refs", name.trim_start_matches("refs/"));
    json!({ "ref": name, "node_id": format!("REF_{name}"), "url": url, "object": object })
}

async fn read_ref(ctx: Ctx) -> Answer {
    let name = format!("refs/{}", ctx.param("ref"));
    let sha = ctx.git().get_ref(&name).await?.ok_or_else(Reply::not_found)?;
    Ok(Reply::ok(ref_json(&ctx, &name, &sha)))
}

async fn create_ref(ctx: Ctx) -> Answer {
    let name = ctx.text("ref").unwrap_or_default().to_owned();
    let sha = ctx.text("sha").unwrap_or_default().to_owned();
    let git = ctx.git();
    if git.resolve(&sha).await?.is_none() {
        return Err(Reply::refused(422, "Object does not exist"));
    }
    allowed(&ctx, (&name, None), &sha).await?;
    match git.create_ref(&name, &sha).await? {
        Ok(()) => {}
        Err(RefError::Exists) => return Err(Reply::refused(422, "Reference already exists")),
        Err(_) => return Err(Reply::refused(422, "Reference update failed")),
    }
    told(&ctx, &name, None, Some(sha.clone())).await?;
    Ok(Reply::json(201, ref_json(&ctx, &name, &sha)))
}

async fn update_ref(ctx: Ctx) -> Answer {
    let name = format!("refs/{}", ctx.param("ref"));
    let new = ctx.text("sha").unwrap_or_default().to_owned();
    let git = ctx.git();
    if git.resolve(&new).await?.is_none() {
        return Err(Reply::refused(422, "Object does not exist"));
    }
    let old = git.get_ref(&name).await?;
    let old = old.ok_or_else(|| Reply::refused(422, "Reference does not exist"))?;
    allowed(&ctx, (&name, Some(&old)), &new).await?;
    let forced = ctx.body["force"].as_bool() == Some(true);
    let force = if forced { Force::Yes } else { Force::No };
    let moving = RefMove { name: &name, new: &new, expected_old: Some(&old), force };
    match git.update_ref(&moving).await? {
        Ok(()) => {}
        Err(RefError::NotFastForward) => {
            return Err(Reply::refused(422, "Update is not a fast forward"));
        }
        Err(_) => return Err(Reply::refused(422, "Reference update failed")),
    }
    told(&ctx, &name, Some(old), Some(new.clone())).await?;
    Ok(Reply::ok(ref_json(&ctx, &name, &new)))
}

async fn delete_ref(ctx: Ctx) -> Answer {
    let name = format!("refs/{}", ctx.param("ref"));
    let git = ctx.git();
    let old = git.get_ref(&name).await?;
    let old = old.ok_or_else(|| Reply::refused(422, "Reference does not exist"))?;
    git.delete_ref(&name).await?;
    told(&ctx, &name, Some(old), None).await?;
    Ok(Reply::empty(204))
}

async fn allowed(ctx: &Ctx, (name, old): (&str, Option<&str>), new: &str) -> Result<(), Reply> {
    let Some(branch) = name.strip_prefix("refs/heads/") else { return Ok(()) };
    let workflows = ctx.caller.has("workflows", Level::Write).then_some(Level::Write);
    let asked = Asked { repo: ctx.repo(), branch, old, new, workflows };
    match ctx.shared.refusal(&asked).await? {
        Some(message) => Err(refused(&message)),
        None => Ok(()),
    }
}

async fn told(
    ctx: &Ctx,
    name: &str,
    old: Option<String>,
    new: Option<String>,
) -> Result<(), Reply> {
    let Some(branch) = name.strip_prefix("refs/heads/") else { return Ok(()) };
    let moved = Moved { repo: ctx.repo(), branch: branch.to_owned(), old, new, by: ctx.actor() };
    Ok(ctx.shared.branch_moved(&moved).await?)
}
