//! Three red rounds, a second look, and one more round.

use serde_json::{Value, json};

use super::kinds::{Kind, Model, for_each_asked_for, named};
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

/// Wrong edits until a second look was taken; then what `last` does.
fn stubborn(answer: &str, last: Value) -> Value {
    let wrong = "sed -i 's|^    a - b$|    a - b - 0|' src/lib.rs";
    let step = [
        when("prompt: devils-advocate", json!({ "say": answer })),
        when("What a second look found", last),
        json!({ "do": [{ "bash": wrong }] }),
    ];
    json!({ "steps": [{ "any": step }, { "say": "FIXED, surely" }], "repeat_last": true })
}

/// The same for a model without tools, whose edits are text.
fn stubborn_in_text(answer: &str) -> Value {
    let edit =
        |new: &str| json!({ "edit": { "path": "src/lib.rs", "old": "    a - b", "new": new } });
    let step = [
        when("prompt: devils-advocate", json!({ "say": answer })),
        when("What a second look found", json!({ "do": [edit("    a + b")] })),
        json!({ "do": [edit("    a - b - 0")] }),
    ];
    json!({ "steps": [{ "any": step }] })
}

async fn taught(answer: &str, last: Value) -> Provider {
    let provider = Provider::start();
    provider.learn("stubborn", stubborn(answer, last)).await;
    provider
}

/// What a model says before its answer: more than is kept of an event, and never the same, which some
/// agents take for a loop.
pub fn at_length() -> String {
    let places: Vec<String> =
        (1..=250).map(|place| format!("At place {place} it is used")).collect();
    format!("I looked. {}.", places.join(". "))
}

async fn leads_to_the_fix(kind: &'static Kind) {
    let agent = kind.agent();
    let answer = format!("{}\n{}", at_length(), looked());
    let right = json!({ "do": [{ "bash": "sed -i 's|a - b.*|a + b|' src/lib.rs" }] });
    let provider = taught(&answer, right).await;
    if kind.model == Model::Writes {
        provider.learn("stubborn", stubborn_in_text(&answer)).await;
    }
    let healing = heal(agent, &broken(), &provider, "stubborn").await;
    assert!(healing.is_healed(), "{agent:?} {} {}", healing.result, healing.progress);
    assert!(provider.has_seen("replace the minus in add() by a plus").await, "{agent:?}");
    assert!(provider.has_seen("dropped, because nothing is better").await, "{agent:?}");
}

#[tokio::test]
async fn after_three_red_rounds_a_second_look_of_every_agent_asked_for_leads_to_the_fix() {
    for_each_asked_for(leads_to_the_fix).await;
}

#[tokio::test]
async fn a_second_look_whose_provider_is_busy_waits() {
    let provider = Provider::start();
    let busy = json!({ "error": { "status": 429, "times": -1 }, "say": "never" });
    let mut scenario = stubborn("never", json!({ "say": "I cannot." }));
    scenario["steps"][0]["any"][0] = when("prompt: devils-advocate", busy);
    provider.learn("stubborn", scenario).await;
    let healing = heal(named("claude-code"), &broken(), &provider, "stubborn").await;
    assert_eq!(healing.result["why"], "model_unavailable", "{}", healing.progress);
    assert!(!provider.has_seen("prompt: repair of an answer").await, "it was asked again");
}

#[tokio::test]
async fn when_the_last_round_fails_as_well_people_get_a_question() {
    let nothing = json!({ "say": "I cannot." });
    let provider = taught(&looked().to_string(), nothing).await;
    let healing = heal(named("claude-code"), &broken(), &provider, "stubborn").await;
    assert!(!healing.is_healed(), "{}", healing.result);
    assert_eq!(healing.result["analysis"], looked(), "{} {}", healing.result, healing.progress);
}

#[tokio::test]
async fn a_second_look_that_says_nothing_is_asked_for_once_more_and_then_refused() {
    let nothing = json!({ "say": "I cannot." });
    let provider = taught("{\"nope\": 1}", nothing).await;
    let healing = heal(named("claude-code"), &broken(), &provider, "stubborn").await;
    assert!(!healing.is_healed(), "{}", healing.result);
    assert_eq!(healing.result["analysis"], Value::Null, "{}", healing.result);
    assert!(provider.has_seen("unknown field `nope`").await, "it was not told what is wrong");
    let looks = healing.progress.lines().filter(|line| line.starts_with("devils-advocate"));
    assert_eq!(looks.count(), 1, "{}", healing.progress);
}
