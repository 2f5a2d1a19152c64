//! Cypress: specs that would not bundle, servers that were not there, runs that could not begin.
//!
//! Not for failed tests: Cypress prints them as Mocha does, and Mocha's rules read them.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, extent, frame_in, is_own, place_in};

pub(super) static TOOL: Tool = Tool {
    name: "cypress",
    about: "Cypress: specs that would not compile, and what kept a run from beginning.",
    example: "\
         Oops...we found an error preparing this test file:\n\n  > cypress/e2e/cart.cy.ts\n\n\
         The error was:\n\nError: Webpack Compilation Error\n\
         Module not found: Error: Can't resolve '../support/cart'",
    rules: &[
        Rule::new(
            K::CompileError,
            &["we found an error preparing this test file"],
            r"^\s*Oops\.\.\. ?we found an error preparing this test file:$",
        )
        .reading(preparing),
        Rule::new(
            K::Config,
            &[
                "Cypress failed to verify that your server is running",
                "but the Cypress binary is missing",
                "no spec files were found",
                "Cypress executable not found at",
                "Your configFile is invalid",
                "Cypress failed to start",
                "Your system is missing the dependency",
            ],
            concat!(
                r"^\s*(?P<message>Cypress failed to verify that your server is running.*",
                r"|The cypress npm package is installed, but the Cypress binary is missing.*",
                r"|Can't run because no spec files were found.*",
                r"|Cypress executable not found at.*|Your configFile is invalid: .*",
                r"|Cypress failed to start.*|Your system is missing the dependency: .*)$",
            ),
        )
        .reading(could_not_begin),
        Rule::new(
            K::TestFailure,
            &["An uncaught error was detected outside of a test"],
            r"^\s*(?P<message>An uncaught error was detected outside of a test)$",
        )
        .weighing(Weight::Consequence),
        Rule::new(
            K::TestFailure,
            &["\u{2716}  "],
            r"^\s*\xE2\x94\x82 \xE2\x9C\x96  (?P<message>(?P<file>\S+\.[cm]?[jt]sx?) +.+)$",
        )
        .weighing(Weight::Consequence)
        .reading(spec),
    ],
};

/// How far below its headline the error of a spec that would not compile may stand.
const ERROR_LINES_MAX: usize = 16;

fn preparing(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.message.clear();
    let mut in_error = false;
    for (distance, line) in at.lines_below(ERROR_LINES_MAX) {
        let told = line.trim();
        if let Some(path) = told.strip_prefix("> ").filter(|_| draft.path.is_none()) {
            draft.path = Some(path.to_owned());
        } else if told == "The error was:" {
            in_error = true;
        } else if told.starts_with("This occurred while") || frame_in(told).is_some() {
            break;
        } else if in_error && !told.is_empty() {
            draft.say(told);
            draft.last = draft.first + distance;
            if let Some((path, row, column)) = spec_place(told) {
                draft.place(path, row, column);
            }
        }
    }
    let bundler = "Error: Webpack Compilation Error\n";
    if let Some(error) = draft.failure.message.strip_prefix(bundler) {
        draft.failure.message = error.to_owned();
    }
    if !draft.failure.message.is_empty() {
        found.push(draft);
    }
}

/// `SyntaxError: /w/cypress/e2e/a.cy.ts: Unexpected token (12:5)`, `./cypress/e2e/a.cy.ts:12:5`.
fn spec_place(told: &str) -> Option<(&str, Option<u32>, Option<u32>)> {
    if let Some((_, rest)) = told.split_once("SyntaxError: ")
        && let Some((path, rest)) = rest.split_once(": ")
        && let Some((_, place)) = rest.trim_end_matches(')').rsplit_once('(')
        && let Some((row, column)) = place.split_once(':')
    {
        return Some((path, row.parse().ok(), column.parse().ok()));
    }
    let told = told.strip_prefix("ERROR in ").unwrap_or(told);
    place_in(told).filter(|(path, ..)| path.contains('.') && !path.contains(' ') && is_own(path))
}

