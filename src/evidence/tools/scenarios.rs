//! Suites told in sentences: behave, Robot Framework, Jasmine, busted.

use super::{
    At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, extent, frame_in, is_own, numbered,
    place_in,
};

pub(super) static TOOL: Tool = Tool {
    name: "scenarios",
    about: "behave's list of failing scenarios, Robot Framework, Jasmine, busted.",
    example: "\
         Failing scenarios:\n  features/cart.feature:4  adds",
    rules: &[
        Rule::new(
            K::TestFailure,
            &[".feature:\0"],
            r"^  (?P<file>\S+\.feature):(?P<line>[0-9]+)  (?P<test>\S.*?)\s*$",
        )
        .reading(behave),
        Rule::new(K::TestFailure, &["| FAIL |"], r"^(?P<test>\S.*?) +\| FAIL \|$").reading(robot),
        Rule::new(
            K::Config,
            &["[ ERROR ] Error in file "],
            concat!(
                r"^\[ ERROR \] Error in file '(?P<file>[^']+)' on line (?P<line>[0-9]+): ",
                r"(?P<message>.+)$",
            ),
        ),
        Rule::new(
            K::TestFailure,
            &["Failure -> ", "Error -> "],
            r"^(?:Failure|Error) -> (?P<file>\S+) @ (?P<line>[0-9]+)$",
        )
        .reading(busted),
        Rule::new(K::TestFailure, &["  Message:"], r"^\s*  Message:$").reading(jasmine),
    ],
};

/// behave lists what failed at its end; what it says of each stands below the scenario's own line.
fn behave(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let is_head = |line: &str| matches!(line, "Failing scenarios:" | "Errored scenarios:");
    let is_listed = at
        .lines_above(LOOK_LINES_MAX)
        .find(|(_, line)| !line.contains(".feature:"))
        .is_some_and(|(_, line)| is_head(line.trim()));
    if !is_listed {
        return;
    }
    let place = format!(
        "# {}:{}",
        draft.path.as_deref().unwrap_or_default(),
        draft.failure.line.unwrap_or_default()
    );
    let scenario = at
        .lines_above(LOOK_LINES_MAX)
        .find(|(_, line)| line.contains("Scenario") && line.trim_end().ends_with(&place));
    draft.failure.message = "the scenario failed".to_owned();
    if let Some((distance, _)) = scenario {
        let first = at.index - distance;
        let mut missing = None;
        let lines = (first + 1..at.index).map_while(|index| at.numbered(index));
        let lines = lines.take_while(|line| !line.contains("Scenario") && !is_head(line.trim()));
        // Steps are indented by four, what went wrong in them by six; the last word is the exception.
        let mut said = None;
        for line in lines {
            match line.trim() {
                step if step.ends_with("# None") => {
                    let step = step.trim_end_matches("# None").trim();
                    missing = missing.or(Some(step.to_owned()));
                }
                told if line.starts_with("      ") && !line.starts_with("       ") => {
                    said = Some(told.to_owned());
                }
                _ => {}
            }
        }
        if let Some(said) = said.or(missing.map(|step| format!("no step is defined for: {step}"))) {
            draft.failure.message = said;
        }
    }
    found.push(draft);
}

/// The message stands below the test's name; suites only count.
fn robot(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let is_count = |line: &str| line.contains(" tests, ") || line.contains(" test, ");
    let Some(first) = at.below(1).filter(|line| !is_count(line) && !line.starts_with("--")) else {
        return;
    };
    draft.failure.message = first.trim().to_owned();
    draft.last = at.index + 1;
    extent::while_below(&at.down(1), &mut draft, |line| {
        !line.starts_with("---") && !line.starts_with("===")
    });
    found.push(draft);
}

/// The test's name stands below, and what it says below that, with its place once more.
fn busted(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let (Some(test), Some(said)) = (at.below(1), at.below(2)) else { return };
    draft.failure.test = Some(test.trim().to_owned());
    let place = place_in(said).map(|(path, ..)| path);
    let message = said.split_once(": ").filter(|_| place.is_some()).map_or(said, |(_, rest)| rest);
    draft.failure.message = message.trim().to_owned();
    draft.last = at.index + 2;
    extent::while_below(&at.down(2), &mut draft, |line| !line.trim().is_empty());
    found.push(draft);
}

