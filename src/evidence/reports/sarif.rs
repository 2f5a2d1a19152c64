//! SARIF 2.1.0: static analysis results, as scanners and many linters write them.
//!
//! A level is the result's own, else its rule's, else `warning`, as the standard says. What is
//! suppressed, gone since the baseline, or of a kind other than `fail` is no failure.

use std::collections::HashMap;

use serde_json::Value;

use super::json::{array, number, text};
use super::{Found, draft, kind_of_tool, path_of_uri, severity_of};
use crate::domain::failure::{FailureKind, Severity};
use crate::evidence::draft::Draft;

/// How many bases may stand on each other.
const BASES_MAX: usize = 8;

/// Whether a document is a SARIF log.
pub(super) fn knows(value: &Value) -> bool {
    let runs = array(value, "/runs");
    let is_run = |run: &Value| run.pointer("/tool/driver").is_some();
    value.get("runs").is_some_and(Value::is_array)
        && (runs.iter().any(is_run) || text(value, "/$schema").is_some_and(|s| s.contains("sarif")))
}

/// Reads every result.
pub(super) fn read(value: &Value, found: &mut Found<'_>) {
    for run in array(value, "/runs") {
        let rules = Rules::of(run);
        for result in array(run, "/results") {
            match read_result(run, &rules, result) {
                Some(draft) => found.push(draft, 0),
                None if is_left_out(result) => found.note("suppressed and passed results left out"),
                None => {}
            }
        }
        notifications(run, found);
    }
}

/// The rules of a run, by name and by place.
struct Rules<'v> {
    by_id: HashMap<&'v str, &'v Value>,
    listed: &'v [Value],
}

impl<'v> Rules<'v> {
    fn of(run: &'v Value) -> Self {
        let listed = array(run, "/tool/driver/rules");
        let extensions = array(run, "/tool/extensions");
        let all = listed.iter().chain(extensions.iter().flat_map(|part| array(part, "/rules")));
        let by_id = all.filter_map(|rule| Some((text(rule, "/id")?, rule))).collect();
        Self { by_id, listed }
    }

    fn of_result(&self, result: &Value) -> Option<&'v Value> {
        let id = text(result, "/ruleId").or_else(|| text(result, "/rule/id"));
        let index = result.get("ruleIndex").or_else(|| result.pointer("/rule/index"));
        let listed = || self.listed.get(usize::try_from(index?.as_u64()?).ok()?);
        // `ruleId` may be hierarchical: the rule's own id and what it found.
        let by_id = |id: &str| {
            let parent = id.rsplit_once('/').map_or(id, |(parent, _)| parent);
            self.by_id.get(id).or_else(|| self.by_id.get(parent)).copied()
        };
        id.and_then(by_id).or_else(listed)
    }
}

fn is_left_out(result: &Value) -> bool {
    let kind = text(result, "/kind").unwrap_or("fail");
    let is_held = |one: &Value| !matches!(text(one, "/status"), Some("underReview" | "rejected"));
    kind != "fail"
        || array(result, "/suppressions").iter().any(is_held)
        || text(result, "/baselineState") == Some("absent")
}

fn read_result(run: &Value, rules: &Rules<'_>, result: &Value) -> Option<Draft> {
    if is_left_out(result) {
        return None;
    }
    let rule = rules.of_result(result);
    let tool = text(run, "/tool/driver/name").unwrap_or("sarif");
    let level = text(result, "/level")
        .or_else(|| text(rule?, "/defaultConfiguration/level"))
        .unwrap_or("warning");
    let mut draft = draft(kind_of_tool(tool), tool);
    let failure = &mut draft.failure;
    failure.severity = severity_of(level);
    let id = text(result, "/ruleId").or_else(|| text(result, "/rule/id"));
    failure.code = id.or_else(|| text(rule?, "/id")).map(str::to_owned);
    failure.suggestion = text(result, "/fixes/0/description/text").map(str::to_owned);
    let said = message(result, rule);
    let short = || text(rule?, "/shortDescription/text").map(str::to_owned);
    failure.message = said.or_else(short).or_else(|| failure.code.clone())?;
    if let Some(place) = result.pointer("/locations/0/physicalLocation") {
        draft.path = path(run, place.get("artifactLocation"));
        let failure = &mut draft.failure;
        failure.line = number(place, "/region/startLine");
        failure.column = number(place, "/region/startColumn");
        let end = number(place, "/region/endLine");
        failure.end_line = end.filter(|end| Some(*end) > failure.line);
    }
    let function = text(result, "/locations/0/logicalLocations/0/fullyQualifiedName");
    draft.failure.task = function.map(str::to_owned);
    Some(draft)
}

/// The result's words, which may be a rule's with places for arguments.
fn message(result: &Value, rule: Option<&Value>) -> Option<String> {
    let message = result.get("message")?;
    if let Some(said) = text(message, "/text").or_else(|| text(message, "/markdown")) {
        return Some(said.trim().to_owned());
    }
    let strings = rule?.get("messageStrings")?;
    let form = text(strings.get(text(message, "/id")?)?, "/text")?;
    let arguments = array(message, "/arguments");
    Some(with_arguments(form, arguments))
}

