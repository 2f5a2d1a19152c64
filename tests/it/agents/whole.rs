//! The whole road with a coding agent: webhook, run, runner, agent, gateway, gate, commit, CI.
//!
//! Played are GitHub and the model alone; the key is the server's, and the money is counted there.

use selfheal::domain::ids::AttemptId;
use selfheal::domain::ledger::{Amount, Caps, Scope};
use selfheal::domain::model::Tokens;
use selfheal::domain::money::Usd;
use selfheal::service::models::Patience;
use serde_json::{Value, json};
use tokio::process::Command;

use super::kinds::{Kind, Model, for_each_asked_for};
use super::provider::Provider;
use super::scene;
use crate::gateway::{KEY, charged, models_at, spent_by};
use crate::harness::Tester;
use crate::live;
use crate::stories::headline;
use crate::stories::whole::{LIB, WRONG, real_widget_of};

/// The receipt of an attempt, as the program prints it and the App's key signed it.
async fn receipt(t: &Tester, attempt: &str) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_selfheal"))
        .args(["receipt", attempt])
        .env("SELFHEAL_DATABASE_URL", t.database())
        .env("SELFHEAL_GITHUB_APP_ID", t.world.app_id().to_string())
        .env("SELFHEAL_GITHUB_PRIVATE_KEY", t.world.private_key_pem())
        .env("SELFHEAL_GITHUB_WEBHOOK_SECRET", t.world.webhook_secret())
        .output()
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let signature = printed["signature"].as_str().unwrap();
    assert_eq!(t.world.signed_by_the_app(signature).as_ref(), Some(&printed["receipt"]));
    printed["receipt"].clone()
}

async fn heals(kind: &'static Kind) {
    let fixer = kind.name;
    let is_with_tools = kind.model == Model::UsesTools;
    let provider = Provider::start();
    let edit = json!({ "path": "src/lib.rs", "old": "    41\n", "new": "    42\n" });
    let steps = json!([
        { "say": "I look.", "do": [{ "read": "src/lib.rs" }] },
        { "do": [{ "edit": edit }] },
        { "do": [{ "bash": "env; cargo test --offline 2>&1 | tail -5" }] },
        { "say": "The answer was wrong by one; it is right now." },
    ]);
    let usage = json!({ "input": 1200, "output": 60, "cache_read": 8000, "cache_write": 0 });
    provider.learn("answers", json!({ "usage": usage, "steps": steps })).await;
    let mut t = Tester::start().await;
    t.model(models_at(&provider.playing("answers"), Caps::default()), Patience::default()).await;
    let policy = format!("fixers: [{fixer}]\n");
    let path = scene::path();
    let repository = real_widget_of(&t, &policy, &path.to_string_lossy()).await;
    let files = [("src/lib.rs", Some(WRONG))];
    let pull = t.world.pull_request(&repository).by("mona").files(&files).open().await.unwrap();
    t.settle_with_ci().await;

    let text = t.check(&pull);
    let log = t.world.logs_text(&repository);
    assert!(headline(&t, &pull).contains("completed/success  Healed by"), "{text}\n{log}");
    assert!(text.contains(&format!("| 1 | `agent:{fixer}` | committed as")), "{text}");
    let head = t.world.head_sha(&pull);
    let healed = t.world.file(&repository, &head, "src/lib.rs").await.unwrap();
    assert_eq!(healed.as_deref(), Some(LIB));

    let attempt = t.world.dispatched_ever(&repository, "attempt").pop().unwrap();
    let events = live::events_of(&t, AttemptId::parse(&attempt).unwrap()).await;
    let of_tools = events.iter().any(|event| event["kind"] == "tool_result");
    assert_eq!(of_tools, is_with_tools, "{events:?}");
    live::are_as_published(&events);
    let receipt = receipt(&t, &attempt).await;
    assert_eq!(receipt["turns"][0]["fixer"], format!("agent:{fixer}"), "{receipt:#}");
    for name in ["version", "model", "prompt"] {
        assert!(!receipt["turns"][0][name].as_str().unwrap_or("").is_empty(), "{receipt:#}");
    }
    let told = receipt["prompts"].as_array().unwrap();
    assert!(told.iter().any(|it| it["sha256"] == receipt["turns"][0]["prompt"]), "{receipt:#}");
    assert_eq!((&receipt["state"], &receipt["commit"]), (&json!("healed"), &json!(head)));
    assert_eq!(receipt["outcome"]["before"][0]["exit_code"], 101);
    assert_eq!(receipt["outcome"]["after"][0]["exit_code"], 0);
    assert_eq!(receipt["models"].as_array().unwrap().len(), 1);

    let spent = spent_by(&t, AttemptId::parse(&attempt).unwrap()).await;
    let counted = |of: fn(&Tokens) -> u64| spent.iter().map(|spent| of(&spent.tokens)).sum::<u64>();
    let counts = [("input", counted(|t| t.input)), ("output", counted(|t| t.output))];
    let counts = counts.into_iter().chain([("cache_read", counted(|t| t.cache_read))]);
    for (kind, count) in counts {
        assert_eq!(count, provider.billed(kind).await, "{kind} {spent:?}");
    }
    let charged = charged(&spent);
    assert!(charged > Usd::ZERO, "{spent:?}");
    let has_looked = provider.has_seen("HOME=/home/selfheal").await;
    assert_eq!(has_looked, is_with_tools, "{fixer} saw no environment");
    assert!(!provider.has_seen(KEY).await, "the key was in a request's text");
    t.finish().await;
}

/// An agent that would go on for forty calls, and a cap that ends it: by one refusal, after which it asks
/// no more.
async fn stops_at_the_cap(kind: &'static Kind) {
    let (agent, fixer, cap) = (kind.agent(), kind.name, kind.small_cap);
    let provider = Provider::start();
    let mut t = Tester::start().await;
    let mut models = models_at(&provider.playing("long"), Caps::NONE);
    let cap = Usd::parse(cap).unwrap();
    models.caps.set(Scope::Attempt, Amount { usd: cap, tokens: u64::MAX / 4 });
    t.model(models, Patience::default()).await;
    let policy = format!("fixers: [{fixer}]\n");
    let path = scene::path();
    let repository = real_widget_of(&t, &policy, &path.to_string_lossy()).await;
    let files = [("src/lib.rs", Some(WRONG))];
    let pull = t.world.pull_request(&repository).by("mona").files(&files).open().await.unwrap();
    t.settle_with_ci().await;

    let text = t.check(&pull);
    assert!(text.contains("the budget for models is spent"), "{text}");
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 1, "nothing was committed");
    let attempt = t.world.dispatched_ever(&repository, "attempt").pop().unwrap();
    let spent = spent_by(&t, AttemptId::parse(&attempt).unwrap()).await;
    let charged = charged(&spent);
    assert!(charged <= cap, "{charged} {spent:?}");
    assert!(charged > Usd::ZERO || kind.model == Model::Writes, "{spent:?}");
    let all = t.model_calls();
    let refused = all.iter().position(|call| call.refused.as_deref() == Some("budget"));
    assert_eq!(refused, Some(all.len() - 1), "{agent:?} asks on after a refusal: {all:#?}");
    let calls: u64 = spent.iter().map(|spent| spent.calls).sum();
    assert!(provider.billed("answers").await <= calls, "{spent:?}");
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_agent_asked_for_stops_at_the_cap_by_one_refusal() {
    for_each_asked_for(stops_at_the_cap).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_agent_asked_for_heals_a_pull_request() {
    for_each_asked_for(heals).await;
}
