//! Python's package managers and uncaught exceptions: pip, uv, poetry, tracebacks.

use super::extent::{BLOCK_LINES_MAX, while_below};
use super::python_tests::file_line;
use super::{At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, Weight, is_own};

pub(super) static TOOL: Tool = Tool {
    name: "pip",
    about: "pip, uv, poetry, pdm and conda: resolution, lock files, builds of dependencies.",
    example: "\
         ERROR: Could not find a version that satisfies the requirement shop-core==9.9 (from \
         versions: 1.0)\nERROR: No matching distribution found for shop-core==9.9",
    rules: &[
        Rule::new(
            K::Dependency,
            &[
                "ERROR: Could not ",
                "ERROR: Cannot install",
                "ERROR: ResolutionImpossible",
                "ERROR: No matching distribution",
                "ERROR: Failed ",
                "ERROR: Failing ",
                "ERROR: Package ",
                "ERROR: Invalid requirement",
                "ERROR: THESE PACKAGES",
                "ERROR: Directory ",
                "ERROR: HTTP error ",
            ],
            concat!(
                r"^\s*ERROR: (?P<message>(?:Could not (?:find a version|build wheels",
                r"|open requirements)|Cannot install|ResolutionImpossible",
                r"|No matching distribution|Fail(?:ed|ing) (?:to build|building)|Package '?",
                r"|Invalid requirement|THESE PACKAGES|Directory '.*' is not installable",
                r"|HTTP error [0-9]+ ).*)$",
            ),
        )
        .reading(pip),
        Rule::new(
            K::Dependency,
            &[
                "No solution found when resolving",
                "No solution found for ",
                "version solving failed",
                "ockfile at `uv.lock`",
                "poetry.lock was last generated",
                "poetry.lock is not up to date",
                "poetry.lock was not found",
                "lock file is not compatible",
                "LibMambaUnsatisfiableError",
                "UnsatisfiableError",
            ],
            concat!(
                r"^\s*(?:(?:ERROR|Error|error",
                r"|×)[: ] *)?(?P<message>.*(?:No solution found (?:when resolving|for .* split)",
                r"|version solving failed|[Ll]ockfile at `uv\.lock`(?: needs|, but)",
                r"|poetry\.lock (?:was (?:last generated|not found)|is not up to date)",
                r"|lock file is not compatible|UnsatisfiableError).*)$",
            ),
        )
        .reading(because),
        Rule::new(
            K::Config,
            &[
                "The Poetry configuration is invalid",
                "Poetry could not find a pyproject.toml",
                "Invalid TOML file ",
                "is not allowed by the project (",
                "Command not found: ",
                "No `pyproject.toml` found",
                "Failed to parse: ",
                "Failed to spawn: ",
                "No interpreter found for ",
            ],
            concat!(
                r"^\s*(?:(?:error|Error|ERROR): )?(?P<message>(?:",
                r"The Poetry configuration is invalid",
                r"|Poetry could not find a pyproject\.toml|Invalid TOML file \S+: ",
                r"|Current Python version \(\S+\) is not allowed by the project \(",
                r"|Command not found: \S|No `pyproject\.toml` found|Failed to parse: \S",
                r"|Failed to spawn: \S|No interpreter found for ).*)$",
            ),
        )
        .reading(because),
        Rule::new(
            K::Dependency,
            &["Unable to find installation candidates for"],
            r"^\s*(?P<message>Unable to find installation candidates for .+)$",
        ),
        Rule::new(
            K::Dependency,
            &[", but you have ", ", which is not installed."],
            concat!(
                r"^(?P<message>\S+ \S+ (?:has requirement .+, but you have \S+ .+",
                r"|requires \S+, which is not installed\.))$",
            ),
        )
        .weighing(Weight::Sign),
        Rule::new(
            K::Infrastructure,
            &["Failed to fetch: `", "Request failed after ", "Failed to download `"],
            concat!(
                r"^\s*(?:error:|×) (?P<message>(?:Failed to fetch: `",
                r"|Request failed after |Failed to download `).*)$",
            ),
        )
        .reading(because),
        Rule::new(
            K::Dependency,
            &["subprocess-exited-with-error"],
            r"^\s*(?P<message>(?:× |error: )?subprocess-exited-with-error)$",
        )
        .weighing(Weight::Consequence)
        .reading(subprocess),
        Rule::new(
            K::Dependency,
            &["error: externally-managed-environment"],
            r"^error: (?P<message>externally-managed-environment)$",
        ),
    ],
};

