//! The whole road with nothing played: real git, real cargo, the repository's own CI and the
//! shipped workflow run by `act`, the shipped action, the built runner in its sandbox.

use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use world::{Act, Repository};

use super::{at_head, headline};
use crate::harness::Tester;

const CI: &str = ".github/workflows/ci.yml";

const SHIPPED: &str = ".github/workflows/selfheal.yml";

const CI_FILE: &str = "name: ci
on: pull_request
permissions:
  contents: read
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@9c091bb21b7c1c1d1991bb908d89e4e9dddfe3e0
        with:
          persist-credentials: false
      - run: cargo fmt --check
      - run: cargo test --offline --quiet
";

const MANIFEST: &str = "[package]\nname = \"widget\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

const LOCK: &str = "version = 4\n\n[[package]]\nname = \"widget\"\nversion = \"0.1.0\"\n";

const LIB: &str = "pub fn answer() -> u8 {\n    42\n}\n\n#[test]\nfn it_is_known() {\n    \
    assert_eq!(answer(), 42);\n}\n";

const BADLY_FORMATTED: &str = "pub fn answer( ) -> u8 { 42 }\n\n#[test]\nfn it_is_known() {\n    \
    assert_eq!(answer(), 42);\n}\n";

const WRONG: &str = "pub fn answer() -> u8 {\n    41\n}\n\n#[test]\nfn it_is_known() {\n    \
    assert_eq!(answer(), 42);\n}\n";

/// `act`, which `cargo xtask test` installs and puts on the path.
fn act_program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let built = Path::new(env!("CARGO_BIN_EXE_selfheal-runner"));
    let tools = built.ancestors().nth(2).unwrap().join("tools/venv/bin");
    std::env::split_paths(&path)
        .chain([tools])
        .map(|folder| folder.join("act"))
        .find(|program| program.is_file())
        .expect("act is not installed: `cargo xtask test --only tools` installs it")
}

