//! PHP: PHPUnit and Pest, PHPStan, PHP_CodeSniffer, Pint, php-cs-fixer, Composer, fatal errors.

use super::{
    At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, Weight, extent, has_extension,
    numbered, place_in,
};

pub(super) static TESTS: Tool = Tool {
    name: "phpunit",
    about: "PHPUnit and Pest.",
    example: "\
         1) CartTest::testAdds\nFailed asserting that 4 is identical to 5.\n\n\
         /home/runner/work/shop/shop/tests/CartTest.php:12",
    rules: &[
        Rule::new(
            K::TestFailure,
            &["Test::"],
            r"^[0-9]+\) (?P<test>[A-Za-z_\\][\w\\]*Test::\w+.*)$",
        )
        .reading(phpunit),
        Rule::new(
            K::TestFailure,
            &["There was ", "There were "],
            r"^There (?:was|were) (?P<message>[0-9]+ (?:failure|error)s?):$",
        )
        .reading(phpunit_list),
        Rule::new(
            K::TestFailure,
            &["FAILED  "],
            r"^\s+FAILED  (?P<test>\S.*?)\s*(?:[A-Z]\w+(?:Exception|Error))?\s*$",
        )
        .reading(pest),
        Rule::new(K::TestFailure, &["✘ "], r"^ ✘ (?P<test>\S.*)$").reading(testdox),
    ],
};

/// PHPUnit's `--testdox`: a sentence, and behind a bar what it says and where.
fn testdox(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(extent::BLOCK_LINES_MAX) {
        let Some(told) = line.trim_start().strip_prefix(['│', '├', '┊', '╵', '┐', '┴'])
        else {
            break;
        };
        let told = told.trim();
        draft.last = draft.first + distance;
        match place_in(told).filter(|(path, ..)| has_extension(path, "php")) {
            Some((path, line, _)) if draft.path.is_none() && !path.contains("/vendor/") => {
                draft.place(path, line, None);
            }
            None if draft.failure.message.lines().count() < 6 => draft.say(told),
            Some(_) | None => {}
        }
    }
    if draft.path.is_some() {
        found.push(draft);
    }
}

/// PHPUnit's list of failures, numbered below their count.
fn phpunit_list(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    for (distance, line) in at.lines_below(LOOK_LINES_MAX) {
        if let Some(test) = numbered(line).filter(|test| test.contains("::")) {
            let at = at.down(distance);
            (draft.first, draft.last) = (at.index, at.index);
            draft.failure.test = Some(test.trim().to_owned());
            phpunit(&at, draft.clone(), found);
        }
    }
}

fn phpunit(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let mut counts = at.lines_above(LOOK_LINES_MAX).map(|(_, line)| line);
    let count =
        counts.find(|line| line.starts_with("There was ") || line.starts_with("There were "));
    // Risky, skipped and incomplete ones are numbered like failures.
    if count.is_some_and(|count| !count.contains(" failure") && !count.contains(" error")) {
        return;
    }
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(200) {
        let told = line.trim();
        let is_next = numbered(told).is_some_and(|test| test.contains("::"));
        if is_next || told.starts_with("FAILURES!") || told.starts_with("ERRORS!") {
            break;
        }
        let place =
            place_in(told).filter(|(path, ..)| has_extension(path, "php") && !path.contains(' '));
        if let Some((path, row, _)) = place {
            if !path.contains("/vendor/") {
                draft.place(path, row, None);
                draft.last = draft.first + distance;
                break;
            }
        } else if draft.failure.message.lines().count() < 6 {
            draft.say(told);
        }
    }
    // A long difference stays within its bound.
    draft.last = draft.last.min(draft.first + extent::BLOCK_LINES_MAX);
    found.push(draft);
}

fn pest(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(40) {
        let told = line.trim();
        if told.starts_with("FAILED  ") || told.starts_with("────") {
            break;
        }
        if let Some((path, row, _)) = told.strip_prefix("at ").and_then(place_in) {
            draft.place(path, row, None);
            draft.last = draft.first + distance;
            break;
        }
        if draft.failure.message.is_empty() {
            draft.say(told);
        }
    }
    if draft.path.is_some() {
        found.push(draft);
    }
}

