//! Elixir, Erlang, OCaml, Clojure, R, Perl and Haskell's older compilers.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, extent, place_in};

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
        )
        .reading(extent::with_indented),
        Rule::new(
            K::CompileError,
            &[".ex:\0", ".exs:\0"],
            r"^\s*└─ (?P<file>[^\s:]+\.exs?):(?P<line>[0-9]+)(?::(?P<column>[0-9]+))?",
        )
        .reading(elixir),
        Rule::new(K::Dependency, &["** (Mix) "], r"^\*\* \(Mix\) (?P<message>.+)$")
            .weighing(Weight::Sign)
            .reading(mix),
        Rule::new(
            K::Lint,
            &[".ex:\0", ".exs:\0"],
            concat!(
                r"^\s*┃\s+(?P<file>\S+\.exs?):(?P<line>[0-9]+)(?::(?P<column>[0-9]+))?",
                r"(?: #\((?P<test>[^)]+)\))?$",
            ),
        )
        .reading(credo),
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
    // The code, both sides and the stack trace stand in the same paragraph.
    extent::while_below(at, &mut draft, extent::is_indented);
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

fn mix(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let message = &draft.failure.message;
    if message.contains("mix format failed") || message.contains("not formatted") {
        draft.failure.kind = K::Format;
        draft.weight = Weight::Cause;
    } else if message.contains("dependencies") || message.contains("lock") {
        draft.weight = Weight::Cause;
    } else {
        draft.failure.kind = K::Config;
    }
    // `mix format` lists the files with a star each.
    let mut listed = false;
    for (distance, line) in at.lines_below(extent::BLOCK_LINES_MAX) {
        let told = line.trim();
        if let Some(file) = told.strip_prefix("* ").filter(|_| draft.failure.kind == K::Format) {
            let mut one = draft.clone();
            one.path = Some(file.to_owned());
            one.first = at.index + distance;
            one.last = one.first;
            found.push(one);
            listed = true;
        } else if !told.is_empty() && !told.ends_with(':') || listed {
            break;
        }
    }
    if !listed {
        found.push(draft);
    }
}

/// Credo states the message above its place, both behind a bar.
fn credo(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let said = at.above(1).map(|line| line.trim().trim_start_matches('┃').trim());
    let Some(said) = said.filter(|said| said.starts_with('[')) else { return };
    let message = said.split_once("] ").map_or(said, |(_, rest)| rest);
    draft.failure.test = None;
    message
        .trim_start_matches(|c: char| !c.is_alphanumeric())
        .clone_into(&mut draft.failure.message);
    draft.first = at.index - 1;
    found.push(draft);
}

