//! Rust: `#[test]` functions and their kin, macros that assert, lint attributes.
//!
//! What stands inside of other macros is tokens to the grammar and is not seen.

use tree_sitter::Node;

use crate::weakening::model::{Assertion, Include, Mark, Silence, Strength, UnitKind};
use crate::weakening::reader::{Enter, Language, Reader, Scope};
use crate::weakening::silencers;
use crate::weakening::tokens::{arguments, closing, line_of, words};

/// Rust.
pub const RUST: Language = Language {
    grammar: || tree_sitter_rust::LANGUAGE.into(),
    look,
    calls: &["call_expression", "macro_invocation"],
    conditions: &["if_expression"],
    rows: (&["array_expression"], &["tuple_expression", "struct_expression"]),
    pairs: &["field_initializer"],
};

/// Attributes whose last word makes a function a test.
const TESTS: &[&str] = &[
    "test",
    "rstest",
    "test_case",
    "quickcheck",
    "wasm_bindgen_test",
    "gtest",
    "proptest",
    "bench",
];

fn look(reader: &mut Reader<'_>, node: Node<'_>) -> Enter {
    match node.kind() {
        "line_comment" | "block_comment" => {
            silencers::of_comment(reader, node);
            Enter::Skip
        }
        "attribute_item" => {
            let mark = reader.mark(node);
            lint(reader, &mark);
            reader.pending.push(mark);
            Enter::Skip
        }
        "inner_attribute_item" => {
            let mark = reader.mark(node);
            lint(reader, &mark);
            if mark.text.contains("cfg (") && !is_plain_test(&mark.text) {
                reader.unit().skips.push(mark);
            }
            Enter::Skip
        }
        "function_item" => function(reader, node),
        "mod_item" => module(reader, node),
        "match_expression" => {
            reader.pending.clear();
            if is_certain(reader, node) { Enter::Plain } else { Enter::Condition }
        }
        other => {
            reader.pending.clear();
            statement(reader, node, other);
            Enter::Plain
        }
    }
}

/// The name of an attribute: `tokio :: test` of `# [ tokio :: test ( … ) ]`.
fn name_of(attribute: &str) -> &str {
    let inside = attribute.trim_start_matches(['#', '!', ' ', '[']);
    inside.split(['(', '=', ']']).next().unwrap_or_default().trim()
}

fn is_plain_test(attribute: &str) -> bool {
    attribute.contains("cfg ( test )") || attribute.contains("cfg ( all ( test")
}

fn lint(reader: &mut Reader<'_>, mark: &Mark) {
    let name = name_of(&mark.text);
    let allows = |text: &str| text.contains("allow (") || text.contains("expect (");
    let in_part = name == "cfg_attr" && allows(&mark.text);
    if matches!(name, "allow" | "expect" | "coverage" | "rustfmt :: skip") || in_part {
        reader.silence(Silence::Suppression, "rust-lint", mark.clone());
    }
}

fn function(reader: &mut Reader<'_>, node: Node<'_>) -> Enter {
    let attributes = std::mem::take(&mut reader.pending);
    let name = node.child_by_field_name("name").map_or("", |name| reader.text(name));
    let is_test = attributes.iter().any(|mark| {
        name_of(&mark.text).rsplit(":: ").next().is_some_and(|last| TESTS.contains(&last))
    });
    if !is_test && reader.is_in_unit() {
        return Enter::Plain;
    }
    let kind = if is_test { UnitKind::Test } else { UnitKind::Helper };
    let mut enter = reader.start(kind, name, node, node.child_by_field_name("body"));
    let Enter::Unit(start) = &mut enter else { return enter };
    let unit = &mut start.unit;
    for mark in attributes.into_iter().filter(|_| is_test) {
        // A case may have a name: `#[case::empty("")]`.
        match name_of(&mark.text).split(" ::").next().unwrap_or_default() {
            "ignore" => unit.skips.push(mark),
            "cfg" if !is_plain_test(&mark.text) => unit.skips.push(mark),
            "cfg_attr" if mark.text.contains("ignore") => unit.skips.push(mark),
            "should_panic" => {
                unit.assertions.push(panics(&mark));
                unit.skips.push(Mark { text: "# [ should_panic ]".to_owned(), line: mark.line });
            }
            "case" | "test_case" => unit.cases.push(mark),
            "timeout" => unit.waits.extend(silencers::amount_of("timeout", &mark)),
            "retry" | "flaky_test" => unit.retries.extend(silencers::amount_of("retry", &mark)),
            _ => {}
        }
    }
    // `#[values(1, 2)]` stands at a parameter.
    if let Some(parameters) = node.child_by_field_name("parameters").filter(|_| is_test) {
        let tokens = reader.tokens(parameters);
        for at in (0..tokens.len()).filter(|at| tokens[*at].text == "values") {
            let end = closing(&tokens, at + 1);
            let inside = tokens.get(at + 2..end).unwrap_or_default();
            let line = tokens[at].line;
            unit.cases.extend(arguments(inside).iter().map(|arg| Mark { text: words(arg), line }));
        }
    }
    enter
}

