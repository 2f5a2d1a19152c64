//! Who may watch and who may tell, and how much.

use reqwest::{Client, Response, StatusCode};
use selfheal::domain::ids::AttemptId;
use selfheal::domain::live::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX};
use selfheal::ports::clock::Clock as _;
use selfheal::service::live::READERS_MAX;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{HOUR_MS, Scene, text};

/// The addresses of an attempt.
const DOORS: [&str; 3] = ["", "/events", "/events/socket"];

async fn knocked(s: &Scene, address: &str) -> Response {
    let request = s.client.get(format!("{}{address}", s.t.url()));
    let request = request.header("connection", "upgrade").header("upgrade", "websocket");
    let request = request.header("sec-websocket-version", "13");
    request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==").send().await.unwrap()
}

#[tokio::test]
async fn without_the_key_there_is_nothing() {
    let s = Scene::new().await;
    s.says(1, &["a secret of a private repository"]).await;
    let path = s.path();
    let good = s.key_for(HOUR_MS);
    let other = AttemptId::new(Uuid::from_u128(77));
    let others = s.t.app().services().live.key(other, s.t.clock.now().plus_ms(HOUR_MS));
    let unknown = knocked(&s, "/nothing").await.text().await.unwrap();
    let (rest, last) = good.split_at(good.len() - 1);
    let wrong = format!("{rest}{}", if last == "0" { "1" } else { "0" });
    for door in DOORS {
        let expected = if door == "/events/socket" { 101 } else { 200 };
        let open = knocked(&s, &format!("{path}{door}?key={good}")).await;
        assert_eq!(open.status(), expected, "{door}");
        for (what, address) in [
            ("no key", format!("{path}{door}")),
            ("an empty key", format!("{path}{door}?key=")),
            ("a wrong key", format!("{path}{door}?key={wrong}")),
            ("a key that has ended", format!("{path}{door}?key={}", s.key_for(0))),
            ("another attempt's key", format!("{path}{door}?key={others}")),
            ("an attempt that never was", format!("/attempts/{other}{door}?key={good}")),
            ("no attempt", format!("/attempts/x{door}?key={good}")),
            ("two keys", format!("{path}{door}?key={good}&key={good}")),
        ] {
            let answer = knocked(&s, &address).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{door}: {what}");
            assert_eq!(answer.text().await.unwrap(), unknown, "{door}: {what}");
        }
    }
    let never = knocked(&s, &format!("/attempts/{other}/events?key={others}")).await;
    assert_eq!(never.status(), StatusCode::NOT_FOUND, "a key of an attempt that never was");
    s.finish().await;
}

#[tokio::test]
async fn a_key_ends() {
    let s = Scene::new().await;
    let address = format!("{}/events?key={}", s.path(), s.key_for(60_000));
    assert_eq!(knocked(&s, &address).await.status(), StatusCode::OK);
    s.t.clock.advance(60_000);
    assert_eq!(knocked(&s, &address).await.status(), StatusCode::NOT_FOUND);
    s.finish().await;
}

#[tokio::test]
async fn what_was_seen_last_is_a_number() {
    let s = Scene::new().await;
    let answer = s.asks("&after=some").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    s.finish().await;
}

#[tokio::test]
async fn as_many_watch_as_may_and_the_next_is_told_to_come_again() {
    let s = Scene::new().await;
    let live = &s.t.app().services().live;
    let mut readers = Vec::new();
    for _ in 0..READERS_MAX {
        readers.push(live.reader(s.attempt(), 0).await.unwrap().unwrap());
    }
    let answer = s.asks("").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key("retry-after"));
    s.says(1, &["the attempt goes on"]).await;
    readers.pop();
    s.watches("").await.says(1).await;
    drop(readers);
    s.finish().await;
}

#[tokio::test]
async fn the_page_is_the_same_for_all_and_allows_nothing_but_itself() {
    let s = Scene::new().await;
    s.says(1, &["<script>alert(1)</script>"]).await;
    let answer = knocked(&s, &format!("{}?key={}", s.path(), s.key_for(HOUR_MS))).await;
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(policy.contains("connect-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!((header("referrer-policy"), header("cache-control")), {
        ("no-referrer".to_owned(), "no-store".to_owned())
    });
    let page = answer.text().await.unwrap();
    assert!(page.contains("name=\"viewport\"") && !page.contains("alert"), "{page}");
    assert!(!page.contains(&s.attempt().to_string()), "nothing of the attempt stands in it");
    s.finish().await;
}

#[tokio::test]
async fn only_the_attempts_runner_tells() {
    let mut s = Scene::new().await;
    let url = format!("{}/runner/v1/attempts/{}/events", s.t.url(), s.attempt());
    let batch = json!({ "first": 1, "events": [text("lies")] });
    let client = Client::builder().no_proxy().build().unwrap();
    let bare = client.post(&url).json(&batch).send().await.unwrap();
    assert_eq!(bare.status(), StatusCode::UNAUTHORIZED);
    let wrong = client.post(&url).bearer_auth("wrong").json(&batch).send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    let watched = client.post(&url).bearer_auth(s.key_for(HOUR_MS)).json(&batch);
    assert_eq!(watched.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    s.is_over().await;
    let over = s.telling(&batch).send().await.unwrap();
    assert_eq!(over.status(), StatusCode::GONE);
    s.finish().await;
}

#[tokio::test]
async fn a_batch_is_no_larger_than_it_may_be_and_says_only_what_is_known() {
    let s = Scene::new().await;
    let status = async |events: Vec<Value>| {
        let batch = json!({ "first": 1, "events": events });
        s.telling(&batch).send().await.unwrap().status()
    };
    assert_eq!(status(vec![text("x"); BATCH_EVENTS_MAX + 1]).await, 422);
    assert_eq!(status(vec![text(&"x".repeat(BATCH_BYTES_MAX))]).await, 413);
    assert_eq!(status(vec![json!({ "kind": "dance" })]).await, 422);
    assert_eq!(status(vec![text("x"); BATCH_EVENTS_MAX]).await, 200);
    s.finish().await;
}
