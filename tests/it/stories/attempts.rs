//! Attempts: three, counted by commits too, resumed when a runner is lost.

use selfheal::domain::brief::Instruction;
use selfheal::domain::document::Stage;
use selfheal::domain::outcome::{GaveUp, Outcome};

use super::{BAD, GOOD, at_work, broken_pull, count, headline, widget};
use crate::harness::{Tester, patch};

/// A fix that CI does not like either: still not the good file.
const ALSO_BAD: &str = "pub fn answer( ) -> u8 { 42 }\n// changed\n";

#[tokio::test]
async fn a_fourth_failure_is_left_to_humans() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    for attempt in 1..=3 {
        let runner = t.runner(&repository).await;
        assert_eq!(runner.brief.number, attempt);
        let earlier = &runner.brief.earlier;
        assert_eq!(earlier.len(), usize::from(attempt) - 1);
        for (tried, number) in earlier.iter().zip(1..) {
            assert!(tried.ended.contains("tried and failed"), "{tried:?}");
            assert_eq!(tried.turns, "\nafter execute\n", "{tried:?}");
            let text = format!("attempt {number}\n");
            assert_eq!(tried.patch, patch(&[("notes", Some(&text))]), "{tried:?}");
        }
        assert!(runner.brief.fork.is_some(), "nobody told where the pull request began");
        runner.finishes(Stage::Triage, &[]).await;
        let text = format!("attempt {attempt}\n");
        runner.finishes(Stage::Execute, &[("notes", Some(&text))]).await;
        runner.gives_up(&t, GaveUp::StillRed).await;
        t.settle_with_ci().await;
    }
    assert_eq!(
        headline(&t, &pull),
        "selfheal  completed/action_required  A person is needed: 3 of 3 attempts used"
    );
    assert_eq!(count(&t, "POST", "/dispatches"), 3);

    t.world.comment(&pull, "mona", "/selfheal retry");
    t.settle_with_ci().await;
    assert_eq!(count(&t, "POST", "/dispatches"), 3, "not even by command");
    assert!(t.world.comment_text(&pull).contains("3 of 3 attempts are used"));
    t.finish().await;
}

#[tokio::test]
async fn a_runner_that_cannot_be_started_says_what_is_missing() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let start = "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches";
    t.world.fail("POST", start, (404, 1));
    let pull = broken_pull(&t, &repository).await;
    t.settle_with_ci().await;
    let text = t.check(&pull);
    assert!(headline(&t, &pull).contains("no runner could be started"), "{text}");
    let why = "no runner: not found: the workflow .github/workflows/selfheal.yml on the default \
               branch; add it there";
    assert!(text.contains(why), "{text}");
    super::events::closes(t, &pull).await;
}

#[tokio::test]
async fn a_fix_that_ci_does_not_like_is_followed_by_the_next_attempt() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let ci = (".github/workflows/ci.yml", "pull_request");
    t.world.ci(&repository, ci, |run| async move {
        match run.file("src/lib.rs").await.as_deref() {
            Some(GOOD) => world::RunScript::green(),
            _ => world::RunScript::red("test", "Run cargo fmt --check", super::FMT_LOG),
        }
    });
    let pull = broken_pull(&t, &repository).await;
    t.settle_with_ci().await;
    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(ALSO_BAD))]).await;
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 2 of 3 is at work");

    let runner = t.runner(&repository).await;
    assert!(runner.brief.earlier[0].ended.starts_with("disproved"));
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Healed by"));
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 3);
    t.finish().await;
}

#[tokio::test]
async fn a_push_by_a_person_ends_the_attempt_and_opens_a_new_case() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    let files = [("src/lib.rs", Some(BAD)), ("README.md", Some("hello\n"))];
    t.world.push(&pull, "mona", &files).await.unwrap();
    t.settle().await;

    assert_eq!(runner.beats().await, Instruction::Stop, "the old runner is told");
    let run = runner.run.run_id;
    let state = t.world.run_state(&repository, run).unwrap();
    assert_eq!(state, ("completed".into(), Some("cancelled".into())));
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    assert!(t.world.check_runs(&pull)[0].contains("A newer push took over"));
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn a_person_who_pushes_while_we_commit_wins() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    t.world.push(&pull, "mona", &[("src/lib.rs", Some(GOOD))]).await.unwrap();
    // The outcome arrives before the webhook of the push does.
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;

    let commits = t.world.commits(&pull).await.unwrap();
    assert_eq!(commits.len(), 2);
    assert!(commits.iter().all(|commit| commit.starts_with("mona")), "{commits:?}");
    t.finish().await;
}

