//! Linters' JSON reporters: one table of where each keeps what.
//!
//! Most differ in nothing but names, so a linter is a row: where its findings are, how to know it,
//! and a JSON pointer for each field. The first row that fits reads the document.

use serde_json::Value;

use super::json::{array, number, text};
use super::{Found, draft, path_of_uri, severity_of};
use crate::domain::failure::{FailureKind as K, Severity};

/// How many entries are looked at to know a format: the first files may be clean.
const PROBED_MAX: usize = 1_000;

/// How a linter writes its findings. Pointers are JSON pointers; an empty one is the value itself.
struct Linter {
    name: &'static str,
    kind: K,
    /// Where groups by file are, and the file's name in a group; a finding is a group of one where
    /// there is none.
    groups: &'static str,
    /// The findings in a group, when groups hold several.
    findings: Option<&'static str>,
    /// What every finding has, besides a message.
    sign: &'static str,
    file: &'static str,
    line: &'static str,
    column: &'static str,
    end_line: &'static str,
    code: &'static str,
    message: &'static str,
    suggestion: &'static str,
    /// Where the severity is; empty where every finding fails the run.
    severity: &'static str,
}

/// What a row says when it says nothing else.
const PLAIN: Linter = Linter {
    name: "",
    kind: K::Lint,
    groups: "",
    findings: None,
    sign: "",
    file: "/file",
    line: "/line",
    column: "/column",
    end_line: "/endLine",
    code: "/code",
    message: "/message",
    suggestion: "/suggestion",
    severity: "",
};

const LINTERS: &[Linter] = &[
    Linter {
        name: "eslint",
        findings: Some("/messages"),
        sign: "/ruleId",
        file: "/filePath",
        code: "/ruleId",
        suggestion: "/suggestions/0/desc",
        severity: "/severity",
        ..PLAIN
    },
    Linter {
        name: "stylelint",
        findings: Some("/warnings"),
        sign: "/rule",
        file: "/source",
        code: "/rule",
        message: "/text",
        severity: "/severity",
        ..PLAIN
    },
    Linter {
        name: "ruff",
        sign: "/location/row",
        file: "/filename",
        line: "/location/row",
        column: "/location/column",
        end_line: "/end_location/row",
        suggestion: "/fix/message",
        ..PLAIN
    },
    Linter { name: "pylint", sign: "/message-id", file: "/path", code: "/symbol", ..PLAIN },
    Linter {
        name: "pylint",
        groups: "/messages",
        sign: "/messageId",
        file: "/path",
        code: "/symbol",
        ..PLAIN
    },
    Linter {
        name: "mypy",
        kind: K::TypeError,
        sign: "/hint",
        suggestion: "/hint",
        severity: "/severity",
        ..PLAIN
    },
    Linter {
        name: "golangci-lint",
        groups: "/Issues",
        sign: "/FromLinter",
        file: "/Pos/Filename",
        line: "/Pos/Line",
        column: "/Pos/Column",
        end_line: "/LineRange/To",
        code: "/FromLinter",
        message: "/Text",
        ..PLAIN
    },
    Linter {
        name: "rubocop",
        groups: "/files",
        findings: Some("/offenses"),
        sign: "/cop_name",
        file: "/path",
        line: "/location/start_line",
        column: "/location/start_column",
        end_line: "/location/last_line",
        code: "/cop_name",
        ..PLAIN
    },
    Linter { name: "shellcheck", groups: "/comments", sign: "/level", ..PLAIN },
    Linter { name: "shellcheck", sign: "/level", ..PLAIN },
    Linter {
        name: "code quality",
        sign: "/check_name",
        file: "/location/path",
        line: "/location/lines/begin",
        column: "/location/positions/begin/column",
        end_line: "/location/lines/end",
        code: "/check_name",
        message: "/description",
        severity: "/severity",
        ..PLAIN
    },
    // GitHub's annotations, as its API gives them.
    Linter {
        name: "",
        kind: K::Unknown,
        sign: "/annotation_level",
        file: "/path",
        line: "/start_line",
        column: "/start_column",
        end_line: "/end_line",
        code: "/title",
        severity: "/annotation_level",
        ..PLAIN
    },
];

