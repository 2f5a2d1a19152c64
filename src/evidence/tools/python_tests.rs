//! Python's test runners: pytest and unittest.

use super::extent::{BLOCK_LINES_MAX as RANGE_LINES_MAX, paragraph};
use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, is_own, place_in};

pub(super) static PYTEST: Tool = Tool {
    name: "pytest",
    about: "pytest: failed tests, errors of fixtures and of collection, the coverage gate.",
    example: "\
         ____________ test_adds ____________\n\n    def test_adds():\n\
         >       assert add(2, 2) == 5\nE       assert 4 == 5\n\n\
         tests/test_cart.py:12: AssertionError\n\
         =========== short test summary info ===========\n\
         FAILED tests/test_cart.py::test_adds - assert 4 == 5",
    rules: &[
        Rule::new(
            K::TestFailure,
            &["FAILED ", "ERROR "],
            concat!(
                r"^(?:\[gw[0-9]+\] (?:\[[^\]]+\] )?)?(?:FAILED",
                r"|ERROR) (?:\[ *[0-9.]+m?s\] )?(?P<test>(?P<file>[^\s:]+\.[a-z]{2,5})::.+?)",
                r"(?: - (?P<message>.+))?$",
            ),
        )
        .reading(summary),
        Rule::new(
            K::TestFailure,
            &["ERROR "],
            r"^ERROR (?:collecting )?(?P<file>[^\s:]+\.py)(?: - (?P<message>.+))?$",
        )
        .reading(collection),
        Rule::new(
            K::TestFailure,
            &["ERROR collecting "],
            r"^_+ ERROR collecting (?P<test>(?P<file>[^\s:]+)) _+$",
        )
        .reading(headed),
        Rule::new(
            K::TestFailure,
            &[".py:\0: in "],
            r"^(?P<file>[^\s:>]+\.py):(?P<line>[0-9]+): in (?P<test>[A-Za-z_]\w*)$",
        )
        .reading(short),
        Rule::new(
            K::TestFailure,
            &[".py:\0: "],
            concat!(
                r"^(?P<file>[^\s:>]+\.py):(?P<line>[0-9]+): (?P<message>(?:in \S+",
                r"|[A-Za-z_][A-Za-z0-9_.]*(?:: .*)?))$",
            ),
        )
        .reading(place),
        Rule::new(
            K::TestFailure,
            &[" FAILED", " ERROR"],
            r"^(?P<test>(?P<file>[^\s:]+\.py)::\S.*?) (?:FAILED|ERROR)(?: +\[ *[0-9]+%\])?$",
        ),
        Rule::new(
            K::Config,
            &["FAIL Required test coverage", "Coverage failure: total"],
            r"^(?P<message>(?:FAIL Required test coverage|Coverage failure: total).*)$",
        ),
        // pytest-cov says it while it goes on, and once more at its end.
        Rule::new(
            K::Config,
            &["ERROR: Coverage failure"],
            r"^(?P<message>ERROR: Coverage failure: total.*)$",
        )
        .weighing(Weight::Sign),
        Rule::new(
            K::TestFailure,
            &["! Interrupted: "],
            r"^!+ (?P<message>Interrupted: [0-9]+ errors? during collection) !+$",
        )
        .weighing(Weight::Consequence),
        Rule::new(
            K::Config,
            &[
                "ERROR: file or directory not found",
                "ERROR: not found:",
                ": error:",
                "INTERNALERROR> ",
            ],
            concat!(
                r"^(?P<message>(?:ERROR: (?:file or directory not found|not found:)",
                r"|\S*pytest\S*: error:|INTERNALERROR> [A-Za-z.]+Error).*)$",
            ),
        ),
        Rule::new(
            K::Config,
            &["ImportError while loading conftest"],
            r"^(?P<message>ImportError while loading conftest '(?P<file>[^']+)'\.)$",
        )
        .reading(conftest),
    ],
};

