//! Remedies: told to their owner alone, as long as nothing speaks against them.

use selfheal::domain::attempt::AttemptState;
use selfheal::domain::case::CaseState;
use selfheal::domain::document::Stage;
use selfheal::domain::failure::{Failure, FailureKind, Shape};
use selfheal::domain::false_fix::{FalseFix, Sign};
use selfheal::domain::ids::{AttemptId, RepoSlug};
use selfheal::domain::pull::{PullHead, Repo};
use selfheal::domain::remedy::{Body, Change, Edit, Filed, NewRemedy, Remedy, cures, fixer_of};
use selfheal::ports::remedies::{Kept, RemedyStore as _, Wanted};

use super::values::{
    admission, at, attempt, attempt_id, case, gave_up, other_repo, proposed, pull, repo, seat, sha,
    stage,
};
use super::{Opened, on_both};

on_both! {
    a_remedy_is_told_for_its_failure_with_all_that_was_filed,
    a_remedy_is_told_to_nobody_but_its_owner,
    only_what_is_shared_is_told_to_other_repositories_of_the_owner,
    a_sign_against_a_fix_ends_the_remedy,
    a_sign_against_a_fix_that_applied_it_ends_it_too,
    what_comes_of_a_remedy_is_counted_once_and_only_where_it_was_given,
    a_case_is_not_told_of_what_it_has_tried,
    remedies_that_heal_nothing_any_more_are_forgotten,
    of_each_repository_the_newest_are_kept,
    everything_that_is_kept_is_listed_with_what_ended_it,
}

fn failure(message: &str) -> Failure {
    Failure::new(FailureKind::Lint, message)
}

/// Pull requests with a case and an attempt each, of that number.
async fn cases(opened: &Opened, numbers: &[u64]) {
    let mut pulls: Vec<PullHead> = numbers.iter().map(|number| pull(*number)).collect();
    pulls.push(PullHead { repo: other_repo(), ..pull(99) });
    opened.know(&pulls).await;
    for (nth, pull) in (1_u8..).zip(&pulls[..numbers.len()]) {
        let id = attempt_id(u128::from(nth));
        let of = case(u128::from(nth), pull, CaseState::Healing(id));
        opened.keep(1, &of, &[attempt(nth, &of, AttemptState::Running)]).await;
        let runner = admission(id, &format!("runner {nth}"), 2);
        opened.port().admit_runner(runner).await.unwrap();
    }
}

/// The remedy of an attempt, for a failure that says `message`.
fn new(nth: u128, of: &Repo, message: &str) -> NewRemedy {
    let made = Change::Made("a\n\"b\"\n".to_owned());
    let path = selfheal::domain::ids::RepoPath::parse("src/a.rs").unwrap();
    let edits = vec![Edit { path, change: made }];
    NewRemedy {
        attempt: attempt_id(nth),
        owner: of.installation,
        repo: of.id,
        number: pull(1).number,
        commit: sha('c'),
        shared: false,
        body: Body { cures: cures(&[failure(message)]), edits },
    }
}

async fn file(opened: &Opened, now: i64, remedy: NewRemedy) {
    opened.write(now, |changes| changes.remedies = vec![Filed::New(Box::new(remedy))]).await;
}

/// What is told a case whose attempt is that one, of a repository.
async fn told(opened: &Opened, of: &Repo, attempt: u128) -> Vec<Remedy> {
    let shapes: Vec<Shape> = ["broken", "bent"].map(|message| failure(message).shape()).to_vec();
    let (owner, attempt) = (of.installation, attempt_id(attempt));
    let wanted = Wanted { owner, repo: of.id, attempt, shapes: &shapes };
    opened.sql().remedies(wanted).await.unwrap()
}

async fn ids(opened: &Opened, of: &Repo) -> Vec<AttemptId> {
    told(opened, of, 9).await.iter().map(|remedy| remedy.id).collect()
}

async fn a_remedy_is_told_for_its_failure_with_all_that_was_filed(opened: Opened) {
    cases(&opened, &[1, 2, 3]).await;
    file(&opened, 10, new(1, &repo(), "broken")).await;
    file(&opened, 20, new(2, &repo(), "bent")).await;
    file(&opened, 30, new(3, &repo(), "something else")).await;
    file(&opened, 40, new(1, &repo(), "filed once")).await;
    let told = told(&opened, &repo(), 9).await;
    assert_eq!(told.iter().map(|it| it.id).collect::<Vec<_>>(), [attempt_id(2), attempt_id(1)]);
    let (known, filed) = (&told[1], new(1, &repo(), "broken"));
    assert_eq!(
        (&known.body, &known.commit, known.number),
        (&filed.body, &filed.commit, filed.number)
    );
    assert_eq!((known.owner, known.repo, &known.slug), (filed.owner, filed.repo, &repo().slug));
    assert_eq!((known.shared, known.filed_at), (false, at(10)));
    assert_eq!((known.heals, known.in_vain), (0, 0));
}

