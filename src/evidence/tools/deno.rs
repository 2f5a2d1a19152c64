//! Deno: its type checker and its tests.

use super::{At, Draft, FailureKind as K, Rule, Tool, extent, frame_in};

pub(super) static TOOL: Tool = Tool {
    name: "deno",
    about: "Deno's type checker and tests.",
    example: "\
         TS2322 [ERROR]: Type 'string' is not assignable to type 'number'.\nconst n: number = \"a\";\n\
         \x20     ^\n    at file:///home/runner/work/shop/shop/cart.ts:1:7",
    rules: &[
        Rule::new(
            K::TypeError,
            &[" [ERROR]: "],
            r"^(?:error: )?(?P<code>TS[0-9]+) \[ERROR\]: (?P<message>.+)$",
        )
        .reading(checked),
        Rule::new(
            K::TestFailure,
            &[" => ./", " => /", " => file:///"],
            concat!(
                r"^(?P<test>\S.*) => (?P<file>(?:\./|/|file:///)[^\s:]+):(?P<line>[0-9]+)",
                r":(?P<column>[0-9]+)$",
            ),
        )
        .reading(tested),
    ],
};

/// How many lines of source and marks stand between what is said and its place.
const SOURCE_LINES_MAX: usize = 8;

fn checked(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let place = at.lines_below(SOURCE_LINES_MAX).find_map(|(distance, line)| {
        let (path, line, column) = frame_in(line)?;
        Some((distance, path, line, column))
    });
    if let Some((distance, path, line, column)) = place {
        draft.place(path, line, column);
        draft.last = draft.first + distance;
    }
    found.push(draft);
}

/// Tests are listed twice: with the error below, and without.
fn tested(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let Some(error) = at.below(1).and_then(|line| line.strip_prefix("error: ")) else { return };
    error.trim().clone_into(&mut draft.failure.message);
    draft.path = draft.path.map(|path| path.trim_start_matches("file://").to_owned());
    extent::while_below(at, &mut draft, |line| !line.trim().is_empty());
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn types_and_tests_have_their_places() {
        check(
            "Check c.ts\nTS2322 [ERROR]: Type 'string' is not assignable to type 'number'.\n\
             const n: number = \"a\";\n      ^\n    at file:///home/runner/work/a/a/c.ts:1:7\n\n\
             Found 1 error.\n\nerror: Type checking failed.\n",
            "type_error c.ts:1:7 [TS2322] Type 'string' is not assignable to type 'number'.",
        );
        check(
            "adds ... FAILED (4ms)\n\n ERRORS \n\nadds => ./a_test.ts:2:6\nerror: Error: sum is wrong\n\
             \x20   at file:///home/runner/work/a/a/a_test.ts:2:50\n\n FAILURES \n\nadds => ./a_test.ts:2:6\n\n\
             FAILED | 2 passed | 1 failed (98ms)\n\nerror: Test failed\n",
            "test_failure a_test.ts:2:6 {adds} Error: sum is wrong",
        );
    }
}
