//! A model that fails: an agent that has no model has not failed.

use std::time::Duration;

use selfheal::domain::agent::AgentName::{self, ClaudeCode, Codex};

use self::Verdict::{NotSetUp, Tried, Wait};
use super::provider::Provider;
use super::scene::{broken, heal};

/// What an attempt should make of a model's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It waits: the provider is down or busy.
    Wait,
    /// Nobody can wait this out: the agent is not set up.
    NotSetUp,
    /// The agent went on in spite of it and healed nothing.
    Tried,
}

async fn meets(agent: AgentName, scenario: &str) -> Verdict {
    let (repo, provider) = (broken(), Provider::start());
    let healing =
        tokio::time::timeout(Duration::from_mins(3), heal(agent, &repo, &provider, scenario));
    let healing = healing.await.unwrap_or_else(|_| panic!("{agent:?} hangs at {scenario}"));
    assert!(!healing.is_healed(), "{agent:?} {scenario}");
    match healing.result["why"].as_str() {
        Some("model_unavailable") => Wait,
        Some("fixer_unavailable") => NotSetUp,
        Some("nothing_changed") => Tried,
        _ => panic!("{agent:?} {scenario}: {} {}", healing.result, healing.progress),
    }
}

async fn check(scenario: &str, expected: [(AgentName, Verdict); 2]) {
    for (agent, expected) in expected {
        assert_eq!(meets(agent, scenario).await, expected, "{agent:?} {scenario}");
    }
}

async fn both(scenario: &str, expected: Verdict) {
    check(scenario, [(ClaudeCode, expected), (Codex, expected)]).await;
}

#[tokio::test]
async fn a_provider_that_is_busy_or_down_is_waited_for() {
    for status in [429, 500, 529] {
        both(&format!("always_{status}"), Wait).await;
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_makes_no_sense_is_the_providers_fault() {
    for fault in ["malformed", "garbage", "empty", "disconnect", "reset", "sse_error"] {
        both(&format!("always_{fault}"), Wait).await;
    }
    // Codex takes what came before the cut for the whole answer.
    check("always_cut_after_block", [(ClaudeCode, Wait), (Codex, Tried)]).await;
}

#[tokio::test]
async fn what_no_waiting_mends_is_said_to_be_not_set_up() {
    for status in [400, 401, 402, 403, 404, 413] {
        both(&format!("always_{status}"), NotSetUp).await;
    }
}

#[tokio::test]
async fn a_model_that_refuses_or_never_ends_has_been_tried() {
    for scenario in ["refuses", "max_tokens", "always_no_stop"] {
        both(scenario, Tried).await;
    }
}

#[tokio::test]
async fn a_fault_that_passes_is_not_noticed() {
    for scenario in ["twice_500", "twice_reset", "twice_429"] {
        both(scenario, Tried).await;
    }
}
