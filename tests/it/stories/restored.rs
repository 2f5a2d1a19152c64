//! An older database is put back and the server starts on it: nothing that GitHub has seen since is done
//! again, nothing is forgotten, and every case comes to the end that it had.

use world::RunScript;

use super::{BAD, CI, FMT_LOG, GOOD, at_work, broken_pull, count, headline, widget};
use crate::harness::Tester;

/// What people would notice if it came twice: method and route.
const ONCE: &[(&str, &str)] = &[
    ("POST", "/check-runs"),
    ("POST", "/issues/{issue_number}/comments"),
    ("POST", "/git/commits"),
    ("POST", "/dispatches"),
    ("POST", "/rerun-failed-jobs"),
];

/// Of the moments between two steps, one of so many is tried: each takes a second.
const MOMENTS_EVERY: usize = 4;

fn done(t: &Tester) -> Vec<usize> {
    ONCE.iter().map(|(method, route)| count(t, method, route)).collect()
}

/// All that happens by itself in the ten minutes after a start.
async fn goes_on(t: &mut Tester) {
    t.settle_with_ci().await;
    for _ in 0..2 {
        t.reconcile().await;
        t.settle_with_ci().await;
    }
}

#[tokio::test]
async fn a_backup_of_any_moment_of_a_healed_case_repeats_nothing() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    t.settle().await;
    t.back_up_before_every_step();
    let pull = broken_pull(&t, &repository).await;
    t.settle_with_ci().await;
    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    let backups: Vec<_> = t.backups().into_iter().step_by(MOMENTS_EVERY).collect();
    let shown = t.check(&pull);
    assert!(backups.len() > 10 && shown.contains("Healed by"), "{} {shown}", backups.len());
    let (before, comments) = (done(&t), t.world.comment_bodies(&pull));
    for (moment, backup) in backups.iter().enumerate() {
        t.put_back(backup).await;
        goes_on(&mut t).await;
        assert_eq!(done(&t), before, "before step {moment}, of {ONCE:?}");
        assert!(headline(&t, &pull).contains("Healed by"), "{moment}: {}", t.check(&pull));
        assert_eq!(t.world.commits(&pull).await.unwrap().len(), 2, "{moment}");
        assert_eq!(t.world.comment_bodies(&pull).len(), comments.len(), "{moment}");
        let states = t.case_states().await;
        assert!(states.is_empty() || states == ["healed"], "{moment}: {states:?}");
        assert_eq!(t.backlog().await.parked, 0, "{moment}");
    }
    t.finish().await;
}

#[tokio::test]
async fn a_commit_that_nobody_remembers_is_proven_and_not_made_again() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let backup = t.back_up().await;
    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle().await;
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 2, "CI has not run yet");
    let before = done(&t);
    t.put_back(&backup).await;
    goes_on(&mut t).await;
    assert_eq!(done(&t), before, "{ONCE:?}");
    assert!(headline(&t, &pull).contains("Healed by"), "{}", t.check(&pull));
    assert_eq!(t.case_states().await, ["healed"]);
    t.finish().await;
}

#[tokio::test]
async fn a_commit_that_nobody_remembers_and_that_does_not_hold_costs_its_attempt() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    t.world.ci(&repository, (CI, "pull_request"), |run| async move {
        match run.file("src/lib.rs").await.as_deref() {
            Some(GOOD) => RunScript::green(),
            _ => RunScript::red("test", "Run cargo fmt --check", FMT_LOG),
        }
    });
    let backup = t.back_up().await;
    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some("pub fn answer( ) -> u8 { 43 }\n"))]).await;
    t.settle().await;
    t.put_back(&backup).await;
    goes_on(&mut t).await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 2 of 3 is at work");
    super::events::heals(&mut t, &repository, &pull).await;
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 3);
    assert_eq!(t.world.comment_bodies(&pull).len(), 1);
    t.finish().await;
}

#[tokio::test]
async fn a_push_of_a_person_after_the_backup_is_not_taken_for_ours() {
    let mut t = Tester::start().await;
    let (_, pull) = at_work(&mut t).await;
    let backup = t.back_up().await;
    let other = format!("{BAD}// mine\n");
    t.world.push(&pull, "mona", &[("src/lib.rs", Some(&other))]).await.unwrap();
    t.settle().await;
    t.put_back(&backup).await;
    goes_on(&mut t).await;
    assert_eq!(count(&t, "POST", "/git/commits"), 0);
    super::events::closes(t, &pull).await;
}

#[tokio::test]
async fn what_people_said_after_the_backup_is_heard_again_and_answered_once() {
    let mut t = Tester::start().await;
    let (_, pull) = at_work(&mut t).await;
    let backup = t.back_up().await;
    t.world.comment(&pull, "mona", "/selfheal stop");
    t.world.comment(&pull, "mona", "/selfheal status");
    t.settle().await;
    assert!(headline(&t, &pull).contains("Stopped by mona"), "{}", t.check(&pull));
    let (before, comments) = (done(&t), t.world.comment_bodies(&pull).len());
    t.put_back(&backup).await;
    goes_on(&mut t).await;
    assert!(headline(&t, &pull).contains("Stopped by mona"), "{}", t.check(&pull));
    assert_eq!((done(&t), t.world.comment_bodies(&pull).len()), (before, comments));
    super::events::closes(t, &pull).await;
}