/// pip says first what it asked for, then that there is none: one fault.
fn pip(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    /// How far above the verdict pip tells of connections that it tried again.
    const RETRY_LINES_MAX: usize = 12;
    let message = draft.failure.message.as_str();
    let repeats = message.starts_with("No matching distribution found")
        || message.starts_with("ResolutionImpossible");
    let said = |line: &str| {
        line.contains("ERROR: Could not find a version") || line.contains("ERROR: Cannot install")
    };
    if repeats && at.lines_above(BLOCK_LINES_MAX).any(|(_, line)| said(line)) {
        draft.weight = Weight::Consequence;
    } else if message.contains("(from versions: none)")
        && at.lines_above(RETRY_LINES_MAX).any(|(_, line)| line.contains("WARNING: Retrying ("))
    {
        draft.failure.kind = K::Infrastructure;
    }
    let below = at.lines_below(BLOCK_LINES_MAX).skip_while(|(_, line)| line.trim().is_empty());
    for (distance, line) in below {
        let conflict = line.starts_with("The conflict is caused by:") || line.starts_with("    ");
        if !conflict || draft.weight == Weight::Consequence {
            break;
        }
        draft.say(line);
        draft.last = draft.first + distance;
    }
    found.push(draft);
}

/// pip shows what the build of a package printed; its last words are the error.
fn subprocess(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let mut in_output = false;
    let mut command = None;
    let mut last = None;
    for (distance, line) in at.lines_below(LOOK_LINES_MAX) {
        let told = line.trim();
        if told.starts_with("╰─> [") {
            in_output = true;
        } else if told.starts_with("[end of output]") || told.starts_with("╰─> See above") {
            break;
        } else if !in_output && told.starts_with('×') {
            command = Some(told.trim_start_matches(['×', ' ']));
        } else if in_output && !told.is_empty() {
            last = Some((distance, told));
        } else if !in_output && distance > 6 {
            break;
        }
    }
    if let Some(command) = command {
        command.clone_into(&mut draft.failure.message);
    }
    if let Some((distance, last)) = last {
        draft.failure.message = format!("{last}\n{}", draft.failure.message);
        draft.last = draft.first + distance.min(BLOCK_LINES_MAX - 1);
        draft.weight = Weight::Cause;
    }
    found.push(draft);
}

/// uv and poetry explain around their headlines why nothing fits.
fn because(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    for (distance, line) in at.lines_below(10) {
        let told = line.trim();
        let explains = told.starts_with("╰─▶")
            || told.starts_with("├─▶")
            || told.starts_with("cause: ")
            || told.starts_with("And ")
            || line.starts_with("   ")
            || line.starts_with("  - ");
        if told.is_empty() || !explains {
            break;
        }
        draft.say(told.trim_start_matches(['╰', '├', '─', '▶', ' ']));
        draft.last = draft.first + distance;
    }
    let hint = at.lines_below(BLOCK_LINES_MAX).take(12).find_map(|(_, line)| {
        line.trim().strip_prefix("hint: ").or_else(|| line.trim().strip_prefix("help: "))
    });
    draft.failure.suggestion = hint.map(str::to_owned);
    if draft.failure.message.contains("version solving failed") {
        because_above(at, &mut draft);
    }
    while_below(at, &mut draft, |line| line.starts_with("    "));
    found.push(draft);
}

/// poetry's verdict ends the sentence that begins with `Because`.
fn because_above(at: &At<'_>, draft: &mut Draft) {
    const REASON_LINES_MAX: usize = 12;
    if at.text().trim_start().starts_with("Because ") {
        return;
    }
    let mut reasons = Vec::new();
    for (distance, line) in at.lines_above(REASON_LINES_MAX) {
        let told = line.trim();
        if told.is_empty() {
            break;
        }
        reasons.push(told);
        if told.starts_with("Because ") {
            draft.first = at.index - distance;
            let reasons: Vec<&str> = reasons.into_iter().rev().collect();
            let verdict = std::mem::take(&mut draft.failure.message);
            draft.failure.message = format!("{} {}", reasons.join(" "), verdict.trim());
            break;
        }
    }
}

