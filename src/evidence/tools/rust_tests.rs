//! Rust tests: libtest, nextest, panics, insta's snapshot assertions.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, place_in};

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
            &["FAIL [", "TIMEOUT [", "SIG"],
            concat!(
                r"^\s*(?P<message>(?:LEAK-FAIL|FAIL|TIMEOUT",
                r"|SIG[A-Z]+) \[[^\]]+\](?: \([^)]*\))?) +(?P<task>\S+) ",
                r"(?P<test>[A-Za-z_]\S*(?:::\S+| - .+)?)$",
            ),
        )
        .reading(block),
        Rule::new(
            K::TestFailure,
            &["... FAILED"],
            r"^test (?P<test>.+?)(?: - should panic)? \.\.\. FAILED$",
        ),
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

/// Finds the panic of a named test among its captured output.
fn block(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let mut source = None;
    for (distance, line) in at.lines_below(CAPTURED_LINES_MAX) {
        if is_next_test(line) {
            break;
        }
        if let Some(place) = line.trim_start().strip_prefix("Source: ") {
            source = place_in(place);
        }
        if let Some((_, panic)) = line.split_once("panicked at ") {
            draft.last = draft.first + distance + panic_message(at, distance, panic, &mut draft);
            break;
        }
        if let Some(error) = line.trim_start().strip_prefix("Error: ") {
            error.clone_into(&mut draft.failure.message);
            draft.last = draft.first + distance;
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

fn is_next_test(line: &str) -> bool {
    let trimmed = line.trim_start();
    line.starts_with("---- ")
        || line.starts_with("test result: ")
        || trimmed.starts_with("PASS [")
        || trimmed.starts_with("FAIL [")
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
    if !draft.failure.test.as_ref().is_some_and(|name| name.contains("::")) {
        draft.failure.test = None;
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

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
        check("test a::b ... FAILED", "test_failure {a::b} test a::b ... FAILED");
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
