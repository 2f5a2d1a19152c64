//! Figures: what steps note is there when somebody asks, and signs against fixes count once.

use selfheal::domain::attempt::{AttemptEnd, AttemptState};
use selfheal::domain::brief::StageReport;
use selfheal::domain::case::{CaseState, Healed};
use selfheal::domain::document::Stage;
use selfheal::domain::failure::{Failure, FailureKind, Fingerprint};
use selfheal::domain::false_fix::{FalseFix, Sign};
use selfheal::domain::figures::{CaseRecord, Mark, Place};
use selfheal::domain::ids::{AttemptId, Branch, RepoSlug};
use selfheal::domain::patch::Patch;
use selfheal::domain::pull::{PullHead, PullState};
use selfheal::ports::figures::{Asked, FigureStore as _, LandedOn};

use super::values::{
    admission, at, attempt, attempt_id, case, case_id, evidence, other_repo, proposed, pull, repo,
    seat, sha,
};
use super::{Opened, on_both};

on_both! {
    what_a_case_went_through_is_told_in_order,
    what_runners_did_is_told_with_the_case,
    a_sign_against_a_fix_counts_once_and_only_of_attempts_that_are_known,
    fixes_are_found_by_what_they_fixed_on_the_same_pull_request,
    attempts_are_found_by_their_commits,
    fixes_are_told_once_their_pull_request_is_merged,
    only_cases_that_were_asked_for_are_told,
}

fn print_of(message: &str) -> Fingerprint {
    Failure::new(FailureKind::Lint, message).fingerprint()
}

async fn told(opened: &Opened, since: i64, slug: Option<&str>, cases_max: u32) -> Vec<CaseRecord> {
    let repo = slug.map(|slug| RepoSlug::parse(slug).unwrap());
    opened.sql().records(&Asked { since: at(since), repo, cases_max }).await.unwrap()
}

/// A case whose first attempt CI has called green.
async fn healed(opened: &Opened) {
    opened.know(&[pull(1)]).await;
    let of = case(1, &pull(1), CaseState::Healed(Healed::ByUs));
    let end = AttemptState::Ended(AttemptEnd::Healed(sha('c')));
    opened.keep(1, &of, &[attempt(1, &of, end)]).await;
}

async fn fixes_are_told_once_their_pull_request_is_merged(opened: Opened) {
    opened.know(&[pull(1)]).await;
    let attempt = attempt_id(1);
    let of = case(1, &pull(1), CaseState::Healing(attempt));
    opened.keep(1, &of, &[self::attempt(1, &of, AttemptState::Running)]).await;
    opened.port().admit_runner(admission(attempt, "a runner", 2)).await.unwrap();
    let seat = seat(attempt, "a runner");
    opened.port().record_outcome(&seat, &proposed("recipe:x"), at(5)).await.unwrap();
    healed(&opened).await;
    opened.write(10, |changes| changes.fixes = vec![(attempt, print_of("x"))]).await;
    let told = async |branch: &str, green_since, merged_before| -> Vec<AttemptId> {
        let branch = Branch::parse(branch).unwrap();
        let on = LandedOn {
            repo: repo().id,
            branch: &branch,
            green_since: at(green_since),
            merged_before: at(merged_before),
        };
        let found = opened.sql().landed(on).await.unwrap();
        found.into_iter().map(|fix| fix.attempt).collect()
    };
    let base = pull(1).base.as_str().to_owned();
    assert_eq!(told(&base, 0, 1_000).await, [], "it is open");
    let merged = PullHead { state: PullState::Merged, updated_at: at(100), ..pull(1) };
    opened.know(&[merged]).await;
    assert_eq!(told(&base, 10, 100).await, [attempt]);
    assert_eq!(told(&base, 11, 100).await, [], "it was green too long ago");
    assert_eq!(told(&base, 10, 99).await, [], "it was merged just now");
    assert_eq!(told("other", 10, 100).await, [], "it is on another branch");
    let sign = FalseFix { attempt, sign: Sign::Superseded, evidence: String::new() };
    opened.write(200, |changes| changes.false_fixes = vec![sign]).await;
    assert_eq!(told(&base, 10, 300).await, [], "that is known already");
}

async fn what_a_case_went_through_is_told_in_order(opened: Opened) {
    healed(&opened).await;
    let enter = |states: Vec<CaseState>| states.into_iter().map(|state| (case_id(1), state));
    let first = vec![CaseState::Watching, CaseState::Diagnosing];
    opened
        .write(10, |changes| {
            changes.moves = enter(first).collect();
            changes.evidence = Some((case_id(1), evidence('b')));
        })
        .await;
    let then = vec![CaseState::Healed(Healed::ByUs)];
    opened.write(10, |changes| changes.moves = enter(then).collect()).await;
    let record = told(&opened, 0, None, 10).await.remove(0);
    let places = [Place::Waiting, Place::Reading, Place::Green(Healed::ByUs)];
    assert_eq!(record.places, places.map(|place| (at(10), place)));
    assert_eq!((record.now, record.attempts), (Place::Green(Healed::ByUs), 1));
    assert!(record.class.is_some());
}

