//! GitHub's own description of its REST API as the judge of what we send.
//!
//! Requests only. Paths, query parameters and JSON bodies are checked; what the description cannot
//! say (permissions, states, "completed needs a conclusion") is the routes' business. The document
//! is read once per process, and each body's validator is built when its operation is first used.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// `@octokit/openapi` 23.0.2, cut to requests; see the README beside it.
const DOCUMENT: &str = include_str!("../fixtures/github-openapi/requests.json");

/// A path of the description that fits a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fit {
    pub(crate) template: &'static str,
    pub(crate) params: BTreeMap<String, String>,
}

/// The description, ready for use.
pub(crate) struct Contract {
    document: Value,
    templates: Vec<Template>,
    validators: Mutex<BTreeMap<Operation, Judge>>,
}

/// Method in lower case, and path template.
type Operation = (String, &'static str);

/// Judges bodies; none when the schema itself cannot be used.
type Judge = Option<Arc<Validator>>;

struct Template {
    text: String,
    segments: Vec<Segment>,
}

enum Segment {
    Literal(String),
    One(String),
    /// Holds slashes: `{ref}`, `{path}`, `{basehead}`, `{branch}`.
    Many(String),
}

/// The one description of this process.
pub(crate) fn contract() -> &'static Contract {
    static CONTRACT: OnceLock<Contract> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        let mut document: Value =
            serde_json::from_str(DOCUMENT).expect("invariant: the fixture is JSON");
        allow_nulls(&mut document);
        let paths = document["paths"].as_object().expect("invariant: the fixture has paths");
        let templates = paths.keys().map(|path| template(path)).collect();
        Contract { document, templates, validators: Mutex::default() }
    })
}

impl Contract {
    /// The path that a request means; the one with the most literal parts when several fit.
    pub(crate) fn fit(&'static self, method: &str, path: &str) -> Option<Fit> {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let method = method.to_lowercase();
        self.templates
            .iter()
            .filter(|template| self.document["paths"][&template.text].get(&method).is_some())
            .filter_map(|template| {
                let mut params = BTreeMap::new();
                fits(&template.segments, &parts, &mut params).then_some((
                    template.literals(),
                    &template.text,
                    params,
                ))
            })
            .max_by_key(|(literals, _, _)| *literals)
            .map(|(_, text, params)| Fit { template: text, params })
    }

