//! What a delivery means: GitHub's JSON into events, tolerantly.
//!
//! Only the fields that are used are read, and each may be missing where GitHub may leave it out;
//! unknown events, actions and fields are normal. An event that lacks what it would need is of no
//! interest, with the reason; only bytes that are not a JSON object are an error. Of a body only
//! those fields are kept ([`kept`]), which are read once more when its turn comes.

mod payload;

use std::collections::BTreeSet;

use bytes::Bytes;
use payload::{Body, CheckRun, Comment, PullBody, RepoJson, WorkflowRun};
use thiserror::Error;

use crate::domain::event::{
    CommentPlace, CommentRef, Event, InstallationChange, MergeGroupStage, PullChange, Reading,
};
use crate::domain::false_fix::{REVERTS_MAX, TOUCHED_MAX};
use crate::domain::ids::{
    Branch, CheckRunId, CommentId, InstallationId, Login, PrNumber, RepoId, RepoPath, RepoSlug,
    RunId, Sha,
};
use crate::domain::pull::{Actor, Head, PullHead, Repo};
use crate::ports::inbound::Sorted;

/// Bytes that are not what GitHub sends.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the body is not a JSON object: {0}")]
pub struct NotJson(String);

/// What must be known of ourselves to read an event.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Our App's number, so that our own check runs are not taken for CI.
    pub app_id: u64,
}

/// Why an event is of no interest.
type Uninteresting = &'static str;

const NOT_OURS: Uninteresting = "not sent to an installation of the App";
const NO_REPO: Uninteresting = "it names no repository";
const INCOMPLETE: Uninteresting = "it lacks what it is about";
const OTHER_ACTION: Uninteresting = "an action that we do not act on";

/// What a delivery means.
///
/// # Errors
/// [`NotJson`] when the bytes are not a JSON object.
pub fn read(event: &str, bytes: &[u8], context: Context) -> Result<Reading, NotJson> {
    let body = Body::read(bytes)?;
    Ok(match of_event(event, &body, context) {
        Ok(event) => Reading::Event(Box::new(event)),
        Err(why) => Reading::NoInterest(why),
    })
}

/// Whether a delivery is kept, and what of it: told of the most frequent ones by little, because what
/// turns out to mean nothing is dropped when it is read.
///
/// # Errors
/// [`NotJson`] when the bytes are not a JSON object.
pub fn sort(event: &str, bytes: &[u8], context: Context) -> Result<Sorted, NotJson> {
    let body = Body::read(bytes)?;
    let repo = match event {
        "pull_request" | "workflow_run" => of_frequent(event, &body).map(Some),
        _ => of_event(event, &body, context).map(|event| event.repo()),
    };
    Ok(match repo {
        Err(why) => Sorted::NoInterest(why),
        Ok(repo) => Sorted::Kept { repo, body: body.written()? },
    })
}

/// What is kept of a body: JSON of the same shape with the fields that are read, of which [`read`]
/// makes the same as of the whole.
///
/// # Errors
/// [`NotJson`] when the bytes are not a JSON object.
pub fn kept(bytes: &[u8]) -> Result<Bytes, NotJson> {
    Body::read(bytes)?.written()
}

fn of_frequent(event: &str, body: &Body) -> Result<RepoId, Uninteresting> {
    if !concerns(event, body.action()) {
        return Err(OTHER_ACTION);
    }
    installation_id(body)?;
    body.repository.as_ref().and_then(|repo| repo.id).map(RepoId::new).ok_or(NO_REPO)
}

/// Whether an event of that name may mean something: all that its name and action can tell. It never
/// says no to what [`read`] makes an event of.
pub fn concerns(event: &str, action: &str) -> bool {
    match event {
        "ping" | "status" | "push" | "installation" | "installation_repositories" => true,
        "pull_request" => pull_change(action).is_some(),
        "workflow_run" => action == "completed",
        "check_run" => matches!(action, "completed" | "rerequested" | "requested_action"),
        "check_suite" => action == "rerequested",
        "issue_comment" | "pull_request_review_comment" => action == "created",
        "merge_group" => matches!(action, "checks_requested" | "destroyed"),
        _ => false,
    }
}

