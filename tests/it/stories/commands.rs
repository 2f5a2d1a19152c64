//! Commands and who may give them.

use super::{BAD, at_work, count, headline, widget};
use crate::harness::Tester;

#[tokio::test]
async fn stop_means_hands_off_until_resume_across_pushes() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    let comment = t.world.comment(&pull, "mona", "/selfheal stop");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  Stopped by mona");
    assert_eq!(t.world.reactions(&pull, comment), ["selfheal[bot] rocket"]);
    let cancelled = t.world.run_state(&repository, runner.run.run_id).unwrap().1;
    assert_eq!(cancelled.as_deref(), Some("cancelled"));

    let files = [("src/lib.rs", Some(BAD)), ("a.txt", Some("a\n"))];
    t.world.push(&pull, "mona", &files).await.unwrap();
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  Stopped by mona");
    assert_eq!(count(&t, "POST", "/dispatches"), 1);

    t.world.click(&pull, "mona", "resume").unwrap();
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

/// Commands whose webhooks come the wrong way round, because the first is only found in GitHub's log.
#[tokio::test]
async fn a_resume_that_arrives_after_a_later_stop_resumes_nothing() {
    let mut t = Tester::start().await;
    let (_, pull) = at_work(&mut t).await;
    t.world.comment(&pull, "mona", "/selfheal stop");
    t.settle_with_ci().await;
    t.wait_minutes(1).await;
    t.world.lose_webhooks(1);
    let late = t.world.comment(&pull, "mona", "/selfheal resume");
    t.wait_minutes(1).await;
    t.world.comment(&pull, "mona", "/selfheal stop");
    t.settle_with_ci().await;
    assert_eq!(t.world.reactions(&pull, late), [""; 0], "nobody has heard of it");

    assert_eq!(t.reconcile().await.recorded, 1);
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  completed/neutral  Stopped by mona");
    assert_eq!(t.world.reactions(&pull, late), ["selfheal[bot] -1"]);
    let said = t.world.comment_bodies(&pull).join("\n");
    assert!(said.contains("mona has said \"stop\" since then"), "{said}");
    assert_eq!(count(&t, "POST", "/dispatches"), 1);
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn questions_are_answered_once_in_words() {
    let mut t = Tester::start().await;
    let (_, pull) = at_work(&mut t).await;
    let sticky = t.world.comment_bodies(&pull).len();
    for (command, words) in [
        ("/selfheal help", "| `/selfheal approve` | write access |"),
        ("/heal status", "**Attempt 1 of 3 is at work**"),
        ("/selfheal explain", "### The lines that matter"),
        ("/selfheal dance", "this is no command that I know"),
    ] {
        let before = t.world.comment_bodies(&pull).len();
        t.world.comment(&pull, "reader", command);
        t.settle_with_ci().await;
        let bodies = t.world.comment_bodies(&pull);
        assert_eq!(bodies.len(), before + 1, "{command}");
        assert!(bodies.iter().any(|body| body.contains(words)), "{command}: {bodies:#?}");
    }
    assert_eq!(t.world.comment_bodies(&pull).len(), sticky + 4);
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn those_who_may_not_are_told_so() {
    let mut t = Tester::start().await;
    let (_, pull) = at_work(&mut t).await;
    let comment = t.world.comment(&pull, "reader", "/selfheal stop");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    assert_eq!(t.world.reactions(&pull, comment), ["selfheal[bot] -1"]);
    let said = t.world.comment_bodies(&pull).join("\n");
    assert!(said.contains("this needs write access to the repository"));
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn bots_and_edits_are_not_listened_to() {
    let mut t = Tester::start().await;
    let (_, pull) = at_work(&mut t).await;
    let before = t.world.comment_bodies(&pull).len();
    t.world.comment(&pull, "renovate[bot]", "/selfheal stop");
    let comment = t.world.comment(&pull, "mona", "nice");
    t.world.edit_comment(&pull, "mona", comment, "/selfheal stop");
    t.world.comment(&pull, "mona", "> /selfheal stop\n```\n/selfheal stop\n```");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    assert_eq!(t.world.comment_bodies(&pull).len(), before);
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn a_command_where_nothing_is_red_is_answered() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let pull = t.world.pull_request(&repository).by("mona").open().await.unwrap();
    t.settle_with_ci().await;
    assert_eq!(t.check(&pull), "(none)", "a green pull request is left in peace");
    t.world.comment(&pull, "mona", "/selfheal fix");
    t.settle_with_ci().await;
    assert!(t.world.comment_text(&pull).contains("there is nothing to heal"));
    t.finish().await;
}

#[tokio::test]
async fn fix_heals_a_draft_that_the_policy_lets_wait() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let files = [("src/lib.rs", Some(BAD))];
    let pull = t.world.pull_request(&repository).by("mona").draft().files(&files);
    let pull = pull.open().await.unwrap();
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("Left alone by this repository's policy"));
    t.world.comment(&pull, "mona", "/selfheal fix");
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn a_re_run_of_our_check_is_another_attempt() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    runner.gives_up(&t, selfheal::domain::outcome::GaveUp::NoFixerAnswers).await;
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).contains("nothing to try"));
    t.world.rerequest_check(&pull, "mona").unwrap();
    t.settle_with_ci().await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 2 of 3 is at work");
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}
