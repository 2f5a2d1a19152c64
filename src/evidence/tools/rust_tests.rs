//! Rust tests: libtest, nextest, panics, insta's snapshot assertions.

use super::extent::{while_after, while_below};
use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, is_own, place_in};

pub(super) static TOOL: Tool = Tool {
    name: "cargo test",
    about: "libtest, nextest, doc tests, panics and insta's snapshot assertions.",
    example: "\
         ---- math::tests::adds stdout ----\n\
         thread 'math::tests::adds' panicked at src/math.rs:12:9:\n\
         assertion `left == right` failed\n  left: 4\n right: 5\n\n\
         test result: FAILED. 0 passed; 1 failed; 0 ignored",
    rules: &[
        Rule::new(
            K::TestFailure,
            &[" stdout ----", " stderr ----"],
            r"^---- (?P<test>.+) std(?:out|err) ----$",
        )
        .reading(block),
        Rule::new(
            K::TestFailure,
            &[
                "FAIL [",
                "TIMEOUT [",
                "ABORT [",
                // Padded to the width of the column.
                "    SIG",
                "TRY ",
            ],
            concat!(
                r"^\s*(?P<message>(?:(?:TRY [0-9]+ )?(?:LEAK-FAIL|FAIL|TIMEOUT|ABORT)",
                r"|(?:    |TRY [0-9]+ )SIG(?:ABRT|SEGV|BUS|ILL|FPE|KILL|TERM|TRAP)) \[[^\]]+\]",
                r"(?: \([^)]*\))?) +(?P<task>\S+) (?P<test>[A-Za-z_]\S*(?:::\S+| - .+)?)$",
            ),
        )
        .reading(nextest),
        Rule::new(
            K::TestFailure,
            &["has overflowed its stack"],
            r"^\s*thread '(?P<test>[^']+)'(?: \([0-9]+\))? (?P<message>has overflowed its stack)$",
        )
        .reading(overflow),
        Rule::new(
            K::TestFailure,
            &["... FAILED"],
            concat!(
                r"^test (?P<test>.+?)(?: - should panic| - compile(?: fail)?)? \.\.\. FAILED",
                r"(?: \(.*\))?$",
            ),
        )
        .reading(listed),
        Rule::new(
            K::TestFailure,
            &["panicked at "],
            r"^\s*thread '(?P<test>[^']+)'(?: \([0-9]+\))? (?P<message>panicked at .*)$",
        )
        .weighing(Weight::Sign)
        .reading(panic_alone),
        Rule::new(
            K::TestFailure,
            &["test result: FAILED"],
            r"^(?P<message>test result: FAILED\..*)$",
        )
        .weighing(Weight::Consequence),
    ],
};

/// How much captured output may stand between a test's name and its panic.
const CAPTURED_LINES_MAX: usize = 400;

/// How many lines of a panic's message are kept: `left`, `right` and what the author wrote.
const MESSAGE_LINES_MAX: usize = 8;

/// A test in the list of results, which its own block below says better.
fn listed(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let test = draft.failure.test.as_deref().unwrap_or_default();
    let is_block = |line: &str| {
        line.strip_prefix("---- ").and_then(|rest| rest.strip_prefix(test)).is_some_and(|rest| {
            rest.starts_with(" stdout ----") || rest.starts_with(" stderr ----")
        })
    };
    if !at.lines_below(CAPTURED_LINES_MAX).any(|(_, line)| is_block(line)) {
        draft.failure.message = format!("{test} failed");
        found.push(draft);
    }
}

/// A test that failed in its last try; one that passes in a later one is only flaky.
fn nextest(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    let test = draft.failure.test.as_deref().unwrap_or_default();
    let passes = |line: &str| {
        (line.contains("PASS [") || line.contains("FLAKY ")) && line.trim_end().ends_with(test)
    };
    let is_retried = draft.failure.message.starts_with("TRY ");
    if is_retried && at.lines_below(CAPTURED_LINES_MAX).any(|(_, line)| passes(line)) {
        return;
    }
    block(at, draft, found);
}

fn overflow(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let fatal = |line: &str| line.trim_start().starts_with("fatal runtime error: ");
    while_below(at, &mut draft, |line| line.trim().is_empty() || fatal(line));
    if draft.failure.test.as_deref() == Some("main") {
        draft.failure.test = None;
    }
    found.push(draft);
}

