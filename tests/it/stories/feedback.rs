//! A fixer asks, people answer, and the same attempt goes on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Client, StatusCode};
use secrecy::SecretString;
use selfheal::domain::brief::Instruction;
use selfheal::domain::document::Stage;
use selfheal::domain::ids::AttemptId;
use selfheal::domain::inputs::digest;
use selfheal::domain::outcome::Outcome;
use selfheal::http::Tokens;
use selfheal::service::receipts::{self, CheckError};
use serde_json::{Value, json};
use world::{Pull, Repository};

use super::{GOOD, at_work, headline};
use crate::harness::Tester;

const HOUR_MINUTES: i64 = 60;

fn asks(questions: &[&str]) -> Outcome {
    let questions = questions.iter().map(|question| (*question).to_owned()).collect();
    Outcome::Asks { questions, note: "agent:codex".to_owned(), time: 0, waited: 0 }
}

/// An attempt that has asked two questions, one of them with a trick in it.
async fn asked(t: &mut Tester) -> (Repository, Pull, AttemptId) {
    let (repository, pull) = at_work(t).await;
    let runner = t.runner(&repository).await;
    runner.finishes(Stage::Triage, &[]).await;
    runner.finishes(Stage::Execute, &[("notes", Some("half done\n"))]).await;
    let trick = "Which [name](https://evil.example) @mona?\n# Big";
    runner.reports(t, &asks(&["Shall `answer` be 42 or 43?", trick])).await;
    t.settle_with_ci().await;
    (repository, pull, runner.brief.attempt)
}

#[tokio::test]
async fn questions_are_numbered_in_the_comment_and_the_attempt_goes_on_with_the_answers() {
    let mut t = Tester::start().await;
    let (repository, pull, _) = asked(&mut t).await;
    let waits = "selfheal  completed/action_required  Questions wait for your answer";
    assert_eq!(headline(&t, &pull), waits);
    let comment = t.world.comment_text(&pull);
    assert!(comment.contains("**1:** Shall") && comment.contains("**2:** Which"), "{comment}");
    assert!(comment.contains("\\[name\\](") && !comment.contains("\n# Big"), "{comment}");

    t.world.comment(&pull, "reader", "/selfheal answer 1: 43 2: x");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), waits, "a reader may not");
    t.world.comment(&pull, "mona", "/selfheal answer yes");
    t.settle_with_ci().await;
    assert!(t.world.comment_text(&pull).contains("answers need numbers"));
    t.world.comment(&pull, "mona", "Well.\n/selfheal answer 2: tiny");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), waits, "one is open");
    t.world.comment(&pull, "mona", "/selfheal answer 1: 42, as\nthe docs say");
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Attempt 1 of 3 is at work"), "{}", t.check(&pull));

    let runner = t.runner(&repository).await;
    let told: Vec<_> =
        runner.brief.feedback.iter().map(|it| (it.number, it.answer.as_str())).collect();
    assert_eq!(told, [(1, "42, as\nthe docs say"), (2, "tiny")]);
    let resume = runner.brief.resume.as_ref().expect("it goes on where it was");
    assert_eq!((resume.stage, resume.work_in_progress.changes().len()), (Stage::Execute, 1));
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Healed by"), "{}", t.check(&pull));
    assert!(t.check(&pull).contains("| 1 |") && !t.check(&pull).contains("| 2 |"));
    t.finish().await;
}

