//! The GraphQL operations that selfheal sends, found by their names.
//!
//! No GraphQL engine: each known operation reads its variables (and, for file reading, the aliases
//! in its text) and answers in the shape that GitHub gives. An unknown operation is a breach of the
//! contract, as an unknown path is. Errors come with status 200, as GraphQL's do.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::auth::{Caller, reaches};
use crate::branches::{Asked, Moved};
use crate::git::{Force, RefMove, ZEROS};
use crate::reply::{Answer, Reply};
use crate::rest::Ctx;
use crate::state::State;
use crate::state::app::Level;
use crate::state::pull::AutoMerge;

pub(crate) async fn answer(ctx: Ctx) -> Answer {
    let Caller::Installation(_) = &ctx.caller else {
        return Err(Reply::refused(401, "This endpoint requires you to be authenticated."));
    };
    let query = ctx.text("query").unwrap_or_default().to_owned();
    let outcome = match operation_name(&ctx, &query).as_str() {
        "SelfhealFiles" => files(&ctx, &query).await,
        "SelfhealUpdateRefs" => update_refs(&ctx).await,
        "SelfhealDisableAutoMerge" => disable_auto_merge(&ctx),
        "SelfhealEnableAutoMerge" => enable_auto_merge(&ctx),
        "SelfhealMarkReady" => mark_ready(&ctx),
        "SelfhealPull" => pull(&ctx),
        "SelfhealMinimizeComment" => minimize(&ctx),
        other => {
            let text = format!("GraphQL operation `{other}` is not known to the world");
            ctx.state().ledger.violations.push(text.clone());
            return Err(Reply::refused(500, text));
        }
    };
    match outcome {
        Ok(data) => Ok(Reply::ok(json!({ "data": data }))),
        Err(Failed::Said(kind, message)) => {
            let error = json!({ "type": kind, "message": message });
            Ok(Reply::ok(json!({ "data": null, "errors": [error] })))
        }
        Err(Failed::Broke(error)) => Err(Reply::bug(&error)),
    }
}

/// Why an operation did nothing.
enum Failed {
    /// The type and message that GraphQL reports.
    Said(&'static str, String),
    Broke(anyhow::Error),
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self::Broke(error)
    }
}

fn missing(what: &str) -> Failed {
    Failed::Said("NOT_FOUND", format!("Could not resolve to a {what}."))
}

fn forbidden() -> Failed {
    Failed::Said("FORBIDDEN", "Resource not accessible by integration".into())
}

fn operation_name(ctx: &Ctx, query: &str) -> String {
    if let Some(name) = ctx.text("operationName") {
        return name.to_owned();
    }
    let mut words = query.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words.find(|word| matches!(*word, "query" | "mutation"));
    words.find(|word| !word.is_empty()).unwrap_or_default().to_owned()
}

fn variables(ctx: &Ctx) -> Map<String, Value> {
    ctx.body["variables"].as_object().cloned().unwrap_or_default()
}

/// The variables themselves, or their `input`.
fn input(ctx: &Ctx) -> Map<String, Value> {
    let variables = variables(ctx);
    variables.get("input").and_then(Value::as_object).cloned().unwrap_or(variables)
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The first of these variables that was given; queries name theirs as they like.
fn said<'a>(fields: &'a Map<String, Value>, names: &[&str]) -> &'a str {
    names.iter().map(|name| text(fields, name)).find(|text| !text.is_empty()).unwrap_or_default()
}

/// The repository of a node id, if the caller reaches it.
fn reached(ctx: &Ctx, state: &State, id: u64) -> Result<u64, Failed> {
    match &ctx.caller {
        Caller::Installation(token) if reaches(state, token, id) => Ok(id),
        _ => Err(missing("Repository")),
    }
}

