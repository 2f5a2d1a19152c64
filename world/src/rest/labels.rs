//! Labels of a repository and of its pull requests. Names mean the same in any case.

use serde_json::Value;

use super::pulls::found;
use super::{Ctx, Route, need, now};
use crate::reply::{Answer, Reply};

pub(super) fn routes() -> Vec<Route> {
    const ON_ISSUE: &str = "/repos/{owner}/{repo}/issues/{issue_number}/labels";
    vec![
        now(("GET", "/repos/{owner}/{repo}/labels"), need::TALK_READ, of_repo),
        now(("POST", "/repos/{owner}/{repo}/labels"), need::TALK_WRITE, create),
        now(("GET", ON_ISSUE), need::TALK_READ, of_pull),
        now(("POST", ON_ISSUE), need::TALK_WRITE, add),
        now(
            ("DELETE", "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}"),
            need::TALK_WRITE,
            remove,
        ),
    ]
}

fn of_repo(ctx: &Ctx) -> Answer {
    let state = ctx.state();
    let repo = state.repo(ctx.repo()).ok_or_else(Reply::not_found)?;
    let listed = repo.labels.iter().map(|label| state.label_json(repo.id, label)).collect();
    drop(state);
    Ok(ctx.page(listed))
}

fn create(ctx: &Ctx) -> Answer {
    let name = ctx.text("name").unwrap_or_default();
    let mut state = ctx.state();
    if state.label_of(ctx.repo(), name) != Value::Null {
        return Err(Reply::invalid("Label", "name", "already_exists"));
    }
    state.label_named(ctx.repo(), name);
    Ok(Reply::json(201, state.label_of(ctx.repo(), name)))
}

fn labels_json(ctx: &Ctx, number: u64) -> Vec<Value> {
    let state = ctx.state();
    let pull = state.repo(ctx.repo()).and_then(|repo| repo.pulls.get(&number));
    let names = pull.map_or(&[][..], |pull| &pull.labels);
    names.iter().map(|name| state.label_of(ctx.repo(), name)).collect()
}

fn of_pull(ctx: &Ctx) -> Answer {
    let number = ctx.number("issue_number");
    found(ctx, number)?;
    Ok(ctx.page(labels_json(ctx, number)))
}

/// Adds labels; the body is `{labels: […]}` or the list itself, of names or objects.
fn add(ctx: &Ctx) -> Answer {
    let number = ctx.number("issue_number");
    found(ctx, number)?;
    let (bot, now_ms) = (ctx.actor(), ctx.now_ms());
    let list = ctx.body.get("labels").unwrap_or(&ctx.body);
    let names = list.as_array().into_iter().flatten();
    let names = names.filter_map(|one| one.as_str().or_else(|| one["name"].as_str()));
    for name in names {
        ctx.state().add_label((ctx.repo(), number), name, &bot, now_ms);
    }
    Ok(Reply::ok(Value::Array(labels_json(ctx, number))))
}

fn remove(ctx: &Ctx) -> Answer {
    let number = ctx.number("issue_number");
    found(ctx, number)?;
    let (bot, now_ms) = (ctx.actor(), ctx.now_ms());
    if ctx.state().remove_label((ctx.repo(), number), ctx.param("name"), &bot, now_ms) {
        Ok(Reply::ok(Value::Array(labels_json(ctx, number))))
    } else {
        Err(Reply::refused(404, "Label does not exist"))
    }
}
