//! Trouble on order, the contract, and the count of requests.

use serde_json::json;

use crate::client::{START_MS, Scene};

const COMMENTS: &str = "/repos/{owner}/{repo}/issues/{issue_number}/comments";

#[tokio::test]
async fn a_failing_route_does_nothing_as_often_as_it_was_told() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let token = scene.token().await;
    scene.world.fail("POST", COMMENTS, (502, 1));
    let body = json!({"body": "hello"});
    assert_eq!(scene.post(&token, "/issues/1/comments", body.clone()).await.status, 502);
    assert_eq!(scene.world.comment_text(&pull), "(none)");
    assert_eq!(scene.post(&token, "/issues/1/comments", body).await.status, 201);
    assert_eq!(scene.world.comment_text(&pull), "hello");
}

#[tokio::test]
async fn a_dropped_answer_was_done() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let token = scene.token().await;
    scene.world.drop_response("POST", COMMENTS, 1);
    let body = json!({"body": "hello"});
    let path = "/repos/acme/widget/issues/1/comments";
    let lost = scene.request("POST", path, (&token, Some(body))).send().await;
    assert!(lost.is_err(), "no status line may arrive: {lost:?}");
    assert_eq!(scene.world.comment_text(&pull), "hello");
    assert_eq!(scene.get(&token, "/issues/1/comments").await.body.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn rate_limits_say_when_to_come_back() {
    let scene = Scene::start().await;
    let token = scene.token().await;
    scene.world.secondary_limit(1, 7);
    let limited = scene.get(&token, "").await;
    assert_eq!((limited.status, limited.header("retry-after")), (403, "7"));
    assert_eq!(scene.get(&token, "").await.status, 200);

    scene.world.rate_limited_until(START_MS + 10_000);
    let limited = scene.get(&token, "").await;
    assert_eq!((limited.status, limited.header("x-ratelimit-remaining")), (403, "0"));
    assert_eq!(limited.header("x-ratelimit-reset"), (START_MS / 1000 + 11).to_string());
    let limited = scene.graphql(&token, "query SelfhealPull { x }", json!({})).await;
    assert_eq!((limited.status, &limited.body["errors"][0]["type"]), (200, &json!("RATE_LIMITED")));
    scene.pass(10_001);
    assert_eq!(scene.get(&token, "").await.status, 200);
    scene.world.rate_remaining(12);
    assert_eq!(scene.get(&token, "").await.header("x-ratelimit-remaining"), "12");
}

#[tokio::test]
async fn a_hanging_route_never_answers_and_does_nothing() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let token = scene.token().await;
    scene.world.hang("POST", COMMENTS, 1);
    let body = json!({"body": "hello"});
    let request =
        scene.request("POST", "/repos/acme/widget/issues/1/comments", (&token, Some(body)));
    let waited = request.timeout(std::time::Duration::from_millis(200)).send().await;
    assert!(waited.unwrap_err().is_timeout());
    assert_eq!(scene.world.comment_text(&pull), "(none)");
}

#[tokio::test]
async fn what_github_does_not_describe_is_a_violation() {
    let scene = Scene::start().await;
    let token = scene.token().await;
    assert_eq!(scene.get(&token, "/nonsense").await.status, 500);
    assert_eq!(scene.get(&token, "/pulls?colour=red").await.status, 500);
    let missing = scene.post(&token, "/check-runs", json!({"name": "selfheal"})).await;
    assert_eq!(missing.status, 500);
    let twice = scene
        .request("GET", "/repos/acme/widget", (&token, None))
        .header("x-github-api-version", "2022-11-28")
        .header("x-github-api-version", "2022-11-28");
    assert_eq!(twice.send().await.unwrap().status(), 500);
    assert_eq!(
        scene.world.take_violations(),
        [
            "GET /repos/acme/widget/nonsense is no operation of GitHub's description",
            "GET /repos/{owner}/{repo}/pulls: unknown query parameter `colour`",
            "POST /repos/{owner}/{repo}/check-runs: \
             body at ``: \"head_sha\" is a required property",
            "GET /repos/{owner}/{repo}: 2 X-GitHub-Api-Version headers",
        ]
    );
    scene.world.discard_webhooks();
    scene.world.finish().unwrap();
}

#[tokio::test]
async fn nothing_may_be_left_over() {
    let scene = Scene::start().await;
    scene.world.discard_webhooks();
    scene.open_pull().await;
    let token = scene.token().await;
    scene.get(&token, "/nonsense").await;
    let left = scene.world.finish().unwrap_err().to_string();
    assert_eq!(
        left,
        "left over in the world:\n\
         contract: GET /repos/acme/widget/nonsense is no operation of GitHub's description\n\
         undelivered: push\n\
         undelivered: check_suite.requested\n\
         undelivered: pull_request.opened"
    );
}

#[tokio::test]
async fn requests_are_counted_by_route() {
    let scene = Scene::start().await;
    let token = scene.token().await;
    let mark = scene.world.mark();
    scene.get(&token, "/pulls").await;
    scene.get(&token, "/pulls?state=all").await;
    scene.send("GET", &format!("/repositories/{}", scene.repo.id()), (&token, None)).await;
    assert_eq!(
        scene.world.requests_text(mark),
        "1 GET /repos/{owner}/{repo}\n2 GET /repos/{owner}/{repo}/pulls"
    );
}
