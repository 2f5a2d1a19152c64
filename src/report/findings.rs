//! Findings of the gate by themselves, without a case: for terminals, programs and code scanning.
//!
//! Messages quote files, so they are made visible for terminals; JSON and SARIF escape by
//! themselves.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::failures::{sarif_of, uri};
use super::markdown::visible;
use crate::domain::gate::content::{ContentRule, rule_of};
use crate::domain::gate::patch::RULES;
use crate::domain::gate::{Answer, Finding, Verdict, Weight};

/// For a terminal: a line a finding, the weightiest first, then the answer.
pub fn human(verdict: &Verdict, files: usize) -> String {
    let mut out = String::new();
    for finding in verdict.findings() {
        let place = place(finding).map_or_else(String::new, |place| format!("{place}: "));
        let line =
            format!("{place}{} [{}] {}", finding.weight.as_str(), finding.rule, finding.message);
        let _ = writeln!(out, "{}", visible(&line));
    }
    let answer = match verdict.answer() {
        Answer::Allow => "allowed",
        Answer::Hold => "held: a person should look",
        Answer::Refuse => "refused",
    };
    let _ =
        writeln!(out, "{answer} ({} in {files} changed files)", counted(verdict.findings().len()));
    out
}

fn counted(findings: usize) -> String {
    match findings {
        0 => "nothing found".to_owned(),
        1 => "1 finding".to_owned(),
        more => format!("{more} findings"),
    }
}

fn place(finding: &Finding) -> Option<String> {
    finding.place().or_else(|| finding.file.as_ref().map(ToString::to_string))
}

/// One JSON document.
pub fn json(verdict: &Verdict, files: usize) -> Value {
    let findings: Vec<Value> = verdict.findings().iter().map(entry).collect();
    json!({ "answer": verdict.answer().as_str(), "files": files, "findings": findings })
}

fn entry(finding: &Finding) -> Value {
    json!({
        "rule": finding.rule,
        "weight": finding.weight.as_str(),
        "file": finding.file.as_ref().map(ToString::to_string),
        "line": finding.line,
        "message": finding.message,
    })
}

/// As SARIF 2.1.0, for code scanning and editors.
pub fn sarif(verdict: &Verdict) -> Value {
    let mut ids: Vec<&str> = verdict.findings().iter().map(|finding| finding.rule).collect();
    ids.sort_unstable();
    ids.dedup();
    let rules: Vec<Value> = ids.iter().map(|id| described(id)).collect();
    let results: Vec<Value> = verdict.findings().iter().map(result).collect();
    sarif_of("selfheal gate", &rules, &results)
}

fn described(id: &str) -> Value {
    let about = rule_of(id).map(|ContentRule { about, .. }| *about);
    let about = about.or_else(|| RULES.iter().find(|rule| rule.id == id).map(|rule| rule.about));
    match about {
        Some(about) => json!({ "id": id, "shortDescription": { "text": about } }),
        None => json!({ "id": id }),
    }
}

fn result(finding: &Finding) -> Value {
    let level = match finding.weight {
        Weight::Refuse => "error",
        Weight::Hold => "warning",
        Weight::Note => "note",
    };
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level,
        "message": { "text": finding.message },
    });
    if let Some(file) = &finding.file {
        let mut physical = json!({ "artifactLocation": { "uri": uri(file.as_str()) } });
        if let Some(line) = finding.line.filter(|line| *line > 0) {
            physical["region"] = json!({ "startLine": line });
        }
        result["locations"] = json!([{ "physicalLocation": physical }]);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::RepoPath;

    fn verdict() -> Verdict {
        let path = RepoPath::parse("tests/a b.rs").expect("a path");
        let mut skipped =
            Finding::new("test-skipped", Weight::Refuse, "`x` is skipped\u{1b}[2J").at(&path);
        skipped.line = Some(7);
        Verdict::new(vec![Finding::new("mode", Weight::Hold, "a mode").at(&path), skipped])
    }

    #[test]
    fn people_see_the_weightiest_first_and_no_escape_of_their_terminal() {
        let text = human(&verdict(), 2);
        assert!(text.starts_with("tests/a b.rs:7: refuse [test-skipped] `x` is skipped"), "{text}");
        assert!(text.ends_with("refused (2 findings in 2 changed files)\n"), "{text}");
        assert!(!text.contains('\u{1b}'));
        assert_eq!(human(&Verdict::default(), 0), "allowed (nothing found in 0 changed files)\n");
    }

    #[test]
    fn code_scanning_gets_rules_places_and_levels() {
        let log = sarif(&verdict());
        let run = &log["runs"][0];
        assert_eq!(run["results"][0]["level"], "error");
        let place = &run["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "tests/a%20b.rs");
        assert_eq!(place["region"]["startLine"], 7);
        let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
        assert!(rules.iter().all(|rule| rule["shortDescription"]["text"].is_string()), "{rules:?}");
    }
}
