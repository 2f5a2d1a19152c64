//! Remedies in a real checkout: tried first, whole or not at all, and free when they are in vain.

use selfheal::domain::brief::Brief;
use selfheal::domain::document::Stage;
use selfheal::domain::ids::AttemptId;
use selfheal::domain::outcome::{GaveUp, Outcome};
use selfheal::domain::remedy::{Change, Edit, Hunk, Offer, fixer_of};
use selfheal::runner::attempt::End;
use uuid::Uuid;

use super::attempts::{gave_up, shell_brief, shell_repo};
use super::scene::{Notebook, Repo, attempt, outcome, path, text_in};

/// A remedy that makes one line of another in `value`.
fn remedy(nth: u128, old: &str, new: &str) -> Offer {
    let lines = |text: &str| text.split_inclusive('\n').map(str::to_owned).collect();
    let (before, after) = (Vec::new(), Vec::new());
    let hunk = Hunk { before, old: lines(old), new: lines(new), after };
    let edits = vec![Edit { path: path("value"), change: Change::At(vec![hunk]) }];
    let (remedy, from) =
        (AttemptId::new(Uuid::from_u128(nth)), "pull request 3 of acme/tiny (abc1234)".to_owned());
    Offer { remedy, from, edits }
}

const SICK: &str = "the state of it is bad\n";

const WELL: &str = "the state of it is good\n";

/// A repository whose `check.sh` is green once `value` says good, and a brief with these remedies
/// and a fixer.
fn sick(remedies: Vec<Offer>, fix: &str) -> (Repo, Brief) {
    let repo = shell_repo();
    repo.write("value", SICK);
    repo.commit();
    let brief = Brief { remedies, ..shell_brief(&repo, fix) };
    (repo, brief)
}

#[tokio::test]
async fn what_healed_before_heals_again_without_any_fixer() {
    let known = remedy(1, SICK, WELL);
    let (repo, brief) = sick(vec![known.clone()], "echo good > value; touch was-here");
    let server = Notebook::default();
    let End::Reported(outcome) = attempt(&repo, &brief, &server).await else { panic!() };
    let Outcome::Proposed { patch, proof, fixer, summary } = &outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(*fixer, fixer_of(known.remedy));
    assert_eq!(summary, "Apply the fix of pull request 3 of acme/tiny (abc1234) again");
    assert_eq!((patch.changes().len(), text_in(&outcome, "value").as_str()), (1, WELL));
    assert!(proof.is_red_to_green());
    let all = [Stage::Triage, Stage::Execute, Stage::PreVerify, Stage::Verify];
    assert_eq!(server.stages(), all.map(|stage| (stage, 1)));
    let reports = server.reports.lock().unwrap();
    assert!(reports.iter().all(|report| report.remedies_in_vain.is_empty()));
}

#[tokio::test]
async fn where_none_applies_the_next_fixer_works_in_the_same_round() {
    let elsewhere = remedy(1, "what never stood there\n", WELL);
    let (repo, brief) = sick(vec![elsewhere], "echo very good > value");
    let outcome = outcome(&repo, &brief).await;
    let Outcome::Proposed { fixer, .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!(
        (fixer.as_str(), text_in(&outcome, "value").as_str()),
        ("command:test", "very good\n")
    );
}

#[tokio::test]
async fn what_applies_in_vain_is_dropped_before_anybody_else_works() {
    let useless = remedy(1, SICK, "the state of it is worse\n");
    let (repo, brief) = sick(vec![useless.clone()], "sed -i s/bad/good/ value");
    let server = Notebook::default();
    let End::Reported(outcome) = attempt(&repo, &brief, &server).await else { panic!() };
    let Outcome::Proposed { fixer, .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!((fixer.as_str(), text_in(&outcome, "value").as_str()), ("command:test", WELL));
    assert_eq!(server.stages().last(), Some(&(Stage::Verify, 1)), "it costs no round");
    let reports = server.reports.lock().unwrap();
    let told: Vec<AttemptId> =
        reports.iter().flat_map(|report| report.remedies_in_vain.clone()).collect();
    assert_eq!(told, [useless.remedy]);
}

#[tokio::test]
async fn what_breaks_something_else_is_dropped_by_the_proof() {
    let careless = remedy(1, SICK, "the state of it is good or not\n");
    let (repo, mut brief) = sick(vec![careless.clone()], "sed -i s/bad/good/ value");
    brief.verify = vec!["! grep -q not value".to_owned()];
    let server = Notebook::default();
    let End::Reported(outcome) = attempt(&repo, &brief, &server).await else { panic!() };
    assert_eq!(text_in(&outcome, "value"), WELL);
    assert_eq!(server.stages().last(), Some(&(Stage::Verify, 2)));
    let reports = server.reports.lock().unwrap();
    let told: Vec<(Stage, AttemptId)> = reports
        .iter()
        .flat_map(|report| report.remedies_in_vain.iter().map(|id| (report.stage, *id)))
        .collect();
    assert_eq!(told, [(Stage::Verify, careless.remedy)]);
}

#[tokio::test]
async fn nothing_but_remedies_that_do_not_apply_is_nobody() {
    let elsewhere = remedy(1, "what never stood there\n", WELL);
    let (repo, mut brief) = sick(vec![elsewhere], "true");
    brief.fixers.clear();
    gave_up(&outcome(&repo, &brief).await, GaveUp::NoFixerAnswers);
    brief.remedies = vec![remedy(2, SICK, WELL)];
    assert_eq!(text_in(&outcome(&repo, &brief).await, "value"), WELL);
}
