//! What people read, for every state that a case can be in.

use uuid::Uuid;

use super::*;
use crate::domain::ask::{Ask, AskKind};
use crate::domain::attempt::{Attempt, AttemptEnd, AttemptState, RunnerReport};
use crate::domain::case::{
    Asked, CaseState, Escalation, Excuse, Healed, StoppedBy, UndoStage, Undoing,
};
use crate::domain::cause::Judgement;
use crate::domain::command::COMMANDS;
use crate::domain::decide::Answer;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::ids::{
    AttemptId, CaseId, InstallationId, Label, Login, PrNumber, RepoId, RepoPath, RepoSlug, Sha,
    Timestamp, UserId,
};
use crate::domain::outcome::{Analysis, GaveUp, Outcome};
use crate::domain::pull::{Actor, Repo};
use crate::domain::view::{BUTTONS_MAX, CheckStatus};

fn sha(digit: &str) -> Sha {
    Sha::parse(&digit.repeat(40)).unwrap()
}

fn case(state: CaseState) -> Case {
    Case {
        id: CaseId::new(Uuid::from_u128(1)),
        repo: Repo {
            id: RepoId::new(1),
            slug: RepoSlug::parse("acme/widget").unwrap(),
            installation: InstallationId::new(2),
        },
        number: PrNumber::new(7),
        opened_head: sha("a"),
        head: sha("a"),
        opened_at: Timestamp::from_millis(0),
        since: Timestamp::from_millis(0),
        state,
        attempts: 1,
        reruns: 0,
        asked: Asked::No,
        labels: Vec::new(),
        auto_merge: None,
    }
}

fn attempt(state: AttemptState, note: Option<&str>) -> AttemptRecord {
    AttemptRecord {
        attempt: Attempt {
            id: AttemptId::new(Uuid::from_u128(2)),
            case: CaseId::new(Uuid::from_u128(1)),
            number: 1,
            head: sha("a"),
            planned_at: Timestamp::from_millis(0),
            dispatches: 1,
            dispatched_at: Timestamp::from_millis(0),
            state,
            note: note.map(str::to_owned),
            verdict: None,
            feedback: Vec::new(),
        },
        report: RunnerReport::default(),
        dispatched: None,
        committed: None,
    }
}

fn evidence(message: &str) -> Evidence {
    let mut failure = Failure::new(FailureKind::Lint, message);
    failure.file = Some(RepoPath::parse("src/lib.rs").unwrap());
    failure.line = Some(3);
    failure.tool = Some("clippy".into());
    Evidence {
        head: sha("a"),
        runs: Vec::new(),
        failures: vec![failure],
        excerpt: "error: it broke".into(),
        commands: Vec::new(),
        green_commands: Vec::new(),
        sources: vec!["ci / test: log".into()],
        notes: Vec::new(),
        changed_files: Vec::new(),
        judgement: Judgement::default(),
    }
}

