//! Tables of tests and what goes over them, in all languages: rows, the names that each row gets,
//! and the values that have a name.
//!
//! Not a judgement of what a row is for. The invariant: what a table or a round says of itself is
//! said by the syntax alone; whatever leaves out a part of a table makes it no table at all.

use std::ops::Range;

use tree_sitter::Node;

use super::Reader;
use crate::weakening::model::{Mark, Round, Table};
use crate::weakening::tokens::{arguments, line_of, words};

/// Nodes that are lists of something, in all languages.
const LISTS: &[&str] = &[
    "array_expression",
    "array",
    "list",
    "tuple",
    "set",
    "dictionary",
    "hash",
    "object",
    "literal_value",
    "initializer_expression",
    "array_initializer",
    "collection_expression",
    "argument_list",
    "arguments",
    "macro_invocation",
];

/// Nodes that give a name to a value.
const NAMED: &[&str] = &[
    "let_declaration",
    "const_item",
    "static_item",
    "variable_declarator",
    "assignment",
    "assignment_expression",
    "short_var_declaration",
    "var_spec",
    "const_spec",
    "property_declaration",
    "method_declaration",
];

/// How far up a table's name is looked for.
const PARENTS_MAX: usize = 7;

/// The most rows of a table that are kept, the most tables, rounds, calls and names of a unit.
const ROWS_MAX: usize = 500;
const TABLES_MAX: usize = 60;
pub const NAMES_MAX: usize = 200;

/// The longest value that is kept with its name, and the longest head of a round.
const VALUE_BYTES_MAX: usize = 2_000;

/// Words that leave out a part of what they are called on, or change it.
const NARROWING: &[&str] = &[
    "take",
    "skip",
    "step_by",
    "slice",
    "subList",
    "filter",
    "Where",
    "limit",
    "first",
    "last",
    "nth",
    "islice",
    "select",
    "reject",
    "drop",
    "grep",
    "splice",
    "Take",
    "Skip",
    "First",
    "sample",
    "find",
    "if",
    "head",
    "tail",
    "take_while",
    "skip_while",
    "TakeWhile",
    "SkipWhile",
    "dropwhile",
    "takewhile",
    "compact",
    "chunks",
    "get",
    "min",
    "max",
];

