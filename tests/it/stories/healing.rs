//! The main road: red, read, fixed, proven, committed, green.

use insta::assert_snapshot;
use world::Pull;

use super::{BAD, GOOD, at_head, at_work, broken_pull, count, headline, widget};
use crate::harness::Tester;

/// How often one healed failure may read from GitHub. Looks that come together are one or two as
/// they happen to fall, so that the number moves a little; what is written does not.
const READS_MAX: usize = 60;

fn is_told_while_it_is_at_work(t: &Tester, pull: &Pull) {
    assert_snapshot!(t.check(pull), @r"
    selfheal  in_progress  Attempt 1 of 3 is at work
    A fixer works on it in a sealed place. Only a fix that is proven red before and green after comes back.

    **Next:** nothing to do; `/selfheal stop` ends it.

    ### What failed

    | where | what |
    | --- | --- |
    | `src/lib.rs:1` | rustfmt: Diff in src/lib.rs:1: |

    **Cause:** this change: it is in a file that changes.

    ### Attempts

    | # | fixer | what came of it |
    | --- | --- | --- |
    | 1 | – | a runner was asked for |
    ### The lines that matter

    ```text
         2 Run cargo fmt --check
         3 cargo fmt --check
         4 shell: /usr/bin/bash -e {0}
         5 
         6 Diff in /home/runner/work/widget/widget/src/lib.rs:1:
         7 -pub fn answer( ) -> u8 { 42 }
         8 +pub fn answer() -> u8 {
         9 +    42
        10 +}
        11 Process completed with exit code 1.
        12 Cleaning up orphan processes
    ```

    ### Read from

    - ci / test: log
    src/lib.rs:1 failure Diff in src/lib.rs:1:
    ");
}

fn is_told_at_the_end(t: &Tester, pull: &Pull) {
    assert_snapshot!(at_head(t, pull, &t.check(pull)), @r"
    selfheal  completed/success  Healed by HEAD
    CI is green on HEAD.

    **Next:** review the commit like any other; it is yours now.

    ### What failed

    | where | what |
    | --- | --- |
    | `src/lib.rs:1` | rustfmt: Diff in src/lib.rs:1: |

    **Cause:** this change: it is in a file that changes.

    ### Attempts

    | # | fixer | what came of it |
    | --- | --- | --- |
    | 1 | `recipe:rustfmt` | committed as HEAD, CI is green |

    ### What was proven

    In fresh checkouts of the commit that failed, where no fixer has been:

    - `cargo fmt --check`: red without the patch, green with it.
    ### The lines that matter

    ```text
         2 Run cargo fmt --check
         3 cargo fmt --check
         4 shell: /usr/bin/bash -e {0}
         5 
         6 Diff in /home/runner/work/widget/widget/src/lib.rs:1:
         7 -pub fn answer( ) -> u8 { 42 }
         8 +pub fn answer() -> u8 {
         9 +    42
        10 +}
        11 Process completed with exit code 1.
        12 Cleaning up orphan processes
    ```

    ### Read from

    - ci / test: log
    [Undo|undo]
    ");
}

fn is_told_in_the_comment(t: &Tester, pull: &Pull) {
    assert_snapshot!(at_head(t, pull, &t.world.comment_text(pull)), @r"
    ### Healed by HEAD

    CI is green on HEAD.

    **Next:** review the commit like any other; it is yours now.

    ### What failed

    | where | what |
    | --- | --- |
    | `src/lib.rs:1` | rustfmt: Diff in src/lib.rs:1: |

    **Cause:** this change: it is in a file that changes.

    ### Attempts

    | # | fixer | what came of it |
    | --- | --- | --- |
    | 1 | `recipe:rustfmt` | committed as HEAD, CI is green |

    <sub>`/selfheal help` tells what can be asked. The `selfheal` check run has the details.</sub>
    ");
}

#[tokio::test]
async fn a_red_pull_request_is_healed() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let pull = broken_pull(&t, &repository).await;
    t.settle_with_ci().await;
    is_told_while_it_is_at_work(&t, &pull);

    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;

    is_told_at_the_end(&t, &pull);
    is_told_in_the_comment(&t, &pull);
    assert_snapshot!(t.world.commits(&pull).await.unwrap().join("\n"), @r"
    mona: Add a feature
    selfheal[bot]: Run rustfmt (Selfheal-Attempt: att_00000000000000000000000000000004; number=1)
    ");
    let requests = t.world.requests();
    let writes = requests.iter().filter(|(method, _, _)| method != "GET");
    let writes: Vec<_> =
        writes.map(|(method, route, count)| format!("{count} {method} {route}")).collect();
    assert_snapshot!(writes.join("\n"), @r"
    4 POST /app/installations/{installation_id}/access_tokens
    4 POST /graphql
    1 POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches
    2 POST /repos/{owner}/{repo}/check-runs
    3 PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}
    1 POST /repos/{owner}/{repo}/git/commits
    1 POST /repos/{owner}/{repo}/git/trees
    3 PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}
    1 POST /repos/{owner}/{repo}/issues/{issue_number}/comments
    1 POST /repos/{owner}/{repo}/issues/{issue_number}/labels
    1 DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}
    ");
    let reads: usize =
        requests.iter().filter(|(method, _, _)| method == "GET").map(|(_, _, count)| count).sum();
    assert!(reads <= READS_MAX, "{}", t.world.requests_text(0));
    assert!(t.world.labels(&pull).is_empty(), "what was added is removed");
    t.finish().await;
}

#[tokio::test]
async fn a_server_killed_between_every_two_steps_comes_to_the_same_end() {
    let mut t = Tester::start().await;
    t.restart_before_every_step();
    let (repository, pull) = at_work(&mut t).await;

    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;

    assert!(headline(&t, &pull).starts_with("selfheal  completed/success  Healed by"));
    assert_eq!(t.world.commits(&pull).await.unwrap().len(), 2);
    assert_eq!(t.world.comment_bodies(&pull).len(), 1);
    assert_eq!(count(&t, "POST", "/dispatches"), 1);
    assert_eq!(count(&t, "POST", "/check-runs"), 2, "one a head");
    t.finish().await;
}

#[tokio::test]
async fn an_answer_that_is_lost_doubles_nothing() {
    for route in [
        "/check-runs",
        "/issues/{issue_number}/comments",
        "/actions/workflows/{workflow_id}/dispatches",
        "/git/commits",
        "/git/trees",
        "/graphql",
        "/issues/{issue_number}/labels",
    ] {
        let mut t = Tester::start().await;
        let repository = widget(&t).await;
        let full = if route == "/graphql" {
            route.into()
        } else {
            format!("/repos/{{owner}}/{{repo}}{route}")
        };
        t.world.drop_response("POST", &full, 1);
        let pull = broken_pull(&t, &repository).await;
        t.settle_with_ci().await;
        let runner = t.runner(&repository).await;
        runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
        t.settle_with_ci().await;

        let line = headline(&t, &pull);
        assert!(line.starts_with("selfheal  completed/success  Healed by"), "{route}: {line}");
        assert_eq!(t.world.commits(&pull).await.unwrap().len(), 2, "{route}");
        assert_eq!(t.world.comment_bodies(&pull).len(), 1, "{route}");
        assert_eq!(t.world.check_runs(&pull).len(), 2, "{route}: one a head");
        t.finish().await;
    }
}

#[tokio::test]
async fn a_pull_request_from_a_fork_is_found_and_explained_but_not_touched() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let files = [("src/lib.rs", Some(BAD))];
    let pull = t.world.pull_request(&repository).by("stranger").from_fork().files(&files);
    let pull = pull.open().await.unwrap();
    t.settle_with_ci().await;

    assert_eq!(
        headline(&t, &pull),
        "selfheal  completed/neutral  Left alone by this repository's policy"
    );
    assert!(t.check(&pull).contains("the head is in a fork, where the App cannot write"));
    assert!(t.check(&pull).contains("src/lib.rs:1"), "the failure is explained");
    assert_eq!(count(&t, "POST", "/dispatches"), 0);
    t.finish().await;
}

#[tokio::test]
async fn what_the_gate_notes_on_a_patch_that_it_allows_is_told() {
    let mut t = Tester::start().await;
    let (repository, pull) = at_work(&mut t).await;
    let runner = t.runner(&repository).await;
    let files = [("src/lib.rs", Some(GOOD)), ("bin/start/server.rs", Some("fn main() {}\n"))];
    runner.proposes(&t, &files).await;
    t.settle_with_ci().await;
    let text = t.check(&pull);
    assert!(headline(&t, &pull).contains("Healed by"), "{text}");
    let told = "CI is green; the gate notes beyond-reach: ";
    assert!(text.contains(told) && text.contains("(bin/start/server.rs:1)"), "{text}");
    t.finish().await;
}
