//! What is healed in the kill suite, and what the model says while it is.

use serde_json::json;
use sqlx::{Connection as _, SqliteConnection};
use world::{Pull, Repository, RunScript};

use crate::harness::Tester;
use crate::stories::{BAD, GOOD};

const CI: &str = ".github/workflows/ci.yml";

const CI_FILE: &str = "name: ci\non: pull_request\njobs:\n  test:\n    runs-on: ubuntu-latest\n    \
    steps:\n      - run: cargo fmt --check\n";

const FMT_LOG: &str = "Diff in /home/runner/work/widget/widget/src/lib.rs:1:\n\
    -pub fn answer( ) -> u8 { 42 }\n+pub fn answer() -> u8 {\n+    42\n+}\n";

const MANIFEST: &str = "[package]\nname = \"widget\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

const LOCK: &str = "version = 4\n\n[[package]]\nname = \"widget\"\nversion = \"0.1.0\"\n";

/// What the model says: six steps, half a second each, that change the file twice. The last change is
/// made again in the next step: a script does not notice that a command was killed before it ran.
pub(crate) fn scenario() -> serde_json::Value {
    let half = "pub fn answer() -> u8 { 42 }";
    let good = "pub fn answer() -> u8 {\\n    42\\n}";
    let steps = json!([
        { "say": "I look at it.", "do": [{ "bash": "cat src/lib.rs" }] },
        { "do": [{ "bash": format!("printf '{half}\\n' > src/lib.rs") }] },
        { "do": [{ "bash": "cat Cargo.toml; sleep 1" }] },
        { "do": [{ "bash": format!("printf '{good}\\n' > src/lib.rs") }] },
        { "do": [{ "bash": format!("printf '{good}\\n' > src/lib.rs; sleep 1") }] },
        { "say": "It was not formatted; it is now." },
    ]);
    let usage = json!({ "input": 1200, "output": 60, "cache_read": 8000, "cache_write": 0 });
    json!({ "usage": usage, "delay_ms": 500, "steps": steps })
}

/// A repository whose CI wants it formatted, with a policy of these fixers and no memory of what they did:
/// one fault is healed again and again.
pub(crate) async fn with(t: &Tester, fixers: &str) -> Repository {
    let budget = "budget:\n  attempts_per_day: 1000\n  attempts_at_once: 50\n";
    let policy = format!("fixers: {fixers}\nremedies: none\n{budget}");
    let repository = t
        .world
        .repository("acme/widget")
        .file("Cargo.toml", MANIFEST)
        .file("Cargo.lock", LOCK)
        .file(".gitignore", "/target\n")
        .file("src/lib.rs", GOOD)
        .file(CI, CI_FILE)
        .file(".github/workflows/selfheal.yml", selfheal::app::WORKFLOW)
        .file(".github/selfheal.yml", &policy)
        .collaborator("mona", "write")
        .create()
        .await
        .unwrap();
    t.world.install("acme");
    t.world.ci(&repository, (CI, "pull_request"), |run| async move {
        match run.file("src/lib.rs").await.as_deref() {
            Some(BAD) => RunScript::red("test", "Run cargo fmt --check", FMT_LOG),
            _ => RunScript::green(),
        }
    });
    repository
}

/// How many attempts were counted for a pull request, of which no checkpoint may be left.
pub(crate) async fn attempts_of(t: &Tester, pull: &Pull) -> i64 {
    let mut connection = SqliteConnection::connect(&t.database()).await.unwrap();
    let count =
        "SELECT COUNT(*) FROM attempts a JOIN cases c ON c.id = a.case_id WHERE c.number = $1";
    let number = i64::try_from(pull.number()).unwrap();
    let (count,): (i64,) =
        sqlx::query_as(count).bind(number).fetch_one(&mut connection).await.unwrap();
    let left = "SELECT COUNT(*) FROM checkpoints";
    let (left,): (i64,) = sqlx::query_as(left).fetch_one(&mut connection).await.unwrap();
    assert_eq!(left, 0, "a checkpoint outlives its attempt");
    count
}
