//! Real payloads with one thing changed: what GitHub also sends and the collection lacks.

use serde_json::{Value, json};

use super::{PUSH, reading, root};

const RUN: &str = "workflow_run/api.github.com.completed.with-pull-requests.json";
const CHECK: &str = "check_run/api.github.com.completed.1.json";
const PULL: &str = "pull_request/octocrab-tests.pull_request_synchronize_webhook_event.json";
const TALK: &str = "issue_comment/api.github.com.created.json";
const REVIEW: &str = "pull_request_review_comment/api.github.com.created.with-organization.json";
const STATUS: &str = "status/ghes-35.json";
const QUEUE: &str = "merge_group/api.github.com.checks_requested.json";
const ACCESS: &str = "installation/api.github.com.created.with-requester.json";

/// What the payload becomes with these changes, each at its place; null stands for what is gone.
#[track_caller]
fn check(file: &str, changes: Value, expected: &str) {
    let event = file.split('/').next().unwrap();
    let mut body: Value =
        serde_json::from_slice(&std::fs::read(root().join(file)).unwrap()).unwrap();
    if body["installation"].is_null() {
        body["installation"] = json!({ "id": 1 });
    }
    let said = format!("{file} with {changes}");
    let Value::Object(changes) = changes else { panic!("{said}: name the places") };
    for (place, value) in changes {
        let (parent, name) = place.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value;
    }
    let line = reading(event, body.to_string().as_bytes());
    let line = line.unwrap_or_else(|why| format!("nothing: {why}"));
    assert!(line.contains(expected), "{said}:\n    {line}\n    {expected}");
}

#[test]
fn a_run_is_of_the_pull_requests_whose_heads_it_ran_on() {
    let sha = "3484a3fb816e0859fd6e1cea078d76385ff50625";
    let same = json!({ "/workflow_run/pull_requests/0/head/sha": sha });
    check(RUN, json!({}), "master at 3484a3f in 300029405 of octo-org, pulls []");
    check(RUN, same, "pulls [2]");
    let unsaid = json!({ "/workflow_run/pull_requests/0/head": null });
    check(RUN, unsaid, "pulls [2]");
    check(RUN, json!({ "/workflow_run/pull_requests": [7, { "number": 3 }] }), "pulls [3]");
    check(RUN, json!({ "/workflow_run/pull_requests": null }), "pulls []");
}

#[test]
fn a_run_from_a_fork_names_the_fork_and_its_owner() {
    let fork = json!({ "id": 7, "full_name": "mona/fork", "owner": { "login": "mona" } });
    let fork = json!({ "/workflow_run/head_repository": fork });
    check(RUN, fork, "master at 3484a3f in 7 of mona");
    check(RUN, json!({ "/workflow_run/head_repository": null }), "in gone of nobody");
    check(RUN, json!({ "/workflow_run/head_branch": null }), "a head not said");
    check(RUN, json!({ "/workflow_run/head_sha": "main" }), "nothing: it lacks");
    check(RUN, json!({ "/workflow_run/head_sha": null }), "nothing: it lacks");
    check(RUN, json!({ "/workflow_run": null }), "nothing: it lacks");
    check(RUN, json!({ "/action": "in_progress" }), "nothing: an action");
    check(RUN, json!({ "/repository": null }), "nothing: it names no repository");
    check(RUN, json!({ "/installation": null }), "nothing: not sent to an installation");
}

#[test]
fn a_check_run_is_ours_or_of_a_job_or_of_another_ci() {
    let of = |id: u64, slug: &str, action: &str| json!({ "/check_run/app": { "id": id, "slug": slug }, "/action": action });
    check(CHECK, of(29_310, "selfheal", "completed"), "nothing: our own check run");
    check(CHECK, of(15_368, "github-actions", "completed"), "nothing: a job of a workflow run");
    check(CHECK, of(7, "buildkite", "completed"), "CI moved: Codertocat/Hello-World");
    check(CHECK, json!({ "/check_run/app": null }), "CI moved: Codertocat/Hello-World");
    check(CHECK, of(29_310, "selfheal", "rerequested"), "rerequested by");
    check(CHECK, of(7, "buildkite", "rerequested"), "nothing: a check run of another App");
    check(CHECK, of(7, "buildkite", "requested_action"), "nothing: a check run of another App");
    check(CHECK, of(29_310, "selfheal", "created"), "nothing: an action");
}

