//! Failures that are not the pull request's: broken on the base, flaky, machines, what a person must do.

use insta::assert_snapshot;
use world::{Pull, Repository, RunScript};

use super::reading::{ci_says, red, under};
use super::{BAD, CI, FMT_LOG, GOOD, at_head, broken_pull, count, headline, widget, widget_of};
use crate::harness::Tester;

const RERUN: &str = "/rerun-failed-jobs";

/// What a test prints that fails in a file that nobody touches.
const TEST_LOG: &str = "running 1 test\ntest clock::ticks ... FAILED\n\nfailures:\n\n\
    ---- clock::ticks stdout ----\nthread 'clock::ticks' panicked at src/clock.rs:3:5:\n\
    it ticked twice\n\nfailures:\n    clock::ticks\n\n\
    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n";

/// CI of pushes to a branch comes out red where the file is [`BAD`].
pub(super) fn ci_of_pushes(t: &Tester, repository: &Repository) {
    t.world.ci(repository, (CI, "push"), |run| async move {
        match run.file("src/lib.rs").await.as_deref() {
            Some(BAD) => RunScript::red("test", "Run cargo fmt --check", FMT_LOG),
            _ => RunScript::green(),
        }
    });
}

/// A pull request that touches nothing of what fails.
pub(super) async fn harmless(t: &Tester, repository: &Repository, branch: &str) -> Pull {
    let opening = t.world.pull_request(repository).by("mona").from_branch(branch);
    // Each has content of its own: equal commits of one moment would be one commit.
    opening.files(&[("README.md", Some(branch))]).open().await.unwrap()
}

/// A base branch that is broken, and a harmless pull request that fails because of it.
pub(super) async fn broken_base(t: &mut Tester, policy: &str) -> (Repository, Pull) {
    let repository = widget_of(&t.world, policy).await;
    ci_of_pushes(t, &repository);
    t.world.push_to(&repository, "main", "mona", &[("src/lib.rs", Some(BAD))]).await.unwrap();
    t.settle_with_ci().await;
    let pull = harmless(t, &repository, "words").await;
    t.settle_with_ci().await;
    (repository, pull)
}

pub(super) async fn mend(t: &mut Tester, repository: &Repository) {
    let files = [("src/lib.rs", Some(GOOD))];
    t.world.push_to(repository, "main", "mona", &files).await.unwrap();
    t.settle_with_ci().await;
}