impl Reader<'_> {
    /// Takes note of a table, a round or a name.
    pub(super) fn tabulate(&mut self, node: Node<'_>) {
        let kind = node.kind();
        if LISTS.contains(&kind) {
            self.table(node, kind);
        }
        match kind {
            "for_statement"
            | "for_expression"
            | "for_in_statement"
            | "enhanced_for_statement"
            | "foreach_statement"
            | "for" => self.loop_over(node),
            "call" | "call_expression" | "method_invocation" | "invocation_expression" => {
                self.each_of(node);
            }
            "let_declaration" | "variable_declarator" | "assignment" | "short_var_declaration"
            | "let_condition" | "assignment_expression" | "assignment_statement" => {
                self.name(node);
            }
            _ => {}
        }
    }

    fn table(&mut self, node: Node<'_>, kind: &str) {
        if self.unit().tables.len() >= TABLES_MAX || node.start_byte() < self.assertion_end {
            return;
        }
        let rows = match kind {
            "macro_invocation" => self.rows_of_macro(node),
            "argument_list" | "arguments" => self.rows_of_call(node),
            _ => self.rows_of(node),
        };
        if rows.is_empty() {
            return;
        }
        let Some(name) = self.name_of(node) else { return };
        self.unit().tables.push(Table { name, place: node.byte_range(), rows });
    }

    fn rows_of(&self, node: Node<'_>) -> Vec<Mark> {
        let mut cursor = node.walk();
        let children = node.named_children(&mut cursor).take(ROWS_MAX);
        let is_row = |child: &Node<'_>| !child.kind().contains("comment");
        children.filter(is_row).map(|child| self.mark(child)).collect()
    }

    /// `Stream.of(arguments(1, 2), …)`, `List.of(new Object[] {…}, …)`.
    fn rows_of_call(&self, node: Node<'_>) -> Vec<Mark> {
        const MAKERS: &[&str] = &["Stream.of", "List.of", "Arrays.asList", "Array.of", "Set.of"];
        let start = node.parent().map_or(node.start_byte(), |call| call.start_byte());
        let name = self.source.get(start..node.start_byte()).unwrap_or_default();
        if !MAKERS.contains(&name) {
            return Vec::new();
        }
        self.rows_of(node)
    }

    /// `vec![(1, 2), (3, 4)]`.
    fn rows_of_macro(&self, node: Node<'_>) -> Vec<Mark> {
        let is_vec = node.child_by_field_name("macro").is_some_and(|name| self.text(name) == "vec");
        if !is_vec {
            return Vec::new();
        }
        let tokens = self.tokens(node);
        let [_, _, _, inside @ .., _] = tokens.as_slice() else { return Vec::new() };
        let mark = |row: &&[_]| Mark { text: words(row), line: line_of(node) };
        arguments(inside).iter().take(ROWS_MAX).map(mark).collect()
    }

    /// What a table is called; nothing where only a part of it is.
    fn name_of(&self, node: Node<'_>) -> Option<String> {
        let mut at = node;
        let mut is_returned = false;
        for _ in 0..PARENTS_MAX {
            let Some(parent) = at.parent() else { break };
            let kind = parent.kind();
            is_returned |= kind == "return_statement";
            if NAMED.contains(&kind) {
                let field = ["name", "pattern", "left"]
                    .iter()
                    .find_map(|field| parent.child_by_field_name(field));
                let name = field.or_else(|| parent.named_child(0))?;
                if name.end_byte() > node.start_byte() {
                    return Some(String::new());
                }
                let is_method = matches!(kind, "property_declaration" | "method_declaration");
                let around =
                    if is_method { at.byte_range() } else { name.end_byte()..parent.end_byte() };
                return self
                    .is_all(&around, &node.byte_range())
                    .then(|| self.text(name).trim_start_matches("mut ").to_owned());
            }
            if (kind.ends_with("statement") || kind == "block") && !is_returned {
                break;
            }
            at = parent;
        }
        Some(String::new())
    }

    /// Whether nothing around a table leaves out a part of it.
    fn is_all(&self, around: &Range<usize>, table: &Range<usize>) -> bool {
        let before = self.source.get(around.start..table.start).unwrap_or_default();
        let after = self.source.get(table.end..around.end).unwrap_or_default();
        let is_long = before.len() + after.len() > VALUE_BYTES_MAX;
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let is_narrowing = |word: &str| NARROWING.contains(&word);
        // Before it, only what is called: a field of a row may have any name.
        let mut called = before.split('(').rev().skip(1);
        let is_cut = called
            .any(|text| is_narrowing(text.rsplit(|c| !is_word(c)).next().unwrap_or("")))
            || after.split(|c| !is_word(c)).any(is_narrowing);
        !is_long && !is_cut && !after.contains(['[', '-', '%'])
    }

    fn loop_over(&mut self, node: Node<'_>) {
        let mut cursor = node.walk();
        let clause = node.named_children(&mut cursor).find(|it| it.kind() == "range_clause");
        let at = clause.unwrap_or(node);
        let field = |names: &[&str]| names.iter().find_map(|name| at.child_by_field_name(name));
        // Where a loop has a name, its left side is a type.
        let pattern = field(&["pattern", "name", "left"]);
        let over = field(&["value", "right"]);
        if let (Some(pattern), Some(over)) = (pattern, over) {
            let lines = (line_of(node), last_line(node));
            self.round(pattern, over, lines);
        }
    }

    /// `cases.forEach(([a, b]) => …)`, `cases.each do |a, b|`.
    fn each_of(&mut self, node: Node<'_>) {
        let callee = node.child_by_field_name("function").unwrap_or(node);
        let field = |names: &[&str]| names.iter().find_map(|name| callee.child_by_field_name(name));
        let method = field(&["property", "method", "field", "name"]);
        let is_each = method.is_some_and(|method| {
            matches!(self.text(method), "each" | "forEach" | "for_each" | "each_pair" | "ForEach")
        });
        if method.is_some_and(|method| self.text(method) == "where") {
            self.columns(node);
        }
        let over = field(&["receiver", "object", "value", "expression"]);
        let (Some(over), true) = (over, is_each) else {
            self.given(node);
            return;
        };
        let function = node.child_by_field_name("block").or_else(|| {
            node.child_by_field_name("arguments").and_then(|arguments| arguments.named_child(0))
        });
        let pattern = function.and_then(|function| {
            ["parameters", "parameter"].iter().find_map(|name| function.child_by_field_name(name))
        });
        if let Some(pattern) = pattern {
            self.round(pattern, over, (line_of(node), last_line(node)));
        }
    }

    /// `where(:country, :rate) { [["DE", 19], ["FR", 20]] }`: rows for all examples beside it.
    fn columns(&mut self, node: Node<'_>) {
        let (Some(arguments), Some(block), Some(around)) = (
            node.child_by_field_name("arguments"),
            node.child_by_field_name("block"),
            node.parent(),
        ) else {
            return;
        };
        let body = block.child_by_field_name("body").and_then(|body| body.named_child(0));
        let Some(table) = body.filter(|table| table.kind() == "array") else { return };
        let names: Vec<String> = self
            .tokens(arguments)
            .iter()
            .filter_map(|token| token.text.strip_prefix(':').map(str::to_owned))
            .collect();
        let lines = (line_of(around), last_line(around));
        if self.unit().rounds.len() < TABLES_MAX {
            let (over, place) = (String::new(), table.byte_range());
            self.unit().rounds.push(Round { names, over, place, lines, mentions: 1 });
        }
    }

    fn round(&mut self, pattern: Node<'_>, over: Node<'_>, lines: (u32, u32)) {
        if self.unit().rounds.len() >= TABLES_MAX
            || pattern.byte_range().len() + over.byte_range().len() > super::calls::CALL_BYTES_MAX
        {
            return;
        }
        let names = self.tokens(pattern);
        let names = names.iter().filter(|token| token.is_name()).map(|token| token.text.to_owned());
        let names = names.collect();
        let plain: String = self.text(over).chars().filter(|c| !c.is_whitespace()).collect();
        let name = bare(&plain);
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '$');
        let is_name = !name.is_empty() && name.chars().all(is_part);
        let last = name.rsplit(['.', ':']).next().filter(|_| is_name).unwrap_or_default();
        let place = if is_name { 0..0 } else { self.written_out(over).unwrap_or(0..0) };
        let mentions = self.mentions(last);
        let over = last.to_owned();
        self.unit().rounds.push(Round { names, over, place, lines, mentions });
    }

    /// Where the table stands that a round goes over in place, all of it.
    fn written_out(&self, over: Node<'_>) -> Option<Range<usize>> {
        let mut at = over;
        for _ in 0..PARENTS_MAX {
            if LISTS.contains(&at.kind()) && !matches!(at.kind(), "arguments" | "argument_list") {
                return self.is_all(&over.byte_range(), &at.byte_range()).then(|| at.byte_range());
            }
            let inner = ["function", "receiver", "object", "body", "value", "arguments"]
                .iter()
                .find_map(|field| at.child_by_field_name(field));
            at = inner.or_else(|| at.named_child(0))?;
        }
        None
    }

    /// How often the text of the innermost unit speaks of a name.
    fn mentions(&self, name: &str) -> usize {
        let body = self.bodies.last().cloned().unwrap_or(0..self.source.len());
        if name.is_empty() || body.len() > super::calls::CALL_BYTES_MAX {
            return 0;
        }
        let body = self.source.get(body).unwrap_or_default();
        body.split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .filter(|word| *word == name)
            .count()
    }

    /// A function that is called by its name alone.
    fn given(&mut self, node: Node<'_>) {
        let callee = ["function", "method", "name"]
            .iter()
            .find_map(|field| node.child_by_field_name(field))
            .filter(|callee| callee.kind().ends_with("identifier"));
        let has_receiver = ["receiver", "object"]
            .iter()
            .filter_map(|field| node.child_by_field_name(field))
            .any(|at| !matches!(self.text(at), "self" | "this"));
        let arguments = node.child_by_field_name("arguments");
        let (Some(callee), Some(arguments), false) = (callee, arguments, has_receiver) else {
            return;
        };
        if self.unit().given.len() >= ROWS_MAX || arguments.byte_range().len() > VALUE_BYTES_MAX {
            return;
        }
        // Only what always happens.
        if self.conditions.last().copied().unwrap_or(0) > 0 {
            return;
        }
        let inside = self.mark(arguments).text;
        let inside = if inside.starts_with('(') { inside } else { format!("( {inside} )") };
        let text = format!("{} {inside}", self.text(callee));
        self.unit().given.push(Mark { text, line: line_of(node) });
    }

    /// The names of what a function is given, and what the groups around it are given.
    pub(super) fn parameters(&self, body: Node<'_>) -> Vec<String> {
        let mut names = Vec::new();
        let mut at = body;
        for _ in 0..PARENTS_MAX {
            let Some(parent) = at.parent() else { break };
            let list = ["parameters", "parameter"]
                .iter()
                .find_map(|field| parent.child_by_field_name(field))
                .filter(|list| list.byte_range().len() < VALUE_BYTES_MAX);
            if let Some(list) = list {
                let tokens = self.tokens(list);
                names.extend(tokens.iter().filter(|it| it.is_name()).map(|it| it.text.to_owned()));
            }
            at = parent;
        }
        names
    }

    /// A name that is given to a value.
    fn name(&mut self, node: Node<'_>) {
        let field = |names: &[&str]| names.iter().find_map(|name| node.child_by_field_name(name));
        let name = field(&["pattern", "name", "left"]);
        let value = field(&["value", "right"]).or_else(|| {
            (node.kind() == "variable_declarator").then(|| node.named_child(1)).flatten()
        });
        let (Some(name), Some(value)) = (name, value) else { return };
        if matches!(name.kind(), "object_pattern" | "struct_pattern") {
            self.fields(name, value);
            return;
        }
        let is_long = value.byte_range().len() > VALUE_BYTES_MAX;
        let name = self.text(name).trim_start_matches("mut ");
        if name.contains(',') && name.len() < VALUE_BYTES_MAX {
            // Of several names at once none stands for the value, but for one that comes with its
            // error.
            let names: Vec<&str> = name.trim_matches(['(', ')']).split(',').map(str::trim).collect();
            let is_with_error = matches!(names.as_slice(), [_, "err" | "_" | "ok" | "error"]);
            for (at, name) in names.into_iter().enumerate() {
                let is_it = at == 0 && is_with_error && name != "_";
                let value = if is_it && !is_long { self.mark(value).text } else { String::new() };
                self.keep(name.to_owned(), value);
            }
            return;
        }
        let value = if is_long { String::new() } else { self.mark(value).text };
        if name.len() < VALUE_BYTES_MAX {
            self.keep(name.to_owned(), value);
        }
    }
}

