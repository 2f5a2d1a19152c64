//! Commits made through the API.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::client::Scene;

/// A commit on top of the pull request's head, not yet on any branch.
async fn commit(scene: &Scene, token: &str, parent: &str, path: &str) -> String {
    let tree = json!({"base_tree": parent, "tree": [
        {"path": path, "mode": "100644", "type": "blob", "content": "pub fn one() -> u8 { 1 }\n"}]});
    let tree = scene.post(token, "/git/trees", tree).await;
    assert_eq!(tree.status, 201, "{:?}", tree.body);
    let new = json!({"message": "Heal\n\nSelfheal-Attempt: a1", "tree": tree.body["sha"], "parents": [parent]});
    let made = scene.post(token, "/git/commits", new).await;
    assert_eq!((made.status, &made.body["verification"]["verified"]), (201, &json!(true)));
    assert_eq!(made.body["author"]["name"], "selfheal[bot]");
    made.body["sha"].as_str().unwrap().to_owned()
}

fn moving(scene: &Scene, name: &str, (before, after): (&str, &str)) -> Value {
    json!({"input": {"repositoryId": format!("R_{}", scene.repo.id()), "refUpdates": [
        {"name": name, "beforeOid": before, "afterOid": after, "force": false}]}})
}

const UPDATE: &str =
    "mutation SelfhealUpdateRefs($input: UpdateRefsInput!) { updateRefs(input: $input) { x } }";

#[tokio::test]
async fn a_branch_moves_only_from_where_the_caller_believes_it_to_be() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let token = scene.token().await;
    let head = scene.world.head_sha(&pull);
    let fix = commit(&scene, &token, &head, "src/lib.rs").await;
    let other = scene.world.push(&pull, "mona", &[("a", Some("a\n"))]).await.unwrap();

    let late =
        scene.graphql(&token, UPDATE, moving(&scene, "refs/heads/feature", (&head, &fix))).await;
    assert_eq!(late.body["errors"][0]["type"], "STALE_DATA");
    assert_eq!(scene.world.head_sha(&pull), other);

    let fix = commit(&scene, &token, &other, "src/lib.rs").await;
    let forward = moving(&scene, "refs/heads/feature", (&head, &fix));
    let believed = scene.graphql(&token, UPDATE, forward).await;
    assert_eq!(
        believed.body["errors"][0]["type"], "STALE_DATA",
        "a fast-forward, but not from there"
    );
    let done =
        scene.graphql(&token, UPDATE, moving(&scene, "refs/heads/feature", (&other, &fix))).await;
    assert_eq!(done.body["errors"], Value::Null, "{:?}", done.body);
    assert_eq!(scene.world.head_sha(&pull), fix);
    assert_eq!(
        scene.world.commits(&pull).await.unwrap(),
        ["mona: Add a feature", "mona: Change a", "selfheal[bot]: Heal (Selfheal-Attempt: a1)"]
    );
    let pulled = scene.get(&token, "/git/ref/pull/1/head").await;
    assert_eq!(pulled.body["object"]["sha"], fix);
}

#[tokio::test]
async fn a_ref_is_never_moved_back_without_force() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let token = scene.token().await;
    let first = scene.world.head_sha(&pull);
    scene.world.push(&pull, "mona", &[("a", Some("a\n"))]).await.unwrap();
    let back = scene.patch(&token, "/git/refs/heads/feature", json!({"sha": first})).await;
    assert_eq!((back.status, back.message()), (422, "Update is not a fast forward"));
    let missing = json!({"sha": "0123456789012345678901234567890123456789"});
    assert_eq!(scene.patch(&token, "/git/refs/heads/feature", missing).await.status, 422);
}

#[tokio::test]
async fn workflow_files_need_a_permission_that_the_app_never_has() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let token = scene.token().await;
    let head = scene.world.head_sha(&pull);
    let evil = commit(&scene, &token, &head, ".github/workflows/ci.yml").await;
    let told = "refusing to allow a GitHub App to create or update workflow \
                `.github/workflows/ci.yml` without `workflows` permission";
    let rest = scene.patch(&token, "/git/refs/heads/feature", json!({"sha": evil})).await;
    assert_eq!((rest.status, rest.message()), (403, told));
    let graphql =
        scene.graphql(&token, UPDATE, moving(&scene, "refs/heads/feature", (&head, &evil))).await;
    assert_eq!(graphql.body["errors"][0]["message"], told);
    assert_eq!(scene.world.head_sha(&pull), head);
}

