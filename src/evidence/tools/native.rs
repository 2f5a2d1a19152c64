//! C and C++: gcc, clang, linkers, CMake, make, clang-tidy, clang-format.

use super::{
    At, Draft, FailureKind as K, Rule, Tool, Weight, extent, has_extension, is_installed, place_in,
};

/// The families of clang-tidy's checks, as they stand behind its messages.
const CHECKS: &[&str] = &[
    "[abseil-",
    "[altera-",
    "[android-",
    "[boost-",
    "[bugprone-",
    "[cert-",
    "[clang-analyzer-",
    "[concurrency-",
    "[cppcoreguidelines-",
    "[darwin-",
    "[fuchsia-",
    "[google-",
    "[hicpp-",
    "[linuxkernel-",
    "[llvm-",
    "[llvmlibc-",
    "[misc-",
    "[modernize-",
    "[mpi-",
    "[objc-",
    "[openmp-",
    "[performance-",
    "[portability-",
    "[readability-",
    "[zircon-",
];

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
        )
        .reading(framed),
        Rule::new(
            K::Lint,
            CHECKS,
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
                r"(?:\[(?P<code>[^\]]+)\])?(?: \[-W[^\]]+\])?\s*$",
            ),
        )
        .reading(message_below),
        Rule::new(
            K::CompileError,
            &["error: ", "Error: "],
            concat!(
                r"^(?:In file included from .*: )?(?P<file>(?:[A-Za-z]:)?[^\s:][^:]*):",
                r"(?P<line>[0-9]+):(?:(?P<column>[0-9]+):)? (?:fatal )?[eE]rror: ",
                r"(?P<message>.+?)(?: \[-W(?:error[=,])?(?:-W)?(?P<code>[a-zA-Z0-9+=#-]+)",
                r"(?:,-Werror)?\])?$",
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
            &[": error", ": fatal error", "all warnings being treated as errors"],
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
fn tidy(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let code = draft.failure.code.clone().unwrap_or_default();
    let mut names = code.split(',').filter(|name| !name.starts_with('-'));
    if code.contains("-warnings-as-errors") {
        draft.failure.severity = crate::domain::failure::Severity::Error;
    }
    draft.failure.code = names.next().map(str::to_owned);
    draft.failure.tool = Some("clang-tidy".to_owned());
    diagnostic(at, &mut draft);
    found.push(draft);
}

fn framed(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    diagnostic(at, &mut draft);
    found.push(draft);
}

/// Takes the code frame, its fix-its and the notes; and what stands above and leads to the place.
fn diagnostic(at: &At<'_>, draft: &mut Draft) {
    extent::code_frame(at, draft);
    extent::while_below(at, draft, |line| {
        let numbered = line.split_once(" | ").map(|(row, _)| row);
        extent::is_indented(line)
            || line.contains(": note: ")
            || extent::is_pointer(line)
            || numbered.is_some_and(|row| row.bytes().all(|b| b.is_ascii_digit()))
    });
    extent::while_above(at, draft, |line| {
        line.starts_with("In file included from ")
            || line.starts_with("                 from ")
            || line.ends_with(':') && (line.contains(": In ") || line.contains(": At "))
            || line.ends_with("required from here")
    });
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
    swift(&path, &mut draft);
    if draft.failure.message.contains("No such file or directory") && path.contains("CMake") {
        draft.failure.kind = K::Config;
    }
    diagnostic(at, &mut draft);
    if is_installed(&path)
        && let Some((path, line, column)) = user_of(at)
    {
        draft.place(path, line, column);
    }
    found.push(draft);
}

/// Who used the template that an installed header could not make: gcc says it above the error,
/// clang in the notes below it, where the last is outermost.
fn user_of<'a>(at: &At<'a>) -> Option<(&'a str, Option<u32>, Option<u32>)> {
    const NOTES_MAX: usize = 60;
    let place = |line: &'a str, said: &str| {
        place_in(line.split_once(said)?.0.trim_end()).filter(|(path, ..)| !is_installed(path))
    };
    let is_about_it = |line: &str| !line.trim().is_empty() && !line.contains(": error: ");
    let mut above =
        at.lines_above(NOTES_MAX).map(|(_, line)| line).take_while(|line| is_about_it(line));
    let below =
        at.lines_below(NOTES_MAX).map(|(_, line)| line).take_while(|line| is_about_it(line));
    above
        .find_map(|line| place(line, ": ").filter(|_| line.ends_with("required from here")))
        .or_else(|| {
            let is_use = |line: &&str| line.ends_with(" requested here");
            below.filter(is_use).filter_map(|line| place(line, ": note: ")).last()
        })
}

