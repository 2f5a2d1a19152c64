//! An agent that asks again whatever it is told: its runner ends it, and asks the server no more.

use std::time::Duration;

use secrecy::SecretString;
use selfheal::domain::brief::{Brief, FixerSpec};
use selfheal::domain::failure::FailureKind;
use selfheal::domain::outcome::{GaveUp, Outcome};
use selfheal::runner::attempt::{self, End, Setting};
use selfheal::runner::model::{ModelEnd, Upstream};
use world::models::{ModelHost, Saying};

use super::scene::broken;
use crate::runner::scene::{Notebook, brief, failure, setting};

/// It asks its model on and on, says nothing, and goes when it is told goodbye.
const STUBBORN: &str = "\
import os, sys, threading, urllib.request

def ask():
    question = urllib.request.Request(os.environ['SELFHEAL_ANTHROPIC_URL'] + '/v1/messages', b'{}')
    while True:
        try:
            urllib.request.urlopen(question, timeout=5).read()
        except OSError:
            pass

threading.Thread(target=ask, daemon=True).start()
sys.stdin.read()
";

/// What came of an attempt whose gateway refuses every call for that reason, and how often it was asked.
async fn refused(why: &str) -> (Outcome, usize) {
    let (repo, host) = (broken(), ModelHost::start().await.unwrap());
    repo.write("stubborn.py", STUBBORN);
    repo.commit();
    let words = "{\"error\":{\"message\":\"the words of the gateway\"}}";
    let refusal = Saying::new("application/json", &[words]).status(429);
    host.always_says(refusal.header("x-selfheal-refused", why));
    let failure = failure(FailureKind::TestFailure, "cargo-test", "src/lib.rs");
    let run = "python3 stubborn.py".to_owned();
    let fixer = FixerSpec::Acp { name: "mine".to_owned(), run, model: None };
    let brief = Brief { fixers: vec![fixer], ..brief(&repo, vec![failure], &["cargo test"]) };
    let scratch = tempfile::tempdir().unwrap();
    let token = SecretString::from("the-attempts-own-token");
    let gateway = Upstream::Gateway { base: format!("{}/model/one", host.url()), token };
    let models = Some(ModelEnd::open(gateway, env!("CARGO_BIN_EXE_selfheal").into()).unwrap());
    let setting = Setting {
        heartbeat: Duration::from_secs(5),
        ..setting(&repo, scratch.path(), models).await
    };
    match attempt::run(&Notebook::default(), &brief, setting).await.unwrap() {
        End::Reported(outcome) => (outcome, host.asked().len()),
        End::Stopped => panic!("it was stopped"),
    }
}

#[tokio::test]
async fn an_agent_that_goes_on_asking_after_a_refusal_is_ended_and_the_server_asked_once() {
    let (outcome, asked) = refused("budget").await;
    let Outcome::GaveUp { why, note, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((why, asked), (GaveUp::BudgetSpent, 1), "{note}");
    assert!(note.contains("the words of the gateway"), "{note}");
}

#[tokio::test]
async fn an_agent_whose_every_request_is_refused_is_ended_after_the_third() {
    let (outcome, asked) = refused("request").await;
    let Outcome::GaveUp { why, note, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((why, asked), (GaveUp::FixerUnavailable, 3), "{note}");
}
