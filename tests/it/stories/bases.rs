//! A broken base branch: one pull request of our own mends it, for all that fail because of it.

use std::sync::Arc;

use insta::assert_snapshot;
use selfheal::domain::cause::Standing;
use selfheal::domain::ids::{PrNumber, RepoId};
use selfheal::service::Services;
use selfheal::service::simulate::pull_request;
use selfheal::service::worker::Worker;
use world::{Pull, Repository, RunScript};

use super::causes::{broken_base, ci_of_pushes, harmless, mend};
use super::reading::red;
use super::{BAD, CI, GOOD, at_head, count, headline, widget_of};
use crate::harness::Tester;

const BRANCH: &str = "selfheal/mend-main";

/// The pull requests that were ever opened to mend `main`, oldest first.
fn mending(t: &Tester, repository: &Repository) -> Vec<Pull> {
    t.world.pulls_from(repository, BRANCH)
}

/// The only one.
#[track_caller]
fn the_one(t: &Tester, repository: &Repository) -> Pull {
    let all = mending(t, repository);
    assert_eq!(all.len(), 1, "{}", t.world.requests_text(0));
    all[0].clone()
}

/// A base branch that is broken, and two pull requests that fail because of it.
async fn two_wait(t: &mut Tester, policy: &str) -> (Repository, [Pull; 2]) {
    let (repository, one) = broken_base(t, policy).await;
    let other = harmless(t, &repository, "more-words").await;
    t.settle_with_ci().await;
    (repository, [one, other])
}

