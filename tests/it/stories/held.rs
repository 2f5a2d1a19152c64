//! What waits for a person's word, and what is given back.

use world::{Pull, Repository};

use super::{BAD, GOOD, at_work, broken_pull, count, headline, widget, widget_of};
use crate::harness::Tester;

const LOCK: (&str, Option<&str>) = ("Cargo.lock", Some("version = 4\n"));

#[tokio::test]
async fn a_patch_on_a_lock_file_waits_and_is_committed_when_a_person_approves() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD)), LOCK]).await;
    t.settle_with_ci().await;
    assert_eq!(
        headline(&t, &pull),
        "selfheal  completed/action_required  A fix waits for your word"
    );
    assert!(t.check(&pull).contains("+version = 4"), "the patch is shown");
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 1);

    t.world.comment(&pull, "reader", "/selfheal approve");
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("waits"), "a reader may not");

    t.world.comment(&pull, "mona", "/selfheal approve");
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Healed by"));
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 2);
    t.finish().await;
}

#[tokio::test]
async fn a_held_patch_is_approved_by_button_too_but_only_by_those_who_may() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD)), LOCK]).await;
    t.settle_with_ci().await;
    t.world.click(&pull, "reader", "approve").unwrap();
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("waits"));
    t.world.click(&pull, "mona", "approve").unwrap();
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Healed by"));
    t.finish().await;
}

#[tokio::test]
async fn a_rejected_patch_is_never_committed() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD)), LOCK]).await;
    t.settle_with_ci().await;
    t.world.comment(&pull, "mona", "/selfheal reject");
    t.settle_with_ci().await;
    assert_eq!(
        headline(&t, &pull),
        "selfheal  completed/action_required  A person is needed: the patch was rejected"
    );
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 1);
    t.finish().await;
}

#[tokio::test]
async fn a_patch_on_the_workflows_is_refused_whatever_it_is_called() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    for path in [".github/workflows/ci.yml", ".GitHub/Workflows/new.yml", "sub/CLAUDE.md"] {
        let runner = t.runner(&repository).await;
        runner.proposes(&t, &[("src/lib.rs", Some(GOOD)), (path, Some("x\n"))]).await;
        t.settle_with_ci().await;
    }
    assert!(headline(&t, &pull).contains("3 of 3 attempts used"));
    assert!(t.check(&pull).contains("the gate refused the patch: refuse protected-path"));
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 1);
    t.finish().await;
}

#[tokio::test]
async fn a_patch_whose_proof_is_of_something_else_is_refused() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    let patch = crate::harness::patch(&[("src/lib.rs", Some(GOOD))]);
    let other = crate::harness::patch(&[("src/lib.rs", Some(BAD))]);
    let outcome = selfheal::domain::outcome::Outcome::Proposed {
        proof: Box::new(runner.proof(&other)),
        patch,
        fixer: "command:liar".into(),
        summary: "All tests pass.".into(),
    };
    runner.reports(&t, &outcome).await;
    t.settle_with_ci().await;
    assert!(t.check(&pull).contains("the proof was made for another patch"));
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 1);
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn auto_merge_is_held_while_we_work_and_restored_as_it_was() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let pull = broken_pull(&t, &repository).await;
    t.world.enable_auto_merge(&pull, "mona", "squash");
    t.settle_with_ci().await;
    assert_eq!(t.world.auto_merge(&pull), None, "held");
    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    let (_, method) = t.world.auto_merge(&pull).expect("restored");
    assert_eq!(method, "squash");
    t.finish().await;
}

