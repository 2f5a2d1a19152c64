//! What passes through, and how: byte for byte, piece by piece, under the operator's key.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use reqwest::StatusCode;
use selfheal::domain::model::ModelName;
use selfheal::http::DoorLimits;
use serde_json::Value;
use tokio::sync::Semaphore;
use world::models::Saying;

use super::shapes::{MESSAGES, WAYS};
use super::{KEY, Scene, header};
use crate::doors::door;

#[tokio::test]
async fn a_stream_passes_through_byte_for_byte_and_costs_what_its_provider_counted() {
    let scene = Scene::new().await;
    for way in WAYS {
        scene.host.says(way.streamed());
        let answer = scene.answered(way.path, way.body).await;
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "content-type")),
            (200, "text/event-stream; charset=utf-8")
        );
        assert_eq!(answer.text().await.unwrap(), way.stream.concat(), "{way:?}");
        let spent = scene.spent().await;
        let model = spent.iter().find(|spent| spent.model.as_str() == way.model).unwrap();
        assert_eq!((model.calls, model.unsettled, model.tokens), (1, 0, way.tokens));
        let name = ModelName::parse(way.model).unwrap();
        let models = &scene.t.app().services().models;
        let price = models.prices().price(way.provider, &name).unwrap();
        assert_eq!(model.charged.usd, price.cost(&way.tokens));
        assert_eq!(model.charged.tokens, way.tokens.total());
    }
}

#[tokio::test]
async fn an_answer_in_one_piece_passes_through_and_costs_the_same() {
    let scene = Scene::new().await;
    for way in WAYS {
        scene.host.says(way.in_one_piece());
        let answer = scene.answered(way.path, way.body).await;
        assert_eq!(answer.text().await.unwrap(), way.whole);
        let spent = scene.spent().await;
        let model = spent.iter().find(|spent| spent.model.as_str() == way.model).unwrap();
        assert_eq!((model.unsettled, model.tokens), (0, way.tokens));
    }
}

#[tokio::test]
async fn each_piece_is_there_before_the_next_one_is_sent() {
    let scene = Scene::new().await;
    for way in WAYS {
        let gate = Arc::new(Semaphore::new(0));
        scene.host.says(way.streamed().behind(&gate));
        let mut answer = scene.answered(way.path, way.body).await;
        for piece in way.stream {
            gate.add_permits(1);
            let mut heard = Vec::new();
            while heard.len() < piece.len() {
                heard.extend_from_slice(&answer.chunk().await.unwrap().unwrap());
            }
            assert_eq!(heard, piece.as_bytes());
        }
        gate.add_permits(1);
        assert_eq!(answer.chunk().await.unwrap(), None);
    }
}

#[tokio::test]
async fn two_hundred_streams_pass_at_once() {
    const STREAMS: usize = 200;
    const ARRIVING: usize = 8; // how many a busy machine takes in at a time is not the question here
    let scene = Scene::new().await.patient().await;
    let gate = Arc::new(Semaphore::new(0));
    scene.host.always_says(MESSAGES.streamed().behind(&gate));
    let long = MESSAGES.with("\"hi\"", &format!("\"{}\"", "x".repeat(50_000)));
    let calls = (0..STREAMS).map(|_| scene.call(MESSAGES.path, long.clone()).send());
    let answers: Vec<_> =
        stream::iter(calls).buffered(ARRIVING).map(Result::unwrap).collect().await;
    let statuses: Vec<_> = answers.iter().map(reqwest::Response::status).collect();
    assert_eq!(statuses, [StatusCode::OK; STREAMS]);
    assert_eq!(scene.t.app().services().models.under_way(), STREAMS);
    gate.add_permits(STREAMS * (MESSAGES.stream.len() + 1));
    for text in join_all(answers.into_iter().map(reqwest::Response::text)).await {
        assert_eq!(text.unwrap(), MESSAGES.stream.concat());
    }
    assert_eq!((scene.spent().await[0].calls, scene.spent().await[0].unsettled), (200, 0));
}

