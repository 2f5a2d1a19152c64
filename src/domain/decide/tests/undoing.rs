//! Taking our commits back: what it waits for, and what may come in between.

use super::*;

#[track_caller]
fn check(change: fn(&mut Scene), expected: &str) {
    let mut scene = Scene::new(undoing(UndoStage::Wanted));
    change(&mut scene);
    assert_eq!(named(&scene.decide().case.state), expected);
}

#[test]
fn nothing_but_the_answer_ends_the_wait() {
    check(|_| {}, "stopped(undo wanted)");
    check(|s| s.pull.head.sha = sha('b'), "stopped(undo wanted)");
    check(|s| s.pull.labels = vec![label("selfheal:stop")], "stopped(undo wanted)");
    check(|s| s.asks(AskKind::Stop, Permission::Write), "stopped(undo wanted)");
    check(|s| s.asks(AskKind::Resume, Permission::Write), "stopped(undo wanted)");
    check(|s| s.asks(AskKind::Fix, Permission::Write), "stopped(undo wanted)");
    check(Scene::asks_to_undo, "stopped(undo wanted)");
    check(|s| s.pull.state = PullState::Closed, "closed");
}

#[test]
fn the_commit_that_takes_back_is_no_persons_push() {
    let mut scene = Scene::new(undoing(UndoStage::Wanted));
    scene.case.opened_head = sha('0');
    scene.undone = Some(EffectResult::Done { commit: Some(sha('e')), run: None });
    let done = scene.decide();
    assert_eq!(named(&done.case.state), "stopped(undone)");
    assert_eq!((&done.case.head, &done.case.opened_head), (&sha('e'), &sha('e')));
    // The forge shows it a moment later, and CI is red on it: nothing begins again.
    scene.case = done.case;
    assert_eq!(scene.decide().case, scene.case);
    assert!(scene.decide().wake.is_some_and(|wake| wake < NOW.plus_ms(10_000)));
    scene.pull.head.sha = sha('e');
    scene.reads(FailureKind::Lint);
    assert_eq!(scene.decide().case, scene.case);
}

#[test]
fn a_commit_that_is_on_its_way_is_not_taken_back_yet() {
    let mut scene = Scene::new(CaseState::Healing(attempt_id(1)));
    scene.attempt.state = AttemptState::Committing;
    scene.asks_to_undo();
    let decision = scene.decide();
    assert_eq!(decision.case.state, scene.case.state);
    assert!(
        matches!(&decision.answers[0].answer, Answer::Refused(why) if why.contains("a minute"))
    );
}

#[test]
fn a_stop_in_the_same_breath_does_not_keep_an_undo_from_being_done() {
    let mut scene = Scene::new(CaseState::Healed(Healed::ByUs));
    scene.asks_to_undo();
    scene.asks.push((asked(AskKind::Stop, NOW.plus_ms(1)), Permission::Write));
    let decision = scene.decide();
    assert_eq!(named(&decision.case.state), "stopped(undo wanted)");
    assert!(decision.acts.iter().any(|act| matches!(act, Act::Undo { .. })));
    assert_eq!(decision.answers.len(), 2);
}