pub(super) static TRACEBACK: Tool = Tool {
    name: "python",
    about: "Exceptions that nobody caught, with their innermost own frame.",
    example: "\
         Traceback (most recent call last):\n\
         \x20 File \"/home/runner/work/shop/shop/tools/check.py\", line 12, in <module>\n\
         \x20   main()\nValueError: 3 links are broken",
    rules: &[
        Rule::new(
            K::Unknown,
            &["Traceback (most recent"],
            r"^\s*(?P<message>Traceback \(most recent call last\):)$",
        )
        .weighing(Weight::Sign)
        .reading(traceback),
        Rule::new(
            K::CompileError,
            &["\", line"],
            r#"^\s*File "(?P<file>[^"]+)", line (?P<line>[0-9]+)$"#,
        )
        .reading(syntax_error),
    ],
};

fn traceback(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let indent = at.text().len() - at.text().trim_start().len();
    for (distance, line) in at.lines_below(200) {
        if let Some((path, row)) = file_line(line) {
            if is_own(path) {
                draft.place(path, row, None);
            }
            continue;
        }
        let told = line.trim();
        let here = line.len() - line.trim_start().len();
        if told.is_empty() || here > indent || told.starts_with("Traceback ") {
            if told.starts_with("Traceback ") {
                return;
            }
            continue;
        }
        told.clone_into(&mut draft.failure.message);
        draft.last = draft.first + distance;
        break;
    }
    let message = draft.failure.message.as_str();
    if message.starts_with("Traceback") {
        return;
    }
    draft.failure.kind = kind_of(message);
    let name = message.split([':', ' ']).next().unwrap_or("");
    draft.failure.code = Some(name.to_owned()).filter(|name| name.ends_with("Error"));
    found.push(draft);
}

fn kind_of(exception: &str) -> K {
    if exception.starts_with("ModuleNotFoundError") || exception.starts_with("ImportError") {
        K::Dependency
    } else if exception.starts_with("SyntaxError") || exception.starts_with("IndentationError") {
        K::CompileError
    } else if exception.starts_with("MemoryError") {
        K::Oom
    } else if exception.starts_with("TimeoutError") || exception.contains("TimeoutExpired") {
        K::Timeout
    } else if [
        "ConnectionError",
        "ConnectionResetError",
        "ConnectionRefusedError",
        "requests.exceptions",
        "urllib",
    ]
    .iter()
    .any(|start| exception.starts_with(start))
    {
        K::Infrastructure
    } else {
        K::Unknown
    }
}

