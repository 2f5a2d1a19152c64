//! Caps: never passed, whatever runs beside each other, and no room is lost.

use std::sync::Arc;

use futures_util::future::join_all;
use selfheal::domain::ledger::{Amount, Caps, Scope};
use selfheal::domain::money::Usd;
use selfheal::service::models::Patience;
use tokio::sync::Semaphore;

use super::shapes::{MESSAGES, RESPONSES};
use super::{Scene, header, only};

/// Room for some of many calls: each holds some six cents and costs less than one.
const CAP: &str = "0.25";

/// Calls that are made at once.
const CALLS: usize = 30;

#[tokio::test]
async fn calls_at_once_never_hold_more_than_a_cap_together() {
    for scope in Scope::ALL {
        let scene = Scene::with(only(scope, CAP, u64::MAX / 2), Patience::default()).await;
        let scene = scene.patient().await;
        let gate = Arc::new(Semaphore::new(0));
        scene.host.always_says(MESSAGES.streamed().behind(&gate));
        let calls: Vec<_> = (0..CALLS)
            .map(|_| tokio::spawn(scene.call(MESSAGES.path, MESSAGES.body).send()))
            .collect();
        let mut passed = Vec::new();
        let mut busy = 0;
        for call in calls {
            let answer = call.await.unwrap().unwrap();
            match answer.status().as_u16() {
                200 => passed.push(answer),
                429 => {
                    assert_eq!(header(&answer, "x-selfheal-refused"), "busy");
                    assert_eq!(header(&answer, "x-should-retry"), "", "it may come again");
                    assert_eq!(header(&answer, "retry-after"), "5");
                    busy += 1;
                }
                other => panic!("{other}"),
            }
        }
        assert!(passed.len() > 1 && busy > 1, "{} passed, {busy} are to come again", passed.len());
        assert_eq!(scene.host.asked().len(), passed.len());
        let cap = Usd::parse(CAP).unwrap();
        assert!(scene.charged().await <= cap);
        gate.add_permits(CALLS * (MESSAGES.stream.len() + 1));
        join_all(passed.into_iter().map(reqwest::Response::text)).await;
        assert!(scene.charged().await < cap);
        scene.host.says(MESSAGES.streamed());
        let after = scene.answered(MESSAGES.path, MESSAGES.body).await;
        assert_eq!(after.status(), 200, "what was given back is there again");
    }
}

#[tokio::test]
async fn an_agent_that_goes_on_and_on_stops_at_its_cap_and_not_a_cent_above() {
    let scene = Scene::with(only(Scope::Pull, "0.2", u64::MAX / 2), Patience::default()).await;
    scene.host.always_says(MESSAGES.streamed());
    let mut calls = 0;
    let last = loop {
        let answer = scene.answered(MESSAGES.path, MESSAGES.body).await;
        if answer.status() != 200 {
            break answer;
        }
        answer.text().await.unwrap();
        calls += 1;
        assert!(calls < 1_000, "it never ends");
    };
    assert_eq!(header(&last, "x-selfheal-refused"), "budget");
    assert_eq!(header(&last, "x-should-retry"), "false");
    assert!(last.text().await.unwrap().contains("the cap of this pull request has"));
    assert_eq!(scene.host.asked().len(), calls);
    assert!(calls > 20 && scene.charged().await <= Usd::parse("0.2").unwrap(), "{calls}");
}

#[tokio::test]
async fn near_the_cap_an_answer_may_be_as_long_as_the_rest_pays_for() {
    let scene = Scene::with(only(Scope::Case, "0.05", u64::MAX / 2), Patience::default()).await;
    scene.host.always_says(RESPONSES.streamed());
    scene.answered(RESPONSES.path, RESPONSES.body).await.text().await.unwrap();
    let sent: serde_json::Value = serde_json::from_slice(&scene.host.asked()[0].body).unwrap();
    let limit = sent["max_output_tokens"].as_u64().unwrap();
    // Some 4,200 tokens of prompt at $2.50 a million leave $0.0394 for output at $10.
    assert!((3_900..4_000).contains(&limit), "{limit}");
}

#[tokio::test]
async fn tokens_have_caps_of_their_own() {
    let scene = Scene::with(only(Scope::Attempt, "100", 10_000), Patience::default()).await;
    scene.host.always_says(RESPONSES.streamed());
    scene.answered(RESPONSES.path, RESPONSES.body).await.text().await.unwrap();
    let sent: serde_json::Value = serde_json::from_slice(&scene.host.asked()[0].body).unwrap();
    let limit = sent["max_output_tokens"].as_u64().unwrap();
    assert!((5_000..6_000).contains(&limit), "{limit}");
    let mut answer = scene.answered(RESPONSES.path, RESPONSES.body).await;
    while answer.status() == 200 {
        answer.text().await.unwrap();
        answer = scene.answered(RESPONSES.path, RESPONSES.body).await;
    }
    assert_eq!(header(&answer, "x-selfheal-refused"), "budget");
    assert!(scene.spent().await[0].charged.tokens <= 10_000);
}

#[tokio::test]
async fn a_repository_lowers_the_operators_caps() {
    for (operator, policy, has) in [
        (50, "budget: {usd_per_attempt: 1}", "this attempt has $1.00"),
        (50, "budget: {usd_per_case: 1}", "this case has $1.00"),
        (50, "budget: {usd_per_pull: 1}", "this pull request has $1.00"),
        (50, "budget: {usd_per_day: 1}", "this repository within a day has $1.00"),
        (50, "budget: {tokens_per_attempt: 100000}", "and 100000 tokens left"),
        (50, "budget: {tokens_per_day: 200000}", "and 200000 tokens left"),
        (10, "budget: {usd_per_attempt: 1000}", "this attempt has $10.00"),
    ] {
        let mut caps = Caps::NONE;
        let usd = Usd::dollars(operator);
        caps.set(Scope::Attempt, Amount { usd, tokens: u64::MAX / 2 });
        let policy = format!("version: 1\n{policy}\n");
        let scene = Scene::of(&policy, caps, Patience::default()).await;
        // Some 900,000 tokens at $20 a million: the dearest of models, kept for an hour.
        let long = MESSAGES.with("\"hi\"", &format!("\"{}\"", "x".repeat(900_000)));
        let long = long.replace("claude-sonnet-5-5", "claude-fable-5-1");
        let hour = r#"{"cache_control":{"ttl":"1h"},"role""#;
        let long = long.replace("{\"role\"", hour);
        let answer = scene.answered(MESSAGES.path, long).await;
        assert_eq!(header(&answer, "x-selfheal-refused"), "budget");
        let words = answer.text().await.unwrap();
        assert!(words.contains(has), "{policy}: {words}");
    }
}
