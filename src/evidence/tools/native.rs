//! C and C++: gcc, clang, linkers, CMake, GoogleTest, CTest, sanitizers, clang-tidy, clang-format.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, place_in};

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
            &[": error: ", ": fatal error: ", ": Error: "],
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
            concat!(r"^(?P<message>.*Failing due to -Werror\.)$",),
        )
        .reading(ghc_warnings),
        Rule::new(
            K::CompileError,
            &["cc1", "clang: error: ", "gcc: error: ", "g++: error: ", "clang++: error: "],
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
            &[
                "ld: cannot find ",
                "ld: error: ",
                "ld.lld: error: ",
                "library not found for",
                "ld: library ",
            ],
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
    let is_object =
        draft.path.as_deref().is_some_and(|path| path.ends_with(".o") || path.ends_with(".a"));
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
            &["No rule to make target", "missing separator"],
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

pub(super) static TESTS: Tool = Tool {
    name: "gtest",
    about: "GoogleTest, Catch2, CTest, failed assertions and sanitizers.",
    example: "\
         /home/runner/work/shop/shop/test/cart_test.cc:12: Failure\n\
         Expected equality of these values:\n  total\n    Which is: 4\n  5\n\
         [  FAILED  ] Cart.Adds (0 ms)",
    rules: &[
        Rule::new(
            K::TestFailure,
            &["[  FAILED  ] "],
            concat!(r"^\[  FAILED  \] (?P<test>[A-Za-z_]\S*\.\S+?)(?:,.*)?(?: \([0-9]+ ms\))?$",),
        )
        .reading(gtest),
        Rule::new(
            K::TestFailure,
            &[": FAILED:"],
            r"^(?P<file>[^\s:][^:]*):(?P<line>[0-9]+): FAILED:$",
        )
        .reading(catch),
        Rule::new(
            K::TestFailure,
            &[
                "***Failed",
                "***Timeout",
                "***Exception",
                "(Failed)",
                "(Timeout)",
                "(SEGFAULT)",
                "(Subprocess aborted)",
            ],
            concat!(
                r"^\s*(?:[0-9]+ - (?P<test>\S.*?) \((?:Failed|Timeout|SEGFAULT",
                r"|Subprocess aborted|ILLEGAL|BUS_ERROR|OTHER_FAULT)\)",
                r"|[0-9]+/[0-9]+ Test +#[0-9]+: (?P<message>.*?\*\*\*(?:Failed|Timeout",
                r"|Exception).*))",
            ),
        )
        .reading(ctest),
        Rule::new(
            K::TestFailure,
            &["Sanitizer: "],
            concat!(
                r"^(?:==[0-9]+==)?\s*(?:ERROR|WARNING): (?P<message>(?:Address|Thread|Memory",
                r"|Leak|UndefinedBehavior)Sanitizer: .+)$",
            ),
        )
        .reading(sanitizer),
        Rule::new(
            K::TestFailure,
            &[": Assertion `"],
            r"^\S+: (?P<file>[^\s:]+):(?P<line>[0-9]+): (?P<message>.*Assertion `.+' failed\.?)$",
        ),
    ],
};

fn gtest(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let mut reached = false;
    for (distance, line) in at.lines_above(300) {
        if line.starts_with("[ RUN      ]") || line.starts_with("[----------]") {
            reached = line.starts_with("[ RUN");
            break;
        }
        if line.trim_end().ends_with(": Failure")
            && let Some((path, row, _)) = place_in(line)
        {
            draft.place(path, row, None);
            draft.failure.message.clear();
            for (_, more) in (at.index - distance + 1..at.index)
                .take(6)
                .map(|i| (i, at.above(at.index - i).unwrap_or("")))
            {
                draft.say(more.trim());
            }
        }
    }
    if !reached && draft.path.is_some() {
        draft.path = None;
        draft.failure.line = None;
        at.text().clone_into(&mut draft.failure.message);
    }
    found.push(draft);
}

fn catch(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(6) {
        if line.trim().is_empty() {
            break;
        }
        draft.say(line.trim());
        draft.last = draft.first + distance;
    }
    let mut rule_lines =
        at.lines_above(30).skip_while(|(_, line)| !line.starts_with("....")).skip(1);
    let title = rule_lines.find(|(_, line)| {
        !line.trim().is_empty() && !line.starts_with("---") && place_in(line).is_none()
    });
    draft.failure.test = title.map(|(_, line)| line.trim().to_owned());
    found.push(draft);
}

fn ctest(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if draft.failure.test.is_none() {
        let message = draft.failure.message.clone();
        let name = message.split(" .").next().unwrap_or(&message);
        draft.failure.test = Some(name.trim_end_matches(['.', ' ']).to_owned());
        if message.contains("***Timeout") {
            draft.failure.kind = K::Timeout;
        }
    }
    found.push(draft);
}

fn sanitizer(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let frame = at.lines_below(30).find_map(|(distance, line)| {
        let place = line.trim_start().strip_prefix('#')?.rsplit(' ').next()?;
        let (path, row, column) = place_in(place)?;
        (!path.contains("sanitizer") && !path.starts_with("/usr"))
            .then_some((distance, path, row, column))
    });
    if let Some((distance, path, row, column)) = frame {
        draft.place(path, row, column);
        draft.last = draft.first + distance;
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use super::super::check;

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

    #[test]
    fn native_tests_are_read() {
        check(
            "[ RUN      ] A.B\ntest/a.cc:12: Failure\nExpected: x\n[  FAILED  ] A.B (0 ms)\n\
             [  FAILED  ] 1 test, listed below:\n[  FAILED  ] A.B",
            "test_failure test/a.cc:12 {A.B} Expected: x",
        );
        check(
            "The following tests FAILED:\n\t  3 - cart (Failed)\nErrors while running CTest",
            "test_failure {cart} 3 - cart (Failed)",
        );
        check(
            "==1==ERROR: AddressSanitizer: heap-use-after-free on address 0x1\n\
             \x20   #0 0x1 in f /home/runner/work/a/a/src/a.c:3:4",
            "test_failure src/a.c:3:4 AddressSanitizer: heap-use-after-free on address 0x1",
        );
    }
}
