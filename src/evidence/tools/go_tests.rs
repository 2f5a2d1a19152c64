//! Go's tests: failed ones, panics, races, time-outs, Ginkgo.

use super::extent::{BLOCK_LINES_MAX as RANGE_LINES_MAX, indent, while_below};
use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, place_in};

pub(super) static TOOL: Tool = Tool {
    name: "go test",
    about: "`go test` with testify and subtests; panics; packages that would not build.",
    example: "\
         --- FAIL: TestAdds (0.00s)\n    cart_test.go:12: got 4, want 5\nFAIL\n\
         FAIL\texample.com/shop/cart\t0.003s",
    rules: &[
        Rule::new(
            K::TestFailure,
            &["--- FAIL: "],
            r"^\s*--- FAIL: (?P<test>\S+)(?: \([0-9.]+ ?m?s\))?$",
        )
        .reading(test),
        Rule::new(
            K::Timeout,
            &["panic: test timed out after"],
            r"^(?P<message>panic: test timed out after .+)$",
        )
        .reading(timed_out),
        Rule::new(K::TestFailure, &["panic: "], r"^(?P<message>panic: .+)$")
            .weighing(Weight::Sign)
            .reading(panic),
        Rule::new(K::TestFailure, &["[Fail] ", "[FAIL] "], r"^\s*\[(?:Fail|FAIL)\] (?P<test>.+)$")
            .reading(ginkgo),
        Rule::new(
            K::TestFailure,
            &["FAIL\t"],
            r"^(?P<message>FAIL\t(?P<task>\S+)(?:\t[0-9.]+s| \[(?:build|setup) failed\])?)$",
        )
        .weighing(Weight::Consequence),
        Rule::new(K::TestFailure, &["WARNING: DATA RACE"], r"^(?P<message>WARNING: DATA RACE)$")
            .reading(race),
    ],
};

fn test(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let name = draft.failure.test.clone().unwrap_or_default();
    let margin = indent(at.text());
    // A parent of failed subtests only sums them up.
    let child = format!("--- FAIL: {name}/");
    let mut placed = false;
    let mut subtests = false;
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(400) {
        let told = line.trim_start();
        let here = indent(line);
        subtests |= told.starts_with(&child);
        if told.starts_with("--- ") && (here <= margin || placed)
            || told.starts_with("=== ")
            || line.starts_with("FAIL")
        {
            break;
        }
        if subtests && told.starts_with("--- ") {
            break;
        }
        if let Some(trace) = told.strip_prefix("Error Trace:") {
            if let Some((path, line, _)) = place_in(trace) {
                draft.place(path, line, None);
            }
        } else if let Some(error) = told.strip_prefix("Error:") {
            error.trim().clone_into(&mut draft.failure.message);
            draft.last = draft.first + distance;
        } else if !placed && let Some(raised) = line.strip_prefix("panic: ") {
            placed = true;
            draft.failure.message = format!("panic: {}", raised.trim_end_matches(" [recovered]"));
            frame_below(at, distance, &mut draft);
        } else if !placed && let Some((path, row, message)) = go_log(told) {
            placed = true;
            if message.starts_with("race detected during execution") {
                // The detector has said where.
                message.clone_into(&mut draft.failure.message);
                draft.weight = Weight::Consequence;
                continue;
            }
            draft.place(path, row, None);
            message.clone_into(&mut draft.failure.message);
            draft.last = draft.first + distance;
        } else if placed && draft.failure.message.is_empty() && !told.starts_with("Error") {
            told.clone_into(&mut draft.failure.message);
        }
    }
    if !subtests {
        while_below(at, &mut draft, |line| {
            let told = line.trim_start();
            told.is_empty()
                || indent(line) > margin
                    && !told.starts_with("--- FAIL")
                    && !told.starts_with("=== ")
        });
    }
    if subtests && !placed {
        draft.weight = Weight::Consequence;
    }
    if !placed && !subtests {
        output_above(at, &name, &mut draft);
    }
    if draft.failure.message.is_empty() {
        draft.failure.message = format!("{name} failed");
    }
    found.push(draft);
}

/// With `-v`, a test's output stands below the line that names it, and above the next one of these;
/// verdicts of other tests may stand between them and its own.
fn output_above(at: &At<'_>, name: &str, draft: &mut Draft) {
    let mut best: Option<(&str, Option<u32>, &str)> = None;
    for (_, line) in at.lines_above(200) {
        let told = line.trim();
        if let Some((kind, whose)) = told.strip_prefix("=== ").and_then(|head| head.split_once(' '))
        {
            if whose.trim() == name && (best.is_some() || kind == "RUN") {
                break;
            }
            best = None;
        } else if told.starts_with("--- ") {
            best = None;
        } else if let Some(log) = go_log(told).filter(|(path, ..)| path.ends_with("_test.go")) {
            best = Some(log);
        }
    }
    if let Some((path, row, message)) = best {
        draft.place(path, row, None);
        message.clone_into(&mut draft.failure.message);
    }
}