/// Finds the panic of a named test among its captured output.
fn block(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let mut source = None;
    let is_doctest = draft.failure.test.as_deref().is_some_and(|test| test.contains(" (line "));
    for (distance, line) in at.lines_below(CAPTURED_LINES_MAX) {
        // nextest shows what libtest printed of the one test, its list of failures included.
        let inner = draft.failure.task.is_some()
            && (line.trim() == "failures:" || line.starts_with("test result: "));
        if is_next_test(line) && !inner {
            break;
        }
        if let Some(place) = line.trim_start().strip_prefix("Source: ") {
            source = place_in(place);
        }
        if let Some((_, panic)) = line.split_once("panicked at ") {
            draft.last = draft.first + distance + panic_message(at, distance, panic, &mut draft);
            backtrace(at, &mut draft);
            break;
        }
        let told = line.trim_start();
        if let Some(error) = told.strip_prefix("Error: ") {
            error.clone_into(&mut draft.failure.message);
            draft.last = draft.first + distance;
            while_after(at, &mut draft, |line| !line.trim().is_empty() && !is_next_test(line));
            break;
        }
        if is_doctest && (told.starts_with("error: ") || told.starts_with("error[E")) {
            doctest(at, (distance, told), &mut draft);
            break;
        }
        if let Some(note) = told.strip_prefix("note: ")
            && ["test did not panic as expected", "panic did not contain expected"]
                .iter()
                .any(|start| note.starts_with(start))
        {
            note.clone_into(&mut draft.failure.message);
            if let Some((path, row, column)) = note.split_once(" at ").and_then(|n| place_in(n.1)) {
                draft.place(path, row, column);
            }
            draft.last = draft.first + distance;
            while_after(at, &mut draft, |line| !line.trim().is_empty());
            break;
        }
    }
    if draft.failure.message.contains("snapshot assertion") {
        draft.failure.code = Some("snapshot".to_owned());
        draft.failure.suggestion = Some("cargo insta review".to_owned());
        if let Some((path, line, _)) = source {
            draft.place(path, line, None);
        }
    }
    found.push(draft);
}

/// A documentation test that would not compile fails by the compiler's message.
fn doctest(at: &At<'_>, (distance, error): (usize, &str), draft: &mut Draft) {
    let message = error.split_once(": ").map_or(error, |(_, message)| message);
    message.clone_into(&mut draft.failure.message);
    draft.last = draft.first + distance;
    let arrow = at
        .lines_below(distance + 4)
        .skip(distance)
        .find_map(|(_, line)| place_in(line.trim_start().strip_prefix("--> ")?));
    if let Some((path, row, column)) = arrow {
        draft.place(path, row, column);
    }
    while_after(at, draft, |line| !line.trim().is_empty());
}

/// Widens the range over a backtrace as far as the last frame of the project's own.
fn backtrace(at: &At<'_>, draft: &mut Draft) {
    let mut wide = draft.clone();
    while_after(at, &mut wide, |line| !line.trim().is_empty() && !is_next_test(line));
    let own = (draft.last..=wide.last).rev().find(|index| {
        let line = at.below(index - at.index).unwrap_or("").trim_start();
        line.strip_prefix("at ").and_then(place_in).is_some_and(|(path, ..)| is_own(path))
    });
    draft.last = own.unwrap_or(draft.last);
}

fn is_next_test(line: &str) -> bool {
    let trimmed = line.trim_start();
    line.starts_with("---- ")
        || line.starts_with("test result: ")
        || trimmed.starts_with("PASS [")
        || trimmed.starts_with("FAIL [")
        || trimmed.starts_with("TRY ") && trimmed.contains(" [")
        || trimmed.starts_with("Summary [")
        || line == "failures:"
}

/// Reads `PLACE:` and the message below it, or the older `'MESSAGE', PLACE`; returns the lines
/// used.
fn panic_message(at: &At<'_>, distance: usize, panic: &str, draft: &mut Draft) -> usize {
    if let Some(old) = panic.strip_prefix('\'')
        && let Some((message, place)) = old.rsplit_once("', ")
    {
        message.clone_into(&mut draft.failure.message);
        if let Some((path, line, column)) = place_in(place) {
            draft.place(path, line, column);
        }
        return 0;
    }
    if let Some((path, line, column)) = place_in(panic.trim_end_matches(':')) {
        draft.place(path, line, column);
    }
    draft.failure.message.clear();
    let mut used = 0;
    for below in 1..=MESSAGE_LINES_MAX {
        let Some(line) = at.below(distance + below) else { break };
        let told = line.trim();
        if told.is_empty()
            || told.starts_with("note: run with")
            || told.starts_with("stack backtrace")
        {
            break;
        }
        draft.say(line.trim_end());
        used = below;
    }
    let message = draft.failure.message.trim_start().to_owned();
    draft.failure.message = message;
    used
}

