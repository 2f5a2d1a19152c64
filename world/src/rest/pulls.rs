//! Pull requests.

use serde_json::{Value, json};

use super::commits::{file_json, resolved, whole_json};
use super::{Ctx, Route, need, now, wait};
use crate::branches::{Moved, point};
use crate::ci::NewRun;
use crate::git::{Force, NewCommit, RefMove};
use crate::pulls::NewPull;
use crate::reply::{Answer, Reply};
use crate::state::pull::{Head, Pull};

/// Commits of a pull request that the API lists at most.
const COMMITS_MAX: usize = 250;

pub(super) fn routes() -> Vec<Route> {
    vec![
        now(("GET", "/repos/{owner}/{repo}/pulls"), need::PULLS_READ, list),
        wait(("POST", "/repos/{owner}/{repo}/pulls"), need::PULLS_WRITE, |ctx| {
            Box::pin(create(ctx))
        }),
        wait(("GET", "/repos/{owner}/{repo}/pulls/{pull_number}"), need::PULLS_READ, |ctx| {
            Box::pin(show(ctx))
        }),
        now(("PATCH", "/repos/{owner}/{repo}/pulls/{pull_number}"), need::PULLS_WRITE, edit),
        wait(("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/files"), need::PULLS_READ, |ctx| {
            Box::pin(files(ctx))
        }),
        wait(
            ("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/commits"),
            need::PULLS_READ,
            |ctx| Box::pin(commits(ctx)),
        ),
        wait(
            ("PUT", "/repos/{owner}/{repo}/pulls/{pull_number}/update-branch"),
            need::PULLS_WRITE,
            |ctx| Box::pin(update_branch(ctx)),
        ),
        now(("GET", "/repos/{owner}/{repo}/issues/{issue_number}"), need::TALK_READ, |ctx| {
            let number = ctx.number("issue_number");
            found(ctx, number)?;
            Ok(Reply::ok(ctx.state().issue_json(ctx.repo(), number)))
        }),
    ]
}

/// The pull request of that number.
pub(super) fn found(ctx: &Ctx, number: u64) -> Result<Pull, Reply> {
    let mut state = ctx.state();
    let pull = state.repo_mut(ctx.repo()).pulls.get(&number).cloned();
    pull.ok_or_else(Reply::not_found)
}

fn list(ctx: &Ctx) -> Answer {
    let wanted = ctx.asked("state").unwrap_or("open");
    let head = ctx.asked("head");
    let base = ctx.asked("base");
    let state = ctx.state();
    let repo = state.repo(ctx.repo()).ok_or_else(Reply::not_found)?;
    let mut pulls: Vec<&Pull> = repo.pulls.values().rev().collect();
    if ctx.asked("sort") == Some("updated") {
        pulls.sort_by_key(|pull| pull.updated_ms);
        if ctx.asked("direction") == Some("desc") {
            pulls.reverse();
        }
    }
    let listed = pulls
        .into_iter()
        .filter(|pull| wanted == "all" || pull.is_open() == (wanted == "open"))
        .filter(|pull| {
            let label = format!("{}:{}", pull.head.owner, pull.head.branch);
            head.is_none_or(|head| head.eq_ignore_ascii_case(&label))
        })
        .filter(|pull| base.is_none_or(|base| base == pull.base_branch))
        .map(|pull| state.pull_json(repo.id, pull.number))
        .collect();
    drop(state);
    Ok(ctx.page(listed))
}

async fn show(ctx: Ctx) -> Answer {
    let pull = found(&ctx, ctx.number("pull_number"))?;
    let mut shape = ctx.state().pull_json(ctx.repo(), pull.number);
    let git = ctx.git();
    let files = changed(&ctx, &pull).await?;
    let count = git.log(&format!("{}..{}", pull.base_sha, pull.head.sha), COMMITS_MAX).await?.len();
    if let Value::Object(fields) = &mut shape {
        let sum = |of: fn(&crate::git::ChangedFile) -> u64| files.iter().map(of).sum::<u64>();
        fields.insert("commits".into(), count.into());
        fields.insert("additions".into(), sum(|file| file.additions).into());
        fields.insert("deletions".into(), sum(|file| file.deletions).into());
        fields.insert("changed_files".into(), files.len().into());
    }
    Ok(Reply::ok(shape))
}

async fn changed(ctx: &Ctx, pull: &Pull) -> Result<Vec<crate::git::ChangedFile>, Reply> {
    let git = ctx.git();
    let base = git.merge_base(&pull.base_sha, &pull.head.sha).await?;
    let base = base.unwrap_or_else(|| pull.base_sha.clone());
    Ok(git.diff_files(&base, &pull.head.sha).await?)
}

async fn files(ctx: Ctx) -> Answer {
    let pull = found(&ctx, ctx.number("pull_number"))?;
    let files = changed(&ctx, &pull).await?;
    Ok(ctx.page(files.iter().map(file_json).collect()))
}

async fn commits(ctx: Ctx) -> Answer {
    let pull = found(&ctx, ctx.number("pull_number"))?;
    let range = format!("{}..{}", pull.base_sha, pull.head.sha);
    let mut commits = ctx.git().log(&range, COMMITS_MAX).await?;
    commits.reverse();
    Ok(ctx.page(commits.iter().map(|info| whole_json(&ctx, info)).collect()))
}

