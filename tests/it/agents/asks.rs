//! Agents that ask people: the real Claude Code asks, people answer, and the same attempt goes on.

use selfheal::domain::ledger::Caps;
use selfheal::service::models::Patience;
use serde_json::{Value, json};
use world::{Pull, Repository};

use super::provider::Provider;
use super::scene;
use super::second_look::at_length;
use crate::gateway::models_at;
use crate::harness::Tester;
use crate::stories::headline;
use crate::stories::whole::{LIB, WRONG, real_widget_of};

const WAITS: &str = "selfheal  completed/action_required  Questions wait for your answer";

const QUESTION: &str = "Shall the answer be 42 or 43?";

/// A model that says that until people have answered; `repaired` is what it says when it is told that
/// its question has no form.
fn unsure(asked: &str, repaired: &str) -> Value {
    let edit = json!({ "path": "src/lib.rs", "old": "    41\n", "new": "    42\n" });
    let when = |said: &str| json!({ "prompt_matches": said });
    json!({ "steps": [
        { "any": [
            { "when": when("prompt: repair of an answer"), "say": repaired },
            { "when": when("Answered by people who may write"), "do": [{ "edit": edit }] },
            { "say": asked },
        ] },
        { "say": "It is 42 now, as was answered." },
    ] })
}

/// A pull request whose agent has asked, and the provider of its model.
async fn asked(t: &mut Tester, scenario: Value) -> (Repository, Pull, Provider) {
    let provider = Provider::start();
    provider.learn("unsure", scenario).await;
    t.model(models_at(&provider.playing("unsure"), Caps::default()), Patience::default()).await;
    let path = scene::path();
    let policy = "fixers: [claude-code]\n";
    let repository = real_widget_of(t, policy, &path.to_string_lossy()).await;
    let files = [("src/lib.rs", Some(WRONG))];
    let pull = t.world.pull_request(&repository).by("mona").files(&files).open().await.unwrap();
    t.settle_with_ci().await;
    (repository, pull, provider)
}

async fn asks_and_is_answered(scenario: Value) -> Provider {
    let mut t = Tester::start().await;
    let (repository, pull, provider) = asked(&mut t, scenario).await;
    let log = t.world.logs_text(&repository);
    assert_eq!(headline(&t, &pull), WAITS, "{}\n{log}", t.check(&pull));
    let comment = t.world.comment_text(&pull);
    assert!(comment.contains("**1:** Shall the answer be 42 or 43?"), "{comment}");

    t.world.comment(&pull, "mona", "/selfheal answer 42, as the docs say");
    t.settle_with_ci().await;
    let log = t.world.logs_text(&repository);
    assert!(headline(&t, &pull).contains("Healed by"), "{}\n{log}", t.check(&pull));
    assert!(t.check(&pull).contains("| 1 |") && !t.check(&pull).contains("| 2 |"));
    let head = t.world.head_sha(&pull);
    let healed = t.world.file(&repository, &head, "src/lib.rs").await.unwrap();
    assert_eq!(healed.as_deref(), Some(LIB));
    assert!(provider.has_seen("42, as the docs say").await, "the answer did not arrive");
    t.finish().await;
    provider
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_of_claude_code_waits_for_people_and_their_answer_leads_to_the_fix() {
    let question = json!({ "questions": [QUESTION] });
    let asked = format!("{}\n\n```json\n{question}\n```", at_length());
    let provider = asks_and_is_answered(unsure(&asked, "not needed")).await;
    assert!(!provider.has_seen("prompt: repair of an answer").await, "its form was right");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_without_form_is_put_right_once() {
    let wrong = json!({ "questions": QUESTION }).to_string();
    let right = json!({ "questions": [QUESTION] }).to_string();
    let provider = asks_and_is_answered(unsure(&wrong, &right)).await;
    assert!(provider.has_seen("expected a sequence").await, "it was not told what is wrong");
}
