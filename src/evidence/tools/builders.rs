//! Builds of many projects: Bazel, Nx, Turborepo.
//!
//! Not for what the tools inside say: these mostly repeat which task failed, so most rules are
//! consequences that name the task.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, extent};

pub(super) static BAZEL: Tool = Tool {
    name: "bazel",
    about: "Bazel: packages and targets that it cannot load, tests that failed.",
    example: "\
         ERROR: /home/runner/work/shop/shop/cart/BUILD.bazel:12:10: no such target '//lib:total': \
         target 'total' not declared in package 'lib'",
    rules: &[
        Rule::new(
            K::Unknown,
            &["ERROR: "],
            concat!(
                r"^ERROR: (?P<file>[^\s:]*(?:BUILD|BUILD\.bazel|WORKSPACE|WORKSPACE\.bazel",
                r"|MODULE\.bazel|\.bzl)):(?P<line>[0-9]+):(?P<column>[0-9]+): ",
                r"(?P<message>.+? failed: \((?:Exit [0-9]+|Segmentation fault|Aborted",
                r"|Killed)\).*)$",
            ),
        )
        .weighing(Weight::Consequence),
        Rule::new(
            K::Config,
            &["ERROR: ", "Error: "],
            concat!(
                r"^(?:ERROR|Error): (?P<file>[^\s:]*(?:BUILD|BUILD\.bazel|WORKSPACE",
                r"|WORKSPACE\.bazel|MODULE\.bazel|\.bzl)):(?P<line>[0-9]+):(?P<column>[0-9]+): ",
                r"(?P<message>.+)$",
            ),
        )
        .reading(extent::with_indented),
        Rule::new(
            K::Config,
            &["no such package", "no such target", "error loading package"],
            r"^ERROR: (?P<message>.*(?:no such package|no such target|error loading package) .+)$",
        )
        .weighing(Weight::Sign),
        Rule::new(
            K::TestFailure,
            &["FAIL: //", "TIMEOUT: //"],
            concat!(
                r"^(?P<message>(?:FAIL|TIMEOUT): (?P<test>//\S+) ",
                r"(?:\([^)]*\) )?\(see .+\))$",
            ),
        )
        .weighing(Weight::Sign)
        .reading(target),
        Rule::new(
            K::TestFailure,
            &["FAILED in", "TIMEOUT in"],
            concat!(
                r"^(?P<message>(?P<test>//\S+)\s+(?:FAILED|TIMEOUT) in ",
                r"(?:[0-9]+ out of [0-9]+ in )?[0-9.]+s)$",
            ),
        )
        .weighing(Weight::Sign)
        .reading(target),
        Rule::new(
            K::Unknown,
            &["FAILED TO BUILD", "Build did NOT complete", "build aborted"],
            concat!(
                r"^(?P<message>//\S+\s+FAILED TO BUILD|(?:ERROR|FAILED): Build did NOT complete.*",
                r"|ERROR: Analysis of target .+ failed; build aborted.*)$",
            ),
        )
        .weighing(Weight::Consequence),
    ],
};

fn target(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if draft.failure.message.contains("TIMEOUT") {
        draft.failure.kind = K::Timeout;
    }
    // The paths of the test's logs.
    extent::while_below(at, &mut draft, |line| line.starts_with("  /"));
    found.push(draft);
}

pub(super) static MONOREPO: Tool = Tool {
    name: "nx",
    about: "Nx, Turborepo and Lerna: which project's task failed, and graphs that do not hold.",
    example: "    ✖  nx run cart:build:production",
    rules: &[
        Rule::new(
            K::Config,
            &[
                "NX   Cannot find ",
                "NX  Cannot find ",
                "NX   Could not find ",
                "NX  Could not find ",
                "NX   Unable to ",
                "NX  Unable to ",
                "NX   Failed to process",
                "NX  Failed to process",
                "NX   The workspace is",
                "NX  The workspace is",
            ],
            concat!(
                r"^\s*(?:>\s+)?NX   ?(?P<message>(?:Cannot find |Could not find |Unable to ",
                r"|Failed to process project graph",
                r"|The workspace is (?:probably )?out of sync).*)$",
            ),
        )
        .reading(extent::with_paragraph),
        Rule::new(
            K::Config,
            &["ould not find task", "nvalid turbo.json", "nvalid task configuration"],
            concat!(
                r"^\s*(?:(?:x|×) )?(?P<message>(?:[Cc]ould not find task .+",
                r"|[Ii]nvalid turbo\.json.*|[Ii]nvalid task configuration.*))$",
            ),
        )
        .reading(extent::with_indented),
        Rule::new(K::Unknown, &["Failed tasks:"], r"^Failed tasks:$")
            .weighing(Weight::Consequence)
            .reading(failed_tasks),
        Rule::new(K::Unknown, &["nx run "], r"^\s*✖\s+(?P<message>nx run (?P<task>[^\s]+).*)$")
            .weighing(Weight::Consequence),
        Rule::new(
            K::Unknown,
            &["run failed: command", "exited ("],
            concat!(
                r"^\s*(?:ERROR:?\s+)?(?P<message>run failed: command  ?exited \([0-9]+\)",
                r"|(?P<task>[@\w./-]+#[\w:.-]+): command .* exited \([0-9]+\))$",
            ),
        )
        .weighing(Weight::Consequence),
    ],
};

