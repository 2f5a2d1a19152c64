//! Agents behind an AgentAPI server: the client against a scripted one, and whole attempts.

mod counterpart;

use std::path::Path;
use std::time::Duration;

use selfheal::documents::{State, read};
use selfheal::domain::brief::{Brief, FixerSpec};
use selfheal::domain::failure::FailureKind;
use selfheal::domain::granularity::ModelChoice;
use selfheal::domain::model::Provider as Api;
use selfheal::domain::outcome::{GaveUp, Outcome};
use selfheal::runner::agents::agentapi::client::{Client, Fault, Patience};
use selfheal::runner::attempt::{self, End, Setting};
use selfheal::runner::model::{ModelEnd, OwnProvider, Upstream};
use serde_json::{Value, json};

use self::counterpart::{Counterpart, Events, Play};
use super::provider::Provider;
use super::scene::broken;
use crate::runner::scene::{Notebook, Repo, brief, failure, setting, text_in};

const MESSAGE: &str = "do your task";

/// Patience with what comes: no test waits long for it, and a machine that is busy is no fault.
const PATIENT: Patience = Patience {
    start: Duration::from_mins(1),
    still: Duration::from_millis(30),
    unmoved: Duration::from_millis(120),
    look: Duration::from_millis(5),
    answer: Duration::from_mins(1),
};

/// Patience with what never comes.
const SHORT: Patience =
    Patience { start: Duration::from_millis(400), answer: Duration::from_millis(300), ..PATIENT };

/// How a conversation ended, and what was told: kind and text of each line.
struct Talk {
    ended: Result<(), Fault>,
    told: Vec<(String, String)>,
    counterpart: Counterpart,
}

impl Talk {
    fn texts(&self, kind: &str) -> Vec<&str> {
        let of_kind = self.told.iter().filter(|(found, _)| found == kind);
        of_kind.map(|(_, text)| text.as_str()).collect()
    }

    #[track_caller]
    fn ended_well(&self) {
        assert!(self.ended.is_ok(), "{:?} {:?}", self.ended, self.told);
    }
}

async fn talk(play: Play) -> Talk {
    talk_with(PATIENT, play).await
}

async fn talk_with(patience: Patience, play: Play) -> Talk {
    let counterpart = Counterpart::start(play).await;
    let mut client = Client::new(counterpart.port(), patience, Vec::new());
    let ended = client.converse(MESSAGE).await;
    let out = String::from_utf8(client.into_out()).unwrap();
    let lines = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
    let told = lines.map(|line| (text(&line, "kind"), text(&line, "text"))).collect();
    Talk { ended, told, counterpart }
}

#[tokio::test]
async fn an_agent_is_told_its_task_when_it_is_ready_and_followed_until_it_is_still() {
    let talk = talk(Play { starts_after: 3, works_for: 4, ..Play::default() }).await;
    talk.ended_well();
    assert_eq!(talk.counterpart.messages(), [MESSAGE]);
    assert_eq!(talk.texts("said"), ["line one\nline two\ndone"]);
    assert_eq!(talk.texts("version"), ["AgentAPI 0.11.6, agent custom"]);
    assert!(talk.texts("screen").concat().contains("line two"), "{:?}", talk.told);
}

#[tokio::test]
async fn an_agent_that_is_busy_is_told_again() {
    let talk = talk(Play { busy_for: 3, ..Play::default() }).await;
    talk.ended_well();
    assert_eq!(talk.counterpart.messages(), [MESSAGE]);
}

#[tokio::test]
async fn an_agent_that_takes_no_message_is_given_up() {
    let talk = talk(Play { busy_for: usize::MAX, ..Play::default() }).await;
    let fault = talk.ended.unwrap_err().to_string();
    assert!(fault.contains("refused a message: 409") && fault.contains("not stable"), "{fault}");
}

#[tokio::test]
async fn an_error_of_the_server_is_told_and_is_not_the_end() {
    let talk = talk(Play { error: Some("the terminal is gone"), ..Play::default() }).await;
    talk.ended_well();
    assert_eq!(talk.texts("error"), ["the terminal is gone"]);
}