/// What an operator with that token asks of an attempt, or tells it; the answer's JSON, if it is some.
async fn api(t: &Tester, path: &str, said: Option<&Value>, token: &str) -> (StatusCode, Value) {
    let client = Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/api/v1/attempts/{path}", t.url());
    let asked = match said {
        Some(said) => client.post(url).json(said),
        None => client.get(url),
    };
    let answer = asked.bearer_auth(token).send().await.unwrap();
    let status = answer.status();
    (status, answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn answers_come_by_the_api_as_well_and_receipts_go() {
    const TOKEN: &str = "an-operator-s-token-of-the-api-00";
    let mut t = Tester::start().await;
    let (repository, pull, id) = asked(&mut t).await;
    let path = |what: &str| format!("{id}/{what}");
    let (status, _) = api(&t, &path("questions"), None, TOKEN).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "without a token there is no door");
    t.tokens(Tokens { api: Some(SecretString::from(TOKEN)), metrics: None }).await;
    for what in ["questions", "receipt", "documents", "prompts"] {
        assert_eq!(api(&t, &path(what), None, "guessed").await.0, StatusCode::UNAUTHORIZED);
        let other = "att_00000000-0000-7000-8000-00000000ffff";
        for other in [format!("{other}/{what}"), format!("x/{what}")] {
            assert_eq!(api(&t, &other, None, TOKEN).await.0, StatusCode::NOT_FOUND);
        }
    }
    let (_, told) = api(&t, &path("questions"), None, TOKEN).await;
    assert_eq!((&told["waits"], &told["questions"][0]["number"]), (&json!(true), &json!(1)));
    assert_eq!(told["questions"][1]["answer"], Value::Null, "{told:#}");

    for (said, why) in [
        (json!({"by": "mona", "answer": "yes"}), "answers need numbers"),
        (json!({"by": "mo na", "answer": "1: yes"}), "`by`"),
        (json!({"by": "mona", "answer": "1: ".to_owned() + &"x".repeat(5_000)}), "more than 4000"),
    ] {
        let (status, problem) = api(&t, &path("answers"), Some(&said), TOKEN).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(why), "{problem}");
    }
    let both = |by: &str| json!({"by": by, "answer": "1: 42 2: tiny"});
    let answers = path("answers");
    assert_eq!(api(&t, &answers, Some(&both("reader")), TOKEN).await.0, StatusCode::ACCEPTED);
    t.settle_with_ci().await;
    let (_, told) = api(&t, &path("questions"), None, TOKEN).await;
    assert_eq!(told["waits"], true, "who may not write answers nothing: {told:#}");
    assert_eq!(api(&t, &answers, Some(&both("mona")), TOKEN).await.0, StatusCode::ACCEPTED);
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Attempt 1 of 3 is at work"), "{}", t.check(&pull));
    let (_, told) = api(&t, &path("questions"), None, TOKEN).await;
    assert_eq!(
        api(&t, &answers, Some(&both("mona")), TOKEN).await.0,
        StatusCode::CONFLICT,
        "{told}"
    );

    let runner = t.runner(&repository).await;
    assert_eq!(runner.brief.feedback.len(), 2);
    // As a fixer is told that begins, is lost, and goes on with its session.
    for prompt in [FIRST, "Go on.", FIRST] {
        assert_eq!(runner.prompts(prompt).await, Instruction::Continue);
    }
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    let (_, signed) = api(&t, &path("receipt"), None, TOKEN).await;
    assert_eq!(signed["receipt"]["outcome"]["outcome"], "proposed", "{signed:#}");
    assert_eq!(signed["receipt"]["verdict"]["answer"], "allow", "{signed:#}");
    let (_, told) = api(&t, &path("prompts"), None, TOKEN).await;
    its_inputs_can_be_checked((&t, &repository), &signed["receipt"], &told).await;
    let parts: Vec<_> = signed["signature"].as_str().unwrap().split('.').collect();
    let payload = URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!((parts.len(), &payload), (3, &signed["receipt"]), "the payload is the receipt");
    whoever_has_the_keys_can_tell(&signed, &keys(&t).await);
    let (_, written) = api(&t, &path("documents"), None, TOKEN).await;
    let names: Vec<_> =
        written["documents"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["triage-plan", "state"], "{written:#}");
    t.finish().await;
}

/// The keys that the server shows to everybody.
async fn keys(t: &Tester) -> Value {
    let client = Client::builder().no_proxy().build().unwrap();
    let keys = client.get(format!("{}/.well-known/jwks.json", t.url())).send().await.unwrap();
    keys.json().await.unwrap()
}

/// What a fixer is told first.
const FIRST: &str = "<!-- selfheal prompt: execute, version 3 -->\n# Task\n";

