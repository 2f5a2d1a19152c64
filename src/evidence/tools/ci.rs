//! What is written for CI systems in their own forms: `TeamCity`'s service messages, Azure's logging
//! commands, and faults of the systems themselves.
//!
//! Where steps begin and end is the frame's business, not this file's.

use super::checks::kind_of;
use super::{At, Draft, FailureKind as K, Rule, Severity, Tool, Weight};
use crate::evidence::reports::frames;
use crate::evidence::text::floor;

pub(super) static TEAMCITY: Tool = Tool {
    name: "teamcity",
    about: "TeamCity's service messages: failed tests, build problems, errors, inspections.",
    example: "\
         ##teamcity[testFailed name='shop.CartTest.adds' message='expected:<5> but was:<4>' \
         details='java.lang.AssertionError|n\tat shop.CartTest.adds(CartTest.java:12)|n']",
    rules: &[
        Rule::new(
            K::TestFailure,
            &["##teamcity[testFailed "],
            r"^\s*##teamcity\[testFailed (?P<task>.+)\]\s*$",
        )
        .reading(test),
        Rule::new(
            K::Unknown,
            &["##teamcity[buildProblem "],
            r"^\s*##teamcity\[buildProblem (?P<task>.+)\]\s*$",
        )
        .reading(problem),
        Rule::new(
            K::Unknown,
            &["##teamcity[message "],
            r"^\s*##teamcity\[message (?P<task>.+)\]\s*$",
        )
        .weighing(Weight::Sign)
        .reading(problem),
        Rule::new(
            K::Lint,
            &["##teamcity[inspection "],
            r"^\s*##teamcity\[inspection (?P<task>.+)\]\s*$",
        )
        .reading(inspection),
    ],
};

/// The most attributes of one message that are read; the documented ones are at most seven.
const ATTRIBUTES_MAX: usize = 32;

/// How much of an error's details its message takes.
const DETAILS_BYTES_MAX: usize = 2 * 1024;

/// The attributes of a service message, `name='value'` each, with their values as they are meant.
fn attributes(message: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut rest = message;
    while let Some((name, after)) = rest.split_once('=').filter(|_| found.len() < ATTRIBUTES_MAX) {
        let Some(quoted) = after.trim_start().strip_prefix('\'') else { break };
        let (value, length) = unescaped(quoted);
        found.push((name.trim(), value));
        rest = quoted.get(length..).unwrap_or("");
    }
    found
}

/// A value to its closing quote, and how many bytes it takes with it.
fn unescaped(quoted: &str) -> (String, usize) {
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\'' => return (value, at + 1),
            '|' => match letters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 'r')) => {}
                Some((at, '0')) if quoted[at..].starts_with("0x") => {
                    let code = quoted.get(at + 2..at + 6);
                    let code = code.and_then(|code| u32::from_str_radix(code, 16).ok());
                    if let Some(letter) = code.and_then(char::from_u32) {
                        value.push(letter);
                        letters.nth(4);
                    } else {
                        value.push('0');
                    }
                }
                Some((_, other)) => value.push(other),
                None => break,
            },
            other => value.push(other),
        }
    }
    (value, quoted.len())
}

/// An attribute's value.
fn value<'a>(attributes: &'a [(&str, String)], name: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|(found, _)| *found == name);
    found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
}

fn test(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let message = draft.failure.task.take().unwrap_or_default();
    let fields = attributes(&message);
    let Some(name) = value(&fields, "name") else { return };
    let details = value(&fields, "details").unwrap_or("");
    let said = value(&fields, "message").or_else(|| details.lines().next());
    draft.failure.message.clear();
    draft.say(said.unwrap_or("the test failed"));
    let values = value(&fields, "expected").zip(value(&fields, "actual"));
    if let Some((expected, actual)) = values {
        draft.say(&format!("expected: {expected}\nactual: {actual}"));
    }
    let class = name.rsplit_once('.').map(|(class, _)| class.rsplit(' ').next().unwrap_or(class));
    if let Some(place) = frames::place_in(details, class, &[]) {
        place.put(&mut draft);
    }
    draft.failure.test = Some(name.to_owned());
    found.push(draft);
}

