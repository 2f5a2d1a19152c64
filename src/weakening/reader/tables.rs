//! Tables of tests and what goes over them, in all languages: rows, the names that each row gets,
//! and the values that have a name.
//!
//! Not a judgement of what a row is for. The invariant: what a table or a round says of itself is
//! said by the syntax alone; whatever leaves out a part of a table makes it no table at all.

use std::ops::Range;

use tree_sitter::Node;

use super::Reader;
use super::flow::LOOPS;
use crate::weakening::model::{Mark, Table};
use crate::weakening::tokens::{arguments, line_of, words};

/// Nodes that are lists of something, in all languages.
pub(super) const LISTS: &[&str] = &[
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
pub(super) const PARENTS_MAX: usize = 7;

/// The most rows of a table that are kept, the most tables, rounds, calls and names of a unit.
pub(super) const ROWS_MAX: usize = 500;
pub(super) const TABLES_MAX: usize = 60;

/// The longest value that is kept with its name, and the longest head of a round.
pub(super) const VALUE_BYTES_MAX: usize = 2_000;

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
    pub(super) fn tabulate(&mut self, node: Node<'_>, kind: &str) {
        if LISTS.contains(&kind) {
            self.table(node, kind);
        }
        match kind {
            _ if LOOPS.contains(&kind) => self.loop_over(node),
            "call" | "call_expression" | "method_invocation" | "invocation_expression" => {
                self.each_of(node);
            }
            "let_declaration"
            | "const_item"
            | "static_item"
            | "const_spec"
            | "var_spec"
            | "variable_declarator"
            | "assignment"
            | "short_var_declaration"
            | "let_condition"
            | "assignment_expression"
            | "assignment_statement" => {
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
        // Most calls are none of these, and asking for what is around a node takes long.
        let before = self.source.get(..node.start_byte()).unwrap_or_default();
        if !MAKERS.iter().any(|maker| before.ends_with(maker)) {
            return Vec::new();
        }
        let start = self.parent(node).map_or(node.start_byte(), |call| call.start_byte());
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

    /// The node around another one; none where it is so deep that finding it takes long.
    pub(super) fn parent<'t>(&self, node: Node<'t>) -> Option<Node<'t>> {
        const DEPTH_MAX: u32 = 100;
        (self.depth < DEPTH_MAX).then(|| node.parent()).flatten()
    }

    /// What a table is called; nothing where only a part of it is.
    fn name_of(&self, node: Node<'_>) -> Option<String> {
        let mut at = node;
        let mut is_returned = false;
        for _ in 0..PARENTS_MAX {
            let Some(parent) = self.parent(at) else { break };
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
    pub(super) fn is_all(&self, around: &Range<usize>, table: &Range<usize>) -> bool {
        let before = self.source.get(around.start..table.start).unwrap_or_default();
        let after = self.source.get(table.end..around.end).unwrap_or_default();
        if before.len() + after.len() > VALUE_BYTES_MAX {
            return false;
        }
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let is_narrowing = |word: &str| NARROWING.contains(&word);
        // Before it, only what is called: a field of a row may have any name.
        let mut called = before.split('(').rev().skip(1);
        let is_cut = called
            .any(|text| is_narrowing(text.rsplit(|c| !is_word(c)).next().unwrap_or("")))
            || after.split(|c| !is_word(c)).any(is_narrowing);
        !is_cut && !after.contains(['[', '-', '%'])
    }
}