async fn create(ctx: Ctx) -> Answer {
    let base_branch = ctx.text("base").unwrap_or_default().to_owned();
    let head = ctx.text("head").unwrap_or_default().to_owned();
    let branch = head.rsplit(':').next().unwrap_or_default().to_owned();
    let head_sha = resolved(&ctx, &branch)
        .await
        .map_err(|_| Reply::invalid("PullRequest", "head", "head is invalid"))?;
    let base_sha = resolved(&ctx, &base_branch)
        .await
        .map_err(|_| Reply::invalid("PullRequest", "base", "base is invalid"))?;
    if head_sha == base_sha {
        let text = format!("No commits between {base_branch} and {branch}");
        return Err(Reply::invalid("PullRequest", "head", &text));
    }
    let bot = ctx.actor();
    let now_ms = ctx.now_ms();
    let is_draft = ctx.body["draft"].as_bool() == Some(true);
    let moved = Moved {
        repo: ctx.repo(),
        branch: branch.clone(),
        old: None,
        new: Some(head_sha.clone()),
        by: bot.clone(),
    };
    let number = {
        let mut state = ctx.state();
        let repo = state.repo_mut(ctx.repo());
        if is_draft && !repo.has_drafts {
            let text = "Draft pull requests are not supported in this repository.";
            return Err(Reply::refused(422, text));
        }
        if !repo.pulls_from(repo.id, &branch).is_empty() {
            let text = format!("A pull request already exists for {}:{branch}.", repo.owner);
            return Err(Reply::invalid("PullRequest", "head", &text));
        }
        let owner = repo.owner.clone();
        let new = NewPull {
            title: ctx.text("title").unwrap_or_default().into(),
            body: ctx.text("body").map(Into::into),
            author: bot,
            is_draft,
            head: Head { repo: Some(ctx.repo()), owner, branch, sha: head_sha.clone() },
            base_branch,
            base_sha,
            has_conflicts: Some(false),
        };
        state.open_pull(ctx.repo(), new, now_ms)
    };
    point(&ctx.git(), &format!("refs/pull/{number}/head"), &head_sha).await?;
    let title = ctx.text("title").unwrap_or_default();
    let new = NewRun::of_push("pull_request", &moved, &head_sha, title);
    ctx.shared.start_all(ctx.repo(), &new);
    Ok(Reply::json(201, ctx.state().pull_json(ctx.repo(), number)))
}

/// Merges the base branch into the head's; the real one answers before it has merged.
async fn update_branch(ctx: Ctx) -> Answer {
    let pull = found(&ctx, ctx.number("pull_number"))?;
    let expected = ctx.text("expected_head_sha").unwrap_or(&pull.head.sha);
    if expected != pull.head.sha {
        let text = "expected head sha didn\u{2019}t match current head ref.";
        return Err(Reply::invalid("PullRequest", "expected_head_sha", text));
    }
    let git = ctx.git();
    if git.is_ancestor(&pull.base_sha, &pull.head.sha).await? {
        let text = "There are no new commits on the base branch.";
        return Err(Reply::invalid("PullRequest", "head", text));
    }
    let Some(tree) = git.merge_tree(&pull.base_sha, &pull.head.sha).await? else {
        return Err(Reply::invalid("PullRequest", "head", "merge conflict between base and head"));
    };
    let (bot, now_ms) = (ctx.actor(), ctx.now_ms());
    let author = ctx.state().person(&bot, now_ms);
    let message = format!("Merge branch '{}' into {}", pull.base_branch, pull.head.branch);
    let parents = [pull.head.sha.clone(), pull.base_sha.clone()];
    let new = NewCommit {
        tree: &tree,
        parents: &parents,
        message: &message,
        author: &author,
        committer: &author,
    };
    let sha = git.write_commit(&new).await?;
    let name = format!("refs/heads/{}", pull.head.branch);
    let old = Some(pull.head.sha.as_str());
    let moving = RefMove { name: &name, new: &sha, expected_old: old, force: Force::No };
    if git.update_ref(&moving).await?.is_err() {
        return Err(Reply::invalid("PullRequest", "head", "the head moved meanwhile"));
    }
    let moved = Moved {
        repo: ctx.repo(),
        branch: pull.head.branch.clone(),
        old: Some(pull.head.sha.clone()),
        new: Some(sha),
        by: bot,
    };
    ctx.shared.branch_moved(&moved).await?;
    Ok(Reply::json(202, json!({ "message": "Updating pull request branch.", "url": "" })))
}

fn edit(ctx: &Ctx) -> Answer {
    let number = ctx.number("pull_number");
    found(ctx, number)?;
    let (bot, now_ms) = (ctx.actor(), ctx.now_ms());
    let mut state = ctx.state();
    let at = (ctx.repo(), number);
    if let Some(pull) = state.repo_mut(at.0).pulls.get_mut(&number) {
        if let Some(title) = ctx.text("title") {
            title.clone_into(&mut pull.title);
        }
        if let Some(body) = ctx.text("body") {
            let from = pull.body.replace(body.to_owned());
            pull.updated_ms = now_ms;
            let extra = json!({ "changes": { "body": { "from": from } } });
            state.tell_pull(at, ("edited", &bot), extra, now_ms);
        }
    }
    if ctx.text("state") == Some("closed") {
        state.close_pull(at, &bot, now_ms);
    }
    Ok(Reply::ok(state.pull_json(at.0, number)))
}