/// A build problem, or a message that says that it is an error.
fn problem(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let message = draft.failure.task.take().unwrap_or_default();
    let fields = attributes(&message);
    if value(&fields, "status").is_some_and(|status| !matches!(status, "ERROR" | "FAILURE")) {
        draft.failure.severity = Severity::Note;
    }
    let is_problem = value(&fields, "description").is_some();
    if !is_problem && value(&fields, "status").is_none() {
        draft.failure.severity = Severity::Note;
    }
    let said = value(&fields, "description").or_else(|| value(&fields, "text"));
    let Some(said) = said else { return };
    draft.failure.message.clear();
    draft.say(said);
    draft.failure.code = value(&fields, "identity").map(str::to_owned);
    if let Some(details) = value(&fields, "errorDetails") {
        draft.say(floor(details, DETAILS_BYTES_MAX));
    }
    if let Some(place) = frames::place_in(&draft.failure.message, None, &[]) {
        place.put(&mut draft);
    }
    if is_verdict(said) {
        draft.weight = Weight::Consequence;
    }
    found.push(draft);
}

fn inspection(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let message = draft.failure.task.take().unwrap_or_default();
    let fields = attributes(&message);
    if value(&fields, "SEVERITY") != Some("ERROR") {
        draft.failure.severity = Severity::Warning;
    }
    let line = value(&fields, "line").and_then(|line| line.parse().ok()).filter(|line| *line > 0);
    if let Some(file) = value(&fields, "file") {
        draft.place(file, line, None);
    }
    draft.failure.code = value(&fields, "typeId").map(str::to_owned);
    draft.failure.message.clear();
    draft.say(value(&fields, "message").unwrap_or("an inspection found a fault"));
    found.push(draft);
}

/// Whether words only say that a command failed.
fn is_verdict(said: &str) -> bool {
    ["exit code", "exited with", "exit status"].iter().any(|verdict| said.contains(verdict))
}

pub(super) static AZURE: Tool = Tool {
    name: "azure",
    about: "Azure Pipelines' logging commands, in the form that programs print.",
    example: "\
         ##vso[task.logissue type=error;sourcepath=src/Cart.cs;linenumber=12;columnnumber=5;\
         code=SHOP7]The total has no currency",
    rules: &[
        Rule::new(
            K::Unknown,
            &["##vso[task.logissue ", "##vso[task.LogIssue "],
            r"^\s*##vso\[task\.(?:logissue|LogIssue) (?P<task>[^\]]+)\]\s*(?P<message>\S.*)$",
        )
        .reading(issue),
        Rule::new(
            K::Unknown,
            &["##vso[task.complete result=Failed;"],
            r"^\s*##vso\[task\.complete result=Failed;[^\]]*\]\s*(?P<message>\S.*)$",
        )
        .weighing(Weight::Sign),
    ],
};

fn issue(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let fields = draft.failure.task.take().unwrap_or_default();
    draft.failure.severity = Severity::Warning;
    for (name, value) in fields.split(';').filter_map(|field| field.split_once('=')) {
        let value = plain(value.trim());
        match name.trim() {
            "type" if value == "error" => draft.failure.severity = Severity::Error,
            "sourcepath" => draft.path = Some(value).filter(|path| !path.is_empty()),
            "linenumber" => draft.failure.line = value.parse().ok().filter(|line| *line > 0),
            "columnnumber" => draft.failure.column = value.parse().ok().filter(|at| *at > 0),
            "code" => draft.failure.code = Some(value).filter(|code| !code.is_empty()),
            _ => {}
        }
    }
    draft.failure.message = plain(&draft.failure.message);
    draft.failure.kind = kind_of(draft.path.as_deref(), &draft.failure.message);
    if is_verdict(&draft.failure.message) {
        draft.weight = Weight::Consequence;
    } else if draft.path.is_none() {
        draft.weight = Weight::Sign;
    }
    found.push(draft);
}

