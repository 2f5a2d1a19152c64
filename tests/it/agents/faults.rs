//! A model that fails: an agent that has no model has not failed.

use std::time::Duration;

use futures_util::future::join_all;
use selfheal::domain::agent::AgentName::{self, ClaudeCode, Codex, GeminiCli, Opencode};

use self::Verdict::{NotSetUp, Tried, Wait};
use super::provider::Provider;
use super::scene::{broken, heal};
use crate::runner::scene::Repo;

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
    met_by(agent, &broken(), scenario).await
}

async fn met_by(agent: AgentName, repo: &Repo, scenario: &str) -> Verdict {
    let provider = Provider::start();
    let healing =
        tokio::time::timeout(Duration::from_mins(4), heal(agent, repo, &provider, scenario));
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

/// A red repository whose attempts have two minutes: enough to be sure of a silence, also on a machine
/// that is busy, and for agents that ask again for as long as they are let.
fn impatient() -> Repo {
    let repo = broken();
    repo.write(".github/selfheal.yml", "budget: {minutes_per_attempt: 2}\n");
    repo.commit();
    repo
}

/// What these agents make of these faults, all at once: most of the time they wait.
async fn together(agents: &[AgentName], scenarios: &[&str], expected: Verdict) {
    let pairs =
        agents.iter().flat_map(|agent| scenarios.iter().map(|scenario| (*agent, *scenario)));
    let met = pairs.map(async |(agent, scenario)| {
        (agent, scenario, met_by(agent, &impatient(), scenario).await)
    });
    for (agent, scenario, verdict) in join_all(met).await {
        assert_eq!(verdict, expected, "{agent:?} {scenario}");
    }
}

async fn both(scenario: &str, expected: Verdict) {
    check(scenario, [(ClaudeCode, expected), (Codex, expected)]).await;
}

#[tokio::test]
async fn a_provider_that_is_busy_or_down_is_waited_for() {
    for status in [429, 500, 503, 529] {
        both(&format!("always_{status}"), Wait).await;
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_makes_no_sense_is_the_providers_fault() {
    for fault in ["malformed", "garbage", "empty", "disconnect", "reset", "sse_error"] {
        both(&format!("always_{fault}"), Wait).await;
    }
    // Codex takes what came before the cut for the whole answer, where it has read that before it hears
    // of the cut; else it asks again.
    let cut = "always_cut_after_block";
    assert_eq!(meets(ClaudeCode, cut).await, Wait);
    let met = meets(Codex, cut).await;
    assert!(matches!(met, Tried | Wait), "{met:?}");
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

#[tokio::test]
async fn a_model_that_falls_silent_is_waited_for() {
    let agents = [ClaudeCode, Codex, Opencode, GeminiCli];
    together(&agents, &["stall", "hang_at_once"], Wait).await;
}

#[tokio::test]
async fn agents_by_the_agent_client_protocol_wait_and_give_up_like_the_others() {
    let agents = [Opencode, GeminiCli];
    together(&agents, &["always_429", "always_500", "always_disconnect"], Wait).await;
    together(&agents, &["always_401"], NotSetUp).await;
}

#[tokio::test]
async fn an_answer_that_forbids_to_ask_again_is_obeyed_at_once() {
    for agent in [ClaudeCode, Codex] {
        let (repo, provider) = (broken(), Provider::start());
        let healing = heal(agent, &repo, &provider, "budget_spent").await;
        assert_eq!(healing.result["why"], "model_unavailable", "{agent:?} {}", healing.progress);
        let steps = provider.steps().await;
        let last = steps.last();
        assert_eq!(
            steps.iter().filter(|step| Some(*step) == last).count(),
            1,
            "{agent:?} {steps:?}"
        );
    }
}
