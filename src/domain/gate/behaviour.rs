//! What ran: the rules about tests and coverage that a proof tells of.
//!
//! Their names, weights and explanations stand in the table of [`super::content`]. The runner that
//! tells is not trusted: nothing that it says here opens the gate, and what it leaves out is missing
//! from these rules alone. Its texts are shortened before anybody reads them.

use super::content::{COVERAGE, FEWER, SKIPPED, VANISHED, rule_of};
use super::{Finding, Weight};
use crate::domain::outcome::Proof;
use crate::domain::patch::FILES_MAX;
use crate::domain::proof::{CoverageChange, TEST_CHANGES_MAX, TestChange, Tests};

/// How many names of tests a message repeats.
const NAMES_SHOWN_MAX: usize = 5;

/// The most characters of one text of the runner's that a message repeats.
const SHOWN_CHARS_MAX: usize = 80;

/// What is found in what the proof says of tests and coverage.
pub(super) fn of_proof(proof: &Proof) -> Vec<Finding> {
    let tests = proof.tests.iter().take(TEST_CHANGES_MAX).flat_map(about_tests);
    let coverage = proof.coverage.iter().take(FILES_MAX).filter_map(about_coverage);
    tests.chain(coverage).collect()
}

fn finding(rule: &'static str, message: String) -> Finding {
    let weight = rule_of(rule).map_or(Weight::Hold, |rule| rule.weight);
    Finding::new(rule, weight, message)
}

fn about_tests(change: &TestChange) -> Vec<Finding> {
    let tool = shown(&change.tool);
    let mut findings = Vec::new();
    if let Some(tests) = told(&change.vanished) {
        let message = format!("{tests} ran without the patch and not with it ({tool})");
        findings.push(finding(VANISHED, message));
    }
    if let Some(tests) = told(&change.skipped) {
        let message = format!("{tests} ran without the patch and no longer does with it ({tool})");
        findings.push(finding(SKIPPED, message));
    }
    let (before, after) = (&change.before, &change.after);
    if findings.is_empty() && after.ran < before.ran {
        let (ran, runs) = (before.ran, after.ran);
        if after.skipped > before.skipped {
            let (some, more) = (before.skipped, after.skipped);
            let message = format!(
                "{ran} tests ran without the patch and {runs} with it; {some} were skipped, now \
                 {more} are ({tool})"
            );
            findings.push(finding(SKIPPED, message));
        } else {
            let message = format!("{ran} tests ran without the patch and {runs} with it ({tool})");
            findings.push(finding(FEWER, message));
        }
    }
    findings
}

/// Tests in words; none when there are none.
fn told(tests: &Tests) -> Option<String> {
    let count = usize::try_from(tests.count).unwrap_or(usize::MAX).max(tests.names.len());
    let names: Vec<String> =
        tests.names.iter().take(NAMES_SHOWN_MAX).map(|name| format!("`{}`", shown(name))).collect();
    let more = count - names.len();
    match (count, names.is_empty(), more) {
        (0, ..) => None,
        (count, true, _) => Some(format!("{count} tests")),
        (_, false, 0) => Some(names.join(", ")),
        (_, false, more) => Some(format!("{} and {more} more", names.join(", "))),
    }
}

fn about_coverage(change: &CoverageChange) -> Option<Finding> {
    let CoverageChange { file, before, after } = change;
    let of = |hit: u32, lines: u32| format!("{hit} of {lines} lines");
    let was = of(before.hit, before.lines);
    let message = match after {
        None => format!("tests covered {was} of `{file}`; with the patch it is not measured"),
        Some(after) if after.is_less_than(*before) => {
            let is = of(after.hit, after.lines);
            format!("tests covered {was} of `{file}`, and {is} with the patch")
        }
        Some(_) => return None,
    };
    Some(finding(COVERAGE, message).at(file))
}