/// `fN: object(expression: $eN)`: aliases with the variables that they read.
fn aliases(query: &str) -> BTreeMap<String, String> {
    let compact: String = query.chars().filter(|letter| !letter.is_whitespace()).collect();
    let mut found = BTreeMap::new();
    for (at, _) in compact.match_indices(":object(expression:$") {
        let name = |letter: &char| letter.is_alphanumeric() || *letter == '_';
        let alias: String = compact[..at].chars().rev().take_while(name).collect();
        let rest = &compact[at + ":object(expression:$".len()..];
        let variable: String = rest.chars().take_while(name).collect();
        found.insert(alias.chars().rev().collect(), variable);
    }
    found
}

async fn files(ctx: &Ctx, query: &str) -> Result<Value, Failed> {
    let variables = variables(ctx);
    let (git, _) = {
        let state = ctx.state();
        let repo = state
            .repo_named(text(&variables, "owner"), text(&variables, "name"))
            .ok_or_else(|| missing("Repository"))?;
        (repo.git.clone(), reached(ctx, &state, repo.id)?)
    };
    if !ctx.caller.has("contents", Level::Read) {
        return Err(forbidden());
    }
    let mut fields = Map::new();
    for (alias, variable) in aliases(query) {
        let expression = text(&variables, &variable);
        let (rev, path) = expression.split_once(':').unwrap_or((expression, ""));
        let shape = git.read_file(rev, path).await?.map(|(bytes, sha)| blob_json(&bytes, &sha));
        fields.insert(alias, shape.into());
    }
    Ok(json!({ "repository": fields }))
}

fn blob_json(bytes: &[u8], sha: &str) -> Value {
    let is_binary = bytes.contains(&0);
    let text = String::from_utf8_lossy(bytes).into_owned();
    json!({
        "__typename": "Blob", "oid": sha, "byteSize": bytes.len(), "isBinary": is_binary,
        "isTruncated": false, "text": (!is_binary).then_some(text),
    })
}

/// Moves branches if every one of them is where the caller believes it to be.
async fn update_refs(ctx: &Ctx) -> Result<Value, Failed> {
    let input = input(ctx);
    let node = said(&input, &["repositoryId", "repository"]);
    let id = node.trim_start_matches("R_").parse().unwrap_or(0);
    let (repo, git) = {
        let mut state = ctx.state();
        if state.repo(id).is_none() {
            return Err(missing("Repository"));
        }
        let repo = reached(ctx, &state, id)?;
        (repo, state.repo_mut(repo).git.clone())
    };
    if !ctx.caller.has("contents", Level::Write) {
        return Err(forbidden());
    }
    let empty = Vec::new();
    let updates = input.get("refUpdates").or_else(|| input.get("updates"));
    let updates = updates.and_then(Value::as_array).unwrap_or(&empty);
    for update in updates {
        let field = |name: &str| update[name].as_str().unwrap_or_default().to_owned();
        let (name, before, after) = (field("name"), field("beforeOid"), field("afterOid"));
        let Some(branch) = name.strip_prefix("refs/heads/") else {
            return Err(Failed::Said("UNPROCESSABLE", format!("{name} is no branch")));
        };
        let workflows = ctx.caller.has("workflows", Level::Write).then_some(Level::Write);
        let is_new = before == ZEROS;
        let old = (!is_new).then_some(before.as_str());
        if after == ZEROS {
            delete_ref(ctx, (repo, &git), (&name, branch, &before)).await?;
            continue;
        }
        if git.resolve(&after).await?.is_none() {
            return Err(missing("object"));
        }
        let asked = Asked { repo, branch, old, new: &after, workflows };
        if let Some(message) = ctx.shared.refusal(&asked).await? {
            return Err(Failed::Said("UNPROCESSABLE", message));
        }
        let forced = update["force"].as_bool() == Some(true);
        let force = if forced { Force::Yes } else { Force::No };
        let expected_old = (!before.is_empty() && !is_new).then_some(before.as_str());
        let moving = RefMove { name: &name, new: &after, expected_old, force };
        let done = if is_new {
            git.create_ref(&name, &after).await?
        } else {
            git.update_ref(&moving).await?
        };
        if done.is_err() {
            let message = format!(
                "Expected {name} to point to \"{before}\" but it did not. Pull and try again."
            );
            return Err(Failed::Said("STALE_DATA", message));
        }
        let moved = Moved {
            repo,
            branch: branch.to_owned(),
            old: old.map(str::to_owned),
            new: Some(after.clone()),
            by: ctx.actor(),
        };
        ctx.shared.branch_moved(&moved).await?;
    }
    let mutation = json!({ "clientMutationId": input.get("clientMutationId") });
    Ok(json!({ "updateRefs": mutation }))
}

