//! The reference page and the JSON Schema of the repository file, both derived from the table.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::checked::WEIGHTS;
use super::effective::{effective, value_of};
use super::fixers::{FIXER_NAME_CHARS_MAX, FIXERS_MAX, fixer_form};
use super::keys::{ITEMS_MAX, KEYS, TEXT_CHARS_MAX, keys_of};
use super::raw::FILE_BYTES_MAX;
use super::shape::{Key, Shape};
use crate::domain::agent::AgentName;
use crate::domain::gate::content::adjustable;
use crate::domain::granularity::Granularity;
use crate::domain::model::NAME_BYTES_MAX;
use crate::domain::policy::{POLICY_FILE, Policy};
use crate::domain::protected::{Protection, built_in};

/// The JSON Schema (draft 7, which editors understand) of the repository file.
pub fn schema() -> Value {
    let defaults = effective(&Policy::default());
    let mut schema = group_schema("", &defaults);
    for (name, value) in [
        ("$schema", "http://json-schema.org/draft-07/schema#"),
        ("title", "selfheal's repository file"),
        ("description", "What a repository allows selfheal to do: .github/selfheal.yml."),
    ] {
        let _ = schema.insert(name.to_owned(), json!(value));
    }
    sorted(Value::Object(schema))
}

fn group_schema(group: &str, defaults: &Value) -> Map<String, Value> {
    let properties: Map<String, Value> =
        keys_of(group).map(|key| (key.name().to_owned(), key_schema(key, defaults))).collect();
    let mut schema = Map::new();
    let _ = schema.insert("type".to_owned(), json!("object"));
    let _ = schema.insert("additionalProperties".to_owned(), json!(false));
    let _ = schema.insert("properties".to_owned(), Value::Object(properties));
    schema
}

fn key_schema(key: &Key, defaults: &Value) -> Value {
    let text = json!({ "type": "string", "minLength": 1, "maxLength": TEXT_CHARS_MAX });
    let list = |items: Value, least: usize, most: usize| {
        let mut list = json!({ "type": "array", "items": items });
        list["minItems"] = json!(least);
        list["maxItems"] = json!(most);
        list
    };
    let mut schema = match key.shape {
        Shape::Group { list: None } => Value::Object(group_schema(key.path, defaults)),
        Shape::Group { list: Some(_) } => {
            json!({ "anyOf": [group_schema(key.path, defaults), list(text, 0, ITEMS_MAX)] })
        }
        Shape::Flag(_) => json!({ "type": "boolean" }),
        Shape::Integer { min, max, .. } => {
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        Shape::Choice(choices) => {
            json!({ "enum": choices.iter().map(|(word, _)| word).collect::<Vec<_>>() })
        }
        Shape::Text { .. } => text,
        Shape::Texts { least, .. } => list(text, least, ITEMS_MAX),
        Shape::Words { words, .. } => list(json!({ "enum": words }), 1, ITEMS_MAX),
        Shape::Fixers => list(fixer_schema(), 1, FIXERS_MAX),
        Shape::Weights => weights_schema(),
    };
    if let Some(object) = schema.as_object_mut() {
        let _ = object.insert("description".to_owned(), json!(key.meaning));
        if let Some(default) = value_of(defaults, key).filter(|_| !key.example.is_empty()) {
            let _ = object.insert("default".to_owned(), default.clone());
        }
    }
    schema
}

fn weights_schema() -> Value {
    let rules: Map<String, Value> =
        adjustable().map(|rule| (rule.to_owned(), json!({ "enum": WEIGHTS }))).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": rules })
}

fn fixer_schema() -> Value {
    let name = json!({
        "type": "string",
        "pattern": format!("^[A-Za-z0-9_.-]{{1,{FIXER_NAME_CHARS_MAX}}}$"),
    });
    let line = json!({ "type": "string", "minLength": 1, "maxLength": TEXT_CHARS_MAX });
    let model = json!({
        "type": "string",
        "pattern": format!("^[A-Za-z0-9_.:/@][A-Za-z0-9_.:/@-]{{0,{}}}$", NAME_BYTES_MAX - 1),
    });
    let each: Map<String, Value> = Granularity::WORKED_ON
        .map(|granularity| (granularity.to_string(), model.clone()))
        .into_iter()
        .collect();
    let model = json!({ "anyOf": [
        model,
        { "type": "object", "additionalProperties": false, "minProperties": 1, "properties": each },
    ] });
    let agents: Vec<&str> = AgentName::all().map(AgentName::as_str).collect();
    let recipes = json!({ "type": "array", "items": name, "maxItems": ITEMS_MAX });
    json!({ "anyOf": [
        { "const": "recipes" },
        { "enum": agents },
        keys_schema("recipes", &json!({ "recipes": recipes })),
        keys_schema("agent", &json!({ "agent": { "enum": agents }, "model": model })),
        keys_schema("acp", &json!({ "acp": line, "name": name, "model": model })),
        keys_schema("agentapi", &json!({ "agentapi": line, "name": name, "model": model })),
        keys_schema("command", &json!({ "command": line, "name": name })),
    ] })
}

fn keys_schema(required: &str, properties: &Value) -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": [required],
        "properties": properties,
    })
}

