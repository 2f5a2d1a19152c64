//! What readers see: everything once and in its order, early or late, here or there, slow or quick.

use selfheal::domain::attempt::AttemptState;
use selfheal::domain::case::CaseState;
use selfheal::http::DoorLimits;
use selfheal::ports::clock::Clock as _;
use selfheal::ports::store::RunnerAdmission;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{HOUR_MS, Scene, Watch, numbered, text};
use crate::doors::door;
use crate::harness::Tester;
use crate::store::Opened;
use crate::store::values::{attempt, attempt_id, case, pull};

#[tokio::test]
async fn what_a_runner_tells_is_seen_and_who_comes_later_sees_the_same() {
    let s = Scene::new().await;
    let mut early = s.watches("").await;
    assert_eq!(s.says(1, &["one", "two"]).await, 3);
    assert_eq!(early.says(2).await, numbered(1, &["one", "two"]));
    s.says(3, &["three"]).await;
    assert_eq!(early.says(1).await, numbered(3, &["three"]));
    let mut late = s.watches("").await;
    assert_eq!(late.says(3).await, numbered(1, &["one", "two", "three"]));
    s.says(4, &["four"]).await;
    assert_eq!((early.says(1).await, late.says(1).await), {
        (numbered(4, &["four"]), numbered(4, &["four"]))
    });
    s.finish().await;
}

#[tokio::test]
async fn who_comes_again_goes_on_where_he_was() {
    let s = Scene::new().await;
    s.says(1, &["one", "two", "three"]).await;
    s.says(4, &["four"]).await;
    let mut asked = s.watches("&after=2").await;
    assert_eq!(asked.says(2).await, numbered(3, &["three", "four"]));
    let again = s.asks("&after=1").header("last-event-id", "3");
    assert_eq!(Watch::of(again).await.says(1).await, numbered(4, &["four"]), "what he says last");
    let mut ahead = s.watches("&after=4").await;
    s.says(5, &["five"]).await;
    assert_eq!(ahead.says(1).await, numbered(5, &["five"]));
    s.finish().await;
}

#[tokio::test]
async fn a_batch_that_comes_twice_is_seen_once() {
    let s = Scene::new().await;
    let mut watch = s.watches("").await;
    assert_eq!(s.says(1, &["one", "two"]).await, 3);
    assert_eq!(s.says(1, &["one", "two"]).await, 3, "its answer was lost");
    assert_eq!(s.says(2, &["two", "three"]).await, 4);
    assert_eq!(s.says(9, &["far ahead"]).await, 4, "nothing is missing between");
    assert_eq!(s.says(1, &[]).await, 4, "a question");
    s.says(4, &["four"]).await;
    assert_eq!(watch.says(4).await, numbered(1, &["one", "two", "three", "four"]));
    s.finish().await;
}

#[tokio::test]
async fn thoughts_are_for_those_who_ask() {
    let s = Scene::new().await;
    let thought = json!({ "kind": "thinking", "text": "hm" });
    s.tells(1, &[text("one"), thought.clone(), text("two")]).await;
    s.tells(4, &[thought]).await;
    s.says(5, &["three"]).await;
    let seen = async |more: &str| {
        let mut watch = s.watches(more).await;
        let mut seen = Vec::new();
        while seen.last() != Some(&"three".to_owned()) {
            seen.push(watch.says(1).await.remove(0).1);
        }
        seen.join(" ")
    };
    assert_eq!(seen("").await, "one two three");
    assert_eq!(seen("&thinking=false").await, "one two three");
    assert_eq!(seen("&thinking=true").await, "one hm two hm three");
    s.finish().await;
}

#[tokio::test]
async fn a_stream_ends_with_its_attempt_after_everything_was_said() {
    let mut s = Scene::new().await;
    let mut live = s.watches("").await;
    s.says(1, &["last words"]).await;
    s.is_over().await;
    let mut late = s.watches("").await;
    for watch in [&mut live, &mut late] {
        assert_eq!(watch.says(1).await, numbered(1, &["last words"]));
        assert_eq!(watch.ends().await, "end: over");
    }
    assert_eq!(s.watches("&after=1").await.ends().await, "end: over");
    s.finish().await;
}