fn of_event(name: &str, body: &Body, context: Context) -> Result<Event, Uninteresting> {
    match name {
        "ping" => Ok(Event::Ping),
        "pull_request" => pull_request(body),
        "workflow_run" => workflow_run(body),
        "check_run" => check_run(body, context),
        "check_suite" => check_suite(body, context),
        "status" => status(body),
        "issue_comment" => commented(body, CommentPlace::Conversation),
        "pull_request_review_comment" => commented(body, CommentPlace::Review),
        "push" => push(body),
        "merge_group" => merge_group(body),
        "installation" | "installation_repositories" => installation(name, body),
        _ => Err("an event that we do not act on"),
    }
}

fn installation_id(body: &Body) -> Result<InstallationId, Uninteresting> {
    body.installation.as_ref().map(|i| InstallationId::new(i.id)).ok_or(NOT_OURS)
}

fn repo(body: &Body) -> Result<Repo, Uninteresting> {
    let installation = installation_id(body)?;
    named_repo(body.repository.as_ref().ok_or(NO_REPO)?, installation)
}

fn named_repo(json: &RepoJson, installation: InstallationId) -> Result<Repo, Uninteresting> {
    let slug = json.full_name.as_deref().ok_or(NO_REPO)?;
    Ok(Repo {
        id: RepoId::new(json.id.ok_or(NO_REPO)?),
        slug: RepoSlug::parse(slug).map_err(|_| NO_REPO)?,
        installation,
    })
}

fn actor(body: &Body) -> Option<Actor> {
    body.sender.as_ref()?.actor().ok()
}

fn somebody(body: &Body) -> Result<Actor, Uninteresting> {
    actor(body).ok_or("nobody is named who did it")
}

fn sha(text: Option<&str>) -> Result<Sha, Uninteresting> {
    text.and_then(|text| Sha::parse(text).ok()).ok_or(INCOMPLETE)
}

/// What an action on a pull request changes, if it may matter.
fn pull_change(action: &str) -> Option<PullChange> {
    Some(match action {
        "opened" => PullChange::Opened,
        "reopened" => PullChange::Reopened,
        "synchronize" => PullChange::Synchronized,
        "ready_for_review" => PullChange::ReadyForReview,
        "converted_to_draft" => PullChange::ConvertedToDraft,
        "edited" => PullChange::Edited,
        "labeled" => PullChange::Labeled,
        "unlabeled" => PullChange::Unlabeled,
        "closed" => PullChange::Closed,
        "auto_merge_enabled" => PullChange::AutoMergeEnabled,
        "auto_merge_disabled" => PullChange::AutoMergeDisabled,
        "enqueued" => PullChange::Enqueued,
        "dequeued" => PullChange::Dequeued,
        _ => return None,
    })
}

fn pull_request(body: &Body) -> Result<Event, Uninteresting> {
    let change = pull_change(body.action()).ok_or(OTHER_ACTION)?;
    let repo = repo(body)?;
    let pull = body.pull_request.as_ref().ok_or(INCOMPLETE)?;
    Ok(Event::PullChanged { pull: pull_head(repo, pull)?, change, actor: actor(body) })
}

fn pull_head(repo: Repo, pull: &PullBody) -> Result<PullHead, Uninteresting> {
    Ok(PullHead {
        repo,
        number: PrNumber::new(pull.number.ok_or(INCOMPLETE)?),
        head: pull.head.as_ref().and_then(|head| head.head().ok()).ok_or(INCOMPLETE)?,
        base: pull
            .base
            .as_ref()
            .and_then(|base| Branch::parse(&base.branch).ok())
            .ok_or(INCOMPLETE)?,
        state: pull.state(),
        updated_at: pull
            .updated_at
            .as_deref()
            .and_then(|text| super::types::moment(text).ok())
            .ok_or(INCOMPLETE)?,
    })
}