/// Swift's tools speak like its compiler: XCTest on Linux, SwiftLint, swift-format.
fn swift(path: &str, draft: &mut Draft) {
    if !has_extension(path, "swift") {
        return;
    }
    let message = draft.failure.message.clone();
    let as_test =
        message.split_once(" : ").filter(|(test, _)| !test.contains(' ') && test.contains(".test"));
    if let Some((test, said)) = as_test {
        draft.failure.kind = K::TestFailure;
        draft.failure.tool = Some("xctest".to_owned());
        draft.failure.test = Some(test.to_owned());
        said.trim().clone_into(&mut draft.failure.message);
    } else if let Some((said, rule)) = message.rsplit_once(" (")
        && said.contains(" Violation: ")
    {
        draft.failure.kind = K::Lint;
        draft.failure.tool = Some("swiftlint".to_owned());
        draft.failure.code = Some(rule.trim_end_matches(')').to_owned());
        said.clone_into(&mut draft.failure.message);
    } else if let Some((rule, said)) =
        message.strip_prefix('[').and_then(|rest| rest.split_once("] "))
        && !rule.contains(' ')
    {
        draft.failure.kind = K::Lint;
        draft.failure.tool = Some("swift-format".to_owned());
        draft.failure.code = Some(rule.to_owned());
        said.clone_into(&mut draft.failure.message);
    }
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
    extent::while_below(at, &mut draft, |line| {
        extent::is_indented(line)
            || line
                .split_once(" | ")
                .is_some_and(|(row, _)| row.bytes().all(|b| b.is_ascii_digit()))
    });
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
    // Memory or a disk that ran out is no fault of the code.
    let is_of_machine = ["Killed signal", "No space left on device"];
    if is_of_machine.iter().any(|words| draft.failure.message.contains(words)) {
        return;
    }
    let message = &draft.failure.message;
    if message.contains("warnings being treated") || message.starts_with("linker command failed") {
        draft.weight = Weight::Consequence;
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_failed, check_lines};

    #[test]
    fn gcc_is_read_with_its_frame_and_notes() {
        let log = "[ 12%] Building C object CMakeFiles/a.dir/src/a.c.o\n\
             In file included from src/b.h:3,\n                 from src/a.c:1:\n\
             src/a.c: In function 'main':\n\
             src/a.c:5:3: error: 'x' undeclared (first use in this function); did you mean 'y'?\n\
             \x20   5 |   x = 1;\n      |   ^\n      |   y\n\
             src/a.c:5:3: note: each undeclared identifier is reported only once for each function \
             it appears in\n\
             src/a.c:9:7: warning: unused variable 'z' [-Wunused-variable]\n\
             \x20   9 |   int z;\n      |       ^\n\
             make[2]: *** [CMakeFiles/a.dir/build.make:76: CMakeFiles/a.dir/src/a.c.o] Error 1\n\
             make[1]: *** [CMakeFiles/Makefile2:83: CMakeFiles/a.dir/all] Error 2\n\
             make: *** [Makefile:136: all] Error 2\n";
        check(
            log,
            "compile_error src/a.c:5:3 'x' undeclared (first use in this function); did you mean \
             'y'?",
        );
        check_lines(log, &[(2, 9)]);
        check(
            "src/a.cpp:1:2: error: no member named 'x' in 'Y'\nfoo.x();\n    ^\n\
             1 error generated.\nninja: build stopped: subcommand failed.\n",
            "compile_error src/a.cpp:1:2 no member named 'x' in 'Y'",
        );
        check("src/a.c:1:2: warning: unused [-Wunused]\n1 warning generated.\n", "");
        check(
            "src/a.c:1:10: fatal error: x.h: No such file or directory\n    1 | #include <x.h>\n\
             \x20     |          ^~~~~\ncompilation terminated.\n",
            "compile_error src/a.c:1:10 x.h: No such file or directory",
        );
    }

    #[test]
    fn a_template_of_the_library_fails_where_it_is_used() {
        let gcc = "/usr/include/c++/12/bits/stl_algo.h:4820:18:   required from 'void std::sort(_It)'\n\
             src/a.cpp:7:12:   required from here\n\
             /usr/include/c++/12/bits/predefined_ops.h:45:23: error: no match for 'operator<'\n";
        check(gcc, "compile_error src/a.cpp:7:12 no match for 'operator<'");
        check(
            "/usr/include/c++/v1/algorithm:12:3: error: invalid operands to binary expression\n\
             \x20  12 |   a < b;\n      |   ^\n\
             /usr/include/c++/v1/sort:9:1: note: in instantiation of function template \
             specialization 'f' requested here\n\
             src/b.cpp:3:9: note: in instantiation of function template specialization 'sort' \
             requested here\n",
            "compile_error src/b.cpp:3:9 invalid operands to binary expression",
        );
    }

    #[test]
    fn warnings_that_are_errors_carry_their_name() {
        check(
            "a.c:1:2: error: unused variable 'x' [-Werror=unused-variable]\n\
             cc1: all warnings being treated as errors\n",
            "compile_error a.c:1:2 [unused-variable] unused variable 'x'",
        );
        check(
            "a.cc:1:2: error: unused parameter 'x' [-Werror,-Wunused-parameter]\n",
            "compile_error a.cc:1:2 [unused-parameter] unused parameter 'x'",
        );
        check_failed(
            "cc1plus: all warnings being treated as errors\n",
            "compile_error cc1plus: all warnings being treated as errors",
        );
    }

    #[test]
    fn a_driver_s_own_errors_are_read() {
        check(
            "clang: error: unsupported option '-fopenmp'\n",
            "compile_error unsupported option '-fopenmp'",
        );
        check(
            "x86_64-linux-gnu-gcc-12: fatal error: no input files\ncompilation terminated.\n",
            "compile_error no input files",
        );
    }

    #[test]
    fn clang_s_checkers_are_read() {
        let log = "include/a.h:1:2: error: nested namespaces can be concatenated \
             [modernize-concat-nested-namespaces,-warnings-as-errors]\n\
             \x20  1 | namespace a {\n      | ^~~~~~~~~~~~~\n      | namespace a::b\n\
             a.h:2:2: warning: w [misc-x]\nSuppressed 2 warnings (2 in non-user code).\n\
             1 warning treated as error\n";
        check(
            log,
            "lint include/a.h:1:2 [modernize-concat-nested-namespaces] nested namespaces can \
             be concatenated",
        );
        check_lines(log, &[(1, 4)]);
        let format = "./src/a.h:40:80: error: code should be clang-formatted \
             [-Wclang-format-violations]\n  int  x;\n     ^\n\
             src/b.h:1:2: warning: code should be clang-formatted [-Wclang-format-violations]\n";
        check(
            format,
            "format src/a.h:40:80 [clang-format-violations] code should be clang-formatted\n\
             format src/b.h:1:2 [clang-format-violations] code should be clang-formatted",
        );
        check_lines(format, &[(1, 3), (4, 4)]);
    }

    #[test]
    fn what_speaks_like_gcc_is_read() {
        let ghc = "src/A.hs:12:5: error: [GHC-83865]\n    • Couldn't match expected type ‘Int’\n\
             \x20     with actual type ‘Bool’\n    • In the expression: x\n   |\n\
             12 | f = x\n   |     ^\n\nError: [Cabal-7125]\n\
             Failed to build shop-0.1.0.0.\n";
        check(ghc, "compile_error src/A.hs:12:5 [GHC-83865] Couldn't match expected type ‘Int’");
        check_lines(ghc, &[(1, 7)]);
        check(
            "src/A.hs:3:1: error: [GHC-40910] [-Wunused-top-binds, -Werror=unused-top-binds]\n\
             \x20   Defined but not used: ‘f’\n  |\n3 | f = 1\n  | ^\n\n",
            "compile_error src/A.hs:3:1 [GHC-40910] Defined but not used: ‘f’",
        );
        check(
            "T/S.swift:55: error: -[M.T testX] : XCTAssertTrue failed",
            "test_failure T/S.swift:55 {M.T testX} XCTAssertTrue failed",
        );
    }
}
