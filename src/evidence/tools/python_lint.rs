//! Python's checkers: mypy, pyright, ruff, flake8, pylint.

use super::extent::{BLOCK_LINES_MAX, code_frame, indent, paragraph_and_frame};
use super::{At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, place_in};

pub(super) static TYPES: Tool = Tool {
    name: "mypy",
    about: "mypy, pyright and basedpyright.",
    example: "\
         src/cart.py:12:5: error: Incompatible return value type (got \"str\", expected \
         \"int\")  [return-value]",
    rules: &[
        Rule::new(
            K::TypeError,
            &[": error: "],
            concat!(
                r"^(?P<file>[^\s:][^:]*\.pyi?):(?P<line>[0-9]+):(?:(?P<column>[0-9]+):)?",
                r"(?:[0-9]+:[0-9]+:)? error: (?P<message>.+?)",
                r"(?:  \[(?P<code>[a-z0-9-]+)\])?$",
            ),
        )
        .reading(mypy),
        Rule::new(
            K::Config,
            &["error: Duplicate module", "error: Source file found", "error: Cannot read file"],
            concat!(
                r"^(?P<file>[^\s:]+\.pyi?): error: (?P<message>(?:Duplicate module named",
                r"|Source file found twice|Cannot read file).*)$",
            ),
        ),
        Rule::new(
            K::TypeError,
            &[" - error: "],
            concat!(
                r"^\s+(?P<file>\S+\.pyi?):(?P<line>[0-9]+):(?P<column>[0-9]+) - error: ",
                r"(?P<message>.+?)(?: \((?P<code>report[A-Za-z]+)\))?$",
            ),
        )
        .reading(pyright),
        Rule::new(
            K::TypeError,
            &["error[", "ERROR "],
            r"^(?:error\[(?P<code>[a-z-]+)\]:?|ERROR) (?P<message>.+?)(?: \[[a-z-]+\])?$",
        )
        .reading(arrow_to_python),
    ],
};

