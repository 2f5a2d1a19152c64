//! Python's formatters: black, isort, `ruff format`.

use super::extent::BLOCK_LINES_MAX;
use super::{At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, Weight, place_in};

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
        .reading(reformat),
        Rule::new(
            K::Format,
            &["Imports are incorrectly sorted"],
            r"^ERROR: (?P<message>(?P<file>\S.*\.pyi?) Imports are incorrectly sorted.*)$",
        )
        .reading(isort),
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
            &["error: cannot parse: "],
            concat!(
                r"^error: (?P<message>cannot parse: (?P<file>[^\s:]+):",
                r"(?P<line>[0-9]+):(?P<column>[0-9]+))$",
            ),
        )
        .reading(paragraph_to_error),
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
        .weighing(Weight::Consequence)
        .reading(diffs_above),
    ],
};

/// ruff begins with a capital where black does not.
fn reformat(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if draft.failure.message.starts_with("Would") {
        draft.failure.tool = Some("ruff".to_owned());
    }
    with_diff(at, draft, found);
}

fn isort(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.tool = Some("isort".to_owned());
    found.push(draft);
}

/// black shows the line and says what is wrong below.
fn paragraph_to_error(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let error = at.lines_below(6).find(|(_, line)| line.contains("Error: "));
    if let Some((distance, line)) = error {
        draft.say(line.trim());
        draft.last = draft.first + distance;
    }
    found.push(draft);
}

/// `ruff format --diff` names files only at the head of their differences.
fn diffs_above(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    let mut files: Vec<Draft> = Vec::new();
    for (distance, line) in at.lines_above(LOOK_LINES_MAX) {
        if line.contains("ould reformat") || line.starts_with("unformatted: ") {
            files.clear();
            break;
        }
        let Some(path) = line.strip_prefix("+++ ") else { continue };
        if !at.above(distance + 1).is_some_and(|above| above.starts_with("--- ")) {
            continue;
        }
        let mut file = Draft { weight: Weight::Cause, ..draft.clone() };
        file.failure.tool = Some("ruff".to_owned());
        "not formatted as ruff wants it".clone_into(&mut file.failure.message);
        file.path = Some(path.split('\t').next().unwrap_or(path).trim().to_owned());
        (file.first, file.last) = (at.index - distance - 1, at.index - distance);
        files.push(file);
    }
    if files.is_empty() {
        files.push(draft);
    }
    found.extend(files.into_iter().rev());
}

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
        draft.failure.tool = Some("ruff".to_owned());
        draft.place(path, line, column);
        found.push(draft);
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_lines};

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
            "--- a.py\n+++ a.py\n@@ -1,2 +1,3 @@\n-x=1\n+x = 1\n\n1 file would be reformatted",
            "format a.py not formatted as ruff wants it",
        );
        check(
            "error: cannot parse: /home/runner/work/a/a/b.py:1:6\n    def f(:\n         ^\n\
             ParseError: bad input\n",
            "compile_error b.py:1:6 cannot parse: b.py:1:6",
        );
        check(
            "error: cannot format src/a.py: Cannot parse: 3:4: x = (",
            "compile_error src/a.py:3:4 cannot format src/a.py: Cannot parse: 3:4: x = (",
        );
    }
}
