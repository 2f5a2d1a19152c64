//! What is done for each of something: what it goes over, and the names that each gets.
//!
//! The invariant: a round that does not go over all of a table goes over none.

use std::ops::Range;

use tree_sitter::Node;

use super::Reader;
use super::tables::{LISTS, PARENTS_MAX, TABLES_MAX};
use crate::weakening::model::Round;
use crate::weakening::tokens::{last_line_of, line_of};

impl Reader<'_> {
    pub(super) fn loop_over(&mut self, node: Node<'_>) {
        let mut cursor = node.walk();
        let clause = node.named_children(&mut cursor).find(|it| it.kind() == "range_clause");
        let at = clause.unwrap_or(node);
        let field = |names: &[&str]| names.iter().find_map(|name| at.child_by_field_name(name));
        // Where a loop has a name, its left side is a type.
        let pattern = field(&["pattern", "name", "left"]);
        let over = field(&["value", "right"]);
        if let (Some(pattern), Some(over)) = (pattern, over) {
            let lines = (line_of(node), last_line_of(node));
            self.round(pattern, over, lines);
        }
    }

    /// `cases.forEach(([a, b]) => …)`, `cases.each do |a, b|`.
    pub(super) fn each_of(&mut self, node: Node<'_>) {
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
            self.round(pattern, over, (line_of(node), last_line_of(node)));
        }
    }

    /// `where(:country, :rate) { [["DE", 19], ["FR", 20]] }`: rows for all examples beside it.
    fn columns(&mut self, node: Node<'_>) {
        let (Some(arguments), Some(block), Some(around)) = (
            node.child_by_field_name("arguments"),
            node.child_by_field_name("block"),
            self.parent(node),
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
        let lines = (line_of(around), last_line_of(around));
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
