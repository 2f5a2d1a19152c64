//! What each test runner's words come to, and what a comparison says.

use super::*;
use crate::domain::proof::TestChange;

/// Each suite as `tool: ran/skipped`, with `all named` where the names are complete.
#[track_caller]
fn check(output: &str, expected: &str) {
    let ran = TestsRan::in_output(output.as_bytes());
    assert_eq!(told(&ran), expected, "\n{output}\n{ran:?}");
}

fn told(ran: &TestsRan) -> String {
    let one = |(tool, suite): (&&str, &Suite)| {
        let (all_ran, skipped) = suite.numbers();
        let named = suite.shapes().next().is_some() && suite.is_complete();
        format!("{tool}: {all_ran}/{skipped}{}", if named { " all named" } else { "" })
    };
    ran.0.iter().map(one).collect::<Vec<_>>().join("; ")
}

const CARGO: &str = "\
   Compiling tiny v0.1.0 (/workspace)
     Running unittests src/lib.rs (target/debug/deps/tiny-0a1b2c3d4e5f6071)

running 3 tests
test tests::adds ... ok
test tests::later ... ignored, not yet
test tests::breaks ... FAILED

failures:
    tests::breaks

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
   Doc-tests tiny
test src/lib.rs - add (line 3) ... ok
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s
";

#[test]
fn test_runners_of_rust_are_understood() {
    check(CARGO, "cargo test: 3/1 all named");
    check(
        "running 2 tests\n..\ntest result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n",
        "cargo test: 2/0",
    );
    check(
        "        PASS [   0.005s] (1/3) tiny tests::adds\n        FAIL [   0.006s] (2/3) tiny tests::b\n\
         \x20    Summary [   0.010s] 2/3 tests run: 1 passed, 1 failed, 4 skipped\n        FAIL [   0.006s] \
         (2/3) tiny tests::b\n",
        "nextest: 2/4",
    );
}

#[test]
fn test_runners_of_python_are_understood() {
    check(
        "tests/test_a.py::test_one PASSED                [ 33%]\ntests/test_a.py::test_two[a b] FAILED \
         [ 66%]\ntests/test_a.py::test_three SKIPPED (later)   [100%]\n\
         FAILED tests/test_a.py::test_two[a b] - assert 1 == 2\n\
         ============ 1 failed, 1 passed, 1 skipped, 2 warnings in 0.03s ============\n",
        "pytest: 2/1 all named",
    );
    check("..F\nFAILED tests/test_a.py::test_c - x\n1 failed, 2 passed in 0.02s\n", "pytest: 3/0");
    check("[gw0] [ 50%] PASSED tests/test_a.py::test_one \n1 passed in 1.2s\n", {
        "pytest: 1/0 all named"
    });
    check("no tests ran in 0.01s\n", "pytest: 0/0");
    check("1 passed, 1 xfailed in 61.02s (0:01:01)\n", "pytest: 1/1");
    check(
        "test_adds (tests.CartTest.test_adds) ... ok\ntest_b (tests.CartTest.test_b) ... skipped 'x'\n\n\
         Ran 2 tests in 0.001s\n\nOK (skipped=1)\n",
        "unittest: 1/1 all named",
    );
    check("Ran 3 tests in 0.1s\n\nFAILED (failures=1, skipped=1, expected failures=1)\n", {
        "unittest: 1/2"
    });
    check("built 3 wheels in 4.2s\ncompiled in 3s\n", "");
}

