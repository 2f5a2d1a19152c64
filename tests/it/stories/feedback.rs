//! A fixer asks, people answer, and the same attempt goes on.

use selfheal::domain::document::Stage;
use selfheal::domain::outcome::Outcome;
use world::{Pull, Repository};

use super::{GOOD, at_work, headline};
use crate::harness::Tester;

const HOUR_MINUTES: i64 = 60;

fn asks(questions: &[&str]) -> Outcome {
    let questions = questions.iter().map(|question| (*question).to_owned()).collect();
    Outcome::Asks { questions, note: "agent:codex".to_owned(), time: 0, waited: 0 }
}

/// An attempt that has asked two questions, one of them with a trick in it.
async fn asked(t: &mut Tester) -> (Repository, Pull) {
    let (repository, pull) = at_work(t).await;
    let runner = t.runner(&repository).await;
    runner.finishes(Stage::Triage, &[]).await;
    runner.finishes(Stage::Execute, &[("notes", Some("half done\n"))]).await;
    let trick = "Which [name](https://evil.example) @mona?\n# Big";
    runner.reports(t, &asks(&["Shall `answer` be 42 or 43?", trick])).await;
    t.settle_with_ci().await;
    (repository, pull)
}

#[tokio::test]
async fn questions_are_numbered_in_the_comment_and_the_attempt_goes_on_with_the_answers() {
    let mut t = Tester::start().await;
    let (repository, pull) = asked(&mut t).await;
    let waits = "selfheal  completed/action_required  Questions wait for your answer";
    assert_eq!(headline(&t, &pull), waits);
    let comment = t.world.comment_text(&pull);
    assert!(comment.contains("**1:** Shall") && comment.contains("**2:** Which"), "{comment}");
    assert!(comment.contains("\\[name\\](") && !comment.contains("\n# Big"), "{comment}");

    t.world.comment(&pull, "reader", "/selfheal answer 1: 43 2: x");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), waits, "a reader may not");
    t.world.comment(&pull, "mona", "/selfheal answer yes");
    t.settle_with_ci().await;
    assert!(t.world.comment_text(&pull).contains("answers need numbers"));
    t.world.comment(&pull, "mona", "Well.\n/selfheal answer 2: tiny");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), waits, "one is open");
    t.world.comment(&pull, "mona", "/selfheal answer 1: 42, as\nthe docs say");
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Attempt 1 of 3 is at work"), "{}", t.check(&pull));

    let runner = t.runner(&repository).await;
    let told: Vec<_> =
        runner.brief.feedback.iter().map(|it| (it.number, it.answer.as_str())).collect();
    assert_eq!(told, [(1, "42, as\nthe docs say"), (2, "tiny")]);
    let resume = runner.brief.resume.as_ref().expect("it goes on where it was");
    assert_eq!((resume.stage, resume.work_in_progress.changes().len()), (Stage::Execute, 1));
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Healed by"), "{}", t.check(&pull));
    assert!(t.check(&pull).contains("| 1 |") && !t.check(&pull).contains("| 2 |"));
    t.finish().await;
}

#[tokio::test]
async fn people_are_reminded_twice_and_then_the_case_is_theirs() {
    let mut t = Tester::start().await;
    let (_, pull) = asked(&mut t).await;
    let reminders =
        |t: &Tester| t.world.comment_text(&pull).matches("still waits for an answer").count();
    for (hours, expected) in [(23, 0), (2, 1), (1, 1), (23, 2)] {
        t.wait_minutes(hours * HOUR_MINUTES).await;
        assert_eq!(reminders(&t), expected);
    }
    t.wait_minutes(24 * HOUR_MINUTES).await;
    assert_eq!(
        headline(&t, &pull),
        "selfheal  completed/action_required  A person is needed: a question was not answered"
    );
    assert!(t.check(&pull).contains("**1:** Shall"), "the questions are on top");
    assert_eq!(reminders(&t), 2);
    t.world.comment(&pull, "mona", "/selfheal answer 1: 42 2: x");
    t.settle_with_ci().await;
    assert!(t.world.comment_text(&pull).contains("no attempt waits for an answer"));
    t.world.comment(&pull, "mona", "/selfheal retry");
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Attempt 2 of 3 is at work"), "{}", t.check(&pull));
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn questions_that_nobody_could_answer_are_not_asked() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    let refused = runner.refused(&asks(&[])).await;
    assert!(refused.contains("there is no question"), "{refused}");
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}
