//! Python: functions named `test…` (pytest), methods of test cases (unittest), `assert`.

use tree_sitter::Node;

use crate::weakening::assertions;
use crate::weakening::model::{Mark, Silence, Strength, Unit, UnitKind};
use crate::weakening::reader::{Enter, Language, Reader, Scope};
use crate::weakening::silencers;
use crate::weakening::tokens::{Token, arguments, closing, line_of, split, words};

/// Python.
pub const PYTHON: Language = Language {
    grammar: || tree_sitter_python::LANGUAGE.into(),
    look,
    calls: &["call"],
    conditions: &["if_statement", "conditional_expression", "match_statement", "except_clause"],
    rows: (&["list"], &["tuple", "list", "dictionary"]),
    pairs: &["keyword_argument", "pair"],
};

/// Decorators after which a test is not run, or not believed.
const SKIPS: &[&str] = &[
    "mark . skip",
    "mark . skipif",
    "mark . xfail",
    "unittest . skip",
    "@ skip",
    "skipIf",
    "skipUnless",
    "expectedFailure",
    "@ xfail",
];

fn look(reader: &mut Reader<'_>, node: Node<'_>) -> Enter {
    match node.kind() {
        "comment" => {
            silencers::of_comment(reader, node);
            Enter::Skip
        }
        "decorator" => {
            let mark = reader.mark(node);
            reader.pending.push(mark);
            // A list of parameters has rows of its own, taken from the mark's tokens.
            let cases = parametrized(&reader.tokens(node));
            reader.pending.extend(cases);
            Enter::Skip
        }
        "function_definition" => function(reader, node),
        "class_definition" => class(reader, node),
        "assert_statement" => {
            let tokens = reader.tokens(node);
            let condition = split(tokens.get(1..).unwrap_or_default(), |text| text == ",");
            if let Some(condition) = condition.first() {
                let mut assertion = assertions::of_condition(condition, "assert", line_of(node));
                if is_tuple(condition) {
                    assertion.strength = Strength::Vacuous;
                }
                reader.assert(assertion, node);
            }
            Enter::Plain
        }
        "with_statement" => {
            let head = reader.tokens(node);
            let is_suppressed = head.iter().take(12).any(|token| token.text == "suppress");
            if is_suppressed {
                let text = words(head.get(..head.len().min(12)).unwrap_or_default());
                let mark = Mark { text, line: line_of(node) };
                reader.silence(Silence::Swallowed, "dropped", mark);
                return Enter::Condition;
            }
            Enter::Plain
        }
        "try_statement" => {
            let mut cursor = node.walk();
            let catches =
                node.named_children(&mut cursor).any(|child| child.kind() == "except_clause");
            if catches { Enter::Condition } else { Enter::Plain }
        }
        "except_clause" => {
            handler(reader, node);
            Enter::Plain
        }
        "assignment" if !reader.is_in_unit() => {
            module_setting(reader, node);
            Enter::Plain
        }
        "type" if reader.text(node) == "Any" => {
            let mark = reader.mark(node);
            reader.silence(Silence::TypeEscape, "any", mark);
            Enter::Plain
        }
        "call" if reader.text(node).starts_with("cast(Any") => {
            let mark = reader.mark(node);
            reader.silence(Silence::TypeEscape, "any", mark);
            Enter::Plain
        }
        _ => Enter::Plain,
    }
}

