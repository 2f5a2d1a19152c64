//! Elixir, Erlang, OCaml, Clojure, R, Perl and Haskell's older compilers.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, place_in};

pub(super) static ELIXIR: Tool = Tool {
    name: "elixir",
    about: "The Elixir compiler, ExUnit, `mix format`, Credo.",
    example: "\
         \x20 1) test adds (Shop.CartTest)\n     test/cart_test.exs:12\n\
         \x20    Assertion with == failed\n     left:  4\n     right: 5",
    rules: &[
        Rule::new(
            K::TestFailure,
            &[") test ", ") doctest "],
            r"^\s+[0-9]+\) (?P<test>(?:doc)?test .+)$",
        )
        .reading(exunit),
        Rule::new(
            K::CompileError,
            &["Error) "],
            concat!(
                r"^\*\* \((?P<code>\w+Error)\) (?:\([^)]*\) )?(?P<file>[^\s:]+):",
                r"(?P<line>[0-9]+):(?:(?P<column>[0-9]+):)? (?P<message>.+)$",
            ),
        ),
        Rule::new(
            K::CompileError,
            &["└─ "],
            r"^\s*└─ (?P<file>[^\s:]+\.exs?):(?P<line>[0-9]+)(?::(?P<column>[0-9]+))?",
        )
        .reading(elixir),
        Rule::new(K::Dependency, &["** (Mix) "], r"^\*\* \(Mix\) (?P<message>.+)$")
            .weighing(Weight::Sign)
            .reading(mix),
    ],
};

fn exunit(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let Some(place) = at.below(1).map(str::trim) else { return };
    let Some((path, row, _)) = place_in(place) else { return };
    draft.place(path, row, None);
    draft.failure.message.clear();
    draft.last += 1;
    for (distance, line) in at.lines_below(24).skip(1) {
        let told = line.trim();
        if told.is_empty() || told.starts_with("stacktrace:") || told.starts_with("code:") {
            if draft.failure.message.is_empty() && !told.is_empty() {
                continue;
            }
            break;
        }
        draft.say(told);
        draft.last = draft.first + distance;
    }
    found.push(draft);
}

/// The compiler's pretty form: `error: message`, the code, `└─ lib/x.ex:3:5`.
fn elixir(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    for (distance, line) in at.lines_above(12) {
        let told = line.trim();
        if let Some(message) = told.strip_prefix("error: ") {
            message.clone_into(&mut draft.failure.message);
            draft.first -= distance;
            found.push(draft);
            return;
        }
        if told.starts_with("warning: ") || told.is_empty() {
            return;
        }
    }
}

fn mix(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let message = &draft.failure.message;
    if message.contains("mix format failed") || message.contains("not formatted") {
        draft.failure.kind = K::Format;
        draft.weight = Weight::Cause;
    } else if message.contains("dependencies") || message.contains("lock") {
        draft.weight = Weight::Cause;
    } else {
        draft.failure.kind = K::Config;
    }
    found.push(draft);
}

pub(super) static OTHERS: Tool = Tool {
    name: "ocaml",
    about: "OCaml and dune, Clojure's tests, testthat, Perl's test harness.",
    example: "\
         File \"src/cart.ml\", line 12, characters 4-9:\n12 |     total\n         ^^^^^\n\
         Error: Unbound value total",
    rules: &[
        Rule::new(
            K::CompileError,
            &["File \""],
            concat!(
                r#"^File "(?P<file>[^"]+)", lines? (?P<line>[0-9]+)(?:-"#,
                r#"(?P<end_line>[0-9]+))?, characters (?P<column>[0-9]+)-[0-9]+:$"#,
            ),
        )
        .reading(ocaml),
        Rule::new(
            K::TestFailure,
            &["FAIL in (", "ERROR in ("],
            r"^(?:FAIL|ERROR) in \((?P<test>[^)]+)\) \((?P<file>[^:)]+):(?P<line>[0-9]+)\)$",
        )
        .reading(clojure),
        Rule::new(
            K::TestFailure,
            &["Failure", "Error"],
            concat!(
                r"^(?:── )?(?:[0-9]+\. )?(?:Failure",
                r"|Error):? \('?(?P<file>[^:')]+):(?P<line>[0-9]+)(?::",
                r"(?P<column>[0-9]+))?'?\): (?P<test>.+?) ─*$",
            ),
        )
        .reading(next_line),
    ],
};

fn ocaml(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    // Characters count from 0.
    draft.failure.column = draft.failure.column.map(|column| column + 1);
    for (distance, line) in at.lines_below(20) {
        if line.starts_with("File ") || line.starts_with("Warning ") {
            return;
        }
        if let Some(error) = line.strip_prefix("Error: ").or_else(|| line.strip_prefix("Error (")) {
            error.clone_into(&mut draft.failure.message);
            draft.last = draft.first + distance;
            found.push(draft);
            return;
        }
    }
}

fn clojure(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(8) {
        if line.trim().is_empty() {
            break;
        }
        draft.say(line.trim());
        draft.last = draft.first + distance;
    }
    found.push(draft);
}

fn next_line(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if let Some(line) = at.below(1) {
        line.trim().clone_into(&mut draft.failure.message);
        draft.last += 1;
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn elixir_is_read() {
        check(
            "  1) test a (M)\n     test/a.exs:6\n     ** (ArgumentError) argument error\n\
             \x20    stacktrace:\n       x\n",
            "test_failure test/a.exs:6 {test a (M)} ** (ArgumentError) argument error",
        );
        check(
            "** (CompileError) lib/a.ex:3: undefined function x/0",
            "compile_error lib/a.ex:3 [CompileError] undefined function x/0",
        );
        check(
            "    error: undefined variable \"x\"\n    │\n 3 │   x\n    │   ^\n    │\n\
             \x20   └─ lib/a.ex:3:5: A.b/0\n",
            "compile_error lib/a.ex:3:5 undefined variable \"x\"",
        );
    }

    #[test]
    fn the_others_are_read() {
        check(
            "File \"a.ml\", line 3, characters 4-9:\nError: Unbound value x",
            "compile_error a.ml:3:5 Unbound value x",
        );
        check(
            "FAIL in (adds) (cart_test.clj:12)\nexpected: (= 5 4)\n",
            "test_failure cart_test.clj:12 {adds} expected: (= 5 4)",
        );
    }
}
