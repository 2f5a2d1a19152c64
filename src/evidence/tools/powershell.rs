//! PowerShell: Pester's tests, PSScriptAnalyzer, errors that ended a script.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, extent, place_in};

pub(super) static TOOL: Tool = Tool {
    name: "pester",
    about: "PowerShell: Pester's tests, PSScriptAnalyzer, errors that ended a script.",
    example: "\
         [-] adds 12ms (10ms|2ms)\n Expected 5, but got 4.\n\
         \x20at $total | Should -Be 5, /home/runner/work/shop/shop/Cart.Tests.ps1:12",
    rules: &[
        Rule::new(
            K::TestFailure,
            &["[-] "],
            r"^\s*\[-\] (?P<test>.+?)(?: [0-9.,]+ ?m?s(?: \([^)]*\))?|(?: failed)?)$",
        )
        .reading(pester),
        Rule::new(
            K::Lint,
            &[".ps1", ".psm1", ".psd1"],
            concat!(
                r"^(?P<code>PS[A-Z]\w+)\s+(?P<severity>Error|Warning|Information|ParseError)\s+",
                r"(?P<file>\S+\.ps[md]?1)\s+(?P<line>[0-9]+)\s+(?P<message>\S.*)$",
            ),
        )
        .beside(&["Error", "Warning", "Information"])
        .reading(extent::with_indented),
        Rule::new(K::Unknown, &["Line |"], r"^(?P<message>Line \|)\s*$")
            .weighing(Weight::Sign)
            .reading(concise),
        Rule::new(
            K::Unknown,
            &["char:"],
            r"^At (?P<file>\S.*?\.ps[md]?1):(?P<line>[0-9]+) char:(?P<column>[0-9]+)$",
        )
        .weighing(Weight::Sign)
        .reading(classic),
    ],
};

/// The message below the test's name, and the first frame that is not Pester's own.
fn pester(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let title = draft.failure.test.clone().unwrap_or_default();
    draft.failure.message.clear();
    // A name may hold its own message: `adds -> Expected 5`.
    if let Some((name, message)) = title.split_once(" -> ") {
        draft.failure.test = Some(name.trim_start_matches("- ").to_owned());
        message.clone_into(&mut draft.failure.message);
    }
    for (distance, line) in at.lines_below(extent::BLOCK_LINES_MAX) {
        let told = line.trim();
        if ["[-]", "[+]", "[!]", "[?]", "Describing ", "Context ", "Tests completed"]
            .iter()
            .any(|word| told.starts_with(word))
        {
            break;
        }
        let place = told.rsplit_once(", ").and_then(|(_, place)| place_in(place));
        if let Some((path, row, _)) = place.filter(|(path, ..)| path.contains(".ps")) {
            draft.place(path, row, None);
            draft.last = at.index + distance;
            // The frame of the assertion's own function comes before the test's.
            if path.to_ascii_lowercase().contains(".ts.") || path.contains(".Tests.") {
                break;
            }
        } else if told.is_empty() {
            break;
        } else if draft.path.is_none() && draft.failure.message.lines().count() < 6 {
            draft.say(told);
            draft.last = at.index + distance;
        }
    }
    if draft.failure.message.is_empty() {
        draft.failure.message = title;
    }
    found.push(draft);
}

/// PowerShell 7: `Name: PATH:12`, `Line |`, `  12 |  code`, `     | ~~~`, `     | message`.
fn concise(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let Some(head) = at.above(1) else { return };
    let Some((name, place)) = head.split_once(": ") else { return };
    if let Some((path, row, _)) = place_in(place) {
        draft.place(path, row, None);
    }
    draft.failure.code = Some(name.trim()).filter(|n| !n.contains(' ')).map(str::to_owned);
    draft.failure.message.clear();
    draft.first = at.index - 1;
    for (distance, line) in at.lines_below(extent::BLOCK_LINES_MAX) {
        let Some((row, rest)) = line.split_once('|') else { break };
        if !row.trim().bytes().all(|b| b.is_ascii_digit()) {
            break;
        }
        draft.last = at.index + distance;
        let is_code = !row.trim().is_empty();
        if !is_code && !extent::is_pointer(rest) {
            draft.say(rest.trim());
        }
    }
    if !draft.failure.message.is_empty() {
        found.push(draft);
    }
}

/// Windows PowerShell: the message, `At PATH:12 char:5`, `+ code`, `+ ~~~`, the category.
fn classic(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let is_said = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('+');
    let message = at.above(1).filter(|line| is_said(line));
    let Some(message) = message else { return };
    draft.failure.message = message.trim().to_owned();
    draft.first = at.index - 1;
    extent::while_below(at, &mut draft, |line| line.trim_start().starts_with('+'));
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_lines};

    #[test]
    fn pester_s_tests_are_read() {
        let five = "Describing Cart\n  [+] starts 3ms (2ms|1ms)\n  [-] adds 12ms (10ms|2ms)\n\
             \x20  Expected 5, but got 4.\n\
             \x20  at $total | Should -Be 5, D:\\a\\shop\\shop\\Cart.Tests.ps1:12\n\
             \x20  at <ScriptBlock>, D:\\a\\shop\\shop\\Cart.Tests.ps1:12\n\
             Tests completed in 181ms\nTests Passed: 1, Failed: 1, Skipped: 0\n";
        check(five, "test_failure Cart.Tests.ps1:12 {adds} Expected 5, but got 4.");
        check_lines(five, &[(3, 5)]);
        check(
            "[-] - adds -> Expected and actual values differ!\nExpected: '5'\nActual  : '4'\n\
             at Verify-Equal, /Users/travis/build/a/b/Verify.ps1:16\n\
             at <ScriptBlock>, /Users/travis/build/a/b/Cart.ts.ps1:184\n\n",
            "test_failure Cart.ts.ps1:184 {adds} Expected and actual values differ!",
        );
        check("  [+] adds 12ms (10ms|2ms)\nTests Passed: 4, Failed: 0, Skipped: 0\n", "");
    }

    #[test]
    fn powershell_s_own_errors_are_read() {
        let log = "ParentContainsErrorRecordException: /home/runner/work/_temp/x.ps1:2\nLine |\n\
             \x20  2 |  Get-Nothing\n     |  ~~~~~~~~~~~\n\
             \x20    | The term 'Get-Nothing' is not recognized as a name of a cmdlet.\n";
        check(
            log,
            "unknown [ParentContainsErrorRecordException] The term 'Get-Nothing' is not \
             recognized as a name of a cmdlet. (in /home/runner/work/_temp/x.ps1:2)",
        );
        check_lines(log, &[(1, 5)]);
        check(
            "Get-Nothing : The term 'Get-Nothing' is not recognized.\n\
             At C:\\projects\\shop\\build.ps1:3 char:1\n+ Get-Nothing\n+ ~~~~~~~~~~~\n\
             \x20   + CategoryInfo          : ObjectNotFound: (Get-Nothing:String) []\n",
            "unknown build.ps1:3:1 Get-Nothing : The term 'Get-Nothing' is not recognized.",
        );
        check(
            "PSAvoidUsingCmdletAliases          Warning      a.ps1      3     'ls' is an alias\n\
             PSUseBOMForUnicodeEncodedFile      Error        b.ps1      4     no BOM\n",
            "lint b.ps1:4 [PSUseBOMForUnicodeEncodedFile] no BOM",
        );
    }
}
