//! People take our commits back: exactly those, and then hands off.

use insta::assert_snapshot;
use world::{Pull, Repository};

use super::{BAD, GOOD, at_head, at_work, count, headline};
use crate::harness::Tester;

/// What our fix adds beside, so that an undo has something to delete.
const NOTE: (&str, Option<&str>) = ("notes.txt", Some("formatted\n"));

/// Mona's pull request, healed by a commit of ours.
async fn healed(t: &mut Tester) -> (Repository, Pull) {
    let (repository, pull) = at_work(t).await;
    let runner = t.runner(&repository).await;
    runner.proposes(t, &[("src/lib.rs", Some(GOOD)), NOTE]).await;
    t.settle_with_ci().await;
    assert!(headline(t, &pull).contains("Healed by"), "{}", t.check(&pull));
    (repository, pull)
}

async fn file(t: &Tester, pull: &Pull, path: &str) -> Option<String> {
    let head = t.world.head_sha(pull);
    t.world.file(pull.repository(), &head, path).await.unwrap()
}

#[tokio::test]
async fn undo_takes_our_commit_back_and_nothing_else_and_is_left_alone() {
    let mut t = Tester::start().await;
    let (_, pull) = healed(&mut t).await;
    let files = [("a.txt", Some("mona's\n"))];
    t.world.push(&pull, "mona", &files).await.unwrap();
    t.settle_with_ci().await;
    let comment = t.world.comment(&pull, "mona", "/selfheal undo");
    t.settle_with_ci().await;
    assert_eq!(t.world.reactions(&pull, comment), ["selfheal[bot] rocket"]);
    assert_eq!(file(&t, &pull, "src/lib.rs").await.as_deref(), Some(BAD));
    assert_eq!(file(&t, &pull, "notes.txt").await, None);
    assert_eq!(file(&t, &pull, "a.txt").await.as_deref(), Some("mona's\n"));
    let said = t.check(&pull);
    let said = said.split("### What failed").next().unwrap().trim();
    assert_snapshot!(at_head(&t, &pull, said), @r"
    selfheal  completed/neutral  Undone by mona
    mona asked for it: what selfheal had committed here was taken back, and nothing else. It counts as a wrong fix, and no other is tried.

    **Next:** fix it by hand; `/selfheal resume` lets selfheal try again.
    [Resume|resume]
    ");
    // CI is red on it, hours pass, and nothing begins.
    t.wait_minutes(8 * 60).await;
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  Undone by mona");
    assert_eq!(count(&t, "POST", "/dispatches"), 1);
    let commits = t.world.commits(&pull).await.unwrap();
    assert_eq!(commits.len(), 4, "{commits:#?}");
    assert!(commits[3].starts_with("selfheal[bot]: Take back "), "{}", commits[3]);
    t.finish().await;
}

#[tokio::test]
async fn undo_is_a_button_where_something_can_be_taken_back() {
    let mut t = Tester::start().await;
    let (_, pull) = healed(&mut t).await;
    assert_eq!(t.world.buttons(&pull), ["undo"]);
    t.world.click(&pull, "reader", "undo").unwrap();
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Healed by"), "a reader may not");
    t.world.click(&pull, "mona", "undo").unwrap();
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  Undone by mona");
    assert_eq!(t.world.buttons(&pull), ["resume"]);

    t.world.comment(&pull, "mona", "/selfheal undo");
    t.settle_with_ci().await;
    let said = t.world.comment_bodies(&pull).join("\n");
    assert!(said.contains("there is no commit of selfheal's to take back"), "{said}");

    t.world.click(&pull, "mona", "resume").unwrap();
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 2 of 3 is at work");
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn undo_leaves_everything_where_a_person_has_changed_the_same_file() {
    let mut t = Tester::start().await;
    let (_, pull) = healed(&mut t).await;
    let theirs = "pub fn answer() -> u8 {\n    43\n}\n";
    t.world.push(&pull, "mona", &[("src/lib.rs", Some(theirs))]).await.unwrap();
    t.settle_with_ci().await;
    let comment = t.world.comment(&pull, "mona", "/selfheal undo");
    t.settle_with_ci().await;
    assert_eq!(t.world.reactions(&pull, comment), ["selfheal[bot] -1"]);
    let said = t.world.comment_bodies(&pull).join("\n");
    assert!(said.contains("somebody has changed"), "{said}");
    assert_eq!(file(&t, &pull, "src/lib.rs").await.as_deref(), Some(theirs));
    assert_eq!(file(&t, &pull, "notes.txt").await.as_deref(), Some("formatted\n"));
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 3);
    t.finish().await;
}

#[tokio::test]
async fn an_undo_that_meets_a_push_tells_so_and_is_done_when_asked_again() {
    let mut t = Tester::start().await;
    let (_, pull) = healed(&mut t).await;
    t.world.comment(&pull, "mona", "/selfheal undo");
    t.steps_until_case(&pull, |state| state.undoing().is_some()).await;
    t.world.push(&pull, "mona", &[("a.txt", Some("late\n"))]).await.unwrap();
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  Stopped by mona, and not undone");
    assert!(t.check(&pull).contains("somebody pushed at that very moment"));
    assert_eq!(file(&t, &pull, "src/lib.rs").await.as_deref(), Some(GOOD));
    t.world.comment(&pull, "mona", "/selfheal undo");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  Undone by mona");
    assert_eq!(file(&t, &pull, "src/lib.rs").await.as_deref(), Some(BAD));
    assert_eq!(file(&t, &pull, "a.txt").await.as_deref(), Some("late\n"));
    t.finish().await;
}

#[tokio::test]
async fn an_undo_is_remembered_by_the_branch_when_the_database_is_lost() {
    let mut t = Tester::start().await;
    let (_, pull) = healed(&mut t).await;
    let backup = t.back_up().await;
    t.world.click(&pull, "mona", "undo").unwrap();
    t.settle_with_ci().await;
    t.put_back(&backup).await;
    for _ in 0..2 {
        t.reconcile().await;
        t.settle_with_ci().await;
    }
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  Undone by mona");
    assert_eq!(count(&t, "POST", "/dispatches"), 1);
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 3);
    t.finish().await;
}
