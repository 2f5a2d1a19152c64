//! TypeScript's checkers and bundlers: tsc, vue-tsc, svelte-check, Next.js, esbuild, Vite, webpack.

use super::extent::{deeper, is_in_frame, paragraph_and_frame, while_below, with_deeper};
use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, between, frame_in, is_own, place_in};

pub(super) static TOOL: Tool = Tool {
    name: "tsc",
    about: "The TypeScript compiler and what speaks like it (vue-tsc, ts-jest, Angular).",
    example: "src/utils.ts(42,7): error TS2339: Property 'foo' does not exist on type 'Bar'.",
    rules: &[
        Rule::new(
            K::TypeError,
            &["error TS"],
            concat!(
                r"^\s*(?:(?:ERROR|Error):? (?:in )?)?(?P<file>(?:[A-Za-z]:)?[^\s:][^:]*?)\(",
                r"(?P<line>[0-9]+),(?P<column>[0-9]+)\): error (?P<code>TS[0-9]+): ",
                r"(?P<message>.+)$",
            ),
        )
        .reading(with_deeper),
        Rule::new(
            K::TypeError,
            &["error TS"],
            concat!(
                r"^\s*(?:(?:ERROR|Error):? (?:in )?)?(?P<file>(?:[A-Za-z]:)?[^\s:][^:]*?):",
                r"(?P<line>[0-9]+):(?P<column>[0-9]+) - error (?P<code>TS[0-9]+): ",
                r"(?P<message>.+)$",
            ),
        )
        .reading(pretty),
        Rule::new(K::Config, &["error TS"], r"^\s*error (?P<code>TS[0-9]+): (?P<message>.+)$")
            .reading(with_deeper),
        Rule::new(
            K::TypeError,
            &[" ERROR \""],
            concat!(
                r"^[0-9]{10,} ERROR \x22(?P<file>[^\x22]+)\x22 (?P<line>[0-9]+):",
                r"(?P<column>[0-9]+) \x22(?P<message>.+)\x22$",
            ),
        ),
        Rule::new(K::TypeError, &["Error: "], r"^Error: (?P<message>.+)$").reading(svelte),
    ],
};

/// tsc's pretty form: the code, then what is related to it, indented.
fn pretty(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    while_below(at, &mut draft, |line| {
        line.trim().is_empty() || line.starts_with(' ') || is_in_frame(line)
    });
    found.push(draft);
}

/// svelte-check places its finding on the line above.
fn svelte(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let Some((path, line, column @ Some(_))) = at.above(1).and_then(place_in) else { return };
    if path.starts_with([' ', '('])
        || path.starts_with("at ")
        || path.contains("://")
        || !path.contains(['/', '\\'])
    {
        return;
    }
    draft.place(path, line, column);
    if draft.failure.message.ends_with("(svelte)") || draft.failure.message.ends_with("(css)") {
        draft.failure.kind = K::CompileError;
    }
    draft.first -= 1;
    paragraph_and_frame(at, &mut draft);
    found.push(draft);
}

