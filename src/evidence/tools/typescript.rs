//! TypeScript's checkers and bundlers: tsc, vue-tsc, svelte-check, Next.js, esbuild, Vite, webpack.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, place_in};

pub(super) static TOOL: Tool = Tool {
    name: "tsc",
    about: "The TypeScript compiler and what speaks like it (vue-tsc, ts-jest, Angular).",
    example: "src/utils.ts(42,7): error TS2339: Property 'foo' does not exist on type 'Bar'.",
    rules: &[
        Rule::new(
            K::TypeError,
            &["error TS"],
            concat!(
                r"^\s*(?:(?:ERROR|Error):? (?:in )?)?(?P<file>[^\s(:][^(:]*)\(",
                r"(?P<line>[0-9]+),(?P<column>[0-9]+)\): error (?P<code>TS[0-9]+): ",
                r"(?P<message>.+)$",
            ),
        ),
        Rule::new(
            K::TypeError,
            &["error TS"],
            concat!(
                r"^\s*(?:(?:ERROR|Error):? (?:in )?)?(?P<file>[^\s:][^:]*?):",
                r"(?P<line>[0-9]+):(?P<column>[0-9]+) - error (?P<code>TS[0-9]+): ",
                r"(?P<message>.+)$",
            ),
        ),
        Rule::new(K::Config, &["error TS"], r"^\s*error (?P<code>TS[0-9]+): (?P<message>.+)$"),
    ],
};

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
            &["[vite", "[rollup", "RollupError", "Could not resolve entry"],
            concat!(
                r"^\s*(?:error during build:\s*)?(?:Error: ",
                r"|RollupError: )?(?P<message>(?:\[(?:vite|rollup)[^\]]*\]",
                r"|Could not resolve entry|RollupError).*)$",
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

fn place_after_message(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    for (distance, line) in at.lines_below(5) {
        let told = line.trim();
        if told.ends_with(':')
            && let Some((path, line, column)) = place_in(told)
        {
            draft.place(path, line, column);
            draft.last = draft.first + distance;
            break;
        }
    }
    found.push(draft);
}

/// Next.js prints `./src/a.ts:12:5` above the error.
fn place_above(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let above = at.above(1).map(str::trim);
    if above.is_some_and(|above| above.starts_with("ERROR in ")) {
        return;
    }
    if let Some(above) = above
        && let Some((path, line, column)) = place_in(above).or_else(|| bare_file(above))
    {
        draft.place(path, line, column);
        draft.first -= 1;
    }
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
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

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