/// The frames stand below, and then what was raised.
fn conftest(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    for (distance, line) in at.lines_below(BLOCK_LINES_MAX) {
        if let Some(raised) = line.strip_prefix("E   ") {
            raised.trim().clone_into(&mut draft.failure.message);
            draft.last = draft.first + distance;
            break;
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some((path, row, _)) = line.strip_suffix(": in <module>").and_then(place_in)
            && is_own(path)
        {
            draft.place(path, row, None);
        }
    }
    found.push(draft);
}

/// How far a test's report may reach from its header to its place.
const BLOCK_LINES_MAX: usize = 400;

fn summary(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    // The message of a summary may go on below it, indented or not; its first line is enough.
    draft.path = draft.path.map(|path| path.trim_start_matches("./").to_owned());
    if draft.failure.message == at.text() {
        draft.failure.message.clear();
    }
    if let Some(test) = &mut draft.failure.test
        && let Some(cut) = test.find(" - ")
    {
        let message = test[cut + 3..].to_owned();
        test.truncate(cut);
        draft.failure.message = message;
    }
    found.push(draft);
}

fn collection(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if draft.failure.message == at.text() {
        "could not be collected".clone_into(&mut draft.failure.message);
    }
    draft.failure.test.clone_from(&draft.path);
    found.push(draft);
}

/// How a report's header and its sections begin, which also end the report before.
fn is_section(line: &str) -> bool {
    line.starts_with("=====") || line.starts_with("_____") || line.starts_with("-----")
}

/// A file that could not be collected: its last frame in the project and the error below it.
fn headed(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let mut error = None;
    let mut last = 0;
    for (distance, line) in at.lines_below(BLOCK_LINES_MAX) {
        if is_section(line) && !line.starts_with("_ _") {
            break;
        }
        if let Some(told) = line.strip_prefix("E  ") {
            last = distance;
            if let Some((path, row)) = file_line(told) {
                draft.place(path, row, None);
            }
            // The error stands last where it is a chain or a syntax error with its code.
            if is_exception(told.trim()) || error.is_none() {
                error = Some(told.trim());
            }
        } else if let Some((path, row)) = short_frame(line).filter(|(path, _)| is_own(path)) {
            draft.place(path, row, None);
            last = distance;
        }
    }
    let Some(error) = error else { return };
    error.clone_into(&mut draft.failure.message);
    draft.last = draft.first + last;
    if draft.last >= draft.first + RANGE_LINES_MAX {
        draft.first = draft.last + 1 - RANGE_LINES_MAX;
    }
    found.push(draft);
}

/// Whether a line is an exception's: `NameError: name 'x' is not defined`.
fn is_exception(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or("");
    name.ends_with("Error") && !name.contains(' ') && name != line
}

/// Reads `tests/test_x.py:8: in test_a`.
fn short_frame(line: &str) -> Option<(&str, Option<u32>)> {
    let (place, _) = line.split_once(": in ")?;
    let (path, row) = place.rsplit_once(':')?;
    (!path.contains(' ')).then_some((path, Some(row.parse().ok()?)))
}

/// `--tb=short`: the first frame of a report, its test's name in the header above.
fn short(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let Some(test) = at.above(1).and_then(header) else { return };
    if test.starts_with("ERROR collecting ") {
        return; // its header was read
    }
    let name = test.strip_prefix("ERROR at setup of ").unwrap_or(test);
    let name = name.rsplit_once(" of ").map_or(name, |(_, name)| name);
    draft.failure.test = Some(name.to_owned());
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(BLOCK_LINES_MAX) {
        if is_section(line) {
            break;
        }
        if let Some(error) = line.strip_prefix("E  ") {
            draft.say(error.trim());
            draft.last = draft.first + distance.min(RANGE_LINES_MAX - 2);
        }
    }
    draft.first -= 1;
    if !draft.failure.message.is_empty() {
        found.push(draft);
    }
}

/// `tests/test_x.py:12: AssertionError` ends a test's report; its message and name stand above.
fn place(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if draft.failure.message.starts_with("in ") {
        return;
    }
    let mut errors: Vec<&str> = Vec::new();
    let mut test = None;
    let mut first = 0;
    for (distance, line) in at.lines_above(BLOCK_LINES_MAX) {
        if let Some(error) = line.strip_prefix("E  ") {
            errors.push(error);
        } else if errors.is_empty() && distance > 4 {
            return;
        }
        if let Some(header) = header(line) {
            test = Some(header);
            first = distance;
            break;
        }
        // The places of outer frames of the same report: the innermost of the test's own file
        // counts.
        if line.starts_with("=====") {
            break;
        }
    }
    let (Some(test), Some(error)) = (test, errors.last()) else { return };
    error.trim().clone_into(&mut draft.failure.message);
    for more in errors.iter().rev().skip(1).take(6) {
        draft.say(more);
    }
    // Of a long test's code the end is what failed.
    draft.first -= first.min(RANGE_LINES_MAX - 1);
    if let Some(what) = test.strip_prefix("ERROR collecting ") {
        draft.failure.test = Some(what.to_owned());
    } else {
        let name = test.rsplit_once(" of ").map_or(test, |(_, name)| name);
        let name = name.strip_prefix("ERROR at setup of ").unwrap_or(name);
        draft.failure.test = Some(name.to_owned());
        frame_of_test(at, name, first, &mut draft);
    }
    found.push(draft);
}

/// Where a helper raised, the place in the test's own file is what a reader wants first.
fn frame_of_test(at: &At<'_>, test: &str, header: usize, draft: &mut Draft) {
    let in_test = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.starts_with("test_") || name.ends_with("_test.py") || path.contains("tests/")
    };
    if test.is_empty() || draft.path.as_deref().is_some_and(|path| in_test(path) && is_own(path)) {
        return;
    }
    let frame = at.lines_above(header).find_map(|(_, line)| {
        let (path, rest) = line.split_once(".py:")?;
        let row = rest.strip_suffix(':').or_else(|| rest.split_once(": ").map(|(row, _)| row))?;
        let path = format!("{path}.py");
        (in_test(&path) && is_own(&path) && !path.contains(' '))
            .then_some((path, row.trim().parse().ok()?))
    });
    if let Some((path, row)) = frame {
        draft.place(&path, Some(row), None);
    }
}