/// A value without Azure's escapes.
fn plain(text: &str) -> String {
    let pairs =
        [("%3B", ";"), ("%5D", "]"), ("%0D", ""), ("%0A", "\n"), ("%AZP25", "%"), ("%25", "%")];
    pairs.iter().fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

/// Faults of the systems themselves, and of what they were told to do.
pub(super) static SYSTEMS: Tool = Tool {
    name: "ci",
    about: "Time limits, lost agents and unusable pipelines of Azure, CircleCI, GitLab, Jenkins.",
    example: "Too long with no output (exceeded 10m0s): context deadline exceeded",
    rules: &[
        Rule::new(
            K::Timeout,
            &[
                "Too long with no output",
                "Cancelling nested steps due to timeout",
                "Build timed out (after ",
                "ran longer than the maximum time of",
            ],
            concat!(
                r"^\s*(?P<message>Too long with no output \(.*|Cancelling nested steps due to",
                r" timeout.*|Build timed out \(after .*|The job running on .* ran longer than the",
                r" maximum time of .*)$",
            ),
        ),
        Rule::new(
            K::Infrastructure,
            &["Job failed (system failure): ", "We stopped hearing from agent"],
            concat!(
                r"^\s*(?:ERROR: )?(?P<message>Job failed \(system failure\): .*",
                r"|We stopped hearing from agent .*)$",
            ),
        ),
        Rule::new(
            K::Config,
            &["WorkflowScript: "],
            concat!(
                r"^(?P<file>WorkflowScript): (?P<line>[0-9]+): (?P<message>.*\S) @ line [0-9]+, ",
                r"column (?P<column>[0-9]+)\.\s*$",
            ),
        )
        .reading(jenkinsfile),
    ],
};

/// Jenkins compiles the pipeline under a name of its own.
fn jenkinsfile(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.path = Some("Jenkinsfile".to_owned());
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::tests::{check, check_failed};

    #[test]
    fn service_messages_are_unescaped() {
        let got = attributes("name='a|'b' details='x|ny||z |[1|] |0x00e9|0xZ' empty='' text = 'c'");
        let expected =
            [("name", "a'b"), ("details", "x\ny|z [1] é0xZ"), ("empty", ""), ("text", "c")];
        assert_eq!(got, expected.map(|(name, value)| (name, value.to_owned())));
        assert!(attributes("no attributes, only 'text'").is_empty());
        assert_eq!(attributes("name='never ended|"), [("name", "never ended".to_owned())]);
    }

    #[test]
    fn teamcity_s_tests_problems_and_inspections_are_read() {
        check(
            "##teamcity[testFailed type='comparisonFailure' name='shop.CartTest.adds' message='no' \
             details='at java.util.List.get(List.java:9)|nat shop.CartTest.adds(CartTest.java:12)' \
             expected='5' actual='4']",
            "test_failure CartTest.java:12 {shop.CartTest.adds} no",
        );
        check(
            "##teamcity[testFailed name='cart adds' message='' details='Error: 4|n    at t \
             (/home/runner/work/a/a/test/cart.test.js:7:3)']",
            "test_failure test/cart.test.js:7:3 {cart adds} Error: 4",
        );
        check(
            "##teamcity[buildProblem description='src/a.c:3:4: no total' identity='shop']",
            "unknown src/a.c:3:4 [shop] src/a.c:3:4: no total",
        );
        check("##teamcity[message text='it is late' status='WARNING']", "");
        check("##teamcity[message text='it is late']", "");
        check("##teamcity[message text='no total' status='ERROR']", "unknown no total");
        let inspection = "##teamcity[inspection typeId='Total' message='no' file='src/a.kt' \
                          line='3' additional attribute='x' SEVERITY='ERROR']";
        check(inspection, "lint src/a.kt:3 [Total] no");
        check(&inspection.replace("'ERROR'", "'WARNING'"), "");
    }

    #[test]
    fn azure_s_issues_are_read() {
        check(
            "##vso[task.logissue type=error;sourcepath=D:\\a\\1\\s\\src\\A.cs;linenumber=3;\
             columnnumber=4;code=7;]no %0Atotal",
            "compile_error src/A.cs:3:4 [7] no",
        );
        check("##vso[task.logissue type=warning;sourcepath=a.cs;linenumber=3]no total", "");
        check("##vso[task.logissue type=error]no total", "unknown no total");
        check_failed(
            "##vso[task.logissue type=error]no total\n##vso[task.complete result=Failed;]done",
            "unknown no total\nunknown done",
        );
    }

    #[test]
    fn faults_of_the_systems_are_told() {
        check(
            "Cancelling nested steps due to timeout",
            "timeout Cancelling nested steps due to timeout",
        );
        check(
            "\u{1b}[31;1mERROR: Job failed (system failure): prepare environment: no pod\u{1b}[0;m",
            "infrastructure Job failed (system failure): prepare environment: no pod",
        );
        check(
            "WorkflowScript: 3: Expected a step @ line 3, column 5.",
            "config Jenkinsfile:3:5 Expected a step",
        );
    }
}
