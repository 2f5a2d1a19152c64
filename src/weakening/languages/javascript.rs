//! JavaScript and TypeScript: tests are calls with a name and a function (Jest, Vitest, Mocha,
//! Jasmine, Playwright, `node:test`, Deno, Bun).

use tree_sitter::Node;

use crate::weakening::model::{Include, Mark, Silence, UnitKind};
use crate::weakening::paths;
use crate::weakening::reader::{Enter, Language, Reader, Scope};
use crate::weakening::silencers;
use crate::weakening::tokens::{Link, Token, arguments, chain, line_of, words};

/// JavaScript, with JSX.
pub const JAVASCRIPT: Language = Language {
    grammar: || tree_sitter_javascript::LANGUAGE.into(),
    look,
    calls: &["call_expression"],
    conditions: &["if_statement", "switch_statement", "ternary_expression", "catch_clause"],
    rows: (&["array"], &["array", "object"]),
    pairs: &["pair"],
};

/// TypeScript.
pub const TYPESCRIPT: Language =
    Language { grammar: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(), ..JAVASCRIPT };

/// TypeScript with JSX.
pub const TSX: Language =
    Language { grammar: || tree_sitter_typescript::LANGUAGE_TSX.into(), ..JAVASCRIPT };

const TESTS: &[&str] = &["it", "test", "specify", "fit", "xit", "xtest", "xspecify", "ftest"];
const GROUPS: &[&str] =
    &["describe", "context", "suite", "fdescribe", "xdescribe", "xcontext", "fcontext"];
const SKIPS: &[&str] = &["skip", "todo", "failing", "fails", "fixme", "skipif", "runif", "ignore"];

fn look(reader: &mut Reader<'_>, node: Node<'_>) -> Enter {
    match node.kind() {
        "comment" => {
            silencers::of_comment(reader, node);
            Enter::Skip
        }
        "call_expression" => call(reader, node),
        "function_declaration" | "method_definition" | "generator_function_declaration"
            if !reader.is_in_unit() =>
        {
            let name = node.child_by_field_name("name").map_or("", |name| reader.text(name));
            reader.start(UnitKind::Helper, name, node, node.child_by_field_name("body"))
        }
        "variable_declarator" if !reader.is_in_unit() => function_value(reader, node),
        "ternary_expression" => {
            // `(process.env.CI ? describe.skip : describe)("…", …)`.
            if let Some(mark) = chosen(reader, node) {
                reader.unit().skips.push(mark);
            }
            Enter::Plain
        }
        "arrow_function" | "function_expression" => {
            if let Some(first) = first_parameter(reader, node)
                && matches!(first.trim_start_matches('_'), "err" | "error" | "e")
            {
                reader.unit().errors += 1;
            }
            Enter::Plain
        }
        "catch_clause" => {
            let body = node.child_by_field_name("body");
            if body.is_some_and(|body| silencers::is_empty(body)) {
                let mark = reader.mark(node);
                reader.silence(Silence::Swallowed, "dropped", mark);
            }
            Enter::Plain
        }
        "import_statement" => {
            includes(reader, node);
            Enter::Plain
        }
        "try_statement" if node.child_by_field_name("handler").is_some() => Enter::Condition,
        "expression_statement" => {
            // `expect(x).to.be.true;` asserts without a call at its end.
            let inside = node.named_child(0);
            if let Some(property) = inside.filter(|inside| inside.kind() == "member_expression") {
                reader.call(property);
            }
            if is_short_circuit(reader, node) { Enter::Condition } else { Enter::Plain }
        }
        "as_expression" | "type_assertion" | "type_annotation" => {
            let mark = reader.mark(node);
            let is_escape = mark.text.ends_with("as any")
                || mark.text.contains("as unknown as")
                || mark.text == ": any"
                || mark.text.starts_with("< any >");
            if is_escape {
                reader.silence(Silence::TypeEscape, "any", mark);
            }
            Enter::Plain
        }
        _ => Enter::Plain,
    }
}