/// The name in `_____ TestCart.test_adds _____`.
fn header(line: &str) -> Option<&str> {
    let inner = line.strip_prefix("__")?.trim_start_matches('_').strip_prefix(' ')?;
    let inner = inner.trim_end().trim_end_matches('_').strip_suffix(' ')?;
    (!inner.is_empty()).then_some(inner)
}

pub(super) static UNITTEST: Tool = Tool {
    name: "unittest",
    about: "unittest, nose and Django's runner.",
    example: "\
         FAIL: test_adds (tests.test_cart.CartTest.test_adds)\n\
         ----------------------------------------\nTraceback (most recent call last):\n\
         \x20 File \"/home/runner/work/shop/shop/tests/test_cart.py\", line 12, in test_adds\n\
         \x20   self.assertEqual(4, 5)\nAssertionError: 4 != 5\n",
    rules: &[Rule::new(
        K::TestFailure,
        &["FAIL: ", "ERROR: "],
        concat!(
            r"^(?:FAIL|ERROR): (?P<test>[A-Za-z_]\w* \([A-Za-z_][\w.]*\)",
            r"|\w+\.[\w.]+(?:\([^)]*\))?)(?P<code>(?: \[.*\]| \(.*\))*)$",
        ),
    )
    .reading(unittest)],
};

