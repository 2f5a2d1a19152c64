//! Tests of C and C++: GoogleTest, Catch2, CTest, failed assertions, sanitizers.

use super::{At, Draft, FailureKind as K, Rule, Tool, place_in};

pub(super) static TESTS: Tool = Tool {
    name: "gtest",
    about: "GoogleTest, Catch2, CTest, failed assertions and sanitizers.",
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
            &[": FAILED:"],
            r"^(?P<file>[^\s:][^:]*):(?P<line>[0-9]+): FAILED:$",
        )
        .reading(catch),
        Rule::new(
            K::TestFailure,
            &[
                "***Failed",
                "***Timeout",
                "***Exception",
                "(Failed)",
                "(Timeout)",
                "(SEGFAULT)",
                "(Subprocess aborted)",
                "(ILLEGAL)",
                "(BUS_ERROR)",
                "(OTHER_FAULT)",
            ],
            concat!(
                r"^\s*(?:[0-9]+ - (?P<test>\S.*?) \((?:Failed|Timeout|SEGFAULT",
                r"|Subprocess aborted|ILLEGAL|BUS_ERROR|OTHER_FAULT)\)",
                r"|[0-9]+/[0-9]+ Test +#[0-9]+: (?P<message>.*?\*\*\*(?:Failed|Timeout",
                r"|Exception).*))",
            ),
        )
        .reading(ctest),
        Rule::new(
            K::TestFailure,
            &["Sanitizer: "],
            concat!(
                r"^(?:==[0-9]+==)?\s*(?:ERROR|WARNING): (?P<message>(?:Address|Thread|Memory",
                r"|Leak|UndefinedBehavior)Sanitizer: .+)$",
            ),
        )
        .reading(sanitizer),
        Rule::new(
            K::TestFailure,
            &["Assertion `"],
            r"^\S+: (?P<file>[^\s:]+):(?P<line>[0-9]+): (?P<message>.*Assertion `.+' failed\.?)$",
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
        at.text().clone_into(&mut draft.failure.message);
    }
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
    draft.failure.test = title.map(|(_, line)| line.trim().to_owned());
    found.push(draft);
}

fn ctest(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if draft.failure.test.is_none() {
        let message = draft.failure.message.clone();
        let name = message.split(" .").next().unwrap_or(&message);
        draft.failure.test = Some(name.trim_end_matches(['.', ' ']).to_owned());
        if message.contains("***Timeout") {
            draft.failure.kind = K::Timeout;
        }
    }
    found.push(draft);
}

fn sanitizer(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let frame = at.lines_below(30).find_map(|(distance, line)| {
        let place = line.trim_start().strip_prefix('#')?.rsplit(' ').next()?;
        let (path, row, column) = place_in(place)?;
        (!path.contains("sanitizer") && !path.starts_with("/usr"))
            .then_some((distance, path, row, column))
    });
    if let Some((distance, path, row, column)) = frame {
        draft.place(path, row, column);
        draft.last = draft.first + distance;
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn native_tests_are_read() {
        check(
            "[ RUN      ] A.B\ntest/a.cc:12: Failure\nExpected: x\n[  FAILED  ] A.B (0 ms)\n\
             [  FAILED  ] 1 test, listed below:\n[  FAILED  ] A.B",
            "test_failure test/a.cc:12 {A.B} Expected: x",
        );
        check(
            "The following tests FAILED:\n\t  3 - cart (Failed)\nErrors while running CTest",
            "test_failure {cart} 3 - cart (Failed)",
        );
        check(
            "==1==ERROR: AddressSanitizer: heap-use-after-free on address 0x1\n\
             \x20   #0 0x1 in f /home/runner/work/a/a/src/a.c:3:4",
            "test_failure src/a.c:3:4 AddressSanitizer: heap-use-after-free on address 0x1",
        );
    }
}
