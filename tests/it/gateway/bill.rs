//! The ledger against the bill of a provider that keeps one: the scripted model that real coding agents
//! run against, in all four of its interfaces.

use std::collections::BTreeMap;

use selfheal::config::server::{ModelSettings, ModelWay};
use selfheal::domain::ledger::Caps;
use selfheal::domain::model::{Provider as Whose, Tokens};
use selfheal::service::models::Patience;
use serde_json::{Value, json};
use url::Url;

use super::Scene;
use super::shapes::WAYS;
use crate::agents::Provider;
use crate::harness::no_models;

/// Conversations of each kind, one with a stream and one without.
const SESSIONS: usize = 3;

fn settings(provider: &Provider) -> ModelSettings {
    let way = |of: Whose| {
        let base = provider.playing("bill");
        let base = if of == Whose::OpenAi { format!("{base}/v1") } else { base };
        (of, ModelWay { base_url: Url::parse(&base).unwrap(), key: None })
    };
    let ways: BTreeMap<_, _> = Whose::ALL.into_iter().map(way).collect();
    ModelSettings { ways, caps: Caps::NONE, ..no_models() }
}

/// What a provider would bill for all of it.
fn billed(usage: &Value) -> Tokens {
    let sessions = usage.as_object().unwrap().values();
    sessions.fold(Tokens::default(), |sum, session| {
        let of = |name: &str| session[name].as_u64().unwrap();
        Tokens {
            input: sum.input + of("input"),
            cache_read: sum.cache_read + of("cache_read"),
            cache_write: sum.cache_write + of("cache_write"),
            cache_write_1h: 0,
            output: sum.output + of("output"),
        }
    })
}

#[tokio::test]
async fn the_ledger_says_what_the_provider_bills() {
    let provider = Provider::start();
    let usage = json!({"input": 1200, "output": 60, "cache_read": 8000, "cache_write": 500});
    // A request without tools is an aside to this provider, and costs what asides cost.
    let scenario = json!({"aux_usage": usage, "steps": [{"say": "Hello, you."}]});
    provider.learn("bill", scenario).await;
    let mut scene = Scene::new().await;
    scene.t.model(settings(&provider), Patience::default()).await;
    for way in WAYS {
        for _ in 0..SESSIONS {
            let answer = scene.answered(way.path, way.body).await;
            assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
            answer.text().await.unwrap();
            let body = way.body.replace("\"stream\":true", "\"stream\":false");
            let path = way.path.replace("streamGenerateContent?alt=sse", "generateContent");
            let answer = scene.answered(&path, body).await;
            assert_eq!(answer.status(), 200);
            answer.text().await.unwrap();
        }
    }
    let spent = scene.spent().await;
    assert_eq!(spent.iter().map(|spent| spent.unsettled).sum::<u64>(), 0);
    assert_eq!(spent.iter().map(|spent| spent.calls).sum::<u64>(), 2 * 4 * 3);
    let all = |of: fn(&Tokens) -> u64| spent.iter().map(|spent| of(&spent.tokens)).sum::<u64>();
    let bill = billed(&provider.usage("bill").await);
    assert!(bill.output > 0 && bill.cache_read > 0);
    assert_eq!(all(|tokens| tokens.output), bill.output);
    assert_eq!(all(|tokens| tokens.cache_read), bill.cache_read);
    // OpenAI's interfaces tell what is written to the cache as input, Gemini's not at all.
    let anthropic = spent.iter().find(|spent| spent.provider == Whose::Anthropic).unwrap();
    assert_eq!(anthropic.tokens.cache_write, 500 * 2 * 3);
    assert_eq!(anthropic.tokens.input, 1200 * 2 * 3);
    let openai: u64 = spent
        .iter()
        .filter(|spent| spent.provider == Whose::OpenAi)
        .map(|spent| spent.tokens.input)
        .sum();
    assert_eq!(openai, (1200 + 500) * 2 * 2 * 3);
    let gemini = spent.iter().find(|spent| spent.provider == Whose::Gemini).unwrap();
    assert_eq!(gemini.tokens.input, 1200 * 2 * 3);
    assert_eq!(bill.input, 1200 * 2 * 4 * 3);
}