#[tokio::test]
async fn a_reader_that_takes_nothing_holds_up_nobody_and_misses_nothing() {
    const BATCHES: u64 = 100;
    let s = Scene::new().await;
    let mut slow = s.watches("").await;
    let mut quick = s.watches("").await;
    let large = "x".repeat(80_000);
    let mut next = 1;
    for _ in 0..BATCHES {
        // More than sockets take in by themselves.
        next = s.says(next, &[&large]).await;
        assert_eq!(quick.says(1).await[0].0, next - 1);
    }
    for number in 1..=BATCHES {
        assert_eq!(slow.says(1).await[0].0, number);
    }
    s.finish().await;
}

#[tokio::test]
async fn events_that_were_forgotten_are_passed_over() {
    let s = Scene::new().await;
    s.says(1, &["one", "two"]).await;
    let live = &s.t.app().services().live;
    live.forget(s.t.clock.now().plus_ms(1), u64::MAX).await.unwrap();
    let mut watch = s.watches("").await;
    s.says(3, &["three"]).await;
    assert_eq!(watch.says(1).await, numbered(3, &["three"]));
    s.finish().await;
}

#[tokio::test]
async fn a_server_that_stops_sends_its_readers_away() {
    let s = Scene::new().await;
    let mut watch = s.watches("").await;
    s.says(1, &["one"]).await;
    watch.says(1).await;
    s.t.app().services().live.close();
    assert_eq!(watch.ends().await, "cut: the server stops");
    s.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_one_replica_see_what_another_was_told() {
    const TOKEN: &str = "the-attempts-own-token";
    let t = Tester::start().await;
    let opened = Opened::postgres().await;
    opened.know(&[pull(1)]).await;
    let case = case(1, &pull(1), CaseState::Healing(attempt_id(1)));
    opened.keep(1, &case, &[attempt(1, &case, AttemptState::Running)]).await;
    let now = t.clock.now();
    let admission = RunnerAdmission {
        attempt: attempt_id(1),
        token_hash: hex::encode(Sha256::digest(TOKEN)),
        token_until: now.plus_ms(HOUR_MS),
        identity: "jti".to_owned(),
        run: None,
        now,
    };
    opened.port().admit_runner(admission).await.unwrap();
    let (here, there) = (t.beside(&opened.url).await, t.beside(&opened.url).await);
    let limits = DoorLimits::default();
    let told_at = door(here.services(), limits).await;
    let watched_at = door(there.services(), limits).await;
    let client = reqwest::Client::builder().no_proxy().timeout(super::PATIENCE).build().unwrap();
    let key = here.services().live.key(attempt_id(1), now.plus_ms(HOUR_MS));
    let watch = |at: &str| {
        let url = format!("http://{at}/attempts/{}/events?key={key}", attempt_id(1));
        Watch::of(client.get(url))
    };
    let (mut near, mut far) = (watch(&told_at).await, watch(&watched_at).await);
    for first in 1..=5 {
        let url = format!("http://{told_at}/runner/v1/attempts/{}/events", attempt_id(1));
        let batch = json!({ "first": first, "events": [text("word")] });
        let told = client.post(url).bearer_auth(TOKEN).json(&batch).send().await.unwrap();
        assert!(told.status().is_success(), "{}", told.status());
        assert_eq!(near.says(1).await, numbered(first, &["word"]));
        assert_eq!(far.says(1).await, numbered(first, &["word"]));
    }
    let closed = crate::store::values::case(1, &pull(1), CaseState::Closed);
    opened.keep(2, &closed, &[]).await;
    assert_eq!((near.ends().await, far.ends().await), {
        ("end: over".to_owned(), "end: over".to_owned())
    });
}
