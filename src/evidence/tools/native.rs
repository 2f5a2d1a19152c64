//! C and C++: gcc, clang, linkers, CMake, make, clang-tidy, clang-format.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, has_extension, place_in};

pub(super) static COMPILER: Tool = Tool {
    name: "gcc",
    about: "\
         gcc, clang and what speaks like them (swiftc, ghc, protoc, …), and clang-tidy and \
         clang-format.",
    example: "\
         src/cart.c:12:5: error: implicit declaration of function 'total' \
         [-Werror=implicit-function-declaration]",
    rules: &[
        Rule::new(
            K::Format,
            &["-Wclang-format-violations"],
            concat!(
                r"^(?P<file>[^\s:][^:]*):(?P<line>[0-9]+):(?P<column>[0-9]+): (?:error",
                r"|warning): (?P<message>.+) \[-W(?:error,-W)?",
                r"(?P<code>clang-format-violations)\]$",
            ),
        ),
        Rule::new(
            K::Lint,
            &[": error: ", ": warning: "],
            concat!(
                r"^(?P<file>[^\s:][^:]*):(?P<line>[0-9]+):(?P<column>[0-9]+): ",
                r"(?P<severity>error|warning): (?P<message>.+) \[(?P<code>(?:abseil|altera",
                r"|android|boost|bugprone|cert|clang-analyzer|concurrency|cppcoreguidelines",
                r"|darwin|fuchsia|google|hicpp|linuxkernel|llvm|llvmlibc|misc|modernize|mpi",
                r"|objc|openmp|performance|portability|readability",
                r"|zircon)-[A-Za-z0-9_.,-]+)\]$",
            ),
        )
        .reading(tidy),
        Rule::new(
            K::CompileError,
            &[": error:"],
            concat!(
                r"^(?P<file>[^\s:][^:]*\.(?:hs|lhs|agda|elm|purs|v",
                r"|lean)):(?P<line>[0-9]+):(?P<column>[0-9]+):(?:[0-9-]+:)? error:\s*",
                r"(?:\[(?P<code>[^\]]+)\])?\s*$",
            ),
        )
        .reading(message_below),
        Rule::new(
            K::CompileError,
            &["error: ", "Error: "],
            concat!(
                r"^(?:In file included from .*: )?(?P<file>(?:[A-Za-z]:)?[^\s:][^:]*):",
                r"(?P<line>[0-9]+):(?:(?P<column>[0-9]+):)? (?:fatal )?[eE]rror: ",
                r"(?P<message>.+?)(?: \[-W(?:error[=,])?(?:-W)?(?P<code>[a-z0-9+=-]+)\])?$",
            ),
        )
        .reading(compiler),
        Rule::new(
            K::Lint,
            &["Failing due to -Werror"],
            r"^(?P<message>.*Failing due to -Werror\.)$",
        )
        .reading(ghc_warnings),
        Rule::new(
            K::CompileError,
            &["cc1", "cc: ", "cc-", "clang", "g++"],
            concat!(
                r"^(?:[a-z0-9_-]*-)?(?:cc1(?:plus)?|clang(?:\+\+)?|gcc|g\+\+",
                r"|cc)(?:-[0-9.]+)?: (?:fatal )?(?:error",
                r"|all warnings being treated as errors)(?:: (?P<message>.+))?$",
            ),
        )
        .reading(driver),
    ],
};

/// clang-tidy's warnings count where they are treated as errors.
fn tidy(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let code = draft.failure.code.clone().unwrap_or_default();
    let mut names = code.split(',').filter(|name| !name.starts_with('-'));
    if code.contains("-warnings-as-errors") {
        draft.failure.severity = crate::domain::failure::Severity::Error;
    }
    draft.failure.code = names.next().map(str::to_owned);
    draft.failure.tool = Some("clang-tidy".to_owned());
    found.push(draft);
}

fn compiler(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let path = draft.path.clone().unwrap_or_default();
    if draft.failure.code.as_deref() == Some("error") || !looks_like_source(&path) {
        draft.weight = Weight::Sign;
    }
    if draft.failure.message.starts_with("ld returned")
        || draft.failure.message.starts_with("linker command failed")
    {
        draft.weight = Weight::Consequence;
    }
    // XCTest prints its failures as errors of the compiler's form.
    if let Some(rest) = draft.failure.message.strip_prefix("-[")
        && let Some((test, message)) = rest.split_once("] : ")
    {
        draft.failure.kind = K::TestFailure;
        draft.failure.tool = Some("xctest".to_owned());
        draft.failure.test = Some(test.to_owned());
        let message = message.to_owned();
        draft.failure.message = message;
    }
    if draft.failure.message.contains("No such file or directory") && path.contains("CMake") {
        draft.failure.kind = K::Config;
    }
    draft.last += at.lines_below(2).take_while(|(_, line)| line.starts_with(' ')).count();
    found.push(draft);
}