#[tokio::test]
async fn what_the_base_branch_has_too_costs_the_pull_request_nothing() {
    let mut t = Tester::start().await;
    let (repository, pull) = broken_base(&mut t, "version: 1\nbase:\n  heal: off\n").await;
    let base = t.world.tip(&repository, "main").await.unwrap();
    let text = t.check(&pull).replace(&base[..7], "BASE");
    let text = at_head(&t, &pull, text.split("### The lines").next().unwrap_or_default());
    assert_snapshot!(text.trim_end(), @r"
    selfheal  completed/neutral  Broken on the base branch, not here
    Everything that failed here fails on `main`, too. Nothing is spent on it in this pull request.

    **Next:** nothing to do; this is looked at again when the base branch is mended. `/selfheal fix` asks for a fix here all the same.

    ### What failed

    | where | what |
    | --- | --- |
    | `src/lib.rs:1` | rustfmt: Diff in src/lib.rs:1: |

    **Cause:** broken on the base branch: main has the same failure at BASE.
    ");
    assert_eq!(count(&t, "POST", "/dispatches"), 0, "no runner");
    assert!(t.world.comment_bodies(&pull).is_empty(), "nobody is notified");

    mend(&mut t, &repository).await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  The base branch is mended");
    assert!(t.world.comment_text(&pull).contains("merge `main` into this branch, or rebase it"));
    assert_eq!(count(&t, "PUT", "/update-branch"), 0);
    t.finish().await;
}

#[tokio::test]
async fn where_the_policy_says_so_pull_requests_are_brought_up_to_date() {
    let mut t = Tester::start().await;
    let policy = "version: 1\nbase:\n  heal: off\n  when_mended: update\n";
    let (repository, pull) = broken_base(&mut t, policy).await;
    let before = t.world.head_sha(&pull);
    mend(&mut t, &repository).await;
    t.settle_with_ci().await;
    assert_ne!(t.world.head_sha(&pull), before);
    assert_eq!(count(&t, "PUT", "/update-branch"), 1);
    assert_eq!(count(&t, "POST", "/dispatches"), 0, "CI is green without us");
    t.finish().await;
}

#[tokio::test]
async fn what_was_mended_on_the_base_before_anybody_looked_costs_nothing_either() {
    let mut t = Tester::start().await;
    let repository = widget_of(&t.world, "version: 1\n").await;
    ci_of_pushes(&t, &repository);
    t.world.push_to(&repository, "main", "mona", &[("src/lib.rs", Some(BAD))]).await.unwrap();
    t.settle_with_ci().await;
    let broken = t.world.tip(&repository, "main").await.unwrap();
    let pull = harmless(&t, &repository, "words").await;
    mend(&mut t, &repository).await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  The base branch is mended");
    let (text, mended) = (t.check(&pull), t.world.tip(&repository, "main").await.unwrap());
    let why = format!(
        "main had it at {}, from which this was made, and has it no more at {}.",
        &broken[..7],
        &mended[..7]
    );
    assert!(text.contains(&why), "{text}");
    assert!(t.world.comment_text(&pull).contains("merge `main` into this branch, or rebase it"));
    assert_eq!(count(&t, "POST", "/dispatches"), 0);
    assert_eq!(count(&t, "POST", "/pulls"), 0, "and nothing is left to mend");
    t.finish().await;
}

#[tokio::test]
async fn a_fault_of_its_own_is_healed_although_the_base_is_broken_otherwise() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    t.world.ci(&repository, (CI, "push"), |_| async { red(TEST_LOG) });
    t.world.push_to(&repository, "main", "mona", &[("x", Some("x"))]).await.unwrap();
    let pull = broken_pull(&t, &repository).await;
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    let cause = "not with this";
    assert!(t.check(&pull).contains(cause), "{}", t.check(&pull));
    t.finish().await;
}

#[tokio::test]
async fn somebody_may_ask_for_a_fix_here_all_the_same() {
    let mut t = Tester::start().await;
    let (_, pull) = broken_base(&mut t, "version: 1\n").await;
    t.world.comment(&pull, "mona", "/selfheal fix");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    t.finish().await;
}

/// A repository with a clock in it.
pub(super) async fn clock(t: &Tester) -> Repository {
    let repository = widget(t).await;
    let file = "// a\n// clock\n// ticks\n";
    t.world.push_to(&repository, "main", "mona", &[("src/clock.rs", Some(file))]).await.unwrap();
    repository
}

/// A pull request whose CI fails by that test and is green when it runs again.
pub(super) async fn comes_and_goes(t: &mut Tester, repository: &Repository, number: usize) -> Pull {
    ci_says(t, repository, red(TEST_LOG));
    let pull = harmless(t, repository, &format!("words-{number}")).await;
    t.settle_with_ci().await;
    pull
}

/// Somebody runs the failed jobs again, and they are green.
pub(super) async fn green_again(t: &mut Tester, repository: &Repository, pull: &Pull) {
    ci_says(t, repository, RunScript::green());
    let run = t.world.runs_of(pull).last().copied().unwrap();
    t.world.rerun_failed(repository, run, "mona");
    t.settle_with_ci().await;
}

