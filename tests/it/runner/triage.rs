//! Triage: how large a fault is, who comes first, and when people have to say how it is seen.

use selfheal::documents::{self, GranularityNote, TriagePlan};
use selfheal::domain::brief::{Brief, FixerSpec};
use selfheal::domain::document::{DocumentName, Stage};
use selfheal::domain::failure::{Failure, FailureKind};
use selfheal::domain::feedback::Exchange;
use selfheal::domain::ids::Login;
use selfheal::domain::outcome::{GaveUp, Outcome};
use selfheal::runner::attempt::End;

use super::attempts::{gave_up, shell_brief, shell_repo};
use super::scene::{Notebook, Repo, attempt, brief, failure, fixed_by, outcome, text_in};

/// What triage wrote, in an attempt that is stopped behind it.
async fn plan(repo: &Repo, brief: &Brief) -> TriagePlan {
    let server = Notebook { stop_after: Some(1), ..Notebook::default() };
    attempt(repo, brief, &server).await;
    let reports = server.reports.lock().unwrap();
    documents::read(&reports[0].documents, brief.attempt, 1).unwrap()
}

fn both(repo: &Repo, kind: FailureKind) -> Brief {
    let failures = vec![failure(kind, "rustfmt", "src/lib.rs")];
    let recipes = FixerSpec::Recipes { only: Vec::new() };
    let commands = ["cargo fmt --all -- --check"];
    Brief { fixers: vec![fixed_by("true"), recipes], ..brief(repo, failures, &commands) }
}

#[tokio::test]
async fn for_a_trivial_fault_recipes_come_first_and_else_the_policy_has_the_order() {
    let repo = Repo::rust("pub fn two()->u32{ 1+1 }\n");
    let trivial = plan(&repo, &both(&repo, FailureKind::Format)).await;
    assert_eq!(trivial.granularity, Some(GranularityNote::Trivial));
    assert_eq!(trivial.because, "1 failure (format) in 1 file");
    let order = |plan: &TriagePlan| -> Vec<String> {
        plan.candidates.iter().map(|candidate| candidate.fixer.clone()).collect()
    };
    assert_eq!(order(&trivial), ["recipe:rustfmt", "command:test"]);
    let mut mixed = both(&repo, FailureKind::Format);
    mixed.failures.push(failure(FailureKind::TestFailure, "cargo-test", "src/lib.rs"));
    let simple = plan(&repo, &mixed).await;
    assert_eq!(simple.granularity, Some(GranularityNote::Simple));
    assert_eq!(order(&simple), ["command:test", "recipe:rustfmt"]);
    // What is written there is what is done.
    let server = Notebook::default();
    let End::Reported(done) = attempt(&repo, &both(&repo, FailureKind::Format), &server).await
    else {
        panic!()
    };
    let Outcome::Proposed { fixer, .. } = &done else { panic!("{done:#?}") };
    assert_eq!(fixer, "recipe:rustfmt");
    assert!(!server.reports.lock().unwrap()[1].documents[0].body.contains("command:test"));
}

#[tokio::test]
async fn what_ci_did_not_understand_is_judged_by_what_the_commands_say_here() {
    let repo = Repo::rust("pub fn two() -> u32 {\n    \"2\"\n}\n");
    let unknown = vec![Failure::new(FailureKind::Unknown, "something")];
    let mut brief = brief(&repo, unknown, &["cargo check"]);
    brief.fixers = vec![fixed_by("true")];
    let found = plan(&repo, &brief).await;
    assert_eq!(found.granularity, Some(GranularityNote::Simple), "{found:#?}");
    brief.failing_commands = vec!["exit 3".to_owned()];
    assert_eq!(plan(&repo, &brief).await.granularity, Some(GranularityNote::Complex));
}

fn answered(brief: &mut Brief, questions: &[String], answer: &str) {
    brief.feedback = vec![Exchange {
        time: 1,
        number: 1,
        question: questions[0].clone(),
        answer: answer.to_owned(),
        by: Login::parse("mona").unwrap(),
    }];
}

