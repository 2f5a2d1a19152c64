//! The transition matrix: every state in every situation. The snapshot is the documentation; what
//! it leaves out keeps the state and does nothing.

use super::*;
use crate::domain::ask::{AskKind, Heed};
use crate::domain::case::{Asked, Escalation, Excuse, Healed, UndoStage, Undoing};
use crate::domain::cause::{BaseBreak, Cause, Judged, Judgement, Known, judge};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::gate::{Finding, Weight};
use crate::domain::ids::{
    Branch, CaseId, InstallationId, Label, Login, PrNumber, RepoId, RepoSlug, RunId, Sha, UserId,
};
use crate::domain::outcome::{GaveUp, Outcome, Proof};
use crate::domain::patch::Patch;
use crate::domain::pull::{Actor, AutoMerge, CiRun, Head, Readiness, Repo};

mod aside;
mod feedback;
mod scene;
mod undoing;

use scene::{LONG_AGO, NOW, Scene, actor, asked, attempt_id, label, sha, undoing};

fn states() -> Vec<CaseState> {
    vec![
        CaseState::Watching,
        CaseState::Diagnosing,
        CaseState::Rerunning,
        CaseState::Excused(Excuse::RunsNeedApproval),
        CaseState::Excused(Excuse::Infrastructure),
        CaseState::Excused(Excuse::Policy),
        CaseState::Excused(Excuse::BrokenPolicy),
        CaseState::Excused(Excuse::Cancelled),
        CaseState::Excused(Excuse::BaseBroken),
        CaseState::Excused(Excuse::BaseMended),
        CaseState::Excused(Excuse::Flaky),
        CaseState::Excused(Excuse::CiConfig),
        CaseState::Healing(attempt_id(1)),
        CaseState::AwaitingApproval(attempt_id(1)),
        CaseState::AwaitingAnswer(attempt_id(1)),
        CaseState::Proving(attempt_id(1)),
        CaseState::Healed(Healed::ByUs),
        CaseState::Escalated(Escalation::AttemptsUsed),
        CaseState::Stopped(StoppedBy::Person(Login::parse("mona").unwrap())),
        CaseState::Stopped(StoppedBy::Label(label("selfheal:stop"))),
        undoing(UndoStage::Wanted),
        undoing(UndoStage::Done),
        CaseState::Superseded(sha('b')),
        CaseState::Closed,
    ]
}