fn looks_like_source(path: &str) -> bool {
    let extension = path.rsplit('.').next().unwrap_or("");
    path.contains('.')
        && (1..=6).contains(&extension.len())
        && !path.contains("://")
        && !extension.contains('/')
}

/// GHC states the place first and the message below.
fn message_below(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(6) {
        let told = line.trim().trim_start_matches("• ");
        if told.is_empty() || told.starts_with('|') {
            break;
        }
        draft.say(told);
        draft.last = draft.first + distance;
    }
    if !draft.failure.message.is_empty() {
        found.push(draft);
    }
}

/// GHC before 8.0 warns first and says at the end of the module that warnings are errors.
fn ghc_warnings(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    let before = found.len();
    for (distance, line) in at.lines_above(60) {
        if line.starts_with('[') {
            break;
        }
        let place = line
            .strip_suffix(" Warning:")
            .or_else(|| line.split_once(": warning: [").map(|(p, _)| p));
        let Some((path, row, column)) = place.and_then(place_in) else { continue };
        let mut warning = draft.clone();
        warning.place(path, row, column);
        warning.first = draft.first - distance;
        warning.failure.message.clear();
        let said = (1..distance)
            .map_while(|up| at.above(distance - up))
            .take_while(|line| !line.trim().is_empty());
        for more in said {
            warning.say(more.trim());
            warning.last = warning.first + 1;
        }
        found.push(warning);
    }
    found[before..].reverse();
    if found.len() == before {
        found.push(draft);
    }
}

fn driver(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let message = &draft.failure.message;
    if message.contains("warnings being treated") || message.starts_with("linker command failed") {
        draft.weight = Weight::Consequence;
    }
    found.push(draft);
}

pub(super) static LINKER: Tool = Tool {
    name: "ld",
    about: "GNU ld, gold, lld and Apple's linker: undefined symbols, missing libraries.",
    example: "\
         /usr/bin/ld: cart.o: in function `adds':\n\
         cart.c:(.text+0x1f): undefined reference to `total'\n\
         collect2: error: ld returned 1 exit status",
    rules: &[
        Rule::new(
            K::CompileError,
            &["undefined reference to ", "multiple definition of "],
            concat!(
                r"^(?:\S*ld(?:\.[a-z]+)?: )?(?:(?P<file>[^\s:(]+):(?:(?P<line>[0-9]+)",
                r"(?::\([^)]*\))?|\([^)]*\)): )?(?:\S+\.o: )?(?P<message>",
                r"(?:undefined reference to|multiple definition of) .+)$",
            ),
        )
        .reading(symbol),
        Rule::new(
            K::CompileError,
            &["ld: ", "lld: ", "ld.gold: ", "mold: "],
            concat!(
                r"^(?:\S*/)?(?:ld|ld\.lld|ld\.gold|ld64\.lld|lld",
                r"|mold): (?:error: )?(?P<message>(?:cannot find |undefined symbol",
                r"|duplicate symbol|library |unable to find library|[a-z]+ symbol).*)$",
            ),
        ),
        Rule::new(
            K::CompileError,
            &["Undefined symbols for architecture"],
            r"^(?P<message>Undefined symbols for architecture .+)$",
        )
        .reading(apple),
        Rule::new(
            K::CompileError,
            &[
                "ld returned",
                "linker command failed",
                "ninja: build stopped",
                "CMake Error: ",
                "FAILED: ",
            ],
            concat!(
                r"^(?:.*: )?(?P<message>(?:error: ld returned|ld returned",
                r"|linker command failed|ninja: build stopped|FAILED: ).*)$",
            ),
        )
        .weighing(Weight::Consequence),
    ],
};

fn symbol(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let is_object = draft
        .path
        .as_deref()
        .is_some_and(|path| has_extension(path, "o") || has_extension(path, "a"));
    if is_object {
        draft.path = None;
        draft.failure.line = None;
    }
    found.push(draft);
}

fn apple(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if let Some(symbol) = at.below(1) {
        draft.say(symbol.trim());
        draft.last += 1;
    }
    found.push(draft);
}

