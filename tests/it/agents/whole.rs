//! The whole road with a coding agent: webhook, run, runner, agent, gateway, gate, commit, CI.
//!
//! Played are GitHub and the model alone; the key is the server's, and the money is counted there.

use std::collections::BTreeMap;

use secrecy::SecretString;
use selfheal::config::server::{ModelSettings, ModelWay};
use selfheal::domain::ids::AttemptId;
use selfheal::domain::model::{Provider as Api, Tokens};
use selfheal::domain::money::Usd;
use selfheal::service::models::Patience;
use serde_json::json;
use url::Url;

use super::provider::Provider;
use super::scene;
use crate::harness::{Tester, no_models};
use crate::stories::headline;
use crate::stories::whole::{LIB, WRONG, real_widget_of};

const KEY: &str = "sk-the-servers-own-s3cret";

/// All providers at one address, as one scenario.
fn models_at(url: &str) -> ModelSettings {
    let way =
        || ModelWay { base_url: Url::parse(url).unwrap(), key: Some(SecretString::from(KEY)) };
    let ways: BTreeMap<_, _> = Api::ALL.into_iter().map(|api| (api, way())).collect();
    ModelSettings { ways, ..no_models() }
}

async fn healed_by(fixer: &str) {
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
    t.model(models_at(&provider.playing("answers")), Patience::default()).await;
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
    let spent = t.app().services().models.spent(AttemptId::parse(&attempt).unwrap()).await.unwrap();
    let counted = |of: fn(&Tokens) -> u64| spent.iter().map(|spent| of(&spent.tokens)).sum::<u64>();
    let counts = [("input", counted(|t| t.input)), ("output", counted(|t| t.output))];
    let counts = counts.into_iter().chain([("cache_read", counted(|t| t.cache_read))]);
    for (kind, count) in counts {
        assert_eq!(count, provider.billed(kind).await, "{kind} {spent:?}");
    }
    let charged = spent.iter().fold(Usd::ZERO, |sum, spent| sum.plus(spent.charged.usd));
    assert!(charged > Usd::ZERO, "{spent:?}");
    assert!(provider.has_seen("HOME=/home/selfheal").await, "it saw no environment");
    assert!(!provider.has_seen(KEY).await, "the key was in a request's text");
    t.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claude_code_heals_a_pull_request() {
    healed_by("claude-code").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codex_heals_a_pull_request() {
    healed_by("codex").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opencode_heals_a_pull_request() {
    healed_by("opencode").await;
}
