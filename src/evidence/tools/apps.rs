//! Swift's and Dart's worlds: XCTest under xcodebuild and xcpretty, swift-format, dart analyze,
//! Flutter.

use super::{
    At, Draft, FailureKind as K, Rule, Severity, Tool, Weight, extent, has_extension, place_in,
};

pub(super) static XCTEST: Tool = Tool {
    name: "xctest",
    about: "XCTest, also as xcpretty prints it, and xcodebuild's own errors.",
    example: "CartTests\n  testAdds, XCTAssertEqual failed: (\"4\") is not equal to (\"5\")\n  \
              /Users/runner/work/shop/shop/Tests/CartTests.swift:12",
    rules: &[
        Rule::new(
            K::TestFailure,
            &[
                "XCTAssert",
                "XCTUnwrap",
                "failed",
                "Asynchronous wait",
                "threw error",
                "caught error",
                "crashed",
            ],
            concat!(
                r"^[a-z]{0,2}\s+(?P<test>test\w+(?:\(\))?), (?P<message>.*(?:XCTAssert|XCTUnwrap",
                r"|failed|Asynchronous wait|(?:threw|caught) error|crashed).*)$",
            ),
        )
        .beside(&[" test", "\ttest"])
        .reading(xcpretty),
        Rule::new(
            K::TestFailure,
            &["Test Case '"],
            r"^Test Case '(?:-\[)?(?P<test>[^\]']+)\]?' failed .*$",
        ),
        Rule::new(
            K::TestFailure,
            &["recorded an issue"],
            concat!(
                r#"^\W*Test (?P<test>.+?) recorded an issue(?: with .+?)? at (?P<file>[^\s:]+):"#,
                r"(?P<line>[0-9]+):(?P<column>[0-9]+): (?P<message>.+)$",
            ),
        )
        .reading(swift_testing),
        Rule::new(
            K::Dependency,
            &["error: Dependencies could not be resolved", "error: Failed to clone repository"],
            concat!(
                r"^(?:xcodebuild: )?error: (?P<message>(?:Dependencies could not be resolved",
                r"|Failed to clone repository).*)$",
            ),
        )
        .reading(extent::with_indented),
        Rule::new(
            K::Config,
            &["Invalid manifest", "No profiles for '", "requires a development team"],
            concat!(
                r"^(?:\S.*: )?error: (?P<message>(?:'.+': Invalid manifest|No profiles for '",
                r"|Signing for .* requires a development team).*)$",
            ),
        )
        .reading(extent::with_indented),
        Rule::new(
            K::CompileError,
            &["❌"],
            concat!(
                r"^\s*❌\s+(?P<file>\S[^:]*\.(?:swift|m|mm|h|c",
                r"|cpp)):(?P<line>[0-9]+):(?P<column>[0-9]+): (?P<message>.+)$",
            ),
        )
        .reading(pretty_frame),
        Rule::new(K::Config, &["xcodebuild: error: "], r"^xcodebuild: error: (?P<message>.+)$"),
        Rule::new(
            K::Unknown,
            &["** BUILD FAILED **", "** TEST FAILED **", "** ARCHIVE FAILED **"],
            r"^(?P<message>\*\* (?:BUILD|TEST|ARCHIVE) FAILED \*\*)",
        )
        .weighing(Weight::Consequence),
    ],
};

/// xcpretty's summary: the test, then its place; the class stands above both.
fn xcpretty(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let place = at.lines_below(3).find_map(|(distance, line)| {
        let (path, row, _) = place_in(line.trim())?;
        has_extension(path, "swift").then_some((distance, path, row))
    });
    let Some((distance, path, row)) = place else { return };
    draft.place(path, row, None);
    draft.last = draft.first + distance;
    code_block(at, distance, &mut draft);
    let class = at.lines_above(200).find(|(_, line)| {
        !line.starts_with(' ')
            && !line.trim().is_empty()
            && line.len() > 4
            && !line.contains(' ')
            && line.contains("Test")
    });
    if let (Some((_, class)), Some(test)) = (class, &mut draft.failure.test) {
        *test = format!("{} {test}", class.trim());
    }
    found.push(draft);
}

/// xcpretty shows the test's code between fences below its place.
fn code_block(at: &At<'_>, place: usize, draft: &mut Draft) {
    const FENCE_LINES_MAX: usize = 16;
    let mut fences = at
        .lines_below(place + FENCE_LINES_MAX)
        .skip(place)
        .filter(|(_, line)| line.trim() == "```")
        .map(|(distance, _)| distance);
    if let (Some(open), Some(close)) = (fences.next(), fences.next())
        && open <= place + 2
    {
        draft.last = at.index + close;
    }
}

/// xcpretty puts blank lines around the code and its caret.
fn pretty_frame(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extent::code_frame(at, &mut draft);
    found.push(draft);
}

/// swift-testing marks what it says more with `↳`.
fn swift_testing(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extent::while_below(at, &mut draft, |line| line.trim_start().starts_with('↳'));
    found.push(draft);
}

