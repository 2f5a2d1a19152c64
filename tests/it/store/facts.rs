//! Cases, attempts and what was read: whole values in, the same values out.

use selfheal::domain::attempt::{AttemptEnd, AttemptState};
use selfheal::domain::case::{
    Asked, CaseState, Escalation, Excuse, Healed, StoppedBy, UndoStage, Undoing,
};
use selfheal::domain::outcome::GaveUp;
use selfheal::domain::pull::PullHead;
use selfheal::ports::store::{StoreError, Usage};

use super::values::{
    at, attempt, attempt_id, case, case_id, evidence, label, login, other_repo, pull, repo, sha,
};
use super::{Opened, done, on_all};

on_all! {
    a_case_comes_back_in_every_state,
    a_case_without_extras_comes_back,
    an_attempt_comes_back_in_every_state,
    attempts_come_by_number,
    a_closed_case_makes_room_for_the_next,
    the_live_case_is_told_before_ended_ones_of_the_same_moment,
    two_live_cases_of_a_pull_request_are_an_inconsistency,
    an_attempt_of_no_case_is_an_inconsistency,
    a_step_is_written_whole_or_not_at_all,
    what_was_read_is_kept_for_each_head,
    text_of_strangers_is_stored_on_either_engine,
    attempts_are_counted_for_the_budget,
}

fn undoing(stage: UndoStage) -> CaseState {
    CaseState::Stopped(StoppedBy::Undo(Undoing { by: login("ada"), parent: sha('b'), stage }))
}

fn case_states() -> Vec<CaseState> {
    let id = attempt_id(1);
    let mut states = vec![
        CaseState::Watching,
        CaseState::Diagnosing,
        CaseState::Rerunning,
        CaseState::Healing(id),
        CaseState::AwaitingApproval(id),
        CaseState::AwaitingAnswer(id),
        CaseState::Proving(id),
        CaseState::Stopped(StoppedBy::Person(login("ada"))),
        CaseState::Stopped(StoppedBy::Label(label("stop-updating"))),
        undoing(UndoStage::Wanted),
        undoing(UndoStage::Done),
        undoing(UndoStage::Failed { why: "a rule's \"words\"".into() }),
    ];
    states.extend(Excuse::ALL.map(CaseState::Excused));
    states.extend(Healed::ALL.map(CaseState::Healed));
    states.extend(Escalation::ALL.map(CaseState::Escalated));
    states.extend([CaseState::Superseded(sha('c')), CaseState::Closed]);
    states
}

async fn a_case_comes_back_in_every_state(opened: Opened) {
    opened.know(&[pull(1)]).await;
    for state in case_states() {
        let wanted = case(1, &pull(1), state);
        opened.keep(1, &wanted, &[]).await;
        assert_eq!(opened.known(&pull(1)).await.case, Some(wanted));
    }
}

async fn a_case_without_extras_comes_back(opened: Opened) {
    opened.know(&[pull(1)]).await;
    let mut bare = case(1, &pull(1), CaseState::Watching);
    bare.asked = Asked::No;
    bare.labels.clear();
    bare.auto_merge = None;
    opened.keep(1, &bare, &[]).await;
    assert_eq!(opened.known(&pull(1)).await.case, Some(bare));
}

fn attempt_states() -> Vec<AttemptState> {
    let why = [
        GaveUp::NoFixerAnswers,
        GaveUp::NothingChanged,
        GaveUp::StillRed,
        GaveUp::NothingToProveWith,
        GaveUp::ToolMissing,
        GaveUp::NoSandbox,
        GaveUp::OverLimit,
        GaveUp::NoWorkspace,
    ];
    let mut ends = vec![
        AttemptEnd::Healed(sha('c')),
        AttemptEnd::Disproved(sha('d')),
        AttemptEnd::NotReproduced,
        AttemptEnd::Refused,
        AttemptEnd::Rejected(login("ada")),
        AttemptEnd::CommitRefused,
        AttemptEnd::RunnerLost,
        AttemptEnd::Abandoned,
    ];
    ends.extend(why.map(AttemptEnd::GaveUp));
    let mut states = vec![
        AttemptState::Running,
        AttemptState::Held,
        AttemptState::Committing,
        AttemptState::Committed(sha('c')),
    ];
    states.extend(ends.into_iter().map(AttemptState::Ended));
    states
}

