//! JavaScript's test runners: Jest, Vitest, Mocha, Playwright, Bun, node:test.

use super::extent::{deeper, is_in_frame, while_below};
use super::{
    At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, Weight, frame_in, is_own, place_in,
};

pub(super) static JEST: Tool = Tool {
    name: "jest",
    about: "Jest: failed tests and suites that would not run.",
    example: "\
         FAIL src/cart.test.js\n  ● cart › adds\n\n    expect(received).toBe(expected)\n\n\
         \x20     at Object.<anonymous> (src/cart.test.js:5:19)",
    rules: &[Rule::new(K::TestFailure, &["\u{25cf} "], r"^\s{0,4}● (?P<test>\S.*)$").reading(jest)],
};

/// How far below its title a test's first own stack frame may stand.
const BLOCK_LINES_MAX: usize = 120;

fn jest(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let title = draft.failure.test.clone().unwrap_or_default();
    if title.starts_with("Console")
        || title.starts_with("Cannot log after")
        || title.contains("Deprecation")
    {
        return;
    }
    let suite =
        at.lines_above(400).find_map(|(_, line)| line.trim().strip_prefix("FAIL ").map(str::trim));
    let whole_suite = title == "Test suite failed to run";
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(BLOCK_LINES_MAX) {
        let told = line.trim();
        if told.starts_with('●') || told.starts_with("FAIL ") || told.starts_with("Test Suites:")
        {
            break;
        }
        if draft.failure.message.is_empty() && !told.is_empty() {
            told.clone_into(&mut draft.failure.message);
            draft.last = draft.first + distance;
        } else if told.starts_with("Expected") || told.starts_with("Received") {
            draft.say(told);
        }
        if let Some((path, line, column)) = frame_in(told).filter(|(path, ..)| is_own(path)) {
            draft.place(path, line, column);
            draft.last = draft.first + distance;
            break;
        }
    }
    if draft.failure.message.is_empty() {
        return;
    }
    if draft.path.is_none() || whole_suite {
        deeper(at, &mut draft);
    }
    if whole_suite {
        draft.failure.test = suite.map(first_word);
        suite_error(&mut draft, suite);
    } else if draft.path.is_none() {
        draft.path = suite.map(first_word);
    }
    found.push(draft);
}

fn first_word(text: &str) -> String {
    text.split(' ').next().unwrap_or(text).to_owned()
}

/// A suite that could not be loaded fails by its compiler's message.
fn suite_error(draft: &mut Draft, suite: Option<&str>) {
    let message = draft.failure.message.clone();
    if let Some((place, error)) = message.split_once(" - error ")
        && let Some((path, line, column)) = place_in(place)
    {
        draft.failure.kind = K::TypeError;
        draft.place(path, line, column);
        if let Some((code, message)) = error.split_once(": ") {
            draft.failure.code = Some(code.to_owned());
            message.clone_into(&mut draft.failure.message);
        }
    } else if draft.path.is_none() {
        draft.path = suite.map(first_word);
    }
}

pub(super) static VITEST: Tool = Tool {
    name: "vitest",
    about: "Vitest: failed tests and suites.",
    example: "\
         \x20FAIL  src/cart.test.ts > cart > adds\n\
         AssertionError: expected 4 to be 5 // Object.is equality\n ❯ src/cart.test.ts:5:19",
    rules: &[
        Rule::new(
            K::TestFailure,
            &["FAIL  "],
            concat!(
                r"^\s*FAIL  (?:\|[^|]+\| )?(?P<file>\S+\.[cm]?[jt]sx?)(?: > (?P<test>.+)",
                r"| \[ [^\]]+ \])?\s*$",
            ),
        )
        .reading(vitest),
        Rule::new(
            K::TestFailure,
            &["Unhandled Rejection", "Unhandled Error", "Uncaught Exception"],
            r"^\s*⎯+ ?(?P<message>Unhandled (?:Rejection|Error)s?|Uncaught Exception) ?⎯+",
        )
        .weighing(Weight::Sign)
        .reading(vitest),
        Rule::new(
            K::Config,
            &["does not meet", "not met"],
            concat!(
                r"^\s*(?:ERROR: |Jest: )?(?P<message>\x22?(?:Coverage for|global",
                r"|\S+ coverage threshold for|coverage threshold for).* does not meet.*",
                r"|Jest: .*coverage threshold.*not met.*)$",
            ),
        ),
    ],
};