/// A panic outside a test's block: a program's, or a thread's of a test that may go on.
fn panic_alone(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let panic = draft.failure.message.clone();
    let panic = panic.strip_prefix("panicked at ").unwrap_or(&panic);
    draft.last = draft.first + panic_message(at, 0, panic, &mut draft);
    backtrace(at, &mut draft);
    if !draft.failure.test.as_ref().is_some_and(|name| name.contains("::")) {
        draft.failure.test = None;
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;
    use crate::evidence::tests::check_lines;

    #[test]
    fn nextest_shows_libtests_own_list_above_the_panic() {
        check(
            "        FAIL [   0.012s] shop cart::tests::adds\n\n\
             --- STDOUT:              shop cart::tests::adds ---\n\nrunning 1 test\n\
             test cart::tests::adds ... FAILED\n\nfailures:\n\nfailures:\n\
             \x20   cart::tests::adds\n\n\
             test result: FAILED. 0 passed; 1 failed; 0 ignored\n\n\n\
             --- STDERR:              shop cart::tests::adds ---\n\
             thread 'cart::tests::adds' panicked at src/cart.rs:12:9:\n\
             assertion `left == right` failed\n  left: 4\n right: 5\n\
             note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n\n\
             \x20    Summary [   0.015s] 3 tests run: 2 passed, 1 failed, 0 skipped\n\
             \x20       FAIL [   0.012s] shop cart::tests::adds\nerror: test run failed\n",
            "test_failure src/cart.rs:12:9 {cart::tests::adds} assertion `left == right` failed",
        );
    }

    #[test]
    fn a_failed_test_has_its_panic() {
        check(
            "test a::b ... FAILED\n\nfailures:\n\n---- a::b stdout ----\n\
             thread 'a::b' panicked at src/a.rs:3:9:\nboom\n\
             note: run with `RUST_BACKTRACE=1`\n\nfailures:\n    a::b\n\n\
             test result: FAILED. 0 passed; 1 failed",
            "test_failure src/a.rs:3:9 {a::b} boom",
        );
        check(
            "---- a stdout ----\nthread 'a' panicked at 'boom, now', tests/x.rs:7:5",
            "test_failure tests/x.rs:7:5 {a} boom, now",
        );
        check("---- a stdout ----\nError: Os { code: 2 }\n", "test_failure {a} Os { code: 2 }");
        check("test a::b ... FAILED", "test_failure {a::b} a::b failed");
    }

    #[test]
    fn nextest_says_the_same_in_its_way() {
        check(
            "        FAIL [   0.012s] (3/9) shop::it cart::is_empty\n  stdout ───\n\
             \x20   running 1 test\n  stderr ───\n\n\
             \x20   thread 'cart::is_empty' (811) panicked at tests/it/cart.rs:8:5:\n\
             \x20   not empty\n\n────────────\n\
             \x20    Summary [   0.5s] 9 tests run: 8 passed, 1 failed\n\
             \x20       FAIL [   0.012s] (3/9) shop::it cart::is_empty",
            "test_failure tests/it/cart.rs:8:5 {cart::is_empty} not empty",
        );
        check("        PASS [   0.012s] shop cart::fails\n", "");
    }

    #[test]
    fn a_whole_run_of_libtest_is_its_failed_tests() {
        let log = "\
running 3 tests
test cart::tests::adds ... FAILED
test cart::tests::empties - should panic ... FAILED
test cart::tests::keeps ... ok

failures:

---- cart::tests::adds stdout ----
error: printed by the test itself

thread 'cart::tests::adds' (4711) panicked at src/cart.rs:30:9:
assertion `left == right` failed: sums differ
  left: 4
 right: 5
stack backtrace:
   0: __rustc::rust_begin_unwind
             at /rustc/29483883eed69d5fb4db01964cdf2af4d86e9cb2/library/std/src/panicking.rs:697:5
   1: shop::cart::tests::adds
             at ./src/cart.rs:30:9
   2: core::ops::function::FnOnce::call_once
             at /rustc/29483883eed69d5fb4db01964cdf2af4d86e9cb2/library/core/src/ops.rs:250:5
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.

---- cart::tests::empties stdout ----
note: test did not panic as expected at src/cart.rs:41:8

failures:
    cart::tests::adds
    cart::tests::empties

test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

error: test failed, to rerun pass `--lib`
";
        check(
            log,
            "test_failure src/cart.rs:30:9 {cart::tests::adds} \
             assertion `left == right` failed: sums differ\n\
             test_failure src/cart.rs:41:8 {cart::tests::empties} \
             test did not panic as expected at src/cart.rs:41:8",
        );
    }

    #[test]
    fn a_block_reaches_to_the_first_own_frames() {
        check_lines(
            "---- a::b stdout ----\nprinted\nthread 'a::b' panicked at src/a.rs:3:9:\nboom\n\
             stack backtrace:\n   0: begin_unwind\n             at /rustc/1/library/x.rs:1:1\n\
             \x20  1: a::b\n             at ./src/a.rs:3:9\n   2: call_once\n\
             \x20            at /rustc/1/library/y.rs:1:1\n\nfailures:\n    a::b",
            &[(1, 9)],
        );
        let output = "printed\n".repeat(100);
        check_lines(
            &format!("---- a::b stdout ----\n{output}thread 'a::b' panicked at src/a.rs:3:9:\nno"),
            &[(1, 103)],
        );
    }

    #[test]
    fn a_documentation_test_fails_by_its_compiler_or_its_panic() {
        check(
            "running 1 test\ntest src/lib.rs - add (line 5) ... FAILED\n\nfailures:\n\n\
             ---- src/lib.rs - add (line 5) stdout ----\n\
             error[E0425]: cannot find function `ad` in this scope\n --> src/lib.rs:6:1\n  |\n\
             4 | ad(1, 2);\n  | ^^ not found in this scope\n\nerror: aborting due to 1 previous \
             error\n\nFor more information about this error, try `rustc --explain E0425`.\n\
             Couldn't compile the test.\n\nfailures:\n    src/lib.rs - add (line 5)\n\n\
             test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; \
             finished in 0.05s\n\nerror: doctest failed, to rerun pass `--doc`",
            "test_failure src/lib.rs:6:1 [E0425] {src/lib.rs - add (line 5)} \
             cannot find function `ad` in this scope",
        );
        check(
            "---- src/lib.rs - add (line 5) stdout ----\n\
             Test executable failed (exit status: 101).\n\nstderr:\n\n\
             thread 'main' panicked at src/lib.rs:7:1:\nassertion failed: false\n\
             note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
            "test_failure src/lib.rs:7:1 {src/lib.rs - add (line 5)} assertion failed: false",
        );
    }

    #[test]
    fn a_test_that_passes_in_a_later_try_is_only_flaky() {
        check(
            "  TRY 1 FAIL [   0.003s] (1/2) shop cart::flaky\n  stdout ───\n\n\
             thread 'cart::flaky' panicked at src/cart.rs:3:5:\nno\n\n\
             \x20 TRY 1 FAIL [   0.003s] (2/2) shop cart::broken\n  stderr ───\n\n\
             \x20   thread 'cart::broken' panicked at src/cart.rs:9:5:\n    never\n\n\
             \x20 TRY 2 PASS [   0.003s] (1/2) shop cart::flaky\n\
             \x20 TRY 2 FAIL [   0.003s] (2/2) shop cart::broken\n  stderr ───\n\n\
             \x20   thread 'cart::broken' panicked at src/cart.rs:9:5:\n    never\n\n\
             ────────────\n     Summary [   0.010s] 2 tests run: 1 passed (1 flaky), 1 failed\n\
             \x20  FLAKY 2/2 [   0.003s] (1/2) shop cart::flaky\n\
             \x20 TRY 2 FAIL [   0.003s] (2/2) shop cart::broken\nerror: test run failed",
            "test_failure src/cart.rs:9:5 {cart::broken} never",
        );
        check(
            "     SIGSEGV [   0.120s] (3/9) shop::it ffi::frees\nerror: test run failed",
            "test_failure {ffi::frees} SIGSEGV [   0.120s] (3/9)",
        );
    }

    #[test]
    fn a_stack_overflow_names_its_test() {
        check(
            "running 1 test\n\nthread 'deep::recurses' (9) has overflowed its stack\n\
             fatal runtime error: stack overflow, aborting\n\
             error: test failed, to rerun pass `--lib`\n\nCaused by:\n\
             \x20 process didn't exit successfully: `/w/deps/a-1` (signal: 6, SIGABRT: process \
             abort signal)",
            "test_failure {deep::recurses} has overflowed its stack",
        );
    }

    #[test]
    fn a_run_that_passed_has_no_failed_test() {
        check(
            "running 2 tests\ntest cart::fails_on_error ... ok\ntest cart::skipped ... ignored\n\
             test slow has been running for over 60 seconds\n\n\
             test result: ok. 10 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\n\
             \x20    Summary [   0.5s] 9 tests run: 9 passed (1 slow), 0 skipped\n",
            "",
        );
    }

    #[test]
    fn a_snapshot_is_named_by_its_source() {
        check(
            "---- t::snap stdout ----\n━━━━ Snapshot Summary ━━━━\nSnapshot: snap\n\
             Source: src/t.rs:14\n────\n\
             thread 't::snap' panicked at \
             /home/runner/.cargo/registry/src/i/insta-1.49.0/src/runtime.rs:679:13:\n\
             snapshot assertion for 'snap' failed in line 14",
            "test_failure src/t.rs:14 [snapshot] {t::snap} snapshot assertion for 'snap' \
             failed in line 14",
        );
    }
}