async fn an_attempt_comes_back_in_every_state(opened: Opened) {
    opened.know(&[pull(1)]).await;
    let case = case(1, &pull(1), CaseState::Diagnosing);
    for (dispatches, state) in (1..).zip(attempt_states()) {
        let mut wanted = attempt(1, &case, state);
        wanted.dispatches = dispatches;
        wanted.dispatched_at = at(i64::from(dispatches));
        wanted.note = (dispatches % 2 == 0).then(|| "note".to_owned());
        opened.keep(1, &case, std::slice::from_ref(&wanted)).await;
        let record = opened.known(&pull(1)).await.attempts.remove(0);
        assert_eq!(record.attempt, wanted);
        assert_eq!(record.report, selfheal::domain::attempt::RunnerReport::default());
    }
}

async fn attempts_come_by_number(opened: Opened) {
    opened.know(&[pull(1)]).await;
    let case = case(1, &pull(1), CaseState::Diagnosing);
    let ended = || AttemptState::Ended(AttemptEnd::Abandoned);
    let attempts = [2, 3, 1].map(|number| attempt(number, &case, ended()));
    opened.keep(1, &case, &attempts).await;
    let records = opened.known(&pull(1)).await.attempts;
    let numbers: Vec<_> = records.iter().map(|record| record.attempt.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
}

async fn a_closed_case_makes_room_for_the_next(opened: Opened) {
    opened.know(&[pull(1)]).await;
    let first = case(1, &pull(1), CaseState::Superseded(sha('c')));
    let ended = AttemptState::Ended(AttemptEnd::Abandoned);
    opened.keep(1, &first, &[attempt(1, &first, ended)]).await;
    assert_eq!(opened.known(&pull(1)).await.case, Some(first));
    let mut second = case(2, &pull(1), CaseState::Watching);
    second.opened_at = at(900);
    opened.keep(2, &second, &[]).await;
    let record = opened.known(&pull(1)).await;
    assert_eq!((record.case, record.attempts), (Some(second), vec![]));
}

async fn the_live_case_is_told_before_ended_ones_of_the_same_moment(opened: Opened) {
    opened.know(&[pull(1)]).await;
    let ended = case(2, &pull(1), CaseState::Closed);
    let live = case(1, &pull(1), CaseState::Watching);
    opened.keep(1, &ended, &[]).await;
    opened.keep(2, &live, &[]).await;
    assert_eq!(opened.known(&pull(1)).await.case, Some(live));
}

#[track_caller]
fn inconsistent(result: &Result<(), StoreError>) {
    assert!(matches!(result, Err(StoreError::Inconsistent { .. })), "{result:?}");
}

async fn two_live_cases_of_a_pull_request_are_an_inconsistency(opened: Opened) {
    opened.know(&[pull(1)]).await;
    opened.keep(1, &case(1, &pull(1), CaseState::Watching), &[]).await;
    let lease = opened.some_lease(2).await;
    let mut changes = done(2);
    changes.case = Some(case(2, &pull(1), CaseState::Watching));
    inconsistent(&opened.port().apply(lease, changes).await);
    assert_eq!(opened.known(&pull(1)).await.case.unwrap().id, case_id(1));
}

async fn an_attempt_of_no_case_is_an_inconsistency(opened: Opened) {
    opened.know(&[pull(1)]).await;
    let lease = opened.some_lease(2).await;
    let mut changes = done(2);
    changes.attempts.push(attempt(
        1,
        &case(1, &pull(1), CaseState::Watching),
        AttemptState::Running,
    ));
    inconsistent(&opened.port().apply(lease, changes).await);
}

async fn a_step_is_written_whole_or_not_at_all(opened: Opened) {
    opened.know(&[pull(1)]).await;
    let lease = opened.some_lease(2).await;
    let mut changes = done(2);
    changes.pulls.push(pull(2));
    changes.wake.push((repo().id, pull(1).number, at(2)));
    // The last thing that is written cannot be: there is no such attempt.
    changes.learned.run = Some((attempt_id(1), selfheal::domain::ids::RunId::new(9)));
    assert!(opened.port().apply(lease, changes).await.is_err());
    assert_eq!(opened.port().pull(repo().id, pull(2).number).await.unwrap(), None);
    assert!(opened.pull_at(10).await.is_none());
    assert_eq!(opened.port().backlog().await.unwrap().deliveries, 1, "the work is still to do");
}

async fn what_was_read_is_kept_for_each_head(opened: Opened) {
    opened.know(&[pull(1)]).await;
    opened.keep(1, &case(1, &pull(1), CaseState::Diagnosing), &[]).await;
    for head in ['b', 'c'] {
        opened.write(2, |changes| changes.evidence = Some((case_id(1), evidence(head)))).await;
    }
    let mut again = evidence('b');
    again.notes.push("one log had expired".to_owned());
    opened.write(3, |changes| changes.evidence = Some((case_id(1), again.clone()))).await;
    let store = opened.port();
    assert_eq!(store.evidence(case_id(1), &sha('b')).await.unwrap(), Some(again));
    assert_eq!(store.evidence(case_id(1), &sha('c')).await.unwrap(), Some(evidence('c')));
    assert_eq!(store.evidence(case_id(1), &sha('d')).await.unwrap(), None);
    assert_eq!(store.evidence(case_id(2), &sha('b')).await.unwrap(), None);
}

async fn text_of_strangers_is_stored_on_either_engine(opened: Opened) {
    use selfheal::domain::ask::AskKind;
    opened.know(&[pull(1)]).await;
    let mut hostile = super::values::ask("comment:1", AskKind::Unknown, 1);
    "/selfheal '); DROP TABLE pulls; -- \u{0}\u{202e}🦀".clone_into(&mut hostile.text);
    opened.ask(1, &pull(1), hostile).await;
    let read = opened.known(&pull(1)).await.asks.remove(0);
    // PostgreSQL's text has no NUL; it becomes the sign for what cannot be shown.
    assert_eq!(read.text, "/selfheal '); DROP TABLE pulls; -- \u{fffd}\u{202e}🦀");
}

async fn attempts_are_counted_for_the_budget(opened: Opened) {
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    let elsewhere = PullHead { repo: other_repo(), ..pull(1) };
    opened.know(&[pull(1), pull(2), elsewhere.clone()]).await;
    let cases = [(1, pull(1)), (2, pull(2)), (3, elsewhere)];
    let cases = cases.map(|(id, of)| case(id, &of, CaseState::Diagnosing));
    let plans = [
        (0, 1, 1_000, AttemptState::Ended(AttemptEnd::Abandoned)),
        (0, 2, 1_001, AttemptState::Running),
        (1, 1, 5_000, AttemptState::Held),
        (1, 2, 6_000, AttemptState::Running),
        (2, 1, 7_000, AttemptState::Running),
    ];
    for case in &cases {
        opened.keep(1, case, &[]).await;
    }
    for (id, (of, number, planned, state)) in (10..).zip(plans) {
        let mut planned_attempt = attempt(number, &cases[of], state);
        planned_attempt.id = attempt_id(id);
        planned_attempt.planned_at = at(planned);
        opened.keep(1, &cases[of], &[planned_attempt]).await;
    }
    let usage = opened.port().usage(repo().id, at(1_000 + DAY_MS)).await.unwrap();
    let expected = Usage {
        attempts_today: 3,
        attempts_running: 2,
        installation_running: 2,
        all_running: 3,
        cases_open: 2,
    };
    assert_eq!(usage, expected);
    let unknown = selfheal::domain::ids::RepoId::new(1);
    let nobodys = Usage { all_running: 3, ..Usage::default() };
    assert_eq!(opened.port().usage(unknown, at(0)).await.unwrap(), nobodys);
}