fn vitest(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let unhandled = draft.path.is_none();
    let title = std::mem::take(&mut draft.failure.message);
    let mut framed = false;
    for (distance, line) in at.lines_below(BLOCK_LINES_MAX) {
        let told = line.trim();
        if told.starts_with("FAIL  ") {
            // Several titles in a row share the error below them.
            if draft.failure.message.is_empty() {
                continue;
            }
            break;
        }
        if told.starts_with('⎯') && !draft.failure.message.is_empty() {
            break;
        }
        if draft.failure.message.is_empty() && !told.is_empty() && !told.starts_with('⎯') {
            told.clone_into(&mut draft.failure.message);
            draft.last = draft.first + distance;
        }
        let place = told.strip_prefix('❯').and_then(|place| {
            let place = place.trim();
            place_in(place.rsplit(' ').next().unwrap_or(place))
        });
        if let Some((path, line, column)) = place.filter(|(path, ..)| is_own(path)) {
            // The frame in the test's own file says more than one in what it tests.
            if !framed || draft.path.as_deref().is_some_and(|file| file.ends_with(path)) {
                let in_test = draft.path.as_deref().is_none_or(|file| file.ends_with(path));
                if unhandled || in_test {
                    draft.place(path, line, column);
                    framed = true;
                }
            }
            draft.last = draft.first + distance;
        }
    }
    if draft.failure.message.is_empty() {
        draft.failure.message = title;
    } else {
        while_below(at, &mut draft, |line| {
            let told = line.trim();
            !told.starts_with('⎯') && !told.starts_with("FAIL  ") && !told.starts_with("Test Files")
        });
    }
    if draft.failure.test.is_none() && !unhandled {
        draft.failure.test.clone_from(&draft.path);
    }
    found.push(draft);
}

pub(super) static MOCHA: Tool = Tool {
    name: "mocha",
    about: "Mocha and Cypress: the numbered list of failures.",
    example: "\
         \x20 1 failing\n\n  1) cart\n       adds:\n     AssertionError: expected 4 to equal 5\n\
         \x20     at Context.<anonymous> (test/cart.js:5:19)",
    rules: &[
        Rule::new(K::TestFailure, &[" failing"], r"^  (?P<message>[0-9]+ failing)$")
            .reading(mocha_list),
        Rule::new(
            K::TestFailure,
            &[" \u{203a} "],
            concat!(
                r"^\s+[0-9]+\) (?:\[[^\]]+\] › )?(?P<file>[^\s:]+):(?P<line>[0-9]+):",
                r"(?P<column>[0-9]+) › (?P<test>.+?)(?: ─+| =+)?\s*$",
            ),
        )
        .reading(playwright),
    ],
};

/// How many lines a chain of suite titles may take.
const TITLE_LINES_MAX: usize = 12;

/// Mocha's list of failures, numbered below their count.
fn mocha_list(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(LOOK_LINES_MAX) {
        if is_numbered(line)
            && let Some((_, title)) = line.split_once(") ")
        {
            let at = at.down(distance);
            (draft.first, draft.last) = (at.index, at.index);
            mocha(&at, draft.clone(), title, found);
        }
    }
}

fn mocha(at: &At<'_>, mut draft: Draft, title: &str, found: &mut Vec<Draft>) {
    let mut title = title.to_owned();
    let mut below = 0;
    while !title.ends_with(':') {
        below += 1;
        let Some(line) = at.below(below) else { return };
        if below > TITLE_LINES_MAX || !line.starts_with("     ") || line.trim().is_empty() {
            return;
        }
        title.push(' ');
        title.push_str(line.trim());
    }
    let title = title.trim_end_matches(':');
    if matches!(title, "Failure" | "Error" | "Skipped") {
        return; // minitest numbers its blocks too
    }
    draft.failure.test = Some(title.to_owned());
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(BLOCK_LINES_MAX).skip(below) {
        let told = line.trim();
        if is_numbered(line) {
            break;
        }
        if draft.failure.message.is_empty() && !told.is_empty() {
            told.clone_into(&mut draft.failure.message);
            draft.last = draft.first + distance;
        }
        if let Some((path, line, column)) = frame_in(told).filter(|(path, ..)| is_own(path)) {
            draft.place(path, line, column);
            draft.last = draft.first + distance;
            break;
        }
    }
    if !draft.failure.message.is_empty() {
        deeper(at, &mut draft);
        found.push(draft);
    }
}