fn told<T>(case: &Case, attempts: &[AttemptRecord], tell: impl Fn(&Story<'_>) -> T) -> T {
    let (policy, ci, evidence) = (Policy::default(), Ci::Nothing, evidence("it broke"));
    tell(&Story {
        case,
        attempts,
        evidence: Some(&evidence),
        before: None,
        policy: &policy,
        policy_problem: Some("line 2, `attempts: 9`: allowed are 1 to 3"),
        ci: &ci,
        diff: None,
        changes: &[],
    })
}

fn undone(stage: UndoStage) -> CaseState {
    let by = Login::parse("mona").unwrap();
    CaseState::Stopped(StoppedBy::Undo(Undoing { by, parent: sha("a"), stage }))
}

fn every_state() -> Vec<CaseState> {
    let id = AttemptId::new(Uuid::from_u128(2));
    let mut states = vec![
        CaseState::Watching,
        CaseState::Diagnosing,
        CaseState::Rerunning,
        CaseState::Healing(id),
        CaseState::AwaitingApproval(id),
        CaseState::AwaitingAnswer(id),
        CaseState::Proving(id),
        CaseState::Stopped(StoppedBy::Person(Login::parse("mona").unwrap())),
        CaseState::Stopped(StoppedBy::Label(Label::parse("selfheal:stop").unwrap())),
        undone(UndoStage::Wanted),
        undone(UndoStage::Done),
        undone(UndoStage::Failed { why: "somebody pushed at that very moment".into() }),
        CaseState::Superseded(sha("b")),
        CaseState::Closed,
    ];
    states.extend(Excuse::ALL.map(CaseState::Excused));
    states.extend(Healed::ALL.map(CaseState::Healed));
    states.extend(Escalation::ALL.map(CaseState::Escalated));
    states
}

#[test]
fn every_state_is_told_in_one_line_with_its_buttons() {
    let mut lines = String::new();
    for state in every_state() {
        let view = told(&case(state), &[], check);
        let buttons: Vec<&str> = view.buttons.iter().map(|b| b.identifier.as_str()).collect();
        assert!(buttons.len() <= BUTTONS_MAX);
        let line = format!("{:?}: {} [{}]\n", view.status, view.title, buttons.join(" "));
        lines.push_str(&line);
    }
    insta::assert_snapshot!("every_state", lines);
}

#[test]
fn our_own_trouble_and_a_persons_word_are_never_red() {
    for state in every_state() {
        let status = told(&case(state), &[], check).status;
        assert_ne!(status, CheckStatus::Cancelled);
    }
}

#[test]
fn every_state_says_why_and_what_next() {
    let mut texts = String::new();
    for state in every_state() {
        let view = told(&case(state), &[], check);
        let said = view.summary.split("### What failed").next().unwrap_or("").trim();
        texts.push_str(&format!("## {}\n{said}\n\n", view.title));
    }
    insta::assert_snapshot!("what_is_said", texts);
}

#[test]
fn attempts_are_told_with_their_reasons() {
    let ends = [
        AttemptEnd::Healed(sha("c")),
        AttemptEnd::Disproved(sha("c")),
        AttemptEnd::GaveUp(GaveUp::StillRed),
        AttemptEnd::NotReproduced,
        AttemptEnd::Refused,
        AttemptEnd::Rejected(Login::parse("mona").unwrap()),
        AttemptEnd::CommitRefused,
        AttemptEnd::RunnerLost,
        AttemptEnd::Abandoned,
    ];
    let attempts: Vec<AttemptRecord> =
        ends.map(|end| attempt(AttemptState::Ended(end), Some("because\nof this"))).to_vec();
    let case = case(CaseState::Escalated(Escalation::AttemptsUsed));
    let view = told(&case, &attempts, check);
    let table = view.summary.split("### Attempts").nth(1).unwrap_or("").trim().to_owned();
    insta::assert_snapshot!("attempts", table);
}

#[test]
fn what_a_second_look_asks_comes_first_when_people_take_over() {
    let analysis = Analysis {
        what_failed: "the test is red".into(),
        wrong_assumption: "that `add` is called @octocat".into(),
        evidence: vec!["<script>".into()],
        disproved: vec!["an overflow".into()],
        recommended_fix: "add, do not subtract".into(),
        question: "Is add() meant to subtract?".into(),
    };
    let (why, note, runs) = (GaveUp::StillRed, String::new(), Vec::new());
    let mut record = attempt(AttemptState::Ended(AttemptEnd::GaveUp(why)), None);
    record.report.outcome = Some(Outcome::GaveUp { why, note, runs, analysis: Some(analysis) });
    let case = case(CaseState::Escalated(Escalation::AttemptsUsed));
    let attempts = [record];
    let view = told(&case, &attempts, check);
    let section = view.summary.split("### The question").nth(1).unwrap_or("");
    let section = section.split("### Attempts").next().unwrap_or("").trim().to_owned();
    insta::assert_snapshot!("second_look", section);
}

#[test]
fn hostile_failures_stay_in_their_cell() {
    let case = case(CaseState::Diagnosing);
    let evidence = evidence("</details> @octocat | `x` [a](http://evil) <script>");
    let (policy, ci) = (Policy::default(), Ci::Nothing);
    let view = check(&Story {
        case: &case,
        attempts: &[],
        evidence: Some(&evidence),
        before: None,
        policy: &policy,
        policy_problem: None,
        ci: &ci,
        diff: None,
        changes: &[],
    });
    let row = view.summary.lines().find(|line| line.contains("src/lib.rs:3")).unwrap();
    insta::assert_snapshot!(row, @r"| `src/lib.rs:3` | clippy: &lt;/details&gt; &#64;octocat \| \`x\` \[a\](http://evil) &lt;script&gt; |");
}

#[test]
fn an_annotation_stands_only_on_the_head_that_it_was_read_on() {
    let mut case = case(CaseState::Diagnosing);
    assert_eq!(told(&case, &[], check).annotations.len(), 1);
    case.head = sha("c");
    assert!(told(&case, &[], check).annotations.is_empty());
}

#[test]
fn help_names_every_command() {
    let text = help();
    assert!(COMMANDS.iter().all(|command| text.contains(command.help)));
}

#[test]
fn a_refusal_says_why_and_a_done_thing_needs_no_words() {
    let ask = Ask {
        key: "comment:1".into(),
        kind: AskKind::Unknown,
        text: "/selfheal dance @all".into(),
        actor: Actor { id: UserId::new(1), login: Login::parse("mona").unwrap(), is_bot: false },
        comment: None,
        at: Timestamp::from_millis(0),
    };
    assert_eq!(reply(&ask, &Answer::Done, None), None);
    let text = reply(&ask, &Answer::Refused("no such command".into()), None).unwrap();
    assert!(text.starts_with("`/selfheal dance @all`: no such command."), "{text}");
}
