//! rustc and clippy: diagnostics in their long form, which is what CI prints.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, between, place_in};

pub(super) static TOOL: Tool = Tool {
    name: "rustc",
    about: "The Rust compiler and clippy; lints that `-D` made errors are of kind `lint`.",
    example: "\
         error[E0308]: mismatched types\n --> src/lib.rs:3:18\n  |\n\
         3 |     let x: i32 = \"a\";\n  |                  ^^^ expected `i32`, found `&str`",
    rules: &[
        Rule::new(
            K::CompileError,
            &["error[E", "error: "],
            r"^\s*error(?:\[(?P<code>E[0-9]+)\])?: (?P<message>.+)$",
        )
        .reading(diagnostic),
        Rule::new(
            K::CompileError,
            &["error: could not compile", "error: aborting due to", "previous error"],
            r"^\s*error: (?P<message>(?:could not compile `|aborting due to ).*)$",
        )
        .weighing(Weight::Consequence),
    ],
};

/// How far below its first line a diagnostic's place may stand: messages span a few lines.
const PLACE_LINES_MAX: usize = 12;

/// How far a diagnostic's notes are read.
const NOTES_LINES_MAX: usize = 80;

fn diagnostic(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let mut more = Vec::new();
    let mut arrow = None;
    for (distance, line) in at.lines_below(PLACE_LINES_MAX) {
        if let Some(place) = line.trim_start().strip_prefix("--> ") {
            arrow = Some((distance, place));
            break;
        }
        if line.trim().is_empty() || starts_diagnostic(line) {
            break;
        }
        more.push(line);
    }
    let Some((distance, place)) = arrow else { return };
    let Some((path, line, column)) = place_in(place) else { return };
    // clang and others use arrows too, but not with a Rust file.
    draft.place(path, line, column);
    if !super::is_own(path) {
        own_place(at, distance, &mut draft);
    }
    for line in more {
        draft.say(line);
    }
    draft.last = draft.first + distance;
    for (below, line) in at.lines_below(NOTES_LINES_MAX) {
        if below <= distance {
            continue;
        }
        if line.trim().is_empty() || starts_diagnostic(line) {
            break;
        }
        note(&mut draft, line);
        draft.last = draft.first + below;
    }
    if draft.failure.code.is_none() && is_lint_message(&draft.failure.message) {
        draft.failure.kind = K::Lint;
    }
    found.push(draft);
}

/// A dependency's macro is at fault by its use in the project, which a `:::` line names.
fn own_place(at: &At<'_>, from: usize, draft: &mut Draft) {
    let own = at
        .lines_below(PLACE_LINES_MAX + from)
        .skip(from)
        .take_while(|(_, line)| !line.trim().is_empty())
        .filter_map(|(_, line)| place_in(line.trim_start().strip_prefix("::: ")?))
        .find(|(path, ..)| super::is_own(path));
    if let Some((path, line, column)) = own {
        draft.place(path, line, column);
    }
}

fn starts_diagnostic(line: &str) -> bool {
    line.starts_with("error") || line.starts_with("warning:") || line.starts_with("warning[")
}

/// Reads one line under a diagnostic's place.
fn note(draft: &mut Draft, line: &str) {
    let trimmed = line.trim_start();
    let lint = between(line, "#[deny(", ")]")
        .or_else(|| between(line, "#[forbid(", ")]"))
        .or_else(|| between(line, "`-D ", "`").filter(|lint| *lint != "warnings"))
        .map(|lint| lint.replace('-', "_"))
        .or_else(|| {
            let (_, lint) = line.split_once("rust-clippy/")?.1.split_once('#')?;
            Some(format!("clippy::{}", lint.trim()))
        });
    if let Some(lint) = lint
        && draft.failure.code.as_ref().is_none_or(|code| !code.starts_with('E'))
    {
        // `#[deny(clippy::all)]` names the group; the page names the lint.
        if draft.failure.code.is_none() || trimmed.contains("rust-clippy/") {
            draft.failure.code = Some(lint);
        }
        draft.failure.kind = K::Lint;
    }
    let help = trimmed.strip_prefix("= help: ").or_else(|| trimmed.strip_prefix("help: "));
    if let Some(help) = help
        && draft.failure.suggestion.is_none()
        && !help.starts_with("for further information")
    {
        draft.failure.suggestion = Some(help.trim().to_owned());
    }
    if let Some(label) = trimmed.rsplit_once("^ ").map(|(_, label)| label)
        && trimmed.contains('|')
        && !draft.failure.message.contains('\n')
    {
        draft.say(label);
    }
}

/// Messages of rustc's own lints: the lint is named only where it is first used.
fn is_lint_message(message: &str) -> bool {
    const BEGINNINGS: [&str; 14] = [
        "unused ",
        "unreachable ",
        "variable `",
        "value assigned to",
        "use of deprecated",
        "missing documentation",
        "unnecessary ",
        "trait objects without",
        "this file contains a lint",
        "unneeded ",
        "hiding a lifetime",
        "mismatched lifetime",
        "redundant ",
        "irrefutable ",
    ];
    const PARTS: [&str; 7] = [
        " is never used",
        " are never used",
        " is never read",
        " are never read",
        " is never constructed",
        " should have ",
        " does not need to be mutable",
    ];
    BEGINNINGS.iter().any(|start| message.starts_with(start))
        || PARTS.iter().any(|part| message.contains(part))
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn a_diagnostic_has_its_place_its_code_and_its_help() {
        check(
            "error[E0425]: cannot find value `x` in this scope\n  --> src/a.rs:3:5\n   |\n\
             3  |     x\n   |     ^ help: a local variable with a similar name exists: `y`\n\n\
             error: could not compile `a` (lib) due to 1 previous error",
            "compile_error src/a.rs:3:5 [E0425] cannot find value `x` in this scope",
        );
        check(
            "error: expected one of `.` or `;`, found `}`\n --> a/src/b.rs:1:2\n",
            "compile_error a/src/b.rs:1:2 expected one of `.` or `;`, found `}`",
        );
        check(
            "error: this `if` has identical blocks\n --> src/a.rs:1:2\n  |\n\
             \x20 = help: for further information visit \
             https://rust-lang.github.io/rust-clippy/rust-1.90.0/index.html#if_same_then_else\
             \n  = note: `#[deny(clippy::if_same_then_else)]` on by default",
            "lint src/a.rs:1:2 [clippy::if_same_then_else] this `if` has identical blocks",
        );
        check(
            "error: unused variable: `x`\n --> src/a.rs:1:2\n  |\n\
             \x20 = note: `-D unused-variables` implied by `-D warnings`",
            "lint src/a.rs:1:2 [unused_variables] unused variable: `x`",
        );
        check(
            "error: unused import: `a`\n --> src/a.rs:1:2",
            "lint src/a.rs:1:2 unused import: `a`",
        );
    }

    #[test]
    fn warnings_are_not_failures() {
        check("warning: unused variable: `x`\n --> src/a.rs:1:2\n  |", "");
    }
}