pub(super) static CMAKE: Tool = Tool {
    name: "cmake",
    about: "CMake, autoconf, pkg-config, Meson and make's missing targets.",
    example: "\
         CMake Error at CMakeLists.txt:12 (find_package):\n\
         \x20 Could not find a package configuration file provided by \"Qt6\".\n",
    rules: &[
        Rule::new(
            K::Config,
            &["CMake Error at "],
            r"^CMake Error at (?P<file>[^\s:]+):(?P<line>[0-9]+) \((?P<code>[^)]+)\):$",
        )
        .reading(cmake),
        Rule::new(K::Config, &["CMake Error: "], r"^CMake Error: (?P<message>.+)$")
            .weighing(Weight::Sign),
        Rule::new(
            K::Dependency,
            &["configure: error: "],
            r"^\s*configure: error: (?P<message>.+)$",
        ),
        Rule::new(
            K::Config,
            &["ERROR: "],
            concat!(
                r"^(?P<file>[^\s:]*meson\.build):(?P<line>[0-9]+):",
                r"(?P<column>[0-9]+): ERROR: (?P<message>.+)$",
            ),
        ),
        Rule::new(
            K::Config,
            &["No rule to make target", "akefile"],
            concat!(
                r"^g?make(?:\[[0-9]+\])?: \*\*\* (?P<message>No rule to make target .+?)\.?",
                r"(?:  Stop\.)?$|^(?P<file>[^\s:]*[Mm]akefile\S*):",
                r"(?P<line>[0-9]+): \*\*\* .+$",
            ),
        ),
        Rule::new(
            K::Unknown,
            &["make: ***", "]: ***", "make: \u{2a}\u{2a}\u{2a}"],
            r"^\s*(?P<message>(?:g|mingw32-)?make(?:\[[0-9]+\])?: \*\*\* .+)$",
        )
        .weighing(Weight::Consequence),
    ],
};

fn cmake(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(12) {
        if !line.starts_with("  ") && !line.trim().is_empty() {
            break;
        }
        if line.starts_with("Call Stack") {
            break;
        }
        draft.say(line.trim());
        draft.last = draft.first + distance;
    }
    if draft.failure.code.as_deref() == Some("find_package") {
        draft.failure.kind = K::Dependency;
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn compilers_are_read() {
        check(
            "src/a.cpp:1:2: error: no member named 'x' in 'Y'",
            "compile_error src/a.cpp:1:2 no member named 'x' in 'Y'",
        );
        check("src/a.c:1:2: warning: unused [-Wunused]", "");
        check(
            "src/a.c:1:10: fatal error: x.h: No such file or directory",
            "compile_error src/a.c:1:10 x.h: No such file or directory",
        );
        check(
            "a.c:1:2: error: unused variable 'x' [-Werror=unused-variable]",
            "compile_error a.c:1:2 [unused-variable] unused variable 'x'",
        );
        check(
            "include/a.h:1:2: error: nested namespaces can be concatenated \
             [modernize-concat-nested-namespaces,-warnings-as-errors]\n\
             a.h:2:2: warning: w [misc-x]",
            "lint include/a.h:1:2 [modernize-concat-nested-namespaces] nested namespaces can \
             be concatenated",
        );
        check(
            "src/A.hs:12:5: error: [GHC-83865]\n    • Couldn't match expected type\n",
            "compile_error src/A.hs:12:5 [GHC-83865] Couldn't match expected type",
        );
        check(
            "T/S.swift:55: error: -[M.T testX] : XCTAssertTrue failed",
            "test_failure T/S.swift:55 {M.T testX} XCTAssertTrue failed",
        );
    }

    #[test]
    fn linkers_are_read_and_their_drivers_are_not() {
        check(
            "/usr/bin/ld: src/a.c:8: undefined reference to `f'\n\
             collect2: error: ld returned 1 exit status\nmake: *** [Makefile:3: a] Error 1",
            "compile_error src/a.c:8 undefined reference to `f'",
        );
    }

    #[test]
    fn configuration_is_read() {
        check(
            "CMake Error at CMakeLists.txt:3 (find_package):\n  Could not find a package\n\n\
             Call Stack (most recent call first):",
            "dependency CMakeLists.txt:3 [find_package] Could not find a package",
        );
        check(
            "configure: error: no acceptable C compiler found",
            "dependency no acceptable C compiler found",
        );
        check(
            "make: *** No rule to make target 'tset'.  Stop.",
            "config No rule to make target 'tset'",
        );
    }
}
