//! C#: methods with attributes (xUnit, NUnit, MSTest), static and fluent assertions.

use tree_sitter::Node;

use crate::weakening::model::{Assertion, Mark, Silence, Strength, Unit, UnitKind};
use crate::weakening::reader::{Enter, Language, Reader, Scope};
use crate::weakening::silencers;
use crate::weakening::tokens::line_of;

/// C#.
pub const CSHARP: Language = Language {
    grammar: || tree_sitter_c_sharp::LANGUAGE.into(),
    look,
    calls: &["invocation_expression"],
    conditions: &[
        "if_statement",
        "switch_statement",
        "conditional_expression",
        "catch_clause",
        "preproc_if",
    ],
    rows: (
        &["initializer_expression"],
        &["initializer_expression", "array_creation_expression", "object_creation_expression"],
    ),
    pairs: &["assignment_expression"],
};

const TESTS: &[&str] = &[
    "Fact",
    "Theory",
    "Test",
    "TestCase",
    "TestCaseSource",
    "TestMethod",
    "DataTestMethod",
    "Property",
    "SkippableFact",
    "SkippableTheory",
    "RetryFact",
    "RetryTheory",
    "Combinatorial",
];

fn look(reader: &mut Reader<'_>, node: Node<'_>) -> Enter {
    match node.kind() {
        "comment" => {
            silencers::of_comment(reader, node);
            Enter::Skip
        }
        "preproc_pragma" | "preproc_nullable" => {
            let text = reader.text(node).trim().to_owned();
            if text.contains("disable") {
                reader.silence(Silence::Suppression, "csharp", Mark { text, line: line_of(node) });
            }
            Enter::Skip
        }
        "attribute" => {
            let mark = reader.mark(node);
            let name = name_of(&mark);
            if name.contains("SuppressMessage") || name.contains("ExcludeFromCodeCoverage") {
                reader.silence(Silence::Suppression, "csharp-attribute", mark);
            }
            Enter::Plain
        }
        // Tests that only some builds have.
        "preproc_if" if !reader.is_in_unit() => {
            let condition = node.child_by_field_name("condition").map(|at| reader.mark(at));
            let skips =
                condition.into_iter().map(|it| Mark { text: format!("# if {}", it.text), ..it });
            Enter::Scope(Scope { skips: skips.collect(), ..Scope::default() })
        }
        "method_declaration" => method(reader, node),
        "class_declaration" => {
            let name = node.child_by_field_name("name").map_or("", |name| reader.text(name));
            let skips = attributes(reader, node).into_iter().filter(is_skip).collect();
            Enter::Scope(Scope { name: name.to_owned(), skips, ..Scope::default() })
        }
        "try_statement" => {
            let mut cursor = node.walk();
            let catches =
                node.named_children(&mut cursor).any(|child| child.kind() == "catch_clause");
            if catches { Enter::Condition } else { Enter::Plain }
        }
        "catch_clause" => {
            handler(reader, node);
            Enter::Plain
        }
        "postfix_unary_expression" if reader.text(node).ends_with('!') => {
            let mark = reader.mark(node);
            reader.silence(Silence::TypeEscape, "null", mark);
            Enter::Plain
        }
        _ => Enter::Plain,
    }
}

/// What a case asserts that names the result of its test.
const RESULT: &str = "expectedresult";

fn attributes(reader: &Reader<'_>, node: Node<'_>) -> Vec<Mark> {
    let mut cursor = node.walk();
    let lists: Vec<Node<'_>> =
        node.named_children(&mut cursor).filter(|child| child.kind() == "attribute_list").collect();
    let mut marks = Vec::new();
    for list in lists {
        let mut cursor = list.walk();
        let inside = list.named_children(&mut cursor).filter(|child| child.kind() == "attribute");
        marks.extend(inside.map(|attribute| reader.mark(attribute)));
    }
    marks
}

/// The name of `Name ( … )`, without its namespace.
fn name_of(attribute: &Mark) -> &str {
    let name = attribute.text.split('(').next().unwrap_or_default().trim();
    name.rsplit(". ").next().unwrap_or(name).trim_end_matches("Attribute")
}

fn is_skip(attribute: &Mark) -> bool {
    matches!(name_of(attribute), "Ignore" | "Explicit")
        || attribute.text.contains("Skip =")
        || attribute.text.contains("Ignore =")
}

fn method(reader: &mut Reader<'_>, node: Node<'_>) -> Enter {
    let name = node.child_by_field_name("name").map_or("", |name| reader.text(name));
    let attributes = attributes(reader, node);
    let is_test = attributes.iter().any(|mark| TESTS.contains(&name_of(mark)));
    if !is_test && reader.is_in_unit() {
        return Enter::Plain;
    }
    let kind = if is_test { UnitKind::Test } else { UnitKind::Helper };
    let mut enter = reader.start(kind, name, node, node.child_by_field_name("body"));
    if let Enter::Unit(start) = &mut enter {
        for mark in attributes {
            attribute(&mut start.unit, mark);
        }
    }
    enter
}

fn attribute(unit: &mut Unit, mark: Mark) {
    if matches!(name_of(&mark), "MemberData" | "TestCaseSource" | "DynamicData") {
        let words = mark.text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        unit.sources.extend(words.skip(1).filter(|word| *word != "nameof").map(str::to_owned));
    }
    let gives_result = |it: &Assertion| it.verb == RESULT;
    if mark.text.contains("ExpectedResult =") && !unit.assertions.iter().any(gives_result) {
        unit.assertions.push(Assertion {
            verb: RESULT.to_owned(),
            subject: "the test".to_owned(),
            expected: Vec::new(),
            strength: Strength::Exact,
            conditions: 0,
            line: mark.line,
            said: "ExpectedResult".to_owned(),
            is_awaited: false,
        });
    }
    match name_of(&mark) {
        _ if is_skip(&mark) => unit.skips.push(mark),
        "SetUp" | "OneTimeSetUp" | "TestInitialize" | "ClassInitialize" => unit.is_hook = true,
        "InlineData" | "TestCase" | "DataRow" | "Row" if mark.text.contains('(') => {
            unit.cases.push(mark);
        }
        "Timeout" | "MaxTime" | "CancelAfter" => {
            unit.waits.extend(silencers::amount_of("timeout", &mark));
        }
        "Retry" | "RetryFact" | "RetryTheory" | "Repeat" => {
            unit.retries.extend(silencers::amount_of("retry", &mark));
        }
        _ => {}
    }
}

fn handler(reader: &mut Reader<'_>, node: Node<'_>) {
    let Some(body) = node.child_by_field_name("body") else { return };
    let head = reader.source.get(node.start_byte()..body.start_byte()).unwrap_or_default().trim();
    let mark = Mark { text: head.to_owned(), line: line_of(node) };
    let is_broad =
        head == "catch" || head.contains("(Exception") || head.contains("System.Exception");
    let is_filtered = head.contains("when");
    if silencers::is_empty(body) {
        reader.silence(Silence::Swallowed, "dropped", mark);
    } else if is_broad && !is_filtered && !reader.text(body).contains("throw") {
        reader.silence(Silence::Swallowed, "broad", mark);
    }
}
