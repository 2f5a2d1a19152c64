//! JavaScript's test runners: Jest, Vitest, Mocha, Playwright.

use super::extent::{deeper, while_below};
use super::{
    At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, between, frame_in, is_own, place_in,
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
        .reading(unhandled),
        Rule::new(
            K::Config,
            &["No test files found, exiting with code", "No tests found, exiting with code"],
            r"^\s*(?P<message>No (?:tests|test files) found, exiting with code [1-9].*)$",
        )
        .reading(no_tests),
        Rule::new(
            K::Config,
            &["does not meet", "not met"],
            concat!(
                r"^\s*(?:ERROR: |Jest: )?(?P<message>\x22?(?:Coverage for|global",
                r"|\S+ coverage threshold for|coverage threshold for).* does not meet.*",
                r"|Jest: .*coverage threshold.*not met.*)$",
            ),
        )
        .reading(coverage),
    ],
};

/// A threshold may be one file's: `Jest: "./src/div.js" coverage threshold for …`.
fn coverage(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let of = between(&draft.failure.message, "Jest: \"", "\"").map(str::to_owned);
    if let Some(file) =
        of.filter(|of| of.starts_with("./") && !of.ends_with('/') && !of.contains('*'))
    {
        draft.place(&file, None, None);
    }
    found.push(draft);
}

/// How far below its file the first failed test may stand in Jest's verbose list.
const VERBOSE_LINES_MAX: usize = 20;

fn vitest(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let unhandled = draft.path.is_none();
    let next = at.lines_below(2).find(|(_, line)| !line.trim().is_empty());
    // Jest pads its label on terminals, and shows each test's result below it when asked for.
    let is_of_jest = |line: &str| line.trim_start().starts_with(['●', '✓', '✕', '○', '✎']);
    if next.is_some_and(|(_, line)| is_of_jest(line))
        || draft.failure.test.is_none()
            && at.lines_below(VERBOSE_LINES_MAX).any(|(_, line)| line.trim_start().starts_with('✕'))
    {
        return;
    }
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

/// An error that no test caught fails the run; the heading above several says only that.
fn unhandled(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    let counts = at.lines_below(3).any(|(_, line)| line.starts_with("Vitest caught "));
    if !counts {
        vitest(at, draft, found);
    }
}

/// Who found no tests, or no server to test, is told by the words.
fn no_tests(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let message = draft.failure.message.as_str();
    let tool = if message.starts_with("No tests found, exiting") {
        Some("jest")
    } else if message.contains("config.webServer") || message.starts_with("No tests found") {
        Some("playwright")
    } else {
        None
    };
    if let Some(tool) = tool {
        draft.failure.tool = Some(tool.to_owned());
    }
    found.push(draft);
}

pub(super) static MOCHA: Tool = Tool {
    name: "mocha",
    about: "Mocha, and Cypress and Playwright: the numbered list of failures.",
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
        Rule::new(
            K::Config,
            &["config.webServer", "Error: No tests found", "Error: No test files found"],
            concat!(
                r"^\s*Error: (?P<message>Process from config\.webServer .+",
                r"|Timed out waiting .+ from config\.webServer.*|No tests found.*",
                r"|No test files found.*)$",
            ),
        )
        .reading(no_tests),
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
        if draft.failure.message.starts_with("CypressError") {
            draft.failure.tool = Some("cypress".to_owned());
        }
        deeper(at, &mut draft);
        found.push(draft);
    }
}

fn is_numbered(line: &str) -> bool {
    let Some((number, _)) = line.trim_start().split_once(") ") else { return false };
    line.starts_with("  ") && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

fn playwright(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.tool = Some("playwright".to_owned());
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
    fn a_test_is_read_behind_its_task_s_name() {
        check(
            "@shop/web:test: FAIL src/a.test.ts\n@shop/web:test:   ● cart › adds\n\
             @shop/web:test: \n@shop/web:test:     expect(received).toBe(expected)\n\
             @shop/web:test: \n@shop/web:test:     Expected: 2\n\
             @shop/web:test:       at Object.<anonymous> (src/a.test.ts:5:19)\n",
            "test_failure src/a.test.ts:5:19 {cart › adds} expect(received).toBe(expected)",
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
    fn errors_outside_of_tests_and_runs_without_tests_fail() {
        check(
            "⎯⎯⎯⎯ Unhandled Errors ⎯⎯⎯⎯\n\nVitest caught 1 unhandled error during the test run.\n\n\
             ⎯⎯⎯⎯ Uncaught Exception ⎯⎯⎯⎯\nError: late\n ❯ Timeout._onTimeout test/a.spec.js:2:48\n",
            "test_failure test/a.spec.js:2:48 Error: late",
        );
        check(
            "No test files found, exiting with code 1\n",
            "config No test files found, exiting with code 1",
        );
        check("No tests found, exiting with code 0\n", "");
        check(
            "Error: Process from config.webServer was not able to start. Exit code: 1\n",
            "config Process from config.webServer was not able to start. Exit code: 1",
        );
        check(
            " FAIL  src/a.test.ts\n  ● Test suite failed to run\n\n\
             \x20   Cannot find module './b' from 'src/a.test.ts'\n",
            "test_failure src/a.test.ts {src/a.test.ts} Cannot find module './b' from \
             'src/a.test.ts'",
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
    fn coverage_below_its_threshold_fails_a_run() {
        check(
            "Jest: \"global\" coverage threshold for statements (80%) not met: 75.2%",
            "config Jest: \"global\" coverage threshold for statements (80%) not met: 75.2%",
        );
        check(
            "Jest: \"./src/div.js\" coverage threshold for functions (100%) not met: 50%",
            "config src/div.js Jest: \"src/div.js\" coverage threshold for functions (100%) not met: 50%",
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
    fn playwright_is_read() {
        check(
            "  1) [chromium] › e2e/a.spec.ts:12:5 › cart › adds ───────\n\n\
             \x20   Error: expect(locator).toBeVisible() failed\n",
            "test_failure e2e/a.spec.ts:12:5 {cart › adds} Error: \
             expect(locator).toBeVisible() failed",
        );
    }
}
