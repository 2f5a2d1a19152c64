//! The main road: red, read, fixed, proven, committed, green.

use insta::assert_snapshot;

use super::{GOOD, broken_pull, widget};
use crate::harness::Tester;

#[tokio::test]
async fn a_red_pull_request_is_healed() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let pull = broken_pull(&t, &repository).await;
    t.settle_with_ci().await;
    assert_snapshot!(t.check(&pull), @r"
    selfheal  in_progress  Attempt 1 of 3 is at work
    A fixer works on it in a sealed place. Only a fix that is proven red before and green after comes back.

    **Next:** nothing to do; `/selfheal stop` ends it.

    ### What failed

    | where | what |
    | --- | --- |
    | `src/lib.rs:1` | rustfmt: Diff in /home/runner/work/widget/widget/src/lib.rs:1: |

    ### Attempts

    | # | fixer | what came of it |
    | --- | --- | --- |
    | 1 | – | a runner was asked for |
    ### The lines that matter

    ```text
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
    src/lib.rs:1 failure Diff in /home/runner/work/widget/widget/src/lib.rs:1:
    ");

    let runner = t.runner(&repository).await;
    runner.proposes(&t, &[("src/lib.rs", Some(GOOD))]).await;
    t.settle_with_ci().await;

    assert_snapshot!(t.check(&pull), @r"
    selfheal  completed/success  Healed by 4713c24
    CI is green on 4713c24c909e4fe3b3d3a9413ec8adc95470362c.

    **Next:** review the commit like any other; it is yours now.

    ### What failed

    | where | what |
    | --- | --- |
    | `src/lib.rs:1` | rustfmt: Diff in /home/runner/work/widget/widget/src/lib.rs:1: |

    ### Attempts

    | # | fixer | what came of it |
    | --- | --- | --- |
    | 1 | `recipe:rustfmt` | committed as 4713c24c909e4fe3b3d3a9413ec8adc95470362c, CI is green |
    ### The lines that matter

    ```text
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
    ");
    assert_snapshot!(t.world.comment_text(&pull), @r"
    ### Healed by 4713c24

    CI is green on 4713c24c909e4fe3b3d3a9413ec8adc95470362c.

    **Next:** review the commit like any other; it is yours now.

    ### What failed

    | where | what |
    | --- | --- |
    | `src/lib.rs:1` | rustfmt: Diff in /home/runner/work/widget/widget/src/lib.rs:1: |

    ### Attempts

    | # | fixer | what came of it |
    | --- | --- | --- |
    | 1 | `recipe:rustfmt` | committed as 4713c24c909e4fe3b3d3a9413ec8adc95470362c, CI is green |

    <sub>`/selfheal help` tells what can be asked. The `selfheal` check run has the details.</sub>
    ");
    assert_snapshot!(t.world.commits(&pull).await.unwrap().join("\n"), @r"
    mona: Add a feature
    selfheal[bot]: Run rustfmt (Selfheal-Attempt: att_00000000000000000000000000000004; number=1)
    ");
    assert_snapshot!(t.world.requests_text(0), @r"
    1 GET /app
    4 POST /app/installations/{installation_id}/access_tokens
    2 POST /graphql
    4 GET /repos/{owner}/{repo}
    1 GET /repos/{owner}/{repo}/actions/jobs/{job_id}/logs
    5 GET /repos/{owner}/{repo}/actions/runs
    1 GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs
    1 POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches
    1 GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs
    2 POST /repos/{owner}/{repo}/check-runs
    3 PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}
    9 GET /repos/{owner}/{repo}/commits/{ref}/check-runs
    5 GET /repos/{owner}/{repo}/commits/{ref}/status
    2 GET /repos/{owner}/{repo}/contents/{path}
    1 POST /repos/{owner}/{repo}/git/commits
    1 GET /repos/{owner}/{repo}/git/commits/{commit_sha}
    1 GET /repos/{owner}/{repo}/git/ref/{ref}
    1 POST /repos/{owner}/{repo}/git/trees
    1 GET /repos/{owner}/{repo}/git/trees/{tree_sha}
    3 PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}
    1 GET /repos/{owner}/{repo}/issues/{issue_number}/comments
    1 POST /repos/{owner}/{repo}/issues/{issue_number}/comments
    1 POST /repos/{owner}/{repo}/issues/{issue_number}/labels
    1 DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}
    7 GET /repos/{owner}/{repo}/pulls/{pull_number}
    1 GET /repos/{owner}/{repo}/pulls/{pull_number}/commits
    1 GET /repos/{owner}/{repo}/pulls/{pull_number}/files
    1 GET /repos/{owner}/{repo}/rules/branches/{branch}
    1 GET /users/{username}
    ");
    assert!(t.world.labels(&pull).is_empty(), "what was added is removed");
    t.finish().await;
}
