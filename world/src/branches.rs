//! What follows when a branch moves, whoever moved it.
//!
//! The API, GraphQL, people's pushes and merges all end here: `push` and `pull_request` webhooks,
//! `refs/pull/N/head`, conflicts, and the workflow runs that the push starts. Git is read first and
//! without the lock; a branch that moves twice at once tells of both moves in some order, and each
//! pull request ends at the head that git has.

use std::sync::Arc;

use anyhow::Result;
use serde_json::{Value, json};

use crate::Shared;
use crate::ci::NewRun;
use crate::git::{ChangedFile, CommitInfo, Force, Person, RefMove, Repo as Git, TreeEdit, ZEROS};
use crate::hooks::Telling;
use crate::reply::Reply;
use crate::state::app::Level;
use crate::time::iso;

/// Commits that a `push` webhook lists at most; the real limit is 2,048.
const PUSH_COMMITS_MAX: usize = 50;

/// Words that keep GitHub from starting workflows for a push.
const SKIPPING: &[&str] =
    &["[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]", "skip-checks: true"];

/// A branch that moved.
#[derive(Debug, Clone)]
pub(crate) struct Moved {
    pub(crate) repo: u64,
    pub(crate) branch: String,
    pub(crate) old: Option<String>,
    /// `None` when it was deleted.
    pub(crate) new: Option<String>,
    pub(crate) by: String,
}

/// A pull request that a moved branch concerns.
struct Touched {
    base_repo: u64,
    number: u64,
    /// Whether its head moved; else its base did.
    is_head: bool,
    base_branch: String,
    conflicts: Option<bool>,
}

impl Shared {
    /// Tells everybody that a branch moved.
    pub(crate) async fn branch_moved(self: &Arc<Self>, moved: &Moved) -> Result<()> {
        let git = self.state().repo_mut(moved.repo).git.clone();
        let commits = pushed_commits(&git, moved).await?;
        let mut listed = Vec::with_capacity(commits.len());
        for commit in commits.iter().rev() {
            listed.push((commit, files_of(&git, commit).await?));
        }
        let mut touched = self.touched(moved);
        for one in &mut touched {
            self.follow(moved, one, &git).await?;
        }
        self.tell_push(moved, &listed);
        let Some(new) = &moved.new else { return Ok(()) };
        for one in &touched {
            self.apply(moved, one, new);
        }
        self.suites_requested(moved, new);
        let is_default = self.state().repo_mut(moved.repo).default_branch == moved.branch;
        if is_default {
            self.workflows(moved.repo).await?;
        }
        let message = git.commit(new).await?.message.to_lowercase();
        if !SKIPPING.iter().any(|words| message.contains(words)) {
            self.start_ci(moved, new, &touched, &message);
        }
        Ok(())
    }

    fn touched(&self, moved: &Moved) -> Vec<Touched> {
        let state = self.state();
        let mut touched = Vec::new();
        for repo in state.repos.values() {
            for pull in repo.pulls.values().filter(|pull| pull.is_open()) {
                let is_head =
                    pull.head.repo == Some(moved.repo) && pull.head.branch == moved.branch;
                let is_base = repo.id == moved.repo && pull.base_branch == moved.branch;
                if is_head || is_base {
                    touched.push(Touched {
                        base_repo: repo.id,
                        number: pull.number,
                        is_head,
                        base_branch: pull.base_branch.clone(),
                        conflicts: None,
                    });
                }
            }
        }
        touched
    }

    /// Brings `refs/pull/N/head` along and looks whether the pull request conflicts now.
    async fn follow(&self, moved: &Moved, one: &mut Touched, from: &Git) -> Result<()> {
        let Some(new) = &moved.new else { return Ok(()) };
        let (base, head) = {
            let mut state = self.state();
            let repo = state.repo_mut(one.base_repo);
            let head = repo.pulls.get(&one.number).map(|pull| pull.head.sha.clone());
            (repo.git.clone(), head.unwrap_or_default())
        };
        if one.is_head {
            if base.dir() != from.dir() {
                base.take_from(from, new).await?;
            }
            point(&base, &format!("refs/pull/{}/head", one.number), new).await?;
        }
        let head = if one.is_head { new } else { &head };
        let tip = format!("refs/heads/{}", one.base_branch);
        one.conflicts = Some(base.merge_tree(&tip, head).await?.is_none());
        Ok(())
    }

