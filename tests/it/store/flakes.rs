//! Trials of failures that may be flaky: counted with the step that saw them, and only with it.

use selfheal::domain::case::{CaseState, Excuse};
use selfheal::domain::failure::{Failure, FailureKind};
use selfheal::domain::flakes::{Past, Shown, Trial};
use selfheal::domain::ids::PrNumber;
use selfheal::ports::flakes::FlakeStore as _;
use selfheal::ports::store::Tried;

use super::values::{at, branch, case, pull, repo, sha};
use super::{Opened, claim, done, lost, on_both};

on_both! {
    trials_of_all_commits_add_up_by_failure,
    a_step_that_lost_its_lease_counts_nothing,
    old_trials_do_not_count_and_are_forgotten,
    who_waits_for_a_base_branch_is_found,
}

fn trial(test: &str, shown: Shown) -> Trial {
    let mut failure = Failure::new(FailureKind::TestFailure, format!("{test} \u{0} broke"));
    failure.test = Some(test.to_owned());
    Trial::of(&failure, shown)
}

fn tried(head: char, trials: Vec<Trial>) -> Tried {
    Tried { repo: repo().id, number: PrNumber::new(1), head: sha(head), trials }
}

async fn see(opened: &Opened, now: i64, head: char, trials: Vec<Trial>) {
    opened.write(now, |changes| changes.tried = Some(tried(head, trials))).await;
}

async fn pasts(opened: &Opened, since: i64) -> Vec<Past> {
    opened.sql().pasts(repo().id, at(since)).await.unwrap()
}

async fn trials_of_all_commits_add_up_by_failure(opened: Opened) {
    opened.know(&[pull(1)]).await;
    assert_eq!(pasts(&opened, 0).await, []);
    see(&opened, 10, 'a', vec![trial("a", Shown::Gone), trial("b", Shown::Again)]).await;
    see(&opened, 20, 'a', vec![trial("a", Shown::Again)]).await;
    see(&opened, 30, 'b', vec![trial("a", Shown::Gone)]).await;
    let found = pasts(&opened, 0).await;
    let counts: Vec<_> = found.iter().map(|p| (p.test.as_deref(), p.gone, p.again)).collect();
    assert_eq!(counts, [(Some("a"), 2, 1), (Some("b"), 0, 1)], "what was gone most often first");
    assert_eq!(found[0].last, at(30));
    assert_eq!(found[0].fingerprint, trial("a", Shown::Gone).fingerprint);
    let repos = opened.sql().tried(at(0)).await.unwrap();
    assert_eq!(repos, [(repo().id, repo().slug)]);
}

async fn a_step_that_lost_its_lease_counts_nothing(opened: Opened) {
    opened.know(&[pull(1)]).await;
    opened.wake(&pull(1), 0).await;
    let first = opened.pull_at(100).await.unwrap();
    let later = 100 + 2 * super::LEASE_MS;
    opened.port().claim_pull(claim(later)).await.unwrap().unwrap();
    let mut changes = done(later);
    changes.tried = Some(tried('a', vec![trial("a", Shown::Gone)]));
    lost(&opened.port().apply(first.lease, changes).await);
    assert_eq!(pasts(&opened, 0).await, []);
}

async fn old_trials_do_not_count_and_are_forgotten(opened: Opened) {
    opened.know(&[pull(1)]).await;
    see(&opened, 10, 'a', vec![trial("a", Shown::Gone)]).await;
    see(&opened, 50, 'b', vec![trial("a", Shown::Gone)]).await;
    assert_eq!(pasts(&opened, 40).await[0].gone, 1);
    assert_eq!(opened.sql().forget_trials(at(40)).await.unwrap(), 1);
    assert_eq!(pasts(&opened, 0).await[0].gone, 1);
}

async fn who_waits_for_a_base_branch_is_found(opened: Opened) {
    opened.know(&[pull(1), pull(2), pull(3)]).await;
    let waits = CaseState::Excused(Excuse::BaseBroken);
    opened.keep(10, &case(1, &pull(1), waits.clone()), &[]).await;
    opened.keep(10, &case(2, &pull(2), CaseState::Excused(Excuse::Flaky)), &[]).await;
    let found = opened.port().waiting_for_base(repo().id, &branch("main")).await.unwrap();
    assert_eq!(found.iter().map(|head| head.number).collect::<Vec<_>>(), [pull(1).number]);
    assert_eq!(opened.known(&pull(1)).await.case.unwrap().state, waits);
    let others = opened.port().waiting_for_base(repo().id, &branch("other")).await.unwrap();
    assert_eq!(others, []);
}