/// Reads `cart_test.go:12: got 4`.
fn go_log(told: &str) -> Option<(&str, Option<u32>, &str)> {
    let (head, rest) = told.split_once(".go:")?;
    if head.contains(' ') || head.is_empty() {
        return None;
    }
    let digits = rest.find(':')?;
    let row = rest[..digits].parse().ok()?;
    Some((&told[..head.len() + 3], Some(row), rest[digits + 1..].trim()))
}

fn panic(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if !at
        .lines_below(12)
        .any(|(_, line)| line.starts_with("goroutine ") || line.starts_with("[signal "))
    {
        return;
    }
    frame_below(at, 0, &mut draft);
    found.push(draft);
}

/// The first frame of the project's own, so far below and further.
fn frame_below(at: &At<'_>, from: usize, draft: &mut Draft) {
    for (distance, line) in at.lines_below(from + 60).skip(from) {
        let place = line.strip_prefix('\t').and_then(place_in);
        if let Some((path, row, _)) = place.filter(|(path, ..)| !is_toolchain(path)) {
            draft.place(path, row, None);
            draft.last = draft.first + distance.min(RANGE_LINES_MAX - 1);
            break;
        }
    }
}

/// Below a time-out stand the tests that were running.
fn timed_out(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let running = at.below(1).is_some_and(|line| line.trim() == "running tests:");
    if let Some(test) = at.below(2).filter(|_| running) {
        let name = test.trim().split(' ').next().unwrap_or_default();
        draft.failure.test = Some(name.to_owned());
        draft.last += 2;
    }
    still_running(at, &mut draft);
    found.push(draft);
}

/// Where the test stands that did not end: the first frame of a test's file in the goroutines below.
fn still_running(at: &At<'_>, draft: &mut Draft) {
    let mut function = "";
    for (_, line) in at.lines_below(RANGE_LINES_MAX) {
        let Some(frame) = line.strip_prefix('\t') else {
            function = line;
            continue;
        };
        let place = frame.split(" +0x").next().and_then(place_in);
        let Some((path, row, _)) = place.filter(|(path, ..)| path.ends_with("_test.go")) else {
            continue;
        };
        draft.place(path, row, None);
        let name = function.split('(').next().and_then(|name| name.rsplit('.').next());
        if let Some(test) = name.filter(|name| name.starts_with("Test"))
            && draft.failure.test.is_none()
        {
            draft.failure.test = Some(test.to_owned());
        }
        return;
    }
}

/// The race detector shows both accesses; the first own frame is the one to look at.
fn race(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    "data race".clone_into(&mut draft.failure.message);
    for (distance, line) in at.lines_below(RANGE_LINES_MAX - 1) {
        if line.starts_with("====") {
            break;
        }
        if distance == 1 {
            draft.say(line);
        }
        draft.last = draft.first + distance;
        let place = line.split(" +0x").next().and_then(place_in);
        if let Some((path, row, _)) = place.filter(|(path, ..)| !is_toolchain(path))
            && draft.path.is_none()
            && !path.contains(' ')
        {
            draft.place(path, row, None);
        }
    }
    found.push(draft);
}

fn is_toolchain(path: &str) -> bool {
    [
        "/usr/local/go/",
        "/hostedtoolcache/",
        "/pkg/mod/",
        "/go/src/runtime",
        "/libexec/src/",
        "/usr/lib/go",
    ]
    .iter()
    .any(|part| path.contains(part))
}

