//! Java: annotated methods (JUnit 4 and 5, TestNG), fluent and static assertions.

use tree_sitter::Node;

use crate::weakening::assertions;
use crate::weakening::model::{Assertion, Mark, Silence, Strength, Unit, UnitKind};
use crate::weakening::reader::{Enter, Language, Reader, Scope};
use crate::weakening::silencers;
use crate::weakening::tokens::{Token, arguments, closing, line_of, split, words};

/// Java.
pub const JAVA: Language = Language {
    grammar: || tree_sitter_java::LANGUAGE.into(),
    look,
    calls: &["method_invocation"],
    conditions: &["if_statement", "switch_expression", "ternary_expression", "catch_clause"],
    rows: (&["array_initializer"], &["array_initializer", "object_creation_expression"]),
    pairs: &["element_value_pair"],
};

const TESTS: &[&str] = &[
    "Test",
    "ParameterizedTest",
    "RepeatedTest",
    "TestFactory",
    "TestTemplate",
    "Property",
    "RepeatedIfExceptionsTest",
    "RetryingTest",
    "CartesianTest",
    "ArchTest",
];

fn look(reader: &mut Reader<'_>, node: Node<'_>) -> Enter {
    match node.kind() {
        "line_comment" | "block_comment" => {
            silencers::of_comment(reader, node);
            Enter::Skip
        }
        "marker_annotation" | "annotation" => {
            let mark = reader.mark(node);
            if mark.text.starts_with("@ Suppress") || mark.text.starts_with("@ Generated") {
                reader.silence(Silence::Suppression, "java-annotation", mark);
            }
            Enter::Plain
        }
        "method_declaration" => method(reader, node),
        "class_declaration" => {
            let name = node.child_by_field_name("name").map_or("", |name| reader.text(name));
            let skips = annotations(reader, node).into_iter().filter(is_skip).collect();
            Enter::Scope(Scope { name: name.to_owned(), skips, ..Scope::default() })
        }
        "assert_statement" => {
            let tokens = reader.tokens(node);
            let condition =
                split(tokens.get(1..).unwrap_or_default(), |text| matches!(text, ":" | ";"));
            if let Some(condition) = condition.first() {
                let assertion = assertions::of_condition(condition, "assert", line_of(node));
                reader.assert(assertion, node);
            }
            Enter::Plain
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
        _ => Enter::Plain,
    }
}

/// The annotations of a declaration.
fn annotations(reader: &Reader<'_>, node: Node<'_>) -> Vec<Mark> {
    let mut cursor = node.walk();
    let Some(modifiers) =
        node.named_children(&mut cursor).find(|child| child.kind() == "modifiers")
    else {
        return Vec::new();
    };
    let mut cursor = modifiers.walk();
    modifiers
        .named_children(&mut cursor)
        .filter(|child| child.kind().ends_with("annotation"))
        .map(|child| reader.mark(child))
        .collect()
}

/// The name of `@ Name ( … )`.
fn name_of(annotation: &Mark) -> &str {
    annotation.text.split(['(', ' ', '@']).find(|part| !part.is_empty()).unwrap_or_default()
}

fn is_skip(annotation: &Mark) -> bool {
    let name = name_of(annotation);
    name.starts_with("Disabled")
        || name.starts_with("EnabledIf")
        || name.starts_with("EnabledOn")
        || name == "Ignore"
        || annotation.text.contains("enabled = false")
}

fn method(reader: &mut Reader<'_>, node: Node<'_>) -> Enter {
    let name = node.child_by_field_name("name").map_or("", |name| reader.text(name));
    let annotations = annotations(reader, node);
    // JUnit runs none that are private, and TestNG neither.
    let is_test =
        annotations.iter().any(|mark| TESTS.contains(&name_of(mark))) && !is_private(reader, node);
    if !is_test && reader.is_in_unit() {
        return Enter::Plain;
    }
    let kind = if is_test { UnitKind::Test } else { UnitKind::Helper };
    let mut enter = reader.start(kind, name, node, node.child_by_field_name("body"));
    if let Enter::Unit(start) = &mut enter {
        for mark in annotations {
            annotate(&mut start.unit, mark);
        }
        let mut cursor = node.walk();
        if let Some(modifiers) =
            node.named_children(&mut cursor).find(|child| child.kind() == "modifiers")
        {
            start.unit.cases = sources(&reader.tokens(modifiers));
        }
    }
    enter
}

fn is_private(reader: &Reader<'_>, node: Node<'_>) -> bool {
    let mut cursor = node.walk();
    let modifiers = node.named_children(&mut cursor).find(|child| child.kind() == "modifiers");
    modifiers.is_some_and(|at| reader.tokens(at).iter().any(|token| token.text == "private"))
}

fn annotate(unit: &mut Unit, mark: Mark) {
    let expected = mark.text.split_once("expected = ").map(|(_, rest)| rest);
    if let Some(expected) =
        expected.or_else(|| mark.text.split_once("expectedExceptions = ").map(|(_, rest)| rest))
    {
        let expected: String =
            expected.split([',', ')']).next().unwrap_or_default().trim().to_owned();
        let is_any = expected.starts_with("Exception .") || expected.starts_with("Throwable .");
        unit.assertions.push(Assertion {
            verb: "expected".to_owned(),
            subject: "the test".to_owned(),
            strength: if is_any { Strength::Something } else { Strength::Part },
            expected: vec![expected],
            conditions: 0,
            line: mark.line,
            said: String::new(),
            is_awaited: false,
        });
    }
    unit.sources.extend(source_of(&mark, &unit.name));
    match name_of(&mark) {
        "Timeout" => unit.waits.extend(silencers::amount_of("timeout", &mark)),
        "RetryingTest" | "RepeatedIfExceptionsTest" | "Retry" | "Flaky" => {
            unit.retries.extend(silencers::amount_of("retry", &mark));
        }
        name if name.starts_with("Before") => unit.is_hook = true,
        _ if is_skip(&mark) => unit.skips.push(mark),
        _ => {}
    }
}

/// The names of what gives a test its arguments: `@MethodSource("fees")`.
fn source_of(mark: &Mark, method: &str) -> Vec<String> {
    let name = name_of(mark);
    if !matches!(name, "MethodSource" | "FieldSource") && !mark.text.contains("dataProvider = ") {
        return Vec::new();
    }
    if !mark.text.contains('"') {
        return vec![method.to_owned()];
    }
    mark.text.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The values of `@ValueSource(ints = {1, 2})`, `@CsvSource({"a, 1"})`.
fn sources(tokens: &[Token<'_>]) -> Vec<Mark> {
    let mut cases = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if !token.text.ends_with("Source") || tokens.get(at + 1).is_none_or(|next| next.text != "(")
        {
            continue;
        }
        let inside = tokens.get(at + 2..closing(tokens, at + 1)).unwrap_or_default();
        let list = inside.iter().position(|token| token.text == "{");
        let values = match list {
            Some(open) => inside.get(open + 1..closing(inside, open)).unwrap_or_default(),
            None => inside,
        };
        // Rows may stand in one text, a line each.
        let block = inside.iter().find(|token| token.text.starts_with("\"\"\""));
        if let Some(block) = block {
            let lines = (block.line..).zip(block.text.trim_matches('"').lines());
            let rows =
                lines.map(|(line, row)| (line, row.trim())).filter(|(_, row)| !row.is_empty());
            cases.extend(rows.map(|(line, row)| Mark { text: format!("\"{row}\""), line }));
            continue;
        }
        let mark = |arg: &&[Token<'_>]| Mark {
            text: words(arg),
            line: arg.first().map_or(token.line, |token| token.line),
        };
        cases.extend(arguments(values).iter().map(mark));
    }
    cases
}

fn handler(reader: &mut Reader<'_>, node: Node<'_>) {
    let Some(body) = node.child_by_field_name("body") else { return };
    let head = reader.source.get(node.start_byte()..body.start_byte()).unwrap_or_default().trim();
    let mark = Mark { text: head.to_owned(), line: line_of(node) };
    let is_broad = head
        .split(|c: char| !c.is_alphanumeric())
        .any(|word| matches!(word, "Exception" | "Throwable"));
    if silencers::is_empty(body) {
        reader.silence(Silence::Swallowed, "dropped", mark);
    } else if is_broad
        && !reader.text(body).contains("throw ")
        && !reader.text(body).contains("fail(")
    {
        reader.silence(Silence::Swallowed, "broad", mark);
    }
}
