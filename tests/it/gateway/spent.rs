//! A cap that is spent before an attempt begins: none is started that could not make a single call.

use selfheal::domain::ledger::Scope;
use selfheal::domain::outcome::GaveUp;
use selfheal::service::models::Patience;

use super::shapes::MESSAGES;
use super::{Scene, only};
use crate::stories::{count, headline};

/// One call of [`MESSAGES`] takes 4,367 tokens, and the shortest call of all needs 5,120.
const TOKENS: u64 = 8_000;

/// A repository whose cap of that scope is spent by its first attempt, which is over.
async fn spent(policy: &str, scope: Scope) -> Scene {
    let mut scene = Scene::of(policy, only(scope, "100", TOKENS), Patience::default()).await;
    scene.host.always_says(MESSAGES.streamed());
    let answer = scene.answered(MESSAGES.path, MESSAGES.body).await;
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap();
    scene.runner.gives_up(&scene.t, GaveUp::StillRed).await;
    scene.t.settle_with_ci().await;
    scene
}

#[tokio::test]
async fn no_attempt_is_started_when_nobody_could_make_a_call() {
    for (scope, whose) in [
        (Scope::Case, "this case"),
        (Scope::Pull, "this pull request"),
        (Scope::Repository, "this repository within a day"),
        (Scope::Day, "all repositories within a day"),
    ] {
        let scene = spent("fixers: [claude-code, {acp: mine}]\n", scope).await;
        let text = scene.t.check(&scene.pull);
        let needed =
            "selfheal  completed/action_required  A person is needed: no attempt may begin";
        assert_eq!(headline(&scene.t, &scene.pull), needed, "{text}");
        assert!(text.contains(&format!("the budget for models of {whose} is spent")), "{text}");
        assert_eq!(count(&scene.t, "POST", "/dispatches"), 1, "{scope:?}");
        scene.t.finish().await;
    }
}

#[tokio::test]
async fn a_cap_of_the_day_is_there_again_the_day_after() {
    let mut scene = spent("fixers: [claude-code]\n", Scope::Repository).await;
    scene.t.world.comment(&scene.pull, "mona", "/selfheal retry");
    scene.t.settle_with_ci().await;
    assert_eq!(count(&scene.t, "POST", "/dispatches"), 1, "not by command either");
    scene.t.wait_minutes(25 * 60).await;
    scene.t.world.comment(&scene.pull, "mona", "/selfheal retry");
    scene.t.settle_with_ci().await;
    let text = scene.t.check(&scene.pull);
    assert!(headline(&scene.t, &scene.pull).contains("Attempt 2 of 3 is at work"), "{text}");
    scene.t.world.close(&scene.pull, "mona");
    scene.t.settle_with_ci().await;
    scene.t.finish().await;
}

#[tokio::test]
async fn where_somebody_works_for_nothing_and_where_there_is_room_attempts_go_on() {
    for (policy, scope) in [
        ("fixers: [recipes, claude-code]\n", Scope::Pull),
        ("fixers: [claude-code, {command: ./fix.sh}]\n", Scope::Pull),
        // An account of its own for each attempt.
        ("fixers: [claude-code]\n", Scope::Attempt),
    ] {
        let mut scene = spent(policy, scope).await;
        let text = scene.t.check(&scene.pull);
        assert!(headline(&scene.t, &scene.pull).contains("Attempt 2 of 3 is at work"), "{text}");
        scene.t.world.close(&scene.pull, "mona");
        scene.t.settle_with_ci().await;
        scene.t.finish().await;
    }
}
