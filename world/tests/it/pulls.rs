//! Pull requests, comments, labels, check runs.

use serde_json::{Value, json};

use crate::client::Scene;

#[tokio::test]
async fn a_pull_request_is_found_by_its_head_branch() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let fork = scene.world.pull_request(&scene.repo).by("zoe").from_fork().open().await.unwrap();
    let token = scene.token().await;
    let numbers = async |query: &str| -> Vec<u64> {
        let got = scene.get(&token, &format!("/pulls?{query}")).await;
        got.body.as_array().unwrap().iter().map(|one| one["number"].as_u64().unwrap()).collect()
    };
    assert_eq!(numbers("state=open").await, [2, 1]);
    assert_eq!(numbers("head=acme:feature").await, [1]);
    assert_eq!(numbers("head=zoe:feature").await, [2]);
    scene.world.close(&pull, "mona");
    assert_eq!(numbers("state=open").await, [2]);
    assert_eq!(numbers("state=closed").await, [1]);

    let own = scene.get(&token, &format!("/commits/{}/pulls", scene.world.head_sha(&pull))).await;
    assert_eq!(own.body[0]["number"], 1);
    let forked =
        scene.get(&token, &format!("/commits/{}/pulls", scene.world.head_sha(&fork))).await;
    assert_eq!(forked.body, json!([]));
}

#[tokio::test]
async fn files_commits_and_comparison_come_from_git() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let rename = [("src/lib.rs", None), ("src/one.rs", Some("pub fn one() -> u8 { 2 }\n"))];
    scene.world.push(&pull, "mona", &rename).await.unwrap();
    let token = scene.token().await;
    let files = scene.get(&token, "/pulls/1/files").await;
    let listed: Vec<String> = files.body.as_array().unwrap().iter().map(named).collect();
    assert_eq!(listed, ["src/lib.rs removed", "src/one.rs added"]);
    let commits = scene.get(&token, "/pulls/1/commits").await;
    assert_eq!(commits.body.as_array().unwrap().len(), 2);
    assert_eq!(commits.body[0]["author"]["login"], "mona");
    let compared = scene.get(&token, "/compare/main...feature").await;
    assert_eq!(
        (&compared.body["status"], &compared.body["ahead_by"]),
        (&json!("ahead"), &json!(2))
    );
    let shown = scene.get(&token, "/pulls/1").await;
    assert_eq!((&shown.body["commits"], &shown.body["changed_files"]), (&json!(2), &json!(2)));
    assert_eq!(shown.body["mergeable"], true);
}

fn named(file: &Value) -> String {
    format!("{} {}", file["filename"].as_str().unwrap(), file["status"].as_str().unwrap())
}

#[tokio::test]
async fn a_base_that_moves_can_bring_conflicts() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let change = [("src/lib.rs", Some("pub fn one() -> u8 { 3 }\n"))];
    scene.world.push_to(&scene.repo, "main", "acme", &change).await.unwrap();
    let token = scene.token().await;
    let shown = scene.get(&token, "/pulls/1").await;
    assert_eq!(
        (&shown.body["mergeable"], &shown.body["mergeable_state"]),
        (&json!(false), &json!("dirty"))
    );
    assert!(scene.world.merge(&pull, "mona").await.is_err());
}

#[tokio::test]
async fn merging_makes_a_real_merge_commit() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let merged = scene.world.merge(&pull, "mona").await.unwrap();
    assert_eq!(scene.world.tip(&scene.repo, "main").await.unwrap(), merged);
    let token = scene.token().await;
    let shown = scene.get(&token, "/pulls/1").await;
    assert_eq!((&shown.body["state"], &shown.body["merged"]), (&json!("closed"), &json!(true)));
}