fn is_numbered(line: &str) -> bool {
    let Some((number, _)) = line.trim_start().split_once(") ") else { return false };
    line.starts_with("  ") && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

fn playwright(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let message = at
        .lines_below(10)
        .find(|(_, line)| line.trim().contains("Error") || line.contains("Test timeout"));
    if let Some((distance, line)) = message {
        line.trim().clone_into(&mut draft.failure.message);
        draft.last = draft.first + distance;
    }
    deeper(at, &mut draft);
    found.push(draft);
}

pub(super) static BUN: Tool = Tool {
    name: "bun test",
    about: "Bun's test runner and node:test (also as TAP).",
    example: "\
         error: expect(received).toBe(expected)\n\
         \x20     at <anonymous> (/home/runner/work/shop/shop/cart.test.ts:5:19)\n\
         (fail) cart > adds [1.20ms]",
    rules: &[
        Rule::new(
            K::TestFailure,
            &["(fail) "],
            r"^\(fail\) (?P<test>.+?)(?: \[[0-9.]+ ?[a-z]+\])?$",
        )
        .reading(bun),
        Rule::new(
            K::TestFailure,
            &["not ok "],
            r"^\s*not ok [0-9]+(?: -)? (?P<test>.+?)(?: # (?:time=|SKIP|TODO)\S*)?$",
        )
        .reading(tap),
    ],
};

fn bun(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if let Some(late) = at.below(1).and_then(|line| line.trim().strip_prefix("^ this test ")) {
        draft.failure.message = format!("this test {late}");
        draft.last += 1;
    }
    let mut error_at = None;
    for (distance, line) in at.lines_above(BLOCK_LINES_MAX) {
        let told = line.trim();
        if told.starts_with("(pass)") || told.starts_with("(fail)") || told.starts_with("(skip)") {
            break;
        }
        if error_at.is_some() {
            // The code stands above the error.
            if !is_in_frame(line) {
                break;
            }
            error_at = Some(distance);
            continue;
        }
        if let Some((path, line, column)) = frame_in(told).filter(|(path, ..)| is_own(path)) {
            draft.place(path, line, column);
        }
        if let Some(error) =
            told.strip_prefix("error: ").or_else(|| told.strip_prefix("AssertionError: "))
        {
            error.clone_into(&mut draft.failure.message);
            error_at = Some(distance);
        }
    }
    draft.first -= error_at.unwrap_or(0).min(super::extent::BLOCK_LINES_MAX);
    found.push(draft);
}

/// TAP's diagnostic block, or Perl's comment lines, below a `not ok`.
fn tap(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if at.text().contains("# TODO") || at.text().contains("# SKIP") {
        return;
    }
    for (distance, line) in at.lines_below(24) {
        let told = line.trim().trim_start_matches("# ").trim();
        if told == "..." || told.starts_with("ok ") || told.starts_with("not ok ") {
            break;
        }
        if let Some(place) = told.strip_prefix("location: ").or_else(|| told.strip_prefix("at: "))
            && let Some((path, line, column)) = place_in(place.trim_matches('\''))
        {
            draft.place(path, line, column);
        }
        if let Some((path, line)) = told.strip_prefix("at ").and_then(|at| at.split_once(" line "))
        {
            draft.place(path, line.trim_end_matches('.').parse().ok(), None);
            draft.last = draft.first + distance;
        }
        if let Some(error) = told.strip_prefix("error: ") {
            error.trim_matches(['\'', '"', '|', '-', '>']).clone_into(&mut draft.failure.message);
            draft.last = draft.first + distance;
        }
    }
    deeper(at, &mut draft);
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;
    use crate::evidence::tests::check_lines;

    #[test]
    fn jest_blocks_are_read_once() {
        check(
            "FAIL src/a.test.js\n  ● Console\n\n    console.log x\n\n  ● a › b\n\n\
             \x20   Error: no\n\n      at f (node_modules/x/i.js:1:1)\n\
             \x20     at Object.<anonymous> (src/a.test.js:5:19)\n\n\
             Summary of all failing tests\nFAIL src/a.test.js\n  ● a › b\n\n    Error: no\n\n\
             \x20     at Object.<anonymous> (src/a.test.js:5:19)",
            "test_failure src/a.test.js:5:19 {a › b} Error: no",
        );
        check(
            "FAIL src/a.test.ts\n  ● Test suite failed to run\n\n\
             \x20   src/a.ts:1:2 - error TS2322: wrong\n",
            "type_error src/a.ts:1:2 [TS2322] {src/a.test.ts} wrong",
        );
    }

    #[test]
    fn vitest_names_file_suite_and_test() {
        check(
            " FAIL  |unit| src/a.test.ts > a > b\nAssertionError: expected 1 to be 2\n\
             \x20❯ f src/a.ts:3:1\n ❯ src/a.test.ts:7:9\n⎯⎯⎯⎯[1/1]⎯",
            "test_failure src/a.test.ts:7:9 {a > b} AssertionError: expected 1 to be 2",
        );
        check(
            " FAIL  src/a.test.ts [ src/a.test.ts ]\nError: Cannot find module './b'\n",
            "test_failure src/a.test.ts {src/a.test.ts} Error: Cannot find module './b'",
        );
    }

    #[test]
    fn mocha_titles_join() {
        check(
            "  1 failing\n\n  1) a\n       b\n         c:\n\n      AssertionError: no\n      + expected\n\
             \x20     at Context.<anonymous> (test/a.js:3:5)",
            "test_failure test/a.js:3:5 {a b c} AssertionError: no",
        );
        check("    1) c\n    ✔ d\n", "");
    }

    #[test]
    fn a_block_holds_the_difference_and_the_code() {
        check_lines(
            " FAIL  src/a.test.ts > adds\nAssertionError: expected 4 to be 5\n\n- Expected\n\
             + Received\n\n- 5\n+ 4\n\n ❯ src/a.test.ts:7:9\n      6|   it('adds', () => {\n\
             \x20     7|     expect(add()).toBe(5)\n       |                   ^\n\n\
             ⎯⎯⎯⎯⎯⎯⎯⎯[1/1]⎯\n\n Test Files  1 failed (1)\n      Tests  1 failed (1)",
            &[(1, 13)],
        );
        check_lines(
            "  1 failing\n\n  1) cart\n       adds:\n\n      AssertionError: no\n\
             \x20     + expected - actual\n\n      -4\n      +5\n\n\
             \x20     at Context.<anonymous> (test/a.js:3:5)\n      at process (node:x:1:1)\n\n\n",
            &[(3, 13)],
        );
        check_lines(
            "  1) [chromium] › e2e/a.spec.ts:12:5 › cart › adds ───\n\n    Error: not visible\n\n\
             \x20     11 |   test('adds')\n    > 12 |     await expect(x)\n         |     ^\n\n\
             \x20       at /home/runner/work/a/a/e2e/a.spec.ts:12:5\n\n  1 failed",
            &[(1, 9)],
        );
        check_lines(
            "FAIL src/a.test.js\n  ● adds\n\n    expect(received).toBe(expected)\n\n\
             \x20   Expected: 5\n    Received: 4\n\n      4 | it()\n    > 5 |   expect(4)\n\
             \x20       |            ^\n\n      at Object.<anonymous> (src/a.test.js:5:19)\n\n\
             Test Suites: 1 failed, 1 total\nTests:       1 failed, 1 total",
            &[(2, 13)],
        );
    }

    #[test]
    fn bun_shows_the_code_above_and_a_timeout_below() {
        let log = "(pass) a > fine [0.12ms]\n3 | it('adds', () => {\n4 |   expect(4).toBe(5)\n\
             \x20               ^\nerror: expect(received).toBe(expected)\n\nExpected: 5\n\
             Received: 4\n\n      at <anonymous> (/home/runner/work/a/a/src/a.test.ts:4:17)\n\
             (fail) a > adds [1.20ms]\n(fail) a > waits [5000.11ms]\n\
             \x20 ^ this test timed out after 5000ms.\n\n 1 pass\n 2 fail";
        check(
            log,
            "test_failure src/a.test.ts:4:17 {a > adds} expect(received).toBe(expected)\n\
             test_failure {a > waits} this test timed out after 5000ms.",
        );
        check_lines(log, &[(2, 11), (12, 13)]);
    }

    #[test]
    fn coverage_below_its_threshold_fails_a_run() {
        check(
            "Jest: \"global\" coverage threshold for statements (80%) not met: 75.2%",
            "config Jest: \"global\" coverage threshold for statements (80%) not met: 75.2%",
        );
        check(
            "ERROR: Coverage for lines (50%) does not meet global threshold (80%)",
            "config Coverage for lines (50%) does not meet global threshold (80%)",
        );
    }

    #[test]
    fn tests_that_passed_are_no_failures() {
        check(
            "PASS src/a.test.js\n  ● Console\n\n    console.log\n      adds nothing\n\n\
             \x20     at log (src/a.js:3:4)\n\nTests:       3 passed, 3 total\n\
             \x20✓ src/b.test.ts (3 tests) 12ms\n  3 passing (12ms)\n  1 flaky\n\
             ok 1 - fails when it must\n",
            "",
        );
    }

    #[test]
    fn playwright_bun_and_tap_are_read() {
        check(
            "  1) [chromium] › e2e/a.spec.ts:12:5 › cart › adds ───────\n\n\
             \x20   Error: expect(locator).toBeVisible() failed\n",
            "test_failure e2e/a.spec.ts:12:5 {cart › adds} Error: \
             expect(locator).toBeVisible() failed",
        );
        check(
            "(pass) x\nerror: expect(received).toBe(expected)\n\nExpected: 1\n\
             \x20     at <anonymous> (/w/x.ts:1:1)\n(fail) s > t [1.20ms]",
            "test_failure {s > t} expect(received).toBe(expected) (in /w/x.ts:1)",
        );
        check(
            "not ok 2 - adds\n  ---\n  location: '/home/runner/work/a/a/t.js:3:1'\n\
             \x20 error: 'no'\n  ...",
            "test_failure t.js:3:1 {adds} no",
        );
        check("not ok 3 - later # TODO not yet", "");
    }
}
