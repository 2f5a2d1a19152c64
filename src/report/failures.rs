//! Failures by themselves, without a case: for terminals, code scanning, workflow logs, comments.
//!
//! Everything that came out of a log is hostile: it is made visible for terminals, escaped for
//! GitHub's workflow commands and for Markdown, and is plain JSON text in SARIF.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::markdown::{block, code, visible, words};
use crate::domain::failure::{Failure, Severity};

/// The schema that our SARIF is of.
const SARIF_SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// What was read of one log.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The failures, what to fix first at the front.
    pub failures: &'a [Failure],
    /// How it was read.
    pub notes: &'a [String],
    /// The lines that matter.
    pub excerpt: &'a str,
}

/// `file:line:column`, as far as it is known.
fn place(failure: &Failure) -> Option<String> {
    let mut place = failure.file.as_ref()?.to_string();
    for number in [failure.line, failure.line.and(failure.column)].into_iter().flatten() {
        let _ = write!(place, ":{number}");
    }
    Some(place)
}

/// `tool code test`, as far as they are known.
fn told_by(failure: &Failure) -> String {
    let parts = [failure.tool.as_deref(), failure.code.as_deref(), failure.test.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn first_line(failure: &Failure) -> &str {
    failure.message.lines().next().unwrap_or_default()
}

/// For a terminal: a line a failure, then the lines of the log that matter.
pub fn human(found: &Found<'_>) -> String {
    let mut out = String::new();
    for failure in found.failures {
        let place = place(failure).map_or(String::new(), |place| format!("{place}: "));
        let by = told_by(failure);
        let by = if by.is_empty() { String::new() } else { format!(" [{by}]") };
        let line = format!("{place}{}{by}: {}", failure.kind.as_str(), first_line(failure));
        let _ = writeln!(out, "{}", visible(&line));
        if let Some(suggestion) = &failure.suggestion {
            let _ = writeln!(out, "    suggested: {}", visible(suggestion));
        }
    }
    for note in found.notes {
        let _ = writeln!(out, "note: {}", visible(note));
    }
    if found.failures.is_empty() {
        out.push_str("No failures.\n");
    } else if !found.excerpt.is_empty() {
        let _ = write!(out, "\nThe lines that matter:\n\n{}\n", found.excerpt.trim_end());
    }
    out
}

/// For a comment or a job summary, in Markdown.
pub fn markdown(found: &Found<'_>) -> String {
    if found.failures.is_empty() {
        return "No failures.\n".to_owned();
    }
    let mut out = String::from("| where | kind | what |\n| --- | --- | --- |\n");
    for failure in found.failures {
        let place = place(failure).map_or_else(|| "–".to_owned(), |place| code(&place));
        let by = told_by(failure);
        let by = if by.is_empty() { String::new() } else { format!("{}: ", words(&by)) };
        let what = words(first_line(failure));
        let _ = writeln!(out, "| {place} | {} | {by}{what} |", failure.kind.as_str());
    }
    for note in found.notes {
        let _ = write!(out, "\n{}\n", words(note));
    }
    if !found.excerpt.is_empty() {
        let _ = write!(out, "\n{}", block(found.excerpt.trim_end(), "text"));
    }
    out
}

/// As GitHub's workflow commands: printed by a step, they become annotations.
pub fn workflow_commands(found: &Found<'_>) -> String {
    let mut out = String::new();
    for failure in found.failures {
        let command = match failure.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let mut properties = Vec::new();
        if let Some(file) = &failure.file {
            properties.push(format!("file={}", property(file.as_str())));
        }
        let numbers = [
            ("line", failure.line),
            ("endLine", failure.line.and(failure.end_line)),
            ("col", failure.line.and(failure.column)),
        ];
        for (name, number) in numbers {
            properties.extend(number.map(|number| format!("{name}={number}")));
        }
        let by = told_by(failure);
        let title = if by.is_empty() { failure.kind.as_str().to_owned() } else { by };
        properties.push(format!("title={}", property(&title)));
        let _ = writeln!(out, "::{command} {}::{}", properties.join(","), data(&failure.message));
    }
    out
}

/// Text of a workflow command, as the runner's own toolkit escapes it.
fn data(text: &str) -> String {
    visible_lines(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

fn visible_lines(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

/// As SARIF 2.1.0, for code scanning and editors.
pub fn sarif(found: &Found<'_>) -> Value {
    let results: Vec<Value> = found.failures.iter().map(result).collect();
    let mut rules: Vec<String> = found.failures.iter().map(rule).collect();
    rules.sort_unstable();
    rules.dedup();
    let rules: Vec<Value> = rules.iter().map(|id| json!({ "id": id })).collect();
    sarif_of("selfheal", &rules, &results)
}

/// A SARIF log of one run of that tool.
pub(super) fn sarif_of(tool: &str, rules: &[Value], results: &[Value]) -> Value {
    json!({
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": tool,
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "results": results,
        }],
    })
}

fn rule(failure: &Failure) -> String {
    let parts = [failure.tool.as_deref(), failure.code.as_deref()];
    let parts = parts.into_iter().flatten().collect::<Vec<_>>().join("/");
    if parts.is_empty() { failure.kind.as_str().to_owned() } else { parts }
}

fn result(failure: &Failure) -> Value {
    let mut result = json!({
        "ruleId": rule(failure),
        "level": failure.severity.as_str(),
        "message": { "text": failure.message },
        "partialFingerprints": { "selfheal/v1": failure.fingerprint().as_str() },
        "properties": { "kind": failure.kind.as_str(), "test": failure.test },
    });
    if let Some(file) = &failure.file {
        let mut physical = json!({ "artifactLocation": { "uri": uri(file.as_str()) } });
        if let Some(line) = failure.line.filter(|line| *line > 0) {
            physical["region"] = json!({ "startLine": line });
            if let Some(column) = failure.column.filter(|column| *column > 0) {
                physical["region"]["startColumn"] = json!(column);
            }
        }
        result["locations"] = json!([{ "physicalLocation": physical }]);
    }
    result
}

/// A relative path as a relative reference: what a URI cannot hold is encoded.
pub(super) fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/+@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::domain::failure::FailureKind;
    use crate::domain::ids::RepoPath;

    fn some() -> Vec<Failure> {
        let mut typed = Failure::new(FailureKind::TypeError, "no `x` on ::warning::\nsecond, line");
        typed.tool = Some("tsc".into());
        typed.code = Some("TS2339".into());
        typed.file = Some(RepoPath::parse("src/a b,c.ts").unwrap());
        (typed.line, typed.column) = (Some(42), Some(7));
        typed.suggestion = Some("did you mean `y`?".into());
        vec![typed, Failure::new(FailureKind::Unknown, "exit\u{1b}[31m | <b>100%</b>")]
    }

    fn found<'a>(failures: &'a [Failure], notes: &'a [String]) -> Found<'a> {
        Found { failures, notes, excerpt: "12 src/a.ts(42,7): error TS2339\n" }
    }

    #[test]
    fn a_terminal_gets_a_line_a_failure_and_nothing_that_acts() {
        let failures = some();
        let notes = ["cut at 1 MB".to_owned()];
        assert_snapshot!(human(&found(&failures, &notes)), @r"
        src/a b,c.ts:42:7: type_error [tsc TS2339]: no `x` on ::warning::
            suggested: did you mean `y`?
        unknown: exit�[31m | <b>100%</b>
        note: cut at 1 MB

        The lines that matter:

        12 src/a.ts(42,7): error TS2339
        ");
        assert_eq!(human(&found(&[], &[])), "No failures.\n");
    }

    #[test]
    fn workflow_commands_cannot_be_ended_from_inside() {
        let failures = some();
        assert_snapshot!(workflow_commands(&found(&failures, &[])), @r"
        ::error file=src/a b%2Cc.ts,line=42,col=7,title=tsc TS2339::no `x` on ::warning::%0Asecond, line
        ::error title=unknown::exit�[31m | <b>100%25</b>
        ");
    }

    #[test]
    fn markdown_is_escaped() {
        let failures = some();
        assert_snapshot!(markdown(&found(&failures, &[])), @r"
        | where | kind | what |
        | --- | --- | --- |
        | `src/a b,c.ts:42:7` | type_error | tsc TS2339: no \`x\` on ::warning:: |
        | – | unknown | exit�\[31m \| &lt;b&gt;100%&lt;/b&gt; |

        ```text
        12 src/a.ts(42,7): error TS2339
        ```
        ");
    }

    #[test]
    fn sarif_has_places_rules_and_fingerprints() {
        let failures = some();
        let sarif = sarif(&found(&failures, &[]));
        let results = &sarif["runs"][0]["results"];
        let place = &results[0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "src/a%20b%2Cc.ts");
        assert_eq!(place["region"], json!({ "startLine": 42, "startColumn": 7 }));
        assert_eq!(results[0]["ruleId"], "tsc/TS2339");
        assert_eq!(results[1]["ruleId"], "unknown");
        assert!(results[1].get("locations").is_none());
        let rules = &sarif["runs"][0]["tool"]["driver"]["rules"];
        assert_eq!(*rules, json!([{ "id": "tsc/TS2339" }, { "id": "unknown" }]));
    }
}
