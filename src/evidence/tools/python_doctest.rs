//! Python's doctest: an example in a text, and what it gave instead.

use super::python_tests::file_line;
use super::{At, Draft, FailureKind as K, Rule, Tool, extent};

pub(super) static TOOL: Tool = Tool {
    name: "doctest",
    about: "Python's doctest.",
    example: "\
         File \"/home/runner/work/shop/shop/money.py\", line 3, in money\nFailed example:\n    \
         split(100, 3)\nExpected:\n    [34, 33, 33]\nGot:\n    [33, 33, 34]",
    rules: &[Rule::new(K::TestFailure, &["Failed example:"], r"^Failed example:$").reading(example)],
};

/// Above it stands its place; below it the example, and what was expected and came, or what it raised.
fn example(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let above = at.above(1).unwrap_or_default();
    let (Some((path, line)), Some((_, name))) = (file_line(above), above.rsplit_once(", in "))
    else {
        return;
    };
    draft.place(path, line, None);
    draft.failure.test = Some(name.trim().to_owned());
    draft.failure.message.clear();
    draft.first = at.index - 1;
    let mut is_raised = false;
    let mut last = "";
    for (distance, line) in at.lines_below(extent::BLOCK_LINES_MAX) {
        if line.starts_with("*****") || line.starts_with("File \"") {
            break;
        }
        draft.last = at.index + distance;
        if line.trim().is_empty() {
            continue;
        }
        last = line.trim();
        is_raised |= last == "Exception raised:";
        if !is_raised {
            draft.say(last);
        }
    }
    if is_raised {
        draft.say(last);
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn each_example_is_a_failure_of_its_own() {
        check(
            "**********\nFile \"/home/runner/work/a/a/money.py\", line 3, in money\nFailed example:\n    \
             split(100, 3)\nExpected:\n    [34, 33, 33]\nGot:\n    [33, 33, 34]\n**********\n\
             File \"/home/runner/work/a/a/money.py\", line 5, in money\nFailed example:\n    split(1, 0)\n\
             Exception raised:\n    Traceback (most recent call last):\n      File \"x.py\", line 1\n    \
             ZeroDivisionError: by zero\n**********\n1 items had failures:\n",
            "test_failure money.py:3 {money} split(100, 3)\n\
             test_failure money.py:5 {money} split(1, 0)",
        );
    }
}
