//! What changes while a case is alive: access, twins, heads that are rewritten, auto-merge, limits.

use insta::assert_snapshot;
use serde_json::json;
use world::{Pull, Repository, RunScript};

use super::events::{closes, heals};
use super::{BAD, CI, FMT_LOG, GOOD, at_work, broken_pull, count, headline, widget};
use crate::harness::Tester;

/// More failing lines than GitHub takes remarks in one request.
const MANY: u32 = 60;

#[tokio::test]
async fn nothing_is_asked_of_github_once_the_app_is_uninstalled() {
    let mut t = Tester::start().await;
    let (repository, _) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    t.world.uninstall("acme");
    t.settle().await;
    let mark = t.world.mark();
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle().await;
    t.wait_minutes(60).await;
    assert_eq!(t.world.requests_text(mark), "");
    t.finish().await;
}

#[tokio::test]
async fn a_suspended_app_waits_and_goes_on_where_it_was() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    t.world.suspend("acme");
    t.settle().await;
    let mark = t.world.mark();
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.wait_minutes(60).await;
    assert_eq!(t.world.requests_text(mark), "");

    t.world.unsuspend("acme");
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Healed by"), "{}", t.check(&pull));
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 2);
    t.finish().await;
}

#[tokio::test]
async fn a_repository_that_was_taken_away_is_not_touched_until_it_is_back() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    t.world.remove_repository(&repository);
    t.settle().await;
    let mark = t.world.mark();
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.wait_minutes(60).await;
    assert_eq!(t.world.requests_text(mark), "");

    t.world.add_repository(&repository);
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Healed by"), "{}", t.check(&pull));
    t.finish().await;
}

/// Two pull requests whose heads are one and the same commit.
async fn twins(t: &Tester, repository: &Repository) -> (Pull, Pull) {
    let files = [("src/lib.rs", Some(BAD))];
    let open = |branch: &str| {
        t.world.pull_request(repository).by("mona").from_branch(branch).files(&files).open()
    };
    let (one, two) = (open("one").await.unwrap(), open("two").await.unwrap());
    assert_eq!(t.world.head_sha(&one), t.world.head_sha(&two), "the same commit");
    (one, two)
}

#[tokio::test]
async fn two_pull_requests_of_the_same_commit_are_two_cases() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let (one, two) = twins(&t, &repository).await;
    t.settle_with_ci().await;
    assert_eq!(t.world.check_runs(&one).len(), 2, "one a case");
    for _ in [&one, &two] {
        let runner = t.runner(&repository).await;
        runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
        t.settle_with_ci().await;
    }
    for pull in [&one, &two] {
        assert!(headline(&t, pull).contains("Healed by"), "{}", t.check(pull));
        assert_eq!(t.world.commits(pull).await.unwrap().len(), 2);
        assert_eq!(t.world.comment_bodies(pull).len(), 1);
    }
    assert_eq!(count(&t, "POST", "/dispatches"), 2);
    t.finish().await;
}

#[tokio::test]
async fn a_button_is_pressed_on_the_pull_request_whose_check_run_carries_it() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let (one, two) = twins(&t, &repository).await;
    for pull in [&one, &two] {
        t.world.comment(pull, "mona", "/selfheal stop");
        t.settle().await;
    }
    t.world.click(&two, "mona", "resume").unwrap();
    t.settle_with_ci().await;
    let heads: Vec<String> = t
        .world
        .check_runs(&two)
        .iter()
        .map(|text| text.lines().next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        heads,
        [
            "selfheal  completed/neutral  Stopped by mona",
            "selfheal  in_progress  Attempt 1 of 3 is at work"
        ],
        "the newest check run is the second one's"
    );
    t.world.close(&one, "mona");
    closes(t, &two).await;
}

#[tokio::test]
async fn closing_and_opening_again_does_not_give_new_attempts() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  The pull request is closed");
    assert!(t.world.dispatched(&repository).is_empty(), "the runner is called off");
    assert!(t.world.labels(&pull).is_empty());

    t.world.reopen(&pull, "mona");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 2 of 3 is at work");
    heals(&mut t, &repository, &pull).await;
    t.finish().await;
}

#[tokio::test]
async fn a_branch_that_is_rewritten_while_an_attempt_works_is_not_committed_to() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    let files = [("src/lib.rs", Some(GOOD)), ("NEWS.md", Some("rewritten\n"))];
    let head = t.world.force_push(&pull, "mona", &files).await.unwrap();
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    assert_eq!(t.world.head_sha(&pull), head);
    assert_eq!(t.world.commits(&pull).await.unwrap(), ["mona: Change src/lib.rs, NEWS.md"]);
    assert!(t.world.labels(&pull).is_empty());
    assert_eq!(t.check(&pull), "(none)", "the new head is green and needs nothing");
    t.finish().await;
}

#[tokio::test]
async fn auto_merge_comes_back_with_the_words_that_somebody_gave_it() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let pull = broken_pull(&t, &repository).await;
    let words = ("Answer (#1)", "Because it was asked.\n\nReviewed-by: mona");
    t.world.enable_auto_merge_saying(&pull, ("mona", "squash"), Some(words));
    t.settle_with_ci().await;
    assert_eq!(t.world.auto_merge(&pull), None, "held");
    heals(&mut t, &repository, &pull).await;
    assert_eq!(t.world.auto_merge(&pull).unwrap().1, "squash");
    let (title, message) = t.world.auto_merge_words(&pull).unwrap();
    assert_eq!((title.as_str(), message.as_str()), words);
    t.finish().await;
}

