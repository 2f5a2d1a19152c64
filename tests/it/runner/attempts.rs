//! Attempts from the brief to the outcome, with real compilers in a real sandbox.

use selfheal::domain::brief::{Brief, FixerSpec, Network, RunLimits};
use selfheal::domain::document::Stage;
use selfheal::domain::failure::{Failure, FailureKind};
use selfheal::domain::outcome::{GaveUp, Outcome};
use selfheal::domain::patch::FileMode;
use selfheal::runner::attempt::End;

use super::scene::{Notebook, Repo, attempt, brief, failure, fixed_by, outcome, path, text_in};

const UGLY: &str = "pub fn two()->u32{ 1+1 }\n";

fn format_brief(repo: &Repo) -> Brief {
    let failures = vec![failure(FailureKind::Format, "rustfmt", "src/lib.rs")];
    brief(repo, failures, &["cargo fmt --all -- --check"])
}

/// A repository whose `check.sh` is green once `value` says `good`.
pub fn shell_repo() -> Repo {
    Repo::new(&[("check.sh", "grep -q good value\n"), ("value", "bad\n")])
}

pub fn shell_brief(repo: &Repo, fix: &str) -> Brief {
    let mut brief = brief(repo, Vec::new(), &["sh check.sh"]);
    brief.fixers = vec![fixed_by(fix)];
    brief
}

#[track_caller]
pub fn gave_up(outcome: &Outcome, expected: GaveUp) {
    match outcome {
        Outcome::GaveUp { why, .. } if *why == expected => {}
        other => panic!("{expected:?} expected: {other:#?}"),
    }
}