#[test]
fn a_button_is_pressed_by_somebody() {
    let pressed = json!({
        "/action": "requested_action",
        "/requested_action": { "identifier": "approve" },
        "/check_run/id": 8,
    });
    check(CHECK, pressed.clone(), "approve pressed by Codertocat: Codertocat/Hello-World");
    check(CHECK, pressed.clone(), "check 8");
    let without = |place: &str| {
        let mut changes = pressed.clone();
        changes[place] = Value::Null;
        changes
    };
    check(CHECK, without("/requested_action"), "nothing: it lacks");
    check(CHECK, without("/check_run/id"), "nothing: it lacks");
    check(CHECK, without("/sender"), "nothing: nobody is named who did it");
}

#[test]
fn a_comment_counts_when_a_person_writes_it_on_a_pull_request() {
    let on_pull = |user: Value| json!({ "/issue/pull_request": {}, "/comment/user": user });
    let mona = json!({ "id": 2, "login": "mona", "type": "User" });
    check(TALK, on_pull(mona.clone()), "comment by mona at 1557933621000: Codertocat");
    let bot = json!({ "id": 3, "login": "renovate[bot]", "type": "Bot" });
    check(TALK, on_pull(bot.clone()), "nothing: a bot's comment");
    check(REVIEW, json!({ "/comment/user": bot }), "nothing: a bot's comment");
    check(TALK, on_pull(Value::Null), "nothing: nobody is named who wrote it");
    let mut empty = on_pull(mona);
    for (time, said) in [(Value::Null, "at 0:"), (json!("soon"), "at 0:"), (json!(7), "at 0:")] {
        empty["/comment/created_at"] = time;
        check(TALK, empty.clone(), said);
    }
    empty["/comment/body"] = Value::Null;
    check(TALK, empty.clone(), "#1 \"\"");
    empty["/comment/id"] = Value::Null;
    check(TALK, empty, "nothing: it lacks");
    check(REVIEW, json!({ "/pull_request": null }), "nothing: it lacks");
}

#[test]
fn a_pull_request_is_read_without_what_may_be_gone() {
    check(PULL, json!({ "/pull_request/head/repo": null }), "test_pr_O at 7e39d83 in gone");
    check(PULL, json!({ "/sender": null }), "Synchronized by nobody");
    check(PULL, json!({ "/pull_request/user": null }), "Synchronized by gagbo");
    check(PULL, json!({ "/pull_request/body": "\u{0}\u{202e}" }), "Synchronized by gagbo");
    check(PULL, json!({ "/action": "closed", "/pull_request/merged": true }), "#5 Merged");
    for action in ["edited", "auto_merge_enabled", "auto_merge_disabled", "enqueued", "dequeued"] {
        check(PULL, json!({ "/action": action }), "pull request ");
    }
    check(PULL, json!({ "/pull_request/head": null }), "nothing: it lacks");
    check(PULL, json!({ "/pull_request/base/ref": "a..b" }), "nothing: it lacks");
    check(PULL, json!({ "/pull_request/updated_at": "yesterday" }), "nothing: it lacks");
    check(PULL, json!({ "/repository/full_name": "../x" }), "nothing: it names no repository");
}

#[test]
fn branches_queues_states_and_access_change() {
    let zeros = "0".repeat(40);
    check(PUSH, json!({ "/after": zeros, "/deleted": true }), "master gone");
    check(PUSH, json!({ "/ref": "refs/heads/feature/x" }), "feature/x 6113728");
    check(PUSH, json!({ "/ref": "refs/heads/" }), "nothing: it lacks");
    check(PUSH, json!({ "/ref": null }), "nothing: it lacks");
    check(STATUS, json!({ "/state": "failure" }), "CI moved");
    check(STATUS, json!({ "/state": "pending" }), "nothing: a status that is pending");
    check(STATUS, json!({ "/sha": null }), "nothing: it lacks");
    check(QUEUE, json!({ "/action": "destroyed" }), "merge group Destroyed: octo-org/octo-repo");
    check(ACCESS, json!({ "/action": "suspend" }), "installation 957387 Suspended, +0 -0");
    let odd = json!([7, { "id": 1 }, { "id": 2, "full_name": "a/b" }]);
    check(ACCESS, json!({ "/repositories": odd }), "installation 957387 Created, +1 -0");
    check(ACCESS, json!({ "/repositories": null }), "installation 957387 Created, +0 -0");
}