async fn a_remedy_is_told_to_nobody_but_its_owner(opened: Opened) {
    cases(&opened, &[1]).await;
    file(&opened, 10, NewRemedy { shared: true, ..new(1, &repo(), "broken") }).await;
    assert_eq!(ids(&opened, &repo()).await, [attempt_id(1)]);
    assert_eq!(ids(&opened, &other_repo()).await, []);
    // The same repository in other hands: it was sold.
    let sold = Repo { installation: other_repo().installation, ..repo() };
    assert_eq!(ids(&opened, &sold).await, []);
}

async fn only_what_is_shared_is_told_to_other_repositories_of_the_owner(opened: Opened) {
    cases(&opened, &[1, 2]).await;
    file(&opened, 10, NewRemedy { shared: true, ..new(1, &repo(), "broken") }).await;
    file(&opened, 20, new(2, &repo(), "broken")).await;
    let theirs = Repo { installation: repo().installation, ..other_repo() };
    assert_eq!(ids(&opened, &theirs).await, [attempt_id(1)]);
}

fn undone(nth: u128) -> Vec<FalseFix> {
    vec![FalseFix { attempt: attempt_id(nth), sign: Sign::Undone, evidence: String::new() }]
}

async fn a_sign_against_a_fix_ends_the_remedy(opened: Opened) {
    cases(&opened, &[1, 2]).await;
    file(&opened, 10, new(1, &repo(), "broken")).await;
    opened.write(20, |changes| changes.false_fixes = undone(2)).await;
    assert_eq!(ids(&opened, &repo()).await, [attempt_id(1)]);
    opened.write(20, |changes| changes.false_fixes = undone(1)).await;
    assert_eq!(ids(&opened, &repo()).await, []);
    // One that was called wrong before it was filed never becomes one.
    file(&opened, 30, new(2, &repo(), "broken")).await;
    assert_eq!(ids(&opened, &repo()).await, []);
}

async fn given(opened: &Opened, attempt: u128, remedy: u128) {
    opened.sql().offer_remedies(attempt_id(attempt), &[attempt_id(remedy)], at(40)).await.unwrap();
}

/// The runner of an attempt proposes that remedy.
async fn proposes(opened: &Opened, attempt: u128, remedy: u128) {
    let outcome = proposed(&fixer_of(attempt_id(remedy)));
    let seat = seat(attempt_id(attempt), &format!("runner {attempt}"));
    opened.port().record_outcome(&seat, &outcome, at(50)).await.unwrap();
}

async fn in_vain(opened: &Opened, attempt: u128, remedy: u128) {
    let mut report = stage(Stage::Execute, 1, Vec::new());
    report.remedies_in_vain = vec![attempt_id(remedy)];
    opened
        .port()
        .record_stage(&seat(attempt_id(attempt), &format!("runner {attempt}")), &report, at(50))
        .await
        .unwrap();
}

async fn a_sign_against_a_fix_that_applied_it_ends_it_too(opened: Opened) {
    cases(&opened, &[1, 2]).await;
    file(&opened, 10, new(1, &repo(), "broken")).await;
    given(&opened, 2, 1).await;
    opened.write(45, |changes| changes.false_fixes = undone(2)).await;
    assert_eq!(ids(&opened, &repo()).await, [attempt_id(1)], "the fix was not its");
    proposes(&opened, 2, 1).await;
    assert_eq!(ids(&opened, &repo()).await, []);
}