    fn apply(&self, moved: &Moved, one: &Touched, new: &str) {
        let now = self.now_ms();
        let mut state = self.state();
        let repo = state.repo_mut(one.base_repo);
        let Some(pull) = repo.pulls.get_mut(&one.number) else { return };
        pull.has_conflicts = one.conflicts;
        pull.updated_ms = now;
        if !one.is_head {
            new.clone_into(&mut pull.base_sha);
            return;
        }
        let before = std::mem::replace(&mut pull.head.sha, new.to_owned());
        repo.note(one.number, format!("{} pushed", moved.by));
        let body = json!({
            "number": one.number, "pull_request": state.pull_json(one.base_repo, one.number),
            "before": before, "after": new,
        });
        let telling = Telling {
            event: "pull_request",
            action: Some("synchronize"),
            repo: one.base_repo,
            sender: &moved.by,
        };
        state.tell(now, telling, body);
    }

    fn tell_push(&self, moved: &Moved, commits: &[(&CommitInfo, Vec<ChangedFile>)]) {
        let now = self.now_ms();
        let mut state = self.state();
        state.user(&moved.by);
        let slug = state.repo_mut(moved.repo).slug();
        let old = moved.old.clone().unwrap_or_else(|| ZEROS.into());
        let new = moved.new.clone().unwrap_or_else(|| ZEROS.into());
        let web = format!("{}/{slug}", state.web_url);
        let listed: Vec<Value> =
            commits.iter().map(|(commit, files)| pushed_json(&web, commit, files)).collect();
        let body = json!({
            "ref": format!("refs/heads/{}", moved.branch),
            "before": old,
            "after": new,
            "created": moved.old.is_none(),
            "deleted": moved.new.is_none(),
            "forced": false,
            "base_ref": null,
            "compare": format!("{web}/compare/{}...{}", short(&old), short(&new)),
            "head_commit": listed.last(),
            "commits": listed,
            "pusher": { "name": moved.by, "email": format!("{}@example.com", moved.by) },
        });
        let telling = Telling { event: "push", action: None, repo: moved.repo, sender: &moved.by };
        state.tell(now, telling, body);
    }

    /// Every push makes a check suite for each App that writes checks.
    fn suites_requested(&self, moved: &Moved, new: &str) {
        let now = self.now_ms();
        let mut state = self.state();
        let app = state.app.id;
        let suite = state.suite_for((moved.repo, app), new, Some(&moved.branch), now);
        let suite = state.repo_mut(moved.repo).suites.get(&suite).cloned();
        let Some(suite) = suite else { return };
        let body = json!({ "check_suite": state.suite_json(moved.repo, &suite) });
        let telling = Telling {
            event: "check_suite",
            action: Some("requested"),
            repo: moved.repo,
            sender: &moved.by,
        };
        state.tell(now, telling, body);
    }

    /// Queues the workflows that this push starts: for pull requests, else for the branch.
    fn start_ci(&self, moved: &Moved, new: &str, touched: &[Touched], message: &str) {
        let title = message.lines().next().unwrap_or_default();
        let heads: Vec<&Touched> = touched.iter().filter(|one| one.is_head).collect();
        for one in &heads {
            // Without a merge commit there is nothing to run on.
            if one.conflicts == Some(true) {
                continue;
            }
            self.start_all(one.base_repo, &NewRun::of_push("pull_request", moved, new, title));
        }
        if heads.is_empty() {
            self.start_all(moved.repo, &NewRun::of_push("push", moved, new, title));
        }
    }

    /// Why the App may not move a branch there, if it may not.
    pub(crate) async fn refusal(&self, asked: &Asked<'_>) -> Result<Option<String>> {
        let (git, protected, default) = {
            let mut state = self.state();
            let repo = state.repo_mut(asked.repo);
            let protected = repo.protected.contains(asked.branch);
            (repo.git.clone(), protected, repo.default_branch.clone())
        };
        if protected {
            return Ok(Some(
                "Repository rule violations found\n\nChanges must be made through a pull \
                 request.\n\n"
                    .into(),
            ));
        }
        if asked.workflows >= Some(Level::Write) {
            return Ok(None);
        }
        let from = match asked.old {
            Some(old) => Some(old.to_owned()),
            None => git.merge_base(&format!("refs/heads/{default}"), asked.new).await?,
        };
        let Some(from) = from else { return Ok(None) };
        let changed = git.diff_files(&from, asked.new).await?;
        let workflow =
            changed.iter().flat_map(|file| std::iter::once(&file.path).chain(&file.previous_path));
        let mut workflow = workflow.filter(|path| path.starts_with(".github/workflows/"));
        Ok(workflow.next().map(|path| {
            format!(
                "refusing to allow a GitHub App to create or update workflow `{path}` without \
                 `workflows` permission"
            )
        }))
    }

