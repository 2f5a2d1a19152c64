//! .NET and Visual C++: MSBuild's diagnostics, NuGet, the test runners.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, place_in};

pub(super) static BUILD: Tool = Tool {
    name: "msbuild",
    about: "csc, Visual C++, MSBuild and NuGet.",
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
        Rule::new(K::Unknown, &["Build FAILED"], r"^(?P<message>Build FAILED\.)$")
            .weighing(Weight::Consequence),
    ],
};

fn diagnostic(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let code = draft.failure.code.clone().unwrap_or_default();
    draft.failure.kind = if code.starts_with("NU") {
        K::Dependency
    } else if code.starts_with("IDE")
        || code.starts_with("CA")
        || code.starts_with("SA")
        || code.starts_with("S1")
    {
        K::Lint
    } else if code == "WHITESPACE" || code == "IMPORTS" || code == "FINALNEWLINE" {
        K::Format
    } else if code.starts_with("MSB3") || code.starts_with("MSB6") {
        draft.weight = Weight::Sign;
        K::CompileError
    } else if code.starts_with("MSB") || code.starts_with("NETSDK") {
        K::Config
    } else {
        K::CompileError
    };
    if draft.path.as_deref().is_some_and(|path| !path.contains('.') || path.starts_with("LINK")) {
        draft.path = None;
    }
    found.push(draft);
}

pub(super) static TESTS: Tool = Tool {
    name: "dotnet test",
    about: "xUnit, NUnit and MSTest under `dotnet test`; `dotnet format`.",
    example: "\
         \x20 Failed Shop.CartTests.Adds [12 ms]\n  Error Message:\n\
         \x20  Assert.Equal() Failure: Values differ\n  Stack Trace:\n\
         \x20    at Shop.CartTests.Adds() in /home/runner/work/shop/shop/test/CartTests.cs:line 12",
    rules: &[
        Rule::new(
            K::TestFailure,
            &["Failed ", "[FAIL]"],
            concat!(
                r"^\s*(?:\[xUnit\.net [0-9:.]+\]\s+)?(?:(?:X",
                r"|x)?\s*Failed (?P<test>[A-Za-z_]\S*(?:\(.*\))?) \[[<0-9][^\]]*\]",
                r"|(?P<message>[A-Za-z_]\S*(?:\(.*\))? \[FAIL\]))$",
            ),
        )
        .reading(test),
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
    ],
};

fn test(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if draft.failure.test.is_none() {
        let name = draft.failure.message.trim_end_matches(" [FAIL]").to_owned();
        draft.failure.test = Some(name);
    }
    let mut in_message = false;
    let mut message = String::new();
    for (distance, line) in at.lines_below(40) {
        let told = line.trim();
        if told.starts_with("Failed ") && told.ends_with(']') || told.ends_with("[FAIL]") {
            break;
        }
        if told == "Error Message:" {
            in_message = true;
        } else if told == "Stack Trace:" {
            in_message = false;
        } else if in_message && message.lines().count() < 6 {
            message.push_str(told);
            message.push('\n');
            draft.last = draft.first + distance;
        }
        if let Some((path, row)) =
            told.rsplit_once(" in ").and_then(|(_, place)| place.rsplit_once(":line "))
        {
            draft.place(path, row.trim().parse().ok(), None);
            draft.last = draft.first + distance;
            break;
        }
        if message.is_empty() && distance == 1 && told.starts_with("Assert") {
            message.push_str(told);
        }
    }
    if !message.trim().is_empty() {
        message.trim().clone_into(&mut draft.failure.message);
    }
    found.push(draft);
}

pub(super) static PESTER: Tool = Tool {
    name: "pester",
    about: "PowerShell: Pester's tests and PSScriptAnalyzer.",
    example: "\
         [-] adds 12ms (10ms|2ms)\n Expected 5, but got 4.\n\
         \x20at $total | Should -Be 5, /home/runner/work/shop/shop/Cart.Tests.ps1:12",
    rules: &[Rule::new(
        K::TestFailure,
        &["[-] "],
        r"^\s*\[-\] (?P<test>.+?) [0-9.]+m?s(?: \([^)]*\))?$",
    )
    .reading(pester)],
};

fn pester(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    for (distance, line) in at.lines_below(12) {
        let told = line.trim();
        if told.starts_with("[-]") || told.starts_with("[+]") || told.is_empty() {
            break;
        }
        if distance == 1 {
            told.clone_into(&mut draft.failure.message);
            draft.last += 1;
        }
        if let Some((path, row, _)) = told.rsplit_once(", ").and_then(|(_, place)| place_in(place))
        {
            draft.place(path, row, None);
            draft.last = draft.first + distance;
            break;
        }
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn diagnostics_of_msbuild_are_read() {
        check(
            "D:\\a\\p\\p\\x\\A.cpp(4): error C2065: 'P': undeclared identifier \
             [D:\\a\\p\\p\\x\\A.vcxproj]",
            "compile_error x/A.cpp:4 [C2065] 'P': undeclared identifier",
        );
        check(
            "#19 11.02 /src/Api/E.cs(42,9): error CS0023: no [/src/Api/Api.csproj]\n\
             42.1 /src/Api/E.cs(42,9): error CS0023: no [/src/Api/Api.csproj]",
            "compile_error Api/E.cs:42:9 [CS0023] no",
        );
        check(
            "LINK : fatal error LNK1104: cannot open file 'x.lib'",
            "compile_error [LNK1104] cannot open file 'x.lib'",
        );
        check(
            "/w/a.csproj : error NU1101: Unable to find package X.",
            "dependency [NU1101] Unable to find package X. (in /w/a.csproj)",
        );
        check("a.cs(1,2): warning CS0168: unused", "");
    }

    #[test]
    fn tests_of_dotnet_are_read() {
        check(
            "[xUnit.net 00:00:01.23]     A.B.C [FAIL]\n  Failed A.B.C [3 ms]\n\
             \x20 Error Message:\n   no\n  Stack Trace:\n\
             \x20    at A.B.C() in /home/runner/work/a/a/B.cs:line 12",
            "test_failure B.cs:12 {A.B.C} no",
        );
        check(
            "  [-] adds 12ms\n    Expected 5\n    at x, C:\\projects\\a\\t.ps1:3",
            "test_failure t.ps1:3 {adds} Expected 5",
        );
    }
}
