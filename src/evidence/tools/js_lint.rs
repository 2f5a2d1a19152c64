//! JavaScript's linters and formatters: ESLint, Biome, Prettier, Stylelint.

use super::extent::{deeper, paragraph_and_frame};
use super::listed::{is_bare_path, listed_below};
use super::{
    At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, Weight, between, has_extension,
    place_in,
};

pub(super) static ESLINT: Tool = Tool {
    name: "eslint",
    about: "\
         ESLint and Stylelint in the stylish, compact and unix forms; warnings only where too \
         many of them failed the run.",
    example: "\
         /home/runner/work/shop/shop/src/cart.ts\n\
         \x20 102:9  error  'timeout' is never reassigned. Use 'const' instead  prefer-const\n\n\
         ✖ 1 problem (1 error, 0 warnings)",
    rules: &[
        Rule::new(
            K::Lint,
            &[" error ", " ✖ ", " × "],
            concat!(
                r"^\s+(?P<line>[0-9]+):(?P<column>[0-9]+) +(?:error|✖|×) +(?P<message>\S.*?)",
                r"(?:\s\s+(?P<code>@?[A-Za-z0-9_/@.-]+))?\s*$",
            ),
        )
        .beside(&[":\0 "])
        .reading(under_header),
        Rule::new(
            K::Lint,
            &[", Error - ", ", error - "],
            concat!(
                r"^(?P<file>[^\s:][^:]*): line (?P<line>[0-9]+), col ",
                r"(?P<column>[0-9]+), [Ee]rror - (?P<message>.+?)(?: \((?P<code>[^()]+)\))?$",
            ),
        )
        .reading(stylelint),
        Rule::new(
            K::Lint,
            &[") [error]"],
            concat!(
                r"^(?P<file>[^\s:][^:]*):(?P<line>[0-9]+):(?P<column>[0-9]+): ",
                r"(?P<message>.+) \((?P<code>[a-z0-9/@-]+)\) \[error\]$",
            ),
        )
        .reading(stylelint),
        Rule::new(
            K::Lint,
            &["[Error/"],
            concat!(
                r"^(?P<file>[^\s:][^:]*):(?P<line>[0-9]+):(?P<column>[0-9]+): ",
                r"(?P<message>.+) \[Error/(?P<code>[^\]]+)\]$",
            ),
        ),
        Rule::new(
            K::Lint,
            &["  Error: "],
            concat!(
                r"^(?P<line>[0-9]+):(?P<column>[0-9]+)  Error: (?P<message>\S.*?)",
                r"(?:  (?P<code>@?[A-Za-z0-9_/@.-]+))?$",
            ),
        )
        .reading(under_next_header),
        Rule::new(
            K::Lint,
            &["): error "],
            concat!(
                r"^\s*(?P<file>[^\s:(][^:(]*)\((?P<line>[0-9]+),(?P<column>[0-9]+)\): error ",
                r"(?P<code>[a-z@][a-z0-9@/-]*) : (?P<message>.+)$",
            ),
        ),
        Rule::new(
            K::Lint,
            &["too many warnings (maximum"],
            r"^(?P<message>.*found too many warnings \(maximum.*)$",
        )
        .reading(warnings_above),
        Rule::new(
            K::Config,
            &["Oops! Something went wrong", "ESLint couldn't find"],
            r"^\s*(?P<message>(?:Oops! Something went wrong|ESLint couldn't find).*)$",
        )
        .reading(oops),
    ],
};

/// How many findings of one file may stand above another one.
const HEADER_LINES_MAX: usize = 400;

/// The file stands alone on a line above its findings.
fn under_header(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let Some(path) = header_above(at) else { return };
    draft.path = Some(path.to_owned());
    // yamllint puts its rule in brackets.
    if has_extension(path, "yml") || has_extension(path, "yaml") {
        let message = std::mem::take(&mut draft.failure.message);
        let (told, code) = message
            .strip_suffix(')')
            .and_then(|told| told.rsplit_once("  ("))
            .map_or((message.as_str(), None), |(told, code)| (told.trim_end(), Some(code)));
        if let Some(code) = code {
            draft.failure.code = Some(code.to_owned());
            draft.failure.tool = Some("yamllint".to_owned());
        }
        draft.failure.message = told.to_owned();
    }
    stylelint(at, draft, found);
}