#[tokio::test]
async fn a_model_may_think_longer_than_any_other_request_may_take() {
    let scene = Scene::new().await;
    let limits = DoorLimits { request: Duration::from_millis(1), ..DoorLimits::default() };
    let door = door(scene.t.app().services(), limits).await;
    let gate = Arc::new(Semaphore::new(0));
    scene.host.says(MESSAGES.in_one_piece().behind(&gate));
    let call = scene.call(MESSAGES.path, MESSAGES.body).build().unwrap();
    let there = call.url().as_str().replace(&scene.t.url(), &format!("http://{door}"));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let call = client.post(there).bearer_auth(scene.token()).body(MESSAGES.body);
    let answer = tokio::spawn(call.header("content-type", "application/json").send());
    scene.host.was_asked(1).await;
    gate.add_permits(2);
    assert_eq!(answer.await.unwrap().unwrap().text().await.unwrap(), MESSAGES.whole);
}

#[tokio::test]
async fn the_call_is_settled_when_its_last_piece_arrives() {
    let scene = Scene::new().await;
    for way in WAYS {
        scene.host.says(way.streamed());
        let mut answer = scene.answered(way.path, way.body).await;
        let (mut heard, all) = (0, way.stream.concat().len());
        while heard < all {
            heard += answer.chunk().await.unwrap().unwrap().len();
        }
        if way.path.starts_with("gemini") {
            answer.chunk().await.unwrap(); // of this one the end of the body is the last word
        }
        let spent = scene.spent().await;
        assert_eq!(spent.iter().map(|spent| spent.unsettled).sum::<u64>(), 0, "{way:?}");
    }
}

#[tokio::test]
async fn the_provider_hears_the_request_with_its_limit_and_the_operators_key() {
    let scene = Scene::new().await;
    for way in WAYS {
        scene.host.says(way.streamed());
        let call = scene
            .call(way.path, way.body)
            .header("anthropic-version", "2023-06-01")
            .header("user-agent", "agent/1")
            .header("cookie", "session=1")
            .header("x-forwarded-for", "10.0.0.1")
            .header("accept-encoding", "gzip, br")
            .header("x-api-key", scene.token())
            .header("x-goog-api-key", scene.token());
        call.send().await.unwrap().text().await.unwrap();
        let asked = scene.host.asked().pop().unwrap();
        assert_eq!((asked.path.as_str(), asked.method.as_str()), (way.heard, "POST"));
        assert_eq!(asked.body, way.sent);
        let heard = format!("{:?}", asked.headers);
        assert!(heard.contains(KEY) && !heard.contains(scene.token()), "{heard}");
        assert_eq!(asked.headers["user-agent"], "agent/1");
        assert_eq!(asked.headers["accept-encoding"], "identity");
        for absent in ["cookie", "x-forwarded-for", "host-of-the-server"] {
            assert!(!asked.headers.contains_key(absent), "{absent}");
        }
    }
}

#[tokio::test]
async fn the_runner_may_give_its_token_wherever_clients_put_keys() {
    let scene = Scene::new().await;
    for (name, value) in [
        ("authorization", format!("Bearer {}", scene.token())),
        ("x-api-key", scene.token().to_owned()),
        ("x-goog-api-key", scene.token().to_owned()),
    ] {
        scene.host.says(MESSAGES.streamed());
        let call = scene.bare(reqwest::Method::POST, MESSAGES.path).header(name, value);
        let answer = call.body(MESSAGES.body).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{name}");
        answer.text().await.unwrap();
    }
}

#[tokio::test]
async fn of_the_providers_headers_those_come_down_that_clients_need() {
    let scene = Scene::new().await;
    let saying = MESSAGES
        .streamed()
        .header("request-id", "req_1")
        .header("anthropic-ratelimit-requests-remaining", "9")
        .header("anthropic-organization-id", "org-of-the-operator")
        .header("set-cookie", "session=1")
        .header("x-api-key", KEY);
    scene.host.says(saying);
    let answer = scene.answered(MESSAGES.path, MESSAGES.body).await;
    assert_eq!(header(&answer, "request-id"), "req_1");
    assert_eq!(header(&answer, "anthropic-ratelimit-requests-remaining"), "9");
    assert!(header(&answer, "x-selfheal-call").starts_with("call_"));
    let said = format!("{:?}", answer.headers());
    assert!(!said.contains("operator") && !said.contains("session"), "{said}");
}

