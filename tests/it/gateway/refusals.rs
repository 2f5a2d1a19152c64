//! What is not passed on, and how each client is told: in its provider's own form, so that it stops.

use reqwest::{Method, Response};
use selfheal::domain::ledger::{Caps, Scope};
use selfheal::domain::policy::NameFilter;
use selfheal::http::MODEL_BYTES_MAX;
use selfheal::service::models::Patience;
use serde_json::Value;
use world::models::{ModelHost, Saying};

use super::shapes::{CHAT, GENERATE, MESSAGES, RESPONSES, WAYS, Way};
use super::{KEY, Scene, header, models_at, only};

/// The answer is a refusal for good, in the form of its provider; its words.
async fn refused(answer: Response, way: &Way, why: &str) -> String {
    assert_eq!(answer.status(), 429, "{way:?}");
    assert_eq!(header(&answer, "x-should-retry"), "false");
    assert_eq!(header(&answer, "x-selfheal-refused"), why);
    assert_eq!(header(&answer, "retry-after"), "");
    let body: Value = answer.json().await.unwrap();
    let path = way.path;
    if path.starts_with("anthropic") {
        assert_eq!(
            (&body["type"], &body["error"]["type"]),
            (&Value::from("error"), &Value::from("rate_limit_error"))
        );
    } else if path.starts_with("openai") {
        assert_eq!(body["error"]["code"], "rate_limit_exceeded");
    } else {
        assert_eq!(
            (&body["error"]["code"], &body["error"]["status"]),
            (&Value::from(429), &Value::from("RESOURCE_EXHAUSTED"))
        );
        // What Gemini CLI goes by; it knows no header that ends its tries.
        let quota = &body["error"]["details"][0]["violations"][0]["quotaId"];
        assert!(quota.as_str().unwrap().contains("PerDay"));
    }
    body["error"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_cap_that_is_reached_stops_every_client_before_its_provider_is_asked() {
    let scene = Scene::with(only(Scope::Attempt, "0.01", u64::MAX / 2), Patience::default()).await;
    for way in WAYS {
        let words = refused(scene.answered(way.path, way.body).await, &way, "budget").await;
        assert!(words.contains("the cap of this attempt has $0.01 and"), "{words}");
        assert!(words.ends_with("it is spent"), "{words}");
    }
    assert!(scene.host.asked().is_empty() && scene.spent().await.is_empty());
}

#[tokio::test]
async fn a_model_without_a_price_is_not_called() {
    let scene = Scene::new().await;
    for way in WAYS {
        let (path, body) =
            (way.path.replace(way.model, "unknown-1"), way.body.replace(way.model, "unknown-1"));
        let words = refused(scene.answered(&path, body).await, &way, "model").await;
        assert!(words.contains("the model unknown-1 has no price"), "{words}");
    }
    assert!(scene.host.asked().is_empty());
}

#[tokio::test]
async fn a_model_that_the_operator_does_not_allow_is_not_called() {
    let mut scene = Scene::new().await;
    let allowed = NameFilter { include: vec!["claude-haiku*".to_owned()], exclude: Vec::new() };
    let mut settings = models_at(&scene.host.url(), Caps::NONE);
    settings.allowed = allowed;
    scene.t.model(settings, Patience::default()).await;
    for way in WAYS {
        let words = refused(scene.answered(way.path, way.body).await, &way, "model").await;
        assert!(words.contains("may not be called on this server"), "{words}");
    }
    scene.host.says(MESSAGES.streamed());
    let haiku = MESSAGES.with("claude-sonnet-5-5", "claude-haiku-4-5");
    assert_eq!(scene.answered(MESSAGES.path, haiku).await.status(), 200);
}

#[tokio::test]
async fn an_attempt_that_is_over_calls_no_more_models() {
    let mut scene = Scene::new().await;
    scene.t.world.close(&scene.pull, "mona");
    scene.t.settle_with_ci().await;
    for way in WAYS {
        let words = refused(scene.answered(way.path, way.body).await, &way, "over").await;
        assert!(words.contains("the attempt is over"), "{words}");
    }
    assert!(scene.host.asked().is_empty());
}

#[tokio::test]
async fn a_request_that_cannot_be_bounded_is_refused() {
    let scene = Scene::new().await;
    for (way, body) in [
        (MESSAGES, "no JSON".to_owned()),
        (MESSAGES, MESSAGES.with(r#""stream":true"#, r#""stream":true,"max_tokens":9"#)),
        (MESSAGES, MESSAGES.with(r#""stream":true"#, r#""mcp_servers":[{"url":"https://x"}]"#)),
        (RESPONSES, RESPONSES.with(r#""store":false"#, r#""previous_response_id":"resp_0""#)),
        (RESPONSES, RESPONSES.with(r#""store":false"#, r#""service_tier":"priority""#)),
        (CHAT, CHAT.with(r#""stream":true"#, r#""n":3"#)),
        (GENERATE, GENERATE.with(r#""temperature":0"#, r#""candidateCount":3"#)),
    ] {
        refused(scene.answered(way.path, body).await, &way, "request").await;
    }
    let packed = scene.call(MESSAGES.path, MESSAGES.body).header("content-encoding", "zstd");
    refused(packed.send().await.unwrap(), &MESSAGES, "request").await;
    assert!(scene.host.asked().is_empty());
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused_before_it_is_read() {
    let scene = Scene::new().await;
    let answer = scene.answered(MESSAGES.path, "x".repeat(MODEL_BYTES_MAX + 1)).await;
    assert_eq!(answer.status(), 413);
    assert!(scene.host.asked().is_empty());
}

#[tokio::test]
async fn nobody_without_the_attempts_token_learns_anything() {
    let scene = Scene::new().await;
    for way in WAYS {
        for token in [None, Some("guessed")] {
            let mut call = scene.bare(Method::POST, way.path).body(way.body);
            if let Some(token) = token {
                call = call.bearer_auth(token);
            }
            let answer = call.send().await.unwrap();
            assert_eq!(
                (answer.status().as_u16(), header(&answer, "x-should-retry")),
                (401, "false")
            );
            assert_eq!(header(&answer, "x-selfheal-refused"), "token");
        }
    }
    let other = format!("{}/model/att_{:032}/anthropic/v1/messages", scene.t.url(), 9);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.post(other).bearer_auth(scene.token()).send().await.unwrap();
    assert_eq!(answer.status(), 404);
    assert!(scene.host.asked().is_empty());
}

#[tokio::test]
async fn only_the_paths_that_agents_need_are_there() {
    let scene = Scene::new().await;
    for (method, path) in [
        (Method::POST, "anthropic/v1/files"),
        (Method::POST, "anthropic/v1/messages/batches"),
        (Method::DELETE, "anthropic/v1/messages"),
        (Method::GET, "openai/v1/responses/resp_1"),
        (Method::POST, "openai/v1/../v1/files"),
        (Method::POST, "openai/v1/responses%2f..%2ffiles"),
        (Method::POST, "gemini/v1beta/cachedContents"),
        (Method::POST, "mistral/v1/chat/completions"),
    ] {
        let call = scene.bare(method, path).bearer_auth(scene.token()).body("{}");
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(header(&answer, "content-type"), "application/problem+json");
    }
    assert!(scene.host.asked().is_empty());
}

#[tokio::test]
async fn a_provider_that_nobody_set_up_is_told_apart() {
    let mut scene = Scene::new().await;
    let mut settings = models_at(&scene.host.url(), Caps::NONE);
    settings.ways.remove(&MESSAGES.provider);
    scene.t.model(settings, Patience::default()).await;
    let answer = scene.answered(MESSAGES.path, MESSAGES.body).await;
    assert_eq!(answer.status(), 404);
    let words = answer.text().await.unwrap();
    assert!(words.contains("anthropic is not set up on this server"), "{words}");
    assert!(words.contains("SELFHEAL_ANTHROPIC_API_KEY"), "{words}");
}

#[tokio::test]
async fn trouble_of_a_provider_is_passed_on_and_marked_and_costs_nothing() {
    let scene = Scene::new().await;
    for status in [429, 500, 503, 529] {
        for way in WAYS {
            let trouble = Saying::new("application/json", &["{\"error\":", "\"busy\"}"]);
            scene.host.says(trouble.status(status).header("retry-after", "7"));
            let answer = scene.answered(way.path, way.body).await;
            assert_eq!(answer.status(), status);
            assert_eq!(header(&answer, "x-selfheal-provider"), "trouble");
            assert_eq!(header(&answer, "retry-after"), "7");
            assert_eq!(header(&answer, "x-selfheal-refused"), "");
            assert_eq!(answer.text().await.unwrap(), "{\"error\":\"busy\"}");
        }
    }
    assert_eq!(scene.charged().await.nanos(), 0);
}

#[tokio::test]
async fn a_wrong_request_is_the_agents_own_and_not_the_providers_trouble() {
    let scene = Scene::new().await;
    scene.host.says(Saying::new("application/json", &["{\"error\":\"bad\"}"]).status(400));
    let answer = scene.answered(MESSAGES.path, MESSAGES.body).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "x-selfheal-provider")), (400, ""));
    assert_eq!(scene.charged().await.nanos(), 0);
}

#[tokio::test]
async fn a_key_that_the_provider_refuses_is_never_repeated() {
    let scene = Scene::new().await;
    for status in [401, 403] {
        let echo = format!("{{\"error\":\"Incorrect API key provided: {KEY}\"}}");
        scene.host.says(Saying::new("application/json", &[echo]).status(status));
        let answer = scene.answered(RESPONSES.path, RESPONSES.body).await;
        assert_eq!(answer.status(), 503);
        assert_eq!(header(&answer, "x-selfheal-provider"), "trouble");
        let words = answer.text().await.unwrap();
        assert!(words.contains("refuses this server's key") && !words.contains(KEY), "{words}");
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_trouble_and_costs_nothing() {
    let mut scene = Scene::new().await;
    let gone = ModelHost::start().await.unwrap();
    let settings = models_at(&gone.url(), Caps::NONE);
    gone.stop().await;
    scene.t.model(settings, Patience::default()).await;
    let answer = scene.answered(MESSAGES.path, MESSAGES.body).await;
    assert_eq!(
        (answer.status().as_u16(), header(&answer, "x-selfheal-provider")),
        (502, "trouble")
    );
    assert_eq!(scene.charged().await.nanos(), 0);
}
