//! What is broken on the base branch: who mends it, and what follows for those that wait.

use super::scene::{Scene, sha};
use super::*;
use crate::domain::policy::{HealBase, WhenMended};

#[test]
fn the_base_is_mended_where_the_policy_wants_it_and_what_failed_is_worth_it() {
    let asks_for = |change: fn(&mut Scene)| {
        let mut scene = Scene::new(CaseState::Diagnosing);
        scene.base_has_it(None);
        change(&mut scene);
        let decision = scene.decide();
        assert_eq!(decision.case.state, CaseState::Excused(Excuse::BaseBroken));
        decision.acts.contains(&Act::Mend {
            base: Branch::parse("main").unwrap(),
            broken_at: sha('d'),
            case: scene.case.id,
            head: sha('a'),
        })
    };
    assert!(asks_for(|_| {}));
    assert!(!asks_for(|s| s.policy.base.heal = HealBase::Off));
    assert!(!asks_for(|s| s.policy.kinds = vec![FailureKind::Format]));
}

#[test]
fn a_pull_request_that_waits_is_brought_up_to_date_and_one_that_mends_is_not() {
    let updates = |change: fn(&mut Scene)| {
        let mut scene = Scene::new(CaseState::Excused(Excuse::BaseBroken));
        scene.policy.base.when_mended = WhenMended::Update;
        scene.base_has_it(Some(sha('e')));
        change(&mut scene);
        scene.decide().acts.contains(&Act::UpdateBranch { head: sha('a') })
    };
    assert!(updates(|_| {}));
    assert!(!updates(|s| {
        let evidence = s.evidence.as_mut().unwrap();
        evidence.judgement.mends = Some(Branch::parse("main").unwrap());
    }));
}