impl Reader<'_> {
    /// Names that are given to fields: `let Point { x, y } = parse(text)`.
    fn fields(&mut self, pattern: Node<'_>, value: Node<'_>) {
        if pattern.byte_range().len() + value.byte_range().len() > VALUE_BYTES_MAX {
            return;
        }
        let value = self.mark(value).text;
        let mut cursor = pattern.walk();
        let inside: Vec<Node<'_>> = pattern.named_children(&mut cursor).collect();
        for field in inside {
            let name = self.text(field);
            let is_plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
            if is_plain && name.starts_with(|c: char| c.is_lowercase() || c == '_') {
                let value = format!("{value} . {name}");
                self.keep(name.to_owned(), value);
            }
        }
    }

    /// Keeps a name and its value; what gets a second value has none that can be relied on.
    fn keep(&mut self, name: String, value: String) {
        let names = &mut self.unit().names;
        if let Some((_, known)) = names.iter_mut().find(|(known, _)| *known == name) {
            known.clear();
        } else if names.len() < NAMES_MAX {
            names.push((name, value));
        }
    }
}

fn last_line(node: Node<'_>) -> u32 {
    u32::try_from(node.end_position().row).unwrap_or(u32::MAX).saturating_add(1)
}

/// What is gone over, without what only says that all of it is.
fn bare(over: &str) -> &str {
    const BEFORE: &[&str] =
        &["&mut", "&", "*", "Object.entries(", "enumerate(", "list(", "sorted("];
    const AFTER: &[&str] = &[
        ".enumerate()",
        ".iter()",
        ".into_iter()",
        ".items()",
        ".entries()",
        ".entrySet()",
        ".each_with_index",
        ".copied()",
        ".cloned()",
    ];
    let mut rest = over;
    loop {
        let before = rest.len();
        for start in BEFORE {
            if let Some(inside) = rest.strip_prefix(start) {
                rest = if start.ends_with('(') {
                    inside.strip_suffix(')').unwrap_or("")
                } else {
                    inside
                };
            }
        }
        for end in AFTER {
            rest = rest.strip_suffix(end).unwrap_or(rest);
        }
        if rest.len() == before {
            return rest;
        }
    }
}