impl Linter {
    /// The findings of a document, each with the value that names its file.
    fn findings<'v>(&self, value: &'v Value) -> Vec<(&'v Value, &'v Value)> {
        let groups = match value.pointer(self.groups) {
            Some(Value::Array(groups)) => groups.as_slice(),
            // JSON lines: each line is a finding by itself.
            Some(one) if self.groups.is_empty() && self.findings.is_none() => {
                std::slice::from_ref(one)
            }
            _ => &[],
        };
        match self.findings {
            None => groups.iter().map(|finding| (finding, finding)).collect(),
            Some(inside) => groups
                .iter()
                .flat_map(|group| array(group, inside).iter().map(move |one| (group, one)))
                .collect(),
        }
    }

    fn knows(&self, value: &Value) -> bool {
        let is_ours = |(group, finding): &(&Value, &Value)| {
            finding.pointer(self.sign).is_some()
                && finding.pointer(self.message).is_some()
                && group.pointer(self.file).is_some()
        };
        if self.findings(value).iter().take(PROBED_MAX).any(is_ours) {
            return true;
        }
        // Clean files are a report as well.
        let clean = |group: &Value| {
            let findings = self.findings.and_then(|inside| group.pointer(inside));
            findings.is_some_and(Value::is_array) && text(group, self.file).is_some()
        };
        array(value, self.groups).first().is_some_and(clean)
    }
}

fn row_of(value: &Value) -> Option<&'static Linter> {
    LINTERS.iter().find(|linter| linter.knows(value))
}

/// Whether a document is of a linter that is known.
pub(super) fn knows(value: &Value) -> bool {
    row_of(value).is_some() || is_phpstan(value)
}

/// Whether a document holds annotations as GitHub's API gives them.
pub(super) fn is_annotations(value: &Value) -> bool {
    row_of(value).is_some_and(|row| row.name.is_empty())
}

/// Reads a document that stands at a line.
pub(super) fn read(value: &Value, line: usize, found: &mut Found<'_>) {
    let line = if value.is_array() { 0 } else { line };
    let Some(row) = row_of(value) else {
        read_phpstan(value, found);
        return;
    };
    for (group, finding) in row.findings(value) {
        let Some(said) = text(finding, row.message) else {
            found.skipped += 1;
            continue;
        };
        let mut draft = draft(row.kind, row.name);
        draft.path = text(group, row.file).map(path_of_uri);
        draft.say(said.trim());
        let failure = &mut draft.failure;
        failure.line = number(finding, row.line);
        failure.column = number(finding, row.column);
        let end = number(finding, row.end_line);
        failure.end_line = end.filter(|end| Some(*end) > failure.line);
        failure.code = word(finding, row.code);
        failure.suggestion = text(finding, row.suggestion).map(str::to_owned);
        failure.severity = severity(finding, row);
        found.push(draft, line);
    }
}

fn severity(finding: &Value, row: &Linter) -> Severity {
    if row.severity.is_empty() {
        return Severity::Error;
    }
    match finding.pointer(row.severity) {
        Some(Value::Number(number)) => severity_of(&number.to_string()),
        Some(Value::String(word)) => severity_of(word),
        _ => Severity::Error,
    }
}