#[tokio::test]
async fn auto_merge_is_left_alone_where_our_check_is_required() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    t.world.require_check(&repository, "main", "selfheal");
    let pull = broken_pull(&t, &repository).await;
    t.world.enable_auto_merge(&pull, "mona", "merge");
    t.settle_with_ci().await;
    assert!(t.world.auto_merge(&pull).is_some());
    assert_eq!(count(&t, "POST", "/graphql"), 1, "a file was read, and nothing switched");
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn an_update_bots_branch_is_marked_while_we_work_and_unmarked_after() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let files = [("src/lib.rs", Some(BAD))];
    let pull = t.world.pull_request(&repository).by("renovate[bot]").files(&files);
    let pull = pull.open().await.unwrap();
    t.settle_with_ci().await;
    assert_eq!(t.world.labels(&pull), ["selfheal", "stop-updating"]);
    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Healed by"), "{}", t.check(&pull));
    assert!(t.world.labels(&pull).is_empty());
    t.finish().await;
}

#[tokio::test]
async fn a_persons_stop_label_is_respected_at_every_step() {
    for label in ["stop-updating", "selfheal:stop"] {
        let mut t = Tester::start().await;
        let (repository, pull) = at_work(&mut t).await;
        let runner = t.runner(&repository).await;
        t.world.label(&pull, "mona", label);
        t.settle().await;
        assert!(headline(&t, &pull).contains("Stopped by the label"));
        assert_eq!(t.world.labels(&pull), [label], "ours is removed, theirs stays");
        runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
        t.settle_with_ci().await;
        assert_eq!(t.world.commits(&pull).await.unwrap().len(), 1);

        t.world.unlabel(&pull, "mona", label);
        t.settle_with_ci().await;
        assert!(headline(&t, &pull).contains("Attempt 2 of 3 is at work"));
        t.world.close(&pull, "mona");
        t.settle_with_ci().await;
        t.finish().await;
    }
}

/// A test of the pull request's own, which its author wrote.
const TEST: (&str, &str) =
    ("tests/answer.rs", "#[test]\nfn it_is_known() {\n    assert_eq!(widget::answer(), 42);\n}\n");

/// Mona's pull request with that test, while an attempt is at work on it.
async fn tested(t: &mut Tester, policy: &str) -> (Repository, Pull) {
    let repository = widget_of(&t.world, policy).await;
    let files = [("src/lib.rs", Some(BAD)), (TEST.0, Some(TEST.1))];
    let pull = t.world.pull_request(&repository).by("mona").files(&files).open().await.unwrap();
    t.settle_with_ci().await;
    (repository, pull)
}

#[tokio::test]
async fn a_fix_that_weakens_a_test_is_refused_with_the_place() {
    let mut t = Tester::start().await;
    let (repository, pull) = tested(&mut t, "version: 1\n").await;
    let skipped = TEST.1.replace("#[test]", "#[test]\n#[ignore]");
    let emptied = TEST.1.replace("    assert_eq!(widget::answer(), 42);\n", "");
    for weakened in [Some(skipped.as_str()), Some(emptied.as_str()), None] {
        let runner = t.runner(&repository).await;
        runner.proposes(&t, &[("src/lib.rs", Some(GOOD)), (TEST.0, weakened)]).await;
        t.settle_with_ci().await;
    }
    assert!(headline(&t, &pull).contains("3 of 3 attempts used"), "{}", headline(&t, &pull));
    assert!(t.check(&pull).contains("refuse test-removed"), "{}", t.check(&pull));
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 1);
    t.finish().await;
}

#[tokio::test]
async fn a_fix_that_edits_what_a_test_expects_waits_and_is_shown() {
    let mut t = Tester::start().await;
    let (repository, pull) = tested(&mut t, "version: 1\n").await;
    let edited = TEST.1.replace("42", "43");
    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD)), (TEST.0, Some(edited.as_str()))]).await;
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("A fix waits for your word"));
    let check = t.check(&pull);
    assert!(check.contains("expected-edited"), "{check}");
    t.finish().await;
}

#[tokio::test]
async fn what_a_repository_puts_up_with_is_committed() {
    let mut t = Tester::start().await;
    let (repository, pull) = tested(&mut t, "gate: {expected-edited: note}\n").await;
    let edited = TEST.1.replace("42", "43");
    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD)), (TEST.0, Some(edited.as_str()))]).await;
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Healed by"), "{}", headline(&t, &pull));
    t.finish().await;
}