pub(super) static OTHERS: Tool = Tool {
    name: "ocaml",
    about: "OCaml and dune, cabal's solver, Clojure's tests, testthat, Perl's test harness.",
    example: "\
         File \"src/cart.ml\", line 12, characters 4-9:\n12 |     total\n         ^^^^^\n\
         Error: Unbound value total",
    rules: &[
        Rule::new(
            K::Dependency,
            &["Could not resolve dependencies:"],
            concat!(
                r"^(?:Error: )?(?:cabal: )?(?:\[Cabal-[0-9]+\] )?",
                r"(?P<message>Could not resolve dependencies:)$",
            ),
        )
        .reading(cabal),
        Rule::new(
            K::CompileError,
            &["\", line"],
            concat!(
                r#"^File "(?P<file>[^"]+)", lines? (?P<line>[0-9]+)(?:-"#,
                r#"(?P<end_line>[0-9]+))?, characters (?P<column>[0-9]+)-[0-9]+:$"#,
            ),
        )
        .reading(ocaml),
        Rule::new(
            K::TestFailure,
            &["To rerun use: --match "],
            r"^\s+To rerun use: --match \x22/(?P<test>.+)/\x22$",
        )
        .reading(hspec),
        Rule::new(
            K::Unknown,
            &["CallStack (from HasCallStack):"],
            r"^\s*(?P<message>CallStack \(from HasCallStack\):)$",
        )
        .weighing(Weight::Sign)
        .reading(call_stack),
        Rule::new(
            K::TestFailure,
            &["FAIL in (", "ERROR in ("],
            r"^(?:FAIL|ERROR) in \((?P<test>[^)]+)\) \((?P<file>[^:)]+):(?P<line>[0-9]+)\)$",
        )
        .reading(clojure),
        Rule::new(
            K::TestFailure,
            &["Failure (", "Failure: (", "Error (", "Error: ("],
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
        if distance <= 2 && line.starts_with("--- ") {
            difference(at, draft, found);
            return;
        }
        if let Some(error) = line.strip_prefix("Error: ").or_else(|| line.strip_prefix("Error (")) {
            error.clone_into(&mut draft.failure.message);
            draft.last = draft.first + distance;
            let more = at
                .lines_below(distance + extent::BLOCK_LINES_MAX / 2)
                .skip(distance)
                .take_while(|(_, line)| extent::is_indented(line))
                .count();
            draft.last += more;
            found.push(draft);
            return;
        }
    }
}

/// dune shows what a formatter or a test would have had otherwise.
fn difference(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extent::while_below(at, &mut draft, |line| {
        line.starts_with(['+', '-', ' ', '@', '|']) || line.starts_with("diff ")
    });
    let is_format = at.lines_below(3).any(|(_, line)| line.contains("/.formatted/"));
    draft.failure.column = None;
    if is_format {
        draft.failure.kind = K::Format;
        draft.failure.line = None;
        "not formatted as dune fmt wants it".clone_into(&mut draft.failure.message);
    } else {
        draft.failure.kind = K::TestFailure;
        "the output differs from what is expected".clone_into(&mut draft.failure.message);
    }
    found.push(draft);
}

/// cabal's solver lists below what it tried and why that did not do.
fn cabal(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    const SAID_LINES_MAX: usize = 4;
    for (_, line) in at.lines_below(SAID_LINES_MAX) {
        if !line.starts_with('[') {
            break;
        }
        draft.say(line);
    }
    extent::paragraph(at, &mut draft);
    found.push(draft);
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

/// hspec says at the end of each failure how to run it again; the place and the name stand above.
fn hspec(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.tool = Some("hspec".to_owned());
    let head = at.lines_above(extent::BLOCK_LINES_MAX - 1).find(|(_, line)| {
        let number = line.trim_start().split_once(") ").map_or("", |(number, _)| number);
        line.starts_with("  ") && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
    });
    let Some((distance, _)) = head else { return };
    draft.failure.message.clear();
    for above in (1..distance).rev() {
        draft.say(at.above(above).unwrap_or_default().trim());
    }
    draft.first = at.index - distance;
    if let Some((path, row, column)) = at.above(distance + 1).and_then(place_in) {
        draft.place(path, row, column);
        draft.first -= 1;
    }
    found.push(draft);
}

/// What a Haskell program threw stands above its call stack: `PROGRAM: message`.
fn call_stack(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let Some((_, thrown)) = at.above(1).and_then(|line| line.split_once(": ")) else { return };
    let called = at.below(1).and_then(|line| line.split_once(", called at "));
    let Some((path, row, column)) = called.and_then(|(_, place)| place_in(place)) else { return };
    thrown.clone_into(&mut draft.failure.message);
    draft.place(path, row, column);
    (draft.first, draft.last) = (at.index - 1, at.index + 1);
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_lines};

    #[test]
    fn haskells_tests_and_exceptions_are_read() {
        let log = "Failures:\n\n  test/CartSpec.hs:12:5: \n  1) Cart adds\n       expected: 5\n\
             \x20       but got: 4\n\n  To rerun use: --match \"/Cart/adds/\"\n\n\
             Randomized with seed 1\n3 examples, 1 failure\n";
        check(log, "test_failure test/CartSpec.hs:12:5 {Cart/adds} expected: 5");
        check_lines(log, &[(3, 8)]);
        check(
            "shop: no cart\nCallStack (from HasCallStack):\n\
             \x20 error, called at app/Main.hs:12:5 in main:Main\n",
            "unknown app/Main.hs:12:5 no cart",
        );
        check(
            "Error: [Cabal-7107]\nCould not resolve dependencies:\n\
             [__0] trying: shop-0.1.0.0 (user goal)\n",
            "dependency Could not resolve dependencies:",
        );
        check("3 examples, 0 failures\n", "");
    }

    #[test]
    fn elixir_is_read() {
        check(
            "  1) test a (M)\n     test/a.exs:6\n     ** (ArgumentError) argument error\n\
             \x20    stacktrace:\n       x\n",
            "test_failure test/a.exs:6 {test a (M)} ** (ArgumentError) argument error",
        );
        let log = "  1) test adds (M)\n     test/a.exs:6\n     Assertion with == failed\n\
             \x20    code:  assert total() == 5\n     left:  4\n     right: 5\n     stacktrace:\n\
             \x20      test/a.exs:7: (test)\n\n\nFinished in 0.1 seconds\n1 test, 1 failure\n";
        check(log, "test_failure test/a.exs:6 {test adds (M)} Assertion with == failed");
        check_lines(log, &[(1, 8)]);
        check(
            "** (Mix) mix format failed due to --check-formatted.\n\
             The following files are not formatted:\n\n  * lib/a.ex\n  * lib/b.ex\n\n",
            "format lib/a.ex mix format failed due to --check-formatted.\n\
             format lib/b.ex mix format failed due to --check-formatted.",
        );
        check(
            "┃ [W] ↗ There should be no calls to IO.inspect/1.\n┃       lib/a.ex:3:5 #(A.b)\n",
            "lint lib/a.ex:3:5 There should be no calls to IO.inspect/1.",
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
        let cabal = "Error: [Cabal-7107]\nCould not resolve dependencies:\n\
             [__0] trying: shop-0.1 (user goal)\n\
             [__1] rejecting: base-4.20 (conflict: shop => base<4.18)\n\n";
        check(cabal, "dependency Could not resolve dependencies:");
        check_lines(cabal, &[(2, 4)]);
        let dune = "File \"src/a.ml\", line 3, characters 4-9:\n3 |     total\n        ^^^^^\n\
             Error: This expression has type int\n       but an expression was expected of type \
             string\n\nFile \"src/b.ml\", line 1, characters 0-3:\n\
             Warning 32 [unused-value-declaration]: unused value x.\n";
        check(dune, "compile_error src/a.ml:3:5 This expression has type int");
        check_lines(dune, &[(1, 5)]);
        check(
            "File \"src/a.ml\", line 1, characters 0-0:\n--- src/a.ml\n\
             +++ src/.formatted/a.ml\n@@ -1 +1 @@\n-let  x = 1\n+let x = 1\n",
            "format src/a.ml not formatted as dune fmt wants it",
        );
        check(
            "FAIL in (adds) (cart_test.clj:12)\nexpected: (= 5 4)\n",
            "test_failure cart_test.clj:12 {adds} expected: (= 5 4)",
        );
    }
}