fn unittest(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let subtest = draft.failure.code.take().unwrap_or_default();
    if let Some((name, place)) =
        draft.failure.test.as_deref().and_then(|test| test.split_once(" ("))
    {
        let place = place.trim_end_matches(')');
        let full = if place.ends_with(&format!(".{name}")) {
            place.to_owned()
        } else {
            format!("{place}.{name}")
        };
        draft.failure.test = Some(full + &subtest);
    }
    if !at
        .lines_below(4)
        .any(|(_, line)| line.starts_with("-----") || line.starts_with("Traceback"))
    {
        return;
    }
    let mut in_trace = false;
    for (distance, line) in at.lines_below(BLOCK_LINES_MAX) {
        if line.starts_with("=====") || line.starts_with("FAIL: ") || line.starts_with("ERROR: ") {
            break;
        }
        in_trace |= line.starts_with("Traceback ");
        if let Some((path, row)) = file_line(line).filter(|(path, _)| is_own(path)) {
            draft.place(path, row, None);
        } else if in_trace
            && !line.starts_with(' ')
            && !line.starts_with("Traceback")
            && !line.trim().is_empty()
        {
            line.trim().clone_into(&mut draft.failure.message);
            draft.last = draft.first + distance;
            break;
        }
    }
    paragraph(at, &mut draft);
    found.push(draft);
}

/// Reads `  File "PATH", line 12, in f` of a traceback.
pub(super) fn file_line(line: &str) -> Option<(&str, Option<u32>)> {
    let (path, rest) = line.trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((path, digits.parse().ok()))
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;
    use crate::evidence::tests::check_lines;

    #[test]
    fn a_conftest_that_cannot_be_loaded_says_where_and_why() {
        check(
            "ImportError while loading conftest '/home/runner/work/shop/shop/tests/conftest.py'.\n\
             tests/conftest.py:3: in <module>\n    from shop.fixtures import *\n\
             shop/fixtures.py:1: in <module>\n    import myplugin\n\
             /opt/venv/lib/python3.12/site-packages/myplugin/__init__.py:1: in <module>\n\
             \x20   import absent\nE   ModuleNotFoundError: No module named 'absent'\n",
            "config shop/fixtures.py:1 ModuleNotFoundError: No module named 'absent'",
        );
    }

    #[test]
    fn pytest_blocks_and_summary_are_one() {
        check(
            "=== FAILURES ===\n____ TestCart.test_adds[1-2] ____\n\n\
             >       assert add(1) == 2\nE       assert 1 == 2\nE        +  where\n\n\
             tests/test_cart.py:12: AssertionError\n=== short test summary info ===\n\
             FAILED tests/test_cart.py::TestCart::test_adds[1-2] - assert 1 == 2\n\
             === 1 failed in 0.1s ===",
            "test_failure tests/test_cart.py:12 \
             {tests/test_cart.py::TestCart::test_adds[1-2]} assert 1 == 2",
        );
        check(
            "ERROR tests/test_x.py - ModuleNotFoundError: No module named 'y'\n\
             !!!! Interrupted: 1 error during collection !!!!",
            "test_failure tests/test_x.py {tests/test_x.py} ModuleNotFoundError: No module \
             named 'y'",
        );
        check(
            "tests/a.py::test_b PASSED [ 50%]\ntests/a.py::test_c FAILED [100%]",
            "test_failure tests/a.py {tests/a.py::test_c} tests/a.py::test_c FAILED [100%]",
        );
        check(
            "FAIL Required test coverage of 80% not reached. Total coverage: 69.06%",
            "config FAIL Required test coverage of 80% not reached. Total coverage: 69.06%",
        );
    }

    #[test]
    fn every_style_of_traceback_has_its_place() {
        let log = "\
============================= test session starts ==============================
collected 2 items

tests/test_cart.py F.                                                    [100%]

=================================== FAILURES ===================================
__________________________________ test_adds ___________________________________
tests/test_cart.py:12: in test_adds
    assert add(2, 2) == 5
E   assert 4 == 5
E    +  where 4 = add(2, 2)
----------------------------- Captured stdout call -----------------------------
ERROR: printed
=========================== short test summary info ============================
FAILED tests/test_cart.py::test_adds - assert 4 == 5
========================= 1 failed, 1 passed in 0.02s ==========================
";
        check(
            log,
            "test_failure tests/test_cart.py:12 {tests/test_cart.py::test_adds} assert 4 == 5",
        );
        check_lines(log, &[(7, 11)]);
        let log = "____ test_adds ____\n\n    def test_adds():\n>       assert add(2, 2) == 5\n\
             E       assert 4 == 5\n\ntests/test_cart.py:12: AssertionError";
        check(log, "test_failure tests/test_cart.py:12 {test_adds} assert 4 == 5");
        check_lines(log, &[(1, 7)]);
    }

    #[test]
    fn a_file_that_cannot_be_collected_says_why() {
        let log = "\
==================================== ERRORS ====================================
_______________ ERROR collecting tests/shells/test_powershell.py _______________
tests/shells/test_powershell.py:8: in <module>
    class TestPowershell(object):
tests/shells/test_powershell.py:33: in TestPowershell
    ([FileNotFoundError, b'PowerShell'], 'PowerShell 6.1.2', 'pwsh')])