#[tokio::test]
async fn a_test_that_came_and_went_three_times_is_run_again_and_not_healed() {
    let mut t = Tester::start().await;
    let repository = clock(&t).await;
    for number in 0..3 {
        let pull = comes_and_goes(&mut t, &repository, number).await;
        assert_eq!(
            headline(&t, &pull),
            "selfheal  in_progress  Attempt 1 of 3 is at work",
            "{number} times prove nothing"
        );
        green_again(&mut t, &repository, &pull).await;
        assert_eq!(headline(&t, &pull), "selfheal  completed/success  Green");
    }
    let pull = comes_and_goes(&mut t, &repository, 3).await;
    t.wait_minutes(3).await;
    t.settle_with_ci().await;
    assert_eq!(count(&t, "POST", RERUN), 1, "once per head");
    t.wait_minutes(3).await;
    let text = t.check(&pull);
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  Flaky, not this change");
    assert!(
        text.contains("`src/clock.rs:3` | cargo test: `clock::ticks` it ticked twice"),
        "{text}"
    );
    assert!(text.contains("**Cause:** flaky: gone in 3 of 3 runs on the same commit."), "{text}");
    assert_eq!(count(&t, "POST", "/dispatches"), 3, "this one cost nothing");
    t.finish().await;
}

#[tokio::test]
async fn a_flaky_test_that_the_pull_request_changes_is_not_excused() {
    let mut t = Tester::start().await;
    let repository = clock(&t).await;
    for number in 0..3 {
        let pull = comes_and_goes(&mut t, &repository, number).await;
        green_again(&mut t, &repository, &pull).await;
    }
    ci_says(&t, &repository, red(TEST_LOG));
    let opening = t.world.pull_request(&repository).by("mona").from_branch("clock");
    let pull = opening
        .files(&[("src/clock.rs", Some("// a\n// slower clock\n// ticks\n"))])
        .open()
        .await
        .unwrap();
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    assert!(t.check(&pull).contains("but this pull request changes it"), "{}", t.check(&pull));
    assert_eq!(count(&t, "POST", RERUN), 0);
    t.finish().await;
}

#[tokio::test]
async fn failed_machines_get_a_pause_before_the_jobs_run_once_more() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    ci_says(&t, &repository, red("##[error]No space left on device\n"));
    let pull = harmless(&t, &repository, "words").await;
    t.settle_with_ci().await;
    assert_eq!(count(&t, "POST", RERUN), 1, "the first time at once");
    t.wait_minutes(3).await;
    t.settle_with_ci().await;
    let waits = "selfheal  in_progress  Waiting before the failed jobs run again";
    assert_eq!(headline(&t, &pull), waits);
    t.wait_minutes(11).await;
    assert_eq!(count(&t, "POST", RERUN), 2, "then after a pause");
    t.settle_with_ci().await;
    t.wait_minutes(3).await;
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  Not a fault of the code");
    assert_eq!(count(&t, "POST", "/dispatches"), 0);
    t.finish().await;
}

#[tokio::test]
async fn a_right_that_is_missing_is_told_to_people_and_nothing_runs_again() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let log = "##[error]Resource not accessible by integration\n";
    ci_says(&t, &repository, red(log));
    let pull = harmless(&t, &repository, "words").await;
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  CI needs a person");
    let text = t.check(&pull);
    assert!(text.contains("ci / test: runner: Resource not accessible by integration"), "{text}");
    assert_eq!(count(&t, "POST", RERUN), 0);
    t.finish().await;
}

#[tokio::test]
async fn a_run_that_never_began_is_told_to_people_and_costs_nothing() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    ci_says(&t, &repository, RunScript::concluded("startup_failure"));
    let pull = harmless(&t, &repository, "words").await;
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  CI needs a person");
    let text = t.check(&pull);
    assert!(text.contains("the run failed before any job began"), "{text}");
    assert_eq!((count(&t, "POST", RERUN), count(&t, "POST", "/dispatches")), (0, 0));
    t.finish().await;
}

#[tokio::test]
async fn the_same_failure_of_several_jobs_is_one() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let leg = |name| world::JobScript::new(name, "failure", &[("Run it", "failure")], TEST_LOG);
    ci_says(&t, &repository, red(TEST_LOG).job(leg("test (3.12)")).job(leg("test (3.13)")));
    let pull = harmless(&t, &repository, "words").await;
    t.settle_with_ci().await;
    let text = t.check(&pull);
    let failed = under(&text, "What failed");
    assert_eq!(failed.len(), 3, "{failed:?}");
    assert!(failed[2].contains("(in 3 jobs)"), "{failed:?}");
    t.finish().await;
}
