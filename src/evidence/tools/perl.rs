//! Perl's tests and those of shells: Test::More, prove, Bats.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, extent};

pub(super) static TOOL: Tool = Tool {
    name: "perl",
    about: "Perl's errors with their place, Test::More, prove, and TAP of any language.",
    example: "Can't locate Shop/Cart.pm in @INC (you may need to install the Shop::Cart module) \
              (@INC contains: lib) at t/cart.t line 3.",
    rules: &[
        Rule::new(
            K::Dependency,
            &["Can't locate "],
            concat!(
                r"^(?:# +(?:Error:  )?)?(?P<message>Can't locate \S+ in @INC.*?) at ",
                r"(?P<file>\S+) line (?P<line>[0-9]+)\.?$",
            ),
        )
        .reading(followed),
        Rule::new(
            K::CompileError,
            &["syntax error at ", "Global symbol ", "Bareword ", "Can't find string terminator"],
            concat!(
                r"^(?P<message>(?:syntax error|Global symbol .+|Bareword .+",
                r"|Can't find string terminator .+)) at (?P<file>\S+) line (?P<line>[0-9]+)",
                r"(?:\.|, .*)?$",
            ),
        )
        .reading(followed),
        Rule::new(
            K::Unknown,
            &[
                "Can't call method",
                "Can't use ",
                "Can't open ",
                "Undefined subroutine",
                "compilation aborted at",
                "Died at ",
                " reference at ",
            ],
            concat!(
                r"^(?P<message>(?:Can't (?:call method|use|open) .+|Undefined subroutine .+",
                r"|BEGIN failed--compilation aborted|Died|Not an? .+ reference)) at ",
                r"(?P<file>\S+) line (?P<line>[0-9]+)(?:\.|, .*)?$",
            ),
        )
        .weighing(Weight::Sign),
        Rule::new(
            K::TestFailure,
            &["#   Failed "],
            r"^\s*#   Failed test(?: '(?P<test>.*)')?(?: at \S+ line [0-9]+\.?)?$",
        )
        .reading(test_more),
        Rule::new(
            K::TestFailure,
            &["in test file ", "in file "],
            concat!(
                r"^\s*(?:# )?\((?:in test file |from function `.+' in (?:test )?file )",
                r"(?P<file>[^,]+), line (?P<line>[0-9]+)[,)]$",
            ),
        )
        .reading(bats),
        Rule::new(
            K::TestFailure,
            &["(Wstat: "],
            concat!(
                r"^(?P<test>\S+)\s+\((?P<message>Wstat: [1-9][0-9]*(?: \([^)]*\))? ",
                r"Tests: [0-9]+ Failed: [0-9]+)\)$",
            ),
        )
        .weighing(Weight::Sign)
        .reading(extent::with_indented),
        Rule::new(
            K::TestFailure,
            &["Dubious, test returned"],
            r"^(?:(?P<test>\S+\.t|\S+\.sh) \.* ?)?(?P<message>Dubious, test returned .*)$",
        )
        .weighing(Weight::Sign)
        .reading(dubious),
    ],
};

/// Perl says after an error that it stops.
fn followed(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extent::while_below(at, &mut draft, |line| {
        line.starts_with("BEGIN failed--") || line.starts_with("Execution of ")
    });
    found.push(draft);
}