E   NameError: name 'FileNotFoundError' is not defined
!!!!!!!!!!!!!!!!!!! Interrupted: 1 errors during collection !!!!!!!!!!!!!!!!!!!!
";
        check(
            log,
            "test_failure tests/shells/test_powershell.py:33 {tests/shells/test_powershell.py} \
             NameError: name 'FileNotFoundError' is not defined",
        );
        check_lines(log, &[(2, 7)]);
        check(
            "____ ERROR collecting tests/test_x.py ____\n\
             /opt/hostedtoolcache/Python/3.12.1/x64/lib/python3.12/site-packages/_pytest/x.py:1: \
             in importtestmodule\n    mod = import_path()\n\
             E     File \"/home/runner/work/a/a/tests/test_x.py\", line 3\nE       x = (\n\
             E           ^\nE   SyntaxError: '(' was never closed\n\
             ==== short test summary info ====\nERROR tests/test_x.py\n",
            "test_failure tests/test_x.py:3 {tests/test_x.py} SyntaxError: '(' was never closed",
        );
    }

    #[test]
    fn tests_that_passed_or_were_expected_to_fail_are_no_failures() {
        check(
            "tests/a.py::test_b PASSED [ 25%]\ntests/a.py::test_c XFAIL (later) [ 50%]\n\
             tests/a.py::test_d SKIPPED (no) [ 75%]\ntests/a.py::test_e RERUN [ 80%]\n\
             ---- Captured log call ----\nERROR    app:app.py:75 printed\n\
             ==== short test summary info ====\nXFAIL tests/a.py::test_c - later\n\
             ==== 1 passed, 1 skipped, 1 xfailed, 1 rerun in 0.02s ====",
            "",
        );
    }

    #[test]
    fn unittest_names_module_class_and_test() {
        check(
            "=====\nERROR: test_a (pkg.tests.T)\n-----\nTraceback (most recent call last):\n\
             \x20 File \"/home/runner/work/a/a/pkg/tests.py\", line 3, in test_a\n    f()\n\
             \x20 File \"/usr/lib/python3/json.py\", line 9, in f\n    g()\nKeyError: 'x'\n\n\
             -----\nRan 1 test",
            "test_failure pkg/tests.py:3 {pkg.tests.T.test_a} KeyError: 'x'",
        );
        let subtest = |sku: &str, line: u32| {
            format!(
                "=====\nFAIL: test_a (t.T.test_a) (sku='{sku}')\n-----\nTraceback (most recent call \
                 last):\n  File \"t.py\", line {line}, in test_a\nAssertionError: 1 != 2\n\n"
            )
        };
        check(
            &[subtest("tea", 3), subtest("ale", 3)].concat(),
            "test_failure t.py:3 {t.T.test_a (sku='tea')} AssertionError: 1 != 2\n\
             test_failure t.py:3 {t.T.test_a (sku='ale')} AssertionError: 1 != 2",
        );
        check("ERROR: could not do x", "");
    }
}
