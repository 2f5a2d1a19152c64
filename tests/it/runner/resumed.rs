//! Attempts that go on where they were: after a stage, in the middle of a turn, with people's answers.

use selfheal::documents::{self, State, TurnNote};
use selfheal::domain::brief::{Brief, FixerSpec, Resume};
use selfheal::domain::checkpoint::{Checkpoint, Session};
use selfheal::domain::document::{DocumentName, Stage};
use selfheal::domain::failure::FailureKind;
use selfheal::domain::feedback::Exchange;
use selfheal::domain::ids::Login;
use selfheal::domain::outcome::{GaveUp, Outcome};
use selfheal::runner::attempt::End;

use super::attempts::{gave_up, shell_brief, shell_repo};
use super::scene::{Notebook, Repo, attempt, brief, failure, outcome, text_in};
use crate::harness::patch;

#[tokio::test]
async fn an_attempt_resumes_after_each_stage_and_repeats_none() {
    let repo = Repo::rust("pub fn two()->u32{ return 1+1; }\n");
    let mut lint = failure(FailureKind::Lint, "clippy", "src/lib.rs");
    lint.code = Some("clippy::needless_return".into());
    let failures = vec![failure(FailureKind::Format, "rustfmt", "src/lib.rs"), lint];
    let commands = ["cargo fmt --all -- --check && cargo clippy -- -D warnings"];
    let mut brief = brief(&repo, failures, &commands);
    let whole = Notebook::default();
    let End::Reported(expected) = attempt(&repo, &brief, &whole).await else { panic!() };
    let stages = whole.stages();
    for count in 1..=stages.len() {
        brief.resume = None;
        let first = Notebook { stop_after: Some(count), ..Notebook::default() };
        assert_eq!(attempt(&repo, &brief, &first).await, End::Stopped);
        assert!(first.outcomes.lock().unwrap().is_empty());
        brief.resume = first.resume();
        let second = Notebook::default();
        let End::Reported(outcome) = attempt(&repo, &brief, &second).await else { panic!() };
        assert_eq!(second.stages(), stages[count..], "resumed after {count} stages");
        assert_eq!(gist(&outcome), gist(&expected), "resumed after {count} stages");
    }
}

/// An outcome without what the clock puts into it.
fn gist(outcome: &Outcome) -> (String, String, Vec<String>) {
    let Outcome::Proposed { patch, proof, fixer, .. } = outcome else { panic!("{outcome:#?}") };
    let runs = proof.before.iter().chain(&proof.after);
    let runs = runs.map(|run| format!("{} {:?}", run.command, run.ended)).collect();
    (patch.digest(), fixer.clone(), runs)
}

/// Asks which value is meant, until it is told.
const ASKING: &str = r#"if grep -q 'Answer: good'; then echo good > value; else echo half > half;
    echo '{"questions": ["Which value is meant?"]}'; fi"#;

#[tokio::test]
async fn a_fixer_that_asks_goes_on_with_the_answer_and_what_it_had_done() {
    let repo = shell_repo();
    let mut brief = shell_brief(&repo, ASKING);
    let first = Notebook::default();
    let End::Reported(asked) = attempt(&repo, &brief, &first).await else { panic!() };
    let Outcome::Asks { questions, note, .. } = &asked else { panic!("{asked:?}") };
    assert_eq!(
        (questions.as_slice(), note.as_str()),
        (["Which value is meant?".to_owned()].as_slice(), "command:test")
    );
    brief.resume = first.resume();
    let End::Reported(again) = attempt(&repo, &brief, &Notebook::default()).await else { panic!() };
    assert_eq!(again, asked, "without an answer nothing is done");
    brief.feedback = vec![Exchange {
        time: 1,
        number: 1,
        question: questions[0].clone(),
        answer: "good".to_owned(),
        by: Login::parse("mona").unwrap(),
    }];
    let second = Notebook::default();
    let End::Reported(healed) = attempt(&repo, &brief, &second).await else { panic!() };
    assert_eq!(
        (text_in(&healed, "value"), text_in(&healed, "half")),
        ("good\n".into(), "half\n".into())
    );
    assert_eq!(second.stages()[0], (Stage::Execute, 1), "the same round goes on");
}

#[tokio::test]
async fn where_nobody_may_be_asked_a_question_is_what_a_fixer_said_last() {
    let repo = shell_repo();
    let mut brief = shell_brief(&repo, ASKING);
    brief.questions_max = 0;
    gave_up(&outcome(&repo, &brief).await, GaveUp::StillRed);
}

