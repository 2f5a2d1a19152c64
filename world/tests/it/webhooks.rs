//! Webhooks follow from the state.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use world::{RunScript, World};

use crate::client::Scene;

/// What arrived: headers and body, in order.
type Inbox = Arc<Mutex<Vec<(HeaderMap, Value)>>>;

/// An App that takes everything down.
async fn listening() -> (String, Inbox) {
    let inbox = Inbox::default();
    let router = Router::new().route("/hook", post(take)).with_state(Arc::clone(&inbox));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, inbox)
}

async fn take(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let body = serde_json::from_slice(&body).unwrap();
    inbox.lock().unwrap().push((headers, body));
    StatusCode::ACCEPTED
}

fn names(world: &World) -> Vec<String> {
    let names = world.queued_webhooks();
    world.discard_webhooks();
    names
}

#[tokio::test]
async fn every_change_tells_what_github_would_tell() {
    let scene = Scene::start().await;
    let world = &scene.world;
    assert_eq!(names(world), ["installation.created"]);
    let pull = scene.open_pull().await;
    assert_eq!(names(world), ["push", "check_suite.requested", "pull_request.opened"]);
    world.push(&pull, "mona", &[("a", Some("a\n"))]).await.unwrap();
    assert_eq!(names(world), ["push", "pull_request.synchronize", "check_suite.requested"]);
    world.ci_run(&pull, &RunScript::red("build", "Run x", "y"));
    assert_eq!(
        names(world),
        [
            "workflow_run.requested",
            "workflow_run.in_progress",
            "check_run.created",
            "check_run.completed",
            "workflow_run.completed",
            "check_suite.completed"
        ]
    );
    world.label(&pull, "mona", "selfheal:stop");
    world.unlabel(&pull, "mona", "selfheal:stop");
    world.convert_to_draft(&pull, "mona");
    world.mark_ready(&pull, "mona");
    world.enable_auto_merge(&pull, "mona", "squash");
    world.disable_auto_merge(&pull, "mona");
    world.enqueue(&pull, "mona");
    world.dequeue(&pull, "mona", "CI_FAILURE");
    world.retitle(&pull, "mona", "New");
    let talk = world.comment(&pull, "mona", "/selfheal fix");
    world.edit_comment(&pull, "mona", talk, "/selfheal stop");
    world.review_comment(&pull, "mona", ("a", 1), "hm");
    world.status(&scene.repo, &world.head_sha(&pull), ("jenkins", "failure"));
    world.queue_checks(&pull, "mona");
    world.close(&pull, "mona");
    world.reopen(&pull, "mona");
    assert_eq!(
        names(world),
        [
            "pull_request.labeled",
            "pull_request.unlabeled",
            "pull_request.converted_to_draft",
            "pull_request.ready_for_review",
            "pull_request.auto_merge_enabled",
            "pull_request.auto_merge_disabled",
            "pull_request.enqueued",
            "pull_request.dequeued",
            "pull_request.edited",
            "issue_comment.created",
            "issue_comment.edited",
            "pull_request_review_comment.created",
            "status",
            "merge_group.checks_requested",
            "pull_request.closed",
            "pull_request.reopened"
        ]
    );
    world.suspend("acme");
    world.label(&pull, "mona", "unheard");
    world.unsuspend("acme");
    world.remove_repository(&scene.repo);
    world.label(&pull, "mona", "unheard too");
    world.add_repository(&scene.repo);
    world.uninstall("acme");
    world.label(&pull, "mona", "nobody listens");
    assert_eq!(
        names(world),
        [
            "installation.suspend",
            "installation.unsuspend",
            "installation_repositories.removed",
            "installation_repositories.added",
            "installation.deleted"
        ]
    );
}

#[tokio::test]
async fn a_delivery_is_signed_and_looks_like_githubs() {
    let scene = Scene::start().await;
    let (url, inbox) = listening().await;
    scene.world.discard_webhooks();
    let pull = scene.open_pull().await;
    let delivered = scene.world.deliver(&url).await;
    assert_eq!(delivered.len(), 3);
    assert!(delivered.iter().all(|one| one.status == Some(202)));
    let arrived = inbox.lock().unwrap().clone();
    let (headers, body) = &arrived[2];
    assert_eq!(headers["x-github-event"], "pull_request");
    assert_eq!(headers["x-github-delivery"], delivered[2].guid.as_str());
    assert!(headers["user-agent"].to_str().unwrap().starts_with("GitHub-Hookshot/"));
    assert!(headers["x-hub-signature-256"].to_str().unwrap().starts_with("sha256="));
    assert_eq!(body["installation"]["id"], scene.installation);
    assert_eq!(body["repository"]["id"], scene.repo.id());
    assert_eq!(body["sender"]["login"], "mona");
    assert_eq!(body["pull_request"]["head"]["sha"], scene.world.head_sha(&pull));
    assert!(scene.world.leftovers().is_empty());
}