/// A code, which may be a number.
fn word(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::String(word) => Some(word.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// PHPStan groups by file in an object, which no other does.
fn is_phpstan(value: &Value) -> bool {
    value.pointer("/totals/file_errors").is_some() && value.get("files").is_some()
}

fn read_phpstan(value: &Value, found: &mut Found<'_>) {
    for (path, file) in value.get("files").and_then(Value::as_object).into_iter().flatten() {
        for finding in array(file, "/messages") {
            let mut draft = draft(K::TypeError, "phpstan");
            draft.place(path, number(finding, "/line"), None);
            draft.say(text(finding, "/message").unwrap_or(""));
            draft.failure.code = text(finding, "/identifier").map(str::to_owned);
            draft.failure.suggestion = text(finding, "/tip").map(str::to_owned);
            found.push(draft, 0);
        }
    }
    for error in array(value, "/errors").iter().filter_map(Value::as_str) {
        let mut draft = draft(K::Config, "phpstan");
        draft.say(error);
        found.push(draft, 0);
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::reports::ReportFormat::{Github, Linter};
    use crate::evidence::reports::tests::check;

    #[test]
    fn eslint_errors_come_before_its_warnings() {
        check(
            Linter,
            concat!(
                r#"[{"filePath":"/home/runner/work/s/s/a.js","messages":[],"errorCount":0},{"fileP"#,
                r#"ath":"/home/runner/work/s/s/b.js","messages":[{"ruleId":"semi","severity":1,"me"#,
                r#"ssage":"Missing semicolon.","line":1,"column":2},{"ruleId":"no-undef","severity"#,
                r#"":2,"message":"'x' is not defined.","line":3,"column":4,"endLine":3},{"ruleId":"#,
                r#"null,"fatal":true,"severity":2,"message":"Parsing error: Unexpected token","lin"#,
                r#"e":9,"column":1}]}]"#,
            ),
            concat!(
                "lint b.js:3:4 [no-undef] 'x' is not defined.\n",
                "lint b.js:9:1 Parsing error: Unexpected token\n",
                "warning lint b.js:1:2 [semi] Missing semicolon.",
            ),
        );
        check(Linter, r#"[{"filePath":"/app/a.js","messages":[],"errorCount":0}]"#, "");
    }

    #[test]
    fn linters_of_python_are_read() {
        for (report, expected) in [
            (
                concat!(
                    r#"[{"code":"F401","filename":"a.py","location":{"row":1,"column":8},"end_loca"#,
                    r#"tion":{"row":1},"message":"unused","fix":{"message":"Remove it"}}]"#,
                ),
                "lint a.py:1:8 [F401] unused\n  suggested: Remove it",
            ),
            (
                concat!(
                    r#"[{"type":"error","path":"a.py","line":2,"column":0,"symbol":"no-member","me"#,
                    r#"ssage":"no m","message-id":"E1101"}]"#,
                ),
                "lint a.py:2 [no-member] no m",
            ),
            (
                concat!(
                    r#"{"file":"a.py","line":1,"column":4,"message":"bad","hint":null,"code":"arg-"#,
                    r#"type","severity":"error"}"#,
                    "\n",
                    r#"{"file":"a.py","line":2,"column":0,"message":"see","hint":"try","code":null,"#,
                    r#""severity":"note"}"#,
                ),
                concat!(
                    "type_error a.py:1:4 [arg-type] bad\n",
                    "note type_error a.py:2 see\n  suggested: try",
                ),
            ),
        ] {
            check(Linter, report, expected);
        }
    }

    #[test]
    fn linters_of_other_languages_are_read() {
        for (report, expected) in [
            (
                concat!(
                    r#"{"Issues":[{"FromLinter":"errcheck","Text":"not checked","Pos":{"Filename":"#,
                    r#""a.go","Line":3,"Column":1}}],"Report":{}}"#,
                ),
                "lint a.go:3:1 [errcheck] not checked",
            ),
            (
                concat!(
                    r#"{"files":[{"path":"a.rb","offenses":[{"severity":"convention","message":"lo"#,
                    r#"ng","cop_name":"Layout/LineLength","location":{"start_line":4,"start_column"#,
                    r#"":81}}]}],"summary":{}}"#,
                ),
                "lint a.rb:4:81 [Layout/LineLength] long",
            ),
            (
                concat!(
                    r#"[{"file":"a.sh","line":2,"endLine":2,"column":1,"level":"info","code":2086,"#,
                    r#""message":"quote"}]"#,
                ),
                "lint a.sh:2:1 [2086] quote",
            ),
            (
                concat!(
                    r#"[{"source":"/app/a.css","warnings":[{"line":1,"column":2,"rule":"color-hex","#,
                    r#""severity":"error","text":"no"}]}]"#,
                ),
                "lint a.css:1:2 [color-hex] no",
            ),
            (
                concat!(
                    r#"[{"description":"long","check_name":"len","severity":"major","location":{"pa"#,
                    r#"th":"a.kt","lines":{"begin":7}}}]"#,
                ),
                "lint a.kt:7 [len] long",
            ),
            (
                concat!(
                    r#"{"totals":{"errors":0,"file_errors":1},"files":{"/app/a.php":{"messages":[{"#,
                    r#""message":"no","line":3,"identifier":"method.notFound"}]}},"errors":[]}"#,
                ),
                "type_error a.php:3 [method.notFound] no",
            ),
        ] {
            check(Linter, report, expected);
        }
    }

    #[test]
    fn annotations_of_the_api_are_read() {
        check(
            Github,
            concat!(
                r#"[{"path":"a.c","start_line":2,"end_line":4,"annotation_level":"failure","title":"#,
                r#""Check","message":"bad","raw_details":null},{"path":".github","start_line":1,"a"#,
                r#"nnotation_level":"notice","message":"hm"}]"#,
            ),
            "unknown a.c:2 [Check] bad\nnote unknown .github:1 hm",
        );
    }
}
