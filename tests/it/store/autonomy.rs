//! Autonomy: a class's record holds what its fixes came to, and changes are kept once.

use selfheal::domain::attempt::{AttemptEnd, AttemptState};
use selfheal::domain::autonomy::{Change, Changed, Level, Record};
use selfheal::domain::case::{CaseState, Healed};
use selfheal::domain::failure::{Failure, FailureKind};
use selfheal::domain::false_fix::{FalseFix, Sign};
use selfheal::domain::ids::RepoSlug;
use selfheal::domain::pull::PullHead;
use selfheal::ports::figures::{Asked, FigureStore as _};

use super::values::{
    at, attempt, attempt_id, case, case_id, evidence, other_repo, pull, repo, sha,
};
use super::{Opened, on_both};

on_both! {
    a_record_holds_the_fixes_of_its_class_with_all_that_speaks_against_them,
    a_record_is_of_one_class_in_one_repository,
    a_change_is_kept_once_and_told_with_the_case_that_met_it_first,
    changes_are_listed_by_time_and_repository,
}

/// Cases of a class: a healed one, one whose patch was rejected, and one in which nothing came of it.
async fn cases(opened: &Opened) {
    opened.know(&[pull(1), pull(2), pull(3), PullHead { repo: other_repo(), ..pull(9) }]).await;
    let ends = [
        AttemptState::Ended(AttemptEnd::Healed(sha('c'))),
        AttemptState::Ended(AttemptEnd::Rejected(super::values::login("ada"))),
        AttemptState::Running,
    ];
    for (nth, end) in (1_u8..).zip(ends) {
        let number = u64::from(nth);
        let of = case(number.into(), &pull(number), CaseState::Healed(Healed::ByUs));
        opened.keep(1, &of, &[attempt(nth, &of, end)]).await;
        opened.write(2, |changes| changes.evidence = Some((of.id, evidence('b')))).await;
    }
    let print = Failure::new(FailureKind::Lint, "x").fingerprint();
    opened.write(10, |changes| changes.fixes = vec![(attempt_id(1), print)]).await;
    for (now, number, sign) in
        [(20, 1, Sign::RedAgain), (30, 1, Sign::Undone), (40, 2, Sign::Rejected)]
    {
        let found = FalseFix { attempt: attempt_id(number), sign, evidence: String::new() };
        opened.write(now, |changes| changes.false_fixes = vec![found]).await;
    }
}

/// The class that the values' evidence has.
fn class() -> &'static str {
    selfheal::domain::figures::class_of(&evidence('b'))
}

async fn record(opened: &Opened) -> Record {
    opened.sql().class_record(repo().id, class()).await.unwrap()
}

async fn a_record_holds_the_fixes_of_its_class_with_all_that_speaks_against_them(opened: Opened) {
    cases(&opened).await;
    let known = record(&opened).await;
    assert_eq!(known.last, None);
    let [healed, rejected] = known.fixes.as_slice() else { panic!("{known:#?}") };
    assert_eq!((healed.attempt, healed.number), (attempt_id(1), pull(1).number));
    assert_eq!((&healed.commit, healed.green_at), (&Some(sha('c')), Some(at(10))));
    assert_eq!(healed.signs, [(Sign::RedAgain, at(20)), (Sign::Undone, at(30))]);
    assert_eq!((&rejected.commit, rejected.green_at), (&None, None));
    assert_eq!(rejected.signs, [(Sign::Rejected, at(40))]);
}

async fn a_record_is_of_one_class_in_one_repository(opened: Opened) {
    cases(&opened).await;
    let of = async |repo, class| opened.sql().class_record(repo, class).await.unwrap();
    assert_eq!(of(repo().id, "something_else").await, Record::default());
    assert_eq!(of(other_repo().id, class()).await, Record::default());
}

fn lowered(now: i64, because: &str) -> Change {
    let (from, to) = (Level::Commit, Level::Suggest);
    Change { at: at(now), from, to, because: because.to_owned() }
}

async fn keep(opened: &Opened, case: u128, changes: Vec<Change>) {
    let found = Changed { repo: repo().id, class: class(), changes };
    opened.write(50, |step| step.autonomy = Some((case_id(case), found))).await;
}

async fn a_change_is_kept_once_and_told_with_the_case_that_met_it_first(opened: Opened) {
    cases(&opened).await;
    keep(&opened, 1, vec![lowered(30, "of a \"fix\"")]).await;
    keep(&opened, 2, vec![lowered(30, "again"), lowered(40, "of another")]).await;
    assert_eq!(record(&opened).await.last, Some(lowered(40, "of another")));
    let told = async |case| opened.sql().changes_told(case_id(case)).await.unwrap();
    assert_eq!(told(1).await, [lowered(30, "of a \"fix\"")]);
    assert_eq!(told(2).await, [lowered(40, "of another")]);
    assert_eq!(told(3).await, []);
}

async fn changes_are_listed_by_time_and_repository(opened: Opened) {
    cases(&opened).await;
    keep(&opened, 1, vec![lowered(30, "a"), lowered(40, "b")]).await;
    let listed = async |since, slug: Option<&str>, cases_max| {
        let repo = slug.map(|slug| RepoSlug::parse(slug).unwrap());
        let asked = Asked { since: at(since), repo, cases_max };
        let found = opened.sql().changes_since(&asked).await.unwrap();
        found.into_iter().map(|(_, _, change)| change.because).collect::<Vec<_>>()
    };
    assert_eq!(listed(0, None, 9).await, ["b", "a"]);
    assert_eq!(listed(31, None, 9).await, ["b"]);
    assert_eq!(listed(0, None, 1).await, ["b"]);
    assert_eq!(listed(0, Some("acme/shop"), 9).await.len(), 2);
    assert_eq!(listed(0, Some("umbrella/site"), 9).await.len(), 0);
}
