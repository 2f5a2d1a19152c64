//! rustc and clippy: diagnostics in their long form, which is what CI prints.

use super::extent::{BLOCK_LINES_MAX, with_paragraph};
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
            &[": error[E", ": error: "],
            concat!(
                r"^(?P<file>[^\s:][^:]*\.rs):(?P<line>[0-9]+):(?P<column>[0-9]+): ",
                r"error(?:\[(?P<code>E[0-9]+)\])?: (?P<message>.+)$",
            ),
        )
        .reading(short),
        Rule::new(
            K::CompileError,
            &[
                "error: internal compiler error",
                "error: couldn't read ",
                "error: language item required",
                "error: `#[panic_handler]` function",
                "error: no global memory allocator",
                "error: could not exec the linker",
                "error: Unrecognized option",
            ],
            concat!(
                r"^\s*error: (?P<message>(?:internal compiler error|couldn't read ",
                r"|language item required|`#\[panic_handler\]` function",
                r"|no global memory allocator|could not exec the linker|Unrecognized option).*)$",
            ),
        )
        .reading(with_paragraph),
        Rule::new(
            K::CompileError,
            &["error: could not compile", "error: aborting due to"],
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
        let told = line.trim_start();
        if let Some(place) = told.strip_prefix("--> ").or_else(|| told.strip_prefix("╭▸ ")) {
            arrow = Some((distance, place));
            break;
        }
        if line.trim().is_empty() || starts_diagnostic(line) {
            break;
        }
        more.push(line);
    }
    let Some((distance, place)) = arrow else {
        // Faults of the whole crate have a code and no place.
        if draft.failure.code.is_some() {
            notes(at, 0, &mut draft);
            found.push(draft);
        }
        return;
    };
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
    notes(at, distance, &mut draft);
    if let Some(kind) = kind_of(&draft) {
        draft.failure.kind = kind;
    }
    if is_misspelling(&draft.failure.message) {
        draft.failure.kind = K::Lint;
        draft.failure.tool = Some("typos".to_owned());
    }
    found.push(draft);
}

/// Reads the notes below a diagnostic's line at `from`, to the blank line that ends it.
fn notes(at: &At<'_>, from: usize, draft: &mut Draft) {
    for (below, line) in at.lines_below(NOTES_LINES_MAX).skip(from) {
        if line.trim().is_empty() || starts_diagnostic(line) {
            break;
        }
        note(draft, line);
        if below < BLOCK_LINES_MAX {
            draft.last = draft.first + below;
        }
    }
}

/// What a placed diagnostic is where it is not the compiler's verdict on Rust code.
fn kind_of(draft: &Draft) -> Option<K> {
    let message = draft.failure.message.as_str();
    if draft.path.as_deref().is_some_and(|path| path.ends_with(".toml")) {
        Some(K::Config)
    } else if is_run(message) {
        Some(K::TestFailure)
    } else {
        (draft.failure.code.is_none() && is_lint_message(message)).then_some(K::Lint)
    }
}

/// Whether the message is that of the checker `typos`, which borrows the compiler's form.
fn is_misspelling(message: &str) -> bool {
    let words = message.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    words.is_some_and(|words| words.contains("` should be `"))
}

/// Whether the message is Miri's: it runs the program, so what it finds is a test's failure.
fn is_run(message: &str) -> bool {
    const BEGINNINGS: [&str; 5] = [
        "Undefined Behavior: ",
        "unsupported operation: ",
        "memory leaked: ",
        "abnormal termination: ",
        "the evaluated program ",
    ];
    BEGINNINGS.iter().any(|start| message.starts_with(start))
}

/// `--message-format short`: one line, its place first.
fn short(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if draft.failure.code.is_none() && is_lint_message(&draft.failure.message) {
        draft.failure.kind = K::Lint;
    }
    found.push(draft);
}

