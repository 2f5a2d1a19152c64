//! Comments on pull requests, in the conversation and on the code, and reactions to them.

use serde_json::{Value, json};

use super::pulls::found;
use super::{Ctx, Route, need, now};
use crate::people::talk::NewComment;
use crate::reply::{Answer, Reply};
use crate::state::State;
use crate::state::pull::{CodePlace, Comment};
use crate::time;

/// What GitHub's error message says; `platform.md` knows that the truth is larger.
const BODY_CHARS_MAX: usize = 65_536;

pub(super) fn routes() -> Vec<Route> {
    const ISSUE: &str = "/repos/{owner}/{repo}/issues/comments/{comment_id}";
    const REVIEW: &str = "/repos/{owner}/{repo}/pulls/comments/{comment_id}";
    const TALK: &str = "/repos/{owner}/{repo}/issues/{issue_number}/comments";
    const CODE: &str = "/repos/{owner}/{repo}/pulls/{pull_number}/comments";
    const ISSUE_REACTIONS: &str = "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions";
    const REVIEW_REACTIONS: &str = "/repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions";
    vec![
        now(("GET", TALK), need::TALK_READ, |ctx| list(ctx, "issue_number")),
        now(("POST", TALK), need::TALK_WRITE, create),
        now(("GET", CODE), need::PULLS_READ, |ctx| list(ctx, "pull_number")),
        now(("POST", CODE), need::PULLS_WRITE, create_review),
        now(("GET", ISSUE), need::TALK_READ, show),
        now(("GET", REVIEW), need::PULLS_READ, show),
        now(("PATCH", ISSUE), need::TALK_WRITE, update),
        now(("DELETE", ISSUE), need::TALK_WRITE, delete),
        now(("GET", ISSUE_REACTIONS), need::TALK_READ, reactions),
        now(("GET", REVIEW_REACTIONS), need::PULLS_READ, reactions),
        now(("POST", ISSUE_REACTIONS), need::TALK_WRITE, react),
        now(("POST", REVIEW_REACTIONS), need::PULLS_WRITE, react),
    ]
}

fn list(ctx: &Ctx, parameter: &str) -> Answer {
    let number = ctx.number(parameter);
    found(ctx, number)?;
    let on_code = parameter == "pull_number";
    let since = ctx.asked("since").and_then(time::parse).unwrap_or(i64::MIN);
    let state = ctx.state();
    let repo = state.repo(ctx.repo()).ok_or_else(Reply::not_found)?;
    let listed = repo
        .comments
        .values()
        .filter(|one| one.pull == number && one.place.is_some() == on_code)
        .filter(|one| one.updated_ms >= since)
        .map(|one| state.comment_json(repo.id, one))
        .collect();
    drop(state);
    Ok(ctx.page(listed))
}

fn body_of(ctx: &Ctx) -> Result<String, Reply> {
    let body = ctx.text("body").unwrap_or_default();
    if body.trim().is_empty() {
        return Err(Reply::invalid("IssueComment", "body", "body can't be blank"));
    }
    if body.chars().count() > BODY_CHARS_MAX {
        let text = format!("body is too long (maximum is {BODY_CHARS_MAX} characters)");
        return Err(Reply::invalid("IssueComment", "body", &text));
    }
    Ok(body.to_owned())
}

fn create(ctx: &Ctx) -> Answer {
    added(ctx, ctx.number("issue_number"), None)
}

fn create_review(ctx: &Ctx) -> Answer {
    let place = CodePlace {
        path: ctx.text("path").unwrap_or_default().into(),
        line: ctx.body["line"].as_u64().unwrap_or(1),
        commit: ctx.text("commit_id").unwrap_or_default().into(),
    };
    added(ctx, ctx.number("pull_number"), Some(place))
}

fn added(ctx: &Ctx, number: u64, place: Option<CodePlace>) -> Answer {
    found(ctx, number)?;
    let body = body_of(ctx)?;
    let (author, now_ms) = (ctx.actor(), ctx.now_ms());
    let mut state = ctx.state();
    let via_app = Some(state.app.id);
    let new = NewComment { pull: number, author, via_app, body, place };
    let comment = state.add_comment(ctx.repo(), new, now_ms);
    Ok(Reply::json(201, state.comment_json(ctx.repo(), &comment)))
}

fn comment(ctx: &Ctx, state: &State) -> Result<Comment, Reply> {
    let on_code = ctx.path.contains("/pulls/comments/");
    let repo = state.repo(ctx.repo()).ok_or_else(Reply::not_found)?;
    let found = repo.comments.get(&ctx.number("comment_id"));
    found.filter(|one| one.place.is_some() == on_code).cloned().ok_or_else(Reply::not_found)
}

fn show(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let comment = comment(ctx, &state)?;
    Ok(Reply::ok(state.comment_json(ctx.repo(), &comment)))
}

fn update(ctx: &Ctx) -> Answer {
    let body = body_of(ctx)?;
    let (bot, now_ms) = (ctx.actor(), ctx.now_ms());
    let mut state = ctx.state();
    let comment = comment(ctx, &state)?;
    state.edit_comment((ctx.repo(), comment.id), &body, &bot, now_ms);
    let comment = self::comment(ctx, &state)?;
    Ok(Reply::ok(state.comment_json(ctx.repo(), &comment)))
}

fn delete(ctx: &Ctx) -> Answer {
    let mut state = ctx.state();
    let comment = comment(ctx, &state)?;
    state.repo_mut(ctx.repo()).comments.remove(&comment.id);
    Ok(Reply::empty(204))
}

fn reaction_json(state: &State, (id, login, content): &(u64, String, String)) -> Value {
    json!({
        "id": id, "node_id": format!("REA_{id}"), "user": state.user_json(login),
        "content": content, "created_at": time::iso(state.app.created_ms),
    })
}

fn reactions(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let comment = comment(ctx, &state)?;
    let listed = comment.reactions.iter().map(|one| reaction_json(&state, one)).collect();
    drop(state);
    Ok(ctx.page(listed))
}

/// 201 for a new reaction, 200 for one that was there.
fn react(ctx: &Ctx) -> Answer {
    let bot = ctx.actor();
    let content = ctx.text("content").unwrap_or_default().to_owned();
    let mut state = ctx.state();
    let comment = comment(ctx, &state)?;
    let known = comment.reactions.iter().find(|(_, by, what)| *by == bot && *what == content);
    if let Some(known) = known {
        return Ok(Reply::ok(reaction_json(&state, known)));
    }
    let reaction = (state.fresh_id(), bot, content);
    if let Some(kept) = state.repo_mut(ctx.repo()).comments.get_mut(&comment.id) {
        kept.reactions.push(reaction.clone());
    }
    Ok(Reply::json(201, reaction_json(&state, &reaction)))
}