/// A text of the runner's on one line, bounded, unable to end its code span.
fn shown(text: &str) -> String {
    let plain = |c: char| match c {
        '`' => '\'',
        c if c.is_control() => ' ',
        c => c,
    };
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).map(plain).collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{RepoPath, Sha};
    use crate::domain::proof::{Covered, TestCount};

    fn proof(tests: Vec<TestChange>, coverage: Vec<CoverageChange>) -> Proof {
        Proof {
            head: Sha::parse(&"a".repeat(40)).unwrap(),
            patch_digest: String::new(),
            before: Vec::new(),
            after: Vec::new(),
            set_aside: Vec::new(),
            tests,
            coverage,
        }
    }

    fn change(before: (u32, u32), after: (u32, u32)) -> TestChange {
        let count = |(ran, skipped)| TestCount { ran, skipped, digest: None };
        TestChange {
            command: "cargo test".into(),
            tool: "cargo test".into(),
            before: count(before),
            after: count(after),
            vanished: Tests::default(),
            skipped: Tests::default(),
        }
    }

    fn some(names: &[&str]) -> Tests {
        let count = u32::try_from(names.len()).unwrap();
        Tests { count, names: names.iter().map(|name| (*name).to_owned()).collect() }
    }

    /// The findings, each as `weight rule`.
    #[track_caller]
    fn check(proof: &Proof, expected: &str) {
        let found = of_proof(proof);
        let told: Vec<String> =
            found.iter().map(|f| format!("{} {}", f.weight.as_str(), f.rule)).collect();
        assert_eq!(told.join("; "), expected, "{found:?}");
    }

    fn check_tests(change: TestChange, expected: &str) {
        check(&proof(vec![change], Vec::new()), expected);
    }

    #[test]
    fn a_test_that_vanished_or_is_skipped_is_refused() {
        let vanished = TestChange { vanished: some(&["a", "b"]), ..change((3, 0), (1, 0)) };
        check_tests(vanished, "refuse proof-test-vanished");
        let skipped = TestChange { skipped: some(&["a"]), ..change((3, 0), (2, 1)) };
        check_tests(skipped, "refuse proof-test-skipped");
        // A number without names, and names without a number, count as well.
        let nameless = Tests { count: 4, names: Vec::new() };
        let nameless = TestChange { vanished: nameless, ..change((4, 0), (4, 0)) };
        check_tests(nameless, "refuse proof-test-vanished");
        let uncounted = Tests { count: 0, names: vec!["a".into()] };
        check_tests(TestChange { skipped: uncounted, ..change((1, 0), (1, 0)) }, {
            "refuse proof-test-skipped"
        });
    }

    #[test]
    fn numbers_alone_are_held_or_refused_when_more_is_skipped() {
        check_tests(change((5, 0), (4, 0)), "hold proof-tests-fewer");
        check_tests(change((5, 0), (4, 1)), "refuse proof-test-skipped");
        check_tests(change((5, 2), (5, 1)), "");
        check_tests(change((0, 0), (5, 9)), "");
        check_tests(change((5, 0), (6, 1)), "");
    }

    #[test]
    fn coverage_that_falls_is_held() {
        let of = |after: Option<(u32, u32)>| {
            let covered = |(hit, lines)| Covered { lines, hit };
            let file = RepoPath::parse("src/a.rs").unwrap();
            let (before, after) = (covered((4, 5)), after.map(covered));
            proof(Vec::new(), vec![CoverageChange { file, before, after }])
        };
        check(&of(Some((4, 5))), "");
        check(&of(Some((6, 7))), "");
        check(&of(Some((4, 7))), "hold proof-coverage-fell");
        check(&of(None), "hold proof-coverage-fell");
        assert_eq!(
            of_proof(&of(Some((4, 7))))[0].message,
            "tests covered 4 of 5 lines of `src/a.rs`, and 4 of 7 lines with the patch"
        );
    }

    #[test]
    fn what_a_runner_says_is_shortened_and_cannot_pretend() {
        let name = format!("a`\n{}", "x".repeat(500));
        let names = vec![name; 300];
        let change =
            TestChange { vanished: Tests { count: 300, names }, ..change((300, 0), (0, 0)) };
        let found = of_proof(&proof(vec![change; 400], Vec::new()));
        assert_eq!(found.len(), TEST_CHANGES_MAX);
        assert!(found[0].message.len() < 1000, "{}", found[0].message);
        assert!(!found[0].message.contains('\n'));
        assert!(found[0].message.contains("and 295 more"), "{}", found[0].message);
    }
}