#[test]
fn test_runners_of_javascript_are_understood() {
    check(
        "PASS src/a.test.js\nFAIL src/b.test.js (5.1 s)\n  cart\n    ✓ adds (3 ms)\n    ✕ breaks (1 ms)\n    \
         ○ skipped later\n\nTest Suites: 1 failed, 1 passed, 2 total\nTests:       1 failed, 1 skipped, 2 \
         passed, 4 total\n",
        "jest: 3/1; jest (files): 2/0 all named",
    );
    check("PASS a.test.js\n  ✓ adds (3 ms)\nTests:       1 passed, 1 total\n", {
        "jest: 1/0 all named; jest (files): 1/0 all named"
    });
    check(
        " ✓ src/a.test.ts (2 tests) 3ms\n ❯ src/b.test.ts (2 tests | 1 failed) 5ms\n   × cart > adds 2ms\n\
         \x20Test Files  1 failed | 1 passed (2)\n      Tests  1 failed | 2 passed | 1 skipped (4)\n",
        "vitest: 3/1; vitest (files): 2/0 all named",
    );
    check("  cart\n    ✔ adds\n    1) breaks\n\n  1 passing (5ms)\n  2 pending\n  1 failing\n", {
        "mocha: 2/2"
    });
    check("  1 failed\n    a.spec.ts:3:1 › cart\n  2 passed (1.2s)\n", "playwright: 2/0");
    check("# tests 4\n# pass 2\n# fail 1\n# cancelled 0\n# skipped 1\n# todo 0\n", {
        "node --test: 3/1"
    });
}

#[test]
fn go_names_packages_always_and_tests_when_it_names_all() {
    let quiet = "--- FAIL: TestB (0.00s)\n    a_test.go:9: no\nFAIL\nFAIL\tx.org/a\t0.2s\n\
                 ok  \tx.org/b\t(cached)\n?   \tx.org/c\t[no test files]\nFAIL\tx.org/d [build failed]\n";
    check(quiet, "go test (packages): 2/0 all named");
    let all = "=== RUN   TestA\n=== RUN   TestA/two\n--- PASS: TestA (0.00s)\n    --- PASS: TestA/two \
               (0.00s)\n=== RUN   TestB\n--- SKIP: TestB (0.00s)\nPASS\nok  \tx.org/a\t0.1s\n";
    check(all, "go test: 2/1 all named; go test (packages): 1/0 all named");
    let json = "{\"Action\":\"run\",\"Package\":\"x\",\"Test\":\"TestA\"}\n\
                {\"Action\":\"pass\",\"Package\":\"x\",\"Test\":\"TestA\",\"Elapsed\":0}\n\
                {\"Action\":\"skip\",\"Package\":\"x\",\"Test\":\"TestB\"}\n\
                {\"Action\":\"pass\",\"Package\":\"x\",\"Elapsed\":0.1}\n\
                {\"Action\":\"skip\",\"Package\":\"y\",\"Elapsed\":0}\n";
    check(json, "go test: 1/1 all named; go test (packages): 1/0 all named");
    check("ok  \tx.org/a\t0.1s [no tests to run]\n", "go test (packages): 0/1 all named");
    check("DONE 3 tests, 1 skipped, 1 failure in 0.1s\n", "gotestsum: 2/1");
}

#[test]
fn sums_of_other_test_runners_are_understood() {
    check(
        "[INFO] Tests run: 2, Failures: 0, Errors: 0, Skipped: 1, Time elapsed: 0.1 s -- in shop.CartTest\n\
         [INFO] Results:\n[ERROR] Tests run: 4, Failures: 1, Errors: 0, Skipped: 1\n",
        "surefire: 3/1",
    );
    check("3 examples, 1 failure, 1 pending\n", "rspec: 2/1");
    check("3 runs, 5 assertions, 1 failures, 0 errors, 1 skips\n", "minitest: 2/1");
    check("OK (3 tests, 4 assertions)\n", "phpunit: 3/0");
    check("Tests: 3, Assertions: 4, Failures: 1, Skipped: 1.\n", "phpunit: 2/1");
    check("2 doctests, 3 tests, 1 failure, 1 skipped\n", "exunit: 4/1");
    check(
        "  Passed Shop.Tests.Adds [3 ms]\n  Skipped Shop.Tests.Later\n  Failed Shop.Tests.B [1 s]\n\
         Failed!  - Failed:     1, Passed:     1, Skipped:     1, Total:     3, Duration: 5 ms - A.dll\n",
        "dotnet test: 2/1 all named",
    );
    check("Test summary: total: 3, failed: 1, succeeded: 2, skipped: 0, duration: 1.2s\n", {
        "dotnet test: 3/0"
    });
    check("Files=2, Tests=5,  0 wallclock secs\nResult: PASS\n", "prove: 5/0");
    check("67% tests passed, 1 tests failed out of 3\n", "ctest: 3/0");
    check("[       OK ] Cart.adds (0 ms)\n[  FAILED  ] Cart.b (1 ms)\n[  FAILED  ] Cart.b\n", {
        "googletest: 2/0 all named"
    });
}

