//! `selfheal watch` and the runner's own events, with the built programs.

use std::process::Output;

use selfheal::domain::ids::AttemptId;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{Scene, are_as_published, events_of, text};
use crate::harness::Tester;
use crate::stories::whole::{BADLY_FORMATTED, real_widget};

/// The program with the settings of the server.
fn watching(t: &Tester, attempt: AttemptId) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_selfheal"));
    command
        .args(["watch", &attempt.to_string(), "--server", &t.url()])
        .env("SELFHEAL_GITHUB_APP_ID", t.world.app_id().to_string())
        .env("SELFHEAL_GITHUB_PRIVATE_KEY", t.world.private_key_pem())
        .env("SELFHEAL_GITHUB_WEBHOOK_SECRET", t.world.webhook_secret())
        .env("NO_PROXY", "127.0.0.1")
        .kill_on_drop(true);
    command
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn an_operator_follows_an_attempt_to_its_end() {
    let mut s = Scene::new().await;
    let run = json!({ "kind": "command_ended", "command": "cargo test", "ended": { "exit": 101 },
        "duration_ms": 1200 });
    let hidden = json!({ "kind": "thinking", "text": "hm" });
    let escape = text("\u{1b}[2Jcleared");
    s.tells(1, &[json!({ "kind": "stage_begins", "stage": "execute", "round": 1 }), run]).await;
    s.tells(3, &[hidden, escape, json!({ "kind": "left_out", "count": 3 })]).await;
    let following = watching(&s.t, s.attempt()).output();
    let thinking = watching(&s.t, s.attempt()).args(["--thinking", "--after", "2"]).output();
    let lines = watching(&s.t, s.attempt()).args(["--format", "json", "--after", "4"]).output();
    s.is_over().await;
    let (code, out, err) = said(&following.await.unwrap());
    assert_eq!((code, out.as_str()), (Some(0), ""), "{err}");
    assert_eq!(
        err,
        "execute, round 1\ncargo test: red, exit code 101 after 1.2 s\n [2Jcleared\n\
         warning: 3 events were left out\n"
    );
    let (code, _, err) = said(&thinking.await.unwrap());
    assert_eq!(code, Some(0));
    assert!(err.starts_with("thinks: hm\n"), "{err}");
    let (code, out, err) = said(&lines.await.unwrap());
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let event: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&event["seq"], &event["kind"]), (&json!(5), &json!("left_out")));
    s.finish().await;
}

#[tokio::test]
async fn the_link_that_an_operator_gives_away_opens_the_page() {
    let s = Scene::new().await;
    let (code, out, err) = said(&watching(&s.t, s.attempt()).arg("--link").output().await.unwrap());
    assert_eq!(code, Some(0), "{err}");
    let page = s.client.get(out.trim()).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("EventSource"));
    s.finish().await;
}

#[tokio::test]
async fn an_attempt_that_never_was_is_not_followed() {
    let s = Scene::new().await;
    let other = AttemptId::parse("att_0000000000000000000000000000004d").unwrap();
    let (code, _, err) = said(&watching(&s.t, other).output().await.unwrap());
    assert_eq!(code, Some(1));
    assert!(err.contains("the server knows no attempt"), "{err}");
    s.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_runner_does_can_be_watched() {
    let mut t = Tester::start().await;
    let repository = real_widget(&t).await;
    let files = [("src/lib.rs", Some(BADLY_FORMATTED))];
    t.world.pull_request(&repository).by("mona").files(&files).open().await.unwrap();
    t.settle_with_ci().await;
    let attempt = t.world.dispatched_ever(&repository, "attempt").pop().unwrap();
    let attempt = AttemptId::parse(&attempt).unwrap();
    let followed = watching(&t, attempt).args(["--format", "json"]).output().await.unwrap();
    let (code, out, err) = said(&followed);
    assert_eq!(code, Some(0), "{err}");
    let kinds: Vec<String> = out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].to_string())
        .collect();
    assert_eq!(kinds.first().unwrap(), "\"stage_begins\"", "{out}");
    for kind in ["command_begins", "command_ended", "fixer_begins", "fixer_ended"] {
        assert!(kinds.contains(&format!("{kind:?}")), "{kind} {out}");
    }
    let events = events_of(&t, attempt).await;
    assert_eq!(events.len(), kinds.len(), "{out}");
    are_as_published(&events);
    t.finish().await;
}
