//! Swift's and Dart's worlds: XCTest under xcodebuild and xcpretty, swift-format, dart analyze,
//! Flutter.

use super::{At, Draft, FailureKind as K, Rule, Severity, Tool, Weight, has_extension, place_in};

pub(super) static XCTEST: Tool = Tool {
    name: "xctest",
    about: "XCTest, also as xcpretty prints it, and xcodebuild's own errors.",
    example: "CartTests\n  testAdds, XCTAssertEqual failed: (\"4\") is not equal to (\"5\")\n  \
              /Users/runner/work/shop/shop/Tests/CartTests.swift:12",
    rules: &[
        Rule::new(
            K::TestFailure,
            &[" test", "\ttest"],
            r"^[a-z]{0,2}\s+(?P<test>test\w+(?:\(\))?), (?P<message>\S.+)$",
        )
        .reading(xcpretty),
        Rule::new(
            K::TestFailure,
            &["Test Case '-["],
            r"^Test Case '-\[(?P<test>[^\]]+)\]' failed .*$",
        ),
        Rule::new(
            K::CompileError,
            &["❌", "⚠️"],
            concat!(
                r"^\s*❌\s+(?P<file>\S[^:]*\.(?:swift|m|mm|h|c",
                r"|cpp)):(?P<line>[0-9]+):(?P<column>[0-9]+): (?P<message>.+)$",
            ),
        ),
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

pub(super) static DART: Tool = Tool {
    name: "dart",
    about: "dart analyze, Flutter's compiler and tests, pub.",
    example: "\
         \x20 error - lib/cart.dart:12:7 - The final variable 'total' can only be set once. - \
         assignment_to_final_local",
    rules: &[
        Rule::new(
            K::TypeError,
            &["error - ", "error • ", "warning - ", "warning • ", "info - ", "info • "],
            concat!(
                r"^\s*(?P<severity>error|warning",
                r"|info) - (?P<file>\S+\.dart):(?P<line>[0-9]+):(?P<column>[0-9]+) - ",
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
            &[".dart:"],
            r"^(?P<file>\S+\.dart):(?P<line>[0-9]+):(?P<column>[0-9]+): Error: (?P<message>.+)$",
        ),
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
        ),
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
