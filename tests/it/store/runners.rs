//! What runners say: recorded without a lease, whole, and the end of it once.

use selfheal::domain::attempt::{AttemptEnd, AttemptState, RunnerReport};
use selfheal::domain::case::{Case, CaseState};
use selfheal::domain::document::{DocumentName, Stage};
use selfheal::domain::ids::RunId;
use selfheal::ports::store::{Admitted, Finish, Inserted, StoreError};

use super::values::{
    admission, at, attempt, attempt_id, case, document, evidence, gave_up, patch, pull, seat, sha,
    stage,
};
use super::{Opened, on_all};

on_all! {
    a_runner_is_let_in_and_its_token_is_known,
    an_identity_is_used_once,
    the_next_runner_takes_over_from_the_one_before,
    a_runner_without_a_known_run_keeps_the_started_one,
    nobody_is_let_in_when_the_attempt_is_over,
    a_refused_runner_can_use_its_identity_elsewhere,
    an_unknown_attempt_can_report_nothing,
    a_runner_that_was_replaced_is_not_heard,
    a_heartbeat_is_told_with_the_attempt,
    stages_leave_their_documents_and_the_change_so_far,
    a_stage_that_is_sent_again_changes_nothing,
    documents_with_hostile_text_are_stored,
    an_outcome_is_recorded_once_and_wakes_its_pull_request,
    what_is_waiting_is_no_end,
    an_outcome_during_a_look_is_not_lost,
    a_decision_never_overwrites_what_a_runner_said,
    a_runner_sees_its_case_and_what_was_tried_before,
}

/// A pull request with a case whose attempt `number` runs; the ones before were abandoned.
pub(super) async fn healing(opened: &Opened, number: u8) -> Case {
    opened.know(&[pull(1)]).await;
    let id = attempt_id(u128::from(number));
    let case = case(1, &pull(1), CaseState::Healing(id));
    let mut attempts: Vec<_> = (1..number)
        .map(|n| attempt(n, &case, AttemptState::Ended(AttemptEnd::Abandoned)))
        .collect();
    attempts.push(attempt(number, &case, AttemptState::Running));
    opened.keep(0, &case, &attempts).await;
    case
}

pub(super) async fn admit(opened: &Opened, number: u128, identity: &str, now: i64) -> Admitted {
    opened.port().admit_runner(admission(attempt_id(number), identity, now)).await.unwrap()
}

async fn said(opened: &Opened) -> RunnerReport {
    opened.known(&pull(1)).await.attempts.pop().unwrap().report
}

async fn a_runner_is_let_in_and_its_token_is_known(opened: Opened) {
    healing(&opened, 1).await;
    assert_eq!(opened.port().runner_view(attempt_id(1)).await.unwrap().unwrap().token, None);
    assert_eq!(admit(&opened, 1, "jti-1", 500).await, Admitted::Yes);
    let view = opened.port().runner_view(attempt_id(1)).await.unwrap().unwrap();
    assert_eq!(view.token, Some(("hash of jti-1".to_owned(), at(5_500))));
    let report = said(&opened).await;
    assert_eq!(report.run, Some(RunId::new(99)));
    assert_eq!((report.admitted_at, report.heard_at), (Some(at(500)), Some(at(500))));
}

async fn an_identity_is_used_once(opened: Opened) {
    healing(&opened, 1).await;
    assert_eq!(admit(&opened, 1, "jti-1", 500).await, Admitted::Yes);
    assert_eq!(admit(&opened, 1, "jti-1", 600).await, Admitted::IdentityUsed);
    let view = opened.port().runner_view(attempt_id(1)).await.unwrap().unwrap();
    assert_eq!(view.token.unwrap().1, at(5_500), "the refused one changed nothing");
}