#[tokio::test]
async fn a_lost_runner_is_replaced_and_the_attempt_goes_on_where_it_was() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let first = t.runner(&repository).await;
    assert!(first.brief.resume.is_none());
    first.finishes(Stage::Triage, &[]).await;
    for _ in 0..2 {
        first.finishes(Stage::Execute, &[("src/lib.rs", Some(GOOD))]).await;
    }
    first.ends(&t);
    t.settle().await;
    t.wait_minutes(4).await;

    let second = t.runner(&repository).await;
    assert_eq!(second.brief.attempt, first.brief.attempt);
    assert_eq!(second.brief.number, 1, "the same attempt");
    let resume = second.brief.resume.clone().expect("it goes on");
    assert_eq!((resume.stage, resume.work_in_progress.changes().len()), (Stage::Execute, 1));
    assert_eq!(resume.documents.len(), 2, "the document of the same name and round is one");
    second.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Healed by"));
    t.finish().await;
}

#[tokio::test]
async fn a_model_that_is_down_is_waited_for_and_costs_no_attempt() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let first = t.runner(&repository).await;
    first.finishes(Stage::Triage, &[]).await;
    first.gives_up(&t, GaveUp::ModelUnavailable).await;
    t.settle_with_ci().await;
    assert!(t.check(&pull).contains("waits, its model cannot be reached"), "{}", t.check(&pull));
    t.wait_minutes(4).await;
    assert_eq!(count(&t, "POST", "/dispatches"), 1, "it is waited for");
    t.wait_minutes(2).await;
    assert_eq!(count(&t, "POST", "/dispatches"), 2);

    let second = t.runner(&repository).await;
    assert_eq!((second.brief.attempt, second.brief.number), (first.brief.attempt, 1));
    assert_eq!(second.brief.resume.as_ref().map(|resume| resume.stage), Some(Stage::Triage));
    second.gives_up(&t, GaveUp::ModelUnavailable).await;
    t.settle_with_ci().await;
    t.wait_minutes(9).await;
    assert_eq!(count(&t, "POST", "/dispatches"), 2, "twice as long as before");
    t.wait_minutes(2).await;

    let third = t.runner(&repository).await;
    third.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Healed by"), "{}", t.check(&pull));
    t.finish().await;
}

#[tokio::test]
async fn a_model_that_stays_down_is_left_to_people() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    for minutes in [5, 10, 20, 40, 80, 160, 0] {
        t.runner(&repository).await.gives_up(&t, GaveUp::ModelUnavailable).await;
        t.settle_with_ci().await;
        t.wait_minutes(minutes + 1).await;
    }
    let text = t.check(&pull);
    assert!(headline(&t, &pull).contains("A person is needed: nothing to try"), "{text}");
    assert!(text.contains("the agent's model could not be reached"), "{text}");
    super::events::closes(t, &pull).await;
}

#[tokio::test]
async fn a_runner_that_falls_silent_is_lost() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let silent = t.runner(&repository).await;
    t.wait_minutes(2).await;
    silent.beats().await;
    t.wait_minutes(2).await;
    assert_eq!(count(&t, "POST", "/dispatches"), 1, "it was heard of");
    t.wait_minutes(4).await;
    assert_eq!(count(&t, "POST", "/dispatches"), 2, "it was replaced");
    t.wait_minutes(25).await;
    assert_eq!(count(&t, "POST", "/dispatches"), 2, "the new one may wait for a machine");
    t.wait_minutes(10).await;
    t.wait_minutes(31).await;
    assert_eq!(count(&t, "POST", "/dispatches"), 3);
    assert_eq!(
        headline(&t, &pull),
        "selfheal  completed/action_required  A person is needed: the runner was lost"
    );
    t.finish().await;
}

#[tokio::test]
async fn a_lost_database_does_not_reset_the_count() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let ci = (".github/workflows/ci.yml", "pull_request");
    t.world.ci(&repository, ci, |_| async {
        world::RunScript::red("test", "Run cargo fmt --check", super::FMT_LOG)
    });
    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 2 of 3 is at work");

    t.lose_database().await;
    t.world.comment(&pull, "mona", "/selfheal fix");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 2 of 3 is at work");
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn a_failure_that_does_not_happen_again_is_run_again_once() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let ci = (".github/workflows/ci.yml", "pull_request");
    t.world.ci(&repository, ci, |_| async { world::RunScript::green() });
    let runner = t.runner(&repository).await;
    runner.reports(&t, &Outcome::NotReproduced { runs: Vec::new() }).await;
    t.settle_with_ci().await;
    assert_eq!(count(&t, "POST", "/rerun-failed-jobs"), 1);
    t.wait_minutes(6).await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/success  Green after running again");
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 1, "nothing was changed");
    t.finish().await;
}

#[tokio::test]
async fn ci_that_never_starts_on_our_commit_is_said() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle().await;
    assert!(headline(&t, &pull).contains("waiting for CI"));
    let runs: Vec<u64> = t.queued_ci(&repository);
    for run in runs {
        t.world.cancel_run(&repository, run);
    }
    t.wait_minutes(20).await;
    assert_eq!(
        headline(&t, &pull),
        "selfheal  completed/action_required  A person is needed: CI does not run on the fix"
    );
    t.finish().await;
}
