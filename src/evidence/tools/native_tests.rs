//! Tests of C and C++: GoogleTest, Catch2, doctest, Boost.Test, CTest, failed assertions.

use super::{At, Draft, FailureKind as K, Rule, Tool, extent, place_in};

pub(super) static TESTS: Tool = Tool {
    name: "gtest",
    about: "GoogleTest, Catch2, doctest, Boost.Test, CTest and failed assertions.",
    example: "\
         /home/runner/work/shop/shop/test/cart_test.cc:12: Failure\n\
         Expected equality of these values:\n  total\n    Which is: 4\n  5\n\
         [  FAILED  ] Cart.Adds (0 ms)",
    rules: &[
        Rule::new(
            K::TestFailure,
            &["[  FAILED  ] "],
            r"^\[  FAILED  \] (?P<test>[A-Za-z_]\S*\.\S+?)(?:,.*)?(?: \([0-9]+ ms\))?$",
        )
        .reading(gtest),
        Rule::new(
            K::TestFailure,
            &["FAILED:"],
            r"^(?P<file>[^\s:(][^:(]*)[:(](?P<line>[0-9]+)\)?: FAILED:$",
        )
        .reading(catch),
        Rule::new(
            K::TestFailure,
            &[
                "***Failed",
                "***Timeout",
                "***Exception",
                "***Not Run",
                "(Failed)",
                "(Timeout)",
                "(SEGFAULT)",
                "aborted)",
                "(ILLEGAL)",
                "(BUS_ERROR)",
                "(NUMERICAL)",
                "(OTHER_FAULT)",
                "(BAD_COMMAND)",
                "(Not Run)",
            ],
            concat!(
                r"^\s*(?:[0-9]+ - (?P<test>\S.*?) \((?:Failed|Timeout|SEGFAULT",
                r"|(?:Subprocess|Child) aborted|ILLEGAL|BUS_ERROR|NUMERICAL|OTHER_FAULT",
                r"|BAD_COMMAND|Not Run)\)",
                r"|[0-9]+/[0-9]+ Test +#[0-9]+: (?P<message>.*?\*\*\*(?:Failed|Timeout",
                r"|Exception|Not Run).*))",
            ),
        )
        .reading(ctest),
        Rule::new(
            K::TestFailure,
            &[" is NOT correct!", " THREW exception", "did NOT throw"],
            concat!(
                r"^(?P<file>[^\s:(][^:(]*)[:(](?P<line>[0-9]+)\)?: (?:FATAL )?ERROR: ",
                r"(?P<message>.+ (?:is NOT correct!|THREW exception.*|did NOT throw.*))$",
            ),
        )
        .reading(doctest),
        Rule::new(
            K::TestFailure,
            &["error: in \""],
            concat!(
                r"^(?P<file>[^\s(][^(]*)\((?P<line>[0-9]+)\): (?:fatal )?error: in ",
                r#""(?P<test>[^"]+)": (?P<message>.+)$"#,
            ),
        ),
        Rule::new(
            K::TestFailure,
            &["Assertion `"],
            r"^\S+: (?P<file>[^\s:]+):(?P<line>[0-9]+): (?P<message>.*Assertion `.+' failed\.?)$",
        ),
        Rule::new(
            K::TestFailure,
            &["Assertion failed: "],
            concat!(
                r"^(?P<message>Assertion failed: \(?.+?\)?), (?:function .+?, )?file ",
                r"(?P<file>.+?), line (?P<line>[0-9]+)\.?$",
            ),
        ),
    ],
};

fn gtest(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let mut reached = false;
    for (distance, line) in at.lines_above(300) {
        if line.starts_with("[ RUN      ]") || line.starts_with("[----------]") {
            reached = line.starts_with("[ RUN");
            break;
        }
        if line.trim_end().ends_with(": Failure")
            && let Some((path, row, _)) = place_in(line)
        {
            draft.place(path, row, None);
            draft.first = at.index - distance;
            draft.failure.message.clear();
            for (_, more) in (at.index - distance + 1..at.index)
                .take(6)
                .map(|i| (i, at.above(at.index - i).unwrap_or("")))
            {
                draft.say(more.trim());
            }
        }
    }
    if !reached && draft.path.is_some() {
        draft.path = None;
        draft.failure.line = None;
        draft.first = at.index;
        at.text().clone_into(&mut draft.failure.message);
    }
    draft.last = draft.last.min(draft.first + extent::BLOCK_LINES_MAX);
    found.push(draft);
}

