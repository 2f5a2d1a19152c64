//! Workflow runs: dispatched, played, read, run again, cancelled.

use serde_json::{Value, json};
use world::RunScript;

use crate::client::Scene;

const DISPATCH: &str = "/actions/workflows/selfheal.yml/dispatches";

#[tokio::test]
async fn a_dispatch_tells_which_run_it_started_when_asked() {
    let scene = Scene::start().await;
    let token = scene.token().await;
    let body = json!({"ref": "main", "inputs": {"attempt": "a1"}, "return_run_details": true});
    let got = scene.post(&token, DISPATCH, body).await;
    assert_eq!(got.status, 200);
    let id = got.body["workflow_run_id"].as_u64().unwrap();
    let run = scene.get(&token, &format!("/actions/runs/{id}")).await;
    assert_eq!(run.body["display_title"], "selfheal a1");
    assert_eq!(run.body["path"], ".github/workflows/selfheal.yml");
    assert_eq!(run.body["actor"]["login"], "selfheal[bot]");
    assert_eq!((&run.body["status"], &run.body["name"]), (&json!("queued"), &json!("selfheal")));

    let plain =
        scene.post(&token, DISPATCH, json!({"ref": "main", "inputs": {"attempt": "a2"}})).await;
    assert_eq!(plain.status, 204);
    let listed = scene.get(&token, "/actions/runs?event=workflow_dispatch").await;
    let titles: Vec<&Value> = listed.body["workflow_runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["display_title"])
        .collect();
    assert_eq!(titles, ["selfheal a2", "selfheal a1"]);
    let dispatched = scene.world.dispatched(&scene.repo);
    assert_eq!(dispatched[0].input("attempt"), "a1");
}

#[tokio::test]
async fn a_dispatch_is_refused_when_the_workflow_would_not_start() {
    let scene = Scene::start().await;
    let token = scene.token().await;
    let refused = async |file: &str, body: Value| {
        let tail = format!("/actions/workflows/{file}/dispatches");
        scene.post(&token, &tail, body).await.status
    };
    assert_eq!(refused("nothing.yml", json!({"ref": "main"})).await, 404);
    assert_eq!(refused("ci.yml", json!({"ref": "main"})).await, 422);
    assert_eq!(refused("selfheal.yml", json!({"ref": "main"})).await, 422);
    let odd = json!({"ref": "main", "inputs": {"attempt": "a", "odd": "b"}});
    assert_eq!(refused("selfheal.yml", odd).await, 422);
    let gone = json!({"ref": "gone", "inputs": {"attempt": "a"}});
    assert_eq!(refused("selfheal.yml", gone).await, 422);
    assert!(scene.world.dispatched(&scene.repo).is_empty());
}

#[tokio::test]
async fn a_push_queues_runs_that_a_script_plays_by_what_is_in_the_commit() {
    let scene = Scene::start().await;
    let ci = (".github/workflows/ci.yml", "pull_request");
    scene.world.ci(&scene.repo, ci, |run| async move {
        let text = run.file("src/lib.rs").await.unwrap_or_default();
        if text.contains("{ 1 }") {
            RunScript::green()
        } else {
            RunScript::red("build", "Run cargo test", "expected 1, got 2")
        }
    });
    let pull = scene.open_pull().await;
    let token = scene.token().await;
    let conclusions = async || -> Vec<String> {
        let sha = scene.world.head_sha(&pull);
        let got = scene.get(&token, &format!("/actions/runs?head_sha={sha}")).await;
        let runs = got.body["workflow_runs"].as_array().unwrap().clone();
        runs.iter().map(|one| format!("{} {}", one["name"], one["conclusion"])).collect()
    };
    assert_eq!(conclusions().await, ["\"CI\" null"]);
    assert_eq!(scene.world.run_ci().await, 1);
    assert_eq!(conclusions().await, ["\"CI\" \"failure\""]);
    let fix = [("src/lib.rs", Some("pub fn one() -> u8 { 1 }\n// fixed\n"))];
    scene.world.push(&pull, "mona", &fix).await.unwrap();
    scene.world.run_ci().await;
    assert_eq!(conclusions().await, ["\"CI\" \"success\""]);
}

#[tokio::test]
async fn no_workflow_runs_for_a_commit_that_says_so() {
    let scene = Scene::start().await;
    scene.world.ci(&scene.repo, (".github/workflows/ci.yml", "pull_request"), |_| async {
        RunScript::green()
    });
    let files = [("[skip ci]", Some("x\n"))];
    let pull = scene.open_pull().await;
    assert_eq!(scene.world.run_ci().await, 1);
    scene.world.push(&pull, "mona", &files).await.unwrap();
    assert_eq!(scene.world.run_ci().await, 0);
}

#[tokio::test]
async fn a_log_is_read_from_another_host_without_our_token_for_a_minute() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let run = scene.world.ci_run(&pull, &RunScript::red("build", "Run cargo test", "error: no"));
    let token = scene.token().await;
    let jobs = scene.get(&token, &format!("/actions/runs/{run}/attempts/1/jobs")).await;
    let job = &jobs.body["jobs"][0];
    assert_eq!(
        (&job["conclusion"], &job["steps"][1]["conclusion"]),
        (&json!("failure"), &json!("failure"))
    );
    let tail = format!("/actions/jobs/{}/logs", job["id"]);
    let redirect = scene.get(&token, &tail).await;
    assert_eq!(redirect.status, 302);
    let url = redirect.header("location").to_owned();
    assert!(!url.starts_with(&scene.world.api_url()));
    let text = scene.http.get(&url).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("Z error: no\r\n"), "{text}");
    let told = scene.http.get(&url).bearer_auth(&token).send().await.unwrap();
    assert_eq!(told.status(), 400);
    assert_eq!(scene.world.take_violations().len(), 1);
    scene.pass(60_000);
    assert_eq!(scene.http.get(&url).send().await.unwrap().status(), 403);

    let check = scene.get(&token, &format!("/check-runs/{}", job["id"])).await;
    assert_eq!(check.body["app"]["slug"], "github-actions");
}

