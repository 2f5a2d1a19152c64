//! What the stages of an attempt wrote, and what its fixers were told, as an operator asks for it.

use std::process::Output;

use selfheal::domain::brief::StageReport;
use selfheal::domain::document::Stage;
use selfheal::domain::outcome::GaveUp;
use serde_json::Value;
use tokio::process::Command;

use super::at_work;
use crate::harness::{Tester, patch, written};

async fn shown(t: &Tester, args: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_selfheal"));
    program.arg("documents").args(args).env("SELFHEAL_DATABASE_URL", t.database());
    program.output().await.unwrap()
}

#[track_caller]
fn said(output: &Output, code: i32) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{errors}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn documents_and_prompts_are_shown_with_nothing_that_a_terminal_obeys() {
    let mut t = Tester::start().await;
    let (repository, _) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    let attempt = runner.brief.attempt;
    let id = attempt.to_string();
    runner.finishes(Stage::Triage, &[]).await;
    runner.prompts("# Task\n\u{1b}[2J\u{202e}Heal it.\n").await;
    let mut documents = written(Stage::Execute, attempt);
    documents[0].body.push_str("\u{1b}[31m\u{202e}red\n");
    let report = StageReport {
        stage: Stage::Execute,
        round: 1,
        documents,
        work_in_progress: patch(&[]),
        remedies_in_vain: Vec::new(),
    };
    assert!(runner.tries(&report).await.0.is_success());

    let all = said(&shown(&t, &[&id]).await, 0);
    let (plan, state) = (all.find("triage-plan, round 1"), all.find("state, round 1"));
    assert!(plan.is_some() && plan < state, "{all}");
    assert!(all.contains("turns: []") && all.contains("\u{fffd}[31m\u{fffd}red"), "{all}");
    let one = said(&shown(&t, &[&id, "state", "--round", "1"]).await, 0);
    assert!(one.starts_with("<!-- state, round 1 -->\n---\n") && !one.contains("plan"), "{one}");
    assert_eq!(said(&shown(&t, &[&id, "state", "--round", "2"]).await, 1), "");
    let json: Value =
        serde_json::from_str(&said(&shown(&t, &[&id, "--format", "json"]).await, 0)).unwrap();
    assert_eq!(json["documents"][1]["body"], report.documents[0].body, "{json:#}");

    let told = said(&shown(&t, &[&id, "--prompts"]).await, 0);
    assert!(told.contains("agent:codex, round 1, ") && told.contains("Heal it."), "{told}");
    assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told}");
    let unknown = "att_0193a1b2c3d47e5f8a9b0c1d2e3f4a5b";
    assert_eq!(said(&shown(&t, &[unknown]).await, 1), "");
    assert_eq!(said(&shown(&t, &[&id, "diary"]).await, 2), "");

    runner.gives_up(&t, GaveUp::StillRed).await;
    t.settle_with_ci().await;
}