/// Deletes a branch that is where the caller believes it to be.
async fn delete_ref(
    ctx: &Ctx,
    (repo, git): (u64, &crate::git::Repo),
    (name, branch, before): (&str, &str, &str),
) -> Result<(), Failed> {
    let at = git.get_ref(name).await?;
    if at.as_deref() != Some(before) {
        let message = format!("Expected {name} to point to \"{before}\" but it did not.");
        return Err(Failed::Said("STALE_DATA", message));
    }
    git.delete_ref(name).await?;
    let moved = Moved { repo, branch: branch.to_owned(), old: at, new: None, by: ctx.actor() };
    Ok(ctx.shared.branch_moved(&moved).await?)
}

/// The pull request of a node id: repository and number.
fn pull_at(ctx: &Ctx, state: &State, node: &str) -> Result<(u64, u64), Failed> {
    let mut all = state.repos.values().flat_map(|repo| {
        repo.pulls.values().map(move |pull| (repo.id, pull.number, pull.node_id()))
    });
    let found = all.find(|(_, _, id)| id == node);
    let (repo, number, _) = found.ok_or_else(|| missing("PullRequest"))?;
    Ok((reached(ctx, state, repo)?, number))
}

/// Auto-merge needs both permissions in the token.
fn may_merge(ctx: &Ctx) -> Result<(), Failed> {
    let has = |name: &str| ctx.caller.has(name, Level::Write);
    if has("contents") && has("pull_requests") { Ok(()) } else { Err(forbidden()) }
}

fn disable_auto_merge(ctx: &Ctx) -> Result<Value, Failed> {
    may_merge(ctx)?;
    let (input, now_ms, bot) = (input(ctx), ctx.now_ms(), ctx.actor());
    let mut state = ctx.state();
    let at = pull_at(ctx, &state, said(&input, &["pullRequestId", "pull"]))?;
    if state.pull_mut(at).auto_merge.take().is_none() {
        let text = "Can't disable auto-merge for this pull request";
        return Err(Failed::Said("UNPROCESSABLE", text.into()));
    }
    state.repo_mut(at.0).note(at.1, format!("{bot}: auto_merge_disabled"));
    let extra = json!({ "reason": "disabled by an App" });
    state.tell_pull(at, ("auto_merge_disabled", &bot), extra, now_ms);
    let id = state.pull_mut(at).node_id();
    Ok(json!({ "disablePullRequestAutoMerge": { "pullRequest": { "id": id } } }))
}

fn enable_auto_merge(ctx: &Ctx) -> Result<Value, Failed> {
    may_merge(ctx)?;
    let (input, now_ms, bot) = (input(ctx), ctx.now_ms(), ctx.actor());
    let given = |name: &str| Some(text(&input, name)).filter(|said| !said.is_empty());
    let mut state = ctx.state();
    let at = pull_at(ctx, &state, said(&input, &["pullRequestId", "pull"]))?;
    let pull = state.pull_mut(at);
    let refused = match given("expectedHeadOid") {
        Some(expected) if expected != pull.head.sha => Some("Head sha didn't match"),
        Some(_) | None if !pull.is_open() => Some("Pull request is not open"),
        Some(_) | None if pull.auto_merge.is_some() => {
            Some("Pull request Auto merge is already enabled")
        }
        Some(_) | None => None,
    };
    if let Some(text) = refused {
        return Err(Failed::Said("UNPROCESSABLE", text.into()));
    }
    pull.auto_merge = Some(AutoMerge {
        enabled_by: bot.clone(),
        method: given("mergeMethod").unwrap_or("MERGE").to_lowercase(),
        title: given("commitHeadline").map(str::to_owned),
        message: given("commitBody").map(str::to_owned),
    });
    let id = pull.node_id();
    state.repo_mut(at.0).note(at.1, format!("{bot}: auto_merge_enabled"));
    state.tell_pull(at, ("auto_merge_enabled", &bot), json!({}), now_ms);
    Ok(json!({ "enablePullRequestAutoMerge": { "pullRequest": { "id": id } } }))
}