const STYLES: [&str; 6] = ["css", "scss", "sass", "less", "vue", "pcss"];

/// Stylelint has the forms of `ESLint`; what it reads are styles.
fn stylelint(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let is_style = |path: &str| STYLES.iter().any(|style| has_extension(path, style));
    if draft.path.as_deref().is_some_and(is_style) {
        draft.failure.tool = Some("stylelint".to_owned());
    }
    found.push(draft);
}

/// `next lint` prints its findings at the margin under `./PATH`.
fn under_next_header(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let header = at
        .lines_above(HEADER_LINES_MAX)
        .take_while(|(_, line)| !line.trim().is_empty())
        .find(|(_, line)| line.starts_with("./"));
    if let Some((_, path)) = header {
        draft.path = Some(path.trim_end().to_owned());
        found.push(draft);
    }
}

fn header_above<'f>(at: &At<'f>) -> Option<&'f str> {
    for (_, line) in at.lines_above(HEADER_LINES_MAX) {
        if line.trim().is_empty() {
            return None;
        }
        let told = line.trim_end();
        if told.starts_with([' ', '\t']) {
            // Vale's header is indented, and so are messages that go on.
            if is_bare_path(told.trim()) {
                return Some(told.trim());
            }
            continue;
        }
        // A path and nothing else: rules with long messages wrap without indentation.
        let is_path =
            told.contains(['/', '\\', '.']) && !told.contains("  ") && !told.ends_with(':');
        return is_path.then_some(told);
    }
    None
}

/// Where only the number of warnings failed the run, the warnings are the failures.
fn warnings_above(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    let mut file = None;
    let mut rows: Vec<Draft> = Vec::new();
    let mut lines: Vec<(usize, &str)> = at.lines_above(HEADER_LINES_MAX).collect();
    lines.reverse();
    for (distance, line) in lines {
        if let Some(mut warning) = unix(line, &draft) {
            warning.first = draft.first - distance;
            warning.last = warning.first;
            rows.push(warning);
        } else if line.trim().is_empty() {
            file = None;
        } else if !line.starts_with(' ') {
            file = Some(line.trim());
        } else if let (Some(path), Some((place, rest))) = (file, line.trim().split_once("  ")) {
            let Some(message) = rest.trim_start().strip_prefix("warning") else { continue };
            let Some((row, column)) = place.split_once(':') else { continue };
            let mut warning = draft.clone();
            warning.place(path, row.parse().ok(), column.trim().parse().ok());
            let (message, rule) = message.trim().rsplit_once("  ").unwrap_or((message.trim(), ""));
            message.trim().clone_into(&mut warning.failure.message);
            warning.failure.code = Some(rule.to_owned()).filter(|rule| !rule.is_empty());
            warning.first = draft.first - distance;
            warning.last = warning.first;
            rows.push(warning);
        }
    }
    if rows.is_empty() {
        rows.push(draft);
    }
    found.append(&mut rows);
}

/// A warning of the format `unix`: `PATH:LINE:COLUMN: MESSAGE [Warning/RULE]`.
fn unix(line: &str, like: &Draft) -> Option<Draft> {
    let (told, rule) = line.trim_end().strip_suffix(']')?.rsplit_once(" [Warning/")?;
    let (place, message) = told.split_once(": ")?;
    let (path, row, column) = place_in(place)?;
    let mut warning = like.clone();
    warning.place(path, row, column);
    message.clone_into(&mut warning.failure.message);
    warning.failure.code = Some(rule.to_owned());
    Some(warning)
}

/// How many lines below its outcry `ESLint` says what is wrong, and with which file.
const OOPS_LINES_MAX: usize = 12;

/// What is wrong stands below, and the file that has it at its end or below that.
fn oops(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let is_outcry = |line: &str| line.contains("Oops! Something went wrong");
    if is_outcry(at.text()) {
        for (distance, line) in at.lines_below(OOPS_LINES_MAX) {
            let told = line.trim();
            if !told.is_empty() && !told.starts_with("ESLint:") {
                told.clone_into(&mut draft.failure.message);
                draft.last = draft.first + distance;
                break;
            }
        }
    } else if at.lines_above(OOPS_LINES_MAX).any(|(_, line)| is_outcry(line)) {
        return;
    }
    let told = std::iter::once(at.text());
    let file = told.chain(at.lines_below(OOPS_LINES_MAX).map(|(_, line)| line)).find_map(|line| {
        between(line, "from the config file in \"", "\"").or(between(line, "declared in '", "'"))
    });
    if let Some(file) = file {
        // One that another configuration asks for is named behind it: `a.json » b`.
        let file = file.split(" » ").next().unwrap_or(file);
        draft.place(file, None, None);
    }
    found.push(draft);
}