#[tokio::test]
async fn documents_that_cannot_be_read_cost_the_work_and_not_the_attempt() {
    let repo = shell_repo();
    let mut brief = shell_brief(&repo, "echo good > value");
    let first = Notebook { stop_after: Some(2), ..Notebook::default() };
    attempt(&repo, &brief, &first).await;
    let mut resume = first.resume().unwrap();
    for document in &mut resume.documents {
        if document.name == DocumentName::TriagePlan {
            document.body = "---\nnonsense: 1\n---\n".into();
        }
    }
    brief.resume = Some(resume);
    let second = Notebook::default();
    let end = attempt(&repo, &brief, &second).await;
    assert!(matches!(end, End::Reported(Outcome::Proposed { .. })), "{end:?}");
    assert_eq!(second.stages()[0], (Stage::Triage, 1));
}

/// Where an attempt of [`shell_repo`] is whose second fixer was interrupted in the first round.
async fn interrupted(
    repo: &Repo,
    brief: &Brief,
    turns: Vec<TurnNote>,
    files: &[(&str, &str)],
) -> Resume {
    let first = Notebook { stop_after: Some(1), ..Notebook::default() };
    attempt(repo, brief, &first).await;
    let about = documents::about(DocumentName::State, brief.attempt, 1);
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, Some(*text))).collect();
    let checkpoint = Checkpoint {
        round: 1,
        fixer: "command:second".to_owned(),
        state: documents::write(&State { about, turns }, "").unwrap(),
        work_in_progress: patch(&files),
        session: Some(Session { id: "of-nobody".to_owned(), files: Vec::new() }),
    };
    Resume { checkpoint: Some(checkpoint), ..first.resume().unwrap() }
}

/// Two fixers: both heal, the second only with what it had begun, and the patch tells which of them did.
fn two_fixers(repo: &Repo) -> Brief {
    let mut brief = shell_brief(repo, "");
    let fixer = |name: &str, run: &str| FixerSpec::Command { name: name.into(), run: run.into() };
    brief.fixers =
        vec![fixer("first", "echo good > value"), fixer("second", "cp begun value 2>/dev/null")];
    brief
}

fn idle(fixer: &str) -> TurnNote {
    TurnNote {
        round: 1,
        fixer: fixer.to_owned(),
        changed: Vec::new(),
        diff: String::new(),
        verdict: String::new(),
        hindrance: None,
        in_vain: false,
        summary: String::new(),
        version: None,
        model: None,
        prompt: None,
        questions: Vec::new(),
    }
}

#[tokio::test]
async fn an_interrupted_stage_goes_on_with_its_change_and_makes_no_finished_turn_again() {
    let repo = shell_repo();
    let mut brief = two_fixers(&repo);
    let turns = vec![idle("command:first")];
    brief.resume = Some(interrupted(&repo, &brief, turns, &[("begun", "good\n")]).await);
    let server = Notebook::default();
    let End::Reported(outcome) = attempt(&repo, &brief, &server).await else { panic!() };
    assert_eq!(text_in(&outcome, "value"), "good\n");
    let Outcome::Proposed { fixer, .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!(fixer, "command:second");
    assert_eq!(server.stages()[0], (Stage::Execute, 1));
    let state = &server.reports.lock().unwrap()[0].documents[0].body;
    assert!(state.contains("command:first") && state.contains("command:second"), "{state}");
}

#[tokio::test]
async fn a_checkpoint_that_cannot_be_used_costs_the_turn_and_not_the_attempt() {
    let repo = shell_repo();
    let brief = two_fixers(&repo);
    let with = async |change: &dyn Fn(&mut Checkpoint)| {
        let turns = vec![idle("command:first")];
        let mut resume = interrupted(&repo, &brief, turns, &[("begun", "good\n")]).await;
        change(resume.checkpoint.as_mut().unwrap());
        let brief = Brief { resume: Some(resume), ..brief.clone() };
        match attempt(&repo, &brief, &Notebook::default()).await {
            End::Reported(Outcome::Proposed { fixer, .. }) => fixer,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(with(&|_| {}).await, "command:second");
    assert_eq!(with(&|it| it.round = 2).await, "command:first", "of another round");
    let foreign = |it: &mut Checkpoint| it.state.body = it.state.body.replace("att_", "att_9");
    assert_eq!(with(&foreign).await, "command:first", "of another attempt");
    assert_eq!(with(&|it| it.state.body.clear()).await, "command:first");
}
