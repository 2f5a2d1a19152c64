//! Proofs with real runs: which tests ran, how often, what stayed green, what is covered, and what the
//! gate makes of it, whatever the source of the change looks like.

use std::time::Duration;

use selfheal::domain::brief::Brief;
use selfheal::domain::gate::patch::{PatchToJudge, judge};
use selfheal::domain::gate::{Answer, Verdict};
use selfheal::domain::outcome::{GaveUp, Outcome, Proof};
use selfheal::domain::policy::Policy;
use selfheal::runner::attempt::{self, End, Setting};
use selfheal::runner::dependencies::Dependencies;
use selfheal::runner::observe::Nobody;
use selfheal::runner::sandbox::{Isolation, Sandbox};

use super::attempts::{gave_up, shell_brief, shell_repo};
use super::scene::{Notebook, Repo, attempt, brief, fixed_by, outcome};

const TESTED: &str = "pub fn two() -> u32 {\n    3\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    \
    fn it_is_two() {\n        assert_eq!(super::two(), 2);\n    }\n\n    #[test]\n    \
    fn it_is_a_number() {\n        assert!(super::two() < 9);\n    }\n}\n";

#[track_caller]
fn proof_of(outcome: &Outcome) -> &Proof {
    let Outcome::Proposed { proof, .. } = outcome else { panic!("{outcome:#?}") };
    proof
}

/// What the gate says, with every rule about source content kept silent.
#[track_caller]
fn judged(brief: &Brief, outcome: &Outcome) -> Verdict {
    let Outcome::Proposed { patch, proof, .. } = outcome else { panic!("{outcome:#?}") };
    judge(&PatchToJudge {
        patch,
        base: &[],
        proof,
        proof_runs: brief.proof_runs,
        head: &brief.head,
        policy: &Policy::default(),
        content: Vec::new(),
        autonomy: None,
        failed: None,
    })
}

fn rules(verdict: &Verdict) -> Vec<&str> {
    verdict.findings().iter().map(|finding| finding.rule).collect()
}

fn cargo_brief(repo: &Repo, fix: &str) -> Brief {
    let mut brief = brief(repo, Vec::new(), &["cargo test --lib"]);
    brief.fixers = vec![fixed_by(fix)];
    brief
}

#[tokio::test]
async fn an_honest_repair_runs_the_same_tests_and_says_so() {
    let repo = Repo::rust(TESTED);
    let brief = cargo_brief(&repo, "sed -i 's/^    3$/    2/' src/lib.rs");
    let outcome = outcome(&repo, &brief).await;
    let [change] = proof_of(&outcome).tests.as_slice() else { panic!("{outcome:#?}") };
    assert_eq!((change.before.ran, change.after.ran), (2, 2));
    assert!(change.before.digest.is_some() && change.before.digest == change.after.digest);
    assert_eq!(judged(&brief, &outcome).answer(), Answer::Allow);
}

#[tokio::test]
async fn a_test_that_is_gone_is_refused_by_what_ran() {
    let repo = Repo::rust(TESTED);
    let brief = cargo_brief(&repo, "sed -i '7,10d' src/lib.rs");
    let outcome = outcome(&repo, &brief).await;
    let verdict = judged(&brief, &outcome);
    assert_eq!((verdict.answer(), rules(&verdict)), (Answer::Refuse, vec!["proof-test-vanished"]));
    assert!(verdict.words().contains("tests::it_is_two"), "{}", verdict.words());
}

#[tokio::test]
async fn a_test_that_is_switched_off_is_refused_by_what_ran() {
    let repo = Repo::rust(TESTED);
    let brief = cargo_brief(&repo, "sed -i '7s/.*/    #[test] #[ignore]/' src/lib.rs");
    let outcome = outcome(&repo, &brief).await;
    let verdict = judged(&brief, &outcome);
    assert_eq!((verdict.answer(), rules(&verdict)), (Answer::Refuse, vec!["proof-test-skipped"]));
}

#[tokio::test]
async fn what_ran_at_the_head_is_found_out_again_after_a_lost_machine() {
    let repo = Repo::rust(TESTED);
    let mut brief = cargo_brief(&repo, "sed -i '7,10d' src/lib.rs");
    let first = Notebook { stop_after: Some(3), ..Notebook::default() };
    assert_eq!(attempt(&repo, &brief, &first).await, End::Stopped);
    brief.resume = first.resume();
    let outcome = outcome(&repo, &brief).await;
    assert_eq!(rules(&judged(&brief, &outcome)), ["proof-test-vanished"]);
}

#[tokio::test]
async fn a_report_that_a_command_leaves_behind_is_read_as_well() {
    let report = |tests: &str| format!("<testsuite>{tests}</testsuite>\n");
    let (one, two) = ("<testcase name=\"one\"/>", "<testcase name=\"two\"/>");
    let repo = Repo::new(&[
        (
            "check.sh",
            "mkdir -p test-results; cp tests.xml test-results/all.xml; grep -q good value",
        ),
        ("tests.xml", &report(&format!("{one}{two}"))),
        ("value", "bad\n"),
    ]);
    let fix = format!("echo good > value; echo '{}' > tests.xml", report(one).trim());
    let brief = shell_brief(&repo, &fix);
    let outcome = outcome(&repo, &brief).await;
    let verdict = judged(&brief, &outcome);
    assert_eq!(rules(&verdict), ["proof-test-vanished"], "{verdict:?}");
    assert!(verdict.words().contains("`two`"), "{}", verdict.words());
}

