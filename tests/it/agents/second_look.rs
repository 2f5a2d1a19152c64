//! Three red rounds, a second look, and one more round.

use selfheal::domain::agent::AgentName;
use serde_json::{Value, json};

use super::provider::Provider;
use super::scene::{broken, heal};

/// What a model answers that has looked again.
fn looked() -> Value {
    json!({
        "what_failed": "the test `adds` is red",
        "wrong_assumption": "that the test calls another function than the one that was changed",
        "evidence": ["assertion `left == right` failed"],
        "disproved": ["an overflow"],
        "recommended_fix": "replace the minus in add() by a plus",
        "question": "Is add() meant to subtract?",
    })
}

/// A step that is played when the prompt says that.
fn when(said: &str, mut step: Value) -> Value {
    step["when"] = json!({ "prompt_matches": said });
    step
}

/// Wrong edits, each another one, until a second look was taken; then what `last` does.
fn stubborn(answer: &str, last: Value) -> Value {
    let wrong = "n=$(cat tries 2>/dev/null || echo 0); echo $((n+1)) > tries; \
                 sed -i \"s|^    a - b.*|    a - b // $n|\" src/lib.rs";
    let step = [
        when("prompt: devils-advocate", json!({ "say": answer })),
        when("What a second look found", last),
        json!({ "do": [{ "bash": wrong }] }),
    ];
    json!({ "steps": [{ "any": step }, { "say": "FIXED, surely" }], "repeat_last": true })
}

async fn taught(answer: &str, last: Value) -> Provider {
    let provider = Provider::start();
    provider.learn("stubborn", stubborn(answer, last)).await;
    provider
}

#[tokio::test]
async fn after_three_red_rounds_a_second_look_leads_to_the_fix() {
    let right = json!({ "do": [{ "bash": "sed -i 's|a - b.*|a + b|' src/lib.rs" }] });
    for agent in [AgentName::ClaudeCode, AgentName::Codex] {
        let provider = taught(&looked().to_string(), right.clone()).await;
        let healing = heal(agent, &broken(), &provider, "stubborn").await;
        assert!(healing.is_healed(), "{agent:?} {} {}", healing.result, healing.progress);
        assert!(provider.has_seen("replace the minus in add() by a plus").await, "{agent:?}");
    }
}

#[tokio::test]
async fn when_the_last_round_fails_as_well_people_get_a_question() {
    let nothing = json!({ "say": "I cannot." });
    let provider = taught(&looked().to_string(), nothing).await;
    let healing = heal(AgentName::ClaudeCode, &broken(), &provider, "stubborn").await;
    assert!(!healing.is_healed(), "{}", healing.result);
    assert_eq!(healing.result["analysis"], looked(), "{} {}", healing.result, healing.progress);
}

#[tokio::test]
async fn a_second_look_that_says_nothing_is_asked_for_once_more_and_then_refused() {
    let nothing = json!({ "say": "I cannot." });
    let provider = taught("{\"nope\": 1}", nothing).await;
    let healing = heal(AgentName::ClaudeCode, &broken(), &provider, "stubborn").await;
    assert!(!healing.is_healed(), "{}", healing.result);
    assert_eq!(healing.result["analysis"], Value::Null, "{}", healing.result);
    assert!(provider.has_seen("unknown field `nope`").await, "it was not told what is wrong");
    let looks = healing.progress.lines().filter(|line| line.starts_with("devils-advocate"));
    assert_eq!(looks.count(), 1, "{}", healing.progress);
}
