//! pytest and unittest.

use super::{Fate, TestsRan, listed, number_of, sum};

const PYTEST: &str = "pytest";
const UNITTEST: &str = "unittest";

/// What pytest calls the ends of tests, and what they mean.
const FATES: [(&str, Fate); 7] = [
    ("PASSED", Fate::Ran),
    ("FAILED", Fate::Ran),
    ("XPASS", Fate::Ran),
    ("ERROR", Fate::Ran),
    ("SKIPPED", Fate::Skipped),
    // A test that may fail asks for nothing.
    ("XFAIL", Fate::Skipped),
    ("RERUN", Fate::Skipped),
];

/// How many tests unittest ran, until it says how.
#[derive(Debug, Default)]
pub(super) struct Reader {
    unittest_ran: Option<u32>,
}

impl Reader {
    pub(super) fn line(&mut self, line: &str, ran: &mut TestsRan) {
        if line.contains("::") {
            named(line, ran);
        } else if line.contains(" in ") {
            summary(line, ran);
        }
        self.unittest(line, ran);
    }

    /// `test_adds (tests.test_cart.CartTest.test_adds) ... ok`, `Ran 3 tests in 0.001s`, `OK (skipped=1)`
    fn unittest(&mut self, line: &str, ran: &mut TestsRan) {
        if let Some((name, verdict)) = line.split_once(" ... ") {
            let fate = match verdict.trim() {
                "ok" | "FAIL" | "ERROR" | "unexpected success" => Fate::Ran,
                "expected failure" => Fate::Skipped,
                verdict if verdict.starts_with("skipped") => Fate::Skipped,
                _ => return,
            };
            let place = name.strip_suffix(')').and_then(|name| name.split_once(" ("));
            if place.is_some_and(|(test, class)| !test.contains(' ') && !class.contains(' ')) {
                ran.name(UNITTEST, name, fate);
            }
        } else if let Some(rest) = line.strip_prefix("Ran ") {
            let count = rest.split_once(" in ").map(|(count, _)| count);
            self.unittest_ran = count.and_then(|count| number_of(count, &["tests", "test"]));
        } else if let Some(all) = self.unittest_ran
            && (line.starts_with("OK") || line.starts_with("FAILED"))
        {
            self.unittest_ran = None;
            let skipped = told(line, "skipped=").saturating_add(told(line, "expected failures="));
            ran.count(UNITTEST, all.saturating_sub(skipped), skipped);
        }
    }
}

/// The number after a key, as in `skipped=1`.
fn told(line: &str, key: &str) -> u32 {
    let after = line.match_indices(key).find(|(at, _)| {
        let before = line[..*at].chars().next_back();
        matches!(before, Some('(' | ' '))
    });
    let Some((at, _)) = after else { return 0 };
    let rest = &line[at + key.len()..];
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().unwrap_or(0)
}

/// `tests/test_cart.py::test_adds PASSED [ 50%]`, and `[gw0] [ 50%] PASSED tests/…` of xdist.
fn named(line: &str, ran: &mut TestsRan) {
    if let Some(rest) = line.strip_prefix("[gw") {
        let Some((_, rest)) = rest.split_once("%] ") else { return };
        let Some((word, name)) = rest.split_once(' ') else { return };
        if let Some((_, fate)) = FATES.iter().find(|(known, _)| *known == word) {
            ran.name_once(PYTEST, name, *fate);
        }
        return;
    }
    let ends = |word: &str, at: usize| {
        let rest = line[at + word.len() + 1..].trim();
        rest.is_empty() || rest.starts_with(['[', '('])
    };
    let found = FATES.iter().find_map(|(word, fate)| {
        let marked = [" ", word].concat();
        let at = line.rfind(&marked).filter(|at| ends(word, *at))?;
        Some((at, *fate))
    });
    let Some((at, fate)) = found else { return };
    let name = &line[..at];
    // A summary's line begins with its word; a test's with its file.
    if name.split("::").next().is_some_and(|file| !file.contains(' ') && file.contains('.')) {
        ran.name_once(PYTEST, name, fate);
    }
}

/// `=== 1 failed, 2 passed, 1 skipped in 0.12s ===`, or the same without the frame.
fn summary(line: &str, ran: &mut TestsRan) {
    let text = line.trim_matches(|c: char| c == '=' || c == ' ');
    let Some((numbers, time)) = text.rsplit_once(" in ") else { return };
    if !time.starts_with(|c: char| c.is_ascii_digit()) || !time.contains('s') {
        return;
    }
    if numbers == "no tests ran" {
        return ran.count(PYTEST, 0, 0);
    }
    let Some(list) = listed(numbers, ",") else { return };
    let known = [
        "passed",
        "failed",
        "skipped",
        "deselected",
        "xfailed",
        "xpassed",
        "warning",
        "warnings",
        "error",
        "errors",
        "rerun",
        "subtests passed",
    ];
    if list.is_empty() || list.iter().any(|(_, word)| !known.contains(word)) {
        return;
    }
    let all_ran = sum(&list, &["passed", "failed", "xpassed"]);
    ran.count(PYTEST, all_ran, sum(&list, &["skipped", "xfailed"]));
}