pub(super) static BIOME: Tool = Tool {
    name: "biome",
    about: "Biome's lint, parse and format diagnostics.",
    example: "\
         src/a.ts:3:7 lint/style/useConst  FIXABLE  ━━━━━━━━━━\n\n\
         \x20 × This let declares a variable that is only assigned once.",
    rules: &[Rule::new(
        K::Lint,
        &["━"],
        concat!(
            r"^(?P<file>[^\s:]+)(?::(?P<line>[0-9]+):(?P<column>[0-9]+))? ",
            r"(?P<code>lint/\S+|parse|assist/\S+|organizeImports|format)\b.*━",
        ),
    )
    .reading(biome)],
};

fn biome(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.kind = match draft.failure.code.as_deref() {
        Some("format") => K::Format,
        Some("parse") => K::CompileError,
        Some(_) | None => K::Lint,
    };
    for (distance, line) in at.lines_below(6) {
        let told = line.trim();
        if let Some(message) = told.strip_prefix('×').or_else(|| told.strip_prefix('✖')) {
            message.trim().clone_into(&mut draft.failure.message);
            draft.last = draft.first + distance;
            if draft.failure.message.starts_with("Code formatting aborted") {
                draft.weight = Weight::Consequence;
            }
            deeper(at, &mut draft);
            found.push(draft);
            return;
        }
        if told.starts_with('!') || told.starts_with('i') {
            draft.failure.severity = crate::domain::failure::Severity::Warning;
            found.push(draft);
            return;
        }
    }
}

pub(super) static OXLINT: Tool = Tool {
    name: "oxlint",
    about: "oxlint: what it calls an error, with the place in its box.",
    example: "\
         \x20 × eslint(no-debugger): `debugger` statement is not allowed\n\
         \x20  ╭─[src/cart.ts:3:7]\n 3 │ debugger;\n   · ─────────\n   ╰────",
    rules: &[Rule::new(
        K::Lint,
        &["× ", "✖ "],
        concat!(
            r"^\s*(?:×|✖) (?P<code>(?:[a-z-]*eslint[a-z-]*|unicorn|typescript|react[a-z-]*",
            r"|import|jest|vitest|nextjs)\([a-z-]+\)): (?P<message>.+)$",
            r"|^\s*× (?P<task>[A-Z].+)$",
        ),
    )
    .reading(boxed)],
};

/// The place stands in the head of the box below; a warning has another sign than a cross.
fn boxed(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if !at.text().trim_start().starts_with(['×', 'x', '✖']) {
        return;
    }
    let place = at
        .lines_below(3)
        .find_map(|(_, line)| line.trim_start().strip_prefix("╭─[")?.split(']').next());
    if let Some((path, line, column)) = place.and_then(place_in) {
        draft.place(path, line, column);
        // What cannot be parsed has no rule's name.
        if let Some(said) = draft.failure.task.take() {
            draft.failure.kind = K::CompileError;
            draft.failure.message = said;
        }
        paragraph_and_frame(at, &mut draft);
        found.push(draft);
    }
}

pub(super) static PRETTIER: Tool = Tool {
    name: "prettier",
    about: "`prettier --check` and, below its command, `prettier -l`: one failure a file.",
    example: "\
         Checking formatting...\n[warn] src/cart.ts\n\
         [warn] Code style issues found in the above file. Run Prettier with --write to fix.",
    rules: &[
        Rule::new(
            K::Format,
            &["[warn] "],
            r"^\[warn\] (?P<message>(?P<file>[^\s].*\.[A-Za-z0-9]{1,12}))$",
        )
        .reading(unformatted),
        Rule::new(
            K::CompileError,
            &["[error] "],
            concat!(
                r"^\[error\] (?P<file>[^\s:]+\.[A-Za-z0-9]{1,12}): ",
                r"(?P<message>\w*Error: .+?)(?: \((?P<line>[0-9]+):(?P<column>[0-9]+)\))?$",
            ),
        ),
        Rule::new(
            K::Format,
            &["prettier -l", "prettier --list-different"],
            r"^(?:[>$+] )?(?:npx |bunx |yarn |pnpm |exec )*prettier (?:-l|--list-different)(?: .*)?$",
        )
        .reading(files_listed),
        Rule::new(
            K::Format,
            &["Code style issues"],
            r"^(?:\[warn\] )?(?P<message>Code style issues .+)$",
        )
        .weighing(Weight::Consequence),
    ],
};