/// Test::More: the place, then what it got and what it wanted, all behind `#`.
fn test_more(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let said = |line: &str| line.trim().trim_start_matches('#').trim().to_owned();
    for (distance, line) in at.lines_below(3) {
        let told = said(line);
        if let Some((path, row)) =
            told.strip_prefix("at ").and_then(|place| place.split_once(" line "))
        {
            draft.place(path, row.trim_end_matches('.').parse().ok(), None);
            draft.last = draft.first + distance;
        }
    }
    if draft.failure.test.is_none() {
        draft.failure.test = at
            .lines_above(3)
            .find_map(|(_, line)| line.trim().strip_prefix("not ok "))
            .map(|test| test.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').into());
    }
    // A test of subtests only sums them up: the last of them says above how many failed.
    let margin = extent::indent(at.text());
    let above = at.lines_above(3).map(|(_, line)| line).find(|line| !line.trim().is_empty());
    let sums = |line: &str| line.trim().starts_with("# Looks like you failed ");
    if above.is_some_and(|line| sums(line) && extent::indent(line) > margin) {
        draft.weight = Weight::Consequence;
    }
    draft.failure.message = said(at.text());
    for (distance, line) in at.lines_below(extent::BLOCK_LINES_MAX) {
        let is_comment = line.trim_start().starts_with('#');
        if !is_comment || line.contains("#   Failed ") || line.contains("# Looks like ") {
            break;
        }
        let told = said(line);
        if !told.starts_with("at ") && draft.failure.message.lines().count() < 6 {
            draft.say(&told);
        }
        draft.last = at.index + distance;
    }
    found.push(draft);
}

/// Bats: the test's title stands above, what was said and the command that failed below.
fn bats(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let title = at.lines_above(3).find_map(|(distance, line)| {
        let told = line.trim();
        let title = told.strip_prefix("not ok ").or_else(|| told.strip_prefix("✗ "))?;
        let title = title.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        Some((distance, title))
    });
    let Some((distance, title)) = title else { return };
    draft.failure.test = Some(title.split(" in ").next().unwrap_or(title).to_owned());
    draft.first = at.index - distance;
    extent::while_below(at, &mut draft, |line| {
        line.trim_start().starts_with('#') || extent::is_indented(line) && !line.contains("✓")
    });
    let command = at.lines_below(4).find_map(|(_, line)| {
        let told = line.trim().trim_start_matches('#').trim();
        (told.starts_with('`') && told.contains("' failed")).then_some(told)
    });
    command.unwrap_or(title).clone_into(&mut draft.failure.message);
    found.push(draft);
}

fn dubious(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if draft.failure.test.is_none() {
        draft.failure.test = at.lines_above(40).find_map(|(_, line)| {
            let (test, dots) = line.split_once(' ')?;
            (dots.starts_with("..") && test.contains('.')).then(|| test.to_owned())
        });
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_failed, check_lines};

    #[test]
    fn perl_names_file_and_line() {
        let log = "Can't locate Foo.pm in @INC (you may need to install the Foo module) (@INC \
             contains: lib) at t/a.t line 3.\nBEGIN failed--compilation aborted at t/a.t line 3.\n\
             t/a.t .. \nDubious, test returned 2 (wstat 512, 0x200)\nNo subtests run\n\n\
             Test Summary Report\n-------------------\n\
             t/a.t (Wstat: 512 (exited 2) Tests: 0 Failed: 0)\n  Non-zero exit status: 2\n";
        check(
            log,
            "dependency t/a.t:3 Can't locate Foo.pm in @INC (you may need to install the Foo \
             module) (@INC contains: lib)",
        );
        check_lines(log, &[(1, 2)]);
        check(
            "Use of uninitialized value $x in addition (+) at lib/A.pm line 3.\n\
             All tests successful.\nResult: PASS\n",
            "",
        );
        check(
            "Global symbol \"$x\" requires explicit package name (did you forget to declare \"my \
             $x\"?) at a.pl line 3.\nExecution of a.pl aborted due to compilation errors.\n",
            "compile_error a.pl:3 Global symbol \"$x\" requires explicit package name (did you \
             forget to declare \"my $x\"?)",
        );
    }

    #[test]
    fn tap_is_read_with_what_stands_below() {
        let log = "ok 1 - starts\nnot ok 2 - adds\n#   Failed test 'adds'\n#   at t/a.t line 12.\n\
             #          got: '4'\n#     expected: '5'\nok 3 - ends\n1..3\n\
             # Looks like you failed 1 test of 3.\n";
        check(log, "test_failure t/a.t:12 {adds} Failed test 'adds'");
        check(
            "1..2\nok 1 starts\nnot ok 2 adds\n# (in test file test/a.bats, line 12)\n\
             #   `[ \"$x\" = 5 ]' failed\n",
            "test_failure test/a.bats:12 {adds} `[ \"$x\" = 5 ]' failed",
        );
        check(
            " ✓ starts\n ✗ adds\n   (in test file test/a.bats, line 12)\n\
             \x20    `[ \"$x\" = 5 ]' failed\n\n2 tests, 1 failure\n",
            "test_failure test/a.bats:12 {adds} `[ \"$x\" = 5 ]' failed",
        );
        check("1..2\nok 1 - starts\nnot ok 2 - adds # TODO later\n", "");
        check_failed(
            "t/a.t (Wstat: 256 (exited 1) Tests: 3 Failed: 1)\n  Failed test:  2\n",
            "test_failure {t/a.t} Wstat: 256 (exited 1) Tests: 3 Failed: 1",
        );
    }
}
