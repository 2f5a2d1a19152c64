//! What an agent brings about, whatever it says about it.

use serde_json::json;

use super::kinds::{Kind, Model, asked_for, for_each_asked_for, named};
use super::provider::Provider;
use super::scene::{OWN_KEY, broken, heal};

async fn turns_green(kind: &'static Kind) {
    let (repo, provider, agent) = (broken(), Provider::start(), kind.agent());
    // A model without tools has one try, which is its whole answer.
    let scenario = if kind.model == Model::Writes { "fix" } else { "fix_after_failed_try" };
    let healing = heal(agent, &repo, &provider, scenario).await;
    assert!(healing.is_healed(), "{} {}", healing.result, healing.progress);
    assert_eq!(healing.code, Some(0));
    assert_eq!(healing.result["fixer"], format!("agent:{}", agent.as_str()));
    // Nothing of the machine around it has gone out.
    for secret in [OWN_KEY, "planted-s3cret-variable"] {
        assert!(!provider.has_seen(secret).await, "{secret}");
    }
    assert!(provider.has_seen("fn adds").await, "the search finds nothing at all");
}

#[tokio::test]
async fn every_agent_asked_for_turns_a_red_repository_green() {
    for_each_asked_for(turns_green).await;
}

async fn is_not_believed(kind: &'static Kind) {
    for scenario in ["no_change", "wrong_fix"] {
        let (repo, provider, agent) = (broken(), Provider::start(), kind.agent());
        let healing = heal(agent, &repo, &provider, scenario).await;
        assert!(!healing.is_healed(), "{agent:?} {scenario} {}", healing.result);
        assert_eq!(healing.code, Some(1), "{agent:?} {scenario} {}", healing.progress);
    }
}

#[tokio::test]
async fn every_agent_asked_for_is_not_believed_when_it_says_that_it_is_done() {
    for_each_asked_for(is_not_believed).await;
}

#[tokio::test]
async fn an_agent_is_told_the_task_the_evidence_and_the_base_branchs_guidance() {
    let (repo, provider) = (broken(), Provider::start());
    repo.write("AGENTS.md", "Keep functions small.\n");
    repo.commit();
    let healing = heal(named("claude-code"), &repo, &provider, "fix").await;
    assert!(healing.is_healed(), "{} {}", healing.result, healing.progress);
    for told in ["Keep functions small.", "cargo test", "assertion `left == right` failed"] {
        assert!(provider.has_seen(told).await, "{told}");
    }
}

#[tokio::test]
async fn what_an_agent_leaves_running_is_gone_with_it() {
    let provider = Provider::start();
    let secs = format!("{}", 300_000 + std::process::id());
    let leave = format!("nohup setsid sleep {secs} >/dev/null 2>&1 & echo started");
    let steps = json!({ "steps": [{ "do": [{ "bash": leave }] }, { "say": "done" }] });
    provider.learn("leaves", steps).await;
    // One after the other: what is looked for is the same for all.
    for kind in asked_for().into_iter().filter(|kind| kind.model == Model::UsesTools) {
        let agent = kind.agent();
        let healing = heal(agent, &broken(), &provider, "leaves").await;
        assert!(provider.has_seen("started").await, "{agent:?} {}", healing.progress);
        assert_eq!(crate::runner::programs::sleepers(&secs), 0, "{agent:?}");
    }
}
