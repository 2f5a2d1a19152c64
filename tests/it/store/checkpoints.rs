//! Checkpoints: the last of the runner that was let in last, while its stage goes on.

use selfheal::domain::attempt::{AttemptEnd, AttemptState};
use selfheal::domain::case::{Case, CaseState};
use selfheal::domain::checkpoint::{Checkpoint, SESSION_BYTES_MAX, Session};
use selfheal::domain::document::{DocumentName, Stage};
use selfheal::domain::patch::Content;
use selfheal::ports::checkpoints::{CheckpointStore as _, NewCheckpoint, Taken};

use super::values::{
    admission, at, attempt, attempt_id, case, document, patch, pull, seat, sha, stage,
};
use super::{Opened, on_both};

on_both! {
    the_last_checkpoint_is_kept_whole,
    a_runner_that_was_replaced_keeps_nothing,
    a_checkpoint_is_of_the_stage_that_goes_on,
    a_checkpoint_goes_with_its_stage,
    a_checkpoint_goes_with_its_attempt,
    an_old_checkpoint_is_forgotten,
}

/// A pull request whose attempt runs, triaged, by a runner of that identity.
async fn healing(opened: &Opened) -> Case {
    opened.know(&[pull(1)]).await;
    let case = case(1, &pull(1), CaseState::Healing(attempt_id(1)));
    opened.keep(0, &case, &[attempt(1, &case, AttemptState::Running)]).await;
    opened.port().admit_runner(admission(attempt_id(1), "jti-1", 500)).await.unwrap();
    opened
        .port()
        .record_stage(&seat(attempt_id(1), "jti-1"), &stage(Stage::Triage, 1, vec![]), at(510))
        .await
        .unwrap();
    case
}

fn checkpoint(round: u8, text: &str) -> Checkpoint {
    Checkpoint {
        round,
        fixer: "agent:codex".to_owned(),
        state: document(DocumentName::State, round, text),
        work_in_progress: patch(text),
        session: Some(Session { id: "s-1".to_owned(), files: vec![Content::new([0, 255, 7])] }),
    }
}

/// Sends it with the token of a runner of that identity.
async fn sent(opened: &Opened, identity: &str, checkpoint: &Checkpoint) -> Taken {
    let new = NewCheckpoint {
        seat: seat(attempt_id(1), identity),
        checkpoint: checkpoint.clone(),
        now: at(600),
    };
    opened.sql().keep_checkpoint(new).await.unwrap()
}

async fn kept(opened: &Opened) -> Option<Checkpoint> {
    opened.sql().checkpoint(attempt_id(1)).await.unwrap()
}

async fn the_last_checkpoint_is_kept_whole(opened: Opened) {
    healing(&opened).await;
    assert_eq!(kept(&opened).await, None);
    let mut large = checkpoint(1, "a \u{0} b");
    let noise = (0..u32::try_from(SESSION_BYTES_MAX / 4).unwrap())
        .flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_le_bytes());
    large.session.as_mut().unwrap().files = vec![Content::new(noise.collect::<Vec<_>>())];
    for checkpoint in [large, checkpoint(1, "second")] {
        assert_eq!(sent(&opened, "jti-1", &checkpoint).await, Taken::Yes);
        assert_eq!(kept(&opened).await, Some(checkpoint));
    }
}

async fn a_runner_that_was_replaced_keeps_nothing(opened: Opened) {
    healing(&opened).await;
    sent(&opened, "jti-1", &checkpoint(1, "of the first")).await;
    opened.port().admit_runner(admission(attempt_id(1), "jti-2", 700)).await.unwrap();
    assert_eq!(sent(&opened, "jti-1", &checkpoint(1, "late")).await, Taken::TooLate);
    assert_eq!(kept(&opened).await, Some(checkpoint(1, "of the first")));
    assert_eq!(sent(&opened, "jti-2", &checkpoint(1, "of the second")).await, Taken::Yes);
    assert_eq!(kept(&opened).await, Some(checkpoint(1, "of the second")));
}

async fn a_checkpoint_is_of_the_stage_that_goes_on(opened: Opened) {
    healing(&opened).await;
    let port = opened.port();
    let check = async |round: u8, expected: Taken| {
        let taken = sent(&opened, "jti-1", &checkpoint(round, "x")).await;
        assert_eq!(taken, expected, "round {round}");
    };
    check(1, Taken::Yes).await;
    check(2, Taken::TooLate).await;
    for (last, next) in [
        (Stage::Execute, Taken::TooLate),
        (Stage::PreVerify, Taken::TooLate),
        (Stage::Verify, Taken::Yes),
        (Stage::DevilsAdvocate, Taken::Yes),
    ] {
        port.record_stage(&seat(attempt_id(1), "jti-1"), &stage(last, 1, vec![]), at(700))
            .await
            .unwrap();
        check(1, Taken::TooLate).await;
        check(2, next).await;
    }
}

async fn a_checkpoint_goes_with_its_stage(opened: Opened) {
    healing(&opened).await;
    sent(&opened, "jti-1", &checkpoint(1, "x")).await;
    let report = stage(Stage::Execute, 1, vec![]);
    opened.port().record_stage(&seat(attempt_id(1), "jti-1"), &report, at(700)).await.unwrap();
    assert_eq!(kept(&opened).await, None);
}

async fn a_checkpoint_goes_with_its_attempt(opened: Opened) {
    let case = healing(&opened).await;
    let over = [
        AttemptState::Held,
        AttemptState::Committing,
        AttemptState::Committed(sha('c')),
        AttemptState::Ended(AttemptEnd::RunnerLost),
    ];
    for (now, state) in (1..).zip(over) {
        opened.keep(2 * now, &case, &[attempt(1, &case, AttemptState::Running)]).await;
        assert_eq!(sent(&opened, "jti-1", &checkpoint(1, "x")).await, Taken::Yes);
        opened.keep(2 * now + 1, &case, &[attempt(1, &case, state)]).await;
        assert_eq!(kept(&opened).await, None, "{now}");
        assert_eq!(sent(&opened, "jti-1", &checkpoint(1, "x")).await, Taken::TooLate);
    }
}

async fn an_old_checkpoint_is_forgotten(opened: Opened) {
    healing(&opened).await;
    sent(&opened, "jti-1", &checkpoint(1, "x")).await;
    opened.port().purge(at(600)).await.unwrap();
    assert!(kept(&opened).await.is_some());
    opened.port().purge(at(601)).await.unwrap();
    assert_eq!(kept(&opened).await, None);
}
