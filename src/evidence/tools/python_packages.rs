//! Python's package managers and uncaught exceptions: pip, uv, poetry, tracebacks.

use super::python_tests::file_line;
use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, is_own};

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
            ],
            concat!(
                r"^\s*ERROR: (?P<message>(?:Could not (?:find a version|build wheels",
                r"|open requirements)|Cannot install|ResolutionImpossible",
                r"|No matching distribution|Fail(?:ed|ing) (?:to build|building)|Package '?",
                r"|Invalid requirement|THESE PACKAGES).*)$",
            ),
        ),
        Rule::new(
            K::Dependency,
            &[
                "No solution found when resolving",
                "version solving failed",
                "lockfile at `uv.lock`",
                "poetry.lock was last generated",
                "poetry.lock is not up to date",
                "lock file is not compatible",
                "Unable to resolve dependencies",
                "LibMambaUnsatisfiableError",
                "UnsatisfiableError",
            ],
            concat!(
                r"^\s*(?:(?:ERROR|Error|error",
                r"|×)[: ] *)?(?P<message>.*(?:No solution found when resolving",
                r"|version solving failed|lockfile at `uv\.lock` needs",
                r"|poetry\.lock (?:was last generated|is not up to date)",
                r"|lock file is not compatible|UnsatisfiableError).*)$",
            ),
        )
        .reading(because),
        Rule::new(
            K::Dependency,
            &["subprocess-exited-with-error"],
            r"^\s*(?P<message>(?:× |error: )?subprocess-exited-with-error)$",
        )
        .weighing(Weight::Sign),
    ],
};

/// uv explains below its headline why nothing fits.
fn because(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    for (distance, line) in at.lines_below(10) {
        let told = line.trim();
        if told.is_empty()
            || !(told.starts_with("╰─▶") || told.starts_with("And ") || line.starts_with("   "))
        {
            break;
        }
        draft.say(told.trim_start_matches("╰─▶ "));
        draft.last = draft.first + distance;
    }
    found.push(draft);
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
            &["File \""],
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
    use crate::evidence::tests::check;

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