/// A dependency's macro is at fault by its use in the project, which a `:::` line names; what Miri
/// finds in the standard library, by the caller in a note.
fn own_place(at: &At<'_>, from: usize, draft: &mut Draft) {
    let is_run = is_run(&draft.failure.message);
    let own = at
        .lines_below(if is_run { BLOCK_LINES_MAX } else { from + PLACE_LINES_MAX })
        .skip(from)
        .take_while(|(_, line)| !line.trim().is_empty())
        .filter_map(|(_, line)| {
            let line = line.trim_start();
            let noted = || is_run.then(|| line.strip_prefix("--> "))?;
            place_in(line.strip_prefix("::: ").or_else(noted)?)
        })
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
        .or_else(|| between(line, "`-D ", "`").or_else(|| between(line, "`-F ", "`")))
        .filter(|lint| *lint != "warnings")
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
    use crate::evidence::tests::check_lines;

    #[test]
    fn a_misspelling_is_no_compile_error() {
        let found = "lint README.md:3:5 `teh` should be `the`";
        check("error: `teh` should be `the`\n  --> ./README.md:3:5\n  |\n3 | is teh\n", found);
        check("error: `teh` should be `the`\n  ╭▸ ./README.md:3:5\n  │\n3 │ is teh\n", found);
    }

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
    fn a_build_is_its_errors_and_not_its_summary() {
        let log = "\
   Compiling shop v0.1.0 (/home/runner/work/shop/shop)
warning: unused import: `std::fmt`
 --> src/lib.rs:1:5
  |
1 | use std::fmt;
  |     ^^^^^^^^
  |
  = note: `#[warn(unused_imports)]` on by default

error[E0277]: the trait bound `Cart: Clone` is not satisfied
   --> crates\\cart\\src\\lib.rs:14:24
    |
14  |     let copy = cart.clone();
    |                     ^^^^^ the trait `Clone` is not implemented for `Cart`
    |
note: required by a bound in `twice`
   --> crates\\cart\\src\\twice.rs:3:14
    |
3   | fn twice<T: Clone>(t: T) {}
    |             ^^^^^ required by this bound in `twice`
help: consider annotating `Cart` with `#[derive(Clone)]`
    |
9   + #[derive(Clone)]
10  | struct Cart;
    |

Some errors have detailed explanations: E0277, E0308.
For more information about an error, try `rustc --explain E0277`.
warning: `shop` (lib) generated 1 warning
error: could not compile `shop` (lib) due to 1 previous error; 1 warning emitted
warning: build failed, waiting for other jobs to finish...
error: could not compile `shop` (lib test) due to 1 previous error; 1 warning emitted
";
        check(
            log,
            "compile_error crates/cart/src/lib.rs:14:24 [E0277] \
             the trait bound `Cart: Clone` is not satisfied",
        );
        check_lines(log, &[(10, 25)]);
    }

    #[test]
    fn an_error_may_have_one_line_or_no_place() {
        check(
            "src/lib.rs:3:18: error[E0308]: mismatched types: expected `i32`, found `&str`\n\
             src/lib.rs:4:1: warning: unused variable: `x`\n\
             src/lib.rs:9:5: error: unused variable: `y`",
            "compile_error src/lib.rs:3:18 [E0308] mismatched types: expected `i32`, found `&str`\
             \nlint src/lib.rs:9:5 unused variable: `y`",
        );
        check(
            "error[E0463]: can't find crate for `core`\n  |\n\
             \x20 = note: the `wasm32-unknown-unknown` target may not be installed\n\
             \x20 = help: consider downloading the target with `rustup target add \
             wasm32-unknown-unknown`\n\nerror: could not compile `a` (lib) due to 1 previous error",
            "compile_error [E0463] can't find crate for `core`",
        );
        check(
            "error: couldn't read `src/gone.rs`: No such file or directory (os error 2)\n\n\
             error: could not compile `a`",
            "compile_error couldn't read `src/gone.rs`: No such file or directory (os error 2)",
        );
    }

    #[test]
    fn what_is_wrong_with_a_manifest_is_no_compile_error() {
        check(
            "error: invalid type: integer `1`, expected a string\n --> Cargo.toml:3:11\n  |\n\
             3 | version = 1\n  |           ^\n  |",
            "config Cargo.toml:3:11 invalid type: integer `1`, expected a string",
        );
    }

    #[test]
    fn miri_blames_the_caller_in_the_project() {
        check(
            "error: Undefined Behavior: out-of-bounds pointer use\n  --> \
             /home/runner/.rustup/toolchains/nightly-x86_64-unknown-linux-gnu/lib/rustlib/src/\
             rust/library/core/src/ptr.rs:5:9\n   |\n5  |         read(src)\n   |         \
             ^^^^^^^^^ Undefined Behavior occurred here\n   |\n   = help: this indicates a bug in \
             the program\n   = note: BACKTRACE:\n   = note: inside `read`\nnote: inside `main`\n\
             \x20 --> src/main.rs:10:18\n   |\n10 |     read(p)\n   |     ^^^^^^^\n\n\
             error: aborting due to 1 previous error",
            "test_failure src/main.rs:10:18 Undefined Behavior: out-of-bounds pointer use",
        );
    }

    #[test]
    fn warnings_are_not_failures() {
        check("warning: unused variable: `x`\n --> src/a.rs:1:2\n  |", "");
    }
}
