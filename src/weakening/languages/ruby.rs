//! Ruby: examples with blocks (RSpec, minitest/spec, Rails) and methods named `test_…`.

use tree_sitter::Node;

use crate::weakening::model::{Mark, Silence, UnitKind};
use crate::weakening::reader::{Enter, Language, Reader, Scope};
use crate::weakening::silencers;
use crate::weakening::tokens::{arguments, line_of, words};

/// Ruby.
pub const RUBY: Language = Language {
    grammar: || tree_sitter_ruby::LANGUAGE.into(),
    look,
    calls: &["call"],
    conditions: &[
        "if",
        "unless",
        "if_modifier",
        "unless_modifier",
        "case",
        "conditional",
        "rescue",
    ],
    rows: (&["array"], &["array", "hash"]),
    pairs: &["pair"],
};

const TESTS: &[&str] = &["it", "specify", "example", "scenario", "test", "its", "property"];
const GROUPS: &[&str] = &["describe", "context", "feature", "shared_examples", "example_group"];
const SKIPPED_TESTS: &[&str] = &["xit", "xspecify", "xexample", "xscenario", "pending", "skip"];
const SKIPPED_GROUPS: &[&str] = &["xdescribe", "xcontext", "xfeature"];
const FOCUSED_TESTS: &[&str] = &["fit", "fspecify", "fexample", "fscenario", "focus"];
const FOCUSED_GROUPS: &[&str] = &["fdescribe", "fcontext", "ffeature"];

fn look(reader: &mut Reader<'_>, node: Node<'_>) -> Enter {
    match node.kind() {
        "comment" => {
            silencers::of_comment(reader, node);
            Enter::Skip
        }
        "call" => call(reader, node),
        "method" => {
            let name = node.child_by_field_name("name").map_or("", |name| reader.text(name));
            let is_test = name.starts_with("test_");
            if !is_test && reader.is_in_unit() {
                return Enter::Plain;
            }
            let kind = if is_test { UnitKind::Test } else { UnitKind::Helper };
            reader.start(kind, name, node, node.child_by_field_name("body"))
        }
        "class" => {
            let name = node.child_by_field_name("name").map_or("", |name| reader.text(name));
            Enter::Scope(Scope { name: name.to_owned(), ..Scope::default() })
        }
        "body_statement" | "block_body" => {
            bare_skip(reader, node);
            let mut cursor = node.walk();
            let rescues = node.named_children(&mut cursor).any(|child| child.kind() == "rescue");
            if rescues { Enter::Condition } else { Enter::Plain }
        }
        "begin" => {
            let mut cursor = node.walk();
            let rescues = node.named_children(&mut cursor).any(|child| child.kind() == "rescue");
            if rescues { Enter::Condition } else { Enter::Plain }
        }
        "rescue" => {
            handler(reader, node);
            Enter::Plain
        }
        "rescue_modifier" => {
            let mark = reader.mark(node);
            reader.silence(Silence::Swallowed, "dropped", mark);
            Enter::Plain
        }
        _ => Enter::Plain,
    }
}

/// `skip` and `pending` alone on a line.
fn bare_skip(reader: &mut Reader<'_>, node: Node<'_>) {
    let mut cursor = node.walk();
    for child in node.named_children(&mut cursor).filter(|child| child.kind() == "identifier") {
        if matches!(reader.text(child), "skip" | "pending" | "omit") {
            let mark = reader.mark(child);
            reader.unit().skips.push(mark);
        }
    }
}

/// Calls that run examples which stand elsewhere.
const SHARED_USES: &[&str] = &["it_behaves_like", "it_should_behave_like", "include_examples"];

/// What shared examples are given is a case of theirs.
fn uses_shared(reader: &mut Reader<'_>, node: Node<'_>) {
    let Some(args) = node.child_by_field_name("arguments") else { return };
    let tokens = reader.tokens(args);
    let inside = match tokens.as_slice() {
        [open, inside @ .., _] if open.text == "(" => inside,
        all => all,
    };
    let given = arguments(inside);
    let Some((name, given)) = given.split_first() else { return };
    let line = line_of(node);
    let given = given.iter().map(|arg| words(arg)).collect::<Vec<_>>().join(" , ");
    reader.share(words(name).trim_matches('"'), &Mark { text: given, line });
}