#[tokio::test]
async fn auto_merge_that_is_switched_on_in_the_middle_is_held_too() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    t.world.enable_auto_merge(&pull, "mona", "rebase");
    t.settle_with_ci().await;
    assert_eq!(t.world.auto_merge(&pull), None, "held");
    heals(&mut t, &repository, &pull).await;
    assert_eq!(t.world.auto_merge(&pull).unwrap().1, "rebase");
    t.finish().await;
}

#[tokio::test]
async fn many_remarks_arrive_once_in_batches_of_fifty() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let long = "a line\n".repeat(usize::try_from(MANY).unwrap());
    let files = [("src/long.txt", Some(long.as_str()))];
    let pull = t.world.pull_request(&repository).by("mona").files(&files).open().await.unwrap();
    t.settle_with_ci().await;
    let head = t.world.head_sha(&pull);
    let check = t.world.third_party_check(&repository, &head, ("buildkite", "lint"), "failure");
    let remark = |line: u32| {
        json!({
            "path": "src/long.txt", "start_line": line, "end_line": line,
            "annotation_level": "failure", "message": format!("line {line} is wrong"),
        })
    };
    t.world.annotate(&repository, check, (1..=MANY).map(remark).collect());
    t.settle_with_ci().await;
    t.wait_minutes(5).await;
    let text = t.check(&pull);
    let remarks: Vec<&str> = text.lines().filter(|line| line.contains(" failure line ")).collect();
    assert_eq!(remarks.len(), usize::try_from(MANY).unwrap(), "{text}");
    closes(t, &pull).await;
}

#[tokio::test]
async fn a_secondary_limit_on_a_write_is_waited_out_and_doubles_nothing() {
    for route in [
        "/repos/{owner}/{repo}/check-runs",
        "/repos/{owner}/{repo}/issues/{issue_number}/comments",
        "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches",
        "/repos/{owner}/{repo}/git/commits",
        "/graphql",
    ] {
        let mut t = Tester::start().await;
        let repository = widget(&t).await;
        t.world.secondary_limit_on("POST", route, (1, 90));
        let pull = broken_pull(&t, &repository).await;
        t.settle_with_ci().await;
        t.wait_minutes(2).await;
        let runner = t.runner(&repository).await;
        runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
        t.settle_with_ci().await;
        t.wait_minutes(2).await;
        t.settle_with_ci().await;
        assert!(headline(&t, &pull).contains("Healed by"), "{route}: {}", t.check(&pull));
        assert_eq!(t.world.commits(&pull).await.unwrap().len(), 2, "{route}");
        assert_eq!(t.world.comment_bodies(&pull).len(), 1, "{route}");
        assert_eq!(t.world.check_runs(&pull).len(), 2, "{route}: one a head");
        assert_eq!(t.world.dispatched(&repository).len(), 0, "{route}");
        t.finish().await;
    }
}

#[tokio::test]
async fn runs_that_wait_for_approval_on_our_commit_are_said() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    t.world.ci(&repository, (CI, "pull_request"), |_| async {
        RunScript::concluded("action_required")
    });
    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("waiting for CI"));
    assert!(
        t.check(&pull).contains("Its runs wait until somebody approves them: `ci`"),
        "{}",
        t.check(&pull)
    );
    t.wait_minutes(20).await;
    let told: Vec<String> = t.check(&pull).lines().take(4).map(str::to_owned).collect();
    assert_snapshot!(told.join("\n"), @r"
    selfheal  completed/action_required  A person is needed: CI does not run on the fix
    The fix is on the branch, but no run came to an end on it.

    **Next:** approve or start the runs; the case goes on by itself when they end.
    ");
    t.finish().await;
}

/// A pull request whose runs wait for somebody to let them begin.
async fn unapproved(t: &mut Tester) -> Pull {
    let repository = widget(t).await;
    let pull = broken_pull(t, &repository).await;
    let run = t.queued_ci(&repository)[0];
    t.world.finish_run(&repository, run, &RunScript::concluded("action_required"));
    t.settle_with_ci().await;
    pull
}

#[tokio::test]
async fn runs_that_wait_for_approval_are_waited_for_and_then_healed() {
    let mut t = Tester::start().await;
    let pull = unapproved(&mut t).await;
    assert_snapshot!(t.check(&pull), @r"
    selfheal  completed/neutral  Runs wait for approval
    Nothing has failed on this commit: runs wait until somebody who may write to this repository lets them begin (`ci`).

    **Next:** read what the pull request changes, its workflows first, and approve the runs on its page. If they fail, this goes on by itself.
    ");
    assert_eq!(t.world.comment_bodies(&pull).len(), 0, "nothing is red yet");
    t.world.ci_run(&pull, &RunScript::red("test", "Run cargo fmt --check", FMT_LOG));
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    closes(t, &pull).await;
}

#[tokio::test]
async fn runs_that_were_approved_and_are_green_leave_no_question_open() {
    let mut t = Tester::start().await;
    let pull = unapproved(&mut t).await;
    let told = "selfheal  completed/neutral  Runs wait for approval";
    assert_eq!(headline(&t, &pull), told);
    t.wait_minutes(60).await;
    assert_eq!((headline(&t, &pull).as_str(), t.world.check_runs(&pull).len()), (told, 1));
    t.world.ci_run(&pull, &RunScript::green());
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  Green");
    t.finish().await;
}
