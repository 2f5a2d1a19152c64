//! `selfheal replay` on cases whose end is known, and on a score that has to be refused.

use std::fs;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// A folder of cases.
struct Cases(TempDir);

/// What the program said, and how it ended.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// What every case has; a repository whose check is green once `value` says `good`.
const COMMON: &str = "ecosystem: shell\nsource: made for this test\nlicence: MIT\n\
    command: sh check.sh\nfiles:\n  check.sh: |\n    grep -q good value\n  value: |\n    bad\n";

impl Cases {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A case of that name: what has to come of it, and the rest of its file.
    fn case(&self, name: &str, expect: &str, more: &str) -> &Self {
        let dir = self.0.path().join(name);
        fs::create_dir(&dir).unwrap();
        let text = format!("title: a test\nexpect: {expect}\n{COMMON}{more}");
        fs::write(dir.join("case.yml"), text).unwrap();
        self
    }

    fn replayed(&self, args: &[&str]) -> Said {
        let mut program = Command::new(env!("CARGO_BIN_EXE_selfheal"));
        program.arg("replay").arg(self.0.path()).args(args);
        let output = program.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    #[track_caller]
    fn ends(&self, code: i32, got: &[&str]) -> Value {
        let said = self.replayed(&["--format", "json"]);
        assert_eq!(said.code, Some(code), "{}\n{}", said.out, said.err);
        let score: Value = serde_json::from_str(&said.out).unwrap();
        let cases = score["cases"].as_array().unwrap();
        let ends: Vec<&str> = cases.iter().map(|case| case["got"].as_str().unwrap()).collect();
        assert_eq!(ends, got, "{}", said.out);
        score
    }
}

const HEALS: &str = "fixer: echo good > value\n";

#[test]
fn cases_that_come_to_their_ends_are_good_enough() {
    let cases = Cases::new();
    cases
        .case("a-healed", "healed_by_fixer", &format!("{HEALS}truth: grep -q good value\n"))
        .case("b-cheat", "refused", "fixer: 'echo \"grep good value || true\" > check.sh'\n")
        .case("c-idle", "not_healed", "")
        .case(
            "d-flaky",
            "flaky",
            &format!("{HEALS}log: the check failed\n").replace("good", "bad"),
        );
    // Of the last one the log says red, and the command is green at the very commit.
    let flaky = cases.0.path().join("d-flaky/case.yml");
    let text = fs::read_to_string(&flaky).unwrap().replace("grep -q good value", "true");
    fs::write(&flaky, text).unwrap();
    let score = cases.ends(0, &["healed_by_fixer", "refused", "not_healed", "flaky"]);
    assert_eq!((&score["good"], &score["as_expected"]), (&true.into(), &4.into()));
}

#[test]
fn what_is_healed_and_should_not_be_fails_the_release() {
    let cases = Cases::new();
    cases.case("a", "needs_person", HEALS);
    let score = cases.ends(1, &["healed_by_fixer"]);
    assert_eq!(score["wrongly_healed"], 1);
}

#[test]
fn a_repair_that_is_proven_and_not_true_is_a_false_fix() {
    let cases = Cases::new();
    cases.case("a", "healed_by_fixer", &format!("{HEALS}truth: grep -q better value\n"));
    let score = cases.ends(1, &["falsely_healed"]);
    assert_eq!(score["false_fixes"], 1);
}

#[test]
fn a_case_whose_tool_is_missing_is_no_case_that_passed() {
    let cases = Cases::new();
    cases.case("a", "healed_by_fixer", &format!("{HEALS}needs: [no-such-tool]\n"));
    let score = cases.ends(1, &["not run, no-such-tool is missing"]);
    assert_eq!((&score["not_run"], &score["as_expected"]), (&1.into(), &0.into()));
    let said = cases.replayed(&[]);
    assert!(said.out.contains("not good enough for a release"), "{}", said.out);
}

#[test]
fn infrastructure_is_never_repaired_whoever_offers() {
    let cases = Cases::new();
    let lost = "log: 'The runner has received a shutdown signal. This can happen when the runner \
                service is stopped.'\n";
    cases.case("a-green-again", "infrastructure", &format!("{HEALS}{lost}rerun: green\n")).case(
        "b-red-again",
        "infrastructure",
        &format!("{HEALS}{lost}rerun: red\n"),
    );
    cases.ends(0, &["infrastructure", "infrastructure"]);
}

#[test]
fn a_case_that_says_something_unknown_is_not_played() {
    let cases = Cases::new();
    cases.case("a", "healed_by_fixer", "expects: nothing\n");
    let said = cases.replayed(&[]);
    assert_eq!(said.code, Some(3));
    assert!(said.err.contains("expects"), "{}", said.err);
    let said = Cases::new().replayed(&[]);
    assert!(said.code == Some(3) && said.err.contains("no cases"), "{}", said.err);
}