/// Every digest of a receipt's inputs can be made again by whoever has what it names.
async fn its_inputs_can_be_checked(
    (t, repository): (&Tester, &Repository),
    receipt: &Value,
    kept: &Value,
) {
    let kept = kept["prompts"].as_array().unwrap().iter();
    let kept: Vec<_> = kept.map(|it| digest(it["text"].as_str().unwrap())).collect();
    let named = receipt["prompts"].as_array().unwrap().iter();
    let named: Vec<_> = named.map(|it| it["sha256"].as_str().unwrap()).collect();
    assert_eq!(
        (&named, kept.len()),
        (&kept.iter().map(String::as_str).collect(), 2),
        "{receipt:#}"
    );
    assert_eq!(receipt["prompts"][0]["template"], "execute, version 3", "{receipt:#}");

    // Nothing of it has changed between its two runners.
    let given = &receipt["given"];
    assert_eq!(given.as_array().unwrap().len(), 1, "{receipt:#}");
    let base = given[0]["base_sha"].as_str().unwrap();
    assert_eq!((base.len(), &given[0]["base"]), (40, &json!("main")), "{receipt:#}");
    assert_eq!(given[0]["fork"].as_str().unwrap().len(), 40, "{receipt:#}");
    let policy = &given[0]["policy"];
    assert_eq!(
        (&policy["commit"], &policy["path"]),
        (&json!(base), &json!(".github/selfheal.yml"))
    );
    let prices = selfheal::config::prices::shipped().source();
    assert_eq!(given[0]["prices"], serde_json::to_value(prices).unwrap());
    let file = t.world.file(repository, base, ".github/selfheal.yml").await.unwrap();
    assert_eq!(policy["sha256"], json!(file.as_deref().map(digest)), "{receipt:#}");
    let in_force = if file.is_some() { "repository_file" } else { "defaults" };
    assert_eq!(policy["in_force"], in_force, "{receipt:#}");
}

/// A receipt is believed as it was signed, by the key that it names, and in no other way.
#[track_caller]
fn whoever_has_the_keys_can_tell(signed: &Value, keys: &Value) {
    let check = |printed: &Value, keys: &Value| {
        let keys = serde_json::from_value(keys.clone()).unwrap();
        receipts::checked(&printed.to_string(), &keys)
    };
    assert_eq!(check(signed, keys).as_ref(), Ok(&signed["receipt"]));
    let mut other = signed.clone();
    other["receipt"]["state"] = json!("refused");
    assert_eq!(check(&other, keys), Err(CheckError::Altered));
    let mut parts: Vec<String> =
        signed["signature"].as_str().unwrap().split('.').map(str::to_owned).collect();
    parts[1] = URL_SAFE_NO_PAD.encode(other["receipt"].to_string());
    other["signature"] = json!(parts.join("."));
    assert_eq!(check(&other, keys), Err(CheckError::Forged));
    other["signature"] = Value::Null;
    assert_eq!(check(&other, keys), Err(CheckError::Unsigned));
    let none = json!({"keys": []});
    assert!(matches!(check(signed, &none), Err(CheckError::OtherKey(_))));
    assert!(matches!(check(&json!({"receipt": {}}), keys), Err(CheckError::Unsigned)));
    assert!(matches!(check(&json!("no receipt"), keys), Err(CheckError::Form(_))));
}

#[tokio::test]
async fn people_are_reminded_twice_and_then_the_case_is_theirs() {
    let mut t = Tester::start().await;
    let (_, pull, _) = asked(&mut t).await;
    let reminders =
        |t: &Tester| t.world.comment_text(&pull).matches("still waits for an answer").count();
    for (hours, expected) in [(23, 0), (2, 1), (1, 1), (23, 2)] {
        t.wait_minutes(hours * HOUR_MINUTES).await;
        assert_eq!(reminders(&t), expected);
    }
    t.wait_minutes(24 * HOUR_MINUTES).await;
    assert_eq!(
        headline(&t, &pull),
        "selfheal  completed/action_required  A person is needed: a question was not answered"
    );
    assert!(t.check(&pull).contains("**1:** Shall"), "the questions are on top");
    assert_eq!(reminders(&t), 2);
    t.world.comment(&pull, "mona", "/selfheal answer 1: 42 2: x");
    t.settle_with_ci().await;
    assert!(t.world.comment_text(&pull).contains("no attempt waits for an answer"));
    t.world.comment(&pull, "mona", "/selfheal retry");
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Attempt 2 of 3 is at work"), "{}", t.check(&pull));
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn questions_that_nobody_could_answer_are_not_asked() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    let refused = runner.refused(&asks(&[])).await;
    assert!(refused.contains("there is no question"), "{refused}");
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}
