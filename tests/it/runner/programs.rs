//! The two programs as processes: `selfheal-runner attempt` against a server, `selfheal heal`.

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::{get, post};
use selfheal::domain::brief::Brief;
use selfheal::domain::outcome::Outcome;
use serde_json::{Value, json};
use tokio::process::Command;

use super::scene::{Repo, brief, fixed_by, text_in};

/// A server of one attempt that notes what it is asked and fails once at each question.
#[derive(Clone)]
struct Desk(Arc<Mutex<Notes>>);

struct Notes {
    brief: Brief,
    asked: Vec<String>,
    outcome: Option<Outcome>,
    /// The questions that were failed once already.
    failed: Vec<String>,
    /// Answer 410 to this question.
    gone: Option<&'static str>,
}

const RUNNER_TOKEN: &str = "attempt-token-s3cret";
const OIDC_REQUEST: &str = "oidc-request-s3cret";
const CHECKOUT: &str = "checkout-s3cret";

impl Desk {
    async fn open(brief: Brief, gone: Option<&'static str>) -> (Self, String) {
        let notes = Notes { brief, asked: Vec::new(), outcome: None, failed: Vec::new(), gone };
        let desk = Self(Arc::new(Mutex::new(notes)));
        let router = Router::new()
            .route("/oidc", get(oidc))
            .route("/runner/v1/attempts/{id}/{what}", post(asked).get(asked))
            .with_state(desk.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (desk, url)
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.0.lock().unwrap()
    }
}

async fn oidc(State(desk): State<Desk>, headers: HeaderMap, uri: Uri) -> Json<Value> {
    assert_eq!(headers["authorization"], format!("Bearer {OIDC_REQUEST}"));
    let mut notes = desk.notes();
    notes.asked.push(format!("oidc {}", uri.query().unwrap_or_default()));
    let count = notes.asked.iter().filter(|asked| asked.starts_with("oidc")).count();
    Json(json!({ "value": format!("identity-{count}") }))
}

async fn asked(
    State(desk): State<Desk>,
    UrlPath((_, what)): UrlPath<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let mut notes = desk.notes();
    if notes.gone == Some(what.as_str()) {
        return (StatusCode::GONE, Json(json!({ "detail": "over" })));
    }
    if !notes.failed.contains(&what) {
        notes.failed.push(what);
        return (StatusCode::BAD_GATEWAY, Json(json!({ "detail": "passing" })));
    }
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    let answer = if what == "admission" {
        let shown = json["token"].as_str().or(json["code"].as_str()).unwrap().to_owned();
        notes.asked.push(format!("admission {shown}"));
        json!({ "token": RUNNER_TOKEN, "heartbeat_secs": 1 })
    } else {
        assert_eq!(headers["authorization"], format!("Bearer {RUNNER_TOKEN}"));
        notes.asked.push(what.clone());
        if what == "brief" {
            serde_json::to_value(&notes.brief).unwrap()
        } else if what == "outcome" {
            notes.outcome = Some(serde_json::from_value(json).unwrap());
            json!("stop")
        } else {
            json!("continue")
        }
    };
    (StatusCode::OK, Json(answer))
}

fn broken() -> Repo {
    Repo::new(&[("check.sh", "grep -q good value\n"), ("value", "bad\n")])
}

/// The runner's program with nothing in its environment but what it is given.
fn runner(url: &str, repo: &Repo, temp: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_selfheal-runner"));
    command
        .args(["attempt", "--server", url, "--remote"])
        .arg(repo.dir())
        .args(["--attempt", "att_0193a1b2c3d47e5f8a9b0c1d2e3f4a5b"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("RUNNER_TEMP", temp)
        .env("SELFHEAL_CHECKOUT_TOKEN", CHECKOUT)
        .env("AWS_SECRET_ACCESS_KEY", "aws-s3cret")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn the_runner_shows_who_it_is_outlasts_failures_and_leaks_no_secret() {
    let repo = broken();
    let mut brief = brief(&repo, Vec::new(), &["sh check.sh"]);
    let spy =
        "(env; cat /proc/*/environ; cat /proc/*/cmdline) 2>/dev/null | tr '\\0' '\\n' > spied";
    brief.fixers = vec![fixed_by(&format!("{spy}; echo good > value"))];
    let (desk, url) = Desk::open(brief, None).await;
    let temp = tempfile::tempdir().unwrap();
    let output = runner(&url, &repo, temp.path())
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{url}/oidc?v=1"))
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", OIDC_REQUEST)
        .output()
        .await
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{log}");
    let notes = desk.notes();
    let audience: String = url::form_urlencoded::byte_serialize(url.as_bytes()).collect();
    assert_eq!(notes.asked[0], format!("oidc v=1&audience={audience}"));
    assert!(notes.asked.contains(&"admission identity-2".to_owned()), "{:?}", notes.asked);
    assert_eq!(notes.asked.iter().filter(|asked| *asked == "stages").count(), 4);
    let outcome = notes.outcome.as_ref().unwrap();
    assert_eq!(text_in(outcome, "value"), "good\n");
    let spied = text_in(outcome, "spied");
    for text in [&spied, &log] {
        assert!(!text.contains("s3cret") && !text.contains("identity-"), "{text}");
    }
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0, "something was left behind");
}

#[tokio::test]
async fn an_attempt_that_is_over_ends_the_runner_quietly() {
    for question in ["admission", "brief", "stages", "outcome"] {
        let repo = broken();
        let mut brief = brief(&repo, Vec::new(), &["sh check.sh"]);
        brief.fixers = vec![fixed_by("echo good > value")];
        let (_desk, url) = Desk::open(brief, Some(question)).await;
        let temp = tempfile::tempdir().unwrap();
        let mut command = runner(&url, &repo, temp.path());
        let output = command.env("SELFHEAL_RUNNER_CODE", "code").output().await.unwrap();
        assert_eq!(output.status.code(), Some(0), "{question}");
    }
}

#[tokio::test]
async fn without_an_identity_the_runner_says_what_is_missing() {
    let repo = broken();
    let temp = tempfile::tempdir().unwrap();
    let output = runner("http://127.0.0.1:9", &repo, temp.path()).output().await.unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("id-token: write"));
}

#[tokio::test]
async fn a_runner_that_is_killed_leaves_no_process() {
    let repo = broken();
    let secs = format!("{}", 200_000 + std::process::id());
    let mut brief = brief(&repo, Vec::new(), &["sh check.sh"]);
    brief.fixers = vec![fixed_by(&format!("setsid sleep {secs} & sleep {secs}"))];
    let (_desk, url) = Desk::open(brief, None).await;
    let temp = tempfile::tempdir().unwrap();
    let mut command = runner(&url, &repo, temp.path());
    let mut child = command.env("SELFHEAL_RUNNER_CODE", "code").spawn().unwrap();
    eventually(|| sleepers(&secs) >= 2).await;
    child.kill().await.unwrap();
    eventually(|| sleepers(&secs) == 0).await;
}

/// Waits until something is so.
async fn eventually(is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), wait).await.expect("it never came to be");
}