fn workflow_run(body: &Body) -> Result<Event, Uninteresting> {
    if body.action() != "completed" {
        return Err(OTHER_ACTION);
    }
    let repo = repo(body)?;
    let run: &WorkflowRun = body.workflow_run.as_ref().ok_or(INCOMPLETE)?;
    let sha = sha(run.head_sha.as_deref())?;
    let branch = run.head_branch.as_deref().and_then(|name| Branch::parse(name).ok());
    let head = branch.map(|branch| Head {
        sha: sha.clone(),
        branch,
        repo: run.head_repository.as_ref().and_then(|repo| repo.id).map(RepoId::new),
    });
    let owner = run.head_repository.as_ref().and_then(|repo| repo.owner.as_ref());
    Ok(Event::CiMoved {
        repo,
        head,
        head_owner: owner.and_then(|owner| Login::parse(owner.login.as_deref()?).ok()),
        pulls: numbers(&run.pull_requests, sha.as_str()),
        run: run.id.map(RunId::new),
        sha,
    })
}

/// The pull requests that GitHub names, as far as their heads are this very commit.
fn numbers(named: &[payload::NamedPull], sha: &str) -> Vec<PrNumber> {
    named
        .iter()
        .filter(|pull| pull.head_sha().is_none_or(|head| head == sha))
        .filter_map(|pull| pull.number)
        .map(PrNumber::new)
        .collect()
}

fn check_run(body: &Body, context: Context) -> Result<Event, Uninteresting> {
    let check: &CheckRun = body.check_run.as_ref().ok_or(INCOMPLETE)?;
    let app = check.app.as_ref();
    let ours = app.and_then(|app| app.id) == Some(context.app_id);
    let repo = repo(body)?;
    let sha = sha(check.head_sha.as_deref())?;
    match body.action() {
        "completed" if ours => Err("our own check run"),
        "completed" if app.and_then(|app| app.slug.as_deref()) == Some("github-actions") => {
            Err("a job of a workflow run, whose own event tells more")
        }
        "completed" => Ok(Event::CiMoved {
            repo,
            head: None,
            head_owner: None,
            pulls: numbers(&check.pull_requests, sha.as_str()),
            run: None,
            sha,
        }),
        "rerequested" if ours => {
            let check = check.id.map(CheckRunId::new);
            Ok(Event::Rerequested { repo, sha, check, actor: somebody(body)? })
        }
        "requested_action" if ours => {
            let button = body.requested_action.as_ref().and_then(|a| a.identifier.clone());
            Ok(Event::Pressed {
                repo,
                check: CheckRunId::new(check.id.ok_or(INCOMPLETE)?),
                sha,
                button: button.ok_or(INCOMPLETE)?,
                actor: somebody(body)?,
            })
        }
        "rerequested" | "requested_action" => Err("a check run of another App"),
        _ => Err(OTHER_ACTION),
    }
}

fn check_suite(body: &Body, context: Context) -> Result<Event, Uninteresting> {
    if body.action() != "rerequested" {
        return Err(OTHER_ACTION);
    }
    let repo = repo(body)?;
    let suite = body.check_suite.as_ref().ok_or(INCOMPLETE)?;
    if suite.app.as_ref().and_then(|app| app.id) != Some(context.app_id) {
        return Err("a check suite of another App");
    }
    let sha = sha(suite.head_sha.as_deref())?;
    Ok(Event::Rerequested { repo, sha, check: None, actor: somebody(body)? })
}

fn status(body: &Body) -> Result<Event, Uninteresting> {
    let repo = repo(body)?;
    if body.state.as_deref() == Some("pending") {
        return Err("a status that is pending");
    }
    let sha = sha(body.sha.as_deref())?;
    Ok(Event::CiMoved { repo, sha, head: None, head_owner: None, pulls: Vec::new(), run: None })
}