/// Whether every arm of a match but one ends in a panic, so that what is asserted in that one is
/// always asserted.
fn is_certain(reader: &Reader<'_>, node: Node<'_>) -> bool {
    let Some(body) = node.child_by_field_name("body") else { return false };
    let mut cursor = body.walk();
    let arms: Vec<Node<'_>> =
        body.named_children(&mut cursor).filter(|arm| arm.kind() == "match_arm").collect();
    let panics = |arm: &&Node<'_>| {
        let value = arm.child_by_field_name("value").map_or("", |value| reader.text(value));
        let value = value.trim_start_matches(['{', ' ', '\n']);
        ["panic!(", "unreachable!("].iter().any(|start| value.starts_with(start))
    };
    arms.len() > 1 && arms.iter().filter(panics).count() + 1 == arms.len()
}

/// What `#[should_panic]` asserts.
fn panics(mark: &Mark) -> Assertion {
    let message =
        mark.text.split_once("expected = ").map(|(_, rest)| rest.trim_end_matches([')', ']', ' ']));
    Assertion {
        verb: "should_panic".to_owned(),
        subject: "the test".to_owned(),
        expected: message.into_iter().map(str::to_owned).collect(),
        strength: if message.is_some() { Strength::Exact } else { Strength::Something },
        conditions: 0,
        line: mark.line,
        said: String::new(),
        is_awaited: false,
    }
}

fn module(reader: &mut Reader<'_>, node: Node<'_>) -> Enter {
    let attributes = std::mem::take(&mut reader.pending);
    let name = node.child_by_field_name("name").map_or("", |name| reader.text(name));
    if node.child_by_field_name("body").is_none() {
        let is_of_tests =
            name.contains("test") || attributes.iter().any(|mark| is_plain_test(&mark.text));
        let mark = Mark { text: format!("mod {name}"), line: line_of(node) };
        reader.include(Include { mark, name: name.to_owned(), is_of_tests });
        return Enter::Skip;
    }
    let is_off = |mark: &Mark| name_of(&mark.text) == "cfg" && !is_plain_test(&mark.text);
    let skips = attributes.into_iter().filter(is_off).collect();
    Enter::Scope(Scope { name: name.to_owned(), skips, ..Scope::default() })
}

fn statement(reader: &mut Reader<'_>, node: Node<'_>, kind: &str) {
    let is_drop = match kind {
        "let_declaration" => {
            let is_nothing =
                node.child_by_field_name("pattern").is_some_and(|at| reader.text(at) == "_");
            let value = node.child_by_field_name("value").map_or("", |value| value.kind());
            is_nothing && matches!(value, "call_expression" | "await_expression")
        }
        "expression_statement" => {
            let text = reader.text(node);
            text.ends_with(".ok();") && node.byte_range().len() < 2_000
        }
        "match_arm" => {
            let pattern = node.child_by_field_name("pattern").map_or("", |at| reader.text(at));
            let value = node.child_by_field_name("value").map_or("", |at| reader.text(at));
            pattern.starts_with("Err(")
                && !pattern.contains("::")
                && matches!(value.trim(), "{}" | "()" | "{ }")
        }
        _ => false,
    };
    if is_drop {
        let mark = reader.mark(node);
        reader.silence(Silence::Swallowed, "dropped", mark);
    }
}