#[tokio::test]
async fn logs_come_late_and_go_away() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let token = scene.token().await;
    let red = RunScript::red("build", "Run x", "y");
    let status = async |script: &RunScript| {
        let run = scene.world.ci_run(&pull, script);
        let jobs = scene.get(&token, &format!("/actions/runs/{run}/jobs")).await;
        let tail = format!("/actions/jobs/{}/logs", jobs.body["jobs"][0]["id"]);
        scene.get(&token, &tail).await.status
    };
    assert_eq!(status(&red.clone().without_logs()).await, 404);
    assert_eq!(status(&red.with_expired_logs()).await, 410);
}

#[tokio::test]
async fn failed_jobs_run_again_as_the_next_attempt() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    let token = scene.token().await;
    let lint = world::JobScript::new("lint", "success", &[("Run lint", "success")], "");
    let red = RunScript::red("build", "Run x", "y").job(lint);
    let run = scene.world.ci_run(&pull, &red);
    let tail = format!("/actions/runs/{run}/rerun-failed-jobs");
    let empty = json!({});
    assert_eq!(scene.post(&token, &tail, empty.clone()).await.status, 201);
    assert_eq!(scene.post(&token, &tail, empty).await.status, 403);
    let shown = scene.get(&token, &format!("/actions/runs/{run}")).await;
    assert_eq!((&shown.body["run_attempt"], &shown.body["status"]), (&json!(2), &json!("queued")));
    scene.world.begin_run(&scene.repo, run);
    scene.world.finish_run(&scene.repo, run, &RunScript::green());
    let jobs = async |attempt: u64| -> Vec<String> {
        let tail = format!("/actions/runs/{run}/attempts/{attempt}/jobs");
        let got = scene.get(&token, &tail).await;
        let jobs = got.body["jobs"].as_array().unwrap().clone();
        jobs.iter().map(|one| format!("{} {}", one["name"], one["conclusion"])).collect()
    };
    assert_eq!(jobs(1).await, ["\"build\" \"failure\"", "\"lint\" \"success\""]);
    assert_eq!(jobs(2).await, ["\"lint\" \"success\"", "\"build\" \"success\""]);
}

#[tokio::test]
async fn a_cancelled_run_stays_cancelled_whatever_its_script_says_later() {
    let scene = Scene::start().await;
    let token = scene.token().await;
    scene.world.ci(&scene.repo, (".github/workflows/selfheal.yml", "workflow_dispatch"), |_| {
        std::future::pending()
    });
    let body = json!({"ref": "main", "inputs": {"attempt": "a1"}, "return_run_details": true});
    let got = scene.post(&token, DISPATCH, body).await;
    let id = got.body["workflow_run_id"].as_u64().unwrap();
    let tail = format!("/actions/runs/{id}/cancel");
    let (played, cancelled) = tokio::join!(scene.world.run_ci(), async {
        while scene.world.run_state(&scene.repo, id).unwrap().0 != "in_progress" {
            tokio::task::yield_now().await;
        }
        scene.send("POST", &format!("/repos/acme/widget{tail}"), (&token, None)).await.status
    });
    assert_eq!((played, cancelled), (1, 202));
    scene.world.finish_run(&scene.repo, id, &RunScript::green());
    let state = scene.world.run_state(&scene.repo, id).unwrap();
    assert_eq!(state, ("completed".into(), Some("cancelled".into())));
    let again = scene.send("POST", &format!("/repos/acme/widget{tail}"), (&token, None)).await;
    assert_eq!(again.status, 409);
}
