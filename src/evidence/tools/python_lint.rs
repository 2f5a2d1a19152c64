//! Python's checkers and formatters: mypy, pyright, ruff, flake8, pylint, black, isort.

use super::extent::{BLOCK_LINES_MAX, paragraph_and_frame};
use super::{At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, Weight, place_in};

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
        ),
        Rule::new(
            K::TypeError,
            &[" - error: "],
            concat!(
                r"^\s+(?P<file>\S+\.pyi?):(?P<line>[0-9]+):(?P<column>[0-9]+) - error: ",
                r"(?P<message>.+?)(?: \((?P<code>report[A-Za-z]+)\))?$",
            ),
        ),
        Rule::new(
            K::TypeError,
            &["error[", "ERROR "],
            r"^(?:error\[(?P<code>[a-z-]+)\]:?|ERROR) (?P<message>.+?)(?: \[[a-z-]+\])?$",
        )
        .reading(arrow_to_python),
    ],
};

/// ty and pyrefly place their findings below, as rustc does.
fn arrow_to_python(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    for (distance, line) in at.lines_below(3) {
        if let Some((path, line, column)) =
            line.trim_start().strip_prefix("--> ").and_then(place_in)
        {
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
            &[".py:", ".pyi:", ".ipynb:"],
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
            &[".py:", ".pyi:"],
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

fn python_lint(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if draft.failure.code.as_deref() == Some("E999") {
        draft.failure.kind = K::CompileError;
    }
    found.push(draft);
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

pub(super) static FORMAT: Tool = Tool {
    name: "black",
    about: "black, ruff format and isort in checking mode: one failure a file.",
    example: "\
         would reformat /home/runner/work/shop/shop/src/cart.py\n\nOh no! 💥 💔 💥\n\
         1 file would be reformatted.",
    rules: &[
        Rule::new(
            K::Format,
            &["ould reformat"],
            r"^(?P<message>[Ww]ould reformat:? (?P<file>\S.*\.(?:pyi?|ipynb|md)))(?::[0-9:]+)?$",
        )
        .reading(with_diff),
        Rule::new(
            K::Format,
            &["Imports are incorrectly sorted"],
            r"^ERROR: (?P<message>(?P<file>\S.*\.pyi?) Imports are incorrectly sorted.*)$",
        ),
        Rule::new(
            K::CompileError,
            &["error: cannot format "],
            concat!(
                r"^error: (?P<message>cannot format (?P<file>[^\s:]+): .*?(?:: ",
                r"(?P<line>[0-9]+):(?P<column>[0-9]+): .*)?)$",
            ),
        ),
        Rule::new(
            K::CompileError,
            &["error: Failed to parse "],
            concat!(
                r"^error: (?P<message>Failed to parse (?:at )?(?P<file>[^\s:]+):",
                r"(?P<line>[0-9]+):(?P<column>[0-9]+): .*)$",
            ),
        ),
        Rule::new(
            K::Format,
            &["unformatted: File would be reformatted"],
            r"^(?P<message>unformatted: File would be reformatted)$",
        )
        .reading(arrow_to_file),
        Rule::new(
            K::Format,
            &["would be reformatted"],
            r"^(?P<message>[0-9]+ files? would be reformatted.*)$",
        )
        .weighing(Weight::Consequence),
    ],
};

/// With `--diff`, the file's diff stands around the line, which goes to another stream.
fn with_diff(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let path = draft.path.as_deref().unwrap_or_default();
    let is_head = |line: &str| {
        let rest = line.strip_prefix("--- ").and_then(|named| named.strip_prefix(path));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['\t', ' ', ':']))
    };
    let mut above = at.lines_above(LOOK_LINES_MAX).take_while(|(_, line)| is_in_diff(line));
    let head = match above.find(|(_, line)| is_head(line)) {
        Some((distance, _)) => Some(at.index - distance),
        None => at.below(1).filter(|line| is_head(line)).map(|_| at.index + 1),
    };
    if let Some(head) = head {
        draft.first = head.min(at.index);
        draft.last = (head..head + BLOCK_LINES_MAX)
            .take_while(|index| {
                let line = at.numbered(*index).filter(|line| is_in_diff(line));
                let is_next = *index > head && at.numbered(*index + 1).is_some_and(is_second_head);
                *index == at.index || line.is_some() && !is_next
            })
            .filter(|index| at.numbered(*index).is_some_and(|line| !line.trim().is_empty()))
            .last()
            .unwrap_or(head);
    }
    found.push(draft);
}

fn is_in_diff(line: &str) -> bool {
    line.is_empty() || line.starts_with([' ', '+', '-', '@', '\\'])
}

/// Whether a line is the second of a file's two in a diff.
fn is_second_head(line: &str) -> bool {
    line.starts_with("+++ ")
}

fn arrow_to_file(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let place = at.below(1).and_then(|line| line.trim_start().strip_prefix("--> "));
    if let Some((path, line, column)) = place.and_then(place_in) {
        draft.place(path, line, column);
        found.push(draft);
    }
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

    #[test]
    fn a_formatters_failure_reaches_over_the_diff_that_it_stands_in() {
        let diff = |path: &str| {
            format!(
                "--- {path}\t2026-02-03 11:23:18+00:00\n+++ {path}\t2026-02-03 11:23:34+00:00\n"
            )
        };
        let (a, b) = (diff("/w/a.py"), diff("/w/b.py"));
        check_lines(
            &format!(
                "{a}@@ -1,2 +1,2 @@\nwould reformat /w/a.py\n-x = [ 1 ]\n+x = [1]\n \n\
                 {b}@@ -1 +1 @@\n-y\n+z\n\nwould reformat /w/b.py\nOh no! 💥 💔 💥\n"
            ),
            &[(1, 6), (8, 14)],
        );
        check_lines(&format!("would reformat /w/a.py\n{a}@@ -1 +1 @@\n-y\n+z\n"), &[(1, 6)]);
        let long = "+x\n".repeat(100);
        check_lines(&format!("{a}@@ -1 +1 @@\n{long}would reformat /w/a.py\n"), &[(1, 40)]);
        check_lines("would reformat /w/a.py\nwould reformat /w/b.py\n", &[(1, 1), (2, 2)]);
    }

    #[test]
    fn formatters_list_files() {
        check(
            "Would reformat: bot.py\n1 file would be reformatted",
            "format bot.py Would reformat: bot.py",
        );
        check(
            "ERROR: /home/runner/work/a/a/x.py Imports are incorrectly sorted and/or formatted.",
            "format x.py x.py Imports are incorrectly sorted and/or \
             formatted.",
        );
        check(
            "error: cannot format src/a.py: Cannot parse: 3:4: x = (",
            "compile_error src/a.py:3:4 cannot format src/a.py: Cannot parse: 3:4: x = (",
        );
    }
}