pub(super) static BUNDLERS: Tool = Tool {
    name: "bundler",
    about: "esbuild, Vite, Rollup, webpack and Next.js: what would not build.",
    example: "\
         ✘ [ERROR] Could not resolve \"./missing\"\n\n    src/main.ts:3:9:\n\
         \x20     3 │ import \"./missing\"",
    rules: &[
        Rule::new(
            K::CompileError,
            &["[ERROR] "],
            r"^\s*(?:✘|X|>) (?:[a-z-]+ )?\[ERROR\] (?P<message>.+)$",
        )
        .reading(place_after_message),
        Rule::new(K::TypeError, &["Type error: "], r"^\s*Type error: (?P<message>.+)$")
            .reading(place_above),
        Rule::new(
            K::CompileError,
            &["ERROR in ", "Error in "],
            concat!(
                r"^\s*(?:ERROR|Error) in (?P<file>\./[^\s:]+",
                r"|[^\s:]+\.[a-z]{2,6})(?:[: ](?P<line>[0-9]+):(?P<column>[0-9]+))?",
            ),
        )
        .reading(webpack),
        Rule::new(
            K::CompileError,
            &["error during build:"],
            r"^\s*(?P<message>error during build:)$",
        )
        .reading(during_build),
        Rule::new(
            K::CompileError,
            &["[!] Error: ", "[!] RollupError: ", "[!] SyntaxError: ", "(plugin ", "] (node "],
            r"^\[!\] (?P<message>(?:(?:Rollup|Syntax)?Error: |\(plugin |\(node ).*)$",
        )
        .reading(place_after_message),
        Rule::new(K::CompileError, &["@parcel/"], r"^\s*(?P<message>@parcel/[a-z-]+: .+)$")
            .reading(place_after_message),
        Rule::new(
            K::CompileError,
            &["Parsing ecmascript source code failed", "Ecmascript file had an error"],
            r"^\s*(?P<message>Parsing ecmascript source code failed|Ecmascript file had an error)$",
        )
        .reading(place_above),
        Rule::new(
            K::CompileError,
            &["Error occurred prerendering page"],
            r"^\s*(?P<message>Error occurred prerendering page \x22[^\x22]*\x22).*$",
        )
        .reading(prerender),
        Rule::new(
            K::CompileError,
            &["[vite", "[rollup", "RollupError: ", "Could not resolve entry"],
            concat!(
                r"^\s*(?:Error: )?(?P<message>(?:RollupError: |\[vite\]: ",
                r"|\[vite\] Internal server error|\[vite:[^\]]*\] |\[rollup[^\]]*\] ",
                r"|Could not resolve entry).*)$",
            ),
        )
        .weighing(Weight::Sign),
        Rule::new(
            K::CompileError,
            &["Module not found: "],
            r"^\s*(?P<message>Module not found: .+)$",
        )
        .reading(place_above),
        Rule::new(
            K::CompileError,
            &["Failed to compile", "Build failed because of webpack errors"],
            concat!(
                r"^\s*(?P<message>(?:\S+ )?(?:Failed to compile",
                r"|Build failed because of webpack errors)\.?)$",
            ),
        )
        .weighing(Weight::Consequence),
    ],
};

/// How far below its message a bundler's place may stand.
const PLACE_LINES_MAX: usize = 8;

/// esbuild, Rollup and Parcel print the place on a line of its own below the message.
fn place_after_message(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    for (distance, line) in at.lines_below(PLACE_LINES_MAX) {
        let told = line.trim();
        let place = place_in_brackets(told).or_else(|| place_in(told.trim_end_matches(':')));
        if let Some((path, line, column)) = place.filter(|(path, ..)| is_path(path)) {
            draft.place(path, line, column);
            draft.last = draft.first + distance;
            break;
        }
        if told.contains("[ERROR] ") {
            break;
        }
    }
    // Angular's builder hands on what its compiler found.
    if let Some((code, message)) = typescript_code(&draft.failure.message) {
        let (code, message) = (code.to_owned(), message.to_owned());
        draft.failure.kind = K::TypeError;
        draft.failure.code = Some(code);
        draft.failure.message = message;
    }
    deeper(at, &mut draft);
    paragraph_and_frame(at, &mut draft);
    found.push(draft);
}

/// Splits `TS2322: message`.
fn typescript_code(message: &str) -> Option<(&str, &str)> {
    let (code, rest) = message.split_once(": ")?;
    let digits = code.strip_prefix("TS")?;
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then_some((code, rest))
}

fn is_path(text: &str) -> bool {
    !text.contains(' ') && text.contains('.') && !text.starts_with("at")
}

/// Reads `PATH (LINE:COLUMN)`, with anything after it.
fn place_in_brackets(text: &str) -> Option<(&str, Option<u32>, Option<u32>)> {
    let (path, rest) = text.split_once(" (")?;
    let (line, column) = rest.split_once(')')?.0.split_once(':')?;
    Some((path, Some(line.parse().ok()?), column.parse().ok()))
}

/// Vite's verdict on a build: the message below it, and the place in one of its forms.
fn during_build(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(2 * PLACE_LINES_MAX) {
        let told = line.trim();
        if frame_in(told).is_some() {
            break;
        }
        let place = told
            .strip_prefix("file: ")
            .and_then(place_in)
            .or_else(|| place_in(told.strip_prefix("╭─[")?.trim_end_matches(']').trim()))
            .or_else(|| told.contains(": ERROR: ").then(|| place_in(told))?)
            .or_else(|| place_in_brackets(told));
        if let Some((path, line, column)) = place.filter(|(path, ..)| is_path(path)) {
            draft.place(path, line, column);
        } else if draft.path.is_none()
            && let Some(importer) = between(told, "from \"", "\"").filter(|path| is_path(path))
        {
            draft.place(importer, None, None);
        }
        if draft.failure.message.is_empty() && !told.is_empty() {
            told.clone_into(&mut draft.failure.message);
            draft.last = draft.first + distance;
        } else if draft.failure.message.ends_with(':') && !told.is_empty() {
            draft.say(told);
        }
    }
    if !draft.failure.message.is_empty() {
        paragraph_and_frame(at, &mut draft);
        found.push(draft);
    }
}