#[tokio::test]
async fn comments_are_the_bots_and_are_edited_in_place() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let token = scene.token().await;
    let made = scene.post(&token, "/issues/1/comments", json!({"body": "one"})).await;
    assert_eq!((made.status, &made.body["user"]["login"]), (201, &json!("selfheal[bot]")));
    assert_eq!(made.body["performed_via_github_app"]["slug"], "selfheal");
    let tail = format!("/issues/comments/{}", made.body["id"]);
    assert_eq!(scene.patch(&token, &tail, json!({"body": "two"})).await.status, 200);
    assert_eq!(scene.world.comment_text(&pull), "two");
    assert_eq!(scene.post(&token, "/issues/1/comments", json!({"body": " "})).await.status, 422);
    let long = json!({"body": "x".repeat(65_537)});
    assert_eq!(scene.post(&token, "/issues/1/comments", long).await.status, 422);
    assert_eq!(scene.post(&token, "/issues/9/comments", json!({"body": "x"})).await.status, 404);
}

#[tokio::test]
async fn a_reaction_is_there_once() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let token = scene.token().await;
    let eyes = json!({"content": "eyes"});
    let talk = scene.world.comment(&pull, "mona", "/selfheal fix");
    let tail = format!("/issues/comments/{talk}/reactions");
    assert_eq!(scene.post(&token, &tail, eyes.clone()).await.status, 201);
    assert_eq!(scene.post(&token, &tail, eyes.clone()).await.status, 200);
    assert_eq!(scene.world.reactions(&pull, talk), ["selfheal[bot] eyes"]);
    let review = scene.world.review_comment(&pull, "mona", ("src/lib.rs", 1), "/selfheal fix");
    let tail = format!("/pulls/comments/{review}/reactions");
    assert_eq!(scene.post(&token, &tail, eyes.clone()).await.status, 201);
    let wrong = format!("/issues/comments/{review}/reactions");
    assert_eq!(scene.post(&token, &wrong, eyes).await.status, 404);
}

#[tokio::test]
async fn labels_mean_the_same_in_any_case() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let token = scene.token().await;
    scene.world.label(&pull, "mona", "Stop-Updating");
    let added = json!({"labels": ["stop-updating", "selfheal"]});
    assert_eq!(scene.post(&token, "/issues/1/labels", added).await.status, 200);
    assert_eq!(scene.world.labels(&pull), ["Stop-Updating", "selfheal"]);
    let path = "/repos/acme/widget/issues/1/labels/STOP-updating";
    assert_eq!(scene.send("DELETE", path, (&token, None)).await.status, 200);
    assert_eq!(scene.send("DELETE", path, (&token, None)).await.status, 404);
    assert_eq!(scene.world.labels(&pull), ["selfheal"]);
}

#[tokio::test]
async fn a_check_run_keeps_githubs_rules() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let token = scene.token().await;
    let sha = scene.world.head_sha(&pull);
    let new = json!({"name": "selfheal", "head_sha": sha, "status": "in_progress", "external_id": "case-1",
        "output": {"title": "Looking", "summary": "…"}});
    let made = scene.post(&token, "/check-runs", new).await;
    assert_eq!(made.status, 201);
    let tail = format!("/check-runs/{}", made.body["id"]);
    // That `completed` needs a conclusion is in the description; that an end needs one is not.
    assert_eq!(scene.patch(&token, &tail, json!({"status": "completed"})).await.status, 500);
    assert_eq!(scene.world.take_violations().len(), 1);
    let ended = json!({"completed_at": "2026-11-21T06:00:00Z"});
    assert_eq!(scene.patch(&token, &tail, ended).await.status, 422);
    for at in 0..2 {
        let annotation = json!({"path": "src/lib.rs", "start_line": 1 + at, "end_line": 1 + at,
            "annotation_level": "failure", "message": "bad"});
        let output = json!({"title": "Found", "summary": "two", "annotations": [annotation]});
        assert_eq!(scene.patch(&token, &tail, json!({"output": output})).await.status, 200);
    }
    let actions = json!([{"label": "Retry", "description": "again", "identifier": "retry"}]);
    assert!(scene.world.click(&pull, "mona", "retry").is_err(), "no buttons yet");
    let end = json!({"conclusion": "neutral", "actions": actions});
    assert_eq!(scene.patch(&token, &tail, end).await.status, 200);
    assert_eq!(
        scene.world.check_run_text(&pull),
        "selfheal  completed/neutral  Found\ntwo\nsrc/lib.rs:1 failure bad\n\
         src/lib.rs:2 failure bad\n[Retry|retry]"
    );
    let listed = scene.get(&token, &format!("{tail}/annotations")).await;
    assert_eq!(listed.body.as_array().unwrap().len(), 2);

    let foreign =
        scene.world.third_party_check(&scene.repo, &sha, ("buildkite", "build"), "failure");
    let tail = format!("/check-runs/{foreign}");
    let taken = scene.patch(&token, &tail, json!({"conclusion": "success"})).await;
    assert_eq!(taken.status, 403);
    let app = scene.world.app_id();
    let query = format!("/commits/{sha}/check-runs?app_id={app}&check_name=selfheal");
    assert_eq!(scene.get(&token, &query).await.body["total_count"], 1);
    let unknown = json!({"name": "selfheal", "head_sha": "0".repeat(40)});
    assert_eq!(scene.post(&token, "/check-runs", unknown).await.status, 422);
}