/// `import "./cases/refunds.test"`, which runs the tests of another file.
fn includes(reader: &mut Reader<'_>, node: Node<'_>) {
    let mark = reader.mark(node);
    let path = mark.text.strip_prefix("import ").and_then(|rest| rest.strip_prefix('"'));
    let Some(path) = path.filter(|path| path.starts_with('.')) else { return };
    let file = path.split('"').next().unwrap_or_default();
    let name = file.rsplit('/').next().unwrap_or(file).to_owned();
    let is_of_tests = paths::has_test_name(&format!("{file}.js"));
    reader.include(Include { mark, name, is_of_tests });
}

/// A way to call tests that is taken on a condition and does not run them.
fn chosen(reader: &Reader<'_>, node: Node<'_>) -> Option<Mark> {
    let of_tests = |at: Option<Node<'_>>| -> Option<bool> {
        let at = at.filter(|at| matches!(at.kind(), "member_expression" | "identifier"))?;
        let (root, last) = reader.text(at).split_once('.').unwrap_or((reader.text(at), ""));
        let is_one = TESTS.contains(&root) || GROUPS.contains(&root);
        is_one.then(|| SKIPS.contains(&last.to_lowercase().as_str()) || root.starts_with('x'))
    };
    let taken = of_tests(node.child_by_field_name("consequence"))?;
    let other = of_tests(node.child_by_field_name("alternative"))?;
    (taken || other).then(|| reader.mark(node))
}

/// The name of the first thing that a function is given.
fn first_parameter<'s>(reader: &Reader<'s>, node: Node<'_>) -> Option<&'s str> {
    let list = node.child_by_field_name("parameters")?;
    let first = list.named_child(0)?;
    Some(reader.text(first.child_by_field_name("pattern").unwrap_or(first)))
}

fn is_short_circuit(reader: &Reader<'_>, node: Node<'_>) -> bool {
    let Some(inside) = node.named_child(0).filter(|inside| inside.kind() == "binary_expression")
    else {
        return false;
    };
    let operator =
        inside.child_by_field_name("operator").map_or("", |operator| reader.text(operator));
    matches!(operator, "&&" | "||" | "??")
}

fn function_value(reader: &Reader<'_>, node: Node<'_>) -> Enter {
    let value = node.child_by_field_name("value");
    let Some(value) =
        value.filter(|value| matches!(value.kind(), "arrow_function" | "function_expression"))
    else {
        return Enter::Plain;
    };
    let name = node.child_by_field_name("name").map_or("", |name| reader.text(name));
    reader.start(UnitKind::Helper, name, node, value.child_by_field_name("body"))
}

/// The first leaf of a node.
fn first_leaf<'s>(reader: &Reader<'s>, mut node: Node<'_>) -> &'s str {
    while let Some(child) = node.child(0) {
        node = child;
    }
    reader.text(node)
}

fn call(reader: &mut Reader<'_>, node: Node<'_>) -> Enter {
    let Some(callee) = node.child_by_field_name("function") else { return Enter::Plain };
    drops(reader, node, callee);
    let root = if callee.kind() == "parenthesized_expression" {
        let inside = reader.tokens(callee);
        let known = |text: &&str| TESTS.contains(text) || GROUPS.contains(text);
        inside.iter().map(|token| token.text).find(known).unwrap_or_default()
    } else {
        first_leaf(reader, callee)
    };
    let is_deno = root == "Deno";
    if !is_deno && !TESTS.contains(&root) && !GROUPS.contains(&root) {
        return Enter::Plain;
    }
    let Some(args) = node.child_by_field_name("arguments") else { return Enter::Plain };
    let mut cursor = args.walk();
    let given: Vec<Node<'_>> =
        args.named_children(&mut cursor).filter(|arg| arg.kind() != "comment").collect();
    let function = given
        .iter()
        .rev()
        .find(|arg| matches!(arg.kind(), "arrow_function" | "function_expression"))
        .copied();
    let callee_tokens = reader.tokens(callee);
    let (links, _) = chain(&callee_tokens);
    let is_pending = links.iter().any(|link| link.name == "todo");
    let named = given.first().filter(|name| !matches!(name.kind(), "array" | "arrow_function"));
    let (Some(name), true) = (named, function.is_some() || is_pending) else { return Enter::Plain };
    if is_deno && links.get(1).is_none_or(|link| link.name != "test") {
        return Enter::Plain;
    }
    let name = reader.mark(*name).text.trim_matches('"').to_owned();
    let line = line_of(node);
    let (skips, focus) = markers(&links, line);
    let is_group = GROUPS.contains(&root) || links.iter().any(|link| link.name == "describe");
    if is_group {
        return Enter::Scope(Scope { name, skips, focus, is_found: true });
    }
    let body = function.and_then(|function| function.child_by_field_name("body"));
    let mut enter = reader.start(UnitKind::Test, &name, node, body);
    let Enter::Unit(start) = &mut enter else { return enter };
    start.unit.skips = skips;
    start.unit.focus = focus;
    start.unit.cases = cases(&links, &callee_tokens, line);
    let each = links.iter().find(|link| matches!(link.name, "each" | "for"));
    let table = each.and_then(|link| link.args).unwrap_or_default();
    start.unit.sources = table.iter().map(|token| token.text.to_owned()).take(2).collect();
    if let Some(last) = given.last().filter(|last| last.kind() == "number") {
        let mark = reader.mark(*last);
        start.unit.waits.extend(silencers::amount_of("timeout", &mark));
    }
    enter
}

