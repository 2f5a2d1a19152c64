//! Places: one attempt neither keeps all others from their calls nor asks without end for nothing.

use std::sync::Arc;

use futures_util::future::join_all;
use futures_util::stream;
use reqwest::{Method, Response};
use selfheal::domain::ledger::Caps;
use selfheal::service::models::{FREE_CALLS_MAX, Patience};
use tokio::sync::Semaphore;
use world::models::Saying;

use super::shapes::{MESSAGES, RESPONSES};
use super::{Scene, header, models_at};
use crate::stories::broken_pull;

/// Calls of one attempt at once.
const EACH: usize = 16;

/// Requests without an answer are asked for this many at once.
const BESIDE: usize = 4;

const COUNT: &str = "anthropic/v1/messages/count_tokens";

/// A scene whose attempts may have so many calls under way as by default.
async fn shared() -> Scene {
    let mut scene = Scene::new().await;
    let mut settings = models_at(&scene.host.url(), Caps::NONE);
    settings.calls_per_attempt_max = EACH;
    scene.t.model(settings, Patience::default()).await;
    scene
}

#[track_caller]
fn is_busy(answer: &Response) {
    assert_eq!((answer.status().as_u16(), header(answer, "x-selfheal-refused")), (429, "busy"));
    assert_eq!(header(answer, "retry-after"), "5");
}

#[tokio::test]
async fn an_attempt_that_holds_all_its_places_leaves_the_others_theirs() {
    let mut scene = shared().await;
    let gate = Arc::new(Semaphore::new(0));
    scene.host.always_says(MESSAGES.streamed().behind(&gate));
    let open = join_all((0..EACH).map(|_| scene.answered(MESSAGES.path, MESSAGES.body))).await;
    assert!(open.iter().all(|answer| answer.status() == 200));
    is_busy(&scene.answered(MESSAGES.path, MESSAGES.body).await);
    is_busy(&scene.answered(RESPONSES.path, RESPONSES.body).await);
    is_busy(&scene.answered(COUNT, r#"{"model":"claude-sonnet-5-5","messages":[]}"#).await);

    let repository = scene.pull.repository().clone();
    let _second = broken_pull(&scene.t, &repository).await;
    scene.t.settle_with_ci().await;
    let runner = scene.t.runner(&repository).await;
    let hostile = std::mem::replace(&mut scene.runner, runner);
    assert_ne!(scene.attempt(), hostile.brief.attempt);
    scene.host.says(MESSAGES.streamed());
    let other = scene.answered(MESSAGES.path, MESSAGES.body).await;
    assert_eq!(other.text().await.unwrap(), MESSAGES.stream.concat());

    gate.add_permits(EACH * (MESSAGES.stream.len() + 1));
    for text in join_all(open.into_iter().map(Response::text)).await {
        assert_eq!(text.unwrap(), MESSAGES.stream.concat());
    }
    while scene.t.app().services().models.under_way() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_body_that_never_ends_has_one_of_the_attempts_places_and_no_other() {
    let scene = shared().await;
    let gate = Arc::new(Semaphore::new(0));
    let endless: Vec<_> = (0..EACH)
        .map(|_| {
            let gate = Arc::clone(&gate);
            let pieces = stream::unfold(false, move |is_begun| {
                let gate = Arc::clone(&gate);
                async move {
                    if is_begun {
                        std::future::pending::<()>().await;
                    }
                    gate.add_permits(1);
                    Some((Ok::<_, std::io::Error>("{"), true))
                }
            });
            let call = scene.call(MESSAGES.path, "").body(reqwest::Body::wrap_stream(pieces));
            tokio::spawn(call.send())
        })
        .collect();
    let _all = gate.acquire_many(u32::try_from(EACH).unwrap()).await.unwrap();
    let busy = loop {
        // The heads of all are written; when they are read is the server's own business.
        let answer = scene.answered(MESSAGES.path, "no JSON").await;
        if header(&answer, "x-selfheal-refused") != "request" {
            break answer;
        }
    };
    is_busy(&busy);
    endless.iter().for_each(tokio::task::JoinHandle::abort);
    while header(&scene.answered(MESSAGES.path, "no JSON").await, "x-selfheal-refused") == "busy" {}
    assert_eq!(scene.t.app().services().models.under_way(), 0);
}

/// Makes calls that cost nothing until one is refused; how many reached the provider.
async fn free_calls(scene: &Scene, call: impl Fn() -> reqwest::RequestBuilder) -> usize {
    let mut answered = 0;
    loop {
        let answers = join_all((0..BESIDE).map(|_| call().send())).await;
        for answer in answers.into_iter().map(Result::unwrap) {
            if answer.status() == 429 {
                assert_eq!(header(&answer, "x-selfheal-refused"), "idle");
                assert_eq!(header(&answer, "x-should-retry"), "false");
                return scene.host.asked().len();
            }
            answer.text().await.unwrap();
            answered += 1;
            assert!(answered <= FREE_CALLS_MAX as usize + BESIDE, "it never ends");
        }
    }
}

#[tokio::test]
async fn calls_that_cost_nothing_have_an_end() {
    let count = r#"{"model":"claude-sonnet-5-5","messages":[]}"#;
    let counted = shared().await;
    counted.host.always_says(Saying::new("application/json", &["{\"input_tokens\":3}"]));
    let asked = free_calls(&counted, || counted.call(COUNT, count)).await;
    let most = FREE_CALLS_MAX as usize;
    assert!((most..most + BESIDE).contains(&asked), "{asked}");

    let listed = shared().await;
    listed.host.always_says(Saying::new("application/json", &["{\"data\":[]}"]));
    let list = || listed.bare(Method::GET, "openai/v1/models").bearer_auth(listed.token());
    assert!(free_calls(&listed, list).await < most + BESIDE);

    let wrong = shared().await;
    wrong.host.always_says(Saying::new("application/json", &["{\"error\":\"bad\"}"]).status(400));
    assert!(free_calls(&wrong, || wrong.call(MESSAGES.path, MESSAGES.body)).await < most + BESIDE);
    assert_eq!(wrong.charged().await.nanos(), 0);
}