fn commented(body: &Body, place: CommentPlace) -> Result<Event, Uninteresting> {
    if body.action() != "created" {
        return Err("a comment that was not written just now");
    }
    let repo = repo(body)?;
    let number = match place {
        CommentPlace::Conversation => {
            let issue = body.issue.as_ref().ok_or(INCOMPLETE)?;
            if issue.pull_request.is_none() {
                return Err("a comment on an issue");
            }
            issue.number
        }
        CommentPlace::Review => body.pull_request.as_ref().and_then(|pull| pull.number),
    };
    let comment: &Comment = body.comment.as_ref().ok_or(INCOMPLETE)?;
    let author = comment.user.as_ref().and_then(|user| user.actor().ok());
    let author = author.ok_or("nobody is named who wrote it")?;
    if author.is_bot {
        return Err("a bot's comment");
    }
    Ok(Event::Commented {
        repo,
        number: PrNumber::new(number.ok_or(INCOMPLETE)?),
        comment: CommentRef { id: CommentId::new(comment.id.ok_or(INCOMPLETE)?), place },
        body: comment.body.clone().unwrap_or_default(),
        actor: author,
        at: comment.created_at.as_deref().and_then(|text| super::types::moment(text).ok()),
    })
}

fn push(body: &Body) -> Result<Event, Uninteresting> {
    let repo = repo(body)?;
    let name = body.git_ref.as_deref().ok_or(INCOMPLETE)?;
    let branch =
        name.strip_prefix("refs/heads/").ok_or("a push of something else than a branch")?;
    let after = body.after.as_deref().and_then(|text| Sha::parse(text).ok());
    Ok(Event::Pushed {
        repo,
        branch: Branch::parse(branch).map_err(|_| INCOMPLETE)?,
        after: after.filter(|sha| sha.as_str().bytes().any(|b| b != b'0')),
        reverted: body
            .commits
            .iter()
            .flat_map(payload::PushedCommit::reverted)
            .take(REVERTS_MAX)
            .collect(),
        touched: touched(&body.commits),
    })
}

/// Files that commits touch, each once.
fn touched(commits: &[payload::PushedCommit]) -> Vec<RepoPath> {
    let of = |commit: &'_ payload::PushedCommit| {
        let all = [&commit.added, &commit.modified, &commit.removed];
        all.into_iter().flatten().filter_map(|path| RepoPath::parse(path).ok()).collect::<Vec<_>>()
    };
    let paths: BTreeSet<RepoPath> = commits.iter().flat_map(of).take(TOUCHED_MAX).collect();
    paths.into_iter().collect()
}

fn merge_group(body: &Body) -> Result<Event, Uninteresting> {
    let stage = match body.action() {
        "checks_requested" => MergeGroupStage::ChecksRequested,
        "destroyed" => MergeGroupStage::Destroyed,
        _ => return Err(OTHER_ACTION),
    };
    let repo = repo(body)?;
    let group = body.merge_group.as_ref().ok_or(INCOMPLETE)?;
    Ok(Event::MergeGroup { repo, sha: sha(group.head_sha.as_deref())?, stage })
}

fn installation(name: &str, body: &Body) -> Result<Event, Uninteresting> {
    let installation = installation_id(body)?;
    let change = match (name, body.action()) {
        ("installation_repositories", "added" | "removed") => {
            InstallationChange::RepositoriesChanged
        }
        ("installation", "created") => InstallationChange::Created,
        ("installation", "deleted") => InstallationChange::Deleted,
        ("installation", "suspend") => InstallationChange::Suspended,
        ("installation", "unsuspend") => InstallationChange::Unsuspended,
        ("installation", "new_permissions_accepted") => InstallationChange::PermissionsAccepted,
        _ => return Err(OTHER_ACTION),
    };
    let repos = |list: &[RepoJson]| -> Vec<Repo> {
        list.iter().filter_map(|json| named_repo(json, installation).ok()).collect()
    };
    let mut added = repos(&body.repositories_added);
    if change == InstallationChange::Created {
        added.extend(repos(&body.repositories));
    }
    let removed = repos(&body.repositories_removed);
    Ok(Event::Installation { installation, change, added, removed })
}