/// The runner repairs what is red on the pull request of our own, and CI is green there.
async fn healed(t: &mut Tester, repository: &Repository) -> Pull {
    let ours = the_one(t, repository);
    let runner = t.runner(repository).await;
    runner.proposes(t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    assert!(headline(t, &ours).starts_with("selfheal  completed/success  Healed by"));
    ours
}

fn waits(t: &Tester, pull: &Pull) -> bool {
    headline(t, pull) == "selfheal  completed/neutral  Broken on the base branch, not here"
}

#[tokio::test]
async fn one_pull_request_mends_it_for_all_and_they_are_told_when_it_lands() {
    let mut t = Tester::start().await;
    let (repository, pulls) = two_wait(&mut t, "version: 1\n").await;
    let ours = the_one(&t, &repository);
    assert_eq!(t.world.pull_text(&ours), "#2 open, draft: Mend main");
    assert_eq!(headline(&t, &ours), "selfheal  in_progress  Attempt 1 of 3 is at work");
    for pull in &pulls {
        assert!(waits(&t, pull), "{}", headline(&t, pull));
        let text = t.check(pull);
        assert!(text.contains("fails on `main`, too, and #2 is mending it."), "{text}");
    }
    let body = t.world.pull_body(&ours);
    assert!(body.contains("- #1\n- #3\n"), "{body}");

    healed(&mut t, &repository).await;
    assert_eq!(t.world.pull_text(&ours), "#2 open: Mend main", "ready for review");
    let base = t.world.tip(&repository, "main").await.unwrap();
    let body = at_head(&t, &ours, &t.world.pull_body(&ours)).replace(&base, "BASE");
    let failed = "CI of `main` is red at BASE, and pull requests fail because of it.";
    assert!(body.starts_with("<!-- selfheal:mends ") && body.contains(failed), "{body}");
    assert!(body.contains("| `src/lib.rs:1` | rustfmt: Diff in src/lib.rs:1: |"), "{body}");
    let (_, body) = body.split_once("### What was fixed\n\n").unwrap();
    let (body, _) = body.split_once("\n<sub>").unwrap();
    assert_snapshot!(body.trim_end(), @r"
    HEAD `recipe:rustfmt`: Run rustfmt.

    ### Who waits

    - #1
    - #3

    ### What happens now

    CI is green. Review it like any other and merge it; then those that wait are told.
    ");
    let commits = t.world.commits(&ours).await.unwrap();
    assert_eq!(commits.len(), 2, "{commits:?}");
    assert_eq!(count(&t, "POST", "/dispatches"), 1, "one fix for all of them");

    t.world.merge(&ours, "mona").await.unwrap();
    t.settle_with_ci().await;
    for pull in &pulls {
        assert_eq!(headline(&t, pull), "selfheal  completed/neutral  The base branch is mended");
        let told = t.world.comment_text(pull);
        assert!(told.contains("is mended there since, by #2."), "{told}");
        assert!(told.contains("merge `main` into this branch, or rebase it"), "{told}");
    }
    assert_eq!(mending(&t, &repository).len(), 1);
    t.finish().await;
}

#[tokio::test]
async fn where_the_policy_says_so_all_are_brought_up_to_date_and_green() {
    let mut t = Tester::start().await;
    let policy = "version: 1\nbase:\n  when_mended: update\n";
    let (repository, pulls) = two_wait(&mut t, policy).await;
    let ours = healed(&mut t, &repository).await;
    t.world.merge(&ours, "mona").await.unwrap();
    t.settle_with_ci().await;
    assert_eq!(count(&t, "PUT", "/update-branch"), 2);
    for pull in &pulls {
        let files = t.world.file(&repository, &t.world.head_sha(pull), "src/lib.rs").await;
        assert_eq!(files.unwrap().as_deref(), Some(GOOD));
        assert_ne!(headline(&t, pull), "selfheal  completed/neutral  The base branch is mended");
    }
    t.finish().await;
}

#[tokio::test]
async fn where_the_policy_says_no_nothing_is_opened() {
    let mut t = Tester::start().await;
    let policies = [
        "version: 1\nbase:\n  heal: off\n",
        "version: 1\nkinds: [lint]\n",
        "version: 1\nbranches:\n  include: [release]\n",
    ];
    let (repository, pulls) = two_wait(&mut t, policies[0]).await;
    assert!(pulls.iter().all(|pull| waits(&t, pull)));
    for policy in &policies[1..] {
        let files = [(".github/selfheal.yml", Some(*policy))];
        t.world.push_to(&repository, "main", "mona", &files).await.unwrap();
        t.settle_with_ci().await;
    }
    assert_eq!(mending(&t, &repository), []);
    assert_eq!(count(&t, "POST", "/git/refs"), 0);
    t.finish().await;
}

#[tokio::test]
async fn what_somebody_else_mends_first_is_closed_and_its_branch_deleted() {
    let mut t = Tester::start().await;
    let (repository, pulls) = two_wait(&mut t, "version: 1\n").await;
    let ours = the_one(&t, &repository);
    mend(&mut t, &repository).await;
    assert_eq!(t.world.pull_text(&ours), "#2 closed: Mend main");
    assert!(t.world.comment_text(&ours).contains("without this pull request"));
    assert!(t.world.tip(&repository, BRANCH).await.is_err(), "its branch is gone");
    assert_eq!(t.world.dispatched(&repository).len(), 0, "and nobody works on it any more");
    for pull in &pulls {
        let told = t.world.comment_text(pull);
        assert!(told.contains("is mended there since."), "{told}");
    }

    // The same breaks again: that nobody wanted the last one was never said.
    let files = [("src/lib.rs", Some(BAD))];
    t.world.push_to(&repository, "main", "mona", &files).await.unwrap();
    harmless(&t, &repository, "later-words").await;
    t.settle_with_ci().await;
    assert_eq!(mending(&t, &repository).len(), 2);
    t.finish().await;
}

#[tokio::test]
async fn what_a_person_has_pushed_to_is_theirs() {
    let mut t = Tester::start().await;
    let (repository, _) = two_wait(&mut t, "version: 1\n").await;
    let ours = the_one(&t, &repository);
    let files = [("README.md", Some("I have a look\n"))];
    let mine = t.world.push(&ours, "mona", &files).await.unwrap();
    t.settle_with_ci().await;
    mend(&mut t, &repository).await;
    assert_eq!(t.world.pull_text(&ours), "#2 open, draft: Mend main");
    assert_eq!(t.world.tip(&repository, BRANCH).await.unwrap(), mine);

    // Closed by hand, its branch is left: what is on it is nobody's to move.
    t.world.close(&ours, "mona");
    let files = [("src/lib.rs", Some("pub fn other( ) -> u8 { 1 }\n"))];
    t.world.push_to(&repository, "main", "mona", &files).await.unwrap();
    t.settle_with_ci().await;
    assert_eq!(t.world.tip(&repository, BRANCH).await.unwrap(), mine);
    assert_eq!(mending(&t, &repository).len(), 1);
    t.finish().await;
}

#[tokio::test]
async fn what_a_person_closes_is_not_opened_again_for_the_same_failure() {
    let mut t = Tester::start().await;
    let (repository, pulls) = two_wait(&mut t, "version: 1\n").await;
    t.world.close(&the_one(&t, &repository), "mona");
    t.settle_with_ci().await;
    let files = [("README.md", Some("another commit\n"))];
    t.world.push_to(&repository, "main", "mona", &files).await.unwrap();
    t.settle_with_ci().await;
    t.wait_minutes(30).await;
    assert_eq!(mending(&t, &repository).len(), 1);
    assert!(pulls.iter().all(|pull| waits(&t, pull)));
    let text = t.check(&pulls[0]);
    assert!(!text.contains("is mending it"), "{text}");
    t.finish().await;
}

/// A replica of the server: the same store and forge, and a memory of its own.
fn replica(t: &Tester) -> Worker {
    let services = t.app().services().clone();
    Worker::new(Services { bases: Arc::default(), policies: Arc::default(), ..services })
}

#[tokio::test]
async fn replicas_that_meet_the_same_break_at_once_open_one() {
    let mut t = Tester::start().await;
    let repository = widget_of(&t.world, "version: 1\n").await;
    ci_of_pushes(&t, &repository);
    t.world.push_to(&repository, "main", "mona", &[("src/lib.rs", Some(BAD))]).await.unwrap();
    t.settle_with_ci().await;
    for branch in ["one", "two", "three"] {
        harmless(&t, &repository, branch).await;
    }
    t.world.run_ci().await;
    let (one, other) = (replica(&t), replica(&t));
    for _ in 0..60 {
        t.world.deliver(&format!("{}/webhooks/github", t.url())).await;
        let (first, second) = tokio::join!(one.step(), other.step());
        first.and(second).unwrap();
        t.clock.advance(500);
    }
    t.settle_with_ci().await;
    let ours = the_one(&t, &repository);
    assert_eq!(count(&t, "POST", "/pulls"), 1);
    assert_eq!(count(&t, "POST", "/git/refs"), 1);
    assert!(t.world.pull_body(&ours).contains("- #1\n- #2\n- #3\n"));
    t.finish().await;
}

#[tokio::test]
async fn it_is_said_beforehand_what_would_be_done() {
    let mut t = Tester::start().await;
    let (repository, pulls) = two_wait(&mut t, "version: 1\n").await;
    let facts = async |pull: &Pull| {
        let (store, repo) = (&t.app().services().store, RepoId::new(repository.id()));
        let record = store.pull(repo, PrNumber::new(pull.number())).await.unwrap();
        record.unwrap().head
    };
    let said = async |pull: &Pull| {
        let head = facts(pull).await;
        let said = pull_request(t.app().services(), &head.repo, head.number).await.unwrap();
        let mending = said.evidence.and_then(|read| read.judgement.base?.mending);
        (said.standing, mending)
    };
    let ours = the_one(&t, &repository);
    let number = PrNumber::new(ours.number());
    assert_eq!(said(&pulls[0]).await, (Some(Standing::BaseBroken), Some(number)));
    assert_eq!(said(&ours).await, (Some(Standing::Ours), None));
    t.finish().await;
}

#[tokio::test]
async fn a_server_that_forgets_everything_opens_no_second_one() {
    let mut t = Tester::start().await;
    t.restart_before_every_step();
    let (repository, _) = two_wait(&mut t, "version: 1\n").await;
    let ours = the_one(&t, &repository);
    t.lose_database().await;
    for pull in ["words", "more-words"] {
        let pull = t.world.pulls_from(&repository, pull).remove(0);
        t.world.comment(&pull, "mona", "/selfheal status");
        t.world.retitle(&pull, "mona", "Words");
    }
    t.settle_with_ci().await;
    assert_eq!(the_one(&t, &repository), ours);
    assert_eq!(count(&t, "POST", "/pulls"), 1);
    t.finish().await;
}

#[tokio::test]
async fn a_repository_without_drafts_gets_an_ordinary_pull_request() {
    let mut t = Tester::start().await;
    let repository = widget_of(&t.world, "version: 1\n").await;
    t.world.without_drafts(&repository);
    ci_of_pushes(&t, &repository);
    t.world.push_to(&repository, "main", "mona", &[("src/lib.rs", Some(BAD))]).await.unwrap();
    t.settle_with_ci().await;
    harmless(&t, &repository, "words").await;
    t.settle_with_ci().await;
    let ours = the_one(&t, &repository);
    assert_eq!(t.world.pull_text(&ours), "#2 open: Mend main");
    healed(&mut t, &repository).await;
    t.finish().await;
}

#[tokio::test]
async fn what_is_green_without_any_change_is_closed() {
    let mut t = Tester::start().await;
    let repository = widget_of(&t.world, "version: 1\n").await;
    t.world.ci(&repository, (CI, "push"), |_| async { red(super::FMT_LOG) });
    t.world.ci(&repository, (CI, "pull_request"), |run| async move {
        if run.branch == BRANCH { RunScript::green() } else { red(super::FMT_LOG) }
    });
    t.world.push_to(&repository, "main", "mona", &[("x", Some("x"))]).await.unwrap();
    t.settle_with_ci().await;
    let pull = harmless(&t, &repository, "words").await;
    t.world.ci(&repository, (CI, "push"), |_| async { RunScript::green() });
    t.settle_with_ci().await;
    let ours = the_one(&t, &repository);
    assert_eq!(t.world.pull_text(&ours), "#2 closed: Mend main");
    assert!(t.world.comment_text(&ours).contains("CI is green here without any change"));
    assert!(waits(&t, &pull), "{}", headline(&t, &pull));
    t.wait_minutes(30).await;
    assert_eq!(mending(&t, &repository).len(), 1, "not again for the same commit");
    t.finish().await;
}

#[tokio::test]
async fn the_base_of_a_stacked_pull_request_is_healed_there() {
    let mut t = Tester::start().await;
    let repository = widget_of(&t.world, "version: 1\n").await;
    ci_of_pushes(&t, &repository);
    let files = [("src/lib.rs", Some(BAD))];
    let lower = t.world.pull_request(&repository).by("mona").from_branch("lower");
    let lower = lower.files(&files).open().await.unwrap();
    t.settle_with_ci().await;
    let upper = harmless(&t, &repository, "upper").await;
    let at = t.world.head_sha(&lower);
    t.world.retarget(&upper, "mona", ("lower", &at));
    t.world.push(&upper, "mona", &files).await.unwrap();
    t.settle_with_ci().await;
    assert!(waits(&t, &upper), "{}", headline(&t, &upper));
    assert_eq!(count(&t, "POST", "/pulls"), 0);
    assert_eq!(headline(&t, &lower), "selfheal  in_progress  Attempt 1 of 3 is at work");
    t.finish().await;
}