async fn what_runners_did_is_told_with_the_case(opened: Opened) {
    opened.know(&[pull(1)]).await;
    let of = case(1, &pull(1), CaseState::Healing(attempt_id(1)));
    opened.keep(1, &of, &[attempt(1, &of, AttemptState::Running)]).await;
    let port = opened.port();
    port.admit_runner(admission(attempt_id(1), "one", 20)).await.unwrap();
    for (stage, now) in [(Stage::Triage, 21), (Stage::Execute, 30), (Stage::Verify, 40)] {
        let (documents, work_in_progress) = (Vec::new(), Patch::default());
        let remedies_in_vain = Vec::new();
        let report = StageReport { stage, round: 1, documents, work_in_progress, remedies_in_vain };
        port.record_stage(&seat(attempt_id(1), "one"), &report, at(now)).await.unwrap();
    }
    let record = told(&opened, 0, None, 10).await.remove(0);
    let marks = [(20, Mark::Admitted), (30, Mark::ProvesFrom), (40, Mark::ProvesTo)];
    assert_eq!(record.marks, marks.map(|(now, mark)| (at(now), mark)));
}

async fn a_sign_against_a_fix_counts_once_and_only_of_attempts_that_are_known(opened: Opened) {
    healed(&opened).await;
    let sign = |number, sign| FalseFix {
        attempt: attempt_id(number),
        sign,
        evidence: "a\0b \"quoted\"".to_owned(),
    };
    for now in [10, 20] {
        let all = vec![sign(1, Sign::Undone), sign(1, Sign::RedAgain), sign(9, Sign::Undone)];
        opened.write(now, |changes| changes.false_fixes = all).await;
    }
    let record = told(&opened, 0, None, 10).await.remove(0);
    assert_eq!(record.signs, [(attempt_id(1), Sign::RedAgain), (attempt_id(1), Sign::Undone)]);
}

async fn fixes_are_found_by_what_they_fixed_on_the_same_pull_request(opened: Opened) {
    healed(&opened).await;
    let fixed = vec![(attempt_id(1), print_of("a")), (attempt_id(1), print_of("b"))];
    opened.write(10, |changes| changes.fixes = fixed).await;
    let found = async |number: u64, message: &str, since: i64| {
        let of = (repo().id, pull(number).number);
        opened.sql().fixes(of, &[print_of(message)], at(since)).await.unwrap()
    };
    let fix = found(1, "a", 10).await.remove(0);
    assert_eq!((fix.attempt, fix.at, fix.is_taken_back), (attempt_id(1), at(10), false));
    assert!(found(1, "c", 10).await.is_empty());
    assert!(found(1, "a", 11).await.is_empty());
    assert!(found(2, "a", 0).await.is_empty());
    let (sign, evidence) = (Sign::Reverted, String::new());
    let wrong = vec![FalseFix { attempt: attempt_id(1), sign, evidence }];
    opened.write(20, |changes| changes.false_fixes = wrong).await;
    assert!(found(1, "a", 10).await.remove(0).is_taken_back);
}

async fn attempts_are_found_by_their_commits(opened: Opened) {
    healed(&opened).await;
    let found = async |repo| opened.sql().attempts_of(repo, &[sha('c'), sha('d')]).await.unwrap();
    assert_eq!(found(repo().id).await, [(attempt_id(1), sha('c'))]);
    assert!(found(other_repo().id).await.is_empty());
    assert!(opened.sql().attempts_of(repo().id, &[]).await.unwrap().is_empty());
}

async fn only_cases_that_were_asked_for_are_told(opened: Opened) {
    opened.know(&[pull(1), pull(2)]).await;
    opened.keep(1, &case(1, &pull(1), CaseState::Watching), &[]).await;
    let later = selfheal::domain::case::Case {
        opened_at: at(5_000),
        ..case(2, &pull(2), CaseState::Closed)
    };
    opened.keep(2, &later, &[]).await;
    let opened_at = |all: Vec<CaseRecord>| all.iter().map(|one| one.opened_at).collect::<Vec<_>>();
    assert_eq!(opened_at(told(&opened, 0, None, 10).await), [at(5_000), at(200)]);
    assert_eq!(opened_at(told(&opened, 0, None, 1).await), [at(5_000)]);
    assert_eq!(opened_at(told(&opened, 4_000, None, 10).await), [at(5_000)]);
    let slug = repo().slug.to_string();
    assert_eq!(told(&opened, 0, Some(&slug), 10).await.len(), 2);
    assert!(told(&opened, 0, Some("nobody/nothing"), 10).await.is_empty());
}
