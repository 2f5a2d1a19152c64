//! Who is let in as a runner, and who is not.

use reqwest::{Client, StatusCode};
use selfheal::domain::brief::Identity;
use selfheal::domain::checkpoint::Checkpoint;
use selfheal::domain::document::{DOCUMENT_BYTES_MAX, Document, DocumentName, Stage};
use serde_json::{Value, json};

use super::{GOOD, at_work};
use crate::harness::{Tester, claims, patch};

async fn admission(t: &Tester, attempt: &str, token: String) -> StatusCode {
    let client = Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/runner/v1/attempts/{attempt}/admission", t.url());
    client.post(url).json(&Identity::Oidc { token }).send().await.unwrap().status()
}

#[tokio::test]
async fn only_the_run_that_was_started_is_let_in_and_only_once() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let run = t.world.dispatched(&repository).pop().unwrap();
    let attempt = run.input("attempt").to_owned();
    let good = claims(&run, "token 1");
    let other = |name: &str, value: &str| -> Value {
        let mut claims = good.clone();
        claims[name] = json!(value);
        claims
    };
    let wrong_workflow = format!("{}/.github/workflows/evil.yml@refs/heads/main", run.repository);
    let other_branch =
        format!("{}/.github/workflows/selfheal.yml@refs/heads/feature", run.repository);
    let cases = [
        ("another repository", other("repository_id", "999")),
        ("another run", other("run_id", "999")),
        ("another workflow", other("workflow_ref", &wrong_workflow)),
        ("another branch's workflow", other("workflow_ref", &other_branch)),
        ("a run on another branch", other("ref", "refs/heads/feature")),
        ("a run of a pull request", other("event_name", "pull_request")),
        ("another issuer", other("iss", "https://evil.example")),
    ];
    for (what, claims) in cases {
        let token = t.world.identity_token(&t.url(), &claims);
        assert_eq!(admission(&t, &attempt, token).await, StatusCode::UNAUTHORIZED, "{what}");
    }
    let elsewhere = t.world.identity_token("https://other.example", &good);
    assert_eq!(admission(&t, &attempt, elsewhere).await, StatusCode::UNAUTHORIZED);
    let mut stale = good.clone();
    stale["exp"] = json!(t.clock.ms() / 1000 - 3600);
    let stale = t.world.identity_token(&t.url(), &stale);
    assert_eq!(admission(&t, &attempt, stale).await, StatusCode::UNAUTHORIZED);
    assert_eq!(admission(&t, &attempt, "nonsense".into()).await, StatusCode::UNAUTHORIZED);

    let token = t.world.identity_token(&t.url(), &good);
    assert_eq!(admission(&t, "att_0", token.clone()).await, StatusCode::NOT_FOUND);
    assert_eq!(admission(&t, &attempt, token.clone()).await, StatusCode::OK);
    assert_eq!(admission(&t, &attempt, token).await, StatusCode::UNAUTHORIZED, "used before");
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn a_token_serves_its_own_attempt_until_that_is_over() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    let client = Client::builder().no_proxy().build().unwrap();
    let brief = |token: String| {
        let url = format!("{}/runner/v1/attempts/{}/brief", t.url(), runner.run.input("attempt"));
        client.get(url).bearer_auth(token).send()
    };
    let answer = brief("not the token".into()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["status"], 401);

    let secret = runner.token().to_owned();
    assert_eq!(brief(secret.clone()).await.unwrap().status(), StatusCode::OK);
    t.world.close(&pull, "mona");
    let answer = {
        t.settle_with_ci().await;
        let url = format!("{}/runner/v1/attempts/{}/brief", t.url(), runner.run.input("attempt"));
        client.get(url).bearer_auth(secret).send().await.unwrap()
    };
    assert_eq!(answer.status(), StatusCode::GONE);
    t.finish().await;
}

fn checkpoint(text: &str) -> Checkpoint {
    Checkpoint {
        round: 1,
        fixer: "agent:codex".to_owned(),
        state: Document { name: DocumentName::State, round: 1, body: text.to_owned() },
        work_in_progress: patch(&[("src/lib.rs", Some(text))]),
        session: None,
    }
}

#[tokio::test]
async fn the_next_runner_goes_on_from_the_checkpoint_of_the_last_and_from_no_other() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let first = t.runner(&repository).await;
    first.finishes(Stage::Triage, &[]).await;
    assert_eq!(first.tells(&checkpoint("one")).await, StatusCode::OK);
    assert_eq!(first.tells(&checkpoint("two")).await, StatusCode::OK);
    let too_long = "x".repeat(DOCUMENT_BYTES_MAX + 1);
    assert_eq!(first.tells(&checkpoint(&too_long)).await, StatusCode::UNPROCESSABLE_ENTITY);
    first.ends(&t);
    t.wait_minutes(6).await;

    let second = t.runner(&repository).await;
    let resume = second.brief.resume.clone().unwrap();
    assert_eq!((resume.stage, resume.checkpoint), (Stage::Triage, Some(checkpoint("two"))));
    assert_eq!(first.tells(&checkpoint("late")).await, StatusCode::UNAUTHORIZED);
    second.finishes(Stage::Execute, &[("src/lib.rs", Some(GOOD))]).await;
    assert_eq!(second.tells(&checkpoint("late")).await, StatusCode::OK, "told, and not kept");
    second.ends(&t);
    t.wait_minutes(6).await;

    let third = t.runner(&repository).await;
    let resume = third.brief.resume.clone().unwrap();
    assert_eq!((resume.stage, resume.checkpoint), (Stage::Execute, None));
    third.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    assert!(t.check(&pull).contains("Healed by"), "{}", t.check(&pull));
    t.finish().await;
}