/// Ginkgo's summary of failures has the place on its next line.
fn ginkgo(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if let Some((path, line, _)) = at.below(1).and_then(place_in) {
        draft.place(path, line, None);
        draft.last += 1;
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_lines};

    #[test]
    fn a_race_is_told_once_where_it_is() {
        let log = "==================\nWARNING: DATA RACE\n\
             Write at 0x00c0000b4010 by goroutine 8:\n\
             \x20 example.com/shop/cart.(*Cart).Add()\n\
             \x20     /home/runner/work/a/a/cart/cart.go:12 +0x44\n\n\
             Previous read at 0x00c0000b4010 by goroutine 7:\n\
             \x20 example.com/shop/cart.TestAdds()\n\
             \x20     /home/runner/work/a/a/cart/cart_test.go:20 +0x84\n\
             ==================\n--- FAIL: TestAdds (0.00s)\n\
             \x20   testing.go:1465: race detected during execution of test\nFAIL\n";
        check(log, "test_failure cart/cart.go:12 data race");
        check_lines(log, &[(2, 9)]);
    }

    #[test]
    fn a_time_out_names_the_test_and_linters_their_trouble() {
        check(
            "panic: test timed out after 10m0s\n\trunning tests:\n\t\tTestSlow (10m0s)\n\n\
             goroutine 35 [running]:\ntesting.(*M).startAlarm.func1()\n",
            "timeout {TestSlow} panic: test timed out after 10m0s",
        );
        check(
            "panic: test timed out after 300ms\n\ngoroutine 5 [running]:\n\
             testing.(*M).startAlarm.func1()\n\t/usr/lib/go-1.19/src/testing/testing.go:2036 +0x8e\n\n\
             goroutine 18 [sleep]:\ntime.Sleep(0x3b9aca00)\n\
             \t/usr/lib/go-1.19/src/runtime/time.go:195 +0x135\n\
             acme.dev/ledger/calc.TestSlow(0x0?)\n\t/home/runner/work/ledger/ledger/calc/calc_test.go:17 +0x1e\n",
            "timeout calc/calc_test.go:17 {TestSlow} panic: test timed out after 300ms",
        );
        check(
            "level=error msg=\"Running error: context loading failed: no go files\"\n",
            "config Running error: context loading failed: no go files",
        );
        check("level=info msg=\"Running error-free\"\n0 issues.\n", "");
        check(
            "# example.com/shop\n./a.go:1:2: undefined: x\n./a.go:9:2: too many errors\n",
            "compile_error a.go:1:2 undefined: x",
        );
    }

    #[test]
    fn a_test_that_panics_says_where_and_subtests_have_their_own_output() {
        check(
            "--- FAIL: TestMin (0.00s)\npanic: invalid memory address [recovered]\n\
             \tpanic: invalid memory address\n[signal SIGSEGV: segmentation violation code=0x1]\n\n\
             goroutine 19 [running]:\ntesting.tRunner.func1()\n\
             \t/usr/lib/go-1.19/src/testing/testing.go:1399 +0x39f\n\
             example.com/orders/tree.(*Node).Min(0x27?)\n\
             \t/home/runner/work/orders/orders/tree/tree.go:9 +0x17\nFAIL\texample.com/orders/tree\t0.005s\n",
            "test_failure tree/tree.go:9 {TestMin} panic: invalid memory address",
        );
        check(
            "=== RUN   TestD\n=== RUN   TestD/none\n=== RUN   TestD/error:_x\n\
             \x20   price_test.go:20: got 50, want 20\n=== RUN   TestD/more\n\
             \x20   price_test.go:22: got 100, want 0\n--- FAIL: TestD (0.00s)\n\
             \x20   --- PASS: TestD/none (0.00s)\n    --- FAIL: TestD/error:_x (0.00s)\n\
             \x20   --- FAIL: TestD/more (0.00s)\nFAIL\nFAIL\texample.com/price\t0.003s\n",
            "test_failure price_test.go:20 {TestD/error:_x} got 50, want 20\n\
             test_failure price_test.go:22 {TestD/more} got 100, want 0",
        );
    }

    #[test]
    fn a_block_holds_what_the_tool_says_below() {
        check_lines(
            "a.go:3:4: Error return value is not checked (errcheck)\n\tf()\n\t ^\n\
             b.go:1:1: File is not properly formatted (gofmt)\n1 issues:\n* errcheck: 1",
            &[(1, 3), (4, 4)],
        );
        check_lines(
            "# example.com/a\n./x.go:3:4: cannot use y (variable of type T) as I value:\n\
             \tT does not implement I (missing method M)\n./z.go:9:1: undefined: z\n",
            &[(2, 3), (4, 4)],
        );
        check_lines(
            "--- FAIL: TestA (0.00s)\n    a_test.go:9: \n\
             \x20       \tError Trace:\t/home/runner/work/a/a/a_test.go:9\n\
             \x20       \tError:      \tNot equal: \n        \t            \texpected: 1\n\
             \x20       \t            \tactual  : 2\n        \tTest:       \tTestA\nFAIL\n\
             FAIL\texample.com/a\t0.1s",
            &[(1, 7)],
        );
        check("=== RUN   TestA\n--- PASS: TestA (0.00s)\n    a_test.go:3: fine\nok  \ta\t0.1s", "");
    }

    #[test]
    fn a_failed_test_has_its_first_log_line() {
        check(
            "=== RUN   TestA\n    a_test.go:12: got 4\n--- FAIL: TestA (0.00s)\nFAIL",
            "test_failure a_test.go:12 {TestA} got 4",
        );
        check(
            "--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\n        a_test.go:7: no\n\
             FAIL\nFAIL\tx\t0.1s",
            "test_failure a_test.go:7 {TestA/b} no",
        );
        check(
            "--- FAIL: TestA (0.00s)\n    a_test.go:9: \n\
             \x20       \tError Trace:\t/home/runner/work/a/a/a_test.go:9\n\
             \x20       \tError:      \tNot equal: \n        \t            \texpected: 1\nFAIL",
            "test_failure a_test.go:9 {TestA} Not equal:",
        );
        check(
            "panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\
             \t/home/runner/work/a/a/main.go:3 +0x1",
            "test_failure main.go:3 panic: boom",
        );
    }
}
