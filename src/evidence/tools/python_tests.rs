//! Python's test runners: pytest and unittest.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, is_own};

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
            &[".py:"],
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
            &["FAIL Required test coverage", "Coverage failure: total", "ERROR: Coverage failure"],
            r"^(?P<message>(?:FAIL Required test coverage|(?:ERROR: )?Coverage failure: total).*)$",
        ),
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
                "ERROR: usage:",
                ": error:",
                "ImportError while loading conftest",
                "INTERNALERROR> ",
            ],
            concat!(
                r"^(?P<message>(?:ERROR: (?:file or directory not found|not found:|usage:)",
                r"|\S*pytest\S*: error:|ImportError while loading conftest",
                r"|INTERNALERROR> [A-Za-z.]+Error).*)$",
            ),
        ),
    ],
};

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
    draft.first -= first.min(12);
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
            r"|\w+\.[\w.]+(?:\([^)]*\))?)(?: \[.*\]| \(.*\))*$",
        ),
    )
    .reading(unittest)],
};

fn unittest(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if let Some((name, place)) =
        draft.failure.test.as_deref().and_then(|test| test.split_once(" ("))
    {
        let place = place.trim_end_matches(')');
        let full = if place.ends_with(&format!(".{name}")) {
            place.to_owned()
        } else {
            format!("{place}.{name}")
        };
        draft.failure.test = Some(full);
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
    fn unittest_names_module_class_and_test() {
        check(
            "=====\nERROR: test_a (pkg.tests.T)\n-----\nTraceback (most recent call last):\n\
             \x20 File \"/home/runner/work/a/a/pkg/tests.py\", line 3, in test_a\n    f()\n\
             \x20 File \"/usr/lib/python3/json.py\", line 9, in f\n    g()\nKeyError: 'x'\n\n\
             -----\nRan 1 test",
            "test_failure pkg/tests.py:3 {pkg.tests.T.test_a} KeyError: 'x'",
        );
        check("ERROR: could not do x", "");
    }
}