    /// Commits files on a branch as a person does, by `git push`; the branch is made if needed.
    pub(crate) async fn commit_files(
        self: &Arc<Self>,
        (repo, branch): (u64, &str),
        by: &str,
        message: &str,
        files: &[(String, Option<Vec<u8>>)],
    ) -> Result<String> {
        let (git, default, author) = {
            let mut state = self.state();
            state.user(by);
            let author = state.person(by, self.now_ms());
            let repo = state.repo_mut(repo);
            (repo.git.clone(), repo.default_branch.clone(), author)
        };
        let name = format!("refs/heads/{branch}");
        let old = git.get_ref(&name).await?;
        let parent = match &old {
            Some(sha) => Some(sha.clone()),
            None => git.get_ref(&format!("refs/heads/{default}")).await?,
        };
        let tree = tree_with(&git, parent.as_deref(), files).await?;
        let parents: Vec<String> = parent.into_iter().collect();
        let new = crate::git::NewCommit {
            tree: &tree,
            parents: &parents,
            message,
            author: &author,
            committer: &author,
        };
        let sha = git.write_commit(&new).await?;
        point(&git, &name, &sha).await?;
        let moved = Moved {
            repo,
            branch: branch.to_owned(),
            old,
            new: Some(sha.clone()),
            by: by.to_owned(),
        };
        self.branch_moved(&moved).await?;
        Ok(sha)
    }
}

/// A move of a branch that the App asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) repo: u64,
    pub(crate) branch: &'a str,
    pub(crate) old: Option<&'a str>,
    pub(crate) new: &'a str,
    /// What its token may do with workflow files.
    pub(crate) workflows: Option<Level>,
}

impl crate::state::State {
    /// How git names an account.
    pub(crate) fn person(&self, login: &str, when_ms: i64) -> Person {
        let id = self.find_user(login).map_or(0, |user| user.id);
        let email = format!("{id}+{login}@users.noreply.github.com");
        Person { name: login.to_owned(), email, when_ms }
    }
}

/// Points a ref somewhere, whatever it was.
pub(crate) async fn point(git: &Git, name: &str, sha: &str) -> Result<()> {
    if git.create_ref(name, sha).await?.is_err() {
        let moved = RefMove { name, new: sha, expected_old: None, force: Force::Yes };
        if let Err(error) = git.update_ref(&moved).await? {
            anyhow::bail!("{name} did not move to {sha}: {error:?}");
        }
    }
    Ok(())
}

/// The tree of a commit with files changed; `None` as content deletes.
pub(crate) async fn tree_with(
    git: &Git,
    parent: Option<&str>,
    files: &[(String, Option<Vec<u8>>)],
) -> Result<String> {
    let mut edits = Vec::new();
    for (path, content) in files {
        let sha = match content {
            Some(bytes) => Some(git.write_blob(bytes).await?),
            None => None,
        };
        let is_script = content.as_ref().is_some_and(|bytes| bytes.starts_with(b"#!"));
        let mode = if is_script { "100755" } else { "100644" };
        edits.push(TreeEdit { path: path.clone(), mode: mode.into(), sha });
    }
    git.write_tree(parent, &edits).await
}

async fn pushed_commits(git: &Git, moved: &Moved) -> Result<Vec<CommitInfo>> {
    match (&moved.old, &moved.new) {
        (Some(old), Some(new)) => git.log(&format!("{old}..{new}"), PUSH_COMMITS_MAX).await,
        (None, Some(new)) => git.log(new, 1).await,
        (_, None) => Ok(Vec::new()),
    }
}

/// What a commit changes, compared with its first parent; nothing is told of a first commit.
async fn files_of(git: &Git, commit: &CommitInfo) -> Result<Vec<ChangedFile>> {
    match commit.parents.first() {
        Some(parent) => git.diff_files(parent, &commit.sha).await,
        None => Ok(Vec::new()),
    }
}

fn pushed_json(web: &str, commit: &CommitInfo, files: &[ChangedFile]) -> Value {
    let with = |status: &[&str]| -> Vec<&str> {
        let of = files.iter().filter(|file| status.contains(&file.status.as_str()));
        of.map(|file| file.path.as_str()).collect()
    };
    let mut removed = with(&["removed"]);
    removed.extend(files.iter().filter_map(|file| file.previous_path.as_deref()));
    let person = |person: &Person| json!({ "name": person.name, "email": person.email, "username": person.name });
    json!({
        "id": commit.sha, "tree_id": commit.tree, "distinct": true, "message": commit.message,
        "timestamp": iso(commit.committer.when_ms), "url": format!("{web}/commit/{}", commit.sha),
        "author": person(&commit.author), "committer": person(&commit.committer),
        "added": with(&["added", "renamed"]), "modified": with(&["modified"]),
        "removed": removed,
    })
}

fn short(sha: &str) -> &str {
    sha.get(..12).unwrap_or(sha)
}

/// The answer to a refused move.
pub(crate) fn refused(message: &str) -> Reply {
    let status = if message.starts_with("refusing") { 403 } else { 422 };
    Reply::refused(status, message)
}