#[tokio::test]
async fn lists_come_in_pages_with_links() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    for at in 0..5 {
        scene.world.comment(&pull, "mona", &format!("comment {at}"));
    }
    let token = scene.token().await;
    let first = scene.get(&token, "/issues/1/comments?per_page=2").await;
    assert_eq!(first.body.as_array().unwrap().len(), 2);
    let url = format!("{}/repos/acme/widget/issues/1/comments", scene.world.api_url());
    assert_eq!(
        first.header("link"),
        format!("<{url}?per_page=2&page=2>; rel=\"next\", <{url}?per_page=2&page=3>; rel=\"last\"")
    );
    let last = scene.get(&token, "/issues/1/comments?per_page=2&page=3").await;
    assert_eq!(last.body[0]["body"], "comment 4");
    assert!(!last.header("link").contains("next"));
}

#[tokio::test]
async fn auto_merge_goes_off_and_on_by_graphql() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    scene.world.enable_auto_merge(&pull, "mona", "squash");
    let token = scene.token().await;
    let shown = scene.get(&token, "/pulls/1").await;
    assert_eq!(shown.body["auto_merge"]["enabled_by"]["login"], "mona");
    let id = shown.body["node_id"].clone();
    let off = "mutation SelfhealDisableAutoMerge($id: ID!) { x }";
    let got = scene.graphql(&token, off, json!({"pullRequestId": id})).await;
    assert_eq!(got.body["errors"], Value::Null);
    assert_eq!(scene.world.auto_merge(&pull), None);
    let again = scene.graphql(&token, off, json!({"pullRequestId": id})).await;
    assert_eq!(again.body["errors"][0]["type"], "UNPROCESSABLE");

    let on = "mutation SelfhealEnableAutoMerge($input: X!) { x }";
    let wrong = json!({"input": {"pullRequestId": id, "expectedHeadOid": "0".repeat(40)}});
    assert!(scene.graphql(&token, on, wrong).await.body["errors"].is_array());
    let right = json!({"input": {"pullRequestId": id, "mergeMethod": "SQUASH",
        "expectedHeadOid": scene.world.head_sha(&pull)}});
    assert_eq!(scene.graphql(&token, on, right).await.body["errors"], Value::Null);
    assert_eq!(scene.world.auto_merge(&pull), Some(("selfheal[bot]".into(), "squash".into())));

    let got = scene.narrowed(json!({"permissions": {"pull_requests": "write"}})).await;
    let narrow = got.body["token"].as_str().unwrap();
    let refused = scene.graphql(narrow, off, json!({"pullRequestId": id})).await;
    assert_eq!(refused.body["errors"][0]["type"], "FORBIDDEN");
}
