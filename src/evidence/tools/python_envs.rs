//! Runners of Python's other tools: tox and nox.
//!
//! Not for what runs inside them: that is read by its own rules, and that a session failed because
//! of it is only a consequence.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight};

pub(super) static TOX: Tool = Tool {
    name: "tox",
    about: "tox and nox: environments that cannot be made, commands that are not there.",
    example: "\
         py27: failed with could not find python interpreter matching any of the specs py27\n\
         \x20 py27: FAIL code 1 (0.82 seconds)\n  evaluation failed :( (0.87 seconds)",
    rules: &[
        Rule::new(
            K::Config,
            &[": failed with ", ": Exception running subprocess ", ": internal error"],
            concat!(
                r"^(?P<task>[\w.-]+): (?P<message>failed with .+",
                r"|Exception running subprocess .+|internal error)$",
            ),
        )
        .reading(tox),
        Rule::new(K::Config, &["ROOT: HandledError| "], r"^ROOT: HandledError\| (?P<message>.+)$")
            .reading(handled),
        Rule::new(
            K::Config,
            &["unknown environment '", "InterpreterNotFound: ", "InvocationError"],
            concat!(
                r"^(?:ERROR: +)?(?:(?P<task>[\w.-]+): )?(?:ERROR: )?",
                r"(?P<message>unknown environment '.+'|InterpreterNotFound: .+",
                r"|InvocationError(?: for command|: could not find executable) .+)$",
            ),
        )
        .reading(tox),
        Rule::new(
            K::Unknown,
            &[": FAIL code ", ": commands failed", ": FAIL \u{2716} in "],
            concat!(
                r"^\s*(?:ERROR: +)?(?P<message>(?P<task>[\w.-]+): (?:FAIL code [0-9]+.*",
                r"|commands failed|FAIL \xE2\x9C\x96 in .+))$",
            ),
        )
        .weighing(Weight::Consequence),
        Rule::new(
            K::Config,
            &["nox > Session", "nox > Program ", "nox > Failed to load "],
            concat!(
                r"^nox > (?P<message>(?:Session (?P<task>\S+) (?:failed: |aborted: )",
                r"|Program \S+ not found|Sessions not found: |Failed to load Noxfile ).*)$",
            ),
        ),
        Rule::new(
            K::Unknown,
            &["nox > Session ", "nox > Command "],
            concat!(
                r"^nox > (?P<message>Session (?P<task>\S+) failed\.",
                r"|Command .+ failed with exit code -?[0-9]+(?::)?)$",
            ),
        )
        .weighing(Weight::Consequence),
    ],
};

/// A command that ran and failed says itself why; one that is not there does not.
fn tox(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let message = &draft.failure.message;
    if message.contains("(exited with code ") {
        draft.weight = Weight::Consequence;
        draft.failure.kind = K::Unknown;
    }
    found.push(draft);
}

/// What is wrong may stand on the next line.
fn handled(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if draft.failure.message.ends_with(':')
        && let Some(more) = at.below(1)
    {
        draft.failure.message = format!("{} {}", draft.failure.message, more.trim());
        draft.last += 1;
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_failed};

    #[test]
    fn environments_that_cannot_be_made_are_configuration() {
        check(
            "py27: failed with could not find python interpreter matching any of the specs py27\n\
             \x20 py27: FAIL code 1 (0.82 seconds)\n",
            "config failed with could not find python interpreter matching any of the specs py27",
        );
        check(
            "docs: commands[0]> sphinx-build docs out\n\
             docs: Exception running subprocess [Errno 2] No such file or directory: \
             'sphinx-build'\ndocs: exit 2 (0.00 seconds) /w> sphinx-build docs out\n",
            "config Exception running subprocess [Errno 2] No such file or directory: \
             'sphinx-build'",
        );
        check(
            "ROOT: HandledError| provided environments not found in configuration file:\nnope\n",
            "config provided environments not found in configuration file: nope",
        );
        check("ERROR: unknown environment 'lint'\n", "config unknown environment 'lint'");
        check(
            "ERROR:  py27: InterpreterNotFound: python2.7\n",
            "config InterpreterNotFound: python2.7",
        );
        check(
            "nox > Running session old\nnox > Session old failed: Python interpreter 2.7 not \
             found.\nnox > Session err aborted: Version is not set.\n\
             nox > Program sphinx-build not found.\nnox > Session docs failed.\n",
            "config Session old failed: Python interpreter 2.7 not found.\n\
             config Session err aborted: Version is not set.\n\
             config Program sphinx-build not found.",
        );
    }

    #[test]
    fn what_ran_inside_says_why() {
        check(
            "lint: commands[0]> mypy src\nsrc/a.py:3: error: No  [arg-type]\n\
             lint: exit 1 (0.83 seconds) /w> mypy src pid=22541\n\
             \x20 lint: FAIL code 1 (0.98=setup[0.15]+cmd[0.83] seconds)\n\
             \x20 evaluation failed :( (1.65 seconds)\n",
            "type_error src/a.py:3 [arg-type] No",
        );
        check(
            "nox > mypy src\nsrc/a.py:3: error: No  [arg-type]\n\
             nox > Command mypy src failed with exit code 1\nnox > Session lint failed.\n",
            "type_error src/a.py:3 [arg-type] No",
        );
        check_failed("nox > Session lint failed.\n", "unknown Session lint failed.");
        check(
            "ERROR: InvocationError for command /w/.tox/py/bin/mypy src (exited with code 1)\n\
             a.py:3: error: No  [arg-type]\nERROR:   py: commands failed\n",
            "type_error a.py:3 [arg-type] No",
        );
    }

    #[test]
    fn sessions_that_passed_are_no_failures() {
        check(
            "a: commands[0]> python -c 1\n  a: OK (0.07=setup[0.05]+cmd[0.02] seconds)\n\
             \x20 congratulations :) (0.11 seconds)\n",
            "",
        );
        check("nox > Running session ok\nnox > Session ok was successful.\n", "");
    }
}