#[tokio::test]
async fn what_costs_nothing_passes_without_a_reservation() {
    let scene = Scene::new().await;
    let count = "anthropic/v1/messages/count_tokens";
    scene.host.says(Saying::new("application/json", &["{\"input_tokens\":3}"]));
    let body = r#"{"model":"claude-sonnet-5-5","messages":[]}"#;
    let answer = scene.answered(count, body).await;
    assert_eq!(answer.text().await.unwrap(), "{\"input_tokens\":3}");
    scene.host.says(Saying::new("application/json", &["{\"data\":[]}"]));
    let list = scene.bare(reqwest::Method::GET, "openai/v1/models?limit=5&key=x");
    let answer = list.bearer_auth(scene.token()).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "{\"data\":[]}");
    let asked = scene.host.asked();
    assert_eq!(
        (asked[0].body.as_ref(), asked[1].path.as_str()),
        (body.as_bytes(), "/models?limit=5")
    );
    assert!(scene.spent().await.is_empty());
}

#[tokio::test]
async fn tools_of_the_provider_are_taken_out_and_the_runner_is_told() {
    let scene = Scene::new().await;
    scene.host.says(MESSAGES.streamed());
    let tools = r#""stream":true,"tools":[{"type":"web_search_20250305","name":"web_search"},{"name":"a","input_schema":{"z":1,"a":2}}]"#;
    let answer = scene.answered(MESSAGES.path, MESSAGES.with(r#""stream":true"#, tools)).await;
    assert_eq!(header(&answer, "x-selfheal-removed"), "web_search_20250305");
    answer.text().await.unwrap();
    let sent: Value = serde_json::from_slice(&scene.host.asked()[0].body).unwrap();
    assert_eq!(sent["tools"].as_array().unwrap().len(), 1);
    assert_eq!(sent["tools"][0]["name"], "a");
}

#[tokio::test]
async fn the_runner_sees_what_its_attempt_has_spent() {
    let scene = Scene::new().await;
    scene.host.says(MESSAGES.streamed());
    scene.answered(MESSAGES.path, MESSAGES.body).await.text().await.unwrap();
    let spent = scene.bare(reqwest::Method::GET, "spent").bearer_auth(scene.token());
    let spent: Value = spent.send().await.unwrap().json().await.unwrap();
    assert_eq!(spent["models"][0]["model"], "claude-sonnet-5-5");
    assert_eq!(spent["models"][0]["tokens"]["cache_read"], 4000);
    assert_eq!(spent["models"][0]["charged_nano_usd"], scene.charged().await.nanos());
    assert_eq!(spent["providers"], serde_json::json!(["anthropic", "openai", "gemini"]));
    let nobody = scene.bare(reqwest::Method::GET, "spent").send().await.unwrap();
    assert_eq!(nobody.status(), 401);
}

#[tokio::test]
async fn fields_that_nobody_knows_do_not_reach_the_provider_and_are_named_in_a_header_of_bounds() {
    let scene = Scene::new().await;
    scene.host.says(MESSAGES.streamed());
    let names = format!(r#""turbo":true,"a\nb\u00e4":1,"{}":2,"stream":true"#, "x".repeat(100_000));
    let body = MESSAGES.with(r#""stream":true"#, &names);
    let answer = scene.answered(MESSAGES.path, body).await;
    assert_eq!(answer.status(), 200);
    let removed = header(&answer, "x-selfheal-removed");
    assert!(removed.starts_with("turbo,a?b?,xxxx") && removed.len() <= 500, "{removed}");
    assert_eq!(scene.host.asked()[0].body, MESSAGES.sent);
}