async fn the_next_runner_takes_over_from_the_one_before(opened: Opened) {
    healing(&opened, 1).await;
    admit(&opened, 1, "jti-1", 500).await;
    let mut next = admission(attempt_id(1), "jti-2", 900);
    next.run = Some(RunId::new(100));
    assert_eq!(opened.port().admit_runner(next).await.unwrap(), Admitted::Yes);
    let view = opened.port().runner_view(attempt_id(1)).await.unwrap().unwrap();
    assert_eq!(view.token, Some(("hash of jti-2".to_owned(), at(5_900))));
    assert_eq!(view.record.report.run, Some(RunId::new(100)));
}

async fn a_runner_without_a_known_run_keeps_the_started_one(opened: Opened) {
    healing(&opened, 1).await;
    opened.write(1, |changes| changes.learned.run = Some((attempt_id(1), RunId::new(42)))).await;
    let mut unnamed = admission(attempt_id(1), "code", 500);
    unnamed.run = None;
    assert_eq!(opened.port().admit_runner(unnamed).await.unwrap(), Admitted::Yes);
    assert_eq!(said(&opened).await.run, Some(RunId::new(42)));
}

async fn nobody_is_let_in_when_the_attempt_is_over(opened: Opened) {
    let case = healing(&opened, 1).await;
    let states = [
        AttemptState::Held,
        AttemptState::Committing,
        AttemptState::Committed(sha('c')),
        AttemptState::Ended(AttemptEnd::Abandoned),
    ];
    for (now, state) in (1..).zip(states) {
        opened.keep(now, &case, &[attempt(1, &case, state)]).await;
        assert_eq!(admit(&opened, 1, &format!("jti-{now}"), 500).await, Admitted::AttemptOver);
    }
    assert_eq!(admit(&opened, 7, "jti-of-none", 500).await, Admitted::AttemptOver);
    assert_eq!(said(&opened).await, RunnerReport::default());
}

async fn a_refused_runner_can_use_its_identity_elsewhere(opened: Opened) {
    healing(&opened, 1).await;
    assert_eq!(admit(&opened, 7, "jti-1", 500).await, Admitted::AttemptOver);
    assert_eq!(admit(&opened, 1, "jti-1", 500).await, Admitted::Yes);
}

async fn an_unknown_attempt_can_report_nothing(opened: Opened) {
    healing(&opened, 1).await;
    let store = opened.port();
    let report = stage(Stage::Triage, 1, vec![document(DocumentName::TriagePlan, 1, "x")]);
    for unknown in [attempt_id(7), attempt_id(1)] {
        // The second is known, but no runner of it was let in.
        let missing = |error| matches!(error, StoreError::Missing(_));
        let outcome = gave_up("x");
        assert!(missing(store.record_heartbeat(&seat(unknown, "jti-1"), at(1)).await.unwrap_err()));
        assert!(missing(
            store.record_stage(&seat(unknown, "jti-1"), &report, at(1)).await.unwrap_err()
        ));
        assert!(missing(
            store.record_outcome(&seat(unknown, "jti-1"), &outcome, at(1)).await.unwrap_err()
        ));
    }
    assert!(store.runner_view(attempt_id(7)).await.unwrap().is_none());
    let view = store.runner_view(attempt_id(1)).await.unwrap().unwrap();
    assert_eq!((view.documents, view.work_in_progress), (vec![], None));
}

async fn a_runner_that_was_replaced_is_not_heard(opened: Opened) {
    healing(&opened, 1).await;
    admit(&opened, 1, "jti-1", 500).await;
    admit(&opened, 1, "jti-2", 600).await;
    let (store, old) = (opened.port(), seat(attempt_id(1), "jti-1"));
    let report = stage(Stage::Triage, 1, vec![document(DocumentName::TriagePlan, 1, "x")]);
    let replaced = |error| matches!(error, StoreError::LeaseLost(_));
    assert!(replaced(store.record_heartbeat(&old, at(700)).await.unwrap_err()));
    assert!(replaced(store.record_stage(&old, &report, at(700)).await.unwrap_err()));
    assert!(replaced(store.record_outcome(&old, &gave_up("x"), at(700)).await.unwrap_err()));
    let view = store.runner_view(attempt_id(1)).await.unwrap().unwrap();
    assert_eq!((view.documents, view.record.report.stage), (vec![], None));
    assert_eq!(view.record.report.heard_at, Some(at(600)));
    assert_eq!(view.record.report.outcome, None);
    let new = seat(attempt_id(1), "jti-2");
    store.record_stage(&new, &report, at(700)).await.unwrap();
    let said = store.record_outcome(&new, &gave_up("y"), at(800)).await.unwrap();
    assert_eq!(said, Inserted::New);
    // Also when there is an outcome already: who is replaced hears that, and not that he was heard.
    assert!(replaced(store.record_outcome(&old, &gave_up("x"), at(900)).await.unwrap_err()));
}