/// With `--pretty`, mypy wraps its message, code last, and shows the line.
fn mypy(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    const WRAPPED_LINES_MAX: usize = 5;
    if draft.failure.code.is_none() {
        let mut wrapped = String::new();
        for (distance, line) in at.lines_below(WRAPPED_LINES_MAX) {
            if line.trim().is_empty() || line.starts_with(' ') || line.contains(".py:") {
                break;
            }
            wrapped.push(' ');
            wrapped.push_str(line.trim());
            let code = wrapped.strip_suffix(']').and_then(|told| told.rsplit_once(" ["));
            if let Some((rest, code)) = code.filter(|(_, code)| is_code(code)) {
                draft.failure.message.push_str(rest.trim_end());
                draft.failure.code = Some(code.to_owned());
                draft.last = draft.first + distance;
                break;
            }
        }
    }
    if draft.failure.code.as_deref() == Some("syntax") {
        draft.failure.kind = K::CompileError;
    }
    let shows_code = at.below(draft.last - at.index + 1).is_some_and(|line| indent(line) >= 4);
    if shows_code {
        code_frame(at, &mut draft);
    }
    found.push(draft);
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

/// pyright goes on below, deeper, and names its rule last.
fn pyright(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.tool = Some("pyright".to_owned());
    let margin = indent(at.text());
    for (distance, line) in at.lines_below(BLOCK_LINES_MAX - 1) {
        if draft.failure.code.is_some() || line.trim().is_empty() || indent(line) <= margin {
            break;
        }
        let told = line.trim();
        let code = told.strip_suffix(')').and_then(|told| told.rsplit_once(" (report"));
        if let Some((told, code)) = code {
            draft.say(told);
            draft.failure.code = Some(format!("report{code}"));
        } else {
            draft.say(told);
        }
        draft.last = draft.first + distance;
    }
    found.push(draft);
}

/// ty and pyrefly place their findings below, as rustc does.
fn arrow_to_python(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    for (distance, line) in at.lines_below(3) {
        if let Some((path, line, column)) =
            line.trim_start().strip_prefix("--> ").and_then(place_in)
        {
            // zizmor reads workflows and says what it finds in the same form.
            if path.ends_with(".yml") || path.ends_with(".yaml") {
                draft.failure.kind = K::Lint;
                draft.failure.tool = Some("zizmor".to_owned());
            }
            draft.place(path, line, column);
            draft.last = draft.first + distance;
            found.push(draft);
            return;
        }
    }
}

pub(super) static LINT: Tool = Tool {
    name: "ruff",
    about: "ruff, flake8, pycodestyle and pylint.",
    example: "src/cart.py:1:8: F401 [*] `os` imported but unused\nFound 1 error.",
    rules: &[
        Rule::new(
            K::Lint,
            &[
                ".py:\0:",
                ".pyi:\0:",
                ".ipynb:\0:",
                ".ipynb:cell \0:\0:",
                ".py:cell \0:\0:",
                ".pyi:cell \0:\0:",
            ],
            concat!(
                r"^(?P<file>[^\s:][^:]*\.(?:pyi?",
                r"|ipynb)):(?:cell [0-9]+:)?(?P<line>[0-9]+):(?:(?P<column>[0-9]+):)? ",
                r"(?:error: )?\[?(?P<code>[A-Z]{1,6}[0-9]{3,5})\]?:? (?:\[\*\] )?",
                r"(?P<message>.+)$",
            ),
        )
        .reading(python_lint),
        Rule::new(
            K::Lint,
            &[".py:\0: [", ".pyi:\0: ["],
            concat!(
                r"^(?P<file>[^\s:][^:]*\.pyi?):(?P<line>[0-9]+): ",
                r"\[(?P<code>[CREWFI][0-9]{4})\([a-z-]+\), ?[^\]]*\] (?P<message>.+)$",
            ),
        )
        .reading(python_lint),
        Rule::new(K::Lint, &[" error.", " errors."], r"^Found [0-9]+ errors?\.$")
            .reading(ruff_grouped),
        Rule::new(
            K::Lint,
            &[".py:\0:\0", ".pyi:\0:\0"],
            r"^\s+--> (?P<file>\S+\.pyi?):(?P<line>[0-9]+):(?P<column>[0-9]+)$",
        )
        .reading(ruff_full),
        Rule::new(
            K::CompileError,
            &["SyntaxError: ", "invalid-syntax: "],
            concat!(
                r"^(?P<file>[^\s:][^:]*\.py):(?P<line>[0-9]+):(?P<column>[0-9]+): (?P<code>",
                r"(?:E999 )?SyntaxError|invalid-syntax): (?P<message>.+)$",
            ),
        ),
    ],
};

/// What pylint begins its codes with: convention, refactor, warning, error, fatal.
const PYLINT_CLASSES: [char; 5] = ['C', 'R', 'W', 'E', 'F'];

fn python_lint(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let code = draft.failure.code.as_deref().unwrap_or_default();
    // pylint's codes have four digits, and behind the message stands the message's name.
    let is_pylint = code.strip_prefix(PYLINT_CLASSES).is_some_and(|number| number.len() == 4)
        && (draft.failure.message.ends_with(')') || draft.failure.column.is_none());
    if code == "E999" || is_pylint && code == "E0001" {
        draft.failure.kind = K::CompileError;
    }
    if is_pylint {
        draft.failure.tool = Some("pylint".to_owned());
    }
    found.push(draft);
}

/// ruff's grouped form: `PATH:` above rows of `LINE:COLUMN CODE message`, a count below all.
#[expect(clippy::needless_pass_by_value, reason = "every reader owns its draft")]
fn ruff_grouped(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    let mut rows: Vec<Draft> = Vec::new();
    for (distance, line) in at.lines_above(LOOK_LINES_MAX) {
        if line.trim().is_empty() {
            continue;
        }
        if let Some(path) = line.strip_suffix(':').filter(|path| path.ends_with(".py")) {
            rows.iter_mut()
                .filter(|row| row.path.is_none())
                .for_each(|row| row.path = Some(path.to_owned()));
            continue;
        }
        let Some(mut row) = grouped_row(line, &draft) else { break };
        (row.first, row.last) = (at.index - distance, at.index - distance);
        rows.push(row);
    }
    found.extend(rows.into_iter().rev().filter(|row| row.path.is_some()));
}

fn grouped_row(line: &str, draft: &Draft) -> Option<Draft> {
    let (place, rest) = line.strip_prefix("  ")?.trim_start().split_once(' ')?;
    let (row, column) = place.split_once(':')?;
    let (code, message) = rest.trim_start().split_once(' ')?;
    let mut draft = draft.clone();
    draft.failure.line = Some(row.parse().ok()?);
    draft.failure.column = column.parse().ok();
    let code = code.trim_end_matches(':');
    if code == "invalid-syntax" {
        draft.failure.kind = K::CompileError;
    } else if !code.starts_with(|c: char| c.is_ascii_uppercase())
        || !code.ends_with(|c: char| c.is_ascii_digit())
    {
        return None;
    }
    draft.failure.code = Some(code.to_owned());
    message.trim_start_matches("[*] ").clone_into(&mut draft.failure.message);
    Some(draft)
}

/// ruff's full form: `F401 [*] message` above ` --> file:line:column`.
fn ruff_full(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let Some(head) = at.above(1) else { return };
    let Some((code, message)) = head.split_once(' ') else { return };
    let code = code.trim_end_matches(':');
    let is_rule = code.len() >= 3
        && code.starts_with(|c: char| c.is_ascii_uppercase())
        && code.ends_with(|c: char| c.is_ascii_digit())
        && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if code == "invalid-syntax" {
        draft.failure.kind = K::CompileError;
    } else if !is_rule {
        return;
    }
    draft.failure.code = Some(code.to_owned());
    message.trim_start_matches("[*] ").clone_into(&mut draft.failure.message);
    draft.first -= 1;
    paragraph_and_frame(at, &mut draft);
    draft.failure.suggestion = at
        .lines_below(30)
        .map(|(_, line)| line.trim())
        .take_while(|line| !line.is_empty())
        .find_map(|line| line.strip_prefix("help: "))
        .map(str::to_owned);
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_lines};

    #[test]
    fn types_are_read() {
        check(
            "a/b.py:3: error: No  [arg-type]\na/b.py:3: note: x",
            "type_error a/b.py:3 [arg-type] No",
        );
        check(
            "  /home/runner/work/a/a/b.py:3:4 - error: No (reportCallIssue)\n\
             \x20 /home/runner/work/a/a/b.py:9:4 - warning: x",
            "type_error b.py:3:4 [reportCallIssue] No",
        );
    }

    #[test]
    fn a_type_s_fault_may_take_several_lines() {
        let pretty = "a.py:7:12:7:12: error: Incompatible return value type (got \"str\",\n\
             expected \"int\")  [return-value]\n        return x\n               ^\n\
             Found 1 error in 1 file (checked 1 source file)";
        check(
            pretty,
            "type_error a.py:7:12 [return-value] Incompatible return value type (got \"str\", \
             expected \"int\")",
        );
        check_lines(pretty, &[(1, 4)]);
        let deep = "  a.py:12:14 - error: Cannot access attribute \"n\" for class \"str\"\n\
             \x20   Attribute \"n\" is unknown (reportAttributeAccessIssue)\n\
             1 error, 0 warnings, 0 informations";
        check(
            deep,
            "type_error a.py:12:14 [reportAttributeAccessIssue] Cannot access attribute \"n\" for \
             class \"str\"",
        );
        check_lines(deep, &[(1, 2)]);
        check(
            "shop/bad.py:1: error: Expected `)`, found newline  [syntax]",
            "compile_error shop/bad.py:1 [syntax] Expected `)`, found newline",
        );
        check(
            "a.py: error: Duplicate module named \"a\" (also at \"b/a.py\")\n\
             a.py: note: Common resolutions include:",
            "config a.py Duplicate module named \"a\" (also at \"b/a.py\")",
        );
    }

    #[test]
    fn a_workflows_checker_is_no_type_checker() {
        check(
            "error[unpinned-uses]: unpinned action reference\n\
             \x20 --> .github/workflows/ci.yml:12:9\n",
            "lint .github/workflows/ci.yml:12:9 [unpinned-uses] unpinned action reference",
        );
        check(
            "error[unresolved-import]: Cannot resolve `a`\n --> src/a.py:3:6\n  |\n",
            "type_error src/a.py:3:6 [unresolved-import] Cannot resolve `a`",
        );
    }

    #[test]
    fn checkers_that_found_nothing_say_so() {
        check("Success: no issues found in 12 source files", "");
        check("0 errors, 0 warnings, 0 informations", "");
        check("All checks passed!\n12 files already formatted", "");
        check("All done! ✨ 🍰 ✨\n12 files would be left unchanged.", "");
        check("Your code has been rated at 10.00/10 (previous run: 9.00/10, +1.00)", "");
    }

    #[test]
    fn pylint_is_told_from_ruff() {
        let tool = |log: &str| {
            let reading = crate::evidence::read(log.as_bytes(), &crate::evidence::Hints::default());
            reading.failures.into_iter().next().and_then(|failure| failure.tool)
        };
        let named = |log: &str, expected: &str| assert_eq!(tool(log).as_deref(), Some(expected));
        named("a.py:19:12: E1102: f is not callable (not-callable)", "pylint");
        named("a.py:19: [E1102(not-callable), Cart.add] f is not callable", "pylint");
        named("a.py:19:12: PLE1102 f is not callable", "ruff");
        named("Would reformat: a.py", "ruff");
        named("would reformat a.py", "black");
        named("ERROR: a.py Imports are incorrectly sorted and/or formatted.", "isort");
        check(
            "a.py:19: [E1102(not-callable), Cart.add] f is not callable",
            "lint a.py:19 [E1102] f is not callable",
        );
    }

    #[test]
    fn ruff_may_group_its_findings() {
        check(
            "a.py:\n  1:7 invalid-syntax: Expected `)`\n\nb/c.py:\n\
             \x20  1:8  F401 [*] `os` imported but unused\n  11:20 F821 Undefined name `x`\n\n\
             Found 3 errors.\n[*] 1 fixable with the `--fix` option.",
            "compile_error a.py:1:7 [invalid-syntax] Expected `)`\n\
             lint b/c.py:1:8 [F401] `os` imported but unused\n\
             lint b/c.py:11:20 [F821] Undefined name `x`",
        );
    }

    #[test]
    fn lint_is_read_in_both_forms() {
        check(
            "a.py:1:80: E501 line too long (88 > 79 characters)",
            "lint a.py:1:80 [E501] line too long (88 > 79 characters)",
        );
        check(
            "a.py:19:12: E1102: f is not callable (not-callable)",
            "lint a.py:19:12 [E1102] f is not callable (not-callable)",
        );
        check(
            "F401 [*] `os` imported but unused\n --> src/a.py:1:8\n  |\n1 | import os\n\
             \x20 |        ^^\n  |\nhelp: Remove unused import\n",
            "lint src/a.py:1:8 [F401] `os` imported but unused",
        );
    }
}