fn markers(links: &[Link<'_, '_>], line: u32) -> (Vec<Mark>, Vec<Mark>) {
    let mut skips = Vec::new();
    let mut focus = Vec::new();
    for (at, link) in links.iter().enumerate() {
        let name = link.name.to_lowercase();
        let of_root = at == 0 && name.starts_with('x');
        if SKIPS.contains(&name.as_str()) || of_root {
            let on = link.args.map(words).unwrap_or_default();
            skips.push(Mark { text: format!("{name} {on}").trim_end().to_owned(), line });
        }
        if name == "only" || at == 0 && name.starts_with('f') {
            focus.push(Mark { text: name, line });
        }
    }
    (skips, focus)
}

/// The rows of a table in a template: `${1} | ${"I"}`, below the line that names its columns.
fn template_rows(text: &str, line: u32) -> Vec<Mark> {
    let rows = (line..).zip(text.lines()).filter(|(_, row)| row.contains("${"));
    let cell = |cell: &str| {
        let inside = cell.trim().strip_prefix("${").and_then(|cell| cell.strip_suffix('}'));
        inside.unwrap_or(cell).trim().replace('\'', "\"")
    };
    let row = |row: &str| row.split('|').map(cell).collect::<Vec<_>>().join(" , ");
    rows.map(|(line, text)| Mark { text: format!("[ {} ]", row(text)), line }).collect()
}

/// The cases of `it.each([…])`.
fn cases(links: &[Link<'_, '_>], callee: &[Token<'_>], line: u32) -> Vec<Mark> {
    if let [.., each, template] = callee
        && each.text == "each"
        && let Some(text) = template.text.strip_prefix('`').and_then(|it| it.strip_suffix('`'))
    {
        return template_rows(text, template.line);
    }
    let each = links.iter().find(|link| matches!(link.name, "each" | "for"));
    let Some(args) = each.and_then(|link| link.args) else { return Vec::new() };
    let inside = match args {
        [open, inside @ .., close] if open.text == "[" && close.text == "]" => inside,
        args => args,
    };
    let mark = |arg: &&[Token<'_>]| Mark {
        text: words(arg),
        line: arg.first().map_or(line, |token| token.line),
    };
    arguments(inside).iter().map(mark).collect()
}

/// `.catch(() => {})`.
fn drops(reader: &mut Reader<'_>, node: Node<'_>, callee: Node<'_>) {
    let property = callee.child_by_field_name("property");
    if property.is_none_or(|property| reader.text(property) != "catch") {
        return;
    }
    let Some(args) = node.child_by_field_name("arguments") else { return };
    let Some(handler) = args.named_child(0) else { return };
    let body = handler.child_by_field_name("body");
    let is_nothing = |body: Node<'_>| {
        silencers::is_empty(body) && body.kind() == "statement_block"
            || matches!(body.kind(), "null" | "undefined" | "false" | "true")
    };
    if body.is_some_and(is_nothing) || reader.text(handler) == "noop" {
        let text = format!("catch {}", words(&reader.tokens(args)));
        reader.silence(Silence::Swallowed, "dropped", Mark { text, line: line_of(node) });
    }
}