async fn a_heartbeat_is_told_with_the_attempt(opened: Opened) {
    healing(&opened, 1).await;
    admit(&opened, 1, "jti-1", 500).await;
    opened.port().record_heartbeat(&seat(attempt_id(1), "jti-1"), at(700)).await.unwrap();
    assert_eq!(said(&opened).await.heard_at, Some(at(700)));
    assert!(opened.pull_at(700).await.is_none(), "nothing is to be decided");
}

async fn stages_leave_their_documents_and_the_change_so_far(opened: Opened) {
    healing(&opened, 1).await;
    admit(&opened, 1, "jti-1", 500).await;
    let store = opened.port();
    let plan = document(DocumentName::TriagePlan, 1, "---\nplan\n");
    let task = document(DocumentName::TaskInput, 1, "task 🦀");
    let first = stage(Stage::Triage, 1, vec![plan.clone(), task.clone()]);
    store.record_stage(&seat(attempt_id(1), "jti-1"), &first, at(600)).await.unwrap();
    let round2 = document(DocumentName::State, 2, "again");
    let second = stage(Stage::Execute, 2, vec![round2.clone()]);
    store.record_stage(&seat(attempt_id(1), "jti-1"), &second, at(700)).await.unwrap();
    let view = store.runner_view(attempt_id(1)).await.unwrap().unwrap();
    assert_eq!(view.documents, [plan, task, round2]);
    assert_eq!(view.work_in_progress, Some(patch("execute")));
    assert_eq!(view.record.report.stage, Some((Stage::Execute, 2)));
    assert_eq!(view.record.report.heard_at, Some(at(700)));
}

async fn a_stage_that_is_sent_again_changes_nothing(opened: Opened) {
    healing(&opened, 1).await;
    admit(&opened, 1, "jti-1", 500).await;
    let store = opened.port();
    let plan = document(DocumentName::TriagePlan, 1, "plan");
    let state = document(DocumentName::State, 1, "state");
    for _ in 0..2 {
        let report = stage(Stage::Triage, 1, vec![plan.clone(), state.clone()]);
        store.record_stage(&seat(attempt_id(1), "jti-1"), &report, at(600)).await.unwrap();
    }
    let better = document(DocumentName::TriagePlan, 1, "a better plan");
    let report = stage(Stage::Triage, 1, vec![better.clone()]);
    store.record_stage(&seat(attempt_id(1), "jti-1"), &report, at(601)).await.unwrap();
    let view = store.runner_view(attempt_id(1)).await.unwrap().unwrap();
    assert_eq!(view.documents, [better, state]);
}

async fn documents_with_hostile_text_are_stored(opened: Opened) {
    healing(&opened, 1).await;
    admit(&opened, 1, "jti-1", 500).await;
    let report = stage(Stage::Execute, 1, vec![document(DocumentName::State, 1, "a\u{0}b")]);
    opened.port().record_stage(&seat(attempt_id(1), "jti-1"), &report, at(600)).await.unwrap();
    opened
        .port()
        .record_outcome(&seat(attempt_id(1), "jti-1"), &gave_up("a\u{0}b"), at(700))
        .await
        .unwrap();
    let view = opened.port().runner_view(attempt_id(1)).await.unwrap().unwrap();
    assert_eq!(view.documents, [document(DocumentName::State, 1, "a\u{fffd}b")]);
    assert_eq!(view.record.report.outcome, Some(gave_up("a\u{0}b")));
}