pub(super) static DART: Tool = Tool {
    name: "dart",
    about: "dart analyze, Flutter's compiler and tests, pub.",
    example: "\
         \x20 error - lib/cart.dart:12:7 - The final variable 'total' can only be set once. - \
         assignment_to_final_local",
    rules: &[
        Rule::new(
            K::TypeError,
            &["error - ", "error • ", "warning - ", "warning • ", "info • "],
            concat!(
                r"^\s*(?P<severity>error",
                r"|warning) - (?P<file>\S+\.dart):(?P<line>[0-9]+):(?P<column>[0-9]+) - ",
                r"(?P<message>.+) - (?P<code>[a-z_0-9]+)$",
            ),
        ),
        Rule::new(
            K::TypeError,
            &["error • ", "warning • ", "info • "],
            concat!(
                r"^\s*(?P<severity>error|warning",
                r"|info) • (?P<message>.+) • (?P<file>\S+\.dart):(?P<line>[0-9]+):",
                r"(?P<column>[0-9]+) • (?P<code>[a-z_0-9]+)$",
            ),
        ),
        Rule::new(
            K::CompileError,
            &[": Error: "],
            r"^(?P<file>\S+\.dart):(?P<line>[0-9]+):(?P<column>[0-9]+): Error: (?P<message>.+)$",
        )
        .reading(extent::with_frame),
        Rule::new(
            K::TestFailure,
            &[" [E]"],
            concat!(
                r"^[0-9]{2}:[0-9]{2} \+[0-9]+(?: ~[0-9]+)?(?: -[0-9]+)?: (?:",
                r"(?P<file>\S+\.dart): )?(?P<test>.+) \[E\]$",
            ),
        )
        .reading(test),
        Rule::new(
            K::Dependency,
            &["version solving failed"],
            r"^(?P<message>.*version solving failed\.?)$",
        )
        .reading(solving),
        Rule::new(K::Format, &["Changed "], r"^Changed (?P<file>\S+\.dart)$")
            .weighing(Weight::Sign)
            .reading(changed),
        Rule::new(K::Dependency, &["BootstrapException"], r"^(?P<message>BootstrapException: .*)$")
            .weighing(Weight::Consequence),
    ],
};

fn test(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(30) {
        let told = line.trim();
        if told.is_empty() || told.starts_with(|c: char| c.is_ascii_digit()) {
            break;
        }
        if let Some((path, rest)) = told.split_once(".dart ") {
            let mut numbers = rest.split([':', ' ']);
            let row = numbers.next().and_then(|n| n.parse().ok());
            if row.is_some() && !path.starts_with("package:") {
                draft.place(
                    &format!("{path}.dart"),
                    row,
                    numbers.next().and_then(|n| n.parse().ok()),
                );
                draft.last = draft.first + distance;
                break;
            }
        } else {
            draft.say(told);
        }
    }
    found.push(draft);
}

/// pub says why in the lines above, which begin with `Because` and `And`.
fn solving(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    // Poetry solves with the same words; it puts what it asks for in brackets.
    if at.text().contains("), version solving failed") {
        return;
    }
    extent::while_above(at, &mut draft, |line| {
        ["Because ", "And ", "So, ", "Thus, ", "Resolving dependencies"]
            .iter()
            .any(|word| line.trim_start().starts_with(word))
    });
    extent::while_below(at, &mut draft, |line| line.contains("flutter pub"));
    found.push(draft);
}

fn changed(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    "not formatted as dart format wants it".clone_into(&mut draft.failure.message);
    draft.failure.severity = Severity::Error;
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn xcpretty_names_class_and_test() {
        check(
            "My_Tests.CartTests\n\n  testA, XCTAssertTrue failed\n\n\
             \x20 /Users/runner/work/a/a/T.swift:5\n\n  testA, XCTAssertEqual failed\n\n\
             \x20 /Users/runner/work/a/a/T.swift:6\n",
            "test_failure T.swift:5 {My_Tests.CartTests testA} XCTAssertTrue failed\n\
             test_failure T.swift:6 {My_Tests.CartTests testA} XCTAssertEqual failed",
        );
    }

    #[test]
    fn swift_s_runners_are_read() {
        check(
            "◇ Test adds() started.\n\
             ✘ Test adds() recorded an issue at CartTests.swift:12:5: Expectation failed: (total \
             → 4) == 5\n↳ // the total\n✘ Test adds() failed after 0.001 seconds with 1 issue.\n",
            "test_failure CartTests.swift:12:5 {adds()} Expectation failed: (total → 4) == 5",
        );
        check(
            "Test Case 'CartTests.testAdds' started at 2026-01-01 00:00:00.000\n\
             /home/runner/work/a/a/Tests/CartTests.swift:12: error: CartTests.testAdds : \
             XCTAssertEqual failed: (\"4\") is not equal to (\"5\") - \n\
             Test Case 'CartTests.testAdds' failed (0.1 seconds)\n",
            "test_failure Tests/CartTests.swift:12 {CartTests.testAdds} XCTAssertEqual failed: \
             (\"4\") is not equal to (\"5\") -",
        );
        check(
            "error: Dependencies could not be resolved because root depends on 'x' \
             9.0.0..<10.0.0.\n",
            "dependency Dependencies could not be resolved because root depends on 'x' \
             9.0.0..<10.0.0.",
        );
        check(
            "/Users/runner/work/a/a/A.swift:3:121: error: Line Length Violation: Line should be \
             120 characters or less: currently 130 characters (line_length)\n",
            "lint A.swift:3:121 [line_length] Line Length Violation: Line should be 120 \
             characters or less: currently 130 characters",
        );
        check("Test Case '-[A.CartTests testAdds]' passed (0.001 seconds).\n", "");
    }

    #[test]
    fn dart_is_read_in_both_forms() {
        check(
            "[pkg]:   error - lib/a.dart:96:7 - No. Try it. - some_code\n\
             [pkg]:    info - lib/a.dart:1:7 - x - y",
            "type_error lib/a.dart:96:7 [some_code] No. Try it.",
        );
        check(
            "  error • No • lib/a.dart:3:4 • some_code",
            "type_error lib/a.dart:3:4 [some_code] No",
        );
        check(
            "00:03 +1 -1: test/a_test.dart: cart adds [E]\n  Expected: <5>\n    Actual: <4>\n\
             \x20 package:expect x\n  test/a_test.dart 12:5  main.<fn>\n",
            "test_failure test/a_test.dart:12:5 {cart adds} Expected: <5>",
        );
    }
}