#[test]
fn reports_name_every_test() {
    let mut ran = TestsRan::default();
    ran.add_report(
        br#"<testsuites><testsuite name="s"><testcase classname="a.B" name="one"/>
<testcase classname="a.B" name="two"><skipped/></testcase>
<testcase classname="a.B" name="three"><failure message="no"/></testcase></testsuite></testsuites>"#,
    );
    ran.add_report(br#"<TestRun><Results><UnitTestResult testName="A.B" outcome="Passed"/></Results></TestRun>"#);
    ran.add_report(b"no report");
    assert_eq!(told(&ran), "JUnit reports: 2/1 all named; test results (trx): 1/0 all named");
}

#[test]
fn what_stands_for_tests_that_could_not_be_loaded_is_no_test() {
    differ(
        "test_cart (unittest.loader._FailedTest.test_cart) ... ERROR\n\nRan 1 test in 0.1s\n\n\
         FAILED (errors=1)\n",
        "test_adds (test_cart.CartTest.test_adds) ... ok\n\nRan 1 test in 0.1s\n\nOK\n",
        "vanished [] skipped [] 1→1",
    );
    let mut ran = TestsRan::default();
    ran.add_report(
        br#"<testsuite><testcase name="tests.test_a"><error message="collection failure"/></testcase>
<testcase classname="shop.CartTest" name="initializationError"><failure/></testcase></testsuite>"#,
    );
    assert_eq!(told(&ran), "");
}

/// One comparison as `vanished […] skipped […] ran→ran`.
#[track_caller]
fn differ(before: &str, after: &str, expected: &str) {
    let of = |output: &str| TestsRan::in_output(output.as_bytes());
    let one = |change: &TestChange| {
        format!(
            "vanished {:?} skipped {:?} {}→{}",
            change.vanished.names, change.skipped.names, change.before.ran, change.after.ran
        )
    };
    let all: Vec<String> = changes("c", &of(before), &of(after)).iter().map(one).collect();
    assert_eq!(all.join("; "), expected, "\n{before}\n{after}");
}

fn cargo(tests: &[(&str, &str)]) -> String {
    let line = |(name, verdict): &(&str, &str)| ["test ", name, " ... ", verdict, "\n"].concat();
    let lines: String = tests.iter().map(line).collect();
    let of = |word: &str| tests.iter().filter(|(_, verdict)| *verdict == word).count();
    let (ok, failed, ignored) = (of("ok"), of("FAILED"), of("ignored"));
    format!("{lines}test result: ok. {ok} passed; {failed} failed; {ignored} ignored\n")
}

#[test]
fn a_test_that_is_gone_or_idle_is_named() {
    let before = cargo(&[("a", "ok"), ("b", "FAILED"), ("c", "ignored")]);
    let after = |tests| cargo(tests);
    differ(&before, &after(&[("a", "ok"), ("b", "ok"), ("c", "ignored")]), {
        "vanished [] skipped [] 2→2"
    });
    differ(&before, &after(&[("a", "ok"), ("c", "ignored")]), {
        "vanished [\"b\"] skipped [] 2→1"
    });
    differ(&before, &after(&[("a", "ok"), ("b", "ignored"), ("c", "ok")]), {
        "vanished [] skipped [\"b\"] 2→2"
    });
    differ(&before, &after(&[("a", "ok"), ("renamed", "ok"), ("c", "ignored")]), {
        "vanished [\"b\"] skipped [] 2→2"
    });
    differ(&before, "", "vanished [\"a\", \"b\"] skipped [] 2→0");
}

#[test]
fn a_test_that_runs_in_another_place_has_moved_and_is_counted_once() {
    let before = cargo(&[("text::tests::slugs", "FAILED"), ("text::tests::trims", "ok")]);
    differ(&before, &cargo(&[("slug::tests::slugs", "ok"), ("text::tests::trims", "ok")]), {
        "vanished [] skipped [] 2→2"
    });
    // Skipped where it is now, it has not moved, and one new test stands for one old one.
    differ(&before, &cargo(&[("slug::tests::slugs", "ignored"), ("text::tests::trims", "ok")]), {
        "vanished [\"text::tests::slugs\"] skipped [] 2→1"
    });
    let twice = cargo(&[("a::works", "ok"), ("b::works", "FAILED")]);
    differ(&twice, &cargo(&[("c::works", "ok")]), "vanished [\"b::works\"] skipped [] 2→1");
    // A test that was there already stands for no other.
    differ(&twice, &cargo(&[("a::works", "ok")]), "vanished [\"b::works\"] skipped [] 2→1");
}

#[test]
fn names_that_are_the_same_in_several_binaries_are_counted() {
    let twice = cargo(&[("tests::works", "ok"), ("tests::works", "FAILED")]);
    let once = cargo(&[("tests::works", "ok")]);
    differ(&twice, &once, "vanished [\"tests::works\"] skipped [] 2→1");
}

#[test]
fn a_run_that_names_not_all_of_its_tests_is_compared_by_number() {
    differ(
        "FAILED tests/a.py::test_c - x\n1 failed, 2 passed in 0.02s\n",
        "3 passed in 0.02s\n",
        "vanished [] skipped [] 3→3",
    );
    differ("1 failed, 2 passed in 0.02s\n", "2 passed, 1 skipped in 0.02s\n", {
        "vanished [] skipped [] 3→2"
    });
}

#[test]
fn more_tests_than_before_are_no_difference() {
    let (one, two) = (cargo(&[("a", "FAILED")]), cargo(&[("a", "ok"), ("b", "ok")]));
    differ(&one, &two, "vanished [] skipped [] 1→2");
    differ("", &two, "vanished [] skipped [] 0→2");
}

#[test]
fn a_digest_tells_which_tests_ran_and_not_how_they_ended() {
    let of = |tests: &[(&str, &str)]| {
        let ran = TestsRan::in_output(cargo(tests).as_bytes());
        ran.0["cargo test"].summary().digest.unwrap()
    };
    assert_eq!(of(&[("a", "FAILED"), ("b", "ok")]), of(&[("b", "ok"), ("a", "ok")]));
    assert_ne!(of(&[("a", "ok")]), of(&[("a", "ok"), ("b", "ok")]));
    assert_ne!(of(&[("a", "ok"), ("b", "ignored")]), of(&[("a", "ok"), ("b", "ok")]));
}

#[test]
fn no_output_makes_it_fail_or_keep_too_much() {
    let wild =
        ["test  ... ok", "FAIL\t", "[gw", "--- PASS: ", "{\"Action\":", "Tests:", "✓", "Ran "];
    for line in wild {
        TestsRan::in_output(line.as_bytes());
    }
    TestsRan::in_output(&[0xff, 0xfe, 0x00]);
    let long = format!("test {} ... ok\n", "x".repeat(4000));
    let ran = TestsRan::in_output(long.as_bytes());
    let kept = ran.0["cargo test"].shapes().next().map(|(shape, _)| shape.len());
    assert!(kept.is_some_and(|bytes| bytes <= NAME_BYTES_MAX));
}