async fn what_comes_of_a_remedy_is_counted_once_and_only_where_it_was_given(opened: Opened) {
    cases(&opened, &[1, 2, 3, 4]).await;
    file(&opened, 10, new(1, &repo(), "broken")).await;
    let counts = async || {
        let known = told(&opened, &repo(), 9).await.remove(0);
        (known.heals, known.in_vain)
    };
    in_vain(&opened, 2, 1).await;
    proposes(&opened, 2, 1).await;
    assert_eq!(counts().await, (0, 0), "it was not given");
    for attempt in [3, 4] {
        given(&opened, attempt, 1).await;
        given(&opened, attempt, 1).await;
    }
    in_vain(&opened, 3, 1).await;
    in_vain(&opened, 3, 1).await;
    assert_eq!(counts().await, (0, 1));
    let again = |attempt| Filed::Again { attempt: attempt_id(attempt), remedy: attempt_id(1) };
    opened.write(55, |changes| changes.remedies = vec![again(3), again(4)]).await;
    assert_eq!(counts().await, (0, 1), "neither was proposed");
    proposes(&opened, 4, 1).await;
    for now in [60, 70] {
        opened.write(now, |changes| changes.remedies = vec![again(4)]).await;
    }
    assert_eq!(counts().await, (1, 1));
}

async fn everything_that_is_kept_is_listed_with_what_ended_it(opened: Opened) {
    cases(&opened, &[1, 2, 3, 4]).await;
    for (nth, now) in [(1, 10), (2, 20), (3, 30)] {
        file(&opened, now, new(nth, &repo(), "broken")).await;
    }
    given(&opened, 4, 2).await;
    proposes(&opened, 4, 2).await;
    opened.write(60, |changes| changes.false_fixes = [undone(1), undone(4)].concat()).await;
    let listed = async |of: Option<&RepoSlug>, most| -> Vec<_> {
        let kept = opened.sql().kept_remedies(of, most).await.unwrap();
        let told = |kept: Kept| (kept.remedy.id, kept.against, kept.against_use);
        kept.into_iter().map(told).collect()
    };
    let sign = || Some("undone".to_owned());
    let all =
        [(attempt_id(3), None, None), (attempt_id(2), None, sign()), (attempt_id(1), sign(), None)];
    assert_eq!(listed(None, 9).await, all);
    assert_eq!(listed(None, 1).await, all[..1]);
    let named = RepoSlug::parse(&repo().slug.to_string().to_uppercase()).unwrap();
    assert_eq!(listed(Some(&named), 9).await, all, "case does not matter");
    assert_eq!(listed(Some(&other_repo().slug), 9).await, []);
}

async fn a_case_is_not_told_of_what_it_has_tried(opened: Opened) {
    cases(&opened, &[1, 2, 3]).await;
    file(&opened, 10, new(1, &repo(), "broken")).await;
    given(&opened, 2, 1).await;
    assert_eq!(told(&opened, &repo(), 2).await.len(), 1, "nothing came of it yet");
    in_vain(&opened, 2, 1).await;
    assert_eq!(told(&opened, &repo(), 2).await.len(), 0);
    assert_eq!(told(&opened, &repo(), 3).await.len(), 1);
    let outcome = gave_up("nothing helped");
    opened.port().record_outcome(&seat(attempt_id(3), "runner 3"), &outcome, at(60)).await.unwrap();
    assert_eq!(told(&opened, &repo(), 3).await.len(), 1);
}

async fn remedies_that_heal_nothing_any_more_are_forgotten(opened: Opened) {
    cases(&opened, &[1, 2, 3]).await;
    file(&opened, 10, new(1, &repo(), "broken")).await;
    file(&opened, 20, new(2, &repo(), "broken")).await;
    given(&opened, 3, 1).await;
    proposes(&opened, 3, 1).await;
    let again = Filed::Again { attempt: attempt_id(3), remedy: attempt_id(1) };
    opened.write(60, |changes| changes.remedies = vec![again]).await;
    let forget = async |before| opened.sql().forget_remedies(at(before), 100).await.unwrap();
    assert_eq!(forget(20).await, 0);
    assert_eq!(forget(21).await, 1);
    assert_eq!(ids(&opened, &repo()).await, [attempt_id(1)], "it has healed since");
    assert_eq!(forget(61).await, 1);
    assert_eq!(ids(&opened, &repo()).await, []);
}

async fn of_each_repository_the_newest_are_kept(opened: Opened) {
    cases(&opened, &[1, 2, 3]).await;
    for (nth, now) in [(1, 10), (2, 20)] {
        file(&opened, now, new(nth, &repo(), "broken")).await;
    }
    file(&opened, 5, new(3, &other_repo(), "broken")).await;
    assert_eq!(opened.sql().forget_remedies(at(0), 1).await.unwrap(), 1);
    assert_eq!(ids(&opened, &repo()).await, [attempt_id(2)]);
    assert_eq!(ids(&opened, &other_repo()).await, [attempt_id(3)]);
}
