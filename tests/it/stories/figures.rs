//! How well it goes: what operators are told, and fixes that turned out wrong.

use reqwest::{Client, StatusCode};
use secrecy::SecretString;
use selfheal::http::Tokens;
use serde_json::Value;
use world::{Pull, Repository};

use super::causes::{clock, comes_and_goes, green_again};
use super::{BAD, GOOD, at_work, headline};
use crate::harness::Tester;

const API: &str = "an-operator-s-token-of-the-api-00";
const METRICS: &str = "an-operator-s-token-of-metrics-01";

/// A server whose operator has set tokens.
async fn started() -> Tester {
    let mut t = Tester::start().await;
    let token = |text: &str| Some(SecretString::from(text.to_owned()));
    t.tokens(Tokens { api: token(API), metrics: token(METRICS) }).await;
    t
}

/// Mona's pull request, healed five minutes after it was red.
async fn healed(t: &mut Tester) -> (Repository, Pull) {
    let (repository, pull) = at_work(t).await;
    let runner = t.runner(&repository).await;
    t.clock.advance(5 * 60 * 1000);
    runner.proposes(t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    assert!(headline(t, &pull).contains("Healed by"), "{}", t.check(&pull));
    (repository, pull)
}

async fn got(t: &Tester, path: &str, token: &str) -> (StatusCode, String) {
    let client = Client::builder().no_proxy().build().unwrap();
    let asked = client.get(format!("{}{path}", t.url())).bearer_auth(token);
    let answer = asked.send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

async fn stats(t: &Tester) -> Value {
    let (status, body) = got(t, "/api/v1/stats?since=1d&repo=acme/widget", API).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn a_healed_case_is_in_the_figures_with_its_times() {
    let mut t = started().await;
    healed(&mut t).await;
    let all = &stats(&t).await["all"];
    assert_eq!((all["cases"].as_u64(), all["eligible"].as_u64()), (Some(1), Some(1)));
    assert_eq!((all["healed"].as_u64(), all["false_fixes"].as_u64()), (Some(1), Some(0)));
    let taken = |part: &str| all["time_to_green"][part]["p50_ms"].as_i64().unwrap();
    assert!(taken("fixing") >= 5 * 60 * 1000, "{all:#}");
    let parts = ["waiting", "reading", "fixing", "proving", "ci"];
    assert_eq!(parts.map(taken).iter().sum::<i64>(), taken("whole"), "{all:#}");
    assert_eq!(stats(&t).await["by_class"]["format"]["healed"], 1, "{:#}", stats(&t).await);
    t.finish().await;
}

#[tokio::test]
async fn an_undone_fix_was_wrong() {
    let mut t = started().await;
    let (_, pull) = healed(&mut t).await;
    t.world.click(&pull, "mona", "undo").unwrap();
    t.settle_with_ci().await;
    let all = &stats(&t).await["all"];
    assert_eq!(all["false_fixes"], 1, "{all:#}");
    assert_eq!(all["signs"], serde_json::json!({ "undone": 1 }));
    t.finish().await;
}

#[tokio::test]
async fn a_fix_that_people_revert_was_wrong() {
    let mut t = started().await;
    let (_, pull) = healed(&mut t).await;
    let commit = t.world.head_sha(&pull);
    let words = format!("Revert \"Run rustfmt\"\n\nThis reverts commit {commit}.");
    t.world.push_saying(&pull, ("mona", &words), &[("src/lib.rs", Some(BAD))]).await.unwrap();
    t.settle_with_ci().await;
    let all = &stats(&t).await["all"];
    assert_eq!(all["false_fixes"], 1, "{all:#}");
    assert_eq!(all["signs"]["reverted"], 1, "{all:#}");
    assert_eq!(all["signs"]["red_again"], Value::Null, "it was taken back: {all:#}");
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn a_fix_beside_which_people_write_was_not_wrong() {
    let mut t = started().await;
    let (_, pull) = healed(&mut t).await;
    let more = format!("{GOOD}\n// Why 42 is right.\n");
    t.world.push(&pull, "mona", &[("src/lib.rs", Some(&more))]).await.unwrap();
    t.settle_with_ci().await;
    assert_eq!(stats(&t).await["all"]["false_fixes"], 0);
    t.finish().await;
}

#[tokio::test]
async fn a_fix_over_which_people_write_was_wrong() {
    let mut t = started().await;
    let (_, pull) = healed(&mut t).await;
    let other = "pub fn answer() -> u8 {\n    43\n}\n";
    t.world.push(&pull, "mona", &[("src/lib.rs", Some(other))]).await.unwrap();
    t.settle_with_ci().await;
    let all = &stats(&t).await["all"];
    assert_eq!(
        (&all["false_fixes"], &all["signs"]["superseded"]),
        (&1.into(), &1.into()),
        "{all:#}"
    );
    t.finish().await;
}

#[tokio::test]
async fn a_fix_of_a_file_that_nobody_shows_any_more_was_not_wrong() {
    let mut t = started().await;
    let (_, pull) = healed(&mut t).await;
    t.world.push(&pull, "mona", &[("src/lib.rs", Some("\0\0a picture\n"))]).await.unwrap();
    t.settle_with_ci().await;
    assert_eq!(stats(&t).await["all"]["false_fixes"], 0, "it is there, and cannot be compared");
    t.finish().await;
}

#[tokio::test]
async fn a_fix_whose_file_is_gone_was_not_wrong() {
    let mut t = started().await;
    let (_, pull) = healed(&mut t).await;
    t.world.push(&pull, "mona", &[("src/lib.rs", None), ("a.txt", Some("a\n"))]).await.unwrap();
    t.settle_with_ci().await;
    assert_eq!(stats(&t).await["all"]["false_fixes"], 0, "it may have been moved");
    t.finish().await;
}

/// A merged fix of ours, so long ago that everybody knows of it.
async fn merged(t: &mut Tester) -> Repository {
    let (repository, pull) = healed(t).await;
    t.world.merge(&pull, "mona").await.unwrap();
    t.settle_with_ci().await;
    t.wait_minutes(20).await;
    repository
}

/// Mona pushes that to the base branch.
async fn onto_main(t: &mut Tester, repository: &Repository, file: (&str, Option<&str>)) {
    t.world.push_to(repository, "main", "mona", &[file]).await.unwrap();
    t.settle_with_ci().await;
}

#[tokio::test]
async fn a_merged_fix_over_which_people_write_on_the_base_branch_was_wrong() {
    let mut t = started().await;
    let repository = merged(&mut t).await;
    onto_main(&mut t, &repository, ("README.md", Some("words\n"))).await;
    let more = format!("{GOOD}\n// Why 42 is right.\n");
    onto_main(&mut t, &repository, ("src/lib.rs", Some(&more))).await;
    assert_eq!(stats(&t).await["all"]["false_fixes"], 0, "they wrote beside it");
    let other = "pub fn answer() -> u8 {\n    43\n}\n";
    onto_main(&mut t, &repository, ("src/lib.rs", Some(other))).await;
    let all = &stats(&t).await["all"];
    assert_eq!((&all["false_fixes"], &all["signs"]["superseded"]), (&1.into(), &1.into()));
    t.finish().await;
}

#[tokio::test]
async fn a_base_branch_that_has_no_fix_yet_says_nothing_against_it() {
    let mut t = started().await;
    let (repository, pull) = healed(&mut t).await;
    t.wait_minutes(20).await;
    let compared = |t: &Tester| -> usize {
        let all = t.world.requests();
        all.iter().filter(|(_, route, _)| route.contains("/git/trees/")).map(|it| it.2).sum()
    };
    let before = compared(&t);
    let other = "pub fn answer() -> u8 {\n    43\n}\n";
    t.world.push_to(&repository, "main", "mona", &[("src/lib.rs", Some(other))]).await.unwrap();
    t.settle_with_ci().await;
    assert_eq!(stats(&t).await["all"]["false_fixes"], 0);
    assert_eq!(compared(&t), before, "and nothing is compared");
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn a_failure_that_comes_again_and_a_proof_that_ci_contradicts_count_against_us() {
    let mut t = started().await;
    let (repository, pull) = healed(&mut t).await;
    let files = [("src/lib.rs", Some(BAD)), ("a.txt", Some("a\n"))];
    t.world.push(&pull, "mona", &files).await.unwrap();
    t.settle_with_ci().await;
    let signs = serde_json::json!({ "red_again": 1, "superseded": 1 });
    assert_eq!(stats(&t).await["all"]["signs"], signs, "and our lines are gone");
    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("b.txt", Some("no help\n"))]).await;
    t.settle_with_ci().await;
    let all = &stats(&t).await["all"];
    assert_eq!((&all["false_fixes"], &all["signs"]["contradicted"]), (&2.into(), &1.into()));
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn what_healed_is_told_with_what_ended_it() {
    let mut t = started().await;
    let (_, pull) = healed(&mut t).await;
    let listed = async |t: &Tester, query: &str| -> Value {
        let (status, body) = got(t, &format!("/api/v1/remedies{query}"), API).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        serde_json::from_str(&body).unwrap()
    };
    let told = &listed(&t, "?repo=ACME/widget").await["remedies"][0];
    assert_eq!((&told["repository"], &told["pull"]), (&"acme/widget".into(), &1.into()));
    assert_eq!((&told["class"], &told["state"]), (&"format".into(), &"tried".into()));
    assert_eq!((&told["files"][0], &told["heals"]), (&"src/lib.rs".into(), &0.into()));
    assert_eq!(told["fingerprints"].as_array().map(Vec::len), Some(1), "{told:#}");
    assert_eq!(listed(&t, "?repo=acme/other").await["remedies"], serde_json::json!([]));
    t.world.click(&pull, "mona", "undo").unwrap();
    t.settle_with_ci().await;
    let told = &listed(&t, "").await["remedies"][0];
    assert_eq!((&told["state"], &told["why"]), (&"ended".into(), &"its fix: undone".into()));
    t.finish().await;
}

#[tokio::test]
async fn what_came_and_went_is_told_by_test() {
    let mut t = started().await;
    let repository = clock(&t).await;
    let found = async |t: &Tester, query: &str| -> Value {
        let (status, body) = got(t, &format!("/api/v1/flaky{query}"), API).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        serde_json::from_str(&body).unwrap()
    };
    for number in 0..2 {
        let pull = comes_and_goes(&mut t, &repository, number).await;
        green_again(&mut t, &repository, &pull).await;
    }
    assert_eq!(found(&t, "").await["repositories"], serde_json::json!([]), "not proven yet");
    assert_eq!(found(&t, "?all=true").await["repositories"][0]["failures"][0]["gone"], 2);
    let pull = comes_and_goes(&mut t, &repository, 2).await;
    green_again(&mut t, &repository, &pull).await;
    let told = found(&t, "?repo=ACME/widget").await;
    assert_eq!(told["repositories"][0]["repository"], "acme/widget");
    let failure = &told["repositories"][0]["failures"][0];
    assert_eq!((&failure["test"], &failure["gone"]), (&"clock::ticks".into(), &3.into()));
    assert_eq!((&failure["again"], &failure["flaky"]), (&0.into(), &true.into()));
    assert_eq!(found(&t, "?repo=acme/other").await["repositories"], serde_json::json!([]));
    let (_, metrics) = got(&t, "/metrics", METRICS).await;
    for line in [
        "selfheal_flaky_failures_90d{proven=\"flaky\"} 1",
        "selfheal_flaky_failures_90d{proven=\"no\"} 0",
        "selfheal_flake_trials_90d{shown=\"gone\"} 3",
        &format!(
            "selfheal_flaky_test_trials_90d{{repository=\"acme/widget\",test=\"clock::ticks\",\
             fingerprint={},shown=\"gone\"}} 3",
            failure["fingerprint"]
        ),
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line}\n{metrics}");
    }
    t.finish().await;
}

#[tokio::test]
async fn metrics_and_the_api_open_to_their_own_tokens_alone() {
    let mut t = started().await;
    let (status, text) = got(&t, "/metrics", METRICS).await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("# TYPE selfheal_backlog gauge"), "{text}");
    let wrong = ["/api/v1/stats", "/api/v1/flaky", "/api/v1/remedies"];
    let wrong = wrong.map(|path| (path, METRICS));
    for (path, token) in wrong.into_iter().chain([("/metrics", API), ("/metrics", "x")]) {
        assert_eq!(got(&t, path, token).await.0, StatusCode::UNAUTHORIZED, "{path}");
    }
    for query in ["since=1w", "since=", "repo=nothing"] {
        let (status, body) = got(&t, &format!("/api/v1/stats?{query}"), API).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {body}");
    }
    for query in ["all=perhaps", "repo=nothing"] {
        let (status, body) = got(&t, &format!("/api/v1/flaky?{query}"), API).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {body}");
    }
    let (status, body) = got(&t, "/api/v1/remedies?repo=nothing", API).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    t.tokens(Tokens::default()).await;
    let api = ["/api/v1/stats", "/api/v1/flaky", "/api/v1/remedies"].map(|path| (path, API));
    let doors = [("/metrics", METRICS)].into_iter().chain(api);
    for (path, token) in doors {
        assert_eq!(got(&t, path, token).await.0, StatusCode::NOT_FOUND, "{path} is off");
    }
    t.finish().await;
}