/// `1) NAME`, `Message:`, what it says, `Stack:`, and the first place that is not Jasmine's.
fn jasmine(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let Some(test) = at.above(1).and_then(numbered) else { return };
    draft.failure.test = Some(test.to_owned());
    draft.failure.message.clear();
    draft.first = at.index - 1;
    let mut in_stack = false;
    for (distance, line) in at.lines_below(extent::BLOCK_LINES_MAX) {
        let told = line.trim();
        if told == "Stack:" {
            in_stack = true;
        } else if !in_stack {
            draft.say(told);
        } else if told.is_empty() {
            break;
        } else if draft.path.is_none()
            && let Some((path, line, column)) = frame_in(told).filter(|(path, ..)| is_own(path))
        {
            draft.place(path, line, column);
        }
        draft.last = at.index + distance;
    }
    if !draft.failure.message.is_empty() {
        found.push(draft);
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn behave_tells_each_failing_scenario_with_what_went_wrong() {
        check(
            "  Scenario: adds           # features/cart.feature:4\n\
             \x20   Given an empty cart    # features/steps/s.py:2\n\
             \x20   Then the total is 7.00 # features/steps/s.py:6\n\
             \x20     ASSERT FAILED: total is 6, expected 7.0\n\n\
             \x20 Scenario: new  # features/cart.feature:15\n\
             \x20   When I frobnicate      # None\n\n\
             Failing scenarios:\n  features/cart.feature:4  adds\n\n\
             Errored scenarios:\n  features/cart.feature:15  new \n\n\
             0 features passed, 1 failed, 0 skipped\n",
            "test_failure features/cart.feature:4 {adds} ASSERT FAILED: total is 6, expected 7.0\n\
             test_failure features/cart.feature:15 {new} no step is defined for: When I frobnicate",
        );
        check("  features/cart.feature:4  adds\n", "");
    }

    #[test]
    fn robot_framework_tells_tests_and_not_suites() {
        check(
            "Adds                                  | FAIL |\nwrong sum: 2 != 3\n\
             ----------------------------------------\n\
             Handles Errors                        | PASS |\n\
             ----------------------------------------\n\
             Tests                                 | FAIL |\n4 tests, 3 passed, 1 failed\n",
            "test_failure {Adds} wrong sum: 2 != 3",
        );
        check(
            "[ ERROR ] Error in file 'tests/shop.robot' on line 3: Importing library 'A' failed: no\n",
            "config tests/shop.robot:3 Importing library 'A' failed: no",
        );
    }

    #[test]
    fn busted_tells_the_test_below_its_place() {
        check(
            "0 successes / 1 failure / 1 error / 1 pending : 0.005709 seconds\n\n\
             Pending -> spec/m_spec.lua @ 4\nmoney fails on nil\n\n\
             Failure -> spec/m_spec.lua @ 2\nmoney adds\n\
             spec/m_spec.lua:2: Expected objects to be the same.\nPassed in:\n(number) 3\n\n\
             Error -> spec/m_spec.lua @ 3\nmoney errors\nspec/m_spec.lua:3: no rate for CHF\n",
            "test_failure spec/m_spec.lua:2 {money adds} Expected objects to be the same.\n\
             test_failure spec/m_spec.lua:3 {money errors} no rate for CHF",
        );
    }

    #[test]
    fn jasmine_tells_what_stands_under_message() {
        check(
            "Failures:\n1) cart adds\n  Message:\n    sum: Expected 2 to be 3.\n  Stack:\n\
             \x20       at <Jasmine>\n\
             \x20       at UserContext.<anonymous> (spec/a-spec.js:2:55)\n\
             \x20       at <Jasmine>\n\n4 specs, 1 failure\n",
            "test_failure spec/a-spec.js:2:55 {cart adds} sum: Expected 2 to be 3.",
        );
    }
}
