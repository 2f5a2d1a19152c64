//! What GitHub and the network do, and what must not come of it.

use std::sync::Arc;

use selfheal::domain::event::Reading;
use selfheal::domain::ids::{AttemptId, PrNumber, RepoId, RunId};
use selfheal::ports::forge::WorkflowDispatch;
use selfheal::ports::inbound::{Inbound, NotAuthentic, Unreadable};
use selfheal::service::retention;
use selfheal::service::worker::Worker;

use world::RunScript;

use super::{GOOD, at_work, broken_pull, count, headline, widget};
use crate::harness::Tester;

/// The main story with a fault, which must end like the one without.
async fn ends_healed(fault: impl Fn(&Tester)) {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    fault(&t);
    let pull = broken_pull(&t, &repository).await;
    for _ in 0..6 {
        t.settle_with_ci().await;
        t.wait_minutes(6).await;
        if !t.world.dispatched(&repository).is_empty() {
            break;
        }
    }
    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    for _ in 0..6 {
        t.settle_with_ci().await;
        t.wait_minutes(6).await;
    }
    let line = headline(&t, &pull);
    assert!(line.starts_with("selfheal  completed/success  Healed by"), "{line}");
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 2);
    assert_eq!(t.world.comment_bodies(&pull).len(), 1);
    t.finish().await;
}

#[tokio::test]
async fn bad_gateways_are_waited_out() {
    ends_healed(|t| t.world.fail("*", "*", (502, 12))).await;
}

#[tokio::test]
async fn a_secondary_limit_is_respected() {
    ends_healed(|t| t.world.secondary_limit(3, 30)).await;
}

#[tokio::test]
async fn a_used_up_rate_limit_is_waited_out() {
    ends_healed(|t| t.world.rate_limited_until(t.clock.ms() + 9 * 60 * 1000)).await;
}

#[tokio::test]
async fn webhooks_that_come_twice_do_nothing_twice() {
    ends_healed(|t| t.world.double_webhooks()).await;
}

#[tokio::test]
async fn webhooks_in_any_order_come_to_the_same_end() {
    for seed in 1..=5 {
        ends_healed(|t| t.world.reorder_webhooks(seed)).await;
    }
}

#[tokio::test]
async fn a_lost_webhook_of_a_live_case_is_made_up_for() {
    let mut t = Tester::start().await;
    let (repository, pull) = super::at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle().await;
    t.world.lose_webhooks(100);
    t.world.run_ci().await;
    t.settle().await;
    assert!(headline(&t, &pull).contains("waiting for CI"), "nobody told us");
    t.wait_minutes(4).await;
    assert!(headline(&t, &pull).contains("Healed by"), "we looked");
    t.finish().await;
}

#[tokio::test]
async fn a_head_that_failed_before_anybody_looked_is_healed() {
    let mut t = Tester::start().await;
    let (_, pull) = at_work(&mut t).await;
    t.world.lose_webhooks(100);
    t.world.push(&pull, "mona", &[("README.md", Some("More.\n"))]).await.unwrap();
    t.world.run_ci().await;
    t.settle().await;
    t.wait_minutes(4).await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    t.world.lose_webhooks(0);
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn a_commit_that_had_to_wait_is_not_made_after_a_stop() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    t.world.fail("POST", "/repos/{owner}/{repo}/git/trees", (502, 5));
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle().await;
    t.world.comment(&pull, "mona", "/selfheal stop");
    t.settle().await;
    assert!(headline(&t, &pull).contains("Stopped"), "{}", headline(&t, &pull));
    t.wait_minutes(30).await;
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 1, "hands off");
    t.finish().await;
}

#[tokio::test]
async fn a_runner_that_has_ended_is_the_answer_to_its_start_and_not_to_the_next() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let started = t.world.dispatched(&repository).pop().unwrap();
    t.world.finish_run(&repository, started.run_id, &RunScript::green());
    let services = t.app().services().clone();
    let repo = RepoId::new(started.repository_id);
    let known = services.store.pull(repo, PrNumber::new(pull.number())).await.unwrap().unwrap();
    let inputs = ["attempt", "server", "head_sha", "pull_request"];
    let mut wish = WorkflowDispatch {
        repo: known.head.repo,
        workflow: "selfheal.yml".to_owned(),
        inputs: inputs.map(|name| (name.to_owned(), started.input(name).to_owned())).to_vec(),
        attempt: AttemptId::parse(started.input("attempt")).unwrap(),
        after: None,
    };
    let run = RunId::new(started.run_id);
    assert_eq!(services.forge.dispatch(&wish).await, Ok(Some(run)), "its answer was lost");
    assert_eq!(count(&t, "POST", "/dispatches"), 1);
    wish.after = Some(run);
    assert_ne!(services.forge.dispatch(&wish).await, Ok(Some(run)), "the next one is another");
    assert_eq!(count(&t, "POST", "/dispatches"), 2);
}

#[tokio::test]
async fn a_log_that_is_late_is_waited_for() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    t.world.fail("GET", "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs", (404, 2));
    let pull = broken_pull(&t, &repository).await;
    t.settle_with_ci().await;
    t.wait_minutes(1).await;
    assert_eq!(headline(&t, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}

#[tokio::test]
async fn what_was_finished_long_ago_is_forgotten_and_nothing_is_done_twice() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;
    let services = t.app().services().clone();
    assert_eq!(retention::forget(&services).await.unwrap(), 0, "nothing is old yet");

    t.wait_minutes((retention::KEPT_DAYS + 1) * 24 * 60).await;
    let mark = t.world.mark();
    assert!(retention::forget(&services).await.unwrap() > 0);
    t.settle_with_ci().await;
    assert!(headline(&t, &pull).starts_with("selfheal  completed/success  Healed by"));
    let writes = t.world.requests_since(mark);
    assert!(writes.iter().all(|(method, _, _)| method == "GET"), "{writes:?}");
    t.finish().await;
}

/// Reads no delivery: it panics, as a bug would, and says that it has begun to.
struct Buggy(tokio::sync::Notify);

impl Inbound for Buggy {
    fn verify(&self, _body: &[u8], _signature: Option<&str>) -> Result<(), NotAuthentic> {
        Ok(())
    }

    fn read(&self, _event: &str, _body: &[u8]) -> Result<Reading, Unreadable> {
        self.0.notify_one();
        panic!("a bug");
    }
}

#[tokio::test]
async fn a_panic_ends_its_step_and_not_the_worker() {
    let t = Tester::start().await;
    let repository = widget(&t).await;
    broken_pull(&t, &repository).await;
    t.world.deliver(&format!("{}/webhooks/github", t.url())).await;
    let buggy = Arc::new(Buggy(tokio::sync::Notify::new()));
    let mut services = t.app().services().clone();
    services.inbound = buggy.clone();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let worker = tokio::spawn(async move { Worker::new(services).run(stopped).await });
    buggy.0.notified().await;
    stop.send(true).unwrap();
    worker.await.expect("the worker ends as it was told, not by the panic");
}
