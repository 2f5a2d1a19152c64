//! How much is done without a person: earned and lost by class, and always with a reason.

use reqwest::Client;
use secrecy::SecretString;
use selfheal::http::Tokens;
use serde_json::Value;
use world::{Pull, Repository};

use super::{BAD, GOOD, count, headline, widget_of};
use crate::harness::{HandRunner, Tester};

const DAY_MINUTES: i64 = 24 * 60;

/// A broken pull request from a branch of its own.
async fn broken(t: &mut Tester, repository: &Repository, branch: &str) -> Pull {
    let opening = t.world.pull_request(repository).by("mona").from_branch(branch);
    let files = [("src/lib.rs", Some(BAD)), ("README.md", Some(branch))];
    let pull = opening.files(&files).open().await.unwrap();
    t.settle_with_ci().await;
    pull
}

async fn fixes(t: &mut Tester, runner: &HandRunner) {
    runner.proposes(t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
}

/// What the check run says, without the marks that keep quoted words from being Markdown.
#[track_caller]
fn said(t: &Tester, pull: &Pull) -> String {
    t.check(pull).replace('\\', "")
}

/// A pull request with a proposed fix, whatever becomes of it.
async fn proposed(t: &mut Tester, repository: &Repository, branch: &str) -> Pull {
    let pull = broken(t, repository, branch).await;
    let runner = t.runner(repository).await;
    fixes(t, &runner).await;
    pull
}

async fn undo(t: &mut Tester, pull: &Pull) {
    t.world.comment(pull, "mona", "/selfheal undo");
    t.settle_with_ci().await;
    assert_eq!(headline(t, pull), "selfheal  completed/neutral  Undone by mona");
}

const WAITS: &str = "selfheal  completed/action_required  A fix waits for your word";

#[tokio::test]
async fn a_fix_that_is_taken_back_makes_the_next_one_of_its_class_wait_and_says_why() {
    let mut t = Tester::start().await;
    let repository = widget_of(&t.world, "version: 1\n").await;
    let first = proposed(&mut t, &repository, "one").await;
    assert!(headline(&t, &first).contains("Healed by"), "{}", t.check(&first));
    assert!(!t.check(&first).contains("by itself"), "nothing has changed");
    let commit = t.world.head_sha(&first);
    undo(&mut t, &first).await;

    let second = proposed(&mut t, &repository, "two").await;
    assert_eq!(headline(&t, &second), WAITS);
    let text = said(&t, &second);
    let why = format!("the fix of pull request 1 ({}) was taken back", &commit[..7]);
    assert!(text.contains("fixes of class `format` wait for a person here, because"), "{text}");
    assert!(text.contains(&format!("- lowered from commit to suggest: {why}")), "{text}");
    t.world.comment(&second, "mona", "/selfheal approve");
    t.settle_with_ci().await;
    let text = said(&t, &second);
    assert!(headline(&t, &second).contains("Healed by"), "{text}");
    assert!(text.contains(&format!("- lowered from commit to suggest: {why}")), "{text}");

    // It is told once; that it waits is said as long as it does.
    let third = proposed(&mut t, &repository, "three").await;
    let text = said(&t, &third);
    assert_eq!(headline(&t, &third), WAITS);
    assert!(text.contains(&why) && !text.contains("lowered from"), "{text}");
    t.world.close(&third, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn five_fixes_that_stand_for_three_days_are_trusted_again() {
    let mut t = Tester::start().await;
    let api = || Some(SecretString::from("an-operator-s-token-of-the-api-00".to_owned()));
    t.tokens(Tokens { api: api(), metrics: None }).await;
    let repository = widget_of(&t.world, "version: 1\n").await;
    let first = proposed(&mut t, &repository, "one").await;
    undo(&mut t, &first).await;
    for branch in ["a", "b", "c", "d", "e"] {
        t.wait_minutes(1).await;
        let pull = proposed(&mut t, &repository, branch).await;
        assert_eq!(headline(&t, &pull), WAITS);
        t.world.comment(&pull, "mona", "/selfheal approve");
        t.settle_with_ci().await;
        assert!(headline(&t, &pull).contains("Healed by"), "{}", t.check(&pull));
    }
    let early = proposed(&mut t, &repository, "early").await;
    assert_eq!(headline(&t, &early), WAITS, "nobody had time to look");
    t.world.close(&early, "mona");
    t.settle_with_ci().await;
    t.wait_minutes(3 * DAY_MINUTES + 1).await;
    let late = proposed(&mut t, &repository, "late").await;
    let text = said(&t, &late);
    assert!(headline(&t, &late).contains("Healed by"), "{text}");
    let raised = "raised from suggest to commit: 5 fixes in a row were accepted";
    assert!(text.contains(raised), "{text}");

    let client = Client::builder().no_proxy().build().unwrap();
    let asked = client.get(format!("{}/api/v1/stats?since=30d", t.url()));
    let asked = asked.bearer_auth("an-operator-s-token-of-the-api-00");
    let stats: Value = asked.send().await.unwrap().json().await.unwrap();
    let listed = stats["autonomy"].as_array().unwrap();
    let levels: Vec<&str> = listed.iter().map(|change| change["to"].as_str().unwrap()).collect();
    assert_eq!(levels, ["commit", "suggest"], "{stats:#}");
    assert_eq!(listed[0]["class"], "format");
    t.finish().await;
}

#[tokio::test]
async fn where_selfheal_observes_it_only_tells_until_somebody_asks() {
    let mut t = Tester::start().await;
    let policy = "autonomy: {start: observe, least: observe}\n";
    let repository = widget_of(&t.world, policy).await;
    let pull = broken(&mut t, &repository, "one").await;
    let text = said(&t, &pull);
    assert_eq!(
        headline(&t, &pull),
        "selfheal  completed/neutral  Only reported: selfheal would make an attempt"
    );
    assert!(text.contains("the policy says `observe`"), "{text}");
    assert!(text.contains("`src/lib.rs:1`"), "it tells what failed: {text}");
    t.wait_minutes(8 * 60).await;
    assert_eq!(count(&t, "POST", "/dispatches"), 0);

    t.world.comment(&pull, "mona", "/selfheal fix");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    let runner = t.runner(&repository).await;
    fixes(&mut t, &runner).await;
    assert_eq!(headline(&t, &pull), WAITS);
    t.world.comment(&pull, "mona", "/selfheal approve");
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Healed by"), "{}", t.check(&pull));
    t.finish().await;
}

#[tokio::test]
async fn where_the_policy_wants_it_so_the_record_changes_nothing() {
    let mut t = Tester::start().await;
    let repository = widget_of(&t.world, "autonomy: {least: commit}\n").await;
    let first = proposed(&mut t, &repository, "one").await;
    undo(&mut t, &first).await;
    let second = proposed(&mut t, &repository, "two").await;
    assert!(headline(&t, &second).contains("Healed by"), "{}", t.check(&second));
    t.finish().await;
}

#[tokio::test]
async fn levels_that_contradict_each_other_are_named() {
    let mut t = Tester::start().await;
    let repository = widget_of(&t.world, "autonomy: {least: commit, most: suggest}\n").await;
    let pull = broken(&mut t, &repository, "one").await;
    let text = said(&t, &pull);
    assert!(text.contains("`autonomy.least: commit`"), "{text}");
    assert!(text.contains("at most `suggest`, which is `autonomy.most`"), "{text}");
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}