/// Prettier's verdict where a file would not parse.
const PRETTIER_ERROR: &str = "Error occurred when checking code style in";

/// Only where the list ends in Prettier's verdict: others print `[warn]` too.
fn unformatted(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let verdict = at
        .lines_below(LOOK_LINES_MAX)
        .find(|(_, line)| !line.starts_with("[warn] ") && !line.starts_with("[error] "));
    let verdict = verdict.is_some_and(|(_, line)| line.contains(PRETTIER_ERROR))
        || at
            .lines_below(LOOK_LINES_MAX)
            .take_while(|(_, line)| line.starts_with("[warn] ") || line.starts_with("[error] "))
            .any(|(_, line)| {
                line.contains("Code style issues")
                    || line.contains("Forgot to run Prettier")
                    || line.contains(PRETTIER_ERROR)
            });
    if verdict && place_in(&draft.failure.message).is_none() {
        "not formatted as Prettier wants it".clone_into(&mut draft.failure.message);
        found.push(draft);
    }
}

/// `prettier -l` prints the names of files, and nothing else.
fn files_listed(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    for (mut draft, (distance, file)) in std::iter::repeat(draft).zip(listed_below(at)) {
        draft.path = Some(file.to_owned());
        "not formatted as Prettier wants it".clone_into(&mut draft.failure.message);
        (draft.first, draft.last) = (at.index + distance, at.index + distance);
        found.push(draft);
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn warnings_that_are_too_many_are_told_in_the_format_unix_too() {
        check(
            "/home/runner/work/a/a/lib/feed.js:1:5: 'fs' is never used. [Warning/no-unused-vars]\n\n\
             1 problem\nESLint found too many warnings (maximum: 0).\n",
            "lint lib/feed.js:1:5 [no-unused-vars] 'fs' is never used.",
        );
    }

    #[test]
    fn a_configuration_that_cannot_be_loaded_is_told_once_with_its_file() {
        check(
            "\nOops! Something went wrong! :(\n\nESLint: 8.57.1\n\n\
             ESLint couldn't find the config \"airbnb\" to extend from. Please check it.\n\n\
             The config \"airbnb\" was referenced from the config file in \
             \"/home/runner/work/a/a/.eslintrc.json\".\n",
            "config .eslintrc.json ESLint couldn't find the config \"airbnb\" to extend from. \
             Please check it.",
        );
        check(
            "Oops! Something went wrong! :(\n\nESLint: 8.57.1\n\n\
             Failed to load plugin 'vue' declared in '.eslintrc.js » eslint-config-x': no module\n",
            "config .eslintrc.js Failed to load plugin 'vue' declared in '.eslintrc.js » \
             eslint-config-x': no module",
        );
    }

    #[test]
    fn findings_belong_to_the_file_above_them() {
        check(
            "/home/runner/work/a/a/src/x.js\n  1:2  warning  w  no-console\n\
             \x20 3:4  error  'a' is not defined  no-undef\n\n/home/runner/work/a/a/src/y.js\n\
             \x20 5:6  error  Parsing error: Unexpected token\n\n✖ 3 problems",
            "lint src/x.js:3:4 [no-undef] 'a' is not defined\n\
             lint src/y.js:5:6 Parsing error: Unexpected token",
        );
        check(
            "packages/a lint: /w/x.js\npackages/a lint:   1:2  error  m  r",
            "lint [r] m (in /w/x.js:1)",
        );
        check("  1:2  error  no header", "");
    }

    #[test]
    fn other_forms_are_read_too() {
        check(
            "Failed to compile.\n\n./src/app/page.tsx\n12:5  Warning: 'w' is unused.  no-unused\n\
             15:1  Error: 'x' is never used.  @typescript-eslint/no-unused-vars\n\n\
             info  - Need to disable some ESLint rules?",
            "lint src/app/page.tsx:15:1 [@typescript-eslint/no-unused-vars] 'x' is never used.",
        );
        check(
            "src/x.js(3,4): error no-undef : 'a' is not defined.\n\
             src/x.js(5,6): warning no-console : Unexpected console statement.",
            "lint src/x.js:3:4 [no-undef] 'a' is not defined.",
        );
        check(
            "  ⚠ eslint(no-unused-vars): Variable 'y' is declared but never used.\n\
             \x20  ╭─[src/a.ts:1:7]\n 1 │ let y\n   ╰────\n\n\
             \x20 × eslint(no-debugger): `debugger` statement is not allowed\n\
             \x20  ╭─[src/a.ts:3:1]\n 3 │ debugger;\n   · ─────────\n   ╰────\n\
             \x20 help: Remove it\n\n\
             Found 1 warning and 1 error.",
            "lint src/a.ts:3:1 [eslint(no-debugger)] `debugger` statement is not allowed",
        );
        check(
            "  × Unexpected token\n   ╭─[src/d.ts:1:10]\n 1 │ const x: = 3;\n   ·          ─\n   ╰────\n",
            "compile_error src/d.ts:1:10 Unexpected token",
        );
        check(
            " docs/a.md\n 3:1  error  Did you really mean 'teh'?  Vale.Spelling\n\n\
             ✖ 1 error, 0 warnings and 0 suggestions in 1 file.\n",
            "lint docs/a.md:3:1 [Vale.Spelling] Did you really mean 'teh'?",
        );
        check("  × Some other tool's cross\nDone in 3 ms\n", "");
    }

    #[test]
    fn styles_and_yaml_are_told_from_scripts() {
        check(
            "src/a.css: line 1, col 3, error - Empty block (block-no-empty)\n\
             src/a.css:2:1: Unknown property \"colr\" (property-no-unknown) [error]\n",
            "lint src/a.css:1:3 [block-no-empty] Empty block\n\
             lint src/a.css:2:1 [property-no-unknown] Unknown property \"colr\"",
        );
        check(
            "./a.yaml\n  1:1       warning  missing document start \"---\"  (document-start)\n\
             \x20 4:4       error    trailing spaces  (trailing-spaces)\n",
            "lint a.yaml:4:4 [trailing-spaces] trailing spaces",
        );
        check("✖ 0 problems (0 errors, 0 warnings)\n", "");
    }

    #[test]
    fn warnings_fail_only_where_there_were_too_many() {
        check(
            "src/x.js\n  1:2  warning  w  no-console\n\n✖ 1 problem (0 errors, 1 warning)\n\n\
             ESLint found too many warnings (maximum: 0).",
            "lint src/x.js:1:2 [no-console] w",
        );
    }

    #[test]
    fn prettier_lists_files() {
        check(
            "Checking formatting...\n[warn] src/a.ts\n[warn] b.md\n\
             [warn] Code style issues found in 2 files. Run Prettier with --write to fix.",
            "format src/a.ts not formatted as Prettier wants it\n\
             format b.md not formatted as Prettier wants it",
        );
        check("[warn] src/a.ts", "");
        check(
            "[error] src/a.ts: SyntaxError: ';' expected. (3:4)",
            "compile_error src/a.ts:3:4 SyntaxError: ';' expected.",
        );
        check(
            "Checking formatting...\n[warn] src/a.css\n\
             [error] src/b.js: SyntaxError: Unexpected token (1:7)\n\
             [error] > 1 | const = 3\n[error]     |       ^\n[warn] a.md\n\
             Error occurred when checking code style in the above file.\n",
            "format src/a.css not formatted as Prettier wants it\n\
             compile_error src/b.js:1:7 SyntaxError: Unexpected token\n\
             format a.md not formatted as Prettier wants it",
        );
        check("Checking formatting...\nAll matched files use Prettier code style!\n", "");
    }

    #[test]
    fn files_that_prettier_lists_are_read_below_its_command() {
        let both = "format src/a.ts not formatted as Prettier wants it\n\
             format docs/b.md not formatted as Prettier wants it";
        let listed = "src/a.ts\ndocs/b.md\n";
        check(&format!("> app@1.0.0 format\n> prettier -l .\n\n{listed}npm error code 1"), both);
        check(&format!("$ npx prettier --list-different src\n{listed}"), both);
        check(&format!("$ npx prettier --check src\n{listed}"), "");
        check(&format!("> prettier -l .\n\nAll is well\n{listed}"), "");
    }
}
