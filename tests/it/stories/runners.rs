//! Who is let in as a runner, and who is not.

use reqwest::{Client, StatusCode};
use selfheal::domain::brief::{Identity, StageReport};
use selfheal::domain::checkpoint::Checkpoint;
use selfheal::domain::document::{DOCUMENT_BYTES_MAX, Stage};
use selfheal::domain::ids::AttemptId;
use selfheal::domain::outcome::GaveUp;
use serde_json::{Value, json};

use super::{GOOD, at_work};
use crate::harness::{Tester, claims, patch, written};

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

fn checkpoint(attempt: AttemptId, text: &str) -> Checkpoint {
    Checkpoint {
        round: 1,
        fixer: "agent:codex".to_owned(),
        state: written(Stage::Execute, attempt).remove(0),
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
    let checkpoint = |text: &str| checkpoint(first.brief.attempt, text);
    assert_eq!(first.tells(&checkpoint("one")).await, StatusCode::OK);
    assert_eq!(first.tells(&checkpoint("two")).await, StatusCode::OK);
    for body in ["no front matter".to_owned(), "x".repeat(DOCUMENT_BYTES_MAX + 1)] {
        let mut bad = checkpoint("three");
        bad.state.body = body;
        assert_eq!(first.tells(&bad).await, StatusCode::UNPROCESSABLE_ENTITY);
    }
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

/// The documents of a stage, changed in one way that the server does not take, and what it says.
fn unfit(attempt: AttemptId) -> Vec<(StageReport, &'static str)> {
    let good = StageReport {
        stage: Stage::Execute,
        round: 1,
        documents: written(Stage::Execute, attempt),
        work_in_progress: patch(&[]),
        remedies_in_vain: Vec::new(),
    };
    let body = good.documents[0].body.clone();
    let with = |body: String| {
        let mut report = good.clone();
        report.documents[0].body = body;
        report
    };
    let other = AttemptId::parse("att_0193a1b2c3d47e5f8a9b0c1d2e3f4a5b").unwrap();
    let deep = format!("turns: {}", "[".repeat(5_000));
    let twice = StageReport {
        documents: [good.documents.clone(), good.documents.clone()].concat(),
        ..good.clone()
    };
    vec![
        (with(body.replace("turns:", "turms:")), "unknown field `turms`"),
        (with(body.replace("turns: []", "turns: nothing")), "line 6"),
        (with(body.replace("turns: []", &deep)), "state"),
        (with(body.replace("turns: []", "turns: &a []")), "state"),
        (with(body.replace("round: 1", "round: 99999999999999999999")), "state"),
        (with(body.replace("round: 1", "round: 2")), "another attempt, round or version"),
        (with(written(Stage::Execute, other).remove(0).body), "another attempt, round or version"),
        (with(body.replace("---\n", "")), "no front matter"),
        (with(format!("{body}{}", "x".repeat(DOCUMENT_BYTES_MAX))), "the limit is 262144"),
        (
            StageReport { documents: written(Stage::Triage, attempt), ..good.clone() },
            "does not write the document triage-plan",
        ),
        (twice, "or wrote it already"),
        (StageReport { round: 0, ..good.clone() }, "none of 1 to 4"),
        (StageReport { round: 200, ..good.clone() }, "none of 1 to 4"),
    ]
}

#[tokio::test]
async fn a_document_that_does_not_fit_is_refused_with_what_is_wrong_and_nothing_is_kept() {
    let mut t = Tester::start().await;
    let (repository, _) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    for (report, why) in unfit(runner.brief.attempt) {
        let (status, said) = runner.tries(&report).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{why}: {said}");
        assert!(said.contains(why) && said.len() < 600, "{why}: {said}");
    }
    runner.ends(&t);
    t.wait_minutes(6).await;
    let again = t.runner(&repository).await;
    assert!(again.brief.resume.is_none(), "{:?}", again.brief.resume);
    again.finishes(Stage::Triage, &[]).await;
    again.gives_up(&t, GaveUp::StillRed).await;
    t.settle_with_ci().await;
}