/// Nx lists below what failed: `- cart:build`.
#[expect(clippy::needless_pass_by_value, reason = "every reader owns its draft")]
fn failed_tasks(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    const TASKS_MAX: usize = 50;
    for (distance, line) in at.lines_below(TASKS_MAX).filter(|(_, line)| !line.trim().is_empty()) {
        let Some(task) = line.trim().strip_prefix("- ").filter(|task| task.contains(':')) else {
            break;
        };
        let mut failed = draft.clone();
        failed.failure.message = format!("{task} failed");
        failed.failure.task = Some(task.to_owned());
        (failed.first, failed.last) = (at.index + distance, at.index + distance);
        found.push(failed);
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_failed, check_lines};

    #[test]
    fn bazel_names_places_and_targets() {
        check(
            "ERROR: /home/runner/work/a/a/x/BUILD:3:11: no such target '//l:y': not declared\n\
             ERROR: Analysis of target '//x:x' failed; build aborted: \n\
             INFO: Elapsed time: 0.5s\nERROR: Build did NOT complete successfully\n",
            "config x/BUILD:3:11 no such target '//l:y': not declared",
        );
        check(
            "ERROR: /home/runner/work/a/a/x/BUILD:3:11: Compiling x/a.cc failed: (Exit 1): gcc \
             failed: error executing command /usr/bin/gcc\n\
             x/a.cc:1:2: error: 'y' was not declared in this scope\n\
             Target //x:x failed to build\nERROR: Build did NOT complete successfully\n",
            "compile_error x/a.cc:1:2 'y' was not declared in this scope",
        );
        let log = "FAIL: //cart:cart_test (see /x/testlogs/cart/cart_test/test.log)\n\
             INFO: Build completed, 1 test FAILED, 3 total actions\n\
             //cart:cart_test                    FAILED in 0.3s\n\
             \x20 /x/testlogs/cart/cart_test/test.log\n\n\
             Executed 1 out of 1 test: 1 fails locally.\n";
        check(
            log,
            "test_failure {//cart:cart_test} FAIL: //cart:cart_test (see \
             /x/testlogs/cart/cart_test/test.log)",
        );
        check_lines(log, &[(1, 1)]);
        check("//cart:cart_test                    PASSED in 0.3s\n", "");
    }

    #[test]
    fn tasks_of_monorepos_only_repeat_their_tools() {
        check(
            "> nx run cart:build\n\nsrc/a.ts(1,2): error TS1: no\n\n\
             \x20NX   Running target build for project cart failed\n\nFailed tasks:\n\n\
             - cart:build\n\n    ✖  nx run cart:build\n",
            "type_error src/a.ts:1:2 [TS1] no",
        );
        check_failed("    ✖  nx run cart:build\n", "unknown nx run cart:build");
        check_failed(
            " NX   Running target test for 2 projects failed\n\nFailed tasks:\n\n- cart:test\n\n\
             Hint: run the command with --verbose for more details.\n",
            "unknown cart:test failed",
        );
        check(
            " NX   The workspace is out of sync\n\n[x]: files need to be updated\n",
            "config The workspace is out of sync",
        );
        check_failed(
            "@shop/cart#build: command (/x/packages/cart) /usr/bin/npm run build exited (1)\n\n\
             \x20Tasks:    0 successful, 1 total\nFailed:    @shop/cart#build\n\n",
            "unknown @shop/cart#build: command (/x/packages/cart) /usr/bin/npm run build exited \
             (1)",
        );
        check("\n NX   Cannot find project 'cart'\n\n", "config Cannot find project 'cart'");
        check("    ✔  nx run cart:build (3s)\n NX   Successfully ran target build\n", "");
    }
}
