//! Go: functions named `Test…`, subtests by `t.Run`, and conditions that end in `t.Errorf`.

use tree_sitter::Node;

use crate::weakening::assertions::{self, is_length};
use crate::weakening::model::{Assertion, Mark, Silence, Strength, UnitKind};
use crate::weakening::reader::{Enter, Language, Reader};
use crate::weakening::silencers;
use crate::weakening::tokens::{line_of, words};

/// Go.
pub const GO: Language = Language {
    grammar: || tree_sitter_go::LANGUAGE.into(),
    look,
    calls: &["call_expression"],
    conditions: &["go_statement"],
    rows: (&[], &[]),
    pairs: &["keyed_element"],
};

const TESTS: &[&str] = &["Test", "Fuzz", "Example", "Benchmark"];

fn look(reader: &mut Reader<'_>, node: Node<'_>) -> Enter {
    match node.kind() {
        "comment" => {
            let text = reader.text(node);
            if text.starts_with("//go:build") || text.starts_with("// +build") {
                let mark = Mark { text: text.to_owned(), line: line_of(node) };
                reader.unit().skips.push(mark);
            }
            silencers::of_comment(reader, node);
            Enter::Skip
        }
        "function_declaration" | "method_declaration" => {
            let name = node.child_by_field_name("name").map_or("", |name| reader.text(name));
            let kind = if is_test(name) { UnitKind::Test } else { UnitKind::Helper };
            reader.start(kind, name, node, node.child_by_field_name("body"))
        }
        "call_expression" => subtest(reader, node),
        "if_statement" => condition(reader, node),
        "expression_switch_statement" | "type_switch_statement" | "select_statement" => {
            if is_certain(reader, node) {
                Enter::Plain
            } else {
                Enter::Condition
            }
        }
        "literal_value" => {
            table(reader, node);
            Enter::Plain
        }
        "expression_statement" if matches!(reader.text(node), "recover()") => {
            let mark = reader.mark(node);
            reader.silence(Silence::Swallowed, "dropped", mark);
            Enter::Plain
        }
        "short_var_declaration" | "assignment_statement" => {
            drops(reader, node);
            Enter::Plain
        }
        _ => Enter::Plain,
    }
}

fn is_test(name: &str) -> bool {
    let rest = TESTS.iter().find_map(|start| name.strip_prefix(start));
    name != "TestMain"
        && rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_lowercase()))
}

/// `t.Run("name", func(t *testing.T) { … })`.
fn subtest(reader: &mut Reader<'_>, node: Node<'_>) -> Enter {
    let callee = node.child_by_field_name("function").map_or("", |callee| reader.text(callee));
    let args = node.child_by_field_name("arguments").filter(|_| callee.ends_with(".Run"));
    let Some(args) = args else { return Enter::Plain };
    let (Some(name), Some(function)) = (args.named_child(0), args.named_child(1)) else {
        return Enter::Plain;
    };
    if !name.kind().contains("string_literal") || function.kind() != "func_literal" {
        return Enter::Plain;
    }
    let outer = reader.unit().name.clone();
    let name = format!("{outer}/{}", reader.text(name).trim_matches(['"', '`']));
    reader.start(UnitKind::Test, &name, node, function.child_by_field_name("body"))
}

/// Whether every arm but one fails the test, so that what is asserted in that one is always
/// asserted: a deadline that is missed, a kind that nobody expected.
fn is_certain(reader: &Reader<'_>, node: Node<'_>) -> bool {
    let mut cursor = node.walk();
    let arms: Vec<Node<'_>> =
        node.named_children(&mut cursor).filter(|arm| arm.kind().ends_with("_case")).collect();
    let fails = |arm: &&Node<'_>| {
        let mut inner = Vec::new();
        let mut cursor = arm.walk();
        for statement in arm.named_children(&mut cursor) {
            let mut cursor = statement.walk();
            inner.extend(statement.named_children(&mut cursor));
            inner.push(statement);
        }
        inner.iter().any(|statement| {
            statement.kind() == "expression_statement" && is_fail(reader.text(*statement))
        })
    };
    // A select waits until one of its arms is taken, a switch goes on without any.
    let has_all =
        node.kind() == "select_statement" || arms.iter().any(|arm| arm.kind() == "default_case");
    has_all && arms.len() > 1 && arms.iter().filter(fails).count() + 1 == arms.len()
}

/// Whether a call ends a test as failed.
fn is_fail(text: &str) -> bool {
    let name = text.split('(').next().unwrap_or_default();
    name.rsplit_once('.').is_some_and(|(_, last)| {
        matches!(last, "Error" | "Errorf" | "Fatal" | "Fatalf" | "Fail" | "FailNow")
    })
}

