//! .NET and Visual C++: MSBuild's diagnostics, NuGet, the test runners, `dotnet format`.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, extent};

pub(super) static BUILD: Tool = Tool {
    name: "msbuild",
    about: "csc, fsc, Visual C++, MSBuild and NuGet.",
    example: "\
         /home/runner/work/shop/shop/src/Cart.cs(12,5): error CS0103: The name 'total' does \
         not exist in the current context [/home/runner/work/shop/shop/src/Shop.csproj]",
    rules: &[
        Rule::new(
            K::CompileError,
            &[": error ", ": fatal error "],
            concat!(
                r"^\s*(?:[0-9]+>)?(?P<file>(?:[A-Za-z]:)?[^\s:(][^:(]*?)\s?\(",
                r"(?P<line>[0-9]+)(?:,(?P<column>[0-9]+))?(?:,[0-9]+,[0-9]+)?\)\s?: ",
                r"(?:fatal )?error (?P<code>[A-Z]{1,8}[0-9]+)\s?: (?P<message>.+?)",
                r"(?: \[[^\]]+proj(?:::[^\]]*)?\])?$",
            ),
        )
        .reading(diagnostic),
        Rule::new(
            K::CompileError,
            &[": error ", ": fatal error "],
            concat!(
                r"^\s*(?:[0-9]+>)?(?P<file>(?:[A-Za-z]:)?[^\s:(][^:(]*?) ?: ",
                r"(?:fatal )?error (?P<code>[A-Z]{2,8}[0-9]{3,5})\s?: (?P<message>.+?)",
                r"(?: \[[^\]]+proj(?:::[^\]]*)?\])?$",
            ),
        )
        .reading(diagnostic),
        Rule::new(
            K::Config,
            &["error MSB", "error NETSDK", "error NU"],
            r"^\s*error (?P<code>(?:MSB|NETSDK|NU)[0-9]+): (?P<message>.+)$",
        )
        .reading(diagnostic),
        Rule::new(
            K::Config,
            &["A compatible .NET SDK was not found", "Could not execute because"],
            concat!(
                r"^\s*(?P<message>A compatible \.NET SDK was not found\.?",
                r"|Could not execute because .+)$",
            ),
        )
        .weighing(Weight::Sign)
        .reading(extent::with_paragraph),
        Rule::new(K::Unknown, &["Build FAILED"], r"^(?P<message>Build FAILED\.)$")
            .weighing(Weight::Consequence),
    ],
};

