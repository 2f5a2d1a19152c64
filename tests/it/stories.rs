//! Stories: promises in the words of people and GitHub, kept by the whole server.

mod attempts;
mod autonomy;
mod bases;
mod causes;
mod commands;
mod documents;
mod events;
mod faults;
mod feedback;
mod figures;
mod healing;
mod held;
mod installing;
mod limits;
mod lost;
mod matchers;
mod meanwhile;
mod outage;
mod poison;
mod policy;
mod reading;
mod remedies;
mod restored;
mod runners;
mod undo;
pub(crate) mod whole;

use world::{Pull, Repository, RunScript, World};

use crate::harness::Tester;

/// The repository that most stories are about: one Rust file, CI that wants it formatted.
pub(crate) const BAD: &str = "pub fn answer( ) -> u8 { 42 }\n";

/// The same, as CI wants it.
pub(crate) const GOOD: &str = "pub fn answer() -> u8 {\n    42\n}\n";

const CI: &str = ".github/workflows/ci.yml";

const CI_FILE: &str = "name: ci\non: pull_request\njobs:\n  test:\n    runs-on: ubuntu-latest\n    \
    steps:\n      - run: cargo fmt --check\n";

/// What `cargo fmt --check` prints about [`BAD`].
const FMT_LOG: &str = "Diff in /home/runner/work/widget/widget/src/lib.rs:1:\n\
    -pub fn answer( ) -> u8 { 42 }\n+pub fn answer() -> u8 {\n+    42\n+}\n";

/// A repository with the App, the workflow, and CI that is red while `src/lib.rs` is [`BAD`].
pub(crate) async fn widget(tester: &Tester) -> Repository {
    widget_of(&tester.world, "version: 1\n").await
}

/// The same, in any world, with a policy of its own.
pub(crate) async fn widget_of(world: &World, policy: &str) -> Repository {
    let repository = world
        .repository("acme/widget")
        .file("src/lib.rs", GOOD)
        .file(CI, CI_FILE)
        .file(".github/workflows/selfheal.yml", selfheal::app::WORKFLOW)
        .file(".github/selfheal.yml", policy)
        .collaborator("mona", "write")
        .collaborator("reader", "read")
        .create()
        .await
        .unwrap();
    world.install("acme");
    world.ci(&repository, (CI, "pull_request"), |run| async move {
        match run.file("src/lib.rs").await.as_deref() {
            Some(BAD) => RunScript::red("test", "Run cargo fmt --check", FMT_LOG),
            _ => RunScript::green(),
        }
    });
    repository
}

/// Mona's pull request that CI does not like.
pub(crate) async fn broken_pull(tester: &Tester, repository: &Repository) -> Pull {
    let files = [("src/lib.rs", Some(BAD))];
    tester.world.pull_request(repository).by("mona").files(&files).open().await.unwrap()
}

/// The first line of the check run: how it stands and what it says.
#[track_caller]
pub(crate) fn headline(tester: &Tester, pull: &Pull) -> String {
    tester.check(pull).lines().next().unwrap_or_default().to_owned()
}

/// A text with the head commit named so, whatever its hash is.
pub(crate) fn at_head(tester: &Tester, pull: &Pull, text: &str) -> String {
    let head = tester.world.head_sha(pull);
    text.replace(&head, "HEAD").replace(&head[..7], "HEAD")
}

/// How many requests of a kind there were.
pub(crate) fn count(tester: &Tester, method: &str, route: &str) -> usize {
    let all = tester.world.requests();
    all.iter().filter(|(m, r, _)| m == method && r.ends_with(route)).map(|(_, _, n)| n).sum()
}

/// Mona's broken pull request, up to the attempt that is at work.
pub(crate) async fn at_work(tester: &mut Tester) -> (Repository, Pull) {
    let repository = widget(tester).await;
    let pull = broken_pull(tester, &repository).await;
    tester.settle_with_ci().await;
    assert_eq!(headline(tester, &pull), "selfheal  in_progress  Attempt 1 of 3 is at work");
    (repository, pull)
}