/// A file that does not parse: the code, a caret, and the error below.
fn syntax_error(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    for (distance, line) in at.lines_below(4) {
        let told = line.trim().trim_start_matches("E ").trim();
        if told.starts_with("SyntaxError: ")
            || told.starts_with("IndentationError: ")
            || told.starts_with("TabError: ")
        {
            told.clone_into(&mut draft.failure.message);
            draft.last = draft.first + distance;
            found.push(draft);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_lines};

    #[test]
    fn resolvers_say_why() {
        check(
            "  × No solution found when resolving dependencies:\n\
             \x20 ╰─▶ Because a depends on b>=2 and only b<2 is available,\n\
             \x20     we can conclude that a cannot be used.",
            "dependency No solution found when resolving dependencies:",
        );
        check(
            "error: The lockfile at `uv.lock` needs to be updated, but `--locked` was provided.",
            "dependency The lockfile at `uv.lock` needs to be updated, but `--locked` was \
             provided.",
        );
    }

    #[test]
    fn pip_says_a_fault_once() {
        check(
            "ERROR: Could not find a version that satisfies the requirement a==9 (from versions: \
             1.0)\nERROR: No matching distribution found for a==9\n",
            "dependency Could not find a version that satisfies the requirement a==9 (from \
             versions: 1.0)",
        );
        check(
            "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by \
             'NewConnectionError': /simple/a/\n\
             ERROR: Could not find a version that satisfies the requirement a (from versions: \
             none)\nERROR: No matching distribution found for a\n",
            "infrastructure Could not find a version that satisfies the requirement a (from \
             versions: none)",
        );
        let conflict = "ERROR: Cannot install a==1 and a==2 because these package versions have \
             conflicting dependencies.\n\nThe conflict is caused by:\n\
             \x20   The user requested a==1\n    The user requested a==2\n\n\
             To fix this you could try to:\n1. loosen the range\n\n\
             ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/\n";
        check(
            conflict,
            "dependency Cannot install a==1 and a==2 because these package versions have \
             conflicting dependencies.",
        );
        check_lines(conflict, &[(1, 5)]);
        check(
            "a 1.0 has requirement b>=2, but you have b 1.0.\n",
            "dependency a 1.0 has requirement b>=2, but you have b 1.0.",
        );
        check("No broken requirements found.\n", "");
    }

    #[test]
    fn the_build_of_a_package_says_why_last() {
        let log = "Processing ./shop\n  error: subprocess-exited-with-error\n  \n\
             \x20 × Getting requirements to build wheel did not run successfully.\n\
             \x20 │ exit code: 1\n  ╰─> [3 lines of output]\n\
             \x20     Traceback (most recent call last):\n\
             \x20       File \"<string>\", line 1, in <module>\n\
             \x20     ModuleNotFoundError: No module named 'numpy'\n      [end of output]\n  \n\
             error: subprocess-exited-with-error\n\n\
             × Getting requirements to build wheel did not run successfully.\n\
             │ exit code: 1\n╰─> See above for output.\n";
        check(log, "dependency ModuleNotFoundError: No module named 'numpy'");
        check_lines(log, &[(2, 9)]);
    }

    #[test]
    fn poetry_and_uv_say_what_does_not_fit() {
        let poetry = "Resolving dependencies...\n\nBecause no versions of a match >9\n\
             \x20and shop depends on a (>9), version solving failed.\n";
        check(
            poetry,
            "dependency Because no versions of a match >9 and shop depends on a (>9), version \
             solving failed.",
        );
        check_lines(poetry, &[(3, 4)]);
        let stale = "pyproject.toml changed significantly since poetry.lock was last generated. \
             Run `poetry lock` to fix the lock file.";
        check(stale, &format!("dependency {stale}"));
        check(&format!("Error: {stale}"), &format!("dependency {stale}"));
        check("Error: poetry.lock was not found.", "dependency poetry.lock was not found.");
        check(
            "The Poetry configuration is invalid:\n  - Additional properties are not allowed\n",
            "config The Poetry configuration is invalid:",
        );
        check("Command not found: pytset\n", "config Command not found: pytset");
        check(
            "error: No solution found when resolving dependencies\n  cause: Because only a<=1 is \
             available and your project depends on a>=9, it cannot be used.\n",
            "dependency No solution found when resolving dependencies",
        );
        check(
            "error: Unable to find lockfile at `uv.lock`, but `--frozen` was provided.\n",
            "dependency Unable to find lockfile at `uv.lock`, but `--frozen` was provided.",
        );
        check(
            "error: Failed to spawn: `pytset`\n  Caused by: No such file or directory\n",
            "config Failed to spawn: `pytset`",
        );
        check(
            "Installing dependencies from lock file\n\nNo dependencies to install or update\n",
            "",
        );
        check("Resolved 12 packages in 3ms\nAudited 12 packages in 0.1ms\n", "");
    }

    #[test]
    fn a_traceback_ends_in_its_exception() {
        check(
            "Traceback (most recent call last):\n\
             \x20 File \"/home/runner/work/a/a/s.py\", line 3, in <module>\n    import yaml\n\
             ModuleNotFoundError: No module named 'yaml'",
            "dependency s.py:3 [ModuleNotFoundError] ModuleNotFoundError: No module named 'yaml'",
        );
        check(
            "  File \"src/a.py\", line 3\n    x = (\n        ^\nSyntaxError: '(' was never closed",
            "compile_error src/a.py:3 SyntaxError: '(' was never closed",
        );
    }
}