#[tokio::test]
async fn where_nothing_shows_the_fault_people_are_asked_for_a_command_and_it_is_the_proof() {
    let repo = shell_repo();
    let mut brief = shell_brief(&repo, "echo good > value");
    brief.failing_commands.clear();
    let first = Notebook::default();
    let End::Reported(asked) = attempt(&repo, &brief, &first).await else { panic!() };
    let Outcome::Asks { questions, note, .. } = &asked else { panic!("{asked:#?}") };
    assert_eq!((questions.len(), note.as_str()), (1, "triage"));
    assert!(questions[0].starts_with("Which command shows this failure?"), "{questions:?}");
    assert_eq!(first.stages(), [(Stage::Triage, 1)]);
    let plan: TriagePlan =
        documents::read(&first.resume().unwrap().documents, brief.attempt, 1).unwrap();
    assert_eq!(plan.granularity, Some(GranularityNote::NeedsClarification));

    brief.resume = first.resume();
    let End::Reported(again) = attempt(&repo, &brief, &Notebook::default()).await else { panic!() };
    assert_eq!(again, asked, "without an answer nothing is done");
    answered(&mut brief, questions, "`sh check.sh`\n");
    let second = Notebook::default();
    let End::Reported(healed) = attempt(&repo, &brief, &second).await else { panic!() };
    assert_eq!(text_in(&healed, "value"), "good\n");
    assert_eq!(second.stages()[..2], [(Stage::Triage, 1), (Stage::Execute, 1)]);
    let Outcome::Proposed { proof, .. } = &healed else { panic!("{healed:#?}") };
    assert_eq!(proof.before[0].command, "sh check.sh");

    answered(&mut brief, questions, "``");
    gave_up(&outcome(&repo, &brief).await, GaveUp::NothingToProveWith);
}

#[tokio::test]
async fn nobody_is_asked_where_somebody_can_go_on_or_nobody_could_anyway() {
    let repo = shell_repo();
    let nothing = |change: &dyn Fn(&mut Brief)| {
        let mut brief = shell_brief(&repo, "echo good > value");
        brief.failing_commands.clear();
        change(&mut brief);
        brief
    };
    let unfit = nothing(&|it| it.fixers = vec![FixerSpec::Recipes { only: Vec::new() }]);
    gave_up(&outcome(&repo, &unfit).await, GaveUp::NoFixerAnswers);
    let mute = nothing(&|it| it.questions_max = 0);
    gave_up(&outcome(&repo, &mute).await, GaveUp::NothingToProveWith);
    let verified = nothing(&|it| it.verify = vec!["sh check.sh".to_owned()]);
    assert!(matches!(outcome(&repo, &verified).await, Outcome::Proposed { .. }));
}

#[tokio::test]
async fn an_answer_to_triage_is_none_to_a_fixer_that_asks_later() {
    let repo = shell_repo();
    let ask = "if grep -q 'Answer: good'; then echo good > value; \
               else echo '{\"questions\": [\"Which value is meant?\"]}'; fi";
    let mut brief = shell_brief(&repo, ask);
    brief.failing_commands.clear();
    let first = Notebook::default();
    let End::Reported(asked) = attempt(&repo, &brief, &first).await else { panic!() };
    let Outcome::Asks { questions, .. } = &asked else { panic!("{asked:#?}") };
    brief.resume = first.resume();
    answered(&mut brief, questions, "sh check.sh");
    let second = Notebook::default();
    let End::Reported(asked) = attempt(&repo, &brief, &second).await else { panic!() };
    let Outcome::Asks { questions, note, .. } = &asked else { panic!("{asked:#?}") };
    assert_eq!((questions[0].as_str(), note.as_str()), ("Which value is meant?", "command:test"));
    let mut exchange = brief.feedback[0].clone();
    (exchange.time, exchange.question, exchange.answer) = (2, questions[0].clone(), "good".into());
    brief.feedback.push(exchange);
    let mut resume = second.resume().unwrap();
    resume.documents.retain(|document| document.name != DocumentName::TaskInput);
    brief.resume = Some(resume);
    let third = Notebook::default();
    let End::Reported(healed) = attempt(&repo, &brief, &third).await else { panic!() };
    assert_eq!(
        (text_in(&healed, "value"), third.stages()[0]),
        ("good\n".into(), (Stage::Execute, 1))
    );
}