/// Next.js renders pages while it builds; what a page threw stands below.
fn prerender(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if let Some(error) = at.below(1) {
        draft.say(error.trim());
    }
    let frame = at.lines_below(PLACE_LINES_MAX).find_map(|(_, line)| frame_in(line));
    if let Some((path, line, column)) = frame.filter(|(path, ..)| is_own(path)) {
        draft.place(path, line, column);
    }
    deeper(at, &mut draft);
    paragraph_and_frame(at, &mut draft);
    found.push(draft);
}

/// What Cypress prints above its bundler's error.
const CYPRESS_HEAD: &str = "Error: Webpack Compilation Error";

/// Next.js prints `./src/a.ts:12:5` above the error.
fn place_above(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let above = at.above(1).map(str::trim);
    // Cypress hands on what its bundler said, with the spec's name.
    let told = |above: &str| above.starts_with("ERROR in ") || above == CYPRESS_HEAD;
    if above.is_some_and(told) {
        return;
    }
    if let Some(above) = above
        && let Some((path, line, column)) = place_in(above).or_else(|| bare_file(above))
    {
        draft.place(path, line, column);
        draft.first -= 1;
    }
    paragraph_and_frame(at, &mut draft);
    found.push(draft);
}

fn bare_file(text: &str) -> Option<(&str, Option<u32>, Option<u32>)> {
    (text.starts_with("./") && !text.contains(' ')).then_some((text, None, None))
}