pub(super) static LINT: Tool = Tool {
    name: "phpstan",
    about: "PHPStan, PHP_CodeSniffer, Pint and php-cs-fixer.",
    example: "\
         \x20------ ---------------------------------\n  Line   src/Cart.php\n\
         \x20------ ---------------------------------\n  12     Undefined variable: $total\n\
         \x20------ ---------------------------------",
    rules: &[
        Rule::new(K::TypeError, &[".php"], r"^\s+Line +(?P<file>\S+\.php)(?: \(.*\))?\s*$")
            .reading(phpstan),
        Rule::new(
            K::TypeError,
            &["ERROR: "],
            concat!(
                r"^ERROR: (?P<code>[A-Z]\w+)\s+-\s+",
                r"(?P<file>\S+\.(?:php|phtml|inc)):(?P<line>[0-9]+):(?P<column>[0-9]+)\s+-\s+",
                r"(?P<message>.+?)(?: \(see https?://\S+\))?$",
            ),
        )
        .reading(psalm),
        Rule::new(
            K::TypeError,
            &[".php:\0:"],
            concat!(
                r"^(?P<file>\S+\.php):(?P<line>[0-9]+):(?:(?P<column>[0-9]+):)?\s*",
                r"(?P<severity>[Ee]rror|[Ww]arning) - (?P<message>.+)$",
            ),
        ),
        Rule::new(
            K::Lint,
            &["| ERROR"],
            r"^\s*(?P<line>[0-9]+) \| ERROR\s+\| (?:\[[x ]\] )?(?P<message>.+)$",
        )
        .reading(phpcs),
        Rule::new(
            K::Format,
            &["⨯ "],
            r"^\s+⨯ (?P<file>\S+\.php)\s+(?P<code>[a-z][a-z_, ]+?(?:…)?)\s*$",
        )
        .reading(fixers),
        Rule::new(
            K::Format,
            &[".php ("],
            r"^\s+[0-9]+\) (?P<file>\S+\.php) \((?P<code>[a-z][a-z_, ]+)\)",
        )
        .reading(fixers),
    ],
};

#[expect(clippy::needless_pass_by_value, reason = "every reader owns its draft")]
fn phpstan(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    for (distance, line) in at.lines_below(200).skip(1) {
        let told = line.trim();
        if told.starts_with("-----") {
            break;
        }
        let Some((row, message)) = told.split_once(' ') else { continue };
        let row = row.trim_start_matches(':');
        let Ok(row) = row.parse::<u32>() else { continue };
        let mut finding = draft.clone();
        finding.failure.line = Some(row);
        message.trim().clone_into(&mut finding.failure.message);
        finding.first = draft.first + distance;
        // The message wraps, then come the identifier and a tip, all without a number.
        let more = at.lines_below(distance + extent::BLOCK_LINES_MAX).skip(distance).take_while(
            |(_, line)| {
                let told = line.trim();
                let numbered = told
                    .split_once(' ')
                    .is_some_and(|(n, _)| n.trim_start_matches(':').parse::<u32>().is_ok());
                !told.is_empty() && !told.starts_with("-----") && !numbered
            },
        );
        let mut lines = 0;
        for (_, line) in more {
            lines += 1;
            let told = line.trim();
            if let Some(identifier) = told.strip_prefix("🪪 ") {
                finding.failure.code = Some(identifier.trim().to_owned());
            } else if !told.starts_with(['💡', '✏', '✎']) && finding.failure.code.is_none() {
                finding.failure.message.push(' ');
                finding.failure.message.push_str(told);
            }
        }
        finding.last = finding.first + lines;
        found.push(finding);
    }
}

/// Psalm shows the code below, and other places that play a part.
fn psalm(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extent::paragraph(at, &mut draft);
    found.push(draft);
}

fn phpcs(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let file = at.lines_above(400).find_map(|(_, line)| line.trim().strip_prefix("FILE: "));
    if let Some(file) = file {
        draft.path = Some(file.trim().to_owned());
        found.push(draft);
    }
}

fn fixers(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let message = draft.failure.message.trim().to_owned();
    draft.failure.message = message;
    found.push(draft);
}