/// Whether a condition is a tuple, which is always true: `assert (x == 3, "message")`.
fn is_tuple(tokens: &[Token<'_>]) -> bool {
    let inside = match tokens {
        [open, inside @ .., _] if open.text == "(" && closing(tokens, 0) + 1 == tokens.len() => {
            inside
        }
        _ => return false,
    };
    split(inside, |text| text == ",").len() > 1
}

/// Marks the pending cases, so that they are told from decorators.
const CASE: &str = "case: ";

/// The cases of `@pytest.mark.parametrize("a, b", […])`.
fn parametrized(tokens: &[Token<'_>]) -> Vec<Mark> {
    let Some(at) = tokens.iter().position(|token| matches!(token.text, "parametrize" | "expand"))
    else {
        return Vec::new();
    };
    let end = closing(tokens, at + 1);
    let args = arguments(tokens.get(at + 2..end).unwrap_or_default());
    let table = args
        .iter()
        .rev()
        .find(|arg| arg.first().is_some_and(|token| matches!(token.text, "[" | "(")));
    let Some([_, inside @ .., _]) = table else { return Vec::new() };
    let mark = |arg: &&[Token<'_>]| Mark {
        text: format!("{CASE}{}", row(arg)),
        line: arg.first().map_or(0, |token| token.line),
    };
    arguments(inside).iter().map(mark).collect()
}

/// A row without the name that it may have: `pytest.param(1, 2, id="few")` is `(1, 2)`.
fn row(tokens: &[Token<'_>]) -> String {
    let open = tokens.iter().position(|token| token.text == "(");
    let is_param = |open: &usize| tokens[..*open].last().is_some_and(|last| last.text == "param");
    let Some(open) = open.filter(is_param) else { return words(tokens) };
    let args = arguments(tokens.get(open + 1..closing(tokens, open)).unwrap_or_default());
    let is_named = |arg: &&&[Token<'_>]| arg.first().is_none_or(|token| token.text != "id");
    let parts: Vec<String> = args.iter().filter(is_named).map(|arg| words(arg)).collect();
    if let [one] = parts.as_slice() { one.clone() } else { format!("( {} )", parts.join(" , ")) }
}

/// Whether a function inside of a test is never called, or a coroutine never waited for.
fn is_idle(reader: &Reader<'_>, node: Node<'_>, name: &str) -> bool {
    const LOOK_BYTES_MAX: usize = 4 * 1024;
    let rest = reader.source.get(node.end_byte()..).unwrap_or_default();
    let rest = rest.get(..rest.len().min(LOOK_BYTES_MAX)).unwrap_or(rest);
    // Up to the next function that is not inside of this one.
    let rest = rest.split("\ndef ").next().unwrap_or_default();
    let is_coroutine = reader.text(node).starts_with("async");
    let mut uses = rest.match_indices(name);
    if is_coroutine {
        uses.all(|(at, _)| {
            let before = rest.get(..at).unwrap_or_default().trim_end();
            !(before.ends_with("await") || before.ends_with(['(', ',', '[', '=']))
        })
    } else {
        uses.next().is_none()
    }
}

fn function(reader: &mut Reader<'_>, node: Node<'_>) -> Enter {
    let marks = std::mem::take(&mut reader.pending);
    let name = node.child_by_field_name("name").map_or("", |name| reader.text(name));
    let is_found = reader.scopes.last().is_none_or(|scope| scope.is_found);
    let is_test = name.starts_with("test") && is_found && !reader.is_in_unit();
    if !is_test && reader.is_in_unit() {
        let is_named = marks.is_empty() && !name.is_empty();
        return if is_named && is_idle(reader, node, name) {
            Enter::Condition
        } else {
            Enter::Plain
        };
    }
    let kind = if is_test { UnitKind::Test } else { UnitKind::Helper };
    let mut enter = reader.start(kind, name, node, node.child_by_field_name("body"));
    if let Enter::Unit(start) = &mut enter {
        decorate(&mut start.unit, marks);
    }
    enter
}

fn decorate(unit: &mut Unit, marks: Vec<Mark>) {
    for mark in marks {
        // Its name alone: a reason may speak of anything.
        let name = mark.text.split(" (").next().unwrap_or_default();
        let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        unit.is_hook |= mark.text.contains("autouse = True");
        if let Some(case) = mark.text.strip_prefix(CASE) {
            if case.contains("mark . skip") || case.contains("mark . xfail") {
                unit.skips.push(mark.clone());
            }
            unit.cases.push(Mark { text: case.to_owned(), line: mark.line });
        } else if has(&["flaky", "retry", "rerun"]) {
            unit.retries.extend(silencers::amount_of("retry", &mark));
        } else if has(&["timeout"]) {
            unit.waits.extend(silencers::amount_of("timeout", &mark));
        } else if has(&["parametrize"]) {
            // Its rows may stand under a name of their own.
            let words = mark.text.split(' ').filter(|word| word.starts_with(char::is_alphabetic));
            unit.sources.extend(words.map(str::to_owned));
        } else if has(SKIPS) {
            unit.skips.push(mark);
        } else if has(&["patch", "mock"]) {
            unit.mocks.push(mark);
        }
    }
}

fn class(reader: &mut Reader<'_>, node: Node<'_>) -> Enter {
    let marks = std::mem::take(&mut reader.pending);
    let name = node.child_by_field_name("name").map_or("", |name| reader.text(name));
    let bases = node.child_by_field_name("superclasses").map_or("", |bases| reader.text(bases));
    let skips = marks
        .into_iter()
        .filter(|mark| SKIPS.iter().any(|part| mark.text.contains(part)))
        .collect();
    let is_found = name.starts_with("Test") || bases.contains("Test");
    Enter::Scope(Scope { name: name.to_owned(), skips, focus: Vec::new(), is_found })
}

/// Settings of a module or class that keep its tests from being found or run.
fn module_setting(reader: &mut Reader<'_>, node: Node<'_>) {
    let mark = reader.mark(node);
    let left = mark.text.split(" =").next().unwrap_or_default();
    let is_off = match left {
        "pytestmark" => mark.text.contains("skip") || mark.text.contains("xfail"),
        "__test__" => mark.text.contains("False"),
        "collect_ignore" | "collect_ignore_glob" => true,
        _ => false,
    };
    if is_off {
        reader.unit().skips.push(mark);
    }
}

fn handler(reader: &mut Reader<'_>, node: Node<'_>) {
    let mut cursor = node.walk();
    let Some(body) = node.named_children(&mut cursor).find(|child| child.kind() == "block") else {
        return;
    };
    let mut cursor = body.walk();
    let is_drop = body.named_children(&mut cursor).all(|child| {
        let text = reader.text(child);
        child.kind() == "comment"
            || matches!(text, "pass" | "continue" | "..." | "return" | "return None")
    });
    let head = reader.source.get(node.start_byte()..body.start_byte()).unwrap_or_default();
    let mark = Mark { text: head.trim().to_owned(), line: line_of(node) };
    let is_broad = matches!(head.trim().trim_end_matches(':').trim(), "except")
        || ["Exception", "BaseException"]
            .iter()
            .any(|name| head.split(|c: char| !c.is_alphanumeric()).any(|word| word == *name));
    if is_drop {
        reader.silence(Silence::Swallowed, "dropped", mark);
    } else if is_broad && !reader.text(body).contains("raise") {
        reader.silence(Silence::Swallowed, "broad", mark);
    }
}
