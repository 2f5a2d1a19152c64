//! Questions and their answers.

use super::*;

fn waiting(questions: usize) -> Scene {
    let mut scene = Scene::new(CaseState::AwaitingAnswer(attempt_id(1)));
    scene.is_asked(questions);
    scene
}

fn said(text: &str, second: i64) -> (Ask, Permission) {
    let ask = asked(AskKind::Answer, NOW.plus_ms(second * 1_000));
    (Ask { text: text.to_owned(), ..ask }, Permission::Write)
}

/// The answers after these comments, all in one look or one look each: they are the same.
#[track_caller]
fn answered(questions: usize, comments: &[&str], expected: &[&str]) -> CaseState {
    let asks: Vec<_> = comments.iter().zip(1..).map(|(text, at)| said(text, at)).collect();
    let mut together = waiting(questions);
    together.asks = asks.clone();
    let together = together.decide();
    let mut one_by_one = waiting(questions);
    for ask in asks {
        one_by_one.asks = vec![ask];
        let decision = one_by_one.decide();
        one_by_one.case = decision.case;
        one_by_one.attempt = decision.attempt.unwrap();
    }
    let attempt = together.attempt.unwrap();
    assert_eq!(attempt, one_by_one.attempt);
    let answers: Vec<&str> = attempt.feedback.iter().map(|it| it.answer.as_str()).collect();
    assert_eq!(answers, expected, "{comments:?}");
    assert_eq!(together.case.state, one_by_one.case.state);
    together.case.state
}

#[test]
fn an_attempt_goes_on_when_every_question_has_an_answer() {
    let waits = CaseState::AwaitingAnswer(attempt_id(1));
    let goes_on = CaseState::Healing(attempt_id(1));
    assert_eq!(answered(1, &["yes"], &["yes"]), goes_on);
    assert_eq!(answered(2, &["1: a"], &["a"]), waits);
    assert_eq!(answered(2, &["2: b", "1: a"], &["a", "b"]), goes_on);
    assert_eq!(answered(3, &["2: b", "2: c", "1: a"], &["a", "c"]), waits);
}

#[test]
fn an_answered_attempt_is_the_same_attempt_and_not_a_lost_one() {
    let mut scene = waiting(1);
    scene.attempt.dispatches = DISPATCHES;
    scene.asks = vec![said("yes", 1)];
    let decision = scene.decide();
    let attempt = decision.attempt.unwrap();
    assert_eq!((attempt.number, attempt.dispatches), (1, DISPATCHES + 1));
    assert_eq!(decision.case.attempts, 1);
    // Its new runner is lost: two of the starts before were lost, one was for the answer.
    scene.case = decision.case;
    scene.attempt = Attempt { dispatched_at: LONG_AGO, ..attempt };
    scene.attempt.dispatches -= 1;
    scene.asks.clear();
    let decision = scene.decide();
    assert_eq!(decision.attempt.unwrap().dispatches, DISPATCHES + 1);
}

#[test]
fn a_stop_among_answers_stops() {
    let mut scene = waiting(1);
    scene.asks =
        vec![said("yes", 1), (asked(AskKind::Stop, NOW.plus_ms(2_000)), Permission::Write)];
    let decision = scene.decide();
    assert_eq!(named(&decision.case.state), "stopped(person)");
    let is_dispatch = |act: &Act| matches!(act, Act::Dispatch { .. });
    assert!(!decision.acts.iter().any(is_dispatch), "{:?}", decision.acts);
    assert_eq!(decision.attempt.unwrap().state, AttemptState::Ended(AttemptEnd::Abandoned));
}

#[test]
fn what_a_stop_has_ended_stays_ended_when_it_is_taken_back_in_the_same_look() {
    let mut scene = Scene::new(CaseState::Healing(attempt_id(1)));
    for (kind, second) in [(AskKind::Stop, 1), (AskKind::Resume, 2)] {
        scene.asks.push((asked(kind, NOW.plus_ms(second * 1_000)), Permission::Write));
    }
    let decision = scene.decide();
    assert_eq!(decision.case.state, CaseState::Watching);
    assert_eq!(decision.attempt.unwrap().state, AttemptState::Ended(AttemptEnd::Abandoned));
    assert!(decision.acts.iter().any(|act| matches!(act, Act::Cancel { .. })));
}