/// Whether a method that is defined by a call is one that its runner finds.
fn is_named_as_test(reader: &Reader<'_>, node: Node<'_>) -> bool {
    let given = node.child_by_field_name("arguments").map_or("", |at| reader.text(at));
    given.trim_start_matches(['(', ' ', ':', '"', '\'']).starts_with("test_")
}

fn call(reader: &mut Reader<'_>, node: Node<'_>) -> Enter {
    let method = node.child_by_field_name("method").map_or("", |method| reader.text(method));
    let receiver = node.child_by_field_name("receiver").map_or("", |at| reader.text(at));
    let block = node.child_by_field_name("block");
    if SHARED_USES.contains(&method) {
        uses_shared(reader, node);
    }
    let (Some(block), true) = (block, matches!(receiver, "" | "RSpec")) else {
        return Enter::Plain;
    };
    let is_test = TESTS.contains(&method)
        || SKIPPED_TESTS.contains(&method)
        || FOCUSED_TESTS.contains(&method);
    let is_group = GROUPS.contains(&method)
        || SKIPPED_GROUPS.contains(&method)
        || FOCUSED_GROUPS.contains(&method);
    let is_test = is_test || method == "define_method" && is_named_as_test(reader, node);
    if !is_test && !is_group {
        return Enter::Plain;
    }
    let line = line_of(node);
    let given = node
        .child_by_field_name("arguments")
        .map(|args| reader.mark(args).text)
        .unwrap_or_default();
    let given = given.trim_start_matches("( ").trim_end_matches(" )");
    let (mut skips, mut focus) = (Vec::new(), Vec::new());
    let mark = |text: &str| Mark { text: text.to_owned(), line };
    if SKIPPED_TESTS.contains(&method) || SKIPPED_GROUPS.contains(&method) {
        skips.push(mark(method));
    }
    if FOCUSED_TESTS.contains(&method) || FOCUSED_GROUPS.contains(&method) {
        focus.push(mark(method));
    }
    for word in ["skip", "pending", "if", "unless"] {
        if given.contains(&format!(", {word} :"))
            || given.contains(&format!(", {word}:"))
            || given.contains(&format!(", :{word}"))
        {
            skips.push(mark(word));
        }
    }
    if given.contains(", focus :") || given.contains(", focus:") || given.contains(", :focus") {
        focus.push(mark("focus"));
    }
    let name = given.split(", ").next().unwrap_or_default().trim_matches('"').to_owned();
    if is_group {
        return Enter::Scope(Scope { name, skips, focus, is_found: true });
    }
    let body = block.child_by_field_name("body").unwrap_or(block);
    let mut enter = reader.start(UnitKind::Test, &name, node, Some(body));
    if let Enter::Unit(start) = &mut enter {
        start.unit.skips = skips;
        start.unit.focus = focus;
    }
    enter
}

fn handler(reader: &mut Reader<'_>, node: Node<'_>) {
    let body = node.child_by_field_name("body").map_or("", |body| reader.text(body));
    let body = body.trim().trim_start_matches("then").trim();
    let caught = node.child_by_field_name("exceptions").map_or("", |caught| reader.text(caught));
    let mark = Mark { text: format!("rescue {caught}").trim().to_owned(), line: line_of(node) };
    let is_broad = caught.is_empty()
        || caught.contains("StandardError")
        || caught.split([',', ' ']).any(|name| name == "Exception");
    if matches!(body, "" | "nil" | "false" | "next") {
        reader.silence(Silence::Swallowed, "dropped", mark);
    } else if is_broad && !body.contains("raise") && !body.contains("flunk") {
        reader.silence(Silence::Swallowed, "broad", mark);
    }
}