fn could_not_begin(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extent::paragraph(at, &mut draft);
    found.push(draft);
}

/// The table at the end names the specs; where a test failed, that says more.
fn spec(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let name = draft.path.take();
    if let Some(name) = name {
        draft.failure.message = format!("{name} failed");
        draft.failure.test = Some(name);
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_failed, check_lines};

    #[test]
    fn a_spec_that_does_not_compile_is_named() {
        let log = "Oops...we found an error preparing this test file:\n\n\
             \x20 > cypress/e2e/cart.cy.ts\n\nThe error was:\n\n\
             Error: Webpack Compilation Error\n\
             Module not found: Error: Can't resolve '../support/cart'\n\n\
             This occurred while Cypress was compiling and bundling your test code.\n";
        check(
            log,
            "compile_error cypress/e2e/cart.cy.ts Module not found: Error: Can't resolve \
             '../support/cart'",
        );
        check_lines(log, &[(1, 8)]);
        check(
            "Oops...we found an error preparing this test file:\n\n  > cypress/e2e/a.cy.js\n\n\
             The error was:\n\nError: Webpack Compilation Error\n\
             Module build failed (from ./node_modules/babel-loader/lib/index.js):\n\
             SyntaxError: /home/runner/work/a/a/cypress/e2e/a.cy.js: Unexpected token (12:5)\n",
            "compile_error cypress/e2e/a.cy.js:12:5 Module build failed (from \
             ./node_modules/babel-loader/lib/index.js):",
        );
    }

    #[test]
    fn a_failed_test_is_read_once_though_the_table_repeats_it() {
        check(
            "  Login\n    1) rejects\n\n  0 passing (5s)\n  1 failing\n\n  1) Login\n\
             \x20      rejects:\n     AssertionError: Timed out retrying after 4000ms\n\
             \x20     at Context.eval (webpack:///./cypress/e2e/login.cy.js:12:8)\n\n\
             \x20 │ Failing:      1          │\n  │ ✖  login.cy.js      00:05   2   1   1 │\n\
             \x20   ✖  1 of 1 failed (100%)      00:06   2   1   1\n",
            "test_failure cypress/e2e/login.cy.js:12:8 {Login rejects} AssertionError: Timed out \
             retrying after 4000ms",
        );
        check_failed(
            "  │ ✖  login.cy.js      00:05   2   1   1 │\n",
            "test_failure {login.cy.js} login.cy.js failed",
        );
    }

    #[test]
    fn a_frame_in_the_browser_is_no_place() {
        check(
            "  1 failing\n\n  1) Cart\n       \"before each\" hook for \"adds\":\n\
             \x20    CypressError: `cy.visit()` failed trying to load:\n\nhttp://localhost:3000/\n\
             \x20     at <unknown> (http://localhost:3000/__cypress/runner/r.js:133967:76)\n",
            "test_failure {Cart \"before each\" hook for \"adds\"} CypressError: `cy.visit()` \
             failed trying to load:",
        );
    }

    #[test]
    fn runs_that_could_not_begin_are_configuration() {
        check(
            "Cypress could not verify that this server is running:\n\n  > http://localhost:3000\n\n\
             Cypress failed to verify that your server is running.\n\n\
             Please start this server and then run Cypress again.\n",
            "config Cypress failed to verify that your server is running.",
        );
        check(
            "Can't run because no spec files were found.\n\nWe searched for specs\n",
            "config Can't run because no spec files were found.",
        );
        check(
            "The cypress npm package is installed, but the Cypress binary is missing.\n",
            "config The cypress npm package is installed, but the Cypress binary is missing.",
        );
    }

    #[test]
    fn specs_that_passed_are_no_failures() {
        check(
            "  Login\n    ✓ shows errors (543ms)\n\n  1 passing (5s)\n\n\
             \x20 │ Failing:      0          │\n  │ ✔  login.cy.js      00:05   1   1   -  │\n\
             \x20   ✔  All specs passed!      00:05   1   1   -\n",
            "",
        );
    }
}