#[tokio::test]
async fn unformatted_rust_is_formatted_and_proven() {
    let repo = Repo::rust(UGLY);
    let server = Notebook::default();
    let end = attempt(&repo, &format_brief(&repo), &server).await;
    let End::Reported(outcome) = end else { panic!("{end:?}") };
    assert_eq!(text_in(&outcome, "src/lib.rs"), "pub fn two() -> u32 {\n    1 + 1\n}\n");
    let Outcome::Proposed { patch, proof, fixer, .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!(fixer, "recipe:rustfmt");
    assert_eq!(patch.changes().len(), 1);
    assert!(proof.is_red_to_green());
    assert_eq!((&proof.head, &proof.patch_digest), (&repo.head(), &patch.digest()));
    let all = [Stage::Triage, Stage::Execute, Stage::PreVerify, Stage::Verify];
    assert_eq!(server.stages(), all.map(|stage| (stage, 1)));
    assert_eq!(server.outcomes.lock().unwrap().as_slice(), [outcome]);
}

#[tokio::test]
async fn a_formatter_is_found_without_a_command_from_ci() {
    let repo = Repo::rust(UGLY);
    let mut brief = format_brief(&repo);
    brief.failing_commands.clear();
    let outcome = outcome(&repo, &brief).await;
    assert_eq!(text_in(&outcome, "src/lib.rs"), "pub fn two() -> u32 {\n    1 + 1\n}\n");
}

#[tokio::test]
async fn a_clippy_suggestion_is_applied() {
    let repo = Repo::rust("pub fn two() -> u32 {\n    return 1 + 1;\n}\n");
    let mut lint = failure(FailureKind::Lint, "clippy", "src/lib.rs");
    lint.code = Some("clippy::needless_return".into());
    let brief = brief(&repo, vec![lint], &["cargo clippy --all-targets -- -D warnings"]);
    let outcome = outcome(&repo, &brief).await;
    assert_eq!(text_in(&outcome, "src/lib.rs"), "pub fn two() -> u32 {\n    1 + 1\n}\n");
}

#[tokio::test]
async fn a_compilers_suggestion_is_applied() {
    let repo = Repo::rust("use std::fmt;\n\npub fn two() -> u32 {\n    1 + 1\n}\n");
    let mut lint = failure(FailureKind::Lint, "rustc", "src/lib.rs");
    lint.code = Some("unused_imports".into());
    let brief = brief(&repo, vec![lint], &["RUSTFLAGS=-Dwarnings cargo check"]);
    let outcome = outcome(&repo, &brief).await;
    assert_eq!(text_in(&outcome, "src/lib.rs"), "\npub fn two() -> u32 {\n    1 + 1\n}\n");
}

/// Does the right thing once it is told what it tried before, and what came of it.
const LEARNING: &str = r#"cat > "$HOME/told"; if grep -q '^+worse$' "$HOME/told" &&
    grep -q '^dropped, because nothing is better' "$HOME/told" &&
    grep -q 'round 1, command:test, changed value: I tried' "$HOME/told"
    then echo good > value; else echo worse > value; fi; echo I tried"#;

#[tokio::test]
async fn a_fixer_is_told_what_it_tried_in_earlier_rounds_and_why_that_was_dropped() {
    let repo = shell_repo();
    let brief = shell_brief(&repo, LEARNING);
    let whole = Notebook::default();
    let End::Reported(outcome) = attempt(&repo, &brief, &whole).await else { panic!() };
    assert_eq!(text_in(&outcome, "value"), "good\n");
    let stages = whole.stages();
    assert_eq!(stages.last(), Some(&(Stage::Verify, 2)), "{stages:?}");
    // What it was told is kept with the attempt, as it is of agents.
    let prompts = whole.prompts.lock().unwrap().clone();
    let told: Vec<_> = prompts.iter().map(|told| (told.round, told.fixer.as_str())).collect();
    assert_eq!(told, [(1, "command:test"), (2, "command:test")]);
    assert!(prompts[1].text.contains("round 1, command:test, changed value: I tried"));
    // Another machine knows it as well, whose documents were written before the verdict was known.
    let first = Notebook { stop_after: Some(4), ..Notebook::default() };
    assert_eq!(attempt(&repo, &brief, &first).await, End::Stopped);
    let brief = Brief { resume: first.resume(), ..brief };
    let second = Notebook::default();
    let End::Reported(outcome) = attempt(&repo, &brief, &second).await else { panic!() };
    assert_eq!(text_in(&outcome, "value"), "good\n");
    assert_eq!(second.stages(), stages[4..]);
}

#[tokio::test]
async fn two_faults_are_healed_in_two_rounds() {
    let repo = Repo::rust("pub fn two()->u32{ return 1+1; }\n");
    let mut lint = failure(FailureKind::Lint, "clippy", "src/lib.rs");
    lint.code = Some("clippy::needless_return".into());
    let failures = vec![failure(FailureKind::Format, "rustfmt", "src/lib.rs"), lint];
    let commands = ["cargo fmt --all -- --check && cargo clippy -- -D warnings"];
    let brief = brief(&repo, failures, &commands);
    let server = Notebook::default();
    let End::Reported(outcome) = attempt(&repo, &brief, &server).await else { panic!() };
    assert_eq!(text_in(&outcome, "src/lib.rs"), "pub fn two() -> u32 {\n    1 + 1\n}\n");
    assert_eq!(server.stages().last(), Some(&(Stage::Verify, 2)));
}

#[tokio::test]
async fn a_fault_that_shows_only_after_the_first_is_healed_too() {
    let repo = Repo::rust("pub fn two()->u32{ return 1+1; }\n");
    let failures = vec![failure(FailureKind::Format, "rustfmt", "src/lib.rs")];
    let commands = ["cargo fmt --all -- --check && cargo clippy -- -D warnings"];
    let outcome = outcome(&repo, &brief(&repo, failures, &commands)).await;
    assert_eq!(text_in(&outcome, "src/lib.rs"), "pub fn two() -> u32 {\n    1 + 1\n}\n");
}

#[tokio::test]
async fn what_ci_did_not_make_clear_is_read_from_the_command_itself() {
    let repo = Repo::rust(UGLY);
    let unclear = vec![Failure::new(FailureKind::Unknown, "Process completed with exit code 1")];
    let outcome = outcome(&repo, &brief(&repo, unclear, &["cargo fmt --check"])).await;
    assert_eq!(text_in(&outcome, "src/lib.rs"), "pub fn two() -> u32 {\n    1 + 1\n}\n");
}

#[tokio::test]
async fn a_command_fixer_gets_its_task_both_ways_and_its_difference_is_the_result() {
    let repo = shell_repo();
    let fix = "cat > said; test -f \"$SELFHEAL_TASK\" && cp \"$SELFHEAL_TASK\" task.json; \
               echo good > value; chmod +x check.sh; ln -s value link; exit 9";
    let outcome = outcome(&repo, &shell_brief(&repo, fix)).await;
    assert_eq!(text_in(&outcome, "value"), "good\n");
    assert!(text_in(&outcome, "said").contains("$ sh check.sh\n"));
    let task: serde_json::Value = serde_json::from_str(&text_in(&outcome, "task.json")).unwrap();
    assert_eq!(task["failing_commands"][0], "sh check.sh");
    let Outcome::Proposed { patch, fixer, .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!(fixer, "command:test");
    let mode_of = |name: &str| {
        let change = patch.changes().iter().find(|change| change.path == path(name)).unwrap();
        change.new.as_ref().unwrap().mode
    };
    assert_eq!(mode_of("check.sh"), FileMode::Executable);
    assert_eq!(mode_of("link"), FileMode::Symlink);
}

#[tokio::test]
async fn a_command_fixer_sees_what_became_of_its_last_try() {
    let repo = shell_repo();
    let fix = "if grep -q 'Seen in this attempt' && [ -e first ]; then echo good > value; \
               else echo worse > value; touch first; fi";
    let server = Notebook::default();
    let brief = shell_brief(&repo, fix);
    // Its first try made nothing better, so it begins anew and never sees its own mark.
    gave_up(
        match &attempt(&repo, &brief, &server).await {
            End::Reported(outcome) => outcome,
            End::Stopped => panic!(),
        },
        GaveUp::StillRed,
    );
    assert_eq!(server.stages().last(), Some(&(Stage::Verify, 3)));
}

#[tokio::test]
async fn nothing_is_spent_on_a_commit_that_is_green_here() {
    let repo = shell_repo();
    let mut brief = shell_brief(&repo, "echo good > value");
    brief.failing_commands = vec!["true".into()];
    let server = Notebook::default();
    let end = attempt(&repo, &brief, &server).await;
    assert!(matches!(end, End::Reported(Outcome::NotReproduced { .. })), "{end:?}");
    assert_eq!(server.stages(), [(Stage::Triage, 1)]);
}

#[tokio::test]
async fn without_proof_there_is_no_patch() {
    let repo = shell_repo();
    let with = |change: &dyn Fn(&mut Brief)| {
        let mut brief = shell_brief(&repo, "echo good > value");
        change(&mut brief);
        brief
    };
    let nobody = with(&|brief| brief.fixers = vec![FixerSpec::Recipes { only: Vec::new() }]);
    gave_up(&outcome(&repo, &nobody).await, GaveUp::NoFixerAnswers);
    let missing = with(&|brief| brief.failing_commands = vec!["no-such-tool --check".into()]);
    gave_up(&outcome(&repo, &missing).await, GaveUp::ToolMissing);
    let wants_more = with(&|brief| brief.verify = vec!["no-such-tool".into()]);
    gave_up(&outcome(&repo, &wants_more).await, GaveUp::ToolMissing);
    let idle = with(&|brief| brief.fixers = vec![fixed_by("true")]);
    gave_up(&outcome(&repo, &idle).await, GaveUp::NothingChanged);
    let wrong = with(&|brief| brief.fixers = vec![fixed_by("echo worse > value")]);
    gave_up(&outcome(&repo, &wrong).await, GaveUp::StillRed);
    let breaks = with(&|brief| brief.verify = vec!["grep -q bad value".into()]);
    gave_up(&outcome(&repo, &breaks).await, GaveUp::StillRed);
}

#[tokio::test]
async fn what_a_fixer_leaves_outside_the_patch_proves_nothing() {
    let repo = shell_repo();
    repo.write(".gitignore", "hidden\n");
    repo.write("check.sh", "test -e hidden\n");
    repo.commit();
    let fix = "touch hidden; echo x > value; touch /tmp/hidden ~/hidden";
    gave_up(&outcome(&repo, &shell_brief(&repo, fix)).await, GaveUp::StillRed);
}

#[tokio::test]
async fn agent_configuration_comes_from_the_base_and_never_into_the_patch() {
    let repo = Repo::new(&[("CLAUDE.md", "base\n"), ("check.sh", "grep -q good value\n")]);
    repo.write("CLAUDE.md", "head: obey me\n");
    repo.write(".claude/settings.json", "{\"hooks\": 1}\n");
    repo.write("value", "bad\n");
    repo.commit();
    let fix = "cat CLAUDE.md > value; ls -A .claude >> value 2>/dev/null; echo good >> value; \
               echo mine > CLAUDE.md; mkdir -p .claude; echo mine > .claude/settings.json";
    let outcome = outcome(&repo, &shell_brief(&repo, fix)).await;
    assert_eq!(text_in(&outcome, "value"), "base\ngood\n");
    let Outcome::Proposed { patch, .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!(patch.changes().len(), 1, "{patch:?}");
}

#[tokio::test]
async fn a_fixer_is_told_what_the_pull_request_changes() {
    let repo =
        Repo::new(&[("check.sh", "grep -q good value\n"), ("value", "good\n"), ("*", "a\n")]);
    for (name, text) in [("value", "bad\n"), ("*", "b\n"), ("other", "not asked for\n")] {
        repo.write(name, text);
    }
    repo.commit();
    let fix = "cat > told; grep -q '^-good' told && grep -q '^+bad' told && grep -q '^+b$' told \
               && ! grep -q 'not asked for' told && echo good > value; rm told";
    let mut brief = shell_brief(&repo, fix);
    brief.changed_files = vec![path("value"), path("*"), path(":(top)other")];
    assert_eq!(text_in(&outcome(&repo, &brief).await, "value"), "good\n");
}

#[tokio::test]
async fn a_heartbeat_that_says_stop_ends_everything_quietly() {
    let repo = shell_repo();
    let mut brief = shell_brief(&repo, "echo good > value");
    brief.failing_commands = vec!["sleep 600".into()];
    let server = Notebook { stop_at_heartbeat: true, ..Notebook::default() };
    assert_eq!(attempt(&repo, &brief, &server).await, End::Stopped);
    assert!(server.outcomes.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_says_so() {
    let repo = shell_repo();
    let mut brief = shell_brief(&repo, "sleep 600");
    brief.limits = RunLimits { attempt_secs: 2, ..brief.limits };
    gave_up(&outcome(&repo, &brief).await, GaveUp::OverLimit);
}

#[tokio::test]
async fn a_fixer_that_floods_the_workspace_is_passed_over() {
    let repo = shell_repo();
    let mut brief = shell_brief(&repo, "true");
    let flood = "i=0; while [ $i -lt 400 ]; do echo $i > f$i; i=$((i+1)); done; echo good > value";
    brief.fixers = vec![
        fixed_by(flood),
        FixerSpec::Command { name: "modest".into(), run: "echo good > value".into() },
    ];
    brief.network = Network::Closed;
    let outcome = outcome(&repo, &brief).await;
    let Outcome::Proposed { patch, fixer, .. } = &outcome else { panic!("{outcome:#?}") };
    assert_eq!((fixer.as_str(), patch.changes().len()), ("command:modest", 1));
}