/// `{0}` in a form is the first argument.
fn with_arguments(form: &str, arguments: &[Value]) -> String {
    let mut out = String::new();
    let mut rest = form;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let told = after.split_once('}').and_then(|(index, tail)| {
            let argument = arguments.get(index.parse::<usize>().ok()?)?.as_str()?;
            Some((argument, tail))
        });
        let (said, tail) = told.unwrap_or(("{", after));
        out.push_str(crate::evidence::text::floor(said, ARGUMENT_BYTES_MAX));
        rest = tail;
        if out.len() > crate::domain::failure::MESSAGE_BYTES_MAX {
            break;
        }
    }
    out + rest
}

/// How much of one argument is kept: a form may name it many times.
const ARGUMENT_BYTES_MAX: usize = 1024;

fn path(run: &Value, location: Option<&Value>) -> Option<String> {
    let location = location?;
    let listed = || {
        let index = usize::try_from(location.get("index")?.as_u64()?).ok()?;
        array(run, "/artifacts").get(index)?.get("location")
    };
    let told = if text(location, "/uri").is_some() { location } else { listed()? };
    let uri = text(told, "/uri")?;
    let mut path = path_of_uri(uri);
    let mut base = text(told, "/uriBaseId");
    for _ in 0..BASES_MAX {
        let Some(known) = base.and_then(|id| run.get("originalUriBaseIds")?.get(id)) else { break };
        if path.starts_with('/') {
            break;
        }
        let above = path_of_uri(text(known, "/uri").unwrap_or(""));
        // A base at the root of the file system says nothing.
        if !above.trim_matches('/').is_empty() {
            path = format!("{}/{path}", above.trim_end_matches('/'));
        }
        base = text(known, "/uriBaseId");
    }
    Some(path)
}

/// What kept the tool itself from working.
fn notifications(run: &Value, found: &mut Found<'_>) {
    for invocation in array(run, "/invocations") {
        if invocation.get("executionSuccessful") != Some(&Value::Bool(false)) {
            continue;
        }
        let tool = text(run, "/tool/driver/name").unwrap_or("sarif");
        let told = ["/toolExecutionNotifications", "/toolConfigurationNotifications"];
        for told in told.iter().flat_map(|pointer| array(invocation, pointer)) {
            let is_error =
                severity_of(text(told, "/level").unwrap_or("warning")) == Severity::Error;
            let Some(said) = text(told, "/message/text").filter(|_| is_error) else { continue };
            let mut draft = draft(FailureKind::Config, tool);
            draft.say(said);
            draft.failure.code = text(told, "/descriptor/id").map(str::to_owned);
            let place = told.pointer("/locations/0/physicalLocation");
            draft.path = place.and_then(|place| path(run, place.get("artifactLocation")));
            draft.failure.line = place.and_then(|place| number(place, "/region/startLine"));
            found.push(draft, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::evidence::reports::ReportFormat::Sarif;
    use crate::evidence::reports::tests::check;

    fn log(results: &Value) -> String {
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": { "name": "Scan", "rules": [
                    { "id": "A1", "defaultConfiguration": { "level": "error" },
                      "messageStrings": { "default": { "text": "no {0} in {1}" } } },
                    { "id": "A2" },
                ] } },
                "originalUriBaseIds": {
                    "ROOT": { "uri": "file:///home/runner/work/shop/shop/" },
                    "SRC": { "uri": "src/", "uriBaseId": "ROOT" },
                },
                "artifacts": [{ "location": { "uri": "lib/x%20y.c" } }],
                "results": results,
            }],
        })
        .to_string()
    }

    fn at(uri: &str) -> Value {
        json!([{ "physicalLocation": {
            "artifactLocation": { "uri": uri, "uriBaseId": "SRC" },
            "region": { "startLine": 4, "startColumn": 2, "endLine": 6 },
        } }])
    }

    #[test]
    fn levels_come_from_the_rule_where_the_result_has_none() {
        check(
            Sarif,
            &log(&json!([
                { "ruleId": "A2", "message": { "text": "hm" }, "locations": at("b.c") },
                { "ruleIndex": 0, "message": { "id": "default", "arguments": ["cat", "{0}"] },
                  "locations": at("a.c") },
                { "ruleId": "A2", "level": "note", "message": { "text": "so" } },
            ])),
            concat!(
                "lint src/a.c:4:2 [A1] no cat in {0}\n",
                "warning lint src/b.c:4:2 [A2] hm\n",
                "note lint [A2] so",
            ),
        );
    }

    #[test]
    fn what_is_suppressed_passed_or_gone_is_no_failure() {
        check(
            Sarif,
            &log(&json!([
                { "ruleId": "A1", "message": { "text": "a" }, "suppressions": [{ "kind": "external" }] },
                { "ruleId": "A1", "message": { "text": "b" }, "kind": "pass" },
                { "ruleId": "A1", "message": { "text": "c" }, "baselineState": "absent" },
                { "ruleId": "A1/sub", "message": { "text": "d" }, "baselineState": "unchanged",
                  "suppressions": [{ "kind": "external", "status": "rejected" }],
                  "locations": [{ "physicalLocation": { "artifactLocation": { "index": 0 } } }] },
            ])),
            "lint lib/x y.c [A1/sub] d",
        );
    }

    #[test]
    fn a_log_that_ends_early_yields_what_was_read() {
        let cut = concat!(
            r#"{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","runs":[{"results":["#,
            r#"{"level":"error","message":{"text":"a"},"ruleId":"A1"}],"tool":{"driver":{"name":"x"}}}"#,
        );
        check(Sarif, cut, "lint [A1] a");
    }
}