/// `if got != want { t.Errorf(…) }` asserts that `got == want`.
fn condition(reader: &mut Reader<'_>, node: Node<'_>) -> Enter {
    let body = node.child_by_field_name("consequence");
    let fails = body.is_some_and(|body| {
        let mut cursor = body.walk();
        let statements: Vec<Node<'_>> = body.named_children(&mut cursor).collect();
        // A grammar may put a list of statements between.
        let mut inner = Vec::new();
        for statement in statements {
            if statement.kind() == "statement_list" {
                let mut cursor = statement.walk();
                inner.extend(statement.named_children(&mut cursor));
            } else {
                inner.push(statement);
            }
        }
        inner.iter().any(|statement| is_fail(reader.text(*statement)))
    });
    let condition = node.child_by_field_name("condition").filter(|_| fails);
    let (Some(condition), Some(body)) = (condition, body) else { return Enter::Condition };
    let tokens = reader.tokens(condition);
    let mut assertion = turned(assertions::of_condition(&tokens, "if", line_of(node)));
    if let Some(before) = node.child_by_field_name("initializer") {
        let before = words(&reader.tokens(before));
        assertion.subject = format!("{before} ; {}", assertion.subject);
    }
    reader.assert(assertion, node);
    reader.quiet_until(body.end_byte());
    Enter::Plain
}

/// What is asserted where the condition leads to a failure.
fn turned(assertion: Assertion) -> Assertion {
    let is_equality = ["DeepEqual (", "Equal (", "EqualFold (", "Is ("]
        .iter()
        .any(|part| assertion.subject.contains(part));
    let operator = assertion.verb.rsplit(' ').next().unwrap_or_default();
    let has_two =
        assertion.expected.iter().chain([&assertion.subject]).any(|text| text.contains(" && "));
    let strength = match operator {
        _ if has_two => Strength::Property,
        "!=" if is_length(&assertion.subject) => Strength::Part,
        "!=" => Strength::Exact,
        "==" if assertion.expected.iter().any(|part| part == "nil") => Strength::Something,
        "==" => Strength::Property,
        "<" | ">" | "<=" | ">=" => Strength::Part,
        _ if is_of_itself(&assertion.subject) => Strength::Vacuous,
        _ if assertion.strength == Strength::Vacuous => Strength::Vacuous,
        _ if assertion.subject.contains("strings . Contains (") => Strength::Part,
        _ if assertion.subject.contains(" || ") || is_equality => Strength::Exact,
        _ => assertion.strength,
    };
    Assertion { strength, ..assertion }
}

/// Whether two things are compared that are the same: `! errors . Is ( err , err )`.
fn is_of_itself(condition: &str) -> bool {
    let Some((name, inside)) = condition.split_once(" ( ") else { return false };
    let compares = ["Is", "As", "DeepEqual", "Equal"].iter().any(|end| name.ends_with(end));
    let inside = inside.strip_suffix(" )").and_then(|inside| inside.split_once(" , "));
    compares && inside.is_some_and(|(left, right)| left == right)
}

/// Rows of a table of tests.
fn table(reader: &mut Reader<'_>, node: Node<'_>) {
    let mut cursor = node.walk();
    let mut rows = Vec::new();
    for element in node.named_children(&mut cursor) {
        let value = match element.kind() {
            "keyed_element" => element.named_child(1),
            "literal_element" => Some(element),
            _ => None,
        };
        let inner = value.and_then(|value| value.named_child(0));
        let is_row = inner
            .is_some_and(|inner| matches!(inner.kind(), "literal_value" | "composite_literal"));
        if is_row {
            rows.push(reader.mark(element));
        }
    }
    reader.add_cases(node, rows);
}

/// `_ = f()` and `x, _ := f()`.
fn drops(reader: &mut Reader<'_>, node: Node<'_>) {
    let left = node.child_by_field_name("left").map_or("", |left| reader.text(left));
    let right = node.child_by_field_name("right");
    let is_call = right
        .and_then(|right| right.named_child(0))
        .is_some_and(|value| value.kind() == "call_expression");
    let last = left.rsplit(',').next().unwrap_or_default().trim();
    if last.to_lowercase().ends_with("err") {
        reader.unit().errors += 1;
    }
    if is_call && last == "_" {
        let mark = reader.mark(node);
        reader.silence(Silence::Swallowed, "dropped", mark);
    }
}