type Situation = (&'static str, fn(&mut Scene));

/// Situations that every state can meet.
const SITUATIONS: &[Situation] = &[
    ("CI runs", |s| s.ci = Ci::Pending { red: Vec::new() }),
    ("CI is green", |s| s.ci = Ci::Green),
    ("CI is red", |_| {}),
    ("CI is red, read", |s| s.reads(FailureKind::Lint)),
    ("CI is red, infrastructure", |s| s.reads(FailureKind::Infrastructure)),
    ("CI is red, cap reached", |s| s.refused_by("attempt-cap")),
    ("CI is red, the base's", |s| s.base_has_it(None)),
    ("CI is red, the base's, mended", |s| s.base_has_it(Some(sha('e')))),
    ("CI is red, there to mend the base", Scene::mends_the_base),
    ("CI is red, draft", |s| s.refused_by("draft")),
    ("CI is red, too many at once", |s| s.refused_by("budget-now")),
    ("CI is red, day's budget used", |s| s.refused_by("budget-day")),
    ("CI is red, policy broken", |s| s.policy_state = PolicyState::Broken),
    ("runs need approval", |s| s.ci = Ci::NeedsApproval(Vec::new())),
    ("runs were cancelled", |s| s.ci = Ci::Cancelled(Vec::new())),
    ("nothing ran, long since", |s| {
        s.ci = Ci::Nothing;
        s.case.since = LONG_AGO;
    }),
    ("red again after a while", |s| {
        s.case.since = LONG_AGO;
        s.case.reruns = 1;
    }),
    ("the runner was lost", |s| s.attempt.dispatched_at = LONG_AGO),
    ("the runner was lost, third time", |s| {
        s.attempt.dispatched_at = LONG_AGO;
        s.attempt.dispatches = DISPATCHES;
    }),
    ("no runner can be started", |s| {
        s.dispatched = Some(EffectResult::Refused { message: "422".into() });
    }),
    ("the runner gave up", |s| s.gives_up(GaveUp::StillRed)),
    ("the runner has nothing to try", |s| s.gives_up(GaveUp::NoFixerAnswers)),
    ("not reproduced", |s| {
        s.report.outcome = Some(Outcome::NotReproduced { runs: Vec::new() });
    }),
    ("not reproduced, again", |s| {
        s.case.reruns = 1;
        s.report.outcome = Some(Outcome::NotReproduced { runs: Vec::new() });
    }),
    ("the model is waited for", |s| s.waits(NOW.plus_ms(60_000), 1)),
    ("the model was waited for", |s| {
        s.waits(NOW, 1);
        s.attempt.dispatched_at = LONG_AGO;
    }),
    ("the runner was lost, after waits", |s| {
        s.waits(LONG_AGO, 2);
        s.attempt.dispatched_at = LONG_AGO;
        s.attempt.dispatches = DISPATCHES;
    }),
    ("a question is asked", |s| s.is_asked(1)),
    ("a question was asked, long since", |s| {
        s.is_asked(1);
        s.case.since = LONG_AGO;
    }),
    ("a patch is allowed", |s| s.proposes(None)),
    ("a patch is held", |s| s.proposes(Some(Weight::Hold))),
    ("a patch is refused", |s| s.proposes(Some(Weight::Refuse))),
    ("the commit is done", |s| {
        s.attempt.state = AttemptState::Committing;
        s.pull.head.sha = sha('c');
        s.committed = Some(EffectResult::Done { commit: Some(sha('c')), run: None });
    }),
    ("the commit is refused", |s| {
        s.attempt.state = AttemptState::Committing;
        s.committed = Some(EffectResult::Refused { message: "rule".into() });
    }),
    ("a person pushed before the commit", |s| {
        s.attempt.state = AttemptState::Committing;
        s.pull.head.sha = sha('b');
        s.committed = Some(EffectResult::Moved);
    }),
    ("a person pushed", |s| s.pull.head.sha = sha('b')),
    ("our commit, forgotten", |s| s.forgets(attempt_id(1))),
    ("another attempt's commit, forgotten", |s| s.forgets(attempt_id(5))),
    ("closed", |s| s.pull.state = PullState::Closed),
    ("a stop label is set", |s| s.pull.labels = vec![label("stop-updating")]),
    ("asked to fix", |s| s.asks(AskKind::Fix, Permission::Write)),
    ("asked to fix by a reader", |s| s.asks(AskKind::Fix, Permission::Read)),
    ("asked to stop", |s| s.asks(AskKind::Stop, Permission::Write)),
    ("asked to resume", |s| s.asks(AskKind::Resume, Permission::Write)),
    ("asked to undo", Scene::asks_to_undo),
    ("asked to undo, nothing of ours", |s| s.asks(AskKind::Undo, Permission::Write)),
    ("asked to undo by a reader", |s| s.asks(AskKind::Undo, Permission::Read)),
    ("the undo is done", |s| {
        s.pull.head.sha = sha('e');
        s.undone = Some(EffectResult::Done { commit: Some(sha('e')), run: None });
    }),
    ("the undo is refused", |s| {
        s.undone = Some(EffectResult::Refused { message: "rule".into() });
    }),
    ("a person pushed before the undo", |s| {
        s.pull.head.sha = sha('b');
        s.undone = Some(EffectResult::Moved);
    }),
    ("asked to approve", |s| {
        s.proposes(Some(Weight::Hold));
        s.asks(AskKind::Approve, Permission::Write);
    }),
    ("asked to reject", |s| s.asks(AskKind::Reject, Permission::Write)),
    ("asked to answer", |s| {
        s.is_asked(1);
        s.asks(AskKind::Answer, Permission::Write);
    }),
    ("asked to answer one of two", |s| {
        s.is_asked(2);
        s.asks(AskKind::Answer, Permission::Write);
    }),
    ("asked to answer by a reader", |s| {
        s.is_asked(1);
        s.asks(AskKind::Answer, Permission::Read);
    }),
    ("asked for status", |s| s.asks(AskKind::Status, Permission::Read)),
];

const DISPATCHES: u8 = crate::domain::attempt::DISPATCHES_MAX;

fn named(state: &CaseState) -> String {
    match state {
        CaseState::Excused(why) => format!("excused({})", why.as_str()),
        CaseState::Healed(how) => format!("healed({})", how.as_str()),
        CaseState::Escalated(why) => format!("escalated({})", why.as_str()),
        CaseState::Stopped(StoppedBy::Person(_)) => "stopped(person)".into(),
        CaseState::Stopped(StoppedBy::Label(_)) => "stopped(label)".into(),
        CaseState::Stopped(StoppedBy::Undo(undoing)) => match undoing.stage {
            UndoStage::Wanted => "stopped(undo wanted)".into(),
            UndoStage::Done => "stopped(undone)".into(),
            UndoStage::Failed { .. } => "stopped(undo failed)".into(),
        },
        other => other.as_str().to_owned(),
    }
}

fn shown(before: &CaseState, decision: &Decision) -> String {
    let mut words = Vec::new();
    if decision.case.state == *before {
        words.push("·".to_owned());
    } else {
        words.push(named(&decision.case.state));
    }
    if let Some(attempt) = &decision.attempt {
        let end = match &attempt.state {
            AttemptState::Ended(end) => format!("/{}", end.as_str()),
            _ => String::new(),
        };
        words.push(format!("attempt {}:{}{end}", attempt.number, attempt.state.as_str()));
    }
    words.extend(decision.acts.iter().map(act_name));
    words.extend(decision.answers.iter().map(|answered| match &answered.answer {
        Answer::Done => "answer: done".to_owned(),
        Answer::Show => "answer: show".to_owned(),
        Answer::Refused(why) => format!("answer: no, {why}"),
    }));
    words.join(" | ")
}

fn act_name(act: &Act) -> String {
    match act {
        Act::SetLabel { label, wanted } => format!("label {label} {wanted:?}"),
        Act::SetAutoMerge { restore, .. } => match restore {
            Some(_) => "auto-merge on".into(),
            None => "auto-merge off".into(),
        },
        Act::Dispatch { dispatch, .. } => format!("dispatch {dispatch}"),
        Act::Cancel { .. } => "cancel".into(),
        Act::Rerun { .. } => "rerun".into(),
        Act::Commit { .. } => "commit".into(),
        Act::Undo { .. } => "undo".into(),
        Act::Mend { .. } => "mend the base".into(),
        other => format!("{other:?}"),
    }
}

#[test]
fn the_transition_matrix_is_as_documented() {
    let mut matrix = String::new();
    for state in states() {
        matrix.push_str(&format!("{}\n", named(&state)));
        for (name, change) in SITUATIONS {
            let mut scene = Scene::new(state.clone());
            change(&mut scene);
            let line = shown(&state, &scene.decide());
            if line != "·" {
                matrix.push_str(&format!("  {name:34} {line}\n"));
            }
        }
    }
    insta::assert_snapshot!("transition_matrix", matrix);
}

#[test]
fn a_fourth_attempt_is_never_begun() {
    for state in states() {
        for (name, change) in SITUATIONS {
            let mut scene = Scene::new(state.clone());
            change(&mut scene);
            scene.case.attempts = 3;
            if scene.evidence.is_some() {
                scene.refused_by("attempt-cap");
            }
            let decision = scene.decide();
            assert!(decision.case.attempts <= 3, "{state:?} {name}");
        }
    }
}

#[test]
fn a_forge_that_lags_behind_our_commit_supersedes_nothing() {
    let mut scene = Scene::new(CaseState::Proving(attempt_id(1)));
    scene.pull.head.sha = scene.attempt.head.clone();
    let decision = scene.decide();
    assert_eq!(decision.case, scene.case);
    assert!(decision.wake.is_some_and(|wake| wake < scene::NOW.plus_ms(10_000)));
    scene.asks(AskKind::Status, crate::domain::pull::Permission::Read);
    assert_eq!(scene.decide().answers.len(), 1, "people are answered all the same");
    scene.asks.clear();
    scene.case.since = LONG_AGO;
    let by = scene.attempt.head.clone();
    assert_eq!(scene.decide().case.state, CaseState::Superseded(by), "somebody set it back");
}

#[test]
fn what_was_held_is_given_back_whenever_the_work_ends() {
    let auto_merge = AutoMerge {
        enabled_by: Login::parse("mona").unwrap(),
        method: "squash".into(),
        commit_title: Some("Title".into()),
        commit_message: None,
    };
    for (name, change) in SITUATIONS {
        for state in states().into_iter().filter(CaseState::is_working) {
            let mut scene = Scene::new(state);
            change(&mut scene);
            scene.case.labels = vec![label("selfheal")];
            scene.case.auto_merge = Some(auto_merge.clone());
            let decision = scene.decide();
            if decision.case.state.is_working() {
                assert_eq!(decision.case.labels.len(), 1, "{name}");
                continue;
            }
            let removed = decision.acts.iter().any(|act| {
                matches!(act, Act::SetLabel { wanted, .. }
                    if *wanted == crate::domain::effect::Wanted::Absent)
            });
            let restored = decision.acts.iter().any(|act| {
                matches!(act, Act::SetAutoMerge { restore: Some(on), .. } if *on == auto_merge)
            });
            assert!(removed && decision.case.labels.is_empty(), "{name}");
            assert_eq!(restored, scene.pull.state == PullState::Open, "{name}");
        }
    }
}

#[test]
fn somebody_elses_labels_and_auto_merge_are_respected() {
    let mut scene = Scene::new(CaseState::Diagnosing);
    scene.reads(FailureKind::Lint);
    scene.pull.labels = vec![label("Selfheal")];
    scene.pull.author = actor("renovate[bot]");
    let decision = scene.decide();
    assert_eq!(decision.case.labels, [label("stop-updating")], "only what was not there");
    scene.case = decision.case;
    scene.pull.labels.push(label("stop-updating"));
    assert!(scene.decide().case.state.is_working(), "our own label does not stop us");
    scene.case.labels.clear();
    let stopped = scene.decide().case.state;
    assert_eq!(stopped, CaseState::Stopped(StoppedBy::Label(label("stop-updating"))));
}

/// Where a case is after asks that were asked at those seconds and heard in that order, one look each
/// or all in one: it is the same.
#[track_caller]
fn comes_to(said: &[(AskKind, i64)], expected: &str) {
    let scene = || Scene::new(CaseState::Healing(attempt_id(1)));
    let at = |second: i64| NOW.plus_ms(second * 1_000);
    let mut one_by_one = scene();
    for (kind, second) in said {
        let ask = asked(*kind, at(*second));
        one_by_one.asks = vec![(ask.clone(), Permission::Write)];
        one_by_one.case = one_by_one.decide().case;
        one_by_one.heeded.extend((kind.heed() == Heed::Lasting).then_some(ask));
    }
    assert_eq!(named(&one_by_one.case.state), expected, "one by one: {said:?}");
    let mut together = scene();
    let asks = said.iter().map(|(kind, second)| (asked(*kind, at(*second)), Permission::Write));
    together.asks = asks.collect();
    assert_eq!(named(&together.decide().case.state), expected, "together: {said:?}");
}

#[test]
fn what_was_asked_last_counts_in_whatever_order_it_is_heard() {
    use AskKind::{Fix, Resume, Retry, Status, Stop};
    comes_to(&[(Stop, 1)], "stopped(person)");
    comes_to(&[(Stop, 1), (Resume, 2)], "watching");
    comes_to(&[(Stop, 3), (Resume, 2)], "stopped(person)");
    comes_to(&[(Stop, 3), (Fix, 2)], "stopped(person)");
    comes_to(&[(Stop, 3), (Retry, 2), (Status, 4)], "stopped(person)");
    comes_to(&[(Stop, 1), (Resume, 5), (Stop, 3)], "watching");
    comes_to(&[(Stop, 1), (Resume, 2), (Stop, 3)], "stopped(person)");
    comes_to(&[(Resume, 4), (Stop, 5), (Resume, 2)], "stopped(person)");
}

#[test]
fn a_stop_that_comes_after_a_later_resume_stops_nothing() {
    let mut scene = Scene::new(CaseState::Healing(attempt_id(1)));
    scene.heeded = vec![asked(AskKind::Resume, NOW)];
    scene.asks = vec![(asked(AskKind::Stop, LONG_AGO), Permission::Write)];
    let decision = scene.decide();
    assert_eq!(decision.case.state, scene.case.state);
    let why = "mona has said \"resume\" since then".to_owned();
    assert_eq!(decision.answers[0].answer, Answer::Refused(why));
}

#[test]
fn a_stop_that_is_heard_with_a_push_is_not_lost_with_the_old_case() {
    let mut scene = Scene::new(CaseState::Healing(attempt_id(1)));
    scene.pull.head.sha = sha('b');
    scene.asks(AskKind::Stop, Permission::Write);
    let decision = scene.decide();
    assert_eq!(named(&decision.case.state), "stopped(person)");
    scene.case = decision.case;
    scene.asks.clear();
    assert_eq!(
        scene.decide().case.state,
        CaseState::Superseded(sha('b')),
        "and so is the next one"
    );
}

#[test]
fn what_takes_a_stop_back_is_heard_with_a_push_too() {
    use AskKind::{Approve, Fix, Resume};
    let stopped = CaseState::Stopped(StoppedBy::Person(Login::parse("mona").unwrap()));
    let check = |state: &CaseState, kind, expected| {
        let mut scene = Scene::new(state.clone());
        scene.pull.head.sha = sha('b');
        scene.asks(kind, Permission::Write);
        assert_eq!(scene.decide().case.state.as_str(), expected, "{state:?} {kind:?}");
    };
    check(&stopped, Resume, "watching");
    check(&stopped, Fix, "watching");
    check(&stopped, Approve, "superseded");
    check(&CaseState::Diagnosing, Fix, "superseded");
}