/// A real Rust repository whose workflows really run.
async fn real_widget(tester: &Tester) -> Repository {
    let world = &tester.world;
    let repository = world
        .repository("acme/widget")
        .file("Cargo.toml", MANIFEST)
        .file("Cargo.lock", LOCK)
        .file(".gitignore", "/target\n")
        .file("src/lib.rs", LIB)
        .file(CI, CI_FILE)
        .file(SHIPPED, selfheal::app::WORKFLOW)
        .collaborator("mona", "write")
        .private()
        .create()
        .await
        .unwrap();
    world.install("acme");
    let act = Act::new(act_program())
        .with_action_of(
            selfheal::app::WORKFLOW,
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("action"),
        )
        .unwrap()
        .with_variable("SELFHEAL_RUNNER", env!("CARGO_BIN_EXE_selfheal-runner"));
    world.real_ci(&repository, (CI, "pull_request"), &act);
    world.real_ci(&repository, (SHIPPED, "workflow_dispatch"), &act);
    repository
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_red_pull_request_is_healed_with_real_git_real_runs_and_a_real_runner() {
    let mut t = Tester::start().await;
    let repository = real_widget(&t).await;
    let files = [("src/lib.rs", Some(BADLY_FORMATTED))];
    let pull = t.world.pull_request(&repository).by("mona").files(&files).open().await.unwrap();
    t.settle_with_ci().await;

    let head = t.world.head_sha(&pull);
    let text = at_head(&t, &pull, &t.check(&pull));
    assert!(headline(&t, &pull).starts_with("selfheal  completed/success  Healed by"), "{text}");
    assert_snapshot!(text, @r"
    selfheal  completed/success  Healed by HEAD
    CI is green on HEAD.

    **Next:** review the commit like any other; it is yours now.

    ### What failed

    | where | what |
    | --- | --- |
    | `src/lib.rs:1` | rustfmt: Diff in src/lib.rs:1: |

    ### Attempts

    | # | fixer | what came of it |
    | --- | --- | --- |
    | 1 | `recipe:rustfmt` | committed as HEAD, CI is green |
    ### The lines that matter

    ```text
         4 Run cargo fmt --check
         5 cargo fmt --check
         6 shell: /usr/bin/bash -e {0}
         7 
         8 Diff in /home/runner/work/widget/widget/src/lib.rs:1:
         9 -pub fn answer( ) -> u8 { 42 }
        10 +pub fn answer() -> u8 {
        11 +    42
        12 +}
        13  
        14  #[test]
        15  fn it_is_known() {
        16 Process completed with exit code 1.
        17 Cleaning up orphan processes
    ```

    ### Read from

    - ci / test: log
    ");
    let healed = t.world.file(&repository, &head, "src/lib.rs").await.unwrap();
    assert_eq!(healed.as_deref(), Some(LIB));
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 2);
    t.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_recipe_can_fix_is_handed_over_with_what_a_real_run_said() {
    let mut t = Tester::start().await;
    let repository = real_widget(&t).await;
    let files = [("src/lib.rs", Some(WRONG))];
    let pull = t.world.pull_request(&repository).by("mona").files(&files).open().await.unwrap();
    t.settle_with_ci().await;

    let text = t.check(&pull);
    let headline = headline(&t, &pull);
    assert!(headline.contains("action_required  A person is needed: nothing to try"), "{text}");
    assert!(text.contains("| `src/lib.rs:7` | cargo test: `it_is_known` assertion"), "{text}");
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 1, "nothing was committed");
    t.finish().await;
}

/// What the shipped action pins, and what stands in for it: GitHub's own needs GitHub.
const UPLOAD: &str =
    "uses: actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1";

const UPLOAD_FILE: &str = "name: upload\ninputs:\n  name: {required: true}\n  path: {required: true}\n  \
    if-no-files-found: {required: false}\n  overwrite: {required: false}\n  \
    retention-days: {required: false}\nruns:\n  using: composite\n  steps:\n    - shell: bash\n      \
    env: {NAME: \"${{ inputs.name }}\", FOLDER: \"${{ inputs.path }}\"}\n      \
    run: echo \"kept as $NAME $(ls \"$FOLDER\")\"\n";

const REPORTING: &str = "name: ci
on: pull_request
permissions:
  contents: read
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@9c091bb21b7c1c1d1991bb908d89e4e9dddfe3e0
        with:
          persist-credentials: false
      - uses: selfheal/selfheal/action/report@0123456789abcdef0123456789abcdef01234567
        with:
          run: |
            cat output.txt
            exit 7
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrapped_step_says_what_failed_keeps_a_report_and_fails_as_its_command() {
    let mut t = Tester::start().await;
    let repository = t
        .world
        .repository("acme/widget")
        .file("src/cart.ts", "let total;\ntotal.sum();\n")
        .file("output.txt", "src/cart.ts(2,7): error TS2339: no sum\n")
        .file(CI, REPORTING)
        .collaborator("mona", "write")
        .create()
        .await
        .unwrap();
    t.world.install("acme");
    let upload = tempfile::tempdir().unwrap();
    std::fs::write(upload.path().join("action.yml"), UPLOAD_FILE).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("action/report");
    let pinned = REPORTING.lines().find(|line| line.contains("action/report")).unwrap();
    let act = Act::new(act_program())
        .with_action_of(pinned.trim().trim_start_matches("- "), &shipped)
        .unwrap()
        .with_action_of(UPLOAD, upload.path())
        .unwrap()
        .with_variable("SELFHEAL_BIN", env!("CARGO_BIN_EXE_selfheal"));
    t.world.real_ci(&repository, (CI, "pull_request"), &act);
    let files = [("README.md", Some("changed\n"))];
    let pull = t.world.pull_request(&repository).by("mona").files(&files).open().await.unwrap();
    t.settle_with_ci().await;

    let log = t.world.logs_text(&repository);
    assert!(log.contains("kept as selfheal-report-test selfheal-job.json"), "{log}");
    assert!(log.contains("Process completed with exit code 7."), "{log}");
    let text = t.check(&pull);
    assert!(text.contains("| `src/cart.ts:2` | tsc: `TS2339` no sum |"), "{text}");
    t.world.close(&pull, "mona");
    t.settle_with_ci().await;
    t.finish().await;
}