fn diagnostic(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let code = draft.failure.code.clone().unwrap_or_default();
    draft.failure.kind = kind_of(&code);
    if code.starts_with("MSB3") || code.starts_with("MSB6") {
        draft.weight = Weight::Sign;
    }
    if draft.path.as_deref().is_some_and(|path| !path.contains('.') || path.starts_with("LINK")) {
        draft.path = None;
    }
    // Visual C++ says below what it tried; MSBuild's summary indents every line.
    let depth = indent(at.text());
    extent::while_below(at, &mut draft, |line| {
        indent(line) > depth && !line.trim().is_empty() && !line.contains(": error ")
    });
    found.push(draft);
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// What sort of fault a code names: the tools of .NET number theirs by their own letters.
fn kind_of(code: &str) -> K {
    let letters = code.trim_end_matches(|c: char| c.is_ascii_digit());
    match letters {
        "NU" => K::Dependency,
        "IDE" | "CA" | "SA" | "S" | "RCS" | "SYSLIB" | "VSTHRD" | "MA" | "RS" | "SX" => K::Lint,
        "MSB" if code.starts_with("MSB3") || code.starts_with("MSB6") => K::CompileError,
        "MSB" | "NETSDK" => K::Config,
        "TESTERROR" => K::TestFailure,
        _ => K::CompileError,
    }
}

pub(super) static TESTS: Tool = Tool {
    name: "dotnet test",
    about: "xUnit, NUnit, MSTest and TUnit under `dotnet test` and VSTest; `dotnet format`.",
    example: "\
         \x20 Failed Shop.CartTests.Adds [12 ms]\n  Error Message:\n\
         \x20  Assert.Equal() Failure: Values differ\n  Stack Trace:\n\
         \x20    at Shop.CartTests.Adds() in /home/runner/work/shop/shop/test/CartTests.cs:line 12",
    rules: &[
        Rule::new(
            K::TestFailure,
            &["Failed ", "[FAIL]", "failed "],
            concat!(
                r"^\s*(?:\[xUnit\.net [0-9:.]+\]\s+)?(?:(?:X",
                r"|x)?\s*[Ff]ailed (?P<test>[A-Za-z_][^\s(]*(?:\(.*\))?)",
                r" (?:\[[<0-9][^\]]*\]|\([0-9][^)]*\))",
                r"|(?P<message>[A-Za-z_][^\s(]*(?:\(.*\))? \[FAIL\]))$",
            ),
        )
        .reading(test),
        Rule::new(
            K::TestFailure,
            &["error TESTERROR"],
            concat!(
                r"^(?P<file>\S.*?)\((?P<line>[0-9]+)\): error (?P<code>TESTERROR):\s*",
                r"(?P<test>[A-Za-z_]\S*(?:\(.*\))?) \([^)]*\): Error Message: (?P<message>.+)$",
            ),
        ),
        Rule::new(
            K::TestFailure,
            &["The active test run was aborted", "Test host process crashed"],
            r"^(?P<message>(?:The active test run was aborted|Test host process crashed).*)$",
        )
        .weighing(Weight::Sign)
        .reading(extent::with_paragraph),
        Rule::new(
            K::Format,
            &[
                "error WHITESPACE",
                "error IMPORTS",
                "error FINALNEWLINE",
                "error CHARSET",
                "error ENDOFLINE",
            ],
            concat!(
                r"^(?P<file>\S.*?)\((?P<line>[0-9]+),(?P<column>[0-9]+)\): error ",
                r"(?P<code>WHITESPACE|IMPORTS|FINALNEWLINE|CHARSET",
                r"|ENDOFLINE): (?P<message>.+?)(?: \[.*\])?$",
            ),
        ),
        Rule::new(
            K::Format,
            &["Was not formatted", "was not formatted"],
            r"^(?:Error|Warn) (?P<file>\S+\.\w+) - (?P<message>[Ww]as not formatted\.?)$",
        )
        .reading(extent::with_indented),
    ],
};

/// How many lines of its message a failed test keeps.
const MESSAGE_LINES_MAX: usize = 6;

fn test(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if draft.failure.test.is_none() {
        let name = draft.failure.message.trim_end_matches(" [FAIL]").to_owned();
        draft.failure.test = Some(name);
    }
    let mut in_message = true;
    let mut message = String::new();
    for (distance, line) in at.lines_below(extent::BLOCK_LINES_MAX) {
        let told = after_clock(line.trim());
        let next = told.ends_with("[FAIL]")
            || is_result(told)
            || told.starts_with("Test Run Failed")
            || told.starts_with("Total tests:");
        if next {
            break;
        }
        if told == "Error Message:" {
            message.clear();
            in_message = true;
        } else if told == "Stack Trace:" {
            in_message = false;
        } else if let Some((path, row)) =
            told.rsplit_once(" in ").and_then(|(_, place)| place.rsplit_once(":line "))
        {
            draft.place(path, row.trim().parse().ok(), None);
            draft.last = draft.first + distance;
            break;
        } else if told.starts_with("at ") {
            in_message = false;
        } else if in_message && !told.is_empty() && message.lines().count() < MESSAGE_LINES_MAX {
            message.push_str(told);
            message.push('\n');
            draft.last = draft.first + distance;
        }
    }
    if !message.trim().is_empty() {
        message.trim().clone_into(&mut draft.failure.message);
    }
    found.push(draft);
}

/// A line without the clock that xUnit puts before its own.
fn after_clock(line: &str) -> &str {
    match line.strip_prefix("[xUnit.net ").and_then(|rest| rest.split_once(']')) {
        Some((_, rest)) => rest.trim(),
        None => line,
    }
}

/// Whether a line is another test's result.
fn is_result(told: &str) -> bool {
    ["Failed ", "Passed ", "Skipped ", "failed ", "passed ", "skipped "]
        .iter()
        .any(|word| told.starts_with(word))
        && (told.ends_with(']') || told.ends_with(')'))
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_failed, check_lines};

    #[test]
    fn diagnostics_of_msbuild_are_read() {
        check(
            "  Determining projects to restore...\n\
             /home/runner/work/a/a/src/E.cs(42,9): error CS0023: Operator '.' cannot be applied \
             [/home/runner/work/a/a/src/Api.csproj]\n\
             /home/runner/work/a/a/src/E.cs(50,1): warning CS0168: unused \
             [/home/runner/work/a/a/src/Api.csproj]\n\nBuild FAILED.\n\n\
             /home/runner/work/a/a/src/E.cs(42,9): error CS0023: Operator '.' cannot be applied \
             [/home/runner/work/a/a/src/Api.csproj]\n    1 Warning(s)\n    1 Error(s)\n\n\
             Time Elapsed 00:00:05.12\n",
            "compile_error src/E.cs:42:9 [CS0023] Operator '.' cannot be applied",
        );
        check(
            "#19 11.02 /src/Api/E.cs(42,9): error CS0023: no [/src/Api/Api.csproj]\n\
             42.1 /src/Api/E.cs(42,9): error CS0023: no [/src/Api/Api.csproj]",
            "compile_error Api/E.cs:42:9 [CS0023] no",
        );
        check(
            "/w/a.csproj : error NU1101: Unable to find package X.",
            "dependency [NU1101] Unable to find package X. (in /w/a.csproj)",
        );
        check(
            "MSBUILD : error MSB1009: Project file does not exist.\nSwitch: x.sln\n",
            "config [MSB1009] Project file does not exist.",
        );
        check(
            "/home/runner/work/a/a/A.cs(1,2): error IDE0005: Using directive is unnecessary. \
             [/home/runner/work/a/a/a.csproj]\n\
             /home/runner/work/a/a/A.fs(3,4): error FS0039: The value 'x' is not defined. \
             [/home/runner/work/a/a/a.fsproj]\n",
            "lint A.cs:1:2 [IDE0005] Using directive is unnecessary.\n\
             compile_error A.fs:3:4 [FS0039] The value 'x' is not defined.",
        );
        check("a.cs(1,2): warning CS0168: unused\nBuild succeeded.\n    0 Error(s)\n", "");
        check_failed("Build FAILED.\n", "unknown Build FAILED.");
    }

    #[test]
    fn visual_c_says_more_below() {
        let log = "D:\\a\\p\\p\\x\\A.cpp(4,1): error C2280: 'P': attempting to reference a deleted \
             function [D:\\a\\p\\p\\x\\A.vcxproj]\n  (compiling source file '/A.cpp')\n\
             \x20     D:\\a\\p\\p\\x\\a.h(27,3):\n      compiler has generated 'P' here\n  \n";
        check(
            log,
            "compile_error x/A.cpp:4:1 [C2280] 'P': attempting to reference a deleted function",
        );
        check_lines(log, &[(1, 4)]);
        check(
            "main.obj : error LNK2019: unresolved external symbol f referenced in function main\n\
             a.exe : fatal error LNK1120: 1 unresolved externals\n",
            "compile_error main.obj [LNK2019] unresolved external symbol f referenced in function \
             main\ncompile_error a.exe [LNK1120] 1 unresolved externals",
        );
        check(
            "LINK : fatal error LNK1104: cannot open file 'x.lib'",
            "compile_error [LNK1104] cannot open file 'x.lib'",
        );
    }

    #[test]
    fn tests_of_dotnet_are_read_once() {
        let log = "[xUnit.net 00:00:01.23]     A.B.C(x: 1) [FAIL]\n\
             [xUnit.net 00:00:01.23]       Assert.Equal() Failure: Values differ\n\
             [xUnit.net 00:00:01.23]       Expected: 5\n\
             [xUnit.net 00:00:01.23]       Actual:   4\n\
             [xUnit.net 00:00:01.23]       Stack Trace:\n\
             [xUnit.net 00:00:01.24]         /home/runner/work/a/a/B.cs(12,0): at A.B.C()\n\
             \x20 Failed A.B.C(x: 1) [3 ms]\n  Error Message:\n\
             \x20  Assert.Equal() Failure: Values differ\nExpected: 5\nActual:   4\n\
             \x20 Stack Trace:\n     at A.B.C(Int32 x) in /home/runner/work/a/a/B.cs:line 12\n\
             \n  Passed A.B.D [1 ms]\n\nTest Run Failed.\nTotal tests: 2\n";
        check(log, "test_failure B.cs:12 {A.B.C(x: 1)} Assert.Equal() Failure: Values differ");
        check(
            "failed Shop.CartTests.Adds (12ms)\n  Assert.AreEqual failed. Expected:<5>. \
             Actual:<4>.\n    at Shop.CartTests.Adds() in /home/runner/work/a/a/C.cs:line 9\n\n\
             Test run summary: Failed!\n",
            "test_failure C.cs:9 {Shop.CartTests.Adds} Assert.AreEqual failed. Expected:<5>. \
             Actual:<4>.",
        );
        check("  Passed A.B.C [3 ms]\nPassed!  - Failed:     0, Passed:     9, Skipped: 0\n", "");
    }

    #[test]
    fn unformatted_code_is_named() {
        check(
            "/home/runner/work/a/a/A.cs(3,1): error WHITESPACE: Fix whitespace formatting. \
             Delete 1 characters. [/home/runner/work/a/a/a.csproj]",
            "format A.cs:3:1 [WHITESPACE] Fix whitespace formatting. Delete 1 characters.",
        );
        check(
            "Error ./src/A.cs - Was not formatted.\n  ----- Expected: Around Line 3 -----\n",
            "format src/A.cs Was not formatted.",
        );
    }
}
