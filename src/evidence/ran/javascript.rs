//! Jest, Vitest, Mocha, Playwright and Node's own runner.
//!
//! Jest and Vitest name test files always and tests only sometimes, so files are a suite of their
//! own: a file that is no longer run is seen by its name.

use super::{Fate, TestsRan, listed, number_of, sum};

const JEST: &str = "jest";
const JEST_FILES: &str = "jest (files)";
const VITEST: &str = "vitest";
const VITEST_FILES: &str = "vitest (files)";
const MOCHA: &str = "mocha";
const PLAYWRIGHT: &str = "playwright";
const NODE: &str = "node --test";

/// Endings of test files.
const ENDINGS: [&str; 8] = [".js", ".ts", ".jsx", ".tsx", ".mjs", ".cjs", ".mts", ".cts"];

/// Tests that were named and whose runner has not said yet which it is.
#[derive(Debug, Default)]
pub(super) struct Reader {
    named: Vec<(String, Fate)>,
}

/// More names than this wait for no runner's sum.
const WAITING_MAX: usize = 100_000;

impl Reader {
    pub(super) fn line(&mut self, line: &str, ran: &mut TestsRan) {
        let text = line.trim();
        if let Some(rest) = text.strip_prefix("Tests:") {
            self.jest_tests(rest, ran);
        } else if let Some(rest) = text.strip_prefix("Test Suites:") {
            jest_sum(JEST_FILES, rest, ran);
        } else if let Some(path) = ["PASS ", "FAIL "].iter().find_map(|it| text.strip_prefix(it)) {
            let path = path.rsplit_once(" (").map_or(path, |(path, _)| path);
            if is_test_file(path) {
                ran.name_once(JEST_FILES, path, Fate::Ran);
            }
        } else if let Some(rest) = text.strip_prefix("Test Files ") {
            vitest_sum(VITEST_FILES, rest, ran);
        } else if let Some(rest) = text.strip_prefix("Tests ") {
            vitest_sum(VITEST, rest, ran);
        } else {
            self.marked(text, ran);
            short_sum(text, ran);
        }
    }

    /// A line with a mark: a test of Jest, a file of Vitest.
    fn marked(&mut self, text: &str, ran: &mut TestsRan) {
        let Some(mark) = text.chars().next() else { return };
        let rest = text[mark.len_utf8()..].trim();
        if rest.is_empty() || mark.is_ascii_alphanumeric() {
            return;
        }
        let in_file = rest.split_once(" (").filter(|(path, _)| is_test_file(path));
        if let Some((path, numbers)) = in_file {
            if matches!(mark, '✓' | '✔' | '❯' | '×' | '✗' | '↓') && numbers.contains("test")
            {
                let fate = if mark == '↓' { Fate::Skipped } else { Fate::Ran };
                ran.name_once(VITEST_FILES, path, fate);
            }
            return;
        }
        let fate = match mark {
            '✓' | '✔' | '✕' => Fate::Ran,
            '○' | '✎' => Fate::Skipped,
            _ => return,
        };
        let rest =
            ["skipped ", "todo "].iter().find_map(|it| rest.strip_prefix(it)).unwrap_or(rest);
        if self.named.len() < WAITING_MAX {
            self.named.push((untimed(rest).to_owned(), fate));
        }
    }

    /// `1 failed, 1 skipped, 2 passed, 4 total`, after the tests that Jest named.
    fn jest_tests(&mut self, rest: &str, ran: &mut TestsRan) {
        if jest_sum(JEST, rest, ran) {
            for (name, fate) in self.named.drain(..) {
                ran.name(JEST, &name, fate);
            }
        }
    }
}

fn is_test_file(path: &str) -> bool {
    !path.contains("::") && ENDINGS.iter().any(|ending| path.ends_with(ending))
}

/// A name without the time behind it: `(3 ms)`.
fn untimed(name: &str) -> &str {
    let is_time = |text: &str| {
        text.ends_with("s)") && text.starts_with(|c: char| c.is_ascii_digit() || c == '<')
    };
    match name.rsplit_once(" (") {
        Some((name, time)) if is_time(time) => name,
        Some(_) | None => name,
    }
}

/// Whether it was a sum of Jest's.
fn jest_sum(tool: &'static str, rest: &str, ran: &mut TestsRan) -> bool {
    // `2 of 3 total` when some files were not run.
    let (list, total) = rest.rsplit_once(',').unwrap_or(("", rest));
    if !total.trim_end().ends_with(" total") {
        return false;
    }
    let list = listed(list, ",").unwrap_or_default();
    ran.count(tool, sum(&list, &["passed", "failed"]), sum(&list, &["skipped", "todo"]));
    true
}

/// `1 failed | 2 passed | 1 skipped (4)`
fn vitest_sum(tool: &'static str, rest: &str, ran: &mut TestsRan) {
    let Some((list, total)) = rest.trim().rsplit_once(" (") else { return };
    let is_total = total.trim_end_matches(')').bytes().all(|byte| byte.is_ascii_digit());
    let Some(list) = listed(list, "|").filter(|list| is_total && !list.is_empty()) else { return };
    ran.count(tool, sum(&list, &["passed", "failed"]), sum(&list, &["skipped", "todo"]));
}

/// Sums of one number a line: Mocha's, Playwright's and Node's.
fn short_sum(text: &str, ran: &mut TestsRan) {
    let bare = text.rsplit_once(" (").map_or(text, |(bare, _)| bare);
    if let Some(number) = number_of(bare, &["passing", "failing"]) {
        return ran.count(MOCHA, number, 0);
    }
    if let Some(number) = number_of(text, &["pending"]) {
        return ran.count(MOCHA, 0, number);
    }
    // Playwright says how long it took behind those that passed; others say `passed` alone.
    if bare != text && number_of(bare, &["passed"]).is_some() && text.ends_with("s)") {
        return ran.count(PLAYWRIGHT, number_of(bare, &["passed"]).unwrap_or(0), 0);
    }
    let Some(rest) = text.strip_prefix("# ").or_else(|| text.strip_prefix("ℹ ")) else { return };
    let Some((what, number)) = rest.split_once(' ') else { return };
    let Ok(number) = number.trim().parse() else { return };
    match what {
        "pass" | "fail" | "cancelled" => ran.count(NODE, number, 0),
        "skipped" | "todo" => ran.count(NODE, 0, number),
        _ => {}
    }
}
