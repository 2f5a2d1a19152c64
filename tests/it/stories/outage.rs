//! GitHub is down for hours: work waits and says so, nobody's check turns red, and nothing is doubled
//! when it is back.

use super::events::heals;
use super::{BAD, GOOD, at_work, headline};
use crate::harness::Tester;

/// More failures than anybody asks for.
const ALWAYS: usize = usize::MAX;

/// Where the App shows its signature and gets tokens for it.
const TOKENS: &str = "/app/installations/{installation_id}/access_tokens";

/// GitHub answers nothing but 503 for so many hours.
async fn down_for_hours(t: &mut Tester, hours: i64) {
    t.world.fail("*", "*", (503, ALWAYS));
    for _ in 0..hours * 6 {
        t.wait_minutes(10).await;
    }
}

#[tokio::test]
async fn a_case_waits_for_github_and_goes_on_where_it_was() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let before = headline(&t, &pull);
    let runner = t.runner(&repository).await;
    let mark = t.world.mark();
    t.world.fail("*", "*", (503, ALWAYS));
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    down_for_hours(&mut t, 5).await;
    let asked: usize = t.world.requests_since(mark).iter().map(|(_, _, count)| count).sum();
    assert!((20..200).contains(&asked), "asked {asked} times: with pauses, and not given up");
    assert_eq!(headline(&t, &pull), before, "nothing turned red");
    assert_eq!(t.backlog().await.parked, 0);

    t.world.heal_faults();
    for _ in 0..3 {
        t.wait_minutes(11).await;
        t.settle_with_ci().await;
    }
    assert!(headline(&t, &pull).contains("Healed by"), "{}", t.check(&pull));
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 2);
    assert_eq!(t.world.comment_bodies(&pull).len(), 1);
    t.finish().await;
}

#[tokio::test]
async fn people_are_told_that_a_case_waits_for_github() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    // It takes writes and gives no answers, as it does on its bad days.
    t.world.fail("GET", "/repos/{owner}/{repo}/pulls/{pull_number}", (502, ALWAYS));
    for _ in 0..6 {
        t.wait_minutes(1).await;
    }
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Waiting for GitHub");
    assert!(t.check(&pull).contains("this goes on by itself when GitHub answers"));
    t.world.heal_faults();
    t.wait_minutes(11).await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    heals(&mut t, &repository, &pull).await;
    t.finish().await;
}

/// A server whose clock is wrong by an hour signs what GitHub does not take.
#[tokio::test]
async fn nothing_is_given_up_while_github_does_not_take_our_signature() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    t.world.fail("POST", TOKENS, (401, ALWAYS));
    let files = [("src/lib.rs", Some(BAD)), ("README.md", Some("again\n"))];
    t.world.push(&pull, "mona", &files).await.unwrap();
    for _ in 0..12 {
        t.wait_minutes(10).await;
        t.world.run_ci().await;
    }
    assert_eq!(t.backlog().await.parked, 0);

    t.world.heal_faults();
    for _ in 0..3 {
        t.wait_minutes(11).await;
        t.settle_with_ci().await;
    }
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    heals(&mut t, &repository, &pull).await;
    t.finish().await;
}