fn catch(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(6) {
        if line.trim().is_empty() {
            break;
        }
        draft.say(line.trim());
        draft.last = draft.first + distance;
    }
    let mut rule_lines =
        at.lines_above(30).skip_while(|(_, line)| !line.starts_with("....")).skip(1);
    let title = rule_lines.find(|(_, line)| {
        !line.trim().is_empty() && !line.starts_with("---") && place_in(line).is_none()
    });
    if let Some((distance, line)) = title {
        draft.failure.test = Some(line.trim().to_owned());
        draft.first = at.index - distance;
    }
    found.push(draft);
}

/// doctest: the case's name stands in a box above.
fn doctest(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let title = at.lines_above(40).find_map(|(distance, line)| {
        Some((distance, line.trim_start().strip_prefix("TEST CASE:")?.trim()))
    });
    if let Some((distance, title)) = title {
        draft.failure.test = Some(title.to_owned());
        draft.first = at.index - distance.min(extent::BLOCK_LINES_MAX);
    }
    extent::indented(at, &mut draft);
    found.push(draft);
}

fn ctest(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if draft.failure.test.is_none() {
        let message = draft.failure.message.clone();
        let name = message.split(" .").next().unwrap_or(&message);
        draft.failure.test = Some(name.trim_end_matches(['.', ' ']).to_owned());
        if message.contains("***Timeout") {
            draft.failure.kind = K::Timeout;
        }
        // With `--output-on-failure` the test's own words stand below, to the next test.
        extent::while_below(at, &mut draft, |line| {
            !(line.trim_start().starts_with("Start ")
                || line.contains(" Test ")
                || line.contains("% tests passed"))
        });
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_lines};

    #[test]
    fn googletest_is_read_once_with_its_assertion() {
        let log = "[==========] Running 2 tests from 1 test suite.\n[ RUN      ] A.B\n\
             /home/runner/work/a/a/test/a.cc:12: Failure\n\
             Expected equality of these values:\n  total\n    Which is: 4\n  5\n\n\
             [  FAILED  ] A.B (0 ms)\n[ RUN      ] A.C\n[       OK ] A.C (0 ms)\n\
             [  PASSED  ] 1 test.\n[  FAILED  ] 1 test, listed below:\n[  FAILED  ] A.B\n\n\
             \x201 FAILED TEST\n";
        check(log, "test_failure test/a.cc:12 {A.B} Expected equality of these values:");
        check_lines(log, &[(3, 9)]);
        check("[  PASSED  ] 10 tests.\n[==========] 10 tests ran. 0 failed\n", "");
    }

    #[test]
    fn catch_doctest_and_boost_are_read() {
        let catch = "----------------------------\nadds things\n----------------------------\n\
             test/a.cpp:10\n............................\n\ntest/a.cpp:12: FAILED:\n\
             \x20 REQUIRE( total == 5 )\nwith expansion:\n  4 == 5\n\n\
             ===========================\ntest cases: 1 | 1 failed\n";
        check(catch, "test_failure test/a.cpp:12 {adds things} REQUIRE( total == 5 )");
        check_lines(catch, &[(2, 10)]);
        check(
            "test/a.cpp:10:\nTEST CASE:  adds\n\n\
             test/a.cpp:12: ERROR: CHECK( total == 5 ) is NOT correct!\n\
             \x20 values: CHECK( 4 == 5 )\n\n[doctest] test cases: 1 | 0 passed | 1 failed\n",
            "test_failure test/a.cpp:12 {adds} CHECK( total == 5 ) is NOT correct!",
        );
        check(
            "test/a.cpp(12): error: in \"cart/adds\": check total == 5 has failed [4 != 5]\n\
             *** 1 failure is detected in the test module \"shop\"\n",
            "test_failure test/a.cpp:12 {cart/adds} check total == 5 has failed [4 != 5]",
        );
    }

    #[test]
    fn ctest_names_what_failed_and_how() {
        let log = "    Start 3: cart\n3/3 Test #3: cart .............***Failed    0.01 sec\n\
             4 is not 5\n\n67% tests passed, 1 tests failed out of 3\n\n\
             The following tests FAILED:\n\t  3 - cart (Failed)\nErrors while running CTest\n";
        check(log, "test_failure {cart} cart .............***Failed    0.01 sec");
        check_lines(log, &[(2, 3)]);
        check(
            "1/1 Test #1: slow ....***Timeout  10.0 sec\n",
            "timeout {slow} slow ....***Timeout  10.0 sec",
        );
        check("1/1 Test #1: cart ....   Passed    0.01 sec\n100% tests passed\n", "");
    }

    #[test]
    fn assertions_have_their_place() {
        check(
            "a.out: src/a.c:3: int main(): Assertion `x == 5' failed.\nAborted (core dumped)\n",
            "test_failure src/a.c:3 int main(): Assertion `x == 5' failed.",
        );
        check(
            "Assertion failed: (x == 5), function main, file a.c, line 3.\n",
            "test_failure a.c:3 Assertion failed: (x == 5)",
        );
    }
}