/// The same value with sorted keys, whatever order the JSON library was built to keep.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.into_iter().collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            entries.into_iter().map(|(key, value)| (key, sorted(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

/// The reference page, in Markdown.
pub fn docs() -> String {
    let defaults = effective(&Policy::default());
    let mut page = format!(
        "<!-- Generated from src/config/repository/keys.rs by \
         `BLESS=1 cargo test --lib config::` -->\n\
         # The repository file\n\n\
         A repository says what it allows and wants in `{POLICY_FILE}`. The file is read from the \
         **base** branch, never from a pull request's head, so nobody can change the rules for \
         their own pull request. Without the file, or with an empty one, every key has its \
         default.\n\n\
         - [An example](selfheal.example.yml) uses every key. `selfheal check-config FILE` says \
         what is wrong with a file, or prints the policy that it makes.\n\
         - Editors check the file by [its schema](schemas/selfheal.schema.json): put \
         `# yaml-language-server: $schema=…` or the key `$schema` at its top.\n\
         - It has at most {kilobytes} KiB; a list has at most {ITEMS_MAX} items. A list replaces \
         its default. Anchors, aliases and merge keys work within bounds.\n\
         - A wrong file stops selfheal in that repository, and the check run says line, key, value \
         and what is allowed.\n\n\
         ## Keys\n\n",
        kilobytes = FILE_BYTES_MAX / 1024,
    );
    table(&mut page, "", &defaults);
    for group in KEYS.iter().filter(|key| matches!(key.shape, Shape::Group { .. })) {
        let _ = write!(page, "\n### `{}`\n\n{}\n\n", group.path, group.meaning);
        table(&mut page, group.path, &defaults);
    }
    built_in_paths(&mut page);
    page
}

fn table(page: &mut String, group: &str, defaults: &Value) {
    page.push_str(
        "| key | allowed | default | meaning | example |\n| --- | --- | --- | --- | --- |\n",
    );
    for key in keys_of(group) {
        if matches!(key.shape, Shape::Group { .. }) {
            let _ = writeln!(page, "| [`{0}`](#{0}) | keys | | see below | |", key.path);
            continue;
        }
        let default = match value_of(defaults, key) {
            Some(default) => format!("`{default}`"),
            None => "–".to_owned(),
        };
        let _ = writeln!(
            page,
            "| `{}` | {} | {default} | {} | `{}` |",
            key.path,
            allowed(key),
            key.meaning,
            key.example
        );
    }
}

/// What may stand at a key, in words, with its unit.
fn allowed(key: &Key) -> String {
    match key.shape {
        Shape::Group { .. } => "keys".to_owned(),
        Shape::Flag(_) => "`true`, `false`".to_owned(),
        Shape::Integer { min, max, .. } if min == max => format!("{min}"),
        Shape::Integer { min, max, .. } => format!("{min} to {max} {}", key.unit),
        Shape::Choice(choices) => code(choices.iter().map(|(word, _)| *word)),
        Shape::Text { form, .. } => form.to_owned(),
        Shape::Texts { form, .. } => format!("list, each {form}"),
        Shape::Words { words, .. } => format!("list of {}", code(words.iter().copied())),
        Shape::Fixers => format!("list, each {}; at most {FIXERS_MAX}", fixer_form()),
        Shape::Weights => format!("rules, each with {}", code(WEIGHTS.into_iter())),
    }
}

fn code<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn built_in_paths(page: &mut String) {
    page.push_str(
        "\n## Built-in protected paths\n\n\
         | pattern | a fix that touches it | because it |\n| --- | --- | --- |\n",
    );
    for rule in built_in() {
        let ending = match rule.protection {
            Protection::Hold => "waits for a person",
            Protection::Refuse => "is refused",
        };
        let _ = writeln!(page, "| `{}` | {ending} | {} |", rule.pattern, rule.why);
    }
}
