//! The repository's own word, read from the base branch alone.

use super::{BAD, GOOD, broken_pull, count, headline, widget};
use crate::harness::Tester;

const POLICY: &str = ".github/selfheal.yml";

#[tokio::test]
async fn a_wrong_file_is_answered_with_line_key_and_what_is_allowed() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let wrong = [(POLICY, Some("version: 1\nattempts: 9\n"))];
    t.world.push_to(&repository, "main", "mona", &wrong).await.unwrap();
    let pull = broken_pull(&t, &repository).await;
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  The policy file cannot be used");
    assert!(t.check(&pull).contains("line 2, \\`attempts: 9\\`"), "{}", t.check(&pull));
    assert_eq!(count(&t, "POST", "/dispatches"), 0);
    t.finish().await;
}

#[tokio::test]
async fn the_heads_own_policy_is_never_read() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let files = [("src/lib.rs", Some(BAD)), (POLICY, Some("version: 1\nenabled: false\n"))];
    let pull = t.world.pull_request(&repository).by("mona").files(&files).open().await.unwrap();
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn a_repository_that_is_switched_off_hears_nothing_of_us() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let off = [(POLICY, Some("version: 1\nenabled: false\n"))];
    t.world.push_to(&repository, "main", "mona", &off).await.unwrap();
    let pull = broken_pull(&t, &repository).await;
    t.settle_with_ci().await;
    assert_eq!(t.check(&pull), "(none)");
    assert_eq!(t.world.comment_text(&pull), "(none)");
    t.finish().await;
}

#[tokio::test]
async fn a_file_that_could_not_be_read_is_not_a_refusal() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    t.world.fail("GET", "/repos/{owner}/{repo}/contents/{path}", (502, 6));
    let pull = broken_pull(&t, &repository).await;
    t.settle_with_ci().await;
    t.wait_minutes(2).await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn a_draft_waits_until_it_is_ready() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let files = [("src/lib.rs", Some(BAD))];
    let pull = t.world.pull_request(&repository).by("mona").draft().files(&files);
    let pull = pull.open().await.unwrap();
    t.settle_with_ci().await;
    assert!(t.check(&pull).contains("it is a draft"));
    t.world.mark_ready(&pull, "mona");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn an_installation_is_welcomed_with_a_policy_and_the_workflow_to_add() {
    let mut t = Tester::start().await;
    let repository = t.world.repository("acme/fresh").file("src/lib.rs", GOOD);
    let repository = repository.collaborator("mona", "admin").create().await.unwrap();
    t.world.install("acme");
    t.settle().await;
    let pull = t.world.pull(&repository, 1);
    let proposed = t.world.file(&repository, "selfheal/onboarding", POLICY).await.unwrap();
    assert!(proposed.expect("it is proposed").contains("version: 1"));
    let body = t.world.pull_body(&pull);
    assert!(body.contains("workflow_dispatch"), "the workflow to add is shown");
    t.settle().await;
    assert_eq!(count(&t, "POST", "/pulls"), 1);
    t.finish().await;
}