#[tokio::test]
async fn events_that_are_cut_or_missing_do_not_matter() {
    for play in [
        Play { events: Events::Cut, ..Play::default() },
        Play { events: Events::Missing, works_for: 4, ..Play::default() },
    ] {
        let talk = talk(play).await;
        talk.ended_well();
        assert_eq!(talk.texts("said"), ["line one\nline two\ndone"]);
    }
}

#[tokio::test]
async fn an_agent_that_never_begins_is_waited_for_longer_and_said_nothing() {
    let talk = talk(Play { begins: false, ..Play::default() }).await;
    talk.ended_well();
    assert_eq!(talk.texts("said"), [""]);
}

#[tokio::test]
async fn a_server_that_is_not_ready_in_time_is_given_up() {
    for (play, why) in [
        (Play { starts_after: usize::MAX, ..Play::default() }, "in time"),
        (Play { status: Some("{\"ok\":true}"), ..Play::default() }, "there is none"),
        (Play { status: Some("{\"status\":\"x\"}"), ..Play::default() }, "in time"),
        (Play { status: Some("<html>"), ..Play::default() }, "no JSON"),
        (Play { silent_from: 0, ..Play::default() }, "says nothing"),
    ] {
        let fault = talk_with(SHORT, play).await.ended.unwrap_err();
        assert!(matches!(fault, Fault::NotReady(_)), "{fault:?}");
        assert!(fault.to_string().contains(why), "{fault}");
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up() {
    let play = Play { silent_from: 1, ..Play::default() };
    let fault = talk_with(SHORT, play).await.ended.unwrap_err();
    assert_eq!(fault.to_string(), "the AgentAPI server does not answer: it says nothing");
}

#[tokio::test]
async fn answers_and_events_without_end_are_not_kept() {
    let endless = talk(Play { endless_messages: true, ..Play::default() }).await;
    assert!(matches!(endless.ended, Err(Fault::TooLarge)), "{:?}", endless.ended);
    let endless = talk(Play { events: Events::Endless, ..Play::default() }).await;
    endless.ended_well();
    let longest = endless.told.iter().map(|(_, text)| text.chars().count()).max();
    assert!(longest <= Some(4000), "{longest:?}");
}

/// A red repository whose fixer is the script of the fixtures.
fn red() -> Repo {
    let repo = broken();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/agentapi/server.py");
    repo.write("agentapi.py", &std::fs::read_to_string(script).unwrap());
    repo.commit();
    repo
}

fn ordered(repo: &Repo, does: &str) -> Brief {
    let failure = failure(FailureKind::TestFailure, "cargo-test", "src/lib.rs");
    let run = format!("python3 agentapi.py {does}");
    let fixer = FixerSpec::AgentApi { name: "mine".to_owned(), run, model: None };
    Brief { fixers: vec![fixer], ..brief(repo, vec![failure], &["cargo test"]) }
}

async fn attempt(repo: &Repo, brief: &Brief, provider: &Provider, scenario: &str) -> Outcome {
    attempt_told(repo, brief, (provider, scenario), &Notebook::default()).await
}

async fn attempt_told(
    repo: &Repo,
    brief: &Brief,
    (provider, scenario): (&Provider, &str),
    notebook: &Notebook,
) -> Outcome {
    let scratch = tempfile::tempdir().unwrap();
    let base = provider.playing(scenario).parse().unwrap();
    let own = OwnProvider { provider: Api::OpenAi, base, key: None };
    let bridge = env!("CARGO_BIN_EXE_selfheal").into();
    let models = Some(ModelEnd::open(Upstream::Providers(vec![own]), bridge).unwrap());
    let setting = Setting {
        heartbeat: Duration::from_secs(5),
        ..setting(repo, scratch.path(), models).await
    };
    match attempt::run(notebook, brief, setting).await.unwrap() {
        End::Reported(outcome) => outcome,
        End::Stopped => panic!("it was stopped"),
    }
}

#[tokio::test]
async fn an_agent_behind_an_agentapi_turns_a_red_repository_green() {
    let (repo, provider, notebook) = (red(), Provider::start(), Notebook::default());
    let ordered = ordered(&repo, "fix");
    let outcome = attempt_told(&repo, &ordered, (&provider, "fix"), &notebook).await;
    let documents = notebook.reports.lock().unwrap()[1].documents.clone();
    let state: State = read(&documents, ordered.attempt, 1).unwrap();
    assert_eq!(state.turns[0].version.as_deref(), Some("AgentAPI 0.11.6, agent custom"));
    assert!(text_in(&outcome, "src/lib.rs").contains("a + b"), "{outcome:#?}");
    let Outcome::Proposed { fixer, summary, .. } = &outcome else { panic!("{outcome:#?}") };
    assert_eq!(fixer, "agent:mine");
    assert_eq!(summary, "I replaced the minus. All tests pass.");
    assert!(provider.has_seen("Red, to be green").await, "it was not given its task");
}

#[tokio::test]
async fn the_model_is_the_one_that_the_policy_names_for_so_large_a_fault() {
    let (repo, provider) = (red(), Provider::start());
    let mut brief = ordered(&repo, "fix");
    let [FixerSpec::AgentApi { model, .. }] = brief.fixers.as_mut_slice() else { panic!() };
    let [trivial, simple, complex] = ["small-1", "middle-2", "large-3"].map(|m| Some(m.to_owned()));
    *model = Some(ModelChoice::Each { trivial, simple, complex });
    attempt(&repo, &brief, &provider, "fix").await;
    assert!(provider.has_seen("middle-2").await && !provider.has_seen("large-3").await);
    let twice = brief.failures[0].clone();
    brief.failures = vec![twice; 9];
    attempt(&repo, &brief, &provider, "fix").await;
    assert!(provider.has_seen("large-3").await && !provider.has_seen("small-1").await);
}

#[track_caller]
fn gave_up(outcome: &Outcome, expected: GaveUp, told: &str) {
    let Outcome::GaveUp { why, note, .. } = outcome else { panic!("{outcome:#?}") };
    assert_eq!((*why, note.contains(told)), (expected, true), "{outcome:#?}");
}

#[tokio::test]
async fn an_agent_behind_an_agentapi_is_not_believed() {
    let (repo, provider) = (red(), Provider::start());
    let outcome = attempt(&repo, &ordered(&repo, "lie"), &provider, "fix").await;
    gave_up(&outcome, GaveUp::NothingChanged, "All tests pass.");
}

#[tokio::test]
async fn an_agentapi_that_dies_or_is_not_there_is_said_to_be_so() {
    let (repo, provider) = (red(), Provider::start());
    for does in ["die", "fix; false"] {
        let mut brief = ordered(&repo, does);
        if does != "die" {
            let run = "no-such-agentapi server".to_owned();
            let name = "mine".to_owned();
            brief.fixers = vec![FixerSpec::AgentApi { name, run, model: None }];
        }
        let outcome = attempt(&repo, &brief, &provider, "fix").await;
        gave_up(&outcome, GaveUp::FixerUnavailable, "before it asked a model");
    }
}

#[tokio::test]
async fn a_model_that_is_busy_is_waited_for_whatever_the_screen_says() {
    let (repo, provider) = (red(), Provider::start());
    let outcome = attempt(&repo, &ordered(&repo, "lie"), &provider, "always_429").await;
    gave_up(&outcome, GaveUp::ModelUnavailable, "429");
}

#[tokio::test]
async fn a_model_that_is_busy_when_a_question_is_put_right_is_waited_for() {
    let (repo, provider) = (red(), Provider::start());
    let busy = json!({ "error": { "status": 429, "times": -1 }, "say": "never",
        "when": { "prompt_matches": "prompt: repair of an answer" } });
    let steps = json!([{ "any": [busy, { "say": "I am not sure." }] }]);
    provider.learn("busy", json!({ "steps": steps })).await;
    let outcome = attempt(&repo, &ordered(&repo, "ask"), &provider, "busy").await;
    gave_up(&outcome, GaveUp::ModelUnavailable, "429");
}

#[tokio::test]
async fn an_agent_behind_an_agentapi_that_never_ends_is_ended() {
    let (repo, provider) = (red(), Provider::start());
    let mut brief = ordered(&repo, "wait");
    brief.limits.command_secs = 20;
    brief.fixers.push(crate::runner::scene::fixed_by("sed -i 's/a - b/a + b/' src/lib.rs"));
    let outcome = attempt(&repo, &brief, &provider, "fix").await;
    assert!(text_in(&outcome, "src/lib.rs").contains("a + b"), "{outcome:#?}");
}