#[tokio::test]
async fn a_protected_branch_is_not_written_to() {
    let scene = Scene::start().await;
    scene.world.protect(&scene.repo, "main");
    scene.world.require_check(&scene.repo, "main", "build");
    let token = scene.token().await;
    let tip = scene.world.tip(&scene.repo, "main").await.unwrap();
    let fix = commit(&scene, &token, &tip, "src/lib.rs").await;
    let refused = scene.patch(&token, "/git/refs/heads/main", json!({"sha": fix})).await;
    assert_eq!(refused.status, 422);
    assert!(refused.message().starts_with("Repository rule violations found"));
    let rules = scene.get(&token, "/rules/branches/main").await;
    assert_eq!(rules.body[0]["type"], "pull_request");
    assert_eq!(rules.body[1]["parameters"]["required_status_checks"][0]["context"], "build");
    assert_eq!(scene.get(&token, "/rules/branches/feature").await.body, json!([]));
    assert_eq!(scene.get(&token, "/branches/main/protection").await.status, 403);
}

#[tokio::test]
async fn files_are_read_by_path_by_tree_and_by_graphql() {
    let scene = Scene::start().await;
    let token = scene.token().await;
    let file = scene.get(&token, "/contents/src/lib.rs?ref=main").await;
    let compact: String = file.body["content"].as_str().unwrap().split_whitespace().collect();
    assert_eq!(STANDARD.decode(compact).unwrap(), b"pub fn one() -> u8 { 1 }\n");
    assert_eq!(scene.get(&token, "/contents/nothing").await.status, 404);
    let tree = scene.get(&token, "/git/trees/main?recursive=1").await;
    let paths: Vec<&str> = tree.body["tree"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["path"].as_str().unwrap())
        .collect();
    assert!(paths.contains(&"src") && paths.contains(&"src/lib.rs"), "{paths:?}");
    let query = "query SelfhealFiles($owner: String!, $name: String!, $e0: String!, $e1: String!) {\
        repository(owner: $owner, name: $name) {\
          f0: object(expression: $e0) { ... on Blob { text } }\
          f1: object(expression: $e1) { ... on Blob { text } } } }";
    let variables =
        json!({"owner": "acme", "name": "widget", "e0": "main:README.md", "e1": "main:no"});
    let got = scene.graphql(&token, query, variables).await;
    assert_eq!(got.body["data"]["repository"]["f0"]["text"], "# widget\n");
    assert_eq!(got.body["data"]["repository"]["f1"], Value::Null);
}

#[tokio::test]
async fn a_file_is_proposed_on_a_branch_of_its_own() {
    let scene = Scene::start().await;
    let token = scene.token().await;
    let tip = scene.world.tip(&scene.repo, "main").await.unwrap();
    let branch = json!({"ref": "refs/heads/selfheal/setup", "sha": tip});
    assert_eq!(scene.post(&token, "/git/refs", branch.clone()).await.status, 201);
    assert_eq!(scene.post(&token, "/git/refs", branch).await.status, 422);
    let file = json!({"message": "Add", "content": STANDARD.encode("version: 1\n"), "branch": "selfheal/setup"});
    let path = "/repos/acme/widget/contents/.github/selfheal.yml";
    assert_eq!(scene.send("PUT", path, (&token, Some(file.clone()))).await.status, 201);
    assert_eq!(scene.send("PUT", path, (&token, Some(file))).await.status, 422);
    let pull = json!({"title": "Set up", "head": "selfheal/setup", "base": "main"});
    let opened = scene.post(&token, "/pulls", pull.clone()).await;
    assert_eq!((opened.status, &opened.body["user"]["type"]), (201, &json!("Bot")));
    assert_eq!(scene.post(&token, "/pulls", pull).await.status, 422);
    let at = scene.world.file(&scene.repo, "selfheal/setup", ".github/selfheal.yml").await.unwrap();
    assert_eq!(at.unwrap(), "version: 1\n");
}