fn webpack(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let mut said = String::new();
    for (distance, line) in at.lines_below(6) {
        let told = line.trim();
        if told.is_empty() {
            break;
        }
        if said.is_empty() || said.starts_with("Module ") && told.starts_with("Syntax") {
            told.clone_into(&mut said);
            draft.last = draft.first + distance;
        }
        if let Some((code, rest)) = told.split_once(": ").filter(|(code, _)| code.starts_with("TS"))
        {
            draft.failure.kind = K::TypeError;
            draft.failure.code = Some(code.to_owned());
            rest.clone_into(&mut said);
        }
    }
    if !said.is_empty() {
        draft.failure.message = said;
    }
    paragraph_and_frame(at, &mut draft);
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;
    use crate::evidence::tests::check_lines;

    #[test]
    fn both_forms_of_tsc_are_read() {
        check(
            "src/a.ts(1,2): error TS2305: no export\nsrc/a.ts(1,2): error TS2305: no export",
            "type_error src/a.ts:1:2 [TS2305] no export",
        );
        check(
            "\u{1b}[96msrc/a b.tsx\u{1b}[0m:\u{1b}[93m3\u{1b}[0m:4 - \u{1b}[91merror\u{1b}[0m \
             TS7006: implicit any",
            "type_error src/a b.tsx:3:4 [TS7006] implicit any",
        );
        check("error TS18003: No inputs were found", "config [TS18003] No inputs were found");
        check("packages/web build: src/a.ts(1,2): error TS1: x", "type_error src/a.ts:1:2 [TS1] x");
    }

    #[test]
    fn paths_may_hold_drives_brackets_and_blanks() {
        check(
            "app/(shop)/cart page.tsx(1,2): error TS2305: no export",
            "type_error app/(shop)/cart page.tsx:1:2 [TS2305] no export",
        );
        check(
            "D:\\a\\shop\\shop\\src\\a.ts(1,2): error TS2305: no export",
            "type_error src/a.ts:1:2 [TS2305] no export",
        );
    }

    #[test]
    fn a_finding_reaches_to_the_end_of_its_frame() {
        let log = "\
> shop@1.0.0 typecheck
> tsc --noEmit --pretty

src/a.ts:3:4 - error TS2322: Type 'string' is not assignable to type 'number'.

3    count = \"one\";
     ~~~~~

  src/b.ts:1:5
    1     count: number;
          ~~~~~
    The expected type comes from property 'count' which is declared here on type 'Cart'

src/c.ts:9:1 - error TS2304: Cannot find name 'x'.

9 x
  ~


Found 2 errors in 2 files.

Errors  Files
     1  src/a.ts:3
     1  src/c.ts:9
";
        check(
            log,
            "type_error src/a.ts:3:4 [TS2322] Type 'string' is not assignable to type 'number'.\n\
             type_error src/c.ts:9:1 [TS2304] Cannot find name 'x'.",
        );
        check_lines(log, &[(4, 12), (14, 17)]);
        check_lines(
            "src/a.ts(1,2): error TS2345: Argument is wrong.\n  Types differ.\n    Deeply.\nDone",
            &[(1, 3)],
        );
    }

    #[test]
    fn svelte_places_a_finding_above_it() {
        check(
            "====================================\nLoading svelte-check in workspace: /w/shop\n\
             Getting Svelte diagnostics...\n\n/home/runner/work/shop/shop/src/App.svelte:10:5\n\
             Error: Type 'string' is not assignable to type 'number'. (ts)\n\
             \x20 let count: number = 'one';\n\n\
             /home/runner/work/shop/shop/src/B.svelte:1:2\nWarn: Unused CSS selector (css)\n\n\
             svelte-check found 1 error and 1 warning in 2 files",
            "type_error src/App.svelte:10:5 Type 'string' is not assignable to type 'number'. (ts)",
        );
        check(
            "1590680326283 ERROR \"src/App.svelte\" 9:14 \"Cannot find module './B'\"",
            "type_error src/App.svelte:9:14 Cannot find module './B'",
        );
        check("Error: printed by a program", "");
    }

    #[test]
    fn every_bundler_says_where() {
        let log = "\
vite v6.0.1 building for production...
transforming...
✓ 12 modules transformed.
✗ Build failed in 402ms
error during build:
src/main.ts (3:9): \"missing\" is not exported by \"src/b.ts\", imported by \"src/main.ts\".
file: /home/runner/work/shop/shop/src/main.ts:3:9

1: import { a } from './a'
2:
3: import { missing } from './b'
            ^

    at getRollupError (file:///home/runner/work/shop/shop/node_modules/rollup/dist/a.js:406:41)
";
        check(
            log,
            "compile_error src/main.ts:3:9 src/main.ts (3:9): \"missing\" is not exported by \
             \"src/b.ts\", imported by \"src/main.ts\".",
        );
        check(
            "error during build:\n[vite]: Rollup failed to resolve import \"x\" from \
             \"/home/runner/work/shop/shop/src/main.ts\".\nThis is most likely unintended.",
            "compile_error src/main.ts [vite]: Rollup failed to resolve import \"x\" from \
             \"src/main.ts\".",
        );
        check(
            "error during build:\n[vite:esbuild] Transform failed with 1 error:\n\
             /home/runner/work/shop/shop/src/a.ts:3:4: ERROR: Unexpected \"}\"",
            "compile_error src/a.ts:3:4 [vite:esbuild] Transform failed with 1 error:",
        );
        check(
            "✘ [ERROR] TS2322: Type 'a' is wrong. [plugin angular-compiler]\n\n\
             \x20   src/app/app.component.ts:12:5:\n      12 │ x = 1\n         ╵ ^\n\n",
            "type_error src/app/app.component.ts:12:5 [TS2322] Type 'a' is wrong. \
             [plugin angular-compiler]",
        );
        check(
            "[!] RollupError: \"x\" is not exported by \"src/b.js\", imported by \"src/a.js\".\n\
             https://rollupjs.org/troubleshooting/#error-name-is-not-exported-by-module\n\
             src/a.js (3:9)\n1: a\n",
            "compile_error src/a.js:3:9 RollupError: \"x\" is not exported by \"src/b.js\", \
             imported by \"src/a.js\".",
        );
        check(
            "Failed to compile.\n\n./src/app/page.tsx:3:1\n\
             Module not found: Can't resolve './missing'\n  1 | a\n> 3 | import './missing'\n\
             \x20   | ^\n\n> Build failed because of webpack errors",
            "compile_error src/app/page.tsx:3:1 Module not found: Can't resolve './missing'",
        );
    }

    #[test]
    fn a_build_that_passed_has_no_failures() {
        check(
            "✓ 12 modules transformed.\n(!) Some chunks are larger than 500 kB\n\
             [vite] connecting...\n▲ [WARNING] Duplicate key \"a\" [duplicate-object-key]\n\n\
             \x20   src/a.ts:1:2:\n      1 │ a\n        ╵ ^\n\nwebpack 5.99.0 compiled \
             successfully\n✓ built in 1.2s",
            "",
        );
    }

    #[test]
    fn bundlers_place_the_error_around_its_message() {
        check(
            "./src/app/page.tsx:12:5\nType error: 'x' is possibly 'null'.\n",
            "type_error src/app/page.tsx:12:5 'x' is possibly 'null'.",
        );
        check(
            "ERROR in ./src/a.ts 3:9-20\nModule not found: Error: Can't resolve './b'\n",
            "compile_error src/a.ts:3:9 Module not found: Error: Can't resolve './b'",
        );
    }
}
