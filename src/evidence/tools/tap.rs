//! Test runners that come with JavaScript's runtimes, and TAP: Bun, node:test, Mocha.

use super::extent::{deeper, is_in_frame, while_below};
use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, frame_in, is_own, place_in};

/// How far from its name a test's first own stack frame may stand.
const BLOCK_LINES_MAX: usize = 120;

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
            &["test at "],
            r"^\s*test at (?P<file>\S.*):(?P<line>[0-9]+):(?P<column>[0-9]+)$",
        )
        .reading(node_test),
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

/// node:test lists what failed at its end: the place, the name behind a cross, the error.
fn node_test(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let Some(name) = at.below(1).and_then(|line| line.trim_start().strip_prefix("✖ ")) else {
        return;
    };
    let name = name.rsplit_once(" (").map_or(name, |(name, _)| name);
    draft.failure.tool = Some("node:test".to_owned());
    draft.failure.test = Some(name.to_owned());
    draft.failure.message = at.below(2).unwrap_or_default().trim().to_owned();
    draft.last = draft.first + 2;
    if draft.failure.message.contains("subtest") && draft.failure.message.contains(" failed") {
        draft.weight = Weight::Consequence;
    }
    let frame = at.lines_below(BLOCK_LINES_MAX).take_while(|(_, line)| !is_test_at(line));
    let own = frame.filter_map(|(_, line)| frame_in(line)).find(|(path, ..)| is_own(path));
    if let Some((path, line, column)) = own {
        draft.place(path, line, column);
    }
    while_below(at, &mut draft, |line| !is_test_at(line));
    found.push(draft);
}

fn is_test_at(line: &str) -> bool {
    line.trim_start().starts_with("test at ")
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
        // What failed below it tells more.
        if told == "failureType: 'subtestsFailed'" {
            return;
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
            let error = error.trim_matches(['\'', '"', '|', '-', '>']);
            // A block's text begins on the next line.
            let error = if error.is_empty() { at.below(distance + 1).unwrap_or("") } else { error };
            error.trim().clone_into(&mut draft.failure.message);
            draft.last = draft.first + distance;
        }
    }
    if at.below(1).is_some_and(|line| line.starts_with("  ") && line.trim() != "---")
        && draft.path.is_none()
    {
        mocha_tap(at, &mut draft);
    }
    deeper(at, &mut draft);
    found.push(draft);
}

/// Mocha's TAP has no block: the message, the error and its frames stand below, deeper.
fn mocha_tap(at: &At<'_>, draft: &mut Draft) {
    let block = at.lines_below(BLOCK_LINES_MAX).take_while(|(_, line)| line.starts_with("  "));
    for (distance, line) in block {
        if distance == 1 {
            line.trim().clone_into(&mut draft.failure.message);
        }
        if let Some((path, line, column)) = frame_in(line).filter(|(path, ..)| is_own(path)) {
            draft.place(path, line, column);
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_lines};

    #[test]
    fn node_tests_are_read_in_their_list_and_as_tap() {
        let log = "✖ adds (6.38ms)\n  AssertionError: 1 !== 2\n\n✖ failing tests:\n\n\
             test at test/n.mjs:2:1\n✖ adds (6.387233ms)\n\
             \x20 AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:\n\n\
             \x20 1 !== 2\n\n\
             \x20     at TestContext.<anonymous> (file:///home/runner/work/a/a/test/n.mjs:2:29)\n\n\
             test at test/n.mjs:1:1\n✖ suite (7ms)\n  '1 subtest failed'\n";
        check(
            log,
            "test_failure test/n.mjs:2:29 {adds} AssertionError [ERR_ASSERTION]: Expected values \
             to be strictly equal:",
        );
        check_lines(log, &[(6, 12)]);
        check(
            "not ok 1 - adds\n  ---\n  location: '/home/runner/work/a/a/n.mjs:2:1'\n\
             \x20 error: |-\n    Expected values to be equal:\n    \n    1 !== 2\n  ...\n",
            "test_failure n.mjs:2:1 {adds} Expected values to be equal:",
        );
        check(
            "not ok 1 cart adds\n  1 == 2\n  AssertionError [ERR_ASSERTION]: 1 == 2\n\
             \x20     at Context.<anonymous> (test/m.cjs:1:84)\nError: logged\nok 2 cart ok\n",
            "test_failure test/m.cjs:1:84 {cart adds} 1 == 2",
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
    fn bun_and_tap_are_read() {
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