/// How many processes sleep for that many seconds.
pub fn sleepers(secs: &str) -> usize {
    let is_one = |line: Vec<u8>| line == format!("sleep\0{secs}\0").into_bytes();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .filter(|line| is_one(line.clone()))
        .count()
}

async fn heal(repo: &Repo, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_selfheal"))
        .args(["heal", "--repo"])
        .arg(repo.dir())
        .args(args)
        .output()
        .await
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn heal_shows_a_fix_and_applies_it_only_when_asked() {
    let repo = Repo::rust("pub fn one() -> u32 {\n    1\n}\n");
    repo.write("src/lib.rs", "pub fn uncommitted()->u32{ 1 }\n");
    let command = ["--", "cargo", "fmt", "--check"];
    let output = heal(&repo, &command).await;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let shown = stdout(&output);
    assert!(shown.contains("Healed by recipe:rustfmt."), "{shown}");
    assert!(shown.contains("+pub fn uncommitted() -> u32 {"), "{shown}");
    let file = repo.dir().join("src/lib.rs");
    assert_eq!(fs::read_to_string(&file).unwrap(), "pub fn uncommitted()->u32{ 1 }\n");

    let output = heal(&repo, &[&["--apply", "--format", "json"], &command[..]].concat()).await;
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&result["healed"], &result["applied"]), (&json!(true), &json!(true)));
    assert_eq!(fs::read_to_string(&file).unwrap(), "pub fn uncommitted() -> u32 {\n    1\n}\n");

    let output = heal(&repo, &command).await;
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).starts_with("Nothing to heal"), "{}", stdout(&output));
}

#[tokio::test]
async fn heal_says_no_with_one_and_cannot_with_three() {
    let repo = broken();
    let output = heal(&repo, &["--", "sh check.sh"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    let said = stdout(&output);
    assert!(said.contains("no fixer answers") && said.contains("a coding agent may"), "{said}");
    assert_eq!(heal(&repo, &[]).await.status.code(), Some(2));
    let nowhere = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_selfheal"))
        .args(["heal", "--repo"])
        .arg(nowhere.path())
        .args(["--", "true"])
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
}

#[tokio::test]
async fn heal_keeps_to_the_policy_of_the_repository() {
    let repo = broken();
    let fix = "fixers:\n  - name: mine\n    command: echo good > value; mkdir -p .github; echo x > .github/x.yml\n";
    repo.write(".github/selfheal.yml", fix);
    let output = heal(&repo, &["--apply", "--", "sh check.sh"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(stdout(&output).contains("The gate refuses"), "{}", stdout(&output));
    assert_eq!(fs::read_to_string(repo.dir().join("value")).unwrap(), "bad\n");
}