fn mark_ready(ctx: &Ctx) -> Result<Value, Failed> {
    if !ctx.caller.has("pull_requests", Level::Write) {
        return Err(forbidden());
    }
    let (input, now_ms, bot) = (input(ctx), ctx.now_ms(), ctx.actor());
    let mut state = ctx.state();
    let at = pull_at(ctx, &state, said(&input, &["pullRequestId"]))?;
    let pull = state.pull_mut(at);
    pull.updated_ms = now_ms;
    let (was_draft, id) = (std::mem::replace(&mut pull.is_draft, false), pull.node_id());
    if was_draft {
        state.repo_mut(at.0).note(at.1, format!("{bot}: ready_for_review"));
        state.tell_pull(at, ("ready_for_review", &bot), json!({}), now_ms);
    }
    Ok(json!({ "markPullRequestReadyForReview": { "pullRequest": { "id": id } } }))
}

/// A pull request by `id`, or by `owner`, `name` and `number`.
fn pull(ctx: &Ctx) -> Result<Value, Failed> {
    if !ctx.caller.has("pull_requests", Level::Read) {
        return Err(forbidden());
    }
    let variables = variables(ctx);
    let mut state = ctx.state();
    let by_id = text(&variables, "id");
    let at = if by_id.is_empty() {
        let repo = state.repo_named(text(&variables, "owner"), text(&variables, "name"));
        let repo = repo.ok_or_else(|| missing("Repository"))?.id;
        let number = variables.get("number").and_then(Value::as_u64).unwrap_or(0);
        (reached(ctx, &state, repo)?, number)
    } else {
        pull_at(ctx, &state, by_id)?
    };
    let pull = state.repo_mut(at.0).pulls.get(&at.1).cloned();
    let pull = pull.ok_or_else(|| missing("PullRequest"))?;
    let auto = pull.auto_merge.as_ref().map(|auto| {
        json!({
            "enabledBy": { "login": auto.enabled_by },
            "mergeMethod": auto.method.to_uppercase(),
            "commitHeadline": auto.title, "commitBody": auto.message,
        })
    });
    let shape = json!({
        "__typename": "PullRequest", "id": pull.node_id(), "number": pull.number,
        "isDraft": pull.is_draft, "isInMergeQueue": pull.is_queued, "headRefOid": pull.head.sha,
        "autoMergeRequest": auto, "state": if pull.is_open() { "OPEN" } else { "CLOSED" },
    });
    if by_id.is_empty() {
        Ok(json!({ "repository": { "pullRequest": shape } }))
    } else {
        Ok(json!({ "node": shape }))
    }
}

fn minimize(ctx: &Ctx) -> Result<Value, Failed> {
    let input = input(ctx);
    let id: u64 = text(&input, "subjectId").trim_start_matches("IC_").parse().unwrap_or(0);
    let mut state = ctx.state();
    let holder = state.repos.values().find(|repo| repo.comments.contains_key(&id));
    let repo = holder.ok_or_else(|| missing("Comment"))?.id;
    let repo = reached(ctx, &state, repo)?;
    if let Some(comment) = state.repo_mut(repo).comments.get_mut(&id) {
        comment.is_minimized = true;
    }
    Ok(json!({ "minimizeComment": { "minimizedComment": { "isMinimized": true } } }))
}