#[tokio::test]
async fn a_fork_does_not_show_its_pull_request_in_runs() {
    let scene = Scene::start().await;
    scene.world.discard_webhooks();
    let pull = scene.world.pull_request(&scene.repo).by("zoe").from_fork().open().await.unwrap();
    assert_eq!(names(&scene.world), ["pull_request.opened"], "the fork has no App");
    scene.world.ci_run(&pull, &RunScript::green());
    let run = scene.world.queued_payloads("workflow_run.completed").remove(0);
    assert_eq!(run["workflow_run"]["pull_requests"], json!([]));
    assert_eq!(run["workflow_run"]["head_repository"]["full_name"], "zoe/widget");
    let opened = scene.world.queued_payloads("check_suite.completed").remove(0);
    assert_eq!(opened["check_suite"]["head_branch"], Value::Null);
}

#[tokio::test]
async fn what_the_app_does_is_told_as_the_bots() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let token = scene.token().await;
    scene.world.discard_webhooks();
    let sha = scene.world.head_sha(&pull);
    let actions = json!([{"label": "Stop", "description": "stop", "identifier": "stop"}]);
    let done =
        json!({"name": "selfheal", "head_sha": sha, "conclusion": "neutral", "actions": actions});
    scene.post(&token, "/check-runs", done).await;
    let told = scene.world.queued_payloads("check_run.created").remove(0);
    assert_eq!(told["sender"]["login"], "selfheal[bot]");
    assert_eq!(names(&scene.world), ["check_run.created", "check_run.completed"]);
    scene.world.click(&pull, "mona", "stop").unwrap();
    scene.world.rerequest_check(&pull, "mona").unwrap();
    scene.world.rerequest_suite(&pull, "mona").unwrap();
    let click = scene.world.queued_payloads("check_run.requested_action").remove(0);
    assert_eq!(
        (&click["requested_action"]["identifier"], &click["sender"]["login"]),
        (&json!("stop"), &json!("mona"))
    );
    assert_eq!(
        names(&scene.world),
        ["check_run.requested_action", "check_run.rerequested", "check_suite.rerequested"]
    );
}

#[tokio::test]
async fn deliveries_are_lost_doubled_reordered_and_sent_again() {
    let scene = Scene::start().await;
    let (url, inbox) = listening().await;
    scene.world.discard_webhooks();
    let pull = scene.open_pull().await;
    scene.world.discard_webhooks();
    scene.world.lose_webhooks(1);
    for name in ["a", "b", "c", "d", "e", "f"] {
        scene.world.label(&pull, "mona", name);
    }
    scene.world.reorder_webhooks(3);
    let arrived = |inbox: &Inbox| -> String {
        let taken = std::mem::take(&mut *inbox.lock().unwrap());
        taken.iter().map(|(_, body)| body["label"]["name"].as_str().unwrap().to_owned()).collect()
    };
    scene.world.deliver(&url).await;
    let order = arrived(&inbox);
    let mut sorted: Vec<char> = order.chars().collect();
    sorted.sort_unstable();
    assert_eq!(sorted.iter().collect::<String>(), "bcdef");
    assert_ne!(order, "bcdef");

    let jwt = scene.jwt(500);
    let log = scene.send("GET", "/app/hook/deliveries?per_page=100", (&jwt, None)).await;
    let lost: Vec<&Value> =
        log.body.as_array().unwrap().iter().filter(|one| one["status"] != "OK").collect();
    assert_eq!(lost.len(), 1);
    let path = format!("/app/hook/deliveries/{}", lost[0]["id"]);
    let whole = scene.send("GET", &path, (&jwt, None)).await;
    assert_eq!(whole.body["request"]["payload"]["label"]["name"], "a");
    let again = scene.send("POST", &format!("{path}/attempts"), (&jwt, None)).await;
    assert_eq!(again.status, 202);
    let sent = scene.world.deliver(&url).await;
    assert_eq!(json!(sent[0].guid), lost[0]["guid"]);
    assert_eq!(arrived(&inbox), "a");

    scene.world.double_webhooks();
    scene.world.label(&pull, "mona", "g");
    let twice = scene.world.deliver(&url).await;
    assert_eq!(twice.len(), 2);
    assert_eq!(twice[0].guid, twice[1].guid);
}

#[tokio::test]
async fn an_app_that_does_not_listen_is_noted_as_failed() {
    let scene = Scene::start().await;
    let delivered = scene.world.deliver("http://127.0.0.1:1/hook").await;
    assert_eq!(delivered[0].status, None);
    assert_eq!(scene.world.failed_webhooks(), [delivered[0].clone()]);
}
