//! What is healed in the kill suite.

use sqlx::{Connection as _, SqliteConnection};
use world::{Pull, Repository, RunScript};

use super::kinds::Kind;
use crate::harness::Tester;
use crate::stories::{BAD, GOOD};

const CI: &str = ".github/workflows/ci.yml";

const CI_FILE: &str = "name: ci\non: pull_request\njobs:\n  test:\n    runs-on: ubuntu-latest\n    \
    steps:\n      - run: cargo fmt --check\n";

const FMT_LOG: &str = "Diff in /home/runner/work/widget/widget/src/lib.rs:1:\n\
    -pub fn answer( ) -> u8 { 42 }\n+pub fn answer() -> u8 {\n+    42\n+}\n";

const MANIFEST: &str = "[package]\nname = \"widget\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

const LOCK: &str = "version = 4\n\n[[package]]\nname = \"widget\"\nversion = \"0.1.0\"\n";

/// What a check run says while people are asked, and what they answer.
pub(crate) const WAITS: &str = "Questions wait for your answer";
pub(crate) const ANSWER: &str = "/selfheal answer yes, lines of its own";

/// A repository whose CI wants it formatted, with a policy of these fixers and no memory of what they did:
/// one fault is healed again and again.
pub(crate) async fn with(t: &Tester, kind: &Kind) -> Repository {
    let budget = "budget:\n  attempts_per_day: 1000\n  attempts_at_once: 50\n";
    let policy = format!("fixers: {}\nremedies: none\n{budget}", kind.fixers);
    let building = t
        .world
        .repository("acme/widget")
        .file("Cargo.toml", MANIFEST)
        .file("Cargo.lock", LOCK)
        .file(".gitignore", "/target\n")
        .file("src/lib.rs", GOOD)
        .file(CI, CI_FILE)
        .file(".github/workflows/selfheal.yml", selfheal::app::WORKFLOW)
        .file(".github/selfheal.yml", &policy)
        .collaborator("mona", "write");
    let building = kind.files.iter().fold(building, |it, (path, text)| it.file(path, text));
    let repository = building.create().await.unwrap();
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