pub(super) static COMPOSER: Tool = Tool {
    name: "composer",
    about: "Composer's errors and PHP's fatal ones.",
    example: "\
         Your lock file does not contain a compatible set of packages. Please run composer \
         update.",
    rules: &[
        Rule::new(
            K::Dependency,
            &[
                "Your lock file does not contain",
                "Your requirements could not be resolved",
                "is not present in the lock file",
                "lock file is not up to date",
                "is blocked by your allow-plugins",
            ],
            concat!(
                r"^\s*(?:[-*] )?(?P<message>(?:Your (?:lock file does not contain",
                r"|requirements could not be resolved)",
                r"|Required package .* is not present in the lock file|(?:The",
                r"|Warning: The) lock file is not up to date).*)$",
            ),
        )
        .reading(problems),
        Rule::new(
            K::Config,
            &["blocked by your allow-plugins"],
            concat!(
                r"^\s*(?P<message>\S+ .*contains a Composer plugin which is blocked by your ",
                r"allow-plugins config.*)$",
            ),
        )
        .reading(extent::with_paragraph),
        Rule::new(
            K::CompileError,
            &["PHP Parse error", "PHP Fatal error", "Fatal error: ", "Parse error: "],
            concat!(
                r"^(?:PHP )?(?P<message>(?:Parse",
                r"|Fatal) error: .+?)(?: in (?P<file>\S+\.php)(?: on line ",
                r"|:)(?P<line>[0-9]+))?$",
            ),
        )
        .reading(fatal),
        Rule::new(
            K::CompileError,
            &["Could not open input file"],
            r"^(?P<message>Could not open input file: \S+)$",
        ),
        // What is wrong stands above.
        Rule::new(
            K::CompileError,
            &["Errors parsing "],
            r"^(?P<message>Errors parsing (?P<file>\S+))$",
        )
        .weighing(Weight::Consequence),
        Rule::new(
            K::Config,
            &["does not contain valid JSON"],
            r#"^\s*"?(?P<file>[^\s"]+\.(?:json|lock))"? (?P<message>does not contain valid JSON)\s*$"#,
        )
        .reading(no_json),
    ],
};

/// The line and what was wanted there stand below.
fn no_json(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    for (distance, line) in at.lines_below(extent::BLOCK_LINES_MAX) {
        let told = line.trim();
        if told.is_empty() {
            break;
        }
        draft.last = draft.first + distance;
        let row = told.strip_prefix("Parse error on line ").map(|row| row.trim_end_matches(':'));
        if let Some(row) = row.and_then(|row| row.parse().ok()) {
            draft.failure.line = Some(row);
        } else if told.starts_with("Expected") {
            draft.say(told);
        }
    }
    found.push(draft);
}

/// PHP shows the frames of what nobody caught.
fn fatal(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extent::while_below(at, &mut draft, |line| {
        let told = line.trim_start();
        told.starts_with("Stack trace:") || told.starts_with('#') || told.starts_with("thrown in ")
    });
    found.push(draft);
}

fn problems(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    for (distance, line) in at.lines_below(10) {
        let told = line.trim();
        if told.is_empty() && distance > 2 {
            break;
        }
        draft.say(told);
        draft.last = draft.first + distance;
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn php_tests_have_their_own_frame() {
        check(
            "There was 1 failure:\n\n1) Cart_test::test_adds\nFailed asserting that two strings are equal.\n\
             --- Expected\n+++ Actual\n\n/home/runner/work/a/a/vendor/x.php:1\n\
             /home/runner/work/a/a/tests/Cart_test.php:43",
            "test_failure tests/Cart_test.php:43 {Cart_test::test_adds} Failed asserting that \
             two strings are equal.",
        );
    }

    #[test]
    fn php_checkers_are_read() {
        check(
            " ------ ---\n  Line   src/A.php\n ------ ---\n  12     No.\n         🪪  x\n\
             \x20 14     Nor.\n ------ ---",
            "type_error src/A.php:12 [x] No.\ntype_error src/A.php:14 Nor.",
        );
        check(
            "FILE: /home/runner/work/a/a/src/A.php\n----\nFOUND 1 ERROR\n----\n\
             \x2012 | ERROR | [x] Expected 1 space\n----",
            "lint src/A.php:12 Expected 1 space",
        );
        check(
            "  ⨯ routes/web.php    ordered_imports, no_unused  ",
            "format routes/web.php [ordered_imports, no_unused] ⨯ routes/web.php    \
             ordered_imports, no_unused",
        );
        check(
            "ERROR: UndefinedVariable - src/A.php:3:4 - Cannot find referenced variable $x (see \
             https://psalm.dev/024)\n    echo $x;\n\n\n------------------------------\n\
             1 errors found\n------------------------------\n",
            "type_error src/A.php:3:4 [UndefinedVariable] Cannot find referenced variable $x",
        );
        check(
            "INFO: UnusedVariable - src/A.php:3:4 - $x is never referenced\nNo errors found!\n",
            "",
        );
        check(
            "PHP Fatal error:  Uncaught Error: x in /home/runner/work/a/a/b.php:3",
            "compile_error b.php:3 Fatal error:  Uncaught Error: x",
        );
    }
}
