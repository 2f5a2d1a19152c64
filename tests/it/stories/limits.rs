//! Limits of the server: work waits for room, says so, and goes on by itself.

use selfheal::domain::limits::Limits;
use world::Pull;

use super::events::{closes, heals};
use super::{BAD, at_work, count, headline};
use crate::harness::Tester;

const AT_WORK: &str = "selfheal  in_progress  Attempt 1 of 3 is at work";

/// A second pull request of the same repository, red like the first.
async fn another(t: &mut Tester, repository: &world::Repository) -> Pull {
    let files = [("src/lib.rs", Some(BAD)), ("NEWS.md", Some("news\n"))];
    let pull = t.world.pull_request(repository).by("mona").from_branch("another").files(&files);
    let pull = pull.open().await.unwrap();
    t.settle_with_ci().await;
    pull
}

#[tokio::test]
async fn an_attempt_waits_for_room_on_the_server_and_for_its_installation() {
    let most = Limits::default();
    for (limits, words) in [
        (Limits { attempts: 1, ..most }, "1 attempts are at work on this server"),
        (
            Limits { installation_attempts: 1, ..most },
            "1 attempts are at work for this installation",
        ),
    ] {
        let mut t = Tester::start().await;
        t.limit(limits).await;
        let (repository, first) = at_work(&mut t).await;
        let second = another(&mut t, &repository).await;
        t.wait_minutes(30).await;
        assert_eq!(headline(&t, &second), "selfheal  in_progress  Reading what failed");
        assert!(t.check(&second).contains(words), "{}", t.check(&second));

        heals(&mut t, &repository, &first).await;
        t.wait_minutes(2).await;
        assert_eq!(headline(&t, &second), AT_WORK);
        closes(t, &second).await;
    }
}

#[tokio::test]
async fn a_red_head_waits_while_its_repository_has_as_many_cases_as_it_may() {
    let mut t = Tester::start().await;
    t.limit(Limits { repository_cases: 1, ..Limits::default() }).await;
    let (repository, first) = at_work(&mut t).await;
    let second = another(&mut t, &repository).await;
    for _ in 0..3 {
        t.wait_minutes(11).await;
    }
    assert_eq!(headline(&t, &second), "selfheal  completed/neutral  Waiting for room");
    assert!(t.check(&second).contains("1 cases are open in this repository"));
    let written =
        count(&t, "POST", "/check-runs") + count(&t, "PATCH", "/check-runs/{check_run_id}");
    t.wait_minutes(11).await;
    let again = count(&t, "POST", "/check-runs") + count(&t, "PATCH", "/check-runs/{check_run_id}");
    assert_eq!(again, written, "said once, however long it waits");
    heals(&mut t, &repository, &first).await;
    t.wait_minutes(11).await;
    assert_eq!(headline(&t, &second), AT_WORK, "in the same check run");
    closes(t, &second).await;
}

#[tokio::test]
async fn a_head_that_became_green_while_it_waited_says_so_once() {
    let mut t = Tester::start().await;
    t.limit(Limits { repository_cases: 1, ..Limits::default() }).await;
    let (repository, first) = at_work(&mut t).await;
    let second = another(&mut t, &repository).await;
    assert_eq!(headline(&t, &second), "selfheal  completed/neutral  Waiting for room");
    t.world.ci_run(&second, &world::RunScript::green());
    for _ in 0..3 {
        t.settle_with_ci().await;
        t.wait_minutes(11).await;
        assert_eq!(headline(&t, &second), "selfheal  completed/neutral  Green");
    }
    heals(&mut t, &repository, &first).await;
    closes(t, &second).await;
}