#[tokio::test]
async fn coverage_of_a_touched_file_may_not_fall() {
    let cover = "SF:value\nDA:1,1\nDA:2,1\nend_of_record\n";
    let repo = Repo::new(&[
        ("check.sh", "cp cover lcov.info; grep -q good value"),
        ("cover", cover),
        (".gitignore", "lcov.info\n"),
        ("value", "bad\n"),
    ]);
    let verdict_of = async |fix: &str| {
        let brief = shell_brief(&repo, fix);
        let outcome = outcome(&repo, &brief).await;
        (judged(&brief, &outcome), proof_of(&outcome).coverage.len())
    };
    let (kept, told) = verdict_of("echo good > value").await;
    assert_eq!((kept.answer(), told), (Answer::Allow, 1), "{kept:?}");
    let (fell, _) = verdict_of("echo good > value; sed -i 's/DA:2,1/DA:2,0/' cover").await;
    assert_eq!((fell.answer(), rules(&fell)), (Answer::Hold, vec!["proof-coverage-fell"]));
    let (gone, _) = verdict_of("echo good > value; sed -i 's/SF:value/SF:other/' cover").await;
    assert_eq!(rules(&gone), ["proof-coverage-fell"]);
}

#[tokio::test]
async fn what_flaked_before_is_run_as_often_as_the_brief_says() {
    let repo = shell_repo();
    let mut brief = shell_brief(&repo, "echo good > value");
    brief.proof_runs = 4;
    brief.verify = vec!["true".into()];
    let outcome = outcome(&repo, &brief).await;
    let proof = proof_of(&outcome);
    assert_eq!((proof.green_runs(), proof.after.len()), (4, 5), "{proof:#?}");
    assert_eq!(judged(&brief, &outcome).answer(), Answer::Allow);
    // Without time for all of them it is said how often it was green, and a person decides.
    brief.proof_runs = 200;
    let outcome = super::scene::outcome(&repo, &brief).await;
    assert_eq!(proof_of(&outcome).green_runs(), 10);
    assert_eq!(rules(&judged(&brief, &outcome)), ["proof-runs"]);
}

#[tokio::test]
async fn a_repair_that_is_green_once_and_red_again_is_none() {
    let outside = tempfile::tempdir().unwrap();
    let count = outside.path().join("count");
    // Red without the patch; with it, green every time but the third.
    let check = format!(
        "grep -q good value && echo x >> {0} && test $(wc -l < {0}) -ne 3",
        count.display()
    );
    let repo = Repo::new(&[("check.sh", check.as_str()), ("value", "bad\n")]);
    let scratch = tempfile::tempdir().unwrap();
    let mut brief = shell_brief(&repo, "echo good > value");
    brief.proof_runs = 5;
    let setting = Setting {
        source: Ok(repo.source(scratch.path()).await),
        // The count has to outlive a command, which nothing in a sandbox does.
        sandbox: Ok(Sandbox::probe(Isolation::None, scratch.path()).await.unwrap()),
        dependencies: Dependencies::default(),
        known: Vec::new(),
        scratch: scratch.path().to_owned(),
        heartbeat: Duration::from_millis(50),
        observer: &Nobody,
        models: None,
    };
    let server = Notebook::default();
    let end = attempt::run(&server, &brief, setting).await.unwrap();
    let first = server.reports.lock().unwrap()[3].clone();
    let body = &first.documents[0].body;
    assert!(body.contains("proven: false"), "{body}");
    assert_eq!(body.matches("command: sh check.sh").count(), 3, "{body}");
    // The next round begins at the fourth, and is green to the end.
    assert!(matches!(end, End::Reported(_)), "{end:?}");
}

#[tokio::test]
async fn what_was_green_in_ci_stays_green() {
    let repo = shell_repo();
    let mut brief = shell_brief(&repo, "echo good > value");
    brief.green_commands = vec!["grep -q bad value".into()];
    gave_up(&outcome(&repo, &brief).await, GaveUp::StillRed);
    brief.green_commands = vec!["grep -q o value".into(), "true".into()];
    // The first is red without the change as well, whatever CI said: it shows nothing.
    brief.fixers = vec![fixed_by("echo g > value; echo good > other")];
    brief.failing_commands = vec!["grep -q good other".into()];
    let outcome = outcome(&repo, &brief).await;
    let proof = proof_of(&outcome);
    let aside: Vec<&str> = proof.set_aside.iter().map(|run| run.command.as_str()).collect();
    assert_eq!(aside, ["grep -q o value"]);
    assert!(proof.after.iter().any(|run| run.command == "true"));
    assert_eq!(judged(&brief, &outcome).answer(), Answer::Allow);
}
