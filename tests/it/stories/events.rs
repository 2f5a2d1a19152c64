//! What GitHub tells of, beyond the main road: machines that fail, queues, other CI systems,
//! drafts and bases.

use serde_json::json;
use world::{Pull, Repository, RunScript};

use super::{CI, FMT_LOG, GOOD, at_work, broken_pull, count, headline, widget};
use crate::harness::Tester;

/// What Actions prints when a machine goes away under a job.
const LOST_LOG: &str = "The runner has received a shutdown signal. This can happen when the runner \
    service is stopped, or a manually started runner is canceled.\n";

/// How CI comes out at its first, second, … run on a commit; the last way goes on.
fn ci_of_attempts(t: &Tester, repository: &Repository, logs: &'static [Option<&'static str>]) {
    t.world.ci(repository, (CI, "pull_request"), move |run| async move {
        let at = usize::try_from(run.run_attempt - 1).unwrap().min(logs.len() - 1);
        match logs[at] {
            Some(log) => RunScript::red("test", "Run cargo fmt --check", log),
            None => RunScript::green(),
        }
    });
}

/// A pull request whose own CI is green.
pub(super) async fn green_pull(t: &Tester, repository: &Repository) -> Pull {
    t.world.pull_request(repository).by("mona").open().await.unwrap()
}

pub(super) async fn closes(mut t: Tester, pull: &Pull) {
    t.world.close(pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

/// The runner fixes it, and CI agrees.
pub(super) async fn heals(t: &mut Tester, repository: &Repository, pull: &Pull) {
    let runner = t.runner(repository).await;
    runner.proposes(t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    assert!(headline(t, pull).contains("Healed by"), "{}", t.check(pull));
}

#[tokio::test]
async fn a_lost_machine_is_answered_by_running_again_once_and_costs_no_attempt() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    ci_of_attempts(&t, &repository, &[Some(LOST_LOG), None]);
    let pull = broken_pull(&t, &repository).await;
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/success  Green after running again");
    assert_eq!(count(&t, "POST", "/rerun-failed-jobs"), 1);
    assert_eq!(count(&t, "POST", "/dispatches"), 0);
    t.finish().await;
}

#[tokio::test]
async fn what_fails_after_running_again_is_read_anew() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    ci_of_attempts(&t, &repository, &[Some(LOST_LOG), Some(FMT_LOG)]);
    let pull = broken_pull(&t, &repository).await;
    t.settle_with_ci().await;
    t.wait_minutes(3).await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    assert!(t.check(&pull).contains("src/lib.rs:1"), "{}", t.check(&pull));
    closes(t, &pull).await;
}

#[tokio::test]
async fn a_merge_queue_that_asks_for_our_check_gets_it() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    t.world.require_check(&repository, "main", "selfheal");
    let pull = green_pull(&t, &repository).await;
    t.settle_with_ci().await;
    t.world.enqueue(&pull, "mona");
    t.world.queue_checks(&pull, "mona");
    t.settle_with_ci().await;
    assert_eq!(
        headline(&t, &pull),
        "selfheal  completed/success  Nothing to heal in a merge queue"
    );
    assert_eq!(count(&t, "POST", "/check-runs"), 1);
    t.finish().await;
}

#[tokio::test]
async fn a_queued_pull_request_is_left_alone_until_it_leaves_the_queue() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    t.world.rule(&repository, "main", json!({ "type": "merge_queue", "parameters": {} }));
    let pull = broken_pull(&t, &repository).await;
    t.world.enqueue(&pull, "mona");
    t.settle_with_ci().await;
    assert_eq!(
        headline(&t, &pull),
        "selfheal  completed/neutral  Left alone by this repository's policy"
    );
    assert!(t.check(&pull).contains("it is in the merge queue"), "{}", t.check(&pull));
    assert_eq!(count(&t, "POST", "/dispatches"), 0);

    t.world.dequeue(&pull, "mona", "CI_FAILURE");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    heals(&mut t, &repository, &pull).await;
    t.finish().await;
}

#[tokio::test]
async fn a_red_check_of_another_ci_system_is_read_by_its_remarks_and_healed() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let pull = green_pull(&t, &repository).await;
    t.settle_with_ci().await;
    assert_eq!(t.check(&pull), "(none)");

    let head = t.world.head_sha(&pull);
    let check = t.world.third_party_check(&repository, &head, ("buildkite", "unit"), "failure");
    t.world.annotate(
        &repository,
        check,
        vec![json!({
            "path": "src/lib.rs", "start_line": 2, "end_line": 2, "annotation_level": "failure",
            "message": "error[E0308]: mismatched types", "title": "E0308",
        })],
    );
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    assert!(t.check(&pull).contains("buildkite / unit"), "{}", t.check(&pull));

    t.world.third_party_check(&repository, &head, ("buildkite", "unit"), "success");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/success  Green");
    let run = t.world.dispatched(&repository);
    assert!(run.is_empty(), "the runner is called off");
    t.finish().await;
}

#[tokio::test]
async fn a_red_status_opens_a_case_and_a_green_one_ends_it() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let pull = green_pull(&t, &repository).await;
    t.settle_with_ci().await;
    let head = t.world.head_sha(&pull);
    t.world.status(&repository, &head, ("ci/circle", "pending"));
    t.settle_with_ci().await;
    assert_eq!(t.check(&pull), "(none)", "pending is not red");
    t.world.status(&repository, &head, ("ci/circle", "failure"));
    t.settle_with_ci().await;
    assert!(t.check(&pull).contains("the status ci/circle has no log"), "{}", t.check(&pull));
    t.world.status(&repository, &head, ("ci/circle", "success"));
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/success  Green");
    t.finish().await;
}

#[tokio::test]
async fn re_running_all_checks_is_another_attempt() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    runner.gives_up(&t, selfheal::domain::outcome::GaveUp::NoFixerAnswers).await;
    t.settle_with_ci().await;
    t.world.rerequest_suite(&pull, "reader").unwrap();
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("nothing to try"), "a reader may not");
    t.world.rerequest_suite(&pull, "mona").unwrap();
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 2 of 3 is at work");
    closes(t, &pull).await;
}

#[tokio::test]
async fn a_draft_that_is_a_draft_again_is_not_begun_again() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    t.world.convert_to_draft(&pull, "mona");
    let runner = t.runner(&repository).await;
    runner.gives_up(&t, selfheal::domain::outcome::GaveUp::StillRed).await;
    t.settle_with_ci().await;
    assert!(t.check(&pull).contains("it is a draft"), "{}", t.check(&pull));
    t.world.mark_ready(&pull, "mona");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 2 of 3 is at work");
    closes(t, &pull).await;
}

#[tokio::test]
async fn a_pull_request_that_is_pointed_at_a_healed_branch_is_healed_there() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let only = [(".github/selfheal.yml", Some("version: 1\nbranches: [release]\n"))];
    let tip = t.world.push_to(&repository, "main", "mona", &only).await.unwrap();
    t.world.push_to(&repository, "release", "mona", &only).await.unwrap();
    let pull = broken_pull(&t, &repository).await;
    t.settle_with_ci().await;
    assert!(
        t.check(&pull).contains("the policy does not heal pull requests into"),
        "{}",
        t.check(&pull)
    );
    t.world.retarget(&pull, "mona", ("release", &tip));
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    closes(t, &pull).await;
}