    /// What is wrong with a request to that path; empty when nothing is.
    pub(crate) fn breaches(
        &'static self,
        (method, template): (&str, &'static str),
        query: &BTreeMap<String, String>,
        body: Option<&Value>,
    ) -> Vec<String> {
        let operation = &self.document["paths"][template][method.to_lowercase()];
        let mut found = self.query_breaches(operation, query);
        let schema = operation.pointer("/requestBody/content/application~1json/schema");
        let required = operation.pointer("/requestBody/required") == Some(&Value::Bool(true));
        match (body, schema) {
            (Some(body), Some(schema)) => {
                let validator = self.validator((method, template), schema);
                for error in validator.iter().flat_map(|judge| judge.iter_errors(body)) {
                    found.push(format!("body at `{}`: {error}", error.instance_path()));
                }
            }
            (Some(Value::Object(body)), None) if body.is_empty() => {}
            (Some(_), None) => found.push("this request takes no body".into()),
            (None, Some(_)) if required => found.push("the body is missing".into()),
            (None, _) => {}
        }
        found
    }

    fn query_breaches(&self, operation: &Value, query: &BTreeMap<String, String>) -> Vec<String> {
        let empty = Vec::new();
        let listed = operation["parameters"].as_array().unwrap_or(&empty);
        let known: Vec<&Value> = listed
            .iter()
            .map(|parameter| self.resolved(parameter))
            .filter(|parameter| parameter["in"] == "query")
            .collect();
        let mut found = Vec::new();
        for (name, value) in query {
            let Some(parameter) = known.iter().find(|known| known["name"] == name.as_str()) else {
                found.push(format!("unknown query parameter `{name}`"));
                continue;
            };
            let schema = &parameter["schema"];
            if schema["type"] == "integer" && value.parse::<i64>().is_err() {
                found.push(format!("query parameter `{name}` is not a number: {value}"));
            }
            let choices = schema["enum"].as_array();
            if choices.is_some_and(|all| !all.iter().any(|one| one == value.as_str())) {
                found.push(format!("query parameter `{name}` cannot be `{value}`"));
            }
        }
        found
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let pointer = value["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
        pointer.and_then(|pointer| self.document.pointer(pointer)).unwrap_or(value)
    }

    fn validator(&self, (method, template): (&str, &'static str), schema: &Value) -> Judge {
        let mut built = self.validators.lock().expect("invariant: no panic while it is held");
        let key = (method.to_lowercase(), template);
        built
            .entry(key)
            .or_insert_with(|| {
                let mut whole = schema.clone();
                if let Value::Object(fields) = &mut whole {
                    let schemas = self.document["components"]["schemas"].clone();
                    fields.insert("components".into(), json!({ "schemas": schemas }));
                }
                let options = jsonschema::options()
                    .with_draft(Draft::Draft202012)
                    .should_validate_formats(true);
                options.build(&whole).ok().map(Arc::new)
            })
            .clone()
    }
}

impl Template {
    fn literals(&self) -> usize {
        self.segments.iter().filter(|segment| matches!(segment, Segment::Literal(_))).count()
    }
}

fn template(path: &str) -> Template {
    let segments = path
        .trim_start_matches('/')
        .split('/')
        .map(|part| match part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name @ ("ref" | "path" | "basehead" | "branch")) => Segment::Many(name.into()),
            Some(name) => Segment::One(name.into()),
            None => Segment::Literal(part.into()),
        })
        .collect();
    Template { text: path.into(), segments }
}

fn fits(segments: &[Segment], parts: &[&str], params: &mut BTreeMap<String, String>) -> bool {
    let Some((segment, rest)) = segments.split_first() else { return parts.is_empty() };
    match segment {
        Segment::Literal(text) => {
            parts.first() == Some(&text.as_str()) && fits(rest, &parts[1..], params)
        }
        Segment::One(name) => match parts.first() {
            Some(part) if !part.is_empty() && fits(rest, &parts[1..], params) => {
                params.insert(name.clone(), decoded(part));
                true
            }
            Some(_) | None => false,
        },
        Segment::Many(name) => (1..=parts.len()).rev().any(|taken| {
            let fit = fits(rest, &parts[taken..], params);
            if fit {
                params.insert(name.clone(), decoded(&parts[..taken].join("/")));
            }
            fit
        }),
    }
}

/// Undoes percent-encoding; what is not UTF-8 stays visible as replacement characters.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hexed = (first == b'%').then(|| tail.get(..2)).flatten();
        if let Some(byte) = hexed.and_then(|digits| hex::decode(digits).ok()) {
            bytes.extend(byte);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// OpenAPI 3.0 says `nullable`, JSON Schema says a type list.
fn allow_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(allow_nulls);
            if fields.remove("nullable") == Some(Value::Bool(true)) {
                allow_null(fields);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(allow_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn allow_null(fields: &mut Map<String, Value>) {
    if let Some(Value::Array(choices)) = fields.get_mut("enum") {
        choices.push(Value::Null);
    }
    if let Some(Value::String(kind)) = fields.get("type").cloned() {
        fields.insert("type".into(), json!([kind, "null"]));
    } else {
        let inner = Value::Object(std::mem::take(fields));
        fields.insert("anyOf".into(), json!([inner, { "type": "null" }]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_fit(request: &str, expected: &str) {
        let (method, path) = request.split_once(' ').unwrap();
        let fit = contract().fit(method, path);
        let shown = fit.map_or("none".into(), |fit| {
            let params: Vec<_> =
                fit.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{} {}", fit.template, params.join(" "))
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_path_means_the_template_with_the_most_literal_parts() {
        check_fit("GET /app", "/app ");
        check_fit("PUT /app", "none");
        check_fit("GET /nothing/here", "none");
        check_fit(
            "GET /repos/o/r/git/ref/heads/a/b",
            "/repos/{owner}/{repo}/git/ref/{ref} owner=o ref=heads/a/b repo=r",
        );
        check_fit(
            "GET /repos/o/r/commits/abc/pulls",
            "/repos/{owner}/{repo}/commits/{commit_sha}/pulls commit_sha=abc owner=o repo=r",
        );
        check_fit(
            "GET /repos/o/r/commits/feature/x/check-runs",
            "/repos/{owner}/{repo}/commits/{ref}/check-runs owner=o ref=feature/x repo=r",
        );
        check_fit(
            "DELETE /repos/o/r/issues/7/labels/stop%20it%2Fnow",
            "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name} \
             issue_number=7 name=stop it/now owner=o repo=r",
        );
    }

    #[track_caller]
    fn check_body(operation: (&'static str, &'static str), body: &Value, expected: &str) {
        let found = contract().breaches(operation, &BTreeMap::new(), Some(body));
        assert_eq!(found.join("; "), expected);
    }

    #[test]
    fn bodies_are_judged_by_githubs_own_schema() {
        let create = ("POST", "/repos/{owner}/{repo}/check-runs");
        check_body(create, &json!({"name": "x", "head_sha": "a"}), "");
        check_body(
            create,
            &json!({"name": "x"}),
            "body at ``: \"head_sha\" is a required property",
        );
        let action =
            json!({"label": "a label that is far too long", "description": "", "identifier": "i"});
        check_body(
            create,
            &json!({"name": "x", "head_sha": "a", "actions": [action]}),
            "body at `/actions/0/label`: \"a label that is far too long\" is longer than 20 characters",
        );
        let annotation = json!({"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"});
        let many = json!({"name": "x", "head_sha": "a",
            "output": {"title": "t", "summary": "s", "annotations": vec![annotation; 51]}});
        let found = contract().breaches(create, &BTreeMap::new(), Some(&many));
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("/output/annotations"), "{found:?}");
    }

    #[test]
    fn unknown_query_parameters_are_breaches() {
        let operation = ("GET", "/repos/{owner}/{repo}/pulls");
        let query = |text: &str| BTreeMap::from([(text.to_owned(), "1".to_owned())]);
        assert!(contract().breaches(operation, &query("per_page"), None).is_empty());
        assert_eq!(
            contract().breaches(operation, &query("perpage"), None),
            ["unknown query parameter `perpage`"]
        );
        assert_eq!(
            contract().breaches(operation, &query("state"), None),
            ["query parameter `state` cannot be `1`"]
        );
    }
}