async fn an_outcome_is_recorded_once_and_wakes_its_pull_request(opened: Opened) {
    healing(&opened, 1).await;
    admit(&opened, 1, "jti-1", 500).await;
    let store = opened.port();
    let first = store
        .record_outcome(&seat(attempt_id(1), "jti-1"), &gave_up("first"), at(700))
        .await
        .unwrap();
    assert_eq!(first, Inserted::New);
    let leased = opened.pull_at(700).await.unwrap();
    assert_eq!(leased.item.attempts[0].report.outcome, Some(gave_up("first")));
    opened.end(leased.lease, 701, Finish::Done).await;
    let second = store
        .record_outcome(&seat(attempt_id(1), "jti-1"), &gave_up("second"), at(800))
        .await
        .unwrap();
    assert_eq!(second, Inserted::Duplicate);
    assert_eq!(said(&opened).await.outcome, Some(gave_up("first")));
    assert!(opened.pull_at(900).await.is_none());
}

async fn what_is_waiting_is_no_end(opened: Opened) {
    healing(&opened, 1).await;
    admit(&opened, 1, "jti-1", 500).await;
    let store = opened.port();
    let waits = |tries| selfheal::domain::outcome::Outcome::Waits {
        note: "429 ü".into(),
        tries,
        until: at(900),
        asked: 0,
    };
    for outcome in [waits(1), waits(2), gave_up("end")] {
        let inserted =
            store.record_outcome(&seat(attempt_id(1), "jti-1"), &outcome, at(700)).await.unwrap();
        assert_eq!(inserted, Inserted::New);
        assert_eq!(said(&opened).await.outcome, Some(outcome));
    }
    let late =
        store.record_outcome(&seat(attempt_id(1), "jti-1"), &waits(3), at(800)).await.unwrap();
    assert_eq!(late, Inserted::Duplicate);
}

async fn an_outcome_during_a_look_is_not_lost(opened: Opened) {
    healing(&opened, 1).await;
    admit(&opened, 1, "jti-1", 500).await;
    opened.wake(&pull(1), 600).await;
    let leased = opened.pull_at(600).await.unwrap();
    opened
        .port()
        .record_outcome(&seat(attempt_id(1), "jti-1"), &gave_up("x"), at(650))
        .await
        .unwrap();
    opened.end(leased.lease, 700, Finish::At(at(900_000))).await;
    assert!(opened.pull_at(700).await.is_some());
}

async fn a_decision_never_overwrites_what_a_runner_said(opened: Opened) {
    let case = healing(&opened, 1).await;
    admit(&opened, 1, "jti-1", 500).await;
    opened
        .port()
        .record_outcome(&seat(attempt_id(1), "jti-1"), &gave_up("x"), at(650))
        .await
        .unwrap();
    let before = said(&opened).await;
    let ended = AttemptState::Ended(AttemptEnd::Abandoned);
    opened.keep(700, &case, &[attempt(1, &case, ended)]).await;
    assert_eq!(said(&opened).await, before);
}

async fn a_runner_sees_its_case_and_what_was_tried_before(opened: Opened) {
    let case = healing(&opened, 2).await;
    let read = evidence('b');
    opened.write(1, |changes| changes.evidence = Some((case.id, read.clone()))).await;
    let view = opened.port().runner_view(attempt_id(2)).await.unwrap().unwrap();
    assert_eq!(view.case, case);
    assert_eq!(view.record.attempt.number, 2);
    assert_eq!(view.earlier.len(), 1);
    assert_eq!(view.earlier[0].attempt.number, 1);
    assert_eq!(view.evidence, Some(read));
    let first = opened.port().runner_view(attempt_id(1)).await.unwrap().unwrap();
    assert_eq!(first.earlier, []);
}
